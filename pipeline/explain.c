/* `tieflow explain`: the stages of a run, and estimates of what it needs, before it runs.
 *
 * Records and members are estimated from a sample of each file. What is made of them is planned as
 * the run itself plans it; the figures per event and tie are those of the data structures (stated
 * in their headers) and of files measured on random ids, rounded up.
 */
#include "pipeline/survey.h"
#include "pipeline/topic.h"
#include "pipeline/verbs.h"

#include "schemas/limits.h"
#include "schemas/version.h"
#include "stages/base/files.h"
#include "stages/base/number.h"
#include "stages/embeddedness/batch.h"
#include "stages/state/state.h"
#include "stages/tie_store/ending_index.h"

#include <inttypes.h>
#include <string.h>

enum { SAMPLE_RECORDS = SURVEY_SAMPLE_EVENTS, SAMPLE_OFFSETS = 1000 };

/* Bytes in memory, or of scratch files. */
enum { TAPE_EVENT_BYTES = 8, DICTIONARY_NODE_BYTES = 22 };

/* Of the study: a record of a log is 72 bytes, twice while spells are made of it, and hardly less
 * than 20 in a file; sides are gathered range by range. */
enum { FACT_MEMORY = 8, SIDE_BYTES = 48 };

/* Bytes on disk. */
enum {
    ADJACENCY_TIE_BYTES = 14,
    STORE_TIE_BYTES = 16,
    DICTIONARY_MEMBER_BYTES = 8,
    CSV_TIE_BYTES = 80,
    PARQUET_TIE_BYTES = 36,
};

struct estimate {
    uint64_t events;
    uint64_t disconnects; /* of them */
    uint64_t members;     /* of the logs, or of the state where that has more */
    uint64_t known_ties;
    uint64_t fact_bytes; /* of the files of the other logs */
};

/* Adds a log of so many events to the estimate, as the survey of a part of it lets expect. */
static void events_note(struct estimate *estimate, const struct survey *survey, uint64_t events) {
    double share = survey->records == 0 ? 0 : (double)survey->disconnects / (double)survey->records;
    estimate->events += events;
    estimate->disconnects += (uint64_t)(share * (double)events);
}

static void members_note(struct estimate *estimate, const struct survey *survey) {
    uint64_t members = survey_members(survey);
    uint64_t most = 2 * estimate->events < LIMIT_NODES ? 2 * estimate->events : LIMIT_NODES;
    members = members < most ? members : most;
    estimate->members = members > estimate->members ? members : estimate->members;
}

static struct status log_explain(const char *path, uint64_t bytes, struct progress *progress,
                                 struct estimate *estimate, struct err *err) {
    struct survey survey;
    char size[BYTES_TEXT_BYTES];
    TRY(survey_file(path, SAMPLE_RECORDS, progress, 0, &survey, err));
    uint64_t records = survey.records;
    if (!survey.is_whole && survey.stored_bytes != 0) {
        records = (uint64_t)((double)bytes / (double)survey.stored_bytes * (double)records);
    }
    bytes_format(bytes, size);
    printf("  %s: %s, %s, %s%" PRIu64 " records\n", name_shown(path).text,
           log_format_name(survey.format), size, survey.is_whole ? "" : "about ", records);
    events_note(estimate, &survey, records);
    members_note(estimate, &survey);
    return status_ok();
}

/* The partitions, and how many events they hold by the look of the newest records. */
static struct status partitions_explain(struct topic *topic, struct estimate *estimate,
                                        struct err *err) {
    struct survey survey;
    uint64_t offsets = 0;
    for (size_t i = 0; i < topic->count; i++) {
        const struct kafka_partition *partition = &topic->partitions[i];
        printf("  %s: offsets %" PRId64 " to %" PRId64 "\n", topic->part_names.items[i],
               partition->low, partition->end);
        offsets += (uint64_t)(partition->end - partition->low);
    }
    TRY(topic_survey(topic, "looking", SAMPLE_OFFSETS, &survey, err));
    uint64_t looked = 0;
    for (size_t i = 0; i < topic->count; i++) {
        uint64_t here = (uint64_t)(topic->partitions[i].end - topic->partitions[i].low);
        looked += here < SAMPLE_OFFSETS ? here : SAMPLE_OFFSETS;
    }
    if (looked != 0) {
        events_note(estimate, &survey,
                    (uint64_t)((double)offsets / (double)looked * (double)survey.records));
    }
    members_note(estimate, &survey);
    printf("  %s records, about %" PRIu64 " events\n", record_encoding_name(topic->encoding),
           estimate->events);
    return status_ok();
}

