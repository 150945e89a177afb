#include "stages/base/random.h"
#include "stages/facts/people.h"
#include "tests/facts_testing.h"

#include <stdlib.h>

static void dictionary_add(struct dictionary *dictionary, uint64_t id) {
    struct err err;
    struct node_id node;
    const struct member_id member = {id};
    MUST(dictionary_resolve(dictionary, &member, 1, &node, &err));
}

/* Checks people against a bit per id: ids stand for i * i, so that they have gaps. */
static void assert_people(const struct people *people, const struct dictionary *dictionary,
                          const bool *is_known, size_t id_count) {
    size_t count = 0;
    for (uint64_t i = 0; i < id_count; i++) {
        uint32_t person = people_find(people, i * i);
        assert_int_equal(person, is_known[i] ? (uint32_t)count : PERSON_NONE);
        if (is_known[i]) {
            assert_true(people->ids[count] == i * i);
            count++;
        }
        assert_true(i == 0 || people_find(people, i * i + 2 * i) == PERSON_NONE);
    }
    assert_int_equal(people->count, count);
    assert_int_equal(people->node_count, dictionary_count(dictionary));
    size_t with_node = 0;
    for (uint32_t node = 0; node < people->node_count; node++) {
        uint32_t person = people->of_node[node];
        assert_true(people->ids[person] == dictionary_member(dictionary, (struct node_id){node}).v);
        assert_int_equal(people->nodes[person], node);
    }
    for (size_t person = 0; person < people->count; person++) {
        with_node += people->nodes[person] != PERSON_NONE;
    }
    assert_int_equal(with_node, people->node_count);
}

/* Adds a record of a random log that names the id; returns whether that makes it known. */
static bool log_add(struct fact_table tables[FACT_LOGS], struct random *random, uint64_t id) {
    switch (random_below(random, 6)) {
    case 0:
        table_add(&tables[FACT_POSITIONS], position_fact(id, 3, 5, 0, 0));
        return true;
    case 1:
        table_add(&tables[FACT_APPLICATIONS], FACT(random_below(random, 9), id, 1));
        return true;
    case 2:
        table_add(&tables[FACT_ASSIGNMENTS], FACT(4, random_below(random, 3), id, 0));
        return true;
    case 3:
        table_add(&tables[FACT_MEMBERS], FACT(id));
        return true;
    case 4:
        table_add(&tables[FACT_INTERACTIONS], FACT(4, id, 1, 0, 1));
        return false;
    default:
        table_add(&tables[FACT_COMPANIES], FACT(id, id + 1));
        return false;
    }
}

static void everybody_is_numbered_by_id_whoever_names_them(void **state) {
    (void)state;
    enum { IDS = 200 };
    struct random random;
    random_seed(&random, 1);
    for (int round = 0; round < 300; round++) {
        struct err err;
        struct fact_table tables[FACT_LOGS];
        struct dictionary dictionary = {0};
        bool is_known[IDS] = {false};
        tables_init(tables);
        for (size_t n = random_below(&random, 150); n > 0; n--) {
            uint64_t i = random_below(&random, IDS);
            if (random_below(&random, 3) == 0) {
                dictionary_add(&dictionary, i * i);
                is_known[i] = true;
            } else if (log_add(tables, &random, i * i)) {
                is_known[i] = true;
            }
        }
        tables_finish(tables);
        struct people people = {0};
        MUST(people_build(&people, &dictionary, tables, &err));
        assert_people(&people, &dictionary, is_known, IDS);
        people_release(&people);
        dictionary_release(&dictionary);
        tables_release(tables);
    }
}

static void nobody_is_no_error(void **state) {
    (void)state;
    struct err err;
    struct fact_table tables[FACT_LOGS];
    struct dictionary dictionary = {0};
    struct people people = {0};
    tables_init(tables);
    MUST(people_build(&people, &dictionary, tables, &err));
    assert_int_equal(people.count, 0);
    assert_int_equal(people_find(&people, 0), PERSON_NONE);
    people_release(&people);
}

static void the_smallest_and_largest_ids_are_people_too(void **state) {
    (void)state;
    struct err err;
    struct fact_table tables[FACT_LOGS];
    struct dictionary dictionary = {0};
    struct people people = {0};
    tables_init(tables);
    dictionary_add(&dictionary, UINT64_MAX);
    table_add(&tables[FACT_MEMBERS], FACT(UINT64_MAX));
    table_add(&tables[FACT_APPLICATIONS], FACT(1, 0, 1));
    tables_finish(tables);
    MUST(people_build(&people, &dictionary, tables, &err));
    assert_int_equal(people.count, 2);
    assert_int_equal(people_find(&people, 0), 0);
    assert_int_equal(people_find(&people, UINT64_MAX), 1);
    assert_int_equal(people.of_node[0], 1);
    assert_int_equal(people.nodes[0], PERSON_NONE);
    people_release(&people);
    dictionary_release(&dictionary);
    tables_release(tables);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_is_numbered_by_id_whoever_names_them),
        cmocka_unit_test(nobody_is_no_error),
        cmocka_unit_test(the_smallest_and_largest_ids_are_people_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
