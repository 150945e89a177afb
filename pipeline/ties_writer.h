/* The table `ties` on its way: ties by node numbers in, rows of members out, in order.
 *
 * Members, union, strength and the end of a tie are looked up, and rows appended to the table's
 * formats, on a second thread where there may be one; the rows are the same for any number of
 * threads.
 */
#ifndef TIEFLOW_PIPELINE_TIES_WRITER_H
#define TIEFLOW_PIPELINE_TIES_WRITER_H

#include "schemas/status.h"
#include "stages/dictionary/dictionary.h"
#include "stages/tie_store/ending_index.h"
#include "stages/tie_store/tie_segment.h"

#include <stdint.h>

struct tee;
struct ties_writer;

struct ties_writer_options {
    const struct dictionary *dictionary;
    const struct ending_index *endings; /* finished */
    int64_t until_ms;                   /* a tie that ended later is shown as one that lasts */
    unsigned threads;                   /* that may work, the caller's included; 0 is 1 */
};

/* Borrows the tee, which is open with the columns of table_ties and the writer's alone to append to
 * until it is freed, and what the options point to. Memory: 0.3 MiB for one thread, 2.4 MiB for
 * more. */
FALLIBLE ties_writer_new(struct ties_writer **writer, struct tee *tee,
                         const struct ties_writer_options *options, struct err *err);

/* Accepts NULL. What has not been begun is forgotten. */
void ties_writer_free(struct ties_writer *writer);

/* Copies the ties; origins are not looked at. The first has the number `first_number`, as the
 * endings are numbered, and the others follow. A failure to append may be told by a later put, or
 * at the end. */
FALLIBLE ties_writer_put(struct ties_writer *writer, const struct tie_slice *ties,
                         uint64_t first_number, struct err *err);

/* Appends what is still on its way. */
FALLIBLE ties_writer_finish(struct ties_writer *writer, struct err *err);

#endif
