#include "stages/base/frame.h"

#include "schemas/limits.h"
#include "stages/base/checksum.h"
#include "stages/base/compression.h"
#include "stages/base/cursor.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static const uint8_t magic[4] = {'T', 'F', 'F', '1'};

enum { CHECKSUM_AT = 40 };

static uint64_t frame_checksum(const uint8_t *header, const uint8_t *stored, size_t count) {
    return checksum_of(stored, count, checksum_of(header, CHECKSUM_AT, 0));
}

struct status frame_encode(const struct frame *frame, const uint8_t *payload, struct bytes *out,
                           struct err *err) {
    assert(frame->payload_bytes <= LIMIT_FRAME_BYTES);
    size_t start = out->count;
    TRY(bytes_reserve(out, FRAME_HEADER_BYTES, err));
    out->count += FRAME_HEADER_BYTES;
    TRY(compression_pack(payload, frame->payload_bytes, out, err));
    uint8_t *header = out->data + start;
    size_t stored_bytes = out->count - start - FRAME_HEADER_BYTES;
    memcpy(header, magic, sizeof magic);
    put_u32(header + 4, (uint32_t)frame->kind);
    put_u32(header + 8, frame->items);
    put_u32(header + 12, (uint32_t)frame->payload_bytes);
    put_u32(header + 16, (uint32_t)stored_bytes);
    put_u32(header + 20, 0);
    put_u64(header + 24, (uint64_t)frame->first);
    put_u64(header + 32, (uint64_t)frame->last);
    put_u64(header + CHECKSUM_AT,
            frame_checksum(header, header + FRAME_HEADER_BYTES, stored_bytes));
    return status_ok();
}

struct header {
    struct frame frame;
    size_t stored_bytes;
    uint64_t checksum;
};

/* Reads and checks FRAME_HEADER_BYTES bytes, all but the checksum. */
static struct status header_decode(const uint8_t *data, struct header *header, struct err *err) {
    struct cursor cursor = cursor_over(data, FRAME_HEADER_BYTES);
    const uint8_t *found_magic = cursor_take(&cursor, sizeof magic);
    if (memcmp(found_magic, magic, sizeof magic) != 0) {
        return err_set(err, FAILURE_DATA,
                       "not a frame of tieflow (magic %02x%02x%02x%02x, expected \"TFF1\")",
                       found_magic[0], found_magic[1], found_magic[2], found_magic[3]);
    }
    uint32_t kind = cursor_u32(&cursor);
    header->frame.items = cursor_u32(&cursor);
    header->frame.payload_bytes = cursor_u32(&cursor);
    header->stored_bytes = cursor_u32(&cursor);
    uint32_t zero = cursor_u32(&cursor);
    header->frame.first = (int64_t)cursor_u64(&cursor);
    header->frame.last = (int64_t)cursor_u64(&cursor);
    header->checksum = cursor_u64(&cursor);
    assert(!cursor.broken);
    if (kind >= FRAME_KINDS || zero != 0) {
        return err_set(err, FAILURE_DATA,
                       "frame of unknown kind %" PRIu32 ": damaged, or made by a newer tieflow",
                       kind);
    }
    header->frame.kind = (enum frame_kind)kind;
    if (header->frame.items > LIMIT_FRAME_ITEMS ||
        header->frame.payload_bytes > LIMIT_FRAME_BYTES ||
        header->stored_bytes > LIMIT_FRAME_BYTES) {
        return err_set(err, FAILURE_DATA,
                       "frame claims %" PRIu32 " items in %zu bytes stored as %zu: over the limits "
                       "(%u items, %u bytes); the header is damaged",
                       header->frame.items, header->frame.payload_bytes, header->stored_bytes,
                       LIMIT_FRAME_ITEMS, LIMIT_FRAME_BYTES);
    }
    return status_ok();
}

static struct status checksum_check(const uint8_t *header_bytes, const struct header *header,
                                    const uint8_t *stored, struct err *err) {
    if (frame_checksum(header_bytes, stored, header->stored_bytes) != header->checksum) {
        return err_set(err, FAILURE_DATA,
                       "frame checksum is wrong: the data are damaged; restore the file from its "
                       "source");
    }
    return status_ok();
}

static struct status payload_unpack(const struct header *header, const uint8_t *stored,
                                    struct bytes *payload, struct err *err) {
    payload->count = 0;
    TRY(bytes_reserve(payload, header->frame.payload_bytes + 1, err)); /* +1: never NULL */
    TRY(compression_unpack(stored, header->stored_bytes, payload->data, header->frame.payload_bytes,
                           err));
    payload->count = header->frame.payload_bytes;
    return status_ok();
}

