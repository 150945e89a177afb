/* Records gather in one buffer, which becomes a frame when it has grown to a megabyte: small enough
 * for the sender's cache, large enough to compress. Frames depend on the records alone.
 *
 * Rejected: asking the tables' own files for the records once they are to be sent. The dead letters
 * have no such file, and reading Parquet back would need a reader that nothing else needs.
 */
#include "stages/sink/outbox.h"

#include "schemas/event.h"
#include "schemas/limits.h"
#include "stages/base/bytes.h"
#include "stages/base/cursor.h"
#include "stages/base/frame.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char outbox_dead_letters[] = "dead_letters";
const char outbox_ending[] = ".outbox";

enum { FRAME_PAYLOAD_BYTES = 1 << 20, FRAME_RECORDS = 1 << 16 };

static bool name_is_valid(const char *name, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if ((name[i] < 'a' || name[i] > 'z') && name[i] != '_') {
            return false;
        }
    }
    return bytes > 0 && bytes < OUTBOX_NAME_BYTES;
}

struct outbox_writer {
    struct frame_writer frames;
    struct bytes payload;
    uint32_t items;          /* records in the payload */
    uint64_t records_before; /* those already written */
};

/* Room must have been made. */
static void put_length(struct bytes *out, size_t count) {
    put_u32(out->data + out->count, (uint32_t)count);
    out->count += 4;
}

static void put_piece(struct bytes *out, const void *data, size_t count) {
    put_length(out, data == NULL ? OUTBOX_NULL : count);
    if (data != NULL && count != 0) {
        memcpy(out->data + out->count, data, count);
        out->count += count;
    }
}

static struct status head_put(struct outbox_writer *writer, const struct outbox_head *head,
                              struct err *err) {
    size_t name_bytes = strlen(head->name);
    size_t schema_bytes = head->schema == NULL ? 0 : strlen(head->schema);
    assert(name_is_valid(head->name, name_bytes) && schema_bytes <= LIMIT_SCHEMA_BYTES &&
           event_time_is_valid(head->date_ms));
    struct bytes *payload = &writer->payload;
    TRY(bytes_reserve(payload, name_bytes + schema_bytes + 24, err));
    put_piece(payload, head->name, name_bytes);
    put_u64(payload->data + payload->count, (uint64_t)head->date_ms);
    put_u64(payload->data + payload->count + 8, head->run_id);
    payload->count += 16;
    put_piece(payload, schema_bytes == 0 ? "" : head->schema, schema_bytes);
    struct frame frame = {.kind = FRAME_OUTBOX, .payload_bytes = payload->count};
    TRY(frame_writer_put(&writer->frames, &frame, payload->data, err));
    payload->count = 0;
    return status_ok();
}

struct status outbox_writer_new(struct outbox_writer **writer, struct output *output,
                                const struct outbox_head *head, struct err *err) {
    *writer = NULL;
    struct outbox_writer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "an outbox");
    }
    frame_writer_init(&made->frames, output);
    struct status status = head_put(made, head, err);
    if (failed(status)) {
        outbox_writer_free(made);
        return status;
    }
    *writer = made;
    return status;
}

void outbox_writer_free(struct outbox_writer *writer) {
    if (writer != NULL) {
        frame_writer_release(&writer->frames);
        bytes_release(&writer->payload);
        free(writer);
    }
}

static struct status flush(struct outbox_writer *writer, struct err *err) {
    if (writer->items == 0) {
        return status_ok();
    }
    struct frame frame = {
        .kind = FRAME_OUTBOX,
        .items = writer->items,
        .first = (int64_t)writer->records_before,
        .last = (int64_t)(writer->records_before + writer->items - 1),
        .payload_bytes = writer->payload.count,
    };
    TRY(frame_writer_put(&writer->frames, &frame, writer->payload.data, err));
    writer->records_before += writer->items;
    writer->items = 0;
    writer->payload.count = 0;
    return status_ok();
}

/* Bytes of the record in the file; more than the limit where it does not fit. */
static uint64_t record_bytes(const struct outbox_record *record) {
    uint64_t bytes = 12 + (uint64_t)record->key_bytes + record->value_bytes;
    for (size_t i = 0; i < record->header_count; i++) {
        const struct kafka_header *header = &record->headers[i];
        bytes += 9 + (uint64_t)strlen(header->name) + header->value_bytes;
    }
    return bytes;
}

