/* Failures of delivery come by a callback, message by message, long after the put; the first of
 * them is kept and reported by the next call.
 *
 * A transaction's mark is sent as the offset of a consumer group, which is the one thing beside
 * records that a broker commits with a transaction. A marker record in a topic was rejected:
 * whoever looks for it would have to read the topic.
 */
#include "stages/kafka/kafka_producer.h"

#include "stages/kafka/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERVE_MESSAGES = 1024, /* between two looks at what the client has to say */
    CLOSE_TIMEOUT_MS = 5000
};

struct topic {
    char *name;
    rd_kafka_topic_t *handle;
};

struct kafka_producer {
    struct client client;
    struct topic *topics; /* those that were written to */
    size_t topic_count;
    bool has_transactions;
    bool in_transaction;
    unsigned until_serve;
    rd_kafka_resp_err_t lost; /* why the first message was not delivered */
    int32_t lost_partition;
    char lost_topic[CLIENT_TEXT_BYTES];
};

static void note_lost(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    const struct client *client = opaque;
    struct kafka_producer *producer = client->opaque;
    (void)rk;
    /* What we have purged ourselves is no news. */
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
        producer->lost != RD_KAFKA_RESP_ERR_NO_ERROR ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
        return;
    }
    producer->lost = message->err;
    producer->lost_partition = message->partition;
    (void)snprintf(producer->lost_topic, sizeof producer->lost_topic, "%s",
                   rd_kafka_topic_name(message->rkt));
}

/* What has gone wrong behind our back: a message that was lost, a fatal error, a refusal. */
static struct status check(struct kafka_producer *producer, struct err *err) {
    char text[CLIENT_TEXT_BYTES];
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(producer->client.rk, text, sizeof text);
    if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return client_fail(&producer->client, fatal, err, "the producer cannot go on: %s", text);
    }
    TRY(client_check(&producer->client, err));
    if (producer->lost != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return client_fail(&producer->client, producer->lost, err,
                           "topic %s, partition %" PRId32 ": a record was not delivered",
                           producer->lost_topic, producer->lost_partition);
    }
    return status_ok();
}

/* ---- open and close ---- */

/* Repeats init_transactions while it may pass. */
static struct status begin_transactions(struct kafka_producer *producer, struct err *err) {
    int64_t deadline = client_now_ms() + producer->client.timeout_ms;
    for (;;) {
        rd_kafka_error_t *error =
            rd_kafka_init_transactions(producer->client.rk, (int)producer->client.timeout_ms);
        client_serve(&producer->client, 0);
        if (error == NULL) {
            return status_ok();
        }
        bool again = rd_kafka_error_is_retriable(error) && client_now_ms() < deadline;
        struct status status = client_check(&producer->client, err);
        if (failed(status) || again) {
            rd_kafka_error_destroy(error);
            TRY(status);
            client_serve(&producer->client, CLIENT_SLICE_MS);
            continue;
        }
        return client_fail_error(&producer->client, error, err,
                                 "transactions cannot be set up with the brokers");
    }
}

static struct status open_client(struct kafka_producer *producer,
                                 const struct kafka_settings *settings,
                                 const struct kafka_producer_options *options, struct err *err) {
    unsigned timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : CLIENT_TIMEOUT_MS;
    char message_timeout[16];
    (void)snprintf(message_timeout, sizeof message_timeout, "%u", timeout_ms);
    const char *id = options->transactional_id;
    const struct client_setting defaults[] = {
        /* Full batches: this is bulk, nobody waits for the single record. */
        {"linger.ms", "50"},
        {"batch.num.messages", "100000"},
        {"queue.buffering.max.messages", "1000000"},
        {"queue.buffering.max.kbytes", "1048576"},
        {"message.timeout.ms", message_timeout},
        /* A run may pause between the first put and the commit; the key is refused elsewhere. */
        {id != NULL ? "transaction.timeout.ms" : NULL, "900000"},
        {NULL, NULL},
    };
    const struct client_setting exactness[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"partitioner", "murmur2_random"},
        {"delivery.report.only.error", "true"},
        {id != NULL ? "transactional.id" : NULL, id},
        {NULL, NULL},
    };
    const struct client_request request = {
        .type = RD_KAFKA_PRODUCER,
        .settings = settings,
        .defaults = defaults,
        .exactness = exactness,
        .watch = options->watch,
        .timeout_ms = timeout_ms,
        .delivered = note_lost,
        .opaque = producer,
    };
    return client_open(&producer->client, &request, err);
}

