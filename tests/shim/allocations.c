/* Preloaded into a program (LD_PRELOAD): lets its n-th allocation fail.
 *
 *   ALLOCATIONS_FAIL=n      the n-th fails, counted from 1
 *   ALLOCATIONS_FAIL=n-     the n-th and all after it
 *   ALLOCATIONS_FAIL=n@s,s  from the n-th on the first that all of these sites (sites.h) lead to
 *   ALLOCATIONS_COUNT=p     how many there were, in the file p when the program ends
 *   ALLOCATIONS_SITES=p     likewise a line "n site" for each site: the first n that it leads to
 *
 * Counted are the calls, from main on, of the program and of all its libraries that ask for memory
 * or for a thread: malloc, calloc, realloc, reallocarray, aligned_alloc, posix_memalign, mmap of
 * memory, mremap, pthread_create. What libc itself allocates (strdup, fopen, opendir, ...) goes
 * through malloc. With one thread the count is the same in every run. What is loaded before main
 * runs whole: no program can answer for that.
 *
 * Rejected: failing by size. With several threads a number is another call in every run, while
 * sites stay: whoever wants to reach each place asks for their sites.
 */
#include "tests/shim/sites.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own, under the names by which it lets them be wrapped: they are needed before anything
 * can be looked up.
 * NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

typedef int main_function(int argc, char **argv, char **environment);
int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static atomic_bool is_counting;
static atomic_ullong calls;
static unsigned long long fails_at; /* 0: none */
static bool fails_after;
static size_t fail_sites[SITES]; /* the first call that all of these lead to fails */
static size_t fail_site_count;
static atomic_bool has_failed;
static int sites_file = -1; /* -1: sites are not noted */
static struct program program;
static main_function *real_main;
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);
static void *(*real_mremap)(void *, size_t, size_t, int, ...);
static int (*real_thread)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* The sites that were passed, each at the first free seat from its own on, which holds it plus 1;
 * guarded by `one_note`. */
enum { SEATS = 1 << 16 };
static pthread_mutex_t one_note = PTHREAD_MUTEX_INITIALIZER;
static size_t seats[SEATS];

/* Whether it is passed for the first time. */
static bool site_enter(size_t site) {
    size_t at = site % SEATS;
    while (seats[at] != 0 && seats[at] != site + 1) {
        at = (at + 1) % SEATS;
    }
    bool is_new = seats[at] == 0;
    seats[at] = site + 1;
    return is_new;
}

static void sites_note(unsigned long long call) {
    size_t sites[SITES];
    size_t count = sites_of(&program, sites);
    (void)pthread_mutex_lock(&one_note);
    for (size_t i = 0; i < count; i++) {
        if (site_enter(sites[i])) {
            char line[64]; /* dprintf would allocate */
            int length = snprintf(line, sizeof line, "%llu %zx\n", call, sites[i]);
            (void)write(sites_file, line, (size_t)length);
        }
    }
    (void)pthread_mutex_unlock(&one_note);
}

/* Whether this is the call that the asked for sites lead to. */
static bool is_led_by_sites(unsigned long long call) {
    if (call < fails_at || atomic_load(&has_failed)) {
        return false;
    }
    size_t sites[SITES];
    size_t count = sites_of(&program, sites);
    for (size_t i = 0; i < fail_site_count; i++) {
        size_t k = 0;
        while (k < count && sites[k] != fail_sites[i]) {
            k++;
        }
        if (k == count) {
            return false;
        }
    }
    return !atomic_exchange(&has_failed, true);
}

/* Counts a call; whether it is to fail. */
static bool refuses(void) {
    if (!atomic_load(&is_counting)) {
        return false;
    }
    unsigned long long call = atomic_fetch_add(&calls, 1) + 1;
    if (sites_file >= 0) {
        sites_note(call);
    }
    bool refused = fail_site_count != 0 ? is_led_by_sites(call)
                                        : call == fails_at || (fails_after && call > fails_at);
    if (refused) {
        errno = ENOMEM;
    }
    return refused;
}

void *malloc(size_t bytes) {
    return refuses() ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    return refuses() ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes) {
    return refuses() ? NULL : __libc_realloc(old, bytes);
}

void *reallocarray(void *old, size_t count, size_t bytes) {
    size_t all;
    if (__builtin_mul_overflow(count, bytes, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(old, all);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    return refuses() ? NULL : __libc_memalign(alignment, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes) {
    void *made = refuses() ? NULL : __libc_memalign(alignment, bytes);
    if (made == NULL) {
        return ENOMEM;
    }
    *memory = made;
    return 0;
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
    if ((flags & MAP_ANONYMOUS) != 0 && refuses()) {
        return MAP_FAILED;
    }
    return real_mmap(address, bytes, protection, flags, file, offset);
}

void *mremap(void *old, size_t old_bytes, size_t new_bytes, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    void *address = (flags & MREMAP_FIXED) != 0 ? va_arg(arguments, void *) : NULL;
    va_end(arguments);
    return refuses() ? MAP_FAILED : real_mremap(old, old_bytes, new_bytes, flags, address);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) {
    return refuses() ? EAGAIN : real_thread(thread, attributes, start, argument);
}

/* A new file of the name that the environment gives; -1 where it gives none. */
static int file_make(const char *variable) {
    const char *path = getenv(variable);
    return path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static void count_write(void) {
    atomic_store(&is_counting, false);
    int file = file_make("ALLOCATIONS_COUNT");
    if (file >= 0) {
        (void)dprintf(file, "%llu\n", atomic_load(&calls));
        (void)close(file);
    }
}

static void failure_read(const char *text) {
    char *end = NULL;
    fails_at = strtoull(text, &end, 10);
    fails_after = *end == '-';
    while ((*end == '@' || *end == ',') && fail_site_count < SITES) {
        fail_sites[fail_site_count++] = (size_t)strtoull(end + 1, &end, 16);
    }
}

static int counted_main(int argc, char **argv, char **environment) {
    const char *fail = getenv("ALLOCATIONS_FAIL");
    if (fail != NULL) {
        failure_read(fail);
    }
    (void)atexit(count_write);
    sites_file = file_make("ALLOCATIONS_SITES");
    atomic_store(&is_counting, true);
    return real_main(argc, argv, environment);
}

/* A function of libc as void *, taken without a cast that C11 does not know. */
static void next_find(void *function, const char *name) {
    *(void **)function = dlsym(RTLD_NEXT, name);
}

int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end) {
    int (*start)(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void),
                 void *);
    next_find(&start, "__libc_start_main");
    real_main = main;
    return start(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}

__attribute__((constructor)) static void real_find(void) {
    next_find((void *)&real_mmap, "mmap");
    next_find((void *)&real_mremap, "mremap");
    next_find((void *)&real_thread, "pthread_create");
    program = program_find();
}
