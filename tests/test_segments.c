/* Every side's segments as an obvious oracle names them, over thousands of small random worlds; and
 * the rules one by one. */
#include "stages/attribution/segments.h"

#include "tests/small_careers.h"
#include "tests/testing.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEOPLE_MAX = 12, ASSIGNMENTS_MAX = 30, SIDES_MAX = 40, VALUES_MAX = 5 };

struct world {
    struct people people;
    uint64_t ids[PEOPLE_MAX];
    struct profiles profiles;
    uint64_t value_ids[4][VALUES_MAX];
    uint32_t values[4][PEOPLE_MAX];
    uint16_t years[PEOPLE_MAX];
    uint8_t halves[INDUSTRY_RANKS][VALUES_MAX];
    struct careers careers;
    struct fact assignment_facts[ASSIGNMENTS_MAX];
    struct fact_table assignments;
    struct histogram degrees;
    uint32_t degree_of_side[SIDES_MAX];
    size_t side_count;
    float diversity[PEOPLE_MAX];
    struct segment_inputs inputs;
};

static void attribute_make(struct world *world, struct random *random, size_t which,
                           struct attribute *attribute) {
    if (random_below(random, 4) == 0) {
        return; /* nobody's is known */
    }
    attribute->count = 1 + random_below(random, VALUES_MAX);
    attribute->ids = world->value_ids[which];
    attribute->of_person = world->values[which];
    for (size_t i = 0; i < attribute->count; i++) {
        attribute->ids[i] = UINT64_MAX / VALUES_MAX * i + random_below(random, 100);
    }
    for (size_t i = 0; i < PEOPLE_MAX; i++) {
        uint64_t value = random_below(random, attribute->count + 1);
        world->values[which][i] = value == attribute->count ? PROFILE_UNKNOWN : (uint32_t)value;
    }
}

static void profiles_make(struct world *world, struct random *random) {
    struct profiles *profiles = &world->profiles;
    attribute_make(world, random, 0, &profiles->industry);
    attribute_make(world, random, 1, &profiles->country);
    attribute_make(world, random, 2, &profiles->region);
    attribute_make(world, random, 3, &profiles->place);
    if (random_below(random, 3) != 0) {
        profiles->career_start_year = world->years;
    }
    for (size_t i = 0; i < PEOPLE_MAX; i++) {
        world->years[i] =
            random_below(random, 4) == 0 ? 0 : (uint16_t)(1990 + random_below(random, 16));
    }
    for (size_t ranking = 0; ranking < INDUSTRY_RANKS; ranking++) {
        for (size_t i = 0; i < VALUES_MAX; i++) {
            world->halves[ranking][i] = (uint8_t)random_below(random, 3);
        }
        if (random_below(random, 3) != 0) {
            profiles->half[ranking] = world->halves[ranking];
        }
    }
}

