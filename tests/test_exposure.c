/* Exposure is compared with going through every millisecond of a timeline of a few dozen. */
#include "stages/attribution/exposure.h"
#include "stages/base/random.h"
#include "tests/testing.h"

enum { WORLDS = 5000, SPELLS_MAX = 30, COMPANIES = 3, TIMELINE_MS = 40 };

struct world {
    struct attribution_settings settings;
    struct side side;
    struct spell spells[SPELLS_MAX]; /* the mover's, person 0, then the contact's, person 1 */
    size_t spell_begin[3];
    struct span entry[2];
    struct careers careers;
    int64_t as_of_ms;
};

static struct span unit(struct random *random) {
    int64_t lo = (int64_t)random_below(random, TIMELINE_MS);
    return (struct span){lo, lo + 1 + (int64_t)random_below(random, 3)};
}

static bool is_after(const struct spell *a, const struct spell *b) {
    return a->company != b->company ? a->company > b->company : a->start.lo_ms > b->start.lo_ms;
}

/* A person's spells, sorted by (company, start). */
static size_t spells_make(struct random *random, uint32_t person, size_t most,
                          struct spell *spells) {
    size_t count = random_below(random, most + 1);
    for (size_t i = 0; i < count; i++) {
        struct spell spell = {
            .start = random_below(random, 10) == 0 ? SPAN_EVER : unit(random),
            .end = random_below(random, 3) == 0 ? SPAN_NEVER : unit(random),
            .company = (uint32_t)random_below(random, COMPANIES),
            .person = person,
        };
        size_t at = i;
        for (; at > 0 && is_after(&spells[at - 1], &spell); at--) {
            spells[at] = spells[at - 1];
        }
        spells[at] = spell;
    }
    return count;
}

static void world_make(struct world *world, struct random *random) {
    *world = (struct world){
        .settings = {.alter_active = random_below(random, 2) != 0,
                     .tie_first = random_below(random, 2) != 0,
                     .ended_ties = random_below(random, 2) != 0 ? ENDED_INCLUDE : ENDED_EXCLUDE},
        .side = {.created_ms = (int64_t)random_below(random, TIMELINE_MS),
                 .contact = 1,
                 .is_remade = random_below(random, 6) == 0},
        .as_of_ms = (int64_t)random_below(random, 2 * TIMELINE_MS),
    };
    world->side.ended_ms =
        random_below(random, 2) == 0
            ? TIE_OPEN_MS
            : world->side.created_ms + (int64_t)random_below(random, TIMELINE_MS);
    size_t own = spells_make(random, 0, 3, world->spells);
    size_t most = random_below(random, 4) == 0 ? SPELLS_MAX - 3 : 4;
    size_t others = spells_make(random, 1, most, world->spells + own);
    world->spell_begin[1] = own;
    world->spell_begin[2] = own + others;
    world->entry[0] = SPAN_NEVER;
    for (size_t i = 0; i < own; i++) {
        struct span start = world->spells[i].start;
        world->entry[0] = start.lo_ms < world->entry[0].lo_ms ? start : world->entry[0];
    }
    world->careers = (struct careers){
        .spells = world->spells, .spell_begin = world->spell_begin, .entry = world->entry};
}

/* Whether the mover's first start at the spell's company may be at the instant. */
static bool may_move(const struct world *world, uint32_t company, int64_t at_ms) {
    for (size_t i = 0; i < world->spell_begin[1]; i++) {
        if (world->spells[i].company == company && world->spells[i].start.lo_ms < at_ms) {
            return false;
        }
    }
    return world->spell_begin[1] > 0 && world->entry[0].hi_ms <= at_ms && at_ms <= world->as_of_ms;
}

static bool is_exposed(const struct world *world, int64_t at_ms) {
    for (size_t i = world->spell_begin[1]; i < world->spell_begin[2]; i++) {
        const struct spell *earliest;
        struct span s = {at_ms, at_ms + 1};
        if (side_carries(&world->settings, &world->side, &world->spells[i], 1, s, &earliest) >=
                CARRIED_COUNTED &&
            may_move(world, world->spells[i].company, at_ms)) {
            return true;
        }
    }
    return false;
}

static void exposure_is_the_milliseconds_at_which_a_move_would_count(void **state) {
    (void)state;
    struct err err;
    struct random random;
    random_seed(&random, 11);
    struct exposure exposure = {0};
    size_t exposed = 0;
    for (int round = 0; round < WORLDS; round++) {
        struct world world;
        world_make(&world, &random);
        MUST(exposure_of_side(&exposure, &world.careers, &world.settings, world.as_of_ms, 0,
                              &world.side, &err));
        int64_t from = (int64_t)random_below(&random, TIMELINE_MS);
        int64_t until = (int64_t)random_below(&random, 2 * TIMELINE_MS);
        uint64_t all = 0;
        uint64_t within = 0;
        for (int64_t t = -1; t <= 2 * TIMELINE_MS; t++) {
            bool is_in = is_exposed(&world, t);
            assert_int_equal(exposure_holds(&exposure, t), is_in);
            all += is_in;
            within += is_in && from <= t && t <= until;
        }
        assert_int_equal(exposure_within(&exposure, INT64_MIN, INT64_MAX), all);
        assert_int_equal(exposure_within(&exposure, from, until), within);
        for (size_t i = 1; i < exposure.count; i++) {
            assert_true(exposure.windows[i - 1].last_ms + 1 < exposure.windows[i].first_ms);
        }
        exposed += all != 0;
    }
    exposure_release(&exposure);
    assert_in_range(exposed, WORLDS / 10, WORLDS - WORLDS / 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exposure_is_the_milliseconds_at_which_a_move_would_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
