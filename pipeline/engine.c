#include "pipeline/engine.h"

#include "pipeline/run_ids.h"
#include "pipeline/verbs.h"
#include "stages/base/files.h"
#include "stages/embeddedness/batch_series.h"
#include "stages/embeddedness/replay.h"
#include "stages/tie_store/tie_segment.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is open for the period that is being written. */
struct open_period {
    size_t index;
    char *segment_path;
    struct output *output;              /* of the segment */
    struct tie_segment_writer *segment; /* NULL where nobody would read it */
    char date[DATE_TEXT_BYTES];
    char *folder;
    struct progress quiet;
    struct publication publication;
    struct publisher *publisher; /* NULL: no period is open */
    uint64_t first_tie;
    uint64_t ending_count;
    struct histogram made;
};

struct engine {
    struct engine_job *job;
    const struct periods *periods;
    struct open_period open;
    struct ending_index endings;       /* the disconnects of the tape, by number of the event */
    uint8_t origin[TAPE_BLOCK_EVENTS]; /* of the block that is being emitted */
    uint64_t emitted;                  /* events */
    const char *phase;                 /* of the batch that is at work */
};

struct status period_name(const struct periods *periods, size_t index, const char *prefix,
                          const char *suffix, char **name, struct err *err) {
    char date[DATE_TEXT_BYTES] = "";
    if (!periods->is_whole) {
        date_format(period_first_ms(periods, index), date);
    }
    if (asprintf(name, "%s%s%s", prefix, date, suffix) < 0) {
        *name = NULL;
        return err_memory(err, strlen(prefix) + strlen(suffix), "a name");
    }
    return status_ok();
}

void engine_job_release(struct engine_job *job) {
    if (job->segments != NULL) {
        for (size_t i = 0; i < job->ingest->options.periods.count; i++) {
            free(job->segments[i].file.name);
        }
    }
    free(job->segments);
    job->segments = NULL;
    histogram_release(&job->made);
}

/* --- periods --- */

/* Segments are for the state and for studies. */
static bool has_segments(const struct engine *engine) {
    return !engine->periods->is_whole || engine->job->more != NULL;
}

static struct status segment_open(struct engine *engine, struct err *err) {
    struct open_period *open = &engine->open;
    struct engine_job *job = engine->job;
    char *name = NULL;
    const char *prefix = engine->periods->is_whole ? "ties" : "ties-";
    TRY(period_name(engine->periods, open->index, prefix, ".tff", &name, err));
    job->segments[open->index].file.name = name;
    TRY(path_join(&open->segment_path, job->segment_folder, name, err));
    TRY(output_open(&open->output, open->segment_path, false, err));
    return tie_segment_writer_new(&open->segment, open->output, open->first_tie, job->threads, err);
}

static void period_abandon(struct engine *engine) {
    struct open_period *open = &engine->open;
    tie_segment_writer_free(open->segment);
    output_discard(open->output);
    free(open->segment_path);
    publisher_free(open->publisher);
    free(open->folder);
    histogram_release(&open->made);
    *open = (struct open_period){.index = open->index};
}

/* Ends the segment's file and notes it. */
static struct status segment_close(struct engine *engine, struct err *err) {
    struct open_period *open = &engine->open;
    struct segment *segment = &engine->job->segments[open->index];
    TRY(tie_segment_end(open->segment, err));
    struct output *output = open->output;
    open->output = NULL;
    /* With the state, or never: nobody reads the segment of a run that is not by date again. */
    TRY(output_commit_unsynced(output, &segment->file.bytes, &segment->file.checksum, err));
    segment->first_tie = open->first_tie;
    segment->ties = open->made.total;
    segment->endings = open->ending_count;
    if (!engine->periods->is_whole) {
        segment->date_ms = period_first_ms(engine->periods, open->index);
    }
    return status_ok();
}

