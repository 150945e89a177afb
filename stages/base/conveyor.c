/* Slots are put, begun and taken in the same order, so three counters tell where each one is; they
 * only grow, and a slot is a counter modulo the number of slots. */
#include "stages/base/conveyor.h"

#include "schemas/limits.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

struct conveyor {
    void (*work)(void *context, size_t slot);
    void *context;
    size_t slots;
    unsigned threads;
    unsigned started; /* threads beside the caller's */
    bool is_started;
    uint64_t put; /* these two are the caller's alone to change */
    uint64_t taken;
    uint64_t begun;
    bool stopping;
    pthread_mutex_t lock; /* for all changes and what other threads read */
    pthread_cond_t to_do;
    pthread_cond_t done;
    pthread_t thread[LIMIT_THREADS];
    bool is_done[]; /* by slot */
};

size_t conveyor_slots(unsigned threads) {
    return threads < 2 ? 1 : (size_t)threads + 1;
}

struct status conveyor_new(struct conveyor **conveyor, unsigned threads, size_t slots,
                           void (*work)(void *context, size_t slot), void *context,
                           struct err *err) {
    assert(threads >= 1 && threads <= LIMIT_THREADS && slots >= 1);
    struct conveyor *made = calloc(1, sizeof *made + slots * sizeof made->is_done[0]);
    if (made == NULL) {
        return err_memory(err, sizeof *made + slots, "a conveyor");
    }
    made->work = work;
    made->context = context;
    made->slots = slots;
    made->threads = threads;
    /* With default attributes none of these fails on Linux. */
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->to_do, NULL);
    (void)pthread_cond_init(&made->done, NULL);
    *conveyor = made;
    return status_ok();
}

/* Does the next piece of work; with the lock held, which is let go meanwhile. */
static void work_one(struct conveyor *conveyor) {
    size_t slot = (size_t)(conveyor->begun++ % conveyor->slots);
    (void)pthread_mutex_unlock(&conveyor->lock);
    conveyor->work(conveyor->context, slot);
    (void)pthread_mutex_lock(&conveyor->lock);
    conveyor->is_done[slot] = true;
    (void)pthread_cond_signal(&conveyor->done);
}

static void *thread_main(void *argument) {
    struct conveyor *conveyor = argument;
    (void)pthread_mutex_lock(&conveyor->lock);
    while (!conveyor->stopping) {
        if (conveyor->begun < conveyor->put) {
            work_one(conveyor);
        } else {
            (void)pthread_cond_wait(&conveyor->to_do, &conveyor->lock);
        }
    }
    (void)pthread_mutex_unlock(&conveyor->lock);
    return NULL;
}

static void threads_start(struct conveyor *conveyor) {
    conveyor->is_started = true;
    while (conveyor->started + 1 < conveyor->threads &&
           pthread_create(&conveyor->thread[conveyor->started], NULL, thread_main, conveyor) == 0) {
        conveyor->started++;
    }
}

void conveyor_free(struct conveyor *conveyor) {
    if (conveyor == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&conveyor->lock);
    conveyor->stopping = true;
    (void)pthread_cond_broadcast(&conveyor->to_do);
    (void)pthread_mutex_unlock(&conveyor->lock);
    for (unsigned i = 0; i < conveyor->started; i++) {
        (void)pthread_join(conveyor->thread[i], NULL);
    }
    (void)pthread_cond_destroy(&conveyor->done);
    (void)pthread_cond_destroy(&conveyor->to_do);
    (void)pthread_mutex_destroy(&conveyor->lock);
    free(conveyor);
}

size_t conveyor_count(const struct conveyor *conveyor) {
    return (size_t)(conveyor->put - conveyor->taken);
}

bool conveyor_is_full(const struct conveyor *conveyor) {
    return conveyor_count(conveyor) == conveyor->slots;
}

size_t conveyor_next(const struct conveyor *conveyor) {
    return (size_t)(conveyor->put % conveyor->slots);
}

void conveyor_put(struct conveyor *conveyor) {
    assert(!conveyor_is_full(conveyor));
    if (conveyor_count(conveyor) != 0 && !conveyor->is_started) {
        threads_start(conveyor);
    }
    (void)pthread_mutex_lock(&conveyor->lock);
    conveyor->is_done[conveyor_next(conveyor)] = false;
    conveyor->put++;
    (void)pthread_cond_signal(&conveyor->to_do);
    (void)pthread_mutex_unlock(&conveyor->lock);
}

size_t conveyor_take(struct conveyor *conveyor) {
    assert(conveyor_count(conveyor) != 0);
    size_t slot = (size_t)(conveyor->taken % conveyor->slots);
    (void)pthread_mutex_lock(&conveyor->lock);
    while (!conveyor->is_done[slot]) {
        if (conveyor->begun < conveyor->put) {
            work_one(conveyor);
        } else {
            (void)pthread_cond_wait(&conveyor->done, &conveyor->lock);
        }
    }
    conveyor->taken++;
    (void)pthread_mutex_unlock(&conveyor->lock);
    return slot;
}
