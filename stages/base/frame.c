#include "stages/base/frame.h"

#include "schemas/limits.h"
#include "stages/base/checksum.h"
#include "stages/base/compression.h"
#include "stages/base/cursor.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static const uint8_t magic[4] = {'T', 'F', 'F', '1'};

enum { CHECKSUM_AT = 40, CHAIN_BYTES = 8 };

static uint64_t frame_checksum(const uint8_t *header, const uint8_t *stored, size_t count) {
    return checksum_of(stored, count, checksum_of(header, CHECKSUM_AT, 0));
}

/* Makes room for the header of a frame whose payload is packed behind it. */
static struct status header_reserve(const struct frame *frame, struct bytes *out, struct err *err) {
    assert(frame->payload_bytes <= LIMIT_FRAME_BYTES);
    TRY(bytes_reserve(out, FRAME_HEADER_BYTES, err));
    out->count += FRAME_HEADER_BYTES;
    return status_ok();
}

/* Fills in the header at `start` of `out`. */
static void header_put(const struct frame *frame, struct bytes *out, size_t start) {
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
}

struct status frame_encode(const struct frame *frame, const uint8_t *payload, struct bytes *out,
                           struct err *err) {
    size_t start = out->count;
    TRY(header_reserve(frame, out, err));
    TRY(compression_pack(payload, frame->payload_bytes, out, err));
    header_put(frame, out, start);
    return status_ok();
}

struct status frame_encode_with(struct compressor *compressor, const struct frame *frame,
                                const uint8_t *payload, struct bytes *out, struct err *err) {
    size_t start = out->count;
    TRY(header_reserve(frame, out, err));
    TRY(compressor_pack(compressor, payload, frame->payload_bytes, out, err));
    header_put(frame, out, start);
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
    return frame_writer_put_encoded(writer, frame, &writer->packed, err);
}

struct status frame_writer_put_encoded(struct frame_writer *writer, const struct frame *frame,
                                       const struct bytes *encoded, struct err *err) {
    TRY(output_write(writer->output, encoded->data, encoded->count, err));
    writer->items += frame->items;
    writer->frames++;
    writer->chain = frame_chain(writer->chain, encoded->data);
    return status_ok();
}

struct status frame_writer_end(struct frame_writer *writer, struct err *err) {
    uint8_t chain[CHAIN_BYTES];
    struct frame end = {
        .kind = FRAME_END,
        .first = (int64_t)writer->items,
        .last = (int64_t)writer->frames,
        .payload_bytes = CHAIN_BYTES,
    };
    put_u64(chain, writer->chain);
    return frame_writer_put(writer, &end, chain, err);
}

uint64_t frame_chain(uint64_t chain, const uint8_t header[FRAME_HEADER_BYTES]) {
    return checksum_of(header + CHECKSUM_AT, FRAME_HEADER_BYTES - CHECKSUM_AT, chain);
}

void frame_reader_init(struct frame_reader *reader, struct input *input) {
    *reader = (struct frame_reader){.input = input};
}

void frame_reader_release(struct frame_reader *reader) {
    stored_frame_release(&reader->next);
}

/* Reads a header into `stored`, unless it was read already; *count is short at the end of the
 * file. */
static struct status read_header(struct frame_reader *reader, struct stored_frame *stored,
                                 size_t *count, struct err *err) {
    if (!reader->has_header) {
        return input_read(reader->input, stored->header, sizeof stored->header, count, err);
    }
    memmove(stored->header, reader->next.header, sizeof stored->header);
    *count = sizeof stored->header;
    reader->has_header = false;
    return status_ok();
}

void stored_frame_release(struct stored_frame *stored) {
    bytes_release(&stored->stored);
}

/* Reads one header and the stored payload behind it; *got is false at the end. */
static struct status read_stored(struct frame_reader *reader, struct stored_frame *stored,
                                 bool *got, struct err *err) {
    size_t count;
    stored->offset = reader->offset;
    TRY(read_header(reader, stored, &count, err));
    *got = count != 0;
    if (count == 0) {
        if (reader->frames != 0 || !reader->at_end_frame) {
            return err_set(err, FAILURE_DATA,
                           "the file ends without its END frame: it is truncated; copy or produce "
                           "it again");
        }
        return status_ok();
    }
    if (count < sizeof stored->header) {
        return err_set(err, FAILURE_DATA, "the file ends inside a frame header: it is truncated");
    }
    struct header header;
    TRY(header_decode(stored->header, &header, err));
    stored->frame = header.frame;
    stored->stored.count = 0;
    TRY(bytes_reserve(&stored->stored, header.stored_bytes + 1, err)); /* +1: never NULL */
    TRY(input_read(reader->input, stored->stored.data, header.stored_bytes, &count, err));
    if (count < header.stored_bytes) {
        return err_set(err, FAILURE_DATA, "the file ends inside a frame: it is truncated");
    }
    stored->stored.count = count;
    return status_ok();
}

static struct status stored_check(const struct stored_frame *stored, struct header *header,
                                  struct err *err) {
    TRY(header_decode(stored->header, header, err));
    return checksum_check(stored->header, header, stored->stored.data, err);
}

static struct status stored_unpack(const struct stored_frame *stored, struct bytes *payload,
                                   struct err *err) {
    struct header header;
    TRY(stored_check(stored, &header, err));
    return payload_unpack(&header, stored->stored.data, payload, err);
}

