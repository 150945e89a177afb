/* Canonical companies: mergers and renames of the company table collapse here, for all of history.
 */
#ifndef TIEFLOW_STAGES_CAREERS_COMPANIES_H
#define TIEFLOW_STAGES_CAREERS_COMPANIES_H

#include "schemas/status.h"
#include "stages/facts/fact_table.h"

#include <stddef.h>
#include <stdint.h>

/* Fills of_record[i] with the canonical company of the i-th position record, as an index into *ids:
 * `count` ids in new memory, ascending, which the caller frees (NULL on failure). Both tables are
 * finished. FAILURE_DATA where canonical companies form a ring; it names the ring. */
FALLIBLE companies_resolve(const struct fact_table *positions, const struct fact_table *companies,
                           uint32_t *of_record, uint64_t **ids, size_t *count, struct err *err);

#endif
