/* libavro 1.11 resolves by a reader schema that has no more than the writer's: it knows no default
 * values ("Reader field X doesn't appear in writer"). So the reader schema is made for each writer:
 * those of our fields that the writer has. It also keeps the ordinals of the writer's enum
 * where the symbols of the reader stand in another order; so kind, origin and other choices keep
 * the writer's own type, and their symbols are looked up by name here.
 *
 * What libavro does not survive is kept from it:
 *  - it parses schemas by recursion and forgets memory where a schema is wrong: schema_text_check
 *    lets only sound ones through;
 *  - it believes what a datum claims (2^62 items of an array of nulls, data that nest for ever):
 *    layout_walk has checked each datum before, and knows where it ends;
 *  - it uses what it could not allocate: memory_guard_set ends the process then. The JSON parser
 *    inside it allocates by itself and calls the text damaged: errno tells that apart.
 *
 * Rejected: to pick the fields out during the walk, without libavro. It would be several times as
 * fast, but then the rules of resolution would be our own; the speed that counts is that of the
 * known schema, which libavro never sees.
 */
#include "stages/decode/avro_schema.h"

#include "schemas/limits.h"
#include "stages/decode/avro_layout.h"
#include "stages/decode/fact_fields.h"
#include "stages/decode/fields.h"
#include "stages/decode/schema_text.h"

#include <assert.h>
#include <avro.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MISSING = -1, ROOT = 0, WANTED_MAX = FACT_FIELDS_MAX };

/* What is wanted of a field: a number, else an enum or string. */
struct wanted {
    const char *name;
    bool is_number;
    bool is_required;
};

struct writer_schema {
    struct wanted wanted[WANTED_MAX];
    size_t wanted_count;
    const struct fact_shape *shape; /* NULL: of connections */
    bool is_known;
    avro_schema_t writer;
    /* The rest is for schemas that are not known. */
    struct layout layout; /* of `writer`; node ROOT is its record */
    avro_schema_t reader;
    int places[WANTED_MAX]; /* of our fields in `reader`; MISSING */
    avro_value_iface_t *reader_class;
    avro_value_iface_t *resolver;
    avro_value_t value;    /* of `reader` */
    avro_value_t resolved; /* what a datum of `writer` is read into: it fills `value` */
    avro_reader_t source;
};

static void *guarded_realloc(void *context, void *old, size_t old_bytes, size_t bytes) {
    (void)old_bytes;
    if (bytes == 0) {
        free(old);
        return NULL;
    }
    void *grown = realloc(old, bytes);
    if (grown == NULL) {
        const struct memory_guard *guard = context;
        guard->refused(guard->context, bytes);
    }
    return grown;
}

void memory_guard_set(struct memory_guard *guard) {
    avro_set_allocator(guarded_realloc, guard);
}

/* `errno` must have been 0 before libavro was called. */
static struct status avro_failure(struct err *err, int code, const char *name, const char *what) {
    if (code == ENOMEM || errno == ENOMEM) {
        return err_memory(err, LIMIT_SCHEMA_BYTES, "an Avro schema");
    }
    return err_set(err, FAILURE_DATA, "%s: %s: %s", name, what, avro_strerror());
}

/* A name that was used before its type is a link to it. */
static avro_schema_t link_follow(avro_schema_t type) {
    return is_avro_link(type) ? avro_schema_link_target(type) : type;
}

/* ---- the layout of the writer's data ---- */

/* The layout in the making, with the type of each node. */
struct builder {
    struct layout *layout;
    avro_schema_t *types;
    size_t capacity;
};

static enum layout_type layout_type_of(avro_schema_t type) {
    switch (avro_typeof(type)) {
    case AVRO_NULL:
        return LAYOUT_NULL;
    case AVRO_BOOLEAN:
        return LAYOUT_BOOLEAN;
    case AVRO_INT32:
        return LAYOUT_INT;
    case AVRO_INT64:
        return LAYOUT_LONG;
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
    case AVRO_FIXED:
        return LAYOUT_FIXED;
    case AVRO_ENUM:
        return LAYOUT_ENUM;
    case AVRO_RECORD:
        return LAYOUT_RECORD;
    case AVRO_UNION:
        return LAYOUT_UNION;
    case AVRO_ARRAY:
        return LAYOUT_ARRAY;
    case AVRO_MAP:
        return LAYOUT_MAP;
    default: /* strings and bytes */
        return LAYOUT_BYTES;
    }
}

