/* Order of work: what has to be known of all ties before any side can be judged (cohort), then
 * range after range of people: their sides in one walk over the ties, their evaluation in chunks on
 * all threads, the chunks' rows in order. Chunks of a round are all evaluated before the first is
 * handed out, so threads never wait for each other's rows. SCOPE_MOVES has the second half alone,
 * with the sides of those who moved.
 *
 * Rejected: partitioning the ties by mover on disk once. It would write 80 bytes per tie to save
 * walks of 29 bytes per tie, of which there are few.
 */
#include "stages/attribution/attribution.h"

#include "schemas/limits.h"
#include "stages/attribution/cohort.h"
#include "stages/attribution/mover_ties.h"
#include "stages/attribution/movers.h"
#include "stages/attribution/person_ranges.h"
#include "stages/attribution/side_gather.h"
#include "stages/base/number.h"
#include "stages/base/workers.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define MEMORY_BYTES_DEFAULT (UINT64_C(8) << 30)

enum { CHUNK_PEOPLE = 64, ROUND_CHUNKS_PER_THREAD = 32 };

/* People [first, end) of a range, and what became of them. */
struct chunk {
    size_t first;
    size_t end;
    struct row_lists rows;
    struct status status;
    struct err err;
};

struct worker {
    struct movers movers;
    struct side_scratch scratch;
    struct mover_group group; /* SCOPE_MOVES */
};

/* One run. */
struct run {
    const struct attribution_inputs *inputs;
    struct attribution *attribution;
    attribution_visit visit;
    void *context;
    struct intensity intensity;
    struct tie_source source;
    struct chance *chance;
    struct cohort cohort;
    struct mover_inputs mover_inputs;
    struct worker *workers; /* one per thread */
    size_t worker_count;
    struct chunk *chunks;
    size_t chunk_count;
    size_t chunk_people;
    struct side_gather gather;
    struct mover_ties *ties; /* SCOPE_MOVES: in place of all before chance, cohort, gather */
};

static size_t memory_of(const struct attribution_inputs *inputs) {
    return inputs->memory_bytes == 0 ? MEMORY_BYTES_DEFAULT : inputs->memory_bytes;
}

static void run_release(struct run *run) {
    intensity_release(&run->intensity);
    chance_free(run->chance);
    cohort_release(&run->cohort);
    free(run->mover_inputs.horizon_of);
    free(run->mover_inputs.is_of_mover);
    for (size_t i = 0; i < run->worker_count; i++) {
        movers_release(&run->workers[i].movers);
        side_scratch_release(&run->workers[i].scratch);
        mover_group_release(&run->workers[i].group);
    }
    free(run->workers);
    for (size_t i = 0; i < run->chunk_count; i++) {
        row_lists_release(&run->chunks[i].rows);
    }
    free(run->chunks);
    side_gather_release(&run->gather);
    mover_ties_free(run->ties);
}

void attribution_release(struct attribution *attribution) {
    classes_release(&attribution->classes);
    segments_free(attribution->segments);
    free(attribution->diversity);
    free(attribution->experiments);
    for (int measure = 0; measure < MEASURES; measure++) {
        free(attribution->doses[measure]);
    }
    *attribution = (struct attribution){0};
}

/* --- what is known before any side is judged --- */

static struct status run_study(struct run *run, struct err *err) {
    const struct attribution_inputs *inputs = run->inputs;
    struct attribution *attribution = run->attribution;
    run->source = (struct tie_source){
        .segment_paths = inputs->segment_paths,
        .segment_count = inputs->segment_count,
        .endings = inputs->endings,
        .people = inputs->people,
        .intensity = &run->intensity,
        .progress = inputs->progress,
        .progress_context = inputs->progress_context,
        .threads = inputs->threads,
    };
    const struct chance_inputs chance_inputs = {inputs->people, inputs->profiles, inputs->careers,
                                                inputs->settings};
    TRY(chance_new(&run->chance, &chance_inputs, err));
    const struct attribute *industry = &inputs->profiles->industry;
    if (industry->of_person != NULL) {
        attribution->diversity = malloc(inputs->people->count * sizeof(float) + 1);
        if (attribution->diversity == NULL) {
            return err_memory(err, inputs->people->count * sizeof(float), "the diversity");
        }
    }
    const struct cohort_inputs cohort_inputs = {
        .source = &run->source,
        .threshold = inputs->settings->threshold,
        .chance = run->chance,
        .industry_of = industry->of_person,
        .industry_count = industry->count,
        .memory_bytes = memory_of(inputs),
    };
    TRY(cohort_study(&run->cohort, &attribution->classes, attribution->diversity, &cohort_inputs,
                     err));
    TRY(chance_settle(run->chance, err));
    const struct segment_inputs segment_inputs = {
        .people = inputs->people,
        .profiles = inputs->profiles,
        .careers = inputs->careers,
        .assignments = &inputs->facts[FACT_ASSIGNMENTS],
        .side_degrees = &run->cohort.degrees,
        .diversity = attribution->diversity,
        .as_of_ms = inputs->as_of_ms,
    };
    TRY(segments_new(&attribution->segments, &segment_inputs, err));
    return experiments_find(&inputs->facts[FACT_ASSIGNMENTS], inputs->as_of_ms,
                            &attribution->experiments, &attribution->experiment_count, err);
}

