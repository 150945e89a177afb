/* What is left of a state when a generation of it is damaged. */
#ifndef TIEFLOW_STAGES_STATE_RECOVERY_H
#define TIEFLOW_STAGES_STATE_RECOVERY_H

#include "schemas/status.h"
#include "stages/state/state.h"

#include <stdbool.h>
#include <stdint.h>

struct recovery {
    bool is_found;             /* there is a whole generation */
    int64_t date_ms;           /* the date of the newest of them */
    bool is_newest;            /* it is the state's newest: nothing is damaged that matters */
    char text[ERR_TEXT_BYTES]; /* what is wrong with the newest generation; "" where nothing is */
};

/* Looks for the newest generation whose manifest is sound, and whose files are all there and are
 * what it says, by reading each of them once. FAILURE_IO where that cannot be done. */
FALLIBLE recovery_find(const struct state *state, struct recovery *recovery, struct err *err);

/* Sets aside all generations that are newer than the one found. */
FALLIBLE recovery_set_aside(struct state *state, const struct recovery *recovery, struct err *err);

#endif
