#include "pipeline/study_settings.h"

#include "stages/base/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[SETTINGS][2] = {
    {"preset", "The named set of rules that the settings below are; own: they differ from each."},
    {"tie_days", "A tie carries a move only when it was made at least so many days before it."},
    {"job_days",
     "The contact must have started at the company at least so many days before the move."},
    {"alter_active", "Whether the contact must still be at the company when the move happens."},
    {"tie_first", "Whether the tie must be older than the contact's time at the company."},
    {"ended_ties",
     "exclude: a tie that ended before the move does not carry it; include: ties never end, and a "
     "pair's later ties are not used."},
    {"mass_movers",
     "A mass move (a takeover, a merger) has at least so many movers from one company to another "
     "in a calendar month."},
    {"mass_share",
     "A mass move has at least this share of those who were at the company before it."},
    {"threshold", "Cut of the class `threshold`: more mutual connections than this."},
    {"intensity_days", "Interactions count for so many days behind the making of a tie."},
};

static void value_number(struct setting *setting, uint32_t value) {
    (void)snprintf(setting->value, sizeof setting->value, "%" PRIu32, value);
}

static void value_text(struct setting *setting, const char *value) {
    (void)snprintf(setting->value, sizeof setting->value, "%s", value);
}

void study_settings_fill(const struct attribution_settings *settings,
                         struct setting filled[SETTINGS]) {
    for (size_t i = 0; i < SETTINGS; i++) {
        filled[i] = (struct setting){.name = names[i][0], .meaning = names[i][1]};
    }
    value_text(&filled[0], settings->preset);
    value_number(&filled[1], settings->tie_days);
    value_number(&filled[2], settings->job_days);
    value_text(&filled[3], settings->alter_active ? "yes" : "no");
    value_text(&filled[4], settings->tie_first ? "yes" : "no");
    value_text(&filled[5], settings->ended_ties == ENDED_EXCLUDE ? "exclude" : "include");
    value_number(&filled[6], settings->mass_movers);
    (void)number_format_double(filled[7].value, settings->mass_share);
    value_number(&filled[8], settings->threshold);
    value_number(&filled[9], settings->intensity_days);
}
