/* Sorting numbered 64-bit keys: stable, in time proportional to their count. */
#ifndef TIEFLOW_STAGES_FACTS_KEY_SORT_H
#define TIEFLOW_STAGES_FACTS_KEY_SORT_H

#include <stddef.h>
#include <stdint.h>

struct key_item {
    uint64_t key;
    uint64_t at; /* whatever the caller wants to find again behind the key */
};

/* Sorts ascending by key; equal keys keep their order. `scratch` has room for as many items, which
 * are lost. Cost: one pass per byte in which the keys differ. */
void key_sort(struct key_item *items, struct key_item *scratch, size_t count);

#endif
