/* Coordinates are printed with one decimal: a tenth of a pixel is less than anyone sees, and the
 * bytes do not depend on the last digits of a double.
 */
#include "stages/report/chart.h"

#include "stages/report/finding.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of letters as small as those of the axes: about what the widest of the usual fonts needs. */
static const double letter_width = 6.8;
enum { GRIDLINES = 5, ROOM_FOR_NUMBER = 30 };

/* The rectangle that the data are drawn in, and the scale. */
struct frame {
    double left;
    double right;
    double top;
    double bottom;
    double slot; /* width of a bin's place */
    double most; /* the value at `top` */
};

/* Enough transmitting sides for a rate to stand on. */
static bool is_solid(const struct dose_bin *bin) {
    return bin->at_risk > 0 && bin->transmitting >= FINDING_LEAST;
}

static double x_of(const struct frame *frame, size_t bin) {
    return frame->left + frame->slot * ((double)bin + 0.5);
}

/* Values beyond the frame lie on its edge. */
static double y_of(const struct frame *frame, double value) {
    double share = fmax(0, fmin(1, value / frame->most));
    return frame->bottom - share * (frame->bottom - frame->top);
}

static struct frame frame_for(struct chart_size size, size_t bins, bool has_axis, bool has_counts,
                              double most) {
    assert(most > 0 && isfinite(most));
    struct frame frame = {
        .left = has_axis ? 44 : 4,
        .right = (double)size.width - (has_axis ? 8 : 4),
        .top = has_axis ? 36 : 18,
        .bottom = (double)size.height - (has_axis ? has_counts ? 60 : 44 : 20),
        .most = most,
    };
    frame.slot = (frame.right - frame.left) / (bins == 0 ? 1 : (double)bins);
    return frame;
}

static void svg_begin(struct html *html, struct chart_size size, const char *title,
                      const char *description) {
    unsigned id = html_id(html);
    html_format(html,
                "<svg class=\"chart %s\" viewBox=\"0 0 %u %u\" width=\"%u\" height=\"%u\""
                " role=\"img\" aria-labelledby=\"t%u d%u\"><title id=\"t%u\">",
                size.css_class, size.width, size.height, size.width, size.height, id, id, id);
    html_label(html, title);
    html_format(html, "</title><desc id=\"d%u\">", id);
    html_label(html, description);
    html_put(html, "</desc>\n");
}

static void text_begin(struct html *html, const char *css_class, const char *anchor, double x,
                       double y) {
    html_format(html, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", css_class, x,
                y, anchor);
}

static void text_put(struct html *html, const char *css_class, const char *anchor, double x,
                     double y, const char *text) {
    text_begin(html, css_class, anchor, x, y);
    html_label(html, text);
    html_put(html, "</text>\n");
}

static void line_put(struct html *html, const char *css_class, double x1, double y1, double x2,
                     double y2) {
    html_format(html, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                css_class, x1, y1, x2, y2);
}

static void gridlines_put(struct html *html, const struct frame *frame,
                          const struct rate_unit *unit) {
    double step = figure_step(frame->most * unit->scale, GRIDLINES);
    for (unsigned i = 0; step * i <= frame->most * unit->scale * 1.0001; i++) {
        char number[FIGURE_BYTES];
        double y = y_of(frame, step * i / unit->scale);
        line_put(html, i == 0 ? "base" : "grid", frame->left, y, frame->right, y);
        text_put(html, "tick", "end", frame->left - 7, y + 4, figure_tick(number, step * i));
    }
}

/* The label of a bin, made short where its numbers are long: "1024-2047" as "1k-2k". */
static const char *short_label(const struct dose_bin *bin, char text[FIGURE_BYTES]) {
    char low[FIGURE_BYTES];
    char high[FIGURE_BYTES];
    bool is_range = isdigit((unsigned char)bin->label[0]) && strchr(bin->label, '-') != NULL;
    if (is_range && strlen(bin->label) > 7 && !isnan(bin->low) && !isnan(bin->high)) {
        (void)snprintf(text, FIGURE_BYTES, "%.20s-%.20s", figure_short(low, bin->low),
                       figure_short(high, bin->high));
    } else {
        (void)snprintf(text, FIGURE_BYTES, "%.20s", bin->label);
    }
    return text;
}

/* Every how many bins one is labelled, so that labels do not touch. */
static size_t label_stride(const struct frame *frame, size_t longest) {
    double needed = (double)longest * letter_width + 6;
    return frame->slot >= needed ? 1 : (size_t)ceil(needed / frame->slot);
}