static int compare_assignments(const void *left, const void *right) {
    static const enum assignment_field order[] = {ASSIGNMENT_MEMBER, ASSIGNMENT_AT,
                                                  ASSIGNMENT_EXPERIMENT, ASSIGNMENT_VARIANT};
    const struct fact *a = left;
    const struct fact *b = right;
    for (size_t i = 0; i < 4; i++) {
        uint64_t x = a->value[order[i]];
        uint64_t y = b->value[order[i]];
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return 0;
}

static void assignments_make(struct world *world, struct random *random) {
    size_t count = random_below(random, 3) == 0 ? 0 : random_below(random, ASSIGNMENTS_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        struct fact *fact = &world->assignment_facts[i];
        fact->value[ASSIGNMENT_AT] =
            (uint64_t)(world->inputs.as_of_ms - 5) + random_below(random, 8);
        fact->value[ASSIGNMENT_EXPERIMENT] = random_below(random, 3) * (UINT64_MAX / 2);
        fact->value[ASSIGNMENT_MEMBER] = world->ids[random_below(random, world->people.count)];
        fact->value[ASSIGNMENT_VARIANT] = random_below(random, 4) * (UINT32_MAX / 3);
    }
    qsort(world->assignment_facts, count, sizeof *world->assignment_facts, compare_assignments);
    world->assignments = (struct fact_table){
        .log = FACT_ASSIGNMENTS, .facts = world->assignment_facts, .count = count};
}

static void world_make(struct world *world, struct random *random) {
    struct err err;
    memset(world, 0, sizeof *world);
    world->people = (struct people){.ids = world->ids, .count = 2 + random_below(random, 11)};
    for (size_t i = 0; i < PEOPLE_MAX; i++) {
        world->ids[i] = i * 7 + random_below(random, 7);
        uint64_t kind = random_below(random, 6);
        world->diversity[i] = kind == 0   ? NAN
                              : kind == 1 ? -0.0F
                              : kind == 2 ? (float)random_unit(random)
                                          : (float)random_below(random, 6) / 7.0F;
    }
    world->inputs.as_of_ms = SMALL_BEGIN_MS + (int64_t)random_below(random, 3000) * SMALL_DAY_MS;
    profiles_make(world, random);
    size_t companies = random_below(random, 4) == 0 ? 0 : SMALL_COMPANIES_MAX;
    small_careers_make(&world->careers, random, world->people.count, companies);
    assignments_make(world, random);
    world->side_count = random_below(random, SIDES_MAX + 1);
    uint64_t bound = 1 + random_below(random, 60);
    for (size_t i = 0; i < world->side_count; i++) {
        world->degree_of_side[i] = (uint32_t)random_below(random, bound);
        MUST(histogram_add(&world->degrees, world->degree_of_side[i], 1, &err));
    }
    world->inputs.people = &world->people;
    world->inputs.profiles = &world->profiles;
    world->inputs.careers = &world->careers;
    world->inputs.assignments = &world->assignments;
    world->inputs.side_degrees = &world->degrees;
    world->inputs.diversity = random_below(random, 4) == 0 ? NULL : world->diversity;
}

static void world_release(struct world *world) {
    small_careers_free(&world->careers);
    histogram_release(&world->degrees);
}

/* --- the oracle: a side's segments as lines "kind=value" --- */

struct lines {
    char text[SEGMENTS_OF_SIDE_MAX][SEGMENT_VALUE_BYTES + 16];
    size_t count;
};

static void line_add(struct lines *lines, const char *kind, const char *value) {
    (void)snprintf(lines->text[lines->count++], sizeof lines->text[0], "%s=%s", kind, value);
}

static uint32_t known_value(const struct attribute *attribute, uint32_t person) {
    return attribute->of_person == NULL ? PROFILE_UNKNOWN : attribute->of_person[person];
}

static void oracle_industry(const struct world *world, uint32_t mover, struct lines *lines) {
    static const char *const names[] = {"it", "software", "ml", "ai", "robots", "remote"};
    static const char *const halves[] = {"high", "low", "unknown"};
    const struct attribute *industry = &world->profiles.industry;
    char text[32] = "unknown";
    if (industry->of_person == NULL) {
        return;
    }
    uint32_t value = industry->of_person[mover];
    if (value != PROFILE_UNKNOWN) {
        (void)snprintf(text, sizeof text, "%" PRIu64, industry->ids[value]);
    }
    line_add(lines, "industry", text);
    for (size_t i = 0; i < INDUSTRY_RANKS; i++) {
        if (world->profiles.half[i] != NULL) {
            line_add(lines, names[i],
                     halves[value == PROFILE_UNKNOWN ? 2 : world->profiles.half[i][value]]);
        }
    }
}

static void oracle_seniority(const struct world *world, uint32_t mover, uint32_t contact,
                             struct lines *lines) {
    const struct attribute *industry = &world->profiles.industry;
    const uint16_t *years = world->profiles.career_start_year;
    char text[32] = "unknown";
    if (industry->of_person == NULL) {
        return;
    }
    uint32_t a = industry->of_person[mover];
    uint32_t b = industry->of_person[contact];
    if (a != PROFILE_UNKNOWN && b != PROFILE_UNKNOWN) {
        const char *gap = "unknown";
        if (years != NULL && years[mover] != 0 && years[contact] != 0) {
            int between = years[mover] > years[contact] ? years[mover] - years[contact]
                                                        : years[contact] - years[mover];
            gap = between <= 2 ? "0-2" : between <= 5 ? "3-5" : between <= 10 ? "6-10" : "11+";
        }
        (void)snprintf(text, sizeof text, "%s %s", a == b ? "same" : "different", gap);
    }
    line_add(lines, "seniority", text);
}

static void oracle_coworker(const struct world *world, uint32_t a, uint32_t b, int64_t at,
                            struct lines *lines) {
    static const char *const names[] = {"never", "past", "current"};
    const struct careers *careers = &world->careers;
    int best = 0;
    if (careers->spell_count == 0) {
        return;
    }
    for (size_t i = careers->spell_begin[a]; i < careers->spell_begin[a + 1]; i++) {
        for (size_t j = careers->spell_begin[b]; j < careers->spell_begin[b + 1]; j++) {
            const struct spell *p = &careers->spells[i];
            const struct spell *q = &careers->spells[j];
            if (p->company == q->company && p->start.hi_ms <= at && q->start.hi_ms <= at &&
                p->end.hi_ms > q->start.lo_ms && q->end.hi_ms > p->start.lo_ms) {
                int now = p->end.hi_ms > at && q->end.hi_ms > at ? 2 : 1;
                best = now > best ? now : best;
            }
        }
    }
    line_add(lines, "coworker", names[best]);
}

static void oracle_reach(const struct world *world, uint32_t a, uint32_t b, struct lines *lines) {
    static const char *const names[] = {"place", "region", "country"};
    const struct attribute *levels[] = {&world->profiles.place, &world->profiles.region,
                                        &world->profiles.country};
    const char *reach = NULL;
    bool any = false;
    for (size_t i = 0; i < 3; i++) {
        uint32_t of_a = known_value(levels[i], a);
        uint32_t of_b = known_value(levels[i], b);
        any = any || levels[i]->of_person != NULL;
        if (reach == NULL && of_a == of_b && of_a != PROFILE_UNKNOWN) {
            reach = names[i];
        }
        if (reach == NULL && i == 2) {
            reach = of_a == PROFILE_UNKNOWN || of_b == PROFILE_UNKNOWN ? "unknown" : "abroad";
        }
    }
    if (any) {
        line_add(lines, "reach", reach);
    }
}

/* Which of `parts` equal parts of the sorted values x is in: the first whose last value, at rank
 * ceil(k n / parts), is not smaller. */
static unsigned part_of(const double *values, size_t count, unsigned parts, double x) {
    for (unsigned k = 1; k < parts; k++) {
        size_t rank = (k * count + parts - 1) / parts;
        /* The value at the rank: as many are at most it, and fewer below it. */
        for (size_t i = 0; i < count; i++) {
            size_t below = 0;
            size_t up_to = 0;
            for (size_t j = 0; j < count; j++) {
                below += values[j] < values[i];
                up_to += values[j] <= values[i];
            }
            if (below < rank && rank <= up_to && x <= values[i]) {
                return k;
            }
        }
    }
    return parts;
}

static void oracle_parts(const struct world *world, uint32_t mover, const struct side *side,
                         struct lines *lines) {
    static const char *const names[] = {"3 months", "1 year", "2 years", "5 years"};
    static const int64_t days[] = {91, 365, 730, 1826};
    double values[SIDES_MAX > PEOPLE_MAX ? SIDES_MAX : PEOPLE_MAX];
    char text[16];
    for (size_t i = 0; i < world->side_count; i++) {
        values[i] = world->degree_of_side[i];
    }
    (void)snprintf(text, sizeof text, "D%u",
                   part_of(values, world->side_count, 10, side->degree_mover));
    line_add(lines, "degree", text);
    for (size_t i = 0; i < 4; i++) {
        if (side->created_ms + days[i] * SMALL_DAY_MS <= world->inputs.as_of_ms) {
            line_add(lines, "horizon", names[i]);
        }
    }
    size_t known = 0;
    for (size_t i = 0; i < world->people.count; i++) {
        if (!isnan(world->diversity[i])) {
            values[known++] = world->diversity[i];
        }
    }
    if (world->inputs.diversity != NULL && known > 0) {
        double diversity = world->diversity[mover];
        (void)snprintf(text, sizeof text, "Q%u", part_of(values, known, 4, diversity));
        line_add(lines, "diversity", isnan(diversity) ? "none" : text);
    }
}

static void oracle_variants(const struct world *world, uint32_t mover, struct lines *lines) {
    for (uint64_t e = 0; e < 3; e++) {
        const struct fact *best = NULL;
        for (size_t i = 0; i < world->assignments.count; i++) {
            const struct fact *fact = &world->assignment_facts[i];
            if (fact->value[ASSIGNMENT_MEMBER] != world->ids[mover] ||
                fact->value[ASSIGNMENT_EXPERIMENT] != e * (UINT64_MAX / 2) ||
                (int64_t)fact->value[ASSIGNMENT_AT] > world->inputs.as_of_ms) {
                continue;
            }
            if (best == NULL || fact->value[ASSIGNMENT_AT] < best->value[ASSIGNMENT_AT] ||
                (fact->value[ASSIGNMENT_AT] == best->value[ASSIGNMENT_AT] &&
                 fact->value[ASSIGNMENT_VARIANT] < best->value[ASSIGNMENT_VARIANT])) {
                best = fact;
            }
        }
        if (best != NULL) {
            char text[SEGMENT_VALUE_BYTES];
            (void)snprintf(text, sizeof text, "%" PRIu64 ":%" PRIu64,
                           best->value[ASSIGNMENT_EXPERIMENT], best->value[ASSIGNMENT_VARIANT]);
            line_add(lines, "variant", text);
        }
    }
}

static void oracle_lines(const struct world *world, uint32_t mover, const struct side *side,
                         struct lines *lines) {
    lines->count = 0;
    line_add(lines, "all", "all");
    oracle_industry(world, mover, lines);
    oracle_seniority(world, mover, side->contact, lines);
    oracle_coworker(world, mover, side->contact, side->created_ms, lines);
    oracle_reach(world, mover, side->contact, lines);
    oracle_parts(world, mover, side, lines);
    oracle_variants(world, mover, lines);
}

static void side_must_agree(const struct world *world, const struct segments *segments,
                            uint32_t mover, const struct side *side) {
    struct lines lines;
    uint16_t of_side[SEGMENTS_OF_SIDE_MAX];
    oracle_lines(world, mover, side, &lines);
    size_t count = segments_of_side(segments, mover, side, of_side);
    assert_int_equal(count, lines.count);
    for (size_t i = 0; i < count; i++) {
        char text[SEGMENT_VALUE_BYTES + 16];
        const struct segment_label *label = segments_label(segments, of_side[i]);
        (void)snprintf(text, sizeof text, "%s=%s", segment_kind_name(label->kind), label->value);
        assert_string_equal(text, lines.text[i]);
        assert_true(i == 0 || of_side[i] > of_side[i - 1]);
    }
}

static void every_side_is_in_the_segments_that_the_oracle_names(void **state) {
    (void)state;
    static struct world world;
    struct random random;
    for (uint64_t seed = 0; seed < 4000; seed++) {
        struct err err;
        struct segments *segments;
        random_seed(&random, seed);
        world_make(&world, &random);
        MUST(segments_new(&segments, &world.inputs, &err));
        for (size_t i = 0; i < world.side_count; i++) {
            uint32_t mover = (uint32_t)random_below(&random, world.people.count);
            struct side side = {
                .created_ms = small_instant(&random),
                .contact = (uint32_t)random_below(&random, world.people.count),
                .degree_mover = world.degree_of_side[i],
            };
            side_must_agree(&world, segments, mover, &side);
        }
        segments_free(segments);
        world_release(&world);
    }
}

static void labels_are_told_apart_and_kinds_stand_in_order(void **state) {
    (void)state;
    static struct world world;
    struct random random;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct err err;
        struct segments *segments;
        random_seed(&random, seed);
        world_make(&world, &random);
        MUST(segments_new(&segments, &world.inputs, &err));
        for (size_t i = 0; i < segments_count(segments); i++) {
            const struct segment_label *a = segments_label(segments, i);
            assert_int_equal(a->horizon_ms == INT64_MAX, a->kind != SEGMENT_HORIZON);
            for (size_t j = 0; j < i; j++) {
                const struct segment_label *b = segments_label(segments, j);
                assert_true(b->kind <= a->kind);
                assert_true(b->kind < a->kind || strcmp(a->value, b->value) != 0);
            }
        }
        segments_free(segments);
        world_release(&world);
    }
}

