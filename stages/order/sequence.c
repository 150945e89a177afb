/* Runs, each a tape in order, in the order in which they were begun; a log that is in order is one
 * run and needs nothing more. It may be in order by time alone: under STRICT the last instant is
 * held back until it has ended, and sorted; under SEQUENCE nothing is held back.
 *
 * As soon as an event comes too late, as many as fit are held back in a buffer. When it is full it
 * is sorted and its earlier half goes to the run; only where that begins too early a new run is
 * begun. So a log that is disordered within half a buffer makes two runs, sorted files one behind
 * the other make one run each, and a shuffled log runs of about a buffer (replacement selection,
 * with a sort in place of a heap).
 *
 * Events that compare equal leave the buffer in the order of adding, and what is left in it when a
 * run is begun was added later than all equal events of the runs before: so equal events stand in
 * the order of the runs, and within a run in that of adding.
 *
 * Runs of one level are merged to one of the next level as soon as there are `fan` of them, so that
 * memory and open files are bounded. Members get provisional nodes as they are packed; if there was
 * more than one run the last merge numbers them anew.
 *
 * Rejected: sorting all events at once, which takes as much memory as there are events.
 */
#include "stages/order/sequence.h"

#include "stages/order/event_list.h"
#include "stages/order/event_queue.h"
#include "stages/order/tape_merge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    PACK_EVENTS = 4096, /* events resolved at a time: they stay in the caches */
    /* Of memory_bytes a half is for the buffer and for sorting it, a quarter each for the runs that
     * are read by a merge and for those that lie in memory. */
    SORTED_EVENT_BYTES = 2 * sizeof(struct event),
    BUFFER_EVENTS_MIN = 2 * EVENT_QUEUE_PORTION, /* half of it may be held when one comes */
    BUFFER_EVENTS_MAX = 1 << 22,
    FAN_MIN = 4,
    FAN_MAX = 64,
    RUNS_MAX = FAN_MAX * 16,
};

struct run {
    struct tape *tape;
    unsigned level;
};

struct sequence {
    struct sequence_options options;
    size_t first_node; /* the dictionary's count at the start */
    size_t buffer_events;
    size_t fan;
    struct event_queue *queue;
    uint64_t count;
    struct run runs[RUNS_MAX]; /* the last is being written until sequence_finish */
    size_t run_count;
    struct event last; /* of the last run */
    bool has_last;
    /* Events of the last instant, under STRICT, or (is_sorting) whatever is held back. */
    struct event_list buffer;
    bool is_sorting;
    /* A portion on its way, and the block of the last run's tape that is being filled. */
    struct member_id members[2 * PACK_EVENTS];
    struct node_id nodes[2 * PACK_EVENTS];
    struct tape_block packed;
};

/* ---- runs ---- */

static uint64_t runs_memory(const struct sequence *sequence) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < sequence->run_count; i++) {
        bytes += tape_memory(sequence->runs[i].tape);
    }
    return bytes;
}

/* What a further run may take. */
static uint64_t run_memory(const struct sequence *sequence) {
    uint64_t all = sequence->options.memory_bytes / 4;
    uint64_t used = runs_memory(sequence);
    return used < all ? all - used : 0;
}

/* Makes one run of the last `count`, and of their level the greatest and one more. */
static struct status runs_merge(struct sequence *sequence, size_t count, struct err *err) {
    struct tape *merged;
    struct tape *tapes[RUNS_MAX];
    size_t first = sequence->run_count - count;
    for (size_t i = 0; i < count; i++) {
        tapes[i] = sequence->runs[first + i].tape;
    }
    TRY(tape_new(&merged, sequence->options.scratch_folder, run_memory(sequence), err));
    struct status status = tape_merge(tapes, count, sequence->options.simultaneous,
                                      sequence->options.dictionary, NULL, merged, err);
    if (!failed(status)) {
        status = tape_end(merged, err);
    }
    if (failed(status)) {
        tape_free(merged);
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        tape_free(tapes[i]);
    }
    sequence->runs[first] = (struct run){merged, sequence->runs[first].level + 1};
    sequence->run_count = first + 1;
    return status_ok();
}

/* Whether the last `fan` runs are of one level. */
static bool level_is_full(const struct sequence *sequence) {
    size_t count = sequence->run_count;
    return count >= sequence->fan &&
           sequence->runs[count - sequence->fan].level == sequence->runs[count - 1].level;
}

/* Puts the block that is being filled onto the last run. */
static struct status packed_put(struct sequence *sequence, struct err *err) {
    TRY(tape_put(sequence->runs[sequence->run_count - 1].tape, &sequence->packed, err));
    sequence->packed.count = 0;
    return status_ok();
}

/* Ends the last run. */
static struct status run_end(struct sequence *sequence, struct err *err) {
    TRY(packed_put(sequence, err));
    return tape_end(sequence->runs[sequence->run_count - 1].tape, err);
}

