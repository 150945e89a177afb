/* The whole chain, from sequence_add to the replay, against two oracles: the ties of a log against
 * the one of tests/oracle.h, every event of a tape against the one of tests/tape_oracle.h.
 * Thousands of random logs with every wart, under every setting that must not matter. */
#include "stages/embeddedness/batch.h"

#include "stages/dictionary/dictionary.h"
#include "stages/order/sequence.h"
#include "tests/batch_testing.h"
#include "tests/oracle.h"
#include "tests/scratch.h"

enum { GENEROUS = 1 << 30 };

/* How the chain is driven; none of it may show in the ties. */
struct drive {
    enum simultaneous simultaneous;
    unsigned threads;
    enum kernel_set set;
    unsigned slices; /* 0: what fits into a budget at random */
    unsigned batches;
};

/* A log on its way through the chain. */
struct chain {
    struct drive drive;
    const char *folder;
    struct random random;
    struct dictionary dictionary;
    struct sequence *sequence;
    struct ground ground;
    struct tie ties[ORACLE_EVENTS_MAX];
    size_t tie_count;
    struct quality quality;
};

static void chain_sequence(struct chain *chain, const struct event *events, size_t count) {
    struct err err;
    struct sequence_options options = {
        .simultaneous = chain->drive.simultaneous,
        .dictionary = &chain->dictionary,
        .scratch_folder = chain->folder,
        .memory_bytes = GENEROUS,
        .tape_memory_bytes = GENEROUS,
    };
    MUST(sequence_new(&chain->sequence, &options, &err));
    for (size_t i = 0; i < count; i++) {
        if (events[i].from.v == events[i].to.v) {
            chain->quality.count[QUALITY_SELF_LOOP]++;
        } else {
            MUST(sequence_add(chain->sequence, &events[i], 1, &err));
        }
    }
    MUST(sequence_finish(chain->sequence, &err));
}

/* Ties and what else became of a block's events. */
static void chain_take(void *context, const struct replay_block *block) {
    struct chain *chain = context;
    for (size_t i = 0; i < block->count; i++) {
        const struct tape_block *events = block->events;
        size_t at = block->first + i;
        static const enum quality_check checks[] = {
            [OUTCOME_TIE] = QUALITY_TIES,
            [OUTCOME_ENDING] = QUALITY_ENDINGS,
            [OUTCOME_DUPLICATE] = QUALITY_DUPLICATE,
            [OUTCOME_ORPHAN] = QUALITY_ORPHAN,
        };
        chain->quality.count[checks[block->outcome[i]]]++;
        if (block->outcome[i] == OUTCOME_TIE) {
            chain->ties[chain->tie_count++] = (struct tie){
                .from = dictionary_member(&chain->dictionary, (struct node_id){events->from[at]}),
                .to = dictionary_member(&chain->dictionary, (struct node_id){events->to[at]}),
                .created_at_ms = events->at_ms[at],
                .mutual = block->mutual[i],
                .degree_from = block->degree_from[i],
                .degree_to = block->degree_to[i],
                .origin = (uint8_t)event_code_origin(events->code[at]),
            };
        }
    }
}

/* Sets the memory so that the plan has `slices`. Few and small rows are never worth slicing, so the
 * base is said to bring more than it does, which a base may. */
static void options_slice(struct batch_options *options, unsigned slices) {
    struct err err;
    struct batch_plan plan;
    options->base_entries = 1 << 20;
    options->memory_bytes = GENEROUS;
    MUST(batch_plan_make(options, &plan, &err));
    while (plan.slices < slices) {
        options->memory_bytes = plan.memory_bytes - 1;
        MUST(batch_plan_make(options, &plan, &err));
    }
}

static void options_budget(struct batch_options *options, struct random *random) {
    struct err err;
    struct batch_plan plan;
    options->memory_bytes = GENEROUS;
    MUST(batch_plan_make(options, &plan, &err));
    options->memory_bytes =
        plan.least_bytes + random_below(random, plan.memory_bytes - plan.least_bytes + 100);
    options->memory_bytes += options->memory_bytes / 2; /* results may take 4 bytes, not 2 */
}

