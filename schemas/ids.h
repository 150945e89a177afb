/* Two kinds of member number that must never be mixed up, so the compiler keeps them apart. */
#ifndef TIEFLOW_SCHEMAS_IDS_H
#define TIEFLOW_SCHEMAS_IDS_H

#include <stdint.h>

/* A member as the outside world numbers it: any 64-bit unsigned value, 0 and 2^64-1 included. */
struct member_id {
    uint64_t v;
};

/* A member as the kernel numbers it: dense from 0, in order of first appearance in the ordered
 * log. Always below LIMIT_NODES, so that the top bits are free for flags. */
struct node_id {
    uint32_t v;
};

#endif
