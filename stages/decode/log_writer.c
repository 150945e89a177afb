/* Text is collected in a buffer of its own, events of the other formats in an array of the size of
 * one frame or block, so that the file is the same however the events are put. */
#include "stages/decode/log_writer.h"

#include "stages/base/bytes.h"
#include "stages/base/frame.h"
#include "stages/base/stream.h"
#include "stages/decode/avro_file.h"
#include "stages/decode/csv.h"
#include "stages/decode/ndjson.h"
#include "stages/decode/packed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Events that are turned to text at a time: their lines fit the second-level cache. */
enum { TEXT_BATCH_EVENTS = 4096 };

struct log_writer {
    struct output *output;
    enum log_format format;
    struct bytes buffer;        /* lines, the payload of a frame, a block */
    struct event *events;       /* packed and Avro: of the frame or block to come */
    size_t count;               /* of `events` */
    size_t capacity;            /* of `events` */
    struct frame_writer frames; /* packed */
};

static bool ends_with(const char *text, size_t bytes, const char *ending) {
    size_t ending_bytes = strlen(ending);
    return bytes > ending_bytes && memcmp(text + bytes - ending_bytes, ending, ending_bytes) == 0;
}

int log_format_of_name(const char *path, bool *zstd) {
    size_t bytes = strlen(path);
    *zstd = ends_with(path, bytes, ".zst");
    if (*zstd) {
        bytes -= strlen(".zst");
    }
    if (ends_with(path, bytes, ".csv")) {
        return LOG_CSV;
    }
    if (ends_with(path, bytes, ".ndjson")) {
        return LOG_NDJSON;
    }
    if (*zstd) {
        return -1;
    }
    if (ends_with(path, bytes, ".tfp")) {
        return LOG_PACKED;
    }
    return ends_with(path, bytes, ".avro") ? LOG_AVRO : -1;
}

static void writer_free(struct log_writer *writer) {
    frame_writer_release(&writer->frames);
    bytes_release(&writer->buffer);
    free(writer->events);
    free(writer);
}

static struct status buffer_flush(struct log_writer *writer, struct err *err) {
    struct bytes *buffer = &writer->buffer;
    TRY(output_write(writer->output, buffer->data, buffer->count, err));
    buffer->count = 0;
    return status_ok();
}

static struct status writer_begin(struct log_writer *writer, const char *path, bool zstd,
                                  struct err *err) {
    if (writer->format == LOG_PACKED || writer->format == LOG_AVRO) {
        writer->capacity = writer->format == LOG_PACKED ? PACKED_FRAME_EVENTS : AVRO_BLOCK_EVENTS;
        size_t size = writer->capacity * sizeof *writer->events;
        writer->events = malloc(size);
        if (writer->events == NULL) {
            return err_memory(err, size, "a log writer");
        }
    }
    TRY(output_open(&writer->output, path, zstd, err));
    frame_writer_init(&writer->frames, writer->output);
    if (writer->format == LOG_AVRO) {
        TRY(avro_file_put_header(&writer->buffer, err));
        return buffer_flush(writer, err);
    }
    return writer->format == LOG_CSV ? csv_put_header(&writer->buffer, err) : status_ok();
}

struct status log_writer_open(struct log_writer **writer, const char *path, enum log_format format,
                              bool zstd, struct err *err) {
    assert(format == LOG_CSV || format == LOG_NDJSON || (format == LOG_PACKED && !zstd) ||
           (format == LOG_AVRO && !zstd));
    struct log_writer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "a log writer");
    }
    made->format = format;
    struct status status = writer_begin(made, path, zstd, err);
    if (failed(status)) {
        log_writer_discard(made);
        return status;
    }
    *writer = made;
    return status_ok();
}

/* Writes the frame or block of the events collected so far, where there are any. */
static struct status events_flush(struct log_writer *writer, struct err *err) {
    if (writer->count == 0) {
        return status_ok();
    }
    if (writer->format == LOG_AVRO) {
        TRY(avro_file_put_block(writer->events, writer->count, &writer->buffer, err));
        writer->count = 0;
        return buffer_flush(writer, err);
    }
    struct frame frame;
    TRY(packed_encode(writer->events, writer->count, &frame, &writer->buffer, err));
    TRY(frame_writer_put(&writer->frames, &frame, writer->buffer.data, err));
    writer->count = 0;
    return status_ok();
}

static struct status put_collected(struct log_writer *writer, const struct event *events,
                                   size_t count, struct err *err) {
    while (count > 0) {
        size_t room = writer->capacity - writer->count;
        size_t step = count < room ? count : room;
        memcpy(writer->events + writer->count, events, step * sizeof *events);
        writer->count += step;
        events += step;
        count -= step;
        if (writer->count == writer->capacity) {
            TRY(events_flush(writer, err));
        }
    }
    return status_ok();
}

static struct status put_text(struct log_writer *writer, const struct event *events, size_t count,
                              struct err *err) {
    while (count > 0) {
        size_t step = count < TEXT_BATCH_EVENTS ? count : TEXT_BATCH_EVENTS;
        TRY(writer->format == LOG_CSV ? csv_put_events(&writer->buffer, events, step, err)
                                      : ndjson_put_events(&writer->buffer, events, step, err));
        TRY(buffer_flush(writer, err));
        events += step;
        count -= step;
    }
    return status_ok();
}

struct status log_writer_put(struct log_writer *writer, const struct event *events, size_t count,
                             struct err *err) {
    return writer->events != NULL ? put_collected(writer, events, count, err)
                                  : put_text(writer, events, count, err);
}

static struct status writer_finish(struct log_writer *writer, struct err *err) {
    if (writer->events == NULL) {
        return writer->buffer.count == 0 ? status_ok() : buffer_flush(writer, err);
    }
    TRY(events_flush(writer, err));
    return writer->format == LOG_PACKED ? frame_writer_end(&writer->frames, err) : status_ok();
}

struct status log_writer_commit(struct log_writer *writer, uint64_t *bytes, uint64_t *checksum,
                                struct err *err) {
    struct status status = writer_finish(writer, err);
    if (failed(status)) {
        log_writer_discard(writer);
        return status;
    }
    status = output_commit(writer->output, bytes, checksum, err);
    writer_free(writer);
    return status;
}

void log_writer_discard(struct log_writer *writer) {
    if (writer == NULL) {
        return;
    }
    output_discard(writer->output);
    writer_free(writer);
}
