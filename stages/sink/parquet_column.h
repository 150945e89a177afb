/* One column of one Parquet row group: its values until the group is full, then its page, its
 * statistics and what the metadata say of it.
 *
 *   TABLE COLUMN    PHYSICAL TYPE   LOGICAL TYPE (converted type)             ORDER
 *   COLUMN_U64      INT64           INTEGER(64, unsigned) (UINT_64)           unsigned
 *   COLUMN_U32      INT32           INTEGER(32, unsigned) (UINT_32)           unsigned
 *   COLUMN_TIME_MS  INT64           TIMESTAMP(UTC, MILLIS) (TIMESTAMP_MILLIS) signed
 *   COLUMN_F64      DOUBLE          none                                      by value
 *   COLUMN_TEXT     BYTE_ARRAY      STRING (UTF8)                             unsigned bytes
 *   COLUMN_BOOL     BOOLEAN         none                                      false, true
 *
 * A column of a row group is one data page (v1): the page header in Thrift, then the payload:
 *
 *   PART    SIZE   DESCRIPTION (nullable columns only, down to the values)
 *   length  4      bytes of run and bits, little-endian
 *   run     1..3   varint: ceil(rows / 8) << 1 | 1, "one bit-packed run for all rows"
 *   bits    rows/8 bit i (lowest first) is 1 where row i has a value; padded with zeros
 *   values  ...    integers and times: DELTA_BINARY_PACKED (delta.h); doubles: RLE_DICTIONARY
 *                  (parquet_dictionary.h) where at most a quarter is distinct, else PLAIN, 8 bytes,
 *                  little-endian; texts: PLAIN, 4 bytes of length, then the bytes; flags: PLAIN,
 *                  one bit each, lowest first, padded with zeros
 *
 * In front of a data page of numbers stands a dictionary page: header, then the distinct values,
 * PLAIN. The payloads of a column are each one zstd frame, or as they are where packed bits would
 * hardly become fewer.
 *
 * Source: Apache Parquet format 2.10, README, Encodings.md, LogicalTypes.md, parquet.thrift.
 */
#ifndef TIEFLOW_STAGES_SINK_PARQUET_COLUMN_H
#define TIEFLOW_STAGES_SINK_PARQUET_COLUMN_H

#include "schemas/status.h"
#include "schemas/tables.h"
#include "stages/base/bytes.h"
#include "stages/base/compression.h"
#include "stages/sink/parquet_dictionary.h"
#include "stages/sink/table_writer.h"
#include "stages/sink/thrift.h"

#include <stddef.h>
#include <stdint.h>

/* A text in the `texts` of its column, without its length. */
struct parquet_text {
    size_t at;
    size_t bytes;
};

/* Invariants: numbers holds the rows - nulls values of any column but one of texts, whose values
 * are in texts; present has one bit per row in a nullable column and is empty in any other; least
 * and most are texts of the column and mean something only while it has any. */
struct parquet_column {
    const struct column *column;
    uint64_t rows;
    uint64_t nulls;
    /* uint32_t of a COLUMN_U32; of all else uint64_t: doubles as their bits, times in two's
     * complement, flags 0 or 1 */
    void *numbers;
    size_t number_capacity;
    struct bytes texts; /* in their page encoding */
    struct bytes present;
    struct parquet_text least;
    struct parquet_text most;
};

/* Keeps `column`. */
void parquet_column_init(struct parquet_column *parquet, const struct column *column);
void parquet_column_release(struct parquet_column *parquet);

/* Forgets the values, keeps the memory: the next row group begins. */
void parquet_column_clear(struct parquet_column *parquet);

/* Takes rows [first, first + rows) of `values`. */
FALLIBLE parquet_column_add(struct parquet_column *parquet, const union column_values *values,
                            size_t first, size_t rows, struct err *err);

/* The pages of a column as they follow each other in the file, and what its metadata say of them;
 * used again for group after group. Zero-initialised storage is valid and empty. */
struct parquet_pages {
    struct bytes file;
    uint64_t raw_bytes; /* with payloads as before compression */
    uint64_t data_page; /* where it begins in `file`: behind the dictionary page, if any */
    int32_t encoding;   /* of the data page */
    int32_t codec;
    uint64_t least; /* bits of the least and the greatest number; of no use without any */
    uint64_t most;
};
void parquet_pages_release(struct parquet_pages *pages);

/* Working memory for making pages; for one thread at a time. Zero-initialised storage is valid. */
struct parquet_workshop {
    struct compressor compressor;
    struct compressor sampler;
    struct parquet_dictionary dictionary;
    struct bytes values; /* payload of the dictionary page */
    struct bytes raw;    /* payload of the data page */
    struct bytes packed;
};
void parquet_workshop_release(struct parquet_workshop *workshop);

/* Replaces `pages` by those of all values taken since the last clear. */
FALLIBLE parquet_column_pages(const struct parquet_column *parquet,
                              struct parquet_workshop *workshop, struct parquet_pages *pages,
                              struct err *err);

/* Writes the list item of the column: SchemaElement in the schema, ColumnChunk in the row group.
 * The pages begin at `offset` of the file. */
void parquet_column_put_schema(const struct column *column, struct thrift *thrift);
void parquet_column_put_chunk(const struct parquet_column *parquet,
                              const struct parquet_pages *pages, uint64_t offset,
                              struct thrift *thrift);

#endif
