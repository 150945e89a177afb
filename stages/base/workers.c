/* Threads are started per call: a call is a whole batch, thousands of times the price of a thread,
 * and no pool means no state to share or to leak. */
#include "stages/base/workers.h"

#include "schemas/limits.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

struct loop {
    atomic_size_t next;
    size_t count;
    size_t chunk;
    void (*body)(void *context, unsigned worker, size_t first, size_t end);
    void *context;
};

struct worker {
    struct loop *loop;
    unsigned index;
    pthread_t thread;
};

static void *worker_main(void *argument) {
    struct worker *worker = argument;
    struct loop *loop = worker->loop;
    for (;;) {
        size_t first = atomic_fetch_add(&loop->next, loop->chunk);
        if (first >= loop->count) {
            return NULL;
        }
        size_t end = loop->count - first < loop->chunk ? loop->count : first + loop->chunk;
        loop->body(loop->context, worker->index, first, end);
    }
}

void workers_run(unsigned threads, size_t count, size_t chunk,
                 void (*body)(void *context, unsigned worker, size_t first, size_t end),
                 void *context) {
    assert(threads >= 1 && threads <= LIMIT_THREADS && chunk >= 1);
    struct loop loop = {.count = count, .chunk = chunk, .body = body, .context = context};
    atomic_init(&loop.next, 0);
    struct worker workers[LIMIT_THREADS];
    workers[0] = (struct worker){.loop = &loop};
    size_t chunks = count / chunk + (count % chunk != 0);
    unsigned wanted = chunks < threads ? (unsigned)chunks : threads;
    unsigned started = 1;
    while (started < wanted) {
        workers[started] = (struct worker){.loop = &loop, .index = started};
        if (pthread_create(&workers[started].thread, NULL, worker_main, &workers[started]) != 0) {
            break;
        }
        started++;
    }
    (void)worker_main(&workers[0]);
    for (unsigned i = 1; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
}
