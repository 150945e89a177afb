/* The slow, obvious oracle of section 2 of the definitions: a matrix of who is connected, and
 * loops. Never benchmarked, never clever. */
#ifndef TIEFLOW_TESTS_ORACLE_H
#define TIEFLOW_TESTS_ORACLE_H

#include "schemas/event.h"
#include "schemas/quality.h"
#include "schemas/tie.h"
#include "stages/base/random.h"

#include <stddef.h>

enum { ORACLE_MEMBERS_MAX = 64, ORACLE_EVENTS_MAX = 4096 };

struct oracle_result {
    struct tie ties[ORACLE_EVENTS_MAX]; /* in output order */
    size_t tie_count;
    struct quality quality;
};

/* Computes ties and quality of a log given in log order. */
void oracle_run(const struct event *events, size_t count, enum simultaneous simultaneous,
                struct oracle_result *result);

/* A random log with every wart: few members (ids at 0 and 2^64-1 among them), equal instants,
 * duplicates, orphans, re-connections, self-loops, disorder. Returns how many events it wrote, at
 * most `most`. */
size_t oracle_log(struct random *random, struct event *events, size_t most);

#endif
