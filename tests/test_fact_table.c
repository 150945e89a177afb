/* Tables are compared with a slow reading of the header: every record looked at for doubles, a
 * bubble of adjacent exchanges for the order. */
#include "schemas/event.h"
#include "schemas/limits.h"
#include "stages/base/columns.h"
#include "stages/base/random.h"
#include "stages/facts/fact_table.h"
#include "tests/facts_testing.h"
#include "tests/framing.h"
#include "tests/state_testing.h"

#include <stdlib.h>

/* The fields that a log is sorted by, from its header's text; interactions are apart. */
static const struct {
    size_t count;
    unsigned by[8];
} expected_order[FACT_LOGS] = {
    [FACT_POSITIONS] = {5, {1, 2, 0, 3, 4}},
    [FACT_APPLICATIONS] = {3, {1, 0, 2}},
    [FACT_ASSIGNMENTS] = {4, {2, 0, 1, 3}},
    [FACT_MEMBERS] = {1, {0}},
    [FACT_COMPANIES] = {1, {0}},
    [FACT_INDUSTRIES] = {1, {0}},
};

static bool is_time(enum fact_log log, unsigned field) {
    return fact_shapes[log].fields[field].type == FACT_TIME;
}

/* The numbers that a record is sorted by. Returns how many. */
static size_t sorting_numbers(enum fact_log log, const struct fact *fact, __int128 numbers[8]) {
    if (log == FACT_INTERACTIONS) {
        uint64_t from = fact->value[1];
        uint64_t to = fact->value[2];
        numbers[0] = from < to ? from : to;
        numbers[1] = from < to ? to : from;
        numbers[2] = (int64_t)fact->value[0];
        numbers[3] = from;
        numbers[4] = fact->value[3];
        numbers[5] = fact->value[4];
        return 6;
    }
    for (size_t i = 0; i < expected_order[log].count; i++) {
        unsigned field = expected_order[log].by[i];
        bool is_signed = is_time(log, field);
        numbers[i] = is_signed ? (__int128)(int64_t)fact->value[field] : fact->value[field];
    }
    return expected_order[log].count;
}

static int slow_compare(enum fact_log log, const struct fact *a, const struct fact *b) {
    __int128 of_a[8] = {0};
    __int128 of_b[8] = {0};
    size_t count = sorting_numbers(log, a, of_a);
    sorting_numbers(log, b, of_b);
    for (size_t i = 0; i < count; i++) {
        if (of_a[i] != of_b[i]) {
            return of_a[i] < of_b[i] ? -1 : 1;
        }
    }
    return 0;
}

/* Puts a record into the sorted ones; one that is there gives way. Returns the new count. */
static size_t slow_add(enum fact_log log, struct fact *facts, size_t count, struct fact added) {
    size_t at = count;
    while (at > 0 && slow_compare(log, &facts[at - 1], &added) >= 0) {
        at--;
    }
    if (at < count && slow_compare(log, &facts[at], &added) == 0) {
        facts[at] = added;
        return count;
    }
    memmove(facts + at + 1, facts + at, (count - at) * sizeof *facts);
    facts[at] = added;
    return count + 1;
}

static void assert_same_facts(const struct fact_table *table, const struct fact *expected,
                              size_t count) {
    assert_int_equal(table->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_memory_equal(table->facts[i].value, expected[i].value, sizeof expected[i].value);
        assert_int_equal(table->facts[i].known, expected[i].known);
    }
}

static uint64_t random_value(struct random *random, const struct fact_field *field,
                             uint64_t spread) {
    uint64_t small = random_below(random, spread);
    switch (field->type) {
    case FACT_TIME:
        return random_below(random, 20) == 0 ? (uint64_t)LIMIT_TIME_MIN_MS
                                             : (uint64_t)((int64_t)small - (int64_t)spread / 2);
    case FACT_ID:
        return random_below(random, 10) == 0 ? UINT64_MAX - small : small * small * small;
    case FACT_CHOICE:
        return small % 2;
    case FACT_YEAR:
        return 1 + small % 9999;
    default:
        return 1 + small;
    }
}

