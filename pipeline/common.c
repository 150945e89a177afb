/* What several verbs share; declared in verbs.h. */
#include "pipeline/verbs.h"

#include "schemas/limits.h"
#include "stages/base/number.h"
#include "stages/embeddedness/kernel_set.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct status require_option(const char *value, const char *name, struct err *err) {
    if (value == NULL) {
        return err_set(err, FAILURE_USAGE, "--%s is missing; 'tieflow help' and a verb explain it",
                       name);
    }
    return status_ok();
}

bool options_read_topic(const struct options *options) {
    return options->topic.brokers != NULL && options->logs.count == 0 &&
           options->arguments.count == 0;
}

bool options_have_log(const struct options *options, enum fact_log log) {
    return options->fact_logs[log].count != 0 || options->fact_topics[log] != NULL;
}

bool options_have_fact_topics(const struct options *options) {
    bool has_any = false;
    for (int log = 0; log < FACT_LOGS; log++) {
        has_any |= options->fact_topics[log] != NULL;
    }
    return has_any;
}

struct status options_logs(const struct options *options, struct file_set *set, struct err *err) {
    struct names all = {0};
    struct status status = status_ok();
    for (size_t i = 0; i < options->logs.count && !failed(status); i++) {
        status = names_add(&all, options->logs.items[i], err);
    }
    for (size_t i = 0; i < options->arguments.count && !failed(status); i++) {
        status = names_add(&all, options->arguments.items[i], err);
    }
    if (!failed(status) && all.count == 0) {
        status = err_set(err, FAILURE_USAGE,
                         "no logs were given: name files or folders (or --logs in the "
                         "configuration), or a Kafka topic by --brokers");
    }
    bool is_read_only = options->emit.to_kafka == 0 && options->emit.dead_letter_topic == NULL &&
                        !options_have_fact_topics(options);
    if (!failed(status) && options->topic.brokers != NULL && is_read_only) {
        status = err_set(err, FAILURE_USAGE,
                         "%s: logs are read from files or, with --brokers, from a topic, not from "
                         "both; leave out one of them",
                         all.items[0]);
    }
    if (!failed(status)) {
        status = file_set_find(set, &all, err);
    }
    names_release(&all);
    if (!failed(status) && set->paths.count == 0) {
        return err_set(err, FAILURE_CONFIG,
                       "the folders hold no log files (.csv, .ndjson, .tfp, .avro, each also "
                       ".zst): are they the right ones, and mounted?");
    }
    return status;
}

struct status options_fact_logs(const struct options *options, struct file_set sets[FACT_LOGS],
                                struct err *err) {
    for (int log = 0; log < FACT_LOGS; log++) {
        const struct names *named = &options->fact_logs[log];
        if (named->count != 0 && options->fact_topics[log] != NULL) {
            return err_set(err, FAILURE_USAGE,
                           "--%s and --%s-topic: a log is read from files or from a topic; leave "
                           "out one of them",
                           fact_shapes[log].name, fact_shapes[log].name);
        }
        struct status status = file_set_find(&sets[log], named, err);
        if (!failed(status) && named->count != 0 && sets[log].paths.count == 0) {
            status =
                err_set(err, FAILURE_CONFIG,
                        "%s: holds no log files (.csv, .ndjson, .avro, each also .zst): is it the "
                        "right folder, and mounted?",
                        named->items[0]);
        }
        if (failed(status)) {
            err_prefix(err, "--%s", fact_shapes[log].name);
            return status;
        }
    }
    return status_ok();
}

bool options_have_facts(const struct options *options) {
    bool has_any = false;
    for (int log = 0; log < FACT_LOGS; log++) {
        has_any |= options_have_log(options, (enum fact_log)log);
    }
    return has_any;
}