/* The client's settings that the user gave, without their secrets. */
static struct status settings_explain(const struct options *options, struct err *err) {
    struct kafka_settings settings = {0};
    struct status status = topic_settings(options, &settings, err);
    for (size_t i = 0; i < settings.keys.count && !failed(status); i++) {
        const char *key = settings.keys.items[i];
        const char *value = kafka_settings_shown(key, settings.values.items[i]);
        printf("  %s = %s\n", key, name_shown(value).text);
    }
    kafka_settings_release(&settings);
    return status;
}

static struct status topic_explain(const struct options *options, struct progress *progress,
                                   struct estimate *estimate, struct err *err) {
    struct topic topic = {0};
    printf("topic %s\n", name_shown(options->topic.name).text);
    TRY(settings_explain(options, err));
    struct status status = topic_open(&topic, options, progress, err);
    if (!failed(status)) {
        status = partitions_explain(&topic, estimate, err);
    }
    topic_close(&topic);
    return status;
}

static struct status state_explain(const struct options *options, struct estimate *estimate,
                                   struct err *err) {
    struct state state = {.lock = -1};
    struct generation newest = {0};
    enum path_kind kind = PATH_FREE;
    if (options->state != NULL) {
        TRY(path_look(options->state, &kind, err));
    }
    if (kind == PATH_FREE) {
        printf("  none: the run starts from an empty graph\n");
        return status_ok();
    }
    struct status status = state_open(&state, options->state, false, err);
    if (!failed(status) && state.date_count == 0) {
        printf("  empty\n");
    } else if (!failed(status)) {
        status = state_read(&state, state_newest(&state), &newest, err);
    }
    if (!failed(status) && state.date_count != 0) {
        char date[DATE_TEXT_BYTES];
        date_format(newest.date_ms, date);
        printf("  %zu generations, the newest of %s: %" PRIu64 " members, %" PRIu64 " open ties\n",
               state.date_count, date, newest.members, newest.open_ties);
        if (generation_tail(&newest) != 0) {
            printf("  %" PRIu64 " ties made or ended since its rows were written (--tail)\n",
                   generation_tail(&newest));
        }
        estimate->members = newest.members > estimate->members ? newest.members : estimate->members;
        estimate->known_ties = newest.open_ties;
    }
    generation_release(&newest);
    state_close(&state);
    return status;
}

static void stages_explain(const struct options *options) {
    printf("stages\n"
           "  source         %s\n"
           "  decode         %s\n"
           "  order          one sequence, --simultaneous %s\n"
           "  dictionary     64-bit member ids to dense nodes\n"
           "  adjacency      arrival-order rows; duplicates and orphans found and counted\n"
           "  embeddedness   pivot kernel on %u threads\n",
           options_read_topic(options) ? "the topic below, by partition and offset"
                                       : "the files below, in this order",
           options_read_topic(options)
               ? record_encoding_name((enum record_encoding)options->topic.encoding)
               : "by content: CSV, NDJSON, Avro or packed frames",
           simultaneous_name((enum simultaneous)options->simultaneous), options_threads(options));
    if (options->state != NULL) {
        printf("  state          %s: dictionary, portable Roaring bitmaps, tie segments\n",
               name_shown(options->state).text);
    }
    bool has_study = options->fact_logs[FACT_POSITIONS].count != 0;
    if (has_study) {
        printf("  careers        positions to spells, moves and rosters\n"
               "  attribution    which ties carried which moves, preset %s\n",
               attribution_presets[options->attribution.preset].preset);
    }
    const char *format = options->format == NULL ? "both" : options->format;
    bool without_ties = strcmp(format, "none") == 0;
    bool is_both = without_ties || strcmp(format, "both") == 0;
    printf("  sink           %s: %sendings, late, quarantine, quality%s; %s\n",
           name_shown(options->out == NULL ? "(no --out)" : options->out).text,
           without_ties ? "" : "ties, ",
           has_study ? ", the study's tables, study.sqlite, report.html" : "",
           is_both ? "both csv and parquet" : format);
}

static void line_print(const char *what, uint64_t bytes) {
    char text[BYTES_TEXT_BYTES];
    bytes_format(bytes, text);
    printf("  %-44s %s\n", what, text);
}

