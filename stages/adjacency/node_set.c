/* CRoaring reports no failed allocation: it would crash on a null pointer inside. Its allocations
 * here are those of one set, made after everything large has been had.
 *
 * Rejected for intersecting: a second bitmap of the values and roaring_bitmap_and; making it took
 * longer than looking the values up (500 values, sets of 20 to a million: 1.5 to 30 times).
 */
#include "stages/adjacency/node_set.h"

#include <assert.h>
#include <roaring/roaring.h>
#include <stdlib.h>

/* So many members of a set are passed in the time that it takes to look one value up. */
enum { MEMBERS_PER_LOOK_UP = 2 };

struct node_set {
    roaring_bitmap_t *bitmap;
    size_t count;
};

struct status node_set_new(struct node_set **set, const uint32_t *values, size_t count,
                           struct err *err) {
    struct node_set *made = malloc(sizeof *made);
    roaring_bitmap_t *bitmap = roaring_bitmap_of_ptr(count, values);
    if (made == NULL || bitmap == NULL) {
        free(made);
        roaring_bitmap_free(bitmap);
        return err_memory(err, count * sizeof *values, "a Roaring bitmap");
    }
    (void)roaring_bitmap_run_optimize(bitmap); /* says whether it helped */
    *made = (struct node_set){bitmap, count};
    *set = made;
    return status_ok();
}

void node_set_free(struct node_set *set) {
    if (set != NULL) {
        roaring_bitmap_free(set->bitmap);
        free(set);
    }
}

size_t node_set_count(const struct node_set *set) {
    return set->count;
}

bool node_set_has(const struct node_set *set, uint32_t value) {
    return roaring_bitmap_contains(set->bitmap, value);
}

/* The first of the values, from `first` on, that is not below the bound: found in steps that
 * double, and then by halves, so that a search costs the logarithm of how far it goes. */
static size_t values_find(const uint32_t *values, size_t count, size_t first, uint32_t bound) {
    size_t step = 1;
    size_t end = first;
    while (end < count && values[end] < bound) {
        first = end + 1;
        end = count - end > step ? end + step : count;
        step *= 2;
    }
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (values[middle] < bound) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

static size_t members_search(const struct node_set *set, const uint32_t *values, size_t count,
                             uint32_t *common) {
    size_t found = 0;
    size_t at = 0;
    roaring_uint32_iterator_t member;
    roaring_init_iterator(set->bitmap, &member);
    for (; member.has_value && at < count; roaring_advance_uint32_iterator(&member)) {
        uint32_t value = member.current_value;
        at = values_find(values, count, at, value);
        if (at < count && values[at] == value) {
            common[found++] = value;
            at++;
        }
    }
    return found;
}

size_t node_set_intersect(const struct node_set *set, const uint32_t *values, size_t count,
                          uint32_t *common) {
    if (set->count / MEMBERS_PER_LOOK_UP <= count) {
        return members_search(set, values, count, common);
    }
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t value = values[i];
        common[found] = value;
        found += roaring_bitmap_contains(set->bitmap, value);
    }
    return found;
}

struct status node_set_encode(const struct node_set *set, struct bytes *out, struct err *err) {
    size_t bytes = roaring_bitmap_portable_size_in_bytes(set->bitmap);
    TRY(bytes_reserve(out, bytes, err));
    size_t written = roaring_bitmap_portable_serialize(set->bitmap, (char *)out->data + out->count);
    assert(written == bytes);
    out->count += written;
    return status_ok();
}
