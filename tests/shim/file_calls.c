/* Numbers what a process does to its files, and makes the n-th of these calls the last one, or
 * fail. Loaded in front of libc:
 *
 *     FILE_CALLS_UNDER=/tmp/x FILE_CALLS_FIRST=7 FILE_CALLS_ACTION=kill-before \
 *         LD_PRELOAD=build/tests/shim/file_calls.so build/tieflow run ...
 *
 * Counted, from 1, are calls about files below one folder: by their path, or by what their
 * descriptor stands for. All threads share the numbers, and a counted call ends before the next one
 * starts: the order of the log is the order in which things happened.
 *
 * VARIABLE            MEANING
 * FILE_CALLS_UNDER    the folder, an absolute path without symbolic links; required
 * FILE_CALLS_KINDS    which calls are counted, with commas; "changes" where it is not set:
 *                       changes  open that creates, truncates or lets write, mkostemp, write,
 *                                pwrite, fsync, fdatasync, syncfs, rename, renameat2, unlink,
 * rmdir, mkdir, fallocate opens    every other open, opendir, dup reads    read, pread, readdir
 *                       looks    stat
 * FILE_CALLS_LOG      a file that gets one line per call at its end (before it, if it is killed
 *                     there): the fields below, with tabs between them. Takes one descriptor
 * FILE_CALLS_DATA     a folder; the file "n" in it gets the bytes that write or pwrite n wrote
 * FILE_CALLS_FIRST    the call to do something about; none where it is not set
 * FILE_CALLS_LAST     do it about those up to this one too; 0: about all that follow
 * FILE_CALLS_STEP     but only about every so manieth of them (1)
 * FILE_CALLS_NAMES    but only about calls of these names, with commas (those in between are
 *                     counted all the same)
 * FILE_CALLS_ACTION   kill-before  SIGKILL in place of the call
 *                     kill-amid    SIGKILL when half of the bytes are written or read; with calls
 *                                  that have none, behind the call
 *                     kill-after   SIGKILL behind the call
 *                     fail         the call does nothing and fails
 *                     short        reads or writes half of its bytes (one byte at least)
 * FILE_CALLS_ERROR    the number of the error with which it fails (EIO)
 *
 * FIELD       OF A LINE OF THE LOG
 * number      of the call
 * name        of the function, open64 and pwrite64 without the 64
 * result      what it returned: a descriptor, a number of bytes, 0 or -1; "killed" if it never ran
 * error       errno where it failed, else 0
 * descriptor  that it was about or that it opened, else -1
 * inode       of the file: that it opened or made, else that it was about before the call; 0: none
 * flags       of open, renameat2; mode of fallocate
 * offset      at which it wrote or read, else -1
 * length      bytes that it was asked to write, read or allocate
 * path        of the file; where it has no name, as /proc/self/fd shows it
 * path        that a rename gives it
 * sites       of the program that led to it, innermost first (sites.h)
 *
 * Not seen: mapped files and stdio, which tieflow uses for what is not its own (/proc, terminals);
 * tests/cli/test_file_calls.py fails once it calls what could change a file unseen. */
#include "tests/shim/sites.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind { CHANGES = 1, OPENS = 2, READS = 4, LOOKS = 8 };
enum action { KILL_BEFORE, KILL_AMID, KILL_AFTER, FAIL, SHORT };

static const char *const kind_names[] = {"changes", "opens", "reads", "looks", NULL};
static const char *const action_names[] = {"kill-before", "kill-amid", "kill-after",
                                           "fail",        "short",     NULL};

/* What the environment says; set before the program starts, then only read. */
static struct {
    const char *under; /* NULL: count nothing */
    unsigned kinds;
    int log; /* -1: none */
    const char *data;
    uint64_t first; /* 0: do nothing */
    uint64_t last;
    uint64_t step;
    const char *names;
    enum action action;
    int error;
} settings = {.log = -1};

static struct program program;

/* Held from the beginning to the end of a counted call. */
static pthread_mutex_t one_call = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_number;

/* One call, from its arguments to its end. */
struct call {
    const char *name;
    enum kind kind;
    int descriptor; /* -1: it is about a path */
    int flags;
    int64_t offset;
    size_t length;
    const void *written; /* NULL: it does not write */
    char path[PATH_MAX];
    char other[PATH_MAX]; /* empty: it has only one */
    uint64_t number;      /* 0: not counted */
    uint64_t inode;
    bool is_chosen;
};

static void complain(const char *variable) {
    static const char text[] = ": file_calls.so cannot make sense of it\n";
    (void)syscall(SYS_write, STDERR_FILENO, variable, strlen(variable));
    (void)syscall(SYS_write, STDERR_FILENO, text, sizeof text - 1);
    _exit(99);
}