struct status options_table_formats(const struct options *options, struct table_formats *formats,
                                    struct err *err) {
    const char *name = options->format == NULL ? "both" : options->format;
    bool is_none = strcmp(name, "none") == 0;
    bool both = is_none || strcmp(name, "both") == 0;
    *formats = (struct table_formats){
        .csv = both || strcmp(name, "csv") == 0,
        .parquet = both || strcmp(name, "parquet") == 0,
        .without_ties = is_none,
    };
    if (is_none && options->state == NULL) {
        return err_set(err, FAILURE_USAGE,
                       "--format none: without a state the ties would be nowhere");
    }
    if (!formats->csv && !formats->parquet) {
        return err_set(err, FAILURE_USAGE, "--format: \"%s\" is none of csv, parquet, both", name);
    }
    return status_ok();
}

struct status log_create(const char *path, struct log_writer **writer, struct err *err) {
    TRY(require_option(path, "out", err));
    bool zstd;
    int format = log_format_of_name(path, &zstd);
    if (format < 0) {
        return err_set(err, FAILURE_USAGE,
                       "%s: the name must end in .csv, .ndjson (either also .zst), .tfp or .avro, "
                       "which says the format",
                       path);
    }
    return log_writer_open(writer, path, (enum log_format)format, zstd, err);
}

struct status log_close(const struct options *options, struct log_writer *writer, uint64_t events,
                        struct progress *progress, struct status status, struct err *err) {
    progress_end(progress);
    if (failed(status)) {
        log_writer_discard(writer);
        return status;
    }
    uint64_t bytes;
    TRY(log_writer_commit(writer, &bytes, NULL, err));
    if (!options->is_quiet) {
        char size[BYTES_TEXT_BYTES];
        bytes_format(bytes, size);
        printf("%s: %" PRIu64 " events, %s, %.2f bytes per event, in %.2f s\n",
               name_shown(options->out).text, events, size,
               events == 0 ? 0.0 : (double)bytes / (double)events, progress_seconds(progress));
    }
    return status_ok();
}

unsigned options_threads(const struct options *options) {
    if (options->threads != 0) {
        return (unsigned)options->threads;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online > LIMIT_THREADS ? LIMIT_THREADS : (unsigned)online;
}

struct memory_shares options_memory(const struct options *options) {
    return memory_share(options->memory_bytes != 0 ? options->memory_bytes
                                                   : memory_default_bytes());
}

struct status options_kernel_check(const struct options *options, struct err *err) {
    enum kernel_set set = (enum kernel_set)options->kernel;
    if (!kernel_set_is_here(set)) {
        return err_set(err, FAILURE_CONFIG,
                       "--kernel %s: this processor does not run it; auto takes one that it does",
                       kernel_set_name(set));
    }
    return status_ok();
}

struct status options_generation(const struct options *options, const struct state *state,
                                 struct generation *generation, struct err *err) {
    if (state->date_count == 0) {
        return err_set(err, FAILURE_CONFIG, "%s: the state holds no generation yet", state->folder);
    }
    int64_t date_ms = options->date == NULL ? state_newest(state) : options_day(options->date);
    if (!state_has(state, date_ms)) {
        return err_set(err, FAILURE_CONFIG,
                       "%s: no generation of %s; 'tieflow snapshot ls' lists them", state->folder,
                       options->date);
    }
    return state_read(state, date_ms, generation, err);
}

int64_t options_day(const char *date) {
    int64_t day_ms = 0;
    bool is_date = date_parse(date, &day_ms);
    assert(is_date);
    (void)is_date;
    return day_ms;
}

void bytes_format(uint64_t bytes, char text[BYTES_TEXT_BYTES]) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    unsigned unit = 0;
    while (value >= 1000 && unit < 4) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(text, BYTES_TEXT_BYTES, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

struct shown_name name_shown(const char *name) {
    struct shown_name shown;
    (void)snprintf(shown.text, sizeof shown.text, "%s", name);
    text_make_harmless(shown.text);
    return shown;
}
