#include "pipeline/row_block.h"

#include <assert.h>
#include <stdlib.h>

enum { ROW_BLOCK_ROWS = 1024 };

static size_t cell_bytes(const struct column *column) {
    switch (column->type) {
    case COLUMN_U64:
        return column->nullable ? sizeof(struct optional_u64) : sizeof(uint64_t);
    case COLUMN_U32:
        return sizeof(uint32_t);
    case COLUMN_TIME_MS:
        return sizeof(int64_t);
    case COLUMN_F64:
        return sizeof(double);
    case COLUMN_TEXT:
        return sizeof(const char *);
    case COLUMN_BOOL:
        return sizeof(uint8_t);
    }
    assert(false && "a column type without cells");
    return 0;
}

struct status row_block_open(struct row_block *block, struct publisher *publisher,
                             const struct table *table, struct err *err) {
    *block = (struct row_block){.table = table};
    TRY(tee_open(publisher, table, &block->tee, err));
    for (size_t c = 0; c < table->column_count; c++) {
        block->cells[c] = calloc(ROW_BLOCK_ROWS, cell_bytes(&table->columns[c]));
        if (block->cells[c] == NULL) {
            return err_memory(err, ROW_BLOCK_ROWS * cell_bytes(&table->columns[c]), "table rows");
        }
    }
    return status_ok();
}

/* The array of the next cell, which must be of this type. */
static void *cells_next(struct row_block *block, enum column_type type, bool nullable) {
    const struct column *column = &block->table->columns[block->column];
    assert(block->column < block->table->column_count && column->type == type);
    assert(type != COLUMN_U64 || column->nullable == nullable);
    return block->cells[block->column++];
}

void row_put_u64(struct row_block *block, uint64_t value) {
    ((uint64_t *)cells_next(block, COLUMN_U64, false))[block->rows] = value;
}

void row_put_known_u64(struct row_block *block, bool is_known, uint64_t value) {
    struct optional_u64 *cells = cells_next(block, COLUMN_U64, true);
    cells[block->rows] = (struct optional_u64){.value = value, .is_known = is_known};
}

void row_put_u32(struct row_block *block, uint32_t value) {
    ((uint32_t *)cells_next(block, COLUMN_U32, false))[block->rows] = value;
}

void row_put_time(struct row_block *block, int64_t at_ms) {
    ((int64_t *)cells_next(block, COLUMN_TIME_MS, false))[block->rows] = at_ms;
}

void row_put_f64(struct row_block *block, double value) {
    ((double *)cells_next(block, COLUMN_F64, false))[block->rows] = value;
}

void row_put_text(struct row_block *block, const char *text) {
    ((const char **)cells_next(block, COLUMN_TEXT, false))[block->rows] = text;
}

void row_put_flag(struct row_block *block, bool flag) {
    ((uint8_t *)cells_next(block, COLUMN_BOOL, false))[block->rows] = flag;
}

static struct status block_flush(struct row_block *block, struct err *err) {
    union column_values columns[TABLE_COLUMNS_MAX];
    for (size_t c = 0; c < block->table->column_count; c++) {
        columns[c].u64 = block->cells[c];
    }
    struct status status = tee_append(&block->tee, columns, block->rows, err);
    block->rows = 0;
    return status;
}

struct status row_end(struct row_block *block, struct err *err) {
    assert(block->column == block->table->column_count);
    block->column = 0;
    block->rows++;
    return block->rows == ROW_BLOCK_ROWS ? block_flush(block, err) : status_ok();
}

struct status row_block_close(struct row_block *block, struct publisher *publisher,
                              struct status status, struct err *err) {
    if (!failed(status)) {
        status = block_flush(block, err);
    }
    status = tee_close(publisher, &block->tee, status, err);
    for (size_t c = 0; c < block->table->column_count; c++) {
        free(block->cells[c]);
    }
    *block = (struct row_block){.table = block->table};
    return status;
}
