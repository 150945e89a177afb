/* Design: all that depends on the mover alone is looked up: a row of segments per industry, a byte
 * per person for the quartile of diversity, a row of segments per person for the experiments. What
 * depends on the pair or the tie is computed per side, since sides are many and pairs do not come
 * back.
 *
 * Rejected: one list of segments per person (8 bytes and more per person and kind, where an
 * industry's row is shared by all of its members and stays in the cache).
 */
#include "stages/attribution/segments.h"

#include "stages/base/number.h"
#include "stages/base/pages.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DECILES = 10,
    QUARTILES = 4,
    SEGMENTS_MAX = UINT16_MAX,
    /* Room for one of each kind before the experiments, and all horizons. */
    EXPERIMENTS_MAX = SEGMENTS_OF_SIDE_MAX - (SEGMENT_VARIANT + HORIZONS - 1),
};

/* Rows of `by_industry`: the industry's own segment and one per ranking. */
enum { INDUSTRY_KINDS = 1 + INDUSTRY_RANKS };

/* One variant that somebody is in. */
struct variant {
    uint64_t experiment;
    uint32_t variant;
};

/* A segment's index is its place in `labels`; base[kind] is that of the kind's first value, 0 where
 * the kind does not occur (0 is SEGMENT_ALL). Kinds and values ascend in the order of the labels.
 */
struct segments {
    struct segment_inputs inputs;
    struct pages traits; /* struct traits per person */
    struct segment_label *labels;
    size_t count;
    size_t capacity;
    uint16_t base[SEGMENT_KINDS];
    uint16_t (*by_industry)[INDUSTRY_KINDS]; /* one row more than industries: not known */
    uint32_t degree_cut[DECILES - 1];
    uint8_t *quartile;                     /* per person; QUARTILES: none */
    uint64_t experiments[EXPERIMENTS_MAX]; /* ascending */
    size_t experiment_count;
    struct variant *variants; /* ascending */
    size_t variant_count;
    size_t variant_capacity;
    uint16_t *variant_of; /* segment per (person, experiment); 0: not assigned */
};

const char *segment_kind_name(enum segment_kind kind) {
    static const char *const names[SEGMENT_KINDS] = {
        "all",       "industry", "it",    "software", "ml",      "ai",        "robots", "remote",
        "seniority", "coworker", "reach", "degree",   "horizon", "diversity", "variant"};
    assert((unsigned)kind < SEGMENT_KINDS);
    return names[kind];
}

static const char *const coworker_names[] = {"never", "past", "current"};
static const char *const reach_names[REACHES] = {"place", "region", "country", "abroad", "unknown"};

const char *coworker_name(enum coworker coworker) {
    assert((unsigned)coworker <= COWORKER_CURRENT);
    return coworker_names[coworker];
}

const char *reach_name(enum reach reach) {
    assert((unsigned)reach < REACHES);
    return reach_names[reach];
}

void segments_free(struct segments *segments) {
    if (segments == NULL) {
        return;
    }
    pages_release(&segments->traits);
    free(segments->labels);
    free(segments->by_industry);
    free(segments->quartile);
    free(segments->variants);
    free(segments->variant_of);
    free(segments);
}

size_t segments_count(const struct segments *segments) {
    return segments->count;
}

const struct segment_label *segments_label(const struct segments *segments, size_t segment) {
    assert(segment < segments->count);
    return &segments->labels[segment];
}

/* --- labels --- */

