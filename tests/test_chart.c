/* Charts as text: what is drawn, and that nothing is drawn outside. */
#include "tests/report_testing.h"
#include "tests/testing.h"

#include "stages/report/chart.h"
#include "stages/report/finding.h"

#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 320, HEIGHT = 240 };

/* The chart as a text in new memory. */
static char *rates_drawn(struct dose_bin *bins, size_t count, const struct dose_bin *marked) {
    struct dose_curve curve = {bins, count};
    struct html html = {0};
    struct err err;
    const struct rate_chart chart = {
        .curve = &curve,
        .unit = rate_unit_for(0.005),
        .top = rate_chart_top(&curve),
        .title = "a <title>",
        .noun = "mutual connections",
        .marked = marked,
        .has_axis = true,
        .is_detailed = true,
        .has_counts = true,
    };
    rate_chart_put(&html, &chart, (struct chart_size){"only", WIDTH, HEIGHT});
    MUST(html_finish(&html, &err));
    MUST(bytes_append(&html.text, "", 1, &err));
    return (char *)html.text.data;
}

static size_t count_of(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

/* Every number behind `attribute` lies in [0, most]. */
static void assert_within(const char *text, const char *attribute, double most) {
    for (const char *at = strstr(text, attribute); at != NULL; at = strstr(at + 1, attribute)) {
        double value = strtod(at + strlen(attribute), NULL);
        assert_true(value >= 0 && value <= most);
    }
}

static void assert_drawn_inside(const char *text) {
    static const char *const across[] = {" x=\"", " x1=\"", " x2=\"", " cx=\""};
    static const char *const down[] = {" y=\"", " y1=\"", " y2=\"", " cy=\""};
    for (size_t i = 0; i < 4; i++) {
        assert_within(text, across[i], WIDTH);
        assert_within(text, down[i], HEIGHT);
    }
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
}

static void test_every_bin_has_a_dot_an_interval_and_its_numbers(void **state) {
    (void)state;
    struct dose_bin bins[] = {bin_of("0", 100000, 200, 60), bin_of("1", 100000, 460, 80),
                              bin_of("2-3", 1000, 3, 1)};
    char *text = rates_drawn(bins, 3, &bins[1]);
    assert_int_equal(count_of(text, "<circle"), 3);
    assert_int_equal(count_of(text, "dot thin"), 1);
    assert_int_equal(count_of(text, "\"interval\""), 2);
    assert_int_equal(count_of(text, "\"interval thin\""), 1);
    assert_int_equal(count_of(text, "\"chance\""), 3);
    assert_int_equal(count_of(text, "<polyline"), 1);
    assert_non_null(strstr(text, "460 of 100,000 sides at risk"));
    assert_non_null(strstr(text, "by chance 0.60"));
    assert_non_null(strstr(text, ">4.60</text>")); /* the marked one */
    assert_non_null(strstr(text, "a &lt;title&gt;"));
    assert_drawn_inside(text);
    free(text);
}

static void test_bins_without_sides_at_risk_have_no_dot(void **state) {
    (void)state;
    struct dose_bin bins[] = {bin_of("0", 1000, 20, 0), bin_of("1", 0, 0, 0)};
    char *text = rates_drawn(bins, 2, NULL);
    assert_int_equal(count_of(text, "<circle"), 1);
    assert_drawn_inside(text);
    free(text);
}

static void test_one_wild_bin_does_not_flatten_the_others(void **state) {
    (void)state;
    struct dose_bin bins[] = {bin_of("0", 100000, 200, 0), bin_of("1", 100000, 460, 0),
                              bin_of("2-3", 1, 1, 0)};
    struct dose_curve curve = {bins, 3};
    double top = rate_chart_top(&curve);
    assert_true(top > 0.0046 && top < 0.01);
    char *text = rates_drawn(bins, 3, NULL);
    assert_int_equal(count_of(text, "<circle"), 2);
    assert_int_equal(count_of(text, "<path class=\"dot\""), 1); /* an arrow at the edge */
    assert_non_null(strstr(text, ">1,000</text>"));
    assert_drawn_inside(text);
    free(text);
}

static void test_curves_of_no_one_and_thirty_bins_can_be_drawn(void **state) {
    (void)state;
    enum { MANY = 30 };
    struct dose_bin bins[MANY];
    char labels[MANY][32];
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(labels[i], sizeof labels[i], "%llu-%llu", 1ULL << i, (2ULL << i) - 1);
        bins[i] = bin_of(labels[i], 1000000, 100.0 * (double)(i + 1), 1);
        bins[i].low = (double)(1ULL << i);
        bins[i].high = (double)((2ULL << i) - 1);
    }
    for (size_t count = 0; count <= MANY; count++) {
        char *text = rates_drawn(bins, count, NULL);
        assert_int_equal(count_of(text, "<circle"), count);
        assert_int_equal(count_of(text, "</svg>"), 1);
        assert_drawn_inside(text);
        free(text);
    }
}

static void test_top_is_above_nothing_even_without_transmissions(void **state) {
    (void)state;
    struct dose_bin bins[] = {bin_of("0", 1000, 0, 0), bin_of("1", 0, 0, 0)};
    struct dose_curve curve = {bins, 2};
    struct dose_curve none = {NULL, 0};
    assert_true(rate_chart_top(&curve) > 0 && rate_chart_top(&curve) <= 1);
    assert_true(rate_chart_top(&none) > 0);
}

static void test_pairs_of_bars_leave_out_what_is_unknown(void **state) {
    (void)state;
    const struct pair_bar bars[] = {
        {.label = "weak", .first = 0.25, .second = 0.5},
        {.label = "<strong>", .first = NAN, .second = 0},
    };
    const struct pair_chart chart = {
        .bars = bars,
        .count = 2,
        .unit = rate_unit_for(1),
        .axis = "% of all",
        .title = "pairs",
        .noun = "tercile",
        .first_name = "of the one",
        .second_name = "of the other",
    };
    struct html html = {0};
    struct err err;
    pair_chart_put(&html, &chart, (struct chart_size){"only", WIDTH, HEIGHT});
    MUST(html_finish(&html, &err));
    MUST(bytes_append(&html.text, "", 1, &err));
    const char *text = (const char *)html.text.data;
    assert_int_equal(count_of(text, "class=\"first\""), 1);
    assert_int_equal(count_of(text, "class=\"second\""), 2);
    assert_non_null(strstr(text, "weak tercile: 50.0\xc2\xa0% of the other"));
    assert_non_null(strstr(text, "&lt;strong&gt;"));
    assert_drawn_inside(text);
    html_release(&html);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bin_has_a_dot_an_interval_and_its_numbers),
        cmocka_unit_test(test_bins_without_sides_at_risk_have_no_dot),
        cmocka_unit_test(test_one_wild_bin_does_not_flatten_the_others),
        cmocka_unit_test(test_curves_of_no_one_and_thirty_bins_can_be_drawn),
        cmocka_unit_test(test_top_is_above_nothing_even_without_transmissions),
        cmocka_unit_test(test_pairs_of_bars_leave_out_what_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
