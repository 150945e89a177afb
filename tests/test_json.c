#include "stages/base/json.h"

#include "schemas/limits.h"
#include "stages/base/bytes.h"
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct err err;

static struct json *parsed(const char *text) {
    struct json *root = NULL;
    MUST(json_parse(&root, text, strlen(text), &err));
    return root;
}

static void refused(const char *text, size_t bytes, const char *part) {
    struct json *root = NULL;
    MUST_FAIL(json_parse(&root, text, bytes, &err), FAILURE_DATA, part);
    assert_null(root);
}

static void test_object_gives_its_members_by_key(void **state) {
    (void)state;
    struct json *root = parsed(" {\"a\": 1, \"b\": \"two\", \"c\": true, \"d\": null, \"e\": {}} ");
    assert_int_equal(json_type(root), JSON_OBJECT);
    assert_int_equal(json_count(root), 5);
    assert_string_equal(json_number_text(json_get(root, "a")), "1");
    assert_string_equal(json_text(json_get(root, "b")), "two");
    bool truth = false;
    assert_true(json_bool(json_get(root, "c"), &truth));
    assert_true(truth);
    assert_int_equal(json_type(json_get(root, "d")), JSON_NULL);
    assert_int_equal(json_type(json_get(root, "e")), JSON_OBJECT);
    assert_null(json_get(root, "f"));
    json_free(root);
}

static void test_key_of_an_inner_object_is_not_found_in_the_outer_one(void **state) {
    (void)state;
    struct json *root = parsed("{\"inner\": {\"at\": 1}, \"list\": [{\"at\": 2}], \"to\": 3}");
    assert_null(json_get(root, "at"));
    uint64_t value;
    assert_true(json_u64(json_get(json_get(root, "inner"), "at"), &value));
    assert_int_equal(value, 1);
    assert_true(json_u64(json_get(root, "to"), &value));
    assert_int_equal(value, 3);
    json_free(root);
}

static void test_array_is_walked_in_order_across_nested_items(void **state) {
    (void)state;
    struct json *root = parsed("[1, [2, [3, 4]], {\"x\": [5]}, 6]");
    static const enum json_type expected[] = {JSON_NUMBER, JSON_ARRAY, JSON_OBJECT, JSON_NUMBER};
    size_t seen = 0;
    const struct json *item = NULL;
    while ((item = json_next(root, item)) != NULL) {
        assert_true(seen < 4);
        assert_int_equal(json_type(item), expected[seen]);
        seen++;
    }
    assert_int_equal(seen, 4);
    assert_int_equal(json_count(root), 4);
    json_free(root);
    root = parsed("[]");
    assert_null(json_next(root, NULL));
    json_free(root);
}

static void test_integers_up_to_64_bits_are_exact(void **state) {
    (void)state;
    struct json *root = parsed("[18446744073709551615, 18446744073709551616, -9223372036854775808, "
                               "9223372036854775808, 1.0, 1e3, -1, \"7\"]");
    uint64_t u;
    int64_t i;
    const struct json *item = json_next(root, NULL);
    assert_true(json_u64(item, &u));
    assert_true(u == UINT64_MAX);
    item = json_next(root, item);
    assert_false(json_u64(item, &u));
    assert_string_equal(json_number_text(item), "18446744073709551616");
    item = json_next(root, item);
    assert_true(json_i64(item, &i));
    assert_true(i == INT64_MIN);
    item = json_next(root, item);
    assert_false(json_i64(item, &i));
    for (int rest = 0; rest < 2; rest++) {
        item = json_next(root, item);
        assert_false(json_u64(item, &u));
        assert_false(json_i64(item, &i));
    }
    item = json_next(root, item);
    assert_false(json_u64(item, &u));
    assert_true(json_i64(item, &i));
    assert_int_equal(i, -1);
    item = json_next(root, item);
    assert_false(json_u64(item, &u));
    json_free(root);
}

static void test_strings_are_unescaped(void **state) {
    (void)state;
    struct json *root = parsed("[\"a\\\"b\\n\", \"\\u00e9\\ud83d\\ude00\", \"\", \"\xc3\xa9\"]");
    const struct json *item = json_next(root, NULL);
    assert_string_equal(json_text(item), "a\"b\n");
    item = json_next(root, item);
    assert_string_equal(json_text(item), "\xc3\xa9\xf0\x9f\x98\x80");
    item = json_next(root, item);
    assert_string_equal(json_text(item), "");
    item = json_next(root, item);
    assert_string_equal(json_text(item), "\xc3\xa9");
    json_free(root);
}

