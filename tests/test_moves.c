/* Known answers; test_careers compares with a slow reading of the definitions. */
#include "stages/base/number.h"
#include "stages/careers/moves.h"
#include "tests/testing.h"

#define DAY(n) ((struct span){(n)*DAY_MS, ((n) + 1) * DAY_MS})
#define MONTH(n) ((struct span){(n)*DAY_MS, ((n) + 30) * DAY_MS})

struct made {
    struct move moves[8];
    size_t count;
};

static struct made make(const struct spell *spells, size_t count) {
    struct made made = {.count = moves_count(spells, count)};
    struct key_item scratch[16];
    assert_in_range(count, 0, 8);
    moves_make(spells, count, made.moves, scratch);
    return made;
}

static void assert_move(const struct move *move, struct span at, enum move_kind kind,
                        uint32_t company, uint32_t previous) {
    assert_true(span_equal(move->at, at));
    assert_int_equal(move->kind, kind);
    assert_int_equal(move->company, company);
    assert_int_equal(move->previous, previous);
    assert_int_equal(move->person, 5);
    assert_false(move->is_mass);
}

static void the_first_start_is_the_entry_and_the_next_a_move(void **state) {
    (void)state;
    const struct spell spells[] = {{DAY(90), SPAN_NEVER, 1, 5}, {DAY(10), DAY(20), 4, 5}};
    struct made made = make(spells, 2);
    assert_int_equal(made.count, 2);
    assert_move(&made.moves[0], DAY(10), MOVE_ENTRY, 4, COMPANY_NONE);
    assert_move(&made.moves[1], DAY(90), MOVE_MOVE, 1, 4);
    assert_true(span_equal(entry_date(spells, 2), DAY(10)));
}

static void somebody_known_from_before_records_moves_at_once(void **state) {
    (void)state;
    const struct spell spells[] = {
        {SPAN_EVER, DAY(20), 1, 5}, {DAY(50), DAY(60), 1, 5}, {DAY(10), DAY(20), 2, 5}};
    struct made made = make(spells, 3);
    assert_int_equal(made.count, 1);
    assert_move(&made.moves[0], DAY(10), MOVE_MOVE, 2, 1);
    assert_true(span_equal(entry_date(spells, 3), SPAN_EVER));
}

static void a_rehire_is_no_row(void **state) {
    (void)state;
    const struct spell spells[] = {
        {DAY(10), DAY(20), 1, 5}, {DAY(50), DAY(60), 1, 5}, {DAY(30), DAY(40), 2, 5}};
    struct made made = make(spells, 3);
    assert_int_equal(made.count, 2);
    assert_move(&made.moves[1], DAY(30), MOVE_MOVE, 2, 1);
}

static void a_start_within_the_unit_of_the_entry_is_undecided(void **state) {
    (void)state;
    const struct spell spells[] = {{DAY(12), SPAN_NEVER, 1, 5},
                                   {MONTH(10), SPAN_NEVER, 2, 5},
                                   {DAY(40), SPAN_NEVER, 3, 5},
                                   {MONTH(10), SPAN_NEVER, 4, 5}};
    struct made made = make(spells, 4);
    assert_int_equal(made.count, 4);
    assert_move(&made.moves[0], MONTH(10), MOVE_ENTRY, 2, COMPANY_NONE);
    assert_move(&made.moves[1], MONTH(10), MOVE_ENTRY, 4, COMPANY_NONE);
    assert_move(&made.moves[2], DAY(12), MOVE_UNDECIDED, 1, COMPANY_NONE);
    assert_move(&made.moves[3], DAY(40), MOVE_MOVE, 3, 1);
    assert_int_equal(made.moves[0].precision, PRECISION_MONTH);
    assert_int_equal(made.moves[2].precision, PRECISION_DAY);
}

static void several_moves_on_one_date_have_the_same_previous_company(void **state) {
    (void)state;
    const struct spell spells[] = {
        {DAY(12), SPAN_NEVER, 1, 5}, {DAY(1), DAY(3), 2, 5}, {DAY(12), SPAN_NEVER, 3, 5}};
    struct made made = make(spells, 3);
    assert_int_equal(made.count, 3);
    assert_move(&made.moves[1], DAY(12), MOVE_MOVE, 1, 2);
    assert_move(&made.moves[2], DAY(12), MOVE_MOVE, 3, 2);
}

/* The latest start, the latest end, the smallest company: each decides where the ones before do
 * not. */
static void the_previous_company_is_the_latest_one(void **state) {
    (void)state;
    const struct spell by_start[] = {
        {DAY(2), SPAN_NEVER, 1, 5}, {DAY(3), DAY(4), 2, 5}, {DAY(50), SPAN_NEVER, 3, 5}};
    assert_int_equal(make(by_start, 3).moves[2].previous, 2);
    const struct spell by_coarse_start[] = {
        {DAY(2), SPAN_NEVER, 1, 5}, {MONTH(2), DAY(9), 2, 5}, {DAY(50), SPAN_NEVER, 3, 5}};
    assert_int_equal(make(by_coarse_start, 3).moves[2].previous, 2);
    const struct spell by_end[] = {
        {DAY(2), DAY(9), 1, 5}, {DAY(2), SPAN_NEVER, 2, 5}, {DAY(50), SPAN_NEVER, 3, 5}};
    assert_int_equal(make(by_end, 3).moves[2].previous, 2);
    const struct spell by_fine_end[] = {
        {DAY(2), MONTH(10), 1, 5}, {DAY(2), DAY(39), 2, 5}, {DAY(50), SPAN_NEVER, 3, 5}};
    assert_int_equal(make(by_fine_end, 3).moves[2].previous, 2);
    const struct spell by_company[] = {
        {DAY(2), DAY(9), 1, 5}, {DAY(2), DAY(9), 2, 5}, {DAY(50), SPAN_NEVER, 3, 5}};
    assert_int_equal(make(by_company, 3).moves[2].previous, 1);
}

static void somebody_without_spells_has_no_rows_and_no_entry(void **state) {
    (void)state;
    struct move none;
    assert_int_equal(moves_count(NULL, 0), 0);
    moves_make(NULL, 0, &none, NULL);
    assert_true(span_equal(entry_date(NULL, 0), SPAN_NEVER));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_start_is_the_entry_and_the_next_a_move),
        cmocka_unit_test(somebody_known_from_before_records_moves_at_once),
        cmocka_unit_test(a_rehire_is_no_row),
        cmocka_unit_test(a_start_within_the_unit_of_the_entry_is_undecided),
        cmocka_unit_test(several_moves_on_one_date_have_the_same_previous_company),
        cmocka_unit_test(the_previous_company_is_the_latest_one),
        cmocka_unit_test(somebody_without_spells_has_no_rows_and_no_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
