#include "stages/kafka/client.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Where several brokers are named, one that refuses us is no proof that all do: the others get this
 * long. */
enum { REFUSED_GRACE_MS = 2000 };

/* One partition has no leader for a moment when brokers restart; a topic that was just made is not
 * yet known to every broker, so that it is asked for a little longer. */
enum { RETRY_PAUSE_MS = 100, UNKNOWN_GRACE_MS = 1000, LONGEST_WAIT_MS = 2000 };

/* How long a close waits for a client that has lost a thread. */
enum { ASIDE_SECONDS = 1 };

/* The number of the request in Kafka's protocol. */
enum { FETCH = 1 };

/* ---- what the client says ---- */

static void hear_error(rd_kafka_t *rk, int code, const char *text, void *opaque) {
    struct client *client = opaque;
    (void)rk;
    switch (code) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        /* "3/3 brokers are down" says less than what was said of one of them. */
        client->all_down = true;
        if (client->reason[0] != '\0') {
            return;
        }
        break;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
        if (client->refused_at_ms == 0) {
            client->refused_at_ms = client_now_ms();
        }
        break;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
        client->unreadable = true;
        break;
    case RD_KAFKA_RESP_ERR__FATAL:
        return; /* asked for when it matters */
    default:
        /* A refusal is not to be hidden behind "disconnected", which follows it. */
        if (client->refused_at_ms != 0) {
            return;
        }
        break;
    }
    (void)snprintf(client->reason, sizeof client->reason, "%s", text);
}

static void hear_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    const struct client *client = rd_kafka_opaque(rk);
    /* Settings are shared by consumers and producers: what concerns the other kind is no news. */
    bool idle_warning =
        strcmp(facility, "CONFWARN") == 0 && strstr(text, "will be ignored by this") != NULL;
    if (client->watch.log != NULL && !idle_warning) {
        client->watch.log(client->watch.context, level, text);
    }
}

static int hear_statistics(rd_kafka_t *rk, char *json, size_t bytes, void *opaque) {
    const struct client *client = opaque;
    (void)rk;
    (void)bytes;
    client->watch.statistics(client->watch.context, json);
    return 0; /* the text remains the client's, which frees it */
}

/* ---- its threads ---- */

/* What remains of a client that is closed and cannot be destroyed. */
struct client_rest {
    rd_kafka_t *rk;
    struct client_threads threads;
};

/* In the thread that parses the response next. (When a thread starts is too soon: the client gives
 * it its name after that.) */