/* Bytes or symbols of the types that have those. */
static uint64_t count_of(avro_schema_t type) {
    switch (avro_typeof(type)) {
    case AVRO_FLOAT:
        return sizeof(float);
    case AVRO_DOUBLE:
        return sizeof(double);
    case AVRO_FIXED:
        return (uint64_t)avro_schema_fixed_size(type);
    case AVRO_ENUM:
        return (uint64_t)avro_schema_enum_number_of_symbols(type);
    default:
        return 0;
    }
}

static size_t child_count_of(avro_schema_t type) {
    switch (avro_typeof(type)) {
    case AVRO_RECORD:
        return avro_schema_record_size(type);
    case AVRO_UNION:
        return avro_schema_union_size(type);
    case AVRO_ARRAY:
    case AVRO_MAP:
        return 1;
    default:
        return 0;
    }
}

static avro_schema_t child_of(avro_schema_t type, size_t child) {
    switch (avro_typeof(type)) {
    case AVRO_RECORD:
        return avro_schema_record_field_get_by_index(type, (int)child);
    case AVRO_UNION:
        return avro_schema_union_branch(type, (int)child);
    case AVRO_ARRAY:
        return avro_schema_array_items(type);
    default:
        return avro_schema_map_values(type);
    }
}

static struct status node_add(struct builder *builder, avro_schema_t type, uint32_t *index,
                              struct err *err) {
    if (builder->types == NULL || builder->layout->count == builder->capacity) {
        size_t capacity = 2 * builder->capacity + 16;
        avro_schema_t *types = realloc(builder->types, capacity * sizeof *types);
        if (types == NULL) {
            return err_memory(err, capacity * sizeof *types, "an Avro schema");
        }
        builder->types = types;
        builder->capacity = capacity;
    }
    builder->types[builder->layout->count] = type;
    return layout_add(builder->layout, layout_type_of(type), count_of(type), child_count_of(type),
                      index, err);
}

/* The node of a type that has one. */
static uint32_t node_find(const struct builder *builder, avro_schema_t type) {
    uint32_t index = 0;
    while (builder->types[index] != type) {
        index++;
        assert(index < builder->layout->count);
    }
    return index;
}

/* Adds the types below each node, from the root on; links are left for links_join. */
static struct status nodes_add(struct builder *builder, avro_schema_t root, struct err *err) {
    struct layout *layout = builder->layout;
    uint32_t index;
    TRY(node_add(builder, root, &index, err));
    for (size_t node = 0; node < layout->count; node++) {
        avro_schema_t type = builder->types[node];
        for (size_t i = 0; i < child_count_of(type); i++) {
            avro_schema_t child = child_of(type, i);
            if (!is_avro_link(child)) {
                TRY(node_add(builder, child, &index, err));
                layout->children[layout->nodes[node].first + i] = index;
            }
        }
    }
    return status_ok();
}

/* A link leads to the node of the type that it names. */
static void links_join(const struct builder *builder) {
    const struct layout *layout = builder->layout;
    for (size_t node = 0; node < layout->count; node++) {
        avro_schema_t type = builder->types[node];
        for (size_t i = 0; i < child_count_of(type); i++) {
            avro_schema_t child = child_of(type, i);
            if (is_avro_link(child)) {
                layout->children[layout->nodes[node].first + i] =
                    node_find(builder, avro_schema_link_target(child));
            }
        }
    }
}

static struct status layout_build(struct writer_schema *schema, struct err *err) {
    struct builder builder = {.layout = &schema->layout};
    struct status status = nodes_add(&builder, schema->writer, err);
    if (!failed(status)) {
        links_join(&builder);
    }
    free(builder.types);
    return status;
}

/* ---- the known schema ---- */

