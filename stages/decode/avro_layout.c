/* A stack of levels in place of recursion: one level per datum that is open. Every turn of the loop
 * is a step, and the steps are bounded by the bytes taken, so that 2^62 items of no bytes, or
 * records of records of nothing, end as quickly as they began. */
#include "stages/decode/avro_layout.h"

#include "schemas/limits.h"
#include "stages/decode/fields.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Steps that a datum may take: ample for records nested to the limit around each byte, and for wide
 * records of nulls. */
enum { STEPS_PER_BYTE = 4 * LIMIT_SCHEMA_DEPTH, STEPS_SPARE = 1 << 14 };

struct level {
    const struct layout_node *node;
    uint64_t done;    /* children visited: of records and unions */
    uint64_t left;    /* items to come in the block: of arrays and maps */
    size_t block_end; /* where the block claims to end; 0: it makes no claim */
};

struct walk {
    const struct layout *layout;
    struct cursor *cursor;
    struct level levels[LIMIT_DATUM_DEPTH];
    size_t depth;
    char *reason;
    bool is_unfit; /* `reason` is filled; the datum's end can still be found */
};

void layout_release(struct layout *layout) {
    free(layout->nodes);
    free(layout->children);
    *layout = (struct layout){0};
}

static struct status array_grow(void **items, size_t *capacity, size_t wanted, size_t item_bytes,
                                struct err *err) {
    if (wanted <= *capacity) {
        return status_ok();
    }
    size_t grown = 2 * wanted;
    void *moved = realloc(*items, grown * item_bytes);
    if (moved == NULL) {
        return err_memory(err, grown * item_bytes, "an Avro schema");
    }
    *items = moved;
    *capacity = grown;
    return status_ok();
}

struct status layout_add(struct layout *layout, enum layout_type type, uint64_t count,
                         size_t children, uint32_t *index, struct err *err) {
    void *nodes = layout->nodes;
    void *child_items = layout->children;
    struct status status =
        array_grow(&nodes, &layout->capacity, layout->count + 1, sizeof *layout->nodes, err);
    layout->nodes = nodes;
    TRY(status);
    status = array_grow(&child_items, &layout->child_capacity, layout->child_count + children,
                        sizeof *layout->children, err);
    layout->children = child_items;
    TRY(status);
    bool has_count = type == LAYOUT_FIXED || type == LAYOUT_ENUM;
    *index = (uint32_t)layout->count;
    layout->nodes[layout->count++] = (struct layout_node){
        .type = type,
        .first = (uint32_t)layout->child_count,
        .count = has_count ? count : children,
    };
    if (children > 0) {
        memset(layout->children + layout->child_count, 0, children * sizeof *layout->children);
    }
    layout->child_count += children;
    return status_ok();
}

/* ---- the walk ---- */

static bool unfit(struct walk *walk, const char *text, int64_t value) {
    if (!walk->is_unfit) {
        reason_set(walk->reason, "%s (%" PRId64 ")", text, value);
        walk->is_unfit = true;
    }
    return true;
}

static bool broken(struct walk *walk, const char *text) {
    reason_set(walk->reason, "%s", text);
    return false;
}

static bool cut_off(struct walk *walk) {
    return broken(walk, cursor_left(walk->cursor) == 0 ? "the datum is cut off"
                                                       : "an integer of over 64 bits");
}

static bool push(struct walk *walk, uint32_t node) {
    if (walk->depth == LIMIT_DATUM_DEPTH) {
        return broken(walk, "the datum nests too deep");
    }
    walk->levels[walk->depth++] = (struct level){.node = &walk->layout->nodes[node]};
    return true;
}

static bool child_push(struct walk *walk, const struct layout_node *node, uint64_t child) {
    return push(walk, walk->layout->children[node->first + child]);
}

static bool take_bytes(struct walk *walk, uint64_t count) {
    if (count > cursor_left(walk->cursor)) {
        return broken(walk, "the datum is cut off");
    }
    return cursor_take(walk->cursor, (size_t)count) != NULL;
}

/* A length and as many bytes. */
static bool take_sized(struct walk *walk) {
    int64_t length;
    if (!avro_long_take(walk->cursor, &length)) {
        return cut_off(walk);
    }
    return length < 0 ? broken(walk, "a negative length") : take_bytes(walk, (uint64_t)length);
}

static bool take_boolean(struct walk *walk) {
    const uint8_t *byte = cursor_take(walk->cursor, 1);
    if (byte == NULL) {
        return broken(walk, "the datum is cut off");
    }
    return *byte <= 1 || unfit(walk, "a boolean that is neither 0 nor 1", *byte);
}

