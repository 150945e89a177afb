/* What is written is read back through stages/base/json.h. */
#include "tests/testing.h"

#include "stages/base/json.h"
#include "stages/base/json_writer.h"
#include "stages/base/random.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Ends the document, parses it and releases the writer. */
static struct json *finish_and_parse(struct json_writer *writer) {
    struct err err;
    struct json *root;
    MUST(json_writer_finish(writer, &err));
    MUST(json_parse(&root, (const char *)writer->text.data, writer->text.count, &err));
    json_writer_release(writer);
    return root;
}

static void assert_text(struct json_writer *writer, const char *expected) {
    struct err err;
    MUST(json_writer_finish(writer, &err));
    MUST(bytes_append(&writer->text, "", 1, &err));
    assert_string_equal((const char *)writer->text.data, expected);
    json_writer_release(writer);
}

static void write_example(struct json_writer *writer) {
    json_object_begin(writer, NULL);
    json_put_text(writer, "name", "tieflow");
    json_array_begin(writer, "files");
    json_put_u64(writer, NULL, 1);
    json_object_begin(writer, NULL);
    json_put_i64(writer, "offset", -2);
    json_put_null(writer, "none");
    json_object_end(writer);
    json_array_end(writer);
    json_object_begin(writer, "empty");
    json_object_end(writer);
    json_array_begin(writer, "empty too");
    json_array_end(writer);
    json_put_double(writer, "share", 0.5);
    json_object_end(writer);
}

static void test_document_is_indented_by_two_spaces(void **state) {
    (void)state;
    struct json_writer writer = {0};
    write_example(&writer);
    assert_text(&writer, "{\n"
                         "  \"name\": \"tieflow\",\n"
                         "  \"files\": [\n"
                         "    1,\n"
                         "    {\n"
                         "      \"offset\": -2,\n"
                         "      \"none\": null\n"
                         "    }\n"
                         "  ],\n"
                         "  \"empty\": {},\n"
                         "  \"empty too\": [],\n"
                         "  \"share\": 0.5\n"
                         "}\n");
}

static void test_compact_document_is_one_line_without_blanks(void **state) {
    (void)state;
    struct json_writer writer = {.is_compact = true};
    write_example(&writer);
    assert_text(&writer, "{\"name\":\"tieflow\",\"files\":[1,{\"offset\":-2,\"none\":null}],"
                         "\"empty\":{},\"empty too\":[],\"share\":0.5}\n");
}

static void test_both_forms_read_back_the_same(void **state) {
    (void)state;
    for (int compact = 0; compact < 2; compact++) {
        struct json_writer writer = {.is_compact = compact != 0};
        write_example(&writer);
        struct json *root = finish_and_parse(&writer);
        int64_t offset;
        assert_int_equal(json_count(root), 5);
        assert_string_equal(json_text(json_get(root, "name")), "tieflow");
        const struct json *files = json_get(root, "files");
        assert_int_equal(json_count(files), 2);
        const struct json *second = json_next(files, json_next(files, NULL));
        assert_true(json_i64(json_get(second, "offset"), &offset));
        assert_int_equal(offset, -2);
        assert_int_equal(json_type(json_get(second, "none")), JSON_NULL);
        assert_int_equal(json_count(json_get(root, "empty")), 0);
        assert_int_equal(json_type(json_get(root, "empty too")), JSON_ARRAY);
        json_free(root);
    }
}

static void test_single_values_are_documents(void **state) {
    (void)state;
    struct json_writer writer = {0};
    json_put_u64(&writer, NULL, 7);
    assert_text(&writer, "7\n");
    json_put_text(&writer, NULL, "");
    assert_text(&writer, "\"\"\n");
    json_array_begin(&writer, NULL);
    json_array_end(&writer);
    assert_text(&writer, "[]\n");
}

static void test_whole_numbers_are_exact_to_both_ends(void **state) {
    (void)state;
    static const uint64_t unsigned_values[] = {0, 1, UINT64_C(1) << 53, UINT64_MAX - 1, UINT64_MAX};
    static const int64_t signed_values[] = {0, -1, INT64_MAX, INT64_MIN + 1, INT64_MIN};
    struct json_writer writer = {0};
    json_array_begin(&writer, NULL);
    for (int i = 0; i < 5; i++) {
        json_put_u64(&writer, NULL, unsigned_values[i]);
        json_put_i64(&writer, NULL, signed_values[i]);
    }
    json_array_end(&writer);
    struct json *root = finish_and_parse(&writer);
    const struct json *value = NULL;
    for (int i = 0; i < 5; i++) {
        uint64_t got;
        int64_t got_signed;
        value = json_next(root, value);
        assert_true(json_u64(value, &got));
        assert_int_equal(got, unsigned_values[i]);
        value = json_next(root, value);
        assert_true(json_i64(value, &got_signed));
        assert_int_equal(got_signed, signed_values[i]);
    }
    json_free(root);
}

static void test_doubles_read_back_as_the_same_value(void **state) {
    (void)state;
    static const double edges[] = {0.0,     -0.0,     0.1,          1.0 / 3, 1e300,
                                   DBL_MAX, -DBL_MAX, DBL_TRUE_MIN, DBL_MIN, 8.0 / 3335};
    struct random random;
    random_seed(&random, 17);
    for (int i = 0; i < 2000; i++) {
        uint64_t bits = random_u64(&random);
        double value;
        memcpy(&value, &bits, sizeof value);
        value = i < 10 ? edges[i] : value;
        if (!isfinite(value)) {
            continue;
        }
        struct json_writer writer = {0};
        json_put_double(&writer, NULL, value);
        struct json *root = finish_and_parse(&writer);
        assert_int_equal(json_type(root), JSON_NUMBER);
        assert_true(strtod(json_number_text(root), NULL) == value);
        json_free(root);
    }
}

