/* Rows of a published table, written cell by cell: for tables with more columns than one likes to
 * keep arrays for.
 *
 * Cells are put in the order of the table's columns; the type of each is asserted. Texts are
 * borrowed until the block is closed.
 */
#ifndef TIEFLOW_PIPELINE_ROW_BLOCK_H
#define TIEFLOW_PIPELINE_ROW_BLOCK_H

#include "pipeline/publish.h"
#include "schemas/status.h"
#include "schemas/tables.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row_block {
    struct tee tee;
    const struct table *table;
    void *cells[TABLE_COLUMNS_MAX]; /* ROW_BLOCK_ROWS values each */
    size_t rows;
    size_t column; /* of the next cell */
};

/* Opens the table. row_block_close in any case. */
FALLIBLE row_block_open(struct row_block *block, struct publisher *publisher,
                        const struct table *table, struct err *err);

void row_put_u64(struct row_block *block, uint64_t value);
void row_put_known_u64(struct row_block *block, bool is_known, uint64_t value);
void row_put_u32(struct row_block *block, uint32_t value);
void row_put_time(struct row_block *block, int64_t at_ms);
/* Not a number is null. */
void row_put_f64(struct row_block *block, double value);
/* NULL is null. */
void row_put_text(struct row_block *block, const char *text);
void row_put_flag(struct row_block *block, bool flag);

/* Ends the row, whose cells must all be there. */
FALLIBLE row_end(struct row_block *block, struct err *err);

/* Publishes the table, or discards it when `status` is a failure already; returns the outcome. */
FALLIBLE row_block_close(struct row_block *block, struct publisher *publisher, struct status status,
                         struct err *err);

#endif