static bool is_symbols(avro_schema_t type, unsigned count, const char *(*symbol)(unsigned)) {
    if (!is_avro_enum(type) || avro_schema_enum_number_of_symbols(type) != (int)count) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(avro_schema_enum_get(type, (int)i), symbol(i)) != 0) {
            return false;
        }
    }
    return true;
}

static bool is_known_schema(avro_schema_t writer) {
    if (avro_schema_record_size(writer) != FIELDS) {
        return false;
    }
    for (int i = 0; i < FIELDS; i++) {
        if (strcmp(avro_schema_record_field_name(writer, i), field_name((enum field)i)) != 0) {
            return false;
        }
    }
    for (int i = FIELD_AT; i <= FIELD_TO; i++) {
        if (!is_avro_int64(avro_schema_record_field_get_by_index(writer, i))) {
            return false;
        }
    }
    return is_symbols(avro_schema_record_field_get_by_index(writer, FIELD_KIND), EVENT_KINDS,
                      event_kind_name) &&
           is_symbols(avro_schema_record_field_get_by_index(writer, FIELD_ORIGIN), EVENT_ORIGINS,
                      event_origin_name);
}

/* ---- the reader schema ---- */

static bool is_whole_number(avro_schema_t type) {
    return is_avro_int32(type) || is_avro_int64(type);
}

static bool is_symbol_or_text(avro_schema_t type) {
    return is_avro_enum(type) || is_avro_string(type);
}

/* The type that a field of ours is read as, for one of the writer's (no union); NULL where there is
 * none. */
static avro_schema_t plain_type(const struct wanted *wanted, avro_schema_t writer) {
    if (wanted->is_number) {
        return is_whole_number(writer) ? avro_schema_long() : NULL;
    }
    return is_symbol_or_text(writer) ? avro_schema_incref(writer) : NULL;
}

static const char *type_expected(const struct wanted *wanted) {
    return wanted->is_number ? "long or int" : "an enum or string";
}

static struct status branch_append(avro_schema_t reader, const struct wanted *wanted,
                                   avro_schema_t branch, bool *has_value, struct err *err) {
    avro_schema_t type = is_avro_null(branch) ? avro_schema_null() : plain_type(wanted, branch);
    if (type == NULL) {
        return err_set(err, FAILURE_DATA,
                       "field \"%s\" may be of type %s: %s is expected, alone or in a union with "
                       "null",
                       wanted->name, avro_schema_type_name(branch), type_expected(wanted));
    }
    bool is_second_number = wanted->is_number && !is_avro_null(branch) && *has_value;
    *has_value |= !is_avro_null(branch);
    int code = is_second_number ? 0 : avro_schema_union_append(reader, type);
    avro_schema_decref(type);
    return code == 0 ? status_ok() : avro_failure(err, code, wanted->name, "libavro");
}

/* A union of null and of what the field is read as. */
static struct status union_type(const struct wanted *wanted, avro_schema_t writer,
                                avro_schema_t *type, struct err *err) {
    avro_schema_t reader = avro_schema_union();
    if (reader == NULL) {
        return err_memory(err, LIMIT_SCHEMA_BYTES, "an Avro schema");
    }
    bool has_value = false;
    struct status status = status_ok();
    for (size_t i = 0; i < avro_schema_union_size(writer) && !failed(status); i++) {
        status = branch_append(
            reader, wanted, link_follow(avro_schema_union_branch(writer, (int)i)), &has_value, err);
    }
    if (!failed(status) && !has_value) {
        status = err_set(err, FAILURE_DATA, "field \"%s\" is always null: %s is expected",
                         wanted->name, type_expected(wanted));
    }
    if (failed(status)) {
        avro_schema_decref(reader);
        return status;
    }
    *type = reader;
    return status_ok();
}

static struct status field_missing(const struct writer_schema *schema, const struct wanted *wanted,
                                   struct err *err) {
    if (schema->shape == NULL) {
        return err_set(err, FAILURE_DATA,
                       "the field \"%s\" is missing: a connection has at, from and to",
                       wanted->name);
    }
    return err_set(err, FAILURE_DATA, "the field \"%s\" is missing, which a record of %s must have",
                   wanted->name, schema->shape->name);
}

