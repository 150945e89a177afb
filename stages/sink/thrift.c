#include "stages/sink/thrift.h"

#include "stages/base/columns.h"

#include <assert.h>

void thrift_begin(struct thrift *thrift, struct bytes *out, struct err *err) {
    *thrift = (struct thrift){.out = out, .err = err};
}

struct status thrift_end(struct thrift *thrift) {
    assert(thrift->depth == 0);
    return thrift->status;
}

static void put(struct thrift *thrift, const void *data, size_t count) {
    if (!failed(thrift->status)) {
        thrift->status = bytes_append(thrift->out, data, count, thrift->err);
    }
}

static void put_byte(struct thrift *thrift, unsigned value) {
    put(thrift, &(uint8_t){(uint8_t)value}, 1);
}

static void put_varint(struct thrift *thrift, uint64_t value) {
    uint8_t text[10];
    size_t count = 0;
    for (; value > 0x7f; value >>= 7) {
        text[count++] = (uint8_t)(value | 0x80);
    }
    text[count++] = (uint8_t)value;
    put(thrift, text, count);
}

static void put_integer(struct thrift *thrift, int64_t value) {
    put_varint(thrift, zigzag_difference(0, value));
}

static void put_field(struct thrift *thrift, int field, enum thrift_type type) {
    if (field == THRIFT_ITEM) {
        return;
    }
    assert(thrift->depth > 0);
    int *last = &thrift->field[thrift->depth - 1];
    assert(field > *last);
    int step = field - *last;
    if (step <= 15) {
        put_byte(thrift, (unsigned)step << 4 | type);
    } else {
        put_byte(thrift, type);
        put_integer(thrift, field);
    }
    *last = field;
}

void thrift_struct_open(struct thrift *thrift, int field) {
    put_field(thrift, field, THRIFT_STRUCT);
    assert(thrift->depth < THRIFT_DEPTH_MAX);
    thrift->field[thrift->depth++] = 0;
}

void thrift_struct_close(struct thrift *thrift) {
    assert(thrift->depth > 0);
    put_byte(thrift, 0);
    thrift->depth--;
}

void thrift_list(struct thrift *thrift, int field, enum thrift_type type, size_t count) {
    put_field(thrift, field, THRIFT_LIST);
    if (count < 15) {
        put_byte(thrift, (unsigned)count << 4 | type);
    } else {
        put_byte(thrift, 0xf0U | type);
        put_varint(thrift, count);
    }
}

void thrift_bool(struct thrift *thrift, int field, bool value) {
    assert(field != THRIFT_ITEM);
    put_field(thrift, field, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_i8(struct thrift *thrift, int field, int8_t value) {
    put_field(thrift, field, THRIFT_I8);
    put_byte(thrift, (uint8_t)value);
}

void thrift_i32(struct thrift *thrift, int field, int32_t value) {
    put_field(thrift, field, THRIFT_I32);
    put_integer(thrift, value);
}

void thrift_i64(struct thrift *thrift, int field, int64_t value) {
    put_field(thrift, field, THRIFT_I64);
    put_integer(thrift, value);
}

void thrift_text(struct thrift *thrift, int field, const void *text, size_t bytes) {
    put_field(thrift, field, THRIFT_TEXT);
    put_varint(thrift, bytes);
    put(thrift, text, bytes);
}

void thrift_copy(struct thrift *thrift, const struct bytes *items) {
    put(thrift, items->data, items->count);
}
