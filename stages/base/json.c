/* The values of a text stand in one array in the order of the text, each with the number of values
 * it spans: its first child is the next entry, its sibling lies `span` entries on. Strings and
 * numbers are copied into one block that is never larger than the text. So a tree is two
 * allocations, and neither parsing nor freeing recurses.
 *
 * yajl never looks whether it was given the memory that it asked for. So it asks us: what cannot be
 * had ends the parse from within, by a jump, and everything that yajl held is released behind it.
 *
 * Rejected: yajl_tree, which frees by recursion (a line of 500,000 '[' overflows the stack), stops
 * at a NUL and keeps both of two equal keys.
 */
#include "stages/base/json.h"

#include "schemas/limits.h"
#include "stages/base/number.h"

#include <assert.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

struct json {
    enum json_type type;
    bool boolean;
    uint32_t count;    /* children */
    size_t span;       /* values in this subtree; while it is open, the index of its parent */
    const char *key;   /* NULL outside objects */
    size_t key_bytes;  /* without the NUL */
    const char *text;  /* of strings and numbers, NUL-terminated */
    size_t text_bytes; /* without the NUL */
};

struct document {
    char *text;
    struct json values[];
};

enum { NO_PARENT = -1, CAPACITY_FIRST = 16 };

struct builder {
    struct document *document;
    size_t count;
    size_t capacity;
    size_t text_used;
    size_t text_capacity;
    size_t open; /* index of the innermost open container, or (size_t)NO_PARENT */
    const char *key;
    size_t key_bytes;
    struct err *err;
    struct status status; /* of the callback that stopped the parser */
};

static struct status document_grow(struct builder *builder, struct err *err) {
    if (builder->count < builder->capacity) {
        return status_ok();
    }
    if (builder->count == LIMIT_JSON_VALUES) {
        return err_set(err, FAILURE_DATA, "JSON: more than %u values", LIMIT_JSON_VALUES);
    }
    size_t capacity = builder->capacity == 0 ? CAPACITY_FIRST : 2 * builder->capacity;
    size_t size = sizeof *builder->document + capacity * sizeof builder->document->values[0];
    struct document *grown = realloc(builder->document, size);
    if (grown == NULL) {
        return err_memory(err, size, "a JSON text");
    }
    if (builder->document == NULL) {
        grown->text = NULL;
    }
    builder->document = grown;
    builder->capacity = capacity;
    return status_ok();
}

/* Copies a string or number with its NUL. The room suffices: a string's quotes and the separator
 * behind a number are bytes of the source that are not copied, and one byte more was taken. */
static const char *text_keep(struct builder *builder, const void *text, size_t bytes) {
    assert(bytes < builder->text_capacity - builder->text_used);
    char *kept = builder->document->text + builder->text_used;
    if (bytes != 0) {
        memcpy(kept, text, bytes);
    }
    kept[bytes] = '\0';
    builder->text_used += bytes + 1;
    return kept;
}

/* Appends a value to the innermost open container; 0 stops the parser. */
static int value_add(struct builder *builder, struct json value) {
    builder->status = document_grow(builder, builder->err);
    if (failed(builder->status)) {
        return 0;
    }
    value.key = builder->key;
    value.key_bytes = builder->key_bytes;
    builder->key = NULL;
    builder->key_bytes = 0;
    if (builder->open != (size_t)NO_PARENT) {
        builder->document->values[builder->open].count++;
    }
    builder->document->values[builder->count++] = value;
    return 1;
}

static int on_null(void *context) {
    return value_add(context, (struct json){.type = JSON_NULL, .span = 1});
}

static int on_boolean(void *context, int boolean) {
    return value_add(context, (struct json){.type = JSON_BOOL, .span = 1, .boolean = boolean != 0});
}

static int on_number(void *context, const char *text, size_t bytes) {
    const char *kept = text_keep(context, text, bytes);
    return value_add(
        context, (struct json){.type = JSON_NUMBER, .span = 1, .text = kept, .text_bytes = bytes});
}

static int refuse_nul(struct builder *builder, const unsigned char *text, size_t bytes) {
    if (bytes != 0 && memchr(text, '\0', bytes) != NULL) {
        builder->status =
            err_set(builder->err, FAILURE_DATA,
                    "JSON is refused: a string holds the character \\u0000; remove it");
        return 0;
    }
    return 1;
}

static int on_string(void *context, const unsigned char *text, size_t bytes) {
    if (!refuse_nul(context, text, bytes)) {
        return 0;
    }
    const char *kept = text_keep(context, text, bytes);
    return value_add(
        context, (struct json){.type = JSON_STRING, .span = 1, .text = kept, .text_bytes = bytes});
}

