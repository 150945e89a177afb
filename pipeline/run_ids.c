/* Beside the kernel and not with the replay, whose thread has the most to do of all: there is
 * nothing in the ids that has to wait for results. */
#include "pipeline/run_ids.h"

#include "stages/base/bytes.h"
#include "stages/base/checksum.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { EVENT_BYTES = 26, HEAD_BYTES = 17, PIECE_EVENTS = 1024, AHEAD = 16 };

struct run_ids {
    struct run_ids_job job;
    pthread_t thread;
    struct checksum *checksum; /* of the period `period` */
    size_t period;
    struct tape_block block;
    uint8_t piece[PIECE_EVENTS * EVENT_BYTES];
    struct status status;
    struct err err;
};

static struct status period_begin(struct run_ids *ids, struct err *err) {
    const struct run_ids_job *job = &ids->job;
    checksum_free(ids->checksum);
    ids->checksum = NULL;
    TRY(checksum_new(&ids->checksum, err));
    uint8_t head[HEAD_BYTES];
    put_u64(head, ids->period == 0 ? job->previous : job->facts[ids->period - 1].run_id);
    put_u64(head + 8,
            job->periods->is_whole ? 0 : (uint64_t)period_first_ms(job->periods, ids->period));
    head[16] = (uint8_t)job->simultaneous;
    checksum_update(ids->checksum, head, sizeof head);
    return status_ok();
}

/* Ends the ids of all periods before `period`. */
static struct status period_advance(struct run_ids *ids, size_t period, struct err *err) {
    while (ids->period < period) {
        ids->job.facts[ids->period].run_id = checksum_value(ids->checksum);
        ids->period++;
        if (ids->period < ids->job.periods->count) {
            TRY(period_begin(ids, err));
        }
    }
    return status_ok();
}

/* Sums up the block's events [first, end), which are of the current period. */
static void events_sum(struct run_ids *ids, size_t first, size_t end) {
    const struct tape_block *block = &ids->block;
    const uint64_t *members = ids->job.dictionary->members.data;
    size_t fill = 0;
    for (size_t i = first; i < end; i++) {
        if (i + AHEAD < end) {
            __builtin_prefetch(&members[block->from[i + AHEAD]]);
            __builtin_prefetch(&members[block->to[i + AHEAD]]);
        }
        uint8_t *packed = ids->piece + fill * EVENT_BYTES;
        put_u64(packed, (uint64_t)block->at_ms[i]);
        put_u64(packed + 8, members[block->from[i]]);
        put_u64(packed + 16, members[block->to[i]]);
        packed[24] = (uint8_t)event_code_kind(block->code[i]);
        packed[25] = (uint8_t)event_code_origin(block->code[i]);
        if (++fill == PIECE_EVENTS) {
            checksum_update(ids->checksum, ids->piece, fill * EVENT_BYTES);
            fill = 0;
        }
    }
    checksum_update(ids->checksum, ids->piece, fill * EVENT_BYTES);
}

static struct status block_sum(struct run_ids *ids, struct err *err) {
    const struct periods *periods = ids->job.periods;
    const struct tape_block *block = &ids->block;
    size_t first = 0;
    while (first < block->count) {
        size_t period = period_index(periods, block->at_ms[first]);
        size_t end = period_end(periods, period, block->at_ms, first, block->count);
        TRY(period_advance(ids, period, err));
        events_sum(ids, first, end);
        first = end;
    }
    return status_ok();
}

static struct status tape_sum(struct run_ids *ids, struct err *err) {
    const struct tape *tape = ids->job.tape;
    TRY(period_begin(ids, err));
    for (size_t i = 0; i < tape_blocks(tape); i++) {
        TRY(tape_read(tape, i, &ids->block, err));
        TRY(block_sum(ids, err));
    }
    return period_advance(ids, ids->job.periods->count, err);
}

static void *ids_main(void *argument) {
    struct run_ids *ids = argument;
    ids->status = tape_sum(ids, &ids->err);
    return NULL;
}

struct status run_ids_start(struct run_ids **ids, const struct run_ids_job *job, struct err *err) {
    struct run_ids *made = calloc(1, sizeof *made);
    *ids = NULL;
    if (made == NULL) {
        return err_memory(err, sizeof *made, "the run ids");
    }
    made->job = *job;
    int failure = pthread_create(&made->thread, NULL, ids_main, made);
    if (failure != 0) {
        free(made);
        return err_set(err, FAILURE_RETRY,
                       "no thread can be started: %s; allow this user more of them (ulimit -u), or "
                       "run again",
                       strerror(failure));
    }
    *ids = made;
    return status_ok();
}

struct status run_ids_finish(struct run_ids *ids, struct err *err) {
    if (ids == NULL) {
        return status_ok();
    }
    (void)pthread_join(ids->thread, NULL);
    struct status status = ids->status;
    if (failed(status) && err != NULL) {
        *err = ids->err;
    }
    checksum_free(ids->checksum);
    free(ids);
    return status;
}