static struct fact random_fact(struct random *random, enum fact_log log, uint64_t spread) {
    const struct fact_shape *shape = &fact_shapes[log];
    struct fact fact = {0};
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct fact_field *field = &shape->fields[i];
        if (field->is_required || field->has_default || random_below(random, 2) == 0) {
            fact.known |= (uint8_t)(1U << i);
            fact.value[i] = random_value(random, field, spread);
        }
    }
    return fact;
}

/* Fills a table in several goes, each finished, and checks it after each. */
static void table_fill(struct fact_table *table, struct random *random, struct fact *expected,
                       size_t *expected_count, size_t count, uint64_t spread) {
    for (size_t i = 0; i < count; i++) {
        struct fact fact = random_fact(random, table->log, spread);
        table_add(table, fact);
        *expected_count = slow_add(table->log, expected, *expected_count, fact);
    }
    table_finish(table);
    assert_same_facts(table, expected, *expected_count);
}

static void tables_are_sorted_sets_or_the_newest_by_key(void **state) {
    (void)state;
    enum { RECORDS_MAX = 2000 };
    struct fact *expected = calloc(RECORDS_MAX, sizeof *expected);
    assert_non_null(expected);
    struct random random;
    random_seed(&random, 1);
    for (int round = 0; round < 400; round++) {
        struct fact_table table;
        fact_table_init(&table, (enum fact_log)(round % FACT_LOGS));
        size_t expected_count = 0;
        size_t added = 0;
        uint64_t spread = 1 + random_below(&random, round % 3 == 0 ? 5 : 60);
        for (size_t go = random_below(&random, 4); go < 4; go++) {
            size_t count = random_below(&random, round % 20 == 0 ? 500 : 30);
            table_fill(&table, &random, expected, &expected_count, count, spread);
            added += count;
            assert_int_equal(table.duplicates, added - expected_count);
        }
        fact_table_release(&table);
    }
    free(expected);
}

static void the_record_added_last_wins_whatever_is_added_and_finished_when(void **state) {
    (void)state;
    struct fact_table table;
    fact_table_init(&table, FACT_COMPANIES);
    for (uint64_t i = 0; i < 1000; i++) {
        table_add(&table, FACT(i * 7919 % 100, i));
        if (i % 130 == 0) {
            table_finish(&table);
        }
    }
    table_finish(&table);
    assert_int_equal(table.count, 100);
    assert_int_equal(table.duplicates, 900);
    for (uint64_t i = 0; i < 1000; i++) {
        const struct fact *fact = &table.facts[i * 7919 % 100];
        assert_true(fact->value[COMPANY_ID] == i * 7919 % 100);
        assert_true(fact->value[COMPANY_CANONICAL] >= i);
    }
    fact_table_release(&table);
}

static void many_records_of_one_member_are_sorted(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    struct fact_table table;
    fact_table_init(&table, FACT_POSITIONS);
    for (uint64_t i = 0; i < COUNT; i++) {
        table_add(&table, position_fact(7, 3, (int64_t)(random_mix(i) >> 20), i % 2, i % 3));
    }
    table_finish(&table);
    assert_int_equal(table.count, COUNT);
    for (size_t i = 1; i < COUNT; i++) {
        assert_true(slow_compare(FACT_POSITIONS, &table.facts[i - 1], &table.facts[i]) < 0);
    }
    fact_table_release(&table);
}

/* More members than a chunk has records, so that groups lie across the chunks of the threads. */
static void threads_do_not_show(void **state) {
    (void)state;
    enum { COUNT = 60000, MEMBERS = 4000 };
    struct fact_table tables[2];
    for (unsigned k = 0; k < 2; k++) {
        fact_table_init(&tables[k], FACT_POSITIONS);
        tables[k].threads = 1 + 2 * k;
        for (uint64_t i = 0; i < COUNT; i++) {
            uint64_t mixed = random_mix(i);
            table_add(&tables[k], position_fact(mixed % MEMBERS, mixed >> 60,
                                                (int64_t)(mixed >> 30 & 0xff), i % 2, i % 3));
        }
        table_finish(&tables[k]);
    }
    assert_true(tables[0].count > COUNT / 2);
    assert_same_facts(&tables[1], tables[0].facts, tables[0].count);
    assert_int_equal(tables[1].duplicates, tables[0].duplicates);
    for (size_t i = 1; i < tables[0].count; i++) {
        assert_true(slow_compare(FACT_POSITIONS, &tables[0].facts[i - 1], &tables[0].facts[i]) < 0);
    }
    fact_table_release(&tables[0]);
    fact_table_release(&tables[1]);
}

