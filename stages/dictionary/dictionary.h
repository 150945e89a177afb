/* The dictionary stage: 64-bit member ids to dense node numbers, and back.
 *
 * Nodes are numbered from 0 in the order in which their members are first seen, so the numbering is
 * a function of the ordered log alone. Memory: 8 bytes per member and 6 to 12 for the hash table.
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

struct dictionary {
    struct pages members; /* uint64_t per node */
    struct pages slots;   /* uint32_t: node + 1, 0 where free */
    size_t node_count;
    uint64_t slot_count;
};

/* Zero-initialised storage is an empty dictionary. */
void dictionary_release(struct dictionary *dictionary);

/* Fills nodes[i] for members[i], numbering those that are new in the order of i. FAILURE_DATA where
 * there would be more than LIMIT_NODES members. */
FALLIBLE dictionary_resolve(struct dictionary *dictionary, const struct member_id *members,
                            size_t count, struct node_id *nodes, struct err *err);

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
