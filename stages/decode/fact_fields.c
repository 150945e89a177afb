#include "stages/decode/fact_fields.h"

#include "stages/base/json.h"
#include "stages/base/number.h"
#include "stages/decode/fields.h"
#include "stages/decode/ndjson.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* How much of a field is shown in a reason; room for the names that a choice has. */
enum { SHOWN_BYTES = 40, NAMES_BYTES = 128 };

void fact_begin(const struct fact_shape *shape, struct fact *fact) {
    assert(shape->field_count <= FACT_FIELDS_MAX);
    *fact = (struct fact){0};
    for (size_t i = 0; i < shape->field_count; i++) {
        if (shape->fields[i].has_default) {
            fact->value[i] = shape->fields[i].otherwise;
            fact->known = (uint8_t)(fact->known | 1U << i);
        }
    }
}

/* "start or end", "day, month or year" */
static void choices_list(const struct fact_field *field, char names[NAMES_BYTES]) {
    size_t used = 0;
    for (size_t i = 0; field->choices[i] != NULL && used < NAMES_BYTES; i++) {
        const char *before = i == 0 ? "" : field->choices[i + 1] == NULL ? " or " : ", ";
        used +=
            (size_t)snprintf(names + used, NAMES_BYTES - used, "%s%s", before, field->choices[i]);
    }
}

static const char *expected(const struct fact_field *field, char names[NAMES_BYTES]) {
    switch (field->type) {
    case FACT_TIME:
        return "a whole number of milliseconds, in the years 0001 to 9999,";
    case FACT_ID:
        return "a whole number from 0 to 2^64-1";
    case FACT_COUNT:
        return "a whole number from 1 to 2^32-1";
    case FACT_NUMBER:
        return "a whole number from 0 to 2^32-1";
    case FACT_YEAR:
        return "a year from 1 to 9999";
    case FACT_CHOICE:
        break;
    }
    choices_list(field, names);
    return names;
}

static bool text_refuse(const struct fact_field *field, const char *text, size_t bytes,
                        char reason[MALFORMED_REASON_BYTES]) {
    char names[NAMES_BYTES];
    reason_set(reason, "%s is \"%.*s\": %s is expected", field->name,
               bytes < SHOWN_BYTES ? (int)bytes : SHOWN_BYTES, text, expected(field, names));
    return false;
}

static bool choice_parse(const struct fact_field *field, const char *text, size_t bytes,
                         uint64_t *value) {
    for (*value = 0; field->choices[*value] != NULL; ++*value) {
        const char *choice = field->choices[*value];
        if (strlen(choice) == bytes && memcmp(choice, text, bytes) == 0) {
            return true;
        }
    }
    return false;
}

static bool value_parse(const struct fact_field *field, const char *text, size_t bytes,
                        uint64_t *value) {
    int64_t at_ms = 0;
    switch (field->type) {
    case FACT_TIME:
        if (!number_parse_i64(text, bytes, &at_ms)) {
            return false;
        }
        *value = (uint64_t)at_ms;
        return true;
    case FACT_CHOICE:
        return choice_parse(field, text, bytes, value);
    default:
        return number_parse_u64(text, bytes, value);
    }
}

bool fact_field_parse(const struct fact_shape *shape, size_t field, const char *text, size_t bytes,
                      struct fact *fact, char reason[MALFORMED_REASON_BYTES]) {
    const struct fact_field *of = &shape->fields[field];
    if (bytes == 0) {
        return !of->is_required || text_refuse(of, text, bytes, reason);
    }
    uint64_t value = 0;
    if (!value_parse(of, text, bytes, &value) || !fact_value_fits(of, value)) {
        return text_refuse(of, text, bytes, reason);
    }
    fact->value[field] = value;
    fact->known = (uint8_t)(fact->known | 1U << field);
    return true;
}

bool fact_field_set(const struct fact_shape *shape, size_t field, uint64_t value, struct fact *fact,
                    char reason[MALFORMED_REASON_BYTES]) {
    const struct fact_field *of = &shape->fields[field];
    if (!fact_value_fits(of, value)) {
        char digits[NUMBER_U64_BYTES + 1];
        bool is_signed = of->type != FACT_ID && of->type != FACT_CHOICE;
        size_t bytes = is_signed ? number_format_i64(digits, (int64_t)value)
                                 : number_format_u64(digits, value);
        return text_refuse(of, digits, bytes, reason);
    }
    fact->value[field] = value;
    fact->known = (uint8_t)(fact->known | 1U << field);
    return true;
}

static bool object_parse(const struct fact_shape *shape, const struct json *object,
                         struct fact *fact, char reason[MALFORMED_REASON_BYTES]) {
    if (json_type(object) != JSON_OBJECT) {
        reason_set(reason,
                   "the record is %s: an object with the keys of a record of %s is expected",
                   json_type_name(json_type(object)), shape->name);
        return false;
    }
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct fact_field *field = &shape->fields[i];
        const char *text;
        if (field->is_required && json_type(json_get(object, field->name)) <= JSON_NULL) {
            reason_set(reason, "the key \"%s\" is missing", field->name);
            return false;
        }
        if (!json_key_text(object, field->name, &text, reason) ||
            !fact_field_parse(shape, i, text, strlen(text), fact, reason)) {
            return false;
        }
    }
    return true;
}

struct status fact_json_parse(const struct fact_shape *shape, const struct text_record *record,
                              struct fact *fact, bool *is_fact, char reason[MALFORMED_REASON_BYTES],
                              struct err *err) {
    struct json *object;
    TRY(json_record_parse(record, &object, reason, err));
    fact_begin(shape, fact);
    *is_fact = object != NULL && object_parse(shape, object, fact, reason);
    json_free(object);
    return status_ok();
}
