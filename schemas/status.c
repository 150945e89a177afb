/* One fixed buffer, no allocation: an error about memory must not need any. */
#include "schemas/status.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* U+0080 to U+009F as UTF-8: control characters too, of which a terminal obeys some. */
static bool is_second_control(const char *c) {
    return (unsigned char)c[0] == 0xc2 && (unsigned char)c[1] >= 0x80 && (unsigned char)c[1] < 0xa0;
}

void text_make_harmless(char *text) {
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        } else if (is_second_control(c)) {
            c[0] = '?';
            c[1] = '?';
        }
    }
}

static void text_make_one_line(char *text, int length_wanted) {
    if (length_wanted >= ERR_TEXT_BYTES) {
        memcpy(text + ERR_TEXT_BYTES - 4, "...", 4);
    }
    text_make_harmless(text);
}

struct status err_set(struct err *err, enum failure failure, const char *format, ...) {
    assert(failure != FAILURE_NONE);
    if (err != NULL) {
        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(err->text, sizeof err->text, format, arguments);
        va_end(arguments);
        err->failure = failure;
        text_make_one_line(err->text, length);
    }
    return (struct status){failure};
}

/* What to do about an errno of a file, with its separator; "" where only the reader can know. */
static const char *remedy_of(int failure) {
    switch (failure) {
    case ENOSPC:
    case EDQUOT:
        return "; make room there and run again";
    case EFBIG:
        return "; raise the limit on the size of files (ulimit -f)";
    case EMFILE:
        return "; raise the limit on open files (ulimit -n)";
    case ENFILE:
        return "; the whole system has too many files open: close some, or raise fs.file-max";
    case EIO:
        return "; the disk may be failing: look at the system's log before running again";
    case EROFS:
        return "; the file system is read-only: make it writable, or name another place";
    case EACCES:
    case EPERM:
        return "; give this user the permission, or name another place";
    case ENOENT:
    case ENOTDIR:
        return "; check the name";
    case ENOMEM:
        return "; out of memory: free some and run again";
    default:
        return "";
    }
}

struct status err_io(struct err *err, int failure, const char *format, ...) {
    enum failure class = failure == ENOMEM ? FAILURE_RETRY : FAILURE_IO;
    assert(failure != 0);
    if (err != NULL) {
        char what[ERR_TEXT_BYTES];
        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(what, sizeof what, format, arguments);
        va_end(arguments);
        text_make_one_line(what, length);
        return err_set(err, class, "%s: %s%s", what, strerror(failure), remedy_of(failure));
    }
    return (struct status){class};
}

void err_prefix(struct err *err, const char *format, ...) {
    if (err == NULL) {
        return;
    }
    char old[ERR_TEXT_BYTES];
    memcpy(old, err->text, sizeof old);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    if (length >= 0 && length < ERR_TEXT_BYTES) {
        size_t left = sizeof err->text - (size_t)length;
        length += snprintf(err->text + length, left, ": %s", old);
    }
    text_make_one_line(err->text, length);
}

struct status err_memory(struct err *err, unsigned long long bytes, const char *what) {
    return err_set(err, FAILURE_RETRY,
                   "out of memory: %llu bytes for %s were refused; free memory, use a smaller "
                   "--memory, or run on a larger machine ('tieflow explain' estimates the need)",
                   bytes, what);
}
