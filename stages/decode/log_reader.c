/* Text formats share one loop over the records (text_next) behind struct text_format; packed frames
 * and Avro have no records of text and go to readers of their own. Which it is, where the caller
 * does not know, is read off the first bytes, which are then handed on to whichever reads the rest.
 */
#include "stages/decode/log_reader.h"

#include "schemas/event.h"
#include "stages/decode/avro_file.h"
#include "stages/decode/csv.h"
#include "stages/decode/edge_list.h"
#include "stages/decode/fields.h"
#include "stages/decode/ndjson.h"
#include "stages/decode/packed.h"
#include "stages/decode/text_format.h"
#include "stages/decode/text_lines.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The magic of a frame (stages/base/frame.h): the first bytes of a packed log. */
static const char packed_magic[4] = {'T', 'F', 'F', '1'};

static const struct {
    const char *name;
    const struct text_format *text; /* NULL for formats that are not text */
} formats[LOG_FORMATS] = {
    [LOG_AUTO] = {"auto", NULL},
    [LOG_CSV] = {"csv", &csv_format},
    [LOG_NDJSON] = {"ndjson", &ndjson_format},
    [LOG_PACKED] = {"packed", NULL},
    [LOG_AVRO] = {"avro", NULL},
    [LOG_SNAP] = {"snap", &snap_format},
    [LOG_KONECT] = {"konect", &konect_format},
    [LOG_MATRIX_MARKET] = {"mtx", &matrix_market_format},
};

struct log_reader {
    struct input *input;
    enum log_format format;
    struct text_lines lines; /* text only, as the two below */
    const struct text_format *text;
    void *state;                 /* of `text`; NULL before it is open */
    struct packed_reader packed; /* packed only */
    struct avro_file *avro;      /* Avro only */
    struct malformed malformed;  /* met behind good records, for the next call */
    bool is_malformed_next;
};

const char *log_format_name(enum log_format format) {
    return formats[format].name;
}

int log_format_parse(const char *name) {
    for (int format = 0; format < LOG_FORMATS; format++) {
        if (strcmp(formats[format].name, name) == 0) {
            return format;
        }
    }
    return -1;
}

/* ---- opening ---- */

static struct status skip_lines(struct text_lines *lines, uint32_t count, struct err *err) {
    bool more = true;
    for (uint32_t i = 0; more && i < count; i++) {
        struct text_record record;
        TRY(text_lines_next(lines, &record, &more, err));
    }
    return status_ok();
}

/* NDJSON where the first line with anything on it starts an object, else CSV. */
static struct status text_recognise(struct text_lines *lines, enum log_format *format,
                                    struct err *err) {
    static const char banner[] = "%%MatrixMarket";
    struct text_record record;
    size_t blanks;
    bool more;
    *format = LOG_CSV;
    TRY(text_first_line(lines, &record, &blanks, &more, err));
    if (!more) {
        return status_ok();
    }
    if (record.text[blanks] == '{') {
        *format = LOG_NDJSON;
    } else if (record.bytes >= sizeof banner - 1 &&
               strncasecmp(record.text, banner, sizeof banner - 1) == 0) {
        *format = LOG_MATRIX_MARKET;
    }
    return status_ok();
}

static struct status reader_begin(struct log_reader *reader,
                                  const struct log_reader_options *options, struct err *err) {
    _Static_assert(sizeof packed_magic == AVRO_MAGIC_BYTES, "one look tells the formats apart");
    char head[AVRO_MAGIC_BYTES];
    size_t head_count = 0;
    if (reader->format == LOG_AUTO) {
        TRY(input_read(reader->input, head, sizeof head, &head_count, err));
        if (head_count == sizeof head && memcmp(head, packed_magic, sizeof head) == 0) {
            reader->format = LOG_PACKED;
        } else if (head_count == sizeof head && memcmp(head, avro_file_magic, sizeof head) == 0) {
            reader->format = LOG_AVRO;
        }
    }
    if (reader->format == LOG_PACKED) {
        return packed_reader_init(&reader->packed, reader->input, head, head_count, err);
    }
    if (reader->format == LOG_AVRO) {
        return avro_file_open(&reader->avro, reader->input, head, head_count, err);
    }
    TRY(text_lines_init(&reader->lines, reader->input, head, head_count, options->chunk_bytes,
                        err));
    TRY(skip_lines(&reader->lines, options->skip_lines, err));
    if (reader->format == LOG_AUTO) {
        TRY(text_recognise(&reader->lines, &reader->format, err));
    }
    reader->text = formats[reader->format].text;
    return reader->text->open(&reader->state, &reader->lines, options, err);
}