static void an_empty_table_stays_empty(void **state) {
    (void)state;
    struct err err;
    struct fact_table table;
    fact_table_init(&table, FACT_MEMBERS);
    MUST(fact_table_add(&table, NULL, 0, &err));
    table_finish(&table);
    table_finish(&table);
    assert_int_equal(table.count, 0);
    fact_table_release(&table);
}

/* --- files --- */

static struct bytes file_make(void **folder, const struct fact_table *table) {
    struct err err;
    struct output *output = state_file_start(folder, "facts.tff");
    MUST(fact_table_save(table, output, &err));
    return state_file_finish(folder, "facts.tff", output);
}

static void saved_tables_load_back_at_every_size(void **folder) {
    static const size_t sizes[] = {0, 1, 2, 1000, 65535, 65536, 65537, 140000};
    struct random random;
    random_seed(&random, 2);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int log = s < 4 ? 0 : FACT_POSITIONS; log < (s < 4 ? FACT_LOGS : 1); log++) {
            struct err err;
            struct fact_table table;
            fact_table_init(&table, (enum fact_log)log);
            for (size_t i = 0; i < sizes[s]; i++) {
                table_add(&table, random_fact(&random, table.log, UINT64_C(1) << 20));
            }
            table_finish(&table);
            struct bytes file = file_make(folder, &table);
            struct fact_table loaded;
            fact_table_init(&loaded, table.log);
            struct input *input = state_file_input(&file);
            MUST(fact_table_load(&loaded, input, &err));
            input_close(input);
            assert_same_facts(&loaded, table.facts, table.count);
            if (table.count > 0) { /* a loaded table takes more */
                table_add(&loaded, table.facts[0]);
                table_finish(&loaded);
                assert_same_facts(&loaded, table.facts, table.count);
            }
            bytes_release(&file);
            fact_table_release(&loaded);
            fact_table_release(&table);
        }
    }
}

static void must_not_load(enum fact_log log, const struct bytes *file, const char *part) {
    struct err err;
    struct fact_table table;
    fact_table_init(&table, log);
    struct input *input = state_file_input(file);
    MUST_FAIL(fact_table_load(&table, input, &err), FAILURE_DATA, part);
    assert_non_null(strstr(err.text, "memory.tff"));
    input_close(input);
    fact_table_release(&table);
}

enum { COMPANY_BYTES = 25 };

/* A frame of records of the company table. */
static void companies_put(struct framing *framing, struct frame frame, const struct fact *facts,
                          size_t count) {
    uint8_t payload[COMPANY_BYTES * 4];
    uint64_t column[4];
    assert_true(count <= 4);
    for (size_t i = 0; i < count; i++) {
        payload[i] = facts[i].known;
    }
    for (size_t field = 0; field < 3; field++) {
        for (size_t i = 0; i < count; i++) {
            column[i] = facts[i].value[field];
        }
        columns_split_u64(column, count, payload + count + field * count * 8);
    }
    frame.payload_bytes = count * COMPANY_BYTES;
    framing_put(framing, frame, payload);
}

static struct frame company_frame(int64_t first_record, uint32_t items) {
    return (struct frame){
        .kind = FRAME_FACTS, .items = items, .first = FACT_COMPANIES, .last = first_record};
}

static void frames_that_do_not_follow_are_refused(void **state) {
    (void)state;
    const struct fact facts[] = {FACT(1), FACT(2)};
    struct frame wrong[7];
    for (size_t i = 0; i < 7; i++) {
        wrong[i] = company_frame(1, 1);
    }
    wrong[0].kind = FRAME_DICTIONARY;
    wrong[1].items = 0;
    wrong[2].items = 2;
    wrong[3].first = FACT_INDUSTRIES;
    wrong[4].last = 0;
    wrong[5].last = 2;
    wrong[6].first = -1;
    for (size_t i = 0; i < 7; i++) {
        struct framing framing = {0};
        companies_put(&framing, company_frame(0, 1), facts, 1);
        companies_put(&framing, wrong[i], facts + 1, 1);
        framing_end(&framing);
        must_not_load(FACT_COMPANIES, &framing.file, "next frame");
        framing_release(&framing);
    }
}

