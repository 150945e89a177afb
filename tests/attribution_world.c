#include "tests/attribution_world.h"

#include "stages/tie_store/tie_segment.h"
#include "tests/testing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_MS INT64_C(86400000)
#define BEGIN_MS (INT64_C(15000) * DAY_MS)

static bool one_in(struct random *random, uint64_t times) {
    return random_below(random, times) == 0;
}

static uint32_t below(struct random *random, uint64_t bound) {
    return (uint32_t)random_below(random, bound);
}

/* A time in the world's few years; often the very beginning of a day. */
static int64_t some_time(struct world *world, uint64_t days) {
    int64_t at_ms = BEGIN_MS + (int64_t)random_below(&world->random, days) * DAY_MS;
    return one_in(&world->random, 2) ? at_ms : at_ms + (int64_t)random_below(&world->random, 5);
}

static void settings_make(struct world *world) {
    struct random *random = &world->random;
    world->settings = attribution_presets[below(random, ATTRIBUTION_PRESETS)];
    if (one_in(random, 3)) {
        world->settings.preset = "own";
        world->settings.tie_days = below(random, 2) * below(random, 100);
        world->settings.job_days = below(random, 2) * below(random, 100);
        world->settings.alter_active = one_in(random, 2);
        world->settings.tie_first = one_in(random, 2);
        world->settings.ended_ties = one_in(random, 2) ? ENDED_INCLUDE : ENDED_EXCLUDE;
        world->settings.mass_movers = 1 + below(random, 3);
        world->settings.threshold = below(random, 4);
        world->settings.intensity_days = below(random, 400);
    }
}

static void people_make(struct world *world) {
    struct random *random = &world->random;
    size_t count = 2 + below(random, WORLD_PEOPLE_MAX - 1);
    world->people = (struct people){
        .ids = world->ids, .count = count, .of_node = world->of_node, .nodes = world->nodes};
    uint64_t id = below(random, 3);
    for (uint32_t i = 0; i < count; i++) {
        world->ids[i] = id;
        id += 1 + (one_in(random, 2) ? 0 : random_below(random, UINT64_MAX / 30));
        world->nodes[i] = PERSON_NONE;
        if (!one_in(random, 8)) { /* into a random place among the nodes */
            size_t at = below(random, world->people.node_count + 1);
            memmove(&world->of_node[at + 1], &world->of_node[at],
                    (world->people.node_count - at) * sizeof world->of_node[0]);
            world->of_node[at] = i;
            world->people.node_count++;
        }
    }
    for (uint32_t node = 0; node < world->people.node_count; node++) {
        world->nodes[world->of_node[node]] = node;
    }
}

static void attribute_make(struct world *world, size_t which, struct attribute *attribute) {
    struct random *random = &world->random;
    if (one_in(random, 4)) {
        return;
    }
    attribute->count = 1 + below(random, WORLD_VALUES);
    attribute->ids = world->value_ids[which];
    attribute->of_person = world->values[which];
    for (size_t i = 0; i < attribute->count; i++) {
        attribute->ids[i] = 10 * i + below(random, 10);
    }
    for (size_t i = 0; i < world->people.count; i++) {
        uint32_t value = below(random, attribute->count + 1);
        world->values[which][i] = value == attribute->count ? PROFILE_UNKNOWN : value;
    }
}

static void profiles_make(struct world *world) {
    struct profiles *profiles = &world->profiles;
    attribute_make(world, 0, &profiles->industry);
    attribute_make(world, 1, &profiles->country);
    attribute_make(world, 2, &profiles->region);
    attribute_make(world, 3, &profiles->place);
    if (!one_in(&world->random, 3)) {
        profiles->career_start_year = world->years;
        for (size_t i = 0; i < world->people.count; i++) {
            world->years[i] = (uint16_t)(below(&world->random, 4) * (1990 + i));
        }
    }
    for (size_t rank = 0; rank < INDUSTRY_RANKS && profiles->industry.of_person != NULL; rank++) {
        if (one_in(&world->random, 2)) {
            profiles->half[rank] = world->halves[rank];
            for (size_t i = 0; i < WORLD_VALUES; i++) {
                world->halves[rank][i] = (uint8_t)below(&world->random, 3);
            }
        }
    }
}

