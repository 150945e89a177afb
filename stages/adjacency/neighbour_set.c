/* CRoaring reports no failed allocation: it would crash on a null pointer inside. Its allocations
 * here are of one member's size, made after everything large has been had. Decoded values are read
 * through an iterator into memory of known size and checked to ascend, since a damaged bitmap can
 * claim another count than it holds.
 */
#include "stages/adjacency/neighbour_set.h"

#include "schemas/limits.h"

#include <assert.h>
#include <roaring/roaring.h>

static struct status bitmap_append(roaring_bitmap_t *bitmap, struct bytes *out, struct err *err) {
    if (bitmap == NULL) {
        return err_memory(err, 64, "a Roaring bitmap");
    }
    (void)roaring_bitmap_run_optimize(bitmap); /* says whether it helped */
    size_t bytes = roaring_bitmap_portable_size_in_bytes(bitmap);
    TRY(bytes_reserve(out, bytes, err));
    size_t written = roaring_bitmap_portable_serialize(bitmap, (char *)out->data + out->count);
    assert(written == bytes);
    out->count += written;
    return status_ok();
}

struct status neighbour_set_encode_u32(const uint32_t *values, size_t count, struct bytes *out,
                                       struct err *err) {
    roaring_bitmap_t *bitmap = roaring_bitmap_of_ptr(count, values);
    struct status status = bitmap_append(bitmap, out, err);
    roaring_bitmap_free(bitmap);
    return status;
}

/* The end of the values from `first` on that share their upper 32 bits. */
static size_t bucket_end(const uint64_t *values, size_t count, size_t first) {
    size_t end = first + 1;
    while (end < count && values[end] >> 32 == values[first] >> 32) {
        end++;
    }
    return end;
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
    for (size_t first = 0; first < count;) {
        size_t end = bucket_end(values, count, first);
        put_u32(head, (uint32_t)(values[first] >> 32));
        TRY(bytes_append(out, head, sizeof(uint32_t), err));
        roaring_bitmap_t *bitmap = roaring_bitmap_create();
        for (size_t i = first; i < end && bitmap != NULL; i++) {
            roaring_bitmap_add(bitmap, (uint32_t)values[i]);
        }
        struct status status = bitmap_append(bitmap, out, err);
        roaring_bitmap_free(bitmap);
        TRY(status);
        first = end;
    }
    return status_ok();
}

/* Copies the bitmap's values out, checking them. */
static struct status values_read(const roaring_bitmap_t *bitmap, uint32_t bound,
                                 struct bytes *values, struct err *err) {
    uint64_t claimed = roaring_bitmap_get_cardinality(bitmap);
    if (claimed > bound) {
        return err_set(err, FAILURE_DATA, "a Roaring bitmap of %llu members among %u: damaged",
                       (unsigned long long)claimed, bound);
    }
    size_t count = (size_t)claimed;
    TRY(bytes_reserve(values, count * sizeof(uint32_t) + 1, err));
    uint32_t *all = (uint32_t *)(void *)values->data;
    roaring_uint32_iterator_t *iterator = roaring_create_iterator(bitmap);
    if (iterator == NULL) {
        return err_memory(err, sizeof *iterator, "a Roaring iterator");
    }
    size_t read = roaring_read_uint32_iterator(iterator, all, (uint32_t)count);
    bool is_sound = read == count && !iterator->has_value;
    roaring_free_uint32_iterator(iterator);
    for (size_t i = 0; i < read && is_sound; i++) {
        is_sound = all[i] < bound && (i == 0 || all[i] > all[i - 1]);
    }
    if (!is_sound) {
        return err_set(err, FAILURE_DATA,
                       "a Roaring bitmap's values do not ascend below %u: damaged", bound);
    }
    values->count = count * sizeof(uint32_t);
    return status_ok();
}

struct status neighbour_set_decode_u32(const uint8_t *data, size_t bytes, uint32_t bound,
                                       struct bytes *values, struct err *err) {
    values->count = 0;
    roaring_bitmap_t *bitmap = roaring_bitmap_portable_deserialize_safe((const char *)data, bytes);
    if (bitmap == NULL) {
        return err_set(err, FAILURE_DATA, "%zu bytes are not a portable Roaring bitmap: damaged",
                       bytes);
    }
    struct status status = values_read(bitmap, bound, values, err);
    roaring_bitmap_free(bitmap);
    return status;
}
