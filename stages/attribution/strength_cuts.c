/* Doubles from 0 up ascend as their bits do. 20 leading bits are the exponent and 8 bits of the
 * mantissa, so a bucket holds less than a hundredth of any smooth distribution; what is kept of it
 * is sorted and equal values are joined whenever the array is full. Zeros are counted apart.
 *
 * Rejected: comparing fractions exactly as products of integers. As doubles, different fractions of
 * unions below 2^26 differ, and larger unions do not occur.
 */
#include "stages/attribution/strength_cuts.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEADING_SHIFT = 44, BUCKETS = (0x3ff << 8) + 1, KEPT_MIN = 1 << 16 };

static size_t bucket_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    size_t bucket = (size_t)(bits >> LEADING_SHIFT);
    assert(bucket < BUCKETS);
    return bucket;
}

/* A tie has no more mutual connections than either member has connections. */
static double strength_of(uint32_t mutual, uint64_t in_union) {
    return in_union == 0 ? 0.0 : (double)mutual / (double)in_union;
}

struct status strength_cuts_init(struct strength_cuts *cuts, struct err *err) {
    cuts->coarse = calloc(BUCKETS, sizeof *cuts->coarse);
    cuts->is_wanted = calloc(BUCKETS, sizeof *cuts->is_wanted);
    cuts->kept = malloc(KEPT_MIN * sizeof *cuts->kept);
    if (cuts->coarse == NULL || cuts->is_wanted == NULL || cuts->kept == NULL) {
        return err_memory(err, BUCKETS * sizeof *cuts->coarse, "the cuts of strength");
    }
    cuts->kept_capacity = KEPT_MIN;
    return status_ok();
}

void strength_cuts_release(struct strength_cuts *cuts) {
    free(cuts->coarse);
    free(cuts->is_wanted);
    free(cuts->kept);
    *cuts = (struct strength_cuts){0};
}

void strength_cuts_count(struct strength_cuts *cuts, uint32_t mutual, uint64_t in_union) {
    cuts->coarse[bucket_of(strength_of(mutual, in_union))]++;
    cuts->total++;
}

void strength_cuts_settle(struct strength_cuts *cuts) {
    uint64_t below = 0;
    size_t bucket = 0;
    for (uint64_t k = 0; k < STRENGTH_CUTS && cuts->total != 0; k++) {
        uint64_t rank = ((k + 1) * cuts->total + STRENGTH_CUTS) / (STRENGTH_CUTS + 1);
        while (below + cuts->coarse[bucket] < rank) {
            below += cuts->coarse[bucket++];
        }
        cuts->is_wanted[bucket] = true;
        cuts->bucket[k] = bucket;
        cuts->rank[k] = rank - below;
    }
}

static int compare_kept(const void *left, const void *right) {
    const struct strength_kept *a = left;
    const struct strength_kept *b = right;
    return (a->value > b->value) - (a->value < b->value);
}

static void kept_join(struct strength_kept *into, const struct strength_kept *other) {
    into->count += other->count;
    into->least_union =
        other->least_union < into->least_union ? other->least_union : into->least_union;
}

/* Sorts what is kept and joins equal values. */
static void kept_pack(struct strength_cuts *cuts) {
    if (cuts->kept_count == 0) {
        return;
    }
    qsort(cuts->kept, cuts->kept_count, sizeof *cuts->kept, compare_kept);
    size_t last = 0;
    for (size_t i = 1; i < cuts->kept_count; i++) {
        if (cuts->kept[i].value == cuts->kept[last].value) {
            kept_join(&cuts->kept[last], &cuts->kept[i]);
        } else {
            cuts->kept[++last] = cuts->kept[i];
        }
    }
    cuts->kept_count = last + 1;
}

static struct status kept_make_room(struct strength_cuts *cuts, struct err *err) {
    kept_pack(cuts);
    if (cuts->kept_count <= cuts->kept_capacity / 2) {
        return status_ok();
    }
    size_t capacity = cuts->kept_capacity * 2;
    struct strength_kept *grown = reallocarray(cuts->kept, capacity, sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, capacity * sizeof *grown, "the cuts of strength");
    }
    cuts->kept = grown;
    cuts->kept_capacity = capacity;
    return status_ok();
}

struct status strength_cuts_keep(struct strength_cuts *cuts, uint32_t mutual, uint64_t in_union,
                                 struct err *err) {
    struct strength_kept one = {strength_of(mutual, in_union), 1, in_union};
    if (!cuts->is_wanted[bucket_of(one.value)]) {
        return status_ok();
    }
    if (one.value == 0) {
        if (cuts->none.count == 0) {
            cuts->none = one;
        } else {
            kept_join(&cuts->none, &one);
        }
        return status_ok();
    }
    if (cuts->kept_count == cuts->kept_capacity) {
        TRY(kept_make_room(cuts, err));
    }
    cuts->kept[cuts->kept_count++] = one;
    return status_ok();
}

/* The value at the cut's rank among those with its leading bits. */
static const struct strength_kept *cut_find(const struct strength_cuts *cuts, size_t cut) {
    if (cuts->bucket[cut] == 0) {
        return &cuts->none;
    }
    uint64_t below = 0;
    for (size_t i = 0; i < cuts->kept_count; i++) {
        if (bucket_of(cuts->kept[i].value) == cuts->bucket[cut]) {
            below += cuts->kept[i].count;
            if (below >= cuts->rank[cut]) {
                return &cuts->kept[i];
            }
        }
    }
    assert(false);
    return NULL;
}

void strength_cuts_finish(struct strength_cuts *cuts, struct classes *classes) {
    kept_pack(cuts);
    for (size_t k = 0; k < STRENGTH_CUTS && cuts->total != 0; k++) {
        const struct strength_kept *found = cut_find(cuts, k);
        classes->strength_cut[k] = found->value;
        if (k == STRENGTH_CUTS / 2) {
            classes->median_union = found->least_union;
            classes->median_mutual = (uint64_t)llround(found->value * (double)found->least_union);
        }
    }
}
