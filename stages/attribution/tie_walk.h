/* One pass over all ties, in the order of their making: read from their segments, with what is
 * looked up about each (its people, its end, its interactions).
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_TIE_WALK_H
#define TIEFLOW_STAGES_ATTRIBUTION_TIE_WALK_H

#include "schemas/status.h"
#include "stages/attribution/intensity.h"
#include "stages/facts/people.h"
#include "stages/tie_store/ending_index.h"
#include "stages/tie_store/tie_segment.h"

#include <stddef.h>
#include <stdint.h>

/* What a walk reads. Everything is lent. */
struct tie_source {
    const char *const *segment_paths;
    size_t segment_count;
    const struct ending_index *endings;
    const struct people *people;
    const struct intensity *intensity;
    void (*progress)(void *context, uint64_t ties); /* may be NULL */
    void *progress_context;
    unsigned threads; /* from two on, a block is read while the one before is visited */
};

/* Ties in columns; `ties.from` and `ties.to` are nodes. */
struct tie_block {
    struct tie_columns ties;
    uint32_t from[TIE_SEGMENT_FRAME_ITEMS]; /* persons */
    uint32_t to[TIE_SEGMENT_FRAME_ITEMS];
    int64_t ended_ms[TIE_SEGMENT_FRAME_ITEMS];
    uint32_t interactions[TIE_SEGMENT_FRAME_ITEMS];
};

typedef struct status (*tie_block_visit)(void *context, const struct tie_block *block,
                                         struct err *err);

/* Calls `visit` with block after block, one at a time; they are lent for the call. */
FALLIBLE tie_walk(const struct tie_source *source, tie_block_visit visit, void *context,
                  struct err *err);

#endif
