/* `tieflow check` and `tieflow explain`: what would go wrong, and what a run would need. */
#include "pipeline/emit_request.h"
#include "pipeline/fact_logs.h"
#include "pipeline/ingest.h"
#include "pipeline/survey.h"
#include "pipeline/topic.h"
#include "pipeline/verbs.h"

#include "stages/base/files.h"
#include "stages/base/number.h"
#include "stages/state/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Records of each partition that are looked at. */
enum { NEWEST_RECORDS = 1000 };

/* Findings of a check: problems make it fail, in the class of the first. */
struct findings {
    unsigned problems;
    enum failure first;
};

static void problem(struct findings *findings, enum failure failure, const char *text) {
    printf("  PROBLEM  %s\n", text);
    if (findings->problems++ == 0) {
        findings->first = failure;
    }
}

static void problem_of(struct findings *findings, const struct err *err) {
    problem(findings, err->failure, err->text);
}

static void range_print(const struct survey *survey) {
    if (survey->has_range) {
        char first[DATE_TEXT_BYTES];
        char last[DATE_TEXT_BYTES];
        date_format(survey->first_ms, first);
        date_format(survey->last_ms, last);
        printf(", %s to %s", first, last);
    }
}

static void malformed_check(const struct options *options, const char *name,
                            const struct survey *survey, struct findings *findings) {
    if (survey->malformed == 0) {
        return;
    }
    double share = (double)survey->malformed / (double)survey->records;
    char text[ERR_TEXT_BYTES];
    (void)snprintf(text, sizeof text,
                   "%s:%" PRIu64 ": %s (%" PRIu64 " of %" PRIu64 " records are malformed)", name,
                   survey->first_malformed_line, survey->first_reason, survey->malformed,
                   survey->records);
    text_make_harmless(text);
    if (share > options->malformed_share_max) {
        problem(findings, FAILURE_DATA, text);
    } else {
        printf("  note     %s: they would be set aside\n", text);
    }
}

/* Seconds of 1971 to 2286 read as milliseconds lie within four months of 1970, where nothing else
 * does: a log in them goes unnoticed beside others. */
static void unit_check(const char *path, const struct survey *survey) {
    static const int64_t seconds_end_ms = INT64_C(10000000000);
    static const int64_t seconds_from_ms = INT64_C(31536000);
    if (survey->has_range && survey->first_ms >= seconds_from_ms &&
        survey->last_ms < seconds_end_ms) {
        printf("  note     %s: all its times lie in early 1970, as seconds do that are taken for "
               "milliseconds: if they are, 'tieflow import --time-unit s' mends it\n",
               name_shown(path).text);
    }
}

static void log_check(const struct options *options, const char *path, struct progress *progress,
                      uint64_t bytes_before, struct findings *findings) {
    struct survey survey;
    struct err err = {0};
    if (failed(survey_file(path, UINT64_MAX, progress, bytes_before, &survey, &err))) {
        problem_of(findings, &err);
        return;
    }
    printf("  ok       %s: %s, %" PRIu64 " events", name_shown(path).text,
           log_format_name(survey.format), survey.events);
    range_print(&survey);
    printf("\n");
    unit_check(path, &survey);
    malformed_check(options, path, &survey, findings);
}

/* Reads the newest records: whether they may be read, their schemas can be had, and they are
 * events.
 */
static void records_check(const struct options *options, struct topic *topic,
                          struct findings *findings) {
    struct survey survey;
    struct err err = {0};
    if (failed(topic_survey(topic, "checking", NEWEST_RECORDS, &survey, &err))) {
        problem_of(findings, &err);
        return;
    }
    printf("  ok       %s: the newest records of each partition, %s, %" PRIu64 " events",
           topic->name, record_encoding_name(topic->encoding), survey.events);
    range_print(&survey);
    printf("\n");
    malformed_check(options, topic->name, &survey, findings);
}