/* The folder for a period's tables, made empty; in new memory. */
static struct status table_folder_make(const struct engine *engine, size_t index, char **folder,
                                       struct err *err) {
    char *name = NULL;
    if (engine->periods->is_whole) {
        *folder = strdup(engine->job->table_folder);
        return *folder == NULL ? err_memory(err, 64, "a path") : status_ok();
    }
    TRY(period_name(engine->periods, index, engine->job->staging_prefix, "", &name, err));
    struct status status = path_join(folder, engine->job->table_folder, name, err);
    free(name);
    TRY(status);
    TRY(folder_remove(*folder, err));
    return folder_make(*folder, err);
}

static void publication_fill(struct engine *engine) {
    const struct engine_job *job = engine->job;
    struct open_period *open = &engine->open;
    const struct period_facts *facts = &job->ingest->facts[open->index];
    struct publication *publication = &open->publication;
    *publication = (struct publication){
        .folder = open->folder,
        .formats = job->formats,
        .simultaneous = job->ingest->options.simultaneous,
        .as_of_ms = facts->newest_ms,
        .has_as_of = facts->has_newest,
        .run_id = facts->run_id,
        .dictionary = &job->graph->dictionary,
        .endings = &engine->endings,
        .quality = &facts->quality,
        .made = &open->made,
        .cohort = &job->graph->cohort,
        .threads = job->threads,
        .is_synced_later = !engine->periods->is_whole,
        .progress = job->progress,
        .more = open->index + 1 == engine->periods->count ? job->more : NULL,
    };
    if (engine->periods->is_whole && engine->periods->until_ms != INT64_MAX) {
        publication->as_of_ms = engine->periods->until_ms;
        publication->has_as_of = true;
    }
    if (!engine->periods->is_whole) {
        int64_t first_ms = period_first_ms(engine->periods, open->index);
        date_format(first_ms, open->date);
        progress_init(&open->quiet,
                      PROGRESS_QUIET); /* the bar of the whole run goes on meanwhile */
        publication->date = open->date;
        publication->as_of_ms = first_ms + DAY_MS - 1;
        publication->has_as_of = true;
        publication->progress = &open->quiet;
    }
}

static struct status period_open(struct engine *engine, size_t index, struct err *err) {
    struct open_period *open = &engine->open;
    open->index = index;
    open->first_tie = engine->job->graph->cohort.total;
    if (has_segments(engine)) {
        TRY(segment_open(engine, err));
    }
    TRY(table_folder_make(engine, index, &open->folder, err));
    publication_fill(engine);
    return publisher_new(&open->publisher, &open->publication, err);
}

static struct status tables_finish(struct engine *engine, struct err *err) {
    struct engine_job *job = engine->job;
    struct open_period *open = &engine->open;
    const char *path = open->segment_path;
    struct ties_source ties = {
        .paths = &path,
        .path_count = path == NULL ? 0 : 1,
        .tie_count = open->made.total,
    };
    bool is_first = open->index == 0;
    struct small_tables small = {
        .late = is_first ? &job->ingest->late : NULL,
        .quarantine = job->ingest->quarantine.items,
        .quarantine_count = is_first ? job->ingest->quarantine.count : 0,
        .letters = job->letters,
        .extents = job->extents,
        .extent_count = job->extent_count,
    };
    return publisher_finish(open->publisher, &ties, &small, err);
}

static struct status period_close(struct engine *engine, struct err *err) {
    struct open_period *open = &engine->open;
    struct graph *graph = engine->job->graph;
    struct quality *quality = &engine->job->ingest->facts[open->index].quality;
    quality->count[QUALITY_TIES] = open->made.total;
    quality->count[QUALITY_ENDINGS] = open->ending_count;
    quality->count[QUALITY_APPLIED] = open->made.total + open->ending_count;
    graph->open_ties += open->made.total - open->ending_count;
    TRY(histogram_merge(&engine->job->made, &open->made, err));
    TRY(histogram_merge(&graph->cohort, &open->made, err));
    if (open->segment != NULL) {
        TRY(segment_close(engine, err));
    }
    TRY(tables_finish(engine, err));
    period_abandon(engine);
    return status_ok();
}

