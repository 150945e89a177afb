#include "pipeline/engine.h"

#include "stages/base/checksum.h"
#include "stages/base/files.h"
#include "stages/embeddedness/embeddedness.h"
#include "stages/tie_store/tie_segment.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Events that are resolved and staged at a time. */
enum { BLOCK_EVENTS = 4096 };

/* What is open for the period that is being written. */
struct open_period {
    size_t index;
    char *segment_path;
    struct output *output;
    struct tie_segment_writer *writer;
    uint64_t first_tie;
    struct tie_ending *endings;
    size_t ending_count;
    size_t ending_capacity;
    struct histogram made;
};

struct engine {
    struct engine_job *job;
    const struct periods *periods;
    struct embeddedness *embeddedness;
    struct tie_batch batch;
    struct member_id *members; /* from and to of a block */
    struct node_id *nodes;
    size_t block_capacity;
    size_t hashed_period; /* whose run_id is being computed */
    struct checksum *run_checksum;
    struct open_period open;
    uint64_t applied_events;
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

/* --- run ids: a chain over the settings and the ordered events of every period --- */

static struct status run_id_begin(struct engine *engine, struct err *err) {
    checksum_free(engine->run_checksum);
    engine->run_checksum = NULL;
    TRY(checksum_new(&engine->run_checksum, err));
    const struct period_facts *facts = engine->job->ingest->facts;
    uint64_t before = engine->hashed_period == 0 ? engine->job->previous_run_id
                                                 : facts[engine->hashed_period - 1].run_id;
    uint8_t head[17];
    put_u64(head, before);
    int64_t first_ms =
        engine->periods->is_whole ? 0 : period_first_ms(engine->periods, engine->hashed_period);
    put_u64(head + 8, (uint64_t)first_ms);
    head[16] = (uint8_t)engine->job->ingest->options.simultaneous;
    checksum_update(engine->run_checksum, head, sizeof head);
    return status_ok();
}

/* Ends the run ids of all periods before `period`. */
static struct status run_id_advance(struct engine *engine, size_t period, struct err *err) {
    while (engine->hashed_period < period) {
        engine->job->ingest->facts[engine->hashed_period].run_id =
            checksum_value(engine->run_checksum);
        engine->hashed_period++;
        TRY(run_id_begin(engine, err));
    }
    return status_ok();
}

static void run_id_add(struct engine *engine, const struct event *event) {
    uint8_t packed[26];
    put_u64(packed, (uint64_t)event->at_ms);
    put_u64(packed + 8, event->from.v);
    put_u64(packed + 16, event->to.v);
    packed[24] = event->kind;
    packed[25] = event->origin;
    checksum_update(engine->run_checksum, packed, sizeof packed);
}

/* --- periods --- */

static struct status period_open(struct engine *engine, size_t index, struct err *err) {
    struct open_period *open = &engine->open;
    struct engine_job *job = engine->job;
    char *name = NULL;
    open->index = index;
    open->first_tie = job->graph->cohort.total;
    open->ending_count = 0;
    const char *prefix = engine->periods->is_whole ? "ties" : "ties-";
    TRY(period_name(engine->periods, index, prefix, ".tff", &name, err));
    job->segments[index].file.name = name;
    TRY(path_join(&open->segment_path, job->segment_folder, name, err));
    TRY(output_open(&open->output, open->segment_path, false, err));
    return tie_segment_writer_new(&open->writer, open->output, open->first_tie, err);
}

static void period_abandon(struct engine *engine) {
    struct open_period *open = &engine->open;
    tie_segment_writer_free(open->writer);
    output_discard(open->output);
    free(open->segment_path);
    histogram_release(&open->made);
    open->writer = NULL;
    open->output = NULL;
    open->segment_path = NULL;
}

/* Ends the segment's file and notes it. */
static struct status segment_close(struct engine *engine, struct err *err) {
    struct open_period *open = &engine->open;
    struct segment *segment = &engine->job->segments[open->index];
    TRY(tie_segment_end(open->writer, err));
    struct output *output = open->output;
    open->output = NULL;
    TRY(output_commit(output, &segment->file.bytes, &segment->file.checksum, err));
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
    status = folder_remove(*folder, err);
    if (!failed(status)) {
        status = folder_make(*folder, err);
    }
    if (failed(status)) {
        free(*folder);
        *folder = NULL;
    }
    return status;
}

static void publication_fill(const struct engine *engine, const char *folder, char *date,
                             struct progress *quiet, struct publication *publication) {
    const struct engine_job *job = engine->job;
    const struct period_facts *facts = &job->ingest->facts[engine->open.index];
    *publication = (struct publication){
        .folder = folder,
        .formats = job->formats,
        .simultaneous = job->ingest->options.simultaneous,
        .as_of_ms = facts->newest_ms,
        .has_as_of = facts->has_newest,
        .run_id = facts->run_id,
        .dictionary = &job->graph->dictionary,
        .quality = &facts->quality,
        .made = &engine->open.made,
        .cohort = &job->graph->cohort,
        .progress = job->progress,
        .more = engine->open.index + 1 == engine->periods->count ? job->more : NULL,
    };
    if (engine->periods->is_whole && engine->periods->until_ms != INT64_MAX) {
        publication->as_of_ms = engine->periods->until_ms;
        publication->has_as_of = true;
    }
    if (!engine->periods->is_whole) {
        int64_t first_ms = period_first_ms(engine->periods, engine->open.index);
        date_format(first_ms, date);
        progress_init(quiet, PROGRESS_QUIET); /* the bar of the whole run goes on meanwhile */
        publication->date = date;
        publication->as_of_ms = first_ms + DAY_MS - 1;
        publication->has_as_of = true;
        publication->progress = quiet;
    }
}

static struct status tables_publish(struct engine *engine, const char *folder,
                                    const struct ending_index *index, struct err *err) {
    struct engine_job *job = engine->job;
    struct open_period *open = &engine->open;
    char date[DATE_TEXT_BYTES];
    struct progress quiet;
    struct publication publication;
    publication_fill(engine, folder, date, &quiet, &publication);
    const char *path = open->segment_path;
    struct ties_source ties = {&path, 1, open->made.total, index};
    bool is_first = open->index == 0;
    struct small_tables small = {
        .endings = open->endings,
        .ending_count = open->ending_count,
        .late = is_first ? job->ingest->late : NULL,
        .quarantine = job->ingest->quarantine.items,
        .quarantine_count = is_first ? job->ingest->quarantine.count : 0,
        .letters = job->letters,
        .extents = job->extents,
        .extent_count = job->extent_count,
    };
    return publish_period(&publication, &ties, &small, err);
}

static struct status period_close(struct engine *engine, struct err *err) {
    struct open_period *open = &engine->open;
    struct ending_index index = {0};
    char *folder = NULL;
    struct quality *quality = &engine->job->ingest->facts[open->index].quality;
    quality->count[QUALITY_TIES] = open->made.total;
    quality->count[QUALITY_ENDINGS] = open->ending_count;
    quality->count[QUALITY_APPLIED] = open->made.total + open->ending_count;
    struct status status;
    TRY_OR(done, status, segment_close(engine, err));
    TRY_OR(done, status, ending_index_add(&index, open->endings, open->ending_count, err));
    TRY_OR(done, status, ending_index_finish(&index, err));
    TRY_OR(done, status, table_folder_make(engine, open->index, &folder, err));
    TRY_OR(done, status, tables_publish(engine, folder, &index, err));
    status = folder_sync(folder, err);
done:
    ending_index_release(&index);
    free(folder);
    period_abandon(engine);
    return status;
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

/* --- batches --- */

static struct status emit_tie(struct engine *engine, size_t i, size_t *ended_seen,
                              struct err *err) {
    const struct tie_batch *batch = &engine->batch;
    struct stored_tie tie = {
        .created_at_ms = batch->created_at_ms[i],
        .from = batch->from[i],
        .to = batch->to[i],
        .mutual = batch->mutual[i],
        .degree_from = batch->seen_from[i],
        .degree_to = batch->seen_to[i],
        .origin = (uint8_t)tie_batch_origin(batch->code[i]),
    };
    if (*ended_seen < batch->ended_seen_count && batch->ended_seen[*ended_seen].index == i) {
        tie.degree_from -= 2 * batch->ended_seen[*ended_seen].from;
        tie.degree_to -= 2 * batch->ended_seen[*ended_seen].to;
        (*ended_seen)++;
    }
    assert(tie.mutual <= tie.degree_from && tie.mutual <= tie.degree_to);
    TRY(histogram_add(&engine->open.made, tie.mutual, 1, err));
    TRY(histogram_add(&engine->job->made, tie.mutual, 1, err));
    TRY(histogram_add(&engine->job->graph->cohort, tie.mutual, 1, err));
    return tie_segment_put_tie(engine->open.writer, &tie, err);
}

static struct status emit_ending(struct engine *engine, const struct tie_ending *ending,
                                 struct err *err) {
    struct open_period *open = &engine->open;
    if (open->ending_count == open->ending_capacity) {
        size_t capacity = open->ending_capacity * 2 + 64;
        struct tie_ending *grown = reallocarray(open->endings, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "the endings of ties");
        }
        open->endings = grown;
        open->ending_capacity = capacity;
    }
    open->endings[open->ending_count++] = *ending;
    return tie_segment_put_ending(open->writer, ending, err);
}

/* Hands the batch's ties, endings and rejected events to their periods. Each list is in order of
 * time, so everything of one period is taken before the next is opened. */
static struct status batch_emit(struct engine *engine, struct err *err) {
    const struct tie_batch *batch = &engine->batch;
    const struct periods *periods = engine->periods;
    size_t tie = 0;
    size_t ended_seen = 0;
    size_t ending = 0;
    size_t rejected = 0;
    for (;;) {
        size_t now = engine->open.index;
        while (tie < batch->count && period_index(periods, batch->created_at_ms[tie]) == now) {
            TRY(emit_tie(engine, tie++, &ended_seen, err));
        }
        while (ending < batch->ending_count &&
               period_index(periods, batch->endings[ending].ended_at_ms) == now) {
            TRY(emit_ending(engine, &batch->endings[ending++], err));
        }
        while (rejected < batch->rejected_count &&
               period_index(periods, batch->rejected[rejected].at_ms) == now) {
            enum quality_check check = batch->rejected[rejected++].check;
            engine->job->ingest->facts[now].quality.count[check]++;
        }
        if (tie == batch->count && ending == batch->ending_count &&
            rejected == batch->rejected_count) {
            return status_ok();
        }
        TRY(period_advance(engine, now + 1, err));
    }
}

/* Runs the staged events through the kernel. */
static struct status batch_run(struct engine *engine, struct err *err) {
    struct graph *graph = engine->job->graph;
    struct tie_batch *batch = &engine->batch;
    size_t node_count = dictionary_count(&graph->dictionary);
    while (batch->next < batch->staged) {
        size_t before = batch->next;
        TRY(adjacency_apply(&graph->adjacency, batch, node_count,
                            engine->job->ingest->options.simultaneous, err));
        TRY(embeddedness_compute(engine->embeddedness, &graph->adjacency.rows, batch,
                                 (struct part){0, 1}, err));
        TRY(batch_emit(engine, err));
        engine->applied_events += batch->next - before;
        progress_update(engine->job->progress, engine->applied_events);
    }
    tie_batch_clear(batch);
    return status_ok();
}

static struct status block_hold(struct engine *engine, size_t count, struct err *err) {
    if (count <= engine->block_capacity) {
        return status_ok();
    }
    free(engine->members);
    free(engine->nodes);
    engine->block_capacity = 0;
    engine->members = calloc(2 * count, sizeof *engine->members);
    engine->nodes = calloc(2 * count, sizeof *engine->nodes);
    if (engine->members == NULL || engine->nodes == NULL) {
        return err_memory(err, count * 24, "a block of events");
    }
    engine->block_capacity = count;
    return status_ok();
}

/* Resolves a block of ordered events to nodes and appends it to the batch. */
static struct status block_stage(struct engine *engine, const struct event *events, size_t count,
                                 struct err *err) {
    struct tie_batch *batch = &engine->batch;
    TRY(block_hold(engine, count, err));
    TRY(tie_batch_reserve(batch, count, err));
    for (size_t i = 0; i < count; i++) {
        TRY(run_id_advance(engine, period_index(engine->periods, events[i].at_ms), err));
        run_id_add(engine, &events[i]);
        engine->members[2 * i] = events[i].from;
        engine->members[2 * i + 1] = events[i].to;
    }
    TRY(dictionary_resolve(&engine->job->graph->dictionary, engine->members, 2 * count,
                           engine->nodes, err));
    for (size_t i = 0; i < count; i++) {
        size_t at = batch->staged++;
        batch->created_at_ms[at] = events[i].at_ms;
        batch->from[at] = engine->nodes[2 * i].v;
        batch->to[at] = engine->nodes[2 * i + 1].v;
        batch->code[at] = tie_batch_code(events[i].kind, events[i].origin);
    }
    return status_ok();
}

static size_t batch_target(const struct engine *engine) {
    if (engine->job->batch_events != 0) {
        return engine->job->batch_events;
    }
    return adjacency_batch_target(&engine->job->graph->adjacency);
}

static struct status events_run(struct engine *engine, struct err *err) {
    struct order *order = engine->job->ingest->order;
    size_t target = batch_target(engine);
    for (;;) {
        const struct event *events;
        size_t count;
        size_t room = target - engine->batch.staged;
        TRY(order_next(order, room < BLOCK_EVENTS ? room : BLOCK_EVENTS, &events, &count, err));
        if (count != 0) {
            TRY(block_stage(engine, events, count, err));
        }
        if (engine->batch.staged >= target || count == 0) {
            TRY(batch_run(engine, err));
            target = batch_target(engine);
        }
        if (count == 0) {
            return status_ok();
        }
    }
}

static struct status periods_run(struct engine *engine, struct err *err) {
    size_t period_count = engine->periods->count;
    TRY(run_id_begin(engine, err));
    TRY(period_open(engine, 0, err));
    TRY(events_run(engine, err));
    TRY(run_id_advance(engine, period_count, err));
    TRY(adjacency_settle(&engine->job->graph->adjacency, err));
    TRY(period_advance(engine, period_count - 1, err));
    return period_close(engine, err);
}

struct status engine_run(struct engine_job *job, struct err *err) {
    struct engine engine = {.job = job, .periods = &job->ingest->options.periods};
    struct status status;
    job->segments = calloc(engine.periods->count, sizeof *job->segments);
    if (job->segments == NULL) {
        return err_memory(err, engine.periods->count * sizeof *job->segments, "the dates");
    }
    progress_begin(job->progress, "embeddedness", "events", order_count(job->ingest->order));
    TRY_OR(done, status, embeddedness_new(&engine.embeddedness, job->threads, err));
    status = periods_run(&engine, err);
done:
    progress_end(job->progress);
    period_abandon(&engine);
    free(engine.open.endings);
    checksum_free(engine.run_checksum);
    embeddedness_free(engine.embeddedness);
    tie_batch_release(&engine.batch);
    free(engine.members);
    free(engine.nodes);
    return status;
}