static void fact_add(struct world *world, enum fact_log log, const uint64_t *values, size_t count) {
    struct err err;
    struct fact fact = {.known = (uint8_t)((1U << count) - 1)};
    memcpy(fact.value, values, count * sizeof *values);
    MUST(fact_table_add(&world->facts[log], &fact, 1, &err));
}

static uint64_t some_id(struct world *world) {
    return world->ids[below(&world->random, world->people.count)];
}

static void facts_make(struct world *world) {
    struct random *random = &world->random;
    struct err err;
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_init(&world->facts[log], (enum fact_log)log);
    }
    for (size_t i = 4 * world->people.count; i > 0; i--) {
        int64_t at_ms = one_in(random, 30) ? 0 : some_time(world, 2500);
        fact_add(world, FACT_POSITIONS,
                 (uint64_t[]){(uint64_t)at_ms, some_id(world), below(random, WORLD_COMPANIES),
                              one_in(random, 3) ? POSITION_END : POSITION_START,
                              one_in(random, 2) ? PRECISION_DAY : below(random, 3)},
                 5);
    }
    for (size_t i = one_in(random, 2) ? 0 : below(random, 150); i > 0; i--) {
        uint64_t from = one_in(random, 20) ? 5 : some_id(world);
        fact_add(world, FACT_INTERACTIONS,
                 (uint64_t[]){(uint64_t)some_time(world, 2200), from, some_id(world), 0,
                              one_in(random, 40) ? UINT32_MAX : 1 + below(random, 3)},
                 5);
    }
    for (size_t i = below(random, 30); i > 0; i--) {
        fact_add(
            world, FACT_APPLICATIONS,
            (uint64_t[]){(uint64_t)some_time(world, 2500), some_id(world), 1 + below(random, 3)},
            3);
    }
    for (size_t i = one_in(random, 2) ? 0 : below(random, 30); i > 0; i--) {
        fact_add(world, FACT_ASSIGNMENTS,
                 (uint64_t[]){(uint64_t)some_time(world, 2500), 7 + below(random, 3),
                              some_id(world), below(random, 3)},
                 4);
    }
    for (int log = 0; log < FACT_LOGS; log++) {
        MUST(fact_table_finish(&world->facts[log], &err));
    }
}

static struct world_tie *open_tie(struct world *world, uint32_t a, uint32_t b) {
    for (size_t i = 0; i < world->tie_count; i++) {
        struct world_tie *tie = &world->ties[i];
        bool is_pair = (tie->from == a && tie->to == b) || (tie->from == b && tie->to == a);
        if (is_pair && tie->ended_ms == TIE_OPEN_MS) {
            return tie;
        }
    }
    return NULL;
}

/* M and degrees need not fit the graph: they are looked up, never computed. */
static void ties_make(struct world *world) {
    struct random *random = &world->random;
    size_t wanted = world->people.node_count < 2 ? 0 : below(random, WORLD_TIES_MAX + 1);
    uint64_t degree_max = 1 + below(random, 12);
    uint64_t ending_in = 2 + below(random, 20);
    int64_t at_ms = BEGIN_MS;
    while (world->tie_count < wanted) {
        uint32_t from = world->of_node[below(random, world->people.node_count)];
        uint32_t to = world->of_node[below(random, world->people.node_count)];
        if (from == to) {
            continue;
        }
        at_ms += one_in(random, 3) ? 0 : (int64_t)random_below(random, 40) * DAY_MS / 2;
        struct world_tie *open = open_tie(world, from, to);
        if (open != NULL && one_in(random, ending_in)) {
            open->ended_ms = at_ms;
            world->ended[world->ended_count++] =
                (struct tie_ending){world->nodes[from], world->nodes[to], at_ms, world->tie_count};
        } else if (open == NULL) {
            uint32_t mutual = below(random, degree_max);
            world->ties[world->tie_count++] = (struct world_tie){
                .created_ms = at_ms,
                .ended_ms = TIE_OPEN_MS,
                .from = from,
                .to = to,
                .mutual = mutual,
                .degree_from = mutual + below(random, degree_max),
                .degree_to = mutual + below(random, degree_max),
            };
        } else if (one_in(random, 200)) {
            break; /* everybody may know everybody */
        }
    }
    world->as_of_ms = at_ms;
}

