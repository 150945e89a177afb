/* Small multiples share one scale within a kind of segment, so that their heights compare; a value
 * with little data cannot stretch it (rate_chart_top).
 */
#include "stages/report/page_comparisons.h"

#include "stages/report/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Charts of one kind; what is beyond stands in the table. */
enum { MINIS_MAX = 12, HALF_MINIS = 3, SEGMENT_ROWS_MAX = 1500, ARM_ROWS_MAX = 1000 };

static const char key_of_terciles[] =
    "<p class=\"key\"><span><i class=\"weak\"></i>weak ties</span><span><i class=\"medium\"></i>"
    "medium</span><span><i class=\"strong\"></i>strong</span></p>\n";

/* --- credit by rule --- */

static double credit_sum(const struct dose_curve *curve, size_t rule) {
    double sum = 0;
    for (size_t i = 0; i < curve->count; i++) {
        sum += isnan(curve->bins[i].credit[rule]) ? 0 : curve->bins[i].credit[rule];
    }
    return sum;
}

static void rule_put(struct html *html, const struct dose_curve *terciles, size_t rule) {
    static const char *const meanings[CREDIT_RULES] = {
        [CREDIT_EACH] = "every eligible contact counts as one",
        [CREDIT_EQUAL] = "a move is shared equally by its contacts",
        [CREDIT_LAST] = "the newest tie takes it all",
        [CREDIT_STRENGTH] = "shared in proportion to strength",
    };
    static const char *const classes[] = {"weak", "medium", "strong"};
    double sum = credit_sum(terciles, rule);
    html_format(html, "<div><b>%s</b><small>%s</small></div>\n<div class=\"stack\">",
                credit_rule_name((enum credit_rule)rule), meanings[rule]);
    for (size_t i = 0; i < terciles->count && i < 3; i++) {
        char share[FIGURE_BYTES];
        double part = terciles->bins[i].credit[rule] / sum;
        if (part > 0 && part <= 1) {
            (void)figure_percent(share, part);
            html_format(html, "<span class=\"%s\" style=\"width:%.2f%%\" title=\"%s %s\">%s</span>",
                        classes[i], part * 100, classes[i], share, part >= 0.11 ? share : "");
        }
    }
    html_put(html, "</div>\n");
}

void page_rules_put(struct html *html, const struct page *page) {
    const struct dose_curve *terciles = &page->data->curves[CURVE_TERCILES];
    if (!(credit_sum(terciles, CREDIT_EACH) > 0)) {
        return;
    }
    page_section_begin(html, "Who gets the credit",
                       "The moves with an eligible contact, by the tercile of the ties that are "
                       "credited with them, under each of four rules. All rules have the same "
                       "moves to deal out; only <b>each</b> counts a move more than once.");
    html_put(html, key_of_terciles);
    html_put(html, "<div class=\"bars\">\n");
    for (size_t rule = 0; rule < CREDIT_RULES; rule++) {
        rule_put(html, terciles, rule);
    }
    html_put(html, "</div>\n");
    page_table_begin(html, "The numbers", "Tercile|each|equal|last|strength");
    for (size_t i = 0; i < terciles->count; i++) {
        html_put(html, "<tr>");
        page_cell_text(html, terciles->bins[i].label);
        for (size_t rule = 0; rule < CREDIT_RULES; rule++) {
            char text[FIGURE_BYTES];
            double credit = terciles->bins[i].credit[rule];
            page_cell(html, credit == floor(credit) ? figure_count(text, credit)
                                                    : figure_number(text, credit));
        }
        html_put(html, "</tr>\n");
    }
    page_table_end(html);
    page_section_end(html);
}

/* --- placebos --- */

static const char *placebo_meaning(const char *placebo) {
    return strcmp(placebo, "joined_after") == 0 ? "The contact joined afterwards"
           : strcmp(placebo, "tie_after") == 0  ? "The tie was made afterwards"
                                                : NULL;
}

