/* Sides of random worlds, gathered in random ranges, against a look at every tie. */
#include "stages/attribution/side_gather.h"

#include "stages/attribution/person_ranges.h"
#include "tests/attribution_world.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include <stdlib.h>

enum { GROUPS = 12, SPLITS = 20 };

static void begin_count(const struct world *world, uint64_t *begin) {
    for (size_t i = 0; i < world->tie_count; i++) {
        begin[world->ties[i].from + 1]++;
        begin[world->ties[i].to + 1]++;
    }
    for (size_t person = 0; person < world->people.count; person++) {
        begin[person + 1] += begin[person];
    }
}

static bool is_before(const struct world_tie *a, const struct world_tie *b, uint32_t person) {
    uint32_t contact_a = a->from == person ? a->to : a->from;
    uint32_t contact_b = b->from == person ? b->to : b->from;
    if (a->created_ms != b->created_ms) {
        return a->created_ms < b->created_ms;
    }
    return contact_a != contact_b ? contact_a < contact_b : a < b; /* a row is in order of making */
}

/* The tie that has so many of the person's ties before it. */
static const struct world_tie *tie_at(const struct world *world, uint32_t person, size_t place) {
    for (size_t i = 0; i < world->tie_count; i++) {
        const struct world_tie *tie = &world->ties[i];
        size_t before = 0;
        for (size_t j = 0; j < world->tie_count; j++) {
            const struct world_tie *other = &world->ties[j];
            bool is_own = other->from == person || other->to == person;
            before += is_own && j != i && is_before(other, tie, person);
        }
        if ((tie->from == person || tie->to == person) && before == place) {
            return tie;
        }
    }
    fail();
    return NULL;
}

static void assert_side_is(const struct world *world, const struct side *side,
                           const struct world_tie *tie, uint32_t person) {
    bool is_from = tie->from == person;
    bool is_remade = false;
    for (const struct world_tie *earlier = world->ties; earlier < tie; earlier++) {
        is_remade = is_remade || (earlier->from == tie->from && earlier->to == tie->to) ||
                    (earlier->from == tie->to && earlier->to == tie->from);
    }
    assert_int_equal(side->created_ms, tie->created_ms);
    assert_int_equal(side->ended_ms, tie->ended_ms);
    assert_int_equal(side->contact, is_from ? tie->to : tie->from);
    assert_int_equal(side->mutual, tie->mutual);
    assert_int_equal(side->degree_mover, is_from ? tie->degree_from : tie->degree_to);
    assert_int_equal(side->degree_contact, is_from ? tie->degree_to : tie->degree_from);
    assert_int_equal(side->mover_invited, is_from);
    assert_int_equal(side->is_remade, is_remade);
}

static void assert_range(struct world *world, const uint64_t *begin, size_t first, size_t end) {
    struct err err;
    struct intensity intensity = {0};
    struct tie_source source = {
        .segment_paths = world->path_list,
        .segment_count = WORLD_SEGMENTS,
        .endings = &world->endings,
        .people = &world->people,
        .intensity = &intensity,
        .threads = 1 + (unsigned)random_below(&world->random, 2),
    };
    struct side_gather gather = {0};
    struct side_scratch scratch = {0};
    MUST(side_gather_fill(&gather, &source, begin, first, end, &err));
    for (size_t person = first; person < end; person++) {
        struct mover mover;
        MUST(side_gather_mover(&gather, person, &scratch, &mover, &err));
        assert_int_equal(mover.person, person);
        assert_int_equal(mover.count, begin[person + 1] - begin[person]);
        for (size_t i = 0; i < mover.count; i++) {
            assert_side_is(world, &mover.sides[i], tie_at(world, (uint32_t)person, i),
                           (uint32_t)person);
        }
    }
    side_gather_release(&gather);
    side_scratch_release(&scratch);
}

static void every_range_holds_its_people_s_sides_in_order(void **state) {
    struct world *world = malloc(sizeof *world);
    assert_non_null(world);
    for (uint64_t group = 0; group < GROUPS; group++) {
        small_world_make(world, group * WORLD_GROUP, *state);
        size_t people = world->people.count;
        uint64_t begin[WORLD_PEOPLE_MAX + 1] = {0};
        begin_count(world, begin);
        for (int split = 0; split < SPLITS; split++) {
            size_t first = random_below(&world->random, people);
            uint64_t sides_max = random_below(&world->random, WORLD_TIES_MAX);
            size_t end = person_range_end(begin, people, first, sides_max);
            assert_true(end > first && end <= people);
            assert_true(end == first + 1 || begin[end] - begin[first] <= sides_max);
            assert_true(end == people || begin[end + 1] - begin[first] > sides_max);
            assert_range(world, begin, first, end);
        }
        small_world_release(world);
    }
    free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_range_holds_its_people_s_sides_in_order, scratch_make,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
