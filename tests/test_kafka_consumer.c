#include "stages/kafka/kafka_consumer.h"

#include "stages/kafka/kafka_producer.h"
#include "tests/mock_cluster.h"
#include "tests/testing.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct err err;

/* Long enough for a busy machine, short enough for the tests that wait for it. */
enum { TIMEOUT_MS = 10000, SHORT_MS = 1000 };

/* What a test starts with, and what it can change before open(). */
struct fixture {
    struct mock_cluster *cluster;
    struct kafka_settings settings;
    struct kafka_consumer_options options;
    struct kafka_consumer *consumer;
};

static int fixture_make(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->cluster = mock_cluster_new(2);
    fixture->settings = mock_cluster_settings(fixture->cluster);
    fixture->options = (struct kafka_consumer_options){.group = "g", .timeout_ms = TIMEOUT_MS};
    mock_cluster_topic(fixture->cluster, "t", 3);
    *state = fixture;
    return 0;
}

static int fixture_remove(void **state) {
    struct fixture *fixture = *state;
    kafka_consumer_close(fixture->consumer);
    kafka_settings_release(&fixture->settings);
    mock_cluster_free(fixture->cluster);
    free(fixture);
    return 0;
}

static void open_consumer(struct fixture *fixture) {
    MUST(kafka_consumer_open(&fixture->consumer, &fixture->settings, &fixture->options, &err));
}

/* Writes records with values "FIRST", "FIRST+1", ... and the same keys. */
static void write_numbers(const struct fixture *fixture, int32_t partition, int first, int count) {
    const struct kafka_producer_options options = {.timeout_ms = TIMEOUT_MS};
    struct kafka_producer *producer;
    MUST(kafka_producer_open(&producer, &fixture->settings, &options, &err));
    for (int i = first; i < first + count; i++) {
        char text[16];
        int length = snprintf(text, sizeof text, "%d", i);
        const struct kafka_message message = {.topic = "t",
                                              .partition = partition,
                                              .key = text,
                                              .key_bytes = (size_t)length,
                                              .value = text,
                                              .value_bytes = (size_t)length,
                                              .timestamp_ms = 1000 + i};
        MUST(kafka_producer_put(producer, &message, &err));
    }
    MUST(kafka_producer_flush(producer, &err));
    kafka_producer_close(producer);
}

static void begin(struct fixture *fixture, const struct kafka_range *ranges, size_t count) {
    MUST(kafka_consumer_begin(fixture->consumer, "t", ranges, count, &err));
}

static void expect_number(struct fixture *fixture, size_t index, int64_t offset, int number) {
    struct kafka_record record;
    enum kafka_found found;
    char text[16];
    int length = snprintf(text, sizeof text, "%d", number);
    MUST(kafka_consumer_next(fixture->consumer, index, &record, &found, &err));
    assert_int_equal(found, KAFKA_RECORD);
    assert_int_equal(record.offset, offset);
    assert_int_equal(record.timestamp_ms, 1000 + number);
    assert_int_equal(record.key_bytes, length);
    assert_memory_equal(record.key, text, (size_t)length);
    assert_int_equal(record.value_bytes, length);
    assert_memory_equal(record.value, text, (size_t)length);
}

static void expect_end(struct fixture *fixture, size_t index) {
    struct kafka_record record;
    enum kafka_found found;
    MUST(kafka_consumer_next(fixture->consumer, index, &record, &found, &err));
    assert_int_equal(found, KAFKA_END);
}

static struct status next(struct fixture *fixture, size_t index) {
    struct kafka_record record;
    enum kafka_found found;
    return kafka_consumer_next(fixture->consumer, index, &record, &found, &err);
}

/* ---- reading ---- */

static void test_topic_tells_its_partitions(void **state) {
    struct fixture *fixture = *state;
    struct kafka_partition *partitions;
    size_t count;
    write_numbers(fixture, 1, 0, 7);
    open_consumer(fixture);
    MUST(kafka_consumer_topic(fixture->consumer, "t", &partitions, &count, &err));
    assert_int_equal(count, 3);
    assert_int_equal(partitions[0].low, 0);
    assert_int_equal(partitions[0].end, 0);
    assert_int_equal(partitions[1].low, 0);
    assert_int_equal(partitions[1].end, 7);
    free(partitions);
}

static void test_ranges_are_read_one_after_the_other_in_the_given_order(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_range ranges[] = {{2, 0, 50}, {0, 10, 30}, {1, 0, 0}};
    write_numbers(fixture, 0, 0, 40);
    write_numbers(fixture, 2, 1000, 50);
    open_consumer(fixture);
    begin(fixture, ranges, 3);
    for (int i = 0; i < 50; i++) {
        expect_number(fixture, 0, i, 1000 + i);
    }
    expect_end(fixture, 0);
    for (int i = 10; i < 30; i++) {
        expect_number(fixture, 1, i, i);
    }
    expect_end(fixture, 1);
    expect_end(fixture, 2);
    expect_end(fixture, 0); /* and stays so */
    assert_int_equal(kafka_consumer_bytes(fixture->consumer), 2 * (50 * 4 + 20 * 2));
}

