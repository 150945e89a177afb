#include "stages/kafka/kafka_settings.h"

#include "tests/scratch.h"
#include "tests/testing.h"

#include <string.h>

static struct err err;

static void test_last_value_of_a_key_wins(void **state) {
    (void)state;
    struct kafka_settings settings = {0};
    MUST(kafka_settings_parse(&settings, "linger.ms=5", &err));
    MUST(kafka_settings_parse(&settings, "bootstrap.servers=a:1,b:2", &err));
    MUST(kafka_settings_parse(&settings, "linger.ms=7", &err));
    assert_string_equal(kafka_settings_get(&settings, "linger.ms"), "7");
    assert_string_equal(kafka_settings_get(&settings, "bootstrap.servers"), "a:1,b:2");
    assert_null(kafka_settings_get(&settings, "client.id"));
    assert_int_equal(settings.keys.count, 2);
    kafka_settings_release(&settings);
}

static void test_value_may_hold_equals_signs_and_blanks(void **state) {
    (void)state;
    struct kafka_settings settings = {0};
    MUST(kafka_settings_parse(&settings, "sasl.password= a=b ", &err));
    assert_string_equal(kafka_settings_get(&settings, "sasl.password"), " a=b ");
    kafka_settings_release(&settings);
}

static void test_what_is_no_pair_is_refused_and_not_repeated(void **state) {
    (void)state;
    struct kafka_settings settings = {0};
    MUST_FAIL(kafka_settings_parse(&settings, "hunter2", &err), FAILURE_CONFIG, "KEY=VALUE");
    assert_null(strstr(err.text, "hunter2"));
    MUST_FAIL(kafka_settings_parse(&settings, "=hunter2", &err), FAILURE_CONFIG, "KEY=VALUE");
    assert_null(strstr(err.text, "hunter2"));
    MUST_FAIL(kafka_settings_parse(&settings, "", &err), FAILURE_CONFIG, "KEY=VALUE");
    assert_int_equal(settings.keys.count, 0);
    kafka_settings_release(&settings);
}

static void test_unknown_key_and_bad_value_are_refused(void **state) {
    (void)state;
    struct kafka_settings settings = {0};
    MUST_FAIL(kafka_settings_parse(&settings, "lingr.ms=5", &err), FAILURE_CONFIG,
              "no setting lingr.ms");
    MUST_FAIL(kafka_settings_parse(&settings, "linger.ms=soon", &err), FAILURE_CONFIG,
              "linger.ms=soon");
    MUST_FAIL(kafka_settings_parse(&settings, "linger.ms=900001", &err), FAILURE_CONFIG,
              "linger.ms=900001");
    MUST_FAIL(kafka_settings_parse(&settings, "security.protocol=ssh", &err), FAILURE_CONFIG,
              "security.protocol=ssh");
    /* What only a program can set, by a call. */
    MUST_FAIL(kafka_settings_parse(&settings, "dr_msg_cb=x", &err), FAILURE_CONFIG, "dr_msg_cb");
    assert_int_equal(settings.keys.count, 0);
    kafka_settings_release(&settings);
}

static void test_keys_on_which_exactness_rests_are_refused_under_all_their_names(void **state) {
    (void)state;
    static const char *const pairs[] = {
        "enable.auto.commit=false",
        "auto.commit.enable=false",
        "enable.auto.offset.store=false",
        "auto.offset.reset=earliest",
        "enable.partition.eof=true",
        "isolation.level=read_uncommitted",
        "transactional.id=x",
        "enable.idempotence=false",
        "acks=1",
        "request.required.acks=1",
        "group.id=x",
        "group.instance.id=x",
        "partitioner=random",
        "check.crcs=false",
        "plugin.library.paths=/tmp/x.so",
        "enabled_events=1",
        "log.queue=false",
        "offset.store.method=file",
        "test.mock.num.brokers=1",
        "allow.auto.create.topics=true",
    };
    struct kafka_settings settings = {0};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        MUST_FAIL(kafka_settings_parse(&settings, pairs[i], &err), FAILURE_CONFIG,
                  "is tieflow's own: ");
    }
    /* tieflow itself may. */
    MUST(kafka_settings_set(&settings, "group.id", "x", &err));
    kafka_settings_release(&settings);
}

