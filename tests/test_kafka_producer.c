#include "stages/kafka/kafka_producer.h"

#include "tests/mock_cluster.h"
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct err err;

enum { TIMEOUT_MS = 10000, SHORT_MS = 1000, PARTITIONS = 5 };

struct fixture {
    struct mock_cluster *cluster;
    struct kafka_settings settings;
    struct kafka_producer_options options;
    struct kafka_producer *producer;
};

static int fixture_make(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->cluster = mock_cluster_new(2);
    fixture->settings = mock_cluster_settings(fixture->cluster);
    fixture->options.timeout_ms = TIMEOUT_MS;
    mock_cluster_topic(fixture->cluster, "t", PARTITIONS);
    mock_cluster_lead(fixture->cluster, "t", 0, 1);
    *state = fixture;
    return 0;
}

static int fixture_remove(void **state) {
    struct fixture *fixture = *state;
    kafka_producer_close(fixture->producer);
    kafka_settings_release(&fixture->settings);
    mock_cluster_free(fixture->cluster);
    free(fixture);
    return 0;
}

static void open_producer(struct fixture *fixture) {
    MUST(kafka_producer_open(&fixture->producer, &fixture->settings, &fixture->options, &err));
}

static struct status put(struct fixture *fixture, const char *text) {
    const struct kafka_message message = {
        .topic = "t", .partition = 0, .value = text, .value_bytes = strlen(text)};
    return kafka_producer_put(fixture->producer, &message, &err);
}

/* Records that the topic's partitions hold. */
static void count_records(const struct fixture *fixture, int64_t counts[PARTITIONS]) {
    const struct kafka_consumer_options options = {.group = "g", .timeout_ms = TIMEOUT_MS};
    struct kafka_consumer *consumer;
    struct kafka_partition *partitions;
    size_t count;
    MUST(kafka_consumer_open(&consumer, &fixture->settings, &options, &err));
    MUST(kafka_consumer_topic(consumer, "t", &partitions, &count, &err));
    assert_int_equal(count, PARTITIONS);
    for (size_t i = 0; i < count; i++) {
        counts[i] = partitions[i].end - partitions[i].low;
    }
    free(partitions);
    kafka_consumer_close(consumer);
}

static int64_t records_of_first_partition(const struct fixture *fixture) {
    int64_t counts[PARTITIONS];
    count_records(fixture, counts);
    return counts[0];
}

/* ---- writing ---- */

static void test_keys_have_the_partitions_that_java_gives_them(void **state) {
    (void)state;
    /* murmur2 as Java's producer has it, computed apart from the library. */
    assert_int_equal(kafka_key_partition("", 0, 1000), 0x106e08d9 % 1000);
    assert_int_equal(kafka_key_partition("kafka", 5, 1000), 0x5067cf64 % 1000);
    assert_int_equal(kafka_key_partition("1234", 4, 1000), 0x1fc97b14 % 1000);
    assert_int_equal(kafka_key_partition("1234", 4, 1), 0);
}

static void test_record_without_a_partition_goes_where_its_key_belongs(void **state) {
    struct fixture *fixture = *state;
    int64_t expected[PARTITIONS] = {0};
    int64_t found[PARTITIONS];
    uint32_t partitions;
    open_producer(fixture);
    MUST(kafka_producer_topic(fixture->producer, "t", &partitions, &err));
    assert_int_equal(partitions, PARTITIONS);
    for (int i = 0; i < 200; i++) {
        char key[16];
        int length = snprintf(key, sizeof key, "%d:%d", i, i * 7);
        const struct kafka_message message = {
            .topic = "t", .partition = -1, .key = key, .key_bytes = (size_t)length};
        MUST(kafka_producer_put(fixture->producer, &message, &err));
        expected[kafka_key_partition(key, (size_t)length, partitions)]++;
    }
    MUST(kafka_producer_flush(fixture->producer, &err));
    count_records(fixture, found);
    assert_memory_equal(found, expected, sizeof found);
}

static void test_headers_are_written_with_the_record(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_header headers[] = {
        {"reason", "bad id", 6}, {"empty", "", 0}, {"null", NULL, 0}, {"reason", "2", 1}};
    const struct kafka_message message = {
        .topic = "t", .partition = 2, .headers = headers, .header_count = 4};
    char text[256];
    open_producer(fixture);
    MUST(kafka_producer_put(fixture->producer, &message, &err));
    MUST(kafka_producer_flush(fixture->producer, &err));
    mock_cluster_headers(fixture->cluster, "t", 2, 0, text, sizeof text);
    assert_string_equal(text, "reason=bad id;empty=;null;reason=2;");
}

