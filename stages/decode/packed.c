/* Columns go through scratch arrays of 64-bit items, between the planes on one side (a loop over a
 * whole frame, which the compiler vectorises) and the events on the other. */
#include "stages/decode/packed.h"

#include "schemas/limits.h"
#include "stages/base/columns.h"
#include "stages/base/cursor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The flags byte: kind in bit 0, origin above it. */
enum { ORIGIN_SHIFT = 1, FLAGS_END = EVENT_ORIGINS << ORIGIN_SHIFT };
_Static_assert(EVENT_KINDS == 2, "the kind is one bit of the packed record");

/* The columns of 8 bytes: time, from, to. */
enum { WIDE_COLUMNS = 3 };

/* `count` > 0. */
static struct status scratch_new(uint64_t **scratch, size_t count, struct err *err) {
    *scratch = malloc(count * sizeof **scratch);
    return *scratch != NULL ? status_ok() : err_memory(err, count * sizeof **scratch, "events");
}

/* Writes the four columns to `planes`, PACKED_EVENT_BYTES per event; gives the range of times. */
static void columns_encode(const struct event *events, size_t count, uint64_t *scratch,
                           uint8_t *planes, struct frame *frame) {
    frame->first = events[0].at_ms;
    frame->last = events[0].at_ms;
    for (size_t i = 0; i < count; i++) {
        int64_t at_ms = events[i].at_ms;
        assert(event_time_is_valid(at_ms));
        frame->first = at_ms < frame->first ? at_ms : frame->first;
        frame->last = at_ms > frame->last ? at_ms : frame->last;
    }
    int64_t before_ms = frame->first;
    for (size_t i = 0; i < count; i++) {
        scratch[i] = zigzag_difference(before_ms, events[i].at_ms);
        before_ms = events[i].at_ms;
    }
    columns_split_u64(scratch, count, planes);
    for (size_t i = 0; i < count; i++) {
        scratch[i] = events[i].from.v;
    }
    columns_split_u64(scratch, count, planes + 8 * count);
    for (size_t i = 0; i < count; i++) {
        scratch[i] = events[i].to.v;
    }
    columns_split_u64(scratch, count, planes + 16 * count);
    for (size_t i = 0; i < count; i++) {
        assert(events[i].kind < EVENT_KINDS && events[i].origin < EVENT_ORIGINS);
        planes[24 * count + i] = (uint8_t)(events[i].kind | events[i].origin << ORIGIN_SHIFT);
    }
}

struct status packed_encode(const struct event *events, size_t count, struct frame *frame,
                            struct bytes *payload, struct err *err) {
    assert(count >= 1 && count <= LIMIT_FRAME_ITEMS);
    payload->count = 0;
    TRY(bytes_reserve(payload, PACKED_EVENT_BYTES * count, err));
    uint64_t *scratch;
    TRY(scratch_new(&scratch, count, err));
    *frame = (struct frame){.kind = FRAME_EVENTS,
                            .items = (uint32_t)count,
                            .payload_bytes = PACKED_EVENT_BYTES * count};
    columns_encode(events, count, scratch, payload->data, frame);
    payload->count = frame->payload_bytes;
    free(scratch);
    return status_ok();
}

/* Joins the columns (codes of times, from, to) to events in one pass: the events of a frame do not
 * fit the second-level cache. *times_are_good and *flags_are_good tell what was met. */
static void columns_decode(const struct frame *frame, const uint64_t *scratch, const uint8_t *flags,
                           struct event *events, bool *times_are_good, bool *flags_are_good) {
    size_t count = frame->items;
    int64_t at_ms = frame->first;
    *times_are_good = true;
    *flags_are_good = true;
    for (size_t i = 0; i < count; i++) {
        at_ms = zigzag_apply(at_ms, scratch[i]);
        *times_are_good &= at_ms >= frame->first && at_ms <= frame->last;
        *flags_are_good &= flags[i] < FLAGS_END;
        events[i] = (struct event){.at_ms = at_ms,
                                   .from = {scratch[count + i]},
                                   .to = {scratch[2 * count + i]},
                                   .kind = flags[i] & 1,
                                   .origin = (uint8_t)(flags[i] >> ORIGIN_SHIFT)};
    }
}