static int container_open(struct builder *builder, enum json_type type) {
    size_t index = builder->count;
    if (!value_add(builder, (struct json){.type = type, .span = builder->open})) {
        return 0;
    }
    builder->open = index;
    return 1;
}

static int container_close(void *context) {
    struct builder *builder = context;
    struct json *closed = &builder->document->values[builder->open];
    size_t parent = closed->span;
    closed->span = builder->count - builder->open;
    builder->open = parent;
    return 1;
}

static int on_object(void *context) {
    return container_open(context, JSON_OBJECT);
}

static int on_array(void *context) {
    return container_open(context, JSON_ARRAY);
}

static int on_key(void *context, const unsigned char *text, size_t bytes) {
    struct builder *builder = context;
    if (!refuse_nul(builder, text, bytes)) {
        return 0;
    }
    builder->key = text_keep(builder, text, bytes);
    builder->key_bytes = bytes;
    return 1;
}

/* Quadratic in the keys of one object, which LIMIT_JSON_KEYS bounds. */
static int on_object_end(void *context) {
    struct builder *builder = context;
    const struct json *object = &builder->document->values[builder->open];
    if (object->count > LIMIT_JSON_KEYS) {
        builder->status =
            err_set(builder->err, FAILURE_DATA,
                    "JSON is refused: an object has %" PRIu32 " keys, the limit is %d",
                    object->count, LIMIT_JSON_KEYS);
        return 0;
    }
    (void)container_close(context);
    for (const struct json *a = json_next(object, NULL); a != NULL; a = json_next(object, a)) {
        for (const struct json *b = json_next(object, a); b != NULL; b = json_next(object, b)) {
            if (a->key_bytes == b->key_bytes && memcmp(a->key, b->key, a->key_bytes) == 0) {
                builder->status = err_set(builder->err, FAILURE_DATA,
                                          "JSON is refused: the key \"%.60s\" stands twice in one "
                                          "object",
                                          a->key);
                return 0;
            }
        }
    }
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_object_end,
    .yajl_start_array = on_array,
    .yajl_end_array = container_close,
};

/* What yajl says about text that is not JSON, without its line break. */
static struct status syntax_error(yajl_handle handle, struct err *err) {
    size_t at = yajl_get_bytes_consumed(handle);
    unsigned char *said = yajl_get_error(handle, 0, NULL, 0);
    struct status status = err_set(err, FAILURE_DATA, "not JSON at byte %zu: %.*s", at,
                                   said == NULL ? 0 : (int)strcspn((const char *)said, "\n"),
                                   said == NULL ? "" : (const char *)said);
    yajl_free_error(handle, said);
    return status;
}

/* ---- the parser's memory ---- */

/* One piece of it, in front of what yajl sees. */
struct piece {
    alignas(max_align_t) struct piece *before;
    struct piece *after;
};

struct parser_memory {
    struct piece pieces; /* of the ring of all of them; itself none */
    jmp_buf refused;     /* where to go when there is no more */
};

static void *piece_link(struct parser_memory *memory, struct piece *piece) {
    if (piece == NULL) {
        longjmp(memory->refused, 1);
    }
    piece->before = &memory->pieces;
    piece->after = memory->pieces.after;
    piece->before->after = piece;
    piece->after->before = piece;
    return piece + 1;
}

static void piece_unlink(struct piece *piece) {
    piece->before->after = piece->after;
    piece->after->before = piece->before;
}

/* A failed call leaves the old piece where it is, in the ring. */
static void *on_realloc(void *context, void *old, size_t bytes) {
    struct piece *piece = old == NULL ? NULL : (struct piece *)old - 1;
    struct piece *grown =
        bytes > SIZE_MAX - sizeof *piece ? NULL : realloc(piece, sizeof *piece + bytes);
    if (grown != NULL && piece != NULL) {
        piece_unlink(grown);
    }
    return piece_link(context, grown);
}

static void *on_malloc(void *context, size_t bytes) {
    return on_realloc(context, NULL, bytes);
}

static void on_free(void *context, void *old) {
    (void)context;
    if (old != NULL) {
        struct piece *piece = (struct piece *)old - 1;
        piece_unlink(piece);
        free(piece);
    }
}

static void pieces_release(const struct parser_memory *memory) {
    struct piece *piece = memory->pieces.after;
    while (piece != &memory->pieces) {
        struct piece *after = piece->after;
        free(piece);
        piece = after;
    }
}

