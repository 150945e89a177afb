/* A record goes one of two ways. Nearly all are plain (digits, known names, no quote) and are read
 * in one pass over their bytes by parse_plain. Whatever parse_plain does not take goes the slow
 * way, which finds the record's end across quoted line breaks (csv_record), checks it, and says
 * what is wrong. The fast way accepts nothing that the slow one would not accept with the same
 * event.
 */
#include "stages/decode/csv.h"

#include "schemas/limits.h"
#include "stages/base/cursor.h"
#include "stages/base/number.h"
#include "stages/decode/csv_record.h"
#include "stages/decode/fields.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* No column; also the role of a column that is ignored. */
enum { NO_COLUMN = -1, IGNORED = FIELDS };

/* How much of a header line is shown in an error. */
enum { HEADER_SHOWN_BYTES = 200 };

struct csv {
    struct time_rule time;
    char delimiter;
    bool has_header; /* then every record has `columns` fields, else that many or more */
    size_t columns;
    uint8_t *roles;       /* per column: enum field or IGNORED */
    struct bytes scratch; /* unquoted fields of one record */
};

/* Where the options want each field to come from. */
struct wanted {
    const char *name[FIELDS]; /* NULL where `column` is given or the field is not wanted */
    int column[FIELDS];       /* from 0, or NO_COLUMN */
    bool needs_header;
};

/* ---- the header ---- */

static struct status wanted_of(const struct log_reader_options *options, bool times_are_lines,
                               struct wanted *wanted, struct err *err) {
    *wanted = (struct wanted){0};
    for (enum field field = FIELD_AT; field < FIELDS; field++) {
        const char *given = options->column_names[field];
        wanted->column[field] = NO_COLUMN;
        uint64_t number;
        if (field == FIELD_AT && times_are_lines) {
            continue;
        }
        if (given == NULL || !number_parse_u64(given, strlen(given), &number)) {
            wanted->name[field] = given == NULL ? field_name(field) : given;
            wanted->needs_header |= given != NULL || field <= FIELD_TO;
        } else if (number < 1 || number > LIMIT_CSV_COLUMNS) {
            return err_set(err, FAILURE_USAGE,
                           "column %s for '%s' does not exist: columns count from 1 to %d", given,
                           field_name(field), LIMIT_CSV_COLUMNS);
        } else {
            wanted->column[field] = (int)number - 1;
        }
    }
    return status_ok();
}

/* Gives column `wanted->column[field]` its role. */
static struct status roles_assign(struct csv *csv, const struct wanted *wanted, const char *name,
                                  struct err *err) {
    csv->roles = malloc(csv->columns + 1); /* +1: never of size 0 */
    if (csv->roles == NULL) {
        return err_memory(err, csv->columns, "CSV columns");
    }
    memset(csv->roles, IGNORED, csv->columns);
    for (enum field field = FIELD_AT; field < FIELDS; field++) {
        int column = wanted->column[field];
        if (column == NO_COLUMN) {
            continue;
        }
        if ((size_t)column >= csv->columns) {
            return err_set(err, FAILURE_DATA,
                           "%s: column %d is wanted for '%s', the header has %zu columns", name,
                           column + 1, field_name(field), csv->columns);
        }
        if (csv->roles[column] != IGNORED) {
            return err_set(err, FAILURE_USAGE, "%s: column %d is wanted for both '%s' and '%s'",
                           name, column + 1, field_name((enum field)csv->roles[column]),
                           field_name(field));
        }
        csv->roles[column] = (uint8_t)field;
    }
    return status_ok();
}

/* Finds the wanted names among the header's fields. */
static struct status header_match(struct csv *csv, struct wanted *wanted, const char *name,
                                  const struct text_record *record, struct err *err) {
    csv->scratch.count = 0;
    TRY(bytes_reserve(&csv->scratch, record->bytes + 1, err));
    const char *at = record->text;
    const char *end = record->text + record->bytes;
    bool more = true;
    for (csv->columns = 0; more; csv->columns++) {
        if (csv->columns == LIMIT_CSV_COLUMNS) {
            return err_set(err, FAILURE_DATA, "%s: line %" PRIu64 ": more than %d columns", name,
                           record->line, LIMIT_CSV_COLUMNS);
        }
        struct csv_field piece;
        more = csv_field_next(&at, end, csv->delimiter, &csv->scratch, &piece);
        for (enum field field = FIELD_AT; field < FIELDS; field++) {
            if (wanted->name[field] == NULL || strlen(wanted->name[field]) != piece.bytes ||
                memcmp(wanted->name[field], piece.text, piece.bytes) != 0) {
                continue;
            }
            if (wanted->column[field] != NO_COLUMN) {
                return err_set(err, FAILURE_DATA,
                               "%s: line %" PRIu64 ": the header has two columns '%s'; rename one",
                               name, record->line, wanted->name[field]);
            }
            wanted->column[field] = (int)csv->columns;
        }
    }
    return status_ok();
}