/* Appends one of our fields to the reader schema, where the writer has it. */
static struct status field_append(struct writer_schema *schema, size_t field, struct err *err) {
    const struct wanted *wanted = &schema->wanted[field];
    schema->places[field] = MISSING;
    /* avro_schema_record_field_get crashes for a field that is not there. */
    int index = avro_schema_record_field_get_index(schema->writer, wanted->name);
    if (index < 0) {
        return wanted->is_required ? field_missing(schema, wanted, err) : status_ok();
    }
    avro_schema_t writer =
        link_follow(avro_schema_record_field_get_by_index(schema->writer, index));
    avro_schema_t type = NULL;
    if (is_avro_union(writer)) {
        TRY(union_type(wanted, writer, &type, err));
    } else {
        type = plain_type(wanted, writer);
    }
    if (type == NULL) {
        return err_set(err, FAILURE_DATA, "field \"%s\" is of type %s: %s is expected",
                       wanted->name, avro_schema_type_name(writer), type_expected(wanted));
    }
    int place = (int)avro_schema_record_size(schema->reader);
    int code = avro_schema_record_field_append(schema->reader, wanted->name, type);
    avro_schema_decref(type);
    if (code != 0) {
        return avro_failure(err, code, wanted->name, "libavro");
    }
    schema->places[field] = place;
    return status_ok();
}

/* Makes the reader schema and what reads data into a value of it. */
static struct status resolution_make(struct writer_schema *schema, const char *name,
                                     struct err *err) {
    schema->reader =
        avro_schema_record(avro_schema_name(schema->writer), avro_schema_namespace(schema->writer));
    if (schema->reader == NULL) {
        return err_memory(err, LIMIT_SCHEMA_BYTES, "an Avro schema");
    }
    for (size_t field = 0; field < schema->wanted_count; field++) {
        struct status status = field_append(schema, field, err);
        if (failed(status)) {
            err_prefix(err, "%s", name);
            return status;
        }
    }
    schema->reader_class = avro_generic_class_from_schema(schema->reader);
    schema->resolver = avro_resolved_writer_new(schema->writer, schema->reader);
    if (schema->reader_class == NULL || schema->resolver == NULL) {
        return avro_failure(err, EINVAL, name, "libavro cannot resolve it");
    }
    schema->source = avro_reader_memory("", 0);
    if (schema->source == NULL || avro_generic_value_new(schema->reader_class, &schema->value) ||
        avro_resolved_writer_new_value(schema->resolver, &schema->resolved)) {
        return err_memory(err, LIMIT_SCHEMA_BYTES, "an Avro value");
    }
    avro_resolved_writer_set_dest(&schema->resolved, &schema->value);
    return layout_build(schema, err);
}

static struct status schema_build(struct writer_schema *schema, const char *text, size_t bytes,
                                  const char *name, struct err *err) {
    struct status status = schema_text_check(text, bytes, err);
    if (failed(status)) {
        err_prefix(err, "%s", name);
        return status;
    }
    errno = 0;
    int code = avro_schema_from_json_length(text, bytes, &schema->writer);
    if (code != 0) {
        schema->writer = NULL;
        return avro_failure(err, code, name, "libavro cannot parse it");
    }
    if (!is_avro_record(schema->writer)) {
        return err_set(err, FAILURE_DATA, "%s: it is of type %s: a record%s is expected", name,
                       avro_schema_type_name(schema->writer),
                       schema->shape == NULL ? " with the fields at, from and to" : "");
    }
    schema->is_known = schema->shape == NULL && is_known_schema(schema->writer);
    return schema->is_known ? status_ok() : resolution_make(schema, name, err);
}

/* Takes over `made`, whose wants are filled in. */
static struct status schema_make(struct writer_schema **schema, struct writer_schema *made,
                                 const char *text, size_t bytes, const char *name,
                                 struct err *err) {
    struct status status = schema_build(made, text, bytes, name, err);
    if (failed(status)) {
        writer_schema_free(made);
        return status;
    }
    *schema = made;
    return status_ok();
}

