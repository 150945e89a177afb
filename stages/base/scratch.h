/* A temporary file without a name: for what does not fit into memory while a run lasts.
 *
 * It is unlinked as soon as it is made, so nothing is left behind however the run ends. Reads and
 * writes give their offset and may come from several threads at once.
 */
#ifndef TIEFLOW_STAGES_BASE_SCRATCH_H
#define TIEFLOW_STAGES_BASE_SCRATCH_H

#include "schemas/status.h"

#include <stddef.h>
#include <stdint.h>

struct scratch;

/* In a folder that exists, on the disk that the space is to come from. */
FALLIBLE scratch_open(struct scratch **scratch, const char *folder, struct err *err);

/* Accepts NULL. */
void scratch_close(struct scratch *scratch);

/* FAILURE_IO names the folder, what was wanted and what to do (a full disk is told as one). */
FALLIBLE scratch_write(struct scratch *scratch, uint64_t offset, const void *data, size_t bytes,
                       struct err *err);
FALLIBLE scratch_read(const struct scratch *scratch, uint64_t offset, void *data, size_t bytes,
                      struct err *err);

/* Gives the space of a range back to the disk, where the file system can; its contents are gone. */
void scratch_forget(struct scratch *scratch, uint64_t offset, uint64_t bytes);

/* Gives back the memory in which the system keeps what was written or read, as far as it is on the
 * disk already. */
void scratch_uncache(const struct scratch *scratch);

#endif
