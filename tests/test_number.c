#include "tests/testing.h"

#include "schemas/limits.h"
#include "stages/base/number.h"
#include "stages/base/random.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void test_whole_numbers_parse_up_to_the_last_value(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        {"0", 0},
        {"7", 7},
        {"000", 0},
        {"0000000000000000000000000000042", 42},
        {"18446744073709551609", UINT64_MAX - 6},
        {"18446744073709551610", UINT64_MAX - 5},
        {"18446744073709551615", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t value = 1;
        assert_true(number_parse_u64(good[i].text, strlen(good[i].text), &value));
        assert_int_equal(value, good[i].value);
    }
}

static void test_anything_but_digits_and_too_large_values_are_no_whole_number(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x1",
        "a",
        "1a",
        "1\xb2",
        "18446744073709551616",
        "1,000",
        "\xd9",
        "--1",
        "/",
        ":",
        "18446744073709551620",
        "-",
        "1\n",
        "\t1",
        "1_0",
        "\xef\xbc\x91",
        "99999999999999999999",
        "nan",
        "inf",
        "1-",
        "0-",
        "- 1",
        "184467440737095516150",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t value = 77;
        if (number_parse_u64(wrong[i], strlen(wrong[i]), &value)) {
            fail_msg("\"%s\" was read as %" PRIu64, wrong[i], value);
        }
        assert_int_equal(value, 77);
    }
    uint64_t value;
    assert_false(number_parse_u64("1\0", 2, &value));
}

static void test_text_ends_where_its_length_says(void **state) {
    (void)state;
    uint64_t value;
    int64_t whole;
    assert_true(number_parse_u64("123456", 3, &value));
    assert_int_equal(value, 123);
    assert_true(number_parse_i64("-123456", 3, &whole));
    assert_int_equal(whole, -12);
    assert_false(number_parse_i64("-5", 1, &whole));
}

static void test_signed_numbers_parse_to_both_ends(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"-1", -1},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775807", -INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t value = 1;
        assert_true(number_parse_i64(good[i].text, strlen(good[i].text), &value));
        assert_int_equal(value, good[i].value);
    }
    static const char *const wrong[] = {"",
                                        "-",
                                        "+1",
                                        "--1",
                                        "- 1",
                                        "1-",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "18446744073709551615",
                                        "-18446744073709551616"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t value;
        if (number_parse_i64(wrong[i], strlen(wrong[i]), &value)) {
            fail_msg("\"%s\" was read as %" PRId64, wrong[i], value);
        }
    }
}

static void assert_formats_like_printf(uint64_t value) {
    char expected[32];
    char got[NUMBER_U64_BYTES + 2];
    memset(got, 'x', sizeof got);
    size_t count = number_format_u64(got, value);
    (void)snprintf(expected, sizeof expected, "%" PRIu64, value);
    assert_int_equal(count, strlen(expected));
    assert_memory_equal(got, expected, count);
    assert_int_equal(got[count], 'x');
    uint64_t back;
    assert_true(number_parse_u64(got, count, &back) && back == value);

    memset(got, 'x', sizeof got);
    count = number_format_i64(got, (int64_t)value);
    (void)snprintf(expected, sizeof expected, "%" PRId64, (int64_t)value);
    assert_int_equal(count, strlen(expected));
    assert_memory_equal(got, expected, count);
    assert_int_equal(got[count], 'x');
    int64_t signed_back;
    assert_true(number_parse_i64(got, count, &signed_back) && signed_back == (int64_t)value);
}

static void test_whole_numbers_print_and_read_back(void **state) {
    (void)state;
    static const uint64_t edges[] = {0,
                                     INT64_MAX - UINT64_C(1),
                                     INT64_MAX,
                                     (uint64_t)INT64_MAX + 1,
                                     (uint64_t)INT64_MAX + 2,
                                     UINT64_MAX - 1,
                                     UINT64_MAX};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        assert_formats_like_printf(edges[i]);
    }
    uint64_t power = 1;
    for (int i = 0; i < NUMBER_U64_BYTES; i++, power *= 10) {
        assert_formats_like_printf(power - 1);
        assert_formats_like_printf(power);
        assert_formats_like_printf(power + 1);
        assert_formats_like_printf(0 - power);
    }
    struct random random;
    random_seed(&random, 4);
    for (int i = 0; i < 20000; i++) {
        assert_formats_like_printf(random_u64(&random) >> random_below(&random, 64));
    }
}

