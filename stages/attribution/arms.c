/* Sums and sums of squares are whole numbers, so that the order of members, and the threads that
 * they came from, leave no trace; doubles appear in arms_rows alone. 128 bits hold the squares
 * whatever the input: counts add up to less than 2^64 over everybody. Running means (Welford, 1962)
 * would need no wide integers and depend on the order.
 */
#include "stages/attribution/arms.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct arm {
    uint32_t variant;
    uint64_t members;
    unsigned __int128 sum[ARM_FACTS];
    unsigned __int128 squares[ARM_FACTS];
};

struct experiment {
    uint64_t id;
    uint64_t members;
    struct arm *arms; /* by variant */
    size_t count;
    size_t capacity;
};

struct arms {
    size_t count;
    struct experiment experiments[];
};

const char *arm_fact_name(enum arm_fact fact) {
    static const char *const names[ARM_FACTS] = {
        "transmissions",      "moves",       "moves_carried", "applications",
        "new_ties",           "weak",        "medium",        "strong",
        "above_threshold",    "before_ties", "before_moves",  "before_transmissions",
        "before_applications"};
    assert((unsigned)fact < ARM_FACTS);
    return names[fact];
}

const char *arm_fact_part(enum arm_fact fact) {
    assert((unsigned)fact < ARM_FACTS);
    return fact < ARM_NEW_TIES ? "outcome" : fact < ARM_BEFORE_TIES ? "ties" : "balance";
}

struct status arms_new(struct arms **arms, const uint64_t *experiments, size_t count,
                       struct err *err) {
    size_t bytes = sizeof **arms + count * sizeof(struct experiment);
    *arms = calloc(1, bytes);
    if (*arms == NULL) {
        return err_memory(err, bytes, "the experiments");
    }
    (*arms)->count = count;
    for (size_t i = 0; i < count; i++) {
        assert(i == 0 || experiments[i - 1] < experiments[i]);
        (*arms)->experiments[i].id = experiments[i];
    }
    return status_ok();
}

void arms_free(struct arms *arms) {
    for (size_t i = 0; arms != NULL && i < arms->count; i++) {
        free(arms->experiments[i].arms);
    }
    free(arms);
}

/* The arm of a variant; made where there is none yet. */
static struct status arm_find(struct experiment *experiment, uint32_t variant, struct arm **arm,
                              struct err *err) {
    size_t low = 0;
    size_t high = experiment->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (experiment->arms[middle].variant < variant) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == experiment->count || experiment->arms[low].variant != variant) {
        if (experiment->count == experiment->capacity) {
            size_t capacity = experiment->capacity * 2 + 4;
            struct arm *grown = reallocarray(experiment->arms, capacity, sizeof *grown);
            if (grown == NULL) {
                return err_memory(err, capacity * sizeof *grown, "the arms of an experiment");
            }
            experiment->arms = grown;
            experiment->capacity = capacity;
        }
        memmove(&experiment->arms[low + 1], &experiment->arms[low],
                (experiment->count - low) * sizeof *experiment->arms);
        experiment->arms[low] = (struct arm){.variant = variant};
        experiment->count++;
    }
    *arm = &experiment->arms[low];
    return status_ok();
}

static uint64_t less(uint64_t whole, uint64_t part) {
    assert(part <= whole); /* a window holds no more than the study */
    return whole - part;
}

static void facts_of(const struct member_row *whole, const struct member_row *window,
                     uint64_t facts[ARM_FACTS]) {
    facts[ARM_TRANSMISSIONS] = window->transmissions;
    facts[ARM_MOVES] = window->moves;
    facts[ARM_MOVES_CARRIED] = window->moves_carried;
    facts[ARM_APPLICATIONS] = window->applications;
    facts[ARM_NEW_TIES] = window->new_ties;
    facts[ARM_WEAK] = window->by_tercile[TERCILE_WEAK];
    facts[ARM_MEDIUM] = window->by_tercile[TERCILE_MEDIUM];
    facts[ARM_STRONG] = window->by_tercile[TERCILE_STRONG];
    facts[ARM_ABOVE_THRESHOLD] = window->above_threshold;
    facts[ARM_BEFORE_TIES] = less(whole->new_ties, window->new_ties);
    facts[ARM_BEFORE_MOVES] = less(whole->moves, window->moves);
    facts[ARM_BEFORE_TRANSMISSIONS] = less(whole->transmissions, window->transmissions);
    facts[ARM_BEFORE_APPLICATIONS] = less(whole->applications, window->applications);
}

