/* Several tapes to one: what each of them has in order, all of it in order. */
#ifndef TIEFLOW_STAGES_ORDER_TAPE_MERGE_H
#define TIEFLOW_STAGES_ORDER_TAPE_MERGE_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/dictionary/dictionary.h"
#include "stages/order/tape.h"

#include <stddef.h>
#include <stdint.h>

/* New numbers for the nodes from `first_node` on, in the order in which the merged tape names them,
 * `from` before `to`; `numbers` is the caller's, one per node, all UINT32_MAX before. */
struct tape_numbers {
    size_t first_node;
    uint32_t *numbers;
    uint32_t next; /* starts as first_node */
};

/* Appends the events of the `count` tapes, which have ended, to `merged`, and forgets them there as
 * they are read. The order is that of event_compare, under STRICT by the members that the
 * dictionary has for the nodes; what it finds equal comes in the order of the tapes. With `numbers`
 * (may be NULL) the nodes take their new numbers on the way. Memory: a tape_block per tape. */
FALLIBLE tape_merge(struct tape *const *tapes, size_t count, enum simultaneous simultaneous,
                    const struct dictionary *dictionary, struct tape_numbers *numbers,
                    struct tape *merged, struct err *err);

#endif