static void test_missing_value_answers_as_missing_everywhere(void **state) {
    (void)state;
    uint64_t u;
    int64_t i;
    bool truth;
    assert_int_equal(json_type(NULL), JSON_MISSING);
    assert_null(json_get(NULL, "a"));
    assert_null(json_next(NULL, NULL));
    assert_null(json_text(NULL));
    assert_null(json_number_text(NULL));
    assert_int_equal(json_count(NULL), 0);
    assert_false(json_u64(NULL, &u));
    assert_false(json_i64(NULL, &i));
    assert_false(json_bool(NULL, &truth));
    json_free(NULL);
}

static void test_value_of_another_type_is_not_converted(void **state) {
    (void)state;
    struct json *root = parsed("[\"1\", 1, null]");
    const struct json *string = json_next(root, NULL);
    const struct json *number = json_next(root, string);
    uint64_t u;
    bool truth;
    assert_false(json_u64(string, &u));
    assert_null(json_number_text(string));
    assert_null(json_text(number));
    assert_false(json_bool(number, &truth));
    assert_null(json_get(root, "0"));
    assert_null(json_next(number, NULL));
    json_free(root);
}

static void test_scalar_at_the_top_is_a_text(void **state) {
    (void)state;
    struct json *root = parsed("12345");
    assert_string_equal(json_number_text(root), "12345");
    json_free(root);
    root = parsed("\"\"");
    assert_string_equal(json_text(root), "");
    json_free(root);
}

static void test_text_that_is_not_json_is_refused_with_its_place(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",   " ",        "{",   "[1,]",  "{\"a\" 1}", "nul",      "[1] [2]", "01",  "[1.]",
        "+1", "{'a': 1}", "\"a", "[1, 2", "// c",      "\"a\nb\"", "{\"a\"}", "[-]", "]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        refused(wrong[i], strlen(wrong[i]), "not JSON at byte");
    }
    refused("[1, x]", 6, "not JSON at byte");
    refused("\"\xff\"", 3, "not JSON at byte");
}

static void test_key_that_stands_twice_is_refused(void **state) {
    (void)state;
    static const char twice[] = "{\"at\": 1, \"x\": {\"at\": 2}, \"at\": 3}";
    refused(twice, sizeof twice - 1, "the key \"at\" stands twice");
    static const char escaped[] = "[{\"at\": 1, \"\\u0061t\": 1}]";
    refused(escaped, sizeof escaped - 1, "the key \"at\" stands twice");
}

static void test_nul_in_text_is_refused(void **state) {
    (void)state;
    static const char in_string[] = "[\"a\\u0000b\"]";
    static const char in_key[] = "{\"a\\u0000\": 1}";
    static const char raw[] = "[1]\0";
    refused(in_string, sizeof in_string - 1, "\\u0000");
    refused(in_key, sizeof in_key - 1, "\\u0000");
    refused(raw, 4, "not JSON");
}

static void test_text_need_not_be_nul_terminated(void **state) {
    (void)state;
    struct json *root = NULL;
    char *text = malloc(3);
    assert_non_null(text);
    memcpy(text, "[7]", 3);
    MUST(json_parse(&root, text, 3, &err));
    assert_int_equal(json_count(root), 1);
    json_free(root);
    MUST(json_parse(&root, text + 1, 1, &err));
    assert_string_equal(json_number_text(root), "7");
    json_free(root);
    free(text);
}

static void test_deep_nesting_needs_no_stack(void **state) {
    (void)state;
    enum { DEPTH = 500000 };
    char *text = malloc(2 * DEPTH);
    assert_non_null(text);
    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    struct json *root = NULL;
    MUST(json_parse(&root, text, 2 * DEPTH, &err));
    size_t depth = 0;
    for (const struct json *at = root; at != NULL; at = json_next(at, NULL)) {
        depth++;
    }
    assert_int_equal(depth, DEPTH);
    json_free(root);
    refused(text, DEPTH, "not JSON");
    free(text);
}

static void test_object_with_too_many_keys_is_refused(void **state) {
    (void)state;
    struct bytes text = {0};
    for (int key = 0; key <= LIMIT_JSON_KEYS; key++) {
        char member[32];
        int bytes = snprintf(member, sizeof member, "%c\"%d\":0", key == 0 ? '{' : ',', key);
        if (key == LIMIT_JSON_KEYS) {
            size_t good_bytes = text.count;
            MUST(bytes_append(&text, "}", 1, &err));
            struct json *root = NULL;
            MUST(json_parse(&root, (const char *)text.data, text.count, &err));
            assert_int_equal(json_count(root), LIMIT_JSON_KEYS);
            json_free(root);
            text.count = good_bytes;
        }
        MUST(bytes_append(&text, member, (size_t)bytes, &err));
    }
    MUST(bytes_append(&text, "}", 1, &err));
    refused((const char *)text.data, text.count, "keys, the limit is");
    bytes_release(&text);
}

/* Both are freed. */
static bool is_equal(const char *a, const char *b) {
    struct json *first = parsed(a);
    struct json *second = parsed(b);
    bool is_same = json_equal(first, second);
    assert_int_equal(json_equal(second, first), is_same);
    json_free(first);
    json_free(second);
    return is_same;
}

static void test_values_are_equal_whatever_blanks_stand_between(void **state) {
    (void)state;
    assert_true(is_equal("{\"a\":[1,{\"b\":null}],\"c\":\"\\u0041\"}",
                         " { \"a\" : [ 1 , { \"b\" : null } ] ,\n\"c\":\"A\" } "));
    assert_true(is_equal("[]", "[ ]"));
    assert_true(json_equal(NULL, NULL));
}

static void test_values_that_differ_anywhere_are_not_equal(void **state) {
    (void)state;
    static const char *const values[] = {
        "null",      "true",       "false",      "0",           "\"0\"",     "\"\"",
        "1",         "1.0",        "[]",         "{}",          "[1]",       "[[1]]",
        "[1,1]",     "[[],1]",     "[[1],1]",    "{\"a\":1}",   "{\"b\":1}", "{\"a\":2}",
        "[\"a\",1]", "{\"a\":[]}", "{\"a\":{}}", "[{\"a\":1}]", "[{},1]"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct json *root = parsed(values[i]);
        assert_false(json_equal(root, NULL));
        json_free(root);
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
            assert_int_equal(is_equal(values[i], values[k]), i == k);
        }
    }
    assert_false(is_equal("{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}"));
}