static void test_put_waits_while_the_queue_is_full(void **state) {
    struct fixture *fixture = *state;
    MUST(kafka_settings_parse(&fixture->settings, "queue.buffering.max.messages=10", &err));
    MUST(kafka_settings_parse(&fixture->settings, "linger.ms=1", &err));
    open_producer(fixture);
    for (int i = 0; i < 100; i++) {
        MUST(put(fixture, "x"));
    }
    MUST(kafka_producer_flush(fixture->producer, &err));
    assert_int_equal(records_of_first_partition(fixture), 100);
}

static void test_flush_of_nothing_is_fine(void **state) {
    struct fixture *fixture = *state;
    open_producer(fixture);
    MUST(kafka_producer_flush(fixture->producer, &err));
}

static void test_errors_that_pass_lose_and_double_nothing(void **state) {
    struct fixture *fixture = *state;
    open_producer(fixture);
    mock_cluster_fail(fixture->cluster, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                      2);
    for (int i = 0; i < 50; i++) {
        MUST(put(fixture, "x"));
    }
    MUST(kafka_producer_flush(fixture->producer, &err));
    assert_int_equal(records_of_first_partition(fixture), 50);
}

/* ---- writing that fails ---- */

static void test_record_over_the_limit_is_refused_at_once(void **state) {
    struct fixture *fixture = *state;
    static const char value[2000];
    const struct kafka_message message = {
        .topic = "t", .partition = 0, .value = value, .value_bytes = sizeof value};
    MUST(kafka_settings_parse(&fixture->settings, "message.max.bytes=1000", &err));
    open_producer(fixture);
    MUST_FAIL(kafka_producer_put(fixture->producer, &message, &err), FAILURE_CONFIG,
              "topic t: a record of 2000 bytes");
    assert_non_null(strstr(err.text, "-X message.max.bytes"));
}

static void test_forbidden_topic_is_an_error_of_permission_at_the_flush(void **state) {
    struct fixture *fixture = *state;
    open_producer(fixture);
    mock_cluster_fail(fixture->cluster, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                      10);
    MUST(put(fixture, "x"));
    MUST_FAIL(kafka_producer_flush(fixture->producer, &err), FAILURE_PERMISSION,
              "topic t, partition 0: a record was not delivered");
    /* It stays lost for whoever looks later. */
    MUST_FAIL(put(fixture, "y"), FAILURE_PERMISSION, "a record was not delivered");
}

static void test_broker_that_goes_away_is_an_error_in_time(void **state) {
    struct fixture *fixture = *state;
    fixture->options.timeout_ms = 3 * SHORT_MS; /* by then a busy client, too, has tried again */
    open_producer(fixture);
    mock_cluster_stop(fixture->cluster, 1);
    MUST(put(fixture, "x"));
    int64_t start_ms = client_now_ms();
    MUST_FAIL(kafka_producer_flush(fixture->producer, &err), FAILURE_BROKER, "not delivered");
    assert_non_null(strstr(err.text, "Connection refused"));
    assert_true(client_now_ms() - start_ms < 20000);
}

static void test_broker_that_comes_back_gets_everything(void **state) {
    struct fixture *fixture = *state;
    open_producer(fixture);
    mock_cluster_stop(fixture->cluster, 1);
    for (int i = 0; i < 20; i++) {
        MUST(put(fixture, "x"));
    }
    mock_cluster_start(fixture->cluster, 1);
    MUST(kafka_producer_flush(fixture->producer, &err));
    assert_int_equal(records_of_first_partition(fixture), 20);
}

static void test_unreachable_broker_is_told_when_opening(void **state) {
    struct fixture *fixture = *state;
    /* Port 9 is for discarding, and nobody listens there. */
    MUST(kafka_settings_set(&fixture->settings, "bootstrap.servers", "127.0.0.1:9", &err));
    fixture->options.timeout_ms = SHORT_MS;
    MUST_FAIL(kafka_producer_open(&fixture->producer, &fixture->settings, &fixture->options, &err),
              FAILURE_BROKER, "Connection refused");
}

