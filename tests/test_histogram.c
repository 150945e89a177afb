#include "stages/base/random.h"
#include "stages/tie_store/histogram.h"
#include "tests/framing.h"
#include "tests/state_testing.h"

static int compare_u32(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void an_empty_histogram_has_nothing(void **folder) {
    (void)folder;
    struct histogram histogram = {0};
    assert_int_equal(histogram.total, 0);
    assert_int_equal(histogram_sum(&histogram), 0);
    assert_true(histogram_mean(&histogram) == 0.0);
    assert_int_equal(histogram_count_to(&histogram, UINT32_MAX), 0);
    histogram_release(&histogram);
}

static void ranks_counts_sums_and_means_are_those_of_the_sorted_values(void **folder) {
    (void)folder;
    struct random random;
    random_seed(&random, 4);
    for (int round = 0; round < 40; round++) {
        struct err err;
        struct histogram histogram = {0};
        size_t count = 1 + random_below(&random, 800);
        uint64_t bound = 1 + random_below(&random, round % 2 == 0 ? 8 : 100000);
        uint32_t *values = calloc(count, sizeof *values);
        assert_non_null(values);
        uint64_t sum = 0;
        for (size_t i = 0; i < count; i++) {
            values[i] = (uint32_t)random_below(&random, bound);
            sum += values[i];
            MUST(histogram_add(&histogram, values[i], 1, &err));
        }
        qsort(values, count, sizeof *values, compare_u32);
        assert_int_equal(histogram.total, count);
        for (size_t rank = 1; rank <= count; rank++) {
            assert_int_equal(histogram_at_rank(&histogram, rank), values[rank - 1]);
        }
        for (size_t i = 0; i < count; i++) {
            size_t up_to = i + 1;
            while (up_to < count && values[up_to] == values[i]) {
                up_to++;
            }
            assert_int_equal(histogram_count_to(&histogram, values[i]), up_to);
        }
        assert_int_equal(histogram_count_to(&histogram, UINT32_MAX), count);
        assert_int_equal(histogram_sum(&histogram), sum);
        assert_true(histogram_mean(&histogram) == (double)sum / (double)count);
        free(values);
        histogram_release(&histogram);
    }
}

static void counts_may_be_added_many_at_once(void **folder) {
    (void)folder;
    struct err err;
    struct histogram histogram = {0};
    MUST(histogram_add(&histogram, 7, UINT64_C(1) << 40, &err));
    MUST(histogram_add(&histogram, 3, 1, &err));
    assert_int_equal(histogram_at_rank(&histogram, 1), 3);
    assert_int_equal(histogram_at_rank(&histogram, 2), 7);
    assert_int_equal(histogram_at_rank(&histogram, (UINT64_C(1) << 40) + 1), 7);
    assert_true(histogram_sum(&histogram) == (UINT64_C(7) << 40) + 3);
    histogram_release(&histogram);
}

static struct bytes file_make(void **folder, const struct histogram *histogram) {
    struct err err;
    struct output *output = state_file_start(folder, "cohort.tff");
    MUST(histogram_save(histogram, output, &err));
    return state_file_finish(folder, "cohort.tff", output);
}

static void a_saved_histogram_loads_back(void **folder) {
    static const size_t sizes[] = {0, 1, 2, 1000, 40000};
    struct random random;
    random_seed(&random, 5);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct err err;
        struct histogram histogram = {0};
        struct histogram loaded = {0};
        for (size_t i = 0; i < sizes[s]; i++) {
            MUST(histogram_add(&histogram, (uint32_t)random_below(&random, 3 * sizes[s]),
                               random_u64(&random) >> 30, &err));
        }
        struct bytes file = file_make(folder, &histogram);
        struct input *input = state_file_input(&file);
        MUST(histogram_load(&loaded, LIMIT_NODES, input, &err));
        input_close(input);
        assert_true(loaded.total == histogram.total);
        for (size_t value = 0; value < 3 * sizes[s]; value++) {
            uint64_t expected = value < histogram.size ? histogram.counts[value] : 0;
            assert_true((value < loaded.size ? loaded.counts[value] : 0) == expected);
        }
        struct bytes again = file_make(folder, &loaded);
        assert_same_bytes(&file, &again);
        bytes_release(&file);
        histogram_release(&histogram);
        histogram_release(&loaded);
    }
}

static void more_values_than_a_frame_holds_are_refused(void **folder) {
    struct err err;
    struct histogram histogram = {0};
    struct output *output = state_file_start(folder, "histogram.tff");
    for (uint32_t value = 0; value <= LIMIT_FRAME_ITEMS; value++) {
        MUST(histogram_add(&histogram, LIMIT_FRAME_ITEMS - value, 1, &err));
    }
    MUST_FAIL(histogram_save(&histogram, output, &err), FAILURE_DATA, "4194305 distinct");
    output_discard(output);
    histogram_release(&histogram);
}

