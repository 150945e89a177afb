/* Thousands are divided by a comma, whatever the locale: the report is the same bytes everywhere.
 */
#include "stages/report/figures.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DASH "\xe2\x80\x93"
#define MINUS "\xe2\x88\x92"

static const struct rate_unit units[] = {
    {1e2, "\xc2\xa0%", "% of sides at risk"},
    {1e3, " per 1,000", "per 1,000 sides at risk"},
    {1e5, " per 100,000", "per 100,000 sides at risk"},
    {1e6, " per million", "per million sides at risk"},
};

const struct rate_unit *rate_unit_for(double most) {
    return isnan(most) || most >= 0.1 ? &units[0]
           : most >= 5e-4             ? &units[1]
           : most >= 1e-5             ? &units[2]
                                      : &units[3];
}

/* Makes the hyphen of a negative number a minus sign, and puts a comma before every third digit of
 * the whole part. */
static void divide_thousands(char at[FIGURE_BYTES]) {
    char plain[FIGURE_BYTES];
    memcpy(plain, at, FIGURE_BYTES);
    size_t sign = plain[0] == '-' ? 1 : 0;
    size_t whole = strspn(plain + sign, "0123456789");
    size_t used = sign * (sizeof MINUS - 1);
    memcpy(at, MINUS, used);
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0) {
            at[used++] = ',';
        }
        at[used++] = plain[sign + i];
    }
    (void)snprintf(at + used, FIGURE_BYTES - used, "%s", plain + sign + whole);
}

/* With so many decimals. Values are cut to what fits: none that is seen here comes near. */
static const char *put_decimals(char at[FIGURE_BYTES], double value, int decimals) {
    double bounded = fmax(-1e24, fmin(1e24, value));
    (void)snprintf(at, FIGURE_BYTES, "%.*f", decimals, bounded);
    if (strspn(at, "-0.") == strlen(at)) {
        (void)snprintf(at, FIGURE_BYTES, "0");
    }
    divide_thousands(at);
    return at;
}

static const char *put_dash(char at[FIGURE_BYTES]) {
    (void)snprintf(at, FIGURE_BYTES, "%s", DASH);
    return at;
}

const char *figure_count(char at[FIGURE_BYTES], double value) {
    return isnan(value) ? put_dash(at) : put_decimals(at, value, 0);
}

const char *figure_short(char at[FIGURE_BYTES], double value) {
    static const char *const powers[] = {"", "k", "M", "G", "T"};
    size_t power = 0;
    if (isnan(value)) {
        return put_dash(at);
    }
    while (fabs(value) >= 999.5 && power < 4) {
        value /= 1000;
        power++;
    }
    (void)put_decimals(at, value, power > 0 && fabs(value) < 9.95 ? 1 : 0);
    size_t used = strlen(at);
    used -= used > 2 && strcmp(at + used - 2, ".0") == 0 ? 2 : 0;
    (void)snprintf(at + used, FIGURE_BYTES - used, "%s", powers[power]);
    return at;
}

/* Decimals that leave `digits` significant ones, at most 9. */
static int decimals_for(double value, int digits) {
    double size = fabs(value);
    int decimals = digits - 1;
    while (size >= 10 && decimals > 0) {
        size /= 10;
        decimals--;
    }
    while (size > 0 && size < 1 && decimals < 9) {
        size *= 10;
        decimals++;
    }
    return decimals;
}

const char *figure_number(char at[FIGURE_BYTES], double value) {
    return isnan(value) ? put_dash(at) : put_decimals(at, value, decimals_for(value, 3));
}

const char *figure_tick(char at[FIGURE_BYTES], double value) {
    (void)put_decimals(at, value, decimals_for(value, 3));
    if (strchr(at, '.') != NULL) {
        size_t used = strlen(at);
        while (at[used - 1] == '0') {
            at[--used] = '\0';
        }
        if (at[used - 1] == '.') {
            at[used - 1] = '\0';
        }
    }
    return at;
}

const char *figure_rate(char at[FIGURE_BYTES], const struct rate_unit *unit, double rate) {
    double shown = rate * unit->scale;
    int decimals = fabs(shown) >= 100 ? 0 : fabs(shown) >= 10 ? 1 : 2;
    if (fabs(shown) < 0.1) {
        decimals = decimals_for(shown, 2);
    }
    return isnan(shown) ? put_dash(at) : put_decimals(at, shown, decimals);
}

const char *figure_rate_unit(char at[FIGURE_BYTES], const struct rate_unit *unit, double rate) {
    (void)figure_rate(at, unit, rate);
    if (!isnan(rate)) {
        size_t used = strlen(at);
        (void)snprintf(at + used, FIGURE_BYTES - used, "%s", unit->suffix);
    }
    return at;
}

const char *figure_percent(char at[FIGURE_BYTES], double share) {
    double percent = share * 100;
    if (isnan(share)) {
        return put_dash(at);
    }
    if (percent > 0 && percent < 0.01) {
        (void)snprintf(at, FIGURE_BYTES, "under 0.01\xc2\xa0%%");
        return at;
    }
    int decimals = percent >= 9.95 ? 0 : percent >= 0.995 ? 1 : 2;
    (void)put_decimals(at, percent, percent == 0 ? 0 : decimals);
    size_t used = strlen(at);
    (void)snprintf(at + used, FIGURE_BYTES - used, "\xc2\xa0%%");
    return at;
}

const char *figure_times(char at[FIGURE_BYTES], double ratio) {
    return isnan(ratio) ? put_dash(at) : put_decimals(at, ratio, fabs(ratio) < 9.95 ? 1 : 0);
}

const char *figure_p(char at[FIGURE_BYTES], double p) {
    if (isnan(p)) {
        return put_dash(at);
    }
    if (p < 0.001) {
        (void)snprintf(at, FIGURE_BYTES, "under 0.001");
        return at;
    }
    return put_decimals(at, p, p < 0.01 ? 3 : 2);
}

double figure_step(double top, unsigned lines) {
    assert(top > 0 && isfinite(top) && lines > 0);
    static const double steps[] = {1, 2, 5};
    double power = pow(10, floor(log10(top / lines)));
    for (size_t i = 0; i < 3; i++) {
        if (steps[i] * power * lines >= top) {
            return steps[i] * power;
        }
    }
    return 10 * power;
}
