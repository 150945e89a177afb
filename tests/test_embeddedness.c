/* The kernel against the oracle, over thousands of random logs with every wart, and every setting
 * that must not matter. */
#include "stages/embeddedness/embeddedness.h"

#include "stages/adjacency/adjacency.h"
#include "stages/dictionary/dictionary.h"
#include "stages/order/order.h"
#include "tests/oracle.h"
#include "tests/testing.h"

#include <string.h>

/* How the stages are driven; none of it may show in the ties. */
struct drive {
    enum simultaneous simultaneous;
    size_t batch;
    unsigned threads;
    struct part part;
};

/* The stages in a row, as the engine drives them. */
struct line {
    struct drive drive;
    struct order *order;
    struct dictionary dictionary;
    struct adjacency adjacency;
    struct embeddedness *embeddedness;
    struct tie_batch batch;
    struct tie ties[ORACLE_EVENTS_MAX];
    size_t tie_count;
    struct quality quality;
};

static void batch_collect(struct line *line) {
    const struct tie_batch *batch = &line->batch;
    size_t ended_seen = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct tie *tie = &line->ties[line->tie_count++];
        *tie = (struct tie){
            .from = dictionary_member(&line->dictionary, (struct node_id){batch->from[i]}),
            .to = dictionary_member(&line->dictionary, (struct node_id){batch->to[i]}),
            .created_at_ms = batch->created_at_ms[i],
            .mutual = batch->mutual[i],
            .degree_from = batch->seen_from[i],
            .degree_to = batch->seen_to[i],
            .origin = (uint8_t)tie_batch_origin(batch->code[i]),
        };
        if (ended_seen < batch->ended_seen_count && batch->ended_seen[ended_seen].index == i) {
            tie->degree_from -= 2 * batch->ended_seen[ended_seen].from;
            tie->degree_to -= 2 * batch->ended_seen[ended_seen].to;
            ended_seen++;
        }
    }
    line->quality.count[QUALITY_TIES] += batch->count;
    line->quality.count[QUALITY_ENDINGS] += batch->ending_count;
    for (size_t i = 0; i < batch->rejected_count; i++) {
        line->quality.count[batch->rejected[i].check]++;
    }
}

static void batch_run(struct line *line) {
    struct err err;
    struct tie_batch *batch = &line->batch;
    while (batch->next < batch->staged) {
        MUST(adjacency_apply(&line->adjacency, batch, dictionary_count(&line->dictionary),
                             line->drive.simultaneous, &err));
        MUST(embeddedness_compute(line->embeddedness, &line->adjacency.rows, batch,
                                  line->drive.part, &err));
        batch_collect(line);
    }
    tie_batch_clear(batch);
}

static void event_stage(struct line *line, const struct event *event) {
    struct err err;
    struct tie_batch *batch = &line->batch;
    struct member_id members[2] = {event->from, event->to};
    struct node_id nodes[2];
    if (event->from.v == event->to.v) {
        line->quality.count[QUALITY_SELF_LOOP]++;
        return;
    }
    MUST(dictionary_resolve(&line->dictionary, members, 2, nodes, &err));
    MUST(tie_batch_reserve(batch, 1, &err));
    batch->created_at_ms[batch->staged] = event->at_ms;
    batch->from[batch->staged] = nodes[0].v;
    batch->to[batch->staged] = nodes[1].v;
    batch->code[batch->staged] = tie_batch_code(event->kind, event->origin);
    batch->staged++;
}

static void line_run(struct line *line, const struct event *events, size_t count) {
    struct err err;
    MUST(order_new(&line->order, line->drive.simultaneous, &err));
    MUST(order_add(line->order, events, count, &err));
    MUST(order_finish(line->order, &err));
    MUST(embeddedness_new(&line->embeddedness, line->drive.threads, &err));
    for (;;) {
        const struct event *ordered;
        size_t got;
        MUST(order_next(line->order, line->drive.batch, &ordered, &got, &err));
        if (got == 0) {
            break;
        }
        for (size_t i = 0; i < got; i++) {
            event_stage(line, &ordered[i]);
        }
        batch_run(line);
    }
}

static void line_release(struct line *line) {
    order_free(line->order);
    dictionary_release(&line->dictionary);
    adjacency_release(&line->adjacency);
    embeddedness_free(line->embeddedness);
    tie_batch_release(&line->batch);
}

static void ties_must_equal(const struct line *line, const struct oracle_result *oracle,
                            uint64_t seed) {
    if (line->tie_count != oracle->tie_count) {
        fail_msg("seed %llu: %zu ties, the oracle has %zu", (unsigned long long)seed,
                 line->tie_count, oracle->tie_count);
    }
    for (size_t i = 0; i < line->tie_count; i++) {
        const struct tie *a = &line->ties[i];
        const struct tie *b = &oracle->ties[i];
        if (a->from.v != b->from.v || a->to.v != b->to.v || a->created_at_ms != b->created_at_ms ||
            a->mutual != b->mutual || a->degree_from != b->degree_from ||
            a->degree_to != b->degree_to || a->origin != b->origin) {
            fail_msg("seed %llu, tie %zu: mutual %u degrees %u %u, the oracle has %u, %u %u",
                     (unsigned long long)seed, i, a->mutual, a->degree_from, a->degree_to,
                     b->mutual, b->degree_from, b->degree_to);
        }
    }
    for (int check = QUALITY_DUPLICATE; check <= QUALITY_SELF_LOOP; check++) {
        assert_int_equal(line->quality.count[check], oracle->quality.count[check]);
    }
    assert_int_equal(line->quality.count[QUALITY_TIES], oracle->quality.count[QUALITY_TIES]);
    assert_int_equal(line->quality.count[QUALITY_ENDINGS], oracle->quality.count[QUALITY_ENDINGS]);
}

