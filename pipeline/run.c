/* The verbs that compute: `ties` over whole logs, `run` for one date, `backfill` for many.
 *
 * Commit order of a night: tables are written and made durable under staging names, then the next
 * generation is renamed into the state, then the tables take their names. A crash before the state
 * is renamed leaves the night undone; a crash after it leaves tables that the next run publishes,
 * whichever date that is. Running a date once more makes its tables again, byte for byte, because
 * the generation remembers how far each log was read.
 */
#include "pipeline/engine.h"
#include "pipeline/ingest.h"
#include "pipeline/summary.h"
#include "pipeline/survey.h"
#include "pipeline/verbs.h"
#include "schemas/limits.h"
#include "stages/base/checksum.h"
#include "stages/base/files.h"
#include "stages/state/state.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Folders of tables on their way: of new dates, whose names the next run completes once the state
 * has the date; and of repeats and of `ties`, which are of no use unless their run completes. */
static const char staging_prefix[] = ".staging-";
static const char repeat_prefix[] = ".repeat-";

/* What every computing verb holds; released in one place. */
struct run {
    const struct options *options;
    struct progress *progress;
    struct file_set logs;
    struct log_reader_options reader;
    struct ingest ingest;
    struct graph graph;
    struct engine_job job;
    struct table_formats formats;
    const char *staging_prefix; /* of the folders that tables are staged in */
};

static void run_release(struct run *run) {
    engine_job_release(&run->job);
    ingest_release(&run->ingest);
    graph_release(&run->graph);
    file_set_release(&run->logs);
}

static struct status run_prepare(struct run *run, struct err *err) {
    TRY(require_option(run->options->out, "out", err));
    TRY(options_table_formats(run->options, &run->formats, err));
    TRY(options_logs(run->options, &run->logs, err));
    return folder_make(run->options->out, err);
}

/* Reads the logs for the periods. */
static struct status run_ingest(struct run *run, struct periods periods,
                                const struct generation *previous,
                                const struct generation *repeated, struct err *err) {
    struct ingest_options options = {
        .periods = periods,
        .simultaneous = (enum simultaneous)run->options->simultaneous,
        .previous = previous,
        .repeated = repeated,
        .malformed_share_max = run->options->malformed_share_max,
        .reader = &run->reader,
    };
    TRY(ingest_init(&run->ingest, &options, run->progress, err));
    TRY(ingest_files(&run->ingest, &run->logs, err));
    if (run->ingest.quarantine_count != 0) {
        const struct quarantined *first = &run->ingest.quarantine[0];
        progress_note(run->progress,
                      "%zu malformed records are set aside in the table quarantine; the first: "
                      "%s:%s",
                      run->ingest.quarantine_count, first->file, first->reason);
    }
    uint64_t earlier = run->ingest.facts[0].quality.count[QUALITY_EARLIER];
    if (earlier != 0) {
        progress_note(run->progress,
                      "%" PRIu64 " events are older than the first date and are not taken; "
                      "'tieflow backfill --from' an earlier date takes them",
                      earlier);
    }
    return status_ok();
}

/* Computes and writes tables below `table_folder`. Segments go to `segment_folder`. */
static struct status run_compute(struct run *run, const char *segment_folder,
                                 const char *table_folder, const struct extent *extents,
                                 size_t extent_count, uint64_t previous_run_id, struct err *err) {
    run->job = (struct engine_job){
        .ingest = &run->ingest,
        .graph = &run->graph,
        .progress = run->progress,
        .formats = run->formats,
        .batch_events = (size_t)run->options->batch,
        .threads = options_threads(run->options),
        .previous_run_id = previous_run_id,
        .segment_folder = segment_folder,
        .table_folder = table_folder,
        .staging_prefix = run->staging_prefix,
        .extents = extents,
        .extent_count = extent_count,
    };
    return engine_run(&run->job, err);
}

