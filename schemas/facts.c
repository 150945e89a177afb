#include "schemas/facts.h"

#include "schemas/event.h"

#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const position_kinds[] = {"start", "end", NULL};
static const char *const position_precisions[] = {"day", "month", "year", NULL};
static const char *const interaction_kinds[] = {"message", "like",    "comment",
                                                "share",   "endorse", NULL};
static const char *const genders[] = {"unknown", "female", "male", "other", NULL};

#define REQUIRED(name, type)                                                                       \
    { name, type, true, false, 0, NULL }
#define OPTIONAL(name, type)                                                                       \
    { name, type, false, false, 0, NULL }
#define DEFAULTING(name, type, otherwise)                                                          \
    { name, type, false, true, otherwise, NULL }

static const struct fact_field positions_fields[] = {
    REQUIRED("at", FACT_TIME),
    REQUIRED("member", FACT_ID),
    REQUIRED("company", FACT_ID),
    {"kind", FACT_CHOICE, true, false, 0, position_kinds},
    {"precision", FACT_CHOICE, false, true, PRECISION_DAY, position_precisions},
};
static const struct fact_field interactions_fields[] = {
    REQUIRED("at", FACT_TIME),
    REQUIRED("from", FACT_ID),
    REQUIRED("to", FACT_ID),
    {"kind", FACT_CHOICE, false, true, 0, interaction_kinds},
    DEFAULTING("count", FACT_COUNT, 1),
};
static const struct fact_field applications_fields[] = {
    REQUIRED("at", FACT_TIME),
    REQUIRED("member", FACT_ID),
    DEFAULTING("count", FACT_COUNT, 1),
};
static const struct fact_field assignments_fields[] = {
    REQUIRED("at", FACT_TIME),
    REQUIRED("experiment", FACT_ID),
    REQUIRED("member", FACT_ID),
    REQUIRED("variant", FACT_NUMBER),
};
static const struct fact_field members_fields[] = {
    REQUIRED("member", FACT_ID),
    OPTIONAL("industry", FACT_ID),
    OPTIONAL("country", FACT_ID),
    OPTIONAL("region", FACT_ID),
    OPTIONAL("place", FACT_ID),
    OPTIONAL("school", FACT_ID),
    OPTIONAL("career_start_year", FACT_YEAR),
    {"gender", FACT_CHOICE, false, true, 0, genders},
};
static const struct fact_field companies_fields[] = {
    REQUIRED("company", FACT_ID),
    OPTIONAL("canonical", FACT_ID),
    OPTIONAL("industry", FACT_ID),
};
static const struct fact_field industries_fields[] = {
    REQUIRED("industry", FACT_ID),       OPTIONAL("naics", FACT_NUMBER),
    OPTIONAL("it_rank", FACT_NUMBER),    OPTIONAL("software_rank", FACT_NUMBER),
    OPTIONAL("ml_rank", FACT_NUMBER),    OPTIONAL("ai_rank", FACT_NUMBER),
    OPTIONAL("robot_rank", FACT_NUMBER), OPTIONAL("remote_rank", FACT_NUMBER),
};

const struct fact_shape fact_shapes[FACT_LOGS] = {
    [FACT_POSITIONS] = {"positions", positions_fields, COUNT_OF(positions_fields), 0},
    [FACT_INTERACTIONS] = {"interactions", interactions_fields, COUNT_OF(interactions_fields), 0},
    [FACT_APPLICATIONS] = {"applications", applications_fields, COUNT_OF(applications_fields), 0},
    [FACT_ASSIGNMENTS] = {"assignments", assignments_fields, COUNT_OF(assignments_fields), 0},
    [FACT_MEMBERS] = {"members", members_fields, COUNT_OF(members_fields), 1},
    [FACT_COMPANIES] = {"companies", companies_fields, COUNT_OF(companies_fields), 1},
    [FACT_INDUSTRIES] = {"industries", industries_fields, COUNT_OF(industries_fields), 1},
};

int fact_field_find(const struct fact_shape *shape, const char *name, size_t bytes) {
    for (size_t i = 0; i < shape->field_count; i++) {
        const char *own = shape->fields[i].name;
        if (strlen(own) == bytes && memcmp(own, name, bytes) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool fact_value_fits(const struct fact_field *field, uint64_t value) {
    switch (field->type) {
    case FACT_TIME:
        return event_time_is_valid((int64_t)value);
    case FACT_ID:
        return true;
    case FACT_COUNT:
        return value >= 1 && value <= UINT32_MAX;
    case FACT_NUMBER:
        return value <= UINT32_MAX;
    case FACT_YEAR:
        return value >= 1 && value <= 9999;
    case FACT_CHOICE:
        for (uint64_t i = 0; field->choices[i] != NULL; i++) {
            if (i == value) {
                return true;
            }
        }
        return false;
    }
    return false;
}
