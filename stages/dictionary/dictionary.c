/* Open addressing with linear probing; a slot holds the id beside the node number, so a look-up is
 * one cache miss, and the misses of a block of ids overlap: slots are prefetched well ahead. The
 * home of an id is the top bits of its hash.
 *
 * A table that is too full is thrown away and built anew from `members` at twice the size, so that
 * never two tables stand side by side. Rejected: slots with nothing but the node number, which are
 * a quarter of the size and cost a second miss; and a library: none in Debian is smaller than this
 * for 20 M integers.
 */
#include "stages/dictionary/dictionary.h"

#include "schemas/limits.h"
#include "stages/base/columns.h"
#include "stages/base/frame.h"
#include "stages/base/random.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The table is at most 2/3 full. */
enum { BLOCK_MEMBERS = 512, AHEAD = 24, FRAME_MEMBERS = 1 << 17, SLOTS_MIN = 256 };

void dictionary_release(struct dictionary *dictionary) {
    pages_release(&dictionary->members);
    pages_release(&dictionary->slots);
    *dictionary = (struct dictionary){0};
}

void dictionary_shed(struct dictionary *dictionary) {
    pages_release(&dictionary->slots);
    dictionary->slot_count = 0;
}

/* Calls for the cache lines of a block of members, in time for slot_find. */
struct look_ahead {
    size_t count;
    uint64_t homes[BLOCK_MEMBERS];
};

static void ahead_start(struct look_ahead *ahead, const struct dictionary *dictionary,
                        const uint64_t *members, size_t count) {
    const struct dictionary_slot *slots = dictionary->slots.data;
    unsigned shift = (unsigned)__builtin_clzll(dictionary->slot_count) + 1;
    ahead->count = count;
    for (size_t i = 0; i < count; i++) {
        ahead->homes[i] = random_mix(members[i]) >> shift;
    }
    for (size_t i = 0; i < count && i < AHEAD; i++) {
        __builtin_prefetch(&slots[ahead->homes[i]]);
    }
}

/* The slot where member i of the block stands, or the free one where it belongs. */
static inline struct dictionary_slot *slot_find(const struct look_ahead *ahead,
                                                const struct dictionary *dictionary, size_t i,
                                                uint64_t member) {
    struct dictionary_slot *slots = dictionary->slots.data;
    if (i + AHEAD < ahead->count) {
        __builtin_prefetch(&slots[ahead->homes[i + AHEAD]]);
    }
    uint64_t slot = ahead->homes[i];
    while (slots[slot].number != 0 && slots[slot].member != member) {
        slot = (slot + 1) & (dictionary->slot_count - 1);
    }
    return &slots[slot];
}

/* Fills an empty table. */
static void slots_fill(struct dictionary *dictionary) {
    const uint64_t *members = dictionary->members.data;
    for (size_t first = 0; first < dictionary->node_count; first += BLOCK_MEMBERS) {
        size_t left = dictionary->node_count - first;
        struct look_ahead ahead;
        ahead_start(&ahead, dictionary, members + first,
                    left < BLOCK_MEMBERS ? left : BLOCK_MEMBERS);
        for (size_t i = 0; i < ahead.count; i++) {
            uint64_t member = members[first + i];
            *slot_find(&ahead, dictionary, i, member) =
                (struct dictionary_slot){member, (uint32_t)(first + i) + 1};
        }
    }
}

/* Makes room for `extra` more members. */
static struct status dictionary_hold(struct dictionary *dictionary, size_t extra, struct err *err) {
    size_t wanted = dictionary->node_count + extra;
    size_t bytes = wanted * sizeof(uint64_t);
    if (bytes > dictionary->members.bytes) {
        TRY(pages_grow(&dictionary->members, bytes + bytes / 4, "the dictionary", err));
    }
    if (wanted * 3 <= dictionary->slot_count * 2) {
        return status_ok();
    }
    uint64_t slot_count = SLOTS_MIN;
    while (wanted * 3 > slot_count * 2) {
        slot_count *= 2;
    }
    dictionary_shed(dictionary);
    TRY(pages_grow(&dictionary->slots, slot_count * sizeof(struct dictionary_slot),
                   "the dictionary", err));
    dictionary->slot_count = slot_count;
    slots_fill(dictionary);
    return status_ok();
}

static struct status member_add(struct dictionary *dictionary, struct dictionary_slot *slot,
                                uint64_t member, struct err *err) {
    if (dictionary->node_count == LIMIT_NODES) {
        return err_set(err, FAILURE_DATA, "more than %u members: over the limit of this program",
                       LIMIT_NODES);
    }
    ((uint64_t *)dictionary->members.data)[dictionary->node_count] = member;
    dictionary->node_count++;
    *slot = (struct dictionary_slot){member, (uint32_t)dictionary->node_count};
    return status_ok();
}

_Static_assert(sizeof(struct member_id) == sizeof(uint64_t), "a member is its number");

struct status dictionary_resolve(struct dictionary *dictionary, const struct member_id *members,
                                 size_t count, struct node_id *nodes, struct err *err) {
    for (size_t first = 0; first < count; first += BLOCK_MEMBERS) {
        size_t left = count - first;
        size_t block = left < BLOCK_MEMBERS ? left : BLOCK_MEMBERS;
        struct look_ahead ahead;
        TRY(dictionary_hold(dictionary, block, err));
        ahead_start(&ahead, dictionary, &members[first].v, block);
        for (size_t i = 0; i < block; i++) {
            uint64_t member = members[first + i].v;
            struct dictionary_slot *slot = slot_find(&ahead, dictionary, i, member);
            if (slot->number == 0) {
                TRY(member_add(dictionary, slot, member, err));
            }
            nodes[first + i] = (struct node_id){slot->number - 1};
        }
    }
    return status_ok();
}

