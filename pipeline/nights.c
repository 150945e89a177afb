/* The verbs by date: `run` for one, `backfill` for many.
 *
 * Commit order of a night: tables are written under one name, made durable all at once (one sync of
 * the file system: a backfill of years has thousands of files) and given a second name that says
 * so, then the next generation is renamed into the state, then the tables take their final names,
 * and at last Kafka gets what is for it. A crash before the state is renamed leaves the night
 * undone; a crash after it leaves tables that the next run publishes, and outboxes that it sends,
 * whichever date that is. Running a date once more makes its tables again, byte for byte, because
 * the generation remembers how far each log was read.
 *
 * For the same reason a damaged generation can be made again from the one before. Where a run finds
 * that the generation it starts from is damaged, it reads all of the state for the newest one that
 * is not, says so, sets the newer ones aside, and repeats their runs, each of which must give the
 * files that the damaged manifest promised; then the date that was asked for has its turn. A
 * generation whose manifest itself is damaged is not repeated, since nobody knows how far the logs
 * were read for it: the state then ends with the one before, and says that its date must be run.
 */
#include "pipeline/emit_request.h"
#include "pipeline/night_study.h"
#include "pipeline/run.h"
#include "pipeline/survey.h"
#include "pipeline/verbs.h"
#include "schemas/limits.h"
#include "stages/base/checksum.h"
#include "stages/base/files.h"
#include "stages/state/recovery.h"
#include "stages/state/rest.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char published_prefix[] = "date=";

/* One `run` or `backfill`: the dates, and what the state says about them. */
struct nights {
    struct run run;
    struct state state;
    int64_t first_ms; /* first instants of the first and the last date */
    int64_t last_ms;
    bool is_repeat;
    bool is_restoring; /* a repeat whose generation was set aside and is made again */
    bool reads_state;  /* what fails may be the state's fault */
    struct generation repeated;
    bool has_previous;
    struct generation previous;
    struct generation next;
    char *next_folder; /* of the state; NULL before it is begun */
    struct disk out_disk;
    struct disk state_disk;
    bool may_be_committed;
    struct rest_base base; /* of the previous generation */
    struct batch_base batch_base;
    bool writes_adjacency; /* anew; else the next generation shares that of the previous one */
    struct rest_writer adjacency;
    struct batch_after batch_after;
    struct night_study study;
    struct emit_request request;
    struct emit *emit; /* NULL where nothing goes to Kafka */
};

static void nights_release(struct nights *nights) {
    emit_close(nights->emit);
    emit_request_release(&nights->request);
    night_study_release(&nights->study);
    rest_writer_release(&nights->adjacency);
    run_release(&nights->run);
    generation_release(&nights->repeated);
    generation_release(&nights->previous);
    generation_release(&nights->next);
    disk_close(&nights->out_disk);
    disk_close(&nights->state_disk);
    free(nights->next_folder);
    if (nights->state.folder != NULL) {
        state_close(&nights->state);
    }
}

/* Reads the generation that the dates start from; files that are missing or cut are found here. */
static struct status previous_read(struct nights *nights, int64_t date_ms, struct err *err) {
    nights->has_previous = true;
    nights->reads_state = true;
    TRY(state_read(&nights->state, date_ms, &nights->previous, err));
    return state_look_at_files(&nights->state, &nights->previous, err);
}

/* Reads the generation that the repeated one started from, if it did from any. */
static struct status repeat_previous(struct nights *nights, struct err *err) {
    int64_t previous_ms = nights->repeated.previous_ms;
    nights->is_repeat = true;
    if (!nights->repeated.has_previous) {
        return status_ok();
    }
    if (!state_has(&nights->state, previous_ms)) {
        char date[DATE_TEXT_BYTES];
        date_format(previous_ms, date);
        return err_set(err, FAILURE_CONFIG,
                       "the generation of %s, from which this date starts, is no longer in the "
                       "state; run with a larger --keep to be able to go back further",
                       date);
    }
    return previous_read(nights, previous_ms, err);
}