/* A world of two people of whom nothing is known. */
static void bare_world_make(struct world *world) {
    memset(world, 0, sizeof *world);
    world->ids[1] = 1;
    world->people = (struct people){.ids = world->ids, .count = 2};
    struct random random;
    random_seed(&random, 0);
    small_careers_make(&world->careers, &random, 2, 0);
    world->assignments =
        (struct fact_table){.log = FACT_ASSIGNMENTS, .facts = world->assignment_facts, .count = 0};
    world->inputs = (struct segment_inputs){
        .people = &world->people,
        .profiles = &world->profiles,
        .careers = &world->careers,
        .assignments = &world->assignments,
        .side_degrees = &world->degrees,
    };
}

static void where_nothing_is_known_there_are_all_degrees_and_horizons(void **state) {
    (void)state;
    static struct world world;
    struct err err;
    struct segments *segments;
    bare_world_make(&world);
    MUST(segments_new(&segments, &world.inputs, &err));
    assert_int_equal(segments_count(segments), 1 + 10 + HORIZONS);
    assert_string_equal(segments_label(segments, 0)->value, "all");
    assert_string_equal(segments_label(segments, 10)->value, "D10");
    assert_string_equal(segments_label(segments, 12)->value, "1 year");
    assert_true(segments_label(segments, 12)->horizon_ms == 365 * SMALL_DAY_MS);
    segments_free(segments);
    world_release(&world);
}