/* A few lines for a person, or one JSON object, on standard output. */
static void run_report(const struct run *run, const char *where) {
    struct summary summary = summary_of(&run->job.made, &run->graph.cohort);
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
    printf("tables in %s\n", where);
    summary_print(stdout, &summary);
    if (run->graph.cohort.total != run->job.made.total) {
        struct summary history = summary_of(&run->graph.cohort, &run->graph.cohort);
        printf("  since the state's first date\n");
        summary_print(stdout, &history);
    }
    printf("  run       %.2f s, %.0f ties/s, peak memory %s\n", seconds, rate, memory);
}

/* Removes the tables of an earlier run, in whatever format: its manifest first, so that a folder
 * with a manifest is always a whole one. */
static struct status tables_remove(const char *folder, struct err *err) {
    static const struct table *const tables[] = {&table_ties, &table_endings, &table_late,
                                                 &table_quarantine, &table_quality};
    enum { FILES = 1 + 2 * sizeof tables / sizeof tables[0] };
    for (size_t i = 0; i < FILES; i++) {
        char name[64] = "manifest.json";
        if (i != 0) {
            enum table_format format = i % 2 == 0 ? TABLE_CSV : TABLE_PARQUET;
            (void)snprintf(name, sizeof name, "%s%s", tables[(i - 1) / 2]->name,
                           table_format_ending(format));
        }
        char *path;
        TRY(path_join(&path, folder, name, err));
        struct status status = status_ok();
        if (unlink(path) != 0 && errno != ENOENT) {
            status = err_set(err, FAILURE_IO, "%s: cannot be removed: %s", path, strerror(errno));
        }
        free(path);
        TRY(status);
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
        status = file_move(staging, out, names.items[i], err);
    }
    names_release(&names);
    return failed(status) ? status : folder_sync(out, err);
}

static struct status ties_compute(struct run *run, const char *staging, struct err *err) {
    TRY(folder_remove(staging, err));
    TRY(folder_make(staging, err));
    TRY(run_ingest(run, periods_whole(), NULL, NULL, err));
    TRY(run_compute(run, staging, staging, run->ingest.extents, run->logs.paths.count, 0, err));
    return tables_install(staging, run->options->out, err);
}

struct status verb_ties(const struct options *options, struct progress *progress, struct err *err) {
    struct run run = {.options = options, .progress = progress};
    char *staging = NULL;
    struct status status = run_prepare(&run, err);
    if (!failed(status)) {
        status = path_join(&staging, options->out, ".repeat-ties", err);
    }
    if (!failed(status)) {
        status = ties_compute(&run, staging, err);
        (void)failed(folder_remove(staging, NULL)); /* what stays is removed by the next run */
    }
    if (!failed(status)) {
        run_report(&run, options->out);
    }
    free(staging);
    run_release(&run);
    return status;
}

/* --- nights --- */

/* One `run` or `backfill`: the dates, and what the state says about them. */
struct nights {
    struct run run;
    struct state state;
    int64_t first_ms; /* first instants of the first and the last date */
    int64_t last_ms;
    bool is_repeat;
    struct generation repeated;
    bool has_previous;
    struct generation previous;
    struct generation next;
    char *next_folder; /* of the state; NULL before it is begun */
    bool may_be_committed;
};

static void nights_release(struct nights *nights) {
    run_release(&nights->run);
    generation_release(&nights->repeated);
    generation_release(&nights->previous);
    generation_release(&nights->next);
    free(nights->next_folder);
    if (nights->state.folder != NULL) {
        state_close(&nights->state);
    }
}

