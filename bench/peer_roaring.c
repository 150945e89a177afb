/* The peer: one CRoaring bitmap per member, as a careful user of that library would do it. The one
 * place beside stages/adjacency/neighbour_set.c that may include CRoaring. */
#include "bench/contender.h"

#include "stages/base/checksum.h"

#include <roaring/roaring.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_EVENTS = 4096 };

struct peer {
    roaring_bitmap_t **sets; /* by member id */
    struct checksum *checksum;
    struct measured *measured;
};

static void roaring_version(char version[CONTENDER_VERSION_BYTES]) {
    (void)snprintf(version, CONTENDER_VERSION_BYTES, "CRoaring %d.%d.%d", ROARING_VERSION_MAJOR,
                   ROARING_VERSION_MINOR, ROARING_VERSION_REVISION);
}

static struct status peer_take(void *context, const struct event *events, size_t count,
                               struct err *err) {
    struct peer *peer = context;
    uint32_t mutual[BLOCK_EVENTS];
    size_t made = 0;
    double start = measure_now();
    for (size_t i = 0; i < count; i++) {
        uint32_t from = (uint32_t)events[i].from.v;
        uint32_t to = (uint32_t)events[i].to.v;
        roaring_bitmap_t *a = peer->sets[from];
        roaring_bitmap_t *b = peer->sets[to];
        if (a == NULL || b == NULL) {
            return err_memory(err, 64, "a bitmap");
        }
        if (from == to || roaring_bitmap_contains(a, to) == (events[i].kind == EVENT_CONNECT)) {
            continue;
        }
        if (events[i].kind == EVENT_DISCONNECT) {
            roaring_bitmap_remove(a, to);
            roaring_bitmap_remove(b, from);
            continue;
        }
        mutual[made++] = (uint32_t)roaring_bitmap_and_cardinality(a, b);
        roaring_bitmap_add(a, to);
        roaring_bitmap_add(b, from);
    }
    peer->measured->seconds[0] += measure_now() - start;
    peer->measured->ties += made;
    for (size_t i = 0; i < made; i++) {
        peer->measured->mutual_sum += mutual[i];
    }
    checksum_update(peer->checksum, mutual, made * sizeof *mutual);
    return status_ok();
}

static struct status roaring_run(const struct contest *contest, struct measured *measured,
                                 struct err *err) {
    struct peer peer = {.measured = measured};
    peer.sets = calloc(contest->members + 1, sizeof(roaring_bitmap_t *));
    if (peer.sets == NULL) {
        return err_memory(err, contest->members * 8, "the bitmaps");
    }
    for (uint64_t i = 0; i <= contest->members; i++) {
        peer.sets[i] = roaring_bitmap_create();
    }
    struct status status = checksum_new(&peer.checksum, err);
    if (!failed(status)) {
        status = contest_read(contest->log, BLOCK_EVENTS, peer_take, &peer, err);
        measured->checksum = checksum_value(peer.checksum);
    }
    checksum_free(peer.checksum);
    return status; /* the process ends here, and its bitmaps with it */
}

const struct contender contender_roaring = {
    .name = "roaring",
    .stages = {"counting"},
    .version = roaring_version,
    .run = roaring_run,
};
