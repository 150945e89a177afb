#include "tests/mock_cluster.h"

#include "tests/testing.h"

#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLUSTERS_MAX = 256 };

struct mock_cluster {
    rd_kafka_t *host; /* the cluster lives in the threads of a client */
    rd_kafka_mock_cluster_t *mock;
};

static void set(rd_kafka_conf_t *conf, const char *key, const char *value) {
    char text[256];
    if (rd_kafka_conf_set(conf, key, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
        fail_msg("%s", text);
    }
}

struct mock_cluster *mock_cluster_new(int brokers) {
    char text[256];
    struct mock_cluster *cluster = calloc(1, sizeof *cluster);
    assert_non_null(cluster);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "client.id", "mock");
    /* It tells of every connection that ends. */
    set(conf, "log_level", "0");
    cluster->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(cluster->host);
    cluster->mock = rd_kafka_mock_cluster_new(cluster->host, brokers);
    assert_non_null(cluster->mock);
    return cluster;
}

/* The library takes a second to end a cluster; nobody waits for it before the program's end. */
static pthread_t endings[CLUSTERS_MAX];
static size_t ending_count;

static void *end_cluster(void *context) {
    struct mock_cluster *cluster = context;
    rd_kafka_mock_cluster_destroy(cluster->mock);
    rd_kafka_destroy(cluster->host);
    free(cluster);
    return NULL;
}

static void wait_for_endings(void) {
    for (size_t i = 0; i < ending_count; i++) {
        (void)pthread_join(endings[i], NULL);
    }
}

void mock_cluster_free(struct mock_cluster *cluster) {
    assert_true(ending_count < CLUSTERS_MAX);
    if (ending_count == 0) {
        assert_int_equal(atexit(wait_for_endings), 0);
    }
    assert_int_equal(pthread_create(&endings[ending_count], NULL, end_cluster, cluster), 0);
    ending_count++;
}

struct kafka_settings mock_cluster_settings(const struct mock_cluster *cluster) {
    struct err err;
    struct kafka_settings settings = {0};
    MUST(kafka_settings_set(&settings, "bootstrap.servers",
                            rd_kafka_mock_cluster_bootstraps(cluster->mock), &err));
    return settings;
}

static void must(rd_kafka_resp_err_t code) {
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
}

void mock_cluster_topic(struct mock_cluster *cluster, const char *topic, int partitions) {
    must(rd_kafka_mock_topic_create(cluster->mock, topic, partitions, 1));
}

void mock_cluster_break_topic(struct mock_cluster *cluster, const char *topic,
                              rd_kafka_resp_err_t code) {
    rd_kafka_mock_topic_set_error(cluster->mock, topic, code);
}

void mock_cluster_fail(struct mock_cluster *cluster, enum mock_request request,
                       rd_kafka_resp_err_t code, size_t times) {
    rd_kafka_resp_err_t *codes = calloc(times, sizeof *codes);
    assert_non_null(codes);
    for (size_t i = 0; i < times; i++) {
        codes[i] = code;
    }
    rd_kafka_mock_push_request_errors_array(cluster->mock, (int16_t)request, times, codes);
    free(codes);
}

void mock_cluster_mend(struct mock_cluster *cluster, enum mock_request request) {
    rd_kafka_mock_clear_request_errors(cluster->mock, (int16_t)request);
}

bool mock_trouble_ends_so(const struct mock_trouble *trouble, struct status status,
                          const struct err *err) {
    bool says_so = trouble->says == NULL || strstr(err->text, trouble->says) != NULL;
    if (status.failure == trouble->failure && says_so) {
        return true;
    }
    print_error("request %d answered %zu times by %s ended with %d, and should with %d %s: %s\n",
                (int)trouble->request, trouble->times, rd_kafka_err2name(trouble->code),
                (int)status.failure, (int)trouble->failure,
                trouble->says == NULL ? "" : trouble->says, failed(status) ? err->text : "");
    return false;
}

void mock_cluster_delay(struct mock_cluster *cluster, int delay_ms) {
    must(rd_kafka_mock_broker_set_rtt(cluster->mock, -1, delay_ms));
}

void mock_cluster_lead(struct mock_cluster *cluster, const char *topic, int32_t partition,
                       int32_t broker) {
    must(rd_kafka_mock_partition_set_leader(cluster->mock, topic, partition, broker));
}

void mock_cluster_coordinate(struct mock_cluster *cluster, const char *kind, const char *id,
                             int32_t broker) {
    must(rd_kafka_mock_coordinator_set(cluster->mock, kind, id, broker));
}

void mock_cluster_stop(struct mock_cluster *cluster, int32_t broker) {
    must(rd_kafka_mock_broker_set_down(cluster->mock, broker));
}

void mock_cluster_start(struct mock_cluster *cluster, int32_t broker) {
    must(rd_kafka_mock_broker_set_up(cluster->mock, broker));
}

static void describe_headers(rd_kafka_message_t *message, char *text, size_t bytes) {
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t value_bytes;
    size_t used = 0;
    text[0] = '\0';
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &value_bytes) ==
                       RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        int length = value == NULL ? snprintf(text + used, bytes - used, "%s;", name)
                                   : snprintf(text + used, bytes - used, "%s=%.*s;", name,
                                              (int)value_bytes, (const char *)value);
        assert_in_range(length, 1, bytes - used - 1);
        used += (size_t)length;
    }
}

void mock_cluster_headers(const struct mock_cluster *cluster, const char *topic, int32_t partition,
                          int64_t offset, char *text, size_t bytes) {
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster->mock));
    set(conf, "group.id", "headers");
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    assert_non_null(rk);
    rd_kafka_topic_partition_list_t *list = client_partition(topic, partition, offset);
    must(rd_kafka_assign(rk, list));
    rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 10000);
    assert_non_null(message);
    must(message->err);
    assert_int_equal(message->offset, offset);
    describe_headers(message, text, bytes);
    rd_kafka_message_destroy(message);
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}
