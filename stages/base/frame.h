/* The frame: the one envelope of every binary thing that tieflow keeps or sends.
 *
 * A packed log, every file of the state and every packed Kafka record is a row of frames. One
 * frame is self-contained: it can be checked and unpacked alone.
 *
 *   OFFSET  SIZE  DESCRIPTION (little-endian)
 *   0       4     magic "TFF1"; the digit is the version of this envelope
 *   4       4     kind, enum frame_kind
 *   8       4     items in the frame, <= LIMIT_FRAME_ITEMS
 *   12      4     bytes of the payload when unpacked, <= LIMIT_FRAME_BYTES
 *   16      4     bytes of the payload as stored (zstd), <= LIMIT_FRAME_BYTES
 *   20      4     0
 *   24      8     first: meaning depends on the kind (smallest time, first node, ...)
 *   32      8     last: likewise
 *   40      8     XXH64 of the stored payload, seeded with the XXH64 (seed 0) of bytes 0..39
 *   48      ...   the payload, one zstd frame
 *
 * A file ends with an END frame whose `first` is the sum of items before it and whose `last` is
 * the number of frames; a file cut at a frame's edge is thereby found out. Its payload is the chain
 * of those frames, 8 bytes: the chain of none is 0, and each frame makes of it the XXH64 of its own
 * checksum field, seeded with the chain before it. So frames that were exchanged, or one that was
 * written over another of as many items, are found out too. (Files of before there were chains have
 * no payload there.) Files may be joined with `cat`: frames may follow an END frame, the next END
 * counts from there.
 */
#ifndef TIEFLOW_STAGES_BASE_FRAME_H
#define TIEFLOW_STAGES_BASE_FRAME_H

#include "schemas/status.h"
#include "stages/base/bytes.h"
#include "stages/base/compression.h"
#include "stages/base/stream.h"

#include <stddef.h>
#include <stdint.h>

enum frame_kind {
    FRAME_END = 0,
    FRAME_EVENTS = 1,     /* stages/decode/packed.h */
    FRAME_DICTIONARY = 2, /* stages/dictionary/dictionary.h */
    FRAME_ADJACENCY = 3,  /* stages/adjacency/adjacency_file.h */
    FRAME_TIES = 4,       /* stages/tie_store/tie_segment.h */
    FRAME_ENDINGS = 5,    /* stages/tie_store/tie_segment.h */
    FRAME_HISTOGRAM = 6,  /* stages/tie_store/histogram.h */
    FRAME_OUTBOX = 7,     /* stages/sink/outbox.h */
    FRAME_FACTS = 8,      /* stages/facts/fact_table.h */
    FRAME_DEGREES = 9,    /* stages/state/degrees.h */
    FRAME_KINDS,
};

enum { FRAME_HEADER_BYTES = 48 };

struct frame {
    enum frame_kind kind;
    uint32_t items;
    int64_t first;
    int64_t last;
    size_t payload_bytes; /* unpacked */
};

/* Appends to `out` the frame that holds `payload` (frame.payload_bytes long), compressed. */
FALLIBLE frame_encode(const struct frame *frame, const uint8_t *payload, struct bytes *out,
                      struct err *err);

/* The same with a compressor of the caller's. */
FALLIBLE frame_encode_with(struct compressor *compressor, const struct frame *frame,
                           const uint8_t *payload, struct bytes *out, struct err *err);

/* Reads one frame from the front of `data`: fills `frame`, replaces the contents of `payload` by
 * the unpacked bytes, and says how many bytes the frame took. FAILURE_DATA for anything that is
 * not a whole, undamaged frame. */
FALLIBLE frame_decode(const uint8_t *data, size_t count, struct frame *frame, struct bytes *payload,
                      size_t *used, struct err *err);

/* Writes frames to a file; keeps the counts of the END frame. Borrows the output. */
struct frame_writer {
    struct output *output;
    uint64_t items;
    uint64_t frames;
    uint64_t chain;
    struct bytes packed;
};
void frame_writer_init(struct frame_writer *writer, struct output *output);
void frame_writer_release(struct frame_writer *writer);
FALLIBLE frame_writer_put(struct frame_writer *writer, const struct frame *frame,
                          const uint8_t *payload, struct err *err);
/* Writes a frame that is encoded already, alone in `encoded`. */
FALLIBLE frame_writer_put_encoded(struct frame_writer *writer, const struct frame *frame,
                                  const struct bytes *encoded, struct err *err);
/* Writes the END frame. */
FALLIBLE frame_writer_end(struct frame_writer *writer, struct err *err);

/* The chain behind a frame with this header. */
uint64_t frame_chain(uint64_t chain, const uint8_t header[FRAME_HEADER_BYTES]);

/* A frame as it is in the file. Zero-initialised storage holds none yet. */
struct stored_frame {
    struct frame frame;
    uint64_t offset; /* in the file */
    uint8_t header[FRAME_HEADER_BYTES];
    struct bytes stored;
};
void stored_frame_release(struct stored_frame *stored);

/* Reads frames from a file. Borrows the input. END frames are checked and not handed out. */
struct frame_reader {
    struct input *input;
    uint64_t items;  /* since the last END */
    uint64_t frames; /* since the last END */
    uint64_t chain;  /* since the last END */
    uint64_t offset; /* of the next frame in the input: for error messages */
    bool at_end_frame;
    bool has_header; /* of the next frame: in `next` already, by frame_reader_pass */
    struct stored_frame next;
};
void frame_reader_init(struct frame_reader *reader, struct input *input);
void frame_reader_release(struct frame_reader *reader);

/* Fills `frame` and `payload` with the next frame; *more is false at the clean end of the file.
 * Where `skip` is given and returns true for the header, the payload is not unpacked (its checksum
 * is still checked) and `payload` is left empty. FAILURE_DATA names file and offset. */
FALLIBLE frame_reader_next(struct frame_reader *reader, struct frame *frame, struct bytes *payload,
                           bool (*skip)(void *context, const struct frame *frame), void *context,
                           bool *more, struct err *err);

/* Passes over whole frames that have been read and checked once before, as long as they hold no
 * more than `items` items together; *passed says how many. Their payloads are neither read nor
 * checked, END frames are. */
FALLIBLE frame_reader_pass(struct frame_reader *reader, uint64_t items, uint64_t *passed,
                           struct err *err);

/* The same in two steps, of which only the first reads the file: the second may run on another
 * thread. Replaces the contents of `stored` by the next frame; of its parts only the header is
 * checked. */
FALLIBLE frame_reader_take(struct frame_reader *reader, struct stored_frame *stored, bool *more,
                           struct err *err);

/* Checks it and replaces the contents of `payload` by its unpacked bytes. `reader` is only asked
 * for the name of the file. */
FALLIBLE stored_frame_unpack(const struct frame_reader *reader, const struct stored_frame *stored,
                             struct bytes *payload, struct err *err);

/* The same checks without unpacking. */
FALLIBLE stored_frame_check(const struct frame_reader *reader, const struct stored_frame *stored,
                            struct err *err);

#endif
