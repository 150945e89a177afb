/* The dictionary stage: 64-bit member ids to dense node numbers, and back.
 *
 * Nodes are numbered from 0 in the order in which their members are first seen, so the numbering is
 * a function of the ordered log alone. Memory: 8 bytes per member, and 19 to 39 for the hash table,
 * which can be given back while no members are resolved.
 *
 * The dictionary file is a row of frames of kind FRAME_DICTIONARY:
 *
 *   BYTES   DESCRIPTION
 *   8 n     member ids of nodes first .. last, as byte planes (stages/base/columns.h)
 *
 * The frame's `first` and `last` are its first and last node; frames follow without gaps.
 */
#ifndef TIEFLOW_STAGES_DICTIONARY_DICTIONARY_H
#define TIEFLOW_STAGES_DICTIONARY_DICTIONARY_H

#include "schemas/ids.h"
#include "schemas/status.h"
#include "stages/base/pages.h"
#include "stages/base/stream.h"

#include <stddef.h>
#include <stdint.h>

enum { DICTIONARY_BUCKET_SLOTS = 5 };

/* One cache line of the hash table; its slots are filled first to last. */
struct dictionary_bucket {
    _Alignas(64) uint64_t members[DICTIONARY_BUCKET_SLOTS];
    uint32_t numbers[DICTIONARY_BUCKET_SLOTS]; /* node + 1, 0 where the slot is free */
};

struct dictionary {
    struct pages members; /* uint64_t per node */
    struct pages slots;   /* the hash table: struct dictionary_bucket */
    size_t node_count;
    uint64_t bucket_count; /* a power of two; 0 while there is no hash table */
};

/* Zero-initialised storage is an empty dictionary. */
void dictionary_release(struct dictionary *dictionary);

/* Fills nodes[i] for members[i], numbering those that are new in the order of i. FAILURE_DATA where
 * there would be more than LIMIT_NODES members. */
FALLIBLE dictionary_resolve(struct dictionary *dictionary, const struct member_id *members,
                            size_t count, struct node_id *nodes, struct err *err);

/* Gives the nodes from `first_node` on other numbers among themselves: first_node + i becomes
 * numbers[i]. */
FALLIBLE dictionary_renumber(struct dictionary *dictionary, size_t first_node,
                             const uint32_t *numbers, struct err *err);

/* Gives the memory of the hash table back; nodes and their members stay. The next
 * dictionary_resolve builds it anew. */
void dictionary_shed(struct dictionary *dictionary);

static inline size_t dictionary_count(const struct dictionary *dictionary) {
    return dictionary->node_count;
}

static inline struct member_id dictionary_member(const struct dictionary *dictionary,
                                                 struct node_id node) {
    return (struct member_id){((const uint64_t *)dictionary->members.data)[node.v]};
}

/* Writes the whole dictionary, END frame included. */
FALLIBLE dictionary_save(const struct dictionary *dictionary, struct output *output,
                         struct err *err);

/* Reads a whole dictionary into an empty one. FAILURE_DATA for gaps and repeated members. */
FALLIBLE dictionary_load(struct dictionary *dictionary, struct input *input, struct err *err);

#endif
