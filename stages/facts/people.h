/* Everybody whom any log names, numbered by their ids: person a < person b exactly when the id of a
 * is smaller, so that results do not depend on the order of a log.
 */
#ifndef TIEFLOW_STAGES_FACTS_PEOPLE_H
#define TIEFLOW_STAGES_FACTS_PEOPLE_H

#include "schemas/status.h"
#include "stages/dictionary/dictionary.h"
#include "stages/facts/fact_table.h"

#include <stddef.h>
#include <stdint.h>

#define PERSON_NONE UINT32_MAX

struct people {
    uint64_t *ids; /* ascending */
    size_t count;
    uint32_t *of_node; /* person of each node of the dictionary */
    uint32_t *nodes;   /* node of each person; PERSON_NONE for those without a tie ever */
    size_t node_count;
};

/* Everybody in the dictionary and in the finished tables (by enum fact_log; positions,
 * applications, assignments and members count; interactions alone make nobody known). FAILURE_DATA
 * beyond LIMIT_NODES people. Zero-initialise `people`. */
FALLIBLE people_build(struct people *people, const struct dictionary *dictionary,
                      const struct fact_table tables[FACT_LOGS], struct err *err);
void people_release(struct people *people);

/* PERSON_NONE for an id that nobody has. */
uint32_t people_find(const struct people *people, uint64_t id);

#endif