static void topic_check(const struct options *options, struct topic *topic,
                        struct progress *progress, struct findings *findings) {
    struct err err = {0};
    printf("topic\n");
    if (failed(topic_open(topic, options, progress, &err))) {
        problem_of(findings, &err);
        topic_close(topic);
        return;
    }
    uint64_t offsets = 0;
    for (size_t i = 0; i < topic->count; i++) {
        offsets += (uint64_t)(topic->partitions[i].end - topic->partitions[i].low);
    }
    printf("  ok       %s: %zu partitions, %" PRIu64 " offsets, at %s\n", topic->name, topic->count,
           offsets, options->topic.brokers);
    if (failed(schema_registry_probe(topic->registry, &err))) {
        problem_of(findings, &err);
    } else if (options->topic.registry != NULL) {
        printf("  ok       the schema registry answers\n");
    }
    records_check(options, topic, findings);
}

static void logs_check(const struct options *options, struct progress *progress,
                       struct findings *findings) {
    struct file_set logs = {0};
    struct err err = {0};
    printf("logs\n");
    if (failed(options_logs(options, &logs, &err))) {
        problem_of(findings, &err);
    } else {
        uint64_t bytes_before = 0;
        progress_begin(progress, "checking", "bytes", logs.total_bytes);
        for (size_t i = 0; i < logs.paths.count; i++) {
            log_check(options, logs.paths.items[i], progress, bytes_before, findings);
            bytes_before += logs.bytes[i];
        }
        progress_end(progress);
    }
    file_set_release(&logs);
}

/* The logs beside the connections, read whole. */
static void facts_check(const struct options *options, struct progress *progress,
                        struct findings *findings) {
    const struct facts_options how = {.until_ms = INT64_MAX};
    struct facts facts = {0};
    struct err err = {0};
    if (!options_have_facts(options)) {
        return;
    }
    printf("other logs\n");
    if (failed(facts_read_options(&facts, options, &how, NULL, progress, &err))) {
        problem_of(findings, &err);
    }
    for (int log = 0; log < FACT_LOGS; log++) {
        const struct fact_counts *counts = &facts.counts[log];
        if (counts->is_given) {
            printf("  ok       %s: %" PRIu64 " records, %" PRIu64 " of them repeats, %" PRIu64
                   " malformed\n",
                   fact_shapes[log].name, counts->read, facts.tables[log].duplicates,
                   counts->malformed);
        }
    }
    facts_release(&facts);
}

/* Topics and schemas of the sink. Whether it may be written is not tried: that would leave records
 * behind. */
static void sink_check(const struct options *options, struct progress *progress,
                       struct findings *findings) {
    struct emit_request request = {0};
    struct emit_mark mark;
    struct err err = {0};
    printf("sink\n");
    struct status status = emit_request_fill(&request, options, progress, &err);
    if (!failed(status)) {
        status = emit_look(&request.options, &mark, &err);
    }
    emit_request_release(&request);
    if (failed(status)) {
        problem_of(findings, &err);
        return;
    }
    char date[DATE_TEXT_BYTES];
    date_format(mark.date_ms, date);
    if (options->emit.to_kafka != 0) {
        printf("  ok       the topics %s* are there\n", options->emit.prefix);
    }
    if (options->emit.dead_letter_topic != NULL) {
        printf("  ok       %s is there for dead letters\n", options->emit.dead_letter_topic);
    }
    printf("  ok       %s%s\n", mark.is_set ? "rows were sent up to " : "no rows were sent yet",
           mark.is_set ? date : "");
    printf("  note     whether they may be written shows when a date is sent\n");
}

/* Whether --date fits the state. */
static void date_check(const struct options *options, const struct state *state,
                       struct findings *findings) {
    char next[DATE_TEXT_BYTES];
    date_format(state_newest(state) + DAY_MS, next);
    printf("  ok       %zu generations; the next date is %s\n", state->date_count, next);
    if (options->date != NULL && options_day(options->date) > state_newest(state) + DAY_MS) {
        char text[128];
        (void)snprintf(text, sizeof text, "--date %s leaves a gap: the next date is %s",
                       options->date, next);
        problem(findings, FAILURE_CONFIG, text);
    }
}