/* The range as one batch on the oracle's graph. */
static void chain_batch(struct chain *chain, struct tape_range range, uint64_t seed) {
    struct err err;
    struct batch batch = {0};
    struct ground *ground = &chain->ground;
    const struct batch_base base = {ground, ground_load};
    const struct batch_after after = {ground, ground_take};
    memcpy(ground->before, ground->oracle.now, sizeof ground->before);
    memset(ground->after, 0, sizeof ground->after);
    ground->next = 0;
    ground->takes_over = random_below(&chain->random, 2) == 0;
    struct batch_options options = {
        .tape = sequence_tape(chain->sequence),
        .range = range,
        .node_count = dictionary_count(&chain->dictionary),
        .simultaneous = chain->drive.simultaneous,
        .base = range.first == 0 && random_below(&chain->random, 2) == 0 ? NULL : &base,
        .after = random_below(&chain->random, 2) == 0 ? NULL : &after,
        .scratch_folder = chain->folder,
        .base_entries = ground_entries(ground->before),
        .threads = chain->drive.threads,
        .set = chain->drive.set,
    };
    if (chain->drive.slices == 0) {
        options_budget(&options, &chain->random);
    } else {
        options_slice(&options, chain->drive.slices);
    }
    MUST(batch_run(&batch, &options, &err));
    assert_true(chain->drive.slices == 0 || batch.plan.slices == chain->drive.slices);
    ground_replay(ground, &batch, options.tape, options.simultaneous, seed, chain_take, chain);
    if (options.after != NULL) {
        assert_int_equal(ground->next, options.node_count);
        assert_memory_equal(ground->after, ground->oracle.now, sizeof ground->after);
        assert_int_equal(batch.open_entries, ground_entries(ground->oracle.now));
    }
    batch_release(&batch);
}

/* Whether a batch may begin at the event. */
static bool is_edge(struct chain *chain, uint64_t number) {
    static struct tape_block events; /* the logs are shorter than a block */
    struct err err;
    struct tape *tape = sequence_tape(chain->sequence);
    if (number == tape_count(tape) || chain->drive.simultaneous == SIMULTANEOUS_SEQUENCE) {
        return true;
    }
    MUST(tape_read(tape, 0, &events, &err));
    return number == 0 || events.at_ms[number] != events.at_ms[number - 1];
}

static void chain_run(struct chain *chain, const struct event *events, size_t count,
                      uint64_t seed) {
    chain_sequence(chain, events, count);
    uint64_t all = tape_count(sequence_tape(chain->sequence));
    struct tape_range range = {0, 0};
    for (unsigned i = 1; i <= chain->drive.batches; i++) {
        uint64_t end = i == chain->drive.batches
                           ? all
                           : range.first + random_below(&chain->random, all - range.first + 1);
        while (!is_edge(chain, end)) {
            end++;
        }
        range.end = end;
        chain_batch(chain, range, seed);
        range.first = end;
    }
}

static void chain_release(struct chain *chain) {
    sequence_free(chain->sequence);
    dictionary_release(&chain->dictionary);
}

static void ties_must_equal(const struct chain *chain, const struct oracle_result *oracle,
                            uint64_t seed) {
    if (chain->tie_count != oracle->tie_count) {
        fail_msg("seed %llu: %zu ties, the oracle has %zu", (unsigned long long)seed,
                 chain->tie_count, oracle->tie_count);
    }
    for (size_t i = 0; i < chain->tie_count; i++) {
        const struct tie *a = &chain->ties[i];
        const struct tie *b = &oracle->ties[i];
        if (a->from.v != b->from.v || a->to.v != b->to.v || a->created_at_ms != b->created_at_ms ||
            a->mutual != b->mutual || a->degree_from != b->degree_from ||
            a->degree_to != b->degree_to || a->origin != b->origin) {
            fail_msg("seed %llu, tie %zu: mutual %u degrees %u %u, the oracle has %u, %u %u",
                     (unsigned long long)seed, i, a->mutual, a->degree_from, a->degree_to,
                     b->mutual, b->degree_from, b->degree_to);
        }
    }
    static const enum quality_check checks[] = {QUALITY_DUPLICATE, QUALITY_ORPHAN,
                                                QUALITY_SELF_LOOP, QUALITY_TIES, QUALITY_ENDINGS};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        assert_int_equal(chain->quality.count[checks[i]], oracle->quality.count[checks[i]]);
    }
}

