#include "schemas/settings.h"

#include <assert.h>

#define COMMON .mass_movers = 5, .mass_share = 0.1, .threshold = 10, .intensity_days = 365

const struct attribution_settings attribution_presets[ATTRIBUTION_PRESETS] = {
    {.preset = "default", .tie_days = 30, .job_days = 365, .alter_active = true, COMMON},
    {.preset = "gee2012", .tie_days = 365, .job_days = 365, COMMON},
    {.preset = "facebook2016", .tie_days = 365, .job_days = 365, .tie_first = true, COMMON},
};

const uint32_t horizon_days[HORIZONS] = {91, 365, 730, 1826};

const char *horizon_name(size_t horizon) {
    static const char *const names[HORIZONS] = {"3 months", "1 year", "2 years", "5 years"};
    assert(horizon < HORIZONS);
    return names[horizon];
}

const char *credit_rule_name(enum credit_rule rule) {
    static const char *const names[CREDIT_RULES] = {"each", "equal", "last", "strength"};
    assert((unsigned)rule < CREDIT_RULES);
    return names[rule];
}
