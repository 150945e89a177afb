/* Numbers as people read them: thousands apart, as many digits as carry meaning, units that keep
 * the digits near 1. Every function writes into the caller's FIGURE_BYTES and returns them, so that
 * it can stand among the arguments of a printf. Negative numbers have a minus sign, not a hyphen.
 */
#ifndef TIEFLOW_STAGES_REPORT_FIGURES_H
#define TIEFLOW_STAGES_REPORT_FIGURES_H

#include <stddef.h>
#include <stdint.h>

enum { FIGURE_BYTES = 64 };

/* What rates are shown per. */
struct rate_unit {
    double scale;       /* shown = rate * scale */
    const char *suffix; /* behind a number: " %", " per 1,000" */
    const char *axis;   /* "per 1,000 sides at risk" */
};

/* The unit in which `most`, the greatest rate to be shown, is easy to read. */
const struct rate_unit *rate_unit_for(double most);

/* 1234567 as "1,234,567"; rounded to a whole number; a dash for NAN. */
const char *figure_count(char at[FIGURE_BYTES], double value);

/* 1234567 as "1.2M": for places where space is short. */
const char *figure_short(char at[FIGURE_BYTES], double value);

/* Three significant digits, thousands apart, no exponent for what is seen here; a dash for NAN. */
const char *figure_number(char at[FIGURE_BYTES], double value);

/* A number beside a gridline: as few digits as it has. */
const char *figure_tick(char at[FIGURE_BYTES], double value);

/* The number without and with its unit: "6.13", "6.13 per 1,000". */
const char *figure_rate(char at[FIGURE_BYTES], const struct rate_unit *unit, double rate);
const char *figure_rate_unit(char at[FIGURE_BYTES], const struct rate_unit *unit, double rate);

/* A share as "24 %", "2.4 %", "0.24 %"; "under 0.01 %" for what is less and not 0. */
const char *figure_percent(char at[FIGURE_BYTES], double share);

/* "2.3" of "2.3 times": two significant digits, one decimal at least below 10. */
const char *figure_times(char at[FIGURE_BYTES], double ratio);

/* A probability: "0.03", "under 0.001". */
const char *figure_p(char at[FIGURE_BYTES], double p);

/* The distance of gridlines, 1, 2 or 5 times a power of ten, so that at most `lines` cover `top`.
 */
double figure_step(double top, unsigned lines);

#endif