static void curve_labels_put(struct html *html, const struct frame *frame,
                             const struct dose_curve *curve, bool has_counts) {
    char text[FIGURE_BYTES];
    size_t longest = 0;
    for (size_t i = 0; i < curve->count; i++) {
        size_t length = strlen(short_label(&curve->bins[i], text));
        longest = length > longest ? length : longest;
    }
    size_t stride = label_stride(frame, longest);
    if (has_counts) {
        text_put(html, "count", "start", 0, frame->bottom + 31, "at risk");
    }
    for (size_t i = 0; i < curve->count; i += stride) {
        text_put(html, "tick", "middle", x_of(frame, i), frame->bottom + 16,
                 short_label(&curve->bins[i], text));
        if (has_counts) {
            text_put(html, "count", "middle", x_of(frame, i), frame->bottom + 31,
                     figure_short(text, curve->bins[i].at_risk));
        }
    }
}

/* What the pointer over a bin, and a screen reader, are told. */
static void hover_put(struct html *html, const struct rate_chart *chart,
                      const struct dose_bin *bin) {
    char a[FIGURE_BYTES];
    char b[FIGURE_BYTES];
    char c[FIGURE_BYTES];
    double low;
    double high;
    dose_interval(bin, &low, &high);
    html_put(html, "<title>");
    html_label(html, bin->label);
    html_format(html, " %s: %s", chart->noun, figure_rate_unit(a, chart->unit, bin->rate));
    html_format(html, " (95\xc2\xa0%% interval %s to %s)", figure_rate(b, chart->unit, low),
                figure_rate(c, chart->unit, high));
    html_format(html, "; by chance %s", figure_rate(a, chart->unit, dose_expected_rate(bin)));
    html_format(html, "; %s of %s sides at risk</title>", figure_count(b, bin->transmitting),
                figure_count(c, bin->at_risk));
}

static void bin_put(struct html *html, const struct rate_chart *chart, const struct frame *frame,
                    size_t i) {
    const struct dose_bin *bin = &chart->curve->bins[i];
    bool is_thin = !is_solid(bin);
    double x = x_of(frame, i);
    double low;
    double high;
    if (!(bin->at_risk > 0) || isnan(bin->rate)) {
        return;
    }
    dose_interval(bin, &low, &high);
    html_put(html, "<g>");
    hover_put(html, chart, bin);
    html_format(html, "<rect class=\"hit\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
                x - frame->slot / 2, frame->top, frame->slot, frame->bottom - frame->top);
    if (!isnan(low) && !isnan(high) && (chart->is_detailed || !is_thin)) {
        line_put(html, is_thin ? "interval thin" : "interval", x, y_of(frame, low), x,
                 y_of(frame, high));
    }
    if (bin->rate > frame->most) {
        html_format(html, "<path class=\"dot\" d=\"M%.1f %.1fl5 9h-10z\"/>", x, frame->top - 2);
    } else {
        html_format(html, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>",
                    is_thin ? "dot thin" : "dot", x, y_of(frame, bin->rate),
                    chart->has_axis ? 4.5 : 3.5);
    }
    html_put(html, "</g>\n");
}

/* The rate beside a dot that is marked, or that lies beyond the frame. */
static void rates_write(struct html *html, const struct rate_chart *chart,
                        const struct frame *frame) {
    for (size_t i = 0; i < chart->curve->count; i++) {
        const struct dose_bin *bin = &chart->curve->bins[i];
        char number[FIGURE_BYTES];
        double low;
        double high;
        bool is_beyond = bin->at_risk > 0 && bin->rate > frame->most;
        if (bin != chart->marked && !(is_beyond && frame->slot >= ROOM_FOR_NUMBER)) {
            continue;
        }
        dose_interval(bin, &low, &high);
        double y = fmin(y_of(frame, bin->rate) - 5, y_of(frame, high)) - 5;
        text_put(html, is_beyond ? "tick" : "mark", "middle", x_of(frame, i), y,
                 figure_rate(number, chart->unit, bin->rate));
    }
}

/* The line through the solid dots, and the dashes of chance. */
static void lines_put(struct html *html, const struct dose_curve *curve,
                      const struct frame *frame) {
    bool is_begun = false;
    for (size_t i = 0; i < curve->count; i++) {
        const struct dose_bin *bin = &curve->bins[i];
        double chance = dose_expected_rate(bin);
        if (chance <= frame->most) {
            double y = y_of(frame, chance);
            line_put(html, "chance", x_of(frame, i) - frame->slot * 0.36, y,
                     x_of(frame, i) + frame->slot * 0.36, y);
        }
    }
    for (size_t i = 0; i < curve->count; i++) {
        const struct dose_bin *bin = &curve->bins[i];
        if (is_solid(bin) && bin->rate <= frame->most) {
            html_format(html,
                        is_begun ? " %.1f,%.1f" : "<polyline class=\"line\" points=\"%.1f,%.1f",
                        x_of(frame, i), y_of(frame, bin->rate));
            is_begun = true;
        }
    }
    html_put(html, is_begun ? "\"/>\n" : "");
}