struct status writer_schema_new(struct writer_schema **schema, const char *text, size_t bytes,
                                const char *name, struct err *err) {
    struct writer_schema *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "an Avro schema");
    }
    made->wanted_count = FIELDS;
    for (enum field field = FIELD_AT; field < FIELDS; field++) {
        made->wanted[field] =
            (struct wanted){field_name(field), field <= FIELD_TO, field <= FIELD_TO};
    }
    return schema_make(schema, made, text, bytes, name, err);
}

struct status writer_schema_new_facts(struct writer_schema **schema, enum fact_log log,
                                      const char *text, size_t bytes, const char *name,
                                      struct err *err) {
    struct writer_schema *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "an Avro schema");
    }
    made->shape = &fact_shapes[log];
    made->wanted_count = made->shape->field_count;
    for (size_t i = 0; i < made->wanted_count; i++) {
        const struct fact_field *field = &made->shape->fields[i];
        made->wanted[i] =
            (struct wanted){field->name, field->type != FACT_CHOICE, field->is_required};
    }
    return schema_make(schema, made, text, bytes, name, err);
}

void writer_schema_free(struct writer_schema *schema) {
    if (schema == NULL) {
        return;
    }
    if (schema->resolved.iface != NULL) {
        avro_value_decref(&schema->resolved);
    }
    if (schema->value.iface != NULL) {
        avro_value_decref(&schema->value);
    }
    if (schema->source != NULL) {
        avro_reader_free(schema->source);
    }
    if (schema->resolver != NULL) {
        avro_value_iface_decref(schema->resolver);
    }
    if (schema->reader_class != NULL) {
        avro_value_iface_decref(schema->reader_class);
    }
    if (schema->reader != NULL) {
        avro_schema_decref(schema->reader);
    }
    if (schema->writer != NULL) {
        avro_schema_decref(schema->writer);
    }
    layout_release(&schema->layout);
    free(schema);
}

bool writer_schema_is_known(const struct writer_schema *schema) {
    return schema->is_known;
}

/* ---- data ---- */

/* The value of a field of ours, the branch of a union taken; false for null and where the writer
 * has no such field. */
static bool field_value(const struct writer_schema *schema, size_t field, avro_value_t *value) {
    if (schema->places[field] == MISSING) {
        return false;
    }
    int code = avro_value_get_by_index(&schema->value, (size_t)schema->places[field], value, NULL);
    assert(code == 0);
    if (avro_value_get_type(value) == AVRO_UNION) {
        avro_value_t branch;
        code = avro_value_get_current_branch(value, &branch);
        assert(code == 0);
        *value = branch;
    }
    return avro_value_get_type(value) != AVRO_NULL;
}

static bool long_read(const struct writer_schema *schema, size_t field, int64_t *number,
                      char reason[MALFORMED_REASON_BYTES]) {
    avro_value_t value;
    if (!field_value(schema, field, &value)) {
        reason_set(reason, "%s is null", schema->wanted[field].name);
        return false;
    }
    int code = avro_value_get_long(&value, number);
    assert(code == 0);
    return true;
}

/* The name of a choice; "" for null and where the writer has no such field. */
static void name_read(const struct writer_schema *schema, size_t field, const char **name,
                      size_t *bytes) {
    avro_value_t value;
    *name = "";
    *bytes = 0;
    if (!field_value(schema, field, &value)) {
        return;
    }
    int code;
    if (avro_value_get_type(&value) == AVRO_ENUM) {
        int ordinal = 0;
        code = avro_value_get_enum(&value, &ordinal);
        *name = avro_schema_enum_get(avro_value_get_schema(&value), ordinal);
        *bytes = strlen(*name);
    } else {
        code = avro_value_get_string(&value, name, bytes);
        *bytes -= 1; /* the NUL */
    }
    assert(code == 0);
}

