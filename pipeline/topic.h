/* A Kafka topic as a log: the records of its partitions, each from some offset to an end that was
 * pinned when the topic was opened, as events.
 *
 * It stands beside the files of stages/source/file_set.h: a partition is known to the state as
 * "TOPIC/NUMBER", and its offsets are its record numbers. Offsets may have holes.
 */
#ifndef TIEFLOW_PIPELINE_TOPIC_H
#define TIEFLOW_PIPELINE_TOPIC_H

#include "pipeline/options.h"
#include "pipeline/progress.h"
#include "pipeline/quarantine.h"
#include "pipeline/survey.h"
#include "schemas/event.h"
#include "schemas/facts.h"
#include "schemas/status.h"
#include "stages/decode/record_decoder.h"
#include "stages/kafka/kafka_consumer.h"
#include "stages/kafka/kafka_settings.h"
#include "stages/kafka/schema_registry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The client's settings that the options name: brokers, the file, then -X. */
FALLIBLE topic_settings(const struct options *options, struct kafka_settings *settings,
                        struct err *err);

/* Notes and statistics of a Kafka client as they go to the user: warnings as notes, statistics as
 * lines of the JSON log. */
struct kafka_watch topic_watch(const struct options *options, struct progress *progress);

/* The registry that the options name. */
FALLIBLE topic_registry(const struct options *options, struct schema_registry **registry,
                        struct err *err);

struct topic {
    const char *name; /* borrowed from the options */
    enum record_encoding encoding;
    bool is_of_facts; /* its records are of `log`, else connections */
    enum fact_log log;
    struct progress *progress;
    struct kafka_consumer *consumer;
    struct schema_registry *registry;
    struct record_decoder *decoder;
    struct kafka_partition *partitions; /* as they were when the topic was opened */
    int64_t *stops;                     /* where to stop reading: their ends, or before */
    struct names part_names;            /* "TOPIC/0", ... */
    size_t count;                       /* of the three */
    /* While ranges are read. */
    const struct kafka_range *ranges;
    uint64_t offsets_before; /* in the ranges that have been read */
};

/* Connects, and pins the ends of the partitions. Zero-initialise; topic_close in any case. */
FALLIBLE topic_open(struct topic *topic, const struct options *options, struct progress *progress,
                    struct err *err);
/* The same for the topic that the options name for one of the other logs. */
FALLIBLE topic_open_facts(struct topic *topic, const struct options *options, enum fact_log log,
                          struct progress *progress, struct err *err);
void topic_close(struct topic *topic);

/* Moves the stops to the first records stamped at or after `at_ms`, where there are any. */
FALLIBLE topic_stop_at(struct topic *topic, int64_t at_ms, struct err *err);

/* Starts to read ranges[0..count), which are borrowed until they are read; begins the phase. */
FALLIBLE topic_begin(struct topic *topic, const char *phase, const struct kafka_range *ranges,
                     size_t count, struct err *err);

/* One record: its events, or its one fact; or why it has none. Everything is lent until the next
 * call. */
struct topic_batch {
    struct kafka_record record;
    enum kafka_found found;     /* KAFKA_GAP is malformed; at KAFKA_END the rest is void */
    const struct event *events; /* NULL of a topic of facts */
    size_t count;
    struct fact fact; /* of a topic of facts, with a count of 1 */
    bool is_malformed;
    char reason[MALFORMED_REASON_BYTES];
};

/* The next record of range `index`; ranges are read in order. One below offset `decoded_from` comes
 * as it is, without events. */
FALLIBLE topic_next(struct topic *topic, size_t index, uint64_t decoded_from,
                    struct topic_batch *batch, struct err *err);

/* Records that a malformed batch stands for: a gap is of many. */
uint64_t topic_batch_records(const struct topic_batch *batch);

/* Sets a malformed record of range `index` aside, with its bytes. `log` names the log. */
FALLIBLE topic_set_aside(const struct topic *topic, size_t index, const struct topic_batch *batch,
                         const char *log, struct quarantine *quarantine, struct err *err);

/* Reads all that is there, or `records_max` records of each partition, for a look at it. */
FALLIBLE topic_survey(struct topic *topic, const char *phase, uint64_t records_max,
                      struct survey *survey, struct err *err);

#endif
