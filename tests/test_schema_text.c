#include "stages/decode/schema_text.h"

#include "schemas/limits.h"
#include "stages/base/bytes.h"
#include "stages/base/files.h"
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct err err;

static void accepted(const char *text) {
    MUST(schema_text_check(text, strlen(text), &err));
}

static void refused(const char *text, const char *part) {
    MUST_FAIL(schema_text_check(text, strlen(text), &err), FAILURE_DATA, part);
}

static void test_our_own_schemas_are_sound(void **state) {
    (void)state;
    static const char *const names[] = {"connections", "positions", "interactions", "applications",
                                        "assignments", "members",   "companies",    "industries"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[64];
        struct bytes text = {0};
        (void)snprintf(path, sizeof path, "schemas/%s.avsc", names[i]);
        MUST(file_read_all(path, &text, &err));
        MUST(schema_text_check((const char *)text.data, text.count, &err));
        bytes_release(&text);
    }
}

static void test_every_kind_of_type_is_sound(void **state) {
    (void)state;
    accepted("\"long\"");
    accepted("{\"type\":\"string\",\"logicalType\":\"uuid\"}");
    accepted("[\"null\",\"boolean\",\"int\",\"long\",\"float\",\"double\",\"bytes\",\"string\","
             "{\"type\":\"array\",\"items\":\"int\"},{\"type\":\"map\",\"values\":\"int\"},"
             "{\"type\":\"fixed\",\"name\":\"f\",\"size\":0},"
             "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"a\",\"_B9\"]}]");
}

#define RECORD(fields)                                                                             \
    "{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"a.b\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define ENUM(name) "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[\"a\"]}"

static void test_names_are_found_by_their_namespace(void **state) {
    (void)state;
    accepted(RECORD(FIELD("next", "[\"null\",\"r\"]")));
    accepted(RECORD(FIELD("next", "[\"null\",\"a.b.r\"]")));
    accepted(RECORD(FIELD("x", ENUM("e")) "," FIELD("y", "\"e\"") "," FIELD("z", "\"a.b.e\"")));
    accepted(RECORD(FIELD("x", ENUM("c.e")) "," FIELD("y", "\"c.e\"") "," FIELD("z", ENUM("e"))));
    accepted("{\"type\":\"record\",\"name\":\"q.r\",\"namespace\":\"ignored\",\"fields\":["
             "{\"name\":\"x\",\"type\":[\"null\",\"q.r\",{\"type\":\"array\",\"items\":\"r\"}]}]}");
}

static void test_names_that_are_not_known_are_refused(void **state) {
    (void)state;
    refused("\"r\"", "the type \"r\" is not known where it is used");
    refused(RECORD(FIELD("x", "\"b.r\"")), "field \"x\": the type \"b.r\"");
    refused(RECORD(FIELD("x", "\"e\"") "," FIELD("y", ENUM("e"))), "field \"x\": the type \"e\"");
    refused(RECORD(FIELD("x", ENUM("c.e")) "," FIELD("y", "\"e\"")), "field \"y\": the type \"e\"");
    refused("{\"type\":\"strong\"}", "the type \"strong\" is not known");
}

static void test_names_that_are_none_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {"", "9a", "a-b", "a..b", ".a", "a.", "a b", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, ENUM("%s"), names[i]);
        refused(text, "enum has no valid name");
        (void)snprintf(text, sizeof text, RECORD(FIELD("%s", "\"int\"")), names[i]);
        refused(text, "a field without a valid name");
        (void)snprintf(text, sizeof text,
                       "{\"type\":\"fixed\",\"name\":\"f\",\"namespace\":\"%s\",\"size\":1}",
                       names[i]);
        if (names[i][0] == '\0') {
            accepted(text); /* none */
            continue;
        }
        refused(text, "the namespace of \"f\" is not valid");
    }
    refused(RECORD(FIELD("a.b", "\"int\"")), "a field without a valid name");
    refused("{\"type\":\"record\",\"fields\":[]}", "has no valid name");
    refused("{\"type\":\"record\",\"name\":7,\"fields\":[]}", "has no valid name");
    refused(ENUM("long"), "the name \"long\" is that of a primitive type");
    refused("{\"type\":\"enum\",\"name\":\"e\",\"namespace\":null,\"symbols\":[\"a\"]}",
            "the namespace of \"e\"");
}

