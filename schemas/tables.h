/* The columns of every table that tieflow publishes: one definition for CSV, Parquet, the records
 * of Kafka (their Avro schemas lie in schemas/tables/) and docs. */
#ifndef TIEFLOW_SCHEMAS_TABLES_H
#define TIEFLOW_SCHEMAS_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_type {
    COLUMN_U64,     /* member ids, counts of records */
    COLUMN_U32,     /* counts within a graph */
    COLUMN_TIME_MS, /* instant, milliseconds since 1970 UTC */
    COLUMN_F64,
    COLUMN_TEXT, /* UTF-8, NUL-terminated */
};

/* In a nullable column of times, this value stands for null (empty in CSV). No other type of
 * column is nullable. */
#define COLUMN_TIME_NULL INT64_MAX

struct column {
    const char *name;
    enum column_type type;
    bool nullable;
};

/* How a row is keyed as a record of Kafka: by the texts of two columns, numbers in decimal, with a
 * colon between. Rows of one key go to one partition and stay in order there. */
struct table_key {
    uint8_t first; /* columns by their place; numbers or texts */
    uint8_t second;
    bool is_pair; /* both are numbers, and the smaller one is written first: a tie has no direction
                   */
};

struct table {
    const char *name; /* also the file's name, without its ending */
    const struct column *columns;
    size_t column_count;
    struct table_key key;
};

enum { TABLE_COLUMNS_MAX = 16 };

/* One row per tie made: from, to, created_at, ended_at, mutual, degree_from, degree_to, union,
 * strength. In the order of section 2 of the definitions. */
extern const struct table table_ties;

/* One row per tie that ended: member_low, member_high, ended_at. In log order. */
extern const struct table table_endings;

/* One row per late event: at, from, to, kind, origin. In log order. */
extern const struct table table_late;

/* One row per record that could not be read: log, file, record, reason, content (as much of it as
 * is text). In reading order. */
extern const struct table table_quarantine;

/* One row per log and check: log, check, count. */
extern const struct table table_quality;

#endif
