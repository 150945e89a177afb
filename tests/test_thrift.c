/* Known bytes of Thrift's compact protocol. */
#include "tests/testing.h"

#include "stages/sink/thrift.h"

#include <string.h>

static void assert_bytes(const struct bytes *got, const char *expected, size_t count) {
    assert_int_equal(got->count, count);
    assert_memory_equal(got->data, expected, count);
}

static void test_integers_are_zigzag_varints(void **state) {
    (void)state;
    struct err err = {0};
    struct bytes out = {0};
    struct thrift thrift;
    thrift_begin(&thrift, &out, &err);
    thrift_struct_open(&thrift, THRIFT_ITEM);
    thrift_i32(&thrift, 1, 0);
    thrift_i32(&thrift, 2, -1);
    thrift_i32(&thrift, 3, 150);
    thrift_i64(&thrift, 4, INT64_MIN);
    thrift_i8(&thrift, 5, 64);
    thrift_struct_close(&thrift);
    MUST(thrift_end(&thrift));
    assert_bytes(&out,
                 "\x15\x00"
                 "\x15\x01"
                 "\x15\xac\x02"
                 "\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                 "\x13\x40"
                 "\x00",
                 21);
    bytes_release(&out);
}

static void test_far_field_ids_are_written_in_full(void **state) {
    (void)state;
    struct err err = {0};
    struct bytes out = {0};
    struct thrift thrift;
    thrift_begin(&thrift, &out, &err);
    thrift_struct_open(&thrift, THRIFT_ITEM);
    thrift_bool(&thrift, 15, true);
    thrift_bool(&thrift, 31, false);
    thrift_struct_close(&thrift);
    MUST(thrift_end(&thrift));
    assert_bytes(&out, "\xf1\x02\x3e\x00", 4);
    bytes_release(&out);
}

static void test_inner_struct_counts_its_own_field_ids(void **state) {
    (void)state;
    struct err err = {0};
    struct bytes out = {0};
    struct thrift thrift;
    thrift_begin(&thrift, &out, &err);
    thrift_struct_open(&thrift, THRIFT_ITEM);
    thrift_struct_open(&thrift, 3);
    thrift_i32(&thrift, 1, 1);
    thrift_struct_close(&thrift);
    thrift_text(&thrift, 4, "ab", 2);
    thrift_struct_close(&thrift);
    MUST(thrift_end(&thrift));
    assert_bytes(&out,
                 "\x3c\x15\x02\x00\x18\x02"
                 "ab\x00",
                 9);
    bytes_release(&out);
}

static void test_lists_of_fifteen_items_and_more_have_a_long_header(void **state) {
    (void)state;
    struct err err = {0};
    for (size_t count = 14; count <= 15; count++) {
        struct bytes items = {0};
        struct bytes out = {0};
        struct thrift thrift;
        thrift_begin(&thrift, &items, &err);
        for (size_t i = 0; i < count; i++) {
            thrift_i32(&thrift, THRIFT_ITEM, 1);
        }
        MUST(thrift_end(&thrift));
        thrift_begin(&thrift, &out, &err);
        thrift_struct_open(&thrift, THRIFT_ITEM);
        thrift_list(&thrift, 1, THRIFT_I32, count);
        thrift_copy(&thrift, &items);
        thrift_struct_close(&thrift);
        MUST(thrift_end(&thrift));
        const char *header = count == 14 ? "\x19\xe5" : "\x19\xf5\x0f";
        size_t header_bytes = strlen(header);
        assert_int_equal(out.count, header_bytes + count + 1);
        assert_memory_equal(out.data, header, header_bytes);
        bytes_release(&items);
        bytes_release(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_zigzag_varints),
        cmocka_unit_test(test_far_field_ids_are_written_in_full),
        cmocka_unit_test(test_inner_struct_counts_its_own_field_ids),
        cmocka_unit_test(test_lists_of_fifteen_items_and_more_have_a_long_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
