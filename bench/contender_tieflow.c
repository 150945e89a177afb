/* The stages as the engine drives them, with nothing written but scratch. */
#include "bench/contender.h"

#include "schemas/version.h"
#include "stages/base/checksum.h"
#include "stages/dictionary/dictionary.h"
#include "stages/embeddedness/batch_series.h"
#include "stages/embeddedness/replay.h"
#include "stages/order/sequence.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK_EVENTS = 4096, SORT_BYTES = 64 << 20 };

/* seconds[]: what the stages take. */
enum { STAGE_SEQUENCE, STAGE_ROWS, STAGE_EMBEDDEDNESS, STAGE_REPLAY };

struct kernel {
    const struct contest *contest;
    struct dictionary dictionary;
    struct sequence *sequence;
    struct batch_series *series;
    struct checksum *checksum;
    struct measured *measured;
    double started; /* what runs now */
};

/* The time since the last call goes to a stage. */
static void time_take(struct kernel *kernel, int stage) {
    double now = measure_now();
    if (stage >= 0) {
        kernel->measured->seconds[stage] += now - kernel->started;
    }
    kernel->started = now;
}

static struct status sequence_take(void *context, const struct event *events, size_t count,
                                   struct err *err) {
    struct kernel *kernel = context;
    struct event kept[BLOCK_EVENTS];
    size_t kept_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (events[i].from.v != events[i].to.v) {
            kept[kept_count++] = events[i];
        }
    }
    time_take(kernel, -1);
    TRY(sequence_add(kernel->sequence, kept, kept_count, err));
    time_take(kernel, STAGE_SEQUENCE);
    return status_ok();
}

static struct status sequence_run(struct kernel *kernel, struct err *err) {
    const struct sequence_options options = {
        .simultaneous = SIMULTANEOUS_SEQUENCE,
        .dictionary = &kernel->dictionary,
        .scratch_folder = kernel->contest->folder,
        .memory_bytes = SORT_BYTES,
        .tape_memory_bytes = UINT64_MAX,
    };
    TRY(sequence_new(&kernel->sequence, &options, err));
    TRY(contest_read(kernel->contest->log, BLOCK_EVENTS, sequence_take, kernel, err));
    time_take(kernel, -1);
    TRY(sequence_finish(kernel->sequence, err));
    time_take(kernel, STAGE_SEQUENCE);
    return status_ok();
}

/* Where the rows end and the listing begins. */
static void batch_hear(void *context, const char *phase, uint64_t done, uint64_t all) {
    (void)all;
    if (strcmp(phase, "embeddedness") == 0 && done == 0) {
        time_take(context, STAGE_ROWS);
    }
}

static struct status replay_run(struct kernel *kernel, const struct batch *batch, struct err *err) {
    struct replay *replay;
    time_take(kernel, -1);
    TRY(replay_new(&replay, &batch->census, batch->results, sequence_tape(kernel->sequence),
                   SIMULTANEOUS_SEQUENCE, err));
    struct status status;
    for (;;) {
        const struct replay_block *block;
        uint32_t mutual[TAPE_BLOCK_EVENTS];
        size_t made = 0;
        TRY_OR(done, status, replay_next(replay, &block, err));
        time_take(kernel, STAGE_REPLAY);
        if (block == NULL) {
            break;
        }
        for (size_t i = 0; i < block->count; i++) {
            mutual[made] = block->mutual[i];
            kernel->measured->mutual_sum += block->mutual[i];
            made += block->outcome[i] == OUTCOME_TIE;
        }
        kernel->measured->ties += made;
        checksum_update(kernel->checksum, mutual, made * sizeof *mutual);
        time_take(kernel, -1);
    }
done:
    replay_free(replay);
    return status;
}

static struct status batches_run(struct kernel *kernel, struct err *err) {
    struct tape *tape = sequence_tape(kernel->sequence);
    const struct batch_options options = {
        .tape = tape,
        .range = {0, tape_count(tape)},
        .node_count = dictionary_count(&kernel->dictionary),
        .simultaneous = SIMULTANEOUS_SEQUENCE,
        .scratch_folder = kernel->contest->folder,
        .memory_bytes = UINT64_MAX,
        .threads = kernel->contest->threads,
        .progress = batch_hear,
        .progress_context = kernel,
    };
    time_take(kernel, -1);
    TRY(batch_series_new(&kernel->series, &options, err));
    for (;;) {
        const struct batch *batch;
        TRY(batch_series_next(kernel->series, &batch, err));
        time_take(kernel, STAGE_EMBEDDEDNESS);
        if (batch == NULL) {
            return status_ok();
        }
        TRY(replay_run(kernel, batch, err));
    }
}

static void tieflow_version(char version[CONTENDER_VERSION_BYTES]) {
    (void)snprintf(version, CONTENDER_VERSION_BYTES, "tieflow %s", TIEFLOW_VERSION);
}

static struct status tieflow_run(const struct contest *contest, struct measured *measured,
                                 struct err *err) {
    struct kernel kernel = {.contest = contest, .measured = measured};
    struct status status;
    TRY_OR(done, status, checksum_new(&kernel.checksum, err));
    TRY_OR(done, status, sequence_run(&kernel, err));
    dictionary_shed(&kernel.dictionary);
    TRY_OR(done, status, batches_run(&kernel, err));
    measured->checksum = checksum_value(kernel.checksum);
done:
    batch_series_free(kernel.series);
    sequence_free(kernel.sequence);
    checksum_free(kernel.checksum);
    dictionary_release(&kernel.dictionary);
    return status;
}

const struct contender contender_tieflow = {
    .name = "tieflow",
    .stages = {"sequence", "rows", "embeddedness", "replay"},
    .version = tieflow_version,
    .run = tieflow_run,
};