static void test_parts_of_a_text_compare_by_what_they_are_not_where(void **state) {
    (void)state;
    struct json *root = parsed("{\"a\":{\"x\":[1]},\"b\":{\"x\":[1]},\"c\":{\"x\":[2]}}");
    assert_true(json_equal(json_get(root, "a"), json_get(root, "b")));
    assert_false(json_equal(json_get(root, "a"), json_get(root, "c")));
    json_free(root);
}

static void test_text_over_the_limit_is_refused_unread(void **state) {
    (void)state;
    struct json *root = NULL;
    MUST_FAIL(json_parse(&root, "[]", (size_t)LIMIT_DOCUMENT_BYTES + 1, &err), FAILURE_DATA,
              "over the limit");
}

static void test_error_is_optional(void **state) {
    (void)state;
    struct json *root = NULL;
    assert_int_equal(json_parse(&root, "{", 1, NULL).failure, FAILURE_DATA);
    assert_int_equal(json_parse(&root, "[\"\\u0000\"]", 10, NULL).failure, FAILURE_DATA);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object_gives_its_members_by_key),
        cmocka_unit_test(test_key_of_an_inner_object_is_not_found_in_the_outer_one),
        cmocka_unit_test(test_array_is_walked_in_order_across_nested_items),
        cmocka_unit_test(test_integers_up_to_64_bits_are_exact),
        cmocka_unit_test(test_strings_are_unescaped),
        cmocka_unit_test(test_missing_value_answers_as_missing_everywhere),
        cmocka_unit_test(test_value_of_another_type_is_not_converted),
        cmocka_unit_test(test_scalar_at_the_top_is_a_text),
        cmocka_unit_test(test_text_that_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(test_key_that_stands_twice_is_refused),
        cmocka_unit_test(test_nul_in_text_is_refused),
        cmocka_unit_test(test_text_need_not_be_nul_terminated),
        cmocka_unit_test(test_deep_nesting_needs_no_stack),
        cmocka_unit_test(test_object_with_too_many_keys_is_refused),
        cmocka_unit_test(test_values_are_equal_whatever_blanks_stand_between),
        cmocka_unit_test(test_values_that_differ_anywhere_are_not_equal),
        cmocka_unit_test(test_parts_of_a_text_compare_by_what_they_are_not_where),
        cmocka_unit_test(test_text_over_the_limit_is_refused_unread),
        cmocka_unit_test(test_error_is_optional),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