static void test_names_that_stand_twice_are_refused(void **state) {
    (void)state;
    refused(RECORD(FIELD("x", ENUM("r"))), "field \"x\": the name \"a.b.r\" is defined twice");
    refused(RECORD(FIELD("x", "\"int\"") "," FIELD("x", "\"int\"")), "two fields \"x\"");
    refused("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"a\",\"b\",\"a\"]}",
            "the symbol \"a\" twice");
}

static void test_name_that_is_too_long_is_refused(void **state) {
    (void)state;
    char name[600];
    char text[1000];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    (void)snprintf(text, sizeof text, ENUM("%s"), name);
    refused(text, "is too long");
    (void)snprintf(text, sizeof text, "\"%s\"", name);
    refused(text, "is not known where it is used");
}

static void test_incomplete_types_are_refused(void **state) {
    (void)state;
    refused("7", "a number stands where a type is expected");
    refused("null", "null stands where");
    refused("{}", "a type without the name of its kind");
    refused("{\"type\":{\"type\":\"long\"}}", "a type without the name of its kind");
    refused("{\"type\":\"array\"}", "an array or map without the type of its items");
    refused("{\"type\":\"map\",\"values\":true}", "true or false stands where");
    refused("{\"type\":\"record\",\"name\":\"r\"}", "the record \"r\" has no fields");
    refused("{\"type\":\"record\",\"name\":\"r\",\"fields\":[]}", "the record \"r\" has no fields");
    refused("{\"type\":\"record\",\"name\":\"r\",\"fields\":[3]}", "a field without a valid name");
    refused(RECORD("{\"name\":\"x\"}"), "field \"x\": nothing stands where a type is expected");
    refused("{\"type\":\"enum\",\"name\":\"e\"}", "the enum \"e\" has no symbols");
    refused("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[]}", "has no symbols");
    refused("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"a\",1]}", "a symbol that is none");
    refused("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"a-b\"]}", "a symbol that is none");
    refused("{\"type\":\"fixed\",\"name\":\"f\"}", "the fixed \"f\" has no size");
    refused("{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", "the fixed \"f\" has no size");
    refused("{\"type\":\"fixed\",\"name\":\"f\",\"size\":4611686018427387904}", "over the limit");
    refused("{\"type\":\"fixed\",\"name\":\"f\",\"size\":1.5}", "the fixed \"f\" has no size");
}

static void test_unions_that_cannot_be_told_apart_are_refused(void **state) {
    (void)state;
    refused("[]", "a union of no types");
    refused("[\"null\",[\"int\"]]", "a union stands right inside a union");
    refused("[\"int\",\"null\",\"int\"]", "a union has the type int twice");
    refused("[\"int\",{\"type\":\"int\"}]", "a union has the type int twice");
    refused("[{\"type\":\"map\",\"values\":\"int\"},{\"type\":\"map\",\"values\":\"long\"}]",
            "a union has the type map twice");
}

static void test_text_that_is_not_json_is_refused(void **state) {
    (void)state;
    refused("", "not JSON");
    refused("{\"type\":\"record\"", "not JSON");
    refused("long", "not JSON");
}

/* {"type":"array","items": ... "int" ... } */
static char *nested(size_t levels) {
    static const char open[] = "{\"type\":\"array\",\"items\":";
    char *text = malloc(levels * (sizeof open) + 6);
    assert_non_null(text);
    char *at = text;
    for (size_t i = 0; i < levels; i++) {
        memcpy(at, open, sizeof open - 1);
        at += sizeof open - 1;
    }
    memcpy(at, "\"int\"", 5);
    at += 5;
    memset(at, '}', levels);
    at[levels] = '\0';
    return text;
}

static void test_types_nest_to_the_limit_and_no_deeper(void **state) {
    (void)state;
    char *text = nested(LIMIT_SCHEMA_DEPTH - 1);
    accepted(text);
    free(text);
    text = nested(LIMIT_SCHEMA_DEPTH);
    refused(text, "types nest deeper than 32");
    free(text);
    text = nested(2000);
    refused(text, "types nest deeper than 32");
    free(text);
}

