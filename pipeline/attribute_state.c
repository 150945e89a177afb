/* The rows of the graph, which the diversity of members needs, come out of the state as they do for
 * a night: as those after a batch, here of no events.
 */
#include "pipeline/attribute_state.h"

#include "pipeline/fact_logs.h"
#include "pipeline/run.h"
#include "pipeline/study_job.h"
#include "pipeline/verbs.h"
#include "stages/base/files.h"
#include "stages/embeddedness/batch.h"
#include "stages/order/tape.h"
#include "stages/state/rest.h"

#include <stdlib.h>

struct state_job {
    struct run run; /* its options, progress, formats, graph; for the report */
    struct state state;
    struct generation generation;
    struct facts facts;
    struct attribution_settings settings;
    struct names segments; /* paths */
    struct study_job study;
};

static struct status options_check(const struct options *options, struct err *err) {
    if (options->logs.count + options->arguments.count != 0) {
        return err_set(err, FAILURE_USAGE,
                       "--state and --logs: ties come from one of them; leave out the other");
    }
    if (options->as_of_ms != INT64_MAX) {
        return err_set(err, FAILURE_USAGE,
                       "--as-of: with --state a study is as of the end of a generation's date: "
                       "choose one by --date");
    }
    return require_option(options->out, "out", err);
}

/* The paths of the segments, whose sizes must be those of the manifest. */
static struct status segments_find(struct state_job *job, struct err *err) {
    for (size_t i = 0; i < job->generation.segment_count; i++) {
        const struct state_file *file = &job->generation.segments[i].file;
        struct input *input;
        char *path;
        TRY(state_file_open(&job->state, file, &input, err));
        input_close(input);
        TRY(state_path(&job->state, file->name, &path, err));
        struct status status = names_add(&job->segments, path, err);
        free(path);
        TRY(status);
    }
    return status_ok();
}

/* --- rows --- */

static struct status rows_take(void *context, struct arrival_rows *rows, struct err *err) {
    return row_file_append(context, rows, err);
}

static struct status rows_load(struct state_job *job, const char *scratch_folder,
                               const struct memory_shares *memory, struct err *err) {
    struct graph *graph = &job->run.graph;
    const struct options *options = job->run.options;
    struct rest_base rest = {&job->state, &job->generation, options_threads(options)};
    size_t members = dictionary_count(&graph->dictionary);
    struct tape *tape = NULL;
    struct batch batch = {0};
    struct status status;
    TRY_OR(done, status, row_file_open(&graph->rows, scratch_folder, members, err));
    TRY_OR(done, status, tape_new(&tape, scratch_folder, 0, err));
    TRY_OR(done, status, tape_end(tape, err));
    const struct batch_base base = rest_base_of(&rest);
    const struct batch_after after = {graph->rows, rows_take};
    const uint64_t dictionary = graph->dictionary.members.bytes + graph->dictionary.slots.bytes;
    const struct batch_options batch_options = {
        .tape = tape,
        .node_count = members,
        .simultaneous = job->generation.simultaneous,
        .base = &base,
        .after = &after,
        .scratch_folder = scratch_folder,
        .memory_bytes = memory_for_batch(memory, dictionary, 0),
        .base_entries = 2 * job->generation.open_ties,
        .threads = rest.threads,
    };
    status = batch_run(&batch, &batch_options, err);
done:
    batch_release(&batch);
    tape_free(tape);
    return status;
}

/* --- the study --- */

static void study_fill(struct state_job *job, const struct memory_shares *memory) {
    const struct options *options = job->run.options;
    job->study = (struct study_job){
        .scope = (enum attribution_scope)options->scope,
        .settings = &job->settings,
        .facts = &job->facts,
        .graph = &job->run.graph,
        .segment_paths = (const char *const *)job->segments.items,
        .segment_count = job->segments.count,
        .as_of_ms = job->generation.date_ms + DAY_MS - 1,
        .memory_bytes = memory_for_study(memory),
        .threads = options_threads(options),
        .progress = job->run.progress,
    };
}

static struct status study_publish(struct state_job *job, const char *folder, struct err *err) {
    const struct generation *generation = &job->generation;
    const struct more_tables more = study_job_tables(&job->study);
    char date[DATE_TEXT_BYTES];
    date_format(generation->date_ms, date);
    const struct publication publication = {
        .folder = folder,
        .formats = job->run.formats,
        .simultaneous = generation->simultaneous,
        .date = date,
        .as_of_ms = job->study.as_of_ms,
        .has_as_of = true,
        .run_id = generation->run_id,
        .dictionary = &job->run.graph.dictionary,
        .cohort = &job->run.graph.cohort,
        .threads = job->study.threads,
        .progress = job->run.progress,
        .more = &more,
    };
    const struct ties_source ties = {
        .paths = job->study.segment_paths,
        .path_count = job->study.segment_count,
        .tie_count = generation->ties,
    };
    const struct small_tables small = {
        .quarantine = job->facts.quarantine.items,
        .quarantine_count = job->facts.quarantine.count,
    };
    return publish_more(&publication, &ties, &small, err);
}

static struct status state_compute(void *context, const char *staging, struct err *err) {
    struct state_job *job = context;
    struct run *run = &job->run;
    const struct memory_shares memory = options_memory(run->options);
    const struct facts_options until = {.until_ms = job->generation.date_ms + DAY_MS - 1};
    TRY(state_load_graph(&job->state, &job->generation, &run->graph, err));
    TRY(histogram_merge(&run->job.made, &run->graph.cohort, err));
    TRY(facts_read_options(&job->facts, run->options, &until, NULL, run->progress, err));
    TRY(segments_find(job, err));
    study_fill(job, &memory);
    if (job->study.scope == SCOPE_ALL) {
        TRY(rows_load(job, staging, &memory, err));
    }
    return study_publish(job, staging, err);
}

static void state_job_release(struct state_job *job) {
    names_release(&job->segments);
    facts_release(&job->facts);
    generation_release(&job->generation);
    state_close(&job->state);
    run_release(&job->run);
}

static struct status state_job_run(struct state_job *job, struct err *err) {
    const struct options *options = job->run.options;
    TRY(options_check(options, err));
    TRY(options_table_formats(options, &job->run.formats, err));
    TRY(state_open(&job->state, options->state, false, err));
    TRY(options_generation(options, &job->state, &job->generation, err));
    TRY(folder_make(options->out, err));
    return tables_staged(options->out, ".repeat-attribute", state_compute, job, err);
}

struct status attribute_state(const struct options *options, struct progress *progress,
                              struct err *err) {
    struct state_job job = {.run = {.options = options, .progress = progress}};
    options_attribution(options, &job.settings);
    struct status status = state_job_run(&job, err);
    if (!failed(status)) {
        run_report(&job.run, options->out);
        if (!options->is_quiet && options->log != 1) {
            study_job_print(stdout, &job.study, options->out);
        }
    }
    state_job_release(&job);
    return status;
}