static bool event_read(const struct writer_schema *schema, struct event *event,
                       char reason[MALFORMED_REASON_BYTES]) {
    int64_t from;
    int64_t to;
    if (!long_read(schema, FIELD_AT, &event->at_ms, reason) ||
        !avro_time_check(event->at_ms, reason) || !long_read(schema, FIELD_FROM, &from, reason) ||
        !long_read(schema, FIELD_TO, &to, reason)) {
        return false;
    }
    event->from.v = (uint64_t)from;
    event->to.v = (uint64_t)to;
    const char *kind;
    const char *origin;
    size_t kind_bytes;
    size_t origin_bytes;
    name_read(schema, FIELD_KIND, &kind, &kind_bytes);
    name_read(schema, FIELD_ORIGIN, &origin, &origin_bytes);
    return field_parse_kind(kind, kind_bytes, &event->kind, reason) &&
           field_parse_origin(origin, origin_bytes, &event->origin, reason);
}

/* Walks the datum; where it is no sound one, the reason names the field. */
static enum datum_outcome datum_walk(const struct writer_schema *schema, struct cursor *cursor,
                                     char reason[MALFORMED_REASON_BYTES]) {
    char what[MALFORMED_REASON_BYTES];
    size_t field;
    enum datum_outcome outcome = layout_walk(&schema->layout, ROOT, cursor, &field, what);
    if (outcome != DATUM_EVENT) {
        reason_set(reason, "field \"%.60s\": %s",
                   avro_schema_record_field_name(schema->writer, (int)field), what);
    }
    return outcome;
}

/* Reads the datum at the cursor into schema->value; it is moved behind it. */
static struct status datum_read(struct writer_schema *schema, struct cursor *cursor,
                                enum datum_outcome *outcome, char reason[MALFORMED_REASON_BYTES],
                                struct err *err) {
    size_t start = cursor->at;
    *outcome = datum_walk(schema, cursor, reason);
    if (*outcome != DATUM_EVENT) {
        return status_ok();
    }
    avro_reader_memory_set_source(schema->source, (const char *)cursor->data + start,
                                  (int64_t)(cursor->at - start));
    int code = avro_value_read(schema->source, &schema->resolved);
    if (code == ENOMEM) {
        return err_memory(err, cursor->at - start, "an Avro value");
    }
    if (code != 0) {
        reason_set(reason, "libavro: %s", avro_strerror());
        *outcome = DATUM_UNFIT;
    }
    return status_ok();
}

struct status writer_schema_decode(struct writer_schema *schema, struct cursor *cursor,
                                   struct event *event, enum datum_outcome *outcome,
                                   char reason[MALFORMED_REASON_BYTES], struct err *err) {
    assert(schema->shape == NULL);
    if (schema->is_known) {
        *outcome = avro_datum_decode(cursor, event, reason);
        return status_ok();
    }
    TRY(datum_read(schema, cursor, outcome, reason, err));
    if (*outcome == DATUM_EVENT && !event_read(schema, event, reason)) {
        *outcome = DATUM_UNFIT;
    }
    return status_ok();
}

static bool fact_read(const struct writer_schema *schema, struct fact *fact,
                      char reason[MALFORMED_REASON_BYTES]) {
    fact_begin(schema->shape, fact);
    for (size_t i = 0; i < schema->wanted_count; i++) {
        avro_value_t value;
        bool is_there = field_value(schema, i, &value);
        if (schema->wanted[i].is_number && (is_there || schema->wanted[i].is_required)) {
            int64_t number;
            if (!long_read(schema, i, &number, reason) ||
                !fact_field_set(schema->shape, i, (uint64_t)number, fact, reason)) {
                return false;
            }
        } else if (!schema->wanted[i].is_number) {
            const char *name;
            size_t bytes;
            name_read(schema, i, &name, &bytes);
            if (!fact_field_parse(schema->shape, i, name, bytes, fact, reason)) {
                return false;
            }
        }
    }
    return true;
}

struct status writer_schema_decode_fact(struct writer_schema *schema, struct cursor *cursor,
                                        struct fact *fact, enum datum_outcome *outcome,
                                        char reason[MALFORMED_REASON_BYTES], struct err *err) {
    assert(schema->shape != NULL);
    TRY(datum_read(schema, cursor, outcome, reason, err));
    if (*outcome == DATUM_EVENT && !fact_read(schema, fact, reason)) {
        *outcome = DATUM_UNFIT;
    }
    return status_ok();
}