struct status dictionary_renumber(struct dictionary *dictionary, size_t first_node,
                                  const uint32_t *numbers, struct err *err) {
    assert(first_node <= dictionary->node_count);
    size_t count = dictionary->node_count - first_node;
    if (count == 0) {
        return status_ok();
    }
    uint64_t *members = (uint64_t *)dictionary->members.data + first_node;
    struct pages before = {0};
    TRY(pages_grow(&before, count * sizeof *members, "numbering the members", err));
    memcpy(before.data, members, count * sizeof *members);
    for (size_t i = 0; i < count; i++) {
        assert(numbers[i] >= first_node && numbers[i] - first_node < count);
        members[numbers[i] - first_node] = ((const uint64_t *)before.data)[i];
    }
    pages_release(&before);
    struct dictionary_slot *slots = dictionary->slots.data;
    for (uint64_t slot = 0; slot < dictionary->slot_count; slot++) {
        if (slots[slot].number > first_node) {
            slots[slot].number = numbers[slots[slot].number - 1 - first_node] + 1;
        }
    }
    return status_ok();
}

static struct status save_frames(const struct dictionary *dictionary, struct frame_writer *writer,
                                 struct bytes *planes, struct err *err) {
    const uint64_t *members = dictionary->members.data;
    for (size_t first = 0; first < dictionary->node_count; first += FRAME_MEMBERS) {
        size_t left = dictionary->node_count - first;
        size_t count = left < FRAME_MEMBERS ? left : FRAME_MEMBERS;
        planes->count = 0;
        TRY(bytes_reserve(planes, count * sizeof(uint64_t), err));
        columns_split_u64(members + first, count, planes->data);
        struct frame frame = {
            .kind = FRAME_DICTIONARY,
            .items = (uint32_t)count,
            .first = (int64_t)first,
            .last = (int64_t)(first + count - 1),
            .payload_bytes = count * sizeof(uint64_t),
        };
        TRY(frame_writer_put(writer, &frame, planes->data, err));
    }
    return frame_writer_end(writer, err);
}

struct status dictionary_save(const struct dictionary *dictionary, struct output *output,
                              struct err *err) {
    struct frame_writer writer;
    struct bytes planes = {0};
    frame_writer_init(&writer, output);
    struct status status = save_frames(dictionary, &writer, &planes, err);
    bytes_release(&planes);
    frame_writer_release(&writer);
    return status;
}

/* Room for a frame that is being loaded. */
struct load {
    uint64_t *members;
    struct node_id *nodes;
    size_t capacity;
};

static void load_release(struct load *load) {
    free(load->members);
    free(load->nodes);
}

static struct status load_hold(struct load *load, size_t count, struct err *err) {
    if (count <= load->capacity) {
        return status_ok();
    }
    load_release(load);
    *load = (struct load){.capacity = count};
    load->members = malloc(count * sizeof *load->members);
    load->nodes = malloc(count * sizeof *load->nodes);
    if (load->members == NULL || load->nodes == NULL) {
        return err_memory(err, count * sizeof *load->members, "the dictionary");
    }
    return status_ok();
}

static struct status load_frame(struct dictionary *dictionary, struct load *load,
                                const struct frame *frame, const struct bytes *payload,
                                struct err *err) {
    size_t count = frame->items;
    size_t first = dictionary->node_count;
    if (frame->kind != FRAME_DICTIONARY || count == 0 ||
        payload->count != count * sizeof(uint64_t) || frame->first != (int64_t)first ||
        count > LIMIT_NODES - first) {
        return err_set(err, FAILURE_DATA,
                       "not the dictionary's next frame (kind %d, %zu items in %zu bytes, first "
                       "node %" PRId64 ", expected %zu): the file is damaged",
                       (int)frame->kind, count, payload->count, frame->first, first);
    }
    TRY(load_hold(load, count, err));
    columns_join_u64(payload->data, count, load->members);
    TRY(dictionary_resolve(dictionary, (const struct member_id *)load->members, count, load->nodes,
                           err));
    for (size_t i = 0; i < count; i++) {
        if (load->nodes[i].v != first + i) {
            return err_set(err, FAILURE_DATA,
                           "member %" PRIu64 " stands twice in the dictionary: it is damaged",
                           load->members[i]);
        }
    }
    return status_ok();
}

struct status dictionary_load(struct dictionary *dictionary, struct input *input, struct err *err) {
    assert(dictionary->node_count == 0);
    struct frame_reader reader;
    struct bytes payload = {0};
    struct load load = {0};
    frame_reader_init(&reader, input);
    struct status status;
    for (;;) {
        struct frame frame;
        bool more;
        TRY_OR(done, status, frame_reader_next(&reader, &frame, &payload, NULL, NULL, &more, err));
        if (!more) {
            break;
        }
        status = load_frame(dictionary, &load, &frame, &payload, err);
        if (failed(status)) {
            err_prefix(err, "%s", input_name(input));
            break;
        }
    }
done:
    frame_reader_release(&reader);
    bytes_release(&payload);
    load_release(&load);
    return status;
}
