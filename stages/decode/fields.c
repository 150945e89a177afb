#include "stages/decode/fields.h"

#include "schemas/limits.h"
#include "stages/base/cursor.h"
#include "stages/base/number.h"
#include "stages/base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How much of a field is shown in a reason. */
enum { SHOWN_BYTES = 40 };

static int shown(size_t bytes) {
    return bytes < SHOWN_BYTES ? (int)bytes : SHOWN_BYTES;
}

const char *field_name(enum field field) {
    static const char *const names[FIELDS] = {"at", "from", "to", "kind", "origin"};
    return names[field];
}

struct time_rule time_rule_of(const struct log_reader_options *options, uint32_t custom_unit_ms) {
    assert(options->time_unit_ms == 0 || options->time_units_per_ms == 0);
    struct time_rule rule = {.multiply = 1,
                             .divide = 1,
                             .is_iso = options->times_are_iso,
                             .is_line = options->times_are_lines};
    if (options->time_units_per_ms != 0) {
        rule.divide = options->time_units_per_ms;
    } else {
        rule.multiply = options->time_unit_ms != 0 ? options->time_unit_ms : custom_unit_ms;
    }
    return rule;
}

void reason_set(char reason[MALFORMED_REASON_BYTES], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, MALFORMED_REASON_BYTES, format, arguments); /* cut is fine */
    va_end(arguments);
    for (char *c = reason; *c != '\0'; c++) {
        if (*c < 0x20 || *c > 0x7e) {
            *c = '?';
        }
    }
}

bool field_parse_id(enum field field, const char *text, size_t bytes, struct member_id *id,
                    char reason[MALFORMED_REASON_BYTES]) {
    if (!number_parse_u64(text, bytes, &id->v)) {
        reason_set(reason, "%s is \"%.*s\": a whole number from 0 to 2^64-1 is expected",
                   field_name(field), shown(bytes), text);
        return false;
    }
    return true;
}

bool time_rule_apply(const struct time_rule *rule, int64_t value, int64_t *at_ms) {
    if (__builtin_mul_overflow(value, (int64_t)rule->multiply, at_ms)) {
        return false;
    }
    if (rule->divide != 1) {
        int64_t divisor = rule->divide;
        *at_ms = *at_ms / divisor - (*at_ms % divisor < 0);
    }
    return event_time_is_valid(*at_ms);
}

bool field_parse_time(const struct time_rule *rule, const char *text, size_t bytes, int64_t *at_ms,
                      char reason[MALFORMED_REASON_BYTES]) {
    assert(!rule->is_line);
    bool is_in_range;
    if (rule->is_iso) {
        if (!iso_time_parse(text, bytes, at_ms)) {
            reason_set(reason,
                       "at is \"%.*s\": an ISO 8601 time such as 2024-05-01T12:30:00Z is expected",
                       shown(bytes), text);
            return false;
        }
        is_in_range = event_time_is_valid(*at_ms);
    } else {
        int64_t value;
        if (!number_parse_i64(text, bytes, &value)) {
            reason_set(reason,
                       "at is \"%.*s\": a whole number of time units since 1970 is expected",
                       shown(bytes), text);
            return false;
        }
        is_in_range = time_rule_apply(rule, value, at_ms);
    }
    if (!is_in_range) {
        reason_set(reason, "at is \"%.*s\": outside the years 0001 to 9999; is the unit right?",
                   shown(bytes), text);
    }
    return is_in_range;
}

bool field_parse_kind(const char *text, size_t bytes, uint8_t *kind,
                      char reason[MALFORMED_REASON_BYTES]) {
    int parsed = bytes == 0 ? EVENT_CONNECT : event_kind_parse(text, bytes);
    if (parsed < 0) {
        reason_set(reason, "kind is \"%.*s\": connect or disconnect is expected", shown(bytes),
                   text);
        return false;
    }
    *kind = (uint8_t)parsed;
    return true;
}

bool field_parse_origin(const char *text, size_t bytes, uint8_t *origin,
                        char reason[MALFORMED_REASON_BYTES]) {
    int parsed = bytes == 0 ? ORIGIN_UNKNOWN : event_origin_parse(text, bytes);
    if (parsed < 0) {
        reason_set(reason,
                   "origin is \"%.*s\": organic, recommended, import or unknown is expected",
                   shown(bytes), text);
        return false;
    }
    *origin = (uint8_t)parsed;
    return true;
}

/* Takes exactly two digits, a number below `bound`. */
static bool take_two_digits(struct cursor *cursor, int64_t bound, int64_t *value) {
    const uint8_t *digits = cursor_take(cursor, 2);
    uint64_t parsed;
    if (digits == NULL || !number_parse_u64((const char *)digits, 2, &parsed)) {
        return false;
    }
    *value = (int64_t)parsed;
    return *value < bound;
}