/* The n-th instruction set of those that this processor runs. */
static enum kernel_set set_of(uint64_t n) {
    enum kernel_set here[KERNEL_SETS] = {KERNEL_AUTO};
    size_t count = 0;
    for (int set = 0; set < KERNEL_SETS; set++) {
        if (kernel_set_is_here((enum kernel_set)set)) {
            here[count++] = (enum kernel_set)set;
        }
    }
    return here[n % count];
}

static void random_logs_must_agree(void **state, enum simultaneous simultaneous, uint64_t logs,
                                   size_t most) {
    static struct event events[ORACLE_EVENTS_MAX];
    static struct oracle_result oracle;
    static struct chain chain;
    for (uint64_t seed = 0; seed < logs; seed++) {
        memset(&chain, 0, sizeof chain);
        random_seed(&chain.random, seed);
        size_t count = oracle_log(&chain.random, events, most);
        oracle_run(events, count, simultaneous, &oracle);
        chain.folder = *state;
        chain.ground.random = &chain.random;
        chain.drive = (struct drive){
            .simultaneous = simultaneous,
            .threads = 1 + (unsigned)random_below(&chain.random, 3),
            .set = set_of(seed),
            .slices = (unsigned)random_below(&chain.random, 6),
            .batches = 1 + (unsigned)random_below(&chain.random, 3),
        };
        chain_run(&chain, events, count, seed);
        ties_must_equal(&chain, &oracle, seed);
        chain_release(&chain);
    }
}

static void strict_agrees_with_the_oracle_on_small_random_logs(void **state) {
    random_logs_must_agree(state, SIMULTANEOUS_STRICT, 1000, 60);
}

static void sequence_agrees_with_the_oracle_on_small_random_logs(void **state) {
    random_logs_must_agree(state, SIMULTANEOUS_SEQUENCE, 1000, 60);
}

static void strict_agrees_with_the_oracle_on_larger_random_logs(void **state) {
    random_logs_must_agree(state, SIMULTANEOUS_STRICT, 60, 3000);
}

static void sequence_agrees_with_the_oracle_on_larger_random_logs(void **state) {
    random_logs_must_agree(state, SIMULTANEOUS_SEQUENCE, 60, 3000);
}

static void long_tapes_agree_with_the_oracle(void **state) {
    for (uint64_t seed = 0; seed < 16; seed++) {
        struct err err;
        struct random random;
        struct batch batch = {0};
        random_seed(&random, seed);
        enum simultaneous simultaneous = (enum simultaneous)(seed % 2);
        struct tape_log log = {
            .count = 2 * TAPE_BLOCK_EVENTS + (size_t)random_below(&random, 20000),
            .nodes = 2 + (uint32_t)random_below(&random, TAPE_ORACLE_NODES - 1),
            .instants = seed % 4 < 2 ? 3 : 1000000,
            .ended_percent = (unsigned)random_below(&random, 50),
        };
        struct ground ground = {.random = &random};
        const struct batch_after after = {&ground, ground_take};
        struct batch_options options = {
            .tape = tape_log_write(&log, simultaneous, &random),
            .range = {0, log.count},
            .node_count = TAPE_ORACLE_NODES,
            .simultaneous = simultaneous,
            .after = &after,
            .scratch_folder = *state,
            .threads = 1 + (unsigned)(seed % 3),
            .set = set_of(seed),
        };
        options_slice(&options, 1 + (unsigned)(seed % 5));
        MUST(batch_run(&batch, &options, &err));
        ground_replay(&ground, &batch, options.tape, simultaneous, seed, NULL, NULL);
        assert_memory_equal(ground.after, ground.oracle.now, sizeof ground.after);
        batch_release(&batch);
        tape_free(options.tape);
    }
}