static void assert_text_reads_back_as(const char *text, const char *expected) {
    struct json_writer writer = {0};
    json_object_begin(&writer, NULL);
    json_put_text(&writer, text, text);
    json_object_end(&writer);
    struct json *root = finish_and_parse(&writer);
    const struct json *value = json_get(root, expected);
    if (value == NULL || strcmp(json_text(value), expected) != 0) {
        fail_msg("\"%s\" is not read back as \"%s\"", text, expected);
    }
    json_free(root);
}

static void test_every_character_of_ascii_reads_back_in_keys_and_texts(void **state) {
    (void)state;
    char all[128];
    for (int c = 1; c < 128; c++) {
        char text[] = {(char)c, '\0'};
        assert_text_reads_back_as(text, text);
        all[c - 1] = (char)c;
    }
    all[127] = '\0';
    assert_text_reads_back_as(all, all);
    assert_text_reads_back_as("", "");
    assert_text_reads_back_as("\\u0041\\n\"", "\\u0041\\n\"");
}

static void test_control_characters_and_quotes_are_escaped(void **state) {
    (void)state;
    struct json_writer writer = {0};
    json_put_text(&writer, NULL, "a\"b\\c\nd\te\x01\x1f\x7f/\xc2\x9b\x31\xc2\xa0");
    assert_text(&writer, "\"a\\\"b\\\\c\\u000ad\\u0009e\\u0001\\u001f\\u007f/\\u009b1\xc2\xa0\"\n");
}

static void test_characters_of_every_length_are_kept(void **state) {
    (void)state;
    static const char *const good[] = {"\xc2\x80",         "caf\xc3\xa9",  "\xe2\x82\xac 5",
                                       "\xf0\x9f\x98\x80", "\xef\xbb\xbf", "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_text_reads_back_as(good[i], good[i]);
    }
}

static void test_bytes_that_are_not_utf8_become_question_marks(void **state) {
    (void)state;
    assert_text_reads_back_as("a\xff"
                              "b",
                              "a?b");
    assert_text_reads_back_as("\xc3", "?");
    assert_text_reads_back_as("\xc3\"", "?\"");
    assert_text_reads_back_as("\xe2\x82", "??");
    assert_text_reads_back_as("\xed\xa0\x80", "???");
    assert_text_reads_back_as("\xc0\xaf", "??");
    assert_text_reads_back_as("\xf0\x9f\x98\xc3\xa9", "???\xc3\xa9");
}

static void test_random_bytes_always_give_a_sound_document(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 18);
    for (int i = 0; i < 5000; i++) {
        char text[20];
        size_t count = random_below(&random, sizeof text);
        for (size_t j = 0; j < count; j++) {
            text[j] = (char)(1 + random_below(&random, 255));
        }
        text[count] = '\0';
        struct json_writer writer = {0};
        json_put_text(&writer, NULL, text);
        struct json *root = finish_and_parse(&writer);
        assert_int_equal(strlen(json_text(root)), count);
        json_free(root);
    }
}

static void test_deepest_document_closes_all_its_levels(void **state) {
    (void)state;
    struct json_writer writer = {0};
    for (int i = 0; i < JSON_DEPTH_MAX; i++) {
        json_array_begin(&writer, NULL);
        json_put_u64(&writer, NULL, (uint64_t)i);
    }
    for (int i = 0; i < JSON_DEPTH_MAX; i++) {
        json_array_end(&writer);
    }
    struct json *root = finish_and_parse(&writer);
    const struct json *level = root;
    for (int i = 0; i + 1 < JSON_DEPTH_MAX; i++) {
        assert_int_equal(json_count(level), 2);
        level = json_next(level, json_next(level, NULL));
    }
    assert_int_equal(json_count(level), 1);
    json_free(root);
}

/* A buffer that claims to be full to the last address cannot grow. */
static void test_failed_allocation_is_remembered_until_the_end(void **state) {
    (void)state;
    struct err err;
    struct json_writer writer = {.text = {.count = SIZE_MAX, .capacity = SIZE_MAX}};
    json_array_begin(&writer, NULL);
    json_put_text(&writer, NULL, "lost");
    writer.text = (struct bytes){0}; /* room again: too late */
    json_put_text(&writer, NULL, "lost too");
    json_array_end(&writer);
    MUST_FAIL(json_writer_finish(&writer, &err), FAILURE_RETRY, "a document");
    json_writer_release(&writer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_is_indented_by_two_spaces),
        cmocka_unit_test(test_compact_document_is_one_line_without_blanks),
        cmocka_unit_test(test_both_forms_read_back_the_same),
        cmocka_unit_test(test_single_values_are_documents),
        cmocka_unit_test(test_whole_numbers_are_exact_to_both_ends),
        cmocka_unit_test(test_doubles_read_back_as_the_same_value),
        cmocka_unit_test(test_every_character_of_ascii_reads_back_in_keys_and_texts),
        cmocka_unit_test(test_control_characters_and_quotes_are_escaped),
        cmocka_unit_test(test_characters_of_every_length_are_kept),
        cmocka_unit_test(test_bytes_that_are_not_utf8_become_question_marks),
        cmocka_unit_test(test_random_bytes_always_give_a_sound_document),
        cmocka_unit_test(test_deepest_document_closes_all_its_levels),
        cmocka_unit_test(test_failed_allocation_is_remembered_until_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
