/* How the bytes of a datum of some Avro schema lie, and a walk over them that any bytes survive.
 *
 * A layout is a table of nodes, one per type; a recursive schema is a table whose children point
 * back. The walk checks whatever a datum claims (counts, lengths, branches, ordinals) before
 * anybody acts on it: time and depth are bounded by the bytes that are there.
 *
 * Lifecycle: zero-initialised storage is empty; layout_add for each type, children after or before
 * their parents; layout_release.
 */
#ifndef TIEFLOW_STAGES_DECODE_AVRO_LAYOUT_H
#define TIEFLOW_STAGES_DECODE_AVRO_LAYOUT_H

#include "schemas/status.h"
#include "stages/base/cursor.h"
#include "stages/decode/avro_datum.h"
#include "stages/decode/log_reader.h"

#include <stddef.h>
#include <stdint.h>

enum layout_type {
    LAYOUT_NULL,
    LAYOUT_BOOLEAN,
    LAYOUT_INT,
    LAYOUT_LONG,
    LAYOUT_FIXED, /* `count` bytes: also float and double */
    LAYOUT_BYTES, /* also strings */
    LAYOUT_ENUM,  /* `count` symbols */
    LAYOUT_RECORD,
    LAYOUT_UNION,
    LAYOUT_ARRAY, /* of its one child */
    LAYOUT_MAP,   /* from strings to its one child */
};

struct layout_node {
    enum layout_type type;
    uint32_t first; /* of its children in layout.children */
    uint64_t count; /* of children, bytes or symbols */
};

struct layout {
    struct layout_node *nodes;
    size_t count;
    size_t capacity;
    uint32_t *children; /* indices of nodes */
    size_t child_count;
    size_t child_capacity;
};

void layout_release(struct layout *layout);

/* Appends a node with room for `children` children, which the caller enters at
 * layout->children[layout->nodes[*index].first + i]. `count` is of bytes or symbols for the types
 * that have those, and is not read for the others. */
FALLIBLE layout_add(struct layout *layout, enum layout_type type, uint64_t count, size_t children,
                    uint32_t *index, struct err *err);

/* Walks the datum of node `root` (a record) at the front of the cursor and leaves what follows it.
 * DATUM_EVENT: the datum is sound. DATUM_UNFIT: its end is known, and a value in it is none of its
 * type. DATUM_BROKEN: it has no end. *field is the index of the record's field where it happened.
 * Cost: linear in the bytes. */
enum datum_outcome layout_walk(const struct layout *layout, uint32_t root, struct cursor *cursor,
                               size_t *field, char reason[MALFORMED_REASON_BYTES]);

#endif
