/* The floor under reading a topic: librdkafka alone, in a loop that looks at no record. */
#ifndef TIEFLOW_BENCH_PEER_RDKAFKA_H
#define TIEFLOW_BENCH_PEER_RDKAFKA_H

#include "schemas/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Counts the records of all partitions of a topic, from their starts to the ends that they have
 * now, one record at a time, with the queue sizes that tieflow sets. Plain: by
 * rd_kafka_consumer_poll, as the library's examples do. Tuned: from the queue, and only a poll that
 * finds it empty waits; the fastest loop that was found. */
FALLIBLE peer_rdkafka_count(const char *brokers, const char *topic, bool is_tuned,
                            uint64_t *records, uint64_t *bytes, struct err *err);

/* "librdkafka 2.0.2". */
const char *peer_rdkafka_version(void);

#endif
