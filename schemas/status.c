/* One fixed buffer, no allocation: an error about memory must not need any. */
#include "schemas/status.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void text_make_one_line(char *text, int length_wanted) {
    if (length_wanted >= ERR_TEXT_BYTES) {
        memcpy(text + ERR_TEXT_BYTES - 4, "...", 4);
    }
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
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
                   "--batch, or run on a larger machine ('tieflow explain' estimates the need)",
                   bytes, what);
}