static void more_experiments_than_a_side_has_room_for_are_refused(void **state) {
    (void)state;
    static struct world world;
    static struct fact facts[SEGMENTS_OF_SIDE_MAX];
    struct err err;
    struct segments *segments;
    uint16_t of_side[SEGMENTS_OF_SIDE_MAX];
    struct side side = {.contact = 1};
    bare_world_make(&world);
    world.assignments.facts = facts;
    size_t count = 0;
    for (;;) {
        facts[count].value[ASSIGNMENT_EXPERIMENT] = SEGMENTS_OF_SIDE_MAX - count;
        world.assignments.count = ++count;
        if (failed(segments_new(&segments, &world.inputs, &err))) {
            break;
        }
        size_t used = segments_of_side(segments, 0, &side, of_side);
        assert_int_equal(used, 2 + count);
        segments_free(segments);
    }
    assert_null(segments);
    assert_int_equal(err.failure, FAILURE_DATA);
    assert_non_null(strstr(err.text, "more than 47 experiments"));
    assert_int_equal(count, 48);
    world_release(&world);
}

static void more_segments_than_can_be_numbered_are_refused(void **state) {
    (void)state;
    enum { MANY = 70000 };
    static struct world world;
    static uint64_t ids[MANY];
    struct err err;
    struct segments *segments;
    bare_world_make(&world);
    for (size_t i = 0; i < MANY; i++) {
        ids[i] = i;
    }
    world.profiles.industry = (struct attribute){ids, 60000, world.values[0]};
    MUST(segments_new(&segments, &world.inputs, &err));
    assert_int_equal(segments_count(segments), 1 + 60001 + 11 + 10 + HORIZONS);
    segments_free(segments);
    world.profiles.industry.count = MANY;
    MUST_FAIL(segments_new(&segments, &world.inputs, &err), FAILURE_DATA, "too many to compare");
    assert_null(segments);
    world_release(&world);
}