static struct status label_add(struct segments *segments, enum segment_kind kind, const char *value,
                               struct err *err) {
    if (segments->count == SEGMENTS_MAX) {
        return err_set(err, FAILURE_DATA,
                       "more than %u segments, most of them of kind \"%s\": too many to compare",
                       SEGMENTS_MAX, segment_kind_name(kind));
    }
    if (segments->count == segments->capacity) {
        size_t capacity = segments->capacity * 2 + 64;
        struct segment_label *grown =
            reallocarray(segments->labels, capacity, sizeof *segments->labels);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "the segments");
        }
        segments->labels = grown;
        segments->capacity = capacity;
    }
    if (segments->base[kind] == 0) {
        segments->base[kind] = (uint16_t)segments->count;
    }
    struct segment_label *label = &segments->labels[segments->count++];
    *label = (struct segment_label){.kind = kind, .horizon_ms = INT64_MAX};
    (void)snprintf(label->value, sizeof label->value, "%s", value);
    return status_ok();
}

static struct status labels_add(struct segments *segments, enum segment_kind kind,
                                const char *const *values, size_t count, struct err *err) {
    for (size_t i = 0; i < count; i++) {
        TRY(label_add(segments, kind, values[i], err));
    }
    return status_ok();
}

/* "D1", "D2", ... */
static struct status labels_add_numbered(struct segments *segments, enum segment_kind kind,
                                         char letter, unsigned count, struct err *err) {
    for (unsigned i = 1; i <= count; i++) {
        char value[SEGMENT_VALUE_BYTES];
        (void)snprintf(value, sizeof value, "%c%u", letter, i);
        TRY(label_add(segments, kind, value, err));
    }
    return status_ok();
}

static struct status labels_add_horizons(struct segments *segments, struct err *err) {
    for (size_t i = 0; i < HORIZONS; i++) {
        TRY(label_add(segments, SEGMENT_HORIZON, horizon_name(i), err));
        segments->labels[segments->count - 1].horizon_ms = (int64_t)horizon_days[i] * DAY_MS;
    }
    return status_ok();
}

/* --- the mover's industry --- */

/* Half of the ranking that an industry is in, 2 for not known. */
static unsigned half_of(const struct profiles *profiles, size_t ranking, size_t industry) {
    return industry == profiles->industry.count ? 2 : profiles->half[ranking][industry];
}

static struct status industries_init(struct segments *segments, struct err *err) {
    static const char *const halves[] = {"high", "low", "unknown"};
    const struct profiles *profiles = segments->inputs.profiles;
    const struct attribute *industry = &profiles->industry;
    if (industry->of_person == NULL) {
        return status_ok();
    }
    for (size_t i = 0; i < industry->count; i++) {
        char value[SEGMENT_VALUE_BYTES];
        (void)snprintf(value, sizeof value, "%" PRIu64, industry->ids[i]);
        TRY(label_add(segments, SEGMENT_INDUSTRY, value, err));
    }
    TRY(labels_add(segments, SEGMENT_INDUSTRY, &halves[2], 1, err));
    for (int i = 0; i < INDUSTRY_RANKS; i++) {
        if (profiles->half[i] != NULL) {
            TRY(labels_add(segments, (enum segment_kind)(SEGMENT_IT + i), halves, 3, err));
        }
    }
    size_t rows = industry->count + 1;
    segments->by_industry = calloc(rows, sizeof *segments->by_industry);
    if (segments->by_industry == NULL) {
        return err_memory(err, rows * sizeof *segments->by_industry, "the segments");
    }
    for (size_t row = 0; row < rows; row++) {
        segments->by_industry[row][0] = (uint16_t)(segments->base[SEGMENT_INDUSTRY] + row);
        for (size_t i = 0; i < INDUSTRY_RANKS; i++) {
            if (profiles->half[i] != NULL) {
                unsigned half = half_of(profiles, i, row);
                assert(half <= 2);
                segments->by_industry[row][1 + i] =
                    (uint16_t)(segments->base[SEGMENT_IT + i] + half);
            }
        }
    }
    return status_ok();
}

/* --- degree and diversity --- */

static uint64_t rank_of(uint64_t k, uint64_t parts, uint64_t count) {
    return (uint64_t)(((unsigned __int128)k * count + parts - 1) / parts);
}

