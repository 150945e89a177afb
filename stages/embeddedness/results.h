/* What the kernel found out about every event of a batch, until the replay asks for it.
 *
 * Slots go by pivot: those of node p are [results_first(p), results_first(p) + owned(p)), one per
 * event whose pivot it is, in the order of its row. 2 bytes each where no row of the batch is
 * longer than RESULT_SHORT_MAX, else 4. They are kept in a scratch file while rows fill the memory,
 * and brought into memory for the replay, which asks in event order.
 */
#ifndef TIEFLOW_STAGES_EMBEDDEDNESS_RESULTS_H
#define TIEFLOW_STAGES_EMBEDDEDNESS_RESULTS_H

#include "schemas/status.h"
#include "stages/adjacency/census.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values above every count: what an event was that made no tie. */
#define RESULT_ENDED UINT32_MAX          /* it ended a tie */
#define RESULT_REJECTED (UINT32_MAX - 1) /* a duplicate or an orphan, as its kind tells */
#define RESULT_UNKNOWN (UINT32_MAX - 2)  /* not yet found out */

/* Counts up to here, and what is above every count, fit into 2 bytes. */
#define RESULT_SHORT_MAX (UINT32_C(0xffff) - 3)

struct results;

/* For an owned census, which must outlive them. In memory from the start where `scratch_folder` is
 * NULL. */
FALLIBLE results_new(struct results **results, const struct census *census,
                     const char *scratch_folder, struct err *err);

/* Accepts NULL. */
void results_free(struct results *results);

/* Bytes that they take in memory for the replay. */
uint64_t results_bytes(const struct census *census);

/* Number of the node's first slot. */
uint64_t results_first(const struct results *results, uint32_t node);

/* Writes, or reads, `count` slots from number `first` on. Threads may write different slots at
 * once. */
FALLIBLE results_put(struct results *results, uint64_t first, const uint32_t *values, size_t count,
                     struct err *err);
FALLIBLE results_get(const struct results *results, uint64_t first, uint32_t *values, size_t count,
                     struct err *err);

/* Ends the writing: brings everything into memory, for results_view. FAILURE_INTERNAL where a slot
 * is unknown still. */
FALLIBLE results_seal(struct results *results, unsigned threads, struct err *err);

/* Sealed results, lent to be read slot by slot, as long as they live. */
struct results_view {
    const void *slots; /* see results.c; NULL where there are none */
    uint64_t count;
    bool is_narrow; /* 2 bytes a slot, not 4 */
};

struct results_view results_view(const struct results *results);

/* A slot stores the value plus this. */
enum { RESULT_STORED_ABOVE = 3 };

static inline uint32_t results_at(const struct results_view *view, uint64_t slot) {
    assert(slot < view->count);
    return view->is_narrow ? (uint32_t)((const uint16_t *)view->slots)[slot] - RESULT_STORED_ABOVE
                           : ((const uint32_t *)view->slots)[slot] - RESULT_STORED_ABOVE;
}

/* Prefetches it. */
static inline void results_foresee(const struct results_view *view, uint64_t slot) {
    const size_t width = view->is_narrow ? sizeof(uint16_t) : sizeof(uint32_t);
    __builtin_prefetch((const uint8_t *)view->slots + slot * width);
}

#endif
