#include "stages/base/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool within(unsigned char byte, unsigned least, unsigned most) {
    return byte >= least && byte <= most;
}

size_t utf8_sequence(const char *text, size_t bytes) {
    unsigned char first = (unsigned char)text[0];
    if (first < 0x80) {
        return 1;
    }
    size_t length = within(first, 0xc2, 0xdf)   ? 2
                    : within(first, 0xe0, 0xef) ? 3
                    : within(first, 0xf0, 0xf4) ? 4
                                                : 0;
    if (length == 0 || length > bytes) {
        return 0;
    }
    /* The second byte's range also keeps out overlong forms (e0, f0), surrogates (ed) and what
     * lies above U+10FFFF (f4). */
    unsigned least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (!within((unsigned char)text[1], least, most)) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if (!within((unsigned char)text[i], 0x80, 0xbf)) {
            return 0;
        }
    }
    return length;
}

void utf8_clean(char *at, const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes;) {
        size_t sequence = utf8_sequence(text + i, bytes - i);
        if (sequence == 0) {
            at[i++] = '?';
        } else {
            memcpy(at + i, text + i, sequence);
            i += sequence;
        }
    }
}
