#include "pipeline/memory.h"

#include "stages/base/number.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

/* The number in a file; UINT64_MAX where there is none ("max"), or no such file. */
static uint64_t limit_read(const char *path) {
    char line[32];
    uint64_t limit = UINT64_MAX;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return limit;
    }
    if (fgets(line, sizeof line, file) != NULL &&
        !number_parse_u64(line, strcspn(line, "\n"), &limit)) {
        limit = UINT64_MAX;
    }
    (void)fclose(file);
    return limit;
}

/* The least limit of a control group and of all that it lies in; `group` is used up. */
static uint64_t group_limit(const char *mount, char *group, const char *name) {
    char path[PATH_MAX];
    uint64_t least = UINT64_MAX;
    for (;;) {
        (void)snprintf(path, sizeof path, "%s%s/%s", mount, group, name);
        uint64_t limit = limit_read(path);
        least = limit < least ? limit : least;
        char *slash = strrchr(group, '/');
        if (slash == NULL) {
            return least;
        }
        *slash = '\0';
    }
}

/* What control groups of either version allow; UINT64_MAX where they say nothing. */
static uint64_t groups_limit(void) {
    char line[PATH_MAX];
    uint64_t least = UINT64_MAX;
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file == NULL) {
        return least;
    }
    while (fgets(line, sizeof line, file) != NULL) { /* NUMBER:CONTROLLERS:/GROUP */
        uint64_t limit = UINT64_MAX;
        line[strcspn(line, "\n")] = '\0';
        char *group = strchr(line, '/');
        if (group != NULL && strncmp(line, "0::", 3) == 0) {
            limit = group_limit("/sys/fs/cgroup", group, "memory.max");
        } else if (group != NULL && strstr(line, ":memory:") != NULL) {
            limit = group_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
        }
        least = limit < least ? limit : least;
    }
    (void)fclose(file);
    return least;
}

uint64_t memory_default_bytes(void) {
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t bytes =
        pages < 1 || page_bytes < 1 ? 1024 * MIB : (uint64_t)pages * (uint64_t)page_bytes;
    uint64_t limit = groups_limit();
    bytes = limit < bytes ? limit : bytes;
    return bytes / 4 * 3;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

struct memory_shares memory_share(uint64_t all_bytes) {
    uint64_t sixteenth = all_bytes / 16;
    uint64_t floor = least(64 * MIB, all_bytes / 4);
    return (struct memory_shares){
        .all_bytes = all_bytes,
        .program_bytes = floor,
        .sequence_bytes = sixteenth > floor ? sixteenth : floor,
        .tape_bytes = all_bytes / 8,
    };
}

uint64_t memory_for_batch(const struct memory_shares *shares, uint64_t dictionary_bytes,
                          uint64_t tape_bytes) {
    uint64_t taken =
        shares->program_bytes + dictionary_bytes + least(tape_bytes, shares->tape_bytes);
    return taken < shares->all_bytes ? shares->all_bytes - taken : 0;
}