/* The dates were covered before: they can be repeated if one run made exactly them. */
static struct status repeat_plan(struct nights *nights, struct err *err) {
    char date[DATE_TEXT_BYTES];
    date_format(nights->last_ms, date);
    if (!state_has(&nights->state, nights->last_ms)) {
        return err_set(err, FAILURE_CONFIG,
                       "%s was run before, but its generation is no longer (or never was) in the "
                       "state: 'tieflow snapshot ls' shows what is; --keep keeps more",
                       date);
    }
    TRY(state_read(&nights->state, nights->last_ms, &nights->repeated, err));
    if (nights->repeated.first_date_ms != nights->first_ms) {
        char first[DATE_TEXT_BYTES];
        date_format(nights->repeated.first_date_ms, first);
        return err_set(err, FAILURE_CONFIG,
                       "%s was computed by one run from %s to %s: repeat it with 'tieflow backfill "
                       "--from %s --to %s'",
                       date, first, date, first, date);
    }
    nights->is_repeat = true;
    nights->has_previous = nights->repeated.has_previous;
    if (!nights->has_previous) {
        return status_ok();
    }
    if (!state_has(&nights->state, nights->repeated.previous_ms)) {
        date_format(nights->repeated.previous_ms, date);
        return err_set(err, FAILURE_CONFIG,
                       "the generation of %s, from which this date starts, is no longer in the "
                       "state; run with a larger --keep to be able to go back further",
                       date);
    }
    return state_read(&nights->state, nights->repeated.previous_ms, &nights->previous, err);
}

/* Decides whether the dates are new or a repeat, and what they start from. */
static struct status nights_plan(struct nights *nights, struct err *err) {
    if (nights->last_ms < nights->first_ms) {
        return err_set(err, FAILURE_USAGE, "the last date is before the first");
    }
    if (nights->last_ms + DAY_MS > LIMIT_TIME_MAX_MS) { /* the day after it must be a date too */
        return err_set(err, FAILURE_USAGE, "9999-12-31 cannot be run: no date comes after it");
    }
    if (nights->state.date_count == 0) {
        return status_ok();
    }
    int64_t newest_ms = state_newest(&nights->state);
    if (nights->last_ms <= newest_ms) {
        return repeat_plan(nights, err);
    }
    if (nights->first_ms != newest_ms + DAY_MS) {
        char newest[DATE_TEXT_BYTES];
        char wanted[DATE_TEXT_BYTES];
        char first[DATE_TEXT_BYTES];
        date_format(newest_ms, newest);
        date_format(newest_ms + DAY_MS, wanted);
        date_format(nights->first_ms, first);
        return err_set(err, FAILURE_CONFIG,
                       "%s cannot be run: the state ends with %s, so the next date is %s; run the "
                       "dates in between first, or 'tieflow backfill --to' the last of them",
                       first, newest, wanted);
    }
    nights->has_previous = true;
    return state_read(&nights->state, newest_ms, &nights->previous, err);
}

static struct status settings_check(const struct nights *nights, struct err *err) {
    enum simultaneous asked = (enum simultaneous)nights->run.options->simultaneous;
    const struct generation *made = nights->is_repeat      ? &nights->repeated
                                    : nights->has_previous ? &nights->previous
                                                           : NULL;
    if (made != NULL && made->simultaneous != asked) {
        return err_set(err, FAILURE_CONFIG,
                       "the state was made with --simultaneous %s, not %s: one history cannot mix "
                       "them; use that setting, or another --state",
                       simultaneous_name(made->simultaneous), simultaneous_name(asked));
    }
    return status_ok();
}

/* The extents of the next generation: the files of this run, and those known from before. */
static struct status extents_fill(struct nights *nights, struct err *err) {
    const struct run *run = &nights->run;
    for (size_t i = 0; i < run->logs.paths.count; i++) {
        TRY(generation_add_extent(&nights->next, &run->ingest.extents[i], err));
    }
    for (size_t i = 0; i < nights->previous.extent_count; i++) {
        const struct extent *known = &nights->previous.extents[i];
        if (generation_extent(&nights->next, known->name) == NULL) {
            TRY(generation_add_extent(&nights->next, known, err));
        }
    }
    return status_ok();
}