struct status log_reader_open(struct log_reader **reader, struct input *input,
                              const struct log_reader_options *options, struct err *err) {
    assert((unsigned)options->format < LOG_FORMATS);
    struct log_reader *made = calloc(1, sizeof *made);
    if (made == NULL) {
        input_close(input);
        return err_memory(err, sizeof *made, "a log reader");
    }
    made->input = input;
    made->format = options->format;
    struct status status = reader_begin(made, options, err);
    if (failed(status)) {
        log_reader_close(made);
        return status;
    }
    *reader = made;
    return status_ok();
}

void log_reader_close(struct log_reader *reader) {
    if (reader == NULL) {
        return;
    }
    if (reader->state != NULL) {
        reader->text->close(reader->state);
    }
    text_lines_release(&reader->lines);
    packed_reader_release(&reader->packed);
    avro_file_close(reader->avro);
    input_close(reader->input);
    free(reader);
}

enum log_format log_reader_format(const struct log_reader *reader) {
    return reader->format;
}

const struct input *log_reader_input(const struct log_reader *reader) {
    return reader->input;
}

/* ---- reading ---- */

/* Fills events until a malformed record, which is kept, or the end. */
static struct status text_next(struct log_reader *reader, struct event *events, size_t capacity,
                               size_t *count, struct err *err) {
    struct malformed *malformed = &reader->malformed;
    while (*count < capacity) {
        struct text_record record;
        bool more;
        TRY(text_lines_next(&reader->lines, &record, &more, err));
        if (!more) {
            bool is_end = *count == 0 && reader->text->finish != NULL;
            return is_end ? reader->text->finish(reader->state, &reader->lines, err) : status_ok();
        }
        enum outcome outcome;
        TRY(reader->text->parse(reader->state, &reader->lines, &record, &events[*count], &outcome,
                                malformed->reason, err));
        *count += outcome == OUTCOME_EVENT;
        if (outcome == OUTCOME_MALFORMED) {
            malformed->line = record.line;
            malformed->content = record.text;
            malformed->content_bytes = record.bytes;
            reader->is_malformed_next = true;
            break;
        }
    }
    return status_ok();
}

struct status log_reader_pass(struct log_reader *reader, uint64_t records, uint64_t *passed,
                              struct err *err) {
    *passed = 0;
    return reader->format == LOG_PACKED ? packed_reader_pass(&reader->packed, records, passed, err)
                                        : status_ok();
}

struct status log_reader_next(struct log_reader *reader, struct event *events, size_t capacity,
                              size_t *count, bool *is_malformed, struct malformed *malformed,
                              struct err *err) {
    assert(capacity > 0);
    *count = 0;
    *is_malformed = false;
    if (reader->format == LOG_PACKED) {
        return packed_reader_next(&reader->packed, events, capacity, count, err);
    }
    if (reader->format == LOG_AVRO) {
        return avro_file_next(reader->avro, events, capacity, count, is_malformed, malformed, err);
    }
    if (!reader->is_malformed_next) {
        TRY(text_next(reader, events, capacity, count, err));
    }
    if (*count == 0 && reader->is_malformed_next) {
        *malformed = reader->malformed;
        *is_malformed = true;
        reader->is_malformed_next = false;
    }
    return status_ok();
}
