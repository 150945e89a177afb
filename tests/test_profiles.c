#include "stages/base/random.h"
#include "stages/facts/profiles.h"
#include "tests/facts_testing.h"

#include <stdlib.h>

enum { MEMBERS = 60, VALUES = 9, INDUSTRIES = 12 };

/* A record per member and industry, some with nothing but the id, some missing. */
struct world {
    struct fact_table tables[FACT_LOGS];
    struct people people;
};

static struct fact random_record(struct random *random, uint64_t id, size_t fields,
                                 uint64_t values) {
    struct fact fact = {.value = {id}, .known = 1};
    for (size_t field = 1; field < fields; field++) {
        if (random_below(random, 3) > 0) {
            fact.known |= (uint8_t)(1U << field);
            fact.value[field] = 1 + random_below(random, values);
        }
    }
    return fact;
}

static void world_make(struct world *world, uint64_t seed) {
    struct err err;
    struct random random;
    random_seed(&random, seed);
    *world = (struct world){0};
    tables_init(world->tables);
    for (uint64_t member = 0; member < MEMBERS; member++) {
        uint64_t dice = random_below(&random, 4);
        if (dice == 0) {
            table_add(&world->tables[FACT_APPLICATIONS], FACT(1, member * 3, 1));
        } else if (seed > 0) {
            table_add(&world->tables[FACT_MEMBERS],
                      random_record(&random, member * 3, dice == 1 ? 1 : 7, VALUES));
        }
    }
    for (uint64_t industry = 0; industry < INDUSTRIES && seed % 4 > 0; industry++) {
        if (random_below(&random, 4) > 0) {
            table_add(&world->tables[FACT_INDUSTRIES],
                      random_record(&random, industry, 8, seed % 4 == 1 ? 100 : 3));
        }
    }
    tables_finish(world->tables);
    const struct dictionary nobody = {0};
    MUST(people_build(&world->people, &nobody, world->tables, &err));
}

static void world_release(struct world *world) {
    people_release(&world->people);
    tables_release(world->tables);
}

/* The record of this id, NULL without one. */
static const struct fact *record_of(const struct fact_table *table, uint64_t id) {
    for (size_t i = 0; i < table->count; i++) {
        if (table->facts[i].value[0] == id) {
            return &table->facts[i];
        }
    }
    return NULL;
}

static bool has(const struct fact *fact, unsigned field) {
    return fact != NULL && (fact->known >> field & 1) != 0;
}

static void assert_attribute(const struct attribute *attribute, const struct world *world,
                             unsigned field) {
    bool is_used[VALUES] = {false};
    size_t known = 0;
    for (uint32_t person = 0; person < world->people.count; person++) {
        const struct fact *fact =
            record_of(&world->tables[FACT_MEMBERS], world->people.ids[person]);
        if (!has(fact, field)) {
            assert_true(attribute->of_person == NULL ||
                        attribute->of_person[person] == PROFILE_UNKNOWN);
            continue;
        }
        uint32_t rank = attribute->of_person[person];
        assert_in_range(rank, 0, attribute->count - 1);
        assert_true(attribute->ids[rank] == fact->value[field]);
        is_used[rank] = true;
        known++;
    }
    assert_int_equal(attribute->of_person == NULL, known == 0);
    for (size_t i = 0; i < attribute->count; i++) {
        assert_true(is_used[i]);
        assert_true(i == 0 || attribute->ids[i - 1] < attribute->ids[i]);
    }
}

/* The smallest rank that at least half of the ranked industries do not exceed. */
static uint64_t slow_median(const struct fact_table *industries, unsigned field) {
    size_t ranked = 0;
    for (size_t i = 0; i < industries->count; i++) {
        ranked += has(&industries->facts[i], field);
    }
    for (uint64_t rank = 0;; rank++) {
        size_t below = 0;
        for (size_t i = 0; i < industries->count; i++) {
            below += has(&industries->facts[i], field) && industries->facts[i].value[field] <= rank;
        }
        if (2 * below >= ranked) {
            return rank;
        }
    }
}

static void assert_halves(const struct profiles *profiles, const struct world *world) {
    const struct fact_table *industries = &world->tables[FACT_INDUSTRIES];
    for (unsigned rank = 0; rank < INDUSTRY_RANKS; rank++) {
        assert_int_equal(profiles->half[rank] == NULL, industries->count == 0);
        for (size_t i = 0; i < profiles->industry.count && industries->count > 0; i++) {
            unsigned field = INDUSTRY_IT + rank;
            const struct fact *fact = record_of(industries, profiles->industry.ids[i]);
            unsigned expected = !has(fact, field)                                      ? 2
                                : fact->value[field] <= slow_median(industries, field) ? 0
                                                                                       : 1;
            assert_int_equal(profiles->half[rank][i], expected);
        }
    }
}

static void assert_years(const struct profiles *profiles, const struct world *world) {
    bool is_any = false;
    for (uint32_t person = 0; person < world->people.count; person++) {
        const struct fact *fact =
            record_of(&world->tables[FACT_MEMBERS], world->people.ids[person]);
        bool is_known = has(fact, MEMBER_CAREER_START_YEAR);
        is_any = is_any || is_known;
        if (profiles->career_start_year != NULL) {
            assert_int_equal(profiles->career_start_year[person],
                             is_known ? fact->value[MEMBER_CAREER_START_YEAR] : 0);
        }
    }
    assert_int_equal(profiles->career_start_year != NULL, is_any);
}

static void profiles_are_what_the_newest_records_say(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct err err;
        struct world world;
        struct profiles profiles = {0};
        world_make(&world, seed);
        MUST(profiles_build(&profiles, &world.people, &world.tables[FACT_MEMBERS],
                            &world.tables[FACT_INDUSTRIES], &err));
        assert_attribute(&profiles.industry, &world, MEMBER_INDUSTRY);
        assert_attribute(&profiles.country, &world, MEMBER_COUNTRY);
        assert_attribute(&profiles.region, &world, MEMBER_REGION);
        assert_attribute(&profiles.place, &world, MEMBER_PLACE);
        assert_years(&profiles, &world);
        assert_halves(&profiles, &world);
        profiles_release(&profiles);
        world_release(&world);
    }
}

static void nobody_and_nothing_known_is_no_error(void **state) {
    (void)state;
    struct err err;
    struct fact_table tables[FACT_LOGS];
    struct people people = {0};
    struct profiles profiles = {0};
    tables_init(tables);
    MUST(profiles_build(&profiles, &people, &tables[FACT_MEMBERS], &tables[FACT_INDUSTRIES], &err));
    assert_null(profiles.industry.of_person);
    assert_null(profiles.career_start_year);
    assert_null(profiles.half[0]);
    profiles_release(&profiles);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_are_what_the_newest_records_say),
        cmocka_unit_test(nobody_and_nothing_known_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
