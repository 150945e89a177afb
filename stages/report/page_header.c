/* The headline is the finding and not the topic: who reads one line has read the result. */
#include "stages/report/page_header.h"

#include "schemas/limits.h"
#include "stages/base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char interval_95[] = "95\xc2\xa0% interval ";

/* "6.1 per 1,000 (95 % interval 5.2 to 7.0)"; further ones without naming the interval again. */
static void rate_put(struct html *html, const struct page *page, const struct dose_bin *bin,
                     const char *interval_name) {
    char a[FIGURE_BYTES];
    char b[FIGURE_BYTES];
    char c[FIGURE_BYTES];
    double low;
    double high;
    dose_interval(bin, &low, &high);
    html_format(html, "%s (%s%s to %s)", figure_rate_unit(a, page->unit, bin->rate), interval_name,
                figure_rate(b, page->unit, low), figure_rate(c, page->unit, high));
}

static void phrase_put(struct html *html, const struct dose_bin *bin) {
    char phrase[BIN_PHRASE_BYTES];
    html_label(html, bin_phrase(bin, phrase));
}

static void difference_lede(struct html *html, const struct page *page) {
    const struct finding *finding = page->finding;
    char a[FIGURE_BYTES];
    char b[FIGURE_BYTES];
    html_put(html, "Of the ties with ");
    phrase_put(html, finding->peak);
    html_put(html, " that could carry a job, ");
    rate_put(html, page, finding->peak, interval_95);
    html_put(html, " did; with ");
    phrase_put(html, finding->against);
    html_put(html, ", ");
    rate_put(html, page, finding->against, "");
    html_put(html, ". ");
    if (!isnan(finding->ratio_low)) {
        html_format(html, "The ratio lies between %s and %s (95\xc2\xa0%%). ",
                    figure_times(a, finding->ratio_low), figure_times(b, finding->ratio_high));
    }
    if (finding->kind == FINDING_PEAK) {
        html_put(html, "Behind that peak the rate falls again, to ");
        rate_put(html, page, finding->behind, "");
        html_put(html, " at ");
        phrase_put(html, finding->behind);
        html_put(html, ": moderately weak ties carry the most, an inverted U.");
    } else if (finding->kind == FINDING_RISES) {
        html_put(html, "Whether stronger ties carry fewer again cannot be told apart from chance.");
    } else {
        html_put(html, "Whether still weaker ties carry fewer cannot be told apart from chance.");
    }
}

static void chance_lede(struct html *html, const struct page *page) {
    const struct finding *finding = page->finding;
    const struct dose_bin *peak = finding->peak;
    char a[FIGURE_BYTES];
    char b[FIGURE_BYTES];
    html_format(html,
                "<p>Chance alone, as seen among people of the same industry, region and number of "
                "ties in the same month, would give %s at that peak",
                figure_rate_unit(a, page->unit, dose_expected_rate(peak)));
    html_put(html, " and ");
    html_format(html, "%s at ",
                figure_rate_unit(b, page->unit, dose_expected_rate(finding->against)));
    phrase_put(html, finding->against);
    html_put(html, finding->beats_chance
                       ? "; the difference stands when that is taken off.</p>\n"
                       : "; when that is taken off, no difference is left that could be told "
                         "apart from chance.</p>\n");
}

/* "1 move", "12 moves". */
static void count_put(struct html *html, double count, const char *noun) {
    char number[FIGURE_BYTES];
    html_format(html, "%s %s%s", figure_count(number, count), noun, count == 1 ? "" : "s");
}

