/* The verb `generate`: a log of connections from a seed, or a whole world with careers. */
#include "pipeline/log_source.h"
#include "pipeline/verbs.h"

#include "schemas/version.h"
#include "stages/base/json_writer.h"
#include "stages/base/workers.h"
#include "stages/decode/fact_writer.h"
#include "stages/decode/log_writer.h"
#include "stages/generate/labour.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Events handed from the model to the writer at a time: some frames, so that starting threads costs
 * nothing beside them. */
enum { BLOCK_EVENTS = 1 << 19, EXPERIMENT_PARTS = 5 };

/* ---- a log of connections alone ---- */

/* Two blocks: one is filled with what the model makes next while the other, which is full, is
 * written. Neither waits for the other but at the end of a block, so what is written cannot depend
 * on threads. */
struct log_job {
    struct log_source *source;
    struct log_writer *writer;
    struct event *blocks[2];
    size_t counts[2];
    unsigned filling; /* the block that is being filled */
    struct status fill_status;
    struct status write_status;
    struct err fill_err;
    struct err write_err;
};

enum { TASK_FILL, TASK_WRITE, TASKS };

static void log_job_turn(void *context, unsigned worker, size_t first, size_t end) {
    struct log_job *job = context;
    (void)worker;
    for (size_t task = first; task < end; task++) {
        if (task == TASK_FILL) {
            job->fill_status = log_source_next(job->source, job->blocks[job->filling], BLOCK_EVENTS,
                                               &job->counts[job->filling], &job->fill_err);
        } else {
            unsigned full = 1 - job->filling;
            job->write_status =
                log_writer_put(job->writer, job->blocks[full], job->counts[full], &job->write_err);
        }
    }
}

static struct status log_write(struct log_job *job, unsigned threads, uint64_t *written,
                               struct progress *progress, struct err *err) {
    do {
        workers_run(threads, TASKS, 1, log_job_turn, job);
        if (failed(job->fill_status)) {
            return err_set(err, job->fill_status.failure, "%s", job->fill_err.text);
        }
        if (failed(job->write_status)) {
            return err_set(err, job->write_status.failure, "%s", job->write_err.text);
        }
        *written += job->counts[1 - job->filling];
        progress_update(progress, *written);
        job->filling = 1 - job->filling;
    } while (job->counts[1 - job->filling] != 0);
    return status_ok();
}

static struct status blocks_new(struct log_job *job, struct err *err) {
    for (int i = 0; i < 2; i++) {
        job->blocks[i] = malloc(BLOCK_EVENTS * sizeof(struct event));
        if (job->blocks[i] == NULL) {
            return err_memory(err, BLOCK_EVENTS * sizeof(struct event), "events");
        }
    }
    return status_ok();
}

static struct status log_generate(const struct options *options, struct progress *progress,
                                  struct err *err) {
    struct log_job job = {0};
    uint64_t written = 0;
    struct status status = log_source_open(&job.source, options, err);
    if (!failed(status)) {
        status = blocks_new(&job, err);
    }
    if (!failed(status)) {
        status = log_create(options->out, &job.writer, err);
    }
    if (!failed(status)) {
        progress_begin(progress, "generating", "events", options->ties);
        status = log_write(&job, options_threads(options), &written, progress, err);
        status = log_close(options, job.writer, written, progress, status, err);
    }
    free(job.blocks[0]);
    free(job.blocks[1]);
    log_source_close(job.source);
    return status;
}

/* ---- a world with careers ---- */

static bool careers_are_given(const struct career_options *careers) {
    return careers->csv || careers->hazard != UINT64_MAX || careers->hazard_rate >= 0 ||
           careers->move_rate >= 0 || careers->homophily >= 0 || careers->coworkers >= 0 ||
           careers->regions > 0 || careers->company_size > 0 || careers->company_skew > 0 ||
           careers->coarse >= 0 || careers->mergers >= 0 || careers->unknown >= 0 ||
           careers->variants > 0 || !isnan(careers->variant_closure) ||
           careers->interaction_rate >= 0 || careers->application_rate >= 0;
}

static void given(double value, double *option) {
    if (value >= 0) {
        *option = value;
    }
}

