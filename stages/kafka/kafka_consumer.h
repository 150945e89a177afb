/* Reading topics: partitions from a known offset to an end that was pinned before, record by
 * record, in the order (partition, offset). Only committed records are seen.
 *
 * The caller decides where to start and where to stop; the broker's group offsets are written for
 * lag dashboards and are never read to decide anything. A partition's records are handed out in
 * offset order, all of one range before the next; the client fetches the others ahead meanwhile. So
 * what is read, and in which order, depends on offsets alone.
 *
 * Lifecycle: open, topic (and offsets_at) to learn what there is, begin, next until the end of
 * every range, commit, close. One thread.
 *
 * Failures: FAILURE_BROKER where the brokers cannot be reached in time, FAILURE_PERMISSION where
 * they refuse us, FAILURE_CONFIG for a topic that does not exist, FAILURE_DATA where records that
 * were to be read are gone (retention, a topic made anew), FAILURE_CORRUPT_BATCH.
 */
#ifndef TIEFLOW_STAGES_KAFKA_KAFKA_CONSUMER_H
#define TIEFLOW_STAGES_KAFKA_KAFKA_CONSUMER_H

#include "schemas/status.h"
#include "stages/kafka/kafka_settings.h"
#include "stages/kafka/kafka_watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kafka_consumer;

struct kafka_consumer_options {
    const char *group; /* whose offsets are committed; never joined */
    struct kafka_watch watch;
    unsigned timeout_ms;    /* how long brokers may stay unreachable; 0: 30 s */
    unsigned corrupt_tries; /* tries at a batch that cannot be read; 0: 5 */
    bool skips_corrupt;     /* then pass over it (KAFKA_GAP), rather than fail */
    size_t buffer_bytes;    /* for records fetched ahead, all partitions together; 0: 1 GiB */
};

/* Borrows nothing. */
FALLIBLE kafka_consumer_open(struct kafka_consumer **consumer,
                             const struct kafka_settings *settings,
                             const struct kafka_consumer_options *options, struct err *err);
/* Accepts NULL. */
void kafka_consumer_close(struct kafka_consumer *consumer);

/* A partition as it is now: records from `low` on are there, committed ones end before `end`. */
struct kafka_partition {
    int64_t low;
    int64_t end;
};

/* The partitions of a topic, numbered from 0; new memory that the caller frees. FAILURE_CONFIG
 * where there is no such topic (it is never made). */
FALLIBLE kafka_consumer_topic(struct kafka_consumer *consumer, const char *topic,
                              struct kafka_partition **partitions, size_t *count, struct err *err);

/* For each of the topic's `count` partitions the first offset whose record's timestamp is at or
 * after at_ms; -1 where there is none. */
FALLIBLE kafka_consumer_offsets_at(struct kafka_consumer *consumer, const char *topic,
                                   int64_t at_ms, int64_t *offsets, size_t count, struct err *err);

/* Offsets [first, end) of a partition. */
struct kafka_range {
    int32_t partition;
    int64_t first;
    int64_t end;
};

/* Assigns the ranges (those that are not empty) and starts to fetch. Once per consumer, unless all
 * ranges were read to their end. FAILURE_DATA where `first` lies before what the broker still has.
 */
FALLIBLE kafka_consumer_begin(struct kafka_consumer *consumer, const char *topic,
                              const struct kafka_range *ranges, size_t count, struct err *err);

enum kafka_found {
    KAFKA_RECORD,
    KAFKA_GAP, /* offsets that cannot be read were passed over: `offset` to `gap_end` */
    KAFKA_END, /* the range has been read */
};

/* One record. Everything is lent until the next call with the consumer. */
struct kafka_record {
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    const uint8_t *key;   /* NULL: none */
    size_t key_bytes;
    const uint8_t *value; /* NULL: none (a tombstone) */
    size_t value_bytes;
    int64_t gap_end;        /* KAFKA_GAP: behind the last offset passed over */
    const char *gap_reason; /* KAFKA_GAP: what the client said; lent like the rest */
};

/* The next record of ranges[index] given to begin. Ranges must be read one after the other, in
 * order. Blocks until there is one; FAILURE_BROKER after timeout_ms without a broker. */
FALLIBLE kafka_consumer_next(struct kafka_consumer *consumer, size_t index,
                             struct kafka_record *record, enum kafka_found *found, struct err *err);

/* Bytes of keys and values handed out so far. */
uint64_t kafka_consumer_bytes(const struct kafka_consumer *consumer);

/* Commits the group's offset of partitions 0..count-1 of the topic (negative ones are left alone),
 * for lag dashboards. */
FALLIBLE kafka_consumer_commit(struct kafka_consumer *consumer, const char *topic,
                               const int64_t *offsets, size_t count, struct err *err);

/* The mark that a producer's transaction has left (kafka_producer.h), read from the group's
 * committed offset of partition 0 of the topic. *has is false where there is none. */
enum { KAFKA_MARK_TEXT_BYTES = 64 };
struct kafka_mark {
    int64_t number; /* not negative */
    char text[KAFKA_MARK_TEXT_BYTES];
};
FALLIBLE kafka_consumer_mark(struct kafka_consumer *consumer, const char *topic,
                             struct kafka_mark *mark, bool *has, struct err *err);

#endif
