/* A slot holds the value plus three, in 2 or 4 bytes: what lies above every count becomes 0 to 2,
 * so fresh memory and holes of a file say "unknown", and a count keeps its order of size.
 *
 * Rejected: 2 bytes with a list of what does not fit, which a hub of a million ties would fill.
 */
#include "stages/embeddedness/results.h"

#include "stages/base/pages.h"
#include "stages/base/scratch.h"
#include "stages/base/workers.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 64 << 10, SEAL_BYTES = 1 << 20 };
static_assert(RESULT_UNKNOWN + RESULT_STORED_ABOVE == 0, "what nobody wrote is unknown");

struct results {
    size_t node_count;
    size_t width;        /* bytes per slot */
    struct pages firsts; /* uint64_t per node, and one more */
    struct pages slots;  /* in memory; empty while there is a scratch file */
    struct scratch *scratch;
};

static size_t width_of(const struct census *census) {
    return census->longest <= RESULT_SHORT_MAX ? sizeof(uint16_t) : sizeof(uint32_t);
}

uint64_t results_bytes(const struct census *census) {
    return (census->node_count + 1) * sizeof(uint64_t) +
           (census->range.end - census->range.first) * width_of(census);
}

static uint64_t slot_count(const struct results *results) {
    return ((const uint64_t *)results->firsts.data)[results->node_count];
}

uint64_t results_first(const struct results *results, uint32_t node) {
    assert(node <= results->node_count);
    return ((const uint64_t *)results->firsts.data)[node];
}

static struct status firsts_fill(struct results *results, const struct census *census,
                                 struct err *err) {
    TRY(pages_grow(&results->firsts, (census->node_count + 1) * sizeof(uint64_t),
                   "where a member's results are", err));
    uint64_t *firsts = results->firsts.data;
    for (size_t node = 0; node < census->node_count; node++) {
        firsts[node + 1] = firsts[node] + census_owned(census, (uint32_t)node);
    }
    return status_ok();
}

static struct status results_open(struct results *results, const char *scratch_folder,
                                  struct err *err) {
    uint64_t bytes = slot_count(results) * results->width;
    if (scratch_folder == NULL) {
        return pages_grow(&results->slots, bytes, "the results of a batch", err);
    }
    TRY(scratch_open(&results->scratch, scratch_folder, err));
    /* Its last slot gives the file its length; what nobody has written reads as zeros. */
    const uint32_t unknown = 0;
    return bytes == 0 ? status_ok()
                      : scratch_write(results->scratch, bytes - results->width, &unknown,
                                      results->width, err);
}

struct status results_new(struct results **results, const struct census *census,
                          const char *scratch_folder, struct err *err) {
    struct results *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "the results of a batch");
    }
    made->node_count = census->node_count;
    made->width = width_of(census);
    struct status status = firsts_fill(made, census, err);
    if (!failed(status)) {
        status = results_open(made, scratch_folder, err);
    }
    if (failed(status)) {
        results_free(made);
        return status;
    }
    *results = made;
    return status_ok();
}

void results_free(struct results *results) {
    if (results != NULL) {
        pages_release(&results->firsts);
        pages_release(&results->slots);
        scratch_close(results->scratch);
        free(results);
    }
}

/* `stored` is aligned for either width. */
static void slots_encode(size_t width, void *stored, const uint32_t *values, size_t count) {
    if (width == sizeof(uint16_t)) {
        uint16_t *narrow = stored;
        for (size_t i = 0; i < count; i++) {
            narrow[i] = (uint16_t)(values[i] + RESULT_STORED_ABOVE);
        }
    } else {
        uint32_t *wide = stored;
        for (size_t i = 0; i < count; i++) {
            wide[i] = values[i] + RESULT_STORED_ABOVE;
        }
    }
}

static void slots_decode(size_t width, const void *stored, uint32_t *values, size_t count) {
    if (width == sizeof(uint16_t)) {
        const uint16_t *narrow = stored;
        for (size_t i = 0; i < count; i++) {
            values[i] = (uint32_t)narrow[i] - RESULT_STORED_ABOVE;
        }
    } else {
        const uint32_t *wide = stored;
        for (size_t i = 0; i < count; i++) {
            values[i] = wide[i] - RESULT_STORED_ABOVE;
        }
    }
}

