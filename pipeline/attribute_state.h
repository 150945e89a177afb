/* `tieflow attribute --state`: a study of the ties of a generation, which is only read. */
#ifndef TIEFLOW_PIPELINE_ATTRIBUTE_STATE_H
#define TIEFLOW_PIPELINE_ATTRIBUTE_STATE_H

#include "pipeline/options.h"
#include "pipeline/progress.h"
#include "schemas/status.h"

/* Everything of the verb, for options that name a state. FAILURE_USAGE where they name connections
 * or --as-of too. */
FALLIBLE attribute_state(const struct options *options, struct progress *progress, struct err *err);

#endif
