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

#include <stdbool.h>
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
    MOCK_OFFSET_FETCH = 9,
    MOCK_FIND_COORDINATOR = 10,
    MOCK_INIT_PRODUCER = 22,
    MOCK_ADD_PARTITIONS = 24,
    MOCK_ADD_OFFSETS = 25,
    MOCK_END_TRANSACTION = 26,
    MOCK_TRANSACTION_OFFSETS = 28,
};

/* The next `times` requests of that kind are answered with the error, or with the end of the
 * connection (RD_KAFKA_RESP_ERR__TRANSPORT). */
void mock_cluster_fail(struct mock_cluster *cluster, enum mock_request request,
                       rd_kafka_resp_err_t code, size_t times);
/* So often that it does not pass while anybody waits for it. */
enum { MOCK_FOR_EVER = 5000 };
/* No more of them. */
void mock_cluster_mend(struct mock_cluster *cluster, enum mock_request request);

/* Something that brokers may answer, and what must come of it. */
struct mock_trouble {
    enum mock_request request;
    rd_kafka_resp_err_t code;
    size_t times;         /* in a row */
    enum failure failure; /* FAILURE_NONE: nobody notices */
    const char *says;     /* the error's line; NULL where there is none */
};
/* Says what is wrong and returns false where something else came of it: `status`, `err`. */
bool mock_trouble_ends_so(const struct mock_trouble *trouble, struct status status,
                          const struct err *err);

/* Every answer comes so much later. */
void mock_cluster_delay(struct mock_cluster *cluster, int delay_ms);

/* -1: the partition has no leader. */
void mock_cluster_lead(struct mock_cluster *cluster, const char *topic, int32_t partition,
                       int32_t broker);
/* Moves what is asked of the coordinator of a "transaction" or "group" to a broker. */
void mock_cluster_coordinate(struct mock_cluster *cluster, const char *kind, const char *id,
                             int32_t broker);
void mock_cluster_stop(struct mock_cluster *cluster, int32_t broker);
void mock_cluster_start(struct mock_cluster *cluster, int32_t broker);

/* Reads the record at an offset by the library itself and fills `text` with its headers:
 * "name=value;" each, "name;" for a null value. */
void mock_cluster_headers(const struct mock_cluster *cluster, const char *topic, int32_t partition,
                          int64_t offset, char *text, size_t bytes);

#endif
