/* A record is cut into its fields and each is parsed by its column's place in the shape; there is
 * one way for all seven logs. Rejected: a fast way like that of csv.c for connections. Positions
 * and interactions are read once and kept in the state; nearly all of a night's time is spent
 * elsewhere.
 */
#include "stages/decode/fact_reader.h"

#include "schemas/limits.h"
#include "stages/base/bytes.h"
#include "stages/decode/avro_file.h"
#include "stages/decode/csv_record.h"
#include "stages/decode/fact_fields.h"
#include "stages/decode/fields.h"
#include "stages/decode/text_lines.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The place of a column that is passed over; how much of a header is shown in an error. */
enum { IGNORED = FACT_FIELDS_MAX, HEADER_SHOWN_BYTES = 200 };

struct fact_reader {
    struct input *input;
    const struct fact_shape *shape;
    enum log_format format;
    struct avro_file *avro; /* Avro only; the rest is for text */
    struct text_lines lines;
    uint8_t *places; /* CSV: of each column in the shape, or IGNORED */
    size_t columns;
    struct bytes scratch;       /* unquoted fields of one record */
    struct malformed malformed; /* met behind good records, for the next call */
    bool is_malformed_next;
};

/* ---- the header ---- */

/* Gives a column its place, and notes the field in `found`. */
static struct status column_add(struct fact_reader *reader, const struct csv_field *column,
                                unsigned *found, const struct text_record *header,
                                struct err *err) {
    const char *name = input_name(reader->input);
    if (reader->columns == LIMIT_CSV_COLUMNS) {
        return err_set(err, FAILURE_DATA, "%s: line %" PRIu64 ": more than %d columns", name,
                       header->line, LIMIT_CSV_COLUMNS);
    }
    int field = fact_field_find(reader->shape, column->text, column->bytes);
    if (field >= 0 && (*found & 1U << field) != 0) {
        return err_set(err, FAILURE_DATA,
                       "%s: line %" PRIu64 ": the header has two columns '%s'; rename one", name,
                       header->line, reader->shape->fields[field].name);
    }
    *found |= field < 0 ? 0 : 1U << field;
    reader->places[reader->columns++] = (uint8_t)(field < 0 ? IGNORED : field);
    return status_ok();
}

static struct status columns_check(const struct fact_reader *reader, unsigned found,
                                   const struct text_record *header, struct err *err) {
    for (size_t i = 0; i < reader->shape->field_count; i++) {
        if (!reader->shape->fields[i].is_required || (found & 1U << i) != 0) {
            continue;
        }
        int shown = header->bytes < HEADER_SHOWN_BYTES ? (int)header->bytes : HEADER_SHOWN_BYTES;
        return err_set(err, FAILURE_DATA,
                       "%s: line %" PRIu64 ": no column '%s' among the %zu of the header \"%.*s\", "
                       "which a log of %s must have",
                       input_name(reader->input), header->line, reader->shape->fields[i].name,
                       reader->columns, shown, header->text, reader->shape->name);
    }
    return status_ok();
}

/* Reads the header; a file without one has no records either. */
static struct status header_read(struct fact_reader *reader, struct err *err) {
    struct text_record header;
    bool more;
    TRY(csv_header_next(',', &reader->lines, &header, &more, err));
    if (!more) {
        return status_ok();
    }
    reader->places = malloc(LIMIT_CSV_COLUMNS);
    if (reader->places == NULL) {
        return err_memory(err, LIMIT_CSV_COLUMNS, "CSV columns");
    }
    TRY(bytes_reserve(&reader->scratch, header.bytes + 1, err));
    const char *at = header.text;
    unsigned found = 0;
    while (more) {
        struct csv_field column;
        more = csv_field_next(&at, header.text + header.bytes, ',', &reader->scratch, &column);
        TRY(column_add(reader, &column, &found, &header, err));
    }
    return columns_check(reader, found, &header, err);
}

/* ---- opening ---- */

static struct status reader_begin(struct fact_reader *reader, enum fact_log log, size_t chunk_bytes,
                                  struct err *err) {
    struct text_record record;
    size_t blanks;
    bool more;
    char head[AVRO_MAGIC_BYTES];
    size_t head_count;
    TRY(input_read(reader->input, head, sizeof head, &head_count, err));
    if (head_count == sizeof head && memcmp(head, avro_file_magic, sizeof head) == 0) {
        reader->format = LOG_AVRO;
        return avro_file_open_facts(&reader->avro, log, reader->input, head, head_count, err);
    }
    TRY(text_lines_init(&reader->lines, reader->input, head, head_count, chunk_bytes, err));
    TRY(text_first_line(&reader->lines, &record, &blanks, &more, err));
    if (more && record.text[blanks] == '{') {
        reader->format = LOG_NDJSON;
        return status_ok();
    }
    return header_read(reader, err);
}

