/* What is known of people beside their ties and careers: attributes as small numbers.
 *
 * Ids of industries, countries, regions and places become their ranks among the ids that occur, so
 * they are compared and counted as array indices.
 */
#ifndef TIEFLOW_STAGES_FACTS_PROFILES_H
#define TIEFLOW_STAGES_FACTS_PROFILES_H

#include "schemas/status.h"
#include "stages/facts/fact_table.h"
#include "stages/facts/people.h"

#include <stddef.h>
#include <stdint.h>

#define PROFILE_UNKNOWN UINT32_MAX

/* One attribute of all people; NULL `of_person` where no record of the log has it. */
struct attribute {
    uint64_t *ids; /* values that occur, ascending */
    size_t count;
    uint32_t *of_person; /* rank in ids, or PROFILE_UNKNOWN */
};

struct profiles {
    struct attribute industry;
    struct attribute country;
    struct attribute region;
    struct attribute place;
    uint16_t *career_start_year; /* 0: not known; NULL: of nobody */
    /* Which half of the industry table an industry is in, by rank and industry (its rank in
     * industry.ids): 0 the more intense half (rank <= the lower median of the table's ranks), 1 the
     * other, 2 not known. NULL without an industry table. */
    uint8_t *half[INDUSTRY_RANKS];
};

/* From finished tables; every member is among the people. Zero-initialise `profiles`; release in
 * any case. */
FALLIBLE profiles_build(struct profiles *profiles, const struct people *people,
                        const struct fact_table *members, const struct fact_table *industries,
                        struct err *err);
void profiles_release(struct profiles *profiles);

#endif