static size_t piece_slots(const struct results *results, size_t count) {
    size_t most = PIECE_BYTES / results->width;
    return count < most ? count : most;
}

struct status results_put(struct results *results, uint64_t first, const uint32_t *values,
                          size_t count, struct err *err) {
    assert(first + count <= slot_count(results));
    size_t width = results->width;
    if (results->scratch == NULL) {
        slots_encode(width, (uint8_t *)results->slots.data + first * width, values, count);
        return status_ok();
    }
    uint32_t piece[PIECE_BYTES / sizeof(uint32_t)];
    while (count > 0) {
        size_t now = piece_slots(results, count);
        slots_encode(width, piece, values, now);
        TRY(scratch_write(results->scratch, first * width, piece, now * width, err));
        first += now;
        values += now;
        count -= now;
    }
    return status_ok();
}

struct status results_get(const struct results *results, uint64_t first, uint32_t *values,
                          size_t count, struct err *err) {
    assert(first + count <= slot_count(results));
    size_t width = results->width;
    if (results->scratch == NULL) {
        slots_decode(width, (const uint8_t *)results->slots.data + first * width, values, count);
        return status_ok();
    }
    uint32_t piece[PIECE_BYTES / sizeof(uint32_t)];
    while (count > 0) {
        size_t now = piece_slots(results, count);
        TRY(scratch_read(results->scratch, first * width, piece, now * width, err));
        slots_decode(width, piece, values, now);
        first += now;
        values += now;
        count -= now;
    }
    return status_ok();
}

/* Shared by the threads that seal; the first failure is kept. */
struct seal {
    struct results *results;
    uint64_t bytes;
    pthread_mutex_t mutex;
    struct status status;
    struct err err;
};

static struct status piece_seal(struct seal *seal, size_t piece, struct err *err) {
    struct results *results = seal->results;
    uint64_t first = (uint64_t)piece * SEAL_BYTES;
    size_t bytes = seal->bytes - first < SEAL_BYTES ? (size_t)(seal->bytes - first) : SEAL_BYTES;
    uint8_t *stored = (uint8_t *)results->slots.data + first;
    if (results->scratch != NULL) {
        TRY(scratch_read(results->scratch, first, stored, bytes, err));
    }
    const uint32_t unknown = 0;
    size_t unknowns = 0;
    for (size_t i = 0; i < bytes; i += results->width) {
        unknowns += memcmp(stored + i, &unknown, results->width) == 0;
    }
    return unknowns == 0
               ? status_ok()
               : err_set(err, FAILURE_INTERNAL,
                         "%zu events of a batch went without a result; please report it", unknowns);
}

static void pieces_seal(void *context, unsigned worker, size_t first, size_t end) {
    (void)worker;
    struct seal *seal = context;
    for (size_t piece = first; piece < end; piece++) {
        struct err err;
        struct status status = piece_seal(seal, piece, &err);
        if (failed(status)) {
            (void)pthread_mutex_lock(&seal->mutex);
            if (!failed(seal->status)) {
                seal->status = status;
                seal->err = err;
            }
            (void)pthread_mutex_unlock(&seal->mutex);
        }
    }
}

struct status results_seal(struct results *results, unsigned threads, struct err *err) {
    struct seal seal = {.results = results, .mutex = PTHREAD_MUTEX_INITIALIZER};
    seal.bytes = slot_count(results) * results->width;
    if (seal.bytes > 0) {
        TRY(pages_grow(&results->slots, seal.bytes, "the results of a batch", err));
    }
    size_t pieces = (size_t)((seal.bytes + SEAL_BYTES - 1) / SEAL_BYTES);
    workers_run(threads, pieces, 1, pieces_seal, &seal);
    if (failed(seal.status)) {
        if (err != NULL) {
            *err = seal.err;
        }
        return seal.status;
    }
    scratch_close(results->scratch);
    results->scratch = NULL;
    return status_ok();
}

struct results_view results_view(const struct results *results) {
    assert(results->scratch == NULL);
    return (struct results_view){
        .slots = results->slots.data,
        .count = slot_count(results),
        .is_narrow = results->width == sizeof(uint16_t),
    };
}
