/* Nearly all neighbours are thinly spread over the nodes, and their bitmap is lists of lower halves
 * alone: these are written here, straight from the values. What has runs or bitsets goes through
 * CRoaring, behind node_set; the bytes are the same.
 *
 * Decoding is all ours, since every byte comes from outside. Lists, whose bytes can be counted
 * beforehand, are taken without further checks of bounds; the rest goes through the cursor.
 * Rejected: the library's "safe" reader (0.2.66), which checks lengths only: a run container
 * without runs makes it read wild memory, bytes behind the bitmap pass, and it prints.
 */
#include "stages/adjacency/neighbour_set.h"

#include "stages/adjacency/node_set.h"
#include "stages/base/cursor.h"

#include <inttypes.h>

/* Constants of the format: the two cookies, the containers from which a bitmap with runs has
 * offsets too, the values from which a container is a bitset. */
enum {
    COOKIE_NO_RUNS = 12346,
    COOKIE_RUNS = 12347,
    OFFSETS_FROM = 4,
    ARRAY_MAX = 4096,
    BITSET_WORDS = 1024,
    CONTAINERS_MAX = 65536,
    LISTS_HEAD_BYTES = 8, /* cookie and count of containers */
};

static struct status library_encode(const uint32_t *values, size_t count, struct bytes *out,
                                    struct err *err) {
    struct node_set *set;
    TRY(node_set_new(&set, values, count, err));
    struct status status = node_set_encode(set, out, err);
    node_set_free(set);
    return status;
}

/* Containers of the values: how many different upper halves. */
static size_t containers_count(const uint32_t *values, size_t count) {
    size_t containers = count != 0;
    for (size_t i = 1; i < count; i++) {
        containers += values[i] >> 16 != values[i - 1] >> 16;
    }
    return containers;
}

/* Writes the values as lists, whose `containers` are told beforehand and for which there is room;
 * false where the format wants runs (which begins when more than half of a container's first values
 * follow upon others) or a bitset. Every value writes its container's head anew, so that nothing
 * depends on a branch. */
static bool lists_write(const uint32_t *values, size_t count, size_t containers, uint8_t *out) {
    size_t data = LISTS_HEAD_BYTES + 8 * containers; /* where the lists are, in bytes */
    uint8_t *head = out + LISTS_HEAD_BYTES;
    uint8_t *offset = head + 4 * containers;
    size_t start = 0;    /* of the container's values */
    size_t follow = 0;   /* values of it that are one more than the one before them */
    uint32_t others = 0; /* 1 where the container needs another form */
    uint32_t before = count == 0 ? 0 : values[0];
    put_u32(out, COOKIE_NO_RUNS);
    put_u32(out + 4, (uint32_t)containers);
    for (size_t i = 0; i < count; i++) {
        uint32_t value = values[i];
        bool is_new = value >> 16 != before >> 16;
        start = is_new ? i : start;
        head += is_new ? 4 : 0;
        offset += is_new ? 4 : 0;
        follow = is_new ? 0 : follow + (value - before == 1);
        put_u32(head, value >> 16 | (uint32_t)(i - start) << 16);
        put_u32(offset, (uint32_t)(data + 2 * start));
        put_u16(out + data + 2 * i, (uint16_t)value);
        others |= (2 * follow > i - start + 1) | (i - start >= ARRAY_MAX);
        before = value;
    }
    return others == 0;
}

struct status neighbour_set_encode_u32(const uint32_t *values, size_t count, struct bytes *out,
                                       struct err *err) {
    size_t containers = containers_count(values, count);
    size_t bytes = LISTS_HEAD_BYTES + 8 * containers + 2 * count;
    TRY(bytes_reserve(out, bytes, err));
    if (!lists_write(values, count, containers, out->data + out->count)) {
        return library_encode(values, count, out, err);
    }
    out->count += bytes;
    return status_ok();
}

/* The end of the values from `first` on that share their upper 32 bits. */
static size_t bucket_end(const uint64_t *values, size_t count, size_t first) {
    size_t end = first + 1;
    while (end < count && values[end] >> 32 == values[first] >> 32) {
        end++;
    }
    return end;
}

/* Appends the 32-bit form of the lower halves; `lows` is scratch memory. */
static struct status bucket_encode(const uint64_t *values, size_t count, struct bytes *lows,
                                   struct bytes *out, struct err *err) {
    lows->count = 0;
    TRY(bytes_reserve(lows, count * sizeof(uint32_t), err));
    uint32_t *all = (uint32_t *)(void *)lows->data;
    for (size_t i = 0; i < count; i++) {
        all[i] = (uint32_t)values[i];
    }
    return neighbour_set_encode_u32(all, count, out, err);
}

