/* How many neighbours every member has in an adjacency file: what a night would take in memory can
 * be told before the rows are loaded.
 *
 * The file is a row of frames of kind FRAME_DEGREES: 4 n bytes, the degrees of the nodes `first` to
 * `last` as byte planes (stages/base/columns.h). Frames follow without gaps from node 0; all but
 * the last have DEGREES_FRAME_NODES.
 */
#ifndef TIEFLOW_STAGES_STATE_DEGREES_H
#define TIEFLOW_STAGES_STATE_DEGREES_H

#include "schemas/status.h"
#include "stages/adjacency/arrival_rows.h"
#include "stages/base/pages.h"
#include "stages/base/stream.h"

#include <stddef.h>
#include <stdint.h>

enum { DEGREES_FRAME_NODES = 1 << 17 };

struct degrees_writer;

/* Borrows the output until the writer is freed. */
FALLIBLE degrees_writer_new(struct degrees_writer **writer, struct output *output, struct err *err);
/* Accepts NULL. */
void degrees_writer_free(struct degrees_writer *writer);

/* Takes the lengths of settled rows, which begin where the ones before ended. */
FALLIBLE degrees_writer_put(struct degrees_writer *writer, const struct arrival_rows *rows,
                            struct err *err);

/* Writes what is left and the END frame. */
FALLIBLE degrees_writer_end(struct degrees_writer *writer, struct err *err);

/* Reads a whole file into empty pages: uint32_t per node. FAILURE_DATA where it is not one degree
 * below `node_count` for each of so many nodes. */
FALLIBLE degrees_load(struct pages *degrees, struct input *input, size_t node_count,
                      struct err *err);

#endif
