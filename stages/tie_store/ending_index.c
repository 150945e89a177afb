#include "stages/tie_store/ending_index.h"

#include "stages/base/stream.h"
#include "stages/tie_store/tie_segment.h"

#include "schemas/tie.h"

#include <stdlib.h>
#include <string.h>

void ending_index_release(struct ending_index *index) {
    free(index->endings);
    pair_filter_release(&index->filter);
    *index = (struct ending_index){0};
}

struct status ending_index_add(struct ending_index *index, const struct tie_ending *endings,
                               size_t count, struct err *err) {
    if (count > index->capacity - index->count) {
        size_t capacity = index->capacity + index->capacity / 2 + count;
        struct tie_ending *grown = reallocarray(index->endings, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "the endings of ties");
        }
        index->endings = grown;
        index->capacity = capacity;
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
    TRY(tie_segment_reader_new(&reader, input, err));
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

struct status ending_index_finish(struct ending_index *index, struct err *err) {
    if (index->count > 1) {
        qsort(index->endings, index->count, sizeof *index->endings, compare_endings);
    }
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

int64_t ending_index_find(const struct ending_index *index, uint32_t from, uint32_t to,
                          uint64_t tie_number) {
    if (!pair_filter_may_hold(&index->filter, ending_bits(index, from, to))) {
        return TIE_OPEN_MS;
    }
    struct tie_ending wanted = {
        .from = from < to ? from : to,
        .to = from < to ? to : from,
        .ties_before = tie_number + 1,
    };
    size_t low = 0;
    size_t high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_endings(&index->endings[middle], &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct tie_ending *found = low < index->count ? &index->endings[low] : NULL;
    bool is_pair = found != NULL && found->from == wanted.from && found->to == wanted.to;
    return is_pair ? found->ended_at_ms : TIE_OPEN_MS;
}
