/* A range of the tape through the kernel, as one batch or, where pairs flicker, as several.
 *
 * What a pair costs that is made and ended c times within a batch grows with c squared, since its
 * entries stay in both rows until the batch is over. So a range whose churn (census.h) is beyond
 * 64 times its row entries, and not small anyway, is cut into consecutive batches that are not;
 * each is a batch on the settled rows of the one before, which lie in a scratch file in between.
 * Where it is cut shows in no result, and depends on neither threads nor memory.
 */
#ifndef TIEFLOW_STAGES_EMBEDDEDNESS_BATCH_SERIES_H
#define TIEFLOW_STAGES_EMBEDDEDNESS_BATCH_SERIES_H

#include "schemas/status.h"
#include "stages/embeddedness/batch.h"

struct batch_series;

/* Keeps a copy of the options: the base is that of the first batch, `after` gets the rows of the
 * last. What they point to is borrowed. */
FALLIBLE batch_series_new(struct batch_series **series, const struct batch_options *options,
                          struct err *err);

/* Accepts NULL. */
void batch_series_free(struct batch_series *series);

/* Runs the next batch and lends it, with sealed results, until the next call; NULL behind the last.
 * An empty range is one empty batch. The batches' ranges follow each other, and the tape may be
 * forgotten up to the end of the one that is lent. */
FALLIBLE batch_series_next(struct batch_series *series, const struct batch **batch,
                           struct err *err);

#endif