static struct labour_options labour_options_of(const struct options *options) {
    const struct career_options *careers = &options->careers;
    struct labour_options labour = labour_defaults(options->ties, log_degree(options));
    struct study_options *study = &labour.study;
    log_study_set(options, study);
    study->variant_from_ms = study->start_ms + study->span_ms / EXPERIMENT_PARTS;
    given(careers->homophily, &study->homophily);
    given(careers->coworkers, &study->coworkers);
    given(careers->hazard_rate, &labour.hazard_per_year);
    given(careers->move_rate, &labour.moves_per_year);
    given(careers->coarse, &labour.coarse_share);
    given(careers->unknown, &labour.unknown_share);
    given(careers->mergers, &labour.merger_share);
    given(careers->interaction_rate, &labour.interactions_per_year);
    given(careers->application_rate, &labour.applications_per_year);
    if (careers->hazard != UINT64_MAX) {
        labour.hazard = (enum hazard_shape)careers->hazard;
    }
    if (careers->regions > 0) {
        study->regions = (uint32_t)careers->regions;
    }
    if (careers->company_size > 0) {
        study->employer_size = (uint32_t)careers->company_size;
    }
    if (careers->company_skew > 0) {
        study->employer_skew = (uint32_t)careers->company_skew;
    }
    if (careers->variants > 0) {
        study->variants = (uint32_t)careers->variants;
    }
    if (!isnan(careers->variant_closure)) {
        study->variant_closure = careers->variant_closure;
    }
    return labour;
}

/* The files of a world; NULL where not open. */
struct world {
    struct log_writer *connections;
    struct fact_writer *facts[FACT_LOGS];
    struct fact_writer *planted;
    uint64_t events;
    uint64_t records[FACT_LOGS];
};

static struct status fact_file_open(const char *folder, const struct fact_shape *shape,
                                    struct fact_writer **writer, struct err *err) {
    char name[64];
    char *path;
    snprintf(name, sizeof name, "%s.csv", shape->name);
    TRY(path_join(&path, folder, name, err));
    struct status status = fact_writer_open(writer, path, shape, false, err);
    free(path);
    return status;
}

static struct status world_open(const struct options *options, struct world *world,
                                struct err *err) {
    TRY(folder_make(options->out, err));
    char *path;
    TRY(path_join(&path, options->out, options->careers.csv ? "connections.csv" : "connections.tfp",
                  err));
    struct status status = log_create(path, &world->connections, err);
    free(path);
    for (int log = 0; log < FACT_LOGS && !failed(status); log++) {
        status = fact_file_open(options->out, &fact_shapes[log], &world->facts[log], err);
    }
    return failed(status) ? status
                          : fact_file_open(options->out, &planted_shape, &world->planted, err);
}

static struct status world_write(struct labour *labour, struct world *world,
                                 struct progress *progress, struct err *err) {
    for (;;) {
        const struct labour_batch *batch;
        bool more;
        TRY(labour_next(labour, &batch, &more, err));
        if (!more) {
            return status_ok();
        }
        TRY(log_writer_put(world->connections, batch->events, batch->event_count, err));
        for (int log = 0; log < FACT_LOGS; log++) {
            const struct fact_list *list = &batch->facts[log];
            TRY(fact_writer_put(world->facts[log], list->facts, list->count, err));
            world->records[log] += list->count;
        }
        TRY(fact_writer_put(world->planted, batch->planted.facts, batch->planted.count, err));
        world->events += batch->event_count;
        progress_update(progress, world->events);
    }
}

/* Commits every file, or discards what is open. */
static struct status world_close(struct world *world, struct status status, struct err *err) {
    for (int log = 0; log < FACT_LOGS; log++) {
        if (failed(status)) {
            fact_writer_discard(world->facts[log]);
        } else {
            status = fact_writer_commit(world->facts[log], NULL, NULL, err);
        }
    }
    if (failed(status)) {
        fact_writer_discard(world->planted);
    } else {
        status = fact_writer_commit(world->planted, NULL, NULL, err);
    }
    if (failed(status)) {
        log_writer_discard(world->connections);
        return status;
    }
    return log_writer_commit(world->connections, NULL, NULL, err);
}

static void settings_put(struct json_writer *json, const struct labour_options *options) {
    const struct study_options *study = &options->study;
    json_object_begin(json, "settings");
    json_put_u64(json, "seed", study->seed);
    json_put_u64(json, "ties", study->ties);
    json_put_u64(json, "members", study->members);
    json_put_i64(json, "start_ms", study->start_ms);
    json_put_i64(json, "span_ms", study->span_ms);
    json_put_double(json, "closure", study->closure);
    json_put_double(json, "disconnects", study->disconnect_share);
    json_put_double(json, "warts", study->wart_share);
    json_put_double(json, "homophily", study->homophily);
    json_put_u64(json, "regions", study->regions);
    json_put_double(json, "coworkers", study->coworkers);
    json_put_u64(json, "company_size", study->employer_size);
    json_put_u64(json, "company_skew", study->employer_skew);
    json_put_u64(json, "variants", study->variants);
    json_put_double(json, "variant_closure", study->variant_closure);
    json_put_i64(json, "variant_from_ms", study->variant_from_ms);
    json_put_text(json, "hazard", hazard_name(options->hazard));
    json_put_double(json, "hazard_rate", options->hazard_per_year);
    json_put_double(json, "move_rate", options->moves_per_year);
    json_put_double(json, "coarse", options->coarse_share);
    json_put_double(json, "mergers", options->merger_share);
    json_put_double(json, "unknown", options->unknown_share);
    json_put_double(json, "interaction_rate", options->interactions_per_year);
    json_put_double(json, "application_rate", options->applications_per_year);
    json_object_end(json);
}