/* The plan that the run would make for its batch, were the estimates exact. */
static void batch_explain(const struct options *options, const struct memory_shares *memory,
                          const struct estimate *estimate, struct batch_plan *plan) {
    struct err err;
    const struct batch_base known = {0};
    uint64_t dictionary = estimate->members * DICTIONARY_NODE_BYTES;
    uint64_t tape = estimate->events * TAPE_EVENT_BYTES;
    uint64_t endings = ending_index_bytes(estimate->disconnects);
    const struct batch_options batch = {
        .range = {0, estimate->events},
        .node_count = (size_t)estimate->members,
        .simultaneous = (enum simultaneous)options->simultaneous,
        .base = estimate->known_ties != 0 ? &known : NULL,
        .memory_bytes = memory_for_batch(memory, dictionary, tape),
        .beside_bytes = endings,
        .base_entries = 2 * estimate->known_ties,
        .threads = options_threads(options),
        .set = (enum kernel_set)options->kernel,
    };
    *plan = (struct batch_plan){0};
    line_print("members", dictionary);
    line_print("events in order", tape < memory->tape_bytes ? tape : memory->tape_bytes);
    if (failed(batch_plan_make(&batch, plan, &err))) {
        printf("  rows and results: too little memory; %s\n", err.text);
        return;
    }
    char what[64];
    (void)snprintf(what, sizeof what, "rows, in %u slice%s, and results", plan->slices,
                   plan->slices == 1 ? "" : "s");
    line_print(what, plan->memory_bytes);
    if (endings != 0) {
        line_print("  of it, once rows are gone, endings", endings);
    }
    plan->scratch_bytes += tape < memory->tape_bytes ? 0 : tape - memory->tape_bytes;
}

static void needs_explain(const struct options *options, const struct table_formats *formats,
                          const struct estimate *estimate) {
    uint64_t ties = estimate->known_ties + estimate->events;
    struct memory_shares memory = options_memory(options);
    struct batch_plan plan;
    char most[BYTES_TEXT_BYTES];
    bytes_format(memory.all_bytes, most);
    printf("memory, at most %s (--memory), for about %" PRIu64 " events of %" PRIu64 " members\n",
           most, estimate->events, estimate->members);
    batch_explain(options, &memory, estimate, &plan);
    uint64_t facts = estimate->fact_bytes * FACT_MEMORY;
    if (facts != 0) {
        uint64_t sides = 2 * ties * SIDE_BYTES;
        uint64_t study = memory_for_study(&memory);
        line_print("other logs", facts);
        line_print("attribution", sides < study ? sides : study);
    }
    printf("disk, at most about\n");
    line_print("scratch files (removed)", plan.scratch_bytes);
    if (options->state != NULL) {
        line_print("next generation", ties * ADJACENCY_TIE_BYTES +
                                          estimate->members * DICTIONARY_MEMBER_BYTES +
                                          estimate->events * STORE_TIE_BYTES);
    } else if (options->fact_logs[FACT_POSITIONS].count != 0) {
        line_print("ties on their way to the study (removed)", estimate->events * STORE_TIE_BYTES);
    }
    if (formats->csv && !formats->without_ties) {
        line_print("tables as CSV", estimate->events * CSV_TIE_BYTES);
    }
    if (formats->parquet && !formats->without_ties) {
        line_print("tables as Parquet", estimate->events * PARQUET_TIE_BYTES);
    }
}

static struct status logs_explain(const struct options *options, struct progress *progress,
                                  struct estimate *estimate, struct err *err) {
    struct file_set logs = {0};
    struct status status = options_logs(options, &logs, err);
    if (!failed(status)) {
        printf("logs\n");
    }
    for (size_t i = 0; i < logs.paths.count && !failed(status); i++) {
        status = log_explain(logs.paths.items[i], logs.bytes[i], progress, estimate, err);
    }
    file_set_release(&logs);
    return status;
}

static struct status facts_explain(const struct options *options, struct estimate *estimate,
                                   struct err *err) {
    struct file_set sets[FACT_LOGS] = {0};
    struct status status =
        options_have_facts(options) ? options_fact_logs(options, sets, err) : status_ok();
    for (int log = 0; log < FACT_LOGS; log++) {
        for (size_t i = 0; i < sets[log].paths.count && !failed(status); i++) {
            char size[BYTES_TEXT_BYTES];
            bytes_format(sets[log].bytes[i], size);
            printf("  %s: %s, %s\n", name_shown(sets[log].paths.items[i]).text,
                   fact_shapes[log].name, size);
        }
        estimate->fact_bytes += sets[log].total_bytes;
        file_set_release(&sets[log]);
    }
    return status;
}

struct status verb_explain(const struct options *options, struct progress *progress,
                           struct err *err) {
    struct table_formats formats;
    struct estimate estimate = {0};
    TRY(options_table_formats(options, &formats, err));
    TRY(options_kernel_check(options, err));
    printf("tieflow %s would run\n", TIEFLOW_VERSION);
    stages_explain(options);
    TRY(options_read_topic(options) ? topic_explain(options, progress, &estimate, err)
                                    : logs_explain(options, progress, &estimate, err));
    TRY(facts_explain(options, &estimate, err));
    printf("state\n");
    TRY(state_explain(options, &estimate, err));
    needs_explain(options, &formats, &estimate);
    return status_ok();
}