static void test_unknown_topic_is_an_error_of_the_configuration(void **state) {
    struct fixture *fixture = *state;
    uint32_t partitions;
    mock_cluster_break_topic(fixture->cluster, "t", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    open_producer(fixture);
    MUST_FAIL(kafka_producer_topic(fixture->producer, "t", &partitions, &err), FAILURE_CONFIG,
              "topic t: ");
}

/* ---- transactions ---- */

static const struct kafka_mark MARK = {.number = 7, .text = "2024-01-31"};

static struct status commit(struct fixture *fixture) {
    return kafka_producer_commit(fixture->producer, "g", "t", &MARK, &err);
}

static void test_transactions_commit_one_after_the_other(void **state) {
    struct fixture *fixture = *state;
    fixture->options.transactional_id = "id";
    open_producer(fixture);
    for (int i = 0; i < 3; i++) {
        MUST(kafka_producer_begin(fixture->producer, &err));
        for (int k = 0; k < 10; k++) {
            MUST(put(fixture, "x"));
        }
        MUST(commit(fixture));
    }
    assert_int_equal(records_of_first_partition(fixture), 30);
}

static void test_transaction_without_records_commits_its_mark(void **state) {
    struct fixture *fixture = *state;
    fixture->options.transactional_id = "id";
    open_producer(fixture);
    MUST(kafka_producer_begin(fixture->producer, &err));
    MUST(commit(fixture));
}

static void test_producer_goes_on_after_an_abort(void **state) {
    struct fixture *fixture = *state;
    fixture->options.transactional_id = "id";
    open_producer(fixture);
    MUST(kafka_producer_begin(fixture->producer, &err));
    MUST(put(fixture, "x"));
    kafka_producer_abort(fixture->producer);
    kafka_producer_abort(fixture->producer); /* nothing is left to give up */
    MUST(kafka_producer_begin(fixture->producer, &err));
    MUST(put(fixture, "y"));
    MUST(commit(fixture));
}

static void test_coordinator_that_loads_is_waited_for(void **state) {
    struct fixture *fixture = *state;
    fixture->options.transactional_id = "id";
    mock_cluster_fail(fixture->cluster, MOCK_INIT_PRODUCER,
                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 2);
    open_producer(fixture);
    mock_cluster_fail(fixture->cluster, MOCK_END_TRANSACTION,
                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 2);
    MUST(kafka_producer_begin(fixture->producer, &err));
    MUST(put(fixture, "x"));
    MUST(commit(fixture));
}

static void test_producer_that_another_one_has_fenced_off_is_told_so(void **state) {
    struct fixture *fixture = *state;
    fixture->options.transactional_id = "id";
    open_producer(fixture);
    MUST(kafka_producer_begin(fixture->producer, &err));
    MUST(put(fixture, "x"));
    mock_cluster_fail(fixture->cluster, MOCK_END_TRANSACTION, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1);
    MUST_FAIL(commit(fixture), FAILURE_RETRY, "another run with this transactional id");
}

static void test_forbidden_transactional_id_is_an_error_of_permission(void **state) {
    struct fixture *fixture = *state;
    fixture->options.transactional_id = "id";
    mock_cluster_fail(fixture->cluster, MOCK_INIT_PRODUCER,
                      RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 10);
    MUST_FAIL(kafka_producer_open(&fixture->producer, &fixture->settings, &fixture->options, &err),
              FAILURE_PERMISSION, "transactions cannot be set up");
}

static void test_lost_record_keeps_its_transaction_from_committing(void **state) {
    struct fixture *fixture = *state;
    fixture->options.transactional_id = "id";
    open_producer(fixture);
    MUST(kafka_producer_begin(fixture->producer, &err));
    mock_cluster_fail(fixture->cluster, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
    MUST(put(fixture, "x"));
    MUST_FAIL(commit(fixture), FAILURE_CONFIG, "a record was not delivered");
    kafka_producer_abort(fixture->producer);
    assert_int_equal(records_of_first_partition(fixture), 0);
}

/* ---- whatever brokers may answer ---- */

enum { RECORDS = 20, FEW = 2 };

static const char CREDENTIALS[] = "check the credentials (-X)";
static const char AGAIN[] = "then try again";
static const char GIVEN_UP[] = "the brokers have given up what was being sent";
static const char OTHER_RUN[] = "another run with this transactional id has started";

/* By request, what the protocol lets a broker answer: that which passes, that for which the
 * transaction is to be given up, that for which the producer is. */
static const struct mock_trouble TROUBLES[] = {
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR__TRANSPORT, FEW, FAILURE_NONE, NULL},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 1, FAILURE_NONE, NULL},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, FEW, FAILURE_NONE, NULL},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, FEW, FAILURE_NONE, NULL},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, FEW, FAILURE_NONE, NULL},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, FEW, FAILURE_NONE, NULL},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, FEW, FAILURE_NONE, NULL},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, FEW, FAILURE_NONE, NULL},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, MOCK_FOR_EVER, FAILURE_BROKER,
     AGAIN},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_MSG, 1, FAILURE_BROKER, AGAIN},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1, FAILURE_CONFIG, "message.max.bytes"},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, 1, FAILURE_CONFIG, "settings"},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, 1, FAILURE_CONFIG, "settings"},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS, 1, FAILURE_CONFIG, "settings"},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, 1, FAILURE_CONFIG, "settings"},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, 1, FAILURE_CONFIG, "settings"},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, 1, FAILURE_CONFIG, "settings"},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_POLICY_VIOLATION, 1, FAILURE_CONFIG, "settings"},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_RECORD, 1, FAILURE_CONFIG, "settings"},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION,
     CREDENTIALS},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION,
     CREDENTIALS},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION,
     CREDENTIALS},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_SECURITY_DISABLED, 1, FAILURE_PERMISSION, CREDENTIALS},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 1, FAILURE_RETRY, GIVEN_UP},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, 1, FAILURE_RETRY, GIVEN_UP},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, 1, FAILURE_RETRY, GIVEN_UP},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, 1, FAILURE_RETRY, GIVEN_UP},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1, FAILURE_RETRY, OTHER_RUN},
    {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, FAILURE_RETRY, OTHER_RUN},

    {MOCK_FIND_COORDINATOR, RD_KAFKA_RESP_ERR__TRANSPORT, FEW, FAILURE_NONE, NULL},
    {MOCK_FIND_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 1, FAILURE_NONE, NULL},
    {MOCK_FIND_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, MOCK_FOR_EVER,
     FAILURE_BROKER, AGAIN},
    {MOCK_FIND_COORDINATOR, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1,
     FAILURE_PERMISSION, CREDENTIALS},

    {MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR__TRANSPORT, 1, FAILURE_NONE, NULL},
    {MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 1, FAILURE_NONE, NULL},
    {MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 1, FAILURE_NONE, NULL},
    {MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, 1, FAILURE_NONE, NULL},
    {MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, MOCK_FOR_EVER, FAILURE_BROKER,
     AGAIN},
    {MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION,
     CREDENTIALS},
    {MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, 1, FAILURE_CONFIG,
     "transaction.timeout.ms"},
    {MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, FAILURE_RETRY, OTHER_RUN},

    {MOCK_ADD_PARTITIONS, RD_KAFKA_RESP_ERR__TRANSPORT, 1, FAILURE_NONE, NULL},
    {MOCK_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 1, FAILURE_NONE, NULL},
    {MOCK_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 1, FAILURE_NONE, NULL},
    {MOCK_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 1, FAILURE_NONE, NULL},
    {MOCK_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, FEW, FAILURE_NONE, NULL},
    {MOCK_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, MOCK_FOR_EVER, FAILURE_BROKER,
     AGAIN},
    {MOCK_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION,
     CREDENTIALS},
    {MOCK_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_OPERATION_NOT_ATTEMPTED, 1, FAILURE_BROKER, AGAIN},
    {MOCK_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, 1, FAILURE_RETRY,
     GIVEN_UP},
    {MOCK_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, 1, FAILURE_RETRY, GIVEN_UP},
    {MOCK_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1, FAILURE_RETRY, OTHER_RUN},

    {MOCK_ADD_OFFSETS, RD_KAFKA_RESP_ERR__TRANSPORT, 1, FAILURE_NONE, NULL},
    {MOCK_ADD_OFFSETS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, FEW, FAILURE_NONE, NULL},
    {MOCK_ADD_OFFSETS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, FEW, FAILURE_NONE, NULL},
    {MOCK_ADD_OFFSETS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, MOCK_FOR_EVER, FAILURE_BROKER, AGAIN},
    {MOCK_ADD_OFFSETS, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION,
     CREDENTIALS},
    {MOCK_ADD_OFFSETS, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, 1, FAILURE_RETRY, GIVEN_UP},
    {MOCK_ADD_OFFSETS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1, FAILURE_RETRY, OTHER_RUN},

    {MOCK_TRANSACTION_OFFSETS, RD_KAFKA_RESP_ERR__TRANSPORT, 1, FAILURE_NONE, NULL},
    {MOCK_TRANSACTION_OFFSETS, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 1, FAILURE_NONE,
     NULL},
    {MOCK_TRANSACTION_OFFSETS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 1, FAILURE_NONE, NULL},
    {MOCK_TRANSACTION_OFFSETS, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION,
     CREDENTIALS},
    {MOCK_TRANSACTION_OFFSETS, RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, 1, FAILURE_CONFIG,
     "settings"},
    {MOCK_TRANSACTION_OFFSETS, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, 1, FAILURE_CONFIG,
     "other consumers use this group"},
    {MOCK_TRANSACTION_OFFSETS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1, FAILURE_RETRY,
     OTHER_RUN},

    {MOCK_END_TRANSACTION, RD_KAFKA_RESP_ERR__TRANSPORT, 1, FAILURE_NONE, NULL},
    {MOCK_END_TRANSACTION, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 1, FAILURE_NONE, NULL},
    {MOCK_END_TRANSACTION, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 1, FAILURE_NONE, NULL},
    {MOCK_END_TRANSACTION, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, FEW, FAILURE_NONE, NULL},
    {MOCK_END_TRANSACTION, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, MOCK_FOR_EVER,
     FAILURE_BROKER, AGAIN},
    {MOCK_END_TRANSACTION, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 1,
     FAILURE_PERMISSION, CREDENTIALS},
    {MOCK_END_TRANSACTION, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, 1, FAILURE_RETRY,
     GIVEN_UP},
    {MOCK_END_TRANSACTION, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, 1, FAILURE_RETRY, GIVEN_UP},
    {MOCK_END_TRANSACTION, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1, FAILURE_RETRY, OTHER_RUN},
    {MOCK_END_TRANSACTION, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, FAILURE_RETRY, OTHER_RUN},
};