static void random_logs_must_agree(enum simultaneous simultaneous, uint64_t logs, size_t most) {
    static const size_t batches[] = {1, 2, 7, 1000, ORACLE_EVENTS_MAX};
    static struct event events[ORACLE_EVENTS_MAX];
    static struct oracle_result oracle;
    static struct line line;
    for (uint64_t seed = 0; seed < logs; seed++) {
        struct random random;
        random_seed(&random, seed);
        size_t count = oracle_log(&random, events, most);
        oracle_run(events, count, simultaneous, &oracle);
        memset(&line, 0, sizeof line);
        line.drive = (struct drive){
            .simultaneous = simultaneous,
            .batch = batches[seed % 5],
            .threads = 1 + (unsigned)(seed / 5 % 3),
            .part = {0, 1},
        };
        line_run(&line, events, count);
        ties_must_equal(&line, &oracle, seed);
        line_release(&line);
    }
}

static void strict_agrees_with_the_oracle_on_small_random_logs(void **state) {
    (void)state;
    random_logs_must_agree(SIMULTANEOUS_STRICT, 4000, 60);
}

static void sequence_agrees_with_the_oracle_on_small_random_logs(void **state) {
    (void)state;
    random_logs_must_agree(SIMULTANEOUS_SEQUENCE, 4000, 60);
}

static void strict_agrees_with_the_oracle_on_larger_random_logs(void **state) {
    (void)state;
    random_logs_must_agree(SIMULTANEOUS_STRICT, 60, 3000);
}

static void sequence_agrees_with_the_oracle_on_larger_random_logs(void **state) {
    (void)state;
    random_logs_must_agree(SIMULTANEOUS_SEQUENCE, 60, 3000);
}

static void parts_of_the_common_neighbours_add_up_to_the_whole(void **state) {
    (void)state;
    static struct event events[ORACLE_EVENTS_MAX];
    static struct oracle_result oracle;
    static struct line line;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct random random;
        random_seed(&random, 1000 + seed);
        size_t count = oracle_log(&random, events, 400);
        uint32_t parts = 2 + (uint32_t)random_below(&random, 6);
        static uint32_t sums[ORACLE_EVENTS_MAX];
        memset(sums, 0, sizeof sums);
        oracle_run(events, count, SIMULTANEOUS_STRICT, &oracle);
        for (uint32_t part = 0; part < parts; part++) {
            memset(&line, 0, sizeof line);
            line.drive = (struct drive){SIMULTANEOUS_STRICT, 50, 2, {part, parts}};
            line_run(&line, events, count);
            assert_int_equal(line.tie_count, oracle.tie_count);
            for (size_t i = 0; i < line.tie_count; i++) {
                sums[i] += line.ties[i].mutual;
                assert_int_equal(line.ties[i].degree_from, oracle.ties[i].degree_from);
            }
            line_release(&line);
        }
        for (size_t i = 0; i < oracle.tie_count; i++) {
            assert_int_equal(sums[i], oracle.ties[i].mutual);
        }
    }
}

/* One pair that is made and ended for ever, beside a clique that must not notice. */
static void a_pair_that_flickers_costs_little_and_changes_nothing(void **state) {
    (void)state;
    static struct line line;
    static struct event events[ORACLE_EVENTS_MAX];
    static struct oracle_result oracle;
    size_t count = 0;
    for (uint64_t i = 0; i < 10; i++) {
        for (uint64_t j = 0; j < i; j++) {
            events[count] = (struct event){
                .at_ms = (int64_t)count, .from = {i}, .to = {j}, .kind = EVENT_CONNECT};
            count++;
        }
    }
    while (count < ORACLE_EVENTS_MAX) {
        events[count] = (struct event){.at_ms = (int64_t)count,
                                       .from = {0},
                                       .to = {1},
                                       .kind = count % 2 == 0 ? EVENT_CONNECT : EVENT_DISCONNECT};
        count++;
    }
    oracle_run(events, count, SIMULTANEOUS_STRICT, &oracle);
    memset(&line, 0, sizeof line);
    line.drive = (struct drive){SIMULTANEOUS_STRICT, ORACLE_EVENTS_MAX, 2, {0, 1}};
    line_run(&line, events, count);
    ties_must_equal(&line, &oracle, 0);
    line_release(&line);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_agrees_with_the_oracle_on_small_random_logs),
        cmocka_unit_test(sequence_agrees_with_the_oracle_on_small_random_logs),
        cmocka_unit_test(strict_agrees_with_the_oracle_on_larger_random_logs),
        cmocka_unit_test(sequence_agrees_with_the_oracle_on_larger_random_logs),
        cmocka_unit_test(parts_of_the_common_neighbours_add_up_to_the_whole),
        cmocka_unit_test(a_pair_that_flickers_costs_little_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