static struct status header_check(const struct wanted *wanted, const struct csv *csv,
                                  const struct log_reader_options *options, const char *name,
                                  const struct text_record *record, struct err *err) {
    for (enum field field = FIELD_AT; field < FIELDS; field++) {
        bool is_needed = field <= FIELD_TO || options->column_names[field] != NULL;
        if (is_needed && wanted->name[field] != NULL && wanted->column[field] == NO_COLUMN) {
            int shown_bytes =
                record->bytes < HEADER_SHOWN_BYTES ? (int)record->bytes : HEADER_SHOWN_BYTES;
            return err_set(err, FAILURE_DATA,
                           "%s: line %" PRIu64 ": no column '%s' among the %zu of the header "
                           "\"%.*s\"; name the columns with 'tieflow import --columns ...'",
                           name, record->line, wanted->name[field], csv->columns, shown_bytes,
                           record->text);
        }
    }
    return status_ok();
}

/* Reads the header line; a file without one has no records either. */
static struct status header_read(struct csv *csv, struct text_lines *lines, struct wanted *wanted,
                                 const struct log_reader_options *options, struct err *err) {
    const char *name = input_name(lines->input);
    struct text_record record;
    bool more;
    TRY(csv_header_next(csv->delimiter, lines, &record, &more, err));
    if (!more) {
        return status_ok();
    }
    TRY(header_match(csv, wanted, name, &record, err));
    TRY(header_check(wanted, csv, options, name, &record, err));
    return roles_assign(csv, wanted, name, err);
}

static struct status csv_prepare(struct csv *csv, struct text_lines *lines,
                                 const struct log_reader_options *options, struct err *err) {
    csv->delimiter = options->delimiter == '\0' ? ',' : options->delimiter;
    unsigned char delimiter = (unsigned char)csv->delimiter;
    if (isalnum(delimiter) || delimiter >= 0x80 || strchr("\"\r\n-", delimiter) != NULL) {
        return err_set(err, FAILURE_USAGE, "'%c' cannot be a delimiter; use ',', ';', '|' or a tab",
                       delimiter);
    }
    csv->time = time_rule_of(options, 1);
    struct wanted wanted;
    TRY(wanted_of(options, csv->time.is_line, &wanted, err));
    csv->has_header = wanted.needs_header;
    if (csv->has_header) {
        return header_read(csv, lines, &wanted, options, err);
    }
    for (enum field field = FIELD_AT; field < FIELDS; field++) {
        int last = wanted.column[field]; /* NO_COLUMN is below 0 */
        if (last >= 0 && (size_t)last >= csv->columns) {
            csv->columns = (size_t)last + 1;
        }
    }
    return roles_assign(csv, &wanted, input_name(lines->input), err);
}

static void csv_close(void *state) {
    struct csv *csv = state;
    free(csv->roles);
    bytes_release(&csv->scratch);
    free(csv);
}

static struct status csv_open(void **state, struct text_lines *lines,
                              const struct log_reader_options *options, struct err *err) {
    struct csv *csv = calloc(1, sizeof *csv);
    if (csv == NULL) {
        return err_memory(err, sizeof *csv, "a CSV reader");
    }
    struct status status = csv_prepare(csv, lines, options, err);
    if (failed(status)) {
        csv_close(csv);
        return status;
    }
    *state = csv;
    return status_ok();
}

/* ---- records, the fast way ---- */

/* Digits that cannot overflow 64 bits; bytes of a record that can be loaded as one integer. */
enum { SAFE_DIGITS = 19, PLAIN_BYTES_MIN = 8 };

/* The value of eight bytes that hold 0..9 each, the first digit in the lowest byte: neighbours are
 * joined to pairs, pairs to fours, fours to the number. */
