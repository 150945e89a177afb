/* Rejected: a tree of elements that is printed at the end. The page is written once, front to back,
 * and a parser in the tests checks that every tag is closed.
 */
#include "stages/report/html.h"

#include "stages/base/utf8.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void html_release(struct html *html) {
    bytes_release(&html->text);
}

static void put_bytes(struct html *html, const char *data, size_t count) {
    html->is_failed = html->is_failed || failed(bytes_append(&html->text, data, count, NULL));
}

void html_put(struct html *html, const char *markup) {
    put_bytes(html, markup, strlen(markup));
}

void html_format(struct html *html, const char *format, ...) {
    char piece[HTML_PIECE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    assert(length >= 0 && (size_t)length < sizeof piece);
    put_bytes(html, piece, (size_t)length);
}

/* What stands in the document for a character; NULL where it stands for itself. */
static const char *escape_of(char character) {
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return iscntrl((unsigned char)character) ? "?" : NULL;
    }
}

/* Whether the character at `i` is a hyphen between two digits. */
static bool is_range(const char *text, size_t i) {
    return text[i] == '-' && i > 0 && isdigit((unsigned char)text[i - 1]) &&
           isdigit((unsigned char)text[i + 1]);
}

static void put_text(struct html *html, const char *text, bool is_label) {
    size_t bytes = strlen(text);
    for (size_t i = 0; i < bytes;) {
        size_t sequence = utf8_sequence(text + i, bytes - i);
        const char *escape = sequence == 0                   ? "?"
                             : sequence > 1                  ? NULL
                             : is_label && is_range(text, i) ? "\xe2\x80\x93"
                                                             : escape_of(text[i]);
        size_t step = sequence == 0 ? 1 : sequence;
        if (escape != NULL) {
            html_put(html, escape);
        } else {
            put_bytes(html, text + i, step);
        }
        i += step;
    }
}

void html_text(struct html *html, const char *text) {
    put_text(html, text, false);
}

void html_label(struct html *html, const char *label) {
    put_text(html, label, true);
}

void html_tag(struct html *html, const char *tag, const char *text) {
    html_format(html, "<%s>", tag);
    html_text(html, text);
    html_format(html, "</%s>\n", tag);
}

unsigned html_id(struct html *html) {
    return ++html->ids;
}

struct status html_finish(struct html *html, struct err *err) {
    if (html->is_failed) {
        return err_memory(err, html->text.count, "the report");
    }
    return status_ok();
}