/* `topic` is open, or has no consumer where files are read. */
static void state_check(const struct options *options, const struct topic *topic,
                        struct findings *findings) {
    struct state state = {.lock = -1};
    struct generation newest = {0};
    struct err err = {0};
    printf("state\n");
    enum path_kind kind;
    struct status status = path_look(options->state, &kind, &err);
    if (!failed(status) && kind == PATH_FREE) {
        printf("  note     %s: not there yet; the first run makes it\n",
               name_shown(options->state).text);
        return;
    }
    if (!failed(status)) {
        status = state_open(&state, options->state, false, &err);
    }
    if (!failed(status) && state.date_count == 0) {
        printf("  note     %s: empty; the first run fills it\n", name_shown(options->state).text);
    } else if (!failed(status)) {
        status = state_read(&state, state_newest(&state), &newest, &err);
        if (!failed(status)) {
            date_check(options, &state, findings);
            status = state_look_at_files(&state, &newest, &err);
        }
        if (!failed(status) && topic->consumer != NULL) {
            status = ingest_topic_check(&newest, topic, &err);
        }
    }
    if (failed(status)) {
        problem_of(findings, &err);
    } else if (state.date_count != 0 &&
               newest.simultaneous != (enum simultaneous)options->simultaneous) {
        problem(findings, FAILURE_CONFIG, "the state was made with the other --simultaneous");
    }
    generation_release(&newest);
    state_close(&state);
}

/* Cuts the path to the one above it. */
static void path_ascend(char *path) {
    char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) {
        path[0] = slash == NULL ? '.' : '/'; /* of a path that is not empty */
        path[1] = '\0';
    } else {
        *slash = '\0';
    }
}

/* The output folder, or the nearest one above it that exists, must be a writable folder. */
static struct status out_look(const char *out, char *path, struct err *err) {
    enum path_kind kind;
    TRY(path_look(path, &kind, err));
    while (kind == PATH_FREE) {
        path_ascend(path);
        TRY(path_look(path, &kind, err));
    }
    if (kind == PATH_FILE) {
        return err_set(err, FAILURE_IO, "%s: cannot be written: a file is in the way: %s", out,
                       path);
    }
    return access(path, W_OK) == 0 ? status_ok() : err_io(err, errno, "%s: cannot be written", out);
}

static void out_check(const char *out, struct findings *findings) {
    struct err err = {0};
    char *path = strdup(out);
    printf("output\n");
    if (failed(path == NULL ? err_memory(&err, strlen(out), "a path")
                            : out_look(out, path, &err))) {
        problem_of(findings, &err);
    } else {
        printf("  ok       %s: can be written\n", name_shown(out).text);
    }
    free(path);
}

struct status verb_check(const struct options *options, struct progress *progress,
                         struct err *err) {
    struct findings findings = {0};
    struct table_formats formats;
    struct topic topic = {0};
    TRY(options_table_formats(options, &formats, err));
    if (options_read_topic(options)) {
        topic_check(options, &topic, progress, &findings);
    } else {
        logs_check(options, progress, &findings);
    }
    facts_check(options, progress, &findings);
    if (options->state != NULL) {
        state_check(options, &topic, &findings);
    }
    topic_close(&topic);
    if (emit_is_asked_for(options)) {
        sink_check(options, progress, &findings);
    }
    if (options->out != NULL) {
        out_check(options->out, &findings);
    }
    if (findings.problems != 0) {
        return err_set(err, findings.first, "%u problem%s found", findings.problems,
                       findings.problems == 1 ? " was" : "s were");
    }
    printf("no problems found\n");
    return status_ok();
}
