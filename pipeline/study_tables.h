/* The tables of an attribution: its rows and sums into the columns of schemas/tables.h.
 *
 * With SCOPE_MOVES there are moves, transmissions and attributions, and nothing in the columns
 * about what is expected by chance.
 *
 * Lifecycle: study_tables_open; study_tables_visit as the attribution's visitor; then, with what
 * the attribution has summed up, study_tables_sums; study_tables_close in any case.
 */
#ifndef TIEFLOW_PIPELINE_STUDY_TABLES_H
#define TIEFLOW_PIPELINE_STUDY_TABLES_H

#include "pipeline/publish.h"
#include "schemas/settings.h"
#include "schemas/status.h"
#include "stages/attribution/attribution.h"

#include <stdint.h>

/* What rows are named and stamped by; borrowed until the close. */
struct study_names {
    const struct people *people;
    const struct careers *careers;
    const struct attribution *attribution; /* being computed */
    enum attribution_scope scope;
    bool has_interactions;
};

struct study_tables;

FALLIBLE study_tables_open(struct study_tables **tables, struct publisher *publisher,
                           const struct study_names *names, struct err *err);

/* The visitor of attribution_run; `context` is the struct study_tables. */
struct status study_tables_visit(void *context, const struct attribution_rows *rows,
                                 struct err *err);

/* Writes the tables of sums, which SCOPE_ALL has: dose_response, segments, arms, placebos. */
FALLIBLE study_tables_sums(struct study_tables *tables, struct err *err);

/* Publishes the tables of rows, or discards them when `status` is a failure already; frees; returns
 * the outcome. Accepts NULL. */
FALLIBLE study_tables_close(struct study_tables *tables, struct status status, struct err *err);

#endif
