#include "stages/decode/csv_record.h"

#include "stages/decode/fields.h"

#include <inttypes.h>
#include <string.h>

enum quoting { FIELD_START, IN_PLAIN, IN_QUOTES, QUOTE_CLOSED, BROKEN };

/* The state behind `bytes` more bytes of a record. */
static enum quoting quoting_after(enum quoting state, const char *text, size_t bytes,
                                  char delimiter) {
    for (size_t i = 0; i < bytes && state != BROKEN; i++) {
        bool is_quote = text[i] == '"';
        switch (state) {
        case FIELD_START:
        case IN_PLAIN:
            if (text[i] == delimiter) {
                state = FIELD_START;
            } else if (is_quote) {
                state = state == FIELD_START ? IN_QUOTES : BROKEN;
            } else {
                state = IN_PLAIN;
            }
            break;
        case IN_QUOTES:
            state = is_quote ? QUOTE_CLOSED : IN_QUOTES;
            break;
        case QUOTE_CLOSED: /* a second quote is a doubled one */
            state = is_quote ? IN_QUOTES : text[i] == delimiter ? FIELD_START : BROKEN;
            break;
        case BROKEN:
            break;
        }
    }
    return state;
}

struct status csv_record_complete(char delimiter, struct text_lines *lines,
                                  struct text_record *record, bool *whole,
                                  char reason[MALFORMED_REASON_BYTES], struct err *err) {
    if (record->bytes == 0 || memchr(record->text, '"', record->bytes) == NULL) {
        *whole = record_is_sound(record, reason);
        return status_ok();
    }
    size_t first_bytes = record->bytes;
    size_t seen = 0;
    enum quoting state = FIELD_START;
    bool joined = true;
    while (!record->too_long) {
        state = quoting_after(state, record->text + seen, record->bytes - seen, delimiter);
        seen = record->bytes;
        if (state != IN_QUOTES) {
            break;
        }
        TRY(text_lines_join(lines, record, &joined, err));
        if (!joined) {
            break;
        }
    }
    bool is_closed = joined && state != BROKEN;
    *whole = is_closed && record_is_sound(record, reason);
    if (!is_closed) {
        text_lines_unjoin(lines, record, first_bytes);
        reason_set(reason, joined ? "broken quoting: a quote stands inside a field, or text behind "
                                    "a closing quote; quote the whole field and double its quotes"
                                  : "a quote is opened here and never closed");
    }
    return status_ok();
}

bool csv_field_next(const char **at, const char *end, char delimiter, struct bytes *scratch,
                    struct csv_field *field) {
    const char *here = *at;
    if (here == end || *here != '"') {
        const char *stop = here == end ? NULL : memchr(here, delimiter, (size_t)(end - here));
        *field = (struct csv_field){here, (size_t)((stop == NULL ? end : stop) - here)};
        *at = stop == NULL ? end : stop + 1;
        return stop != NULL;
    }
    char *unquoted = (char *)scratch->data + scratch->count;
    size_t bytes = 0;
    for (here++; *here != '"' || (here + 1 < end && here[1] == '"'); here++) {
        here += *here == '"';
        unquoted[bytes++] = *here;
    }
    scratch->count += bytes;
    *field = (struct csv_field){unquoted, bytes};
    here++; /* the closing quote */
    *at = here == end ? end : here + 1;
    return here != end;
}

struct status csv_header_next(char delimiter, struct text_lines *lines, struct text_record *record,
                              bool *more, struct err *err) {
    do {
        TRY(text_lines_next(lines, record, more, err));
        if (!*more) {
            return status_ok();
        }
    } while (record->bytes == 0);
    char reason[MALFORMED_REASON_BYTES];
    bool is_whole;
    TRY(csv_record_complete(delimiter, lines, record, &is_whole, reason, err));
    if (!is_whole) {
        return err_set(err, FAILURE_DATA, "%s: line %" PRIu64 ": the header is wrong: %s",
                       input_name(lines->input), record->line, reason);
    }
    return status_ok();
}
