#include "stages/attribution/member_facts.h"

#include "stages/attribution/blau.h"

#include <math.h>
#include <stdlib.h>

static int compare_u64(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

struct status experiments_find(const struct fact_table *assignments, int64_t as_of_ms,
                               uint64_t **experiments, size_t *count, struct err *err) {
    uint64_t *ids = malloc(assignments->count * sizeof *ids + 1);
    if (ids == NULL) {
        return err_memory(err, assignments->count * sizeof *ids, "the experiments");
    }
    size_t found = 0;
    for (size_t i = 0; i < assignments->count; i++) {
        const struct fact *fact = &assignments->facts[i];
        if ((int64_t)fact->value[ASSIGNMENT_AT] <= as_of_ms) {
            ids[found++] = fact->value[ASSIGNMENT_EXPERIMENT];
        }
    }
    if (found > 1) {
        qsort(ids, found, sizeof *ids, compare_u64);
    }
    *count = 0;
    for (size_t i = 0; i < found; i++) {
        if (i == 0 || ids[*count - 1] != ids[i]) {
            ids[(*count)++] = ids[i];
        }
    }
    *experiments = ids;
    return status_ok();
}

struct status member_facts_init(struct member_facts *facts, const struct member_inputs *inputs,
                                struct err *err) {
    *facts = (struct member_facts){.inputs = inputs};
    size_t windows = inputs->experiment_count + 1;
    size_t industries = inputs->inputs->profiles->industry.count + 1;
    facts->windows = malloc(windows * sizeof *facts->windows);
    facts->industry_counts = calloc(industries, sizeof *facts->industry_counts);
    if (facts->windows == NULL || facts->industry_counts == NULL) {
        return err_memory(err, windows * sizeof *facts->windows, "the members' rows");
    }
    return status_ok();
}

void member_facts_release(struct member_facts *facts) {
    free(facts->windows);
    free(facts->reach);
    free(facts->industries);
    free(facts->industry_counts);
    *facts = (struct member_facts){0};
}

static struct status sides_reserve(struct member_facts *facts, size_t count, struct err *err) {
    if (count <= facts->side_capacity) {
        return status_ok();
    }
    size_t capacity = count + count / 2;
    free(facts->reach);
    free(facts->industries);
    facts->reach = malloc(capacity * sizeof *facts->reach);
    facts->industries = malloc(capacity * sizeof *facts->industries);
    facts->side_capacity = 0;
    if (facts->reach == NULL || facts->industries == NULL) {
        return err_memory(err, capacity * sizeof *facts->industries, "a member's sides");
    }
    facts->side_capacity = capacity;
    return status_ok();
}

/* The first record of a member in a table that is sorted by member. */
static size_t records_find(const struct fact_table *table, size_t field, uint64_t id) {
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->facts[middle].value[field] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The member's earliest assignment in the experiment, of those at one time the smallest variant. */
static void assignment_add(struct member_facts *facts, const struct fact *fact) {
    const struct member_inputs *inputs = facts->inputs;
    const uint64_t *found =
        bsearch(&fact->value[ASSIGNMENT_EXPERIMENT], inputs->experiments, inputs->experiment_count,
                sizeof *inputs->experiments, compare_u64);
    int64_t at_ms = (int64_t)fact->value[ASSIGNMENT_AT];
    uint32_t variant = (uint32_t)fact->value[ASSIGNMENT_VARIANT];
    if (found == NULL || at_ms > inputs->inputs->as_of_ms) {
        return;
    }
    struct member_row *window = &facts->windows[1 + (found - inputs->experiments)];
    if (!window->has_variant || at_ms < window->from_ms ||
        (at_ms == window->from_ms && variant < window->variant)) {
        window->has_variant = true;
        window->from_ms = at_ms;
        window->variant = variant;
    }
}

/* Every window with what the others are counted by; experiments without the member keep has_variant
 * unset. */
static void windows_open(struct member_facts *facts, uint32_t person) {
    const struct attribution_inputs *inputs = facts->inputs->inputs;
    uint32_t node = inputs->people->nodes[person];
    uint32_t degree = node == PERSON_NONE ? 0 : inputs->open_degrees[node];
    double diversity = NAN;
    if (inputs->triangles != NULL && degree >= 2) {
        double pairs = (double)degree * ((double)degree - 1) / 2;
        diversity = 1.0 - (double)inputs->triangles[node] / pairs;
    }
    for (size_t i = 0; i <= facts->inputs->experiment_count; i++) {
        facts->windows[i] = (struct member_row){
            .person = person,
            .window = (uint32_t)i,
            .from_ms = INT64_MIN,
            .degree = degree,
            .diversity = diversity,
            .experiment = i == 0 ? 0 : facts->inputs->experiments[i - 1],
        };
    }
    const struct fact_table *assignments = &inputs->facts[FACT_ASSIGNMENTS];
    uint64_t id = inputs->people->ids[person];
    for (size_t i = records_find(assignments, ASSIGNMENT_MEMBER, id);
         i < assignments->count && assignments->facts[i].value[ASSIGNMENT_MEMBER] == id; i++) {
        assignment_add(facts, &assignments->facts[i]);
    }
}

static void sides_count(struct member_facts *facts, const struct mover *mover,
                        struct member_row *window) {
    const struct classes *classes = facts->inputs->classes;
    const struct traits *traits = segments_traits(facts->inputs->segments);
    size_t known = 0;
    for (size_t i = mover->count; i-- > 0 && mover->sides[i].created_ms >= window->from_ms;) {
        const struct side *side = &mover->sides[i];
        size_t tercile = side_bin(classes, MEASURE_TERCILES, side);
        window->new_ties++;
        window->by_tercile[tercile]++;
        window->above_threshold += side_bin(classes, MEASURE_THRESHOLD, side) != 0;
        window->by_reach[facts->reach[i]]++;
        uint32_t industry = traits[side->contact].industry;
        if (tercile == TERCILE_MEDIUM && industry != PROFILE_UNKNOWN) {
            facts->industries[known++] = industry;
        }
    }
    window->industry_diversity = blau_index(facts->industries, known, facts->industry_counts);
}

static void moves_count(const struct carriers *carriers, struct member_row *window) {
    for (size_t m = 0; m < carriers->move_count; m++) {
        if (carriers->moves[m]->at.lo_ms >= window->from_ms) {
            size_t contacts = carriers->carried_begin[m + 1] - carriers->carried_begin[m];
            window->moves++;
            window->moves_carried += contacts != 0;
            window->transmissions += (uint32_t)contacts;
        }
    }
}

static void applications_count(const struct member_facts *facts, struct member_row *window) {
    const struct attribution_inputs *inputs = facts->inputs->inputs;
    const struct fact_table *table = &inputs->facts[FACT_APPLICATIONS];
    uint64_t id = inputs->people->ids[window->person];
    for (size_t i = records_find(table, APPLICATION_MEMBER, id);
         i < table->count && table->facts[i].value[APPLICATION_MEMBER] == id; i++) {
        int64_t at_ms = (int64_t)table->facts[i].value[APPLICATION_AT];
        if (at_ms >= window->from_ms && at_ms <= inputs->as_of_ms) {
            window->applications += table->facts[i].value[APPLICATION_COUNT];
        }
    }
}

struct status member_facts_add(struct member_facts *facts, const struct mover *mover,
                               const struct carriers *carriers, struct row_lists *rows,
                               struct err *err) {
    TRY(sides_reserve(facts, mover->count, err));
    const struct traits *traits = segments_traits(facts->inputs->segments);
    for (size_t i = 0; i < mover->count; i++) {
        facts->reach[i] =
            (uint8_t)traits_reach(&traits[mover->person], &traits[mover->sides[i].contact]);
    }
    windows_open(facts, mover->person);
    for (size_t i = 0; i <= facts->inputs->experiment_count; i++) {
        struct member_row *window = &facts->windows[i];
        if (i == 0 || window->has_variant) {
            sides_count(facts, mover, window);
            moves_count(carriers, window);
            applications_count(facts, window);
            TRY(row_lists_add_member(rows, window, err));
        }
    }
    return status_ok();
}