/* Closes the open period and those after it that come before `period`, and opens `period`. */
static struct status period_advance(struct engine *engine, size_t period, struct err *err) {
    while (engine->open.index < period) {
        size_t next = engine->open.index + 1;
        TRY(period_close(engine, err));
        TRY(period_open(engine, next, err));
    }
    return status_ok();
}

/* --- what became of the events --- */

/* Emits the block's items [first, end), which are all ties of the open period. */
static struct status ties_emit(struct engine *engine, const struct replay_block *block,
                               size_t first, size_t end, struct err *err) {
    struct open_period *open = &engine->open;
    const struct tape_block *events = block->events;
    const struct tie_slice ties = {
        .count = end - first,
        .created_at_ms = events->at_ms + block->first + first,
        .from = events->from + block->first + first,
        .to = events->to + block->first + first,
        .mutual = block->mutual + first,
        .degree_from = block->degree_from + first,
        .degree_to = block->degree_to + first,
        .origin = engine->origin + first,
    };
    bool is_possible = true;
    for (size_t i = 0; i < ties.count; i++) {
        is_possible &= ties.mutual[i] <= ties.degree_from[i];
        is_possible &= ties.mutual[i] <= ties.degree_to[i];
    }
    assert(is_possible);
    TRY(histogram_add_each(&open->made, ties.mutual, ties.count, err));
    if (open->segment != NULL) {
        TRY(tie_segment_put_ties(open->segment, &ties, err));
    }
    return publisher_put_ties(open->publisher, &ties, events->first + block->first + first, err);
}

/* Emits the block's items [first, end), which are all endings in the open period. */
static struct status endings_emit(struct engine *engine, const struct replay_block *block,
                                  size_t first, size_t end, struct err *err) {
    struct open_period *open = &engine->open;
    const struct tape_block *events = block->events;
    size_t at = block->first + first;
    const struct ending_slice ended = {
        .count = end - first,
        .from = events->from + at,
        .to = events->to + at,
        .at_ms = events->at_ms + at,
    };
    open->ending_count += ended.count;
    for (size_t i = 0; i < ended.count && open->segment != NULL; i++) {
        const struct tie_ending ending = {
            .from = ended.from[i],
            .to = ended.to[i],
            .ended_at_ms = ended.at_ms[i],
            .ties_before = open->first_tie + open->made.total,
        };
        TRY(tie_segment_put_ending(open->segment, &ending, err));
    }
    return publisher_put_endings(open->publisher, &ended, err);
}

/* Emits the block's items [first, end), which are of the open period, in stretches of the same
 * outcome. */
static struct status items_emit(struct engine *engine, const struct replay_block *block,
                                size_t first, size_t end, struct err *err) {
    uint64_t *counts = engine->job->ingest->facts[engine->open.index].quality.count;
    size_t next;
    for (size_t at = first; at < end; at = next) {
        next = at + 1;
        while (next < end && block->outcome[next] == block->outcome[at]) {
            next++;
        }
        switch ((enum outcome)block->outcome[at]) {
        case OUTCOME_TIE:
            TRY(ties_emit(engine, block, at, next, err));
            break;
        case OUTCOME_ENDING:
            TRY(endings_emit(engine, block, at, next, err));
            break;
        case OUTCOME_DUPLICATE:
            counts[QUALITY_DUPLICATE] += next - at;
            break;
        case OUTCOME_ORPHAN:
            counts[QUALITY_ORPHAN] += next - at;
            break;
        }
    }
    return status_ok();
}

