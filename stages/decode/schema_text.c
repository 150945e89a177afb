/* Types nest on a stack of levels, one per type whose inner types are being checked, so that
 * nothing recurses, here or in the parser of the text (stages/base/json.h).
 *
 * The unit of `at` is checked here, since the library that resolves schemas drops logical types: a
 * time in microseconds would be taken for one in the year 55,000.
 */
#include "stages/decode/schema_text.h"

#include "schemas/limits.h"
#include "stages/base/files.h"
#include "stages/base/json.h"

#include <stdbool.h>
#include <string.h>

/* The room of "namespace.name", with its NUL; longer ones are refused. */
enum { FULL_NAME_BYTES = 512 };

/* A type that holds others: the fields of a record, the branches of a union, or the one type of the
 * items of an array or map. */
struct level {
    const struct json *items; /* fields or branches; NULL: there is one inner type */
    const struct json *at;    /* the item at hand, or the inner type; NULL before the first */
    bool has_fields;
    char namespace[FULL_NAME_BYTES]; /* that of names inside; "": none */
};

struct check {
    struct names full_names; /* defined so far */
    struct level levels[LIMIT_SCHEMA_DEPTH];
    unsigned depth;
    struct err *err;
};

static bool is_name_start(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* A name, or with `dots` names with dots between. */
static bool is_name(const char *text, bool dots) {
    bool starts = true;
    for (const char *c = text; *c != '\0'; c++) {
        if (starts ? !is_name_start(*c)
                   : !is_name_start(*c) && !(*c >= '0' && *c <= '9') && !(dots && *c == '.')) {
            return false;
        }
        starts = *c == '.';
    }
    return !starts;
}

static bool is_primitive(const char *text) {
    static const char *const names[] = {"null",  "boolean", "int",   "long",
                                        "float", "double",  "bytes", "string"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_defined(const struct check *check, const char *full_name) {
    for (size_t i = 0; i < check->full_names.count; i++) {
        if (strcmp(check->full_names.items[i], full_name) == 0) {
            return true;
        }
    }
    return false;
}

/* "namespace.name" where the name has no dots of its own. False where it is too long. */
static bool name_qualify(char full_name[FULL_NAME_BYTES], const char *namespace, const char *name) {
    bool has_space = namespace[0] != '\0' && strchr(name, '.') == NULL;
    size_t space_bytes = has_space ? strlen(namespace) + 1 : 0;
    size_t name_bytes = strlen(name);
    if (space_bytes + name_bytes >= FULL_NAME_BYTES) {
        return false;
    }
    if (space_bytes > 0) {
        memcpy(full_name, namespace, space_bytes - 1);
        full_name[space_bytes - 1] = '.';
    }
    memcpy(full_name + space_bytes, name, name_bytes + 1);
    return true;
}

static struct status reference_check(struct check *check, const char *name, const char *namespace) {
    char full_name[FULL_NAME_BYTES];
    if (!name_qualify(full_name, namespace, name) || !is_defined(check, full_name)) {
        return err_set(check->err, FAILURE_DATA, "the type \"%.60s\" is not known where it is used",
                       name);
    }
    return status_ok();
}

/* Enters the name of a record, enum or fixed. `inner` (FULL_NAME_BYTES) becomes its namespace. */
static struct status name_define(struct check *check, const struct json *type,
                                 const char *namespace, char *inner) {
    const char *name = json_text(json_get(type, "name"));
    const struct json *own_space = json_get(type, "namespace");
    if (name == NULL || !is_name(name, true)) {
        return err_set(check->err, FAILURE_DATA, "a %s has no valid name: \"%.60s\"",
                       json_text(json_get(type, "type")), name == NULL ? "" : name);
    }
    if (is_primitive(name)) {
        return err_set(check->err, FAILURE_DATA, "the name \"%s\" is that of a primitive type",
                       name);
    }
    if (own_space != NULL) {
        namespace = json_text(own_space);
        if (namespace == NULL || (namespace[0] != '\0' && !is_name(namespace, true))) {
            return err_set(check->err, FAILURE_DATA, "the namespace of \"%.60s\" is not valid",
                           name);
        }
    }
    if (!name_qualify(inner, namespace, name)) {
        return err_set(check->err, FAILURE_DATA, "the name \"%.60s...\" is too long", name);
    }
    if (is_defined(check, inner)) {
        return err_set(check->err, FAILURE_DATA, "the name \"%.60s\" is defined twice", inner);
    }
    TRY(names_add(&check->full_names, inner, check->err));
    char *dot = strrchr(inner, '.');
    *(dot == NULL ? inner : dot) = '\0';
    return status_ok();
}

static struct status symbols_check(struct check *check, const struct json *type) {
    const struct json *symbols = json_get(type, "symbols");
    const char *name = json_text(json_get(type, "name"));
    if (json_type(symbols) != JSON_ARRAY || json_count(symbols) == 0) {
        return err_set(check->err, FAILURE_DATA, "the enum \"%.60s\" has no symbols", name);
    }
    if (json_count(symbols) > LIMIT_JSON_KEYS) {
        return err_set(check->err, FAILURE_DATA, "the enum \"%.60s\" has over %d symbols", name,
                       LIMIT_JSON_KEYS);
    }
    const struct json *a = NULL;
    while ((a = json_next(symbols, a)) != NULL) {
        if (json_type(a) != JSON_STRING || !is_name(json_text(a), false)) {
            return err_set(check->err, FAILURE_DATA, "the enum \"%.60s\" has a symbol that is none",
                           name);
        }
        for (const struct json *b = json_next(symbols, a); b != NULL; b = json_next(symbols, b)) {
            if (json_type(b) == JSON_STRING && strcmp(json_text(a), json_text(b)) == 0) {
                return err_set(check->err, FAILURE_DATA,
                               "the enum \"%.60s\" has the symbol \"%.60s\" twice", name,
                               json_text(a));
            }
        }
    }
    return status_ok();
}

static bool name_is_earlier(const struct json *fields, const struct json *field, const char *name) {
    const struct json *other = json_next(fields, NULL);
    while (other != field && strcmp(json_text(json_get(other, "name")), name) != 0) {
        other = json_next(fields, other);
    }
    return other != field;
}

/* The names of a record's fields. */
static struct status fields_check(struct check *check, const struct json *type) {
    const struct json *fields = json_get(type, "fields");
    const char *record = json_text(json_get(type, "name"));
    if (json_type(fields) != JSON_ARRAY || json_count(fields) == 0) {
        return err_set(check->err, FAILURE_DATA, "the record \"%.60s\" has no fields", record);
    }
    if (json_count(fields) > LIMIT_JSON_KEYS) {
        return err_set(check->err, FAILURE_DATA, "the record \"%.60s\" has over %d fields", record,
                       LIMIT_JSON_KEYS);
    }
    for (const struct json *field = json_next(fields, NULL); field != NULL;
         field = json_next(fields, field)) {
        const char *name = json_text(json_get(field, "name"));
        if (name == NULL || !is_name(name, false)) {
            return err_set(check->err, FAILURE_DATA,
                           "the record \"%.60s\" has a field without a valid name", record);
        }
        if (name_is_earlier(fields, field, name)) {
            return err_set(check->err, FAILURE_DATA,
                           "the record \"%.60s\" has two fields \"%.60s\"", record, name);
        }
    }
    return status_ok();
}

static struct status fixed_check(struct check *check, const struct json *type) {
    uint64_t size;
    if (!json_u64(json_get(type, "size"), &size) || size > LIMIT_RECORD_BYTES) {
        return err_set(check->err, FAILURE_DATA,
                       "the fixed \"%.60s\" has no size, or one over the limit of %u bytes",
                       json_text(json_get(type, "name")), LIMIT_RECORD_BYTES);
    }
    return status_ok();
}

/* Opens a level for the types of `items`, or for `single`. */
static void level_open(struct check *check, const struct json *items, const struct json *single,
                       bool has_fields, const char *namespace) {
    struct level *level = &check->levels[check->depth++];
    level->items = items;
    level->at = items == NULL ? single : NULL;
    level->has_fields = has_fields;
    memmove(level->namespace, namespace, strlen(namespace) + 1);
}

/* A record, enum or fixed. */
static struct status named_enter(struct check *check, const struct json *type, const char *kind,
                                 const char *namespace) {
    char inner[FULL_NAME_BYTES];
    TRY(name_define(check, type, namespace, inner));
    if (strcmp(kind, "record") == 0) {
        TRY(fields_check(check, type));
        level_open(check, json_get(type, "fields"), NULL, true, inner);
        return status_ok();
    }
    return strcmp(kind, "enum") == 0 ? symbols_check(check, type) : fixed_check(check, type);
}

static struct status single_enter(struct check *check, const struct json *inner,
                                  const char *namespace) {
    if (inner == NULL) {
        return err_set(check->err, FAILURE_DATA, "an array or map without the type of its items");
    }
    level_open(check, NULL, inner, false, namespace);
    return status_ok();
}

static struct status object_enter(struct check *check, const struct json *type,
                                  const char *namespace) {
    const char *kind = json_text(json_get(type, "type"));
    if (kind == NULL) {
        return err_set(check->err, FAILURE_DATA, "a type without the name of its kind");
    }
    if (strcmp(kind, "record") == 0 || strcmp(kind, "enum") == 0 || strcmp(kind, "fixed") == 0) {
        return named_enter(check, type, kind, namespace);
    }
    if (strcmp(kind, "array") == 0) {
        return single_enter(check, json_get(type, "items"), namespace);
    }
    if (strcmp(kind, "map") == 0) {
        return single_enter(check, json_get(type, "values"), namespace);
    }
    return is_primitive(kind) ? status_ok() : reference_check(check, kind, namespace);
}

/* The kind of a branch, for the rule that a union has each unnamed kind once. NULL: it is named. */
static const char *branch_kind(const struct json *branch) {
    const char *kind = json_text(branch);
    if (kind == NULL) {
        kind = json_text(json_get(branch, "type"));
    }
    bool is_kind = kind != NULL &&
                   (is_primitive(kind) || strcmp(kind, "array") == 0 || strcmp(kind, "map") == 0);
    return is_kind ? kind : NULL;
}

static struct status union_enter(struct check *check, const struct json *branches,
                                 const char *namespace) {
    if (json_count(branches) == 0 || json_count(branches) > LIMIT_JSON_KEYS) {
        return err_set(check->err, FAILURE_DATA, "a union of no types, or of over %d",
                       LIMIT_JSON_KEYS);
    }
    const struct json *a = NULL;
    while ((a = json_next(branches, a)) != NULL) {
        if (json_type(a) == JSON_ARRAY) {
            return err_set(check->err, FAILURE_DATA, "a union stands right inside a union");
        }
        const char *kind = branch_kind(a);
        for (const struct json *b = json_next(branches, a); b != NULL; b = json_next(branches, b)) {
            const char *other = branch_kind(b);
            if (kind != NULL && other != NULL && strcmp(kind, other) == 0) {
                return err_set(check->err, FAILURE_DATA, "a union has the type %s twice", kind);
            }
        }
    }
    level_open(check, branches, NULL, false, namespace);
    return status_ok();
}

/* Checks a type but for the types in it, for which it opens a level. */
static struct status type_enter(struct check *check, const struct json *type,
                                const char *namespace) {
    if (check->depth == LIMIT_SCHEMA_DEPTH) {
        return err_set(check->err, FAILURE_DATA, "types nest deeper than %d", LIMIT_SCHEMA_DEPTH);
    }
    switch (json_type(type)) {
    case JSON_STRING:
        return is_primitive(json_text(type)) ? status_ok()
                                             : reference_check(check, json_text(type), namespace);
    case JSON_OBJECT:
        return object_enter(check, type, namespace);
    case JSON_ARRAY:
        return union_enter(check, type, namespace);
    default:
        return err_set(check->err, FAILURE_DATA, "%s stands where a type is expected",
                       json_type_name(json_type(type)));
    }
}

/* Moves to the next inner type of the innermost level; where there is none, *has_more is false and
 * the level is closed. */
static const struct json *inner_next(struct check *check, bool *has_more) {
    struct level *level = &check->levels[check->depth - 1];
    const struct json *type = level->at;
    if (level->items == NULL) {
        level->at = NULL;
    } else {
        level->at = json_next(level->items, level->at);
        type = level->at;
    }
    *has_more = type != NULL;
    check->depth -= type == NULL;
    return level->has_fields ? json_get(type, "type") : type;
}

static struct status types_check(struct check *check, const struct json *root) {
    struct status status = type_enter(check, root, "");
    while (!failed(status) && check->depth > 0) {
        bool has_more;
        const struct json *type = inner_next(check, &has_more);
        if (has_more) {
            status = type_enter(check, type, check->levels[check->depth - 1].namespace);
        }
    }
    for (unsigned i = check->depth; failed(status) && i > 0; i--) {
        const struct level *level = &check->levels[i - 1];
        if (level->has_fields) {
            err_prefix(check->err, "field \"%.60s\"", json_text(json_get(level->at, "name")));
        }
    }
    return status;
}

/* ---- the unit of `at` ---- */

static bool is_other_time(const struct json *type) {
    const char *logical = json_text(json_get(type, "logicalType"));
    if (logical == NULL || strcmp(logical, "timestamp-millis") == 0 ||
        strcmp(logical, "local-timestamp-millis") == 0) {
        return false;
    }
    return strncmp(logical, "timestamp-", 10) == 0 ||
           strncmp(logical, "local-timestamp-", 16) == 0 || strncmp(logical, "time-", 5) == 0 ||
           strcmp(logical, "date") == 0;
}

static struct status unit_check(const struct json *root, struct err *err) {
    const struct json *fields = json_get(root, "fields");
    const struct json *field = NULL;
    while ((field = json_next(fields, field)) != NULL) {
        if (strcmp(json_text(json_get(field, "name")), "at") != 0) {
            continue;
        }
        const struct json *type = json_get(field, "type");
        bool is_union = json_type(type) == JSON_ARRAY;
        const struct json *branch = is_union ? json_next(type, NULL) : type;
        while (branch != NULL) {
            if (is_other_time(branch)) {
                return err_set(err, FAILURE_DATA,
                               "field \"at\": its logical type is %.60s: timestamp-millis is "
                               "expected",
                               json_text(json_get(branch, "logicalType")));
            }
            branch = is_union ? json_next(type, branch) : NULL;
        }
    }
    return status_ok();
}

struct status schema_text_check(const char *text, size_t bytes, struct err *err) {
    if (bytes > LIMIT_SCHEMA_BYTES) {
        return err_set(err, FAILURE_DATA, "%zu bytes of schema: the limit is %u", bytes,
                       LIMIT_SCHEMA_BYTES);
    }
    struct json *root;
    TRY(json_parse(&root, text, bytes, err));
    struct check check;
    check.full_names = (struct names){0};
    check.depth = 0;
    check.err = err;
    struct status status = types_check(&check, root);
    bool is_record = json_text(json_get(root, "type")) != NULL &&
                     strcmp(json_text(json_get(root, "type")), "record") == 0;
    if (!failed(status) && is_record) {
        status = unit_check(root, err);
    }
    names_release(&check.full_names);
    json_free(root);
    return status;
}