/* A transaction of RECORDS. */
static struct status send_records(struct fixture *fixture) {
    TRY(kafka_producer_begin(fixture->producer, &err));
    for (int i = 0; i < RECORDS; i++) {
        TRY(put(fixture, "x"));
    }
    return commit(fixture);
}

/* Opens a producer and sends by it; the trouble is there from the moment at which it can be met. */
static struct status send_through(struct fixture *fixture, const struct mock_trouble *trouble) {
    bool is_met_early =
        trouble->request == MOCK_INIT_PRODUCER || trouble->request == MOCK_FIND_COORDINATOR;
    if (is_met_early) {
        mock_cluster_fail(fixture->cluster, trouble->request, trouble->code, trouble->times);
    }
    TRY(kafka_producer_open(&fixture->producer, &fixture->settings, &fixture->options, &err));
    if (!is_met_early) {
        mock_cluster_fail(fixture->cluster, trouble->request, trouble->code, trouble->times);
    }
    return send_records(fixture);
}

/* Whether the trouble ends as it should, with every record there once if nobody noticed it; and
 * the producer goes on after it, or another one does. (The mock does not know which records were
 * aborted: that those are not seen is for a broker to show.) */
static bool trouble_is_borne(struct fixture *fixture, const struct mock_trouble *trouble) {
    int64_t before = records_of_first_partition(fixture);
    fixture->options.timeout_ms = trouble->times == MOCK_FOR_EVER ? SHORT_MS / 2 : TIMEOUT_MS;
    struct status status = send_through(fixture, trouble);
    bool borne = mock_trouble_ends_so(trouble, status, &err);
    mock_cluster_mend(fixture->cluster, trouble->request);
    int64_t sent = records_of_first_partition(fixture) - before;
    if (failed(status)) {
        assert_in_range(sent, 0, RECORDS);
        kafka_producer_close(fixture->producer);
        fixture->producer = NULL;
        fixture->options.timeout_ms = TIMEOUT_MS;
        open_producer(fixture);
    } else {
        assert_int_equal(sent, RECORDS);
    }
    MUST(send_records(fixture));
    assert_int_equal(records_of_first_partition(fixture) - before, sent + RECORDS);
    kafka_producer_close(fixture->producer);
    fixture->producer = NULL;
    return borne;
}

