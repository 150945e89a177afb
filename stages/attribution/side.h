/* One side of a tie: a possible mover, and the contact who may have carried the move. */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_SIDE_H
#define TIEFLOW_STAGES_ATTRIBUTION_SIDE_H

#include "schemas/tie.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct side {
    int64_t created_ms;
    int64_t ended_ms; /* TIE_OPEN_MS */
    uint32_t contact; /* person */
    uint32_t mutual;  /* as are the degrees: those of G(t-) at the tie's creation */
    uint32_t degree_mover;
    uint32_t degree_contact;
    uint32_t interactions; /* within the window of the settings; held at UINT32_MAX */
    bool mover_invited;
    bool is_remade; /* the pair had an earlier tie */
};

/* A member's sides, sorted by (created_ms, contact). Lent. */
struct mover {
    uint32_t person;
    const struct side *sides;
    size_t count;
};

/* M / union, 0 where the union is empty. */
static inline uint64_t side_union(const struct side *side) {
    return (uint64_t)side->degree_mover + side->degree_contact - side->mutual;
}
static inline double side_strength(const struct side *side) {
    uint64_t in_union = side_union(side);
    return in_union == 0 ? 0.0 : (double)side->mutual / (double)in_union;
}

#endif
