/* What the fields of a text record mean, and the reason where they mean nothing.
 *
 * The parsers here take a field that need not be NUL-terminated and return false with `reason`
 * filled: one line that says what was found and what was expected.
 */
#ifndef TIEFLOW_STAGES_DECODE_FIELDS_H
#define TIEFLOW_STAGES_DECODE_FIELDS_H

#include "schemas/event.h"
#include "stages/decode/log_reader.h"
#include "stages/decode/text_lines.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The columns of a connection log, in the order of log_reader_options.column_names. */
enum field { FIELD_AT, FIELD_FROM, FIELD_TO, FIELD_KIND, FIELD_ORIGIN, FIELDS };

/* "at", "from", "to", "kind", "origin". */
const char *field_name(enum field field);

/* How a time field becomes milliseconds: value * multiply / divide, rounded down. Both are at least
 * 1, and one of them is 1. */
struct time_rule {
    uint32_t multiply;
    uint32_t divide;
    bool is_iso;
    bool is_line; /* the field is not read at all */
};

/* The rule that the options ask for; `custom_unit_ms` is the format's own unit. */
struct time_rule time_rule_of(const struct log_reader_options *options, uint32_t custom_unit_ms);

/* Milliseconds of an integer time; false where they are outside the accepted range. */
bool time_rule_apply(const struct time_rule *rule, int64_t value, int64_t *at_ms);

/* Writes a reason, cut to its room; what is not printable ASCII becomes '?'. */
void reason_set(char reason[MALFORMED_REASON_BYTES], const char *format, ...) PRINTF_LIKE(2, 3);

/* `field` is FIELD_FROM or FIELD_TO and is only named in the reason. */
bool field_parse_id(enum field field, const char *text, size_t bytes, struct member_id *id,
                    char reason[MALFORMED_REASON_BYTES]);
bool field_parse_time(const struct time_rule *rule, const char *text, size_t bytes, int64_t *at_ms,
                      char reason[MALFORMED_REASON_BYTES]);

/* The empty field is "connect"; "unknown" for the origin. */
bool field_parse_kind(const char *text, size_t bytes, uint8_t *kind,
                      char reason[MALFORMED_REASON_BYTES]);
bool field_parse_origin(const char *text, size_t bytes, uint8_t *origin,
                        char reason[MALFORMED_REASON_BYTES]);

/* ISO 8601: YYYY-MM-DD, alone or with [T or blank]hh:mm[:ss[.fraction]] and [Z, +hh:mm, +hhmm or
 * +hh]. Without a zone it is UTC; what is finer than a millisecond is dropped; there is no second
 * 60. False for anything else. */
bool iso_time_parse(const char *text, size_t bytes, int64_t *at_ms);

/* False, with a reason, for a record that is too long or not UTF-8. */
bool record_is_sound(const struct text_record *record, char reason[MALFORMED_REASON_BYTES]);

/* Gives the first line that is not blank, lent, with the number of blanks before its text, and puts
 * it back: the next call of text_lines_next gives it again. *more is false where there is none. */
FALLIBLE text_first_line(struct text_lines *lines, struct text_record *record, size_t *blanks,
                         bool *more, struct err *err);

/* True for nothing but blanks and tabs. */
bool text_is_blank(const char *text, size_t bytes);

#endif
