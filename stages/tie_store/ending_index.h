/* Which tie did an ending end? A lookup from ties to their endings.
 *
 * The tie numbered n of a pair is ended by the pair's first ending with ties_before > n. Endings
 * are few beside ties, so the index holds endings and every tie asks; a filter answers for most,
 * and the others look into a bucket of a few endings, by a hash of the pair. Memory: 31 bytes per
 * ending, 32 while it is finished.
 *
 * The numbers are those of ties, as in segments, or of events, as on a tape: then n is the number
 * of the event that made the tie, and ties_before the number of a disconnect. A disconnect that
 * ends nothing does no harm: the pair's first one behind a tie ends that tie.
 */
#ifndef TIEFLOW_STAGES_TIE_STORE_ENDING_INDEX_H
#define TIEFLOW_STAGES_TIE_STORE_ENDING_INDEX_H

#include "schemas/status.h"
#include "schemas/tie.h"
#include "stages/order/tape.h"
#include "stages/tie_store/pair_filter.h"

#include <stddef.h>
#include <stdint.h>

struct ending_index {
    /* from < to; once finished by bucket, there by (from, to, ties_before) */
    struct tie_ending *endings;
    size_t count;
    size_t capacity;
    struct pair_filter filter;
    uint64_t *starts; /* of the buckets in `endings`, and the end of the last */
    size_t bucket_count;
};

/* Zero-initialised storage is an empty index. */
void ending_index_release(struct ending_index *index);

/* The greatest memory of an index of so many endings, for which room was made before. */
static inline uint64_t ending_index_bytes(uint64_t endings) {
    return endings * 32;
}

/* Makes room for `count` endings in all. */
FALLIBLE ending_index_reserve(struct ending_index *index, size_t count, struct err *err);

/* Copies the endings. */
FALLIBLE ending_index_add(struct ending_index *index, const struct tie_ending *endings,
                          size_t count, struct err *err);

/* What a tie segment holds. */
struct segment_counts {
    uint64_t ties;
    uint64_t endings;
};

/* Reads a whole tie segment: adds its endings, and its counts to *counts. Failures are those of
 * tie_segment_next. */
FALLIBLE ending_index_add_segment(struct ending_index *index, const char *path, size_t node_count,
                                  struct segment_counts *counts, struct err *err);

/* Adds the disconnects of a whole tape, numbered as its events. */
FALLIBLE ending_index_add_tape(struct ending_index *index, const struct tape *tape,
                               struct err *err);

/* Ends the adding. */
FALLIBLE ending_index_finish(struct ending_index *index, struct err *err);

/* When the tie of this pair with this number ended; TIE_OPEN_MS where the index has no ending of
 * it. */
int64_t ending_index_find(const struct ending_index *index, uint32_t from, uint32_t to,
                          uint64_t number);

/* The same for `count` ties. */
void ending_index_find_all(const struct ending_index *index, const uint32_t *from,
                           const uint32_t *to, const uint64_t *number, size_t count,
                           int64_t *ended_at_ms);

/* Asks for the memory that a find of the pair, soon to come, looks at first. */
void ending_index_foresee(const struct ending_index *index, uint32_t from, uint32_t to);

#endif
