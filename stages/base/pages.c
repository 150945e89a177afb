#include "stages/base/pages.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* younger than Debian's headers */
#endif

enum { HUGE_PAGE_BYTES = 2 << 20, SMALL_PAGE_BYTES = 4096 };

/* What is moved by one call: where one fails the next may not. */
enum { COLLAPSE_BYTES = 64 << 20 };

struct status pages_grow(struct pages *pages, size_t bytes, const char *what, struct err *err) {
    if (bytes <= pages->bytes) {
        return status_ok();
    }
    /* Small arrays stay small: a unit test makes thousands of them. */
    size_t unit = bytes < HUGE_PAGE_BYTES ? SMALL_PAGE_BYTES : HUGE_PAGE_BYTES;
    if (bytes > SIZE_MAX - unit) {
        return err_memory(err, bytes, what);
    }
    bytes = (bytes + unit - 1) / unit * unit;
    void *data = pages->bytes == 0 ? mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                                   : mremap(pages->data, pages->bytes, bytes, MREMAP_MAYMOVE);
    if (data == MAP_FAILED) {
        return err_memory(err, bytes, what);
    }
    (void)madvise(data, bytes, MADV_HUGEPAGE); /* a hint */
    *pages = (struct pages){data, bytes};
    return status_ok();
}

bool pages_collapse(const struct pages *pages) {
    uintptr_t start = ((uintptr_t)pages->data + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES;
    uintptr_t end = ((uintptr_t)pages->data + pages->bytes) / HUGE_PAGE_BYTES;
    bool is_crowded = false;
    for (uintptr_t at = start * HUGE_PAGE_BYTES; at < end * HUGE_PAGE_BYTES;) {
        size_t left = end * HUGE_PAGE_BYTES - at;
        size_t bytes = left < COLLAPSE_BYTES ? left : COLLAPSE_BYTES;
        if (madvise((void *)at, bytes, MADV_COLLAPSE) != 0) {
            is_crowded |= errno == ENOMEM || errno == EAGAIN;
        }
        at += bytes;
    }
    return !is_crowded;
}

void pages_release(struct pages *pages) {
    if (pages->bytes != 0) {
        (void)munmap(pages->data, pages->bytes);
    }
    *pages = (struct pages){0};
}
