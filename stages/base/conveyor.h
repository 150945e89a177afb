/* Pieces of work that run on several threads while their results are taken in order.
 *
 *   fill a slot -> put -> [work on any thread] -> take, oldest first -> use the slot, fill it again
 *
 * The caller owns what the slots are (an array of its own, by index) and does alone whatever must
 * be done in order: reading before a put, writing after a take. So bytes do not depend on threads.
 * A caller that would have to wait does waiting work itself.
 */
#ifndef TIEFLOW_STAGES_BASE_CONVEYOR_H
#define TIEFLOW_STAGES_BASE_CONVEYOR_H

#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>

struct conveyor;

/* How many slots keep `threads` threads busy while one slot is filled or used. */
size_t conveyor_slots(unsigned threads);

/* `work(context, slot)` runs once for every put, on up to `threads` threads including the caller's,
 * and leaves its outcome in the slot. With one thread (or where no other can be started) it runs
 * within conveyor_take. Threads are started by the first put behind another: a single piece of work
 * costs none. */
FALLIBLE conveyor_new(struct conveyor **conveyor, unsigned threads, size_t slots,
                      void (*work)(void *context, size_t slot), void *context, struct err *err);

/* Waits for work that has begun and forgets what has not. Accepts NULL. */
void conveyor_free(struct conveyor *conveyor);

/* Slots put and not yet taken, at most all. */
size_t conveyor_count(const struct conveyor *conveyor);
bool conveyor_is_full(const struct conveyor *conveyor);

/* The slot that the next put hands over: the caller's to fill while the conveyor is not full. */
size_t conveyor_next(const struct conveyor *conveyor);
void conveyor_put(struct conveyor *conveyor);

/* The oldest slot, once its work is done; the caller's until it is put again. Only while
 * conveyor_count is not 0. */
size_t conveyor_take(struct conveyor *conveyor);

#endif
