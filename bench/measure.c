#include "bench/measure.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the child sends through the pipe. */
struct message {
    struct status status;
    struct err err;
    struct measured measured;
};

double measure_now(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

static void child_run(int channel,
                      struct status (*work)(void *context, struct measured *measured,
                                            struct err *err),
                      void *context) {
    struct message message = {0};
    message.status = work(context, &message.measured, &message.err);
    ssize_t sent = write(channel, &message, sizeof message);
    _exit(sent == (ssize_t)sizeof message ? 0 : 1);
}

struct status measure_forked(struct status (*work)(void *context, struct measured *measured,
                                                   struct err *err),
                             void *context, struct measured *measured, struct err *err) {
    int channel[2];
    if (pipe(channel) != 0) {
        return err_set(err, FAILURE_IO, "no pipe: %s", strerror(errno));
    }
    pid_t child = fork();
    if (child == 0) {
        child_run(channel[1], work, context);
    }
    (void)close(channel[1]);
    struct message message;
    ssize_t got = child < 0 ? 0 : read(channel[0], &message, sizeof message);
    (void)close(channel[0]);
    struct rusage usage = {0};
    int how = 0;
    if (child > 0) {
        (void)wait4(child, &how, 0, &usage);
    }
    if (got != (ssize_t)sizeof message) {
        return err_set(err, FAILURE_RETRY,
                       "the measured process died (wait status %d): too little "
                       "memory?",
                       how);
    }
    if (failed(message.status)) {
        return err_set(err, message.status.failure, "%s", message.err.text);
    }
    *measured = message.measured;
    measured->peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
    measured->cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    return status_ok();
}
