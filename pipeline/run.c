/* The verb `ties`, and what it shares with the nights. */
#include "pipeline/run.h"

#include "pipeline/dead_letters.h"
#include "pipeline/study_job.h"
#include "pipeline/summary.h"
#include "pipeline/verbs.h"
#include "stages/base/files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOUR_MS = 3600000 };

const char run_making_prefix[] = ".making-";
const char run_staging_prefix[] = ".staging-";
const char run_repeat_prefix[] = ".repeat-";

void run_release(struct run *run) {
    engine_job_release(&run->job);
    ingest_release(&run->ingest);
    graph_release(&run->graph);
    topic_close(&run->topic);
    file_set_release(&run->logs);
}

struct status run_prepare(struct run *run, struct err *err) {
    const struct options *options = run->options;
    TRY(require_option(options->out, "out", err));
    TRY(options_table_formats(options, &run->formats, err));
    TRY(options_kernel_check(options, err));
    if (options_read_topic(options)) {
        return status_ok();
    }
    return options_logs(options, &run->logs, err);
}

struct status run_begin(struct run *run, struct err *err) {
    if (options_read_topic(run->options)) {
        TRY(topic_open(&run->topic, run->options, run->progress, err));
    }
    if (options_read_topic(run->options) || options_have_fact_topics(run->options)) {
        run->letters = LETTERS_FILE;
    }
    return folder_make(run->options->out, err);
}

/* Where --lateness cuts a topic: by the stamps of its records, from the end of the last date on. */
static struct status lateness_apply(struct run *run, const struct periods *periods,
                                    struct err *err) {
    double hours = run->options->topic.lateness_hours;
    if (hours < 0 || periods->is_whole) {
        return status_ok();
    }
    int64_t end_ms = period_first_ms(periods, periods->count);
    return topic_stop_at(&run->topic, end_ms + (int64_t)(hours * HOUR_MS), err);
}

struct status run_ingest(struct run *run, struct periods periods, const struct generation *previous,
                         const struct generation *repeated, struct err *err) {
    struct ingest_options options = {
        .periods = periods,
        .simultaneous = (enum simultaneous)run->options->simultaneous,
        .previous = previous,
        .repeated = repeated,
        .malformed_share_max = run->options->malformed_share_max,
        .reader = &run->reader,
        .dictionary = &run->graph.dictionary,
        .scratch_folder = run->options->out,
        .memory = options_memory(run->options),
    };
    TRY(ingest_init(&run->ingest, &options, run->progress, err));
    if (run->topic.consumer != NULL) {
        TRY(lateness_apply(run, &periods, err));
        TRY(ingest_topic(&run->ingest, &run->topic, err));
    } else {
        TRY(ingest_files(&run->ingest, &run->logs, err));
    }
    if (run->ingest.quarantine.count != 0) {
        char first[QUARANTINED_TEXT_BYTES];
        quarantined_describe(&run->ingest.quarantine.items[0], first);
        progress_note(run->progress,
                      "%zu malformed records are set aside in the table quarantine; the first: %s",
                      run->ingest.quarantine.count, first);
    }
    uint64_t earlier = run->ingest.facts[0].quality.count[QUALITY_EARLIER];
    if (earlier != 0) {
        progress_note(run->progress,
                      "%" PRIu64 " events are older than the first date that these logs are read "
                      "for, and are not taken; a new --state and 'tieflow backfill --from' an "
                      "earlier date take them",
                      earlier);
    }
    return status_ok();
}

struct status run_compute(struct run *run, const char *segment_folder, const char *table_folder,
                          const struct extent *extents, size_t extent_count,
                          uint64_t previous_run_id, struct err *err) {
    run->job = (struct engine_job){
        .ingest = &run->ingest,
        .graph = &run->graph,
        .progress = run->progress,
        .formats = run->formats,
        .threads = options_threads(run->options),
        .kernel = (enum kernel_set)run->options->kernel,
        .memory = run->ingest.options.memory,
        .scratch_folder = run->options->out,
        .base = run->base,
        .base_entries = run->base_entries,
        .after = run->after,
        .keeps_rows = run->more != NULL && run->more->needs_rows,
        .previous_run_id = previous_run_id,
        .segment_folder = segment_folder,
        .table_folder = table_folder,
        .staging_prefix = run->staging_prefix,
        .letters = run->letters,
        .extents = extents,
        .extent_count = extent_count,
        .more = run->more,
    };
    return engine_run(&run->job, err);
}

/* Records that the run has left: of later dates, and behind where it stopped. */
static uint64_t run_lag(const struct run *run) {
    uint64_t lag = 0;
    for (size_t i = 0; i < run->ingest.extent_count; i++) {
        lag += run->ingest.extents[i].left;
    }
    for (size_t i = 0; i < run->topic.count; i++) {
        uint64_t end = (uint64_t)run->topic.partitions[i].end;
        lag += end - run->ingest.extents[i].end;
    }
    return lag;
}