/* Options of a batch on nothing, for nobody. */
static struct batch_options options_of(uint64_t events, size_t nodes, uint64_t memory_bytes) {
    return (struct batch_options){
        .range = {0, events},
        .node_count = nodes,
        .memory_bytes = memory_bytes,
        .threads = 2,
    };
}

/* Events by hand, of which the outcomes are known. */
struct hand {
    struct tape_block events;
    enum outcome outcomes[8];
    struct ground ground;
};

static void hand_put(struct hand *hand, enum event_kind kind, uint32_t from, uint32_t to,
                     enum outcome outcome) {
    size_t i = hand->events.count++;
    hand->events.at_ms[i] = (int64_t)i;
    hand->events.from[i] = from;
    hand->events.to[i] = to;
    hand->events.code[i] = event_code(kind, ORIGIN_ORGANIC);
    hand->outcomes[i] = outcome;
}

static void hand_check(void *context, const struct replay_block *block) {
    const struct hand *hand = context;
    assert_int_equal(block->count, hand->events.count);
    for (size_t i = 0; i < block->count; i++) {
        assert_int_equal(block->outcome[i], hand->outcomes[i]);
    }
}

static void hand_run(struct hand *hand, uint64_t open_ties) {
    struct err err;
    struct batch batch = {0};
    const struct batch_base base = {&hand->ground, ground_load};
    const struct batch_after after = {&hand->ground, ground_take};
    struct batch_options options = options_of(hand->events.count, TAPE_ORACLE_NODES, GENEROUS);
    memcpy(hand->ground.before, hand->ground.oracle.now, sizeof hand->ground.before);
    options.base = &base;
    options.after = &after;
    options.base_entries = ground_entries(hand->ground.before);
    MUST(tape_new(&options.tape, NULL, UINT64_MAX, &err));
    MUST(tape_put(options.tape, &hand->events, &err));
    MUST(tape_end(options.tape, &err));
    MUST(batch_run(&batch, &options, &err));
    ground_replay(&hand->ground, &batch, options.tape, SIMULTANEOUS_STRICT, 0, hand_check, hand);
    assert_memory_equal(hand->ground.after, hand->ground.oracle.now, sizeof hand->ground.after);
    assert_int_equal(batch.open_entries, 2 * open_ties);
    batch_release(&batch);
    tape_free(options.tape);
}

static void a_repeated_connect_is_a_duplicate_in_either_direction(void **state) {
    (void)state;
    static struct hand hand;
    hand_put(&hand, EVENT_CONNECT, 0, 1, OUTCOME_TIE);
    hand_put(&hand, EVENT_CONNECT, 0, 1, OUTCOME_DUPLICATE);
    hand_put(&hand, EVENT_CONNECT, 1, 0, OUTCOME_DUPLICATE);
    hand_run(&hand, 1);
}

static void a_disconnect_of_nothing_is_an_orphan(void **state) {
    (void)state;
    static struct hand hand;
    hand_put(&hand, EVENT_DISCONNECT, 0, 1, OUTCOME_ORPHAN);
    hand_put(&hand, EVENT_CONNECT, 0, 1, OUTCOME_TIE);
    hand_put(&hand, EVENT_DISCONNECT, 1, 0, OUTCOME_ENDING);
    hand_put(&hand, EVENT_DISCONNECT, 0, 1, OUTCOME_ORPHAN);
    hand_run(&hand, 0);
}

static void neighbours_of_the_base_are_known_to_events(void **state) {
    (void)state;
    static struct hand hand;
    struct random random;
    random_seed(&random, 1);
    hand.ground.random = &random;
    hand.ground.oracle.now[0] = 6; /* 1 and 2 */
    hand.ground.oracle.now[1] = 1;
    hand.ground.oracle.now[2] = 1;
    hand_put(&hand, EVENT_CONNECT, 1, 0, OUTCOME_DUPLICATE);
    hand_put(&hand, EVENT_CONNECT, 1, 2, OUTCOME_TIE);
    hand_put(&hand, EVENT_DISCONNECT, 2, 0, OUTCOME_ENDING);
    hand_run(&hand, 2);
}