static struct status degrees_init(struct segments *segments, struct err *err) {
    const struct histogram *degrees = segments->inputs.side_degrees;
    for (unsigned i = 0; i < DECILES - 1 && degrees->total > 0; i++) {
        segments->degree_cut[i] =
            histogram_at_rank(degrees, rank_of(i + 1, DECILES, degrees->total));
    }
    return labels_add_numbered(segments, SEGMENT_DEGREE, 'D', DECILES, err);
}

/* Values that are not negative order like their bits. */
static uint32_t bits_of(float value) {
    uint32_t bits;
    assert(value >= 0.0F);
    value += 0.0F; /* -0 becomes 0 */
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The value at a rank >= 1 among the people who have one, by two counts of half the bits each:
 * `counts` has 2^16 items. Sorting would need a second copy of what may be 20 M values. */
static uint32_t bits_at_rank(const float *values, size_t people, uint64_t rank, uint64_t *counts) {
    uint32_t high = 0;
    for (unsigned half = 0; half < 2; half++) {
        memset(counts, 0, (UINT16_MAX + 1) * sizeof *counts);
        for (size_t i = 0; i < people; i++) {
            uint32_t bits = isnan(values[i]) ? 0 : bits_of(values[i]);
            if (!isnan(values[i]) && (half == 0 || bits >> 16 == high)) {
                counts[half == 0 ? bits >> 16 : bits & UINT16_MAX]++;
            }
        }
        uint32_t at = 0;
        while (counts[at] < rank) {
            rank -= counts[at++];
            assert(at <= UINT16_MAX);
        }
        high = half == 0 ? at : high << 16 | at;
    }
    return high;
}

static struct status diversity_init(struct segments *segments, struct err *err) {
    static const char *const none[] = {"none"};
    const float *values = segments->inputs.diversity;
    size_t people = segments->inputs.people->count;
    uint64_t known = 0;
    for (size_t i = 0; i < people && values != NULL; i++) {
        known += isnan(values[i]) ? 0 : 1;
    }
    if (known == 0) {
        return status_ok();
    }
    TRY(labels_add_numbered(segments, SEGMENT_DIVERSITY, 'Q', QUARTILES, err));
    TRY(labels_add(segments, SEGMENT_DIVERSITY, none, 1, err));
    uint64_t *counts = calloc(UINT16_MAX + 1, sizeof *counts);
    segments->quartile = malloc(people);
    if (counts == NULL || segments->quartile == NULL) {
        free(counts);
        return err_memory(err, people + (UINT16_MAX + 1) * sizeof *counts, "the segments");
    }
    uint32_t cuts[QUARTILES - 1];
    for (unsigned i = 0; i < QUARTILES - 1; i++) {
        cuts[i] = bits_at_rank(values, people, rank_of(i + 1, QUARTILES, known), counts);
    }
    for (size_t i = 0; i < people; i++) {
        uint8_t quartile = QUARTILES;
        if (!isnan(values[i])) {
            uint32_t bits = bits_of(values[i]);
            quartile = (uint8_t)((bits > cuts[0]) + (bits > cuts[1]) + (bits > cuts[2]));
        }
        segments->quartile[i] = quartile;
    }
    free(counts);
    return status_ok();
}

/* --- experiments --- */

static struct status experiment_add(struct segments *segments, uint64_t experiment,
                                    struct err *err) {
    size_t at = 0;
    while (at < segments->experiment_count && segments->experiments[at] < experiment) {
        at++;
    }
    if (at < segments->experiment_count && segments->experiments[at] == experiment) {
        return status_ok();
    }
    if (segments->experiment_count == EXPERIMENTS_MAX) {
        return err_set(err, FAILURE_DATA, "assignments to more than %d experiments: leave some out",
                       EXPERIMENTS_MAX);
    }
    memmove(&segments->experiments[at + 1], &segments->experiments[at],
            (segments->experiment_count - at) * sizeof *segments->experiments);
    segments->experiments[at] = experiment;
    segments->experiment_count++;
    return status_ok();
}

/* The variant of one member in every experiment. */
struct assigned {
    bool is_assigned[EXPERIMENTS_MAX];
    int64_t at_ms[EXPERIMENTS_MAX];
    uint32_t variant[EXPERIMENTS_MAX];
};

static int64_t assignment_at(const struct fact *fact) {
    return (int64_t)fact->value[ASSIGNMENT_AT];
}

/* Reads the assignments of one member, which start at `first`; returns where the next one's do. */
static size_t assigned_read(const struct segments *segments, size_t first,
                            struct assigned *assigned) {
    const struct fact_table *table = segments->inputs.assignments;
    uint64_t member = table->facts[first].value[ASSIGNMENT_MEMBER];
    memset(assigned->is_assigned, 0, sizeof assigned->is_assigned);
    size_t i = first;
    for (; i < table->count && table->facts[i].value[ASSIGNMENT_MEMBER] == member; i++) {
        const struct fact *fact = &table->facts[i];
        int64_t at = assignment_at(fact);
        uint32_t variant = (uint32_t)fact->value[ASSIGNMENT_VARIANT];
        if (at > segments->inputs.as_of_ms) {
            continue;
        }
        size_t e = 0;
        while (segments->experiments[e] != fact->value[ASSIGNMENT_EXPERIMENT]) {
            e++;
            assert(e < segments->experiment_count);
        }
        if (!assigned->is_assigned[e] || at < assigned->at_ms[e] ||
            (at == assigned->at_ms[e] && variant < assigned->variant[e])) {
            assigned->is_assigned[e] = true;
            assigned->at_ms[e] = at;
            assigned->variant[e] = variant;
        }
    }
    return i;
}

/* Place of the variant in `variants`, or where it would be. */
static size_t variant_place(const struct segments *segments, struct variant wanted) {
    size_t low = 0;
    size_t high = segments->variant_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct variant *at = &segments->variants[middle];
        bool is_below = at->experiment != wanted.experiment ? at->experiment < wanted.experiment
                                                            : at->variant < wanted.variant;
        low = is_below ? middle + 1 : low;
        high = is_below ? high : middle;
    }
    return low;
}

