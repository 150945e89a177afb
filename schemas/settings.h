/* The settings of an attribution: what counts as a job that came through a tie. Normative text:
 * definitions, sections 3 to 6. All of them are stamped into what is published.
 */
#ifndef TIEFLOW_SCHEMAS_SETTINGS_H
#define TIEFLOW_SCHEMAS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ended_ties {
    ENDED_EXCLUDE = 0, /* a tie that ended before the move does not carry it */
    ENDED_INCLUDE = 1, /* a tie never ends; a pair's later ties are not used */
};

struct attribution_settings {
    const char *preset; /* "default", "gee2012", "facebook2016" or "own" */
    uint32_t tie_days;  /* L_tie: least age of the tie at the move */
    uint32_t job_days;  /* L_job: least time of the contact at the company before the move */
    bool alter_active;  /* the contact is still there at the move */
    bool tie_first;     /* the tie is older than the contact's spell */
    enum ended_ties ended_ties;
    uint32_t mass_movers;    /* a mass move: at least so many movers, */
    double mass_share;       /* and at least this share of the company */
    uint32_t threshold;      /* class cut: M above it */
    uint32_t intensity_days; /* window of interactions behind a tie's creation */
};

enum { ATTRIBUTION_PRESETS = 3 };
extern const struct attribution_settings attribution_presets[ATTRIBUTION_PRESETS];

/* Section 5: how a move's credit is dealt out. The order is that of the tables. */
enum credit_rule { CREDIT_EACH, CREDIT_EQUAL, CREDIT_LAST, CREDIT_STRENGTH, CREDIT_RULES };
const char *credit_rule_name(enum credit_rule rule);

/* Credits are whole multiples of 2^-30. */
#define CREDIT_ONE (UINT32_C(1) << 30)

/* Horizons of the segments of that name, in days: 3 months, 1, 2 and 5 years. */
enum { HORIZONS = 4 };
extern const uint32_t horizon_days[HORIZONS];
const char *horizon_name(size_t horizon);

#endif