/* Fills what the run made into the next generation. */
static struct status generation_fill(struct nights *nights, struct err *err) {
    const struct run *run = &nights->run;
    struct generation *next = &nights->next;
    size_t count = run->ingest.options.periods.count;
    char folder[STATE_NAME_BYTES];
    state_generation_name(nights->last_ms, folder);
    next->date_ms = nights->last_ms;
    next->first_date_ms = nights->first_ms;
    next->has_previous = nights->has_previous;
    next->previous_ms = nights->previous.date_ms;
    next->simultaneous = run->ingest.options.simultaneous;
    next->members = dictionary_count(&run->graph.dictionary);
    next->ties = run->graph.cohort.total;
    next->open_ties = run->graph.adjacency.open_count;
    next->run_id = run->ingest.facts[count - 1].run_id;
    for (size_t i = 0; i < nights->previous.segment_count; i++) {
        TRY(generation_add_segment(next, &nights->previous.segments[i], err));
    }
    for (size_t i = 0; i < count; i++) {
        struct segment segment = run->job.segments[i];
        TRY(path_join(&segment.file.name, folder, run->job.segments[i].file.name, err));
        struct status status = generation_add_segment(next, &segment, err);
        free(segment.file.name);
        TRY(status);
    }
    return status_ok();
}

/* Gives one date's staged tables their name. */
static struct status staged_reveal(const char *out, const char *staged_name, const char *date,
                                   struct err *err) {
    char final_name[DATE_TEXT_BYTES + 8];
    char *staged = NULL;
    char *final = NULL;
    (void)snprintf(final_name, sizeof final_name, "date=%s", date);
    struct status status = path_join(&staged, out, staged_name, err);
    if (!failed(status)) {
        status = path_join(&final, out, final_name, err);
    }
    if (!failed(status)) {
        status = folder_publish(staged, final, err);
    }
    free(staged);
    free(final);
    return status;
}

/* Calls `act` for every date of the run with the name of its staging folder. */
static struct status tables_each(struct nights *nights,
                                 struct status (*act)(const char *out, const char *staged_name,
                                                      const char *date, struct err *err),
                                 struct err *err) {
    const struct run *run = &nights->run;
    const struct periods *periods = &run->ingest.options.periods;
    for (size_t i = 0; i < periods->count; i++) {
        char *name;
        char date[DATE_TEXT_BYTES];
        date_format(period_first_ms(periods, i), date);
        TRY(period_name(periods, i, run->staging_prefix, "", &name, err));
        struct status status = act(run->options->out, name, date, err);
        free(name);
        TRY(status);
    }
    return status_ok();
}

static struct status staged_sync(const char *out, const char *staged_name, const char *date,
                                 struct err *err) {
    (void)date;
    char *staged;
    TRY(path_join(&staged, out, staged_name, err));
    struct status status = folder_sync(staged, err);
    free(staged);
    return status;
}

/* Whether a staging folder is of a date that the state has and the tables lack: its run was cut off
 * between the two renames. One without the manifest, which is written last, was cut off before: the
 * state has the date from another run, with another output folder. */
static struct status staged_is_due(const struct nights *nights, const char *name, bool *is_due,
                                   struct err *err) {
    const char *out = nights->run.options->out;
    const char *date = name + strlen(staging_prefix);
    char *manifest = NULL;
    char *published = NULL;
    int64_t date_ms;
    *is_due = false;
    if (strncmp(name, staging_prefix, strlen(staging_prefix)) != 0 || !date_parse(date, &date_ms) ||
        nights->state.date_count == 0 || date_ms > state_newest(&nights->state)) {
        return status_ok();
    }
    if (asprintf(&manifest, "%s/%s/manifest.json", out, name) < 0) {
        return err_memory(err, strlen(out), "a path");
    }
    if (asprintf(&published, "%s/date=%s", out, date) < 0) {
        free(manifest);
        return err_memory(err, strlen(out), "a path");
    }
    *is_due = file_exists(manifest) && !folder_exists(published);
    free(manifest);
    free(published);
    return status_ok();
}