static rd_kafka_resp_err_t enter(rd_kafka_t *rk, int socket, const char *broker, int32_t broker_id,
                                 int16_t request, int16_t version, int32_t id, size_t bytes,
                                 int64_t microseconds, rd_kafka_resp_err_t code, void *threads) {
    (void)rk, (void)socket, (void)broker, (void)broker_id, (void)version, (void)id, (void)bytes;
    (void)microseconds, (void)code;
    if (request == FETCH) {
        client_threads_enter(threads);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t leave(rd_kafka_t *rk, rd_kafka_thread_type_t type, const char *name,
                                 void *threads) {
    (void)rk, (void)type, (void)name;
    client_threads_leave(threads);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t watch_threads(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *threads,
                                         char *text, size_t bytes) {
    (void)conf, (void)text, (void)bytes;
    rd_kafka_resp_err_t code =
        rd_kafka_interceptor_add_on_response_received(rk, "threads", enter, threads);
    return code != RD_KAFKA_RESP_ERR_NO_ERROR
               ? code
               : rd_kafka_interceptor_add_on_thread_exit(rk, "threads", leave, threads);
}

bool client_is_lost(const struct client *client, int64_t *offset) {
    return client_threads_lost(&client->rest->threads, offset);
}

/* ---- opening ---- */

static struct status set(rd_kafka_conf_t *conf, const char *key, const char *value,
                         struct err *err) {
    char text[CLIENT_TEXT_BYTES];
    if (rd_kafka_conf_set(conf, key, value, text, sizeof text) == RD_KAFKA_CONF_OK) {
        return status_ok();
    }
    /* The client's text may quote the value. */
    if (kafka_settings_shown(key, value) != value) {
        return err_set(err, FAILURE_CONFIG, "the Kafka client does not take the value of %s", key);
    }
    return err_set(err, FAILURE_CONFIG, "the Kafka client does not take %s: %s", key, text);
}

static struct status set_all(rd_kafka_conf_t *conf, const struct client_setting *settings,
                             struct err *err) {
    for (; settings->key != NULL; settings++) {
        TRY(set(conf, settings->key, settings->value, err));
    }
    return status_ok();
}

static struct status configure(rd_kafka_conf_t *conf, struct client *client,
                               const struct client_request *request, struct err *err) {
    static const struct client_setting common[] = {
        {"client.id", "tieflow"},
        {"log.thread.name", "false"},
        /* Brokers that restart are back in a second, not in ten. */
        {"reconnect.backoff.max.ms", "1000"},
        {NULL, NULL},
    };
    TRY(set_all(conf, common, err));
    TRY(set_all(conf, request->defaults, err));
    char interval[16];
    if (request->watch.statistics != NULL && request->watch.statistics_interval_ms > 0) {
        (void)snprintf(interval, sizeof interval, "%u", request->watch.statistics_interval_ms);
        TRY(set(conf, "statistics.interval.ms", interval, err));
    }
    for (size_t i = 0; i < request->settings->keys.count; i++) {
        TRY(set(conf, request->settings->keys.items[i], request->settings->values.items[i], err));
    }
    TRY(set_all(conf, request->exactness, err));
    TRY(set(conf, "log.queue", "true", err));
    rd_kafka_conf_set_opaque(conf, client);
    (void)rd_kafka_conf_interceptor_add_on_new(conf, "threads", watch_threads,
                                               &client->rest->threads);
    rd_kafka_conf_set_error_cb(conf, hear_error);
    rd_kafka_conf_set_log_cb(conf, hear_log);
    if (request->watch.statistics != NULL) {
        rd_kafka_conf_set_stats_cb(conf, hear_statistics);
    }
    if (request->delivered != NULL) {
        rd_kafka_conf_set_dr_msg_cb(conf, request->delivered);
    }
    return status_ok();
}

/* The brokers as the user named them, under whichever of the two names that key has. */
static struct status note_brokers(const rd_kafka_conf_t *conf, struct client *client,
                                  struct err *err) {
    size_t bytes = 0;
    if (rd_kafka_conf_get(conf, "bootstrap.servers", NULL, &bytes) != RD_KAFKA_CONF_OK ||
        bytes <= 1) {
        return err_set(err, FAILURE_CONFIG,
                       "no Kafka brokers are named: give --brokers HOST:PORT[,...]");
    }
    client->brokers = malloc(bytes);
    if (client->brokers == NULL) {
        return err_memory(err, bytes, "the names of brokers");
    }
    (void)rd_kafka_conf_get(conf, "bootstrap.servers", client->brokers, &bytes);
    return status_ok();
}

/* Takes `conf`, whatever comes of it. */
static struct status make(rd_kafka_conf_t *conf, struct client *client, rd_kafka_type_t type,
                          struct err *err) {
    char text[CLIENT_TEXT_BYTES];
    client->rk = rd_kafka_new(type, conf, text, sizeof text);
    if (client->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, FAILURE_CONFIG, "the Kafka client cannot be set up: %s", text);
    }
    rd_kafka_resp_err_t code = rd_kafka_set_log_queue(client->rk, NULL);
    assert(code == RD_KAFKA_RESP_ERR_NO_ERROR);
    return status_ok();
}

/* The next wait for an answer that has not come: one that is given up is lost, so that a wait that
 * is shorter than the way to the brokers would never see one. Refusals are looked at between two.
 */
static int longer(const struct client *client, int wait_ms) {
    int longest_ms = client->refused_at_ms != 0 ? CLIENT_SLICE_MS : LONGEST_WAIT_MS;
    longest_ms = longest_ms < (int)client->timeout_ms ? longest_ms : (int)client->timeout_ms;
    return 2 * wait_ms < longest_ms ? 2 * wait_ms : longest_ms;
}

/* Waits for an answer of any broker. */
static struct status connect_brokers(struct client *client, struct err *err) {
    int64_t deadline = client_now_ms() + client->timeout_ms;
    for (int wait_ms = CLIENT_SLICE_MS;; wait_ms = longer(client, wait_ms)) {
        const struct rd_kafka_metadata *metadata = NULL;
        rd_kafka_resp_err_t code = rd_kafka_metadata(client->rk, 0, NULL, &metadata, wait_ms);
        rd_kafka_metadata_destroy(metadata);
        client_serve(client, 0);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            client->refused_at_ms = 0;
            client->all_down = false;
            client->reason[0] = '\0';
            return status_ok();
        }
        TRY(client_check(client, err));
        if (client_now_ms() >= deadline) {
            return client_fail(client, code, err, "Kafka cannot be reached");
        }
    }
}

static struct status make_rest(struct client *client, struct err *err) {
    struct client_rest *rest = calloc(1, sizeof *rest);
    if (rest == NULL) {
        return err_memory(err, sizeof *rest, "a Kafka client");
    }
    struct status status = client_threads_init(&rest->threads, err);
    if (failed(status)) {
        free(rest);
    } else {
        client->rest = rest;
    }
    return status;
}

struct status client_open(struct client *client, const struct client_request *request,
                          struct err *err) {
    *client = (struct client){.watch = request->watch,
                              .opaque = request->opaque,
                              .timeout_ms = request->timeout_ms > 0 ? request->timeout_ms
                                                                    : CLIENT_TIMEOUT_MS};
    TRY(make_rest(client, err));
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct status status = configure(conf, client, request, err);
    if (!failed(status)) {
        status = note_brokers(conf, client, err);
    }
    if (failed(status)) {
        rd_kafka_conf_destroy(conf);
    } else {
        status = make(conf, client, request->type, err);
        client->rest->rk = client->rk;
    }
    if (!failed(status)) {
        status = connect_brokers(client, err);
    }
    if (failed(status)) {
        client_close(client);
    }
    return status;
}

static void *destroy(void *argument) {
    struct client_rest *rest = argument;
    if (rest->rk != NULL) {
        /* Nobody has joined a group or stored an offset: nothing is left to be told to brokers. */
        rd_kafka_destroy_flags(rest->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    client_threads_release(&rest->threads);
    free(rest);
    return NULL;
}

/* A client that has lost a thread may wait for it for ever: whoever closes it does not, and leaves
 * it where it is after a while. (Not at once: what still runs when the process ends may be in the
 * way of the libraries' own cleaning up.) */
static void destroy_aside(struct client_rest *rest) {
    pthread_t thread;
    struct timespec deadline;
    if (pthread_create(&thread, NULL, destroy, rest) != 0) {
        return;
    }
    int failure = clock_gettime(CLOCK_MONOTONIC, &deadline);
    assert(failure == 0);
    deadline.tv_sec += ASIDE_SECONDS;
    if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &deadline) != 0) {
        (void)pthread_detach(thread);
    }
}

void client_close(struct client *client) {
    int64_t offset;
    if (client->rk != NULL) {
        client_serve(client, 0);
    }
    if (client->rest != NULL && client_is_lost(client, &offset)) {
        destroy_aside(client->rest);
    } else if (client->rest != NULL) {
        (void)destroy(client->rest);
    }
    free(client->brokers);
    *client = (struct client){0};
}

void client_serve(struct client *client, int wait_ms) {
    (void)rd_kafka_poll(client->rk, wait_ms);
}

/* ---- errors ---- */

struct status client_check(struct client *client, struct err *err) {
    if (client->refused_at_ms == 0 ||
        (!client->all_down && client_now_ms() < client->refused_at_ms + REFUSED_GRACE_MS)) {
        return status_ok();
    }
    return err_set(err, FAILURE_PERMISSION,
                   "the Kafka brokers %s refuse the connection: %s; check the security.protocol, "
                   "sasl.* and ssl.* settings (-X)",
                   client->brokers, client->reason);
}

enum failure client_failure(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
    case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_EXPIRED:
        return FAILURE_PERMISSION;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
        return FAILURE_CONFIG;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        return FAILURE_DATA;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
        return FAILURE_CORRUPT_BATCH;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
    case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
    case RD_KAFKA_RESP_ERR_TRANSACTION_COORDINATOR_FENCED:
    case RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE:
        return FAILURE_RETRY;
    default:
        return FAILURE_BROKER;
    }
}

