/* The kernel against a replay of sets that looks at every pair of members for every event: random
 * logs with duplicates, orphans, ties made again and equal instants, on random graphs, and every
 * setting that must not matter. */
#include "stages/embeddedness/pivot_kernel.h"

#include "stages/base/random.h"
#include "tests/scratch.h"

#include <string.h>

enum { PEOPLE_MAX = 150, EVENTS_MAX = 6000 };

struct event_of {
    int64_t at_ms;
    uint32_t from;
    uint32_t to;
    bool is_disconnect;
    uint32_t result; /* the oracle's */
};

/* A graph, a batch on top of it, and both as the stages before the kernel would hand them over.
 * Members are numbered with gaps, so that their numbers leave equal rests in a filter. */
struct world {
    enum simultaneous simultaneous;
    uint32_t people;
    uint32_t stride;
    bool is_tied[PEOPLE_MAX][PEOPLE_MAX];
    struct event_of events[EVENTS_MAX];
    size_t event_count;
    struct census census;
    struct arrival_rows rows;
};

static size_t node_count_of(const struct world *world) {
    return (size_t)world->people * world->stride;
}

static void base_make(struct world *world, struct random *random) {
    uint64_t share = random_below(random, 3) == 0 ? 0 : random_below(random, 60);
    for (uint32_t a = 0; a < world->people; a++) {
        for (uint32_t b = 0; b < a; b++) {
            world->is_tied[a][b] = random_below(random, 100) < share;
            world->is_tied[b][a] = world->is_tied[a][b];
        }
    }
}

/* Members with small numbers are in more events. */
static uint32_t person_draw(const struct world *world, struct random *random) {
    uint64_t most = 1 + random_below(random, world->people);
    return (uint32_t)random_below(random, most);
}

static int events_compare(const void *left, const void *right) {
    const struct event_of *a = left;
    const struct event_of *b = right;
    if (a->at_ms != b->at_ms) {
        return a->at_ms < b->at_ms ? -1 : 1;
    }
    if (a->is_disconnect != b->is_disconnect) {
        return a->is_disconnect ? -1 : 1;
    }
    return a->from != b->from ? (a->from < b->from ? -1 : 1) : (a->to > b->to) - (a->to < b->to);
}

static void events_make(struct world *world, struct random *random, size_t most) {
    static const uint64_t shares[] = {0, 0, 2, 20, 50};
    uint64_t disconnects = shares[random_below(random, 5)];
    uint64_t step = 1 + random_below(random, 4);
    int64_t at_ms = 0;
    world->event_count = world->people < 2 ? 0 : random_below(random, most + 1);
    for (size_t i = 0; i < world->event_count; i++) {
        struct event_of *event = &world->events[i];
        event->from = person_draw(world, random);
        do {
            event->to = person_draw(world, random);
            event->to = event->to == event->from ? (uint32_t)random_below(random, world->people)
                                                 : event->to;
        } while (event->to == event->from);
        at_ms += (int64_t)random_below(random, step);
        event->at_ms = at_ms;
        event->is_disconnect = random_below(random, 100) < disconnects;
    }
    if (world->simultaneous == SIMULTANEOUS_STRICT) {
        qsort(world->events, world->event_count, sizeof *world->events, events_compare);
    }
}

static uint32_t mutual_of(const bool graph[PEOPLE_MAX][PEOPLE_MAX], uint32_t people,
                          const struct event_of *event) {
    uint32_t mutual = 0;
    for (uint32_t k = 0; k < people; k++) {
        mutual += graph[event->from][k] && graph[event->to][k];
    }
    return mutual;
}

/* What became of every event, by the letter of the definitions. */
static void oracle_replay(struct world *world) {
    static bool now[PEOPLE_MAX][PEOPLE_MAX];
    static bool before[PEOPLE_MAX][PEOPLE_MAX];
    memcpy(now, world->is_tied, sizeof now);
    for (size_t i = 0; i < world->event_count; i++) {
        struct event_of *event = &world->events[i];
        if (world->simultaneous == SIMULTANEOUS_SEQUENCE || i == 0 ||
            event->at_ms != world->events[i - 1].at_ms) {
            memcpy(before, now, sizeof now);
        }
        if (now[event->from][event->to] != event->is_disconnect) {
            event->result = RESULT_REJECTED;
            continue;
        }
        event->result =
            event->is_disconnect ? RESULT_ENDED : mutual_of(before, world->people, event);
        now[event->from][event->to] = !event->is_disconnect;
        now[event->to][event->from] = !event->is_disconnect;
    }
}

