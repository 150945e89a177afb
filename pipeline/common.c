/* What several verbs share; declared in verbs.h. */
#include "pipeline/verbs.h"

#include "schemas/limits.h"
#include "stages/base/number.h"

#include <assert.h>
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
    bool is_read_only = options->emit.to_kafka == 0 && options->emit.dead_letter_topic == NULL;
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

struct status options_table_formats(const struct options *options, struct table_formats *formats,
                                    struct err *err) {
    const char *name = options->format == NULL ? "both" : options->format;
    bool both = strcmp(name, "both") == 0;
    *formats = (struct table_formats){
        .csv = both || strcmp(name, "csv") == 0,
        .parquet = both || strcmp(name, "parquet") == 0,
    };
    if (!formats->csv && !formats->parquet) {
        return err_set(err, FAILURE_USAGE, "--format: \"%s\" is none of csv, parquet, both", name);
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
