/* The memory of a run, and who gets how much of it.
 *
 * While logs are read and ordered, the sequence's buffers stand beside the dictionary and the part
 * of the tape that lies in memory; while a batch runs, its rows and results stand in the buffers'
 * place; while tables are written, its results, its replay and the endings of the tape. So a batch
 * may take what the dictionary, the tape and the program itself leave.
 */
#ifndef TIEFLOW_PIPELINE_MEMORY_H
#define TIEFLOW_PIPELINE_MEMORY_H

#include <stdint.h>

struct memory_shares {
    uint64_t all_bytes;
    uint64_t program_bytes;  /* buffers of files, frames and tables, and the program itself */
    uint64_t sequence_bytes; /* buffers of what is being ordered */
    uint64_t tape_bytes;     /* of the tape at most; what is beyond lies in a scratch file */
};

/* Three quarters of the memory of the machine, or of what its control groups let the process have.
 */
uint64_t memory_default_bytes(void);

struct memory_shares memory_share(uint64_t all_bytes);

/* What is left for a batch beside a dictionary and a tape of these sizes; 0 where nothing is. */
uint64_t memory_for_batch(const struct memory_shares *shares, uint64_t dictionary_bytes,
                          uint64_t tape_bytes);

/* For the sides of ties in a study: half of all, beside the facts and the careers made of them. */
static inline uint64_t memory_for_study(const struct memory_shares *shares) {
    return shares->all_bytes / 2;
}

#endif