/* Ends the run that is being written, if any, and begins another. */
static struct status run_begin(struct sequence *sequence, struct err *err) {
    uint64_t memory_bytes = sequence->options.tape_memory_bytes; /* it may be the only one */
    if (sequence->run_count > 0) {
        if (sequence->run_count == 1) {
            TRY(tape_limit(sequence->runs[0].tape, sequence->options.memory_bytes / 4, err));
        }
        TRY(run_end(sequence, err));
        while (level_is_full(sequence)) {
            TRY(runs_merge(sequence, sequence->fan, err));
        }
        memory_bytes = run_memory(sequence);
    }
    assert(sequence->run_count < RUNS_MAX);
    struct run *run = &sequence->runs[sequence->run_count];
    *run = (struct run){0};
    TRY(tape_new(&run->tape, sequence->options.scratch_folder, memory_bytes, err));
    sequence->run_count++;
    sequence->has_last = false;
    return status_ok();
}

/* Adds events, at most PACK_EVENTS and no more than fit, to the block that is being filled. */
static struct status portion_pack(struct sequence *sequence, const struct event *events,
                                  size_t count, struct err *err) {
    struct tape_block *packed = &sequence->packed;
    for (size_t i = 0; i < count; i++) {
        sequence->members[2 * i] = events[i].from;
        sequence->members[2 * i + 1] = events[i].to;
    }
    TRY(dictionary_resolve(sequence->options.dictionary, sequence->members, 2 * count,
                           sequence->nodes, err));
    size_t at = packed->count;
    for (size_t i = 0; i < count; i++) {
        packed->at_ms[at + i] = events[i].at_ms;
        packed->from[at + i] = sequence->nodes[2 * i].v;
        packed->to[at + i] = sequence->nodes[2 * i + 1].v;
        packed->code[at + i] = event_code(events[i].kind, events[i].origin);
    }
    packed->count += count;
    return packed->count == TAPE_BLOCK_EVENTS ? packed_put(sequence, err) : status_ok();
}

/* Packs events, which are in order and behind those of the last run, onto it. */
static struct status run_extend(struct sequence *sequence, const struct event *events, size_t count,
                                struct err *err) {
    for (size_t first = 0; first < count;) {
        size_t room = TAPE_BLOCK_EVENTS - sequence->packed.count;
        size_t most = room < PACK_EVENTS ? room : PACK_EVENTS;
        size_t step = count - first < most ? count - first : most;
        TRY(portion_pack(sequence, events + first, step, err));
        first += step;
    }
    if (count > 0) {
        sequence->last = events[count - 1];
        sequence->has_last = true;
    }
    return status_ok();
}

static bool is_too_early(const struct sequence *sequence, const struct event *event) {
    return sequence->has_last &&
           event_is_before(event, &sequence->last, sequence->options.simultaneous);
}

/* Sorts the buffer and packs all but the last `kept` of it. */
static struct status buffer_drain(struct sequence *sequence, size_t kept, struct err *err) {
    struct event_list *buffer = &sequence->buffer;
    TRY(event_list_sort(buffer, sequence->options.simultaneous, err));
    if (buffer->count > kept) {
        if (is_too_early(sequence, buffer->items)) {
            TRY(run_begin(sequence, err));
        }
        TRY(run_extend(sequence, buffer->items, buffer->count - kept, err));
        memmove(buffer->items, buffer->items + buffer->count - kept, kept * sizeof *buffer->items);
        buffer->count = kept;
    }
    return status_ok();
}

/* Adds events of whatever time. */
static struct status buffer_add(struct sequence *sequence, const struct event *events, size_t count,
                                struct err *err) {
    for (size_t first = 0; first < count;) {
        size_t left = count - first;
        size_t room = sequence->buffer_events - sequence->buffer.count;
        size_t step = left < room ? left : room;
        TRY(event_list_add(&sequence->buffer, events + first, step, err));
        first += step;
        if (sequence->buffer.count == sequence->buffer_events) {
            TRY(buffer_drain(sequence, sequence->buffer_events / 2, err));
        }
    }
    return status_ok();
}

/* Whether the times of the events ascend, and from those of the buffer and of the run. */
static bool times_ascend(const struct sequence *sequence, const struct event *events,
                         size_t count) {
    const struct event_list *buffer = &sequence->buffer;
    int64_t before_ms = buffer->count > 0    ? buffer->items[buffer->count - 1].at_ms
                        : sequence->has_last ? sequence->last.at_ms
                                             : INT64_MIN;
    bool ascend = events[0].at_ms >= before_ms;
    for (size_t i = 1; i < count; i++) {
        ascend &= events[i].at_ms >= events[i - 1].at_ms;
    }
    return ascend;
}

/* Adds events whose times ascend, under STRICT: all but those of the last instant can go. */
static struct status instants_add(struct sequence *sequence, const struct event *events,
                                  size_t count, struct err *err) {
    struct event_list *buffer = &sequence->buffer;
    TRY(event_list_add(buffer, events, count, err));
    int64_t last_ms = events[count - 1].at_ms;
    size_t kept = 1;
    if (buffer->items[0].at_ms == last_ms) { /* nothing but this instant, however long it is */
        kept = buffer->count;
    }
    while (kept < buffer->count && buffer->items[buffer->count - 1 - kept].at_ms == last_ms) {
        kept++;
    }
    /* An instant that fills the buffer is sorted like anything else. */
    sequence->is_sorting = kept > sequence->buffer_events / 2;
    return kept == buffer->count ? status_ok() : buffer_drain(sequence, kept, err);
}