static struct status variant_add(struct segments *segments, struct variant variant,
                                 struct err *err) {
    size_t at = variant_place(segments, variant);
    if (at < segments->variant_count && segments->variants[at].experiment == variant.experiment &&
        segments->variants[at].variant == variant.variant) {
        return status_ok();
    }
    if (segments->variant_count == SEGMENTS_MAX) {
        return err_set(err, FAILURE_DATA, "more than %u variants of experiments", SEGMENTS_MAX);
    }
    if (segments->variant_count == segments->variant_capacity) {
        size_t capacity = segments->variant_capacity * 2 + 16;
        struct variant *grown = reallocarray(segments->variants, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "the variants");
        }
        segments->variants = grown;
        segments->variant_capacity = capacity;
    }
    memmove(&segments->variants[at + 1], &segments->variants[at],
            (segments->variant_count - at) * sizeof *segments->variants);
    segments->variants[at] = variant;
    segments->variant_count++;
    return status_ok();
}

/* Finds the experiments and the variants that somebody is in, and labels them. */
static struct status variants_find(struct segments *segments, struct err *err) {
    const struct fact_table *table = segments->inputs.assignments;
    for (size_t i = 0; i < table->count; i++) {
        if (assignment_at(&table->facts[i]) <= segments->inputs.as_of_ms) {
            TRY(experiment_add(segments, table->facts[i].value[ASSIGNMENT_EXPERIMENT], err));
        }
    }
    struct assigned assigned;
    for (size_t first = 0; first < table->count;) {
        first = assigned_read(segments, first, &assigned);
        for (size_t e = 0; e < segments->experiment_count; e++) {
            if (assigned.is_assigned[e]) {
                struct variant variant = {segments->experiments[e], assigned.variant[e]};
                TRY(variant_add(segments, variant, err));
            }
        }
    }
    for (size_t i = 0; i < segments->variant_count; i++) {
        char value[SEGMENT_VALUE_BYTES];
        (void)snprintf(value, sizeof value, "%" PRIu64 ":%" PRIu32,
                       segments->variants[i].experiment, segments->variants[i].variant);
        TRY(label_add(segments, SEGMENT_VARIANT, value, err));
    }
    return status_ok();
}