void rate_chart_put(struct html *html, const struct rate_chart *chart, struct chart_size size) {
    const struct dose_curve *curve = chart->curve;
    struct frame frame =
        frame_for(size, curve->count, chart->has_axis, chart->has_counts, chart->top);
    svg_begin(html, size, chart->title,
              "Dots are rates, bars their 95 % intervals, dashes what chance would give; the table "
              "holds the numbers.");
    if (chart->has_axis) {
        gridlines_put(html, &frame, chart->unit);
        text_put(html, "axis", "start", 0, 13, chart->unit->axis);
        text_put(html, "axis", "middle", (frame.left + frame.right) / 2, size.height - 8.0,
                 chart->noun);
    } else {
        line_put(html, "base", frame.left, frame.bottom, frame.right, frame.bottom);
    }
    curve_labels_put(html, &frame, curve, chart->has_counts);
    lines_put(html, curve, &frame);
    for (size_t i = 0; i < curve->count; i++) {
        bin_put(html, chart, &frame, i);
    }
    rates_write(html, chart, &frame);
    html_put(html, "</svg>\n");
}

/* The greatest rate of the bins with so many transmitting sides; their intervals in *high. */
static double greatest_rate(const struct dose_curve *curve, double least, double *high) {
    double rate = 0;
    *high = 0;
    for (size_t i = 0; i < curve->count; i++) {
        const struct dose_bin *bin = &curve->bins[i];
        double bin_low;
        double bin_high;
        if (bin->at_risk > 0 && bin->transmitting >= least) {
            dose_interval(bin, &bin_low, &bin_high);
            rate = fmax(rate, fmax(bin->rate, dose_expected_rate(bin)));
            *high = fmax(*high, bin_high);
        }
    }
    return rate;
}

double rate_chart_top(const struct dose_curve *curve) {
    static const double leasts[] = {FINDING_LEAST, 3, 1, 0};
    double high = 0;
    double rate = 0;
    for (size_t i = 0; i < sizeof leasts / sizeof leasts[0] && rate == 0; i++) {
        rate = greatest_rate(curve, leasts[i], &high);
    }
    double top = fmax(rate, fmin(high, 2.5 * rate)) * 1.08;
    return top > 0 && isfinite(top) ? top : high > 0 ? high : 1;
}

/* NAN, no bar, for what is no share of anything. */
static double bar_value(double value) {
    return value >= 0 && value <= 1e6 ? value : NAN;
}

/* A bar and what the pointer over it is told. */
static void bar_put(struct html *html, const struct pair_chart *chart, const struct frame *frame,
                    const struct pair_bar *bar, bool is_second, double x, double width) {
    char number[FIGURE_BYTES];
    double value = bar_value(is_second ? bar->second : bar->first);
    if (isnan(value)) {
        return;
    }
    double y = y_of(frame, value);
    html_format(html,
                "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>",
                is_second ? "second" : "first", x, y, width, frame->bottom - y);
    html_label(html, bar->bin == NULL ? bar->label : bar->bin->label);
    html_format(html, " %s: %s %s</title></rect>\n", chart->noun,
                figure_rate_unit(number, chart->unit, value),
                is_second ? chart->second_name : chart->first_name);
}

static void pair_labels_put(struct html *html, const struct pair_chart *chart,
                            const struct frame *frame) {
    char text[FIGURE_BYTES];
    size_t longest = 0;
    for (size_t i = 0; i < chart->count; i++) {
        const struct pair_bar *bar = &chart->bars[i];
        size_t length = strlen(bar->bin == NULL ? bar->label : short_label(bar->bin, text));
        longest = length > longest ? length : longest;
    }
    size_t stride = label_stride(frame, longest);
    for (size_t i = 0; i < chart->count; i += stride) {
        const struct pair_bar *bar = &chart->bars[i];
        text_put(html, "tick", "middle", x_of(frame, i), frame->bottom + 16,
                 bar->bin == NULL ? bar->label : short_label(bar->bin, text));
    }
}

void pair_chart_put(struct html *html, const struct pair_chart *chart, struct chart_size size) {
    double most = 0;
    for (size_t i = 0; i < chart->count; i++) {
        most = fmax(most, fmax(bar_value(chart->bars[i].first), bar_value(chart->bars[i].second)));
    }
    struct frame frame = frame_for(size, chart->count, true, false, most > 0 ? most * 1.05 : 1);
    svg_begin(html, size, chart->title, "Bars in pairs; the table holds the numbers.");
    gridlines_put(html, &frame, chart->unit);
    text_put(html, "axis", "start", 0, 13, chart->axis);
    text_put(html, "axis", "middle", (frame.left + frame.right) / 2, size.height - 8.0,
             chart->noun);
    pair_labels_put(html, chart, &frame);
    double width = fmin(26, frame.slot * 0.36);
    for (size_t i = 0; i < chart->count; i++) {
        bar_put(html, chart, &frame, &chart->bars[i], false, x_of(&frame, i) - width - 0.5, width);
        bar_put(html, chart, &frame, &chart->bars[i], true, x_of(&frame, i) + 0.5, width);
    }
    html_put(html, "</svg>\n");
}
