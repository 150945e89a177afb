/* Writing topics: plain (idempotent) for replays, or by transactions that take effect whole or not
 * at all.
 *
 * A transaction carries a mark: a number and a text that are committed with it, as the offset and
 * metadata of a consumer group. Whoever comes back after a crash reads the mark
 * (kafka_consumer_mark) and knows whether the transaction took effect. Opening a producer with the
 * same id ends what an earlier one left undecided, and fences that one off.
 *
 * Failures: as in kafka_consumer.h. After a failed put, flush or commit the transaction is to be
 * given up (kafka_producer_abort).
 */
#ifndef TIEFLOW_STAGES_KAFKA_KAFKA_PRODUCER_H
#define TIEFLOW_STAGES_KAFKA_KAFKA_PRODUCER_H

#include "schemas/status.h"
#include "stages/kafka/kafka_consumer.h"
#include "stages/kafka/kafka_settings.h"
#include "stages/kafka/kafka_watch.h"

#include <stddef.h>
#include <stdint.h>

struct kafka_producer;

struct kafka_producer_options {
    const char *transactional_id; /* NULL: no transactions */
    struct kafka_watch watch;
    unsigned timeout_ms; /* how long brokers may stay unreachable; 0: 30 s */
};

/* With a transactional id: waits until the broker has ended what an earlier producer left. */
FALLIBLE kafka_producer_open(struct kafka_producer **producer,
                             const struct kafka_settings *settings,
                             const struct kafka_producer_options *options, struct err *err);
/* Gives up what is not flushed or committed. Accepts NULL. */
void kafka_producer_close(struct kafka_producer *producer);

/* Partitions of a topic that exists; FAILURE_CONFIG where it does not and the brokers do not make
 * topics by themselves. */
FALLIBLE kafka_producer_topic(struct kafka_producer *producer, const char *topic,
                              uint32_t *partitions, struct err *err);

/* The partition of a key among `partitions`: murmur2, as Java's producers have it. */
uint32_t kafka_key_partition(const void *key, size_t key_bytes, uint32_t partitions);

struct kafka_header {
    const char *name;
    const void *value; /* NULL: a null value */
    size_t value_bytes;
};

struct kafka_message {
    const char *topic;
    int32_t partition; /* -1: by the key (murmur2); without a key at random */
    const void *key;   /* NULL: none */
    size_t key_bytes;
    const void *value; /* NULL: none */
    size_t value_bytes;
    const struct kafka_header *headers;
    size_t header_count;
    int64_t timestamp_ms; /* 0: now */
};

/* Hands one message to the client, which copies it. Blocks while the client's queue is full. A
 * delivery that has failed since the last call is reported here or by the flush. */
FALLIBLE kafka_producer_put(struct kafka_producer *producer, const struct kafka_message *message,
                            struct err *err);

/* Waits until everything has been delivered. */
FALLIBLE kafka_producer_flush(struct kafka_producer *producer, struct err *err);

/* A transaction: begin, any number of puts, then commit (which flushes) or abort. The mark goes to
 * partition 0 of `mark_topic` in the offsets of `group`. Errors that may pass are tried again
 * inside; where commit fails, the mark tells whether it took effect. */
FALLIBLE kafka_producer_begin(struct kafka_producer *producer, struct err *err);
FALLIBLE kafka_producer_commit(struct kafka_producer *producer, const char *group,
                               const char *mark_topic, const struct kafka_mark *mark,
                               struct err *err);
void kafka_producer_abort(struct kafka_producer *producer);

#endif