static void test_text_over_the_limit_is_refused_unread(void **state) {
    (void)state;
    char *text = malloc(LIMIT_SCHEMA_BYTES + 1);
    assert_non_null(text);
    memset(text, ' ', LIMIT_SCHEMA_BYTES + 1);
    memcpy(text, "\"int\"", 5);
    MUST(schema_text_check(text, LIMIT_SCHEMA_BYTES, &err));
    MUST_FAIL(schema_text_check(text, LIMIT_SCHEMA_BYTES + 1, &err), FAILURE_DATA,
              "65537 bytes of schema: the limit is 65536");
    free(text);
}

static void test_other_units_of_time_are_refused(void **state) {
    (void)state;
    static const char *const fine[] = {"timestamp-millis", "local-timestamp-millis", "invented"};
    static const char *const others[] = {
        "timestamp-micros", "local-timestamp-micros", "date", "timestamp-nanos", "time-micros",
        "time-millis"};
    char text[256];
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        (void)snprintf(text, sizeof text,
                       RECORD(FIELD("at", "{\"type\":\"long\",\"logicalType\":\"%s\"}")), fine[i]);
        accepted(text);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        (void)snprintf(text, sizeof text,
                       RECORD(FIELD("at", "{\"type\":\"long\",\"logicalType\":\"%s\"}")),
                       others[i]);
        refused(text, "timestamp-millis is expected");
        assert_non_null(strstr(err.text, others[i]));
        (void)snprintf(text, sizeof text,
                       RECORD(FIELD("at", "[\"null\",{\"type\":\"long\",\"logicalType\":\"%s\"}]")),
                       others[i]);
        refused(text, "timestamp-millis is expected");
        (void)snprintf(text, sizeof text,
                       RECORD(FIELD("seen", "{\"type\":\"long\",\"logicalType\":\"%s\"}")),
                       others[i]);
        accepted(text); /* of a field that is not ours */
    }
}

/* A schema with so many items of a list. */
static void lists_are_taken_to_the_limit(const char *front, const char *item, const char *back,
                                         const char *says) {
    for (int count = LIMIT_JSON_KEYS; count <= LIMIT_JSON_KEYS + 1; count++) {
        static char text[LIMIT_SCHEMA_BYTES];
        size_t used = (size_t)snprintf(text, sizeof text, "%s", front);
        for (int i = 0; i < count; i++) {
            used += (size_t)snprintf(text + used, sizeof text - used, item, i == 0 ? "" : ",", i);
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", back);
        assert_true(used < sizeof text);
        if (count > LIMIT_JSON_KEYS) {
            refused(text, says);
        } else {
            accepted(text);
        }
    }
}

static void test_enums_and_records_are_taken_to_the_limit_and_no_further(void **state) {
    (void)state;
    lists_are_taken_to_the_limit("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[", "%s\"s%d\"",
                                 "]}", "has over");
    lists_are_taken_to_the_limit("{\"type\":\"record\",\"name\":\"r\",\"fields\":[",
                                 "%s{\"name\":\"f%d\",\"type\":\"int\"}", "]}", "has over");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_our_own_schemas_are_sound),
        cmocka_unit_test(test_every_kind_of_type_is_sound),
        cmocka_unit_test(test_names_are_found_by_their_namespace),
        cmocka_unit_test(test_names_that_are_not_known_are_refused),
        cmocka_unit_test(test_names_that_are_none_are_refused),
        cmocka_unit_test(test_names_that_stand_twice_are_refused),
        cmocka_unit_test(test_name_that_is_too_long_is_refused),
        cmocka_unit_test(test_incomplete_types_are_refused),
        cmocka_unit_test(test_unions_that_cannot_be_told_apart_are_refused),
        cmocka_unit_test(test_text_that_is_not_json_is_refused),
        cmocka_unit_test(test_types_nest_to_the_limit_and_no_deeper),
        cmocka_unit_test(test_text_over_the_limit_is_refused_unread),
        cmocka_unit_test(test_other_units_of_time_are_refused),
        cmocka_unit_test(test_enums_and_records_are_taken_to_the_limit_and_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
