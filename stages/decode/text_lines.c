/* One growing buffer: [start, next) is the record at hand, [next, end) is not looked at yet. More
 * bytes are read behind `end` after the record has been moved to the front, so that a record is
 * always one stretch of memory. Lines are found by memchr, which the C library vectorises.
 *
 * Rejected: getline (one allocation and one copy per line, and no limit on its length).
 */
#include "stages/decode/text_lines.h"

#include "schemas/limits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Reads up to chunk_bytes behind `end`; the record moves to the front of the buffer. */
static struct status lines_load(struct text_lines *lines, struct err *err) {
    size_t kept = lines->end - lines->start;
    if (lines->start > 0) {
        memmove(lines->buffer, lines->buffer + lines->start, kept);
        lines->first_next -= lines->start;
        lines->next -= lines->start;
        lines->end = kept;
        lines->start = 0;
    }
    if (lines->capacity - kept < lines->chunk_bytes) {
        size_t capacity = 2 * lines->capacity + lines->chunk_bytes;
        char *buffer = realloc(lines->buffer, capacity);
        if (buffer == NULL) {
            return err_memory(err, capacity, "a line buffer");
        }
        lines->buffer = buffer;
        lines->capacity = capacity;
    }
    size_t count;
    TRY(input_read(lines->input, lines->buffer + lines->end, lines->chunk_bytes, &count, err));
    lines->input_ended = count < lines->chunk_bytes;
    lines->end += count;
    return status_ok();
}

static struct status skip_byte_order_mark(struct text_lines *lines, struct err *err) {
    static const char mark[3] = {'\xef', '\xbb', '\xbf'};
    while (lines->end < sizeof mark && !lines->input_ended) {
        TRY(lines_load(lines, err));
    }
    if (lines->end >= sizeof mark && memcmp(lines->buffer, mark, sizeof mark) == 0) {
        lines->start = sizeof mark;
        lines->first_next = sizeof mark;
        lines->next = sizeof mark;
    }
    return status_ok();
}

/* A log of nothing at all is an empty log, unless the name says that it has a beginning: then it
 * was cut to nothing, and its records are missing. */
static struct status empty_judge(const struct input *input, struct err *err) {
    static const char *const never_empty[] = {".tfp", ".avro", ".zst"};
    const char *name = input_name(input);
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof never_empty / sizeof never_empty[0]; i++) {
        size_t bytes = strlen(never_empty[i]);
        if (length > bytes && strcmp(name + length - bytes, never_empty[i]) == 0) {
            return err_set(err, FAILURE_DATA,
                           "%s: the file is empty, which a %s file never is: it is truncated; copy "
                           "or produce it again",
                           name, never_empty[i]);
        }
    }
    return status_ok();
}

struct status text_lines_init(struct text_lines *lines, struct input *input, const void *head,
                              size_t head_count, size_t chunk_bytes, struct err *err) {
    *lines = (struct text_lines){.input = input,
                                 .chunk_bytes = chunk_bytes == 0 ? TEXT_CHUNK_BYTES : chunk_bytes};
    lines->capacity = head_count + 2 * lines->chunk_bytes;
    lines->buffer = malloc(lines->capacity);
    if (lines->buffer == NULL) {
        return err_memory(err, lines->capacity, "a line buffer");
    }
    if (head_count != 0) {
        memcpy(lines->buffer, head, head_count);
        lines->end = head_count;
    }
    struct status status = skip_byte_order_mark(lines, err);
    if (!failed(status) && input_stored_bytes(input) == 0) {
        status = empty_judge(input, err);
    }
    if (failed(status)) {
        text_lines_release(lines);
    }
    return status;
}

void text_lines_release(struct text_lines *lines) {
    free(lines->buffer);
    *lines = (struct text_lines){0};
}

struct line_end {
    size_t bytes; /* from lines->next, the line break left out */
    size_t next;  /* offset in the buffer behind the line break */
    bool is_cut;  /* over the limit, and its end is not in the buffer yet */
};

/* Finds the end of the line at lines->next, reading more where needed. At the end of the stream
 * the line is empty and its `next` is `end`. A line is looked at up to two bytes over the limit:
 * the second may be a line feed behind a carriage return. */
static struct status line_find(struct text_lines *lines, struct line_end *found, struct err *err) {
    size_t seen = 0;
    const char *feed = NULL;
    for (;;) {
        const char *line = lines->buffer + lines->next;
        size_t left = lines->end - lines->next;
        feed = seen == left ? NULL : memchr(line + seen, '\n', left - seen);
        if (feed != NULL) {
            found->bytes = (size_t)(feed - line);
            found->next = lines->next + found->bytes + 1;
            break;
        }
        seen = left;
        if (seen > LIMIT_RECORD_BYTES + 1 || lines->input_ended) {
            found->bytes = left;
            found->next = lines->end;
            break;
        }
        TRY(lines_load(lines, err));
    }
    found->is_cut = feed == NULL && !lines->input_ended;
    if (!found->is_cut && found->bytes > 0 &&
        lines->buffer[lines->next + found->bytes - 1] == '\r') {
        found->bytes--;
    }
    return status_ok();
}

/* Moves past the rest of a line that was too long to be handed out whole. */
static struct status skip_long_line(struct text_lines *lines, struct err *err) {
    while (lines->in_long_line) {
        lines->start = lines->next;
        const char *feed = lines->next == lines->end ? NULL
                                                     : memchr(lines->buffer + lines->next, '\n',
                                                              lines->end - lines->next);
        if (feed != NULL) {
            lines->next = (size_t)(feed - lines->buffer) + 1;
            lines->in_long_line = false;
        } else {
            lines->next = lines->end;
            lines->start = lines->end;
            if (lines->input_ended) {
                lines->in_long_line = false;
            } else {
                TRY(lines_load(lines, err));
            }
        }
    }
    return status_ok();
}

struct status text_lines_next(struct text_lines *lines, struct text_record *record, bool *more,
                              struct err *err) {
    TRY(skip_long_line(lines, err));
    lines->start = lines->next;
    struct line_end found;
    TRY(line_find(lines, &found, err));
    *more = found.next > lines->start;
    if (!*more) {
        return status_ok();
    }
    lines->line++;
    lines->next = found.next;
    lines->first_next = found.next;
    lines->in_long_line = found.is_cut;
    record->text = lines->buffer + lines->start;
    record->bytes = found.bytes;
    record->line = lines->line;
    record->too_long = found.bytes > LIMIT_RECORD_BYTES;
    if (record->too_long) {
        record->bytes = LIMIT_RECORD_BYTES;
    }
    return status_ok();
}

struct status text_lines_join(struct text_lines *lines, struct text_record *record, bool *joined,
                              struct err *err) {
    assert(!record->too_long);
    struct line_end found;
    TRY(line_find(lines, &found, err));
    record->text = lines->buffer + lines->start;
    size_t bytes = lines->next - lines->start + found.bytes;
    *joined = found.next > lines->next && bytes <= LIMIT_RECORD_BYTES;
    if (*joined) {
        lines->line++;
        lines->next = found.next;
        record->bytes = bytes;
    }
    return status_ok();
}

void text_lines_unjoin(struct text_lines *lines, struct text_record *record, size_t first_bytes) {
    lines->next = lines->first_next;
    lines->line = record->line;
    record->bytes = first_bytes;
}

void text_lines_back(struct text_lines *lines, const struct text_record *record) {
    lines->next = lines->start;
    lines->line = record->line - 1;
    lines->in_long_line = false;
}
