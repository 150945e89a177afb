/* Exact quantiles of M / union over billions of ties without keeping them: values are counted by
 * their leading bits in a first pass, and only those that share them with a cut are kept in a
 * second.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_STRENGTH_CUTS_H
#define TIEFLOW_STAGES_ATTRIBUTION_STRENGTH_CUTS_H

#include "schemas/status.h"
#include "stages/attribution/classes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STRENGTH_CUTS = 9 };

/* Equal values are one; of their ties the least union is kept, so that the cut can be named. */
struct strength_kept {
    double value;
    uint64_t count;
    uint64_t least_union;
};

struct strength_cuts {
    uint64_t *coarse; /* ties by leading bits */
    uint64_t total;
    bool *is_wanted;              /* leading bits that hold a cut */
    uint64_t rank[STRENGTH_CUTS]; /* of each cut among those with its leading bits, from 1 */
    size_t bucket[STRENGTH_CUTS];
    struct strength_kept none; /* the value 0, which many ties have */
    struct strength_kept *kept;
    size_t kept_count;
    size_t kept_capacity;
};

/* Zero-initialise. Memory: 2.4 MB, and 24 bytes per different value beside a cut. */
FALLIBLE strength_cuts_init(struct strength_cuts *cuts, struct err *err);
void strength_cuts_release(struct strength_cuts *cuts);

/* First pass: every tie once; then settle. */
void strength_cuts_count(struct strength_cuts *cuts, uint32_t mutual, uint64_t in_union);
void strength_cuts_settle(struct strength_cuts *cuts);

/* Second pass: every tie once; then the cuts and the median go to the classes. */
FALLIBLE strength_cuts_keep(struct strength_cuts *cuts, uint32_t mutual, uint64_t in_union,
                            struct err *err);
void strength_cuts_finish(struct strength_cuts *cuts, struct classes *classes);

#endif
