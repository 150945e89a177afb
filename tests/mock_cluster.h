/* A pretended Kafka cluster within the test's own process (librdkafka's): for what needs no real
 * broker, and for failures that a real one cannot be asked for. It keeps 5 MiB per partition, and
 * knows neither aborted records nor offsets that belong to transactions.
 *
 * A failure here fails the test.
 */
#ifndef TIEFLOW_TESTS_MOCK_CLUSTER_H
#define TIEFLOW_TESTS_MOCK_CLUSTER_H

#include "stages/kafka/client.h"
#include "stages/kafka/kafka_settings.h"

#include <stddef.h>
#include <stdint.h>

struct mock_cluster;

/* Brokers are numbered from 1. */
struct mock_cluster *mock_cluster_new(int brokers);
void mock_cluster_free(struct mock_cluster *cluster);

/* Settings of a client that connects to it; the caller releases them. */
struct kafka_settings mock_cluster_settings(const struct mock_cluster *cluster);

void mock_cluster_topic(struct mock_cluster *cluster, const char *topic, int partitions);

/* From now on the topic is answered with this error wherever it is asked for. */
void mock_cluster_break_topic(struct mock_cluster *cluster, const char *topic,
                              rd_kafka_resp_err_t code);

/* Requests, numbered as in Kafka's protocol. */
enum mock_request {
    MOCK_PRODUCE = 0,
    MOCK_FETCH = 1,
    MOCK_LIST_OFFSETS = 2,
    MOCK_OFFSET_COMMIT = 8,
    MOCK_INIT_PRODUCER = 22,
    MOCK_END_TRANSACTION = 26,
};

/* The next `times` requests of that kind are answered with the error. */
void mock_cluster_fail(struct mock_cluster *cluster, enum mock_request request,
                       rd_kafka_resp_err_t code, size_t times);
/* No more of them. */
void mock_cluster_mend(struct mock_cluster *cluster, enum mock_request request);

void mock_cluster_lead(struct mock_cluster *cluster, const char *topic, int32_t partition,
                       int32_t broker);
void mock_cluster_stop(struct mock_cluster *cluster, int32_t broker);
void mock_cluster_start(struct mock_cluster *cluster, int32_t broker);

/* Reads the record at an offset by the library itself and fills `text` with its headers:
 * "name=value;" each, "name;" for a null value. */
void mock_cluster_headers(const struct mock_cluster *cluster, const char *topic, int32_t partition,
                          int64_t offset, char *text, size_t bytes);

#endif
