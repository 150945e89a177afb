/* Charts as SVG inside the page: no script, colours by class (report_style.h), the numbers of a
 * mark in its title, which browsers show under the pointer and screen readers read.
 *
 * An SVG scales its text with itself. A chart that fills the page is therefore put twice, drawn for
 * a desk and for a phone, and the style sheet shows one: classes "wide" and "narrow".
 */
#ifndef TIEFLOW_STAGES_REPORT_CHART_H
#define TIEFLOW_STAGES_REPORT_CHART_H

#include "stages/report/figures.h"
#include "stages/report/html.h"
#include "stages/report/study_data.h"

#include <stdbool.h>
#include <stddef.h>

/* Measures of one drawing, in pixels at its natural size. */
struct chart_size {
    const char *css_class;
    unsigned width;
    unsigned height;
};

/* Rates of a curve's bins: a dot with its interval, a line through the dots, and the rate expected
 * by chance as a dash. Dots of few transmissions (FINDING_LEAST) are hollow, and off the line. */
struct rate_chart {
    const struct dose_curve *curve;
    const struct rate_unit *unit;
    double top;                    /* the greatest rate that has room; rate_chart_top */
    const char *title;             /* for who cannot see it; may hold texts from outside */
    const char *noun;              /* what the bins count: "mutual connections" */
    const struct dose_bin *marked; /* whose rate is written beside it; may be NULL */
    bool has_axis;                 /* numbers on the left, titles of the axes */
    bool is_detailed;              /* hollow dots have their intervals as well, however wide */
    bool has_counts;               /* sides at risk below the labels */
};
void rate_chart_put(struct html *html, const struct rate_chart *chart, struct chart_size size);

/* Room for all dots that stand on enough sides, with their intervals; an interval or a dot that
 * goes far beyond these is cut at the edge. Always above 0. */
double rate_chart_top(const struct dose_curve *curve);

/* Two numbers per bin, as bars side by side. */
struct pair_bar {
    const struct dose_bin *bin; /* its label and range; may be NULL: then `label` */
    const char *label;
    double first; /* shares; NAN is no bar */
    double second;
};
struct pair_chart {
    const struct pair_bar *bars;
    size_t count;
    const struct rate_unit *unit;
    const char *axis;
    const char *title;
    const char *noun;
    const char *first_name;
    const char *second_name;
};
void pair_chart_put(struct html *html, const struct pair_chart *chart, struct chart_size size);

#endif
