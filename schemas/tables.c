#include "schemas/tables.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct column ties_columns[] = {
    {"from", COLUMN_U64, false},           {"to", COLUMN_U64, false},
    {"created_at", COLUMN_TIME_MS, false}, {"ended_at", COLUMN_TIME_MS, true},
    {"mutual", COLUMN_U32, false},         {"degree_from", COLUMN_U32, false},
    {"degree_to", COLUMN_U32, false},      {"union", COLUMN_U64, false},
    {"strength", COLUMN_F64, false},
};
static const struct column endings_columns[] = {
    {"member_low", COLUMN_U64, false},
    {"member_high", COLUMN_U64, false},
    {"ended_at", COLUMN_TIME_MS, false},
};
static const struct column late_columns[] = {
    {"at", COLUMN_TIME_MS, false}, {"from", COLUMN_U64, false},    {"to", COLUMN_U64, false},
    {"kind", COLUMN_TEXT, false},  {"origin", COLUMN_TEXT, false},
};
static const struct column quarantine_columns[] = {
    {"log", COLUMN_TEXT, false},    {"file", COLUMN_TEXT, false},    {"record", COLUMN_U64, false},
    {"reason", COLUMN_TEXT, false}, {"content", COLUMN_TEXT, false},
};
static const struct column quality_columns[] = {
    {"log", COLUMN_TEXT, false},
    {"check", COLUMN_TEXT, false},
    {"count", COLUMN_U64, false},
};

const struct table table_ties = {
    "ties", ties_columns, COUNT_OF(ties_columns), {.first = 0, .second = 1, .is_pair = true}};
const struct table table_endings = {"endings",
                                    endings_columns,
                                    COUNT_OF(endings_columns),
                                    {.first = 0, .second = 1, .is_pair = true}};
const struct table table_late = {
    "late", late_columns, COUNT_OF(late_columns), {.first = 1, .second = 2, .is_pair = true}};
const struct table table_quarantine = {
    "quarantine", quarantine_columns, COUNT_OF(quarantine_columns), {.first = 1, .second = 2}};
const struct table table_quality = {
    "quality", quality_columns, COUNT_OF(quality_columns), {.first = 0, .second = 1}};
