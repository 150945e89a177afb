#include "stages/kafka/schema_registry.h"

#include "schemas/limits.h"
#include "tests/http_stub.h"
#include "tests/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct err err;

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

enum { TIMEOUT_MS = 2000 };

/* A registry at the stub, with `credentials` ("user:password@", or "") and `path` behind the port.
 */
static struct schema_registry *opened(const struct http_stub *stub, const char *credentials,
                                      const char *path) {
    char url[256];
    struct schema_registry *registry = NULL;
    (void)snprintf(url, sizeof url, "http://%s127.0.0.1:%u%s", credentials, http_stub_port(stub),
                   path);
    MUST(schema_registry_open(
        &registry, &(struct schema_registry_options){.url = url, .timeout_ms = TIMEOUT_MS}, &err));
    return registry;
}

static void expect_request(struct http_stub *stub, size_t index, const char *part) {
    const char *request = http_stub_request(stub, index);
    if (strstr(request, part) == NULL) {
        fail_msg("request %zu is \"%s\", without \"%s\"", index, request, part);
    }
}

/* One get of schema 7 answered by `answers` fails like this, after so many requests. */
static void expect_get_fails(const struct http_answer *answers, size_t count, enum failure failure,
                             const char *part, size_t requests) {
    struct http_stub *stub = http_stub_start(answers, count);
    struct schema_registry *registry = opened(stub, "", "");
    const char *schema = NULL;
    MUST_FAIL(schema_registry_get(registry, 7, &schema, &err), failure, part);
    assert_null(schema);
    assert_int_equal(http_stub_count(stub), requests);
    schema_registry_close(registry);
    http_stub_stop(stub);
}

/* ---- get ---- */

static void test_schema_is_asked_for_once_and_kept(void **state) {
    (void)state;
    static const struct http_answer answers[] = {
        {200, "{\"schema\":\"{\\\"type\\\":\\\"long\\\"}\"}", NULL},
        {200, "{\"schema\":\"\\\"int\\\"\",\"schemaType\":\"AVRO\",\"references\":[]}", NULL}};
    struct http_stub *stub = http_stub_start(answers, 2);
    struct schema_registry *registry = opened(stub, "", "");
    const char *first;
    const char *second;
    MUST(schema_registry_get(registry, 4294967295, &first, &err));
    MUST(schema_registry_get(registry, 0, &second, &err));
    assert_string_equal(first, "{\"type\":\"long\"}");
    assert_string_equal(second, "\"int\"");
    const char *again;
    MUST(schema_registry_get(registry, 4294967295, &again, &err));
    assert_ptr_equal(again, first);
    assert_int_equal(http_stub_count(stub), 2);
    expect_request(stub, 0, "GET /schemas/ids/4294967295 HTTP/1.1\r\n");
    expect_request(stub, 0, "Accept: application/vnd.schemaregistry.v1+json");
    expect_request(stub, 1, "GET /schemas/ids/0 HTTP/1.1\r\n");
    assert_null(strstr(http_stub_request(stub, 0), "Authorization"));
    schema_registry_close(registry);
    http_stub_stop(stub);
}

static void test_path_of_the_url_stands_before_that_of_the_request(void **state) {
    (void)state;
    static const char *const paths[] = {"/apis/ccompat/v7", "/apis/ccompat/v7/",
                                        "/apis/ccompat/v7//"};
    static const struct http_answer answers[] = {{200, "{\"schema\":\"\\\"int\\\"\"}", NULL}};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct http_stub *stub = http_stub_start(answers, 1);
        struct schema_registry *registry = opened(stub, "", paths[i]);
        const char *schema;
        MUST(schema_registry_get(registry, 1, &schema, &err));
        expect_request(stub, 0, "GET /apis/ccompat/v7/schemas/ids/1 HTTP/1.1\r\n");
        schema_registry_close(registry);
        http_stub_stop(stub);
    }
}

