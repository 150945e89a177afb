/* Every chart that fills the page is put twice, for a desk and for a phone (chart.h). */
#include "stages/report/page_curves.h"

#include "stages/report/chart.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char key_of_rates[] =
    "<p class=\"key\"><span><i class=\"k-dot\"></i>rate</span><span><i "
    "class=\"k-bar\"></i>95\xc2\xa0%"
    " interval</span><span><i class=\"k-chance\"></i>expected by chance</span><span><i "
    "class=\"k-thin\"></i>fewer than 10 transmitting sides</span></p>\n";

void page_curve_put(struct html *html, const struct page *page) {
    const struct dose_curve *curve = &page->data->curves[CURVE_LOG2];
    const struct rate_chart chart = {
        .curve = curve,
        .unit = page->unit,
        .top = rate_chart_top(curve),
        .title = "How often a tie carries a job, by mutual connections",
        .noun = "mutual connections when the tie was made",
        .marked = page->finding->peak,
        .has_axis = true,
        .is_detailed = true,
    };
    if (curve->count == 0) {
        return;
    }
    page_section_begin(html, "How often a tie carries a job",
                       "Of the sides of ties that could carry a move, the part that did, by the "
                       "number of mutual connections just before the tie was made.");
    html_put(html, key_of_rates);
    html_put(html, "<figure>\n");
    struct rate_chart wide = chart;
    wide.has_counts = curve->count <= 16;
    rate_chart_put(html, &wide, (struct chart_size){"wide", 928, 400});
    rate_chart_put(html, &chart, (struct chart_size){"narrow", 328, 290});
    html_put(html, "</figure>\n");
    page_dose_table(html, page, curve, "Mutual connections");
    page_section_end(html);
}

/* The bin that is furthest above its share, in a sentence. */
static void shares_sentence(struct html *html, const struct dose_curve *curve, double at_risk) {
    const struct dose_bin *most = NULL;
    double most_gain = 0;
    for (size_t i = 0; i < curve->count; i++) {
        const struct dose_bin *bin = &curve->bins[i];
        double gain = bin->share - bin->at_risk / at_risk;
        if (bin->transmitting >= FINDING_LEAST && gain > most_gain) {
            most = bin;
            most_gain = gain;
        }
    }
    if (most != NULL) {
        char phrase[BIN_PHRASE_BYTES];
        char a[FIGURE_BYTES];
        char b[FIGURE_BYTES];
        html_put(html, "<p>Ties with ");
        html_label(html, bin_phrase(most, phrase));
        html_format(html, " are %s of the sides at risk and made %s of the transmissions.</p>\n",
                    figure_percent(a, most->at_risk / at_risk), figure_percent(b, most->share));
    }
}

static void shares_table(struct html *html, const struct dose_curve *curve, double at_risk) {
    char text[FIGURE_BYTES];
    page_table_begin(
        html, "The numbers",
        "Mutual connections|Sides at risk|Share of these|Transmissions|Share of these");
    for (size_t i = 0; i < curve->count; i++) {
        const struct dose_bin *bin = &curve->bins[i];
        html_put(html, "<tr>");
        page_cell_text(html, bin->label);
        page_cell(html, figure_count(text, bin->at_risk));
        page_cell(html, figure_percent(text, bin->at_risk / at_risk));
        page_cell(html, figure_count(text, bin->transmissions));
        page_cell(html, figure_percent(text, bin->share));
        html_put(html, "</tr>\n");
    }
    page_table_end(html);
}

void page_shares_put(struct html *html, const struct page *page) {
    const struct dose_curve *curve = &page->data->curves[CURVE_LOG2];
    double at_risk = dose_at_risk(curve);
    struct pair_bar *bars = calloc(curve->count + 1, sizeof *bars);
    if (!(at_risk > 0) || !(study_total(page->data, "transmissions") > 0) || bars == NULL) {
        html->is_failed = html->is_failed || bars == NULL;
        free(bars);
        return;
    }
    for (size_t i = 0; i < curve->count; i++) {
        bars[i] = (struct pair_bar){.bin = &curve->bins[i],
                                    .first = curve->bins[i].at_risk / at_risk,
                                    .second = curve->bins[i].share};
    }
    const struct pair_chart chart = {
        .bars = bars,
        .count = curve->count,
        .unit = rate_unit_for(1),
        .axis = "% of all bins",
        .title = "Shares of sides at risk and of transmissions, by mutual connections",
        .noun = "mutual connections when the tie was made",
        .first_name = "of the sides at risk",
        .second_name = "of the transmissions",
    };
    page_section_begin(html, "Which ties could carry, and which did", NULL);
    shares_sentence(html, curve, at_risk);
    html_put(html,
             "<p class=\"key\"><span><i class=\"k-first\"></i>share of the sides at risk</span>"
             "<span><i class=\"k-second\"></i>share of the transmissions</span></p>\n<figure>\n");
    pair_chart_put(html, &chart, (struct chart_size){"wide", 928, 320});
    pair_chart_put(html, &chart, (struct chart_size){"narrow", 328, 260});
    html_put(html, "</figure>\n");
    shares_table(html, curve, at_risk);
    page_section_end(html);
    free(bars);
}

static void cut_put(struct html *html, const struct page *page, enum report_curve which,
                    const char *heading, const char *noun, const char *what) {
    const struct dose_curve *curve = &page->data->curves[which];
    const struct rate_chart chart = {
        .curve = curve,
        .unit = page->unit,
        .top = rate_chart_top(curve),
        .title = heading,
        .noun = noun,
        .has_axis = true,
    };
    if (curve->count == 0) {
        return;
    }
    html_format(html, "<figure>\n<h3>%s</h3>\n", heading);
    rate_chart_put(html, &chart, (struct chart_size){"only", 320, 240});
    page_dose_table(html, page, curve, what);
    html_put(html, "</figure>\n");
}

void page_cuts_put(struct html *html, const struct page *page) {
    char terciles[HTML_PIECE_BYTES / 4];
    char low[FIGURE_BYTES];
    char high[FIGURE_BYTES];
    if (page->data->curves[CURVE_TERCILES].count == 0) {
        return;
    }
    (void)snprintf(
        terciles, sizeof terciles,
        "The same rates by other measures of strength. Terciles are cut from the "
        "cohort: weak ties have at most %s mutual connections, strong ones more than %s.",
        figure_count(low, study_total(page->data, "tercile_low")),
        figure_count(high, study_total(page->data, "tercile_high")));
    page_section_begin(html, "The curve, cut differently", terciles);
    html_put(html, key_of_rates);
    html_put(html, "<div class=\"cuts\">\n");
    cut_put(html, page, CURVE_TERCILES, "By tercile", "tercile", "Tercile");
    cut_put(html, page, CURVE_STRENGTH, "By decile of mutual / union", "decile, weakest first",
            "Decile");
    cut_put(html, page, CURVE_WIDTH20, "By twenty equal widths", "mutual connections",
            "Mutual connections");
    cut_put(html, page, CURVE_THRESHOLD, "Below and above a threshold", "mutual connections",
            "Mutual connections");
    cut_put(html, page, CURVE_INTENSITY, "By decile of interactions", "decile, fewest first",
            "Decile");
    html_put(html, "</div>\n");
    page_section_end(html);
}
