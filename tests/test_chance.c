/* Shares against an oracle that goes over everybody for every question, on thousands of small
 * random worlds and some that are large enough for what is counted once and remembered. */
#include "stages/attribution/chance.h"

#include "stages/attribution/predicate.h"
#include "tests/small_careers.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

enum { TIES_MAX = 12000, VALUES_MAX = 3, FEW = 40, MANY = 600 };

struct pair_tie {
    uint32_t a;
    uint32_t b;
    int64_t created_ms;
    int64_t ended_ms;
};

struct world {
    struct people people;
    struct profiles profiles;
    uint64_t ids[VALUES_MAX];
    uint32_t *industries;
    uint32_t *regions;
    struct careers careers;
    struct attribution_settings settings;
    struct pair_tie ties[TIES_MAX];
    size_t tie_count;
    struct chance *chance;
    struct chance_scratch *scratch;
};

static void attribute_make(struct world *world, struct random *random, struct attribute *attribute,
                           uint32_t *values) {
    if (random_below(random, 3) == 0) {
        return;
    }
    *attribute = (struct attribute){world->ids, 1 + random_below(random, VALUES_MAX), values};
    for (size_t i = 0; i < world->people.count; i++) {
        uint64_t value = random_below(random, attribute->count + 1);
        values[i] = value == attribute->count ? PROFILE_UNKNOWN : (uint32_t)value;
    }
}

static void ties_make(struct world *world, struct random *random, size_t most) {
    world->tie_count = random_below(random, most + 1);
    for (size_t i = 0; i < world->tie_count; i++) {
        struct pair_tie *tie = &world->ties[i];
        uint64_t people = world->people.count;
        tie->a = (uint32_t)random_below(random, people);
        tie->b = (uint32_t)((tie->a + 1 + random_below(random, people - 1)) % people);
        int64_t one = small_instant(random);
        int64_t other = small_instant(random);
        tie->created_ms = one < other ? one : other;
        tie->ended_ms = TIE_OPEN_MS;
        if (random_below(random, 3) == 0) {
            tie->ended_ms = one < other ? other : one;
        }
    }
}

static void settings_make(struct attribution_settings *settings, struct random *random) {
    *settings = attribution_presets[random_below(random, ATTRIBUTION_PRESETS)];
    if (random_below(random, 2) == 0) {
        settings->job_days = (uint32_t)random_below(random, 3) * 40;
        settings->tie_first = random_below(random, 2) == 0;
        settings->alter_active = random_below(random, 2) == 0;
    }
}

static void world_make(struct world *world, struct random *random, size_t people, size_t ties) {
    memset(world, 0, sizeof *world);
    world->people.count = people;
    world->industries = calloc(people, sizeof *world->industries);
    world->regions = calloc(people, sizeof *world->regions);
    assert_non_null(world->industries);
    assert_non_null(world->regions);
    attribute_make(world, random, &world->profiles.industry, world->industries);
    attribute_make(world, random, &world->profiles.region, world->regions);
    small_careers_make(&world->careers, random, people, 1 + random_below(random, 4));
    settings_make(&world->settings, random);
    ties_make(world, random, ties);
}

static void world_settle(struct world *world) {
    struct err err;
    struct chance_inputs inputs = {&world->people, &world->profiles, &world->careers,
                                   &world->settings};
    MUST(chance_new(&world->chance, &inputs, &err));
    for (size_t i = 0; i < world->tie_count; i++) {
        const struct pair_tie *tie = &world->ties[i];
        chance_tie(world->chance, tie->a, tie->b, tie->created_ms, tie->ended_ms);
    }
    MUST(chance_settle(world->chance, &err));
    MUST(chance_scratch_new(&world->scratch, world->chance, &err));
}

static void world_release(struct world *world) {
    chance_scratch_free(world->scratch);
    chance_free(world->chance);
    small_careers_free(&world->careers);
    free(world->industries);
    free(world->regions);
}

/* --- the oracle --- */

/* First instants of the months of the small days: 2020-01 to 2024. */
static int64_t oracle_month(int64_t at_ms) {
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t first = SMALL_BEGIN_MS;
    for (int year = 2020;; year++) {
        for (int month = 0; month < 12; month++) {
            int64_t length = days[month] + (month == 1 && year % 4 == 0);
            if (at_ms < first + length * SMALL_DAY_MS) {
                return first;
            }
            first += length * SMALL_DAY_MS;
        }
    }
}

