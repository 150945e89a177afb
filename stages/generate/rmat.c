/* Four steps of the recursion take one random number of 64 bits, 16 each, so that the parameters
 * hold to five digits. Pairs are drawn in rounds: all words of the sieve are on their way from
 * memory before the first is asked. Rejected: an exact set of pairs, eight times the memory. */
#include "stages/generate/rmat.h"

#include "stages/base/random.h"
#include "stages/generate/even_times.h"
#include "stages/generate/pair_sieve.h"
#include "stages/generate/shuffle.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUND_DRAWS = 1024,
    STEP_BITS = 16,
    STEPS_PER_NUMBER = 64 / STEP_BITS,
    DENSE_PARTS = 4,
    DRAWS_PER_TIE = 8, /* on average, before the search is given up */
};

/* a, a + b, a + b + c in 2^-STEP_BITS. */
static const uint32_t step_edges[3] = {37356, 49807, 62259};

struct rmat {
    struct rmat_options options;
    uint64_t key;
    uint64_t id_key;
    struct shuffle labels;
    struct even_times times;
    struct pair_sieve sieve;
    uint64_t draws;
    uint64_t made;
    uint32_t from[ROUND_DRAWS];
    uint32_t to[ROUND_DRAWS];
    struct sieve_bits bits[ROUND_DRAWS];
    struct event events[ROUND_DRAWS];
    size_t event_count;
    size_t event_at; /* [at, count) are not handed out yet */
};

static struct status options_check(const struct rmat_options *options, struct err *err) {
    if (options->scale < 1 || options->scale > RMAT_SCALE_MAX) {
        return err_set(err, FAILURE_USAGE, "scale %u; give from 1 to %d", options->scale,
                       RMAT_SCALE_MAX);
    }
    uint64_t members = UINT64_C(1) << options->scale;
    uint64_t pairs = members * (members - 1) / 2;
    if (options->ties < 1 || options->ties > (pairs + DENSE_PARTS - 1) / DENSE_PARTS) {
        return err_set(err, FAILURE_USAGE,
                       "%" PRIu64 " ties between %" PRIu64 " vertices, who have %" PRIu64
                       " pairs; give from 1 to a quarter of that, or a greater scale",
                       options->ties, members, pairs);
    }
    return status_ok();
}

struct status rmat_new(struct rmat **rmat_out, const struct rmat_options *options,
                       struct err *err) {
    *rmat_out = NULL;
    TRY(options_check(options, err));
    struct rmat *rmat = calloc(1, sizeof *rmat);
    if (rmat == NULL) {
        return err_memory(err, sizeof *rmat, "a graph");
    }
    rmat->options = *options;
    rmat->key = random_mix(random_mix(options->seed));
    rmat->id_key = random_mix(rmat->key + 1);
    rmat->labels = shuffle_make(UINT32_C(1) << options->scale, random_mix(rmat->key + 2));
    struct status status =
        even_times_init(&rmat->times, options->start_ms, options->span_ms, options->ties, err);
    if (!failed(status)) {
        status = pair_sieve_init(&rmat->sieve, options->ties, err);
    }
    if (failed(status)) {
        rmat_free(rmat);
        return status;
    }
    *rmat_out = rmat;
    return status_ok();
}

void rmat_free(struct rmat *rmat) {
    if (rmat == NULL) {
        return;
    }
    pair_sieve_release(&rmat->sieve);
    free(rmat);
}

/* Draw number `draw`: both ends, before they are renumbered. */
static void edge_draw(const struct rmat *rmat, uint64_t draw, uint32_t *from, uint32_t *to) {
    uint64_t seed = random_mix(rmat->key + draw);
    uint32_t row = 0;
    uint32_t column = 0;
    unsigned left = rmat->options.scale;
    for (uint64_t number = 0; left > 0; number++) {
        uint64_t bits = random_mix(seed + number);
        unsigned steps = left < STEPS_PER_NUMBER ? left : STEPS_PER_NUMBER;
        for (unsigned i = 0; i < steps; i++) {
            uint32_t at = bits & ((1 << STEP_BITS) - 1);
            uint32_t quarter =
                (uint32_t)(at >= step_edges[0]) + (at >= step_edges[1]) + (at >= step_edges[2]);
            row = row << 1 | quarter >> 1;
            column = column << 1 | (quarter & 1);
            bits >>= STEP_BITS;
        }
        left -= steps;
    }
    *from = row;
    *to = column;
}

static uint64_t id_of(const struct rmat *rmat, uint32_t label) {
    uint64_t id = (uint64_t)label + 1;
    return rmat->options.ids_are_random ? random_mix(rmat->id_key + id) : id;
}

static void event_put(struct rmat *rmat, uint32_t from, uint32_t to) {
    uint64_t bits = random_mix(rmat->id_key - 1 - rmat->made);
    rmat->events[rmat->event_count++] = (struct event){
        .at_ms = even_times_at(&rmat->times, rmat->made, even_times_part((uint32_t)bits)),
        .from = {id_of(rmat, from)},
        .to = {id_of(rmat, to)},
        .kind = EVENT_CONNECT,
        .origin = ORIGIN_UNKNOWN,
    };
    rmat->made++;
}

static struct status round_run(struct rmat *rmat, struct err *err) {
    for (unsigned i = 0; i < ROUND_DRAWS; i++) {
        edge_draw(rmat, rmat->draws + i, &rmat->from[i], &rmat->to[i]);
        rmat->bits[i] = pair_sieve_locate(&rmat->sieve, rmat->from[i], rmat->to[i]);
        pair_sieve_prefetch(&rmat->sieve, rmat->bits[i]);
    }
    rmat->draws += ROUND_DRAWS;
    for (unsigned i = 0; i < ROUND_DRAWS && rmat->made < rmat->options.ties; i++) {
        if (rmat->from[i] != rmat->to[i] && !pair_sieve_holds(&rmat->sieve, rmat->bits[i])) {
            pair_sieve_add(&rmat->sieve, rmat->bits[i]);
            event_put(rmat, shuffle_of(&rmat->labels, rmat->from[i]),
                      shuffle_of(&rmat->labels, rmat->to[i]));
        }
    }
    if (rmat->made < rmat->options.ties &&
        rmat->draws / DRAWS_PER_TIE > rmat->options.ties + ROUND_DRAWS) {
        return err_set(err, FAILURE_USAGE,
                       "%" PRIu64 " draws gave %" PRIu64 " of %" PRIu64
                       " pairs and hardly any new ones at scale %u: raise the scale",
                       rmat->draws, rmat->made, rmat->options.ties, rmat->options.scale);
    }
    return status_ok();
}

struct status rmat_next(struct rmat *rmat, struct event *events, size_t capacity, size_t *count,
                        struct err *err) {
    assert(capacity > 0);
    *count = 0;
    size_t filled = 0;
    while (filled < capacity) {
        if (rmat->event_at == rmat->event_count) {
            if (rmat->made == rmat->options.ties) {
                break;
            }
            rmat->event_at = 0;
            rmat->event_count = 0;
            TRY(round_run(rmat, err));
        }
        size_t left = rmat->event_count - rmat->event_at;
        size_t step = left < capacity - filled ? left : capacity - filled;
        memcpy(events + filled, rmat->events + rmat->event_at, step * sizeof *events);
        rmat->event_at += step;
        filled += step;
    }
    *count = filled;
    return status_ok();
}
