#include "stages/kafka/client.h"

#include "tests/mock_cluster.h"
#include "tests/testing.h"

#include <pthread.h>
#include <string.h>

static struct err err;

static const struct client_setting NONE[] = {{NULL, NULL}};

static void test_codes_have_the_classes_that_say_what_to_do(void **state) {
    (void)state;
    static const struct {
        rd_kafka_resp_err_t code;
        enum failure failure;
    } cases[] = {
        {RD_KAFKA_RESP_ERR__TRANSPORT, FAILURE_BROKER},
        {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, FAILURE_BROKER},
        {RD_KAFKA_RESP_ERR__TIMED_OUT, FAILURE_BROKER},
        {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, FAILURE_BROKER},
        {RD_KAFKA_RESP_ERR__RESOLVE, FAILURE_BROKER},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, FAILURE_BROKER},
        {RD_KAFKA_RESP_ERR__AUTHENTICATION, FAILURE_PERMISSION},
        {RD_KAFKA_RESP_ERR__SSL, FAILURE_PERMISSION},
        {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, FAILURE_PERMISSION},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, FAILURE_PERMISSION},
        {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, FAILURE_PERMISSION},
        {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, FAILURE_PERMISSION},
        {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, FAILURE_PERMISSION},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, FAILURE_CONFIG},
        {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, FAILURE_CONFIG},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, FAILURE_CONFIG},
        {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, FAILURE_DATA},
        {RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, FAILURE_DATA},
        {RD_KAFKA_RESP_ERR__BAD_MSG, FAILURE_CORRUPT_BATCH},
        {RD_KAFKA_RESP_ERR__BAD_COMPRESSION, FAILURE_CORRUPT_BATCH},
        {RD_KAFKA_RESP_ERR__FENCED, FAILURE_RETRY},
        {RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, FAILURE_RETRY},
        {RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, FAILURE_RETRY},
        {RD_KAFKA_RESP_ERR_INVALID_MSG, FAILURE_BROKER}, /* of what was sent */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (client_failure(cases[i].code) != cases[i].failure) {
            fail_msg("%s has class %d", rd_kafka_err2name(cases[i].code),
                     client_failure(cases[i].code));
        }
        /* What passes by itself is a matter of brokers; nothing else is worth trying again. */
        if (client_may_pass(cases[i].code)) {
            assert_int_equal(cases[i].failure, FAILURE_BROKER);
        }
    }
}

static void test_error_says_what_where_why_and_what_to_do(void **state) {
    (void)state;
    char brokers[] = "a:1,b:2";
    const struct client client = {.brokers = brokers, .reason = "a:1: no route"};
    MUST_FAIL(client_fail(&client, RD_KAFKA_RESP_ERR__TIMED_OUT, &err, "topic %s", "t"),
              FAILURE_BROKER,
              "topic t: Local: Timed out (brokers a:1,b:2; the last word of the client: a:1: no "
              "route); check that the brokers run");
    const struct client silent = {.brokers = brokers};
    MUST_FAIL(client_fail(&silent, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, &err, "topic %s", "t"),
              FAILURE_CONFIG, "(brokers a:1,b:2); make it first");
}

struct heard {
    pthread_t thread;
    int logs;
    int elsewhere; /* on another thread */
};

static void hear_log(void *context, int level, const char *text) {
    struct heard *heard = context;
    (void)level;
    heard->logs++;
    heard->elsewhere += pthread_equal(heard->thread, pthread_self()) == 0;
    /* Settings of producers are no news to a consumer. */
    assert_null(strstr(text, "linger.ms"));
}

static void test_log_comes_on_the_thread_that_calls(void **state) {
    (void)state;
    struct mock_cluster *cluster = mock_cluster_new(1);
    struct kafka_settings settings = mock_cluster_settings(cluster);
    struct heard heard = {.thread = pthread_self()};
    struct client client;
    MUST(kafka_settings_parse(&settings, "debug=broker", &err));
    MUST(kafka_settings_parse(&settings, "linger.ms=7", &err));
    const struct client_request request = {.type = RD_KAFKA_CONSUMER,
                                           .settings = &settings,
                                           .defaults = NONE,
                                           .exactness = NONE,
                                           .watch = {.context = &heard, .log = hear_log}};
    MUST(client_open(&client, &request, &err));
    assert_true(heard.logs > 0);
    assert_int_equal(heard.elsewhere, 0);
    client_close(&client);
    client_close(&client); /* not open any more */
    kafka_settings_release(&settings);
    mock_cluster_free(cluster);
}

static void test_users_settings_win_over_defaults_and_lose_to_exactness(void **state) {
    (void)state;
    static const struct client_setting defaults[] = {
        {"linger.ms", "1"}, {"client.id", "d"}, {NULL, NULL}};
    static const struct client_setting exactness[] = {{"acks", "all"}, {NULL, NULL}};
    struct mock_cluster *cluster = mock_cluster_new(1);
    struct kafka_settings settings = mock_cluster_settings(cluster);
    struct client client;
    char value[32];
    size_t bytes = sizeof value;
    MUST(kafka_settings_set(&settings, "linger.ms", "2", &err));
    MUST(kafka_settings_set(&settings, "acks", "1", &err));
    const struct client_request request = {.type = RD_KAFKA_PRODUCER,
                                           .settings = &settings,
                                           .defaults = defaults,
                                           .exactness = exactness};
    MUST(client_open(&client, &request, &err));
    const rd_kafka_conf_t *conf = rd_kafka_conf(client.rk);
    assert_int_equal(rd_kafka_conf_get(conf, "linger.ms", value, &bytes), RD_KAFKA_CONF_OK);
    assert_string_equal(value, "2");
    bytes = sizeof value;
    assert_int_equal(rd_kafka_conf_get(conf, "acks", value, &bytes), RD_KAFKA_CONF_OK);
    assert_string_equal(value, "-1");
    bytes = sizeof value;
    assert_int_equal(rd_kafka_conf_get(conf, "client.id", value, &bytes), RD_KAFKA_CONF_OK);
    assert_string_equal(value, "d");
    client_close(&client);
    kafka_settings_release(&settings);
    mock_cluster_free(cluster);
}

static void test_broken_secret_is_not_repeated(void **state) {
    (void)state;
    struct kafka_settings settings = {0};
    struct client client;
    /* The library takes this key by a call only, and refuses it as a text. */
    MUST(kafka_settings_set(&settings, "ssl_key", "hunter2", &err));
    const struct client_request request = {
        .type = RD_KAFKA_CONSUMER, .settings = &settings, .defaults = NONE, .exactness = NONE};
    MUST_FAIL(client_open(&client, &request, &err), FAILURE_CONFIG, "ssl_key");
    assert_null(strstr(err.text, "hunter2"));
    kafka_settings_release(&settings);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_have_the_classes_that_say_what_to_do),
        cmocka_unit_test(test_error_says_what_where_why_and_what_to_do),
        cmocka_unit_test(test_log_comes_on_the_thread_that_calls),
        cmocka_unit_test(test_users_settings_win_over_defaults_and_lose_to_exactness),
        cmocka_unit_test(test_broken_secret_is_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
