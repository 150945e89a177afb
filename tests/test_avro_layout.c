#include "stages/decode/avro_layout.h"

#include "schemas/limits.h"
#include "tests/avro_testing.h"

#include <stdlib.h>

static struct err err;
static char reason[MALFORMED_REASON_BYTES];

enum { ROOT, FIRST };

/* A record of one field, whose type follows: its node is FIRST. */
static void begin(struct layout *layout) {
    uint32_t root;
    MUST(layout_add(layout, LAYOUT_RECORD, 0, 1, &root, &err));
    assert_int_equal(root, ROOT);
    layout->children[0] = FIRST;
}

static uint32_t add(struct layout *layout, enum layout_type type, uint64_t count, size_t children) {
    uint32_t index;
    MUST(layout_add(layout, type, count, children, &index, &err));
    return index;
}

static void child(struct layout *layout, uint32_t parent, size_t which, uint32_t node) {
    layout->children[layout->nodes[parent].first + which] = node;
}

/* Walks memory of exactly the data's size; gives how far it came. */
static enum datum_outcome walk(const struct layout *layout, const struct bytes *data,
                               size_t *used) {
    uint8_t *copy = malloc(data->count + (data->count == 0));
    assert_non_null(copy);
    if (data->count != 0) {
        memcpy(copy, data->data, data->count);
    }
    struct cursor cursor = cursor_over(copy, data->count);
    size_t field;
    enum datum_outcome outcome = layout_walk(layout, ROOT, &cursor, &field, reason);
    assert_true(outcome == DATUM_EVENT || field < layout->nodes[ROOT].count);
    *used = cursor.at;
    free(copy);
    return outcome;
}

/* The data of a record of one field of the type. */
static void expect(enum layout_type type, uint64_t count, const char *digits,
                   enum datum_outcome outcome, const char *part) {
    struct layout layout = {0};
    struct bytes data = {0};
    size_t used;
    begin(&layout);
    (void)add(&layout, type, count, 0);
    put_hex(&data, digits);
    reason[0] = '\0';
    assert_int_equal(walk(&layout, &data, &used), outcome);
    if (outcome != DATUM_BROKEN) {
        assert_int_equal(used, data.count);
    }
    if (strstr(reason, part) == NULL) {
        fail_msg("%s: \"%s\" without \"%s\"", digits, reason, part);
    }
    bytes_release(&data);
    layout_release(&layout);
}

static void test_plain_values_are_measured(void **state) {
    (void)state;
    expect(LAYOUT_NULL, 0, "", DATUM_EVENT, "");
    expect(LAYOUT_BOOLEAN, 0, "01", DATUM_EVENT, "");
    expect(LAYOUT_INT, 0, "ffffffff0f", DATUM_EVENT, "");
    expect(LAYOUT_LONG, 0, "ffffffffffffffffff01", DATUM_EVENT, "");
    expect(LAYOUT_FIXED, 3, "0a0b0c", DATUM_EVENT, "");
    expect(LAYOUT_FIXED, 0, "", DATUM_EVENT, "");
    expect(LAYOUT_BYTES, 0, "00", DATUM_EVENT, "");
    expect(LAYOUT_BYTES, 0, "04abcd", DATUM_EVENT, "");
    expect(LAYOUT_ENUM, 2, "02", DATUM_EVENT, "");
}

static void test_values_out_of_range_are_unfit_and_still_have_an_end(void **state) {
    (void)state;
    expect(LAYOUT_BOOLEAN, 0, "02", DATUM_UNFIT, "a boolean that is neither 0 nor 1 (2)");
    expect(LAYOUT_INT, 0, "8080808010", DATUM_UNFIT, "an int of over 32 bits (2147483648)");
    expect(LAYOUT_ENUM, 2, "04", DATUM_UNFIT, "a symbol that the enum does not have (2)");
    expect(LAYOUT_ENUM, 2, "01", DATUM_UNFIT, "a symbol that the enum does not have (-1)");
}

static void test_lengths_that_lie_are_broken(void **state) {
    (void)state;
    expect(LAYOUT_BOOLEAN, 0, "", DATUM_BROKEN, "cut off");
    expect(LAYOUT_LONG, 0, "80", DATUM_BROKEN, "cut off");
    expect(LAYOUT_LONG, 0, "ffffffffffffffffffff01", DATUM_BROKEN, "over 64 bits");
    expect(LAYOUT_FIXED, 3, "0a0b", DATUM_BROKEN, "cut off");
    expect(LAYOUT_FIXED, UINT64_MAX, "0a0b", DATUM_BROKEN, "cut off");
    expect(LAYOUT_BYTES, 0, "06abcd", DATUM_BROKEN, "cut off");
    expect(LAYOUT_BYTES, 0, "01", DATUM_BROKEN, "a negative length");
    expect(LAYOUT_BYTES, 0, "feffffffffffffffff01", DATUM_BROKEN, "cut off"); /* 2^63 - 1 */
    expect(LAYOUT_BYTES, 0, "ffffffffffffffffff01", DATUM_BROKEN, "a negative length");
    expect(LAYOUT_ENUM, 2, "", DATUM_BROKEN, "cut off");
}