static void test_partitions_without_records_have_an_end_only(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_range ranges[] = {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}};
    open_consumer(fixture);
    begin(fixture, ranges, 3);
    expect_end(fixture, 0);
    expect_end(fixture, 1);
    expect_end(fixture, 2);
    assert_int_equal(kafka_consumer_bytes(fixture->consumer), 0);
}

static void test_no_range_at_all_is_fine(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_range range = {0, 0, 5};
    write_numbers(fixture, 0, 0, 5);
    open_consumer(fixture);
    begin(fixture, NULL, 0);
    begin(fixture, &range, 1);
    expect_number(fixture, 0, 0, 0);
}

static void test_more_partitions_than_are_fetched_at_a_time_are_all_read(void **state) {
    struct fixture *fixture = *state;
    enum { PARTITIONS = 16, EACH = 20 };
    struct kafka_range ranges[PARTITIONS];
    mock_cluster_topic(fixture->cluster, "wide", PARTITIONS);
    open_consumer(fixture);
    const struct kafka_producer_options options = {.timeout_ms = TIMEOUT_MS};
    struct kafka_producer *producer;
    MUST(kafka_producer_open(&producer, &fixture->settings, &options, &err));
    for (int32_t i = 0; i < PARTITIONS; i++) {
        ranges[i] = (struct kafka_range){i, 0, EACH};
        for (int k = 0; k < EACH; k++) {
            const struct kafka_message message = {
                .topic = "wide", .partition = i, .value = &i, .value_bytes = sizeof i};
            MUST(kafka_producer_put(producer, &message, &err));
        }
    }
    MUST(kafka_producer_flush(producer, &err));
    kafka_producer_close(producer);
    MUST(kafka_consumer_begin(fixture->consumer, "wide", ranges, PARTITIONS, &err));
    for (size_t i = 0; i < PARTITIONS; i++) {
        for (int64_t k = 0; k < EACH; k++) {
            struct kafka_record record;
            enum kafka_found found;
            MUST(kafka_consumer_next(fixture->consumer, i, &record, &found, &err));
            assert_int_equal(found, KAFKA_RECORD);
            assert_int_equal(record.offset, k);
            assert_memory_equal(record.value, &ranges[i].partition, sizeof(int32_t));
        }
        expect_end(fixture, i);
    }
}

static void test_small_buffer_reads_the_same(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_range range = {0, 0, 30000};
    write_numbers(fixture, 0, 0, 30000);
    fixture->options.buffer_bytes = 1;
    open_consumer(fixture);
    begin(fixture, &range, 1);
    for (int i = 0; i < 30000; i++) {
        expect_number(fixture, 0, i, i);
    }
    expect_end(fixture, 0);
}

static void test_consumer_reads_again_when_its_ranges_are_read(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_range first = {0, 0, 5};
    static const struct kafka_range second = {0, 3, 8};
    write_numbers(fixture, 0, 0, 8);
    open_consumer(fixture);
    begin(fixture, &first, 1);
    for (int i = 0; i < 5; i++) {
        expect_number(fixture, 0, i, i);
    }
    expect_end(fixture, 0);
    begin(fixture, &second, 1);
    for (int i = 3; i < 8; i++) {
        expect_number(fixture, 0, i, i);
    }
    expect_end(fixture, 0);
}

static void test_nulls_empty_values_and_large_values_come_as_they_were_written(void **state) {
    struct fixture *fixture = *state;
    enum { LARGE = 3000000 };
    char *large = malloc(LARGE);
    assert_non_null(large);
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = (char)(i * 31 >> 3);
    }
    const struct kafka_message messages[] = {
        {.topic = "t", .partition = 0},
        {.topic = "t", .partition = 0, .key = "", .value = ""},
        {.topic = "t", .partition = 0, .key = "k", .key_bytes = 1},
        {.topic = "t", .partition = 0, .value = large, .value_bytes = LARGE},
    };
    MUST(kafka_settings_parse(&fixture->settings, "message.max.bytes=4000000", &err));
    const struct kafka_producer_options options = {.timeout_ms = TIMEOUT_MS};
    struct kafka_producer *producer;
    MUST(kafka_producer_open(&producer, &fixture->settings, &options, &err));
    for (size_t i = 0; i < 4; i++) {
        MUST(kafka_producer_put(producer, &messages[i], &err));
    }
    MUST(kafka_producer_flush(producer, &err));
    kafka_producer_close(producer);
    static const struct kafka_range range = {0, 0, 4};
    open_consumer(fixture);
    begin(fixture, &range, 1);
    for (size_t i = 0; i < 4; i++) {
        struct kafka_record record;
        enum kafka_found found;
        MUST(kafka_consumer_next(fixture->consumer, 0, &record, &found, &err));
        assert_int_equal(found, KAFKA_RECORD);
        assert_int_equal(record.key == NULL, messages[i].key == NULL);
        assert_int_equal(record.key_bytes, messages[i].key_bytes);
        assert_int_equal(record.value == NULL, messages[i].value == NULL);
        assert_int_equal(record.value_bytes, messages[i].value_bytes);
        if (record.value_bytes > 0) {
            assert_memory_equal(record.value, messages[i].value, record.value_bytes);
        }
    }
    expect_end(fixture, 0);
    free(large);
}