/* Bins [first, first + count) of one placebo. */
static void placebo_put(struct html *html, const struct placebo_bin *bins, size_t count) {
    struct pair_bar *bars = calloc(count, sizeof *bars);
    double most = 0;
    const char *meaning = placebo_meaning(bins[0].placebo);
    if (bars == NULL) {
        html->is_failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double pairs = bins[i].pairs;
        bars[i] = (struct pair_bar){
            .label = bins[i].label,
            .first = pairs > 0 ? bins[i].placebo_transmissions / pairs : NAN,
            .second = pairs > 0 ? bins[i].transmissions / pairs : NAN,
        };
        most = fmax(most, fmax(bars[i].first, bars[i].second));
    }
    const struct rate_unit *unit = rate_unit_for(most > 0 ? most : NAN);
    char axis[FIGURE_BYTES];
    (void)snprintf(axis, sizeof axis, "%s pairs of move and contact",
                   unit->scale > 100 ? unit->suffix + 1 : "% of");
    const struct pair_chart chart = {
        .bars = bars,
        .count = count,
        .unit = unit,
        .axis = axis,
        .title = meaning == NULL ? bins[0].placebo : meaning,
        .noun = "tercile of mutual connections",
        .first_name = "in the placebo",
        .second_name = "for real",
    };
    html_put(html, "<figure>\n<h3>");
    html_label(html, chart.title);
    html_put(html, "</h3>\n");
    pair_chart_put(html, &chart, (struct chart_size){"only", 320, 230});
    page_table_begin(html, "The numbers", "Tercile|Pairs|Transmissions|In the placebo");
    for (size_t i = 0; i < count; i++) {
        char text[FIGURE_BYTES];
        html_put(html, "<tr>");
        page_cell_text(html, bins[i].label);
        page_cell(html, figure_count(text, bins[i].pairs));
        page_cell(html, figure_count(text, bins[i].transmissions));
        page_cell(html, figure_count(text, bins[i].placebo_transmissions));
        html_put(html, "</tr>\n");
    }
    page_table_end(html);
    html_put(html, "</figure>\n");
    free(bars);
}

void page_placebos_put(struct html *html, const struct page *page) {
    const struct study_data *data = page->data;
    double pairs = 0;
    for (size_t i = 0; i < data->placebo_count; i++) {
        pairs += data->placebos[i].pairs > 0 ? data->placebos[i].pairs : 0;
    }
    if (pairs == 0) {
        return;
    }
    page_section_begin(html, "Placebos beside the real thing",
                       "What is counted where nothing can have been carried, over spans of time as "
                       "long behind the move as before it. The closer a placebo comes to the real "
                       "count, the more of that is likeness of people and size of companies.");
    html_put(html, "<p class=\"key\"><span><i class=\"k-first\"></i>placebo</span><span><i "
                   "class=\"k-second\"></i>real transmissions</span></p>\n<div class=\"cuts\">\n");
    for (size_t i = 0; i < data->placebo_count;) {
        size_t count = 1;
        while (i + count < data->placebo_count &&
               strcmp(data->placebos[i + count].placebo, data->placebos[i].placebo) == 0) {
            count++;
        }
        placebo_put(html, &data->placebos[i], count);
        i += count;
    }
    html_put(html, "</div>\n");
    page_section_end(html);
}

/* --- segments --- */

static const char *kind_heading(const char *kind) {
    static const char *const headings[][2] = {
        {"industry", "Industry of the mover"},
        {"it", "Industry's IT intensity"},
        {"software", "Industry's software intensity"},
        {"ml", "Industry's suitability for machine learning"},
        {"ai", "Industry's exposure to AI"},
        {"robots", "Industry's exposure to robots"},
        {"remote", "Industry's work from home"},
        {"seniority", "Same or different industry, and gap in seniority (years)"},
        {"coworker", "Colleagues when the tie was made"},
        {"reach", "How far the tie reaches"},
        {"degree", "Decile of the mover's number of ties"},
        {"horizon", "Within so long of the tie"},
        {"diversity", "Quartile of industry diversity among the mover's medium ties"},
        {"variant", "Variant of an experiment (experiment:variant)"},
    };
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++) {
        if (strcmp(headings[i][0], kind) == 0) {
            return headings[i][1];
        }
    }
    return kind;
}

static bool has_solid_bin(const struct dose_curve *curve) {
    for (size_t i = 0; i < curve->count; i++) {
        if (curve->bins[i].transmitting >= FINDING_LEAST) {
            return true;
        }
    }
    return false;
}

/* The greatest rate of a bin in which more than one side transmitted, with some room. */
static double loose_top(const struct dose_curve *curve) {
    double top = 0;
    for (size_t i = 0; i < curve->count; i++) {
        const struct dose_bin *bin = &curve->bins[i];
        top = bin->transmitting > 1 ? fmax(top, bin->rate * 1.15) : top;
    }
    return top;
}

/* One scale for the values of a kind: that of the values with enough data, and where none has, of
 * all. */
static double kind_top(const struct segment_value *values, size_t count) {
    double solid = 0;
    double loose = 0;
    for (size_t i = 0; i < count; i++) {
        if (has_solid_bin(&values[i].curve)) {
            solid = fmax(solid, rate_chart_top(&values[i].curve));
        }
        loose = fmax(loose, loose_top(&values[i].curve));
    }
    return solid > 0 ? solid : loose > 0 ? loose : 1;
}

