#include "tests/testing.h"

#include "stages/base/pages.h"

#include <string.h>

#define MIB ((size_t)1 << 20)

static void test_zero_initialised_array_is_empty_and_can_be_released(void **state) {
    (void)state;
    struct err err;
    struct pages pages = {0};
    MUST(pages_grow(&pages, 0, "a test", &err));
    assert_null(pages.data);
    assert_int_equal(pages.bytes, 0);
    pages_release(&pages);
    assert_null(pages.data);
}

static void assert_zero(const struct pages *pages, size_t from) {
    const uint8_t *bytes = pages->data;
    for (size_t i = from; i < pages->bytes; i++) {
        if (bytes[i] != 0) {
            fail_msg("byte %zu of a fresh array of %zu is %d", i, pages->bytes, bytes[i]);
        }
    }
}

static void test_new_bytes_are_zero_and_old_ones_are_kept(void **state) {
    (void)state;
    static const size_t sizes[] = {1,           100,     4096,        4097,    65536,
                                   2 * MIB - 1, 2 * MIB, 2 * MIB + 1, 5 * MIB, 16 * MIB};
    struct err err;
    struct pages pages = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t before = pages.bytes;
        MUST(pages_grow(&pages, sizes[i], "a test", &err));
        assert_true(pages.bytes >= sizes[i]);
        assert_zero(&pages, before);
        const uint8_t *bytes = pages.data;
        for (size_t j = 0; j < before; j++) {
            if (bytes[j] != (uint8_t)(j * 7 + 1)) {
                fail_msg("byte %zu was lost while growing to %zu", j, sizes[i]);
            }
        }
        for (size_t j = before; j < pages.bytes; j++) {
            ((uint8_t *)pages.data)[j] = (uint8_t)(j * 7 + 1);
        }
    }
    pages_release(&pages);
}

static void test_moving_into_huge_pages_keeps_every_byte(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 4096, 2 * MIB, 5 * MIB, 130 * MIB};
    struct err err;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct pages pages = {0};
        MUST(pages_grow(&pages, sizes[i], "a test", &err));
        const struct pages before = pages;
        for (size_t j = 0; j < pages.bytes; j += 4096) {
            ((uint8_t *)pages.data)[j] = (uint8_t)(j / 4096 % 5);
        }
        (void)pages_collapse(&pages); /* whether there was room for it is not this test's matter */
        assert_ptr_equal(pages.data, before.data);
        assert_int_equal(pages.bytes, before.bytes);
        for (size_t j = 0; j < pages.bytes; j++) {
            uint8_t expected = j % 4096 == 0 ? (uint8_t)(j / 4096 % 5) : 0;
            if (((const uint8_t *)pages.data)[j] != expected) {
                fail_msg("byte %zu of %zu has changed", j, sizes[i]);
            }
        }
        pages_release(&pages);
    }
}

static void test_asking_for_less_or_the_same_changes_nothing(void **state) {
    (void)state;
    struct err err;
    struct pages pages = {0};
    MUST(pages_grow(&pages, 3 * MIB, "a test", &err));
    struct pages before = pages;
    const size_t asked[] = {1, 4096, before.bytes - 1, before.bytes, 0};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        MUST(pages_grow(&pages, asked[i], "a test", &err));
        assert_ptr_equal(pages.data, before.data);
        assert_int_equal(pages.bytes, before.bytes);
    }
    pages_release(&pages);
    assert_null(pages.data);
    assert_int_equal(pages.bytes, 0);
}

static void test_untouched_pages_cost_no_memory(void **state) {
    (void)state;
    struct err err;
    struct pages pages = {0};
    MUST(pages_grow(&pages, (size_t)64 << 30, "a test", &err)); /* far beyond the machine's own */
    ((uint8_t *)pages.data)[0] = 1;
    ((uint8_t *)pages.data)[pages.bytes - 1] = 1;
    pages_release(&pages);
}

static void test_impossible_size_is_refused_and_the_contents_stay(void **state) {
    (void)state;
    static const size_t impossible[] = {SIZE_MAX, SIZE_MAX - 2 * MIB, (size_t)1 << 60};
    struct err err;
    struct pages pages = {0};
    MUST_FAIL(pages_grow(&pages, SIZE_MAX, "the rows", &err), FAILURE_RETRY, "for the rows");
    assert_null(pages.data);
    MUST(pages_grow(&pages, 100, "a test", &err));
    memcpy(pages.data, "abc", 3);
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        struct pages before = pages;
        MUST_FAIL(pages_grow(&pages, impossible[i], "the rows", &err), FAILURE_RETRY,
                  "for the rows");
        assert_ptr_equal(pages.data, before.data);
        assert_int_equal(pages.bytes, before.bytes);
        assert_memory_equal(pages.data, "abc", 3);
    }
    pages_release(&pages);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zero_initialised_array_is_empty_and_can_be_released),
        cmocka_unit_test(test_new_bytes_are_zero_and_old_ones_are_kept),
        cmocka_unit_test(test_moving_into_huge_pages_keeps_every_byte),
        cmocka_unit_test(test_asking_for_less_or_the_same_changes_nothing),
        cmocka_unit_test(test_untouched_pages_cost_no_memory),
        cmocka_unit_test(test_impossible_size_is_refused_and_the_contents_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