/* A record of an array, or map, of the item. */
static void expect_items(enum layout_type type, enum layout_type item, uint64_t count,
                         const char *digits, enum datum_outcome outcome, const char *part) {
    struct layout layout = {0};
    struct bytes data = {0};
    size_t used;
    begin(&layout);
    uint32_t array = add(&layout, type, 0, 1);
    child(&layout, array, 0, add(&layout, item, count, 0));
    put_hex(&data, digits);
    reason[0] = '\0';
    assert_int_equal(walk(&layout, &data, &used), outcome);
    if (outcome == DATUM_EVENT) {
        assert_int_equal(used, data.count);
    }
    if (strstr(reason, part) == NULL) {
        fail_msg("%s: \"%s\" without \"%s\"", digits, reason, part);
    }
    bytes_release(&data);
    layout_release(&layout);
}

static void test_blocks_of_items_are_measured(void **state) {
    (void)state;
    expect_items(LAYOUT_ARRAY, LAYOUT_LONG, 0, "00", DATUM_EVENT, "");
    expect_items(LAYOUT_ARRAY, LAYOUT_LONG, 0, "04020400", DATUM_EVENT, "");
    expect_items(LAYOUT_ARRAY, LAYOUT_LONG, 0,
                 "0402040206"
                 "00",
                 DATUM_EVENT, "");
    expect_items(LAYOUT_ARRAY, LAYOUT_LONG, 0,
                 "03"
                 "04"
                 "0204"
                 "00",
                 DATUM_EVENT, ""); /* sized */
    expect_items(LAYOUT_ARRAY, LAYOUT_NULL, 0,
                 "14"
                 "00",
                 DATUM_EVENT, "");
    expect_items(LAYOUT_MAP, LAYOUT_BYTES, 0,
                 "04"
                 "026104aabb"
                 "00"
                 "00"
                 "00",
                 DATUM_EVENT, "");
    expect_items(LAYOUT_MAP, LAYOUT_NULL, 0,
                 "01"
                 "04"
                 "0261"
                 "00",
                 DATUM_EVENT, "");
}

static void test_blocks_that_lie_are_broken(void **state) {
    (void)state;
    expect_items(LAYOUT_ARRAY, LAYOUT_LONG, 0, "", DATUM_BROKEN, "cut off");
    expect_items(LAYOUT_ARRAY, LAYOUT_LONG, 0, "0402", DATUM_BROKEN, "cut off");
    expect_items(LAYOUT_ARRAY, LAYOUT_LONG, 0,
                 "03"
                 "02"
                 "0204"
                 "00",
                 DATUM_BROKEN, "does not end where it claims to");
    expect_items(LAYOUT_ARRAY, LAYOUT_LONG, 0,
                 "03"
                 "06"
                 "0204"
                 "00",
                 DATUM_BROKEN, "does not end where it claims to");
    expect_items(LAYOUT_ARRAY, LAYOUT_LONG, 0,
                 "03"
                 "7e"
                 "0204"
                 "00",
                 DATUM_BROKEN, "claims more than there is");
    expect_items(LAYOUT_ARRAY, LAYOUT_LONG, 0,
                 "03"
                 "01"
                 "0204"
                 "00",
                 DATUM_BROKEN, "claims more than there is");
    expect_items(LAYOUT_ARRAY, LAYOUT_NULL, 0,
                 "ffffffffffffffffff01"
                 "00"
                 "00",
                 DATUM_BROKEN, "claims more than there is"); /* -2^63 items */
    expect_items(LAYOUT_MAP, LAYOUT_NULL, 0,
                 "02"
                 "feffffffffffffffff01",
                 DATUM_BROKEN, "cut off");
}

static void test_items_of_no_bytes_end_soon(void **state) {
    (void)state;
    static const char *const counts[] = {"80808080808080808001",    /* 2^62 */
                                         "feffffffffffffffff01",    /* 2^63 - 1 */
                                         "fdffffffffffffffff0100"}; /* 1 - 2^63, of no bytes */
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        expect_items(LAYOUT_ARRAY, LAYOUT_NULL, 0, counts[i], DATUM_BROKEN,
                     "more items than so few bytes can mean");
        expect_items(LAYOUT_ARRAY, LAYOUT_FIXED, 0, counts[i], DATUM_BROKEN,
                     "more items than so few bytes can mean");
    }
}