/* Takes events as they were added; on the queue's thread. */
static struct status events_take(void *context, const struct event *events, size_t count,
                                 struct err *err) {
    struct sequence *sequence = context;
    bool is_strict = sequence->options.simultaneous == SIMULTANEOUS_STRICT;
    bool in_order = !sequence->is_sorting && times_ascend(sequence, events, count);
    if (in_order && !is_strict) {
        return run_extend(sequence, events, count, err);
    }
    TRY(event_list_reserve(&sequence->buffer, sequence->buffer_events, err));
    if (in_order) {
        return instants_add(sequence, events, count, err);
    }
    sequence->is_sorting = true;
    return buffer_add(sequence, events, count, err);
}

/* ---- the sequence ---- */

struct status sequence_new(struct sequence **sequence, const struct sequence_options *options,
                           struct err *err) {
    struct sequence *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "the sequence of events");
    }
    uint64_t buffer_events = options->memory_bytes / 2 / SORTED_EVENT_BYTES;
    buffer_events = buffer_events < BUFFER_EVENTS_MIN ? BUFFER_EVENTS_MIN : buffer_events;
    buffer_events = buffer_events > BUFFER_EVENTS_MAX ? BUFFER_EVENTS_MAX : buffer_events;
    uint64_t fan = options->memory_bytes / 4 / sizeof(struct tape_block);
    fan = fan < FAN_MIN ? FAN_MIN : fan;
    fan = fan > FAN_MAX ? FAN_MAX : fan;
    made->options = *options;
    made->first_node = dictionary_count(options->dictionary);
    made->buffer_events = (size_t)buffer_events;
    made->fan = (size_t)fan;
    struct status status = run_begin(made, err);
    if (!failed(status)) {
        status = event_queue_new(&made->queue, events_take, made, err);
    }
    if (failed(status)) {
        sequence_free(made);
        return status;
    }
    *sequence = made;
    return status_ok();
}

void sequence_free(struct sequence *sequence) {
    if (sequence != NULL) {
        event_queue_free(sequence->queue); /* first: its thread uses the rest */
        for (size_t i = 0; i < sequence->run_count; i++) {
            tape_free(sequence->runs[i].tape);
        }
        event_list_release(&sequence->buffer);
        free(sequence);
    }
}

struct status sequence_add(struct sequence *sequence, const struct event *events, size_t count,
                           struct err *err) {
    sequence->count += count;
    return event_queue_add(sequence->queue, events, count, err);
}

/* Merges what runs there are to the finished tape, and numbers the members. */
static struct status runs_finish(struct sequence *sequence, struct tape_numbers *numbers,
                                 struct err *err) {
    struct tape *finished;
    struct tape *tapes[RUNS_MAX];
    while (sequence->run_count > sequence->fan) {
        TRY(runs_merge(sequence, sequence->fan, err));
    }
    for (size_t i = 0; i < sequence->run_count; i++) {
        tapes[i] = sequence->runs[i].tape;
    }
    TRY(tape_new(&finished, sequence->options.scratch_folder, sequence->options.tape_memory_bytes,
                 err));
    struct status status = tape_merge(tapes, sequence->run_count, sequence->options.simultaneous,
                                      sequence->options.dictionary, numbers, finished, err);
    if (!failed(status)) {
        status = tape_end(finished, err);
    }
    if (failed(status)) {
        tape_free(finished);
        return status;
    }
    for (size_t i = 0; i < sequence->run_count; i++) {
        tape_free(tapes[i]);
    }
    sequence->runs[0] = (struct run){.tape = finished};
    sequence->run_count = 1;
    return dictionary_renumber(sequence->options.dictionary, numbers->first_node, numbers->numbers,
                               err);
}

struct status sequence_finish(struct sequence *sequence, struct err *err) {
    TRY(event_queue_finish(sequence->queue, err));
    TRY(buffer_drain(sequence, 0, err));
    event_list_release(&sequence->buffer);
    TRY(run_end(sequence, err));
    if (sequence->run_count == 1) {
        return status_ok();
    }
    size_t new_nodes = dictionary_count(sequence->options.dictionary) - sequence->first_node;
    struct tape_numbers numbers = {.first_node = sequence->first_node,
                                   .next = (uint32_t)sequence->first_node};
    size_t bytes = (new_nodes + 1) * sizeof *numbers.numbers;
    numbers.numbers = malloc(bytes);
    if (numbers.numbers == NULL) {
        return err_memory(err, bytes, "numbering the members");
    }
    memset(numbers.numbers, 0xff, bytes);
    struct status status = runs_finish(sequence, &numbers, err);
    free(numbers.numbers);
    return status;
}

uint64_t sequence_count(const struct sequence *sequence) {
    return sequence->count;
}

struct tape *sequence_tape(struct sequence *sequence) {
    assert(sequence->run_count == 1);
    return sequence->runs[0].tape;
}
