/* The study of a night: what the state knows of the logs beside the connections, what they have
 * brought since, and the tables made from all of it.
 *
 * Lifecycle: zero-initialised storage is no study; night_study_read, then run->more is
 * night_study_tables; night_study_keep before the state's commit; night_study_release in any case.
 */
#ifndef TIEFLOW_PIPELINE_NIGHT_STUDY_H
#define TIEFLOW_PIPELINE_NIGHT_STUDY_H

#include "pipeline/fact_logs.h"
#include "pipeline/publish.h"
#include "pipeline/run.h"
#include "pipeline/study_job.h"
#include "schemas/status.h"
#include "stages/base/files.h"
#include "stages/state/state.h"

#include <stdbool.h>

struct night_study {
    bool is_wanted; /* positions are read */
    struct attribution_settings settings;
    struct facts facts;
    struct fact_table before[FACT_LOGS]; /* what the previous generation had */
    struct names segments;               /* paths of all tie segments up to the last date */
    struct study_job study;
    struct more_tables more;
};

void night_study_release(struct night_study *night);

/* Where the night starts from and where it goes; pointers as in struct ingest_options. */
struct night_plan {
    const struct state *state;
    const struct generation *previous;
    const struct generation *repeated;
    const struct periods *periods;
    const char *next_folder; /* of the state, where this run's tie segments go */
};

/* Reads the logs beside the connections up to the end of the last date, where positions are named;
 * FAILURE_CONFIG where the state knows positions and none are named. What is malformed joins the
 * run's quarantine. The run, and what the plan points to, are borrowed. */
FALLIBLE night_study_read(struct night_study *night, struct run *run, const struct night_plan *plan,
                          struct err *err);

/* NULL where there is no study. */
const struct more_tables *night_study_tables(const struct night_study *night);

/* FAILURE_DATA where a repeated date found other records than the first time. */
FALLIBLE night_study_check_repeat(const struct night_study *night, const struct state *state,
                                  const struct generation *repeated, struct err *err);

/* Enters what is to be remembered into the next generation, and saves its tables. */
FALLIBLE night_study_keep(const struct night_study *night, const struct state *state,
                          struct generation *next, struct err *err);

#endif