/* Its parser is freed with all other pieces. */
static struct status text_parse(struct builder *builder, struct parser_memory *memory,
                                const char *text, size_t bytes, struct err *err) {
    yajl_alloc_funcs functions = {on_malloc, on_realloc, on_free, memory};
    yajl_handle handle = yajl_alloc(&callbacks, &functions, builder);
    yajl_status said = yajl_parse(handle, (const unsigned char *)text, bytes);
    if (said == yajl_status_ok) {
        said = yajl_complete_parse(handle);
    }
    return said == yajl_status_error ? syntax_error(handle, err) : builder->status;
}

static struct status builder_parse(struct builder *builder, const char *text, size_t bytes,
                                   struct err *err) {
    struct parser_memory memory = {.pieces = {&memory.pieces, &memory.pieces}};
    struct status status;
    if (setjmp(memory.refused) == 0) {
        status = text_parse(builder, &memory, text, bytes, err);
    } else {
        status = err_memory(err, bytes, "a JSON parser");
    }
    pieces_release(&memory);
    return status;
}

static void document_free(struct document *document) {
    if (document != NULL) {
        free(document->text);
        free(document);
    }
}

struct status json_parse(struct json **root, const char *text, size_t bytes, struct err *err) {
    if (bytes > LIMIT_DOCUMENT_BYTES) {
        return err_set(err, FAILURE_DATA, "JSON of %zu bytes is over the limit of %u", bytes,
                       LIMIT_DOCUMENT_BYTES);
    }
    struct builder builder = {.open = (size_t)NO_PARENT, .text_capacity = bytes + 1, .err = err};
    struct status status;
    TRY_OR(fail, status, document_grow(&builder, err));
    builder.document->text = malloc(builder.text_capacity);
    if (builder.document->text == NULL) {
        TRY_OR(fail, status, err_memory(err, builder.text_capacity, "a JSON text"));
    }
    TRY_OR(fail, status, builder_parse(&builder, text, bytes, err));
    assert(builder.count > 0 && builder.open == (size_t)NO_PARENT);
    *root = builder.document->values;
    return status_ok();
fail:
    document_free(builder.document);
    return status;
}

void json_free(struct json *root) {
    if (root != NULL) {
        document_free((struct document *)((char *)root - offsetof(struct document, values)));
    }
}

enum json_type json_type(const struct json *value) {
    return value == NULL ? JSON_MISSING : value->type;
}

const char *json_type_name(enum json_type type) {
    static const char *const names[JSON_TYPES] = {
        "nothing", "null", "true or false", "a number", "a string", "an array", "an object"};
    return names[type];
}

size_t json_count(const struct json *container) {
    return container == NULL ? 0 : container->count;
}

const struct json *json_next(const struct json *container, const struct json *before) {
    if (container == NULL) {
        return NULL;
    }
    const struct json *next = before == NULL ? container + 1 : before + before->span;
    return next < container + container->span ? next : NULL;
}

const struct json *json_get(const struct json *object, const char *key) {
    if (json_type(object) != JSON_OBJECT) {
        return NULL;
    }
    const struct json *member = json_next(object, NULL);
    while (member != NULL && strcmp(member->key, key) != 0) {
        member = json_next(object, member);
    }
    return member;
}

const char *json_text(const struct json *string) {
    return json_type(string) == JSON_STRING ? string->text : NULL;
}

const char *json_number_text(const struct json *number) {
    return json_type(number) == JSON_NUMBER ? number->text : NULL;
}

bool json_u64(const struct json *number, uint64_t *value) {
    return json_type(number) == JSON_NUMBER &&
           number_parse_u64(number->text, number->text_bytes, value);
}

bool json_i64(const struct json *number, int64_t *value) {
    return json_type(number) == JSON_NUMBER &&
           number_parse_i64(number->text, number->text_bytes, value);
}

bool json_bool(const struct json *boolean, bool *value) {
    if (json_type(boolean) != JSON_BOOL) {
        return false;
    }
    *value = boolean->boolean;
    return true;
}

static bool is_same_text(const char *a, size_t a_bytes, const char *b, size_t b_bytes) {
    return (a == NULL) == (b == NULL) && a_bytes == b_bytes &&
           (a == NULL || memcmp(a, b, a_bytes) == 0);
}

/* The order of the array and the counts of children make the shape: no need to descend. */
bool json_equal(const struct json *a, const struct json *b) {
    if (a == NULL || b == NULL) {
        return a == b;
    }
    if (a->span != b->span) {
        return false;
    }
    for (size_t i = 0; i < a->span; i++) {
        bool is_same_key =
            i == 0 || is_same_text(a[i].key, a[i].key_bytes, b[i].key, b[i].key_bytes);
        if (!is_same_key || a[i].type != b[i].type || a[i].count != b[i].count ||
            a[i].boolean != b[i].boolean ||
            !is_same_text(a[i].text, a[i].text_bytes, b[i].text, b[i].text_bytes)) {
            return false;
        }
    }
    return true;
}