bool client_may_pass(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__OUTDATED:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_PREFERRED_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
        return true;
    default:
        return false;
    }
}

/* What to do about a code; each begins with "; ". */
static const char *advice(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return "; make it first, or correct its name";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return "; raise -X message.max.bytes, and the topic's max.message.bytes";
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
        return "; give -X transaction.timeout.ms a value that the brokers' "
               "transaction.max.timeout.ms allows";
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
        return "; other consumers use this group: give tieflow one of its own";
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
        return "; another run with this transactional id has started: let one of them run";
    case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
    case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
    case RD_KAFKA_RESP_ERR_TRANSACTION_COORDINATOR_FENCED:
        return "; the brokers have given up what was being sent: start again, and it is sent anew";
    default:
        break;
    }
    switch (client_failure(code)) {
    case FAILURE_PERMISSION:
        return "; check the credentials (-X) and the rights that they have";
    case FAILURE_BROKER:
        return "; check that the brokers run and can be reached, then try again";
    case FAILURE_CONFIG:
        return "; change what forbids it in the settings of the topic, the brokers or tieflow (-X)";
    case FAILURE_DATA:
        return "; the brokers contradict each other: start again once all replicas are in sync";
    default:
        return "";
    }
}

static struct status fail_text(const struct client *client, rd_kafka_resp_err_t code,
                               const char *text, const char *what, struct err *err) {
    bool has_reason = client->reason[0] != '\0';
    return err_set(err, client_failure(code), "%s: %s (brokers %s%s%s)%s", what, text,
                   client->brokers, has_reason ? "; the last word of the client: " : "",
                   client->reason, advice(code));
}