static void test_stamps_come_as_they_were_written_whatever_the_clock_did(void **state) {
    struct fixture *fixture = *state;
    static const int64_t stamps[] = {5000, -1, 3, INT64_MAX, 4000, 1};
    enum { COUNT = sizeof stamps / sizeof stamps[0] };
    static const struct kafka_range range = {0, 0, COUNT};
    const struct kafka_producer_options options = {.timeout_ms = TIMEOUT_MS};
    struct kafka_producer *producer;
    MUST(kafka_producer_open(&producer, &fixture->settings, &options, &err));
    for (size_t i = 0; i < COUNT; i++) {
        const struct kafka_message message = {
            .topic = "t", .partition = 0, .timestamp_ms = stamps[i]};
        MUST(kafka_producer_put(producer, &message, &err));
        MUST(kafka_producer_flush(producer, &err)); /* each in a batch of its own */
    }
    kafka_producer_close(producer);
    open_consumer(fixture);
    begin(fixture, &range, 1);
    for (size_t i = 0; i < COUNT; i++) {
        struct kafka_record record;
        enum kafka_found found;
        MUST(kafka_consumer_next(fixture->consumer, 0, &record, &found, &err));
        assert_int_equal(found, KAFKA_RECORD);
        assert_int_equal(record.timestamp_ms, stamps[i]);
    }
    expect_end(fixture, 0);
}

/* ---- what is not there ---- */