/* Completes or removes the staging folders that crashed runs left. */
static struct status staging_recover(const struct nights *nights, struct err *err) {
    const char *out = nights->run.options->out;
    struct names names = {0};
    struct status status = folder_list(out, &names, err);
    for (size_t i = 0; i < names.count && !failed(status); i++) {
        const char *name = names.items[i];
        const char *date = name + strlen(staging_prefix);
        char *path = NULL;
        bool is_due;
        TRY_OR(done, status, staged_is_due(nights, name, &is_due, err));
        if (is_due) {
            progress_note(nights->run.progress, "%s: completing what an earlier run left", date);
            status = staged_reveal(out, name, date, err);
        } else if (strncmp(name, staging_prefix, strlen(staging_prefix)) == 0 ||
                   strncmp(name, repeat_prefix, strlen(repeat_prefix)) == 0) {
            status = path_join(&path, out, name, err);
            if (!failed(status)) {
                status = folder_remove(path, err);
            }
        }
        free(path);
    }
done:
    names_release(&names);
    return status;
}

/* A repeat must find the records that it found the first time. */
static struct status repeat_check(const struct nights *nights, struct err *err) {
    const struct ingest *ingest = &nights->run.ingest;
    uint64_t run_id = ingest->facts[ingest->options.periods.count - 1].run_id;
    if (run_id != nights->repeated.run_id) {
        return err_set(
            err, FAILURE_DATA,
            "the logs hold other events for this date than when it was first run (run id "
            "%016" PRIx64 ", then %016" PRIx64
            "): they were changed; the published tables are left as they are",
            run_id, nights->repeated.run_id);
    }
    return status_ok();
}

static struct status nights_compute(struct nights *nights, struct err *err) {
    struct run *run = &nights->run;
    struct periods periods = periods_days(nights->first_ms, nights->last_ms);
    const struct generation *previous = nights->has_previous ? &nights->previous : NULL;
    TRY(settings_check(nights, err));
    TRY(staging_recover(nights, err));
    run->staging_prefix = nights->is_repeat ? repeat_prefix : staging_prefix;
    TRY(run_ingest(run, periods, previous, nights->is_repeat ? &nights->repeated : NULL, err));
    if (previous != NULL) {
        progress_begin(run->progress, "loading", "ties", previous->open_ties);
        TRY(state_load_graph(&nights->state, previous, &run->graph, err));
        progress_end(run->progress);
    }
    TRY(state_begin(&nights->state, &nights->next_folder, err));
    TRY(extents_fill(nights, err));
    uint64_t previous_run_id = previous == NULL ? 0 : previous->run_id;
    const struct generation *as_read = nights->is_repeat ? &nights->repeated : &nights->next;
    TRY(run_compute(run, nights->next_folder, run->options->out, as_read->extents,
                    as_read->extent_count, previous_run_id, err));
    TRY(tables_each(nights, staged_sync, err));
    TRY(folder_sync(run->options->out, err)); /* before the state promises them */
    if (nights->is_repeat) {
        TRY(repeat_check(nights, err));
        TRY(state_abandon(&nights->state, err));
        return tables_each(nights, staged_reveal, err);
    }
    progress_begin(run->progress, "saving", "ties", run->graph.adjacency.open_count);
    TRY(generation_fill(nights, err));
    nights->may_be_committed = true;
    TRY(state_commit(&nights->state, &nights->next, &run->graph, run->job.threads, err));
    progress_end(run->progress);
    TRY(tables_each(nights, staged_reveal, err));
    return state_prune(&nights->state, (size_t)run->options->keep, err);
}

static struct status nights_open(struct nights *nights, struct err *err) {
    TRY(require_option(nights->run.options->state, "state", err));
    TRY(run_prepare(&nights->run, err));
    return state_open(&nights->state, nights->run.options->state, true, err);
}

