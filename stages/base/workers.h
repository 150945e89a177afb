/* A loop whose turns run on several threads. */
#ifndef TIEFLOW_STAGES_BASE_WORKERS_H
#define TIEFLOW_STAGES_BASE_WORKERS_H

#include <stddef.h>

/* Calls `body(context, worker, first, end)` for chunks [first, end) that together cover [0, count)
 * once, on up to `threads` threads including the caller's; `worker` in [0, threads) tells whose
 * scratch memory to use. Chunks are handed out as workers become free, so a body must not depend
 * on which worker or when. Where a thread cannot be started its share goes to the others. */
void workers_run(unsigned threads, size_t count, size_t chunk,
                 void (*body)(void *context, unsigned worker, size_t first, size_t end),
                 void *context);

#endif
