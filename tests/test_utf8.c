#include "tests/testing.h"

#include "stages/base/utf8.h"

#include <string.h>

static void assert_cleans_to(const char *text, const char *expected) {
    char got[64] = {0};
    assert_true(strlen(text) < sizeof got);
    utf8_clean(got, text, strlen(text));
    assert_string_equal(got, expected);
}

static void test_well_formed_text_stays_as_it_is(void **state) {
    (void)state;
    static const char *const good[] = {
        "",
        "plain",
        "\x01\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_cleans_to(good[i], good[i]);
    }
}

static void test_each_byte_outside_a_sequence_becomes_a_question_mark(void **state) {
    (void)state;
    assert_cleans_to("a\x80z", "a?z");
    assert_cleans_to("\xff\xfe", "??");
    assert_cleans_to("\xc3(", "?(");
    assert_cleans_to("\xe2\x82z", "??z");
    assert_cleans_to("\xf0\x9f\x98\xc3\xa9", "???\xc3\xa9");
}

static void test_overlong_forms_surrogates_and_too_large_values_are_not_text(void **state) {
    (void)state;
    assert_cleans_to("\xc0\xaf", "??");
    assert_cleans_to("\xc1\xbf", "??");
    assert_cleans_to("\xe0\x9f\xbf", "???");
    assert_cleans_to("\xed\xa0\x80", "???");
    assert_cleans_to("\xf0\x8f\xbf\xbf", "????");
    assert_cleans_to("\xf4\x90\x80\x80", "????");
    assert_cleans_to("\xf5\x80\x80\x80", "????");
}

static void test_sequence_cut_by_the_end_is_not_text(void **state) {
    (void)state;
    assert_int_equal(utf8_sequence("\xc3\xa9", 2), 2);
    assert_int_equal(utf8_sequence("\xc3\xa9", 1), 0);
    assert_int_equal(utf8_sequence("\xf0\x9f\x98\x80", 4), 4);
    assert_int_equal(utf8_sequence("\xf0\x9f\x98\x80", 3), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well_formed_text_stays_as_it_is),
        cmocka_unit_test(test_each_byte_outside_a_sequence_becomes_a_question_mark),
        cmocka_unit_test(test_overlong_forms_surrogates_and_too_large_values_are_not_text),
        cmocka_unit_test(test_sequence_cut_by_the_end_is_not_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
