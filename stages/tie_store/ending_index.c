/* Rejected: one sorted list. Its search waits for memory 20 times over where endings are many, and
 * sorting 20 M endings by buckets first takes a tenth of sorting them at once.
 */
#include "stages/tie_store/ending_index.h"

#include "stages/base/random.h"

#include "stages/base/stream.h"
#include "stages/tie_store/tie_segment.h"

#include "schemas/tie.h"

#include <stdlib.h>
#include <string.h>

void ending_index_release(struct ending_index *index) {
    free(index->endings);
    free(index->starts);
    pair_filter_release(&index->filter);
    *index = (struct ending_index){0};
}

static struct status capacity_set(struct ending_index *index, size_t capacity, struct err *err) {
    struct tie_ending *grown = reallocarray(index->endings, capacity, sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, capacity * sizeof *grown, "the endings of ties");
    }
    index->endings = grown;
    index->capacity = capacity;
    return status_ok();
}

struct status ending_index_reserve(struct ending_index *index, size_t count, struct err *err) {
    return count <= index->capacity ? status_ok() : capacity_set(index, count, err);
}

struct status ending_index_add(struct ending_index *index, const struct tie_ending *endings,
                               size_t count, struct err *err) {
    if (count > index->capacity - index->count) {
        TRY(capacity_set(index, index->capacity + index->capacity / 2 + count, err));
    }
    for (size_t i = 0; i < count; i++) {
        struct tie_ending *added = &index->endings[index->count++];
        *added = endings[i];
        if (added->from > added->to) {
            added->from = endings[i].to;
            added->to = endings[i].from;
        }
    }
    return status_ok();
}