struct status kafka_producer_open(struct kafka_producer **producer,
                                  const struct kafka_settings *settings,
                                  const struct kafka_producer_options *options, struct err *err) {
    struct kafka_producer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "a Kafka producer");
    }
    made->has_transactions = options->transactional_id != NULL;
    struct status status = open_client(made, settings, options, err);
    if (!failed(status) && made->has_transactions) {
        status = begin_transactions(made, err);
    }
    if (failed(status)) {
        kafka_producer_close(made);
        return status;
    }
    *producer = made;
    return status_ok();
}

void kafka_producer_close(struct kafka_producer *producer) {
    if (producer == NULL) {
        return;
    }
    if (producer->client.rk != NULL) {
        /* An open transaction would hold up whoever reads committed records. */
        if (producer->in_transaction) {
            kafka_producer_abort(producer);
        }
        (void)rd_kafka_purge(producer->client.rk,
                             RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        client_serve(&producer->client, 0);
    }
    for (size_t i = 0; i < producer->topic_count; i++) {
        rd_kafka_topic_destroy(producer->topics[i].handle);
        free(producer->topics[i].name);
    }
    free(producer->topics);
    client_close(&producer->client);
    free(producer);
}

/* ---- topics ---- */

struct status kafka_producer_topic(struct kafka_producer *producer, const char *topic,
                                   uint32_t *partitions, struct err *err) {
    return client_topic(&producer->client, topic, partitions, err);
}

uint32_t kafka_key_partition(const void *key, size_t key_bytes, uint32_t partitions) {
    assert(partitions > 0 && partitions <= INT32_MAX);
    return (uint32_t)rd_kafka_msg_partitioner_murmur2(NULL, key, key_bytes, (int32_t)partitions,
                                                      NULL, NULL);
}

/* The client's handle of a topic, which is kept. */
static struct status find_topic(struct kafka_producer *producer, const char *name,
                                rd_kafka_topic_t **handle, struct err *err) {
    for (size_t i = 0; i < producer->topic_count; i++) {
        if (strcmp(producer->topics[i].name, name) == 0) {
            *handle = producer->topics[i].handle;
            return status_ok();
        }
    }
    size_t bytes = (producer->topic_count + 1) * sizeof *producer->topics;
    struct topic *topics = realloc(producer->topics, bytes);
    if (topics == NULL) {
        return err_memory(err, bytes, "topics");
    }
    producer->topics = topics;
    struct topic made = {.name = strdup(name)};
    if (made.name == NULL) {
        return err_memory(err, strlen(name), "the name of a topic");
    }
    made.handle = rd_kafka_topic_new(producer->client.rk, name, NULL);
    if (made.handle == NULL) {
        free(made.name);
        return client_fail(&producer->client, rd_kafka_last_error(), err, "topic %s", name);
    }
    topics[producer->topic_count++] = made;
    *handle = made.handle;
    return status_ok();
}

/* ---- put and flush ---- */

/* One try; the client's error code. */
static rd_kafka_error_t *produce(struct kafka_producer *producer, rd_kafka_topic_t *topic,
                                 const struct kafka_message *message) {
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = message->partition},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {.ptr = (void *)message->key, .size = message->key_bytes}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = (void *)message->value, .size = message->value_bytes}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = message->timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = NULL},
    };
    size_t count = sizeof parts / sizeof parts[0];
    rd_kafka_headers_t *headers = NULL;
    if (message->header_count == 0) {
        count--;
    } else {
        headers = rd_kafka_headers_new(message->header_count);
        for (size_t i = 0; i < message->header_count; i++) {
            const struct kafka_header *header = &message->headers[i];
            (void)rd_kafka_header_add(headers, header->name, -1, header->value,
                                      (ssize_t)header->value_bytes);
        }
        parts[count - 1].u.headers = headers;
    }
    rd_kafka_error_t *error = rd_kafka_produceva(producer->client.rk, parts, count);
    /* The client takes the headers with the message, if it takes it. */
    if (error != NULL && headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    return error;
}

struct status kafka_producer_put(struct kafka_producer *producer,
                                 const struct kafka_message *message, struct err *err) {
    assert(!producer->has_transactions || producer->in_transaction);
    rd_kafka_topic_t *topic = NULL;
    TRY(find_topic(producer, message->topic, &topic, err));
    if (producer->until_serve == 0) {
        producer->until_serve = SERVE_MESSAGES;
        client_serve(&producer->client, 0);
    }
    producer->until_serve--;
    if (producer->lost != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return check(producer, err);
    }
    for (;;) {
        rd_kafka_error_t *error = produce(producer, topic, message);
        if (error == NULL) {
            return status_ok();
        }
        /* Messages that cannot be delivered leave the queue after message.timeout.ms, so that this
         * ends. */
        if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rd_kafka_error_destroy(error);
            client_serve(&producer->client, CLIENT_SLICE_MS);
            TRY(check(producer, err));
            continue;
        }
        char what[CLIENT_TEXT_BYTES];
        (void)snprintf(what, sizeof what, "topic %s: a record of %zu bytes cannot be written",
                       message->topic, message->key_bytes + message->value_bytes);
        struct status status = check(producer, err);
        if (failed(status)) {
            rd_kafka_error_destroy(error);
            return status;
        }
        return client_fail_error(&producer->client, error, err, what);
    }
}

