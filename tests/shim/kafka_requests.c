/* Ends or stops a process at one of its requests to Kafka brokers. Loaded in front of libc:
 *
 *     KAFKA_REQUESTS_KEY=26 KAFKA_REQUESTS_NUMBER=1 KAFKA_REQUESTS_ACTION=kill-after \
 *         LD_PRELOAD=build/tests/shim/kafka_requests.so build/tieflow run ...
 *
 * VARIABLE               MEANING
 * KAFKA_REQUESTS_LOG     a file that gets a line for each request: its key in Kafka's protocol
 * KAFKA_REQUESTS_KEY     of the request to do something about; none where it is not set
 * KAFKA_REQUESTS_NUMBER  which of those with that key, from 1
 * KAFKA_REQUESTS_ACTION  kill-before  SIGKILL in its place
 *                        kill-after   SIGKILL when it is on its way
 *                        kill-late    SIGKILL some time later: the broker has done what it asks
 *                        stop-before, stop-after  the same with SIGSTOP, for whoever waits for it
 *
 * A request begins with four bytes of its length and two of its key, big-endian, and librdkafka
 * hands no two requests to one call; a call may take only the first part of a request. Connections
 * with TLS are not understood. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKETS = 1024, HEAD_BYTES = 6, LATE_US = 50000 };

static struct {
    int log;  /* -1: none */
    long key; /* -1: do nothing */
    long number;
    const char *action;
} settings = {.log = -1, .key = -1};

static pthread_mutex_t one_request = PTHREAD_MUTEX_INITIALIZER;
static size_t left[SOCKETS]; /* of the request that a socket has not taken whole yet */
static long seen;            /* requests with the key */

__attribute__((constructor)) static void read_environment(void) {
    const char *log = getenv("KAFKA_REQUESTS_LOG");
    const char *key = getenv("KAFKA_REQUESTS_KEY");
    const char *number = getenv("KAFKA_REQUESTS_NUMBER");
    settings.action = getenv("KAFKA_REQUESTS_ACTION");
    if (log != NULL) {
        settings.log = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    }
    if (key != NULL && number != NULL && settings.action != NULL) {
        settings.key = strtol(key, NULL, 10);
        settings.number = strtol(number, NULL, 10);
    }
}

/* The first bytes of a message; fewer than HEAD_BYTES where it has no more. */
static size_t head_of(const struct msghdr *message, uint8_t head[HEAD_BYTES]) {
    size_t count = 0;
    for (size_t i = 0; i < message->msg_iovlen && count < HEAD_BYTES; i++) {
        const uint8_t *data = message->msg_iov[i].iov_base;
        for (size_t k = 0; k < message->msg_iov[i].iov_len && count < HEAD_BYTES; k++) {
            head[count++] = data[k];
        }
    }
    return count;
}

/* Counts what begins here; whether it is the one. */
static bool begins(int descriptor, const uint8_t head[HEAD_BYTES]) {
    long key = head[4] << 8 | head[5];
    left[descriptor] = 4 + ((size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 |
                            (size_t)head[3]);
    if (settings.log >= 0) {
        (void)dprintf(settings.log, "%ld\n", key);
    }
    return key == settings.key && ++seen == settings.number;
}

/* Does it where the action has this name: by a signal to this very thread, which gets no further.
 */
static void act(const char *name) {
    if (strcmp(settings.action, name) == 0) {
        (void)raise(strncmp(name, "stop", strlen("stop")) == 0 ? SIGSTOP : SIGKILL);
    }
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    ssize_t (*send_on)(int, const struct msghdr *, int);
    *(void **)&send_on = dlsym(RTLD_NEXT, "sendmsg");
    uint8_t head[HEAD_BYTES];
    bool is_ours = descriptor < SOCKETS && head_of(message, head) == HEAD_BYTES;
    (void)pthread_mutex_lock(&one_request);
    bool is_the_one = is_ours && left[descriptor] == 0 && begins(descriptor, head);
    if (is_the_one) {
        act("kill-before");
        act("stop-before");
    }
    ssize_t sent = send_on(descriptor, message, flags);
    if (is_ours && sent > 0) {
        left[descriptor] -= (size_t)sent < left[descriptor] ? (size_t)sent : left[descriptor];
    }
    if (is_the_one) {
        act("kill-after");
        act("stop-after");
    }
    (void)pthread_mutex_unlock(&one_request);
    if (is_the_one) {
        (void)usleep(LATE_US);
        act("kill-late");
    }
    return sent;
}
