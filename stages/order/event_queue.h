/* Hands events to another thread: the caller reads and decodes while the thread takes what was
 * added before.
 *
 * Events are taken in the order of adding, in portions that do not depend on the portions in which
 * they were added. A queue of few events starts no thread; where none can be started the caller
 * does the work.
 */
#ifndef TIEFLOW_STAGES_ORDER_EVENT_QUEUE_H
#define TIEFLOW_STAGES_ORDER_EVENT_QUEUE_H

#include "schemas/event.h"
#include "schemas/status.h"

#include <stddef.h>

enum { EVENT_QUEUE_PORTION = 4096 };

/* Takes a portion of EVENT_QUEUE_PORTION events, the last one fewer; `events` are lent for the
 * call. Not called again after it has failed. */
typedef FALLIBLE (*event_take)(void *context, const struct event *events, size_t count,
                               struct err *err);

struct event_queue;

/* `context` is borrowed until event_queue_free. Takes 2 MiB. */
FALLIBLE event_queue_new(struct event_queue **queue, event_take take, void *context,
                         struct err *err);

/* Ends the thread, without taking what waits. Accepts NULL. */
void event_queue_free(struct event_queue *queue);

/* Copies the events; waits while the queue is full. Hands on a failure of the thread. */
FALLIBLE event_queue_add(struct event_queue *queue, const struct event *events, size_t count,
                         struct err *err);

/* Waits until all is taken, and ends the thread. After this the caller has `context` to itself. */
FALLIBLE event_queue_finish(struct event_queue *queue, struct err *err);

#endif
