/* Known answers around the edges; test_careers compares with a slow reading of the definitions. */
#include "stages/careers/careers.h"
#include "stages/careers/mass.h"
#include "tests/facts_testing.h"

enum { OLD = 1, NEW = 2, OTHER = 3, PEOPLE_MAX = 100 };

/* July 1 to 31, 2020 */
#define JULY_MS INT64_C(1593561600000)
#define JULY(day) (JULY_MS + ((day)-1) * INT64_C(86400000))

struct world {
    struct fact_table tables[FACT_LOGS];
    struct people people;
    struct careers careers;
    struct attribution_settings settings;
};

/* `heads` people at OLD since 2001, and settings of the definitions. */
static void world_make(struct world *world, uint64_t heads) {
    *world = (struct world){.settings = attribution_presets[0]};
    tables_init(world->tables);
    for (uint64_t i = 0; i < heads; i++) {
        table_add(&world->tables[FACT_POSITIONS],
                  position_fact(i, OLD, INT64_C(1000000000000), POSITION_START, PRECISION_DAY));
    }
}

static void starts(struct world *world, uint64_t member, uint64_t company, int64_t at_ms,
                   enum position_precision precision) {
    table_add(&world->tables[FACT_POSITIONS],
              position_fact(member, company, at_ms, POSITION_START, precision));
}

static void ends(struct world *world, uint64_t member, int64_t at_ms) {
    table_add(&world->tables[FACT_POSITIONS],
              position_fact(member, OLD, at_ms, POSITION_END, PRECISION_DAY));
}

/* How many moves are mass moves; releases the world. */
static size_t mass_moves(struct world *world) {
    struct err err;
    const struct dictionary nobody = {0};
    tables_finish(world->tables);
    MUST(people_build(&world->people, &nobody, world->tables, &err));
    MUST(careers_build(&world->careers, &world->tables[FACT_POSITIONS],
                       &world->tables[FACT_COMPANIES], &world->people, INT64_MAX, &world->settings,
                       &err));
    size_t count = 0;
    for (size_t i = 0; i < world->careers.move_count; i++) {
        count += world->careers.moves[i].is_mass;
    }
    /* Flagging again changes nothing. */
    MUST(mass_flag(&world->careers, &world->settings, &err));
    for (size_t i = 0; i < world->careers.move_count; i++) {
        count -= world->careers.moves[i].is_mass;
    }
    assert_int_equal(count, 0);
    for (size_t i = 0; i < world->careers.move_count; i++) {
        count += world->careers.moves[i].is_mass;
    }
    careers_release(&world->careers);
    people_release(&world->people);
    tables_release(world->tables);
    return count;
}

static void five_movers_of_fifty_are_mass_moves_and_four_or_of_fiftyone_not(void **state) {
    (void)state;
    for (uint64_t movers = 4; movers <= 5; movers++) {
        for (uint64_t heads = 50; heads <= 51; heads++) {
            struct world world;
            world_make(&world, heads);
            for (uint64_t i = 0; i < movers; i++) {
                starts(&world, i, NEW, JULY(1 + (int64_t)i * 7), PRECISION_DAY);
            }
            assert_int_equal(mass_moves(&world), movers == 5 && heads == 50 ? 5 : 0);
        }
    }
}

static void the_month_is_the_calendars(void **state) {
    (void)state;
    struct world world;
    world_make(&world, 10);
    for (uint64_t i = 0; i < 5; i++) {
        starts(&world, i, NEW, i == 0 ? JULY(31) : JULY(32), PRECISION_DAY);
    }
    assert_int_equal(mass_moves(&world), 0);
    world_make(&world, 10);
    for (uint64_t i = 0; i < 5; i++) {
        starts(&world, i, NEW, i == 0 ? JULY(31) : JULY(2),
               i == 1 ? PRECISION_MONTH : PRECISION_DAY);
    }
    assert_int_equal(mass_moves(&world), 5);
}

static void movers_to_another_firm_do_not_count(void **state) {
    (void)state;
    struct world world;
    world_make(&world, 10);
    for (uint64_t i = 0; i < 8; i++) {
        starts(&world, i, i < 5 ? NEW : OTHER, JULY(2), PRECISION_DAY);
    }
    assert_int_equal(mass_moves(&world), 5);
}

static void heads_are_counted_at_the_months_first_instant(void **state) {
    (void)state;
    struct world world;
    world_make(&world, 51);
    for (uint64_t i = 0; i < 5; i++) {
        starts(&world, i, NEW, JULY(2), PRECISION_DAY);
    }
    ends(&world, 50, JULY(1)); /* still there at the first instant */
    assert_int_equal(mass_moves(&world), 0);
    world_make(&world, 51);
    for (uint64_t i = 0; i < 5; i++) {
        starts(&world, i, NEW, JULY(2), PRECISION_DAY);
    }
    ends(&world, 50, JULY(0)); /* gone by then: its day ends as the month begins */
    assert_int_equal(mass_moves(&world), 5);
    world_make(&world, 50);
    for (uint64_t i = 0; i < 5; i++) {
        starts(&world, i, NEW, JULY(2), PRECISION_DAY);
    }
    starts(&world, 60, OLD, JULY(2), PRECISION_DAY); /* not there yet */
    starts(&world, 61, OLD, JULY(1), PRECISION_DAY); /* just there */
    assert_int_equal(mass_moves(&world), 0);
}

static void entries_and_moves_from_nowhere_are_never_mass_moves(void **state) {
    (void)state;
    struct world world;
    world_make(&world, 0);
    world.settings.mass_movers = 1;
    world.settings.mass_share = 0;
    for (uint64_t i = 0; i < 5; i++) {
        starts(&world, i, NEW, JULY(2), PRECISION_DAY);
    }
    assert_int_equal(mass_moves(&world), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_movers_of_fifty_are_mass_moves_and_four_or_of_fiftyone_not),
        cmocka_unit_test(the_month_is_the_calendars),
        cmocka_unit_test(movers_to_another_firm_do_not_count),
        cmocka_unit_test(heads_are_counted_at_the_months_first_instant),
        cmocka_unit_test(entries_and_moves_from_nowhere_are_never_mass_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
