/* Threads of a Kafka client that must not go on end by themselves, and that is noticed.
 *
 * After a batch whose checksum is wrong librdkafka 2.0.2 goes on at a wrong place of the response
 * and takes for batches what stands there: from then on anything can happen. So the thread that
 * finds the checksum wrong ends on the spot, and so does one whose assertion fails, which would
 * otherwise end the process. Both are learned by functions that this module defines in the place of
 * the C library's, for the whole program.
 *
 * Lifecycle: init before the client is made; a thread that is about to parse enters, and leaves
 * when it ends by itself; release when the client is destroyed. Threads that have not entered are
 * left alone.
 */
#ifndef TIEFLOW_STAGES_KAFKA_CLIENT_THREAD_H
#define TIEFLOW_STAGES_KAFKA_CLIENT_THREAD_H

#include "schemas/status.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The threads of one client. */
struct client_threads {
    pthread_key_t key;         /* each thread's value is this structure */
    atomic_bool is_lost;       /* a thread has ended before its time */
    _Atomic int64_t lost_over; /* the first offset of the batch that was the reason, or -1 */
};

/* `threads` must stay where it is until the release. FAILURE_RETRY where too many clients exist. */
FALLIBLE client_threads_init(struct client_threads *threads, struct err *err);
void client_threads_release(struct client_threads *threads);

/* Called by the thread itself, enter as often as one likes. It then has a name of ours. Leaving
 * without having entered does nothing. */
void client_threads_enter(struct client_threads *threads);
void client_threads_leave(struct client_threads *threads);

/* True where a thread has ended before its time, with the first offset of the batch that was the
 * reason, or -1 where it is not known. Any thread may ask. What the thread did before its end has
 * then been done. */
bool client_threads_lost(const struct client_threads *threads, int64_t *offset);

#endif