/* Worlds of one group share the files, which the first of them writes: a file costs an fsync. */
static void segment_write(struct world *world, size_t segment, size_t first, size_t end) {
    struct err err;
    struct output *output;
    struct tie_segment_writer *writer;
    if (access(world->paths[segment], F_OK) == 0) {
        return;
    }
    MUST(output_open(&output, world->paths[segment], false, &err));
    MUST(tie_segment_writer_new(&writer, output, first, 1, &err));
    for (size_t i = first; i < end; i++) {
        const struct world_tie *tie = &world->ties[i];
        struct stored_tie stored = {
            .created_at_ms = tie->created_ms,
            .from = world->nodes[tie->from],
            .to = world->nodes[tie->to],
            .mutual = tie->mutual,
            .degree_from = tie->degree_from,
            .degree_to = tie->degree_to,
        };
        MUST(tie_segment_put_tie(writer, &stored, &err));
    }
    for (size_t i = 0; i < world->ended_count && segment + 1 == WORLD_SEGMENTS; i++) {
        MUST(tie_segment_put_ending(writer, &world->ended[i], &err));
    }
    MUST(tie_segment_end(writer, &err));
    tie_segment_writer_free(writer);
    MUST(output_commit(output, NULL, NULL, &err));
}

static void segments_make(struct world *world, uint64_t group, const char *folder) {
    struct err err;
    size_t first = 0;
    for (size_t i = 0; i < WORLD_SEGMENTS; i++) {
        size_t left = world->tie_count - first;
        size_t end =
            i + 1 == WORLD_SEGMENTS ? world->tie_count : first + below(&world->random, left + 1);
        (void)snprintf(world->paths[i], sizeof world->paths[i], "%s/%" PRIu64 "-%zu", folder, group,
                       i);
        world->path_list[i] = world->paths[i];
        segment_write(world, i, first, end);
        first = end;
    }
    MUST(ending_index_add(&world->endings, world->ended, world->ended_count, &err));
    MUST(ending_index_finish(&world->endings, &err));
    for (uint32_t node = 0; node < world->people.node_count; node++) {
        for (size_t i = 0; i < world->tie_count; i++) {
            const struct world_tie *tie = &world->ties[i];
            uint32_t person = world->of_node[node];
            bool is_own = tie->from == person || tie->to == person;
            world->open_degrees[node] += is_own && tie->ended_ms == TIE_OPEN_MS;
        }
        uint64_t degree = world->open_degrees[node];
        world->triangles[node] = random_below(&world->random, degree * degree / 2 + 1);
    }
}

void small_world_make(struct world *world, uint64_t seed, const char *folder) {
    struct err err;
    memset(world, 0, sizeof *world);
    random_seed(&world->random, seed / WORLD_GROUP);
    people_make(world);
    ties_make(world);
    segments_make(world, seed / WORLD_GROUP, folder);
    random_seed(&world->random, ~seed);
    world->as_of_ms += (int64_t)random_below(&world->random, 1500) * DAY_MS;
    settings_make(world);
    profiles_make(world);
    facts_make(world);
    MUST(careers_build(&world->careers, &world->facts[FACT_POSITIONS],
                       &world->facts[FACT_COMPANIES], &world->people, world->as_of_ms,
                       &world->settings, &err));
    world->inputs = (struct attribution_inputs){
        .segment_paths = world->path_list,
        .segment_count = WORLD_SEGMENTS,
        .endings = &world->endings,
        .people = &world->people,
        .careers = &world->careers,
        .profiles = &world->profiles,
        .facts = world->facts,
        .settings = &world->settings,
        .triangles = one_in(&world->random, 4) ? NULL : world->triangles,
        .open_degrees = world->open_degrees,
        .as_of_ms = world->as_of_ms,
        .threads = 1,
    };
}

void small_world_release(struct world *world) {
    careers_release(&world->careers);
    ending_index_release(&world->endings);
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_release(&world->facts[log]);
    }
}
