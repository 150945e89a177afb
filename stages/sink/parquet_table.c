/* The file:
 *
 *   PART          SIZE  DESCRIPTION
 *   magic         4     "PAR1"
 *   row groups    ...   for each group, for each column in the table's order: its pages
 *                       (parquet_column.h); none where the table has no rows
 *   footer        ...   FileMetaData in Thrift's compact protocol, below
 *   footer bytes  4     little-endian
 *   magic         4     "PAR1"
 *
 *   FileMetaData         1 version = 2, 2 schema, 3 rows, 4 row groups, 5 notes (left out where
 *                        there are none), 6 created_by = "tieflow", 7 column orders, all TYPE_ORDER
 *   schema               the root (named as the table, with the number of columns), the columns
 *   RowGroup             1 column chunks, 2 bytes before compression, 3 rows, 5 offset of its first
 *                        page, 6 bytes as stored
 *
 * The metadata of finished groups are kept encoded, about 100 bytes a column, until the footer: a
 * list's length stands before its items. Rejected: buffering whole batches as they come, which
 * would let the caller's batching show in the groups.
 */
#include "stages/sink/parquet_table.h"

#include "stages/base/bytes.h"
#include "stages/base/conveyor.h"
#include "stages/base/utf8.h"
#include "stages/sink/parquet_column.h"
#include "stages/sink/thrift.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "PAR1"

enum { MAGIC_BYTES = 4, FORMAT_VERSION = 2 };

/* A row group on its way: filled by the caller's thread, encoded by any, written by the caller's.
 */
struct parquet_group {
    size_t rows;
    size_t text_bytes;
    struct parquet_column columns[TABLE_COLUMNS_MAX];
    struct parquet_pages pages[TABLE_COLUMNS_MAX];
    struct parquet_workshop workshop;
    struct status status;
    struct err err;
};

struct parquet_table {
    struct output *output;
    const struct table *table;
    uint64_t offset;     /* bytes written so far */
    uint64_t rows;       /* in finished groups */
    struct bytes groups; /* RowGroup items of finished groups */
    size_t group_count;
    struct bytes notes; /* KeyValue items */
    size_t note_count;
    struct conveyor *conveyor;
    size_t slot_count;
    struct parquet_group slots[];
};

static struct status write_bytes(struct parquet_table *parquet, const void *data, size_t count,
                                 struct err *err) {
    parquet->offset += count;
    return output_write(parquet->output, data, count, err);
}

static struct status put_clean_text(struct thrift *thrift, int field, const char *text,
                                    struct err *err) {
    size_t bytes = strlen(text);
    struct bytes clean = {0};
    TRY(bytes_reserve(&clean, bytes, err));
    utf8_clean((char *)clean.data, text, bytes);
    thrift_text(thrift, field, clean.data, bytes);
    bytes_release(&clean);
    return status_ok();
}

static struct status keep_notes(struct parquet_table *parquet, const struct table_note *notes,
                                size_t note_count, struct err *err) {
    struct thrift thrift;
    thrift_begin(&thrift, &parquet->notes, err);
    for (size_t i = 0; i < note_count; i++) {
        thrift_struct_open(&thrift, THRIFT_ITEM); /* KeyValue */
        TRY(put_clean_text(&thrift, 1, notes[i].key, err));
        TRY(put_clean_text(&thrift, 2, notes[i].value, err));
        thrift_struct_close(&thrift);
    }
    parquet->note_count = note_count;
    return thrift_end(&thrift);
}

static struct status group_encode(struct parquet_group *group, size_t column_count,
                                  struct err *err) {
    for (size_t c = 0; c < column_count; c++) {
        assert(group->columns[c].rows == group->rows);
        TRY(parquet_column_pages(&group->columns[c], &group->workshop, &group->pages[c], err));
    }
    return status_ok();
}

static void encode_work(void *context, size_t slot) {
    struct parquet_table *parquet = context;
    struct parquet_group *group = &parquet->slots[slot];
    group->status = group_encode(group, parquet->table->column_count, &group->err);
}