static const struct dose_bin *highest_bin(const struct dose_curve *curve) {
    const struct dose_bin *highest = NULL;
    for (size_t i = 0; i < curve->count; i++) {
        const struct dose_bin *bin = &curve->bins[i];
        if (bin->transmitting >= FINDING_LEAST && (highest == NULL || bin->rate > highest->rate)) {
            highest = bin;
        }
    }
    return highest;
}

static void segment_chart(struct html *html, const struct page *page,
                          const struct segment_value *segment, double top) {
    char title[FIGURE_BYTES * 3];
    char number[FIGURE_BYTES];
    (void)snprintf(title, sizeof title, "%.80s: %.80s", kind_heading(segment->kind),
                   segment->value);
    const struct rate_chart chart = {
        .curve = &segment->curve,
        .unit = page->unit,
        .top = top,
        .title = title,
        .noun = "mutual connections",
        .marked = highest_bin(&segment->curve),
    };
    html_put(html, "<figure>\n<figcaption>");
    html_label(html, segment->value);
    html_format(html, "<small>%s at risk</small></figcaption>\n",
                figure_short(number, segment->at_risk));
    rate_chart_put(html, &chart, (struct chart_size){"only", 150, 118});
    html_put(html, "</figure>\n");
}

static void segment_rows(struct html *html, const struct page *page,
                         const struct segment_value *values, size_t count) {
    char columns[HTML_PIECE_BYTES / 2];
    char text[FIGURE_BYTES];
    (void)snprintf(columns, sizeof columns,
                   "Segment|Mutual connections|Rate%s|95%% interval|By chance%s|Sides|At risk"
                   "|Transmitting|Transmissions",
                   page->unit->suffix, page->unit->suffix);
    page_table_begin(html, "The numbers", columns);
    size_t rows = 0;
    for (size_t i = 0; i < count && rows < SEGMENT_ROWS_MAX; i++) {
        for (size_t b = 0; b < values[i].curve.count; b++, rows++) {
            const struct dose_bin *bin = &values[i].curve.bins[b];
            html_put(html, "<tr>");
            page_cell_text(html, values[i].value);
            page_cell_text(html, bin->label);
            page_cell(html, figure_rate(text, page->unit, bin->rate));
            page_cell_interval(html, page->unit, bin->low_95, bin->high_95);
            page_cell(html, figure_rate(text, page->unit, dose_expected_rate(bin)));
            page_cell(html, figure_count(text, bin->sides));
            page_cell(html, figure_count(text, bin->at_risk));
            page_cell(html, figure_count(text, bin->transmitting));
            page_cell(html, figure_count(text, bin->transmissions));
            html_put(html, "</tr>\n");
        }
    }
    page_table_end(html);
}

static void kind_put(struct html *html, const struct page *page, const struct segment_value *values,
                     size_t count) {
    size_t shown = count < MINIS_MAX ? count : MINIS_MAX;
    double top = kind_top(values, shown);
    html_put(html, count <= HALF_MINIS ? "<div class=\"kind half\">\n<h3>"
                                       : "<div class=\"kind\">\n<h3>");
    html_label(html, kind_heading(values[0].kind));
    html_put(html, "</h3>\n<div class=\"minis\">\n");
    for (size_t i = 0; i < shown; i++) {
        segment_chart(html, page, &values[i], top);
    }
    html_put(html, "</div>\n");
    if (count > shown) {
        html_format(html, "<p class=\"note\">%zu of %zu; the others are in the table.</p>\n", shown,
                    count);
    }
    segment_rows(html, page, values, count);
    html_put(html, "</div>\n");
}

void page_segments_put(struct html *html, const struct page *page) {
    const struct study_data *data = page->data;
    char sub[HTML_PIECE_BYTES / 2];
    if (data->segment_count == 0) {
        return;
    }
    (void)snprintf(
        sub, sizeof sub,
        "Rates %s by mutual connections, from none on the left; the highest in figures. "
        "One scale within each group. Of so many comparisons some differ by luck: take a segment "
        "for a question, not for an answer.",
        page->unit->axis);
    page_section_begin(html, "Segments", sub);
    html_put(html, "<div class=\"kinds\">\n");
    for (size_t i = 0; i < data->segment_count;) {
        size_t count = 1;
        while (i + count < data->segment_count &&
               strcmp(data->segments[i + count].kind, data->segments[i].kind) == 0) {
            count++;
        }
        kind_put(html, page, &data->segments[i], count);
        i += count;
    }
    html_put(html, "</div>\n");
    page_section_end(html);
}