static void test_unknown_topic_is_an_error_of_the_configuration(void **state) {
    struct fixture *fixture = *state;
    struct kafka_partition *partitions;
    size_t count;
    mock_cluster_break_topic(fixture->cluster, "t", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    open_consumer(fixture);
    MUST_FAIL(kafka_consumer_topic(fixture->consumer, "t", &partitions, &count, &err),
              FAILURE_CONFIG, "topic t: ");
    assert_non_null(strstr(err.text, "make it first"));
}

static void test_forbidden_topic_is_an_error_of_permission(void **state) {
    struct fixture *fixture = *state;
    struct kafka_partition *partitions;
    size_t count;
    mock_cluster_break_topic(fixture->cluster, "t", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    open_consumer(fixture);
    MUST_FAIL(kafka_consumer_topic(fixture->consumer, "t", &partitions, &count, &err),
              FAILURE_PERMISSION, "topic t: ");
}

static void test_range_that_retention_has_eaten_is_an_error_of_data(void **state) {
    struct fixture *fixture = *state;
    struct kafka_partition *partitions;
    size_t count;
    /* The mock keeps 5 MiB: the first batches fall out. */
    static const char value[900000];
    const struct kafka_producer_options options = {.timeout_ms = TIMEOUT_MS};
    const struct kafka_message message = {
        .topic = "t", .partition = 0, .value = value, .value_bytes = sizeof value};
    struct kafka_producer *producer;
    MUST(kafka_producer_open(&producer, &fixture->settings, &options, &err));
    for (int i = 0; i < 12; i++) {
        MUST(kafka_producer_put(producer, &message, &err));
        MUST(kafka_producer_flush(producer, &err));
    }
    kafka_producer_close(producer);
    open_consumer(fixture);
    MUST(kafka_consumer_topic(fixture->consumer, "t", &partitions, &count, &err));
    assert_true(partitions[0].low > 0);
    assert_int_equal(partitions[0].end, 12);
    const struct kafka_range lost = {0, partitions[0].low - 1, 12};
    MUST_FAIL(kafka_consumer_begin(fixture->consumer, "t", &lost, 1, &err), FAILURE_DATA,
              "retention has removed records");
    const struct kafka_range kept = {0, partitions[0].low, 12};
    begin(fixture, &kept, 1);
    MUST(next(fixture, 0));
    free(partitions);
}

static void test_range_behind_the_end_of_the_topic_is_an_error_of_data(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_range range = {0, 3, 6};
    write_numbers(fixture, 0, 0, 5);
    open_consumer(fixture);
    MUST_FAIL(kafka_consumer_begin(fixture->consumer, "t", &range, 1, &err), FAILURE_DATA,
              "topic t, partition 0: offsets up to 6 are to be read, and the partition ends at 5");
}

/* ---- brokers that fail ---- */

static void test_unreachable_broker_is_told_with_its_reason(void **state) {
    struct fixture *fixture = *state;
    /* Port 9 is for discarding, and nobody listens there. */
    MUST(kafka_settings_set(&fixture->settings, "bootstrap.servers", "127.0.0.1:9", &err));
    fixture->options.timeout_ms = SHORT_MS;
    int64_t start_ms = client_now_ms();
    MUST_FAIL(kafka_consumer_open(&fixture->consumer, &fixture->settings, &fixture->options, &err),
              FAILURE_BROKER, "Connection refused");
    assert_non_null(strstr(err.text, "brokers 127.0.0.1:9"));
    assert_in_range(client_now_ms() - start_ms, SHORT_MS, TIMEOUT_MS);
}

/* A server that hangs up on everybody after the first words, until its socket is shut down. */
static void *hang_up(void *context) {
    const int *listener = context;
    char words[4096]; /* all of them: else the hang-up is a reset */
    for (;;) {
        int connection = accept(*listener, NULL, NULL);
        if (connection < 0) {
            return NULL;
        }
        ssize_t got = read(connection, words, sizeof words);
        assert_true(got >= 0);
        (void)close(connection);
    }
}

static void test_refused_connection_is_told_at_once(void **state) {
    struct fixture *fixture = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t address_bytes = sizeof address;
    pthread_t thread;
    char brokers[32];
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &address_bytes), 0);
    assert_int_equal(pthread_create(&thread, NULL, hang_up, &listener), 0);
    (void)snprintf(brokers, sizeof brokers, "127.0.0.1:%u", ntohs(address.sin_port));
    MUST(kafka_settings_set(&fixture->settings, "bootstrap.servers", brokers, &err));
    MUST(kafka_settings_parse(&fixture->settings, "security.protocol=ssl", &err));
    fixture->options.timeout_ms = 600000;
    int64_t start_ms = client_now_ms();
    MUST_FAIL(kafka_consumer_open(&fixture->consumer, &fixture->settings, &fixture->options, &err),
              FAILURE_PERMISSION, "SSL handshake failed");
    assert_non_null(strstr(err.text, brokers));
    assert_true(client_now_ms() - start_ms < fixture->options.timeout_ms / 10);
    (void)shutdown(listener, SHUT_RDWR);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)close(listener);
}

static void test_no_broker_named_is_an_error_of_the_configuration(void **state) {
    struct fixture *fixture = *state;
    struct kafka_settings none = {0};
    MUST_FAIL(kafka_consumer_open(&fixture->consumer, &none, &fixture->options, &err),
              FAILURE_CONFIG, "--brokers");
}

static void test_settings_that_contradict_each_other_are_refused(void **state) {
    struct fixture *fixture = *state;
    MUST(kafka_settings_parse(&fixture->settings, "receive.message.max.bytes=1000", &err));
    MUST_FAIL(kafka_consumer_open(&fixture->consumer, &fixture->settings, &fixture->options, &err),
              FAILURE_CONFIG, "receive.message.max.bytes");
}

static void test_errors_that_pass_are_not_seen(void **state) {
    struct fixture *fixture = *state;
    struct kafka_partition *partitions;
    size_t count;
    static const struct kafka_range range = {0, 0, 20};
    write_numbers(fixture, 0, 0, 20);
    open_consumer(fixture);
    mock_cluster_fail(fixture->cluster, MOCK_LIST_OFFSETS,
                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 2);
    MUST(kafka_consumer_topic(fixture->consumer, "t", &partitions, &count, &err));
    free(partitions);
    mock_cluster_fail(fixture->cluster, MOCK_FETCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 2);
    mock_cluster_fail(fixture->cluster, MOCK_FETCH, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, 2);
    begin(fixture, &range, 1);
    for (int i = 0; i < 20; i++) {
        expect_number(fixture, 0, i, i);
    }
    expect_end(fixture, 0);
}