/* Hands a block's ties, endings and rejected events to their periods. */
static struct status block_emit(struct engine *engine, const struct replay_block *block,
                                struct err *err) {
    const int64_t *at_ms = block->events->at_ms + block->first;
    const uint8_t *code = block->events->code + block->first;
    for (size_t i = 0; i < block->count && has_segments(engine); i++) {
        engine->origin[i] = (uint8_t)event_code_origin(code[i]);
    }
    size_t first = 0;
    while (first < block->count) {
        size_t period = period_index(engine->periods, at_ms[first]);
        size_t end = period_end(engine->periods, period, at_ms, first, block->count);
        TRY(period_advance(engine, period, err));
        TRY(items_emit(engine, block, first, end, err));
        first = end;
    }
    engine->emitted += block->count;
    progress_update(engine->job->progress, engine->emitted);
    return status_ok();
}

/* --- batches --- */

static void batch_progress(void *context, const char *phase, uint64_t done, uint64_t all) {
    struct engine *engine = context;
    if (engine->phase == NULL || strcmp(engine->phase, phase) != 0) {
        engine->phase = phase;
        const char *unit = strcmp(phase, "rows") == 0 ? "slices" : "events";
        progress_begin(engine->job->progress, phase, unit, all);
    }
    progress_update(engine->job->progress, done);
}

/* Keeps settled rows for a study, which comes when the replay no longer needs the memory. */
static struct status rows_keep(const struct engine_job *job, const struct arrival_rows *rows,
                               struct err *err) {
    struct graph *graph = job->graph;
    if (graph->rows == NULL) {
        TRY(row_file_open(&graph->rows, job->scratch_folder, dictionary_count(&graph->dictionary),
                          err));
    }
    return row_file_append(graph->rows, rows, err);
}

static struct status rows_take(void *context, struct arrival_rows *rows, struct err *err) {
    struct engine_job *job = context;
    if (job->after != NULL) {
        TRY(job->after->take(job->after->context, rows, err));
    }
    return job->keeps_rows ? rows_keep(job, rows, err) : status_ok();
}

static struct status batch_replay(struct engine *engine, const struct batch *batch,
                                  struct err *err) {
    struct replay *replay;
    struct ingest *ingest = engine->job->ingest;
    TRY(replay_new(&replay, &batch->census, batch->results, sequence_tape(ingest->sequence),
                   ingest->options.simultaneous, err));
    struct status status;
    engine->phase = NULL;
    progress_begin(engine->job->progress, "writing", "events", sequence_count(ingest->sequence));
    for (;;) {
        const struct replay_block *block;
        TRY_OR(done, status, replay_next(replay, &block, err));
        if (block == NULL) {
            break;
        }
        TRY_OR(done, status, block_emit(engine, block, err));
    }
done:
    progress_end(engine->job->progress);
    replay_free(replay);
    return status;
}

/* What the first replay needs, once the run ids are known and before any of the tape is forgotten.
 */
static struct status replays_begin(struct engine *engine, struct err *err) {
    const struct ingest *ingest = engine->job->ingest;
    uint64_t disconnects = ingest_disconnects(ingest);
    TRY(ending_index_reserve(&engine->endings, disconnects, err));
    if (disconnects != 0) {
        TRY(ending_index_add_tape(&engine->endings, sequence_tape(ingest->sequence), err));
    }
    TRY(ending_index_finish(&engine->endings, err));
    return period_open(engine, 0, err);
}

/* Runs all batches; `ids` are at work, and need the tape until they are finished. */
static struct status batches_run(struct engine *engine, const struct batch_options *options,
                                 struct run_ids **ids, struct err *err) {
    struct batch_series *series;
    TRY(batch_series_new(&series, options, err));
    struct status status;
    for (;;) {
        const struct batch *batch;
        TRY_OR(done, status, batch_series_next(series, &batch, err));
        progress_end(engine->job->progress);
        struct run_ids *finishing = *ids;
        *ids = NULL;
        TRY_OR(done, status, run_ids_finish(finishing, err));
        if (batch == NULL) {
            break;
        }
        if (engine->open.publisher == NULL) {
            TRY_OR(done, status, replays_begin(engine, err));
        }
        TRY_OR(done, status, batch_replay(engine, batch, err));
    }
done:
    batch_series_free(series);
    return status;
}

