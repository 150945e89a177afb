/* The peer: a sorted array of neighbours per member, as one would write it by hand. Arrays of about
 * one length are intersected by merging without branches, others by galloping (Bentley and Yao,
 * 1976) through the longer; inserting moves what stands behind. */
#include "bench/contender.h"

#include "stages/base/checksum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_EVENTS = 4096, GALLOP_FROM = 16 };

struct sorted_row {
    uint32_t *items;
    uint32_t count;
    uint32_t capacity;
};

struct sorted_peer {
    struct sorted_row *rows; /* by member id */
    struct checksum *checksum;
    struct measured *measured;
};

/* The place of the first item at or behind `from` that is not below `member`. */
static uint32_t row_search(const struct sorted_row *row, uint32_t from, uint32_t member) {
    uint32_t low = from;
    uint32_t step = 1;
    while (low + step < row->count && row->items[low + step] < member) {
        low += step;
        step *= 2;
    }
    uint32_t high = row->count - low < step ? row->count : low + step;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (row->items[middle] < member) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint32_t merge_count(const struct sorted_row *a, const struct sorted_row *b) {
    uint32_t i = 0;
    uint32_t j = 0;
    uint32_t common = 0;
    while (i < a->count && j < b->count) {
        uint32_t x = a->items[i];
        uint32_t y = b->items[j];
        common += x == y;
        i += x <= y;
        j += y <= x;
    }
    return common;
}

static uint32_t gallop_count(const struct sorted_row *shorter, const struct sorted_row *longer) {
    uint32_t at = 0;
    uint32_t common = 0;
    for (uint32_t i = 0; i < shorter->count && at < longer->count; i++) {
        at = row_search(longer, at, shorter->items[i]);
        common += at < longer->count && longer->items[at] == shorter->items[i];
    }
    return common;
}

static uint32_t common_count(const struct sorted_row *a, const struct sorted_row *b) {
    const struct sorted_row *shorter = a->count < b->count ? a : b;
    const struct sorted_row *longer = a->count < b->count ? b : a;
    return shorter->count < longer->count / GALLOP_FROM ? gallop_count(shorter, longer)
                                                        : merge_count(shorter, longer);
}

static bool row_holds(const struct sorted_row *row, uint32_t member) {
    uint32_t at = row_search(row, 0, member);
    return at < row->count && row->items[at] == member;
}

static struct status row_insert(struct sorted_row *row, uint32_t member, struct err *err) {
    if (row->count == row->capacity) {
        uint32_t capacity = row->capacity + row->capacity / 4 + 4;
        uint32_t *items = realloc(row->items, capacity * sizeof *items);
        if (items == NULL) {
            return err_memory(err, capacity * sizeof *items, "a row");
        }
        row->items = items;
        row->capacity = capacity;
    }
    uint32_t at = row_search(row, 0, member);
    memmove(row->items + at + 1, row->items + at, (row->count - at) * sizeof *row->items);
    row->items[at] = member;
    row->count++;
    return status_ok();
}

static void row_remove(struct sorted_row *row, uint32_t member) {
    uint32_t at = row_search(row, 0, member);
    row->count--;
    memmove(row->items + at, row->items + at + 1, (row->count - at) * sizeof *row->items);
}

static struct status sorted_take(void *context, const struct event *events, size_t count,
                                 struct err *err) {
    struct sorted_peer *peer = context;
    uint32_t mutual[BLOCK_EVENTS];
    size_t made = 0;
    double start = measure_now();
    for (size_t i = 0; i < count; i++) {
        uint32_t from = (uint32_t)events[i].from.v;
        uint32_t to = (uint32_t)events[i].to.v;
        struct sorted_row *a = &peer->rows[from];
        struct sorted_row *b = &peer->rows[to];
        if (from == to || row_holds(a, to) == (events[i].kind == EVENT_CONNECT)) {
            continue;
        }
        if (events[i].kind == EVENT_DISCONNECT) {
            row_remove(a, to);
            row_remove(b, from);
            continue;
        }
        mutual[made++] = common_count(a, b);
        TRY(row_insert(a, to, err));
        TRY(row_insert(b, from, err));
    }
    peer->measured->seconds[0] += measure_now() - start;
    peer->measured->ties += made;
    for (size_t i = 0; i < made; i++) {
        peer->measured->mutual_sum += mutual[i];
    }
    checksum_update(peer->checksum, mutual, made * sizeof *mutual);
    return status_ok();
}

static void sorted_version(char version[CONTENDER_VERSION_BYTES]) {
    (void)snprintf(version, CONTENDER_VERSION_BYTES, "sorted arrays");
}

static struct status sorted_run(const struct contest *contest, struct measured *measured,
                                struct err *err) {
    struct sorted_peer peer = {.measured = measured};
    peer.rows = calloc(contest->members + 1, sizeof *peer.rows);
    if (peer.rows == NULL) {
        return err_memory(err, contest->members * sizeof *peer.rows, "the rows");
    }
    struct status status = checksum_new(&peer.checksum, err);
    if (!failed(status)) {
        status = contest_read(contest->log, BLOCK_EVENTS, sorted_take, &peer, err);
        measured->checksum = checksum_value(peer.checksum);
    }
    checksum_free(peer.checksum);
    for (uint64_t i = 0; i <= contest->members; i++) {
        free(peer.rows[i].items);
    }
    free(peer.rows);
    return status;
}

const struct contender contender_sorted = {
    .name = "sorted",
    .stages = {"counting"},
    .version = sorted_version,
    .run = sorted_run,
};