static bool take_byte(struct cursor *cursor, char wanted) {
    if (cursor_left(cursor) == 0 || cursor->data[cursor->at] != (uint8_t)wanted) {
        return false;
    }
    return cursor_take(cursor, 1) != NULL;
}

/* ".123456": milliseconds, the digits behind the third dropped. False for no digits. */
static bool take_fraction(struct cursor *cursor, int64_t *ms) {
    int64_t weight = 100;
    size_t digits = 0;
    while (cursor_left(cursor) > 0) {
        unsigned digit = (unsigned)cursor->data[cursor->at] - (unsigned)'0';
        if (digit > 9) {
            break;
        }
        *ms += weight * (int64_t)digit;
        weight /= 10;
        digits++;
        (void)cursor_take(cursor, 1); /* cannot fail: one is left */
    }
    return digits > 0;
}

/* hh:mm[:ss[.fraction]] */
static bool take_clock(struct cursor *cursor, int64_t *ms) {
    int64_t hours;
    int64_t minutes;
    int64_t seconds = 0;
    int64_t fraction_ms = 0;
    if (!take_two_digits(cursor, 24, &hours) || !take_byte(cursor, ':') ||
        !take_two_digits(cursor, 60, &minutes)) {
        return false;
    }
    if (take_byte(cursor, ':')) {
        if (!take_two_digits(cursor, 60, &seconds)) {
            return false;
        }
        if ((take_byte(cursor, '.') || take_byte(cursor, ',')) &&
            !take_fraction(cursor, &fraction_ms)) {
            return false;
        }
    }
    *ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction_ms;
    return true;
}

/* Nothing, "Z", or a sign and an offset: how far local time is ahead of UTC. */
static bool take_zone(struct cursor *cursor, int64_t *ahead_ms) {
    *ahead_ms = 0;
    if (cursor_left(cursor) == 0 || take_byte(cursor, 'Z')) {
        return true;
    }
    bool is_behind = take_byte(cursor, '-');
    int64_t hours;
    int64_t minutes = 0;
    if ((!is_behind && !take_byte(cursor, '+')) || !take_two_digits(cursor, 24, &hours)) {
        return false;
    }
    bool has_colon = take_byte(cursor, ':');
    if ((has_colon || cursor_left(cursor) > 0) && !take_two_digits(cursor, 60, &minutes)) {
        return false;
    }
    *ahead_ms = (hours * 60 + minutes) * 60000 * (is_behind ? -1 : 1);
    return true;
}

bool iso_time_parse(const char *text, size_t bytes, int64_t *at_ms) {
    struct cursor cursor = cursor_over(text, bytes);
    const uint8_t *day = cursor_take(&cursor, DATE_TEXT_BYTES - 1);
    if (day == NULL) {
        return false;
    }
    char day_text[DATE_TEXT_BYTES] = {0};
    memcpy(day_text, day, DATE_TEXT_BYTES - 1);
    int64_t day_ms;
    if (!date_parse(day_text, &day_ms)) {
        return false;
    }
    int64_t clock_ms = 0;
    int64_t ahead_ms = 0;
    if (cursor_left(&cursor) > 0) {
        if (!take_byte(&cursor, 'T') && !take_byte(&cursor, ' ')) {
            return false;
        }
        if (!take_clock(&cursor, &clock_ms) || !take_zone(&cursor, &ahead_ms)) {
            return false;
        }
    }
    *at_ms = day_ms + clock_ms - ahead_ms;
    return cursor_left(&cursor) == 0;
}

bool text_is_blank(const char *text, size_t bytes) {
    size_t at = 0;
    while (at < bytes && (text[at] == ' ' || text[at] == '\t')) {
        at++;
    }
    return at == bytes;
}

struct status text_first_line(struct text_lines *lines, struct text_record *record, size_t *blanks,
                              bool *more, struct err *err) {
    do {
        TRY(text_lines_next(lines, record, more, err));
        if (!*more) {
            return status_ok();
        }
    } while (text_is_blank(record->text, record->bytes));
    *blanks = 0;
    while (text_is_blank(record->text, *blanks + 1)) {
        ++*blanks;
    }
    text_lines_back(lines, record);
    return status_ok();
}

static bool text_is_utf8(const char *text, size_t bytes) {
    size_t at = 0;
    while (at < bytes) {
        uint64_t eight = 0;
        if (bytes - at >= sizeof eight) {
            memcpy(&eight, text + at, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        size_t step = utf8_sequence(text + at, bytes - at);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}

bool record_is_sound(const struct text_record *record, char reason[MALFORMED_REASON_BYTES]) {
    if (record->too_long) {
        reason_set(reason, "longer than a record may be (%u bytes); only its start is kept",
                   LIMIT_RECORD_BYTES);
        return false;
    }
    if (!text_is_utf8(record->text, record->bytes)) {
        reason_set(reason, "not UTF-8 text");
        return false;
    }
    return true;
}
