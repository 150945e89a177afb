/* Rejected: tables that are open. The page would be read for its numbers before its charts; who
 * wants them has them one click away, and in the database.
 */
#include "stages/report/page_tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Milliseconds in a year of 365.25 days. */
#define YEAR_MS 31557600000.0

void page_section_begin(struct html *html, const char *heading, const char *sub) {
    html_put(html, "<section>\n<h2>");
    html_label(html, heading);
    html_put(html, "</h2>\n");
    if (sub != NULL) {
        html_format(html, "<p class=\"sub\">%s</p>\n", sub);
    }
}

void page_section_end(struct html *html) {
    html_put(html, "</section>\n");
}

void page_table_begin(struct html *html, const char *summary, const char *columns) {
    html_put(html, "<details><summary>");
    html_text(html, summary);
    html_put(html, "</summary>\n<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>");
    while (*columns != '\0') {
        size_t bytes = strcspn(columns, "|");
        html_format(html, "<th scope=\"col\">%.*s</th>", (int)bytes, columns);
        columns += bytes + (columns[bytes] == '|');
    }
    html_put(html, "</tr></thead><tbody>\n");
}

void page_table_end(struct html *html) {
    html_put(html, "</tbody></table></div></details>\n");
}

void page_cell(struct html *html, const char *figure) {
    html_format(html, "<td>%s</td>", figure);
}

void page_cell_text(struct html *html, const char *text) {
    html_put(html, "<td>");
    html_label(html, text);
    html_put(html, "</td>");
}

void page_cell_interval(struct html *html, const struct rate_unit *unit, double low, double high) {
    char a[FIGURE_BYTES];
    char b[FIGURE_BYTES];
    if (isnan(low) || isnan(high)) {
        page_cell(html, figure_count(a, NAN));
    } else {
        html_format(html, "<td>%s to %s</td>", figure_rate(a, unit, low),
                    figure_rate(b, unit, high));
    }
}

void page_dose_table(struct html *html, const struct page *page, const struct dose_curve *curve,
                     const char *what) {
    double at_risk = dose_at_risk(curve);
    char columns[HTML_PIECE_BYTES / 2];
    char text[FIGURE_BYTES];
    (void)snprintf(columns, sizeof columns,
                   "%s|Rate%s|95%% interval|By chance%s|Sides|At risk|Share of these|Transmitting"
                   "|Transmissions|Share of these|Expected by chance|Excess|Wilson 95%%"
                   "|Years at risk|Pairs|Unmatched",
                   what, page->unit->suffix, page->unit->suffix);
    page_table_begin(html, "The numbers", columns);
    for (size_t i = 0; i < curve->count; i++) {
        const struct dose_bin *bin = &curve->bins[i];
        html_put(html, "<tr>");
        page_cell_text(html, bin->label);
        page_cell(html, figure_rate(text, page->unit, bin->rate));
        page_cell_interval(html, page->unit, bin->low_95, bin->high_95);
        page_cell(html, figure_rate(text, page->unit, dose_expected_rate(bin)));
        page_cell(html, figure_count(text, bin->sides));
        page_cell(html, figure_count(text, bin->at_risk));
        page_cell(html, figure_percent(text, bin->at_risk / at_risk));
        page_cell(html, figure_count(text, bin->transmitting));
        page_cell(html, figure_count(text, bin->transmissions));
        page_cell(html, figure_percent(text, bin->share));
        page_cell(html, figure_number(text, bin->expected));
        page_cell(html, figure_number(text, bin->excess));
        page_cell_interval(html, page->unit, bin->wilson_low, bin->wilson_high);
        page_cell(html, figure_count(text, bin->exposure_ms / YEAR_MS));
        page_cell(html, figure_count(text, bin->pairs));
        page_cell(html, figure_count(text, bin->unmatched));
        html_put(html, "</tr>\n");
    }
    page_table_end(html);
}