static void more_variants_than_can_be_numbered_are_refused(void **state) {
    (void)state;
    enum { MANY = UINT16_MAX + 1 };
    static struct world world;
    static uint64_t ids[MANY];
    static struct fact facts[MANY];
    struct err err;
    struct segments *segments;
    bare_world_make(&world);
    for (size_t i = 0; i < MANY; i++) {
        ids[i] = i;
        facts[i].value[ASSIGNMENT_EXPERIMENT] = 1;
        facts[i].value[ASSIGNMENT_MEMBER] = i;
        facts[i].value[ASSIGNMENT_VARIANT] = i;
    }
    world.people = (struct people){.ids = ids, .count = MANY};
    world.assignments.facts = facts;
    world.assignments.count = MANY;
    MUST_FAIL(segments_new(&segments, &world.inputs, &err), FAILURE_DATA,
              "more than 65535 variants");
    assert_null(segments);
    world_release(&world);
}

/* --- coworkers --- */

/* Two spells at company 0, and what they make of two people at noon of day 100. */
static enum coworker coworker_by(struct spell of_a, struct spell of_b) {
    struct spell spells[] = {of_a, of_b};
    size_t begin[] = {0, 1, 2};
    struct careers careers = {.spells = spells, .spell_begin = begin, .spell_count = 2};
    return coworker_at(&careers, 0, 1, 100);
}