static void another_logs_file_is_refused(void **folder) {
    struct fact_table table;
    fact_table_init(&table, FACT_POSITIONS);
    table_add(&table, position_fact(1, 2, 3, 0, 0));
    table_finish(&table);
    struct bytes file = file_make(folder, &table);
    must_not_load(FACT_INTERACTIONS, &file, "interactions"); /* as many fields */
    bytes_release(&file);
    fact_table_release(&table);
}

static void records_out_of_order_or_twice_are_refused(void **state) {
    (void)state;
    const struct fact pairs[][2] = {{FACT(2), FACT(1)}, {FACT(1), FACT(1, 5)}};
    for (size_t i = 0; i < 2; i++) {
        for (size_t cut = 0; cut < 2; cut++) { /* within a frame, and across two */
            struct framing framing = {0};
            if (cut == 0) {
                companies_put(&framing, company_frame(0, 2), pairs[i], 2);
            } else {
                companies_put(&framing, company_frame(0, 1), pairs[i], 1);
                companies_put(&framing, company_frame(1, 1), pairs[i] + 1, 1);
            }
            framing_end(&framing);
            must_not_load(FACT_COMPANIES, &framing.file, "out of order");
            framing_release(&framing);
        }
    }
}

static void values_that_do_not_fit_are_refused(void **state) {
    (void)state;
    struct fact wrong[] = {FACT(1, 2), FACT(1), FACT(1)};
    wrong[0].known = 2;     /* not which company */
    wrong[1].value[2] = 9;  /* a value that is not known */
    wrong[2].known = 1 | 8; /* a field that is not there */
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct framing framing = {0};
        companies_put(&framing, company_frame(0, 1), &wrong[i], 1);
        framing_end(&framing);
        must_not_load(FACT_COMPANIES, &framing.file, "does not fit");
        framing_release(&framing);
    }
}

static void choices_times_and_defaults_are_checked(void **folder) {
    const struct fact wrong[] = {
        position_fact(1, 2, 3, 2, 0),                                       /* kind */
        position_fact(1, 2, 3, 0, 3),                                       /* precision */
        position_fact(1, 2, LIMIT_TIME_MAX_MS + 1, 0, 0), FACT(3, 1, 2, 0), /* no precision */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fact_table table;
        fact_table_init(&table, FACT_POSITIONS);
        table_add(&table, wrong[i]);
        table_finish(&table);
        struct bytes file = file_make(folder, &table);
        must_not_load(FACT_POSITIONS, &file, "does not fit");
        bytes_release(&file);
        fact_table_release(&table);
    }
}

static void a_file_cut_anywhere_or_with_any_flipped_bit_is_refused(void **folder) {
    struct fact_table table;
    fact_table_init(&table, FACT_MEMBERS);
    for (uint64_t i = 0; i < 20; i++) {
        table_add(&table, FACT(i, 1, 2, 3, 4, 5, 2001, 1));
    }
    table_finish(&table);
    struct bytes file = file_make(folder, &table);
    for (size_t count = 0; count < file.count; count++) {
        struct bytes cut = {file.data, count, count};
        must_not_load(FACT_MEMBERS, &cut, "");
    }
    for (size_t bit = 0; bit < file.count * 8; bit++) {
        file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        must_not_load(FACT_MEMBERS, &file, "");
        file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    bytes_release(&file);
    fact_table_release(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_sorted_sets_or_the_newest_by_key),
        cmocka_unit_test(the_record_added_last_wins_whatever_is_added_and_finished_when),
        cmocka_unit_test(many_records_of_one_member_are_sorted),
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(an_empty_table_stays_empty),
        SCRATCH_TEST(saved_tables_load_back_at_every_size),
        cmocka_unit_test(frames_that_do_not_follow_are_refused),
        SCRATCH_TEST(another_logs_file_is_refused),
        cmocka_unit_test(records_out_of_order_or_twice_are_refused),
        cmocka_unit_test(values_that_do_not_fit_are_refused),
        SCRATCH_TEST(choices_times_and_defaults_are_checked),
        SCRATCH_TEST(a_file_cut_anywhere_or_with_any_flipped_bit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