/* The 64-bit form: 8 bytes count of buckets, then per bucket its upper 32 bits and a 32-bit form.
 */
struct status neighbour_set_encode_u64(const uint64_t *values, size_t count, struct bytes *out,
                                       struct err *err) {
    uint64_t bucket_count = 0;
    for (size_t first = 0; first < count; first = bucket_end(values, count, first)) {
        bucket_count++;
    }
    uint8_t head[8];
    put_u64(head, bucket_count);
    TRY(bytes_append(out, head, sizeof head, err));
    struct bytes lows = {0};
    struct status status = status_ok();
    for (size_t first = 0; first < count && !failed(status);) {
        size_t end = bucket_end(values, count, first);
        put_u32(head, (uint32_t)(values[first] >> 32));
        status = bytes_append(out, head, sizeof(uint32_t), err);
        if (!failed(status)) {
            status = bucket_encode(values + first, end - first, &lows, out, err);
        }
        first = end;
    }
    bytes_release(&lows);
    return status;
}

/* The front of a bitmap, cursors over its parts. */
struct head {
    uint32_t container_count;
    const uint8_t *run_flags; /* a bit per container; NULL where the bitmap has no runs */
    struct cursor keys;       /* per container its upper 16 bits and its values less one */
    struct cursor offsets;    /* per container 4 bytes, or empty */
};

static bool head_read(struct cursor *cursor, struct head *head) {
    uint32_t cookie = cursor_u32(cursor);
    *head = (struct head){0};
    if (cookie == COOKIE_NO_RUNS) {
        head->container_count = cursor_u32(cursor);
    } else if ((cookie & 0xffff) == COOKIE_RUNS) {
        head->container_count = (cookie >> 16) + 1;
        head->run_flags = cursor_take(cursor, (head->container_count + 7) / 8);
    } else {
        return false;
    }
    if (cursor->broken || head->container_count > CONTAINERS_MAX) {
        return false;
    }
    size_t bytes = (size_t)head->container_count * 4;
    head->keys = cursor_over(cursor_take(cursor, bytes), bytes);
    if (head->run_flags == NULL || head->container_count >= OFFSETS_FROM) {
        head->offsets = cursor_over(cursor_take(cursor, bytes), bytes);
    }
    return !cursor->broken;
}

static uint32_t u16_at(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

/* The values that the head promises in all, and in its fullest container. */
static uint64_t head_count(const struct head *head, uint32_t *fullest) {
    uint64_t count = 0;
    uint32_t most = 0;
    for (uint32_t i = 0; i < head->container_count; i++) {
        uint32_t values = u16_at(head->keys.data + (size_t)i * 4 + 2) + 1;
        count += values;
        most = values > most ? values : most;
    }
    *fullest = most;
    return count;
}

/* The readers of the three kinds of containers fill exactly `count` values, `base` in their upper
 * half; false where the container holds others or they do not ascend. */
static bool array_read(struct cursor *cursor, uint32_t base, uint32_t count, uint32_t *values) {
    struct cursor lows = *cursor;
    if (cursor_take(cursor, (size_t)count * 2) == NULL) {
        return false;
    }
    bool ascends = true;
    for (uint32_t i = 0; i < count; i++) {
        values[i] = base | cursor_u16(&lows);
        ascends = ascends && (i == 0 || values[i] > values[i - 1]);
    }
    return ascends;
}

static bool bitset_read(struct cursor *cursor, uint32_t base, uint32_t count, uint32_t *values) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < BITSET_WORDS; i++) {
        for (uint64_t word = cursor_u64(cursor); word != 0; word &= word - 1) {
            if (found == count) {
                return false;
            }
            values[found++] = base | (i * 64 + (uint32_t)__builtin_ctzll(word));
        }
    }
    return found == count && !cursor->broken;
}

static bool runs_read(struct cursor *cursor, uint32_t base, uint32_t count, uint32_t *values) {
    uint32_t found = 0;
    uint32_t free_from = 0; /* the first value that the next run may begin with */
    uint32_t run_count = cursor_u16(cursor);
    for (uint32_t run = 0; run < run_count; run++) {
        uint32_t first = cursor_u16(cursor);
        uint32_t last = first + cursor_u16(cursor);
        if (first < free_from || last > UINT16_MAX || last - first >= count - found) {
            return false;
        }
        for (uint32_t low = first; low <= last; low++) {
            values[found++] = base | low;
        }
        free_from = last + 1;
    }
    return found == count && !cursor->broken;
}