struct status parquet_table_new(struct parquet_table **parquet, struct output *output,
                                const struct table *table, const struct table_note *notes,
                                size_t note_count, unsigned threads, struct err *err) {
    *parquet = NULL;
    size_t slots = conveyor_slots(threads);
    size_t bytes = sizeof **parquet + slots * sizeof(struct parquet_group);
    struct parquet_table *made = calloc(1, bytes);
    if (made == NULL) {
        return err_memory(err, bytes, "a Parquet table");
    }
    made->output = output;
    made->table = table;
    made->slot_count = slots;
    for (size_t slot = 0; slot < slots; slot++) {
        for (size_t c = 0; c < table->column_count; c++) {
            parquet_column_init(&made->slots[slot].columns[c], &table->columns[c]);
        }
    }
    struct status status;
    TRY_OR(fail, status, conveyor_new(&made->conveyor, threads, slots, encode_work, made, err));
    TRY_OR(fail, status, keep_notes(made, notes, note_count, err));
    TRY_OR(fail, status, write_bytes(made, MAGIC, MAGIC_BYTES, err));
    *parquet = made;
    return status;
fail:
    parquet_table_free(made);
    return status;
}

static void group_release(struct parquet_group *group, size_t column_count) {
    for (size_t c = 0; c < column_count; c++) {
        parquet_column_release(&group->columns[c]);
        parquet_pages_release(&group->pages[c]);
    }
    parquet_workshop_release(&group->workshop);
}

void parquet_table_free(struct parquet_table *parquet) {
    if (parquet == NULL) {
        return;
    }
    conveyor_free(parquet->conveyor);
    for (size_t slot = 0; slot < parquet->slot_count; slot++) {
        group_release(&parquet->slots[slot], parquet->table->column_count);
    }
    bytes_release(&parquet->groups);
    bytes_release(&parquet->notes);
    free(parquet);
}

/* Writes the pages of an encoded group and keeps its metadata. */
static struct status group_write(struct parquet_table *parquet, const struct parquet_group *group,
                                 struct err *err) {
    size_t column_count = parquet->table->column_count;
    uint64_t group_offset = parquet->offset;
    uint64_t raw_bytes = 0;
    struct thrift thrift;
    thrift_begin(&thrift, &parquet->groups, err);
    thrift_struct_open(&thrift, THRIFT_ITEM); /* RowGroup */
    thrift_list(&thrift, 1, THRIFT_STRUCT, column_count);
    for (size_t c = 0; c < column_count; c++) {
        const struct parquet_pages *pages = &group->pages[c];
        parquet_column_put_chunk(&group->columns[c], pages, parquet->offset, &thrift);
        TRY(write_bytes(parquet, pages->file.data, pages->file.count, err));
        raw_bytes += pages->raw_bytes;
    }
    thrift_i64(&thrift, 2, (int64_t)raw_bytes);
    thrift_i64(&thrift, 3, (int64_t)group->rows);
    thrift_i64(&thrift, 5, (int64_t)group_offset);
    thrift_i64(&thrift, 6, (int64_t)(parquet->offset - group_offset));
    thrift_struct_close(&thrift);
    parquet->rows += group->rows;
    parquet->group_count++;
    return thrift_end(&thrift);
}

/* Writes the oldest group on its way; its slot is empty then. */
static struct status group_finish(struct parquet_table *parquet, struct err *err) {
    struct parquet_group *group = &parquet->slots[conveyor_take(parquet->conveyor)];
    if (failed(group->status)) {
        return err_set(err, group->status.failure, "%s", group->err.text);
    }
    TRY(group_write(parquet, group, err));
    for (size_t c = 0; c < parquet->table->column_count; c++) {
        parquet_column_clear(&group->columns[c]);
    }
    group->rows = 0;
    group->text_bytes = 0;
    return status_ok();
}

/* The group that is being filled. */
static struct parquet_group *group_now(struct parquet_table *parquet) {
    return &parquet->slots[conveyor_next(parquet->conveyor)];
}

static bool group_is_full(const struct parquet_group *group) {
    return group->rows == PARQUET_GROUP_ROWS || group->text_bytes >= PARQUET_GROUP_TEXT_BYTES;
}

static bool has_texts(const struct table *table) {
    for (size_t c = 0; c < table->column_count; c++) {
        if (table->columns[c].type == COLUMN_TEXT) {
            return true;
        }
    }
    return false;
}

static size_t row_text_bytes(const struct table *table, const union column_values *columns,
                             size_t row) {
    size_t bytes = 0;
    for (size_t c = 0; c < table->column_count; c++) {
        if (table->columns[c].type == COLUMN_TEXT && columns[c].text[row] != NULL) {
            bytes += strlen(columns[c].text[row]);
        }
    }
    return bytes;
}

