/* JSON texts as read-only trees of values: the one door to yajl.
 *
 * Invariants of a parsed text: it is RFC 8259 JSON, no object names a key twice, no string holds a
 * NUL (so strings are NUL-terminated and complete), numbers are kept as they were written (so ids
 * up to 2^64-1 are exact).
 *
 * Lifecycle: json_parse, any of the accessors, json_free of the root. Every value and text belongs
 * to the root. The accessors take NULL for "no such value" and answer accordingly, so that
 * json_u64(json_get(object, "key"), &v) needs one check.
 */
#ifndef TIEFLOW_STAGES_BASE_JSON_H
#define TIEFLOW_STAGES_BASE_JSON_H

#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_type {
    JSON_MISSING, /* of the value NULL */
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
    JSON_TYPES,
};

struct json;

/* Parses one value with nothing but blanks around it; `text` is borrowed for the call and need not
 * be NUL-terminated. FAILURE_DATA says what is wrong and at which byte; no file is named. Cost: one
 * pass, without recursion. */
FALLIBLE json_parse(struct json **root, const char *text, size_t bytes, struct err *err);

/* Accepts NULL. */
void json_free(struct json *root);

enum json_type json_type(const struct json *value);

/* "a string", "an object", ...: for messages. */
const char *json_type_name(enum json_type type);

/* The member of an object; NULL where there is none and for anything that is not an object. */
const struct json *json_get(const struct json *object, const char *key);

/* Members of an object or items of an array; 0 for anything else. */
size_t json_count(const struct json *container);

/* Walks the values of an array or object in the order of the text: `before` is NULL for the first;
 * NULL is the answer behind the last. */
const struct json *json_next(const struct json *container, const struct json *before);

/* The text of a string (unescaped) or of a number (as written); NULL for other types. */
const char *json_text(const struct json *string);
const char *json_number_text(const struct json *number);

/* False unless the value is a number of plain digits (with '-' for the i64) in the type's range:
 * 1.0 and 1e3 are not whole numbers here, and nothing is rounded. */
bool json_u64(const struct json *number, uint64_t *value);
bool json_i64(const struct json *number, int64_t *value);

/* True where both are the same value, with object keys in the same order and numbers written alike;
 * blanks between do not matter. */
bool json_equal(const struct json *a, const struct json *b);

/* False unless the value is true or false. */
bool json_bool(const struct json *boolean, bool *value);

#endif
