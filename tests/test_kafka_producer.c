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
    fixture->cluster = mock_cluster_new(1);
    fixture->settings = mock_cluster_settings(fixture->cluster);
    fixture->options.timeout_ms = TIMEOUT_MS;
    mock_cluster_topic(fixture->cluster, "t", PARTITIONS);
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
    fixture->options.timeout_ms = SHORT_MS;
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
