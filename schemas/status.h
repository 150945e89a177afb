/* Status and errors: how every function of tieflow says that something went wrong.
 *
 * A fallible function returns `struct status` (the compiler warns when it is dropped) and fills
 * the caller's `struct err` with one line: what happened, where, and what to do about it. The
 * failure classes are the exit codes of the program, which follow sysexits.h where it has one:
 * the caller of a nightly job acts on the class, a person reads the line.
 *
 * Our own mistakes are assertions, never a status; bytes, disks, brokers and users give a status.
 */
#ifndef TIEFLOW_SCHEMAS_STATUS_H
#define TIEFLOW_SCHEMAS_STATUS_H

#include <stdbool.h>

/* The numbers are the program's exit codes: a public contract, never renumbered. */
enum failure {
    FAILURE_NONE = 0,
    FAILURE_USAGE = 64,         /* the command line is wrong: correct it */
    FAILURE_DATA = 65,          /* the input is wrong, or a quality gate closed: look at the data */
    FAILURE_BROKER = 69,        /* Kafka cannot be reached */
    FAILURE_INTERNAL = 70,      /* our bug: report it */
    FAILURE_IO = 74,            /* a file cannot be read or written, or the disk is full */
    FAILURE_RETRY = 75,         /* out of memory, or another run holds the state: try again */
    FAILURE_CORRUPT_BATCH = 76, /* a Kafka batch stays unreadable */
    FAILURE_PERMISSION = 77,    /* not authorised */
    FAILURE_CONFIG = 78,        /* the configuration contradicts itself or the state */
};

/* 0 for success, else one of enum failure. */
struct status {
    enum failure failure;
};

enum { ERR_TEXT_BYTES = 1024 };

/* Caller-owned; every fallible function takes it last and accepts NULL. `text` is one line,
 * NUL-terminated, cut with "..." when it would not fit. */
struct err {
    enum failure failure;
    char text[ERR_TEXT_BYTES];
};

#define FALLIBLE __attribute__((warn_unused_result)) struct status
#define PRINTF_LIKE(format_index, first_index)                                                     \
    __attribute__((format(printf, format_index, first_index)))

/* Hands a failure of `call` to the caller at once; for functions that hold nothing to release. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        struct status try_status = (call);                                                         \
        if (try_status.failure != FAILURE_NONE) {                                                  \
            return try_status;                                                                     \
        }                                                                                          \
    } while (0)

/* Jumps to the clean-up label; `status` must be the function's own struct status variable. */
#define TRY_OR(label, status, call)                                                                \
    do {                                                                                           \
        (status) = (call);                                                                         \
        if ((status).failure != FAILURE_NONE) {                                                    \
            goto label;                                                                            \
        }                                                                                          \
    } while (0)

static inline struct status status_ok(void) {
    return (struct status){FAILURE_NONE};
}

static inline bool failed(struct status status) {
    return status.failure != FAILURE_NONE;
}

/* Fills `err` (may be NULL) from a printf format; returns the failure as a status, so that
 * `return err_set(err, FAILURE_DATA, "...")` is the whole of a failure path. Control characters in
 * the result are replaced by '?', so that hostile input cannot break the line. */
FALLIBLE err_set(struct err *err, enum failure failure, const char *format, ...) PRINTF_LIKE(3, 4);

/* Replaces control characters (those from U+0080 on are two bytes) by '?', as in every error: for
 * other lines that people read, which may hold names of files and contents of records. */
void text_make_harmless(char *text);

/* Puts `format` in front of what `err` says ("while loading X: ..."), keeping its class. */
void err_prefix(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* The line for a system call about a file that failed with the errno `failure`: what the format
 * says (which file, and what could not be done with it), the system's reason, and what to do about
 * it. FAILURE_IO; FAILURE_RETRY where the system lacked memory for it. */
FALLIBLE err_io(struct err *err, int failure, const char *format, ...) PRINTF_LIKE(3, 4);

/* The usual line for a failed allocation of `bytes` for `what`. */
FALLIBLE err_memory(struct err *err, unsigned long long bytes, const char *what);

#endif
