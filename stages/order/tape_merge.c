/* A heap of tapes by their next event. From the first tape events are taken as long as they are
 * earlier than those of all others, so that stretches which do not overlap are copied and not
 * compared. */
#include "stages/order/tape_merge.h"

#include <stdlib.h>

/* A tape and the next of its events. */
struct reader {
    struct tape *tape;
    size_t block; /* the one behind that in `events` */
    size_t at;
    struct tape_block events;
};

struct merge {
    enum simultaneous simultaneous;
    const struct dictionary *dictionary;
    struct tape_numbers *numbers;
    struct reader *readers;
    size_t *heap; /* readers, the one with the first event first */
    size_t heap_count;
    struct tape *merged;
    struct tape_block out;
};

static uint64_t member_of(const struct merge *merge, uint32_t node) {
    return dictionary_member(merge->dictionary, (struct node_id){node}).v;
}

static struct event event_of(const struct merge *merge, const struct reader *reader) {
    const struct tape_block *events = &reader->events;
    size_t at = reader->at;
    return (struct event){.at_ms = events->at_ms[at],
                          .from = {member_of(merge, events->from[at])},
                          .to = {member_of(merge, events->to[at])},
                          .kind = (uint8_t)event_code_kind(events->code[at]),
                          .origin = (uint8_t)event_code_origin(events->code[at])};
}

static int64_t time_of(const struct merge *merge, size_t place) {
    const struct reader *reader = &merge->readers[merge->heap[place]];
    return reader->events.at_ms[reader->at];
}

/* Whether the event at place a of the heap comes before that at place b. */
static bool is_before(const struct merge *merge, size_t a, size_t b) {
    int64_t a_ms = time_of(merge, a);
    int64_t b_ms = time_of(merge, b);
    if (a_ms != b_ms) {
        return a_ms < b_ms;
    }
    int compared = 0;
    if (merge->simultaneous == SIMULTANEOUS_STRICT) {
        struct event a_event = event_of(merge, &merge->readers[merge->heap[a]]);
        struct event b_event = event_of(merge, &merge->readers[merge->heap[b]]);
        compared = event_compare(&a_event, &b_event, merge->simultaneous);
    }
    return compared != 0 ? compared < 0 : merge->heap[a] < merge->heap[b];
}

static void heap_sift_down(struct merge *merge, size_t at) {
    size_t *heap = merge->heap;
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < merge->heap_count && is_before(merge, child, least)) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        size_t swapped = heap[at];
        heap[at] = heap[least];
        heap[least] = swapped;
        at = least;
    }
}

/* Reads the reader's next block; *more is false behind its last. */
static struct status reader_step(struct reader *reader, bool *more, struct err *err) {
    *more = reader->block < tape_blocks(reader->tape);
    tape_forget(reader->tape, reader->block);
    if (!*more) {
        return status_ok();
    }
    reader->at = 0;
    return tape_read(reader->tape, reader->block++, &reader->events, err);
}

static uint32_t node_number(struct tape_numbers *numbers, uint32_t node) {
    if (numbers == NULL || node < numbers->first_node) {
        return node;
    }
    uint32_t *number = &numbers->numbers[node - numbers->first_node];
    if (*number == UINT32_MAX) {
        *number = numbers->next++;
    }
    return *number;
}

/* Moves the first event, and those behind it in its block that are earlier than `limit_ms`, as far
 * as there is room. */
static void events_take(struct merge *merge, struct reader *reader, int64_t limit_ms) {
    const struct tape_block *from = &reader->events;
    struct tape_block *to = &merge->out;
    size_t at = reader->at;
    do {
        to->at_ms[to->count] = from->at_ms[at];
        to->from[to->count] = node_number(merge->numbers, from->from[at]);
        to->to[to->count] = node_number(merge->numbers, from->to[at]);
        to->code[to->count] = from->code[at];
        to->count++;
        at++;
    } while (at < from->count && from->at_ms[at] < limit_ms && to->count < TAPE_BLOCK_EVENTS);
    reader->at = at;
}

static struct status merge_run(struct merge *merge, struct err *err) {
    for (size_t i = merge->heap_count; i-- > 0;) {
        heap_sift_down(merge, i);
    }
    while (merge->heap_count > 0) {
        struct reader *reader = &merge->readers[merge->heap[0]];
        int64_t limit_ms = INT64_MAX;
        for (size_t child = 1; child <= 2 && child < merge->heap_count; child++) {
            int64_t child_ms = time_of(merge, child);
            limit_ms = child_ms < limit_ms ? child_ms : limit_ms;
        }
        events_take(merge, reader, limit_ms);
        if (merge->out.count == TAPE_BLOCK_EVENTS) {
            TRY(tape_put(merge->merged, &merge->out, err));
            merge->out.count = 0;
        }
        bool more = true;
        if (reader->at == reader->events.count) {
            TRY(reader_step(reader, &more, err));
        }
        if (!more) {
            merge->heap[0] = merge->heap[--merge->heap_count];
        }
        heap_sift_down(merge, 0);
    }
    return tape_put(merge->merged, &merge->out, err);
}

/* Starts the readers; empty tapes have none. */
static struct status readers_start(struct merge *merge, struct tape *const *tapes, size_t count,
                                   struct err *err) {
    for (size_t i = 0; i < count; i++) {
        struct reader *reader = &merge->readers[i];
        reader->tape = tapes[i];
        reader->block = 0;
        bool more;
        TRY(reader_step(reader, &more, err));
        if (more) {
            merge->heap[merge->heap_count++] = i;
        }
    }
    return status_ok();
}

struct status tape_merge(struct tape *const *tapes, size_t count, enum simultaneous simultaneous,
                         const struct dictionary *dictionary, struct tape_numbers *numbers,
                         struct tape *merged, struct err *err) {
    struct merge *merge = malloc(sizeof *merge);
    if (merge == NULL) {
        return err_memory(err, sizeof *merge, "merging tapes");
    }
    merge->simultaneous = simultaneous;
    merge->dictionary = dictionary;
    merge->numbers = numbers;
    merge->merged = merged;
    merge->heap_count = 0;
    merge->out.count = 0;
    merge->readers = malloc((count + 1) * sizeof *merge->readers);
    merge->heap = malloc((count + 1) * sizeof *merge->heap);
    struct status status;
    if (merge->readers == NULL || merge->heap == NULL) {
        status = err_memory(err, (count + 1) * sizeof *merge->readers, "merging tapes");
    } else {
        status = readers_start(merge, tapes, count, err);
    }
    if (!failed(status)) {
        status = merge_run(merge, err);
    }
    free(merge->readers);
    free(merge->heap);
    free(merge);
    return status;
}