static struct status payload_decode(const struct frame *frame, const struct bytes *payload,
                                    uint64_t *scratch, struct event *events, struct err *err) {
    size_t count = frame->items;
    struct cursor planes = cursor_over(payload->data, payload->count);
    for (size_t column = 0; column < WIDE_COLUMNS; column++) {
        columns_join_u64(cursor_take(&planes, 8 * count), count, scratch + column * count);
    }
    const uint8_t *flags = cursor_take(&planes, count);
    assert(!planes.broken && cursor_left(&planes) == 0);
    bool times_are_good;
    bool flags_are_good;
    columns_decode(frame, scratch, flags, events, &times_are_good, &flags_are_good);
    if (!times_are_good) {
        return err_set(err, FAILURE_DATA,
                       "a time lies outside the frame's range of %" PRId64 " to %" PRId64
                       " ms: made by a faulty writer",
                       frame->first, frame->last);
    }
    if (!flags_are_good) {
        return err_set(err, FAILURE_DATA,
                       "an event has an unknown kind or origin: made by a newer tieflow?");
    }
    return status_ok();
}

struct status packed_decode(const struct frame *frame, const struct bytes *payload,
                            struct event *events, struct err *err) {
    uint64_t wanted_bytes = (uint64_t)frame->items * PACKED_EVENT_BYTES;
    if (frame->kind != FRAME_EVENTS) {
        return err_set(err, FAILURE_DATA, "a frame of kind %d stands where events are expected",
                       (int)frame->kind);
    }
    if (payload->count != wanted_bytes) {
        return err_set(err, FAILURE_DATA,
                       "%" PRIu32 " events take %" PRIu64 " bytes, the frame holds %zu: made by a "
                       "faulty writer",
                       frame->items, wanted_bytes, payload->count);
    }
    if (frame->items == 0) {
        return status_ok();
    }
    if (!event_time_is_valid(frame->first) || !event_time_is_valid(frame->last)) {
        return err_set(err, FAILURE_DATA,
                       "the frame's times, %" PRId64 " to %" PRId64
                       " ms, leave the years 0001 to 9999: made by a faulty writer",
                       frame->first, frame->last);
    }
    uint64_t *scratch;
    TRY(scratch_new(&scratch, WIDE_COLUMNS * (size_t)frame->items, err));
    struct status status = payload_decode(frame, payload, scratch, events, err);
    free(scratch);
    return status;
}

/* ---- a log of frames ---- */

/* Where a frame's header says how long its stored payload is (stages/base/frame.h). */
enum { STORED_BYTES_AT = 16 };

/* Decodes a frame to the reader's own events. */
static struct status frame_events(struct packed_reader *reader, const struct frame *frame,
                                  struct err *err) {
    if (frame->items > reader->events_capacity) {
        size_t size = frame->items * sizeof *reader->events;
        struct event *events = malloc(size);
        if (events == NULL) {
            return err_memory(err, size, "events");
        }
        free(reader->events);
        reader->events = events;
        reader->events_capacity = frame->items;
    }
    TRY(packed_decode(frame, &reader->payload, reader->events, err));
    reader->at = 0;
    reader->count = frame->items;
    return status_ok();
}

/* Appends up to `count` bytes of the input; fewer at its end. */
static struct status append_input(struct bytes *bytes, struct input *input, size_t count,
                                  struct err *err) {
    TRY(bytes_reserve(bytes, count, err));
    size_t got;
    TRY(input_read(input, bytes->data + bytes->count, count, &got, err));
    bytes->count += got;
    return status_ok();
}

