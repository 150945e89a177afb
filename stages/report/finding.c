/* Rejected: a test for a quadratic term. It would call a curve that levels off an inverted U, and
 * nobody could check the sentence by looking at the chart.
 */
#include "stages/report/finding.h"

#include "stages/report/figures.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define Z_95 1.959963984540054

void dose_interval(const struct dose_bin *bin, double *low, double *high) {
    bool is_clustered = bin->transmitting > 0 && !isnan(bin->low_95) && !isnan(bin->high_95);
    *low = is_clustered ? bin->low_95 : bin->wilson_low;
    *high = is_clustered ? bin->high_95 : bin->wilson_high;
}

const char *bin_phrase(const struct dose_bin *bin, char text[BIN_PHRASE_BYTES]) {
    if (strcmp(bin->label, "0") == 0) {
        (void)snprintf(text, BIN_PHRASE_BYTES, "no mutual connections");
    } else {
        (void)snprintf(text, BIN_PHRASE_BYTES, "%.64s mutual connection%s", bin->label,
                       strcmp(bin->label, "1") == 0 ? "" : "s");
    }
    return text;
}

static double expected_rate(const struct dose_bin *bin) {
    double rate = dose_expected_rate(bin);
    return isnan(rate) ? 0 : rate;
}

static double lower_bound(const struct dose_bin *bin) {
    double low;
    double high;
    dose_interval(bin, &low, &high);
    return low;
}

static double upper_bound(const struct dose_bin *bin) {
    double low;
    double high;
    dose_interval(bin, &low, &high);
    return high;
}

/* Whether a's interval lies above b's; what chance explains may be taken off both. */
static bool is_above(const struct dose_bin *a, const struct dose_bin *b, bool less_chance) {
    double chance = less_chance ? expected_rate(a) - expected_rate(b) : 0;
    return lower_bound(a) - chance > upper_bound(b);
}

/* Enough sides that the peak's rate would have shown there. */
static bool is_telling(const struct dose_bin *bin, const struct dose_bin *peak) {
    return bin->at_risk > 0 && bin->at_risk * peak->rate >= FINDING_LEAST / 2.0;
}

/* Whether a stands lower than b, or b is none. A bin that carried something comes before one that
 * did not: a ratio says more than "none". */
static bool is_lower(const struct dose_bin *a, const struct dose_bin *b) {
    if (b == NULL || (a->transmitting > 0) != (b->transmitting > 0)) {
        return b == NULL || a->transmitting > 0;
    }
    return upper_bound(a) < upper_bound(b);
}

static void bins_choose(struct finding *finding, const struct dose_curve *curve) {
    for (size_t i = 0; i < curve->count; i++) {
        const struct dose_bin *bin = &curve->bins[i];
        bool is_solid = bin->at_risk > 0 && bin->transmitting >= FINDING_LEAST;
        if (is_solid && (finding->peak == NULL || bin->rate > finding->peak->rate)) {
            finding->peak = bin;
        }
    }
    const struct dose_bin *peak = finding->peak;
    for (size_t i = 0; i < curve->count && peak != NULL; i++) {
        const struct dose_bin *bin = &curve->bins[i];
        if (bin < peak && finding->first == NULL && is_telling(bin, peak)) {
            finding->first = bin;
        }
        if (bin > peak && is_telling(bin, peak) && is_lower(bin, finding->behind)) {
            finding->behind = bin;
        }
    }
}

/* The ratio of two rates; its logarithm is taken as normal, the two as independent. */
static void ratio_make(struct finding *finding) {
    const struct dose_bin *a = finding->peak;
    const struct dose_bin *b = finding->against;
    finding->ratio = finding->ratio_low = finding->ratio_high = NAN;
    if (b->rate > 0) {
        double spread = Z_95 * hypot(a->standard_error / a->rate, b->standard_error / b->rate);
        finding->ratio = a->rate / b->rate;
        finding->ratio_low = finding->ratio * exp(-spread);
        finding->ratio_high = finding->ratio * exp(spread);
    }
}

static void shape_judge(struct finding *finding) {
    bool rises = finding->first != NULL && is_above(finding->peak, finding->first, false);
    bool falls = finding->behind != NULL && is_above(finding->peak, finding->behind, false);
    finding->against = rises ? finding->first : falls ? finding->behind : NULL;
    finding->kind = rises && falls ? FINDING_PEAK
                    : rises        ? FINDING_RISES
                    : falls        ? FINDING_FALLS
                                   : FINDING_NO_DIFFERENCE;
    if (finding->against != NULL) {
        ratio_make(finding);
        finding->beats_chance = is_above(finding->peak, finding->against, true);
    }
}

void finding_make(struct finding *finding, const struct study_data *data) {
    *finding = (struct finding){.ratio = NAN, .ratio_low = NAN, .ratio_high = NAN};
    if (!(study_total(data, "ties") > 0)) {
        finding->kind = FINDING_NO_TIES;
    } else if (!(study_total(data, "moves") > 0)) {
        finding->kind = FINDING_NO_MOVES;
    } else if (!(study_total(data, "transmissions") > 0)) {
        finding->kind = FINDING_NONE_CARRIED;
    } else {
        bins_choose(finding, &data->curves[CURVE_LOG2]);
        finding->kind = FINDING_TOO_FEW;
        if (finding->peak != NULL) {
            shape_judge(finding);
        }
    }
}

static void difference_headline(const struct finding *finding, char text[FINDING_TEXT_BYTES]) {
    char peak[BIN_PHRASE_BYTES];
    char against[BIN_PHRASE_BYTES];
    char times[FIGURE_BYTES];
    const char *other = bin_phrase(finding->against, against);
    if (strcmp(finding->against->label, "0") == 0) {
        other = "none";
    }
    const char *chance = finding->beats_chance ? "" : ", no more than chance would explain";
    if (isnan(finding->ratio)) {
        (void)snprintf(text, FINDING_TEXT_BYTES,
                       "Ties with %s carried jobs, ties with %s did not%s",
                       bin_phrase(finding->peak, peak), other, chance);
    } else {
        (void)snprintf(text, FINDING_TEXT_BYTES,
                       "Ties with %s carried jobs at %s times the rate of ties with %s%s",
                       bin_phrase(finding->peak, peak), figure_times(times, finding->ratio), other,
                       chance);
    }
}

void finding_headline(const struct finding *finding, char text[FINDING_TEXT_BYTES]) {
    static const char *const plain[] = {
        [FINDING_NO_TIES] = "There are no ties in this study",
        [FINDING_NO_MOVES] = "There are no job moves in this study",
        [FINDING_NONE_CARRIED] = "No job move came through a tie in this study",
        [FINDING_TOO_FEW] = "Too few jobs came through ties to tell weak ties from strong ones",
        [FINDING_NO_DIFFERENCE] =
            "No difference between weak and strong ties can be told apart from chance",
    };
    if (finding->against != NULL) {
        difference_headline(finding, text);
    } else {
        assert(finding->kind <= FINDING_NO_DIFFERENCE);
        (void)snprintf(text, FINDING_TEXT_BYTES, "%s", plain[finding->kind]);
    }
}
