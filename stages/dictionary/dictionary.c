/* Open addressing with linear probing; a slot holds a node number and the id itself is looked up in
 * `members`, so a slot is 4 bytes. A block of ids is resolved in two rounds, so that the cache
 * misses of one round overlap. Rejected: a hash table of ids and nodes (12 bytes per slot), and a
 * library: none in Debian is smaller than this for 20 M integers.
 */
#include "stages/dictionary/dictionary.h"

#include "schemas/limits.h"
#include "stages/base/columns.h"
#include "stages/base/frame.h"
#include "stages/base/random.h"

#include <assert.h>
#include <inttypes.h>

/* The table is at most 2/3 full. */
enum { AHEAD = 32, FRAME_MEMBERS = 1 << 17, SLOTS_MIN = 256 };

void dictionary_release(struct dictionary *dictionary) {
    pages_release(&dictionary->members);
    pages_release(&dictionary->slots);
    *dictionary = (struct dictionary){0};
}

static uint64_t slot_of(const struct dictionary *dictionary, uint64_t member) {
    return random_mix(member) & (dictionary->slot_count - 1);
}

/* The slot where the member stands, or the free one where it belongs. */
static uint64_t slot_find(const struct dictionary *dictionary, uint64_t member) {
    const uint32_t *slots = dictionary->slots.data;
    const uint64_t *members = dictionary->members.data;
    uint64_t slot = slot_of(dictionary, member);
    while (slots[slot] != 0 && members[slots[slot] - 1] != member) {
        slot = (slot + 1) & (dictionary->slot_count - 1);
    }
    return slot;
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
    uint64_t slot_count = dictionary->slot_count == 0 ? SLOTS_MIN : dictionary->slot_count;
    while (wanted * 3 > slot_count * 2) {
        slot_count *= 2;
    }
    struct pages slots = {0};
    TRY(pages_grow(&slots, slot_count * sizeof(uint32_t), "the dictionary", err));
    pages_release(&dictionary->slots);
    dictionary->slots = slots;
    dictionary->slot_count = slot_count;
    const uint64_t *members = dictionary->members.data;
    for (size_t node = 0; node < dictionary->node_count; node++) {
        uint32_t *all = dictionary->slots.data;
        all[slot_find(dictionary, members[node])] = (uint32_t)node + 1;
    }
    return status_ok();
}

static struct status member_add(struct dictionary *dictionary, uint64_t slot, uint64_t member,
                                struct err *err) {
    if (dictionary->node_count == LIMIT_NODES) {
        return err_set(err, FAILURE_DATA, "more than %u members: over the limit of this program",
                       LIMIT_NODES);
    }
    ((uint64_t *)dictionary->members.data)[dictionary->node_count] = member;
    dictionary->node_count++;
    ((uint32_t *)dictionary->slots.data)[slot] = (uint32_t)dictionary->node_count;
    return status_ok();
}

struct status dictionary_resolve(struct dictionary *dictionary, const struct member_id *members,
                                 size_t count, struct node_id *nodes, struct err *err) {
    for (size_t block = 0; block < count; block += AHEAD) {
        size_t end = count - block < AHEAD ? count : block + AHEAD;
        TRY(dictionary_hold(dictionary, end - block, err));
        const uint32_t *slots = dictionary->slots.data;
        for (size_t i = block; i < end; i++) {
            __builtin_prefetch(&slots[slot_of(dictionary, members[i].v)]);
        }
        const uint64_t *known = dictionary->members.data;
        for (size_t i = block; i < end; i++) {
            uint32_t value = slots[slot_of(dictionary, members[i].v)];
            if (value != 0) {
                __builtin_prefetch(&known[value - 1]);
            }
        }
        for (size_t i = block; i < end; i++) {
            uint64_t slot = slot_find(dictionary, members[i].v);
            if (slots[slot] == 0) {
                TRY(member_add(dictionary, slot, members[i].v, err));
            }
            nodes[i] = (struct node_id){slots[slot] - 1};
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

static struct status load_frame(struct dictionary *dictionary, const struct frame *frame,
                                const struct bytes *payload, struct err *err) {
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
    TRY(dictionary_hold(dictionary, count, err));
    uint64_t *members = dictionary->members.data;
    columns_join_u64(payload->data, count, members + first);
    for (size_t i = 0; i < count; i++) {
        uint64_t slot = slot_find(dictionary, members[first + i]);
        if (((const uint32_t *)dictionary->slots.data)[slot] != 0) {
            return err_set(err, FAILURE_DATA,
                           "member %" PRIu64 " stands twice in the dictionary: it is damaged",
                           members[first + i]);
        }
        TRY(member_add(dictionary, slot, members[first + i], err));
    }
    return status_ok();
}

struct status dictionary_load(struct dictionary *dictionary, struct input *input, struct err *err) {
    assert(dictionary->node_count == 0);
    struct frame_reader reader;
    struct bytes payload = {0};
    frame_reader_init(&reader, input);
    struct status status;
    for (;;) {
        struct frame frame;
        bool more;
        TRY_OR(done, status, frame_reader_next(&reader, &frame, &payload, NULL, NULL, &more, err));
        if (!more) {
            break;
        }
        status = load_frame(dictionary, &frame, &payload, err);
        if (failed(status)) {
            err_prefix(err, "%s", input_name(input));
            break;
        }
    }
done:
    frame_reader_release(&reader);
    bytes_release(&payload);
    return status;
}
