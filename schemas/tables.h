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
    COLUMN_BOOL, /* 0 or 1; in CSV true or false */
};

/* Nulls, empty in CSV: in a nullable column of times this value, of doubles NAN, of texts NULL. A
 * nullable column of U64 is handed over as struct optional_u64; U32 and BOOL are never null. */
#define COLUMN_TIME_NULL INT64_MAX

struct optional_u64 {
    uint64_t value;
    bool is_known;
};

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
    bool is_cumulative; /* up to as_of, made anew each time: not a stream of rows for Kafka */
};

enum { TABLE_COLUMNS_MAX = 40 };

/* One row per tie made: from, to, created_at, ended_at, mutual, degree_from, degree_to, union,
 * strength. In the order of section 2 of the definitions. */
extern const struct table table_ties;

/* The same rows, of the same name, where there is a study: the nine columns, then the tie's classes
 * in the cohort up to as_of, and what is known of its members. Made anew with the cohort, so what
 * Kafka gets are the rows of table_ties. */
extern const struct table table_ties_of_study;

/* One row per tie that ended: member_low, member_high, ended_at. In log order. */
extern const struct table table_endings;

/* One row per late event: at, from, to, kind, origin. In log order. */
extern const struct table table_late;

/* One row per record that could not be read: log, file, record, reason, content (as much of it as
 * is text). In reading order. */
extern const struct table table_quarantine;

/* One row per log and check: log, check, count. */
extern const struct table table_quality;

/* The tables of an attribution (definitions, section 6); all are cumulative up to as_of. */

/* One row per first start at a company: moves, entries and undecided ones. By member, time. */
extern const struct table table_moves;

/* One row per move and eligible contact. By mover, time, company, tie's creation, contact. */
extern const struct table table_transmissions;

/* One row per move, contact and rule, in the order of the transmissions. */
extern const struct table table_attributions;

/* One row per member and window. */
extern const struct table table_members;

/* One row per measure and bin, for all sides; and again for every segment: the same columns. */
extern const struct table table_dose_response;
extern const struct table table_segments;

/* One row per experiment, variant and fact. */
extern const struct table table_arms;

/* One row per placebo and tercile. */
extern const struct table table_placebos;

/* One row per setting: its name, its value, and what it means in a sentence. */
extern const struct table table_settings;

/* One row per number that sums up the whole: name, value. */
extern const struct table table_totals;

/* One row per move of the generation before that later reports have changed; by-date runs only. */
extern const struct table table_revisions;

#endif