static bool take_integer(struct walk *walk, const struct layout_node *node) {
    int64_t value;
    if (!avro_long_take(walk->cursor, &value)) {
        return cut_off(walk);
    }
    if (node->type == LAYOUT_INT && (value < INT32_MIN || value > INT32_MAX)) {
        return unfit(walk, "an int of over 32 bits", value);
    }
    if (node->type == LAYOUT_ENUM && (value < 0 || (uint64_t)value >= node->count)) {
        return unfit(walk, "a symbol that the enum does not have", value);
    }
    return true;
}

/* Takes what is no container. */
static bool scalar_take(struct walk *walk, const struct layout_node *node) {
    walk->depth--;
    switch (node->type) {
    case LAYOUT_NULL:
        return true;
    case LAYOUT_BOOLEAN:
        return take_boolean(walk);
    case LAYOUT_FIXED:
        return take_bytes(walk, node->count);
    case LAYOUT_BYTES:
        return take_sized(walk);
    default:
        return take_integer(walk, node);
    }
}

static bool union_step(struct walk *walk, struct level *level) {
    if (level->done != 0) {
        walk->depth--;
        return true;
    }
    int64_t branch;
    if (!avro_long_take(walk->cursor, &branch)) {
        return cut_off(walk);
    }
    if (branch < 0 || (uint64_t)branch >= level->node->count) {
        return broken(walk, "a branch that the union does not have");
    }
    level->done = 1;
    return child_push(walk, level->node, (uint64_t)branch);
}

/* Takes the head of the next block of an array or map; the block of no items ends it. */
static bool block_begin(struct walk *walk, struct level *level) {
    struct cursor *cursor = walk->cursor;
    if (level->block_end != 0 && cursor->at != level->block_end) {
        return broken(walk, "a block of items does not end where it claims to");
    }
    int64_t items;
    int64_t bytes = 0;
    if (!avro_long_take(cursor, &items) || (items < 0 && !avro_long_take(cursor, &bytes))) {
        return cut_off(walk);
    }
    if (items == INT64_MIN || bytes < 0 || (uint64_t)bytes > cursor_left(cursor)) {
        return broken(walk, "a block of items that claims more than there is");
    }
    level->left = items < 0 ? (uint64_t)-items : (uint64_t)items;
    level->block_end = items < 0 ? cursor->at + (size_t)bytes : 0;
    walk->depth -= items == 0;
    return true;
}

static bool items_step(struct walk *walk, struct level *level) {
    if (level->left == 0) {
        return block_begin(walk, level);
    }
    level->left--;
    if (level->node->type == LAYOUT_MAP && !take_sized(walk)) {
        return false;
    }
    return child_push(walk, level->node, 0);
}

static bool record_step(struct walk *walk, struct level *level) {
    if (level->done == level->node->count) {
        walk->depth--;
        return true;
    }
    return child_push(walk, level->node, level->done++);
}

static bool walk_step(struct walk *walk) {
    struct level *level = &walk->levels[walk->depth - 1];
    switch (level->node->type) {
    case LAYOUT_RECORD:
        return record_step(walk, level);
    case LAYOUT_UNION:
        return union_step(walk, level);
    case LAYOUT_ARRAY:
    case LAYOUT_MAP:
        return items_step(walk, level);
    default:
        return scalar_take(walk, level->node);
    }
}

enum datum_outcome layout_walk(const struct layout *layout, uint32_t root, struct cursor *cursor,
                               size_t *field, char reason[MALFORMED_REASON_BYTES]) {
    assert(layout->nodes[root].type == LAYOUT_RECORD);
    struct walk walk;
    walk.layout = layout;
    walk.cursor = cursor;
    walk.depth = 0;
    walk.reason = reason;
    walk.is_unfit = false;
    const size_t start = cursor->at;
    uint64_t steps = 0;
    bool is_sound = push(&walk, root);
    *field = 0;
    while (is_sound && walk.depth > 0) {
        bool was_unfit = walk.is_unfit;
        is_sound = walk_step(&walk);
        if (!is_sound || (walk.is_unfit && !was_unfit)) {
            *field = walk.levels[0].done == 0 ? 0 : (size_t)walk.levels[0].done - 1;
        }
        if (is_sound && ++steps > STEPS_SPARE + STEPS_PER_BYTE * (uint64_t)(cursor->at - start)) {
            *field = (size_t)walk.levels[0].done - 1;
            is_sound = broken(&walk, "more items than so few bytes can mean");
        }
    }
    if (!is_sound) {
        return DATUM_BROKEN;
    }
    return walk.is_unfit ? DATUM_UNFIT : DATUM_EVENT;
}