/* Where generations were set aside the first of them is made again, before anything else. */
static struct status restore_plan(struct nights *nights, struct err *err) {
    int64_t aside_ms;
    if (!state_has_aside(&nights->state, &aside_ms)) {
        return status_ok();
    }
    char date[DATE_TEXT_BYTES];
    date_format(aside_ms, date);
    struct err damage = {0};
    struct status status = state_read_aside(&nights->state, aside_ms, &nights->repeated, &damage);
    if (status.failure == FAILURE_DATA) {
        generation_release(&nights->repeated);
        progress_note(
            nights->run.progress,
            "%s was set aside, and how far the logs were read for it is not known: it has "
            "to be run again, as a new date (%s)",
            date, damage.text);
        return status_ok();
    }
    if (failed(status)) {
        return err_set(err, status.failure, "%s", damage.text);
    }
    progress_note(nights->run.progress, "%s was set aside as damaged, and is made again", date);
    nights->is_restoring = true;
    nights->first_ms = nights->repeated.first_date_ms;
    nights->last_ms = nights->repeated.date_ms;
    return repeat_previous(nights, err);
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
    nights->reads_state = true;
    TRY(state_read(&nights->state, nights->last_ms, &nights->repeated, err));
    if (nights->repeated.first_date_ms != nights->first_ms) {
        char first[DATE_TEXT_BYTES];
        date_format(nights->repeated.first_date_ms, first);
        return err_set(err, FAILURE_CONFIG,
                       "%s was computed by one run from %s to %s: repeat it with 'tieflow backfill "
                       "--from %s --to %s'",
                       date, first, date, first, date);
    }
    return repeat_previous(nights, err);
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
    return previous_read(nights, newest_ms, err);
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
    for (size_t i = 0; i < run->ingest.extent_count; i++) {
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
    next->open_ties = run->graph.open_ties;
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

/* Makes the path of a date's tables under one of their names. */
static struct status date_path(const char *out, const char *prefix, const char *date, char **path,
                               struct err *err) {
    if (asprintf(path, "%s/%s%s", out, prefix, date) < 0) {
        *path = NULL;
        return err_memory(err, strlen(out), "a path");
    }
    return status_ok();
}

/* Renames one date's tables; what had the new name gets the old one. */
static struct status date_rename(const char *out, const char *from_prefix, const char *to_prefix,
                                 const char *date, struct err *err) {
    char *from = NULL;
    char *to = NULL;
    struct status status = date_path(out, from_prefix, date, &from, err);
    if (!failed(status)) {
        status = date_path(out, to_prefix, date, &to, err);
    }
    if (!failed(status)) {
        status = folder_exchange(from, to, err);
    }
    free(from);
    free(to);
    return status;
}

/* Renames the tables of all dates of the run, which are durable, and makes that durable. */
static struct status tables_rename(const struct nights *nights, const char *from_prefix,
                                   const char *to_prefix, struct err *err) {
    const struct periods *periods = &nights->run.ingest.options.periods;
    const char *out = nights->run.options->out;
    for (size_t i = 0; i < periods->count; i++) {
        char date[DATE_TEXT_BYTES];
        date_format(period_first_ms(periods, i), date);
        TRY(date_rename(out, from_prefix, to_prefix, date, err));
    }
    return folder_sync(out, err);
}

/* Gives the tables of all dates of the run their final names, in place of older ones. */
static struct status tables_reveal(const struct nights *nights, const char *prefix,
                                   struct err *err) {
    const struct periods *periods = &nights->run.ingest.options.periods;
    TRY(tables_rename(nights, prefix, published_prefix, err));
    for (size_t i = 0; i < periods->count; i++) {
        char *older;
        char date[DATE_TEXT_BYTES];
        date_format(period_first_ms(periods, i), date);
        TRY(date_path(nights->run.options->out, prefix, date, &older, err));
        struct status status = folder_remove(older, err);
        free(older);
        TRY(status);
    }
    return status_ok();
}

/* The same for one date that an earlier run left. */
static struct status staged_reveal(const char *out, const char *date, struct err *err) {
    char *staged = NULL;
    char *final = NULL;
    struct status status = date_path(out, run_staging_prefix, date, &staged, err);
    if (!failed(status)) {
        status = date_path(out, published_prefix, date, &final, err);
    }
    if (!failed(status)) {
        status = folder_publish(staged, final, err);
    }
    free(staged);
    free(final);
    return status;
}

static bool has_prefix(const char *name, const char *prefix) {
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* The last date that the state has, or had until it was set aside. */
static int64_t last_date(const struct state *state) {
    int64_t newest_ms = state_newest(state);
    int64_t aside_ms = newest_ms;
    return state_has_aside(state, &aside_ms) ? state->aside_ms[state->aside_count - 1] : newest_ms;
}

/* Whether a staging folder is of a date that the state has and the tables lack: its run was cut off
 * between the two renames. One without the manifest, which is written last, was cut off before: the
 * state has the date from another run, with another output folder. */
static struct status staged_is_due(const struct nights *nights, const char *name, bool *is_due,
                                   struct err *err) {
    const char *out = nights->run.options->out;
    const char *date = name + strlen(run_staging_prefix);
    char *manifest = NULL;
    char *published = NULL;
    int64_t date_ms;
    *is_due = false;
    if (!has_prefix(name, run_staging_prefix) || !date_parse(date, &date_ms) ||
        nights->state.date_count == 0 || date_ms > last_date(&nights->state)) {
        return status_ok();
    }
    if (asprintf(&manifest, "%s/%s/manifest.json", out, name) < 0) {
        return err_memory(err, strlen(out), "a path");
    }
    enum path_kind manifest_kind = PATH_FREE;
    enum path_kind published_kind = PATH_FREE;
    struct status status = date_path(out, published_prefix, date, &published, err);
    if (!failed(status)) {
        status = path_look(manifest, &manifest_kind, err);
    }
    if (!failed(status)) {
        status = path_look(published, &published_kind, err);
    }
    *is_due = !failed(status) && manifest_kind == PATH_FILE && published_kind != PATH_FOLDER;
    free(manifest);
    free(published);
    return status;
}

/* Completes or removes the staging folders that crashed runs left. */
static struct status staging_recover(const struct nights *nights, struct err *err) {
    const char *out = nights->run.options->out;
    struct names names = {0};
    struct status status = folder_list(out, &names, err);
    for (size_t i = 0; i < names.count && !failed(status); i++) {
        const char *name = names.items[i];
        const char *date = name + strlen(run_staging_prefix);
        char *path = NULL;
        bool is_due;
        TRY_OR(done, status, staged_is_due(nights, name, &is_due, err));
        if (is_due) {
            progress_note(nights->run.progress, "%s: completing what an earlier run left", date);
            status = staged_reveal(out, date, err);
        } else if (has_prefix(name, run_making_prefix) || has_prefix(name, run_staging_prefix) ||
                   has_prefix(name, run_repeat_prefix)) {
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

/* --- Kafka as a sink --- */

/* Opens the sink, where there is one: before the long work, since most of what can go wrong with
 * brokers, topics and schemas goes wrong here. */
static struct status sink_open(struct nights *nights, struct err *err) {
    const struct options *options = nights->run.options;
    if (!emit_is_asked_for(options)) {
        return status_ok();
    }
    TRY(emit_request_fill(&nights->request, options, nights->run.progress, err));
    return emit_open(&nights->emit, &nights->request.options, err);
}

/* A repeat replaces the folder of its date: not while rows in it wait for Kafka. */
static struct status repeat_waits(const struct nights *nights, struct err *err) {
    const char *out = nights->run.options->out;
    struct names pending = {0};
    struct status status = emit_pending(out, &pending, err);
    if (!failed(status) && pending.count != 0) {
        status = err_set(err, FAILURE_CONFIG,
                         "%s: the rows of %s wait to be sent to Kafka: run with --emit kafka as "
                         "before, or remove the .outbox files in its folder",
                         out, pending.items[0]);
    }
    names_release(&pending);
    return status;
}

/* What an earlier run left in outboxes goes out first: dates go out in their order. Then the topics
 * must not hold dates that this run is about to make; if they lack some before them, it is said. */
static struct status sink_catch_up(struct nights *nights, struct err *err) {
    struct emit_mark mark;
    char date[DATE_TEXT_BYTES];
    if (nights->emit == NULL) {
        return nights->is_repeat ? repeat_waits(nights, err) : status_ok();
    }
    TRY(emit_all(nights->emit, nights->run.options->out, nights->run.progress, err));
    TRY(emit_mark_get(nights->emit, &mark, err));
    if (nights->is_repeat || !mark.is_set) {
        return status_ok();
    }
    date_format(mark.date_ms, date);
    if (mark.date_ms >= nights->first_ms) {
        return err_set(err, FAILURE_CONFIG,
                       "the topics hold rows up to %s, of another state: name other topics by "
                       "--emit-prefix, or go on with the state that they are from; if this state "
                       "has lost those dates to damage, run them without sending: their rows are "
                       "there",
                       date);
    }
    if (nights->run.options->emit.to_kafka != 0 && mark.date_ms + DAY_MS < nights->first_ms) {
        progress_note(nights->run.progress,
                      "the topics end with %s: the dates since then were run without --emit kafka, "
                      "and their rows are not sent",
                      date);
    }
    return status_ok();
}

/* What this run makes for the sink: a repeated date's rows have gone out before. */
static void sink_plan(struct nights *nights) {
    const struct options *options = nights->run.options;
    struct run *run = &nights->run;
    run->formats.outbox = options->emit.to_kafka != 0 && !nights->is_repeat;
    if (run->letters != LETTERS_NOWHERE && options->emit.dead_letter_topic != NULL) {
        run->letters = nights->is_repeat ? LETTERS_NOWHERE : LETTERS_OUTBOX;
    }
}

/* Sends the dates of this run. They are done in any case: what fails here is sent by the next run.
 */
static struct status sink_send(struct nights *nights, struct err *err) {
    const struct run *run = &nights->run;
    if (nights->emit == NULL) {
        return status_ok();
    }
    struct status status = emit_all(nights->emit, run->options->out, run->progress, err);
    if (failed(status)) {
        err_prefix(err, "the tables are published, but not all rows have reached Kafka (the next "
                        "run sends them)");
    }
    return status;
}

/* Tells the consumer group how far the state is, for lag dashboards. Nothing depends on it. */
static void group_commit(struct run *run) {
    if (run->topic.consumer == NULL) {
        return;
    }
    struct err err = {0};
    int64_t *offsets = calloc(run->topic.count + 1, sizeof *offsets);
    struct status status = offsets == NULL
                               ? err_memory(&err, run->topic.count * sizeof *offsets, "offsets")
                               : status_ok();
    for (size_t i = 0; i < run->topic.count && !failed(status); i++) {
        offsets[i] = (int64_t)run->ingest.extents[i].first;
    }
    if (!failed(status)) {
        status = kafka_consumer_commit(run->topic.consumer, run->topic.name, offsets,
                                       run->topic.count, &err);
    }
    if (failed(status)) {
        progress_note(run->progress, "lag dashboards will be behind: %s", err.text);
    }
    free(offsets);
}

/* --- the adjacency --- */

/* While there are no more ties than these, writing them all takes no time to speak of. */
enum { SMALL_GRAPH_TIES = 4000000, TAIL_PERCENT = 3 };

/* Whether the tail would outgrow its share of the graph. What became of the night's events is not
 * known yet; that there are so many is, and decides alone, so that it is the same whenever asked.
 */
static bool adjacency_is_due(const struct nights *nights) {
    const struct generation *previous = &nights->previous;
    uint64_t events = sequence_count(nights->run.ingest.sequence);
    uint64_t percent = nights->run.options->tail_percent;
    if (!nights->has_previous || percent == 0) {
        return true;
    }
    if (percent == OPTION_NOT_GIVEN) {
        percent = TAIL_PERCENT;
        if (previous->open_ties + events <= SMALL_GRAPH_TIES) {
            return true;
        }
    }
    return (generation_tail(previous) + events) * 100 > previous->open_ties * percent;
}

/* Decides where the run's rows come from and where they go. A repeat writes nothing there. */
static struct status adjacency_plan(struct nights *nights, struct err *err) {
    struct run *run = &nights->run;
    unsigned threads = options_threads(run->options);
    const struct generation *repeated = &nights->repeated;
    nights->writes_adjacency = nights->is_restoring
                                   ? repeated->adjacency.segments == repeated->segment_count
                                   : !nights->is_repeat && adjacency_is_due(nights);
    if (nights->has_previous) {
        nights->base = (struct rest_base){&nights->state, &nights->previous, threads};
        nights->batch_base = rest_base_of(&nights->base);
        run->base = &nights->batch_base;
        run->base_entries = 2 * nights->previous.open_ties;
        if (!nights->writes_adjacency && !options_have_log(run->options, FACT_POSITIONS)) {
            TRY(rest_entries(&nights->state, &nights->previous, sequence_tape(run->ingest.sequence),
                             &run->base_entries, err));
        }
    }
    if (nights->writes_adjacency) {
        TRY(rest_writer_open(&nights->adjacency, &nights->state, threads, err));
        nights->batch_after = rest_writer_after(&nights->adjacency);
        run->after = &nights->batch_after;
    }
    return status_ok();
}

static struct status adjacency_enter(struct nights *nights, struct err *err) {
    return nights->writes_adjacency
               ? rest_writer_finish(&nights->adjacency, &nights->next, err)
               : generation_share_adjacency(&nights->next, &nights->previous, err);
}

/* What is known before the logs are read. */
static struct status nights_begin(struct nights *nights, struct err *err) {
    struct run *run = &nights->run;
    const struct generation *previous = &nights->previous;
    TRY(settings_check(nights, err));
    TRY(staging_recover(nights, err));
    TRY(sink_open(nights, err));
    TRY(sink_catch_up(nights, err));
    sink_plan(nights);
    run->staging_prefix = nights->is_repeat ? run_repeat_prefix : run_making_prefix;
    if (nights->has_previous) {
        progress_begin(run->progress, "loading", "members", previous->members);
        TRY(state_load_graph(&nights->state, previous, &run->graph, err));
        progress_end(run->progress);
    }
    return status_ok();
}

/* Completes the next generation but for its dictionary and cohort, in its folder and durable. */
static struct status generation_make(struct nights *nights, struct err *err) {
    progress_begin(nights->run.progress, "saving", "ties", nights->run.graph.open_ties);
    TRY(generation_fill(nights, err));
    TRY(adjacency_enter(nights, err));
    TRY(night_study_keep(&nights->study, &nights->state, &nights->next, err));
    return disk_sync(&nights->state_disk, err);
}

/* Puts the generation that was set aside back into its place. */
static struct status generation_restore(struct nights *nights, struct err *err) {
    TRY(generation_make(nights, err));
    TRY(state_restore(&nights->state, &nights->next, &nights->repeated, &nights->run.graph, err));
    progress_end(nights->run.progress);
    return status_ok();
}

/* A repeat is done once it is sure that its tables are those of the first time. */
static struct status repeat_finish(struct nights *nights, struct err *err) {
    TRY(repeat_check(nights, err));
    if (nights->is_restoring) {
        TRY(generation_restore(nights, err));
    } else {
        TRY(night_study_check_repeat(&nights->study, &nights->state, &nights->repeated, err));
        TRY(state_abandon(&nights->state, err));
    }
    return tables_reveal(nights, run_repeat_prefix, err);
}

/* The date is done. What is too old stays where the manifest of a kept date cannot be read. */
static struct status generations_prune(struct nights *nights, struct err *err) {
    struct err damage = {0};
    struct status status = state_prune(&nights->state, (size_t)nights->run.options->keep, &damage);
    if (status.failure == FAILURE_DATA) {
        progress_note(nights->run.progress, "old generations are kept for now: %s", damage.text);
        return status_ok();
    }
    return failed(status) ? err_set(err, status.failure, "%s", damage.text) : status;
}

/* The newest dates may be run again because their run was cut off behind its commit, and then it
 * has not pruned. Older ones leave the state alone, as do those that are made again. */
static bool is_newest_again(const struct nights *nights) {
    return !nights->is_restoring && nights->last_ms == state_newest(&nights->state);
}

static struct status nights_compute(struct nights *nights, struct err *err) {
    struct run *run = &nights->run;
    struct periods periods = periods_days(nights->first_ms, nights->last_ms);
    const struct generation *previous = nights->has_previous ? &nights->previous : NULL;
    const struct generation *repeated = nights->is_repeat ? &nights->repeated : NULL;
    TRY(nights_begin(nights, err));
    nights->reads_state = false;
    TRY(run_ingest(run, periods, previous, repeated, err));
    nights->reads_state = true;
    TRY(state_begin(&nights->state, &nights->next_folder, err));
    TRY(disk_open(&nights->state_disk, nights->next_folder, err));
    TRY(disk_open(&nights->out_disk, run->options->out, err));
    TRY(extents_fill(nights, err));
    TRY(adjacency_plan(nights, err));
    const struct night_plan plan = {
        .state = &nights->state,
        .previous = previous,
        .repeated = repeated,
        .periods = &run->ingest.options.periods,
        .next_folder = nights->next_folder,
    };
    TRY(night_study_read(&nights->study, run, &plan, err));
    run->more = night_study_tables(&nights->study);
    uint64_t previous_run_id = previous == NULL ? 0 : previous->run_id;
    const struct generation *as_read = nights->is_repeat ? &nights->repeated : &nights->next;
    TRY(run_compute(run, nights->next_folder, run->options->out, as_read->extents,
                    as_read->extent_count, previous_run_id, err));
    TRY(disk_sync(&nights->out_disk, err)); /* before the state promises them */
    if (nights->is_repeat) {
        TRY(repeat_finish(nights, err));
        return is_newest_again(nights) ? generations_prune(nights, err) : status_ok();
    }
    TRY(generation_make(nights, err));
    TRY(tables_rename(nights, run_making_prefix, run_staging_prefix, err));
    nights->may_be_committed = true;
    TRY(state_commit(&nights->state, &nights->next, &run->graph, err));
    progress_end(run->progress);
    TRY(tables_reveal(nights, run_staging_prefix, err));
    TRY(sink_send(nights, err));
    group_commit(run);
    return generations_prune(nights, err);
}

static struct status nights_open(struct nights *nights, struct err *err) {
    TRY(require_option(nights->run.options->state, "state", err));
    TRY(run_prepare(&nights->run, err));
    TRY(state_open(&nights->state, nights->run.options->state, true, err));
    return run_begin(&nights->run, err);
}

/* What a person wants to know of the study, which is that of the last date. */
static void study_report(const struct nights *nights) {
    const struct options *options = nights->run.options;
    char folder[PATH_MAX];
    char date[DATE_TEXT_BYTES];
    if (!nights->study.is_wanted || options->is_quiet || options->log == 1) {
        return;
    }
    date_format(nights->last_ms, date);
    (void)snprintf(folder, sizeof folder, "%s/date=%s", options->out, date);
    study_job_print(stdout, &nights->study.study, folder);
}

/* Reports, or cleans up as far as it goes: the next run removes what stays. */
static void nights_finish(struct nights *nights, struct status status) {
    if (!failed(status) && nights->is_restoring) {
        progress_note(nights->run.progress, "the generation is whole again, byte for byte");
    } else if (!failed(status) && nights->next_folder != NULL) {
        run_report(&nights->run, nights->run.options->out);
        study_report(nights);
    } else if (nights->next_folder != NULL) {
        (void)failed(state_abandon(&nights->state, NULL));
        if (!nights->may_be_committed) {
            (void)failed(staging_recover(nights, NULL));
        }
    }
    nights_release(nights);
}

/* Whether a run that failed may be tried once more, because the generation that it started from is
 * damaged and an earlier one is not: the damaged ones are set aside then. */
static bool nights_recover(struct nights *nights, struct status status, const struct err *err) {
    struct progress *progress = nights->run.progress;
    struct recovery recovery;
    struct err failure = {0};
    char date[DATE_TEXT_BYTES];
    bool is_damage = status.failure == FAILURE_DATA || status.failure == FAILURE_IO;
    if (!is_damage || !nights->reads_state || nights->may_be_committed ||
        nights->state.date_count == 0 || (nights->is_repeat && !nights->is_restoring)) {
        return false;
    }
    if (status.failure == FAILURE_IO &&
        !failed(state_look_at_files(&nights->state, &nights->previous, NULL))) {
        return false; /* nothing is missing: a full disk, or the like */
    }
    progress_note(progress, "looking for a generation that is whole, because of: %s", err->text);
    status = recovery_find(&nights->state, &recovery, &failure);
    if (failed(status) || recovery.is_newest) {
        return false;
    }
    if (!recovery.is_found) {
        progress_note(progress, "no generation of the state is whole: restore the damaged files, "
                                "or make another --state from the archive of the logs");
        return false;
    }
    date_format(recovery.date_ms, date);
    progress_note(progress,
                  "DAMAGED STATE: the generation of %s is taken instead of a newer one: %s", date,
                  recovery.text);
    status = recovery_set_aside(&nights->state, &recovery, &failure);
    if (failed(status)) {
        progress_note(progress, "%s", failure.text);
    }
    return !failed(status);
}

typedef struct status (*nights_verb)(struct nights *nights, struct err *err);

/* Does what was asked for, behind what has to be made again before it. */
static struct status nights_run(const struct options *options, struct progress *progress,
                                nights_verb compute, struct err *err) {
    struct status status;
    bool has_recovered = false;
    bool is_done = false;
    while (!is_done) {
        struct nights nights = {.run = {.options = options, .progress = progress}};
        struct err own = {0};
        status = compute(&nights, &own);
        if (!failed(status)) {
            is_done = !nights.is_restoring;
        } else if (!has_recovered && nights_recover(&nights, status, &own)) {
            has_recovered = true;
        } else {
            status = err_set(err, status.failure, "%s", own.text);
            if (nights.is_restoring) {
                err_prefix(err, "a damaged generation was set aside and cannot be made again (its "
                                "folder has manifest.damaged; without that file its dates are run "
                                "as new ones)");
            }
            is_done = true;
        }
        nights_finish(&nights, status);
    }
    return status;
}

static struct status night_compute(struct nights *nights, struct err *err) {
    TRY(require_option(nights->run.options->date, "date", err));
    TRY(nights_open(nights, err));
    TRY(restore_plan(nights, err));
    if (!nights->is_restoring) {
        nights->first_ms = options_day(nights->run.options->date);
        nights->last_ms = nights->first_ms;
        TRY(nights_plan(nights, err));
    }
    return nights_compute(nights, err);
}

struct status verb_run(const struct options *options, struct progress *progress, struct err *err) {
    return nights_run(options, progress, night_compute, err);
}

/* The first and the last event time in all logs. */
static struct status logs_range(struct run *run, int64_t *first_ms, int64_t *last_ms, bool *any,
                                struct err *err) {
    struct survey survey;
    if (run->topic.consumer != NULL) {
        TRY(topic_survey(&run->topic, "looking", UINT64_MAX, &survey, err));
        survey_widen(&survey, first_ms, last_ms, any);
        return status_ok();
    }
    uint64_t bytes_before = 0;
    progress_begin(run->progress, "looking", "bytes", run->logs.total_bytes);
    for (size_t i = 0; i < run->logs.paths.count; i++) {
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
    TRY(restore_plan(nights, err));
    if (nights->is_restoring) {
        return nights_compute(nights, err);
    }
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
    return nights_run(options, progress, backfill_compute, err);
}