static struct status variants_init(struct segments *segments, struct err *err) {
    const struct fact_table *table = segments->inputs.assignments;
    const struct people *people = segments->inputs.people;
    TRY(variants_find(segments, err));
    if (segments->variant_count == 0) {
        return status_ok();
    }
    size_t width = segments->experiment_count;
    segments->variant_of = calloc(people->count * width, sizeof *segments->variant_of);
    if (segments->variant_of == NULL) {
        return err_memory(err, people->count * width * sizeof *segments->variant_of,
                          "the variants of people");
    }
    struct assigned assigned;
    size_t person = 0;
    for (size_t first = 0; first < table->count;) {
        uint64_t member = table->facts[first].value[ASSIGNMENT_MEMBER];
        while (people->ids[person] != member) { /* both ascend */
            person++;
            assert(person < people->count);
        }
        first = assigned_read(segments, first, &assigned);
        for (size_t e = 0; e < width; e++) {
            if (assigned.is_assigned[e]) {
                struct variant variant = {segments->experiments[e], assigned.variant[e]};
                segments->variant_of[person * width + e] =
                    (uint16_t)(segments->base[SEGMENT_VARIANT] + variant_place(segments, variant));
            }
        }
    }
    return status_ok();
}

/* --- making --- */

static uint32_t value_of(const struct attribute *attribute, uint32_t person) {
    return attribute->of_person == NULL ? PROFILE_UNKNOWN : attribute->of_person[person];
}

static struct traits traits_of(const struct profiles *profiles, uint32_t person) {
    const uint16_t *years = profiles->career_start_year;
    return (struct traits){
        .industry = value_of(&profiles->industry, person),
        .country = value_of(&profiles->country, person),
        .region = value_of(&profiles->region, person),
        .place = value_of(&profiles->place, person),
        .career_start_year = years == NULL ? 0 : years[person],
    };
}

static struct status traits_init(struct segments *segments, struct err *err) {
    size_t count = segments->inputs.people->count;
    TRY(pages_grow(&segments->traits, count * sizeof(struct traits) + 1, "the profiles", err));
    struct traits *traits = segments->traits.data;
    for (size_t person = 0; person < count; person++) {
        traits[person] = traits_of(segments->inputs.profiles, (uint32_t)person);
    }
    return status_ok();
}

const struct traits *segments_traits(const struct segments *segments) {
    return segments->traits.data;
}

static struct status segments_init(struct segments *segments, struct err *err) {
    static const char *const all[] = {"all"};
    static const char *const seniorities[] = {
        "same 0-2",      "same 3-5",          "same 6-10",     "same 11+",
        "same unknown",  "different 0-2",     "different 3-5", "different 6-10",
        "different 11+", "different unknown", "unknown"};
    const struct profiles *profiles = segments->inputs.profiles;
    TRY(traits_init(segments, err));
    TRY(labels_add(segments, SEGMENT_ALL, all, 1, err));
    TRY(industries_init(segments, err));
    if (profiles->industry.of_person != NULL) {
        TRY(labels_add(segments, SEGMENT_SENIORITY, seniorities, 11, err));
    }
    if (segments->inputs.careers->spell_count > 0) {
        TRY(labels_add(segments, SEGMENT_COWORKER, coworker_names, 3, err));
    }
    if (profiles->place.of_person != NULL || profiles->region.of_person != NULL ||
        profiles->country.of_person != NULL) {
        TRY(labels_add(segments, SEGMENT_REACH, reach_names, REACHES, err));
    }
    TRY(degrees_init(segments, err));
    TRY(labels_add_horizons(segments, err));
    TRY(diversity_init(segments, err));
    return variants_init(segments, err);
}

