#include "schemas/quality.h"

const char *quality_check_name(enum quality_check check) {
    static const char *const names[QUALITY_CHECKS] = {
        "read",    "applied",   "duplicate",    "orphan", "self_loop", "late",
        "earlier", "malformed", "out_of_order", "ties",   "endings"};
    return names[check];
}

void quality_add(struct quality *into, const struct quality *from) {
    for (int i = 0; i < QUALITY_CHECKS; i++) {
        into->count[i] += from->count[i];
    }
}

bool quality_adds_up(const struct quality *quality) {
    const uint64_t *n = quality->count;
    return n[QUALITY_READ] == n[QUALITY_APPLIED] + n[QUALITY_DUPLICATE] + n[QUALITY_ORPHAN] +
                                  n[QUALITY_SELF_LOOP] + n[QUALITY_LATE] + n[QUALITY_EARLIER] +
                                  n[QUALITY_MALFORMED] &&
           n[QUALITY_APPLIED] == n[QUALITY_TIES] + n[QUALITY_ENDINGS];
}