/* --- experiments --- */

static const char *fact_heading(const char *fact) {
    static const char *const headings[][2] = {
        {"transmissions", "Transmissions received"},
        {"moves", "Moves"},
        {"moves_carried", "Moves with an eligible contact"},
        {"applications", "Applications"},
        {"new_ties", "New ties"},
        {"weak", "New weak ties"},
        {"medium", "New medium ties"},
        {"strong", "New strong ties"},
        {"above_threshold", "New ties above the threshold"},
        {"before_ties", "Ties before"},
        {"before_moves", "Moves before"},
        {"before_transmissions", "Transmissions before"},
        {"before_applications", "Applications before"},
    };
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++) {
        if (strcmp(headings[i][0], fact) == 0) {
            return headings[i][1];
        }
    }
    return fact;
}

/* The row of one variant; the first of a fact, of `variants` rows, has the fact's name before it.
 */
static void arm_row_put(struct html *html, const struct arm_mean *arm, size_t variants) {
    char a[FIGURE_BYTES];
    char b[FIGURE_BYTES];
    double spread = 1.959963984540054 * arm->standard_error;
    html_put(html, "<tr>");
    if (variants > 0) {
        html_format(html, "<th scope=\"rowgroup\" rowspan=\"%zu\">", variants);
        html_label(html, fact_heading(arm->fact));
        html_put(html, "</th>");
    }
    page_cell_text(html, arm->variant);
    page_cell(html, figure_count(a, arm->members));
    page_cell(html, figure_number(a, arm->mean));
    page_cell(html, figure_number(a, arm->difference));
    if (isnan(spread)) {
        page_cell(html, figure_number(a, NAN));
    } else {
        html_format(html, "<td>%s to %s</td>", figure_number(a, arm->difference - spread),
                    figure_number(b, arm->difference + spread));
    }
    page_cell(html, figure_p(a, arm->p));
    html_put(html, "</tr>\n");
}

/* Whether a row of the experiment's fact comes first of its fact, in the order of the rows. */
static bool is_first_of_fact(const struct arm_mean *arms, size_t row) {
    for (size_t i = 0; i < row; i++) {
        if (strcmp(arms[i].fact, arms[row].fact) == 0) {
            return false;
        }
    }
    return true;
}

static size_t fact_rows(const struct arm_mean *arms, size_t count, size_t row) {
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        rows += strcmp(arms[i].fact, arms[row].fact) == 0;
    }
    return rows;
}

/* The rows of one experiment: fact by fact, so that variants stand below each other. */
static void experiment_put(struct html *html, const struct arm_mean *arms, size_t count) {
    html_put(html, "<div class=\"kind\">\n<h3>Experiment ");
    html_text(html, arms[0].experiment);
    html_put(html, "</h3>\n<div class=\"scroll\" tabindex=\"0\"><table "
                   "class=\"arms\"><thead><tr><th scope=\"col\">Mean per "
                   "member</th><th scope=\"col\">Variant</th><th scope=\"col\">Members</th><th "
                   "scope=\"col\">Mean</th><th scope=\"col\">Against control</th><th scope=\"col\">"
                   "95\xc2\xa0% interval</th><th scope=\"col\">p</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < count; i++) {
        if (!is_first_of_fact(arms, i)) {
            continue;
        }
        for (size_t k = i; k < count; k++) {
            if (strcmp(arms[k].fact, arms[i].fact) == 0) {
                arm_row_put(html, &arms[k], k == i ? fact_rows(arms, count, i) : 0);
            }
        }
    }
    html_put(html, "</tbody></table></div>\n</div>\n");
}

void page_arms_put(struct html *html, const struct page *page) {
    const struct study_data *data = page->data;
    size_t limit = data->arm_count < ARM_ROWS_MAX ? data->arm_count : ARM_ROWS_MAX;
    if (data->arm_count == 0) {
        return;
    }
    page_section_begin(html, "Experiments",
                       "Members by the variant that they were assigned to, from the assignment on; "
                       "variant 0 is control. Facts from before the assignment should not differ: "
                       "where they do, the assignment was not at random.");
    for (size_t i = 0; i < limit;) {
        size_t count = 1;
        while (i + count < limit &&
               strcmp(data->arms[i + count].experiment, data->arms[i].experiment) == 0) {
            count++;
        }
        experiment_put(html, &data->arms[i], count);
        i += count;
    }
    if (limit < data->arm_count) {
        html_format(html,
                    "<p class=\"note\">The first %zu of %zu rows; the database has all.</p>\n",
                    limit, data->arm_count);
    }
    page_section_end(html);
}
