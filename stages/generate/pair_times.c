#include "stages/generate/pair_times.h"

#include "stages/base/random.h"

#include <assert.h>
#include <stdlib.h>

struct pair_time {
    uint64_t pair; /* smaller member << 32 | greater one: never 0, which marks a free slot */
    int64_t at_ms;
};

enum { SLOTS_MIN = 64 };

static uint64_t pair_of(uint32_t a, uint32_t b) {
    assert(a != b);
    return a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
}

/* The pair's slot, or the free one where it belongs. */
static struct pair_time *slot_find(struct pair_time *slots, size_t slot_count, uint64_t pair) {
    size_t i = (size_t)random_mix(pair) & (slot_count - 1);
    while (slots[i].pair != 0 && slots[i].pair != pair) {
        i = (i + 1) & (slot_count - 1);
    }
    return &slots[i];
}

void pair_times_release(struct pair_times *times) {
    free(times->slots);
    *times = (struct pair_times){0};
}

static struct status slots_grow(struct pair_times *times, struct err *err) {
    size_t slot_count = times->slot_count == 0 ? SLOTS_MIN : 2 * times->slot_count;
    struct pair_time *slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL) {
        return err_memory(err, slot_count * sizeof *slots, "pairs");
    }
    for (size_t i = 0; i < times->slot_count; i++) {
        if (times->slots[i].pair != 0) {
            *slot_find(slots, slot_count, times->slots[i].pair) = times->slots[i];
        }
    }
    free(times->slots);
    times->slots = slots;
    times->slot_count = slot_count;
    return status_ok();
}

struct status pair_times_set(struct pair_times *times, uint32_t a, uint32_t b, int64_t at_ms,
                             struct err *err) {
    if (4 * (times->count + 1) > 3 * times->slot_count) {
        TRY(slots_grow(times, err));
    }
    uint64_t pair = pair_of(a, b);
    struct pair_time *slot = slot_find(times->slots, times->slot_count, pair);
    times->count += slot->pair == 0;
    *slot = (struct pair_time){pair, at_ms};
    return status_ok();
}

bool pair_times_get(const struct pair_times *times, uint32_t a, uint32_t b, int64_t *at_ms) {
    if (times->slot_count == 0) {
        return false;
    }
    uint64_t pair = pair_of(a, b);
    const struct pair_time *slot = slot_find(times->slots, times->slot_count, pair);
    *at_ms = slot->at_ms;
    return slot->pair == pair;
}
