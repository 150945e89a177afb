/* A ring of portions under one lock: a portion is a quarter of a millisecond's work, so the lock is
 * no matter. The portion that is being filled and the one that is being taken are outside it. */
#include "stages/order/event_queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PORTION_EVENTS = EVENT_QUEUE_PORTION, PORTIONS = 16 };

struct event_queue {
    event_take take;
    void *context;
    struct event *events; /* PORTIONS of PORTION_EVENTS */
    size_t filled;        /* events in the portion that the caller fills */
    bool is_threaded;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    size_t added; /* portions */
    size_t taken;
    bool is_ending; /* nothing more is added */
    struct status status;
    struct err err;
};

struct status event_queue_new(struct event_queue **queue, event_take take, void *context,
                              struct err *err) {
    struct event_queue *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "a queue of events");
    }
    made->events = malloc((size_t)PORTIONS * PORTION_EVENTS * sizeof *made->events);
    if (made->events == NULL) {
        free(made);
        return err_memory(err, (size_t)PORTIONS * PORTION_EVENTS * sizeof *made->events,
                          "a queue of events");
    }
    made->take = take;
    made->context = context;
    (void)pthread_mutex_init(&made->lock, NULL); /* cannot fail on Linux */
    (void)pthread_cond_init(&made->changed, NULL);
    *queue = made;
    return status_ok();
}

static struct event *portion(const struct event_queue *queue, size_t number) {
    return queue->events + number % PORTIONS * PORTION_EVENTS;
}

static void *queue_main(void *argument) {
    struct event_queue *queue = argument;
    (void)pthread_mutex_lock(&queue->lock);
    while (!failed(queue->status)) {
        if (queue->taken < queue->added) {
            size_t number = queue->taken;
            (void)pthread_mutex_unlock(&queue->lock);
            struct err err;
            struct status status =
                queue->take(queue->context, portion(queue, number), PORTION_EVENTS, &err);
            (void)pthread_mutex_lock(&queue->lock);
            queue->taken++;
            queue->status = status;
            if (failed(status)) {
                queue->err = err;
            }
            (void)pthread_cond_signal(&queue->changed);
        } else if (queue->is_ending) {
            break;
        } else {
            (void)pthread_cond_wait(&queue->changed, &queue->lock);
        }
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return NULL;
}

static struct status failure_hand_on(const struct event_queue *queue, struct err *err) {
    if (failed(queue->status) && err != NULL) {
        *err = queue->err;
    }
    return queue->status;
}

/* The portion that was being filled is full: hands it over and waits for room for the next. */
static struct status portion_add(struct event_queue *queue, struct err *err) {
    queue->filled = 0;
    if (!queue->is_threaded) {
        queue->is_threaded = pthread_create(&queue->thread, NULL, queue_main, queue) == 0;
    }
    if (!queue->is_threaded) {
        return queue->take(queue->context, portion(queue, queue->added), PORTION_EVENTS, err);
    }
    (void)pthread_mutex_lock(&queue->lock);
    queue->added++;
    (void)pthread_cond_signal(&queue->changed);
    while (queue->added - queue->taken == PORTIONS && !failed(queue->status)) {
        (void)pthread_cond_wait(&queue->changed, &queue->lock);
    }
    struct status status = failure_hand_on(queue, err);
    (void)pthread_mutex_unlock(&queue->lock);
    return status;
}

struct status event_queue_add(struct event_queue *queue, const struct event *events, size_t count,
                              struct err *err) {
    for (size_t first = 0; first < count;) {
        size_t left = count - first;
        size_t room = PORTION_EVENTS - queue->filled;
        size_t step = left < room ? left : room;
        memcpy(portion(queue, queue->added) + queue->filled, events + first, step * sizeof *events);
        queue->filled += step;
        first += step;
        if (queue->filled == PORTION_EVENTS) {
            TRY(portion_add(queue, err));
        }
    }
    return status_ok();
}

static void thread_end(struct event_queue *queue) {
    if (queue->is_threaded) {
        (void)pthread_mutex_lock(&queue->lock);
        queue->is_ending = true;
        (void)pthread_cond_signal(&queue->changed);
        (void)pthread_mutex_unlock(&queue->lock);
        (void)pthread_join(queue->thread, NULL);
        queue->is_threaded = false;
    }
}

struct status event_queue_finish(struct event_queue *queue, struct err *err) {
    thread_end(queue);
    TRY(failure_hand_on(queue, err));
    size_t count = queue->filled;
    queue->filled = 0;
    return count == 0 ? status_ok()
                      : queue->take(queue->context, portion(queue, queue->added), count, err);
}

void event_queue_free(struct event_queue *queue) {
    if (queue != NULL) {
        (void)pthread_mutex_lock(&queue->lock);
        queue->taken = queue->added; /* what waits is dropped */
        (void)pthread_mutex_unlock(&queue->lock);
        thread_end(queue);
        (void)pthread_cond_destroy(&queue->changed);
        (void)pthread_mutex_destroy(&queue->lock);
        free(queue->events);
        free(queue);
    }
}
