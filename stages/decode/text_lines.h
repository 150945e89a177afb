/* A stream of bytes cut into lines, and lines joined to records where a quote spans them.
 *
 * Invariants: a record is one stretch of the buffer without its last line break ("\n" or "\r\n"); a
 * UTF-8 byte order mark at the start of the stream is dropped; lines count from 1, whatever is in
 * them. A record above LIMIT_RECORD_BYTES is cut to that length and marked, and the next record
 * starts at the next line. Nothing depends on how many bytes are read at a time.
 */
#ifndef TIEFLOW_STAGES_DECODE_TEXT_LINES_H
#define TIEFLOW_STAGES_DECODE_TEXT_LINES_H

#include "schemas/status.h"
#include "stages/base/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes per read where the caller does not choose: a fraction of the second-level cache. */
enum { TEXT_CHUNK_BYTES = 1 << 18 };

/* `text` is lent until the next call with the lines. */
struct text_record {
    const char *text;
    size_t bytes;
    uint64_t line; /* of the record's first byte, from 1 */
    bool too_long;
};

struct text_lines {
    struct input *input;
    char *buffer;
    size_t capacity;
    size_t chunk_bytes;
    size_t start;      /* of the record at hand */
    size_t first_next; /* behind the record's first line */
    size_t next;       /* behind the record */
    size_t end;        /* of the bytes in the buffer */
    uint64_t line;     /* lines handed out */
    bool input_ended;
    bool in_long_line; /* the rest of the record's last line has not been seen yet */
};

/* Borrows `input`, of which the caller has read `head_count` bytes already (copied; fewer than
 * chunk_bytes; they come first). `chunk_bytes` 0 means TEXT_CHUNK_BYTES. FAILURE_DATA where the
 * input is empty and its name is that of a file which never is (.tfp, .avro, .zst). */
FALLIBLE text_lines_init(struct text_lines *lines, struct input *input, const void *head,
                         size_t head_count, size_t chunk_bytes, struct err *err);
void text_lines_release(struct text_lines *lines);

/* The next line as a record; *more is false at the end of the stream. */
FALLIBLE text_lines_next(struct text_lines *lines, struct text_record *record, bool *more,
                         struct err *err);

/* Joins the next line, and the line break before it, to the record that text_lines_next gave;
 * record->text may move. *joined is false, and nothing has changed, at the end of the stream and
 * where the record would grow over LIMIT_RECORD_BYTES. */
FALLIBLE text_lines_join(struct text_lines *lines, struct text_record *record, bool *joined,
                         struct err *err);

/* Cuts the record back to its first line (of `first_bytes` bytes, as text_lines_next gave it): the
 * joined lines are served again. */
void text_lines_unjoin(struct text_lines *lines, struct text_record *record, size_t first_bytes);

/* Puts the record back: text_lines_next will give its first line again. */
void text_lines_back(struct text_lines *lines, const struct text_record *record);

#endif