/* SCOPE_MOVES. */
static struct status run_seek(struct run *run, struct err *err) {
    const struct attribution_inputs *inputs = run->inputs;
    const struct mover_ties_inputs ties_inputs = {
        .segment_paths = inputs->segment_paths,
        .segment_count = inputs->segment_count,
        .people = inputs->people,
        .careers = inputs->careers,
        .memory_bytes = memory_of(inputs),
        .threads = inputs->threads,
        .progress = inputs->progress,
        .progress_context = inputs->progress_context,
    };
    run->cohort.first_tie_ms = INT64_MAX; /* no placebos */
    return mover_ties_new(&run->ties, &ties_inputs, err);
}

static struct status run_begin(struct run *run, struct err *err) {
    const struct attribution_inputs *inputs = run->inputs;
    TRY(intensity_init(&run->intensity, &inputs->facts[FACT_INTERACTIONS], inputs->people,
                       inputs->settings->intensity_days * DAY_MS, inputs->as_of_ms, err));
    return inputs->scope == SCOPE_MOVES ? run_seek(run, err) : run_study(run, err);
}

/* --- threads and chunks --- */

static bool kind_is_of_mover(enum segment_kind kind) {
    switch (kind) {
    case SEGMENT_INDUSTRY:
    case SEGMENT_IT:
    case SEGMENT_SOFTWARE:
    case SEGMENT_ML:
    case SEGMENT_AI:
    case SEGMENT_ROBOTS:
    case SEGMENT_REMOTE:
    case SEGMENT_DIVERSITY:
    case SEGMENT_VARIANT:
        return true;
    default:
        return false;
    }
}

static struct status segments_sort_out(struct run *run, struct err *err) {
    const struct segments *segments = run->attribution->segments;
    size_t count = segments_count(segments);
    uint8_t *horizon_of = run->mover_inputs.horizon_of = calloc(count, sizeof *horizon_of);
    bool *is_of_mover = run->mover_inputs.is_of_mover = calloc(count, sizeof *is_of_mover);
    if (horizon_of == NULL || is_of_mover == NULL) {
        return err_memory(err, count, "the segments");
    }
    for (size_t i = 0; i < count; i++) {
        const struct segment_label *label = segments_label(segments, i);
        is_of_mover[i] = kind_is_of_mover(label->kind);
        for (size_t h = 0; h < HORIZONS; h++) {
            if (label->horizon_ms == horizon_days[h] * DAY_MS) {
                horizon_of[i] = (uint8_t)(h + 1);
            }
        }
        assert(label->horizon_ms == INT64_MAX || horizon_of[i] != 0);
    }
    return status_ok();
}

static struct status workers_make(struct run *run, struct err *err) {
    const struct attribution_inputs *inputs = run->inputs;
    struct attribution *attribution = run->attribution;
    bool is_all = inputs->scope == SCOPE_ALL;
    TRY(is_all ? segments_sort_out(run, err) : status_ok());
    struct mover_inputs *shared = &run->mover_inputs;
    shared->inputs = inputs;
    shared->classes = &attribution->classes;
    shared->segments = attribution->segments;
    shared->intensity = &run->intensity;
    shared->carriers = (struct carrier_inputs){
        .people = inputs->people,
        .careers = inputs->careers,
        .settings = inputs->settings,
        .classes = &attribution->classes,
        .chance = run->chance,
        .first_tie_ms = run->cohort.first_tie_ms,
        .as_of_ms = inputs->as_of_ms,
        .seconds_now = inputs->seconds_now,
    };
    shared->members = (struct member_inputs){
        .inputs = inputs,
        .classes = &attribution->classes,
        .segments = attribution->segments,
        .experiments = attribution->experiments,
        .experiment_count = attribution->experiment_count,
    };
    assert(inputs->threads >= 1 && inputs->threads <= LIMIT_THREADS);
    run->workers = calloc(inputs->threads, sizeof *run->workers);
    size_t chunk_count = (size_t)inputs->threads * ROUND_CHUNKS_PER_THREAD;
    run->chunks = calloc(chunk_count, sizeof *run->chunks);
    if (run->workers == NULL || run->chunks == NULL) {
        return err_memory(err, inputs->threads * sizeof *run->workers, "threads");
    }
    run->chunk_count = chunk_count;
    run->chunk_people = is_all ? CHUNK_PEOPLE : mover_ties_group_people(run->ties);
    while (run->worker_count < inputs->threads) {
        TRY(movers_init(&run->workers[run->worker_count++].movers, shared, err));
    }
    return status_ok();
}