static void test_leader_that_moves_is_followed(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_range range = {0, 0, 40};
    mock_cluster_lead(fixture->cluster, "t", 0, 1);
    write_numbers(fixture, 0, 0, 40);
    /* Few are fetched ahead, so that some are left for the other broker. */
    MUST(kafka_settings_parse(&fixture->settings, "queued.min.messages=1", &err));
    MUST(kafka_settings_parse(&fixture->settings, "max.partition.fetch.bytes=1", &err));
    open_consumer(fixture);
    begin(fixture, &range, 1);
    for (int i = 0; i < 40; i++) {
        expect_number(fixture, 0, i, i);
        if (i == 5) {
            mock_cluster_lead(fixture->cluster, "t", 0, 2);
        }
    }
    expect_end(fixture, 0);
}

static void test_forbidden_fetch_is_an_error_of_permission(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_range range = {0, 0, 5};
    write_numbers(fixture, 0, 0, 5);
    open_consumer(fixture);
    mock_cluster_fail(fixture->cluster, MOCK_FETCH, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                      100);
    begin(fixture, &range, 1);
    MUST_FAIL(next(fixture, 0), FAILURE_PERMISSION, "topic t, partition 0, offset 0");
}

static void test_brokers_that_go_away_while_reading_are_an_error_in_time(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_range range = {0, 0, 5};
    write_numbers(fixture, 0, 0, 5);
    fixture->options.timeout_ms = SHORT_MS;
    open_consumer(fixture);
    mock_cluster_fail(fixture->cluster, MOCK_FETCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                      1000);
    begin(fixture, &range, 1);
    mock_cluster_stop(fixture->cluster, 1);
    mock_cluster_stop(fixture->cluster, 2);
    int64_t start_ms = client_now_ms();
    MUST_FAIL(next(fixture, 0), FAILURE_BROKER, "Connection refused");
    assert_true(client_now_ms() - start_ms < 20000);
}

/* ---- whatever brokers may answer ---- */

enum { FEW = 2 };

static const char CREDENTIALS[] = "check the credentials (-X)";
static const char AGAIN[] = "then try again";

/* By request, what the protocol lets a broker answer: that which passes, and that which does not.
 * (Batches that are unreadable have tests of their own.) */
static const struct mock_trouble TROUBLES[] = {
    {MOCK_FETCH, RD_KAFKA_RESP_ERR__TRANSPORT, FEW, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, 1, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, FEW, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, FEW, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, FEW, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, FEW, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, FEW, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, FEW, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_FETCH_SESSION_ID_NOT_FOUND, FEW, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_INVALID_FETCH_SESSION_EPOCH, FEW, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, FEW, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, FEW, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, FEW, FAILURE_NONE, NULL},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, MOCK_FOR_EVER, FAILURE_DATA,
     "the brokers contradict each other"},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, MOCK_FOR_EVER, FAILURE_BROKER,
     "the broker answers, but gives no record"},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, 1, FAILURE_CONFIG, "settings"},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, 1, FAILURE_CONFIG, "settings"},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, 1, FAILURE_CONFIG, "settings"},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION, CREDENTIALS},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION,
     CREDENTIALS},
    {MOCK_FETCH, RD_KAFKA_RESP_ERR_SECURITY_DISABLED, 1, FAILURE_PERMISSION, CREDENTIALS},

    {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR__TRANSPORT, FEW, FAILURE_NONE, NULL},
    {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, FEW, FAILURE_NONE, NULL},
    {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, FEW, FAILURE_NONE, NULL},
    {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, FEW, FAILURE_NONE, NULL},
    {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, FEW, FAILURE_NONE, NULL},
    {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, FEW, FAILURE_NONE, NULL},
    {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, FEW, FAILURE_NONE, NULL},
    {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, FEW, FAILURE_NONE, NULL},
    {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, MOCK_FOR_EVER, FAILURE_BROKER,
     AGAIN},
    {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 1, FAILURE_CONFIG,
     "make it first"},
    {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, 1, FAILURE_CONFIG,
     "settings"},
    {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION,
     CREDENTIALS},

    {MOCK_OFFSET_FETCH, RD_KAFKA_RESP_ERR__TRANSPORT, 1, FAILURE_NONE, NULL},
    {MOCK_OFFSET_FETCH, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, FEW, FAILURE_NONE, NULL},
    {MOCK_OFFSET_FETCH, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, FEW, FAILURE_NONE, NULL},
    {MOCK_OFFSET_FETCH, RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT, FEW, FAILURE_NONE, NULL},
    {MOCK_OFFSET_FETCH, RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT, MOCK_FOR_EVER, FAILURE_BROKER,
     AGAIN},
    {MOCK_OFFSET_FETCH, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION,
     CREDENTIALS},
    {MOCK_OFFSET_FETCH, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION,
     CREDENTIALS},
    {MOCK_OFFSET_FETCH, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, 1, FAILURE_CONFIG,
     "other consumers use this group"},

    {MOCK_OFFSET_COMMIT, RD_KAFKA_RESP_ERR__TRANSPORT, 1, FAILURE_NONE, NULL},
    {MOCK_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 1, FAILURE_NONE, NULL},
    {MOCK_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 1, FAILURE_NONE, NULL},
    {MOCK_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 1, FAILURE_NONE, NULL},
    {MOCK_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, 1, FAILURE_NONE, NULL},
    {MOCK_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 1, FAILURE_PERMISSION,
     CREDENTIALS},
    {MOCK_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, 1, FAILURE_CONFIG,
     "other consumers use this group"},
    {MOCK_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, 1, FAILURE_CONFIG,
     "other consumers use this group"},

    {MOCK_FIND_COORDINATOR, RD_KAFKA_RESP_ERR__TRANSPORT, 1, FAILURE_NONE, NULL},
    {MOCK_FIND_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 1, FAILURE_NONE, NULL},
    {MOCK_FIND_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, MOCK_FOR_EVER,
     FAILURE_BROKER, AGAIN},
    {MOCK_FIND_COORDINATOR, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, MOCK_FOR_EVER,
     FAILURE_PERMISSION, CREDENTIALS},
};

