/* The table `ties` of a study: a period's ties with their classes and what is known of their
 * members (table_ties_of_study).
 */
#ifndef TIEFLOW_PIPELINE_STUDY_TIES_H
#define TIEFLOW_PIPELINE_STUDY_TIES_H

#include "pipeline/publish.h"
#include "schemas/status.h"
#include "stages/attribution/tie_facts.h"
#include "stages/attribution/tie_walk.h"

#include <stddef.h>

/* Writes a row per tie of the source, in its order. The people of both are the same; the classes
 * are those of a cohort that has all of these ties. */
FALLIBLE study_ties_publish(struct publisher *publisher, const struct tie_source *source,
                            const struct tie_facts_inputs *inputs, struct err *err);

#endif
