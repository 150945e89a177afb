#include "tests/testing.h"

#include "stages/base/random.h"
#include "stages/base/utf8.h"

#include <stdbool.h>
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

/* The definition taken literally, as the oracle: decode the bits, then judge the value. */
static size_t sequence_by_definition(const uint8_t *text, size_t bytes) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = text[0] < 0x80         ? 1
                    : text[0] >> 5 == 0x06 ? 2
                    : text[0] >> 4 == 0x0e ? 3
                    : text[0] >> 3 == 0x1e ? 4
                                           : 0;
    if (length == 0 || length > bytes) {
        return 0;
    }
    uint32_t value = length == 1 ? text[0] : text[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if (text[i] >> 6 != 2) {
            return 0;
        }
        value = value << 6 | (text[i] & 0x3f);
    }
    bool is_surrogate = value >= 0xd800 && value <= 0xdfff;
    return value < least[length] || value > 0x10ffff || is_surrogate ? 0 : length;
}

static void assert_as_defined(const uint8_t *text, size_t bytes) {
    size_t expected = sequence_by_definition(text, bytes);
    size_t got = utf8_sequence((const char *)text, bytes);
    if (got != expected) {
        fail_msg("%02x %02x %02x %02x cut to %zu bytes: %zu, not %zu", text[0], text[1], text[2],
                 text[3], bytes, got, expected);
    }
}

static void test_every_sequence_of_three_bytes_is_judged_as_defined(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 1U << 24; i++) {
        const uint8_t text[4] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 0x80};
        assert_as_defined(text, 3);
    }
}

static void test_sequences_of_four_bytes_at_every_edge_are_judged_as_defined(void **state) {
    (void)state;
    static const uint8_t edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    enum { EDGES = sizeof edges };
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned rest = 0; rest < EDGES * EDGES * EDGES; rest++) {
            const uint8_t text[4] = {(uint8_t)first, edges[rest % EDGES],
                                     edges[rest / EDGES % EDGES], edges[rest / EDGES / EDGES]};
            for (size_t bytes = 1; bytes <= 4; bytes++) {
                assert_as_defined(text, bytes);
            }
        }
    }
}

static void test_cleaned_text_is_well_formed_and_as_long_as_before(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 19);
    for (int i = 0; i < 20000; i++) {
        char text[16];
        char got[17];
        size_t bytes = random_below(&random, sizeof text + 1);
        for (size_t j = 0; j < bytes; j++) {
            text[j] = (char)random_u64(&random);
        }
        got[bytes] = 'x';
        utf8_clean(got, text, bytes);
        assert_int_equal(got[bytes], 'x');
        for (size_t j = 0; j < bytes;) {
            size_t length = utf8_sequence(got + j, bytes - j);
            assert_in_range(length, 1, 4);
            j += length;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well_formed_text_stays_as_it_is),
        cmocka_unit_test(test_each_byte_outside_a_sequence_becomes_a_question_mark),
        cmocka_unit_test(test_overlong_forms_surrogates_and_too_large_values_are_not_text),
        cmocka_unit_test(test_sequence_cut_by_the_end_is_not_text),
        cmocka_unit_test(test_every_sequence_of_three_bytes_is_judged_as_defined),
        cmocka_unit_test(test_sequences_of_four_bytes_at_every_edge_are_judged_as_defined),
        cmocka_unit_test(test_cleaned_text_is_well_formed_and_as_long_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
