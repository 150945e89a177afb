#include "tests/tape_oracle.h"

#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

static uint32_t bits_count(uint64_t bits) {
    return (uint32_t)__builtin_popcountll(bits);
}

struct verdict tape_oracle_put(struct tape_oracle *oracle, enum simultaneous simultaneous,
                               const struct tape_block *events, size_t i) {
    uint32_t from = events->from[i];
    uint32_t to = events->to[i];
    bool is_connect = event_code_kind(events->code[i]) == EVENT_CONNECT;
    if (simultaneous == SIMULTANEOUS_SEQUENCE || !oracle->has_begun ||
        oracle->at_ms != events->at_ms[i]) {
        memcpy(oracle->before, oracle->now, sizeof oracle->before);
    }
    oracle->has_begun = true;
    oracle->at_ms = events->at_ms[i];
    if ((oracle->now[from] >> to & 1) == is_connect) {
        return (struct verdict){.outcome = is_connect ? OUTCOME_DUPLICATE : OUTCOME_ORPHAN};
    }
    oracle->now[from] ^= UINT64_C(1) << to;
    oracle->now[to] ^= UINT64_C(1) << from;
    if (!is_connect) {
        return (struct verdict){.outcome = OUTCOME_ENDING};
    }
    return (struct verdict){
        .outcome = OUTCOME_TIE,
        .mutual = bits_count(oracle->before[from] & oracle->before[to]),
        .degree_from = bits_count(oracle->before[from]),
        .degree_to = bits_count(oracle->before[to]),
    };
}

void tape_oracle_check(struct tape_oracle *oracle, enum simultaneous simultaneous,
                       const struct replay_block *block, size_t i, uint64_t seed) {
    const struct tape_block *events = block->events;
    size_t at = block->first + i;
    struct verdict verdict = tape_oracle_put(oracle, simultaneous, events, at);
    if (block->outcome[i] != verdict.outcome || block->mutual[i] != verdict.mutual ||
        block->degree_from[i] != verdict.degree_from || block->degree_to[i] != verdict.degree_to) {
        fail_msg("seed %llu, event %llu (%u %u): outcome %u mutual %u degrees %u %u, the oracle "
                 "has %u, %u, %u %u",
                 (unsigned long long)seed, (unsigned long long)(events->first + at),
                 events->from[at], events->to[at], block->outcome[i], block->mutual[i],
                 block->degree_from[i], block->degree_to[i], verdict.outcome, verdict.mutual,
                 verdict.degree_from, verdict.degree_to);
    }
}

struct line {
    int64_t at_ms;
    uint32_t from;
    uint32_t to;
    uint8_t code;
};

static int line_compare(const void *left, const void *right) {
    const struct line *a = left;
    const struct line *b = right;
    if (a->at_ms != b->at_ms) {
        return a->at_ms < b->at_ms ? -1 : 1;
    }
    if (event_code_kind(a->code) != event_code_kind(b->code)) {
        return event_code_kind(a->code) == EVENT_DISCONNECT ? -1 : 1;
    }
    if (a->from != b->from) {
        return a->from < b->from ? -1 : 1;
    }
    return a->to != b->to ? (a->to < b->to ? -1 : 1) : a->code - b->code;
}

static struct line line_make(const struct tape_log *log, size_t i, struct random *random) {
    struct line line = {.at_ms =
                            (int64_t)((double)i * (double)log->instants / (double)log->count) - 5};
    if (random_below(random, 100) < log->flicker_percent) {
        line.from = (uint32_t)random_below(random, 2);
        line.to = 1 - line.from;
        line.code = event_code(i % 2 == 0 ? EVENT_CONNECT : EVENT_DISCONNECT, ORIGIN_IMPORT);
        return line;
    }
    line.from = (uint32_t)random_below(random, log->nodes);
    line.to = (uint32_t)((line.from + 1 + random_below(random, log->nodes - 1)) % log->nodes);
    line.code = event_code(random_below(random, 100) < log->ended_percent ? EVENT_DISCONNECT
                                                                          : EVENT_CONNECT,
                           (unsigned)random_below(random, EVENT_ORIGINS));
    return line;
}

static void lines_put(struct tape *tape, const struct line *lines, size_t count) {
    struct err err;
    struct tape_block *block = calloc(1, sizeof *block);
    assert_non_null(block);
    for (size_t i = 0; i < count; i++) {
        block->at_ms[block->count] = lines[i].at_ms;
        block->from[block->count] = lines[i].from;
        block->to[block->count] = lines[i].to;
        block->code[block->count] = lines[i].code;
        block->count++;
        if (block->count == TAPE_BLOCK_EVENTS || i + 1 == count) {
            MUST(tape_put(tape, block, &err));
            block->count = 0;
        }
    }
    free(block);
}

struct tape *tape_log_write(const struct tape_log *log, enum simultaneous simultaneous,
                            struct random *random) {
    struct err err;
    struct tape *tape;
    struct line *lines = calloc(log->count + 1, sizeof *lines);
    assert_non_null(lines);
    for (size_t i = 0; i < log->count; i++) {
        lines[i] = line_make(log, i, random);
    }
    if (simultaneous == SIMULTANEOUS_STRICT) {
        qsort(lines, log->count, sizeof *lines, line_compare);
    }
    MUST(tape_new(&tape, NULL, UINT64_MAX, &err));
    lines_put(tape, lines, log->count);
    MUST(tape_end(tape, &err));
    free(lines);
    return tape;
}
