/* The packed event record: what a FRAME_EVENTS frame holds, in a log file or a Kafka record.
 *
 *   BYTES       DESCRIPTION (n = items of the frame; planes as in stages/base/columns.h)
 *   8 n         times: zigzag difference from the time before, the first from the frame's `first`
 *   8 n         from
 *   8 n         to
 *   n           kind in bit 0, origin in bits 1-2, the rest 0
 *
 * The frame's `first` and `last` are the smallest and the greatest time in it. Log order is kept.
 * Random ids below 2^24 and one event per second take about 7 bytes per event.
 */
#ifndef TIEFLOW_STAGES_DECODE_PACKED_H
#define TIEFLOW_STAGES_DECODE_PACKED_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/base/bytes.h"
#include "stages/base/frame.h"

#include <stddef.h>
#include <stdint.h>

/* Events per frame in a file: planes of 128 KiB, the size of one zstd block. */
enum { PACKED_FRAME_EVENTS = 131072 };

/* Bytes per event before compression. */
enum { PACKED_EVENT_BYTES = 25 };

/* Builds the frame header and payload (replaced) for 1..LIMIT_FRAME_ITEMS events. */
FALLIBLE packed_encode(const struct event *events, size_t count, struct frame *frame,
                       struct bytes *payload, struct err *err);

/* Fills `events` (caller's storage for frame->items of them). FAILURE_DATA for a payload of the
 * wrong length, unknown kinds or origins, and times outside the frame's or the accepted range. */
FALLIBLE packed_decode(const struct frame *frame, const struct bytes *payload, struct event *events,
                       struct err *err);

/* Reads a log of such frames. Borrows the input. */
struct packed_reader {
    struct frame_reader frames;
    struct bytes payload; /* of the frame at hand */
    struct event *events; /* of the frame at hand: [at, count) are not handed out yet */
    size_t events_capacity;
    size_t at;
    size_t count;
};

/* `head` is what the caller has read of the input already: nothing, or at most FRAME_HEADER_BYTES
 * bytes (copied). The reader is to be released also when this fails. */
FALLIBLE packed_reader_init(struct packed_reader *reader, struct input *input, const void *head,
                            size_t head_count, struct err *err);
void packed_reader_release(struct packed_reader *reader);

/* Fills up to `capacity` events in log order; *count is 0 at the end of the log only. FAILURE_DATA
 * names the file and the frame. A capacity of a frame's items or more spares a copy. */
FALLIBLE packed_reader_next(struct packed_reader *reader, struct event *events, size_t capacity,
                            size_t *count, struct err *err);

/* Passes over whole frames that have been read once before, with no more than `records` events
 * together; *passed says how many. Before the first packed_reader_next only. */
FALLIBLE packed_reader_pass(struct packed_reader *reader, uint64_t records, uint64_t *passed,
                            struct err *err);

#endif
