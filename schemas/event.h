/* The connection event: one record of the `connections` log.
 *
 * `from` sent the invitation (the inviter); the tie itself is undirected. Times are event times,
 * milliseconds since 1970 UTC, within LIMIT_TIME_MIN_MS..LIMIT_TIME_MAX_MS.
 */
#ifndef TIEFLOW_SCHEMAS_EVENT_H
#define TIEFLOW_SCHEMAS_EVENT_H

#include "schemas/ids.h"

#include <stdbool.h>
#include <stdint.h>

/* The values are the strict order within one instant (disconnect first) and the bytes on disk. */
enum event_kind { EVENT_DISCONNECT = 0, EVENT_CONNECT = 1, EVENT_KINDS = 2 };

/* How the tie came about. The values are bytes on disk: append only. */
enum event_origin {
    ORIGIN_UNKNOWN = 0,
    ORIGIN_ORGANIC = 1,
    ORIGIN_RECOMMENDED = 2,
    ORIGIN_IMPORT = 3,
    EVENT_ORIGINS = 4,
};

struct event {
    int64_t at_ms;
    struct member_id from;
    struct member_id to;
    uint8_t kind;   /* enum event_kind */
    uint8_t origin; /* enum event_origin */
};

/* Kind and origin in one byte: the same as in packed frames. */
static inline uint8_t event_code(unsigned kind, unsigned origin) {
    return (uint8_t)(kind | origin << 1);
}

static inline unsigned event_code_kind(uint8_t code) {
    return code & 1;
}

static inline unsigned event_code_origin(uint8_t code) {
    return code >> 1;
}

/* What ties of the same instant see of each other; definitions in section 2 of the specification.
 * STRICT: nothing; events of one instant are taken in the order (disconnect before connect, from,
 * to, origin), so no result depends on arrival. SEQUENCE: equal times keep their log position and
 * each tie sees the ones before it. */
enum simultaneous { SIMULTANEOUS_STRICT = 0, SIMULTANEOUS_SEQUENCE = 1 };

/* True when the time lies in the range that tieflow accepts. */
bool event_time_is_valid(int64_t at_ms);

/* Names as they stand in text logs; NULL or -1 for a value or name that does not exist. The names
 * need not be NUL-terminated: `bytes` gives their length. */
const char *event_kind_name(unsigned kind);
const char *event_origin_name(unsigned origin);
int event_kind_parse(const char *name, unsigned long bytes);
int event_origin_parse(const char *name, unsigned long bytes);

/* "strict" or "sequence"; NULL / -1 for anything else. */
const char *simultaneous_name(enum simultaneous simultaneous);
int simultaneous_parse(const char *name);

/* Total order of the log under `simultaneous`: < 0, 0, > 0 as a comes before, with, after b. Under
 * SEQUENCE only the time counts; the caller's sort must then be stable. Origin is the last key
 * under STRICT: without it two records that differ in nothing else would be ordered by arrival. */
int event_compare(const struct event *a, const struct event *b, enum simultaneous simultaneous);

#endif
