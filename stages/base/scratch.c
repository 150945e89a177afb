/* One descriptor and no name. Rejected: a named file that is removed at the end, which a killed run
 * would leave behind at the size of a disk. */
#include "stages/base/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct scratch {
    char *folder; /* for messages */
    int descriptor;
};

/* For file systems that do not know files without a name; -1 and errno on failure. */
static int unlinked_open(const char *folder) {
    char *path;
    if (asprintf(&path, "%s/scratch.XXXXXX", folder) < 0) {
        errno = ENOMEM;
        return -1;
    }
    int descriptor = mkostemp(path, O_CLOEXEC);
    if (descriptor >= 0) {
        (void)unlink(path); /* it has just been made */
    }
    free(path);
    return descriptor;
}

struct status scratch_open(struct scratch **scratch, const char *folder, struct err *err) {
    struct scratch *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "a scratch file");
    }
    made->folder = strdup(folder);
    if (made->folder == NULL) {
        free(made);
        return err_memory(err, strlen(folder), "a scratch file");
    }
    made->descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (made->descriptor < 0) {
        made->descriptor = unlinked_open(folder);
    }
    if (made->descriptor < 0) {
        int failure = errno;
        free(made->folder);
        free(made);
        return err_io(err, failure, "%s: no scratch file can be made there", folder);
    }
    *scratch = made;
    return status_ok();
}

void scratch_close(struct scratch *scratch) {
    if (scratch != NULL) {
        (void)close(scratch->descriptor); /* nobody wants its contents */
        free(scratch->folder);
        free(scratch);
    }
}

struct status scratch_write(struct scratch *scratch, uint64_t offset, const void *data,
                            size_t bytes, struct err *err) {
    const char *from = data;
    size_t done = 0;
    while (done < bytes) {
        ssize_t put =
            pwrite(scratch->descriptor, from + done, bytes - done, (off_t)(offset + done));
        if (put < 0 && errno != EINTR) {
            return err_io(err, errno,
                          "%s: the scratch file cannot be extended to %llu bytes (with more "
                          "--memory it is smaller), nothing was published",
                          scratch->folder, (unsigned long long)offset + bytes);
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return status_ok();
}

struct status scratch_read(const struct scratch *scratch, uint64_t offset, void *data, size_t bytes,
                           struct err *err) {
    char *to = data;
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = pread(scratch->descriptor, to + done, bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_io(err, errno, "%s: the scratch file cannot be read at byte %llu",
                          scratch->folder, (unsigned long long)offset + done);
        }
        if (got == 0) {
            return err_set(err, FAILURE_IO,
                           "%s: the scratch file cannot be read at byte %llu: it has been cut",
                           scratch->folder, (unsigned long long)offset + done);
        }
        done += (size_t)got;
    }
    return status_ok();
}

void scratch_forget(struct scratch *scratch, uint64_t offset, uint64_t bytes) {
    if (bytes > 0) {
        /* Where it cannot be done the space comes back when the file is closed. */
        (void)fallocate(scratch->descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        (off_t)offset, (off_t)bytes);
    }
}

void scratch_uncache(const struct scratch *scratch) {
    (void)posix_fadvise(scratch->descriptor, 0, 0, POSIX_FADV_DONTNEED); /* a hint */
}
