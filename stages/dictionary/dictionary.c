/* Open addressing with buckets of a cache line. The home of an id is the bucket that the top bits
 * of its hash tell; from a full bucket ids overflow to the next. All slots of a bucket are
 * compared, and an id is nearly always in its home: so a look-up is one cache miss and no branch
 * that is hard to predict, and the misses of a block of ids overlap, since buckets are prefetched
 * well ahead.
 *
 * A table that is too full is thrown away and built anew from `members` at twice the size, so that
 * never two tables stand side by side. Rejected: single slots with linear probing (look-ups go on
 * to lines that were not asked for: 21 ns in place of 14 at 20 M members); slots with nothing but
 * the node number, which are a quarter of the size and cost a second miss; and a library: none in
 * Debian is smaller than this for 20 M integers.
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

/* The table is at most 2/3 full: about one id in twenty is not at home then. */
enum { BLOCK_MEMBERS = 2048, AHEAD = 16, FRAME_MEMBERS = 1 << 17, BUCKETS_MIN = 64 };

_Static_assert(sizeof(struct dictionary_bucket) == 64, "a bucket is a cache line");

void dictionary_release(struct dictionary *dictionary) {
    pages_release(&dictionary->members);
    pages_release(&dictionary->slots);
    *dictionary = (struct dictionary){0};
}

void dictionary_shed(struct dictionary *dictionary) {
    pages_release(&dictionary->slots);
    dictionary->bucket_count = 0;
}

/* A block of members that are looked up one after the other. Each one's home is hashed and called
 * for AHEAD members before it is looked at, so that misses are under way all the time. */
struct walk {
    struct dictionary_bucket *buckets;
    uint64_t mask; /* of a bucket's number */
    unsigned shift;
    const uint64_t *members;
    size_t count;
    uint32_t homes[AHEAD]; /* of members i to i + AHEAD - 1, by their number modulo AHEAD */
};

static inline void home_call(struct walk *walk, size_t i) {
    uint32_t home = (uint32_t)(random_mix(walk->members[i]) >> walk->shift);
    walk->homes[i % AHEAD] = home;
    __builtin_prefetch(&walk->buckets[home]);
}

static void walk_start(struct walk *walk, const struct dictionary *dictionary,
                       const uint64_t *members, size_t count) {
    walk->buckets = dictionary->slots.data;
    walk->mask = dictionary->bucket_count - 1;
    walk->shift = (unsigned)__builtin_clzll(dictionary->bucket_count) + 1;
    walk->members = members;
    walk->count = count;
    for (size_t i = 0; i < count && i < AHEAD; i++) {
        home_call(walk, i);
    }
}

/* The member's number; 0 where it is not in the bucket. Masks, since a branch on which slot it is
 * would be missed every other time. */
static inline uint32_t bucket_number(const struct dictionary_bucket *bucket, uint64_t member) {
    uint32_t number = 0;
    for (size_t i = 0; i < DICTIONARY_BUCKET_SLOTS; i++) {
        number |= bucket->numbers[i] & (0 - (uint32_t)(bucket->members[i] == member));
    }
    return number;
}

static inline bool bucket_is_full(const struct dictionary_bucket *bucket) {
    return bucket->numbers[DICTIONARY_BUCKET_SLOTS - 1] != 0;
}

/* The bucket where member i stands, *number being its number; or *number is 0, and the bucket has a
 * free slot for it. Members are asked for in their order. */
static inline struct dictionary_bucket *walk_find(struct walk *walk, size_t i, uint32_t *number) {
    uint64_t member = walk->members[i];
    uint64_t at = walk->homes[i % AHEAD];
    if (i + AHEAD < walk->count) {
        home_call(walk, i + AHEAD);
    }
    *number = bucket_number(&walk->buckets[at], member);
    while (*number == 0 && bucket_is_full(&walk->buckets[at])) {
        at = (at + 1) & walk->mask;
        *number = bucket_number(&walk->buckets[at], member);
    }
    return &walk->buckets[at];
}

/* Into a bucket that is not full. */
static void bucket_put(struct dictionary_bucket *bucket, uint64_t member, uint32_t number) {
    size_t slot = 0;
    while (bucket->numbers[slot] != 0) {
        slot++;
    }
    bucket->members[slot] = member;
    bucket->numbers[slot] = number;
}

/* Fills an empty table. */
static void slots_fill(struct dictionary *dictionary) {
    const uint64_t *members = dictionary->members.data;
    for (size_t first = 0; first < dictionary->node_count; first += BLOCK_MEMBERS) {
        size_t left = dictionary->node_count - first;
        struct walk walk;
        walk_start(&walk, dictionary, members + first, left < BLOCK_MEMBERS ? left : BLOCK_MEMBERS);
        for (size_t i = 0; i < walk.count; i++) {
            uint32_t number;
            struct dictionary_bucket *bucket = walk_find(&walk, i, &number);
            assert(number == 0);
            bucket_put(bucket, members[first + i], (uint32_t)(first + i) + 1);
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
    if (wanted * 3 <= dictionary->bucket_count * DICTIONARY_BUCKET_SLOTS * 2) {
        return status_ok();
    }
    uint64_t bucket_count = BUCKETS_MIN;
    while (wanted * 3 > bucket_count * DICTIONARY_BUCKET_SLOTS * 2) {
        bucket_count *= 2;
    }
    dictionary_shed(dictionary);
    TRY(pages_grow(&dictionary->slots, bucket_count * sizeof(struct dictionary_bucket),
                   "the dictionary", err));
    dictionary->bucket_count = bucket_count;
    slots_fill(dictionary);
    return status_ok();
}

static struct status member_add(struct dictionary *dictionary, struct dictionary_bucket *bucket,
                                uint64_t member, struct err *err) {
    if (dictionary->node_count == LIMIT_NODES) {
        return err_set(err, FAILURE_DATA, "more than %u members: over the limit of this program",
                       LIMIT_NODES);
    }
    ((uint64_t *)dictionary->members.data)[dictionary->node_count] = member;
    dictionary->node_count++;
    bucket_put(bucket, member, (uint32_t)dictionary->node_count);
    return status_ok();
}

_Static_assert(sizeof(struct member_id) == sizeof(uint64_t), "a member is its number");

struct status dictionary_resolve(struct dictionary *dictionary, const struct member_id *members,
                                 size_t count, struct node_id *nodes, struct err *err) {
    for (size_t first = 0; first < count; first += BLOCK_MEMBERS) {
        size_t left = count - first;
        size_t block = left < BLOCK_MEMBERS ? left : BLOCK_MEMBERS;
        struct walk walk;
        TRY(dictionary_hold(dictionary, block, err));
        walk_start(&walk, dictionary, &members[first].v, block);
        for (size_t i = 0; i < block; i++) {
            uint32_t number;
            struct dictionary_bucket *bucket = walk_find(&walk, i, &number);
            if (number == 0) {
                TRY(member_add(dictionary, bucket, members[first + i].v, err));
                number = (uint32_t)dictionary->node_count;
            }
            nodes[first + i] = (struct node_id){number - 1};
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
    struct dictionary_bucket *buckets = dictionary->slots.data;
    for (uint64_t bucket = 0; bucket < dictionary->bucket_count; bucket++) {
        for (size_t slot = 0; slot < DICTIONARY_BUCKET_SLOTS; slot++) {
            uint32_t *number = &buckets[bucket].numbers[slot];
            *number = *number > first_node ? numbers[*number - 1 - first_node] + 1 : *number;
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
