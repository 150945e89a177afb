#include "schemas/event.h"

#include "schemas/limits.h"

#include <stddef.h>
#include <string.h>

static const char *const kind_names[EVENT_KINDS] = {"disconnect", "connect"};
static const char *const origin_names[EVENT_ORIGINS] = {"unknown", "organic", "recommended",
                                                        "import"};
static const char *const simultaneous_names[] = {"strict", "sequence"};

bool event_time_is_valid(int64_t at_ms) {
    return at_ms >= LIMIT_TIME_MIN_MS && at_ms <= LIMIT_TIME_MAX_MS;
}

static int name_find(const char *const *names, int count, const char *name, size_t bytes) {
    for (int i = 0; i < count; i++) {
        if (strlen(names[i]) == bytes && memcmp(names[i], name, bytes) == 0) {
            return i;
        }
    }
    return -1;
}

const char *event_kind_name(unsigned kind) {
    return kind < EVENT_KINDS ? kind_names[kind] : NULL;
}

const char *event_origin_name(unsigned origin) {
    return origin < EVENT_ORIGINS ? origin_names[origin] : NULL;
}

int event_kind_parse(const char *name, unsigned long bytes) {
    return name_find(kind_names, EVENT_KINDS, name, bytes);
}

int event_origin_parse(const char *name, unsigned long bytes) {
    return name_find(origin_names, EVENT_ORIGINS, name, bytes);
}

const char *simultaneous_name(enum simultaneous simultaneous) {
    return (unsigned)simultaneous < 2 ? simultaneous_names[simultaneous] : NULL;
}

int simultaneous_parse(const char *name) {
    return name_find(simultaneous_names, 2, name, strlen(name));
}

static int compare_u64(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

int event_compare(const struct event *a, const struct event *b, enum simultaneous simultaneous) {
    if (a->at_ms != b->at_ms) {
        return a->at_ms < b->at_ms ? -1 : 1;
    }
    if (simultaneous == SIMULTANEOUS_SEQUENCE) {
        return 0;
    }
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    int order = compare_u64(a->from.v, b->from.v);
    if (order == 0) {
        order = compare_u64(a->to.v, b->to.v);
    }
    return order != 0 ? order : compare_u64(a->origin, b->origin);
}
