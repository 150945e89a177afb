#include "tests/log_replay.h"

#include "tests/testing.h"

#include <stdlib.h>

enum { TIED = 1, WAS_TIED = 2 };

struct member {
    uint32_t open;
    uint32_t made;
};

struct world {
    uint8_t *matrix;
    struct member *members;
    uint64_t count;
};

static uint64_t mutual_count(const struct world *world, uint64_t a, uint64_t b) {
    uint64_t mutual = 0;
    for (uint64_t k = 0; k < world->count; k++) {
        mutual += world->matrix[a * world->count + k] & world->matrix[b * world->count + k] & TIED;
    }
    return mutual;
}

static void pair_mark(struct world *world, uint64_t a, uint64_t b, uint8_t value) {
    world->matrix[a * world->count + b] = value;
    world->matrix[b * world->count + a] = value;
}

static void member_connect(struct log_replay *replay, struct member *member) {
    member->open++;
    member->made++;
    replay->degree_max = member->open > replay->degree_max ? member->open : replay->degree_max;
    replay->made_max = member->made > replay->made_max ? member->made : replay->made_max;
}

static void tie_make(struct log_replay *replay, struct world *world, uint64_t a, uint64_t b) {
    uint64_t mutual = mutual_count(world, a, b);
    replay->mutual += mutual;
    replay->embedded += mutual > 0;
    replay->ties++;
    replay->ties_again += world->matrix[a * world->count + b] == WAS_TIED;
    pair_mark(world, a, b, TIED);
    member_connect(replay, &world->members[a]);
    member_connect(replay, &world->members[b]);
}

static void event_replay(struct log_replay *replay, struct world *world,
                         const struct event *event) {
    uint64_t a = event->from.v - 1;
    uint64_t b = event->to.v - 1;
    assert_true(a < world->count && b < world->count);
    uint8_t before = world->matrix[a * world->count + b];
    bool connects = event->kind == EVENT_CONNECT;
    if (a == b) {
        assert_true(connects);
        replay->self_loops++;
    } else if (connects && before == TIED) {
        replay->duplicates++;
    } else if (!connects && before != TIED) {
        replay->orphans++;
        replay->orphans_again += before == WAS_TIED;
    } else if (connects) {
        tie_make(replay, world, a, b);
    } else {
        replay->endings++;
        world->members[a].open--;
        world->members[b].open--;
        pair_mark(world, a, b, WAS_TIED);
    }
}

struct log_replay log_replay_of(const struct drawn_log *log, uint64_t members) {
    struct log_replay replay = {0};
    struct world world = {
        .matrix = calloc(members, members),
        .members = calloc(members, sizeof *world.members),
        .count = members,
    };
    assert_non_null(world.matrix);
    assert_non_null(world.members);
    for (size_t i = 0; i < log->count; i++) {
        event_replay(&replay, &world, &log->events[i]);
    }
    free(world.matrix);
    free(world.members);
    return replay;
}