static void test_whatever_brokers_answer_is_borne_or_told_with_its_class_and_remedy(void **state) {
    struct fixture *fixture = *state;
    size_t wrong = 0;
    fixture->options.transactional_id = "id";
    MUST(kafka_settings_parse(&fixture->settings, "retry.backoff.ms=10", &err));
    for (size_t i = 0; i < sizeof TROUBLES / sizeof TROUBLES[0]; i++) {
        wrong += !trouble_is_borne(fixture, &TROUBLES[i]);
    }
    assert_int_equal(wrong, 0);
}

static void test_records_that_the_broker_has_already_are_not_sent_again(void **state) {
    struct fixture *fixture = *state;
    open_producer(fixture);
    mock_cluster_fail(fixture->cluster, MOCK_PRODUCE, RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER,
                      1);
    MUST(put(fixture, "x"));
    MUST(kafka_producer_flush(fixture->producer, &err));
    /* The mock only says so: it has none. */
    assert_int_equal(records_of_first_partition(fixture), 0);
}

static void test_answers_that_take_long_are_waited_for(void **state) {
    struct fixture *fixture = *state;
    fixture->options.transactional_id = "id";
    mock_cluster_delay(fixture->cluster, 200);
    open_producer(fixture);
    MUST(send_records(fixture));
    mock_cluster_delay(fixture->cluster, 0);
    assert_int_equal(records_of_first_partition(fixture), RECORDS);
}

