/* Row by row into one buffer, which goes to the output when it is full. Room for a whole line is
 * made before the line is begun, so that cells are written without a check each.
 *
 * Rejected: formatting column by column and weaving the columns afterwards. It needs a second pass
 * over every byte, and the branch on the column's type, which repeats with each row, is predicted.
 */
#include "stages/sink/csv_table.h"

#include "stages/base/bytes.h"
#include "stages/base/number.h"
#include "stages/base/utf8.h"
#include "stages/sink/decimal.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Lines are handed on in pieces of about this size: it stays within the second-level cache. */
enum { BUFFER_BYTES = 1 << 18 };

struct csv_table {
    struct output *output;
    const struct table *table;
    struct bytes lines;
    size_t fixed_bytes; /* bound of one line without its texts */
};

/* A text of n bytes takes at most this many: every byte doubled, two quotes. */
static size_t text_bound(const char *text) {
    return 2 * strlen(text) + 2;
}

static char *put_text(char *at, const char *text) {
    size_t bytes = strlen(text);
    if (strpbrk(text, ",\"\r\n") == NULL) {
        utf8_clean(at, text, bytes);
        return at + bytes;
    }
    *at++ = '"';
    for (size_t i = 0; i < bytes;) {
        size_t sequence = utf8_sequence(text + i, bytes - i);
        if (text[i] == '"') {
            *at++ = '"';
        }
        utf8_clean(at, text + i, sequence == 0 ? 1 : sequence);
        at += sequence == 0 ? 1 : sequence;
        i += sequence == 0 ? 1 : sequence;
    }
    *at++ = '"';
    return at;
}

static char *put_flag(char *at, bool flag) {
    const char *text = flag ? "true" : "false";
    size_t bytes = strlen(text);
    memcpy(at, text, bytes);
    return at + bytes;
}

static char *put_cell(char *at, const struct column *column, const union column_values *values,
                      size_t row) {
    if (column_is_null(column, values, row)) {
        return at;
    }
    switch (column->type) {
    case COLUMN_U64:
        return at + number_format_u64(at, column->nullable ? values->optional_u64[row].value
                                                           : values->u64[row]);
    case COLUMN_U32:
        return at + number_format_u64(at, values->u32[row]);
    case COLUMN_TIME_MS:
        return at + number_format_i64(at, values->time_ms[row]);
    case COLUMN_F64:
        return at + decimal_format(at, values->f64[row]);
    case COLUMN_BOOL:
        return put_flag(at, values->flag[row] != 0);
    case COLUMN_TEXT:
        return put_text(at, values->text[row]);
    }
    assert(false && "a column type without a text form");
    return at;
}

/* Bytes that the cell and the comma or LF behind it take at most, texts aside. */
static size_t cell_bound(enum column_type type) {
    return 1 + (type == COLUMN_F64    ? NUMBER_DOUBLE_BYTES
                : type == COLUMN_TEXT ? 0
                                      : NUMBER_U64_BYTES + 1);
}

static size_t texts_bound(const struct table *table, const union column_values *columns,
                          size_t row) {
    size_t bytes = 0;
    for (size_t c = 0; c < table->column_count; c++) {
        if (table->columns[c].type == COLUMN_TEXT && columns[c].text[row] != NULL) {
            bytes += text_bound(columns[c].text[row]);
        }
    }
    return bytes;
}

static struct status put_header(struct csv_table *csv, struct err *err) {
    for (size_t c = 0; c < csv->table->column_count; c++) {
        const char *name = csv->table->columns[c].name;
        TRY(bytes_reserve(&csv->lines, text_bound(name) + 1, err));
        char *start = (char *)csv->lines.data + csv->lines.count;
        char *at = put_text(start, name);
        *at++ = c + 1 < csv->table->column_count ? ',' : '\n';
        csv->lines.count += (size_t)(at - start);
    }
    return status_ok();
}

struct status csv_table_new(struct csv_table **csv, struct output *output,
                            const struct table *table, struct err *err) {
    *csv = NULL;
    struct csv_table *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "a CSV table");
    }
    made->output = output;
    made->table = table;
    for (size_t c = 0; c < table->column_count; c++) {
        made->fixed_bytes += cell_bound(table->columns[c].type);
    }
    struct status status = put_header(made, err);
    if (failed(status)) {
        csv_table_free(made);
        return status;
    }
    *csv = made;
    return status;
}

void csv_table_free(struct csv_table *csv) {
    if (csv != NULL) {
        bytes_release(&csv->lines);
        free(csv);
    }
}

struct status csv_table_append(struct csv_table *csv, const union column_values *columns,
                               size_t rows, struct err *err) {
    const struct table *table = csv->table;
    for (size_t row = 0; row < rows; row++) {
        size_t bound = csv->fixed_bytes + texts_bound(table, columns, row);
        TRY(bytes_reserve(&csv->lines, bound, err));
        char *start = (char *)csv->lines.data + csv->lines.count;
        char *at = start;
        for (size_t c = 0; c < table->column_count; c++) {
            at = put_cell(at, &table->columns[c], &columns[c], row);
            *at++ = ',';
        }
        at[-1] = '\n';
        assert((size_t)(at - start) <= bound);
        csv->lines.count += (size_t)(at - start);
        if (csv->lines.count >= BUFFER_BYTES) {
            TRY(csv_table_finish(csv, err));
        }
    }
    return status_ok();
}

struct status csv_table_finish(struct csv_table *csv, struct err *err) {
    TRY(output_write(csv->output, csv->lines.data, csv->lines.count, err));
    csv->lines.count = 0;
    return status_ok();
}