static void census_make(struct world *world, struct random *random) {
    struct err err;
    struct census *census = &world->census;
    size_t bytes = node_count_of(world) * sizeof(uint32_t);
    census->node_count = node_count_of(world);
    census->range = (struct tape_range){0, world->event_count};
    MUST(pages_grow(&census->entries, bytes, "entries", &err));
    MUST(pages_grow(&census->owned, bytes, "owned", &err));
    uint32_t *entries = census->entries.data;
    uint64_t tied = 0;
    for (uint32_t a = 0; a < world->people; a++) {
        for (uint32_t b = 0; b < world->people; b++) {
            tied += world->is_tied[a][b];
        }
    }
    if (tied > 0 || random_below(random, 2) == 0) {
        MUST(pages_grow(&census->base, bytes, "base", &err));
    }
    for (uint32_t a = 0; a < world->people && tied > 0; a++) {
        for (uint32_t b = 0; b < world->people; b++) {
            ((uint32_t *)census->base.data)[a * world->stride] += world->is_tied[a][b];
        }
    }
    for (size_t i = 0; i < world->event_count; i++) {
        entries[world->events[i].from * world->stride]++;
        entries[world->events[i].to * world->stride]++;
    }
    for (uint32_t node = 0; node < census->node_count; node++) {
        uint32_t row = census_base(census, node) + entries[node];
        census->longest = row > census->longest ? row : census->longest;
    }
    for (size_t i = 0; i < world->event_count; i++) {
        uint32_t from = world->events[i].from * world->stride;
        uint32_t to = world->events[i].to * world->stride;
        ((uint32_t *)census->owned.data)[census_is_pivot(census, from, to) ? from : to]++;
    }
}

/* The flags of event i's entry in the row of `person`, whose last event before it was `last`. */
static uint32_t flags_of(const struct world *world, size_t i, uint32_t person, size_t last) {
    const struct event_of *event = &world->events[i];
    uint32_t other = event->from == person ? event->to : event->from;
    uint32_t flags = event->is_disconnect ? ROW_ENDED : 0;
    flags |= event->result == RESULT_REJECTED ? ROW_REJECTED : 0;
    if (last != SIZE_MAX && world->events[last].at_ms == event->at_ms &&
        world->simultaneous == SIMULTANEOUS_STRICT) {
        flags |= ROW_SAME;
    }
    for (size_t k = 0; k < i; k++) {
        const struct event_of *earlier = &world->events[k];
        if ((earlier->from == person && earlier->to == other) ||
            (earlier->from == other && earlier->to == person)) {
            return flags | ROW_REPEAT;
        }
    }
    return flags;
}

static uint64_t row_make(struct world *world, uint32_t person, uint32_t *entries, uint64_t at) {
    size_t last = SIZE_MAX;
    for (uint32_t b = world->people; b-- > 0;) {
        if (world->is_tied[person][b]) {
            entries[at++] = b * world->stride;
        }
    }
    for (size_t i = 0; i < world->event_count; i++) {
        const struct event_of *event = &world->events[i];
        if (event->from != person && event->to != person) {
            continue;
        }
        uint32_t flags = flags_of(world, i, person, last);
        uint32_t other = event->from == person ? event->to : event->from;
        entries[at++] = other * world->stride | flags;
        last = i;
        if ((flags & (ROW_ENDED | ROW_REJECTED)) != 0) {
            uint32_t node = person * world->stride - world->rows.first;
            ((uint64_t *)world->rows.signed_nodes.data)[node >> 6] |= UINT64_C(1) << (node & 63);
        }
    }
    return at;
}

