/* The run ids of a run's periods: a chain of checksums over the settings and the ordered events of
 * every period up to its end, by the members' own ids. Two runs that made the same of the same
 * events have the same id, however the events were dealt out to files and nights.
 *
 *   BYTES   WHAT IS SUMMED UP FOR A PERIOD
 *   8       run id of the period before; of the first, of the state's newest generation, or 0
 *   8       the period's first instant; 0 for a run that is not by date
 *   1       simultaneous
 *   26      of every event: at_ms (8), from (8), to (8), kind (1), origin (1)
 */
#ifndef TIEFLOW_PIPELINE_RUN_IDS_H
#define TIEFLOW_PIPELINE_RUN_IDS_H

#include "pipeline/period.h"
#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/dictionary/dictionary.h"
#include "stages/order/tape.h"

#include <stdint.h>

struct run_ids_job {
    const struct tape *tape;
    const struct dictionary *dictionary;
    const struct periods *periods;
    enum simultaneous simultaneous;
    uint64_t previous;          /* run id */
    struct period_facts *facts; /* of periods->count periods: their run_id is filled */
};

struct run_ids;

/* Starts the work on a thread of its own. All is borrowed until run_ids_finish, and nothing of the
 * tape may be forgotten until then. */
FALLIBLE run_ids_start(struct run_ids **ids, const struct run_ids_job *job, struct err *err);

/* Waits for the end of the work, and frees. Accepts NULL. */
FALLIBLE run_ids_finish(struct run_ids *ids, struct err *err);

#endif