/* Everything that is asked of brokers once; 20 records of partition 0 are there. */
static struct status ask(struct fixture *fixture) {
    static const struct kafka_range range = {0, 0, 20};
    static const int64_t offsets[] = {7};
    struct kafka_partition *partitions;
    size_t count;
    struct kafka_mark mark;
    bool has;
    TRY(kafka_consumer_topic(fixture->consumer, "t", &partitions, &count, &err));
    assert_int_equal(partitions[0].end, 20);
    free(partitions);
    TRY(kafka_consumer_begin(fixture->consumer, "t", &range, 1, &err));
    for (int i = 0; i < 20; i++) {
        struct kafka_record record;
        enum kafka_found found;
        TRY(kafka_consumer_next(fixture->consumer, 0, &record, &found, &err));
        assert_int_equal(found, KAFKA_RECORD);
        assert_int_equal(record.offset, i);
    }
    expect_end(fixture, 0);
    TRY(kafka_consumer_commit(fixture->consumer, "t", offsets, 1, &err));
    TRY(kafka_consumer_mark(fixture->consumer, "t", &mark, &has, &err));
    assert_true(has);
    assert_int_equal(mark.number, 7);
    return status_ok();
}

static void test_whatever_brokers_answer_is_borne_or_told_with_its_class_and_remedy(void **state) {
    struct fixture *fixture = *state;
    size_t wrong = 0;
    write_numbers(fixture, 0, 0, 20);
    MUST(kafka_settings_parse(&fixture->settings, "retry.backoff.ms=10", &err));
    for (size_t i = 0; i < sizeof TROUBLES / sizeof TROUBLES[0]; i++) {
        fixture->options.timeout_ms =
            TROUBLES[i].times == MOCK_FOR_EVER ? SHORT_MS / 2 : TIMEOUT_MS;
        mock_cluster_fail(fixture->cluster, TROUBLES[i].request, TROUBLES[i].code,
                          TROUBLES[i].times);
        open_consumer(fixture);
        struct status status = ask(fixture);
        wrong += !mock_trouble_ends_so(&TROUBLES[i], status, &err);
        int64_t start_ms = client_now_ms();
        kafka_consumer_close(fixture->consumer);
        fixture->consumer = NULL;
        assert_true(client_now_ms() - start_ms < TIMEOUT_MS);
        mock_cluster_mend(fixture->cluster, TROUBLES[i].request);
    }
    assert_int_equal(wrong, 0);
}

/* Mends the topic after a while. */
static void *mend_topic(void *context) {
    (void)usleep(300000);
    mock_cluster_break_topic(context, "t", RD_KAFKA_RESP_ERR_NO_ERROR);
    return NULL;
}

