/* The settings of a study as texts: for the table `settings`, the manifest, the notes of tables. */
#ifndef TIEFLOW_PIPELINE_STUDY_SETTINGS_H
#define TIEFLOW_PIPELINE_STUDY_SETTINGS_H

#include "schemas/settings.h"

#include <stddef.h>

enum { SETTING_VALUE_BYTES = 40, SETTINGS = 10 };

struct setting {
    const char *name;    /* that of the option, with '_' for '-' */
    const char *meaning; /* a sentence */
    char value[SETTING_VALUE_BYTES];
};

void study_settings_fill(const struct attribution_settings *settings,
                         struct setting filled[SETTINGS]);

#endif