struct status outbox_put(struct outbox_writer *writer, const struct outbox_record *record,
                         struct err *err) {
    if (record->header_count > LIMIT_OUTBOX_HEADERS) {
        return err_set(err, FAILURE_DATA, "a record with %zu headers cannot be sent: at most %d",
                       record->header_count, LIMIT_OUTBOX_HEADERS);
    }
    uint64_t bytes = record_bytes(record);
    if (bytes > LIMIT_OUTBOX_RECORD_BYTES) {
        return err_set(err, FAILURE_DATA,
                       "a record of %" PRIu64 " bytes cannot be sent: at most %u", bytes,
                       LIMIT_OUTBOX_RECORD_BYTES);
    }
    if (writer->payload.count + bytes > FRAME_PAYLOAD_BYTES || writer->items == FRAME_RECORDS) {
        TRY(flush(writer, err));
    }
    struct bytes *payload = &writer->payload;
    TRY(bytes_reserve(payload, (size_t)bytes, err));
    put_piece(payload, record->key, record->key_bytes);
    put_piece(payload, record->value, record->value_bytes);
    put_length(payload, record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        const struct kafka_header *header = &record->headers[i];
        put_piece(payload, header->name, strlen(header->name) + 1);
        put_piece(payload, header->value, header->value_bytes);
    }
    writer->items++;
    return status_ok();
}

struct status outbox_end(struct outbox_writer *writer, struct err *err) {
    TRY(flush(writer, err));
    return frame_writer_end(&writer->frames, err);
}

struct outbox_reader {
    struct input *input;
    struct frame_reader frames;
    struct bytes payload;
    struct cursor cursor; /* over the payload */
    uint32_t items;       /* records left in the payload */
    uint64_t records;     /* in the frames so far */
    struct outbox_head head;
    char name[OUTBOX_NAME_BYTES];
    char *schema;
    struct kafka_header headers[LIMIT_OUTBOX_HEADERS];
};

static struct status is_damaged(const struct outbox_reader *reader, const char *what,
                                struct err *err) {
    return err_set(err, FAILURE_DATA,
                   "%s: not an outbox that tieflow wrote (%s); restore it, or remove it to give up "
                   "its records",
                   input_name(reader->input), what);
}

/* Lends `*count` bytes; NULL for null, which leaves the cursor sound, and where it breaks. */
static const uint8_t *take_piece(struct cursor *cursor, size_t *count) {
    uint32_t length = cursor_u32(cursor);
    *count = length == OUTBOX_NULL ? 0 : length;
    return length == OUTBOX_NULL ? NULL : cursor_take(cursor, length);
}

static bool head_fill(struct outbox_reader *reader, struct cursor cursor) {
    size_t name_bytes;
    size_t schema_bytes;
    const uint8_t *name = take_piece(&cursor, &name_bytes);
    reader->head.date_ms = (int64_t)cursor_u64(&cursor);
    reader->head.run_id = cursor_u64(&cursor);
    const uint8_t *schema = take_piece(&cursor, &schema_bytes);
    if (cursor.broken || cursor_left(&cursor) != 0 || name == NULL || schema == NULL ||
        !name_is_valid((const char *)name, name_bytes) || schema_bytes > LIMIT_SCHEMA_BYTES ||
        memchr(schema, '\0', schema_bytes) != NULL || !event_time_is_valid(reader->head.date_ms)) {
        return false;
    }
    memcpy(reader->name, name, name_bytes);
    reader->head.name = reader->name;
    if (schema_bytes != 0) {
        memcpy(reader->schema, schema, schema_bytes);
        reader->head.schema = reader->schema;
    }
    return true;
}

static struct status head_read(struct outbox_reader *reader, struct err *err) {
    struct frame frame;
    bool more;
    TRY(frame_reader_next(&reader->frames, &frame, &reader->payload, NULL, NULL, &more, err));
    if (!more || frame.kind != FRAME_OUTBOX || frame.items != 0 ||
        !head_fill(reader, cursor_over(reader->payload.data, reader->payload.count))) {
        return is_damaged(reader, "it has no sound head", err);
    }
    return status_ok();
}

