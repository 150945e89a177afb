/* CRoaring (0.2.66) does not look whether it was given the memory that it asked for, but for one
 * function: a view of a set that lies frozen in memory of the caller's takes one piece more, and
 * says when there is none. So sets are frozen here, and CRoaring reads them; no other function that
 * is called takes memory. The frozen form, whose tail begins behind whole words of the others:
 *
 *   OFFSET  SIZE                 DESCRIPTION
 *   0       8192 per bitset      its bits
 *   ...     4 per run            first value, values less one
 *   ...     2 per listed value   lower halves
 *   ...     2 per container      upper halves ("keys")
 *   ...     2 per container      values less one; of containers of runs, the runs
 *   ...     1 per container      type: 1 bitset, 2 list, 3 runs
 *   ...     4                    13766 + 2^15 * containers
 *
 * It is the form of this version and of this processor's order of bytes, which is why it never
 * reaches a file; the unit test would show a library that has another.
 *
 * Rejected for intersecting: a second bitmap of the values and roaring_bitmap_and; making it took
 * longer than looking the values up (500 values, sets of 20 to a million: 1.5 to 30 times).
 */
#include "stages/adjacency/node_set.h"

#include <assert.h>
#include <roaring/roaring.h>
#include <stdlib.h>
#include <string.h>

/* So many members of a set are passed in the time that it takes to look one value up. */
enum { MEMBERS_PER_LOOK_UP = 2 };

enum container_type { CONTAINER_BITSET = 1, CONTAINER_LIST = 2, CONTAINER_RUNS = 3 };

enum {
    LIST_VALUES_MAX = 4096,
    BITSET_BYTES = 8192,
    RUN_BYTES = 4,
    TAIL_BYTES = 5, /* of a container in the tail */
    FROZEN_ALIGNMENT = 32,
};

struct node_set {
    uint8_t *frozen; /* what `bitmap` is a view of */
    const roaring_bitmap_t *bitmap;
    size_t count;
};

/* Values that share their upper half. */
struct container {
    enum container_type type;
    const uint32_t *values;
    size_t count;
    size_t runs;
};

/* How far each part of the frozen form reaches, or has been written. */
struct parts {
    size_t containers;
    size_t bitsets;
    size_t runs;
    size_t listed;
};

/* The container that begins with the first of the values, in the form that takes the fewest bytes;
 * a list rather than runs that take as many, and a bitset rather than these. */
static struct container container_of(const uint32_t *values, size_t count) {
    struct container container = {.values = values, .count = 1, .runs = 1};
    while (container.count < count && values[container.count] >> 16 == values[0] >> 16) {
        container.runs += values[container.count] - values[container.count - 1] != 1;
        container.count++;
    }
    bool is_list = container.count <= LIST_VALUES_MAX;
    size_t run_bytes = sizeof(uint16_t) + RUN_BYTES * container.runs;
    size_t bytes = is_list ? sizeof(uint16_t) * (1 + container.count) : (size_t)BITSET_BYTES;
    container.type = run_bytes < bytes ? CONTAINER_RUNS
                     : is_list         ? CONTAINER_LIST
                                       : CONTAINER_BITSET;
    return container;
}

static void parts_add(struct parts *parts, const struct container *container) {
    parts->containers++;
    parts->bitsets += container->type == CONTAINER_BITSET;
    parts->runs += container->type == CONTAINER_RUNS ? container->runs : 0;
    parts->listed += container->type == CONTAINER_LIST ? container->count : 0;
}

static void bitset_write(const struct container *container, uint8_t *out) {
    memset(out, 0, BITSET_BYTES);
    for (size_t i = 0; i < container->count; i++) {
        uint32_t low = container->values[i] & UINT16_MAX;
        out[low / 8] |= (uint8_t)(1U << low % 8);
    }
}

static void runs_write(const struct container *container, uint8_t *out) {
    const uint32_t *values = container->values;
    for (size_t first = 0; first < container->count; out += RUN_BYTES) {
        size_t last = first;
        while (last + 1 < container->count && values[last + 1] - values[last] == 1) {
            last++;
        }
        put_u16(out, (uint16_t)values[first]);
        put_u16(out + 2, (uint16_t)(last - first));
        first = last + 1;
    }
}

static void list_write(const struct container *container, uint8_t *out) {
    for (size_t i = 0; i < container->count; i++) {
        put_u16(out + 2 * i, (uint16_t)container->values[i]);
    }
}

/* Writes the values, whose parts are `all`; returns the number of bytes. */
static size_t frozen_write(const uint32_t *values, size_t count, const struct parts *all,
                           uint8_t *out) {
    uint8_t *runs = out + BITSET_BYTES * all->bitsets;
    uint8_t *lists = runs + RUN_BYTES * all->runs;
    uint8_t *keys = lists + sizeof(uint16_t) * all->listed;
    uint8_t *counts = keys + sizeof(uint16_t) * all->containers;
    uint8_t *types = counts + sizeof(uint16_t) * all->containers;
    struct parts done = {0};
    for (size_t first = 0; first < count;) {
        struct container container = container_of(values + first, count - first);
        bool is_runs = container.type == CONTAINER_RUNS;
        if (container.type == CONTAINER_BITSET) {
            bitset_write(&container, out + BITSET_BYTES * done.bitsets);
        } else if (is_runs) {
            runs_write(&container, runs + RUN_BYTES * done.runs);
        } else {
            list_write(&container, lists + sizeof(uint16_t) * done.listed);
        }
        put_u16(keys + 2 * done.containers, (uint16_t)(values[first] >> 16));
        put_u16(counts + 2 * done.containers,
                (uint16_t)(is_runs ? container.runs : container.count - 1));
        types[done.containers] = (uint8_t)container.type;
        parts_add(&done, &container);
        first += container.count;
    }
    put_u32(types + all->containers, FROZEN_COOKIE | (uint32_t)all->containers << 15);
    return (size_t)(types - out) + all->containers + sizeof(uint32_t);
}

static struct parts parts_of(const uint32_t *values, size_t count) {
    struct parts parts = {0};
    for (size_t first = 0; first < count;) {
        struct container container = container_of(values + first, count - first);
        parts_add(&parts, &container);
        first += container.count;
    }
    return parts;
}

struct status node_set_new(struct node_set **set, const uint32_t *values, size_t count,
                           struct err *err) {
    struct parts parts = parts_of(values, count);
    size_t bytes = BITSET_BYTES * parts.bitsets + RUN_BYTES * parts.runs +
                   sizeof(uint16_t) * parts.listed + TAIL_BYTES * parts.containers +
                   sizeof(uint32_t);
    size_t room = (bytes + FROZEN_ALIGNMENT - 1) / FROZEN_ALIGNMENT * FROZEN_ALIGNMENT;
    struct node_set *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->frozen = aligned_alloc(FROZEN_ALIGNMENT, room);
    }
    if (made != NULL && made->frozen != NULL) {
        size_t written = frozen_write(values, count, &parts, made->frozen);
        assert(written == bytes);
        made->bitmap = roaring_bitmap_frozen_view((const char *)made->frozen, bytes);
        made->count = count;
    }
    if (made == NULL || made->bitmap == NULL) {
        node_set_free(made);
        return err_memory(err, bytes, "a Roaring bitmap");
    }
    *set = made;
    return status_ok();
}

void node_set_free(struct node_set *set) {
    if (set != NULL) {
        if (set->bitmap != NULL) {
            roaring_bitmap_free(set->bitmap);
        }
        free(set->frozen);
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
