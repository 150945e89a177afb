/* What the tests of both table formats share: writing a table in batches of a given size. */
#ifndef TIEFLOW_TESTS_TABLE_TESTING_H
#define TIEFLOW_TESTS_TABLE_TESTING_H

#include "tests/testing.h"

#include "stages/base/checksum.h"
#include "stages/base/files.h"
#include "stages/sink/table_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The columns of `table` from row `first` on. */
static inline void table_columns_from(const struct table *table, const union column_values *columns,
                                      size_t first, union column_values *shifted) {
    for (size_t c = 0; c < table->column_count; c++) {
        switch (table->columns[c].type) {
        case COLUMN_U64:
            if (table->columns[c].nullable) {
                shifted[c].optional_u64 = columns[c].optional_u64 + first;
            } else {
                shifted[c].u64 = columns[c].u64 + first;
            }
            break;
        case COLUMN_U32:
            shifted[c].u32 = columns[c].u32 + first;
            break;
        case COLUMN_TIME_MS:
            shifted[c].time_ms = columns[c].time_ms + first;
            break;
        case COLUMN_F64:
            shifted[c].f64 = columns[c].f64 + first;
            break;
        case COLUMN_TEXT:
            shifted[c].text = columns[c].text + first;
            break;
        case COLUMN_BOOL:
            shifted[c].flag = columns[c].flag + first;
            break;
        }
    }
}

/* Writes the table, `batch` rows to an append, on `threads` threads. */
static inline struct table_file table_write(const char *folder, enum table_format format,
                                            const struct table *table,
                                            const union column_values *columns, size_t rows,
                                            size_t batch, unsigned threads) {
    static const struct table_note notes[] = {{"run_id", "0123456789abcdef"}, {"odd", "\xff\""}};
    const struct table_options options = {.notes = notes, .note_count = 2, .threads = threads};
    struct err err;
    struct table_writer *writer;
    struct table_file file;
    MUST(table_writer_open(&writer, format, folder, table, &options, &err));
    for (size_t first = 0; first < rows; first += batch) {
        union column_values shifted[TABLE_COLUMNS_MAX];
        table_columns_from(table, columns, first, shifted);
        size_t count = rows - first < batch ? rows - first : batch;
        MUST(table_writer_append(writer, shifted, count, &err));
    }
    MUST(table_writer_commit(writer, &file, &err));
    assert_int_equal(file.rows, rows);
    return file;
}

/* Reads the whole file into `bytes` (empty, the caller's to release); it must be what the commit
 * said of it. */
static inline void table_read(const char *folder, enum table_format format,
                              const struct table *table, const struct table_file *file,
                              struct bytes *bytes) {
    struct err err;
    char name[64];
    (void)snprintf(name, sizeof name, "%s%s", table->name, table_format_ending(format));
    char *path;
    MUST(path_join(&path, folder, name, &err));
    MUST(file_read_all(path, bytes, &err));
    free(path);
    assert_int_equal(bytes->count, file->bytes);
    assert_int_equal(checksum_of(bytes->data, bytes->count, 0), file->checksum);
}

/* How many files the folder holds. */
static inline size_t table_folder_entries(const char *folder) {
    struct err err;
    struct names names = {0};
    MUST(folder_list(folder, &names, &err));
    size_t count = names.count;
    names_release(&names);
    return count;
}

#endif
