/* The marks of one neighbourhood, and the scan of another one for them: the inner loops of the
 * kernels of this folder.
 *
 * A node is marked in a bitmap of all nodes. Where that is small, every entry of a scanned row is
 * looked up in it. Of larger graphs a node is marked in a filter as well, a byte per residue of its
 * number, that stays within the cache of a core: few nodes of a row pass the filter, and only those
 * are looked up in the bitmap. What the filter marks is a superset of what the bitmap does.
 *
 * A scan belongs to one thread. Between two neighbourhoods nothing is marked.
 *
 * Order of use: scan_init; for each neighbourhood scan_begin, then scan_mark, scan_count and
 * scan_until as often as wanted, then scan_clear; scan_release.
 */
#ifndef TIEFLOW_STAGES_EMBEDDEDNESS_SCAN_H
#define TIEFLOW_STAGES_EMBEDDEDNESS_SCAN_H

#include "schemas/status.h"
#include "stages/adjacency/arrival_rows.h"
#include "stages/base/pages.h"
#include "stages/embeddedness/kernel_set.h"

#include <stddef.h>
#include <stdint.h>

/* Which common neighbours are mine: the nodes whose number is `index` modulo `count`. {0, 1} is all
 * of them. Nodes are numbered by the ordered log, so workers that read the same log agree. */
struct part {
    uint32_t index; /* < count */
    uint32_t count; /* 1 .. LIMIT_PARTS */
};

/* Entries that are looked at together; entries ahead that a scan of the bitmap asks for. */
enum { SCAN_BLOCK = 64, SCAN_AHEAD = 256 };

/* The most nodes whose bitmap is scanned without a filter: one after the other, or gathered. */
enum { SCAN_UNFILTERED_PLAIN = 1 << 20, SCAN_UNFILTERED_GATHERED = 1 << 24 };

struct scan {
    struct pages exact;  /* uint64_t: a bit per node */
    struct pages filter; /* a byte, 0 or 1, per residue; none where the bitmap is enough */
    uint32_t mask;       /* residues in use, a power of two, less one */
    /* Writes down the positions i in [first, end), SCAN_BLOCK at most, where
     * filter[entries[i] & mask] is set; returns how many. */
    uint32_t (*hits_collect)(const uint8_t *filter, uint32_t mask, const uint32_t *entries,
                             uint32_t first, uint32_t end, uint32_t *hits);
    /* Adds up the entries from `first` on, up to the first one about `node` or else up to `end`:
     * each counts 1 where its node is marked in `exact`, -1 where it ended, 0 where it was
     * rejected. *at gets where it stopped. Entries from `end` on are not read. */
    uint32_t (*marks_count)(const uint64_t *exact, const uint32_t *entries, uint32_t first,
                            uint32_t end, uint32_t node, uint32_t *at);
};

/* A row that is scanned for the entry of one event in it. */
struct scan_row {
    const uint32_t *entries;
    uint32_t base;  /* entries before the batch */
    uint32_t count; /* all entries */
};

/* Zero-initialised storage is valid for release. */
FALLIBLE scan_init(struct scan *scan, size_t node_count, enum kernel_set set, struct err *err);
void scan_release(struct scan *scan);

/* Begins a neighbourhood of up to `entries` entries, to be scanned for `node`, which is not in it;
 * scan_until looks for its entries. */
void scan_begin(struct scan *scan, uint32_t entries, uint32_t node);

/* Applies the entries [first, end) that belong to the part: marks, or unmarks where ended. */
void scan_mark(struct scan *scan, const uint32_t *entries, uint32_t first, uint32_t end,
               struct part part);

/* Removes all marks of a neighbourhood: of the entries [0, end), and of `node`. */
void scan_clear(struct scan *scan, const uint32_t *entries, uint32_t end, uint32_t node);

/* Marked nodes among the neighbours that the entries [0, end) stand for. */
uint32_t scan_count(const struct scan *scan, const uint32_t *entries, uint32_t end);

/* The same for the entries that the n-th entry of the batch about `node` sees: those before it,
 * less those of its own instant. That entry must be there. */
uint32_t scan_until(const struct scan *scan, const struct scan_row *row, uint32_t node, uint32_t n);

/* How many entries the first entry of the batch about `node` sees, without counting. */
uint32_t scan_find(const struct scan_row *row, uint32_t node);

#endif