/* Adds to the group's counts, and returns, as many of the rows [first, rows) as it still takes. */
static size_t claim_rows(struct parquet_group *group, const struct table *table,
                         const union column_values *columns, size_t first, size_t rows) {
    if (!has_texts(table)) {
        size_t room = PARQUET_GROUP_ROWS - group->rows;
        size_t claimed = rows - first < room ? rows - first : room;
        group->rows += claimed;
        return claimed;
    }
    size_t row = first;
    while (row < rows && !group_is_full(group)) {
        group->text_bytes += row_text_bytes(table, columns, row);
        group->rows++;
        row++;
    }
    return row - first;
}

struct status parquet_table_append(struct parquet_table *parquet,
                                   const union column_values *columns, size_t rows,
                                   struct err *err) {
    size_t first = 0;
    while (first < rows) {
        struct parquet_group *group = group_now(parquet);
        size_t claimed = claim_rows(group, parquet->table, columns, first, rows);
        for (size_t c = 0; c < parquet->table->column_count; c++) {
            TRY(parquet_column_add(&group->columns[c], &columns[c], first, claimed, err));
        }
        first += claimed;
        if (group_is_full(group)) {
            conveyor_put(parquet->conveyor);
            if (conveyor_is_full(parquet->conveyor)) {
                TRY(group_finish(parquet, err));
            }
        }
    }
    return status_ok();
}

static void put_schema(const struct table *table, struct thrift *thrift) {
    thrift_list(thrift, 2, THRIFT_STRUCT, table->column_count + 1);
    thrift_struct_open(thrift, THRIFT_ITEM); /* the root */
    thrift_text(thrift, 4, table->name, strlen(table->name));
    thrift_i32(thrift, 5, (int32_t)table->column_count);
    thrift_struct_close(thrift);
    for (size_t c = 0; c < table->column_count; c++) {
        parquet_column_put_schema(&table->columns[c], thrift);
    }
}

static void put_column_orders(const struct table *table, struct thrift *thrift) {
    thrift_list(thrift, 7, THRIFT_STRUCT, table->column_count);
    for (size_t c = 0; c < table->column_count; c++) {
        thrift_struct_open(thrift, THRIFT_ITEM); /* ColumnOrder */
        thrift_struct_open(thrift, 1);           /* TYPE_ORDER */
        thrift_struct_close(thrift);
        thrift_struct_close(thrift);
    }
}

static struct status encode_footer(const struct parquet_table *parquet, struct bytes *footer,
                                   struct err *err) {
    static const char creator[] = "tieflow";
    struct thrift thrift;
    thrift_begin(&thrift, footer, err);
    thrift_struct_open(&thrift, THRIFT_ITEM); /* FileMetaData */
    thrift_i32(&thrift, 1, FORMAT_VERSION);
    put_schema(parquet->table, &thrift);
    thrift_i64(&thrift, 3, (int64_t)parquet->rows);
    thrift_list(&thrift, 4, THRIFT_STRUCT, parquet->group_count);
    thrift_copy(&thrift, &parquet->groups);
    if (parquet->note_count > 0) {
        thrift_list(&thrift, 5, THRIFT_STRUCT, parquet->note_count);
        thrift_copy(&thrift, &parquet->notes);
    }
    thrift_text(&thrift, 6, creator, sizeof creator - 1);
    put_column_orders(parquet->table, &thrift);
    thrift_struct_close(&thrift);
    return thrift_end(&thrift);
}

static struct status append_tail(struct bytes *footer, struct err *err) {
    assert(footer->count <= INT32_MAX);
    uint8_t tail[4 + MAGIC_BYTES];
    put_u32(tail, (uint32_t)footer->count);
    memcpy(tail + 4, MAGIC, MAGIC_BYTES);
    return bytes_append(footer, tail, sizeof tail, err);
}

struct status parquet_table_finish(struct parquet_table *parquet, struct err *err) {
    if (group_now(parquet)->rows > 0) {
        conveyor_put(parquet->conveyor);
    }
    while (conveyor_count(parquet->conveyor) != 0) {
        TRY(group_finish(parquet, err));
    }
    struct bytes footer = {0};
    struct status status;
    TRY_OR(done, status, encode_footer(parquet, &footer, err));
    TRY_OR(done, status, append_tail(&footer, err));
    TRY_OR(done, status, write_bytes(parquet, footer.data, footer.count, err));
done:
    bytes_release(&footer);
    return status;
}