struct status frame_decode(const uint8_t *data, size_t count, struct frame *frame,
                           struct bytes *payload, size_t *used, struct err *err) {
    if (count < FRAME_HEADER_BYTES) {
        return err_set(err, FAILURE_DATA, "frame is truncated: %zu bytes, a header has %d", count,
                       FRAME_HEADER_BYTES);
    }
    struct header header;
    TRY(header_decode(data, &header, err));
    if (header.stored_bytes > count - FRAME_HEADER_BYTES) {
        return err_set(err, FAILURE_DATA, "frame is truncated: %zu of %zu payload bytes",
                       count - FRAME_HEADER_BYTES, header.stored_bytes);
    }
    const uint8_t *stored = data + FRAME_HEADER_BYTES;
    TRY(checksum_check(data, &header, stored, err));
    TRY(payload_unpack(&header, stored, payload, err));
    *frame = header.frame;
    *used = FRAME_HEADER_BYTES + header.stored_bytes;
    return status_ok();
}

void frame_writer_init(struct frame_writer *writer, struct output *output) {
    *writer = (struct frame_writer){.output = output};
}

void frame_writer_release(struct frame_writer *writer) {
    bytes_release(&writer->packed);
}

struct status frame_writer_put(struct frame_writer *writer, const struct frame *frame,
                               const uint8_t *payload, struct err *err) {
    writer->packed.count = 0;
    TRY(frame_encode(frame, payload, &writer->packed, err));
    TRY(output_write(writer->output, writer->packed.data, writer->packed.count, err));
    writer->items += frame->items;
    writer->frames++;
    return status_ok();
}

struct status frame_writer_end(struct frame_writer *writer, struct err *err) {
    struct frame end = {
        .kind = FRAME_END, .first = (int64_t)writer->items, .last = (int64_t)writer->frames};
    return frame_writer_put(writer, &end, (const uint8_t *)"", err);
}

void frame_reader_init(struct frame_reader *reader, struct input *input) {
    *reader = (struct frame_reader){.input = input};
}

void frame_reader_release(struct frame_reader *reader) {
    bytes_release(&reader->stored);
}

/* Reads one header and its stored payload into reader->stored; *got is false at the end. */
static struct status read_stored(struct frame_reader *reader, struct header *header, bool *got,
                                 struct err *err) {
    uint8_t header_bytes[FRAME_HEADER_BYTES];
    size_t count;
    TRY(input_read(reader->input, header_bytes, sizeof header_bytes, &count, err));
    *got = count != 0;
    if (count == 0) {
        if (reader->frames != 0 || !reader->at_end_frame) {
            return err_set(err, FAILURE_DATA,
                           "the file ends without its END frame: it is truncated; copy or produce "
                           "it again");
        }
        return status_ok();
    }
    if (count < sizeof header_bytes) {
        return err_set(err, FAILURE_DATA, "the file ends inside a frame header: it is truncated");
    }
    TRY(header_decode(header_bytes, header, err));
    reader->stored.count = 0;
    TRY(bytes_reserve(&reader->stored, header->stored_bytes + 1, err));
    TRY(input_read(reader->input, reader->stored.data, header->stored_bytes, &count, err));
    if (count < header->stored_bytes) {
        return err_set(err, FAILURE_DATA, "the file ends inside a frame: it is truncated");
    }
    return checksum_check(header_bytes, header, reader->stored.data, err);
}

/* Checks an END frame against what was read since the one before. */
static struct status end_check(struct frame_reader *reader, const struct frame *end,
                               struct err *err) {
    if ((uint64_t)end->first != reader->items || (uint64_t)end->last != reader->frames) {
        return err_set(err, FAILURE_DATA,
                       "END frame promises %" PRId64 " items in %" PRId64 " frames, %" PRIu64
                       " in %" PRIu64 " were read: frames are missing or doubled",
                       end->first, end->last, reader->items, reader->frames);
    }
    reader->items = 0;
    reader->frames = 0;
    reader->at_end_frame = true;
    return status_ok();
}

static struct status next_frame(struct frame_reader *reader, struct frame *frame,
                                struct bytes *payload,
                                bool (*skip)(void *context, const struct frame *frame),
                                void *context, bool *more, struct err *err) {
    for (;;) {
        struct header header;
        TRY(read_stored(reader, &header, more, err));
        if (!*more) {
            return status_ok();
        }
        if (header.frame.kind == FRAME_END) {
            TRY(end_check(reader, &header.frame, err));
        } else {
            *frame = header.frame;
            reader->items += frame->items;
            reader->frames++;
            payload->count = 0;
            if (skip == NULL || !skip(context, frame)) {
                TRY(payload_unpack(&header, reader->stored.data, payload, err));
            }
        }
        reader->offset += FRAME_HEADER_BYTES + header.stored_bytes;
        if (header.frame.kind != FRAME_END) {
            return status_ok();
        }
    }
}

struct status frame_reader_next(struct frame_reader *reader, struct frame *frame,
                                struct bytes *payload,
                                bool (*skip)(void *context, const struct frame *frame),
                                void *context, bool *more, struct err *err) {
    struct status status = next_frame(reader, frame, payload, skip, context, more, err);
    if (failed(status)) {
        err_prefix(err, "%s (frame at byte %" PRIu64 ")", input_name(reader->input),
                   reader->offset);
    }
    return status;
}