static void test_schema_that_is_not_there_says_how_to_map_it_and_is_asked_for_once(void **state) {
    (void)state;
    static const struct http_answer answers[] = {
        {404, "{\"error_code\":40403,\"message\":\"Schema 7 not found\"}", NULL}};
    struct http_stub *stub = http_stub_start(answers, 1);
    struct schema_registry *registry = opened(stub, "", "");
    const char *schema;
    for (size_t i = 0; i < 3; i++) {
        MUST_FAIL(schema_registry_get(registry, 7, &schema, &err), FAILURE_DATA,
                  "schema 7 is not in the registry http://127.0.0.1:");
        assert_non_null(strstr(err.text, "map it with --schema-map 7=FILE"));
    }
    assert_int_equal(http_stub_count(stub), 1);
    schema_registry_close(registry);
    http_stub_stop(stub);
}

static void test_not_found_without_the_code_is_a_wrong_url(void **state) {
    (void)state;
    static const struct http_answer page[] = {{404, "<html>no such page</html>", NULL}};
    static const struct http_answer other[] = {{404, "{\"error_code\":404}", NULL}};
    expect_get_fails(page, 1, FAILURE_CONFIG, "(HTTP 404): ; is the URL right?", 1);
    expect_get_fails(other, 1, FAILURE_CONFIG, "is the URL right?", 1);
}

static void test_refusal_is_a_matter_of_permission(void **state) {
    (void)state;
    static const struct http_answer unknown[] = {
        {401, "{\"error_code\":40101,\"message\":\"who are you\"}", NULL}};
    static const struct http_answer forbidden[] = {{403, "", NULL}};
    expect_get_fails(unknown, 1, FAILURE_PERMISSION, "refuses access (HTTP 401): who are you", 1);
    expect_get_fails(forbidden, 1, FAILURE_PERMISSION, "refuses access (HTTP 403)", 1);
}

static void test_server_that_fails_is_asked_again(void **state) {
    (void)state;
    static const struct http_answer answers[] = {
        {500, "{}", NULL}, {0, "", NULL}, {200, "{\"schema\":\"\\\"int\\\"\"}", NULL}};
    struct http_stub *stub = http_stub_start(answers, 3);
    struct schema_registry *registry = opened(stub, "", "");
    const char *schema;
    MUST(schema_registry_get(registry, 7, &schema, &err));
    assert_string_equal(schema, "\"int\"");
    assert_int_equal(http_stub_count(stub), 3);
    schema_registry_close(registry);
    http_stub_stop(stub);
}

static void test_server_that_keeps_failing_is_given_up(void **state) {
    (void)state;
    static const struct http_answer failing[] = {{503, "{\"message\":\"busy\"}", NULL}};
    static const struct http_answer wordless[] = {{0, "", NULL}};
    expect_get_fails(failing, 1, FAILURE_BROKER,
                     "is not able to answer (HTTP 503, tried 3 times): busy", 3);
    expect_get_fails(wordless, 1, FAILURE_BROKER, "cannot be reached", 3);
}

static void test_server_that_is_silent_is_given_up_in_time(void **state) {
    (void)state;
    static const struct http_answer silent[] = {{-1, "", NULL}};
    struct http_stub *stub = http_stub_start(silent, 1);
    char url[64];
    struct schema_registry *registry;
    const char *schema;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", http_stub_port(stub));
    MUST(schema_registry_open(
        &registry, &(struct schema_registry_options){.url = url, .timeout_ms = 100}, &err));
    MUST_FAIL(schema_registry_get(registry, 7, &schema, &err), FAILURE_BROKER, "cannot be reached");
    schema_registry_close(registry);
    http_stub_stop(stub);
}

static void test_nobody_at_the_port_is_a_failure_that_is_remembered(void **state) {
    (void)state;
    static const struct http_answer none[] = {{0, "", NULL}};
    struct http_stub *stub = http_stub_start(none, 1);
    struct schema_registry *registry = opened(stub, "", "");
    http_stub_stop(stub);
    const char *schema;
    for (size_t i = 0; i < 2; i++) {
        MUST_FAIL(schema_registry_get(registry, 7, &schema, &err), FAILURE_BROKER,
                  "cannot be reached");
    }
    schema_registry_close(registry);
}

