/* Events into a topic: how `tieflow import` replays logs, as records that `tieflow run` reads.
 *
 * One event per record, keyed by its pair ("min:max"); or, packed, many events per record, those of
 * pairs that fall on one partition together. Either way the partition is that of the pair's key
 * under murmur2, as other producers choose it, so that events of a pair stay in order.
 *
 * Records are stamped with the time of sending; on request with that of their (oldest) event, which
 * --lateness relies on. Not by default: brokers delete what is stamped with a time beyond the
 * topic's retention within minutes, so that a replay of last year's log would vanish.
 */
#ifndef TIEFLOW_PIPELINE_TOPIC_WRITER_H
#define TIEFLOW_PIPELINE_TOPIC_WRITER_H

#include "pipeline/options.h"
#include "pipeline/progress.h"
#include "schemas/event.h"
#include "schemas/status.h"

#include <stddef.h>
#include <stdint.h>

struct topic_writer;

/* Connects to the topic that the options name; it must exist or be made by the brokers. Borrows the
 * options until the close. */
FALLIBLE topic_writer_open(struct topic_writer **writer, const struct options *options,
                           struct progress *progress, struct err *err);
FALLIBLE topic_writer_put(struct topic_writer *writer, const struct event *events, size_t count,
                          struct err *err);

/* Sends what is left and waits until the brokers have everything; frees the writer whatever
 * happens. `records` and `bytes` tell what was sent. */
FALLIBLE topic_writer_commit(struct topic_writer *writer, uint64_t *records, uint64_t *bytes,
                             struct err *err);
/* Accepts NULL. What was sent before stays sent. */
void topic_writer_discard(struct topic_writer *writer);

#endif
