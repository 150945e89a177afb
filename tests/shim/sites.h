/* Where a program is: what a library that is preloaded into it tells the program's calls apart by.
 *
 * A site is a call in the program's own code, as the distance of its return address from the
 * program's start: the same number in every run of one build. The sites that lead to a call of the
 * library are those that have to hand its failure on. */
#ifndef TIEFLOW_TESTS_SHIM_SITES_H
#define TIEFLOW_TESTS_SHIM_SITES_H

#include <dlfcn.h>
#include <execinfo.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>

enum { SITES = 64 };

/* Where the program's own code lies. */
struct program {
    uintptr_t start;
    uintptr_t end;
};

/* Call it once before main: the first walk up the stack loads a library. */
static inline struct program program_find(void) {
    struct dl_find_object found;
    void *frame;
    (void)backtrace(&frame, 1);
    /* The system lends the address as a number.
     * NOLINTNEXTLINE(performance-no-int-to-ptr) */
    if (_dl_find_object((void *)getauxval(AT_ENTRY), &found) != 0) {
        return (struct program){0, 0};
    }
    return (struct program){(uintptr_t)found.dlfo_map_start, (uintptr_t)found.dlfo_map_end};
}

/* Fills the sites that led here, innermost first; their number. */
static inline size_t sites_of(const struct program *program, size_t sites[SITES]) {
    void *frames[SITES];
    size_t count = 0;
    int depth = backtrace(frames, SITES);
    for (int i = 0; i < depth; i++) {
        uintptr_t at = (uintptr_t)frames[i];
        if (at >= program->start && at < program->end) {
            sites[count++] = at - program->start;
        }
    }
    return count;
}

#endif