static void long_rows_have_longer_results_whatever_the_plan_thought(void **state) {
    struct err err;
    struct random random;
    random_seed(&random, 1);
    struct tape_log log = {.count = 120000, .nodes = 3, .instants = 1000, .ended_percent = 2};
    struct ground ground = {.random = &random};
    struct batch batch = {0};
    struct batch_options options = options_of(log.count, TAPE_ORACLE_NODES, GENEROUS);
    options.tape = tape_log_write(&log, SIMULTANEOUS_STRICT, &random);
    options.scratch_folder = *state;
    struct batch_plan plan;
    MUST(batch_plan_make(&options, &plan, &err));
    assert_true(plan.results_in_memory);
    options.memory_bytes = plan.memory_bytes;
    MUST(batch_run(&batch, &options, &err));
    assert_in_range(batch.census.longest, RESULT_SHORT_MAX + 1, log.count);
    assert_false(batch.plan.results_in_memory);
    assert_in_range(batch.plan.memory_bytes, 1, options.memory_bytes);
    ground_replay(&ground, &batch, options.tape, SIMULTANEOUS_STRICT, 1, NULL, NULL);
    batch_release(&batch);
    tape_free(options.tape);
}

static void a_plan_takes_no_more_than_it_may(void **state) {
    (void)state;
    struct err err;
    unsigned slices_before = 1;
    for (uint64_t mib = 30000; mib >= 7000; mib -= 500) {
        struct batch_plan plan;
        struct batch_options options = options_of(2000000000, 20000000, mib << 20);
        MUST(batch_plan_make(&options, &plan, &err));
        assert_in_range(plan.memory_bytes, 1, mib << 20);
        assert_in_range(plan.slices, slices_before, BATCH_SLICES_MAX);
        assert_int_equal(plan.scratch_bytes,
                         (plan.slices > 1 ? UINT64_C(16000000000) : 0) +
                             (plan.results_in_memory ? 0 : UINT64_C(4000000000)));
        slices_before = plan.slices;
    }
    assert_in_range(slices_before, 2, 4);
}

static void a_plan_below_the_least_is_refused_with_the_least(void **state) {
    (void)state;
    struct err err;
    struct batch_plan plan;
    struct batch_options options = options_of(2000000000, 20000000, 1 << 30);
    MUST_FAIL(batch_plan_make(&options, &plan, &err), FAILURE_USAGE, "at least");
    options.memory_bytes = plan.least_bytes - 1;
    MUST_FAIL(batch_plan_make(&options, &plan, &err), FAILURE_USAGE, "2000000000 events");
    options.memory_bytes = plan.least_bytes;
    MUST(batch_plan_make(&options, &plan, &err));
    assert_int_equal(plan.memory_bytes, plan.least_bytes);
}

static void what_stands_beside_the_replay_counts_where_rows_are_gone(void **state) {
    (void)state;
    struct err err;
    struct batch_plan plan;
    struct batch_plan alone;
    struct batch_options options = options_of(2000000000, 20000000, UINT64_C(30000) << 20);
    MUST(batch_plan_make(&options, &alone, &err));
    options.beside_bytes = UINT64_C(2) << 30; /* less than the rows */
    MUST(batch_plan_make(&options, &plan, &err));
    assert_int_equal(plan.memory_bytes, alone.memory_bytes);
    options.beside_bytes = UINT64_C(25000) << 20;
    MUST(batch_plan_make(&options, &plan, &err));
    assert_in_range(plan.memory_bytes, options.beside_bytes, options.memory_bytes);
    options.beside_bytes = options.memory_bytes;
    MUST_FAIL(batch_plan_make(&options, &plan, &err), FAILURE_USAGE, "at least");
}

static struct status load_fails(void *context, const uint64_t *wanted, struct census *census,
                                struct arrival_rows *rows, struct err *err) {
    (void)context;
    (void)wanted;
    (void)census;
    (void)rows;
    return err_set(err, FAILURE_IO, "the base is gone");
}