struct status fact_reader_open(struct fact_reader **reader, struct input *input, enum fact_log log,
                               size_t chunk_bytes, struct err *err) {
    assert((unsigned)log < FACT_LOGS);
    struct fact_reader *made = calloc(1, sizeof *made);
    if (made == NULL) {
        input_close(input);
        return err_memory(err, sizeof *made, "a log reader");
    }
    made->input = input;
    made->shape = &fact_shapes[log];
    made->format = LOG_CSV;
    struct status status = reader_begin(made, log, chunk_bytes, err);
    if (failed(status)) {
        fact_reader_close(made);
        return status;
    }
    *reader = made;
    return status_ok();
}

void fact_reader_close(struct fact_reader *reader) {
    if (reader == NULL) {
        return;
    }
    free(reader->places);
    bytes_release(&reader->scratch);
    text_lines_release(&reader->lines);
    avro_file_close(reader->avro);
    input_close(reader->input);
    free(reader);
}

enum log_format fact_reader_format(const struct fact_reader *reader) {
    return reader->format;
}

const struct input *fact_reader_input(const struct fact_reader *reader) {
    return reader->input;
}

/* ---- records ---- */

/* Parses the fields of a whole record; false with a reason. */
static bool fields_parse(struct fact_reader *reader, const struct text_record *record,
                         struct fact *fact, char reason[MALFORMED_REASON_BYTES]) {
    const char *at = record->text;
    const char *end = record->text + record->bytes;
    bool is_good = true;
    bool more = true;
    size_t fields = 0;
    reader->scratch.count = 0;
    fact_begin(reader->shape, fact);
    for (; more; fields++) {
        struct csv_field field;
        more = csv_field_next(&at, end, ',', &reader->scratch, &field);
        if (is_good && fields < reader->columns && reader->places[fields] != IGNORED) {
            is_good = fact_field_parse(reader->shape, reader->places[fields], field.text,
                                       field.bytes, fact, reason);
        }
    }
    if (fields != reader->columns) {
        reason_set(reason, "%zu fields: %zu, as in the header, are expected", fields,
                   reader->columns);
        return false;
    }
    return is_good;
}

static struct status csv_take(struct fact_reader *reader, struct text_record *record,
                              struct fact *fact, bool *is_fact, struct err *err) {
    bool is_whole;
    char *reason = reader->malformed.reason;
    *is_fact = false;
    TRY(csv_record_complete(',', &reader->lines, record, &is_whole, reason, err));
    if (is_whole) {
        TRY(bytes_reserve(&reader->scratch, record->bytes + 1, err));
        *is_fact = fields_parse(reader, record, fact, reason);
    }
    return status_ok();
}

/* Fills records until a malformed one, which is kept, or the end. */
static struct status records_take(struct fact_reader *reader, struct fact *facts, size_t capacity,
                                  size_t *count, struct err *err) {
    bool is_csv = reader->format == LOG_CSV;
    while (*count < capacity) {
        struct text_record record;
        bool more;
        bool is_fact;
        TRY(text_lines_next(&reader->lines, &record, &more, err));
        if (!more) {
            break;
        }
        if (is_csv ? record.bytes == 0 : text_is_blank(record.text, record.bytes)) {
            continue;
        }
        TRY(is_csv ? csv_take(reader, &record, &facts[*count], &is_fact, err)
                   : fact_json_parse(reader->shape, &record, &facts[*count], &is_fact,
                                     reader->malformed.reason, err));
        if (!is_fact) {
            reader->malformed.line = record.line;
            reader->malformed.content = record.text;
            reader->malformed.content_bytes = record.bytes;
            reader->is_malformed_next = true;
            break;
        }
        ++*count;
    }
    return status_ok();
}

struct status fact_reader_next(struct fact_reader *reader, struct fact *facts, size_t capacity,
                               size_t *count, bool *is_malformed, struct malformed *malformed,
                               struct err *err) {
    assert(capacity > 0);
    if (reader->format == LOG_AVRO) {
        return avro_file_next_facts(reader->avro, facts, capacity, count, is_malformed, malformed,
                                    err);
    }
    *count = 0;
    *is_malformed = false;
    if (!reader->is_malformed_next) {
        TRY(records_take(reader, facts, capacity, count, err));
    }
    if (*count == 0 && reader->is_malformed_next) {
        *malformed = reader->malformed;
        *is_malformed = true;
        reader->is_malformed_next = false;
    }
    return status_ok();
}
