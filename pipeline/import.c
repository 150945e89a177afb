/* The verb `import`: logs of other formats, to a file of our own or to a topic. */
#include "pipeline/topic_writer.h"
#include "pipeline/verbs.h"

#include "stages/base/number.h"
#include "stages/decode/log_reader.h"
#include "stages/decode/log_writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_EVENTS = 4096, COLUMNS = 5 };

static const char *const column_keys[COLUMNS] = {"at", "from", "to", "kind", "origin"};

/* Splits "at=time,from=src" in place and points the names into it. */
static struct status columns_parse(char *list, const char *names[COLUMNS], struct err *err) {
    char *rest = list;
    for (char *item = strsep(&rest, ","); item != NULL; item = strsep(&rest, ",")) {
        char *value = strchr(item, '=');
        int key = 0;
        if (value != NULL) {
            *value++ = '\0';
        }
        while (key < COLUMNS && strcmp(item, column_keys[key]) != 0) {
            key++;
        }
        if (value == NULL || *value == '\0' || key == COLUMNS) {
            return err_set(err, FAILURE_USAGE,
                           "--columns: \"%s\" is not one of at=, from=, to=, kind=, origin= with a "
                           "column's name or number",
                           item);
        }
        names[key] = value;
    }
    return status_ok();
}

static struct status time_unit_parse(const char *unit, struct log_reader_options *reader,
                                     struct err *err) {
    static const struct {
        const char *name;
        uint32_t multiply;
        uint32_t divide;
    } units[] = {{"s", 1000, 0}, {"ms", 1, 0}, {"us", 0, 1000}, {"ns", 0, 1000000}};
    if (unit == NULL) {
        return status_ok();
    }
    if (strcmp(unit, "iso") == 0) {
        reader->times_are_iso = true;
        return status_ok();
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].name) == 0) {
            reader->time_unit_ms = units[i].multiply;
            reader->time_units_per_ms = units[i].divide;
            return status_ok();
        }
    }
    return err_set(err, FAILURE_USAGE, "--time-unit: \"%s\" is none of s, ms, us, ns, iso", unit);
}

static struct status reader_options(const struct options *options, char *columns,
                                    struct log_reader_options *reader, struct err *err) {
    reader->skip_lines = (uint32_t)options->skip;
    reader->times_are_lines = options->times_are_lines;
    if (options->input_format != NULL) {
        int format = log_format_parse(options->input_format);
        if (format < 0) {
            return err_set(err, FAILURE_USAGE,
                           "--input-format: \"%s\" is none of csv, ndjson, packed, avro, snap, "
                           "konect, mtx",
                           options->input_format);
        }
        reader->format = (enum log_format)format;
    }
    if (options->delimiter != NULL) {
        bool is_tab = strcmp(options->delimiter, "tab") == 0;
        if (!is_tab && strlen(options->delimiter) != 1) {
            return err_set(err, FAILURE_USAGE, "--delimiter: \"%s\" is not one character, or tab",
                           options->delimiter);
        }
        reader->delimiter = is_tab ? '\t' : options->delimiter[0];
    }
    TRY(time_unit_parse(options->time_unit, reader, err));
    return columns == NULL ? status_ok() : columns_parse(columns, reader->column_names, err);
}

/* Where events go: a file, or a topic. The other is NULL. */
struct target {
    struct log_writer *file;
    struct topic_writer *topic;
};

static struct status target_open(const struct options *options, struct progress *progress,
                                 struct target *target, struct err *err) {
    if (options->topic.brokers == NULL) {
        return log_create(options->out, &target->file, err);
    }
    if (options->out != NULL) {
        return err_set(err, FAILURE_USAGE,
                       "--out and --brokers: a log goes to a file or to a topic; leave out one");
    }
    return topic_writer_open(&target->topic, options, progress, err);
}

static struct status target_put(struct target *target, const struct event *events, size_t count,
                                struct err *err) {
    return target->topic != NULL ? topic_writer_put(target->topic, events, count, err)
                                 : log_writer_put(target->file, events, count, err);
}

/* Copies the events of one file. A malformed record ends the import: the user is there to see it,
 * and a log that silently lacks records would be worse than none. */
static struct status file_import(const char *path, const struct log_reader_options *options,
                                 struct target *target, uint64_t *written,
                                 struct progress *progress, struct err *err) {
    struct input *input;
    struct log_reader *reader;
    TRY(input_open(&input, path, err));
    TRY(log_reader_open(&reader, input, options, err));
    struct event events[BLOCK_EVENTS];
    struct status status;
    for (;;) {
        struct malformed malformed;
        bool is_malformed;
        size_t count;
        TRY_OR(
            done, status,
            log_reader_next(reader, events, BLOCK_EVENTS, &count, &is_malformed, &malformed, err));
        if (is_malformed) {
            status = err_set(err, FAILURE_DATA, "%s:%" PRIu64 ": %s", path, malformed.line,
                             malformed.reason);
            break;
        }
        if (count == 0) {
            break;
        }
        TRY_OR(done, status, target_put(target, events, count, err));
        *written += count;
        progress_update(progress, *written);
    }
done:
    log_reader_close(reader);
    return status;
}

static struct status files_import(const struct options *options, char *columns,
                                  struct target *target, uint64_t *written,
                                  struct progress *progress, struct err *err) {
    struct log_reader_options reader = {0};
    TRY(reader_options(options, columns, &reader, err));
    progress_begin(progress, "importing", "events", 0);
    for (size_t i = 0; i < options->arguments.count; i++) {
        TRY(file_import(options->arguments.items[i], &reader, target, written, progress, err));
    }
    return status_ok();
}

/* Commits what went to a topic and says what it holds, or discards it. */
static struct status topic_writer_close(const struct options *options, struct topic_writer *writer,
                                        uint64_t events, struct progress *progress,
                                        struct status status, struct err *err) {
    uint64_t records;
    uint64_t bytes;
    if (failed(status)) {
        progress_end(progress);
        topic_writer_discard(writer);
        return status;
    }
    status = topic_writer_commit(writer, &records, &bytes, err);
    progress_end(progress);
    if (!failed(status) && !options->is_quiet) {
        char size[BYTES_TEXT_BYTES];
        bytes_format(bytes, size);
        printf("topic %s: %" PRIu64 " events in %" PRIu64 " records, %s, in %.2f s\n",
               options->topic.name, events, records, size, progress_seconds(progress));
    }
    return status;
}

struct status verb_import(const struct options *options, struct progress *progress,
                          struct err *err) {
    if (options->arguments.count == 0) {
        return err_set(err, FAILURE_USAGE, "no input was given: tieflow import IN... -o LOG");
    }
    char *columns = options->columns == NULL ? NULL : strdup(options->columns);
    if (options->columns != NULL && columns == NULL) {
        return err_memory(err, strlen(options->columns), "the columns");
    }
    struct target target = {0};
    uint64_t written = 0;
    struct status status = target_open(options, progress, &target, err);
    if (!failed(status)) {
        status = files_import(options, columns, &target, &written, progress, err);
        status = target.topic != NULL
                     ? topic_writer_close(options, target.topic, written, progress, status, err)
                     : log_close(options, target.file, written, progress, status, err);
    }
    free(columns);
    return status;
}
