/* Tie segments: the ties made on one date and the ties that ended on it, for good.
 *
 * A segment is written once, in log order, and never changed: what happens to its ties later stands
 * in later segments. Ties are numbered through all segments in the order of their making; an ending
 * names its pair and how many ties had been made by then, so the tie that it ends is the pair's
 * last one below that number.
 *
 * The file is a row of frames of two kinds, in any mixture, each kind in order.
 *
 *   BYTES   FRAME_TIES (n items; planes as in stages/base/columns.h)
 *   8 n     created_at: zigzag difference from the tie before, the first from 0
 *   4 n     from: node
 *   4 n     to: node
 *   4 n     mutual
 *   4 n     degree_from
 *   4 n     degree_to
 *   n       origin
 *
 * `first` and `last` of the frame are its first and last tie number.
 *
 *   BYTES   FRAME_ENDINGS (n items)
 *   8 n     ended_at: zigzag difference from the ending before, the first from 0
 *   8 n     ties_before: zigzag difference likewise
 *   4 n     from: node
 *   4 n     to: node
 *
 * `first` and `last` are the first and last time.
 */
#ifndef TIEFLOW_STAGES_TIE_STORE_TIE_SEGMENT_H
#define TIEFLOW_STAGES_TIE_STORE_TIE_SEGMENT_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "schemas/tie.h"
#include "stages/base/bytes.h"
#include "stages/base/frame.h"
#include "stages/base/stream.h"

#include <stddef.h>
#include <stdint.h>

/* Ties per frame: planes of 64 KiB. */
enum { TIE_SEGMENT_FRAME_ITEMS = 65536 };

/* One frame's worth of ties, as columns; also what readers are handed. */
struct tie_columns {
    size_t count;
    int64_t created_at_ms[TIE_SEGMENT_FRAME_ITEMS];
    uint32_t from[TIE_SEGMENT_FRAME_ITEMS];
    uint32_t to[TIE_SEGMENT_FRAME_ITEMS];
    uint32_t mutual[TIE_SEGMENT_FRAME_ITEMS];
    uint32_t degree_from[TIE_SEGMENT_FRAME_ITEMS];
    uint32_t degree_to[TIE_SEGMENT_FRAME_ITEMS];
    uint8_t origin[TIE_SEGMENT_FRAME_ITEMS];
};

/* A tie by node numbers. */
struct stored_tie {
    int64_t created_at_ms;
    uint32_t from;
    uint32_t to;
    uint32_t mutual;
    uint32_t degree_from;
    uint32_t degree_to;
    uint8_t origin;
};

/* The same for many ties: columns of the caller's, `count` long each. */
struct tie_slice {
    size_t count;
    const int64_t *created_at_ms;
    const uint32_t *from;
    const uint32_t *to;
    const uint32_t *mutual;
    const uint32_t *degree_from;
    const uint32_t *degree_to;
    const uint8_t *origin;
};

/* Ties of columns as a slice of them. */
static inline struct tie_slice tie_columns_slice(const struct tie_columns *ties) {
    return (struct tie_slice){
        .count = ties->count,
        .created_at_ms = ties->created_at_ms,
        .from = ties->from,
        .to = ties->to,
        .mutual = ties->mutual,
        .degree_from = ties->degree_from,
        .degree_to = ties->degree_to,
        .origin = ties->origin,
    };
}

struct tie_segment_writer;

/* Borrows the output until the writer is freed. `first_tie` is the number of the first tie. Full
 * frames are compressed on up to `threads` threads, of which the caller's is one; the bytes do not
 * depend on it. Memory: 8 MiB for one thread, and as much for each further one. */
FALLIBLE tie_segment_writer_new(struct tie_segment_writer **writer, struct output *output,
                                uint64_t first_tie, unsigned threads, struct err *err);

/* Accepts NULL. */
void tie_segment_writer_free(struct tie_segment_writer *writer);
FALLIBLE tie_segment_put_tie(struct tie_segment_writer *writer, const struct stored_tie *tie,
                             struct err *err);
FALLIBLE tie_segment_put_ties(struct tie_segment_writer *writer, const struct tie_slice *ties,
                              struct err *err);
FALLIBLE tie_segment_put_ending(struct tie_segment_writer *writer, const struct tie_ending *ending,
                                struct err *err);
/* Writes what is left and the END frame. */
FALLIBLE tie_segment_end(struct tie_segment_writer *writer, struct err *err);

struct tie_segment_reader;

/* Takes over `input`. With more threads than one the next frames are read and unpacked ahead. */
FALLIBLE tie_segment_reader_new(struct tie_segment_reader **reader, struct input *input,
                                unsigned threads, struct err *err);

/* Accepts NULL. */
void tie_segment_reader_free(struct tie_segment_reader *reader);

/* Hands out the next frame: of ties (*ties set; `first_tie` is the number of its first) or of
 * endings (*endings and *ending_count set), or neither behind the last. Lent until the next call.
 * FAILURE_DATA for gaps in the numbers of ties, nodes that are not below `node_count`, and whatever
 * else a tie or an ending cannot have. */
FALLIBLE tie_segment_next(struct tie_segment_reader *reader, size_t node_count,
                          const struct tie_columns **ties, uint64_t *first_tie,
                          const struct tie_ending **endings, size_t *ending_count, struct err *err);

#endif