static void test_secrets_are_not_shown(void **state) {
    (void)state;
    static const char *const secrets[] = {
        "sasl.password",
        "ssl.key.password",
        "ssl.keystore.password",
        "ssl.key.pem",
        "ssl_key",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config",
        "sasl.kerberos.kinit.cmd",
        "sasl.jaas.config",
        "SASL.PASSWORD",
        "ssl.truststore.password",
    };
    static const char *const open[] = {"sasl.username", "bootstrap.servers", "ssl.key.location",
                                       "ssl.ca.location", "group.id"};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        assert_string_equal(kafka_settings_shown(secrets[i], "hunter2"), "[redacted]");
    }
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        assert_string_equal(kafka_settings_shown(open[i], "value"), "value");
    }
}

static void test_error_of_a_secret_does_not_hold_its_value(void **state) {
    (void)state;
    struct kafka_settings settings = {0};
    /* The library refuses this key as a text: it is set by a call. */
    MUST_FAIL(kafka_settings_parse(&settings, "ssl_key=hunter2", &err), FAILURE_CONFIG, "ssl_key");
    assert_null(strstr(err.text, "hunter2"));
    MUST_FAIL(kafka_settings_parse(&settings, "sasl.pasword=hunter2", &err), FAILURE_CONFIG,
              "no setting sasl.pasword");
    assert_null(strstr(err.text, "hunter2"));
    kafka_settings_release(&settings);
}

static void test_file_of_settings_is_read(void **state) {
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "client.conf", path);
    scratch_put_text(path, "# brokers\n"
                           "\n"
                           "bootstrap.servers=a:1\r\n"
                           "  linger.ms \t= 7 \n"
                           "   # indented\n"
                           "sasl.password=a = b\n"
                           "client.id=last");
    struct kafka_settings settings = {0};
    MUST(kafka_settings_read(&settings, path, &err));
    assert_string_equal(kafka_settings_get(&settings, "bootstrap.servers"), "a:1");
    assert_string_equal(kafka_settings_get(&settings, "linger.ms"), "7");
    assert_string_equal(kafka_settings_get(&settings, "sasl.password"), "a = b");
    assert_string_equal(kafka_settings_get(&settings, "client.id"), "last");
    assert_int_equal(settings.keys.count, 4);
    kafka_settings_release(&settings);
}

static void test_error_in_a_file_names_file_and_line(void **state) {
    char path[SCRATCH_PATH_BYTES];
    struct kafka_settings settings = {0};
    scratch_path(state, "client.conf", path);
    scratch_put_text(path, "client.id=x\n\nhunter2\n");
    MUST_FAIL(kafka_settings_read(&settings, path, &err), FAILURE_CONFIG, "client.conf:3: ");
    assert_null(strstr(err.text, "hunter2"));
    scratch_put_text(path, "acks=1\n");
    MUST_FAIL(kafka_settings_read(&settings, path, &err), FAILURE_CONFIG, "client.conf:1: ");
    scratch_put(path, "client.id=a\0b\n", 14);
    MUST_FAIL(kafka_settings_read(&settings, path, &err), FAILURE_CONFIG, "NUL byte");
    kafka_settings_release(&settings);
}

static void test_file_that_is_missing_is_an_error_of_input(void **state) {
    char path[SCRATCH_PATH_BYTES];
    struct kafka_settings settings = {0};
    scratch_path(state, "missing.conf", path);
    MUST_FAIL(kafka_settings_read(&settings, path, &err), FAILURE_IO, "missing.conf");
    kafka_settings_release(&settings);
}

static void test_empty_file_has_no_settings(void **state) {
    char path[SCRATCH_PATH_BYTES];
    struct kafka_settings settings = {0};
    scratch_path(state, "empty.conf", path);
    scratch_put_text(path, "");
    MUST(kafka_settings_read(&settings, path, &err));
    assert_int_equal(settings.keys.count, 0);
    kafka_settings_release(&settings);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_value_of_a_key_wins),
        cmocka_unit_test(test_value_may_hold_equals_signs_and_blanks),
        cmocka_unit_test(test_what_is_no_pair_is_refused_and_not_repeated),
        cmocka_unit_test(test_unknown_key_and_bad_value_are_refused),
        cmocka_unit_test(test_keys_on_which_exactness_rests_are_refused_under_all_their_names),
        cmocka_unit_test(test_secrets_are_not_shown),
        cmocka_unit_test(test_error_of_a_secret_does_not_hold_its_value),
        cmocka_unit_test_setup_teardown(test_file_of_settings_is_read, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_error_in_a_file_names_file_and_line, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(test_file_that_is_missing_is_an_error_of_input,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(test_empty_file_has_no_settings, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