static uint32_t *oracle_degrees(const struct world *world, int64_t at_ms) {
    uint32_t *degrees = calloc(world->people.count, sizeof *degrees);
    assert_non_null(degrees);
    for (size_t i = 0; i < world->tie_count; i++) {
        const struct pair_tie *tie = &world->ties[i];
        if (tie->created_ms < at_ms && !(tie->ended_ms < at_ms)) {
            degrees[tie->a]++;
            degrees[tie->b]++;
        }
    }
    return degrees;
}

static int compare_u32(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Deciles in place of degrees; 0 for nobody's. */
static void oracle_deciles(uint32_t *degrees, size_t people) {
    uint32_t *sorted = calloc(people, sizeof *sorted);
    assert_non_null(sorted);
    size_t count = 0;
    for (size_t i = 0; i < people; i++) {
        if (degrees[i] >= 1) {
            sorted[count++] = degrees[i];
        }
    }
    qsort(sorted, count, sizeof *sorted, compare_u32);
    for (size_t i = 0; i < people; i++) {
        uint32_t decile = degrees[i] == 0 ? 0 : 10;
        for (uint32_t k = 9; k >= 1 && decile != 0; k--) {
            if (degrees[i] <= sorted[(k * count + 9) / 10 - 1]) {
                decile = k;
            }
        }
        degrees[i] = decile;
    }
    free(sorted);
}

static bool oracle_is_same(const struct attribute *attribute, uint32_t a, uint32_t b) {
    return attribute->of_person == NULL || attribute->of_person[a] == attribute->of_person[b];
}

static bool oracle_carries(const struct world *world, const struct move *move, uint32_t person,
                           int64_t created_ms) {
    const struct careers *careers = &world->careers;
    for (size_t i = careers->spell_begin[person]; i < careers->spell_begin[person + 1]; i++) {
        const struct spell *spell = &careers->spells[i];
        if (spell->company == move->company &&
            spell_carries(&world->settings, created_ms, spell, move->at)) {
            return true;
        }
    }
    return false;
}

static bool oracle_share(const struct world *world, const uint32_t *deciles,
                         const struct move *move, const struct side *side, uint64_t *share) {
    uint64_t size = 0;
    uint64_t count = 0;
    for (uint32_t person = 0; person < world->people.count; person++) {
        if (person != move->person && deciles[person] == deciles[side->contact] &&
            oracle_is_same(&world->profiles.industry, person, side->contact) &&
            oracle_is_same(&world->profiles.region, person, side->contact)) {
            size++;
            count += oracle_carries(world, move, person, side->created_ms);
        }
    }
    *share = 0;
    if (deciles[move->person] == 0 || deciles[side->contact] == 0 || size <= 1) {
        return false;
    }
    *share = (uint64_t)((unsigned __int128)count * CHANCE_ONE / size);
    return true;
}

struct tally {
    uint64_t matched;
    uint64_t unmatched;
    uint64_t positive;
};

/* Asks about one move and every contact of the mover (or about `contacts` people at random). */
static void move_must_agree(struct world *world, struct random *random, const struct move *move,
                            size_t contacts, struct tally *tally) {
    struct err err;
    uint32_t *deciles = oracle_degrees(world, oracle_month(move->at.lo_ms));
    oracle_deciles(deciles, world->people.count);
    for (size_t i = 0; i < contacts; i++) {
        struct side side = {.created_ms = small_instant(random), .ended_ms = TIE_OPEN_MS};
        side.contact = (uint32_t)random_below(random, world->people.count);
        if (side.contact == move->person) {
            continue;
        }
        uint64_t share;
        uint64_t expected;
        bool is_matched;
        MUST(chance_share(world->chance, world->scratch, move, &side, &share, &is_matched, &err));
        assert_int_equal(is_matched, oracle_share(world, deciles, move, &side, &expected));
        assert_true(share == expected);
        tally->matched += is_matched;
        tally->unmatched += !is_matched;
        tally->positive += share > 0;
    }
    free(deciles);
}

static void world_must_agree(struct world *world, struct random *random, size_t questions,
                             size_t contacts, struct tally *tally) {
    for (size_t i = 0; i < questions && world->careers.move_count > 0; i++) {
        const struct move *move =
            &world->careers.moves[random_below(random, world->careers.move_count)];
        if (move->kind == MOVE_MOVE) {
            move_must_agree(world, random, move, contacts, tally);
        }
    }
}

static void small_worlds_agree_with_the_oracle(void **state) {
    (void)state;
    static struct world world;
    struct tally tally = {0};
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct random random;
        random_seed(&random, seed);
        size_t people = 2 + random_below(&random, FEW - 1);
        world_make(&world, &random, people, 60);
        world_settle(&world);
        world_must_agree(&world, &random, 10, 6, &tally);
        world_release(&world);
    }
    assert_true(tally.matched > 10000 && tally.unmatched > 10000 && tally.positive > 3000);
}

