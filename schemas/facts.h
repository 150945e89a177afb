/* The logs and reference tables beside the connections: what their records hold.
 *
 * Each log has one shape: a row of fields. A record of any of them is a `struct fact`: one 64-bit
 * value per field in the shape's order, and a bit per field that says whether it is known. Records
 * are kept, sorted and written as rows of numbers, whatever log they are from; who needs a position
 * or a profile reads the fields by the enums below.
 */
#ifndef TIEFLOW_SCHEMAS_FACTS_H
#define TIEFLOW_SCHEMAS_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The order is that of the tables' rows; the numbers are bytes on disk: append only. */
enum fact_log {
    FACT_POSITIONS = 0,
    FACT_INTERACTIONS = 1,
    FACT_APPLICATIONS = 2,
    FACT_ASSIGNMENTS = 3,
    FACT_MEMBERS = 4,    /* the newest record of a member wins */
    FACT_COMPANIES = 5,  /* reference table: the newest record of a company wins */
    FACT_INDUSTRIES = 6, /* reference table: the newest record of an industry wins */
    FACT_LOGS = 7,
};

enum fact_type {
    FACT_TIME,   /* milliseconds since 1970 UTC, an int64_t in two's complement; accepted range */
    FACT_ID,     /* any 64-bit unsigned number */
    FACT_COUNT,  /* 1 .. 2^32 - 1 */
    FACT_NUMBER, /* 0 .. 2^32 - 1 */
    FACT_YEAR,   /* 1 .. 9999 */
    FACT_CHOICE, /* index among `choices` */
};

struct fact_field {
    const char *name;
    enum fact_type type;
    bool is_required; /* a record without it is malformed; else it may be left out, empty or null */
    bool has_default; /* left out means `otherwise`; else it means "not known" */
    uint64_t otherwise;
    const char *const *choices; /* NULL-terminated, for FACT_CHOICE */
};

enum { FACT_FIELDS_MAX = 8 };

struct fact_shape {
    const char *name; /* of the log: "positions" */
    const struct fact_field *fields;
    size_t field_count;
    size_t key_fields; /* where the newest wins: the first so many fields say of what; else 0 */
};

struct fact {
    uint64_t value[FACT_FIELDS_MAX]; /* 0 where not known */
    uint8_t known;                   /* bit i: field i */
};

extern const struct fact_shape fact_shapes[FACT_LOGS];

enum position_field {
    POSITION_AT,
    POSITION_MEMBER,
    POSITION_COMPANY,
    POSITION_KIND,
    POSITION_PRECISION,
};
enum position_kind { POSITION_START = 0, POSITION_END = 1 };
enum position_precision { PRECISION_DAY = 0, PRECISION_MONTH = 1, PRECISION_YEAR = 2 };

enum interaction_field {
    INTERACTION_AT,
    INTERACTION_FROM,
    INTERACTION_TO,
    INTERACTION_KIND,
    INTERACTION_COUNT,
};

enum application_field { APPLICATION_AT, APPLICATION_MEMBER, APPLICATION_COUNT };

enum assignment_field {
    ASSIGNMENT_AT,
    ASSIGNMENT_EXPERIMENT,
    ASSIGNMENT_MEMBER,
    ASSIGNMENT_VARIANT,
};

enum member_field {
    MEMBER_ID,
    MEMBER_INDUSTRY,
    MEMBER_COUNTRY,
    MEMBER_REGION,
    MEMBER_PLACE,
    MEMBER_SCHOOL,
    MEMBER_CAREER_START_YEAR,
    MEMBER_GENDER,
};

enum company_field { COMPANY_ID, COMPANY_CANONICAL, COMPANY_INDUSTRY };

/* Ranks count from 1, the most intense. */
enum industry_field {
    INDUSTRY_ID,
    INDUSTRY_NAICS,
    INDUSTRY_IT,
    INDUSTRY_SOFTWARE,
    INDUSTRY_ML,
    INDUSTRY_AI,
    INDUSTRY_ROBOTS,
    INDUSTRY_REMOTE,
};
enum { INDUSTRY_RANKS = 6 };

/* The field's index in the shape, -1 where it has none of this name (`bytes` long). */
int fact_field_find(const struct fact_shape *shape, const char *name, size_t bytes);

/* Whether the value may stand in the field. */
bool fact_value_fits(const struct fact_field *field, uint64_t value);

#endif