struct status segments_new(struct segments **segments, const struct segment_inputs *inputs,
                           struct err *err) {
    *segments = calloc(1, sizeof **segments);
    if (*segments == NULL) {
        return err_memory(err, sizeof **segments, "the segments");
    }
    (*segments)->inputs = *inputs;
    struct status status = segments_init(*segments, err);
    if (failed(status)) {
        segments_free(*segments);
        *segments = NULL;
    }
    return status;
}

/* --- the pair --- */

static bool is_same(uint32_t a, uint32_t b) {
    return a == b && a != PROFILE_UNKNOWN;
}

enum reach traits_reach(const struct traits *a, const struct traits *b) {
    if (is_same(a->place, b->place)) {
        return REACH_PLACE;
    }
    if (is_same(a->region, b->region)) {
        return REACH_REGION;
    }
    if (is_same(a->country, b->country)) {
        return REACH_COUNTRY;
    }
    return a->country == PROFILE_UNKNOWN || b->country == PROFILE_UNKNOWN ? REACH_UNKNOWN
                                                                          : REACH_ABROAD;
}

enum reach reach_between(const struct profiles *profiles, uint32_t a, uint32_t b) {
    struct traits of_a = traits_of(profiles, a);
    struct traits of_b = traits_of(profiles, b);
    return traits_reach(&of_a, &of_b);
}

/* Two people's spells at one company, [a, a_end) and [b, b_end). The spells of one person do not
 * overlap, so the one that ends first meets no later spell of the other. */
static enum coworker coworker_there(const struct spell *a, const struct spell *a_end,
                                    const struct spell *b, const struct spell *b_end,
                                    struct span tie) {
    enum coworker coworker = COWORKER_NEVER;
    while (a < a_end && b < b_end) {
        bool is_together = !span_before(a->end, b->start) && !span_before(b->end, a->start) &&
                           span_before(a->start, tie) && span_before(b->start, tie);
        if (is_together && !span_before(a->end, tie) && !span_before(b->end, tie)) {
            return COWORKER_CURRENT;
        }
        coworker = is_together ? COWORKER_PAST : coworker;
        if (a->end.hi_ms <= b->end.hi_ms) {
            a++;
        } else {
            b++;
        }
    }
    return coworker;
}

static const struct spell *company_end(const struct spell *spell, const struct spell *end) {
    const struct spell *next = spell;
    while (next < end && next->company == spell->company) {
        next++;
    }
    return next;
}

enum coworker coworker_at(const struct careers *careers, uint32_t a, uint32_t b, int64_t at_ms) {
    const struct spell *of_a = careers->spells + careers->spell_begin[a];
    const struct spell *of_b = careers->spells + careers->spell_begin[b];
    const struct spell *a_end = careers->spells + careers->spell_begin[a + 1];
    const struct spell *b_end = careers->spells + careers->spell_begin[b + 1];
    struct span tie = {at_ms, at_ms + 1};
    enum coworker best = COWORKER_NEVER;
    while (of_a < a_end && of_b < b_end && best != COWORKER_CURRENT) {
        if (of_a->company < of_b->company) {
            of_a++;
        } else if (of_b->company < of_a->company) {
            of_b++;
        } else {
            const struct spell *a_next = company_end(of_a, a_end);
            const struct spell *b_next = company_end(of_b, b_end);
            enum coworker there = coworker_there(of_a, a_next, of_b, b_next, tie);
            best = there > best ? there : best;
            of_a = a_next;
            of_b = b_next;
        }
    }
    return best;
}