/* The batch's part of the memory, in terms of the option that sets it. */
static struct status plan_make(const struct engine_job *job, struct batch_options *options,
                               struct err *err) {
    struct dictionary *members = &job->graph->dictionary;
    dictionary_shed(members); /* none is looked up from here on */
    uint64_t dictionary = members->members.bytes + members->slots.bytes;
    uint64_t tape = tape_memory(options->tape);
    struct batch_plan plan = {0};
    options->memory_bytes = memory_for_batch(&job->memory, dictionary, tape);
    struct status status = batch_plan_make(options, &plan, err);
    if (status.failure == FAILURE_USAGE && plan.least_bytes > options->memory_bytes) {
        uint64_t missing = plan.least_bytes - options->memory_bytes;
        return err_set(err, FAILURE_USAGE,
                       "--memory is too little for this run by %" PRIu64
                       " MiB: give it more, or fewer --threads",
                       (missing >> 20) + 1);
    }
    if (!failed(status) && plan.slices > 1 && job->progress->mode != PROGRESS_QUIET) {
        char memory[BYTES_TEXT_BYTES];
        char scratch[BYTES_TEXT_BYTES];
        bytes_format(job->memory.all_bytes, memory);
        bytes_format(plan.scratch_bytes, scratch);
        progress_note(job->progress, "--memory %s: rows in %u slices, %s of scratch in %s", memory,
                      plan.slices, scratch, job->scratch_folder);
    }
    return status;
}

static struct status events_run(struct engine *engine, struct err *err) {
    struct engine_job *job = engine->job;
    struct ingest *ingest = job->ingest;
    struct tape *tape = sequence_tape(ingest->sequence);
    const struct batch_after after = {job, rows_take};
    struct batch_options options = {
        .tape = tape,
        .range = {0, tape_count(tape)},
        .node_count = dictionary_count(&job->graph->dictionary),
        .simultaneous = ingest->options.simultaneous,
        .base = job->base,
        .after = job->after != NULL || job->keeps_rows ? &after : NULL,
        .scratch_folder = job->scratch_folder,
        .beside_bytes = ending_index_bytes(ingest_disconnects(ingest)),
        .base_entries = job->base_entries,
        .threads = job->threads,
        .set = job->kernel,
        .progress = batch_progress,
        .progress_context = engine,
    };
    const struct run_ids_job ids_job = {
        .tape = tape,
        .dictionary = &job->graph->dictionary,
        .periods = engine->periods,
        .simultaneous = ingest->options.simultaneous,
        .previous = job->previous_run_id,
        .facts = ingest->facts,
    };
    struct run_ids *ids;
    TRY(plan_make(job, &options, err));
    TRY(run_ids_start(&ids, &ids_job, err));
    struct status status = batches_run(engine, &options, &ids, err);
    struct status ids_status = run_ids_finish(ids, failed(status) ? NULL : err);
    return failed(status) ? status : ids_status;
}

static struct status periods_run(struct engine *engine, struct err *err) {
    TRY(events_run(engine, err));
    TRY(period_advance(engine, engine->periods->count - 1, err));
    return period_close(engine, err);
}

struct status engine_run(struct engine_job *job, struct err *err) {
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        return err_memory(err, sizeof *engine, "the run");
    }
    *engine = (struct engine){.job = job, .periods = &job->ingest->options.periods};
    struct status status = status_ok();
    job->segments = calloc(engine->periods->count, sizeof *job->segments);
    if (job->segments == NULL) {
        status = err_memory(err, engine->periods->count * sizeof *job->segments, "the dates");
    }
    if (!failed(status)) {
        status = periods_run(engine, err);
    }
    progress_end(job->progress);
    period_abandon(engine);
    ending_index_release(&engine->endings);
    free(engine);
    return status;
}
