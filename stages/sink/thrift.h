/* A writer of Thrift's compact protocol: the encoding of Parquet's metadata.
 *
 * Structs nest by open and close; the fields of a struct are written in ascending order of their
 * ids. Inside a list the field id is THRIFT_ITEM. The first failure to find memory is kept and
 * later writes do nothing: a whole structure is written and thrift_end asked once.
 *
 * Source: Apache Thrift, "Thrift Compact protocol encoding".
 *
 *   PART           BYTES
 *   varint         7 bits a byte, lowest first, top bit set on all but the last
 *   integer        zigzag (0, -1, 1, -2 as 0, 1, 2, 3), then varint; an i8 is one raw byte
 *   text           varint length, then the bytes
 *   field header   (id - previous id) << 4 | type, where the difference is 1 to 15
 *                  0 << 4 | type, then the id as an integer, otherwise
 *   bool field     the header alone: the type is 1 for true, 2 for false
 *   struct         fields, then a zero byte
 *   list           count << 4 | type for fewer than 15 items; 0xf0 | type, varint count otherwise;
 *                  then the items without headers
 */
#ifndef TIEFLOW_STAGES_SINK_THRIFT_H
#define TIEFLOW_STAGES_SINK_THRIFT_H

#include "schemas/status.h"
#include "stages/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The protocol's type codes. */
enum thrift_type {
    THRIFT_TRUE = 1,
    THRIFT_FALSE = 2,
    THRIFT_I8 = 3,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_TEXT = 8,
    THRIFT_LIST = 9,
    THRIFT_STRUCT = 12,
};

enum {
    THRIFT_ITEM = 0,      /* in place of a field id: an item of the list that was begun last */
    THRIFT_DEPTH_MAX = 8, /* structs inside structs; Parquet's metadata need 6 */
};

struct thrift {
    struct bytes *out;
    struct err *err;
    struct status status;
    int field[THRIFT_DEPTH_MAX]; /* the last field id of each open struct */
    size_t depth;
};

/* Writes to the end of `out`. Borrows `out` and `err` until thrift_end. */
void thrift_begin(struct thrift *thrift, struct bytes *out, struct err *err);

/* The first failure since thrift_begin, if any. Every struct must have been closed. */
FALLIBLE thrift_end(struct thrift *thrift);

void thrift_struct_open(struct thrift *thrift, int field);
void thrift_struct_close(struct thrift *thrift);

/* The caller writes exactly `count` items of `type` next. */
void thrift_list(struct thrift *thrift, int field, enum thrift_type type, size_t count);

void thrift_bool(struct thrift *thrift, int field, bool value); /* not an item */
void thrift_i8(struct thrift *thrift, int field, int8_t value);
void thrift_i32(struct thrift *thrift, int field, int32_t value);
void thrift_i64(struct thrift *thrift, int field, int64_t value);
void thrift_text(struct thrift *thrift, int field, const void *text, size_t bytes);

/* Bytes that a writer has made before: items of the list that was begun last. */
void thrift_copy(struct thrift *thrift, const struct bytes *items);

#endif
