/* The kernel as the engine drives it, with nothing written: what is timed is the work, not the
 * reading of the log nor the tables. */
#include "bench/contender.h"

#include "stages/adjacency/adjacency.h"
#include "stages/base/checksum.h"
#include "stages/decode/log_reader.h"
#include "stages/dictionary/dictionary.h"
#include "stages/embeddedness/embeddedness.h"

#include <stdlib.h>

enum { BLOCK_EVENTS = 4096 };

struct status contest_read(const char *log, size_t block_events,
                           struct status (*take)(void *context, const struct event *events,
                                                 size_t count, struct err *err),
                           void *context, struct err *err) {
    static const struct log_reader_options packed = {.format = LOG_PACKED};
    struct input *input;
    struct log_reader *reader;
    struct event *events = malloc(block_events * sizeof *events);
    if (events == NULL) {
        return err_memory(err, block_events * sizeof *events, "a block of events");
    }
    struct status status = input_open(&input, log, err);
    if (!failed(status)) {
        status = log_reader_open(&reader, input, &packed, err);
    }
    if (failed(status)) {
        free(events);
        return status;
    }
    for (;;) {
        size_t count;
        bool is_malformed;
        struct malformed malformed;
        TRY_OR(
            done, status,
            log_reader_next(reader, events, block_events, &count, &is_malformed, &malformed, err));
        if (count == 0) {
            break;
        }
        TRY_OR(done, status, take(context, events, count, err));
    }
done:
    log_reader_close(reader);
    free(events);
    return status;
}

struct kernel {
    struct dictionary dictionary;
    struct adjacency adjacency;
    struct embeddedness *embeddedness;
    struct tie_batch batch;
    struct checksum *checksum;
    struct measured *measured;
    size_t target;
};

static struct status batch_run(struct kernel *kernel, struct err *err) {
    struct tie_batch *batch = &kernel->batch;
    while (batch->next < batch->staged) {
        double start = measure_now();
        TRY(adjacency_apply(&kernel->adjacency, batch, dictionary_count(&kernel->dictionary),
                            SIMULTANEOUS_SEQUENCE, err));
        double applied = measure_now();
        TRY(embeddedness_compute(kernel->embeddedness, &kernel->adjacency.rows, batch,
                                 (struct part){0, 1}, err));
        double computed = measure_now();
        kernel->measured->seconds[1] += applied - start;
        kernel->measured->seconds[2] += computed - applied;
        kernel->measured->ties += batch->count;
        for (size_t i = 0; i < batch->count; i++) {
            kernel->measured->mutual_sum += batch->mutual[i];
        }
        checksum_update(kernel->checksum, batch->mutual, batch->count * sizeof *batch->mutual);
    }
    tie_batch_clear(batch);
    kernel->target = adjacency_batch_target(&kernel->adjacency);
    return status_ok();
}

static struct status kernel_take(void *context, const struct event *events, size_t count,
                                 struct err *err) {
    struct kernel *kernel = context;
    struct tie_batch *batch = &kernel->batch;
    struct member_id members[2 * BLOCK_EVENTS];
    struct node_id nodes[2 * BLOCK_EVENTS];
    size_t kept = 0;
    TRY(tie_batch_reserve(batch, count, err));
    for (size_t i = 0; i < count; i++) {
        if (events[i].from.v == events[i].to.v) {
            continue;
        }
        members[2 * kept] = events[i].from;
        members[2 * kept + 1] = events[i].to;
        batch->created_at_ms[batch->staged + kept] = events[i].at_ms;
        batch->code[batch->staged + kept] = tie_batch_code(events[i].kind, events[i].origin);
        kept++;
    }
    double start = measure_now();
    TRY(dictionary_resolve(&kernel->dictionary, members, 2 * kept, nodes, err));
    kernel->measured->seconds[0] += measure_now() - start;
    for (size_t i = 0; i < kept; i++) {
        batch->from[batch->staged + i] = nodes[2 * i].v;
        batch->to[batch->staged + i] = nodes[2 * i + 1].v;
    }
    batch->staged += kept;
    return batch->staged >= kernel->target ? batch_run(kernel, err) : status_ok();
}

struct status contender_tieflow(void *context, struct measured *measured, struct err *err) {
    const struct contest *contest = context;
    struct kernel kernel = {.measured = measured};
    kernel.target = adjacency_batch_target(&kernel.adjacency);
    TRY(embeddedness_new(&kernel.embeddedness, contest->threads, err));
    struct status status = checksum_new(&kernel.checksum, err);
    if (!failed(status)) {
        status = contest_read(contest->log, BLOCK_EVENTS, kernel_take, &kernel, err);
    }
    if (!failed(status)) {
        status = batch_run(&kernel, err);
    }
    if (!failed(status)) {
        measured->checksum = checksum_value(kernel.checksum);
    }
    checksum_free(kernel.checksum);
    tie_batch_release(&kernel.batch);
    embeddedness_free(kernel.embeddedness);
    adjacency_release(&kernel.adjacency);
    dictionary_release(&kernel.dictionary);
    return status;
}