struct status kafka_producer_flush(struct kafka_producer *producer, struct err *err) {
    int64_t last_ms = client_now_ms();
    int last_left = rd_kafka_outq_len(producer->client.rk);
    for (;;) {
        rd_kafka_resp_err_t code = rd_kafka_flush(producer->client.rk, CLIENT_SLICE_MS);
        client_serve(&producer->client, 0);
        TRY(check(producer, err));
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return status_ok();
        }
        int left = rd_kafka_outq_len(producer->client.rk);
        int64_t now_ms = client_now_ms();
        if (left < last_left) {
            last_left = left;
            last_ms = now_ms;
        }
        if (now_ms - last_ms > (int64_t)producer->client.timeout_ms + CLOSE_TIMEOUT_MS) {
            return client_fail(&producer->client, RD_KAFKA_RESP_ERR__TIMED_OUT, err,
                               "%d records are not delivered", left);
        }
    }
}

/* ---- transactions ---- */

struct status kafka_producer_begin(struct kafka_producer *producer, struct err *err) {
    assert(producer->has_transactions && !producer->in_transaction);
    producer->lost = RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_error_t *error = rd_kafka_begin_transaction(producer->client.rk);
    if (error != NULL) {
        return client_fail_error(&producer->client, error, err, "a transaction cannot begin");
    }
    producer->in_transaction = true;
    return status_ok();
}

/* Waits a moment and returns true where the error may pass before the deadline; then it is
 * destroyed. */
static bool try_again(struct kafka_producer *producer, rd_kafka_error_t *error, int64_t deadline) {
    client_serve(&producer->client, 0);
    if (!rd_kafka_error_is_retriable(error) || client_now_ms() >= deadline) {
        return false;
    }
    rd_kafka_error_destroy(error);
    client_serve(&producer->client, CLIENT_SLICE_MS);
    return true;
}

static struct status send_mark(struct kafka_producer *producer, const char *group,
                               const char *mark_topic, const struct kafka_mark *mark,
                               struct err *err) {
    assert(mark->number >= 0);
    rd_kafka_topic_partition_list_t *list = client_partition(mark_topic, 0, mark->number);
    list->elems[0].metadata = strdup(mark->text);
    list->elems[0].metadata_size = strlen(mark->text);
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata_new(group);
    int64_t deadline = client_now_ms() + producer->client.timeout_ms;
    rd_kafka_error_t *error = NULL;
    if (list->elems[0].metadata != NULL) {
        do {
            error = rd_kafka_send_offsets_to_transaction(producer->client.rk, list, metadata,
                                                         (int)producer->client.timeout_ms);
        } while (error != NULL && try_again(producer, error, deadline));
    }
    struct status status = status_ok();
    if (list->elems[0].metadata == NULL) {
        status = err_memory(err, KAFKA_MARK_TEXT_BYTES, "the mark of a transaction");
    } else if (error != NULL) {
        status = client_fail_error(&producer->client, error, err,
                                   "the mark of a transaction cannot be written");
    }
    rd_kafka_consumer_group_metadata_destroy(metadata);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

struct status kafka_producer_commit(struct kafka_producer *producer, const char *group,
                                    const char *mark_topic, const struct kafka_mark *mark,
                                    struct err *err) {
    assert(producer->in_transaction);
    TRY(kafka_producer_flush(producer, err));
    TRY(send_mark(producer, group, mark_topic, mark, err));
    int64_t deadline = client_now_ms() + producer->client.timeout_ms;
    rd_kafka_error_t *error;
    do {
        error = rd_kafka_commit_transaction(producer->client.rk, (int)producer->client.timeout_ms);
    } while (error != NULL && try_again(producer, error, deadline));
    if (error != NULL) {
        return client_fail_error(&producer->client, error, err,
                                 "a transaction cannot be committed");
    }
    producer->in_transaction = false;
    return status_ok();
}

void kafka_producer_abort(struct kafka_producer *producer) {
    if (!producer->in_transaction) {
        return;
    }
    int64_t deadline = client_now_ms() + CLOSE_TIMEOUT_MS;
    rd_kafka_error_t *error;
    do {
        error = rd_kafka_abort_transaction(producer->client.rk, CLOSE_TIMEOUT_MS);
    } while (error != NULL && try_again(producer, error, deadline));
    /* Where this fails too the broker gives the transaction up: when the next producer with this id
     * opens, or after transaction.timeout.ms. */
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
    producer->in_transaction = false;
}
