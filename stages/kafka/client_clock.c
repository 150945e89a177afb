/* The C library's conditions are those of POSIX under another name, and POSIX's can be waited for
 * by either clock. Between the moment at which librdkafka computes a deadline and the one at which
 * it is looked at here lie microseconds; a clock that is set in between can still prolong that one
 * wait.
 *
 * Rejected: many short waits, as our own calls are: the client's own threads wait as long as they
 * like.
 */
#include "stages/kafka/client_clock.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

enum { SECOND_NS = 1000000000, MILLISECOND_NS = 1000000 };

static struct timespec now_of(clockid_t clock) {
    struct timespec now;
    int failure = clock_gettime(clock, &now);
    assert(failure == 0);
    return now;
}

int64_t client_now_ms(void) {
    struct timespec now = now_of(CLOCK_MONOTONIC);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / MILLISECOND_NS;
}

/* ---- in the place of the C library's ---- */

int client_clock_wait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                      const struct timespec *deadline) __asm__("cnd_timedwait");

int client_clock_wait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                      const struct timespec *deadline) {
    struct timespec day = now_of(CLOCK_REALTIME);
    struct timespec until = now_of(CLOCK_MONOTONIC);
    int64_t left_ns = ((int64_t)deadline->tv_sec - day.tv_sec) * SECOND_NS + deadline->tv_nsec -
                      day.tv_nsec + until.tv_nsec;
    if (left_ns > 0) {
        until.tv_sec += left_ns / SECOND_NS;
        until.tv_nsec = left_ns % SECOND_NS;
    } /* else it is over, and `until` is as well */
    int failure = pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &until);
    return failure == 0 ? thrd_success : failure == ETIMEDOUT ? thrd_timedout : thrd_error;
}