static void curve_put(struct json_writer *json, const struct labour_options *options,
                      const struct labour_truth *truth) {
    json_array_begin(json, "by_mutual");
    for (size_t mutual = 0; mutual < truth->mutual_count; mutual++) {
        if (truth->ties_by_mutual[mutual] == 0) {
            continue;
        }
        json_object_begin(json, NULL);
        json_put_u64(json, "mutual", mutual);
        json_put_double(json, "hazard_per_year", labour_hazard(options, (uint32_t)mutual));
        json_put_u64(json, "ties", truth->ties_by_mutual[mutual]);
        json_put_u64(json, "planted", truth->planted_by_mutual[mutual]);
        json_object_end(json);
    }
    json_array_end(json);
}

static struct status truth_write(const struct options *options, const struct labour_options *labour,
                                 const struct labour_truth *truth, struct err *err) {
    struct json_writer json = {0};
    json_object_begin(&json, NULL);
    json_put_text(&json, "tieflow", TIEFLOW_VERSION);
    settings_put(&json, labour);
    json_put_u64(&json, "companies", truth->companies);
    json_put_u64(&json, "moves_planted", truth->moves_planted);
    json_put_u64(&json, "moves_by_chance", truth->moves_by_chance);
    json_put_u64(&json, "rehires", truth->rehires);
    curve_put(&json, labour, truth);
    json_object_end(&json);
    struct output *output;
    struct status status = json_writer_finish(&json, err);
    if (!failed(status)) {
        status = folder_output(&output, options->out, "truth.json", err);
    }
    if (!failed(status)) {
        status = output_write(output, json.text.data, json.text.count, err);
        if (failed(status)) {
            output_discard(output);
        } else {
            status = output_commit(output, NULL, NULL, err);
        }
    }
    json_writer_release(&json);
    return status;
}

static struct status world_generate(const struct options *options, struct progress *progress,
                                    struct err *err) {
    struct labour_options labour_options = labour_options_of(options);
    struct labour *labour;
    struct world world = {0};
    TRY(require_option(options->out, "out", err));
    TRY(labour_new(&labour, &labour_options, err));
    struct status status = world_open(options, &world, err);
    if (!failed(status)) {
        progress_begin(progress, "generating", "events", options->ties);
        status = world_write(labour, &world, progress, err);
        progress_end(progress);
    }
    status = world_close(&world, status, err);
    if (!failed(status)) {
        status = truth_write(options, &labour_options, labour_truth(labour), err);
    }
    if (!failed(status) && !options->is_quiet) {
        const struct labour_truth *truth = labour_truth(labour);
        printf("%s: %" PRIu64 " events, %" PRIu64 " positions of %" PRIu64 " members at %" PRIu64
               " companies, %" PRIu64 " moves planted, %" PRIu64 " by chance, in %.2f s\n",
               name_shown(options->out).text, world.events, world.records[FACT_POSITIONS],
               truth->members, truth->companies, truth->moves_planted, truth->moves_by_chance,
               progress_seconds(progress));
    }
    labour_free(labour);
    return status;
}

struct status verb_generate(const struct options *options, struct progress *progress,
                            struct err *err) {
    if (options->arguments.count != 0) {
        return err_set(err, FAILURE_USAGE,
                       "%s: generate takes no arguments; where its result goes is -o",
                       options->arguments.items[0]);
    }
    if (options->careers.wanted) {
        if (options->model != MODEL_STUDY || options->scale != 0) {
            return err_set(err, FAILURE_USAGE,
                           "--careers asks who is tied to whom, which the model `study` alone "
                           "knows: leave out --model and --scale");
        }
        return world_generate(options, progress, err);
    }
    if (careers_are_given(&options->careers)) {
        return err_set(err, FAILURE_USAGE,
                       "the options of careers ask for --careers, and a folder as -o");
    }
    return log_generate(options, progress, err);
}