static void test_leader_and_coordinators_that_move_amid_a_transaction_are_followed(void **state) {
    struct fixture *fixture = *state;
    fixture->options.transactional_id = "id";
    mock_cluster_coordinate(fixture->cluster, "transaction", "id", 1);
    mock_cluster_coordinate(fixture->cluster, "group", "g", 1);
    open_producer(fixture);
    for (int32_t broker = 2; broker > 0; broker--) {
        MUST(kafka_producer_begin(fixture->producer, &err));
        for (int i = 0; i < RECORDS; i++) {
            MUST(put(fixture, "x"));
        }
        MUST(kafka_producer_flush(fixture->producer, &err));
        mock_cluster_lead(fixture->cluster, "t", 0, broker);
        for (int i = 0; i < RECORDS; i++) {
            MUST(put(fixture, "y"));
        }
        mock_cluster_coordinate(fixture->cluster, "transaction", "id", broker);
        mock_cluster_coordinate(fixture->cluster, "group", "g", broker);
        MUST(commit(fixture));
    }
    assert_int_equal(records_of_first_partition(fixture), 4 * RECORDS);
}

#define WITH_MOCK(test) cmocka_unit_test_setup_teardown(test, fixture_make, fixture_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_have_the_partitions_that_java_gives_them),
        WITH_MOCK(test_record_without_a_partition_goes_where_its_key_belongs),
        WITH_MOCK(test_headers_are_written_with_the_record),
        WITH_MOCK(test_put_waits_while_the_queue_is_full),
        WITH_MOCK(test_flush_of_nothing_is_fine),
        WITH_MOCK(test_errors_that_pass_lose_and_double_nothing),
        WITH_MOCK(test_record_over_the_limit_is_refused_at_once),
        WITH_MOCK(test_forbidden_topic_is_an_error_of_permission_at_the_flush),
        WITH_MOCK(test_broker_that_goes_away_is_an_error_in_time),
        WITH_MOCK(test_broker_that_comes_back_gets_everything),
        WITH_MOCK(test_unreachable_broker_is_told_when_opening),
        WITH_MOCK(test_unknown_topic_is_an_error_of_the_configuration),
        WITH_MOCK(test_transactions_commit_one_after_the_other),
        WITH_MOCK(test_transaction_without_records_commits_its_mark),
        WITH_MOCK(test_producer_goes_on_after_an_abort),
        WITH_MOCK(test_coordinator_that_loads_is_waited_for),
        WITH_MOCK(test_producer_that_another_one_has_fenced_off_is_told_so),
        WITH_MOCK(test_forbidden_transactional_id_is_an_error_of_permission),
        WITH_MOCK(test_lost_record_keeps_its_transaction_from_committing),
        WITH_MOCK(test_whatever_brokers_answer_is_borne_or_told_with_its_class_and_remedy),
        WITH_MOCK(test_records_that_the_broker_has_already_are_not_sent_again),
        WITH_MOCK(test_answers_that_take_long_are_waited_for),
        WITH_MOCK(test_leader_and_coordinators_that_move_amid_a_transaction_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