/* Fills all values, which ascend; false where anything is not as the format wants it. */
static bool containers_read(struct cursor *cursor, struct head *head, uint32_t *values) {
    uint32_t next_key = 0;
    for (uint32_t i = 0; i < head->container_count; i++) {
        uint32_t key = cursor_u16(&head->keys);
        uint32_t count = cursor_u16(&head->keys) + 1U;
        bool is_placed = head->offsets.count == 0 || cursor_u32(&head->offsets) == cursor->at;
        bool is_runs = head->run_flags != NULL && (head->run_flags[i / 8] >> i % 8 & 1) != 0;
        if (key < next_key || !is_placed) {
            return false;
        }
        bool is_read = is_runs              ? runs_read(cursor, key << 16, count, values)
                       : count <= ARRAY_MAX ? array_read(cursor, key << 16, count, values)
                                            : bitset_read(cursor, key << 16, count, values);
        if (!is_read) {
            return false;
        }
        values += count;
        next_key = key + 1;
    }
    return cursor_left(cursor) == 0;
}

/* The same as containers_read where all containers are lists whose bytes are all there. A short
 * list is taken as if it had LIST_STEP values: what is too much is written over. */
static bool lists_read(const struct cursor *cursor, const struct head *head, uint32_t *values,
                       size_t count) {
    enum { LIST_STEP = 4 };
    const uint8_t *lows = cursor->data + cursor->at;
    const uint8_t *keys = head->keys.data;
    const uint8_t *offsets = head->offsets.data;
    size_t at = 0;
    uint32_t wrong = 0;
    uint32_t next_key = 0;
    for (uint32_t i = 0; i < head->container_count; i++) {
        uint32_t key = u16_at(keys + (size_t)i * 4);
        uint32_t base = key << 16;
        size_t end = at + u16_at(keys + (size_t)i * 4 + 2) + 1;
        uint32_t offset = u16_at(offsets + (size_t)i * 4) | u16_at(offsets + (size_t)i * 4 + 2)
                                                                << 16;
        wrong |= (offset != cursor->at + at * 2) | (key < next_key);
        next_key = key + 1;
        for (; at < end && at + LIST_STEP <= count; at += LIST_STEP) {
            for (size_t j = 0; j < LIST_STEP; j++) {
                values[at + j] = base | u16_at(lows + (at + j) * 2);
            }
        }
        for (; at < end; at++) {
            values[at] = base | u16_at(lows + at * 2);
        }
        at = end;
    }
    for (size_t i = 1; i < count; i++) {
        wrong |= values[i] <= values[i - 1];
    }
    return wrong == 0;
}

struct status neighbour_set_decode_u32(const uint8_t *data, size_t bytes, uint32_t bound,
                                       struct bytes *values, struct err *err) {
    struct cursor cursor = cursor_over(data, bytes);
    struct head head;
    if (!head_read(&cursor, &head)) {
        return err_set(err, FAILURE_DATA, "%zu bytes are not a portable Roaring bitmap: damaged",
                       bytes);
    }
    uint32_t fullest;
    uint64_t count = head_count(&head, &fullest);
    if (count > bound) {
        return err_set(err, FAILURE_DATA,
                       "a Roaring bitmap of %" PRIu64 " members among %u: damaged", count, bound);
    }
    TRY(bytes_reserve(values, (size_t)count * sizeof(uint32_t) + 1, err)); /* +1: never NULL */
    uint32_t *all = (uint32_t *)(void *)(values->data + values->count);
    bool is_lists =
        head.run_flags == NULL && fullest <= ARRAY_MAX && cursor_left(&cursor) == count * 2;
    bool is_read = is_lists ? lists_read(&cursor, &head, all, (size_t)count)
                            : containers_read(&cursor, &head, all);
    if (!is_read || (count != 0 && all[count - 1] >= bound)) {
        return err_set(err, FAILURE_DATA,
                       "a Roaring bitmap does not hold the %" PRIu64
                       " ascending values below %u that it promises: damaged",
                       count, bound);
    }
    values->count += (size_t)count * sizeof(uint32_t);
    return status_ok();
}
