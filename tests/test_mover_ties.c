/* The sides that are kept, against a look at every tie and every move. */
#include "stages/attribution/mover_ties.h"

#include "stages/base/number.h"
#include "stages/base/random.h"
#include "stages/tie_store/tie_segment.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

/* More people than groups; a few of them have most of the ties, which take several blocks. */
enum { PEOPLE = 20000, NODES = PEOPLE - 100, TIES = 3000, HUBS = 3, SEGMENTS = 2, DAYS = 100 };

struct made_tie {
    int64_t created_ms;
    int64_t ending_ms; /* of an ending behind it; TIE_OPEN_MS: none */
    int64_t ended_ms;  /* by the pair's first ending behind it */
    uint32_t from;     /* nodes */
    uint32_t to;
    uint32_t mutual;
    uint32_t degree_from;
    uint32_t degree_to;
};

struct town {
    struct random random;
    uint32_t of_node[NODES + 1];
    uint32_t nodes[PEOPLE + 1];
    struct people people;
    size_t move_begin[PEOPLE + 1];
    struct move moves[2 * PEOPLE];
    struct careers careers;
    struct made_tie ties[TIES];
    char paths[SEGMENTS][600];
    const char *path_list[SEGMENTS];
};

static void people_make(struct town *town) {
    town->people = (struct people){
        .count = PEOPLE, .of_node = town->of_node, .nodes = town->nodes, .node_count = NODES};
    memset(town->nodes, 0xff, sizeof town->nodes); /* PERSON_NONE */
    for (uint32_t node = 0; node < NODES; node++) {
        uint32_t person = (uint32_t)((uint64_t)node * 7919 % PEOPLE); /* prime: a permutation */
        town->of_node[node] = person;
        town->nodes[person] = node;
    }
}

/* About one in five has moved, some of them twice; others have entries alone. */
static void careers_make(struct town *town) {
    size_t count = 0;
    for (uint32_t person = 0; person < PEOPLE; person++) {
        town->move_begin[person] = count;
        for (uint64_t rows = random_below(&town->random, 3); rows > 0; rows--) {
            int64_t day = (int64_t)random_below(&town->random, DAYS);
            town->moves[count++] = (struct move){
                .at = {day * DAY_MS, (day + 1) * DAY_MS},
                .person = person,
                .kind = random_below(&town->random, 5) == 0 ? MOVE_MOVE : MOVE_ENTRY,
            };
        }
    }
    town->move_begin[PEOPLE] = count;
    town->careers = (struct careers){.person_count = PEOPLE,
                                     .move_begin = town->move_begin,
                                     .moves = town->moves,
                                     .move_count = count};
}

static void ties_make(struct town *town) {
    for (size_t i = 0; i < TIES; i++) {
        bool has_hub = random_below(&town->random, 3) != 0;
        uint64_t low =
            has_hub ? random_below(&town->random, HUBS) : random_below(&town->random, NODES - 1);
        uint64_t high = low + 1 + random_below(&town->random, NODES - 1 - low);
        int64_t created_ms = (int64_t)(i * DAYS * (uint64_t)DAY_MS / TIES);
        bool is_ended = random_below(&town->random, 8) == 0;
        town->ties[i] = (struct made_tie){
            .created_ms = created_ms,
            .ending_ms = is_ended ? created_ms + DAY_MS : TIE_OPEN_MS,
            .from = (uint32_t)(i % 2 == 0 ? low : high),
            .to = (uint32_t)(i % 2 == 0 ? high : low),
            .mutual = (uint32_t)(i % 7),
            .degree_from = (uint32_t)(7 + i % 5),
            .degree_to = (uint32_t)(8 + i % 3),
        };
    }
    for (size_t i = 0; i < TIES; i++) {
        struct made_tie *tie = &town->ties[i];
        tie->ended_ms = TIE_OPEN_MS;
        for (size_t j = i; j < TIES && tie->ended_ms == TIE_OPEN_MS; j++) {
            const struct made_tie *later = &town->ties[j];
            bool is_same = (later->from == tie->from && later->to == tie->to) ||
                           (later->from == tie->to && later->to == tie->from);
            tie->ended_ms = is_same ? later->ending_ms : TIE_OPEN_MS;
        }
    }
}

