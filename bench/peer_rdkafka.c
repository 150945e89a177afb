/* The peer: what a careful user of librdkafka would write to count records. The one place beside
 * stages/kafka that may include it. */
#include "bench/peer_rdkafka.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <string.h>

enum { TIMEOUT_MS = 30000, POLL_MS = 1000 };

const char *peer_rdkafka_version(void) {
    return rd_kafka_version_str();
}

static struct status consumer_new(const char *brokers, rd_kafka_t **consumer, struct err *err) {
    static const char *const settings[][2] = {
        {"group.id", "bench"},
        {"enable.auto.commit", "false"},
        {"enable.partition.eof", "true"},
        {"check.crcs", "true"},
        {"queued.min.messages", "400000"},
        {"queued.max.messages.kbytes", "1048576"},
        {"fetch.wait.max.ms", "10"},
    };
    char text[512] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool is_set = rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof text) ==
                  RD_KAFKA_CONF_OK;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        is_set &= rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text) ==
                  RD_KAFKA_CONF_OK;
    }
    *consumer = is_set ? rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text) : NULL;
    if (*consumer == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, FAILURE_CONFIG, "%s", text);
    }
    (void)rd_kafka_poll_set_consumer(*consumer);
    return status_ok();
}

/* The partitions of the topic, from their starts; the number of those that are not empty. */
static struct status partitions_assign(rd_kafka_t *consumer, const char *topic, size_t *filled,
                                       struct err *err) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, topic, NULL);
    rd_kafka_resp_err_t error = rd_kafka_metadata(consumer, 0, handle, &metadata, TIMEOUT_MS);
    rd_kafka_topic_destroy(handle);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return err_set(err, FAILURE_BROKER, "%s", rd_kafka_err2str(error));
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    for (int i = 0; i < metadata->topics[0].partition_cnt; i++) {
        int64_t low;
        int64_t end;
        error = rd_kafka_query_watermark_offsets(consumer, topic, i, &low, &end, TIMEOUT_MS);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR && end > low) {
            rd_kafka_topic_partition_list_add(list, topic, i)->offset = low;
        }
    }
    *filled = (size_t)list->cnt;
    error = rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(metadata);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR
               ? status_ok()
               : err_set(err, FAILURE_BROKER, "%s", rd_kafka_err2str(error));
}

/* A poll that must not wait does not read the clock, which is what most of it costs. */
static rd_kafka_message_t *message_next(rd_kafka_t *consumer, rd_kafka_queue_t *queue,
                                        bool is_tuned) {
    if (!is_tuned) {
        return rd_kafka_consumer_poll(consumer, POLL_MS);
    }
    rd_kafka_message_t *message = rd_kafka_consume_queue(queue, 0);
    return message != NULL ? message : rd_kafka_consume_queue(queue, POLL_MS);
}

struct status peer_rdkafka_count(const char *brokers, const char *topic, bool is_tuned,
                                 uint64_t *records, uint64_t *bytes, struct err *err) {
    rd_kafka_t *consumer;
    size_t filled = 0;
    *records = 0;
    *bytes = 0;
    TRY(consumer_new(brokers, &consumer, err));
    struct status status = partitions_assign(consumer, topic, &filled, err);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    while (!failed(status) && filled > 0) {
        rd_kafka_message_t *message = message_next(consumer, queue, is_tuned);
        if (message == NULL) {
            continue;
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            *records += 1;
            *bytes += message->len + message->key_len;
        } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            filled--;
        } else {
            status = err_set(err, FAILURE_BROKER, "%s", rd_kafka_message_errstr(message));
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_queue_destroy(queue);
    (void)rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return status;
}
