/* Sending what published dates hold for Kafka: their outboxes (stages/sink/outbox.h), exactly once.
 *
 * All records of a date, of every table, go in one transaction. It carries a mark, which is
 * committed with it or not at all: the date and the run id. Outboxes appear with the tables of the
 * date (pipeline/publish.h) and are removed behind the commit. So whoever comes back after a crash
 * finds an outbox whose mark is set (it went out: remove it), or one whose mark is not (it did not:
 * send it). Dates go out in their order, hence one mark is enough for all of them.
 *
 * A mark that is newer than a date to be sent, or that names the same date with another run id, was
 * set by another history: two histories in the same topics would be a mixture of both, and this is
 * refused.
 *
 * The names, with PREFIX as given: the table `ties` goes to the topic PREFIXties and so on; topics
 * are never made. Values are framed as Confluent's registry has it: a zero byte, the schema's id
 * (four bytes, the first is the highest), Avro. Schemas are registered as TOPIC-value. The
 * transactional id and the group that holds the mark are PREFIXemit; the mark is its offset of
 * partition 0 of PREFIXties (of a date that has nothing but dead letters to send: of their topic):
 * days since 0001-01-01, with the run id as metadata.
 *
 * Brokers forget a group's offsets when it was idle for long (offsets.retention.minutes, a week
 * unless told otherwise). The mark is needed only until the next run: a crash between the commit
 * and the removal of the outboxes is to be mended within that time.
 *
 * Lifecycle: open, any of the calls, close. After a failure close is the only call allowed.
 */
#ifndef TIEFLOW_PIPELINE_EMIT_H
#define TIEFLOW_PIPELINE_EMIT_H

#include "pipeline/progress.h"
#include "schemas/status.h"
#include "stages/base/files.h"
#include "stages/kafka/kafka_settings.h"
#include "stages/kafka/kafka_watch.h"
#include "stages/kafka/schema_registry.h"

#include <stdbool.h>
#include <stdint.h>

struct emit_options {
    const struct kafka_settings *settings; /* borrowed for the open */
    struct schema_registry *registry;      /* borrowed until the close */
    const char *prefix;                    /* "tieflow.": copied */
    bool has_tables;                       /* else nothing but dead letters goes out */
    const char *dead_letter_topic;         /* copied; NULL: there is none */
    bool has_registry_url;                 /* else every schema must be mapped to a file */
    struct kafka_watch watch;
    unsigned timeout_ms; /* how long brokers may stay unreachable; 0: the client's default */
};

struct emit;

/* Opens the producer, which ends what an earlier one left undecided, and checks that every topic
 * exists and every schema has its id: what can go wrong goes wrong before the long work.
 * FAILURE_CONFIG names what is missing. *emit is NULL on failure. */
FALLIBLE emit_open(struct emit **emit, const struct emit_options *options, struct err *err);
/* Accepts NULL. */
void emit_close(struct emit *emit);

/* The last date that the topics hold, and its run id. */
struct emit_mark {
    bool is_set; /* else nothing was ever sent */
    int64_t date_ms;
    uint64_t run_id;
};

/* Whether emit_open would find the topics, and the schemas where they are mapped to files, without
 * ending what another run has open and without registering anything; and the mark. */
FALLIBLE emit_look(const struct emit_options *options, struct emit_mark *mark, struct err *err);

FALLIBLE emit_mark_get(struct emit *emit, struct emit_mark *mark, struct err *err);

/* Sends the outboxes of one published date, whose tables lie in `folder`, and removes them; fine
 * where there are none. Reads them once before, so that damage is found while nothing is sent yet.
 * FAILURE_CONFIG where the mark is of another history; FAILURE_DATA for damage. Whatever fails, the
 * outboxes stay until their records are known to be in the topics. */
FALLIBLE emit_date(struct emit *emit, const char *folder, int64_t date_ms,
                   struct progress *progress, struct err *err);

/* The dates below `out` that have outboxes, "YYYY-MM-DD", in their order; added to `dates`. */
FALLIBLE emit_pending(const char *out, struct names *dates, struct err *err);

/* Does emit_date for all of them, in their order. */
FALLIBLE emit_all(struct emit *emit, const char *out, struct progress *progress, struct err *err);

#endif