static void test_answers_that_hold_no_schema_are_errors(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "",           "{",
        "[]",         "{\"schema\":7}",
        "{\"id\":7}", "{\"schema\":\"\\\"int\\\"\",\"schemaType\":3}"};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        const struct http_answer answers[] = {{200, bodies[i], NULL}};
        expect_get_fails(answers, 1, FAILURE_BROKER, "something that holds no schema", 1);
    }
    static const struct http_answer protobuf[] = {
        {200, "{\"schema\":\"syntax\",\"schemaType\":\"PROTOBUF\"}", NULL}};
    expect_get_fails(protobuf, 1, FAILURE_DATA, "schema 7 is of type PROTOBUF: only AVRO", 1);
    static const struct http_answer references[] = {
        {200, "{\"schema\":\"\\\"a.b\\\"\",\"references\":[{\"name\":\"a.b\"}]}", NULL}};
    expect_get_fails(references, 1, FAILURE_DATA, "schema 7 refers to other schemas", 1);
}

static void test_answers_over_the_limit_are_errors(void **state) {
    (void)state;
    size_t bytes = 8 * LIMIT_SCHEMA_BYTES + 1;
    char *body = malloc(bytes + 1);
    assert_non_null(body);
    memset(body, ' ', bytes);
    body[bytes] = '\0';
    const struct http_answer large[] = {{200, body, NULL}};
    expect_get_fails(large, 1, FAILURE_BROKER, "answers with more than 524288 bytes", 1);
    memcpy(body, "{\"schema\":\"", 11);
    memcpy(body + LIMIT_SCHEMA_BYTES + 100, "\"}", 3);
    const struct http_answer long_schema[] = {{200, body, NULL}};
    expect_get_fails(long_schema, 1, FAILURE_DATA, "schema 7 has 65625 bytes: the limit is 65536",
                     1);
    free(body);
}

static void test_redirects_are_followed_within_http_only(void **state) {
    (void)state;
    static const struct http_answer moved[] = {{308, "", "Location: /moved/here\r\n"},
                                               {200, "{\"schema\":\"\\\"int\\\"\"}", NULL}};
    struct http_stub *stub = http_stub_start(moved, 2);
    struct schema_registry *registry = opened(stub, "", "");
    const char *schema;
    MUST(schema_registry_get(registry, 7, &schema, &err));
    expect_request(stub, 1, "GET /moved/here HTTP/1.1\r\n");
    schema_registry_close(registry);
    http_stub_stop(stub);
    static const struct http_answer file[] = {{302, "", "Location: file:///etc/hostname\r\n"}};
    expect_get_fails(file, 1, FAILURE_BROKER, "cannot be reached: Unsupported protocol", 1);
    static const struct http_answer circle[] = {{302, "", "Location: /again\r\n"}};
    expect_get_fails(circle, 1, FAILURE_BROKER, "cannot be reached", 4);
}

static void test_more_schemas_than_any_log_has_end_the_reading(void **state) {
    (void)state;
    struct schema_registry *registry;
    const char *schema;
    MUST(schema_registry_open(&registry, &(struct schema_registry_options){0}, &err));
    for (uint32_t id = 0; id < LIMIT_SCHEMAS; id++) {
        MUST_FAIL(schema_registry_get(registry, id, &schema, &err), FAILURE_DATA, "is not mapped");
    }
    MUST_FAIL(schema_registry_get(registry, LIMIT_SCHEMAS, &schema, &err), FAILURE_CONFIG,
              "more than 4096 schemas, at last 4096");
    MUST_FAIL(schema_registry_get(registry, 7, &schema, &err), FAILURE_DATA, "is not mapped");
    schema_registry_close(registry);
}

/* ---- credentials ---- */

