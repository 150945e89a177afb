/* In librdkafka nothing can be hooked between the checksum that fails and the parsing that must not
 * happen; but there the text of the error is put together, by __vsnprintf_chk, and what a program
 * defines itself goes before the C library's. (Where librdkafka was built without that check of
 * buffers, or says it in other words, nothing ends here, and the error comes as errors do.)
 * __assert_fail is what a failed assertion calls. Neither may return, so the thread ends by
 * pthread_exit. It holds no lock where a checksum fails, and its client can be destroyed as if
 * nothing had happened; where an assertion fails it may hold one.
 *
 * These functions are not told whose thread it is, and a variable for it would be a global. But the
 * end of a thread hands the values that belong to it to a function of whoever made their key; and
 * what is to be passed on fits into the name of the thread, which says no more to anyone.
 *
 * Rejected: stopping the thread for ever, by which its client is lost with all its memory and
 * threads, each time. Catching SIGABRT, or looking whether a client still answers: not every wrong
 * place of a response leads to an assertion or an error; a lock that was taken twice was seen, and
 * what else bytes may lead to that nobody has checked cannot be foreseen.
 */
#include "stages/kafka/client_thread.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 16, HEXADECIMAL = 16 };
/* Names: of a thread that has entered; of one that ends, in front of an offset. */
#define ENTERED "kafka reader"
#define LOST "lost"
/* The error, whose first argument is the offset. */
#define MISMATCH "MessageSet at offset %" PRId64
#define MISMATCH_TOO "failed CRC32C check"

/* ---- enter, leave, end ---- */

/* Runs in each thread that ends without having left. */
static void note_end(void *value) {
    struct client_threads *threads = value;
    char name[NAME_BYTES] = "";
    (void)pthread_getname_np(pthread_self(), name, sizeof name);
    const char *offset = name + strlen(LOST);
    bool has_offset = strncmp(name, LOST, strlen(LOST)) == 0 && *offset != '\0';
    atomic_store(&threads->lost_over,
                 has_offset ? (int64_t)strtoull(offset, NULL, HEXADECIMAL) : -1);
    atomic_store(&threads->is_lost, true);
}

struct status client_threads_init(struct client_threads *threads, struct err *err) {
    atomic_init(&threads->is_lost, false);
    atomic_init(&threads->lost_over, -1);
    if (pthread_key_create(&threads->key, note_end) != 0) {
        return err_set(err, FAILURE_RETRY, "too many Kafka clients are open at a time");
    }
    return status_ok();
}

void client_threads_release(struct client_threads *threads) {
    (void)pthread_key_delete(threads->key);
}

void client_threads_enter(struct client_threads *threads) {
    /* Without memory for the value the thread keeps its name, and is left alone. */
    if (pthread_getspecific(threads->key) == NULL &&
        pthread_setspecific(threads->key, threads) == 0) {
        (void)pthread_setname_np(pthread_self(), ENTERED);
    }
}

void client_threads_leave(struct client_threads *threads) {
    (void)pthread_setspecific(threads->key, NULL);
}

bool client_threads_lost(const struct client_threads *threads, int64_t *offset) {
    bool is_lost = atomic_load(&threads->is_lost);
    *offset = is_lost ? atomic_load(&threads->lost_over) : -1;
    return is_lost;
}

static bool has_entered(void) {
    char name[NAME_BYTES] = "";
    (void)pthread_getname_np(pthread_self(), name, sizeof name);
    return strcmp(name, ENTERED) == 0;
}

/* `offset` -1: not known. */
_Noreturn static void end_thread(int64_t offset) {
    char name[NAME_BYTES] = LOST;
    int length = offset < 0 ? 0 : snprintf(name, sizeof name, LOST "%" PRIx64, (uint64_t)offset);
    if (length >= NAME_BYTES) {
        /* No partition is as long: it is the offset that is damaged. */
        (void)snprintf(name, sizeof name, LOST);
    }
    (void)pthread_setname_np(pthread_self(), name);
    pthread_exit(NULL);
}

/* ---- in the place of the C library's ---- */

int client_thread_format(char *text, size_t bytes, int flag, size_t room, const char *format,
                         va_list arguments) __asm__("__vsnprintf_chk");
_Noreturn void client_thread_assert(const char *assertion, const char *file, unsigned line,
                                    const char *function) __asm__("__assert_fail");

int client_thread_format(char *text, size_t bytes, int flag, size_t room, const char *format,
                         va_list arguments) {
    (void)flag;
    if (bytes > room) {
        abort();
    }
    if (strncmp(format, MISMATCH, strlen(MISMATCH)) == 0 && strstr(format, MISMATCH_TOO) != NULL &&
        has_entered()) {
        end_thread(va_arg(arguments, int64_t));
    }
    return vsnprintf(text, bytes, format, arguments);
}

_Noreturn void client_thread_assert(const char *assertion, const char *file, unsigned line,
                                    const char *function) {
    if (has_entered()) {
        end_thread(-1);
    }
    void (*fail)(const char *, const char *, unsigned, const char *);
    *(void **)&fail = dlsym(RTLD_NEXT, "__assert_fail");
    if (fail != NULL) {
        fail(assertion, file, line, function);
    }
    abort();
}