static int compare_u64(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int compare_endings(const void *left, const void *right) {
    const struct tie_ending *a = left;
    const struct tie_ending *b = right;
    int order = compare_u64((uint64_t)a->from << 32 | a->to, (uint64_t)b->from << 32 | b->to);
    return order != 0 ? order : compare_u64(a->ties_before, b->ties_before);
}

static struct pair_bits ending_bits(const struct ending_index *index, uint32_t a, uint32_t b) {
    return pair_filter_locate(&index->filter, (struct node_id){a}, (struct node_id){b});
}

struct status ending_index_add_segment(struct ending_index *index, const char *path,
                                       size_t node_count, struct segment_counts *counts,
                                       struct err *err) {
    struct input *input;
    struct tie_segment_reader *reader;
    TRY(input_open(&input, path, err));
    TRY(tie_segment_reader_new(&reader, input, 1, err));
    struct status status;
    for (;;) {
        const struct tie_columns *made;
        const struct tie_ending *ended;
        size_t ended_count;
        uint64_t first_tie;
        TRY_OR(done, status,
               tie_segment_next(reader, node_count, &made, &first_tie, &ended, &ended_count, err));
        if (made == NULL && ended == NULL) {
            break;
        }
        counts->ties += made == NULL ? 0 : made->count;
        counts->endings += ended_count;
        TRY_OR(done, status, ending_index_add(index, ended, ended_count, err));
    }
done:
    tie_segment_reader_free(reader);
    return status;
}

/* Adds the disconnects of a block. */
static struct status block_add(struct ending_index *index, const struct tape_block *events,
                               struct err *err) {
    for (size_t i = 0; i < events->count; i++) {
        if (event_code_kind(events->code[i]) == EVENT_DISCONNECT) {
            const struct tie_ending ending = {
                .from = events->from[i],
                .to = events->to[i],
                .ended_at_ms = events->at_ms[i],
                .ties_before = events->first + i,
            };
            TRY(ending_index_add(index, &ending, 1, err));
        }
    }
    return status_ok();
}

struct status ending_index_add_tape(struct ending_index *index, const struct tape *tape,
                                    struct err *err) {
    struct tape_block *events = malloc(sizeof *events);
    if (events == NULL) {
        return err_memory(err, sizeof *events, "a block of events");
    }
    struct status status = status_ok();
    for (size_t i = 0; i < tape_blocks(tape) && !failed(status); i++) {
        status = tape_read(tape, i, events, err);
        if (!failed(status)) {
            status = block_add(index, events, err);
        }
    }
    free(events);
    return status;
}

static size_t bucket_of(const struct ending_index *index, uint32_t low, uint32_t high) {
    uint64_t hash = random_mix((uint64_t)low << 32 | high);
    return (size_t)((unsigned __int128)hash * index->bucket_count >> 64);
}

/* Fills the starts of the buckets. */
static void buckets_count(struct ending_index *index) {
    uint64_t *counts = index->starts + 1;
    for (size_t i = 0; i < index->count; i++) {
        counts[bucket_of(index, index->endings[i].from, index->endings[i].to)]++;
    }
    for (size_t b = 0; b < index->bucket_count; b++) {
        index->starts[b + 1] += index->starts[b];
    }
}

/* Moves every ending into its bucket, in place; next[b] is where bucket b is filled so far. */
static void buckets_fill(struct ending_index *index, uint64_t *next) {
    for (size_t b = 0; b < index->bucket_count; b++) {
        while (next[b] < index->starts[b + 1]) {
            struct tie_ending *here = &index->endings[next[b]];
            size_t home = bucket_of(index, here->from, here->to);
            if (home != b) {
                struct tie_ending moved = *here;
                *here = index->endings[next[home]];
                index->endings[next[home]] = moved;
            }
            next[home]++;
        }
    }
}

static void buckets_sort(struct ending_index *index) {
    for (size_t b = 0; b < index->bucket_count; b++) {
        uint64_t first = index->starts[b];
        uint64_t count = index->starts[b + 1] - first;
        if (count > 1) {
            qsort(index->endings + first, count, sizeof *index->endings, compare_endings);
        }
    }
}

struct status ending_index_finish(struct ending_index *index, struct err *err) {
    free(index->starts);
    index->bucket_count = index->count / 2 + 1;
    index->starts = calloc(index->bucket_count + 1, sizeof *index->starts);
    uint64_t *next = calloc(index->bucket_count, sizeof *next);
    if (index->starts == NULL || next == NULL) {
        free(next);
        return err_memory(err, index->bucket_count * sizeof *next, "the endings of ties");
    }
    buckets_count(index);
    memcpy(next, index->starts, index->bucket_count * sizeof *next);
    buckets_fill(index, next);
    free(next);
    buckets_sort(index);
    TRY(pair_filter_reset(&index->filter, index->count * 4, err));
    for (size_t i = 0; i < index->count; i++) {
        pair_filter_add(&index->filter,
                        ending_bits(index, index->endings[i].from, index->endings[i].to));
    }
    return status_ok();
}

void ending_index_foresee(const struct ending_index *index, uint32_t from, uint32_t to) {
    pair_filter_prefetch(&index->filter, ending_bits(index, from, to));
}

/* The find for a pair that may have endings. */
static int64_t bucket_find(const struct ending_index *index, uint32_t from, uint32_t to,
                           uint64_t number) {
    struct tie_ending wanted = {
        .from = from < to ? from : to,
        .to = from < to ? to : from,
        .ties_before = number + 1,
    };
    size_t bucket = bucket_of(index, wanted.from, wanted.to);
    size_t low = (size_t)index->starts[bucket];
    size_t end = (size_t)index->starts[bucket + 1];
    size_t high = end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_endings(&index->endings[middle], &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct tie_ending *found = low < end ? &index->endings[low] : NULL;
    bool is_pair = found != NULL && found->from == wanted.from && found->to == wanted.to;
    return is_pair ? found->ended_at_ms : TIE_OPEN_MS;
}

int64_t ending_index_find(const struct ending_index *index, uint32_t from, uint32_t to,
                          uint64_t number) {
    return pair_filter_may_hold(&index->filter, ending_bits(index, from, to))
               ? bucket_find(index, from, to, number)
               : TIE_OPEN_MS;
}

void ending_index_find_all(const struct ending_index *index, const uint32_t *from,
                           const uint32_t *to, const uint64_t *number, size_t count,
                           int64_t *ended_at_ms) {
    enum { AHEAD = 64 };
    struct pair_bits bits[AHEAD];
    for (size_t i = 0; i < count && index->count == 0; i++) {
        ended_at_ms[i] = TIE_OPEN_MS;
    }
    for (size_t first = 0; first < count && index->count != 0; first += AHEAD) {
        size_t end = count - first < AHEAD ? count : first + AHEAD;
        for (size_t i = first; i < end; i++) {
            bits[i - first] = ending_bits(index, from[i], to[i]);
            pair_filter_prefetch(&index->filter, bits[i - first]);
        }
        for (size_t i = first; i < end; i++) {
            ended_at_ms[i] = pair_filter_may_hold(&index->filter, bits[i - first])
                                 ? bucket_find(index, from[i], to[i], number[i])
                                 : TIE_OPEN_MS;
        }
    }
}