static uint64_t number_of(const char *variable, uint64_t otherwise) {
    const char *text = getenv(variable);
    if (text == NULL) {
        return otherwise;
    }
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') {
        complain(variable);
    }
    return value;
}

/* Whether a list with commas has the name. */
static bool has_name(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += length) {
        bool begins = at == list || at[-1] == ',';
        if (begins && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* A bit for each name of `names` that the list has. */
static unsigned bits_of(const char *variable, const char *list, const char *const *names) {
    unsigned bits = 0;
    for (unsigned i = 0; names[i] != NULL; i++) {
        bits |= has_name(list, names[i]) ? 1U << i : 0;
    }
    if (bits == 0) {
        complain(variable);
    }
    return bits;
}

__attribute__((constructor)) static void settings_read(void) {
    const char *log = getenv("FILE_CALLS_LOG");
    const char *kinds = getenv("FILE_CALLS_KINDS");
    const char *action = getenv("FILE_CALLS_ACTION");
    const char *under = getenv("FILE_CALLS_UNDER");
    if (under == NULL || under[0] != '/') {
        complain("FILE_CALLS_UNDER");
    }
    settings.kinds = bits_of("FILE_CALLS_KINDS", kinds == NULL ? "changes" : kinds, kind_names);
    settings.data = getenv("FILE_CALLS_DATA");
    settings.first = number_of("FILE_CALLS_FIRST", 0);
    settings.last = number_of("FILE_CALLS_LAST", settings.first);
    settings.step = number_of("FILE_CALLS_STEP", 1);
    settings.names = getenv("FILE_CALLS_NAMES");
    settings.error = (int)number_of("FILE_CALLS_ERROR", EIO);
    if (settings.step == 0) {
        complain("FILE_CALLS_STEP");
    }
    if (settings.first != 0) {
        unsigned bits = bits_of("FILE_CALLS_ACTION", action == NULL ? "" : action, action_names);
        settings.action = (enum action)__builtin_ctz(bits);
    }
    if (log != NULL) {
        settings.log = (int)syscall(SYS_openat, AT_FDCWD, log,
                                    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (settings.log < 0) {
            complain("FILE_CALLS_LOG");
        }
    }
    program = program_find();
    settings.under = under; /* from here on calls are counted */
}

/* The absolute path of a name that is relative to a folder, or to where the process is. */
static void path_fill(char path[PATH_MAX], int folder, const char *name) {
    char link[64];
    size_t length = 0;
    if (name[0] != '/') {
        (void)snprintf(link, sizeof link,
                       folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        ssize_t got = readlink(link, path, PATH_MAX - 1);
        length = got < 0 ? 0 : (size_t)got;
        if (length > 0 && length < PATH_MAX - 1 && name[0] != '\0') {
            path[length++] = '/';
        }
    }
    (void)snprintf(path + length, PATH_MAX - length, "%s", name);
}

static struct call by_path(const char *name, enum kind kind, int folder, const char *path) {
    struct call call = {.name = name, .kind = kind, .descriptor = -1, .offset = -1};
    path_fill(call.path, folder, path);
    return call;
}

static struct call by_descriptor(const char *name, enum kind kind, int descriptor) {
    struct call call = {.name = name, .kind = kind, .descriptor = descriptor, .offset = -1};
    path_fill(call.path, descriptor, "");
    return call;
}

static bool is_below(const char *path) {
    size_t length = strlen(settings.under);
    return strncmp(path, settings.under, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

/* 0 where there is none. */
static uint64_t inode_of(int descriptor, const char *path) {
    struct stat found;
    return (descriptor >= 0 ? fstat(descriptor, &found) : lstat(path, &found)) == 0 ? found.st_ino
                                                                                    : 0;
}

static void line_log(const struct call *call, const char *result, int failure) {
    char line[2 * PATH_MAX + 256 + 20 * SITES];
    size_t sites[SITES];
    if (settings.log < 0) {
        return;
    }
    int length = snprintf(line, sizeof line, "%llu\t%s\t%s\t%d\t%d\t%llu\t%d\t%lld\t%zu\t%s\t%s\t",
                          (unsigned long long)call->number, call->name, result, failure,
                          call->descriptor, (unsigned long long)call->inode, call->flags,
                          (long long)call->offset, call->length, call->path, call->other);
    size_t count = sites_of(&program, sites);
    for (size_t i = 0; i < count; i++) {
        length += sprintf(line + length, "%s%zx", i == 0 ? "" : " ", sites[i]);
    }
    line[length++] = '\n';
    if (syscall(SYS_write, settings.log, line, length) != length) {
        complain("FILE_CALLS_LOG");
    }
}

static void data_keep(const struct call *call, size_t bytes) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%llu", settings.data, (unsigned long long)call->number);
    int file =
        (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0 || syscall(SYS_write, file, call->written, bytes) != (long)bytes) {
        complain("FILE_CALLS_DATA");
    }
    (void)syscall(SYS_close, file);
}

static void die(void) {
    (void)kill(getpid(), SIGKILL);
    (void)pause();
}

static bool choose(const struct call *call) {
    return settings.first != 0 && call->number >= settings.first &&
           (settings.last == 0 || call->number <= settings.last) &&
           (call->number - settings.first) % settings.step == 0 &&
           (settings.names == NULL || has_name(settings.names, call->name));
}

/* Counts the call; false, with errno, where it must fail. */
static bool begin(struct call *call) {
    bool is_named = call->other[0] != '\0' && is_below(call->other);
    if (settings.under == NULL || (settings.kinds & call->kind) == 0 ||
        (!is_named && !is_below(call->path))) {
        return true;
    }
    int kept = errno;
    (void)pthread_mutex_lock(&one_call);
    call->number = ++last_number;
    call->inode = inode_of(call->descriptor, call->path);
    if (call->offset == -1 && call->length > 0 && call->descriptor >= 0) {
        call->offset = syscall(SYS_lseek, call->descriptor, 0, SEEK_CUR);
    }
    call->is_chosen = choose(call);
    errno = kept;
    if (!call->is_chosen) {
        return true;
    }
    if (settings.action == KILL_BEFORE) {
        line_log(call, "killed", 0);
        die();
    }
    if (settings.action == KILL_AMID || settings.action == SHORT) {
        call->length = (call->length + 1) / 2;
    }
    if (settings.action == FAIL) {
        errno = settings.error;
    }
    return settings.action != FAIL;
}

/* Ends a call that returned this; `opened` is the descriptor that it made, or -1. */
static void finish(struct call *call, long result, int opened) {
    char text[32];
    int failure = errno;
    if (call->number == 0) {
        return;
    }
    if (opened >= 0) {
        call->descriptor = opened;
        call->inode = inode_of(opened, call->path);
    } else if (call->inode == 0) {
        call->inode = inode_of(call->descriptor, call->path);
    }
    if (call->written != NULL && result > 0 && settings.data != NULL) {
        data_keep(call, (size_t)result);
    }
    (void)snprintf(text, sizeof text, "%ld", result);
    line_log(call, text, result < 0 ? failure : 0);
    if (call->is_chosen && (settings.action == KILL_AMID || settings.action == KILL_AFTER)) {
        die();
    }
    (void)pthread_mutex_unlock(&one_call);
    errno = failure;
}

static long end(struct call *call, long result) {
    finish(call, result, -1);
    return result;
}

/* The function that libc has under this name. */
static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        complain(name);
    }
    return found;
}

/* --- opens --- */

static int open_any(int folder, const char *path, int flags, mode_t mode) {
    bool writes = (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_ACCMODE) != O_RDONLY;
    struct call call = by_path("open", writes ? CHANGES : OPENS, folder, path);
    call.flags = flags;
    int opened = begin(&call) ? (int)syscall(SYS_openat, folder, path, flags, mode) : -1;
    finish(&call, opened, opened);
    return opened;
}

/* The third argument is there only if a file may be made. */
#define MODE_OF(flags, mode)                                                                       \
    do {                                                                                           \
        if (((flags)&O_CREAT) != 0 || ((flags)&O_TMPFILE) == O_TMPFILE) {                          \
            va_list rest;                                                                          \
            va_start(rest, flags);                                                                 \
            (mode) = va_arg(rest, mode_t);                                                         \
            va_end(rest);                                                                          \
        }                                                                                          \
    } while (0)

int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    MODE_OF(flags, mode);
    return open_any(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    mode_t mode = 0;
    MODE_OF(flags, mode);
    return open_any(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    mode_t mode = 0;
    MODE_OF(flags, mode);
    return open_any(folder, path, flags, mode);
}

int mkostemp(char *path, int flags) {
    int (*make)(char *, int) = (int (*)(char *, int))next("mkostemp");
    struct call call = by_path("mkostemp", CHANGES, AT_FDCWD, path);
    call.flags = flags;
    int opened = begin(&call) ? make(path, flags) : -1;
    if (opened >= 0) {
        path_fill(call.path, AT_FDCWD, path); /* which is known only now */
    }
    finish(&call, opened, opened);
    return opened;
}

DIR *opendir(const char *path) {
    DIR *(*list)(const char *) = (DIR * (*)(const char *)) next("opendir");
    struct call call = by_path("opendir", OPENS, AT_FDCWD, path);
    DIR *opened = begin(&call) ? list(path) : NULL;
    finish(&call, opened == NULL ? -1 : 0, opened == NULL ? -1 : dirfd(opened));
    return opened;
}

int dup(int descriptor) {
    struct call call = by_descriptor("dup", OPENS, descriptor);
    int opened = begin(&call) ? (int)syscall(SYS_dup, descriptor) : -1;
    finish(&call, opened, opened);
    return opened;
}

/* --- bytes --- */

ssize_t write(int descriptor, const void *data, size_t bytes) {
    struct call call = by_descriptor("write", CHANGES, descriptor);
    call.length = bytes;
    call.written = data;
    return end(&call, begin(&call) ? syscall(SYS_write, descriptor, data, call.length) : -1);
}

ssize_t pwrite(int descriptor, const void *data, size_t bytes, off_t offset) {
    struct call call = by_descriptor("pwrite", CHANGES, descriptor);
    call.length = bytes;
    call.offset = offset;
    call.written = data;
    return end(&call,
               begin(&call) ? syscall(SYS_pwrite64, descriptor, data, call.length, offset) : -1);
}

ssize_t pwrite64(int descriptor, const void *data, size_t bytes, off_t offset) {
    return pwrite(descriptor, data, bytes, offset);
}

ssize_t read(int descriptor, void *data, size_t bytes) {
    struct call call = by_descriptor("read", READS, descriptor);
    call.length = bytes;
    return end(&call, begin(&call) ? syscall(SYS_read, descriptor, data, call.length) : -1);
}

ssize_t pread(int descriptor, void *data, size_t bytes, off_t offset) {
    struct call call = by_descriptor("pread", READS, descriptor);
    call.length = bytes;
    call.offset = offset;
    return end(&call,
               begin(&call) ? syscall(SYS_pread64, descriptor, data, call.length, offset) : -1);
}

ssize_t pread64(int descriptor, void *data, size_t bytes, off_t offset) {
    return pread(descriptor, data, bytes, offset);
}

struct dirent *readdir(DIR *folder) {
    struct dirent *(*step)(DIR *) = (struct dirent * (*)(DIR *)) next("readdir");
    struct call call = by_descriptor("readdir", READS, dirfd(folder));
    struct dirent *entry = begin(&call) ? step(folder) : NULL;
    finish(&call, entry != NULL ? 1 : errno == 0 ? 0 : -1, -1);
    return entry;
}

int fallocate(int descriptor, int mode, off_t offset, off_t bytes) {
    struct call call = by_descriptor("fallocate", CHANGES, descriptor);
    call.flags = mode;
    call.offset = offset;
    call.length = (size_t)bytes;
    return (int)end(&call,
                    begin(&call) ? syscall(SYS_fallocate, descriptor, mode, offset, bytes) : -1);
}

/* --- durability --- */

static int sync_any(const char *name, long number, int descriptor) {
    struct call call = by_descriptor(name, CHANGES, descriptor);
    return (int)end(&call, begin(&call) ? syscall(number, descriptor) : -1);
}

int fsync(int descriptor) {
    return sync_any("fsync", SYS_fsync, descriptor);
}

int fdatasync(int descriptor) {
    return sync_any("fdatasync", SYS_fdatasync, descriptor);
}

int syncfs(int descriptor) {
    return sync_any("syncfs", SYS_syncfs, descriptor);
}

/* --- names --- */

static int rename_any(const char *name, int from_folder, const char *from, int to_folder,
                      const char *to, unsigned flags) {
    struct call call = by_path(name, CHANGES, from_folder, from);
    path_fill(call.other, to_folder, to);
    call.flags = (int)flags;
    return (int)end(
        &call, begin(&call) ? syscall(SYS_renameat2, from_folder, from, to_folder, to, flags) : -1);
}

int rename(const char *from, const char *to) {
    return rename_any("rename", AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    return rename_any("renameat2", from_folder, from, to_folder, to, flags);
}

static int remove_any(const char *name, const char *path, int flags) {
    struct call call = by_path(name, CHANGES, AT_FDCWD, path);
    return (int)end(&call, begin(&call) ? syscall(SYS_unlinkat, AT_FDCWD, path, flags) : -1);
}

int unlink(const char *path) {
    return remove_any("unlink", path, 0);
}

int rmdir(const char *path) {
    return remove_any("rmdir", path, AT_REMOVEDIR);
}

int mkdir(const char *path, mode_t mode) {
    struct call call = by_path("mkdir", CHANGES, AT_FDCWD, path);
    return (int)end(&call, begin(&call) ? syscall(SYS_mkdirat, AT_FDCWD, path, mode) : -1);
}

int stat(const char *path, struct stat *found) {
    struct call call = by_path("stat", LOOKS, AT_FDCWD, path);
    return (int)end(&call, begin(&call) ? fstatat(AT_FDCWD, path, found, 0) : -1);
}