static struct status chunk_evaluate(struct run *run, struct worker *worker, struct chunk *chunk,
                                    struct err *err) {
    if (run->ties != NULL) {
        TRY(mover_ties_take(run->ties, chunk->first, &worker->group, err));
    }
    for (size_t person = chunk->first; person < chunk->end; person++) {
        struct mover mover;
        TRY(run->ties != NULL
                ? mover_group_mover(&worker->group, person, &worker->scratch, &mover, err)
                : side_gather_mover(&run->gather, person, &worker->scratch, &mover, err));
        TRY(movers_add(&worker->movers, &mover, &chunk->rows, err));
    }
    return status_ok();
}

static void chunks_evaluate(void *context, unsigned worker, size_t first, size_t end) {
    struct run *run = context;
    for (size_t i = first; i < end; i++) {
        struct chunk *chunk = &run->chunks[i];
        chunk->status = chunk_evaluate(run, &run->workers[worker], chunk, &chunk->err);
    }
}

/* Evaluates people from `first` on, below `end`, as many as a round has chunks for; returns through
 * `next` where to go on. */
static struct status round_run(struct run *run, size_t first, size_t end, size_t *next,
                               struct err *err) {
    size_t chunks = 0;
    while (chunks < run->chunk_count && first < end) {
        struct chunk *chunk = &run->chunks[chunks++];
        chunk->first = first;
        chunk->end = end - first < run->chunk_people ? end : first + run->chunk_people;
        first = chunk->end;
        row_lists_clear(&chunk->rows);
    }
    *next = first;
    workers_run(run->inputs->threads, chunks, 1, chunks_evaluate, run);
    for (size_t i = 0; i < chunks; i++) {
        const struct chunk *chunk = &run->chunks[i];
        if (failed(chunk->status)) {
            return err_set(err, chunk->err.failure, "%s", chunk->err.text);
        }
        const struct attribution_rows rows = {
            .moves = chunk->rows.moves,
            .move_count = chunk->rows.move_count,
            .transmissions = chunk->rows.transmissions,
            .transmission_count = chunk->rows.transmission_count,
            .members = chunk->rows.members,
            .member_count = chunk->rows.member_count,
        };
        TRY(run->visit(run->context, &rows, err));
    }
    return status_ok();
}

/* Gathers the sides of people from `first` on. */
static struct status range_gather(struct run *run, size_t first, size_t *end, struct err *err) {
    const struct cohort *cohort = &run->cohort;
    if (run->ties != NULL) {
        return mover_ties_walk(run->ties, first, end, err);
    }
    uint64_t sides_max = memory_of(run->inputs) / sizeof(struct side);
    *end = person_range_end(cohort->side_begin, cohort->person_count, first, sides_max);
    return side_gather_fill(&run->gather, &run->source, cohort->side_begin, first, *end, err);
}

static struct status ranges_run(struct run *run, struct err *err) {
    for (size_t first = 0; first < run->inputs->people->count;) {
        size_t end;
        TRY(range_gather(run, first, &end, err));
        while (first < end) {
            TRY(round_run(run, first, end, &first, err));
        }
    }
    return status_ok();
}

/* --- sums, and what must hold of them --- */

static void totals_add(struct attribution_totals *totals, const struct movers *movers) {
    const struct attribution_totals *added = &movers->carriers.totals;
    totals->sides += movers->sides;
    totals->sides_at_risk += movers->sides_at_risk;
    totals->moves += added->moves;
    totals->entries += added->entries;
    totals->undecided += added->undecided;
    totals->mass_moves += added->mass_moves;
    totals->moves_carried += added->moves_carried;
    totals->transmissions += added->transmissions;
    totals->certain += added->certain;
    totals->possible += added->possible;
    for (int rule = 0; rule < CREDIT_RULES; rule++) {
        totals->credit[rule] += added->credit[rule];
    }
}