/* Groups that are counted once, rosters that are remembered, and dates that come back. */
static void large_worlds_agree_with_the_oracle(void **state) {
    (void)state;
    static struct world world;
    struct tally tally = {0};
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct random random;
        random_seed(&random, 10000 + seed);
        world_make(&world, &random, MANY, TIES_MAX);
        world_settle(&world);
        world_must_agree(&world, &random, 60, 10, &tally);
        world_release(&world);
    }
    assert_true(tally.matched > 2000 && tally.positive > 1000);
}

/* Rosters of which the starts are kept in order, where the tie has to be first. */
static void firms_of_thousands_agree_with_the_oracle(void **state) {
    (void)state;
    static struct world world;
    struct tally tally = {0};
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct random random;
        random_seed(&random, 30000 + seed);
        world_make(&world, &random, SMALL_PEOPLE_MAX, TIES_MAX);
        world.profiles = (struct profiles){0};
        world.settings.tie_first = true;
        world.settings.job_days = 40;
        world_settle(&world);
        world_must_agree(&world, &random, 40, 10, &tally);
        world_release(&world);
    }
    assert_true(tally.positive > 100);
}

/* A byte per person and month holds 127 changes; the rest is kept apart. */
static void degrees_beyond_a_byte_are_counted(void **state) {
    (void)state;
    enum { HUBS = 2, LEFT = 60 };
    static struct world world;
    struct tally tally = {0};
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct random random;
        random_seed(&random, 20000 + seed);
        world_make(&world, &random, FEW, 0);
        int64_t ended_ms = SMALL_BEGIN_MS + 400 * SMALL_DAY_MS;
        for (uint32_t i = 0; i < TIES_MAX; i++) {
            world.ties[i] = (struct pair_tie){
                .a = (uint32_t)random_below(&random, HUBS),
                .b = HUBS + (uint32_t)random_below(&random, FEW - HUBS),
                .created_ms = SMALL_BEGIN_MS + (int64_t)random_below(&random, 60) * SMALL_DAY_MS,
                .ended_ms = i < LEFT ? TIE_OPEN_MS : ended_ms};
        }
        world.tie_count = TIES_MAX;
        world_settle(&world);
        world_must_agree(&world, &random, 40, 8, &tally);
        world_release(&world);
    }
    assert_true(tally.matched > 500);
}

static void a_world_without_moves_or_ties_settles(void **state) {
    (void)state;
    static struct world world;
    struct random random;
    random_seed(&random, 2);
    world_make(&world, &random, 5, 20);
    size_t moves = world.careers.move_count;
    world.careers.move_count = 0;
    world_settle(&world);
    world.careers.move_count = moves;
    world_release(&world);
    world_make(&world, &random, 5, 0);
    world_settle(&world);
    struct tally tally = {0};
    world_must_agree(&world, &random, 50, 5, &tally);
    assert_int_equal(tally.matched, 0);
    world_release(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_worlds_agree_with_the_oracle),
        cmocka_unit_test(large_worlds_agree_with_the_oracle),
        cmocka_unit_test(firms_of_thousands_agree_with_the_oracle),
        cmocka_unit_test(degrees_beyond_a_byte_are_counted),
        cmocka_unit_test(a_world_without_moves_or_ties_settles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