/* Whether the END frame has the chain that was read, or none at all. */
static struct status chain_check(const struct frame_reader *reader,
                                 const struct stored_frame *stored, const struct header *header,
                                 struct err *err) {
    uint8_t chain[CHAIN_BYTES];
    if (header->frame.payload_bytes == 0) {
        return status_ok();
    }
    if (header->frame.payload_bytes != sizeof chain) {
        return err_set(err, FAILURE_DATA, "END frame of %zu bytes: damaged, or of a newer tieflow",
                       header->frame.payload_bytes);
    }
    TRY(compression_unpack(stored->stored.data, header->stored_bytes, chain, sizeof chain, err));
    struct cursor cursor = cursor_over(chain, sizeof chain);
    if (cursor_u64(&cursor) != reader->chain) {
        return err_set(err, FAILURE_DATA,
                       "the frames before this END are not those that it was written behind: some "
                       "were exchanged, or overwritten by others; restore the file from its "
                       "source");
    }
    return status_ok();
}

/* Checks an END frame against what was read since the one before. */
static struct status end_check(struct frame_reader *reader, const struct stored_frame *stored,
                               struct err *err) {
    struct header header;
    const struct frame *end = &stored->frame;
    TRY(stored_check(stored, &header, err));
    if ((uint64_t)end->first != reader->items || (uint64_t)end->last != reader->frames) {
        return err_set(err, FAILURE_DATA,
                       "END frame promises %" PRId64 " items in %" PRId64 " frames, %" PRIu64
                       " in %" PRIu64 " were read: frames are missing or doubled",
                       end->first, end->last, reader->items, reader->frames);
    }
    TRY(chain_check(reader, stored, &header, err));
    reader->items = 0;
    reader->frames = 0;
    reader->chain = 0;
    reader->at_end_frame = true;
    return status_ok();
}

static struct status take_frame(struct frame_reader *reader, struct stored_frame *stored,
                                bool *more, struct err *err) {
    for (;;) {
        TRY(read_stored(reader, stored, more, err));
        if (!*more) {
            return status_ok();
        }
        bool is_end = stored->frame.kind == FRAME_END;
        if (is_end) {
            TRY(end_check(reader, stored, err));
        } else {
            reader->items += stored->frame.items;
            reader->frames++;
            reader->chain = frame_chain(reader->chain, stored->header);
        }
        reader->offset += FRAME_HEADER_BYTES + stored->stored.count;
        if (!is_end) {
            return status_ok();
        }
    }
}

static void locate(const struct frame_reader *reader, uint64_t offset, struct err *err) {
    err_prefix(err, "%s (frame at byte %" PRIu64 ")", input_name(reader->input), offset);
}

struct status frame_reader_take(struct frame_reader *reader, struct stored_frame *stored,
                                bool *more, struct err *err) {
    struct status status = take_frame(reader, stored, more, err);
    if (failed(status)) {
        locate(reader, stored->offset, err);
    }
    return status;
}

struct status stored_frame_unpack(const struct frame_reader *reader,
                                  const struct stored_frame *stored, struct bytes *payload,
                                  struct err *err) {
    struct status status = stored_unpack(stored, payload, err);
    if (failed(status)) {
        locate(reader, stored->offset, err);
    }
    return status;
}

struct status stored_frame_check(const struct frame_reader *reader,
                                 const struct stored_frame *stored, struct err *err) {
    struct header header;
    struct status status = stored_check(stored, &header, err);
    if (failed(status)) {
        locate(reader, stored->offset, err);
    }
    return status;
}

struct status frame_reader_next(struct frame_reader *reader, struct frame *frame,
                                struct bytes *payload,
                                bool (*skip)(void *context, const struct frame *frame),
                                void *context, bool *more, struct err *err) {
    struct stored_frame *next = &reader->next;
    TRY(frame_reader_take(reader, next, more, err));
    if (!*more) {
        return status_ok();
    }
    *frame = next->frame;
    payload->count = 0;
    return skip == NULL || !skip(context, frame) ? stored_frame_unpack(reader, next, payload, err)
                                                 : stored_frame_check(reader, next, err);
}

/* Looks at the next header; *more is false at the end of the file, for frame_reader_next to judge.
 */
static struct status header_peek(struct frame_reader *reader, struct header *header, bool *more,
                                 struct err *err) {
    size_t count;
    TRY(read_header(reader, &reader->next, &count, err));
    reader->has_header = count == FRAME_HEADER_BYTES;
    *more = count != 0;
    if (count != 0 && count < FRAME_HEADER_BYTES) {
        return err_set(err, FAILURE_DATA, "the file ends inside a frame header: it is truncated");
    }
    return count == 0 ? status_ok() : header_decode(reader->next.header, header, err);
}

static struct status frames_pass(struct frame_reader *reader, uint64_t items, uint64_t *passed,
                                 struct err *err) {
    for (;;) {
        struct header header;
        bool more;
        TRY(header_peek(reader, &header, &more, err));
        if (!more || header.frame.items > items - *passed) {
            return status_ok();
        }
        if (header.frame.kind == FRAME_END) {
            TRY(read_stored(reader, &reader->next, &more, err));
            TRY(end_check(reader, &reader->next, err));
        } else {
            TRY(input_skip(reader->input, header.stored_bytes, err));
            reader->has_header = false;
            reader->items += header.frame.items;
            reader->frames++;
            reader->chain = frame_chain(reader->chain, reader->next.header);
            *passed += header.frame.items;
        }
        reader->offset += FRAME_HEADER_BYTES + header.stored_bytes;
    }
}

struct status frame_reader_pass(struct frame_reader *reader, uint64_t items, uint64_t *passed,
                                struct err *err) {
    *passed = 0;
    struct status status = frames_pass(reader, items, passed, err);
    if (failed(status)) {
        locate(reader, reader->offset, err);
    }
    return status;
}