static uint64_t eight_digits(uint64_t digits) {
    digits = (digits * 10 + (digits >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    digits = (digits * 100 + (digits >> 16)) & UINT64_C(0x0000ffff0000ffff);
    return (digits * 10000 + (digits >> 32)) & UINT64_C(0xffffffff);
}

static bool is_digit(char c) {
    return (unsigned char)c - (unsigned)'0' <= 9;
}

/* The next eight bytes of a record, of at least eight bytes, at `at` < `end`; zeros behind its end,
 * where they are shifted in: nothing outside the record is read. */
static uint64_t next_eight(const char *at, const char *end) {
    size_t left = (size_t)(end - at);
    struct cursor cursor = cursor_over(left < 8 ? end - 8 : at, 8);
    return cursor_u64(&cursor) >> (left < 8 ? 64 - 8 * left : 0);
}

/* Reads 1..SAFE_DIGITS digits of a record of at least eight bytes; NULL for none or more. Eight are
 * taken at a time, without a branch on how many there are: a loop over the digits is a chain of
 * multiplications and mispredicts its end. */
static const char *plain_number(const char *at, const char *end, uint64_t *value) {
    static const uint64_t power_of_ten[9] = {1,      10,      100,      1000,     10000,
                                             100000, 1000000, 10000000, 100000000};
    const char *first = at;
    uint64_t sum = 0;
    while (at < end && is_digit(*at)) {
        uint64_t bytes = next_eight(at, end) ^ UINT64_C(0x3030303030303030);
        /* A carry out of a byte that is no digit spoils later bytes only. */
        uint64_t others =
            ((bytes + UINT64_C(0x0606060606060606)) | bytes) & UINT64_C(0xf0f0f0f0f0f0f0f0);
        unsigned digits = others == 0 ? 8 : (unsigned)__builtin_ctzll(others) / 8;
        sum = sum * power_of_ten[digits] + eight_digits(bytes << (64 - 8 * digits));
        at += digits;
    }
    *value = sum;
    return at == first || at - first > SAFE_DIGITS ? NULL : at;
}

/* The end of a field of plain ASCII without quotes; NULL where it is not one. */
static const char *plain_text(const char *at, const char *end, char delimiter) {
    while (at < end && *at != delimiter) {
        if (*at == '"' || (unsigned char)*at >= 0x80) {
            return NULL;
        }
        at++;
    }
    return at;
}

/* Reads a name that `parse` knows, or nothing; returns the field's end, NULL for other names. */
static const char *plain_name(int (*parse)(const char *name, unsigned long bytes), const char *at,
                              const char *end, char delimiter, uint8_t *value) {
    const char *stop = plain_text(at, end, delimiter);
    if (stop == NULL || stop == at) {
        return stop; /* nothing: the default stays */
    }
    int parsed = parse(at, (size_t)(stop - at));
    *value = (uint8_t)parsed;
    return parsed < 0 ? NULL : stop;
}

/* Reads one field into the event; returns its end, or NULL where the slow way must look. */
static const char *plain_field(const struct csv *csv, unsigned role, const char *at,
                               const char *end, struct event *event) {
    uint64_t value;
    switch (role) {
    case FIELD_AT:
        at = csv->time.is_iso ? NULL : plain_number(at, end, &value);
        if (at == NULL || value > INT64_MAX ||
            !time_rule_apply(&csv->time, (int64_t)value, &event->at_ms)) {
            return NULL;
        }
        return at;
    case FIELD_FROM:
        return plain_number(at, end, &event->from.v);
    case FIELD_TO:
        return plain_number(at, end, &event->to.v);
    case FIELD_KIND:
        return plain_name(event_kind_parse, at, end, csv->delimiter, &event->kind);
    case FIELD_ORIGIN:
        return plain_name(event_origin_parse, at, end, csv->delimiter, &event->origin);
    default:
        return plain_text(at, end, csv->delimiter);
    }
}

static bool parse_plain(const struct csv *csv, const struct text_record *record,
                        struct event *event) {
    const char *at = record->text;
    const char *end = record->text + record->bytes;
    for (size_t column = 0;; column++) {
        at = plain_field(csv, column < csv->columns ? csv->roles[column] : (unsigned)IGNORED, at,
                         end, event);
        if (at == NULL) {
            return false;
        }
        if (at == end) {
            size_t fields = column + 1;
            return fields == csv->columns || (fields > csv->columns && !csv->has_header);
        }
        if (*at != csv->delimiter) {
            return false;
        }
        at++;
    }
}

/* ---- records, the slow way ---- */

static bool field_parse(const struct csv *csv, unsigned role, struct csv_field piece,
                        struct event *event, char reason[MALFORMED_REASON_BYTES]) {
    switch (role) {
    case FIELD_AT:
        return field_parse_time(&csv->time, piece.text, piece.bytes, &event->at_ms, reason);
    case FIELD_FROM:
        return field_parse_id(FIELD_FROM, piece.text, piece.bytes, &event->from, reason);
    case FIELD_TO:
        return field_parse_id(FIELD_TO, piece.text, piece.bytes, &event->to, reason);
    case FIELD_KIND:
        return field_parse_kind(piece.text, piece.bytes, &event->kind, reason);
    case FIELD_ORIGIN:
        return field_parse_origin(piece.text, piece.bytes, &event->origin, reason);
    default:
        return true;
    }
}

/* Parses the fields of a whole record of UTF-8; false with a reason. */
static bool fields_parse(struct csv *csv, const struct text_record *record, struct event *event,
                         char reason[MALFORMED_REASON_BYTES]) {
    const char *at = record->text;
    const char *end = record->text + record->bytes;
    bool is_good = true;
    bool more = true;
    size_t fields = 0;
    csv->scratch.count = 0;
    for (; more; fields++) {
        struct csv_field piece;
        more = csv_field_next(&at, end, csv->delimiter, &csv->scratch, &piece);
        if (is_good && fields < csv->columns) {
            is_good = field_parse(csv, csv->roles[fields], piece, event, reason);
        }
    }
    if (fields < csv->columns || (fields > csv->columns && csv->has_header)) {
        reason_set(reason, "%zu fields: %zu%s are expected", fields, csv->columns,
                   csv->has_header ? ", as in the header," : " or more");
        return false;
    }
    return is_good;
}

static struct status csv_parse(void *state, struct text_lines *lines, struct text_record *record,
                               struct event *event, enum outcome *outcome,
                               char reason[MALFORMED_REASON_BYTES], struct err *err) {
    struct csv *csv = state;
    if (record->bytes == 0) {
        *outcome = OUTCOME_NOTHING;
        return status_ok();
    }
    const struct event defaults = {
        .at_ms = (int64_t)record->line, .kind = EVENT_CONNECT, .origin = ORIGIN_UNKNOWN};
    *event = defaults;
    *outcome = OUTCOME_EVENT;
    if (record->bytes >= PLAIN_BYTES_MIN && !record->too_long && parse_plain(csv, record, event)) {
        return status_ok();
    }
    *event = defaults;
    *outcome = OUTCOME_MALFORMED;
    bool is_whole;
    TRY(csv_record_complete(csv->delimiter, lines, record, &is_whole, reason, err));
    if (!is_whole) {
        return status_ok();
    }
    TRY(bytes_reserve(&csv->scratch, record->bytes + 1, err));
    if (fields_parse(csv, record, event, reason)) {
        *outcome = OUTCOME_EVENT;
    }
    return status_ok();
}

const struct text_format csv_format = {
    .open = csv_open, .parse = csv_parse, .finish = NULL, .close = csv_close};

/* ---- writing ---- */

struct status csv_put_header(struct bytes *out, struct err *err) {
    static const char header[] = "at,from,to,kind,origin\n";
    return bytes_append(out, header, sizeof header - 1, err);
}

static char *put_text(char *at, const char *text) {
    size_t bytes = strlen(text);
    memcpy(at, text, bytes);
    return at + bytes;
}

/* A sign, three numbers, the longest names, four delimiters and the line break. */
enum { LINE_BYTES = 1 + 3 * NUMBER_U64_BYTES + 10 + 11 + 5 };

struct status csv_put_events(struct bytes *out, const struct event *events, size_t count,
                             struct err *err) {
    for (size_t i = 0; i < count; i++) {
        const struct event *event = &events[i];
        TRY(bytes_reserve(out, LINE_BYTES, err));
        char *at = (char *)out->data + out->count;
        char *start = at;
        at += number_format_i64(at, event->at_ms);
        *at++ = ',';
        at += number_format_u64(at, event->from.v);
        *at++ = ',';
        at += number_format_u64(at, event->to.v);
        *at++ = ',';
        at = put_text(at, event_kind_name(event->kind));
        *at++ = ',';
        at = put_text(at, event_origin_name(event->origin));
        *at++ = '\n';
        assert(at - start <= LINE_BYTES);
        out->count += (size_t)(at - start);
    }
    return status_ok();
}
