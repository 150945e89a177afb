/* Rows in a scratch file, for graphs whose rows do not fit into memory all at once: written slice
 * by slice in node order, read back by ranges of nodes.
 */
#ifndef TIEFLOW_STAGES_ADJACENCY_ROW_FILE_H
#define TIEFLOW_STAGES_ADJACENCY_ROW_FILE_H

#include "schemas/status.h"
#include "stages/adjacency/arrival_rows.h"

#include <stdint.h>

struct row_file;

FALLIBLE row_file_open(struct row_file **file, const char *scratch_folder, size_t node_count,
                       struct err *err);

/* Accepts NULL. */
void row_file_close(struct row_file *file);

/* Appends resolved rows, which begin where the ones before ended. */
FALLIBLE row_file_append(struct row_file *file, const struct arrival_rows *rows, struct err *err);

/* Reads the nodes [first, end) into `rows`, in place of what they held, whose memory is used again.
 * From several threads at once if need be, each with its own `rows`. */
FALLIBLE row_file_read(const struct row_file *file, uint32_t first, uint32_t end,
                       struct arrival_rows *rows, struct err *err);

/* Entries in the rows [first, end). */
uint64_t row_file_entries(const struct row_file *file, uint32_t first, uint32_t end);

#endif