struct status outbox_reader_open(struct outbox_reader **reader, struct input *input,
                                 struct err *err) {
    *reader = NULL;
    struct outbox_reader *made = calloc(1, sizeof *made);
    char *schema = calloc(1, LIMIT_SCHEMA_BYTES + 1);
    if (made == NULL || schema == NULL) {
        free(made);
        free(schema);
        input_close(input);
        return err_memory(err, sizeof *made, "an outbox");
    }
    made->input = input;
    made->schema = schema;
    frame_reader_init(&made->frames, input);
    struct status status = head_read(made, err);
    if (failed(status)) {
        outbox_reader_close(made);
        return status;
    }
    *reader = made;
    return status;
}

void outbox_reader_close(struct outbox_reader *reader) {
    if (reader != NULL) {
        frame_reader_release(&reader->frames);
        bytes_release(&reader->payload);
        input_close(reader->input);
        free(reader->schema);
        free(reader);
    }
}

const struct outbox_head *outbox_reader_head(const struct outbox_reader *reader) {
    return &reader->head;
}

/* Whether a frame's records follow those before it. */
static bool frame_follows(const struct outbox_reader *reader, const struct frame *frame) {
    return frame->kind == FRAME_OUTBOX && frame->items != 0 &&
           frame->first == (int64_t)reader->records &&
           frame->last == (int64_t)(reader->records + frame->items - 1);
}

static bool skip_all(void *context, const struct frame *frame) {
    (void)context;
    (void)frame;
    return true;
}

static struct status records_read(struct outbox_reader *reader, bool is_counting, bool *more,
                                  struct err *err) {
    struct frame frame;
    TRY(frame_reader_next(&reader->frames, &frame, &reader->payload, is_counting ? skip_all : NULL,
                          NULL, more, err));
    if (!*more) {
        return status_ok();
    }
    if (!frame_follows(reader, &frame)) {
        return is_damaged(reader, "its frames do not follow one another", err);
    }
    reader->records += frame.items;
    reader->items = frame.items;
    reader->cursor = cursor_over(reader->payload.data, reader->payload.count);
    return status_ok();
}

/* A header's name: bytes with one NUL, at their end. */
static const char *take_name(struct cursor *cursor) {
    size_t count;
    const uint8_t *name = take_piece(cursor, &count);
    bool is_name = name != NULL && count != 0 && memchr(name, '\0', count) == name + count - 1;
    return is_name ? (const char *)name : NULL;
}

static bool record_take(struct outbox_reader *reader, struct outbox_record *record) {
    struct cursor *cursor = &reader->cursor;
    size_t start = cursor->at;
    record->key = take_piece(cursor, &record->key_bytes);
    record->value = take_piece(cursor, &record->value_bytes);
    record->headers = reader->headers;
    record->header_count = cursor_u32(cursor);
    if (cursor->broken || record->header_count > LIMIT_OUTBOX_HEADERS) {
        return false;
    }
    for (size_t i = 0; i < record->header_count; i++) {
        struct kafka_header *header = &reader->headers[i];
        header->name = take_name(cursor);
        header->value = take_piece(cursor, &header->value_bytes);
        if (header->name == NULL || cursor->broken) {
            return false;
        }
    }
    return cursor->at - start <= LIMIT_OUTBOX_RECORD_BYTES;
}

struct status outbox_next(struct outbox_reader *reader, struct outbox_record *record, bool *more,
                          struct err *err) {
    *more = true;
    if (reader->items == 0) {
        TRY(records_read(reader, false, more, err));
        if (!*more) {
            return status_ok();
        }
    }
    reader->items--;
    bool is_sound = record_take(reader, record);
    if (!is_sound || (reader->items == 0 && cursor_left(&reader->cursor) != 0)) {
        return is_damaged(reader, "a record is none", err);
    }
    return status_ok();
}

struct status outbox_count(struct outbox_reader *reader, uint64_t *records, struct err *err) {
    bool more = true;
    while (more) {
        TRY(records_read(reader, true, &more, err));
    }
    reader->items = 0;
    *records = reader->records;
    return status_ok();
}
