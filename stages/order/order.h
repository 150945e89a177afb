/* The order stage: events in any order in, one sequence out.
 *
 * The sequence is the one of section 2 of the definitions: under STRICT by (at, disconnect before
 * connect, from, to, origin), under SEQUENCE by time, equal times in the order in which they were
 * added. It does not depend on how the events were batched when they were added.
 *
 * Memory: 32 bytes per event, none for sorting. Lifecycle: order_new, order_add, order_finish once,
 * order_next until it gives nothing, order_free.
 */
#ifndef TIEFLOW_STAGES_ORDER_ORDER_H
#define TIEFLOW_STAGES_ORDER_ORDER_H

#include "schemas/event.h"
#include "schemas/status.h"

#include <stddef.h>
#include <stdint.h>

struct order;

FALLIBLE order_new(struct order **order, enum simultaneous simultaneous, struct err *err);
void order_free(struct order *order);

/* Copies the events. */
FALLIBLE order_add(struct order *order, const struct event *events, size_t count, struct err *err);

/* Ends the adding. */
FALLIBLE order_finish(struct order *order, struct err *err);

/* Events added. */
uint64_t order_count(const struct order *order);

/* Lends at least `least` events of the sequence (fewer only at its end) until the next call. Under
 * STRICT they end where an instant ends. *count is 0 behind the last. */
FALLIBLE order_next(struct order *order, size_t least, const struct event **events, size_t *count,
                    struct err *err);

#endif
