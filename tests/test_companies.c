#include "stages/base/random.h"
#include "stages/careers/companies.h"
#include "tests/facts_testing.h"

#include <stdlib.h>

enum { COMPANIES = 40, RECORDS = 60 };

/* What a company's id is: not its number, but in its order. */
static uint64_t id_of(uint64_t company) {
    return company * company + 5;
}

struct tables {
    struct fact_table positions;
    struct fact_table companies;
};

static void tables_of(struct tables *tables) {
    fact_table_init(&tables->positions, FACT_POSITIONS);
    fact_table_init(&tables->companies, FACT_COMPANIES);
}

static void tables_free(struct tables *tables) {
    fact_table_release(&tables->positions);
    fact_table_release(&tables->companies);
}

/* Where chains of `canonical` (-1: none) end. */
static uint64_t slow_end(const int *canonical, uint64_t company) {
    for (;;) {
        if (canonical[company] < 0 || (uint64_t)canonical[company] == company) {
            return company;
        }
        company = (uint64_t)canonical[company];
    }
}

/* Chains without rings: each company points to one of smaller rank in a random order. */
static void chains_make(struct random *random, int canonical[COMPANIES]) {
    unsigned rank[COMPANIES] = {0};
    for (unsigned i = 0; i < COMPANIES; i++) {
        unsigned j = (unsigned)random_below(random, i + 1);
        rank[i] = rank[j];
        rank[j] = i;
    }
    for (unsigned i = 0; i < COMPANIES; i++) {
        unsigned other = (unsigned)random_below(random, COMPANIES);
        bool is_told = random_below(random, 3) > 0 && rank[other] <= rank[i];
        canonical[i] = is_told ? (int)other : -1;
    }
}

static void records_belong_to_the_ends_of_their_chains(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct err err;
        struct random random;
        struct tables tables;
        int canonical[COMPANIES];
        random_seed(&random, seed);
        tables_of(&tables);
        chains_make(&random, canonical);
        for (uint64_t i = 0; i < COMPANIES; i++) {
            if (canonical[i] >= 0) {
                table_add(&tables.companies, FACT(id_of(i), id_of((uint64_t)canonical[i])));
            } else if (i % 3 == 0) {
                table_add(&tables.companies, FACT(id_of(i)));
            }
        }
        for (uint64_t i = 0; i < RECORDS; i++) {
            uint64_t company = id_of(random_below(&random, COMPANIES));
            table_add(&tables.positions, position_fact(i, company, 5, 0, 0));
        }
        table_finish(&tables.companies);
        table_finish(&tables.positions);
        uint32_t of_record[RECORDS];
        bool is_used[RECORDS] = {false};
        uint64_t *ids;
        size_t count;
        MUST(
            companies_resolve(&tables.positions, &tables.companies, of_record, &ids, &count, &err));
        for (size_t i = 0; i < RECORDS; i++) {
            uint64_t company = 0;
            while (id_of(company) != tables.positions.facts[i].value[POSITION_COMPANY]) {
                company++;
            }
            assert_in_range(of_record[i], 0, count - 1);
            assert_true(ids[of_record[i]] == id_of(slow_end(canonical, company)));
            is_used[of_record[i]] = true;
        }
        for (size_t i = 0; i < count; i++) {
            assert_true(is_used[i] && (i == 0 || ids[i - 1] < ids[i]));
        }
        free(ids);
        tables_free(&tables);
    }
}

static void must_not_resolve(struct tables *tables, const char *part) {
    struct err err;
    uint64_t *ids;
    size_t count;
    table_finish(&tables->companies);
    MUST_FAIL(companies_resolve(&tables->positions, &tables->companies, NULL, &ids, &count, &err),
              FAILURE_DATA, part);
    assert_null(ids);
    tables_free(tables);
}

static void a_ring_is_named_wherever_the_walk_comes_from(void **state) {
    (void)state;
    struct tables tables;
    tables_of(&tables);
    table_add(&tables.companies, FACT(7, 8));
    table_add(&tables.companies, FACT(8, 7));
    must_not_resolve(&tables, "a ring: 7 -> 8 -> 7;");
    tables_of(&tables);
    table_add(&tables.companies, FACT(1, 6)); /* leads into the ring, is not of it */
    table_add(&tables.companies, FACT(6, 9));
    table_add(&tables.companies, FACT(9, 3));
    table_add(&tables.companies, FACT(3, 6));
    must_not_resolve(&tables, "a ring: 6 -> 9 -> 3 -> 6;");
}

static void a_long_ring_is_named_in_part(void **state) {
    (void)state;
    struct tables tables;
    tables_of(&tables);
    for (uint64_t i = 0; i < 100; i++) {
        table_add(&tables.companies, FACT(UINT64_MAX - i, UINT64_MAX - (i + 1) % 100));
    }
    must_not_resolve(&tables, " -> ... -> ");
}

static void a_company_that_is_its_own_canonical_one_is_no_ring(void **state) {
    (void)state;
    struct err err;
    struct tables tables;
    tables_of(&tables);
    table_add(&tables.companies, FACT(4, 4));
    table_add(&tables.companies, FACT(3, 4));
    table_add(&tables.positions, position_fact(1, 3, 5, 0, 0));
    table_add(&tables.positions, position_fact(1, 4, 5, 0, 0));
    table_finish(&tables.companies);
    table_finish(&tables.positions);
    uint32_t of_record[2];
    uint64_t *ids;
    size_t count;
    MUST(companies_resolve(&tables.positions, &tables.companies, of_record, &ids, &count, &err));
    assert_int_equal(count, 1);
    assert_true(ids[0] == 4);
    assert_int_equal(of_record[0] + of_record[1], 0);
    free(ids);
    tables_free(&tables);
}

/* Ring or not, a chain is walked once. */
static void long_chains_are_followed_in_one_go(void **state) {
    (void)state;
    enum { LENGTH = 300000 };
    struct err err;
    struct tables tables;
    tables_of(&tables);
    for (uint64_t i = 0; i < LENGTH; i++) {
        table_add(&tables.companies, FACT(i, i + 1));
        if (i % 1000 == 0) {
            table_add(&tables.positions, position_fact(1, i, 5, 0, 0));
        }
    }
    table_finish(&tables.companies);
    table_finish(&tables.positions);
    uint32_t of_record[LENGTH / 1000];
    uint64_t *ids;
    size_t count;
    MUST(companies_resolve(&tables.positions, &tables.companies, of_record, &ids, &count, &err));
    assert_int_equal(count, 1);
    assert_true(ids[0] == LENGTH);
    free(ids);
    tables_free(&tables);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_belong_to_the_ends_of_their_chains),
        cmocka_unit_test(a_ring_is_named_wherever_the_walk_comes_from),
        cmocka_unit_test(a_long_ring_is_named_in_part),
        cmocka_unit_test(a_company_that_is_its_own_canonical_one_is_no_ring),
        cmocka_unit_test(long_chains_are_followed_in_one_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