static void test_credentials_are_sent_and_never_shown(void **state) {
    (void)state;
    static const struct http_answer answers[] = {{401, "", NULL}};
    struct http_stub *stub = http_stub_start(answers, 1);
    struct schema_registry *registry = opened(stub, "us%65r:se%3Acret@", "");
    const char *schema;
    uint32_t id;
    MUST_FAIL(schema_registry_get(registry, 7, &schema, &err), FAILURE_PERMISSION, "HTTP 401");
    assert_null(strstr(err.text, "cret"));
    assert_null(strstr(err.text, "us%65r"));
    expect_request(stub, 0, "Authorization: Basic dXNlcjpzZTpjcmV0\r\n"); /* user:se:cret */
    MUST_FAIL(schema_registry_put(registry, "t-value", "\"int\"", &id, &err), FAILURE_PERMISSION,
              "the schema of t-value cannot be registered");
    assert_null(strstr(err.text, "cret"));
    MUST_FAIL(schema_registry_probe(registry, &err), FAILURE_PERMISSION, "HTTP 401");
    assert_null(strstr(err.text, "cret"));
    schema_registry_close(registry);
    http_stub_stop(stub);
}

static void test_urls_that_are_none_are_refused_without_showing_them(void **state) {
    (void)state;
    static const char *const urls[] = {"",
                                       "registry",
                                       "ftp://user:secret@host",
                                       "file:///secret",
                                       "http://user:secret@",
                                       "http://user:secret@host:99999",
                                       "http://user:secret@host/?a=b",
                                       "http://user:secret@host/#a"};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct schema_registry *registry = NULL;
        MUST_FAIL(schema_registry_open(&registry, &(struct schema_registry_options){.url = urls[i]},
                                       &err),
                  FAILURE_CONFIG, "the schema registry's URL");
        assert_null(registry);
        assert_null(strstr(err.text, "secret"));
    }
}

/* ---- maps ---- */

static struct status open_maps(struct schema_registry **registry, const char *const *maps,
                               size_t count, const char *url) {
    struct names names = {0};
    for (size_t i = 0; i < count; i++) {
        MUST(names_add(&names, maps[i], &err));
    }
    *registry = NULL;
    struct status status = schema_registry_open(
        registry, &(struct schema_registry_options){.url = url, .maps = &names}, &err);
    names_release(&names);
    return status;
}

static void test_mapped_schemas_need_no_registry_and_win_over_one(void **state) {
    static const struct http_answer answers[] = {{200, "{\"schema\":\"\\\"int\\\"\"}", NULL}};
    struct http_stub *stub = http_stub_start(answers, 1);
    struct schema_registry *registry;
    char path[SCRATCH_PATH_BYTES];
    char map[SCRATCH_PATH_BYTES + 8];
    char url[64];
    const char *schema;
    scratch_path(state, "a=b.avsc", path);
    scratch_put_text(path, " {\"type\": \"long\"}\n");
    (void)snprintf(map, sizeof map, "7=%s", path);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", http_stub_port(stub));
    const char *const maps[] = {map};
    for (size_t i = 0; i < 2; i++) {
        MUST(open_maps(&registry, maps, 1, i == 0 ? NULL : url));
        MUST(schema_registry_get(registry, 7, &schema, &err));
        assert_string_equal(schema, " {\"type\": \"long\"}\n");
        assert_int_equal(http_stub_count(stub), 0);
        schema_registry_close(registry);
    }
    MUST(open_maps(&registry, maps, 1, NULL));
    MUST_FAIL(
        schema_registry_get(registry, 8, &schema, &err), FAILURE_DATA,
        "schema 8 is not mapped and no schema registry is named; map it with --schema-map 8=");
    schema_registry_close(registry);
    MUST(open_maps(&registry, maps, 1, url));
    MUST(schema_registry_get(registry, 8, &schema, &err));
    assert_string_equal(schema, "\"int\"");
    schema_registry_close(registry);
    http_stub_stop(stub);
}