/* Index among the labels of SEGMENT_SENIORITY. */
static unsigned seniority_between(const struct traits *a, const struct traits *b) {
    if (a->industry == PROFILE_UNKNOWN || b->industry == PROFILE_UNKNOWN) {
        return 10;
    }
    unsigned first = a->industry == b->industry ? 0 : 5;
    if (a->career_start_year == 0 || b->career_start_year == 0) {
        return first + 4;
    }
    int gap = abs((int)a->career_start_year - (int)b->career_start_year);
    return first + (unsigned)((gap > 2) + (gap > 5) + (gap > 10));
}

/* --- the side --- */

/* Appends what depends on the mover's industry. */
static size_t put_industry(const struct segments *segments, uint32_t mover, uint16_t *of_side) {
    const struct attribute *industry = &segments->inputs.profiles->industry;
    uint32_t value = industry->of_person[mover];
    const uint16_t *row = segments->by_industry[value == PROFILE_UNKNOWN ? industry->count : value];
    size_t count = 0;
    for (size_t i = 0; i < INDUSTRY_KINDS; i++) {
        if (row[i] != 0) {
            of_side[count++] = row[i];
        }
    }
    return count;
}

static unsigned degree_decile(const struct segments *segments, uint32_t degree) {
    unsigned decile = 0;
    while (decile < DECILES - 1 && degree > segments->degree_cut[decile]) {
        decile++;
    }
    return decile;
}

static size_t put_horizons(const struct segments *segments, int64_t created_ms, uint16_t *of_side) {
    const uint16_t base = segments->base[SEGMENT_HORIZON];
    size_t count = 0;
    for (size_t i = 0; i < HORIZONS; i++) {
        if (time_plus(created_ms, segments->labels[base + i].horizon_ms) <=
            segments->inputs.as_of_ms) {
            of_side[count++] = (uint16_t)(base + i);
        }
    }
    return count;
}

static size_t put_variants(const struct segments *segments, uint32_t mover, uint16_t *of_side) {
    size_t width = segments->experiment_count;
    size_t count = 0;
    for (size_t e = 0; e < width && segments->variant_of != NULL; e++) {
        uint16_t segment = segments->variant_of[mover * width + e];
        if (segment != 0) {
            of_side[count++] = segment;
        }
    }
    return count;
}

size_t segments_of_side(const struct segments *segments, uint32_t mover, const struct side *side,
                        uint16_t of_side[SEGMENTS_OF_SIDE_MAX]) {
    const uint16_t *base = segments->base;
    uint32_t contact = side->contact;
    const struct traits *own = &segments_traits(segments)[mover];
    const struct traits *others = &segments_traits(segments)[contact];
    size_t count = 0;
    of_side[count++] = 0;
    if (segments->by_industry != NULL) {
        count += put_industry(segments, mover, &of_side[count]);
        of_side[count++] = (uint16_t)(base[SEGMENT_SENIORITY] + seniority_between(own, others));
    }
    if (base[SEGMENT_COWORKER] != 0) {
        enum coworker coworker =
            coworker_at(segments->inputs.careers, mover, contact, side->created_ms);
        of_side[count++] = (uint16_t)(base[SEGMENT_COWORKER] + coworker);
    }
    if (base[SEGMENT_REACH] != 0) {
        of_side[count++] = (uint16_t)(base[SEGMENT_REACH] + traits_reach(own, others));
    }
    of_side[count++] =
        (uint16_t)(base[SEGMENT_DEGREE] + degree_decile(segments, side->degree_mover));
    count += put_horizons(segments, side->created_ms, &of_side[count]);
    if (segments->quartile != NULL) {
        of_side[count++] = (uint16_t)(base[SEGMENT_DIVERSITY] + segments->quartile[mover]);
    }
    return count + put_variants(segments, mover, &of_side[count]);
}
