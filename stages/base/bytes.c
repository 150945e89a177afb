#include "stages/base/bytes.h"

#include <stdlib.h>
#include <string.h>

void bytes_release(struct bytes *bytes) {
    free(bytes->data);
    *bytes = (struct bytes){0};
}

struct status bytes_reserve(struct bytes *bytes, size_t extra, struct err *err) {
    if (extra <= bytes->capacity - bytes->count) {
        return status_ok();
    }
    size_t wanted = bytes->count + extra;
    if (wanted < extra) {
        return err_memory(err, SIZE_MAX, "a buffer");
    }
    size_t capacity = bytes->capacity + bytes->capacity / 2;
    capacity = capacity < wanted ? wanted : capacity;
    uint8_t *data = realloc(bytes->data, capacity);
    if (data == NULL) {
        return err_memory(err, capacity, "a buffer");
    }
    bytes->data = data;
    bytes->capacity = capacity;
    return status_ok();
}

struct status bytes_append(struct bytes *bytes, const void *data, size_t count, struct err *err) {
    if (count == 0) {
        return status_ok();
    }
    TRY(bytes_reserve(bytes, count, err));
    memcpy(bytes->data + bytes->count, data, count);
    bytes->count += count;
    return status_ok();
}
