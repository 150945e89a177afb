#include "pipeline/memory.h"

#include "tests/testing.h"

#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

static void the_default_is_most_of_the_machine_and_never_all_of_it(void **state) {
    (void)state;
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t bytes = memory_default_bytes();
    assert_true(bytes > 0);
    assert_true(bytes <= machine / 4 * 3);
}

static void no_moment_of_a_run_is_given_more_than_all(void **state) {
    (void)state;
    for (uint64_t all = MIB; all < (UINT64_C(1) << 44); all += all / 3) {
        struct memory_shares shares = memory_share(all);
        uint64_t dictionary = all / 10;
        assert_true(shares.program_bytes + shares.sequence_bytes + shares.tape_bytes + dictionary <=
                    all);
        uint64_t batch = memory_for_batch(&shares, dictionary, shares.tape_bytes);
        assert_true(batch > 0);
        assert_true(shares.program_bytes + shares.tape_bytes + dictionary + batch == all);
        assert_true(memory_for_batch(&shares, all, 0) == 0);
        assert_true(memory_for_study(&shares) < all);
    }
}

static void a_tape_on_disk_takes_no_memory_from_a_batch(void **state) {
    (void)state;
    struct memory_shares shares = memory_share(1024 * MIB);
    assert_true(memory_for_batch(&shares, 0, UINT64_MAX) ==
                memory_for_batch(&shares, 0, shares.tape_bytes));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_is_most_of_the_machine_and_never_all_of_it),
        cmocka_unit_test(no_moment_of_a_run_is_given_more_than_all),
        cmocka_unit_test(a_tape_on_disk_takes_no_memory_from_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