/* --- files made by hand --- */

struct item {
    uint32_t value;
    uint64_t count;
};

static void items_put(struct framing *framing, enum frame_kind kind, uint32_t claimed,
                      const struct item *items, size_t count) {
    uint8_t payload[8 * 12];
    assert_true(count > 0 && count <= 8);
    for (size_t i = 0; i < count; i++) {
        for (unsigned k = 0; k < 4; k++) {
            payload[k * count + i] = (uint8_t)(items[i].value >> (8 * k));
        }
        for (unsigned k = 0; k < 8; k++) {
            payload[(4 + k) * count + i] = (uint8_t)(items[i].count >> (8 * k));
        }
    }
    struct frame frame = {kind, claimed, items[0].value, items[count - 1].value, count * 12};
    framing_put(framing, frame, payload);
}

/* Ends and releases the file. */
static void must_not_load(struct framing *framing) {
    struct err err;
    struct histogram histogram = {0};
    framing_end(framing);
    struct input *input = state_file_input(&framing->file);
    MUST_FAIL(histogram_load(&histogram, LIMIT_NODES, input, &err), FAILURE_DATA, "memory.tff");
    input_close(input);
    histogram_release(&histogram);
    framing_release(framing);
}

static void the_bytes_are_those_of_the_header(void **folder) {
    struct err err;
    static const struct item items[] = {{0, 5}, {3, UINT64_C(1) << 50}, {70000, 1}};
    struct framing framing = {0};
    items_put(&framing, FRAME_HISTOGRAM, 3, items, 3);
    framing_end(&framing);
    struct histogram histogram = {0};
    for (size_t i = 3; i-- > 0;) {
        MUST(histogram_add(&histogram, items[i].value, items[i].count, &err));
    }
    struct bytes file = file_make(folder, &histogram);
    assert_same_bytes(&framing.file, &file);
    framing_release(&framing);
    histogram_release(&histogram);
}

static void values_that_do_not_ascend_or_have_no_count_are_refused(void **folder) {
    (void)folder;
    static const struct item twice[] = {{3, 5}, {3, 1}};
    static const struct item falling[] = {{3, 5}, {2, 1}};
    static const struct item none[] = {{3, 5}, {4, 0}};
    struct framing framing = {0};
    items_put(&framing, FRAME_HISTOGRAM, 2, twice, 2);
    must_not_load(&framing);
    items_put(&framing, FRAME_HISTOGRAM, 2, falling, 2);
    must_not_load(&framing);
    items_put(&framing, FRAME_HISTOGRAM, 2, none, 2);
    must_not_load(&framing);
}

static void values_and_totals_out_of_range_are_refused(void **folder) {
    (void)folder;
    static const struct item over[] = {{1, UINT64_MAX}, {2, 1}};
    static const struct item no_such_value[] = {{LIMIT_NODES, 1}};
    static const struct item largest_value[] = {{UINT32_MAX, 1}};
    struct framing framing = {0};
    items_put(&framing, FRAME_HISTOGRAM, 2, over, 2);
    must_not_load(&framing);
    items_put(&framing, FRAME_HISTOGRAM, 1, no_such_value, 1);
    must_not_load(&framing);
    items_put(&framing, FRAME_HISTOGRAM, 1, largest_value, 1);
    must_not_load(&framing);
}

/* A tie with M mutual connections comes after the 2 M ties that made them. */
static void more_mutual_connections_than_the_ties_can_make_are_refused(void **folder) {
    (void)folder;
    struct err err;
    static const struct item just[] = {{0, 6}, {3, 1}};
    static const struct item beyond[] = {{0, 5}, {3, 1}};
    static const struct item hostile[] = {{LIMIT_NODES - 1, 1}};
    struct framing framing = {0};
    struct histogram histogram = {0};
    items_put(&framing, FRAME_HISTOGRAM, 2, just, 2);
    framing_end(&framing);
    struct input *input = state_file_input(&framing.file);
    MUST(histogram_load(&histogram, LIMIT_NODES, input, &err));
    input_close(input);
    histogram_release(&histogram);
    framing_release(&framing);
    items_put(&framing, FRAME_HISTOGRAM, 2, beyond, 2);
    must_not_load(&framing);
    items_put(&framing, FRAME_HISTOGRAM, 1, hostile, 1);
    must_not_load(&framing);
}

static void more_mutual_connections_than_members_are_refused(void **folder) {
    (void)folder;
    static const struct item items[] = {{0, 1000}, {7, 1}};
    for (uint64_t members = 0; members < 12; members++) {
        struct err err;
        struct framing framing = {0};
        struct histogram histogram = {0};
        items_put(&framing, FRAME_HISTOGRAM, 2, items, 2);
        framing_end(&framing);
        struct input *input = state_file_input(&framing.file);
        if (members > 7) {
            MUST(histogram_load(&histogram, members, input, &err));
        } else {
            MUST_FAIL(histogram_load(&histogram, members, input, &err), FAILURE_DATA, "members");
        }
        input_close(input);
        histogram_release(&histogram);
        framing_release(&framing);
    }
}

