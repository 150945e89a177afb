#include "tests/oracle.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

struct graph {
    struct member_id members[ORACLE_MEMBERS_MAX];
    size_t member_count;
    bool connected[ORACLE_MEMBERS_MAX][ORACLE_MEMBERS_MAX];
    size_t open_tie[ORACLE_MEMBERS_MAX][ORACLE_MEMBERS_MAX]; /* index of the tie that is open */
};

static size_t member_index(struct graph *graph, struct member_id member) {
    for (size_t i = 0; i < graph->member_count; i++) {
        if (graph->members[i].v == member.v) {
            return i;
        }
    }
    assert(graph->member_count < ORACLE_MEMBERS_MAX);
    graph->members[graph->member_count] = member;
    return graph->member_count++;
}

/* The order of the definitions, spelled out. */
static bool comes_before(const struct event *a, const struct event *b,
                         enum simultaneous simultaneous) {
    if (a->at_ms != b->at_ms) {
        return a->at_ms < b->at_ms;
    }
    if (simultaneous == SIMULTANEOUS_SEQUENCE) {
        return false;
    }
    if (a->kind != b->kind) {
        return a->kind == EVENT_DISCONNECT;
    }
    if (a->from.v != b->from.v) {
        return a->from.v < b->from.v;
    }
    if (a->to.v != b->to.v) {
        return a->to.v < b->to.v;
    }
    return a->origin < b->origin;
}

static void sort_events(struct event *events, size_t count, enum simultaneous simultaneous) {
    for (size_t i = 1; i < count; i++) {
        struct event moved = events[i];
        size_t j = i;
        while (j > 0 && comes_before(&moved, &events[j - 1], simultaneous)) {
            events[j] = events[j - 1];
            j--;
        }
        events[j] = moved;
    }
}

static struct tie tie_look(const struct graph *before, size_t from, size_t to,
                           const struct event *event) {
    struct tie tie = {
        .from = event->from,
        .to = event->to,
        .created_at_ms = event->at_ms,
        .ended_at_ms = TIE_OPEN_MS,
        .origin = event->origin,
    };
    for (size_t w = 0; w < ORACLE_MEMBERS_MAX; w++) {
        tie.degree_from += before->connected[from][w];
        tie.degree_to += before->connected[to][w];
        tie.mutual += before->connected[from][w] && before->connected[to][w];
    }
    return tie;
}

/* Applies one event to `now`; a tie that it makes sees `before`. */
static void event_apply(struct graph *now, const struct graph *before, const struct event *event,
                        struct oracle_result *result) {
    uint64_t *quality = result->quality.count;
    size_t from = member_index(now, event->from);
    size_t to = member_index(now, event->to);
    bool is_connect = event->kind == EVENT_CONNECT;
    if (from == to) {
        quality[QUALITY_SELF_LOOP]++;
        return;
    }
    if (now->connected[from][to] == is_connect) {
        quality[is_connect ? QUALITY_DUPLICATE : QUALITY_ORPHAN]++;
        return;
    }
    quality[QUALITY_APPLIED]++;
    quality[is_connect ? QUALITY_TIES : QUALITY_ENDINGS]++;
    now->connected[from][to] = is_connect;
    now->connected[to][from] = is_connect;
    if (is_connect) {
        now->open_tie[from][to] = result->tie_count;
        now->open_tie[to][from] = result->tie_count;
        result->ties[result->tie_count++] = tie_look(before, from, to, event);
    } else {
        result->ties[now->open_tie[from][to]].ended_at_ms = event->at_ms;
    }
}

void oracle_run(const struct event *events, size_t count, enum simultaneous simultaneous,
                struct oracle_result *result) {
    static struct event sorted[ORACLE_EVENTS_MAX]; /* one test runs at a time */
    static struct graph now;
    static struct graph before;
    assert(count <= ORACLE_EVENTS_MAX);
    memset(result, 0, sizeof *result);
    memset(&now, 0, sizeof now);
    memcpy(sorted, events, count * sizeof *events);
    for (size_t i = 0; i < count; i++) {
        bool is_older = false;
        for (size_t j = 0; j < i; j++) {
            is_older = is_older || events[j].at_ms > events[i].at_ms;
        }
        result->quality.count[QUALITY_OUT_OF_ORDER] += is_older;
    }
    result->quality.count[QUALITY_READ] = count;
    sort_events(sorted, count, simultaneous);
    for (size_t i = 0; i < count; i++) {
        bool new_instant = i == 0 || sorted[i].at_ms != sorted[i - 1].at_ms;
        if (simultaneous == SIMULTANEOUS_SEQUENCE || new_instant) {
            before = now;
        }
        event_apply(&now, &before, &sorted[i], result);
    }
}

size_t oracle_log(struct random *random, struct event *events, size_t most) {
    size_t members = 2 + (size_t)random_below(random, 14);
    size_t count = (size_t)random_below(random, most + 1);
    uint64_t instants = 1 + random_below(random, 2 * count + 1);
    uint64_t disconnect_share = random_below(random, 60);
    bool is_ordered = random_below(random, 2) == 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t from = random_below(random, members);
        uint64_t to = random_below(random, members);
        uint64_t at = is_ordered ? i * instants / (count + 1) : random_below(random, instants);
        events[i] = (struct event){
            .at_ms = (int64_t)at - 3,
            .from = {from == 1 ? UINT64_MAX : from * 7},
            .to = {to == 1 ? UINT64_MAX : to * 7},
            .kind = random_below(random, 100) < disconnect_share ? EVENT_DISCONNECT : EVENT_CONNECT,
            .origin = (uint8_t)random_below(random, EVENT_ORIGINS),
        };
    }
    return count;
}