static void test_records_that_double_at_every_level_end_soon(void **state) {
    (void)state;
    struct layout layout = {0};
    struct bytes data = {0};
    size_t used;
    begin(&layout);
    for (uint32_t level = 0; level < 60; level++) { /* 2^60 nulls of no bytes */
        uint32_t record = add(&layout, LAYOUT_RECORD, 0, 2);
        child(&layout, record, 0, record + 1);
        child(&layout, record, 1, record + 1);
    }
    (void)add(&layout, LAYOUT_NULL, 0, 0);
    assert_int_equal(walk(&layout, &data, &used), DATUM_BROKEN);
    assert_non_null(strstr(reason, "more items than so few bytes can mean"));
    layout_release(&layout);
}

/* A union of null and of the root: data choose how deep they nest. */
static void nesting_begin(struct layout *layout) {
    begin(layout);
    uint32_t choice = add(layout, LAYOUT_UNION, 0, 2);
    child(layout, choice, 0, add(layout, LAYOUT_NULL, 0, 0));
    child(layout, choice, 1, ROOT);
}

static void test_data_nest_to_the_limit_and_no_deeper(void **state) {
    (void)state;
    struct layout layout = {0};
    struct bytes data = {0};
    size_t used;
    nesting_begin(&layout);
    for (size_t depth = 1; depth <= LIMIT_DATUM_DEPTH; depth++) {
        /* Each "02" is a union and the record in it; "00" a union and a null. */
        data.count = 0;
        for (size_t i = 1; i < depth; i++) {
            put_hex(&data, "02");
        }
        put_hex(&data, "00");
        size_t levels = 2 * depth + 1;
        assert_int_equal(walk(&layout, &data, &used),
                         levels <= LIMIT_DATUM_DEPTH ? DATUM_EVENT : DATUM_BROKEN);
        assert_true(levels <= LIMIT_DATUM_DEPTH || strstr(reason, "nests too deep") != NULL);
    }
    bytes_release(&data);
    layout_release(&layout);
}

static void test_branch_that_a_union_does_not_have_is_broken(void **state) {
    (void)state;
    static const char *const branches[] = {"04", "01", "ffffffffffffffffff01"};
    struct layout layout = {0};
    size_t used;
    nesting_begin(&layout);
    for (size_t i = 0; i < sizeof branches / sizeof branches[0]; i++) {
        struct bytes data = {0};
        put_hex(&data, branches[i]);
        assert_int_equal(walk(&layout, &data, &used), DATUM_BROKEN);
        assert_non_null(strstr(reason, "a branch that the union does not have"));
        bytes_release(&data);
    }
    layout_release(&layout);
}

static void test_field_that_is_wrong_is_told(void **state) {
    (void)state;
    struct layout layout = {0};
    uint32_t root = add(&layout, LAYOUT_RECORD, 0, 4);
    child(&layout, root, 0, add(&layout, LAYOUT_LONG, 0, 0));
    child(&layout, root, 1, add(&layout, LAYOUT_ENUM, 2, 0));
    child(&layout, root, 2, add(&layout, LAYOUT_BYTES, 0, 0));
    child(&layout, root, 3, add(&layout, LAYOUT_BOOLEAN, 0, 0));
    static const struct {
        const char *digits;
        enum datum_outcome outcome;
        size_t field;
    } cases[] = {{"80", DATUM_BROKEN, 0},       {"0002", DATUM_BROKEN, 2},
                 {"000808ab", DATUM_BROKEN, 2}, {"0008000f", DATUM_UNFIT, 1},
                 {"0002000f", DATUM_UNFIT, 3},  {"000200", DATUM_BROKEN, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes data = {0};
        put_hex(&data, cases[i].digits);
        struct cursor cursor = cursor_over(data.data, data.count);
        size_t field;
        assert_int_equal(layout_walk(&layout, root, &cursor, &field, reason), cases[i].outcome);
        assert_int_equal(field, cases[i].field);
        bytes_release(&data);
    }
    layout_release(&layout);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_values_are_measured),
        cmocka_unit_test(test_values_out_of_range_are_unfit_and_still_have_an_end),
        cmocka_unit_test(test_lengths_that_lie_are_broken),
        cmocka_unit_test(test_blocks_of_items_are_measured),
        cmocka_unit_test(test_blocks_that_lie_are_broken),
        cmocka_unit_test(test_items_of_no_bytes_end_soon),
        cmocka_unit_test(test_records_that_double_at_every_level_end_soon),
        cmocka_unit_test(test_data_nest_to_the_limit_and_no_deeper),
        cmocka_unit_test(test_branch_that_a_union_does_not_have_is_broken),
        cmocka_unit_test(test_field_that_is_wrong_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