static struct status take_fails(void *context, struct arrival_rows *rows, struct err *err) {
    (void)context;
    (void)rows;
    return err_set(err, FAILURE_IO, "nobody takes them");
}

static void failures_of_others_are_handed_on(void **state) {
    struct err err;
    struct random random;
    random_seed(&random, 1);
    struct tape_log log = {.count = 100, .nodes = 10, .instants = 100};
    const struct batch_base base = {NULL, load_fails};
    const struct batch_after after = {NULL, take_fails};
    struct batch_options options = options_of(100, TAPE_ORACLE_NODES, GENEROUS);
    options.tape = tape_log_write(&log, SIMULTANEOUS_STRICT, &random);
    options.scratch_folder = *state;
    for (unsigned slices = 1; slices <= 2; slices++) {
        struct batch batch = {0};
        options_slice(&options, slices);
        options.base = &base;
        options.after = NULL;
        MUST_FAIL(batch_run(&batch, &options, &err), FAILURE_IO, "gone");
        batch_release(&batch);
        options.base = NULL;
        options.after = &after;
        MUST_FAIL(batch_run(&batch, &options, &err), FAILURE_IO, "nobody");
        batch_release(&batch);
    }
    options.after = NULL;
    options.memory_bytes = 10;
    struct batch batch = {0};
    MUST_FAIL(batch_run(&batch, &options, &err), FAILURE_USAGE, "at least");
    batch_release(&batch);
    tape_free(options.tape);
}

struct heard {
    uint64_t rows;
    uint64_t embeddedness;
};

static void hear(void *context, const char *phase, uint64_t done, uint64_t all) {
    struct heard *heard = context;
    bool is_rows = strcmp(phase, "rows") == 0;
    uint64_t *latest = is_rows ? &heard->rows : &heard->embeddedness;
    assert_true(is_rows || strcmp(phase, "embeddedness") == 0);
    assert_in_range(done, *latest, all);
    *latest = done;
}

static void progress_ascends_to_all(void **state) {
    struct err err;
    struct random random;
    random_seed(&random, 2);
    struct tape_log log = {.count = 20000, .nodes = 60, .instants = 20000, .ended_percent = 30};
    struct heard heard = {0};
    struct batch batch = {0};
    struct batch_options options = options_of(log.count, TAPE_ORACLE_NODES, GENEROUS);
    options.tape = tape_log_write(&log, SIMULTANEOUS_STRICT, &random);
    options.scratch_folder = *state;
    options.progress = hear;
    options.progress_context = &heard;
    options_slice(&options, 3);
    MUST(batch_run(&batch, &options, &err));
    assert_int_equal(heard.rows, 3);
    assert_int_equal(heard.embeddedness, log.count);
    batch_release(&batch);
    tape_free(options.tape);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(strict_agrees_with_the_oracle_on_small_random_logs,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(sequence_agrees_with_the_oracle_on_small_random_logs,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(strict_agrees_with_the_oracle_on_larger_random_logs,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(sequence_agrees_with_the_oracle_on_larger_random_logs,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(long_tapes_agree_with_the_oracle, scratch_make,
                                        scratch_remove),
        cmocka_unit_test(a_repeated_connect_is_a_duplicate_in_either_direction),
        cmocka_unit_test(a_disconnect_of_nothing_is_an_orphan),
        cmocka_unit_test(neighbours_of_the_base_are_known_to_events),
        cmocka_unit_test_setup_teardown(long_rows_have_longer_results_whatever_the_plan_thought,
                                        scratch_make, scratch_remove),
        cmocka_unit_test(a_plan_takes_no_more_than_it_may),
        cmocka_unit_test(a_plan_below_the_least_is_refused_with_the_least),
        cmocka_unit_test(what_stands_beside_the_replay_counts_where_rows_are_gone),
        cmocka_unit_test_setup_teardown(failures_of_others_are_handed_on, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(progress_ascends_to_all, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
