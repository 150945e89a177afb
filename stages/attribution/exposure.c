/* A horizon, or a time from which on a measure looks at a side, cuts all windows alike: so their
 * union is formed once and cut as often as needed.
 */
#include "stages/attribution/exposure.h"

#include <stdlib.h>

void exposure_release(struct exposure *exposure) {
    free(exposure->windows);
    *exposure = (struct exposure){0};
}

static struct status exposure_reserve(struct exposure *exposure, size_t count, struct err *err) {
    if (count <= exposure->capacity) {
        return status_ok();
    }
    size_t capacity = count + count / 2 + 16;
    struct window *grown = reallocarray(exposure->windows, capacity, sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, capacity * sizeof *grown, "the windows of a tie");
    }
    exposure->windows = grown;
    exposure->capacity = capacity;
    return status_ok();
}

static int compare_windows(const void *left, const void *right) {
    const struct window *a = left;
    const struct window *b = right;
    return (a->first_ms > b->first_ms) - (a->first_ms < b->first_ms);
}

static void windows_sort(struct window *windows, size_t count) {
    if (count > 16) {
        qsort(windows, count, sizeof *windows, compare_windows);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct window window = windows[i];
        size_t to = i;
        for (; to > 0 && windows[to - 1].first_ms > window.first_ms; to--) {
            windows[to] = windows[to - 1];
        }
        windows[to] = window;
    }
}

/* Joins what overlaps or touches. */
static void windows_join(struct exposure *exposure) {
    windows_sort(exposure->windows, exposure->count);
    size_t last = 0;
    for (size_t i = 1; i < exposure->count; i++) {
        struct window *joined = &exposure->windows[last];
        struct window next = exposure->windows[i];
        if (next.first_ms <= joined->last_ms + 1) {
            joined->last_ms = next.last_ms > joined->last_ms ? next.last_ms : joined->last_ms;
        } else {
            exposure->windows[++last] = next;
        }
    }
    exposure->count = last + 1;
}

struct status exposure_of_side(struct exposure *exposure, const struct careers *careers,
                               const struct attribution_settings *settings, int64_t as_of_ms,
                               uint32_t mover, const struct side *side, struct err *err) {
    const struct spell *spells = careers->spells + careers->spell_begin[side->contact];
    size_t count = careers->spell_begin[side->contact + 1] - careers->spell_begin[side->contact];
    const struct spell *own = careers->spells + careers->spell_begin[mover];
    const struct spell *own_end = careers->spells + careers->spell_begin[mover + 1];
    exposure->count = 0;
    if (own == own_end || !tie_is_used(settings, side)) {
        return status_ok();
    }
    TRY(exposure_reserve(exposure, count, err));
    for (size_t i = 0; i < count; i++) {
        /* Both are sorted by company, so the mover's first spell there is never behind `own`. */
        while (own != own_end && own->company < spells[i].company) {
            own++;
        }
        bool was_there = own != own_end && own->company == spells[i].company;
        struct window window =
            side_window(settings, side, &spells[i], careers->entry[mover],
                        was_there ? own->start : SPAN_NEVER, as_of_ms, INT64_MAX);
        if (window.first_ms <= window.last_ms) {
            exposure->windows[exposure->count++] = window;
        }
    }
    if (exposure->count > 1) {
        windows_join(exposure);
    }
    return status_ok();
}

uint64_t exposure_within(const struct exposure *exposure, int64_t from_ms, int64_t until_ms) {
    uint64_t sum = 0;
    for (size_t i = 0; i < exposure->count; i++) {
        struct window window = exposure->windows[i];
        int64_t first = window.first_ms > from_ms ? window.first_ms : from_ms;
        int64_t last = window.last_ms < until_ms ? window.last_ms : until_ms;
        sum += first <= last ? (uint64_t)(last - first) + 1 : 0;
    }
    return sum;
}

bool exposure_holds(const struct exposure *exposure, int64_t at_ms) {
    return exposure_within(exposure, at_ms, at_ms) == 1;
}
