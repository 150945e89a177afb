/* An HTML document being written: markup of ours as it is, texts from outside escaped.
 *
 * A failed allocation is remembered and reported by html_finish, so that a page can be written as a
 * plain list of calls.
 */
#ifndef TIEFLOW_STAGES_REPORT_HTML_H
#define TIEFLOW_STAGES_REPORT_HTML_H

#include "schemas/status.h"
#include "stages/base/bytes.h"

#include <stdbool.h>

/* Zero-initialised storage is an empty document. */
struct html {
    struct bytes text;
    bool is_failed;
    unsigned ids; /* given out by html_id */
};

void html_release(struct html *html);

/* Markup of ours. What stands for a %s of the format goes in as it is: figures and constants alone,
 * never a text from outside. A piece is at most HTML_PIECE_BYTES long. */
enum { HTML_PIECE_BYTES = 2048 };
void html_put(struct html *html, const char *markup);
void html_format(struct html *html, const char *format, ...) PRINTF_LIKE(2, 3);

/* Any text: between tags, or in a quoted attribute. Bytes that are no UTF-8 and control characters
 * become '?'. */
void html_text(struct html *html, const char *text);
/* The same for the label of a bin: the hyphen of a range of numbers ("2-3") becomes an en dash. */
void html_label(struct html *html, const char *label);
/* A tag, the text, the end tag: html_tag(html, "h2", "Title"). */
void html_tag(struct html *html, const char *tag, const char *text);

/* A number for an id attribute that the document does not have yet. */
unsigned html_id(struct html *html);

FALLIBLE html_finish(struct html *html, struct err *err);

#endif
