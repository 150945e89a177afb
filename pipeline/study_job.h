/* A study: ties, careers and facts as of one moment to the tables of an attribution.
 *
 * It is computed whole, from the tie segments and the facts of the state, for one as_of; so N
 * nights and one run over everything give the same tables. It adds its tables to those of a period
 * (struct more_tables of publish.h).
 */
#ifndef TIEFLOW_PIPELINE_STUDY_JOB_H
#define TIEFLOW_PIPELINE_STUDY_JOB_H

#include "pipeline/fact_logs.h"
#include "pipeline/progress.h"
#include "pipeline/publish.h"
#include "schemas/settings.h"
#include "schemas/status.h"
#include "stages/attribution/attribution.h"
#include "stages/embeddedness/kernel_set.h"
#include "stages/state/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Beside the tables. */
extern const char study_report_file[];

struct study_job {
    /* Given; everything is borrowed. */
    enum attribution_scope scope;
    const struct attribution_settings *settings;
    const struct facts *facts; /* none after as_of */
    struct graph *graph;       /* as of as_of; for SCOPE_ALL with its rows, which are used up */
    const char *const *segment_paths; /* of all ties and endings up to as_of, in order */
    size_t segment_count;
    int64_t as_of_ms;
    size_t memory_bytes; /* for rows, then for the sides of ties */
    unsigned threads;
    enum kernel_set kernel;
    struct progress *progress;
    /* The positions that the generation before had, for `revisions`; NULL: there is none. */
    const struct fact_table *previous_positions;
    int64_t previous_as_of_ms;
    /* Made. */
    uint64_t facts_id; /* fingerprint of the facts */
    char settings_text[512];
    char facts_text[24];
    uint64_t revised_moves;
    struct attribution_totals totals;
};

/* "all" or "moves". */
const char *scope_name(enum attribution_scope scope);

/* What a period gets more: the tables of the study, and for SCOPE_ALL the database and the report.
 * Borrows the study, and fills in what is made. */
struct more_tables study_job_tables(struct study_job *study);

/* A few lines for a person; the report, if there is one, lies in `folder`. */
void study_job_print(FILE *stream, const struct study_job *study, const char *folder);

#endif
