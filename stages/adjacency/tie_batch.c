#include "stages/adjacency/tie_batch.h"

#include <stdlib.h>

void tie_batch_release(struct tie_batch *batch) {
    free(batch->created_at_ms);
    free(batch->from);
    free(batch->to);
    free(batch->seen_from);
    free(batch->seen_to);
    free(batch->mutual);
    free(batch->code);
    free(batch->ended_seen);
    free(batch->endings);
    free(batch->rejected);
    *batch = (struct tie_batch){0};
}

void tie_batch_clear(struct tie_batch *batch) {
    batch->next = 0;
    batch->staged = 0;
    tie_batch_clear_ties(batch);
}

void tie_batch_clear_ties(struct tie_batch *batch) {
    batch->count = 0;
    batch->ended_seen_count = 0;
    batch->ending_count = 0;
    batch->rejected_count = 0;
}

/* Resizes one column to `count` items, or returns false and leaves it as it was. */
#define COLUMN_RESIZE(column, count)                                                               \
    column_resize((column), (count), sizeof *(column), &resized) && ((column) = resized, true)

static bool column_resize(void *column, size_t count, size_t size, void **resized) {
    *resized = reallocarray(column, count, size);
    return *resized != NULL;
}

static size_t capacity_for(size_t capacity, size_t wanted) {
    size_t grown = capacity + capacity / 2 + 64;
    return grown < wanted ? wanted : grown;
}

struct status tie_batch_reserve(struct tie_batch *batch, size_t extra, struct err *err) {
    if (extra <= batch->capacity - batch->staged) {
        return status_ok();
    }
    size_t capacity = capacity_for(batch->capacity, batch->staged + extra);
    void *resized;
    bool fits = COLUMN_RESIZE(batch->created_at_ms, capacity) &&
                COLUMN_RESIZE(batch->from, capacity) && COLUMN_RESIZE(batch->to, capacity) &&
                COLUMN_RESIZE(batch->seen_from, capacity) &&
                COLUMN_RESIZE(batch->seen_to, capacity) && COLUMN_RESIZE(batch->mutual, capacity) &&
                COLUMN_RESIZE(batch->code, capacity);
    if (!fits) {
        return err_memory(err, capacity * 29, "a batch of ties");
    }
    batch->capacity = capacity;
    return status_ok();
}

/* Defines an append to one of the short lists of a batch: they are rare and grow one by one. */
#define DEFINE_ADD(function, type, list, list_count, list_capacity)                                \
    struct status function(struct tie_batch *batch, type item, struct err *err) {                  \
        if (batch->list_count == batch->list_capacity) {                                           \
            size_t capacity = capacity_for(batch->list_capacity, 0);                               \
            void *resized;                                                                         \
            if (!(COLUMN_RESIZE(batch->list, capacity))) {                                         \
                return err_memory(err, capacity * sizeof item, "a batch of ties");                 \
            }                                                                                      \
            batch->list_capacity = capacity;                                                       \
        }                                                                                          \
        batch->list[batch->list_count++] = item;                                                   \
        return status_ok();                                                                        \
    }

DEFINE_ADD(tie_batch_add_ended_seen, struct tie_ended_seen, ended_seen, ended_seen_count,
           ended_seen_capacity)
DEFINE_ADD(tie_batch_add_ending, struct tie_ending, endings, ending_count, ending_capacity)
DEFINE_ADD(tie_batch_add_rejected, struct tie_rejected, rejected, rejected_count, rejected_capacity)
