/* One member's position records to spells: the counter of definitions, section 3. */
#ifndef TIEFLOW_STAGES_CAREERS_SPELLS_H
#define TIEFLOW_STAGES_CAREERS_SPELLS_H

#include "stages/careers/careers.h"
#include "stages/careers/span.h"

#include <stddef.h>
#include <stdint.h>

/* A record that counts: no end before records. */
struct position {
    struct span span;
    uint32_t company;
    uint32_t kind; /* enum position_kind */
};

/* Reorders the member's positions and writes the spells, by (company, start), to `spells`, which
 * has room for one per start; returns how many. Adds to *orphans the ends that found the counter at
 * zero. Cost: a sort. */
size_t spells_make(struct position *positions, size_t count, uint32_t person, struct spell *spells,
                   uint64_t *orphans);

#endif