static void test_known_doubles_have_their_known_text(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } known[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {8.0 / 3335, "0.0023988005997001498"},
        {1e15, "1e+15"},
        {123456789012345678.0, "1.2345678901234568e+17"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {-DBL_MAX, "-1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {DBL_TRUE_MIN, "5e-324"},
        {3 * DBL_TRUE_MIN, "1.5e-323"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char got[NUMBER_DOUBLE_BYTES];
        size_t count = number_format_double(got, known[i].value);
        assert_in_range(count, 1, NUMBER_DOUBLE_BYTES - 1);
        got[count] = '\0';
        assert_string_equal(got, known[i].text);
    }
}

static size_t significant_digits(const char *text) {
    char digits[NUMBER_DOUBLE_BYTES];
    size_t count = 0;
    for (const char *c = text; *c != '\0' && *c != 'e'; c++) {
        if (*c >= '0' && *c <= '9' && (count > 0 || *c != '0')) {
            digits[count++] = *c;
        }
    }
    while (count > 0 && digits[count - 1] == '0') {
        count--;
    }
    return count;
}

/* Reads back, and no shorter rounding of the value does. */
static void assert_shortest(double value) {
    char got[NUMBER_DOUBLE_BYTES];
    size_t count = number_format_double(got, value);
    assert_int_equal(strlen(got), count);
    if (strtod(got, NULL) != value) {
        fail_msg("%a is printed as %s", value, got);
    }
    for (int digits = 1; digits < (int)significant_digits(got); digits++) {
        char shorter[64];
        (void)snprintf(shorter, sizeof shorter, "%.*e", digits - 1, value);
        if (strtod(shorter, NULL) == value) {
            fail_msg("%a is printed as %s, %s is shorter", value, got, shorter);
        }
    }
}

static void test_doubles_of_every_size_are_printed_in_the_fewest_digits(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 5);
    for (int i = 0; i < 8000; i++) {
        uint64_t bits = random_u64(&random);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            assert_shortest(value);
        }
        assert_shortest((double)(bits >> 54) / (double)((bits & 1023) + 1));
    }
    for (int exponent = DBL_MIN_EXP - DBL_MANT_DIG; exponent < DBL_MAX_EXP; exponent++) {
        double value = ldexp(1, exponent);
        assert_shortest(value);
        assert_shortest(nextafter(value, 0));
        assert_shortest(-nextafter(value, INFINITY));
    }
    for (int exponent = -323; exponent <= DBL_MAX_10_EXP; exponent++) {
        char text[16];
        (void)snprintf(text, sizeof text, "1e%d", exponent);
        assert_shortest(strtod(text, NULL));
    }
}

static void test_doubles_that_are_no_numbers_still_end(void **state) {
    (void)state;
    char got[NUMBER_DOUBLE_BYTES];
    assert_in_range(number_format_double(got, NAN), 3, 4);
    assert_int_equal(number_format_double(got, INFINITY), 3);
    assert_int_equal(number_format_double(got, -INFINITY), 4);
}

/* The C library as the oracle for one day. */
static void assert_day_agrees(int64_t day_start_ms) {
    char text[DATE_TEXT_BYTES];
    date_format(day_start_ms, text);
    time_t seconds = (time_t)(day_start_ms / 1000);
    struct tm tm;
    assert_non_null(gmtime_r(&seconds, &tm));
    int year = tm.tm_year + 1900;
    const char expected[DATE_TEXT_BYTES] = {(char)('0' + year / 1000),
                                            (char)('0' + year / 100 % 10),
                                            (char)('0' + year / 10 % 10),
                                            (char)('0' + year % 10),
                                            '-',
                                            (char)('0' + (tm.tm_mon + 1) / 10),
                                            (char)('0' + (tm.tm_mon + 1) % 10),
                                            '-',
                                            (char)('0' + tm.tm_mday / 10),
                                            (char)('0' + tm.tm_mday % 10),
                                            '\0'};
    if (strcmp(text, expected) != 0) {
        fail_msg("%" PRId64 " ms is printed as %s, not %s", day_start_ms, text, expected);
    }
    int64_t back;
    if (!date_parse(text, &back) || back != day_start_ms) {
        fail_msg("%s is not read back as %" PRId64, text, day_start_ms);
    }
}

static void test_every_day_of_the_range_agrees_with_the_c_library(void **state) {
    (void)state;
    int64_t days = 0;
    for (int64_t day = LIMIT_TIME_MIN_MS; day <= LIMIT_TIME_MAX_MS; day += DAY_MS) {
        assert_day_agrees(day);
        days++;
    }
    assert_int_equal(days, 3652059);
}

