/* The tie: one row of the `ties` table, and of the tie store in the state. */
#ifndef TIEFLOW_SCHEMAS_TIE_H
#define TIEFLOW_SCHEMAS_TIE_H

#include "schemas/ids.h"

#include <stdint.h>

/* The value of ended_at_ms of a tie that has not ended. */
#define TIE_OPEN_MS INT64_MAX

/* A tie is an interval of one undirected pair. `mutual` (embeddedness) and the degrees are those
 * of G(t-), the graph just before the tie was made; they never change afterwards. */
struct tie {
    struct member_id from; /* the inviter */
    struct member_id to;
    int64_t created_at_ms;
    int64_t ended_at_ms; /* TIE_OPEN_MS while it lasts */
    uint32_t mutual;
    uint32_t degree_from;
    uint32_t degree_to;
    uint8_t origin; /* enum event_origin */
};

/* A tie that ended: its pair, and how many ties had been made in the whole history before it ended,
 * which tells the ties of a pair that was re-made apart. */
struct tie_ending {
    uint32_t from; /* nodes, as in the event */
    uint32_t to;
    int64_t ended_at_ms;
    uint64_t ties_before;
};

/* |N(i) u N(j)| in G(t-). */
static inline uint64_t tie_union(const struct tie *tie) {
    return (uint64_t)tie->degree_from + tie->degree_to - tie->mutual;
}

/* Structural tie strength, Onnela's overlap: mutual / union, 0 where the union is empty. */
static inline double tie_strength(const struct tie *tie) {
    int64_t in_union = (int64_t)tie_union(tie); /* below 2^33; processors convert signed numbers */
    return in_union == 0 ? 0.0 : (double)tie->mutual / (double)in_union;
}

#endif