static void test_topic_that_has_no_leader_or_is_unknown_for_a_while_is_waited_for(void **state) {
    struct fixture *fixture = *state;
    static const rd_kafka_resp_err_t codes[] = {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                                                RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART};
    struct kafka_partition *partitions;
    size_t count;
    pthread_t thread;
    open_consumer(fixture);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        mock_cluster_break_topic(fixture->cluster, "t", codes[i]);
        assert_int_equal(pthread_create(&thread, NULL, mend_topic, fixture->cluster), 0);
        MUST(kafka_consumer_topic(fixture->consumer, "t", &partitions, &count, &err));
        assert_int_equal(count, 3);
        free(partitions);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

static void test_answers_that_take_long_are_waited_for(void **state) {
    struct fixture *fixture = *state;
    write_numbers(fixture, 0, 0, 20);
    mock_cluster_delay(fixture->cluster, 200);
    open_consumer(fixture);
    MUST(ask(fixture));
    mock_cluster_delay(fixture->cluster, 0);
}

static void test_coordinator_of_the_group_that_moves_is_followed(void **state) {
    struct fixture *fixture = *state;
    static const int64_t offsets[] = {7};
    struct kafka_mark mark;
    bool has;
    mock_cluster_coordinate(fixture->cluster, "group", "g", 1);
    open_consumer(fixture);
    MUST(kafka_consumer_commit(fixture->consumer, "t", offsets, 1, &err));
    mock_cluster_coordinate(fixture->cluster, "group", "g", 2);
    MUST(kafka_consumer_mark(fixture->consumer, "t", &mark, &has, &err));
    assert_true(has);
    mock_cluster_coordinate(fixture->cluster, "group", "g", 1);
    MUST(kafka_consumer_commit(fixture->consumer, "t", offsets, 1, &err));
}

/* ---- batches that cannot be read ---- */

static void test_batch_that_fails_once_is_read_again(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_range ranges[] = {{0, 0, 20}, {1, 0, 20}};
    write_numbers(fixture, 0, 0, 20);
    write_numbers(fixture, 1, 0, 20);
    open_consumer(fixture);
    mock_cluster_fail(fixture->cluster, MOCK_FETCH, RD_KAFKA_RESP_ERR_INVALID_MSG, 3);
    begin(fixture, ranges, 2);
    for (size_t index = 0; index < 2; index++) {
        for (int i = 0; i < 20; i++) {
            expect_number(fixture, index, i, i);
        }
        expect_end(fixture, index);
    }
}

static void test_batch_that_stays_unreadable_ends_the_reading(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_range range = {0, 2, 5};
    write_numbers(fixture, 0, 0, 5);
    fixture->options.corrupt_tries = 3;
    open_consumer(fixture);
    mock_cluster_fail(fixture->cluster, MOCK_FETCH, RD_KAFKA_RESP_ERR_INVALID_MSG, 1000);
    begin(fixture, &range, 1);
    MUST_FAIL(next(fixture, 0), FAILURE_CORRUPT_BATCH, "topic t, partition 0, offset 2");
    assert_non_null(strstr(err.text, "after 3 tries"));
    assert_non_null(strstr(err.text, "--on-corrupt skip"));
}

static void test_batch_that_stays_unreadable_is_passed_over_on_request(void **state) {
    struct fixture *fixture = *state;
    static const struct kafka_range ranges[] = {{0, 2, 5}, {1, 0, 5}};
    struct kafka_record record;
    enum kafka_found found;
    write_numbers(fixture, 0, 0, 5);
    write_numbers(fixture, 1, 0, 5);
    fixture->options.corrupt_tries = 2;
    fixture->options.skips_corrupt = true;
    open_consumer(fixture);
    mock_cluster_fail(fixture->cluster, MOCK_FETCH, RD_KAFKA_RESP_ERR_INVALID_MSG, 1000);
    begin(fixture, ranges, 2);
    MUST(kafka_consumer_next(fixture->consumer, 0, &record, &found, &err));
    assert_int_equal(found, KAFKA_GAP);
    assert_int_equal(record.offset, 2);
    assert_int_equal(record.gap_end, 5);
    assert_non_null(strstr(record.gap_reason, "Broker: Invalid message"));
    expect_end(fixture, 0);
    mock_cluster_mend(fixture->cluster, MOCK_FETCH);
    for (int i = 0; i < 5; i++) {
        /* What was asked for before the mending may still fail once. */
        expect_number(fixture, 1, i, i);
    }
    expect_end(fixture, 1);
}

/* ---- the group's offsets, logs and statistics ---- */

static void test_committed_offset_is_there_for_the_next_consumer(void **state) {
    struct fixture *fixture = *state;
    static const int64_t offsets[] = {7, -1, 9};
    struct kafka_mark mark;
    bool has;
    open_consumer(fixture);
    MUST(kafka_consumer_mark(fixture->consumer, "t", &mark, &has, &err));
    assert_false(has);
    MUST(kafka_consumer_commit(fixture->consumer, "t", offsets, 3, &err));
    kafka_consumer_close(fixture->consumer);
    fixture->consumer = NULL;
    open_consumer(fixture);
    MUST(kafka_consumer_mark(fixture->consumer, "t", &mark, &has, &err));
    assert_true(has);
    assert_int_equal(mark.number, 7);
    assert_string_equal(mark.text, "");
    static const int64_t none[] = {-1, -1, -1};
    MUST(kafka_consumer_commit(fixture->consumer, "t", none, 3, &err));
}

static void test_commit_that_is_forbidden_is_an_error_of_permission(void **state) {
    struct fixture *fixture = *state;
    static const int64_t offsets[] = {7};
    open_consumer(fixture);
    mock_cluster_fail(fixture->cluster, MOCK_OFFSET_COMMIT,
                      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 10);
    MUST_FAIL(kafka_consumer_commit(fixture->consumer, "t", offsets, 1, &err), FAILURE_PERMISSION,
              "group g");
}

struct heard {
    int logs;
    int statistics;
    char last[256];
};

static void hear_log(void *context, int level, const char *text) {
    struct heard *heard = context;
    (void)level;
    heard->logs++;
    (void)snprintf(heard->last, sizeof heard->last, "%s", text);
}

static void hear_statistics(void *context, const char *json) {
    struct heard *heard = context;
    assert_int_equal(json[0], '{');
    heard->statistics++;
}

static void test_statistics_and_log_lines_are_handed_to_the_watcher(void **state) {
    struct fixture *fixture = *state;
    struct heard heard = {0};
    static const struct kafka_range range = {0, 0, 5};
    write_numbers(fixture, 0, 0, 5);
    fixture->options.watch = (struct kafka_watch){.context = &heard,
                                                  .log = hear_log,
                                                  .statistics = hear_statistics,
                                                  .statistics_interval_ms = 1};
    fixture->options.timeout_ms = SHORT_MS;
    open_consumer(fixture);
    mock_cluster_fail(fixture->cluster, MOCK_FETCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 5);
    begin(fixture, &range, 1);
    for (int i = 0; i < 5; i++) {
        expect_number(fixture, 0, i, i);
    }
    expect_end(fixture, 0);
    assert_true(heard.statistics > 0);
    MUST(kafka_settings_set(&fixture->settings, "bootstrap.servers", "127.0.0.1:9", &err));
    kafka_consumer_close(fixture->consumer);
    MUST_FAIL(kafka_consumer_open(&fixture->consumer, &fixture->settings, &fixture->options, &err),
              FAILURE_BROKER, "Connection refused");
    fixture->consumer = NULL;
    assert_true(heard.logs > 0);
    assert_non_null(strstr(heard.last, "Connection refused"));
}

#define WITH_MOCK(test) cmocka_unit_test_setup_teardown(test, fixture_make, fixture_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_MOCK(test_topic_tells_its_partitions),
        WITH_MOCK(test_ranges_are_read_one_after_the_other_in_the_given_order),
        WITH_MOCK(test_partitions_without_records_have_an_end_only),
        WITH_MOCK(test_no_range_at_all_is_fine),
        WITH_MOCK(test_more_partitions_than_are_fetched_at_a_time_are_all_read),
        WITH_MOCK(test_small_buffer_reads_the_same),
        WITH_MOCK(test_consumer_reads_again_when_its_ranges_are_read),
        WITH_MOCK(test_nulls_empty_values_and_large_values_come_as_they_were_written),
        WITH_MOCK(test_stamps_come_as_they_were_written_whatever_the_clock_did),
        WITH_MOCK(test_unknown_topic_is_an_error_of_the_configuration),
        WITH_MOCK(test_forbidden_topic_is_an_error_of_permission),
        WITH_MOCK(test_range_that_retention_has_eaten_is_an_error_of_data),
        WITH_MOCK(test_range_behind_the_end_of_the_topic_is_an_error_of_data),
        WITH_MOCK(test_unreachable_broker_is_told_with_its_reason),
        WITH_MOCK(test_refused_connection_is_told_at_once),
        WITH_MOCK(test_no_broker_named_is_an_error_of_the_configuration),
        WITH_MOCK(test_settings_that_contradict_each_other_are_refused),
        WITH_MOCK(test_errors_that_pass_are_not_seen),
        WITH_MOCK(test_leader_that_moves_is_followed),
        WITH_MOCK(test_forbidden_fetch_is_an_error_of_permission),
        WITH_MOCK(test_brokers_that_go_away_while_reading_are_an_error_in_time),
        WITH_MOCK(test_whatever_brokers_answer_is_borne_or_told_with_its_class_and_remedy),
        WITH_MOCK(test_topic_that_has_no_leader_or_is_unknown_for_a_while_is_waited_for),
        WITH_MOCK(test_answers_that_take_long_are_waited_for),
        WITH_MOCK(test_coordinator_of_the_group_that_moves_is_followed),
        WITH_MOCK(test_batch_that_fails_once_is_read_again),
        WITH_MOCK(test_batch_that_stays_unreadable_ends_the_reading),
        WITH_MOCK(test_batch_that_stays_unreadable_is_passed_over_on_request),
        WITH_MOCK(test_committed_offset_is_there_for_the_next_consumer),
        WITH_MOCK(test_commit_that_is_forbidden_is_an_error_of_permission),
        WITH_MOCK(test_statistics_and_log_lines_are_handed_to_the_watcher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