static void test_day_exists_exactly_where_the_c_library_has_it(void **state) {
    (void)state;
    static const int years[] = {1,    4,    99,   100,  400,  1582, 1600, 1700, 1800, 1899,
                                1900, 1901, 1968, 1969, 1970, 1971, 1972, 1999, 2000, 2001,
                                2004, 2023, 2024, 2038, 2100, 2400, 9996, 9999};
    for (size_t i = 0; i < sizeof years / sizeof years[0]; i++) {
        for (int month = 0; month <= 99; month++) {
            for (int day = 0; day <= 99; day++) {
                char text[16];
                (void)snprintf(text, sizeof text, "%04d-%02d-%02d", years[i], month, day);
                struct tm tm = {.tm_year = years[i] - 1900, .tm_mon = month - 1, .tm_mday = day};
                int64_t expected = (int64_t)timegm(&tm) * 1000;
                bool exists = tm.tm_mon == month - 1 && tm.tm_mday == day;
                int64_t got = 0;
                if (date_parse(text, &got) != exists || (exists && got != expected)) {
                    fail_msg("%s %s, but reads as %" PRId64, text,
                             exists ? "exists" : "does not exist", got);
                }
            }
        }
    }
}

static void test_dates_of_another_shape_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",           "2024",        "2024-01",     "2024-1-01",   "2024-01-1",  "20240101",
        "2024/01/01", "2024-01-01 ", " 2024-01-01", "2024-01-01T", "0000-01-01", "+024-01-01",
        "-001-01-01", "2024--1-01",  "2024-01--1",  "2024-01-0x",  "a024-01-01", "12024-01-01",
        "2024-00-01", "2024-13-01",  "2024-01-00",  "2024-01-32",  "2023-02-29", "1900-02-29",
        "2024- 1-01", "10000-01-01", "2024-04-31",  "01-01-2024",  "2024-01\n01"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t value = 5;
        if (date_parse(wrong[i], &value)) {
            fail_msg("\"%s\" was read as %" PRId64, wrong[i], value);
        }
        assert_int_equal(value, 5);
    }
}

static void test_first_and_last_day_of_the_range(void **state) {
    (void)state;
    char text[DATE_TEXT_BYTES];
    int64_t value;
    date_format(LIMIT_TIME_MIN_MS, text);
    assert_string_equal(text, "0001-01-01");
    assert_true(date_parse("0001-01-01", &value));
    assert_int_equal(value, LIMIT_TIME_MIN_MS);
    date_format(LIMIT_TIME_MAX_MS, text);
    assert_string_equal(text, "9999-12-31");
    assert_true(date_parse("9999-12-31", &value));
    assert_int_equal(value, LIMIT_TIME_MAX_MS + 1 - DAY_MS);
}

static void test_all_of_a_day_belongs_to_its_first_millisecond(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 6);
    for (int i = 0; i < 20000; i++) {
        int64_t days = (LIMIT_TIME_MAX_MS + 1 - LIMIT_TIME_MIN_MS) / DAY_MS;
        int64_t day = LIMIT_TIME_MIN_MS + (int64_t)random_below(&random, (uint64_t)days) * DAY_MS;
        int64_t into = (int64_t)random_below(&random, (uint64_t)DAY_MS);
        assert_int_equal(date_day_start(day), day);
        assert_int_equal(date_day_start(day + into), day);
        assert_int_equal(date_day_start(day + DAY_MS - 1), day);
        char first[DATE_TEXT_BYTES];
        char later[DATE_TEXT_BYTES];
        date_format(day, first);
        date_format(day + into, later);
        assert_string_equal(first, later);
    }
    assert_int_equal(date_day_start(-1), -DAY_MS);
    assert_int_equal(date_day_start(0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_numbers_parse_up_to_the_last_value),
        cmocka_unit_test(test_anything_but_digits_and_too_large_values_are_no_whole_number),
        cmocka_unit_test(test_text_ends_where_its_length_says),
        cmocka_unit_test(test_signed_numbers_parse_to_both_ends),
        cmocka_unit_test(test_whole_numbers_print_and_read_back),
        cmocka_unit_test(test_known_doubles_have_their_known_text),
        cmocka_unit_test(test_doubles_of_every_size_are_printed_in_the_fewest_digits),
        cmocka_unit_test(test_doubles_that_are_no_numbers_still_end),
        cmocka_unit_test(test_every_day_of_the_range_agrees_with_the_c_library),
        cmocka_unit_test(test_day_exists_exactly_where_the_c_library_has_it),
        cmocka_unit_test(test_dates_of_another_shape_are_refused),
        cmocka_unit_test(test_first_and_last_day_of_the_range),
        cmocka_unit_test(test_all_of_a_day_belongs_to_its_first_millisecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
