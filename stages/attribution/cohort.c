/* Walks are dear (every tie is unpacked), so one gathers whatever does not need the results of
 * another: the second needs the first one's terciles and leading bits of strength.
 */
#include "stages/attribution/cohort.h"

#include "stages/attribution/blau.h"
#include "stages/attribution/person_ranges.h"
#include "stages/facts/profiles.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

/* Numbers of interactions below it are counted in an array, the few others listed. */
enum { COUNTS_DENSE = 1 << 16 };

/* Both walks. */
struct study {
    const struct cohort_inputs *inputs;
    struct cohort *cohort;
    struct classes *classes;
    struct histogram mutual;
    struct strength_cuts strength;
    uint64_t *dense; /* ties by number of interactions; NULL without interactions */
    uint32_t *large; /* numbers of interactions from COUNTS_DENSE on, one per tie */
    size_t large_count;
    size_t large_capacity;
    /* The second walk: industries of medium ties' contacts, for people [first, end). */
    bool keeps_strength;
    size_t first;
    size_t end;
    uint32_t *industries; /* of person p from side_begin[p] - side_begin[first] on */
    uint32_t *used;       /* per person of the range */
};

static void study_release(struct study *study) {
    histogram_release(&study->mutual);
    strength_cuts_release(&study->strength);
    free(study->dense);
    free(study->large);
    free(study->industries);
    free(study->used);
}

void cohort_release(struct cohort *cohort) {
    free(cohort->side_begin);
    histogram_release(&cohort->degrees);
    *cohort = (struct cohort){0};
}

static struct status large_add(struct study *study, uint32_t interactions, struct err *err) {
    if (study->large_count == study->large_capacity) {
        size_t capacity = study->large_capacity * 2 + 1024;
        uint32_t *grown = reallocarray(study->large, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "the interactions of ties");
        }
        study->large = grown;
        study->large_capacity = capacity;
    }
    study->large[study->large_count++] = interactions;
    return status_ok();
}

static uint64_t union_of(const struct tie_columns *ties, size_t i) {
    return (uint64_t)ties->degree_from[i] + ties->degree_to[i] - ties->mutual[i];
}

static struct status first_visit(void *context, const struct tie_block *block, struct err *err) {
    struct study *study = context;
    struct cohort *cohort = study->cohort;
    const struct tie_columns *ties = &block->ties;
    for (size_t i = 0; i < ties->count; i++) {
        cohort->side_begin[block->from[i] + 1]++;
        cohort->side_begin[block->to[i] + 1]++;
        if (ties->created_at_ms[i] < cohort->first_tie_ms) {
            cohort->first_tie_ms = ties->created_at_ms[i];
        }
        TRY(histogram_add(&study->mutual, ties->mutual[i], 1, err));
        TRY(histogram_add(&cohort->degrees, ties->degree_from[i], 1, err));
        TRY(histogram_add(&cohort->degrees, ties->degree_to[i], 1, err));
        strength_cuts_count(&study->strength, ties->mutual[i], union_of(ties, i));
        chance_tie(study->inputs->chance, block->from[i], block->to[i], ties->created_at_ms[i],
                   block->ended_ms[i]);
    }
    for (size_t i = 0; i < ties->count && study->dense != NULL; i++) {
        if (block->interactions[i] < COUNTS_DENSE) {
            study->dense[block->interactions[i]]++;
        } else {
            TRY(large_add(study, block->interactions[i], err));
        }
    }
    return status_ok();
}

/* --- between the walks --- */