/* Makes the rows of the nodes [first, end). */
static void rows_make(struct world *world, uint32_t first, uint32_t end) {
    struct err err;
    struct arrival_rows *rows = &world->rows;
    arrival_rows_release(rows);
    uint64_t most = 1;
    for (uint32_t node = first; node < end; node++) {
        most += census_base(&world->census, node) + census_entries(&world->census, node);
    }
    rows->first = first;
    rows->end = end;
    MUST(pages_grow(&rows->offsets, (end - first + 1) * sizeof(uint64_t), "offsets", &err));
    MUST(pages_grow(&rows->entries, most * sizeof(uint32_t), "entries", &err));
    MUST(pages_grow(&rows->signed_nodes, (end - first + 63) / 64 * 8, "signed", &err));
    uint64_t *offsets = rows->offsets.data;
    for (uint32_t node = first; node < end; node++) {
        uint64_t at = offsets[node - first];
        offsets[node - first + 1] =
            node % world->stride != 0
                ? at
                : row_make(world, node / world->stride, rows->entries.data, at);
    }
}

static void world_make(struct world *world, struct random *random) {
    static const uint32_t strides[] = {1, 1, 512, 1024, 1031};
    memset(world, 0, sizeof *world);
    bool is_large = random_below(random, 20) == 0;
    world->simultaneous = (enum simultaneous)random_below(random, 2);
    world->people = 1 + (uint32_t)random_below(random, is_large ? PEOPLE_MAX : 25);
    world->stride = strides[random_below(random, 5)];
    base_make(world, random);
    events_make(world, random, is_large ? EVENTS_MAX / 4 : 300);
    oracle_replay(world);
    census_make(world, random);
    rows_make(world, 0, (uint32_t)node_count_of(world));
}

static void world_release(struct world *world) {
    pages_release(&world->census.base);
    pages_release(&world->census.entries);
    pages_release(&world->census.owned);
    arrival_rows_release(&world->rows);
}

static uint32_t result_at(const struct results *results, uint64_t slot) {
    struct results_view view = results_view(results);
    return results_at(&view, slot);
}

/* The event's slot: its pivot, and how many of the pivot's events came before it. */
static void slots_must_equal(const struct world *world, const struct results *const *parts,
                             size_t part_count) {
    static uint32_t owned[PEOPLE_MAX];
    memset(owned, 0, sizeof owned);
    for (size_t i = 0; i < world->event_count; i++) {
        const struct event_of *event = &world->events[i];
        bool is_from =
            census_is_pivot(&world->census, event->from * world->stride, event->to * world->stride);
        uint32_t pivot = is_from ? event->from : event->to;
        uint64_t slot = results_first(parts[0], pivot * world->stride) + owned[pivot]++;
        uint32_t result = result_at(parts[0], slot);
        for (size_t k = 1; k < part_count && result < RESULT_UNKNOWN; k++) {
            result += result_at(parts[k], slot);
        }
        if (result != event->result) {
            fail_msg("event %zu of %zu: %u, not %u", i, world->event_count, result, event->result);
        }
    }
}

static void job_run(const struct world *world, struct pivot_job *job, const char *scratch_folder,
                    struct results **results) {
    struct err err;
    MUST(results_new(results, &world->census, scratch_folder, &err));
    job->census = &world->census;
    job->peers = &world->rows;
    job->results = *results;
    MUST(pivot_kernel_run(job, &err));
    MUST(results_seal(*results, job->threads, &err));
}

static void results_are_those_of_the_sets_whatever_the_set_and_the_threads(void **state) {
    (void)state;
    static struct world world;
    for (uint64_t seed = 0; seed < 1500; seed++) {
        struct random random;
        random_seed(&random, seed);
        world_make(&world, &random);
        for (enum kernel_set set = KERNEL_AUTO; set < KERNEL_SETS; set++) {
            struct pivot_job job = {
                .part = {0, 1}, .set = set, .threads = 1 + (unsigned)((seed + set) % 3)};
            struct results *results = NULL;
            if (kernel_set_is_here(set)) {
                job_run(&world, &job, NULL, &results);
                slots_must_equal(&world, (const struct results *const *)&results, 1);
                results_free(results);
            }
        }
        world_release(&world);
    }
}

static void parts_add_up(void **state) {
    (void)state;
    enum { PARTS = 3 };
    static struct world world;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct random random;
        random_seed(&random, seed);
        world_make(&world, &random);
        struct results *results[PARTS] = {NULL};
        for (uint32_t part = 0; part < PARTS; part++) {
            struct pivot_job job = {.part = {part, PARTS}, .threads = 2};
            job_run(&world, &job, NULL, &results[part]);
        }
        slots_must_equal(&world, (const struct results *const *)results, PARTS);
        for (uint32_t part = 0; part < PARTS; part++) {
            results_free(results[part]);
        }
        world_release(&world);
    }
}