void run_report(const struct run *run, const char *where) {
    struct summary summary = summary_of(&run->job.made, &run->graph.cohort);
    uint64_t lag = run_lag(run);
    double seconds = progress_seconds(run->progress);
    double rate = seconds > 0 ? (double)summary.ties / seconds : 0;
    uint64_t peak = progress_peak_bytes();
    if (run->options->log == 1) {
        struct json_writer writer = {.is_compact = true};
        json_object_begin(&writer, NULL);
        json_put_text(&writer, "event", "done");
        json_put_text(&writer, "tables", where);
        summary_put(&writer, "summary", &summary);
        json_put_double(&writer, "seconds", seconds);
        json_put_double(&writer, "ties_per_second", rate);
        json_put_u64(&writer, "peak_bytes", peak);
        json_put_u64(&writer, "lag", lag);
        json_object_end(&writer);
        if (!failed(json_writer_finish(&writer, NULL))) {
            (void)fwrite(writer.text.data, 1, writer.text.count, stdout);
        }
        json_writer_release(&writer);
        return;
    }
    if (run->options->is_quiet) {
        return;
    }
    char memory[BYTES_TEXT_BYTES];
    bytes_format(peak, memory);
    printf("tables in %s\n", name_shown(where).text);
    summary_print(stdout, &summary);
    if (run->graph.cohort.total != run->job.made.total) {
        struct summary history = summary_of(&run->graph.cohort, &run->graph.cohort);
        printf("  since the state's first date\n");
        summary_print(stdout, &history);
    }
    if (run->topic.consumer != NULL) {
        printf("  lag       %" PRIu64 " records are left for later dates\n", lag);
    }
    printf("  run       %.2f s, %.0f ties/s, peak memory %s\n", seconds, rate, memory);
}

static struct status table_remove(const char *folder, const char *name, struct err *err) {
    char *path;
    TRY(path_join(&path, folder, name, err));
    struct status status = status_ok();
    if (unlink(path) != 0 && errno != ENOENT) {
        status = err_io(err, errno, "%s: cannot be removed", path);
    }
    free(path);
    return status;
}

/* Removes the tables of an earlier run, in whatever format: its manifest first, for good, so that a
 * folder with a manifest is always a whole one. */
static struct status tables_remove(const char *folder, struct err *err) {
    static const struct table *const tables[] = {
        &table_ties,     &table_endings,  &table_late,          &table_quarantine,
        &table_quality,  &table_moves,    &table_transmissions, &table_attributions,
        &table_members,  &table_segments, &table_dose_response, &table_arms,
        &table_placebos, &table_settings, &table_totals,        &table_revisions,
    };
    TRY(table_remove(folder, "manifest.json", err));
    TRY(folder_sync(folder, err));
    TRY(table_remove(folder, dead_letters_file, err));
    TRY(table_remove(folder, DATABASE_FILE, err));
    TRY(table_remove(folder, study_report_file, err));
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (int format = 0; format < TABLE_FORMATS; format++) {
            char name[64];
            (void)snprintf(name, sizeof name, "%s%s", tables[i]->name,
                           table_format_ending((enum table_format)format));
            TRY(table_remove(folder, name, err));
        }
    }
    return status_ok();
}

/* Moves the staged tables into the output folder; the manifest comes last. */
static struct status tables_install(const char *staging, const char *out, struct err *err) {
    struct names names = {0};
    struct status status = folder_list(staging, &names, err);
    if (!failed(status)) {
        status = tables_remove(out, err);
    }
    if (!failed(status)) {
        status = names_add(&names, "manifest.json", err);
    }
    for (size_t i = 0; i < names.count && !failed(status); i++) {
        bool is_last = i + 1 == names.count;
        bool is_manifest = strcmp(names.items[i], "manifest.json") == 0;
        const char *ending = strrchr(names.items[i], '.');
        if (is_manifest != is_last || (ending != NULL && strcmp(ending, ".tff") == 0)) {
            continue; /* the manifest has its turn at the end; tie segments are no result */
        }
        if (is_last) { /* nor may it be there before the others after a loss of power */
            status = folder_sync(out, err);
        }
        if (!failed(status)) {
            status = file_move(staging, out, names.items[i], err);
        }
    }
    names_release(&names);
    return failed(status) ? status : folder_sync(out, err);
}

struct status run_staged(struct run *run, const char *name, run_compute_staged compute,
                         void *context, struct err *err) {
    TRY(run_prepare(run, err));
    TRY(run_begin(run, err));
    return tables_staged(run->options->out, name, compute, context, err);
}

struct status tables_staged(const char *out, const char *name, run_compute_staged compute,
                            void *context, struct err *err) {
    char *staging = NULL;
    TRY(path_join(&staging, out, name, err));
    struct status status;
    TRY_OR(done, status, folder_remove(staging, err));
    TRY_OR(done, status, folder_make(staging, err));
    TRY_OR(done, status, compute(context, staging, err));
    status = tables_install(staging, out, err);
done:
    (void)failed(folder_remove(staging, NULL)); /* what stays is removed by the next run */
    free(staging);
    return status;
}

static struct status ties_compute(void *context, const char *staging, struct err *err) {
    struct run *run = context;
    TRY(run_ingest(run, periods_whole(INT64_MAX), NULL, NULL, err));
    return run_compute(run, staging, staging, run->ingest.extents, run->ingest.extent_count, 0,
                       err);
}

struct status verb_ties(const struct options *options, struct progress *progress, struct err *err) {
    struct run run = {.options = options, .progress = progress};
    struct status status = run_staged(&run, ".repeat-ties", ties_compute, &run, err);
    if (!failed(status)) {
        run_report(&run, options->out);
    }
    run_release(&run);
    return status;
}
