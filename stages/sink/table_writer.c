/* The part that all formats share: the staged file, the count of rows and the caller's contract.
 *
 * The formats are told apart by a switch and not by a table of function pointers: there are three,
 * known here, and a reader can follow a call with a finger.
 */
#include "stages/sink/table_writer.h"

#include "schemas/limits.h"
#include "stages/base/files.h"
#include "stages/base/stream.h"
#include "stages/sink/csv_table.h"
#include "stages/sink/outbox.h"
#include "stages/sink/outbox_table.h"
#include "stages/sink/parquet_table.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool column_is_null(const struct column *column, const union column_values *values, size_t row) {
    if (!column->nullable) {
        return false;
    }
    switch (column->type) {
    case COLUMN_U64:
        return !values->optional_u64[row].is_known;
    case COLUMN_TIME_MS:
        return values->time_ms[row] == COLUMN_TIME_NULL;
    case COLUMN_F64:
        return isnan(values->f64[row]);
    case COLUMN_TEXT:
        return values->text[row] == NULL;
    case COLUMN_U32:
    case COLUMN_BOOL:
        break;
    }
    assert(false && "a nullable column of a type that has no null");
    return false;
}

struct table_writer {
    enum table_format format;
    const struct table *table;
    struct output *output;
    struct csv_table *csv;         /* when format is TABLE_CSV */
    struct parquet_table *parquet; /* when format is TABLE_PARQUET */
    struct outbox_table *outbox;   /* when format is TABLE_OUTBOX */
    uint64_t rows;
    bool is_synced_later;
};

const char *table_format_ending(enum table_format format) {
    return format == TABLE_CSV ? ".csv" : format == TABLE_PARQUET ? ".parquet" : outbox_ending;
}

static struct status open_output(struct output **output, enum table_format format,
                                 const char *folder, const struct table *table, struct err *err) {
    char name[128];
    int length = snprintf(name, sizeof name, "%s%s", table->name, table_format_ending(format));
    assert(length > 0 && (size_t)length < sizeof name);
    return folder_output(output, folder, name, err);
}

struct status table_writer_open(struct table_writer **writer, enum table_format format,
                                const char *folder, const struct table *table,
                                const struct table_options *options, struct err *err) {
    assert(table->column_count > 0 && table->column_count <= TABLE_COLUMNS_MAX);
    *writer = NULL;
    struct table_writer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "a table writer");
    }
    made->format = format;
    made->table = table;
    made->is_synced_later = options->is_synced_later;
    struct status status = open_output(&made->output, format, folder, table, err);
    if (failed(status)) {
        free(made);
        return status;
    }
    if (format == TABLE_CSV) {
        status = csv_table_new(&made->csv, made->output, table, err);
    } else if (format == TABLE_PARQUET) {
        status = parquet_table_new(&made->parquet, made->output, table, options->notes,
                                   options->note_count,
                                   options->threads == 0 ? 1 : options->threads, err);
    } else {
        status = outbox_table_new(&made->outbox, made->output, table, options->notes,
                                  options->note_count, err);
    }
    if (failed(status)) {
        table_writer_discard(made);
        return status;
    }
    *writer = made;
    return status;
}

static void assert_times(const int64_t *times, size_t rows, bool nullable) {
    int64_t least = 0;
    int64_t most = 0;
    for (size_t i = 0; i < rows; i++) {
        int64_t time = nullable && times[i] == COLUMN_TIME_NULL ? 0 : times[i];
        least = time < least ? time : least;
        most = time > most ? time : most;
    }
    assert(least >= LIMIT_TIME_MIN_MS && most <= LIMIT_TIME_MAX_MS);
}

static void assert_finite(const double *values, size_t rows, bool nullable) {
    bool finite = true;
    for (size_t i = 0; i < rows; i++) {
        finite &= isfinite(values[i]) != 0 || (nullable && isnan(values[i]) != 0);
    }
    assert(finite);
}

static void assert_flags(const uint8_t *flags, size_t rows) {
    uint8_t bits = 0;
    for (size_t i = 0; i < rows; i++) {
        bits |= flags[i];
    }
    assert(bits <= 1);
}

struct status table_writer_append(struct table_writer *writer, const union column_values *columns,
                                  size_t rows, struct err *err) {
    for (size_t c = 0; c < writer->table->column_count; c++) {
        const struct column *column = &writer->table->columns[c];
        if (column->type == COLUMN_TIME_MS) {
            assert_times(columns[c].time_ms, rows, column->nullable);
        } else if (column->type == COLUMN_F64) {
            assert_finite(columns[c].f64, rows, column->nullable);
        } else if (column->type == COLUMN_BOOL) {
            assert_flags(columns[c].flag, rows);
        }
    }
    writer->rows += rows;
    switch (writer->format) {
    case TABLE_CSV:
        return csv_table_append(writer->csv, columns, rows, err);
    case TABLE_PARQUET:
        return parquet_table_append(writer->parquet, columns, rows, err);
    default:
        return outbox_table_append(writer->outbox, columns, rows, err);
    }
}

static struct status finish(struct table_writer *writer, struct err *err) {
    switch (writer->format) {
    case TABLE_CSV:
        return csv_table_finish(writer->csv, err);
    case TABLE_PARQUET:
        return parquet_table_finish(writer->parquet, err);
    default:
        return outbox_table_finish(writer->outbox, err);
    }
}

struct status table_writer_commit(struct table_writer *writer, struct table_file *file,
                                  struct err *err) {
    struct status status = finish(writer, err);
    if (!failed(status)) {
        struct table_file published = {.rows = writer->rows};
        struct output *output = writer->output;
        status = writer->is_synced_later
                     ? output_commit_unsynced(output, &published.bytes, &published.checksum, err)
                     : output_commit(output, &published.bytes, &published.checksum, err);
        writer->output = NULL; /* freed by the commit, whatever came of it */
        if (file != NULL) {
            *file = published;
        }
    }
    table_writer_discard(writer);
    return status;
}

void table_writer_discard(struct table_writer *writer) {
    if (writer != NULL) {
        csv_table_free(writer->csv);
        parquet_table_free(writer->parquet);
        outbox_table_free(writer->outbox);
        output_discard(writer->output);
        free(writer);
    }
}