/* Cuts the nodes into slices, appends the rows of each to the file, then runs the kernel on each.
 */
static void slices_run(struct world *world, struct random *random, const char *folder,
                       struct results *results) {
    struct err err;
    struct row_file *file;
    uint32_t nodes = (uint32_t)node_count_of(world);
    uint32_t starts[6] = {0};
    uint32_t slices = 1 + (uint32_t)random_below(random, 5);
    for (uint32_t i = 1; i <= slices; i++) {
        uint32_t left = nodes - starts[i - 1];
        starts[i] = i == slices ? nodes : starts[i - 1] + (uint32_t)random_below(random, left + 1);
    }
    MUST(row_file_open(&file, folder, nodes, &err));
    for (uint32_t i = 0; i < slices; i++) {
        rows_make(world, starts[i], starts[i + 1]);
        MUST(row_file_append(file, &world->rows, &err));
    }
    for (uint32_t i = slices; i-- > 0;) {
        struct pivot_job job = {.census = &world->census,
                                .peers = &world->rows,
                                .pivots = file,
                                .results = results,
                                .part = {0, 1},
                                .threads = 1 + i % 3};
        rows_make(world, starts[i], starts[i + 1]);
        MUST(pivot_kernel_run(&job, &err));
    }
    row_file_close(file);
}

static void slices_of_the_peers_fill_the_same_slots(void **state) {
    static struct world world;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct err err;
        struct random random;
        struct results *results;
        random_seed(&random, seed);
        world_make(&world, &random);
        MUST(results_new(&results, &world.census, seed % 2 == 0 ? NULL : *state, &err));
        slices_run(&world, &random, *state, results);
        MUST(results_seal(results, 2, &err));
        slots_must_equal(&world, (const struct results *const *)&results, 1);
        results_free(results);
        world_release(&world);
    }
}

/* Two members who tie and part, thousands of times: rows longer than any window. */
static void a_pair_made_again_and_again_is_counted_each_time(void **state) {
    (void)state;
    static struct world world;
    memset(&world, 0, sizeof world);
    world.people = 6;
    world.stride = 1;
    for (uint32_t i = 0; i < EVENTS_MAX; i++) {
        bool is_pair = i % 10 != 0;
        world.events[world.event_count++] = (struct event_of){
            .at_ms = i / 3,
            .from = is_pair ? 0 : i / 20 % 2,
            .to = is_pair ? 1 : 2 + i / 40 % 4,
            .is_disconnect = is_pair ? i % 2 == 0 : i / 160 % 2 == 1,
        };
    }
    qsort(world.events, world.event_count, sizeof *world.events, events_compare);
    struct random random;
    random_seed(&random, 1);
    oracle_replay(&world);
    census_make(&world, &random);
    rows_make(&world, 0, 6);
    struct pivot_job job = {.part = {0, 1}, .threads = 1};
    struct results *results;
    job_run(&world, &job, NULL, &results);
    slots_must_equal(&world, (const struct results *const *)&results, 1);
    results_free(results);
    world_release(&world);
}

struct progress_seen {
    uint64_t events;
    unsigned calls;
};

static void progress_take(void *context, uint64_t events) {
    struct progress_seen *seen = context;
    assert_true(events >= seen->events);
    seen->events = events;
    seen->calls++;
}

static void progress_is_told_up_to_all_events(void **state) {
    (void)state;
    static struct world world;
    struct random random;
    random_seed(&random, 3);
    do {
        world_release(&world);
        world_make(&world, &random);
    } while (world.event_count < 100);
    struct progress_seen seen = {0};
    struct pivot_job job = {
        .part = {0, 1}, .threads = 1, .progress = progress_take, .progress_context = &seen};
    struct results *results;
    job_run(&world, &job, NULL, &results);
    assert_int_equal(seen.events, world.event_count);
    assert_true(seen.calls > 0);
    results_free(results);
    world_release(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_the_sets_whatever_the_set_and_the_threads),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test_setup_teardown(slices_of_the_peers_fill_the_same_slots, scratch_make,
                                        scratch_remove),
        cmocka_unit_test(a_pair_made_again_and_again_is_counted_each_time),
        cmocka_unit_test(progress_is_told_up_to_all_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