struct status arms_add(struct arms *arms, const struct member_row *rows, size_t count,
                       struct err *err) {
    assert(count > 0 && rows[0].window == 0);
    for (size_t i = 1; i < count; i++) {
        assert(rows[i].person == rows[0].person && rows[i].window >= 1 &&
               rows[i].window <= arms->count);
        if (!rows[i].has_variant) {
            continue;
        }
        struct experiment *experiment = &arms->experiments[rows[i].window - 1];
        assert(experiment->id == rows[i].experiment);
        struct arm *arm = NULL;
        TRY(arm_find(experiment, rows[i].variant, &arm, err));
        uint64_t facts[ARM_FACTS];
        facts_of(&rows[0], &rows[i], facts);
        experiment->members++;
        arm->members++;
        for (size_t fact = 0; fact < ARM_FACTS; fact++) {
            arm->sum[fact] += facts[fact];
            arm->squares[fact] += (unsigned __int128)facts[fact] * facts[fact];
        }
    }
    return status_ok();
}

static double mean_of(const struct arm *arm, size_t fact) {
    return (double)arm->sum[fact] / (double)arm->members;
}

/* With sum = q n + r, the squared deviations add up to squares - q sum - q r - r r / n: exact up to
 * the last term, and no step leaves 128 bits. */
static double variance_of(const struct arm *arm, size_t fact) {
    uint64_t n = arm->members;
    if (n < 2) {
        return NAN;
    }
    unsigned __int128 q = arm->sum[fact] / n;
    unsigned __int128 r = arm->sum[fact] % n;
    unsigned __int128 whole = arm->squares[fact] - q * arm->sum[fact] - q * r - r * r / n;
    return ((double)whole - (double)(r * r % n) / (double)n) / (double)(n - 1);
}

static void row_compare(struct arm_row *row, const struct arm *arm, const struct arm *control,
                        size_t fact) {
    row->difference = NAN;
    row->standard_error = NAN;
    row->p = NAN;
    if (control == NULL || control == arm) {
        return;
    }
    row->difference = row->mean - mean_of(control, fact);
    row->standard_error = sqrt(row->variance / (double)arm->members +
                               variance_of(control, fact) / (double)control->members);
    if (row->standard_error > 0.0) {
        row->p = erfc(fabs(row->difference) / row->standard_error / sqrt(2.0));
    }
}

static size_t experiment_rows(const struct experiment *experiment, struct arm_row *rows) {
    const struct arm *control =
        experiment->count > 0 && experiment->arms[0].variant == 0 ? experiment->arms : NULL;
    size_t count = 0;
    for (size_t i = 0; i < experiment->count; i++) {
        const struct arm *arm = &experiment->arms[i];
        for (size_t fact = 0; fact < ARM_FACTS; fact++) {
            struct arm_row *row = &rows[count++];
            *row = (struct arm_row){
                .experiment = experiment->id,
                .variant = arm->variant,
                .fact = (enum arm_fact)fact,
                .members = arm->members,
                .share = (double)arm->members / (double)experiment->members,
                .mean = mean_of(arm, fact),
                .variance = variance_of(arm, fact),
            };
            row_compare(row, arm, control, fact);
        }
    }
    return count;
}

struct status arms_rows(const struct arms *arms, struct arm_row **rows, size_t *count,
                        struct err *err) {
    size_t most = 0;
    for (size_t i = 0; i < arms->count; i++) {
        most += arms->experiments[i].count * ARM_FACTS;
    }
    *count = 0;
    *rows = calloc(most + 1, sizeof **rows);
    if (*rows == NULL) {
        return err_memory(err, most * sizeof **rows, "the table of arms");
    }
    for (size_t i = 0; i < arms->count; i++) {
        *count += experiment_rows(&arms->experiments[i], *rows + *count);
    }
    return status_ok();
}
