#include "tests/testing.h"

#include "stages/base/checksum.h"
#include "stages/base/random.h"

#include <string.h>

/* Published values of XXH64; the second seed is the one of xxHash's own sanity check. */
static void test_known_bytes_have_the_published_checksum(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t seed;
        uint64_t value;
    } known[] = {
        {"", 0, UINT64_C(0xef46db3751d8e999)},
        {"", UINT64_C(2654435761), UINT64_C(0xac75fda2929b17ef)},
        {"a", 0, UINT64_C(0xd24ec4f1a98c6e5b)},
        {"abc", 0, UINT64_C(0x44bc2cf5ad770999)},
        {"Nobody inspects the spammish repetition", 0, UINT64_C(0xfbcea83c8a378bf1)},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_int_equal(checksum_of(known[i].text, strlen(known[i].text), known[i].seed),
                         known[i].value);
    }
}

static void test_no_bytes_need_no_memory(void **state) {
    (void)state;
    assert_int_equal(checksum_of(NULL, 0, 0), UINT64_C(0xef46db3751d8e999));
}

static void test_pieces_give_the_checksum_of_the_whole(void **state) {
    (void)state;
    struct err err;
    struct random random;
    random_seed(&random, 7);
    uint8_t data[200];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)random_u64(&random);
    }
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        struct checksum *checksum;
        MUST(checksum_new(&checksum, &err));
        checksum_update(checksum, data, cut);
        assert_int_equal(checksum_value(checksum), checksum_of(data, cut, 0));
        checksum_update(checksum, NULL, 0);
        checksum_update(checksum, data + cut, sizeof data - cut);
        assert_int_equal(checksum_value(checksum), checksum_of(data, sizeof data, 0));
        assert_int_equal(checksum_value(checksum), checksum_of(data, sizeof data, 0));
        checksum_free(checksum);
    }
}

static void test_free_accepts_nothing(void **state) {
    (void)state;
    checksum_free(NULL);
}

static void test_every_flipped_bit_changes_the_checksum(void **state) {
    (void)state;
    uint8_t data[64] = {0};
    uint64_t before = checksum_of(data, sizeof data, 9);
    for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(checksum_of(data, sizeof data, 9), before);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_not_equal(checksum_of(data, sizeof data, 8), before);
}

static void test_text_has_sixteen_digits_and_reads_back(void **state) {
    (void)state;
    char text[CHECKSUM_TEXT_BYTES];
    checksum_format(0, text);
    assert_string_equal(text, "0000000000000000");
    checksum_format(UINT64_C(0x0123456789abcdef), text);
    assert_string_equal(text, "0123456789abcdef");
    checksum_format(UINT64_MAX, text);
    assert_string_equal(text, "ffffffffffffffff");
    struct random random;
    random_seed(&random, 8);
    for (int i = 0; i < 1000; i++) {
        uint64_t value = random_u64(&random) >> random_below(&random, 64);
        uint64_t back;
        checksum_format(value, text);
        assert_int_equal(strlen(text), CHECKSUM_TEXT_BYTES - 1);
        assert_true(checksum_parse(text, &back));
        assert_int_equal(back, value);
    }
}

static void test_any_other_text_is_no_checksum(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        "0",
                                        "000000000000000",
                                        "00000000000000000",
                                        "0123456789ABCDEF",
                                        "0x23456789abcdef",
                                        "000000000000000g",
                                        " 00000000000000f",
                                        "-00000000000000f",
                                        "0000000\n0000000f"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t value = 5;
        if (checksum_parse(wrong[i], &value)) {
            fail_msg("\"%s\" was read as a checksum", wrong[i]);
        }
        assert_int_equal(value, 5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_bytes_have_the_published_checksum),
        cmocka_unit_test(test_no_bytes_need_no_memory),
        cmocka_unit_test(test_pieces_give_the_checksum_of_the_whole),
        cmocka_unit_test(test_free_accepts_nothing),
        cmocka_unit_test(test_every_flipped_bit_changes_the_checksum),
        cmocka_unit_test(test_text_has_sixteen_digits_and_reads_back),
        cmocka_unit_test(test_any_other_text_is_no_checksum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