static void run_sum(struct run *run) {
    struct attribution *attribution = run->attribution;
    for (size_t i = 0; i < run->worker_count; i++) {
        const struct movers *movers = &run->workers[i].movers;
        totals_add(&attribution->totals, movers);
        attribution->intersection_seconds += movers->carriers.intersection_seconds;
        for (int p = 0; p < PLACEBOS; p++) {
            for (int bin = 0; bin < TERCILES; bin++) {
                const struct placebo_count *added = &movers->carriers.placebos[p][bin];
                attribution->placebos[p][bin].pairs += added->pairs;
                attribution->placebos[p][bin].transmissions += added->transmissions;
                attribution->placebos[p][bin].placebo += added->placebo;
            }
        }
        if (i != 0 && run->inputs->scope == SCOPE_ALL) {
            dose_table_merge(run->workers[0].movers.doses, movers->doses);
        }
    }
    if (run->inputs->scope == SCOPE_MOVES) {
        attribution->totals.ties = mover_ties_count(run->ties);
        return;
    }
    attribution->totals.ties = attribution->classes.ties;
    dose_table_take(run->workers[0].movers.doses, attribution->doses);
}

static struct status must_equal(uint64_t got, uint64_t wanted, const char *what, struct err *err) {
    return got == wanted ? status_ok()
                         : err_set(err, FAILURE_DATA,
                                   "%s: %" PRIu64 " where it must be %" PRIu64
                                   ", an invariant of the attribution",
                                   what, got, wanted);
}

static struct status credits_check(const struct attribution_totals *totals, struct err *err) {
    for (int rule = 0; rule < CREDIT_RULES; rule++) {
        uint64_t whole = rule == CREDIT_EACH ? totals->transmissions : totals->moves_carried;
        TRY(must_equal(totals->credit[rule], whole * CREDIT_ONE,
                       credit_rule_name((enum credit_rule)rule), err));
    }
    return status_ok();
}

/* The bins of a measure, for all sides, sum to the totals; of intensity only the sides do. */
static struct status doses_check(const struct attribution *attribution, enum measure measure,
                                 struct err *err) {
    const struct attribution_totals *totals = &attribution->totals;
    size_t bins = measure_bins(&attribution->classes, measure);
    struct dose sum = {0};
    for (size_t bin = 0; bin < bins; bin++) {
        const struct dose *dose = &attribution->doses[measure][bin];
        sum.sides += dose->sides;
        sum.at_risk += dose->at_risk;
        sum.transmissions += dose->transmissions;
        for (int rule = 0; rule < CREDIT_RULES; rule++) {
            sum.credit[rule] += dose->credit[rule];
        }
    }
    if (bins == 0) {
        return status_ok();
    }
    TRY(must_equal(sum.sides, totals->sides, measure_name(measure), err));
    if (measure == MEASURE_INTENSITY) {
        return status_ok();
    }
    TRY(must_equal(sum.at_risk, totals->sides_at_risk, measure_name(measure), err));
    TRY(must_equal(sum.transmissions, totals->transmissions, measure_name(measure), err));
    for (int rule = 0; rule < CREDIT_RULES; rule++) {
        TRY(must_equal(sum.credit[rule], totals->credit[rule], measure_name(measure), err));
    }
    return status_ok();
}

static struct status run_check(const struct run *run, struct err *err) {
    TRY(credits_check(&run->attribution->totals, err));
    for (int measure = 0; measure < MEASURES && run->inputs->scope == SCOPE_ALL; measure++) {
        TRY(doses_check(run->attribution, (enum measure)measure, err));
    }
    return status_ok();
}

struct status attribution_run(struct attribution *attribution,
                              const struct attribution_inputs *inputs, attribution_visit visit,
                              void *context, struct err *err) {
    struct run run = {
        .inputs = inputs, .attribution = attribution, .visit = visit, .context = context};
    struct status status;
    TRY_OR(done, status, run_begin(&run, err));
    TRY_OR(done, status, workers_make(&run, err));
    TRY_OR(done, status, ranges_run(&run, err));
    run_sum(&run);
    status = run_check(&run, err);
done:
    run_release(&run);
    return status;
}