static void small_lede(struct html *html, const struct page *page) {
    const struct study_data *data = page->data;
    switch (page->finding->kind) {
    case FINDING_NO_TIES:
        html_put(html, "Without ties nothing can be carried: the logs held no connection up to the "
                       "last instant of the study.");
        return;
    case FINDING_NO_MOVES:
        count_put(html, study_total(data, "ties"), "tie");
        html_put(html, " on record, but nobody changed to another company in a way that the "
                       "positions tell.");
        return;
    case FINDING_NONE_CARRIED:
        count_put(html, study_total(data, "moves"), "move");
        html_put(html, " on record; never did the mover have a tie to somebody who had been at the "
                       "new company for long enough.");
        return;
    case FINDING_TOO_FEW:
        count_put(html, study_total(data, "transmissions"), "transmission");
        html_put(html, " by ");
        count_put(html, study_total(data, "moves_carried"), "move");
        html_put(html, " on record, and no bin of the curve holds as many as ten ties that carried "
                       "one. The charts show what there is; hollow dots stand for so few.");
        return;
    default:
        html_put(html, "The highest rate, ");
        rate_put(html, page, page->finding->peak, interval_95);
        html_put(html, " at ");
        phrase_put(html, page->finding->peak);
        html_put(html, ", cannot be told from the others: its interval overlaps with those of the "
                       "weakest and of the strongest ties.");
    }
}

static void meta_put(struct html *html, const struct study_data *data) {
    char date[DATE_TEXT_BYTES];
    double as_of_ms = study_total(data, "as_of_ms");
    html_put(html, "<p class=\"meta\">");
    if (as_of_ms >= (double)LIMIT_TIME_MIN_MS && as_of_ms <= (double)LIMIT_TIME_MAX_MS) {
        date_format((int64_t)as_of_ms, date);
        html_format(html, "As of %s. ", date);
    }
    if (study_setting(data, "preset")[0] != '\0') {
        html_put(html, "Settings: preset ");
        html_text(html, study_setting(data, "preset"));
        html_put(html, ". ");
    }
    html_put(html, "Run <code>");
    html_text(html, study_setting(data, "run_id"));
    html_put(html, "</code></p>\n");
}

static void tile_put(struct html *html, const char *label, double value, const char *note) {
    char number[FIGURE_BYTES];
    html_format(html, "<div><dt>%s</dt><dd>%s<small>%s</small></dd></div>\n", label,
                figure_count(number, value), note);
}

static void tile_share_put(struct html *html, const char *label, double value, double whole,
                           const char *of_what) {
    char note[HTML_PIECE_BYTES / 4];
    char share[FIGURE_BYTES];
    (void)snprintf(note, sizeof note, "%s %s", figure_percent(share, value / whole), of_what);
    tile_put(html, label, value, whole > 0 ? note : "");
}

static void tiles_put(struct html *html, const struct study_data *data) {
    double transmissions = study_total(data, "transmissions");
    char sides[HTML_PIECE_BYTES / 4];
    char number[FIGURE_BYTES];
    (void)snprintf(sides, sizeof sides, "%s sides",
                   figure_count(number, study_total(data, "sides")));
    html_put(html, "<dl class=\"tiles\">\n");
    tile_put(html, "Members", study_total(data, "members"), "with a tie or a position");
    tile_put(html, "Ties", study_total(data, "ties"), sides);
    tile_share_put(html, "Sides at risk", study_total(data, "sides_at_risk"),
                   study_total(data, "sides"), "of the sides");
    tile_put(html, "Job moves", study_total(data, "moves"), "to a new company");
    tile_share_put(html, "Moves with an eligible contact", study_total(data, "moves_carried"),
                   study_total(data, "moves"), "of the moves");
    tile_put(html, "Transmissions", transmissions, "a move and a contact");
    tile_share_put(html, "Certain", study_total(data, "transmissions_certain"), transmissions,
                   "of the counted ones");
    tile_put(html, "Possible", study_total(data, "transmissions_possible"), "for some true dates");
    html_put(html, "</dl>\n");
}

void page_header_put(struct html *html, const struct page *page) {
    char headline[FINDING_TEXT_BYTES];
    finding_headline(page->finding, headline);
    html_put(html,
             "<header>\n<p class=\"kicker\">Job moves and the ties that carried them</p>\n<h1>");
    html_label(html, headline);
    html_put(html, "</h1>\n<p class=\"lede\">");
    if (page->finding->against != NULL) {
        difference_lede(html, page);
        html_put(html, "</p>\n");
        chance_lede(html, page);
    } else {
        small_lede(html, page);
        html_put(html, "</p>\n");
    }
    meta_put(html, page->data);
    tiles_put(html, page->data);
    html_put(html, "</header>\n");
}