static void coworkers_are_current_past_or_none(void **state) {
    (void)state;
    struct spell open = {{10, 11}, SPAN_NEVER, 0, 0};
    struct spell always = {SPAN_EVER, SPAN_NEVER, 0, 0};
    struct spell ended = {{10, 11}, {99, 100}, 0, 0};
    struct spell ends_then = {{10, 11}, {100, 101}, 0, 0};
    struct spell elsewhere = {{10, 11}, SPAN_NEVER, 1, 0};
    struct spell begins_then = {{99, 101}, SPAN_NEVER, 0, 0};
    struct spell early = {{1, 2}, {9, 10}, 0, 0};
    assert_int_equal(coworker_by(open, open), COWORKER_CURRENT);
    assert_int_equal(coworker_by(always, open), COWORKER_CURRENT);
    assert_int_equal(coworker_by(ends_then, open), COWORKER_CURRENT);
    assert_int_equal(coworker_by(ended, open), COWORKER_PAST);
    assert_int_equal(coworker_by(open, ended), COWORKER_PAST);
    assert_int_equal(coworker_by(open, elsewhere), COWORKER_NEVER);
    assert_int_equal(coworker_by(open, begins_then), COWORKER_NEVER);
    assert_int_equal(coworker_by(early, open), COWORKER_NEVER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_side_is_in_the_segments_that_the_oracle_names),
        cmocka_unit_test(labels_are_told_apart_and_kinds_stand_in_order),
        cmocka_unit_test(where_nothing_is_known_there_are_all_degrees_and_horizons),
        cmocka_unit_test(more_experiments_than_a_side_has_room_for_are_refused),
        cmocka_unit_test(more_segments_than_can_be_numbered_are_refused),
        cmocka_unit_test(more_variants_than_can_be_numbered_are_refused),
        cmocka_unit_test(coworkers_are_current_past_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