static void counts_and_kinds_that_do_not_fit_are_refused(void **folder) {
    (void)folder;
    static const struct item items[] = {{0, 9}, {1, 1}};
    for (uint32_t claimed = 0; claimed < 4; claimed++) {
        struct framing framing = {0};
        if (claimed != 2) {
            items_put(&framing, FRAME_HISTOGRAM, claimed, items, 2);
            must_not_load(&framing);
        }
    }
    struct framing framing = {0};
    items_put(&framing, FRAME_ENDINGS, 1, items, 2);
    must_not_load(&framing);
}

static void a_file_of_no_frame_or_of_two_is_refused(void **folder) {
    (void)folder;
    static const struct item items[] = {{0, 9}, {1, 1}};
    struct framing framing = {0};
    must_not_load(&framing);
    items_put(&framing, FRAME_HISTOGRAM, 2, items, 2);
    items_put(&framing, FRAME_HISTOGRAM, 2, items, 2);
    must_not_load(&framing);
}

static void a_file_cut_anywhere_or_with_a_flipped_bit_is_refused(void **folder) {
    (void)folder;
    static const struct item items[] = {{0, 9}, {1, 1}, {2, 4}};
    struct framing framing = {0};
    items_put(&framing, FRAME_HISTOGRAM, 3, items, 3);
    framing_end(&framing);
    struct bytes *file = &framing.file;
    for (size_t bit = 0; bit < file->count * 9; bit++) {
        struct err err;
        struct histogram histogram = {0};
        uint8_t mask = (uint8_t)(1 << (bit & 7));
        bool is_cut = bit >= file->count * 8;
        struct bytes damaged = {.data = file->data,
                                .count = is_cut ? bit - file->count * 8 : file->count};
        file->data[bit / 8 % file->count] ^= is_cut ? 0 : mask;
        struct input *input = state_file_input(&damaged);
        MUST_FAIL(histogram_load(&histogram, LIMIT_NODES, input, &err), FAILURE_DATA, "memory.tff");
        input_close(input);
        file->data[bit / 8 % file->count] ^= is_cut ? 0 : mask;
        histogram_release(&histogram);
    }
    framing_release(&framing);
}

static void values_added_as_a_row_and_histograms_merged_are_the_values_one_by_one(void **folder) {
    (void)folder;
    struct random random;
    random_seed(&random, 9);
    for (int round = 0; round < 40; round++) {
        struct err err;
        struct histogram one_by_one = {0};
        struct histogram part = {0};
        struct histogram merged = {0};
        for (int row = 0; row < 5; row++) {
            uint32_t values[300];
            size_t count = random_below(&random, 300);
            for (size_t i = 0; i < count; i++) {
                values[i] = (uint32_t)random_below(&random, round % 2 == 0 ? 8 : 5000);
                MUST(histogram_add(&one_by_one, values[i], 1, &err));
            }
            MUST(histogram_add_each(&part, values, count, &err));
            if (row % 2 == 1) {
                MUST(histogram_merge(&merged, &part, &err));
                histogram_release(&part);
            }
        }
        MUST(histogram_merge(&merged, &part, &err));
        assert_int_equal(merged.total, one_by_one.total);
        for (uint32_t value = 0; value < 5000; value++) {
            assert_int_equal(histogram_count_to(&merged, value),
                             histogram_count_to(&one_by_one, value));
        }
        histogram_release(&one_by_one);
        histogram_release(&part);
        histogram_release(&merged);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_histogram_has_nothing),
        cmocka_unit_test(ranks_counts_sums_and_means_are_those_of_the_sorted_values),
        cmocka_unit_test(counts_may_be_added_many_at_once),
        SCRATCH_TEST(more_values_than_a_frame_holds_are_refused),
        cmocka_unit_test(values_added_as_a_row_and_histograms_merged_are_the_values_one_by_one),
        SCRATCH_TEST(a_saved_histogram_loads_back),
        SCRATCH_TEST(the_bytes_are_those_of_the_header),
        cmocka_unit_test(values_that_do_not_ascend_or_have_no_count_are_refused),
        cmocka_unit_test(values_and_totals_out_of_range_are_refused),
        cmocka_unit_test(more_mutual_connections_than_the_ties_can_make_are_refused),
        cmocka_unit_test(more_mutual_connections_than_members_are_refused),
        cmocka_unit_test(counts_and_kinds_that_do_not_fit_are_refused),
        cmocka_unit_test(a_file_of_no_frame_or_of_two_is_refused),
        cmocka_unit_test(a_file_cut_anywhere_or_with_a_flipped_bit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