/* Reports, or cleans up as far as it goes: the next run removes what stays. */
static void nights_finish(struct nights *nights, struct status status) {
    if (!failed(status) && nights->next_folder != NULL) {
        run_report(&nights->run, nights->run.options->out);
    } else if (nights->next_folder != NULL) {
        (void)failed(state_abandon(&nights->state, NULL));
        if (!nights->may_be_committed) {
            (void)failed(staging_recover(nights, NULL));
        }
    }
    nights_release(nights);
}

static struct status night_compute(struct nights *nights, struct err *err) {
    TRY(require_option(nights->run.options->date, "date", err));
    TRY(nights_open(nights, err));
    nights->first_ms = options_day(nights->run.options->date);
    nights->last_ms = nights->first_ms;
    TRY(nights_plan(nights, err));
    return nights_compute(nights, err);
}

struct status verb_run(const struct options *options, struct progress *progress, struct err *err) {
    struct nights nights = {.run = {.options = options, .progress = progress}};
    struct status status = night_compute(&nights, err);
    nights_finish(&nights, status);
    return status;
}

/* The first and the last event time in all logs. */
static struct status logs_range(const struct run *run, int64_t *first_ms, int64_t *last_ms,
                                bool *any, struct err *err) {
    uint64_t bytes_before = 0;
    progress_begin(run->progress, "looking", "bytes", run->logs.total_bytes);
    for (size_t i = 0; i < run->logs.paths.count; i++) {
        struct survey survey;
        TRY(survey_file(run->logs.paths.items[i], UINT64_MAX, run->progress, bytes_before, &survey,
                        err));
        survey_widen(&survey, first_ms, last_ms, any);
        bytes_before += run->logs.bytes[i];
    }
    progress_end(run->progress);
    return status_ok();
}

/* The dates of a backfill: as asked, else from the state's end or the first event to the last. */
static struct status backfill_range(struct nights *nights, struct err *err) {
    const struct options *options = nights->run.options;
    int64_t first_ms = 0;
    int64_t last_ms = 0;
    bool any = true;
    bool has_state = nights->state.date_count != 0;
    if (options->to == NULL || (options->from == NULL && !has_state)) {
        any = false;
        TRY(logs_range(&nights->run, &first_ms, &last_ms, &any, err));
    }
    if (!any) {
        return err_set(err, FAILURE_DATA,
                       "the logs hold no events: say --from and --to to run empty dates");
    }
    nights->first_ms = options->from != NULL ? options_day(options->from)
                       : has_state           ? state_newest(&nights->state) + DAY_MS
                                             : date_day_start(first_ms);
    nights->last_ms = options->to != NULL ? options_day(options->to) : date_day_start(last_ms);
    if (nights->last_ms >= nights->first_ms &&
        (nights->last_ms - nights->first_ms) / DAY_MS >= LIMIT_DATES) {
        return err_set(err, FAILURE_DATA,
                       "the dates span more than %d days: a wrong event time? say --from and --to",
                       LIMIT_DATES);
    }
    return status_ok();
}

static struct status backfill_compute(struct nights *nights, struct err *err) {
    const struct options *options = nights->run.options;
    TRY(nights_open(nights, err));
    TRY(backfill_range(nights, err));
    if (options->from == NULL && options->to == NULL && nights->last_ms < nights->first_ms) {
        progress_note(nights->run.progress, "the state has every date of the logs: nothing to do");
        return status_ok();
    }
    TRY(nights_plan(nights, err));
    return nights_compute(nights, err);
}

struct status verb_backfill(const struct options *options, struct progress *progress,
                            struct err *err) {
    struct nights nights = {.run = {.options = options, .progress = progress}};
    struct status status = backfill_compute(&nights, err);
    nights_finish(&nights, status);
    return status;
}