/* Decodes the frame that starts with `head`, and enters it into the frame reader as one read. */
static struct status first_frame_read(struct packed_reader *reader, const void *head,
                                      size_t head_count, struct err *err) {
    struct frame_reader *frames = &reader->frames;
    struct bytes *stored = &frames->next.stored;
    TRY(bytes_append(stored, head, head_count, err));
    TRY(append_input(stored, frames->input, FRAME_HEADER_BYTES - head_count, err));
    struct cursor header = cursor_over(stored->data, stored->count);
    (void)cursor_take(&header, STORED_BYTES_AT); /* frame_decode refuses a short header */
    uint32_t stored_bytes = cursor_u32(&header);
    if (stored_bytes <= LIMIT_FRAME_BYTES) { /* and one that claims more */
        TRY(append_input(stored, frames->input, stored_bytes, err));
    }
    struct frame frame;
    size_t used;
    TRY(frame_decode(stored->data, stored->count, &frame, &reader->payload, &used, err));
    if (frame.kind != FRAME_END) {
        TRY(frame_events(reader, &frame, err));
        frames->items = frame.items;
        frames->frames = 1;
        frames->chain = frame_chain(0, stored->data);
    } else if (frame.first != 0 || frame.last != 0) {
        return err_set(err, FAILURE_DATA,
                       "an END frame stands first and promises more: frames "
                       "are missing; restore the file from its source");
    }
    frames->at_end_frame = frame.kind == FRAME_END;
    frames->offset = used;
    return status_ok();
}

struct status packed_reader_init(struct packed_reader *reader, struct input *input,
                                 const void *head, size_t head_count, struct err *err) {
    assert(head_count <= FRAME_HEADER_BYTES);
    *reader = (struct packed_reader){0};
    frame_reader_init(&reader->frames, input);
    if (head_count == 0) {
        return status_ok();
    }
    struct status status = first_frame_read(reader, head, head_count, err);
    if (failed(status)) {
        err_prefix(err, "%s (frame at byte 0)", input_name(input));
    }
    return status;
}

void packed_reader_release(struct packed_reader *reader) {
    frame_reader_release(&reader->frames);
    bytes_release(&reader->payload);
    free(reader->events);
    *reader = (struct packed_reader){0};
}

/* Reads the next frame and decodes it to `events` where it fits, else to the reader's own. */
static struct status next_frame(struct packed_reader *reader, struct event *events, size_t capacity,
                                size_t *count, bool *more, struct err *err) {
    uint64_t offset = reader->frames.offset;
    struct frame frame;
    TRY(frame_reader_next(&reader->frames, &frame, &reader->payload, NULL, NULL, more, err));
    if (!*more) {
        return status_ok();
    }
    struct status status;
    if (frame.items <= capacity) {
        *count = frame.items;
        status = packed_decode(&frame, &reader->payload, events, err);
    } else {
        status = frame_events(reader, &frame, err);
    }
    if (failed(status)) {
        err_prefix(err, "%s (frame at byte %" PRIu64 ")", input_name(reader->frames.input), offset);
    }
    return status;
}

struct status packed_reader_next(struct packed_reader *reader, struct event *events,
                                 size_t capacity, size_t *count, struct err *err) {
    bool more = true;
    *count = 0;
    while (more && *count == 0 && reader->at == reader->count) {
        TRY(next_frame(reader, events, capacity, count, &more, err));
    }
    if (*count == 0 && reader->at < reader->count) {
        size_t left = reader->count - reader->at;
        *count = left < capacity ? left : capacity;
        memcpy(events, reader->events + reader->at, *count * sizeof *events);
        reader->at += *count;
    }
    return status_ok();
}

struct status packed_reader_pass(struct packed_reader *reader, uint64_t records, uint64_t *passed,
                                 struct err *err) {
    size_t first = reader->count; /* of the frame that was read to recognise the log */
    *passed = 0;
    if (first > records) {
        return status_ok();
    }
    TRY(frame_reader_pass(&reader->frames, records - first, passed, err));
    reader->at = reader->count;
    *passed += first;
    return status_ok();
}