static int compare_u32(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static struct status intensity_settle(struct study *study, struct err *err) {
    size_t most = COUNTS_DENSE + study->large_count;
    uint32_t *counts = malloc(most * sizeof *counts);
    uint64_t *ties = malloc(most * sizeof *ties);
    struct status status;
    if (counts == NULL || ties == NULL) {
        status = err_memory(err, most * (sizeof *counts + sizeof *ties), "the interactions");
    } else {
        size_t count = 0;
        for (uint32_t value = 0; value < COUNTS_DENSE; value++) {
            if (study->dense[value] != 0) {
                counts[count] = value;
                ties[count++] = study->dense[value];
            }
        }
        if (study->large_count > 1) {
            qsort(study->large, study->large_count, sizeof *study->large, compare_u32);
        }
        for (size_t i = 0; i < study->large_count; i++) {
            if (count == 0 || counts[count - 1] != study->large[i]) {
                counts[count] = study->large[i];
                ties[count++] = 0;
            }
            ties[count - 1]++;
        }
        status = classes_set_interactions(study->classes, counts, ties, count, err);
    }
    free(counts);
    free(ties);
    return status;
}

static struct status first_walk(struct study *study, struct err *err) {
    struct cohort *cohort = study->cohort;
    TRY(strength_cuts_init(&study->strength, err));
    if (intensity_is_known(study->inputs->source->intensity)) {
        study->dense = calloc(COUNTS_DENSE, sizeof *study->dense);
        if (study->dense == NULL) {
            return err_memory(err, COUNTS_DENSE * sizeof *study->dense, "the interactions");
        }
    }
    TRY(tie_walk(study->inputs->source, first_visit, study, err));
    for (size_t person = 0; person < cohort->person_count; person++) {
        cohort->side_begin[person + 1] += cohort->side_begin[person];
    }
    strength_cuts_settle(&study->strength);
    TRY(classes_set_mutual(study->classes, &study->mutual, study->inputs->threshold, err));
    return study->dense == NULL ? status_ok() : intensity_settle(study, err);
}

/* --- the second walk --- */

static void industry_add(struct study *study, uint32_t person, uint32_t contact) {
    uint32_t industry = study->inputs->industry_of[contact];
    if (person < study->first || person >= study->end || industry == PROFILE_UNKNOWN) {
        return;
    }
    uint64_t at = study->cohort->side_begin[person] - study->cohort->side_begin[study->first] +
                  study->used[person - study->first]++;
    study->industries[at] = industry;
}

static struct status second_visit(void *context, const struct tie_block *block, struct err *err) {
    struct study *study = context;
    const struct tie_columns *ties = &block->ties;
    for (size_t i = 0; i < ties->count && study->keeps_strength; i++) {
        TRY(strength_cuts_keep(&study->strength, ties->mutual[i], union_of(ties, i), err));
    }
    for (size_t i = 0; i < ties->count && study->industries != NULL; i++) {
        if (mutual_bin(study->classes, MEASURE_TERCILES, ties->mutual[i]) == TERCILE_MEDIUM) {
            industry_add(study, block->from[i], block->to[i]);
            industry_add(study, block->to[i], block->from[i]);
        }
    }
    return status_ok();
}

static void range_diversity(const struct study *study, uint32_t *counts, float *diversity) {
    const uint64_t *begin = study->cohort->side_begin;
    for (size_t person = study->first; person < study->end; person++) {
        diversity[person] =
            (float)blau_index(study->industries + (begin[person] - begin[study->first]),
                              study->used[person - study->first], counts);
    }
}

/* Once per range of people; the first walk finds the cuts of strength too. */
static struct status second_walks(struct study *study, float *diversity, struct err *err) {
    const struct cohort *cohort = study->cohort;
    const uint64_t *begin = cohort->side_begin;
    uint64_t sides_max = study->inputs->memory_bytes / sizeof *study->industries;
    uint32_t *counts = calloc(study->inputs->industry_count + 1, sizeof *counts);
    struct status status;
    if (counts == NULL) {
        return err_memory(err, study->inputs->industry_count * sizeof *counts, "the industries");
    }
    study->keeps_strength = true;
    do {
        if (diversity != NULL && study->first < cohort->person_count) {
            study->end = person_range_end(begin, cohort->person_count, study->first, sides_max);
            size_t sides = (size_t)(begin[study->end] - begin[study->first]);
            study->industries = malloc(sides * sizeof *study->industries + 1);
            study->used = calloc(study->end - study->first, sizeof *study->used);
            if (study->industries == NULL || study->used == NULL) {
                TRY_OR(done, status,
                       err_memory(err, sides * sizeof *study->industries, "the diversity"));
            }
        }
        TRY_OR(done, status, tie_walk(study->inputs->source, second_visit, study, err));
        if (study->industries != NULL) {
            range_diversity(study, counts, diversity);
        }
        free(study->industries);
        free(study->used);
        study->industries = NULL;
        study->used = NULL;
        study->keeps_strength = false;
        study->first = study->end;
    } while (diversity != NULL && study->first < cohort->person_count);
    strength_cuts_finish(&study->strength, study->classes);
done:
    free(counts);
    return status;
}

struct status cohort_study(struct cohort *cohort, struct classes *classes, float *diversity,
                           const struct cohort_inputs *inputs, struct err *err) {
    assert(diversity == NULL || inputs->industry_of != NULL);
    cohort->person_count = inputs->source->people->count;
    cohort->first_tie_ms = INT64_MAX;
    cohort->side_begin = calloc(cohort->person_count + 1, sizeof *cohort->side_begin);
    if (cohort->side_begin == NULL) {
        return err_memory(err, cohort->person_count * sizeof *cohort->side_begin, "the sides");
    }
    struct study study = {.inputs = inputs, .cohort = cohort, .classes = classes};
    struct status status = first_walk(&study, err);
    if (!failed(status)) {
        status = second_walks(&study, diversity, err);
    }
    study_release(&study);
    return status;
}