static void test_maps_that_are_wrong_are_refused(void **state) {
    static const char *const shapes[] = {"", "7", "7=", "=a", "x=a", "-1=a", "4294967296=a"};
    struct schema_registry *registry;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        MUST_FAIL(open_maps(&registry, &shapes[i], 1, NULL), FAILURE_CONFIG, "is not ID=FILE");
        assert_null(registry);
    }
    static const char *const missing[] = {"7=/nowhere/a.avsc"};
    MUST_FAIL(open_maps(&registry, missing, 1, NULL), FAILURE_CONFIG,
              "--schema-map 7=/nowhere/a.avsc: ");
    char path[SCRATCH_PATH_BYTES];
    char map[SCRATCH_PATH_BYTES + 8];
    const char *const twice[] = {map, map};
    scratch_path(state, "a.avsc", path);
    (void)snprintf(map, sizeof map, "7=%s", path);
    scratch_put_text(path, "\"int\"");
    MUST_FAIL(open_maps(&registry, twice, 2, NULL), FAILURE_CONFIG, "schema 7 is mapped twice");
    scratch_put_text(path, "int");
    MUST_FAIL(open_maps(&registry, twice, 1, NULL), FAILURE_CONFIG, "a.avsc: not JSON");
    char *large = malloc(LIMIT_SCHEMA_BYTES + 1);
    assert_non_null(large);
    memset(large, ' ', LIMIT_SCHEMA_BYTES + 1);
    scratch_put(path, large, LIMIT_SCHEMA_BYTES + 1);
    free(large);
    MUST_FAIL(open_maps(&registry, twice, 1, NULL), FAILURE_CONFIG, "a schema has at most 65536");
}

/* ---- put ---- */

static void test_schema_is_registered_under_its_subject(void **state) {
    (void)state;
    static const struct http_answer answers[] = {{200, "{\"id\":42,\"version\":1}", NULL}};
    struct http_stub *stub = http_stub_start(answers, 1);
    struct schema_registry *registry = opened(stub, "", "/sr");
    uint32_t id;
    MUST(schema_registry_put(registry, "a/b c-value", "{\"type\": \"long\"}\n", &id, &err));
    assert_int_equal(id, 42);
    expect_request(stub, 0, "POST /sr/subjects/a%2Fb%20c-value/versions HTTP/1.1\r\n");
    expect_request(stub, 0, "Content-Type: application/vnd.schemaregistry.v1+json\r\n");
    expect_request(stub, 0, "\r\n\r\n{\"schema\":\"{\\\"type\\\": \\\"long\\\"}\\u000a\"}");
    const char *schema;
    MUST_FAIL(schema_registry_get(registry, 1, &schema, &err), FAILURE_BROKER, "no schema");
    expect_request(stub, 1, "GET /sr/schemas/ids/1 HTTP/1.1\r\n"); /* a get is a get again */
    schema_registry_close(registry);
    http_stub_stop(stub);
}

