/* The tape: ordered events by node number, packed in blocks, to be read several times.
 *
 * A block keeps what its events need and no more: times as differences, nodes in as many bits as
 * the greatest takes, kinds and origins in none where all are the same; about 7.5 bytes per event
 * of a study. Blocks lie in memory up to a budget and beyond it in a scratch file, and are unpacked
 * independently of each other, so threads may share them out.
 */
#ifndef TIEFLOW_STAGES_ORDER_TAPE_H
#define TIEFLOW_STAGES_ORDER_TAPE_H

#include "schemas/status.h"

#include <stddef.h>
#include <stdint.h>

enum { TAPE_BLOCK_EVENTS = 16384 };

/* One block, unpacked: columns. */
struct tape_block {
    uint64_t first; /* number of its first event on the tape */
    size_t count;
    int64_t at_ms[TAPE_BLOCK_EVENTS];
    uint32_t from[TAPE_BLOCK_EVENTS]; /* nodes, below LIMIT_NODES; from != to */
    uint32_t to[TAPE_BLOCK_EVENTS];
    uint8_t code[TAPE_BLOCK_EVENTS]; /* event_code(kind, origin) */
};

/* Some of the events of a tape, by number: [first, end). */
struct tape_range {
    uint64_t first;
    uint64_t end;
};

struct tape;

/* `scratch_folder` is borrowed until tape_end; blocks beyond `memory_bytes` go into a scratch file
 * there, which is made when the first of them is full. At least 1 MiB is used, and 300 KiB
 * beside `memory_bytes` while the tape is written. */
FALLIBLE tape_new(struct tape **tape, const char *scratch_folder, uint64_t memory_bytes,
                  struct err *err);

/* Accepts NULL. */
void tape_free(struct tape *tape);

/* Appends a block's worth of events or fewer: all blocks but the last are full however the events
 * arrive. Times do not descend. */
FALLIBLE tape_put(struct tape *tape, const struct tape_block *events, struct err *err);

/* Ends the writing. */
FALLIBLE tape_end(struct tape *tape, struct err *err);

uint64_t tape_count(const struct tape *tape);
size_t tape_blocks(const struct tape *tape);

/* Bytes of the blocks that lie in memory. */
uint64_t tape_memory(const struct tape *tape);

/* Lowers the memory of a tape that is being written: blocks beyond it move to the scratch file. */
FALLIBLE tape_limit(struct tape *tape, uint64_t memory_bytes, struct err *err);

/* Unpacks a block; from several threads at once if need be. FAILURE_IO where the scratch file
 * cannot be read. */
FALLIBLE tape_read(const struct tape *tape, size_t block, struct tape_block *unpacked,
                   struct err *err);

/* Gives back the memory and the disk of all blocks before `block`, which will not be read again.
 * Others may read later blocks meanwhile. */
void tape_forget(struct tape *tape, size_t block);

/* Gives back the memory in which the system keeps the scratch file, if there is one
 * (scratch_uncache). */
void tape_uncache(const struct tape *tape);

#endif
