/* The tail of a generation: what the tie segments behind its adjacency file changed, by member.
 *
 * Ties made and ties ended alternate in the history of a pair, so the numbers of both since the
 * file tell whether the pair is connected now, given whether it was: in whatever order they are
 * counted.
 *
 * Memory: 4 bytes per change of a wanted member and 8 per member, while it is made 8 more per tie
 * and ending of which a member is wanted.
 */
#ifndef TIEFLOW_STAGES_STATE_TAIL_H
#define TIEFLOW_STAGES_STATE_TAIL_H

#include "schemas/status.h"
#include "stages/adjacency/adjacency_file.h"
#include "stages/base/bytes.h"
#include "stages/base/pages.h"
#include "stages/state/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tail {
    struct node_scope scope;
    struct pages offsets; /* uint64_t per node of the range, and one more: into `changes` */
    struct pages changes; /* uint32_t: other member << 1 | is an ending; ascending by node */
};

/* Zero-initialised storage is valid for release. */
void tail_release(struct tail *tail);

/* Reads the segments of the generation that its adjacency does not cover. Each is checked against
 * the manifest. The scope's bits are borrowed for the call. */
FALLIBLE tail_load(struct tail *tail, const struct state *state,
                   const struct generation *generation, struct node_scope scope, unsigned threads,
                   struct err *err);

/* Whether anything of this node of the scope changed. */
static inline bool tail_has(const struct tail *tail, uint32_t node) {
    const uint64_t *offsets = tail->offsets.data;
    return offsets[node - tail->scope.first] != offsets[node - tail->scope.first + 1];
}

/* Replaces the contents of `now` (packed uint32_t, ascending) by the neighbours of a node of the
 * scope after the tail; `before` are the `count` in the adjacency file, ascending. FAILURE_DATA
 * where what was made was there before, or what ended was not. */
FALLIBLE tail_apply(const struct tail *tail, uint32_t node, const uint32_t *before, size_t count,
                    struct bytes *now, struct err *err);

#endif
