/* The verb `attribute`: a whole study, of the connections in logs or of the ties of a state. */
#include "pipeline/attribute_state.h"
#include "pipeline/fact_logs.h"
#include "pipeline/run.h"
#include "pipeline/study_job.h"
#include "pipeline/verbs.h"

#include <stdlib.h>

enum { FUTURE_DAYS = 366 };

struct attribute_job {
    struct run run;
    struct facts facts;
    struct attribution_settings settings;
    struct study_job study;
};

/* The newest start among the positions; INT64_MIN where there is none. */
static int64_t newest_start(const struct fact_table *positions) {
    int64_t newest_ms = INT64_MIN;
    for (size_t i = 0; i < positions->count; i++) {
        const uint64_t *value = positions->facts[i].value;
        int64_t at_ms = (int64_t)value[POSITION_AT];
        if (value[POSITION_KIND] == POSITION_START && at_ms > newest_ms) {
            newest_ms = at_ms;
        }
    }
    return newest_ms;
}

/* Whether a record of any log is later, or may be: the times of self-loops are not kept. */
static bool facts_are_beyond(const struct facts *facts, int64_t as_of_ms) {
    bool is_any = false;
    for (int log = 0; log < FACT_LOGS; log++) {
        const struct fact_table *table = &facts->tables[log];
        bool has_time = fact_shapes[log].fields[0].type == FACT_TIME;
        is_any = is_any || facts->counts[log].self_loops != 0;
        for (size_t i = 0; i < table->count && has_time && !is_any; i++) {
            is_any = (int64_t)table->facts[i].value[0] > as_of_ms;
        }
    }
    return is_any;
}

/* Reads the logs beside the connections up to as_of. */
static struct status facts_take(struct attribute_job *job, int64_t as_of_ms, struct err *err) {
    const struct facts_options until = {.until_ms = as_of_ms};
    facts_release(&job->facts);
    return facts_read_options(&job->facts, job->run.options, &until, NULL, job->run.progress, err);
}

/* One start with a mistaken year makes all ties look as if they had been watched until then. */
static void future_note(const struct run *run, int64_t as_of_ms) {
    const struct period_facts *found = &run->ingest.facts[0];
    char text[DATE_TEXT_BYTES];
    if (found->newest_connect_ms != INT64_MIN &&
        as_of_ms - found->newest_connect_ms > FUTURE_DAYS * DAY_MS) {
        date_format(as_of_ms, text);
        progress_note(
            run->progress,
            "the study is as of %s, the latest start, though the last tie was made over a "
            "year before: is that date right? --as-of sets another",
            text);
    }
}

/* Takes the connections up to as_of; without one, it is the latest connect or start, for which the
 * other logs are read whole, and what is later is left out. */
static struct status connections_take(struct attribute_job *job, int64_t *as_of_ms,
                                      struct err *err) {
    struct run *run = &job->run;
    const struct options *options = run->options;
    *as_of_ms = options->as_of_ms;
    TRY(run_ingest(run, periods_whole(*as_of_ms), NULL, NULL, err));
    if (*as_of_ms != INT64_MAX) {
        return status_ok();
    }
    TRY(facts_take(job, INT64_MAX, err));
    *as_of_ms = newest_start(&job->facts.tables[FACT_POSITIONS]);
    const struct period_facts *found = &run->ingest.facts[0];
    *as_of_ms = found->newest_connect_ms > *as_of_ms ? found->newest_connect_ms : *as_of_ms;
    *as_of_ms = *as_of_ms == INT64_MIN ? 0 : *as_of_ms; /* nothing ever happened */
    future_note(run, *as_of_ms);
    if (found->has_newest && found->newest_ms > *as_of_ms) { /* ends alone are later */
        ingest_release(&run->ingest);
        graph_release(&run->graph); /* members that only those name are not numbered */
        return run_ingest(run, periods_whole(*as_of_ms), NULL, NULL, err);
    }
    run->ingest.options.periods.until_ms = *as_of_ms;
    return status_ok();
}

static struct status attribute_compute(void *context, const char *staging, struct err *err) {
    struct attribute_job *job = context;
    struct run *run = &job->run;
    int64_t as_of_ms;
    TRY(connections_take(job, &as_of_ms, err));
    if (run->options->as_of_ms != INT64_MAX || facts_are_beyond(&job->facts, as_of_ms)) {
        TRY(facts_take(job, as_of_ms, err));
    }
    TRY(quarantine_move(&run->ingest.quarantine, &job->facts.quarantine, err));
    char *segment;
    TRY(path_join(&segment, staging, "ties.tff", err));
    const char *segments[] = {segment};
    job->study = (struct study_job){
        .scope = (enum attribution_scope)run->options->scope,
        .settings = &job->settings,
        .facts = &job->facts,
        .graph = &run->graph,
        .segment_paths = segments,
        .segment_count = 1,
        .as_of_ms = as_of_ms,
        .memory_bytes = memory_for_study(&run->ingest.options.memory),
        .threads = options_threads(run->options),
        .kernel = (enum kernel_set)run->options->kernel,
        .progress = run->progress,
    };
    const struct more_tables more = study_job_tables(&job->study);
    run->more = &more;
    struct status status =
        run_compute(run, staging, staging, run->ingest.extents, run->ingest.extent_count, 0, err);
    free(segment);
    return status;
}

struct status verb_attribute(const struct options *options, struct progress *progress,
                             struct err *err) {
    if (!options_have_log(options, FACT_POSITIONS)) {
        return require_option(NULL, "positions", err);
    }
    if (options->state != NULL) {
        return attribute_state(options, progress, err);
    }
    struct attribute_job job = {.run = {.options = options, .progress = progress}};
    options_attribution(options, &job.settings);
    struct status status = run_staged(&job.run, ".repeat-attribute", attribute_compute, &job, err);
    if (!failed(status)) {
        run_report(&job.run, options->out);
        if (!options->is_quiet && options->log != 1) {
            study_job_print(stdout, &job.study, options->out);
        }
    }
    facts_release(&job.facts);
    run_release(&job.run);
    return status;
}