struct status client_fail(const struct client *client, rd_kafka_resp_err_t code, struct err *err,
                          const char *what, ...) {
    char subject[CLIENT_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, what);
    (void)vsnprintf(subject, sizeof subject, what, arguments);
    va_end(arguments);
    return fail_text(client, code, rd_kafka_err2str(code), subject, err);
}

struct status client_fail_error(const struct client *client, rd_kafka_error_t *error,
                                struct err *err, const char *what) {
    struct status status =
        fail_text(client, rd_kafka_error_code(error), rd_kafka_error_string(error), what, err);
    rd_kafka_error_destroy(error);
    return status;
}

/* ---- topics ---- */

/* What the metadata say of the topic. */
static rd_kafka_resp_err_t judge(const struct rd_kafka_metadata *metadata, uint32_t *partitions) {
    if (metadata->topic_cnt != 1) {
        return RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    }
    const struct rd_kafka_metadata_topic *topic = &metadata->topics[0];
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return topic->err;
    }
    for (int i = 0; i < topic->partition_cnt; i++) {
        rd_kafka_resp_err_t code = topic->partitions[i].err;
        /* A replica that is missing does not keep anyone from reading. */
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE) {
            return code;
        }
    }
    *partitions = (uint32_t)topic->partition_cnt;
    return topic->partition_cnt > 0 ? RD_KAFKA_RESP_ERR_NO_ERROR
                                    : RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

struct status client_topic(struct client *client, const char *topic, uint32_t *partitions,
                           struct err *err) {
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client->rk, topic, NULL);
    if (handle == NULL) {
        return client_fail(client, rd_kafka_last_error(), err, "topic %s", topic);
    }
    int64_t start_ms = client_now_ms();
    struct status status;
    rd_kafka_resp_err_t code;
    for (int wait_ms = CLIENT_SLICE_MS;; wait_ms = longer(client, wait_ms)) {
        const struct rd_kafka_metadata *metadata = NULL;
        code = rd_kafka_metadata(client->rk, 0, handle, &metadata, wait_ms);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            code = judge(metadata, partitions);
        }
        rd_kafka_metadata_destroy(metadata);
        client_serve(client, 0);
        status = client_check(client, err);
        int64_t patience_ms = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? UNKNOWN_GRACE_MS
                              : client_may_pass(code) ? (int64_t)client->timeout_ms
                                                      : 0;
        if (failed(status) || client_now_ms() >= start_ms + patience_ms) {
            break;
        }
        client_serve(client, RETRY_PAUSE_MS);
    }
    if (!failed(status) && code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = client_fail(client, code, err, "topic %s", topic);
    }
    rd_kafka_topic_destroy(handle);
    return status;
}

rd_kafka_topic_partition_list_t *client_partition(const char *topic, int32_t partition,
                                                  int64_t offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    return list;
}