static void segment_write(const struct town *town, size_t segment) {
    struct err err;
    struct output *output;
    struct tie_segment_writer *writer;
    size_t first = segment * TIES / SEGMENTS;
    size_t end = (segment + 1) * TIES / SEGMENTS;
    MUST(output_open(&output, town->paths[segment], false, &err));
    MUST(tie_segment_writer_new(&writer, output, first, 1, &err));
    for (size_t i = first; i < end; i++) {
        const struct made_tie *tie = &town->ties[i];
        const struct stored_tie stored = {.created_at_ms = tie->created_ms,
                                          .from = tie->from,
                                          .to = tie->to,
                                          .mutual = tie->mutual,
                                          .degree_from = tie->degree_from,
                                          .degree_to = tie->degree_to};
        MUST(tie_segment_put_tie(writer, &stored, &err));
        if (tie->ending_ms != TIE_OPEN_MS) {
            const struct tie_ending ending = {.from = tie->to,
                                              .to = tie->from,
                                              .ended_at_ms = tie->ending_ms,
                                              .ties_before = i + 1};
            MUST(tie_segment_put_ending(writer, &ending, &err));
        }
    }
    MUST(tie_segment_end(writer, &err));
    tie_segment_writer_free(writer);
    MUST(output_commit(output, NULL, NULL, &err));
}

static struct town *town_make(uint64_t seed, const char *folder) {
    struct town *town = calloc(1, sizeof *town);
    assert_non_null(town);
    random_seed(&town->random, seed);
    people_make(town);
    careers_make(town);
    ties_make(town);
    for (size_t i = 0; i < SEGMENTS; i++) {
        (void)snprintf(town->paths[i], sizeof town->paths[i], "%s/%zu.tff", folder, i);
        town->path_list[i] = town->paths[i];
        segment_write(town, i);
    }
    return town;
}

/* Whether the tie was made before the end of a move of the person. */
static bool is_of_use(const struct town *town, uint32_t person, const struct made_tie *tie) {
    for (size_t i = town->move_begin[person]; i < town->move_begin[person + 1]; i++) {
        if (town->moves[i].kind == MOVE_MOVE && tie->created_ms < town->moves[i].at.hi_ms) {
            return true;
        }
    }
    return false;
}

/* All times differ, so sides lie in the order of the ties. */
static size_t assert_mover(const struct town *town, const struct mover *mover) {
    size_t found = 0;
    uint32_t node = town->nodes[mover->person];
    for (size_t i = 0; i < TIES && node != PERSON_NONE; i++) {
        const struct made_tie *tie = &town->ties[i];
        if ((tie->from != node && tie->to != node) || !is_of_use(town, mover->person, tie)) {
            continue;
        }
        assert_true(found < mover->count);
        const struct side *side = &mover->sides[found++];
        bool invited = tie->from == node;
        assert_int_equal(side->created_ms, tie->created_ms);
        assert_int_equal(side->ended_ms, tie->ended_ms);
        assert_int_equal(side->contact, town->of_node[invited ? tie->to : tie->from]);
        assert_int_equal(side->mutual, tie->mutual);
        assert_int_equal(side->degree_mover, invited ? tie->degree_from : tie->degree_to);
        assert_int_equal(side->degree_contact, invited ? tie->degree_to : tie->degree_from);
        assert_int_equal(side->mover_invited, invited);
    }
    assert_int_equal(mover->count, found);
    return found;
}

/* Returns how many walks there were. */
static size_t assert_all(const struct town *town, size_t memory_bytes, unsigned threads,
                         size_t *kept) {
    struct err err;
    const struct mover_ties_inputs inputs = {.segment_paths = town->path_list,
                                             .segment_count = SEGMENTS,
                                             .people = &town->people,
                                             .careers = &town->careers,
                                             .memory_bytes = memory_bytes,
                                             .threads = threads};
    struct mover_ties *ties;
    struct mover_group group = {0};
    struct side_scratch scratch = {0};
    size_t walks = 0;
    *kept = 0;
    MUST(mover_ties_new(&ties, &inputs, &err));
    size_t step = mover_ties_group_people(ties);
    assert_true(step > 1);
    for (size_t first = 0, end; first < PEOPLE; first = end) {
        MUST(mover_ties_walk(ties, first, &end, &err));
        assert_true(end > first && (end == PEOPLE || end % step == 0));
        assert_int_equal(mover_ties_count(ties), TIES);
        for (size_t at = first; at < end; at += step) {
            MUST(mover_ties_take(ties, at, &group, &err));
            for (size_t person = at; person < end && person < at + step; person++) {
                struct mover mover;
                MUST(mover_group_mover(&group, person, &scratch, &mover, &err));
                assert_int_equal(mover.person, person);
                *kept += assert_mover(town, &mover);
            }
        }
        walks++;
    }
    mover_group_release(&group);
    side_scratch_release(&scratch);
    mover_ties_free(ties);
    return walks;
}

static void sides_of_those_who_moved_are_kept_in_any_memory(void **state) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct town *town = town_make(seed, *state);
        size_t kept;
        assert_int_equal(assert_all(town, SIZE_MAX, 1, &kept), 1);
        assert_true(kept > TIES / 20);
        size_t again;
        assert_true(assert_all(town, kept * 40 / 3, 2, &again) > 1);
        assert_int_equal(again, kept);
        assert_int_equal(assert_all(town, kept * 40, 2, &again), 1);
        free(town);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sides_of_those_who_moved_are_kept_in_any_memory,
                                        scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