static void test_registration_that_fails_names_the_subject(void **state) {
    (void)state;
    static const struct {
        struct http_answer answer;
        enum failure failure;
        const char *part;
    } cases[] = {
        {{409, "{\"error_code\":409,\"message\":\"incompatible\"}", NULL},
         FAILURE_CONFIG,
         "the schema of t-value cannot be registered: schema registry"},
        {{422, "{\"error_code\":42201}", NULL}, FAILURE_CONFIG, "(HTTP 422)"},
        {{200, "{\"id\":-1}", NULL}, FAILURE_BROKER, "for t-value with something that holds no id"},
        {{200, "{\"id\":4294967296}", NULL}, FAILURE_BROKER, "something that holds no id"},
        {{200, "7", NULL}, FAILURE_BROKER, "something that holds no id"},
        {{500, "", NULL}, FAILURE_BROKER, "the schema of t-value cannot be registered"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_stub *stub = http_stub_start(&cases[i].answer, 1);
        struct schema_registry *registry = opened(stub, "", "");
        uint32_t id;
        MUST_FAIL(schema_registry_put(registry, "t-value", "\"int\"", &id, &err), cases[i].failure,
                  cases[i].part);
        schema_registry_close(registry);
        http_stub_stop(stub);
    }
}

static void test_schema_that_is_mapped_has_the_id_of_its_file(void **state) {
    struct schema_registry *registry;
    char path[SCRATCH_PATH_BYTES];
    char map[SCRATCH_PATH_BYTES + 8];
    const char *const maps[] = {map};
    uint32_t id;
    scratch_path(state, "a.avsc", path);
    scratch_put_text(path, "{ \"type\" : \"array\",\n \"items\": [\"null\", \"int\"] }\n");
    (void)snprintf(map, sizeof map, "12=%s", path);
    MUST(open_maps(&registry, maps, 1, NULL));
    MUST(schema_registry_put(registry, "t-value",
                             "{\"type\":\"array\",\"items\":[\"null\",\"int\"]}", &id, &err));
    assert_int_equal(id, 12);
    MUST_FAIL(schema_registry_put(registry, "t-value",
                                  "{\"type\":\"array\",\"items\":[\"null\",\"long\"]}", &id, &err),
              FAILURE_CONFIG, "the schema of t-value has no id: name a schema registry, or map");
    schema_registry_close(registry);
}

/* ---- probe ---- */

static void test_probe_tells_whether_the_registry_answers(void **state) {
    (void)state;
    static const struct http_answer fine[] = {{200, "[\"a-value\"]", NULL}};
    static const struct http_answer broken[] = {{502, "", NULL}};
    struct http_stub *stub = http_stub_start(fine, 1);
    struct schema_registry *registry = opened(stub, "", "");
    MUST(schema_registry_probe(registry, &err));
    expect_request(stub, 0, "GET /subjects HTTP/1.1\r\n");
    http_stub_stop(stub);
    MUST_FAIL(schema_registry_probe(registry, &err), FAILURE_BROKER, "cannot be reached");
    schema_registry_close(registry);
    stub = http_stub_start(broken, 1);
    registry = opened(stub, "", "");
    MUST_FAIL(schema_registry_probe(registry, &err), FAILURE_BROKER, "(HTTP 502, tried 3 times)");
    schema_registry_close(registry);
    http_stub_stop(stub);
    MUST(schema_registry_open(&registry, &(struct schema_registry_options){0}, &err));
    MUST(schema_registry_probe(registry, &err));
    schema_registry_close(registry);
    schema_registry_close(NULL);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_is_asked_for_once_and_kept),
        cmocka_unit_test(test_path_of_the_url_stands_before_that_of_the_request),
        cmocka_unit_test(test_schema_that_is_not_there_says_how_to_map_it_and_is_asked_for_once),
        cmocka_unit_test(test_not_found_without_the_code_is_a_wrong_url),
        cmocka_unit_test(test_refusal_is_a_matter_of_permission),
        cmocka_unit_test(test_server_that_fails_is_asked_again),
        cmocka_unit_test(test_server_that_keeps_failing_is_given_up),
        cmocka_unit_test(test_server_that_is_silent_is_given_up_in_time),
        cmocka_unit_test(test_nobody_at_the_port_is_a_failure_that_is_remembered),
        cmocka_unit_test(test_answers_that_hold_no_schema_are_errors),
        cmocka_unit_test(test_answers_over_the_limit_are_errors),
        cmocka_unit_test(test_redirects_are_followed_within_http_only),
        cmocka_unit_test(test_more_schemas_than_any_log_has_end_the_reading),
        cmocka_unit_test(test_credentials_are_sent_and_never_shown),
        cmocka_unit_test(test_urls_that_are_none_are_refused_without_showing_them),
        WITH_FOLDER(test_mapped_schemas_need_no_registry_and_win_over_one),
        WITH_FOLDER(test_maps_that_are_wrong_are_refused),
        cmocka_unit_test(test_schema_is_registered_under_its_subject),
        cmocka_unit_test(test_registration_that_fails_names_the_subject),
        WITH_FOLDER(test_schema_that_is_mapped_has_the_id_of_its_file),
        cmocka_unit_test(test_probe_tells_whether_the_registry_answers),
    };
    /* A proxy of the machine would answer in the stub's place. */
    (void)setenv("no_proxy", "127.0.0.1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
