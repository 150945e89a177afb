#include "stages/base/files.h"

#include "schemas/limits.h"
#include "stages/base/stream.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void names_release(struct names *names) {
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i]);
    }
    free(names->items);
    *names = (struct names){0};
}

struct status names_add(struct names *names, const char *name, struct err *err) {
    char **items = reallocarray(names->items, names->count + 1, sizeof *items);
    if (items == NULL) {
        return err_memory(err, (names->count + 1) * sizeof *items, "a list of names");
    }
    names->items = items;
    items[names->count] = strdup(name);
    if (items[names->count] == NULL) {
        return err_memory(err, strlen(name), "a name");
    }
    names->count++;
    return status_ok();
}

struct status path_join(char **path, const char *folder, const char *name, struct err *err) {
    size_t length = strlen(folder);
    const char *separator = length > 0 && folder[length - 1] == '/' ? "" : "/";
    if (asprintf(path, "%s%s%s", folder, separator, name) < 0) {
        *path = NULL;
        return err_memory(err, length + strlen(name), "a path");
    }
    return status_ok();
}

const char *path_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

struct status path_look(const char *path, enum path_kind *kind, struct err *err) {
    struct stat stat_buffer;
    *kind = PATH_FREE;
    if (stat(path, &stat_buffer) == 0) {
        *kind = S_ISDIR(stat_buffer.st_mode) ? PATH_FOLDER : PATH_FILE;
    } else if (errno != ENOENT && errno != ENOTDIR) {
        return err_io(err, errno, "%s: cannot be looked at", path);
    }
    return status_ok();
}

struct status file_size(const char *path, uint64_t *bytes, struct err *err) {
    struct stat stat_buffer;
    if (stat(path, &stat_buffer) != 0) {
        return err_io(err, errno, "%s: cannot be looked at", path);
    }
    *bytes = (uint64_t)stat_buffer.st_size;
    return status_ok();
}

static struct status read_to_end(struct input *input, struct bytes *out, struct err *err) {
    size_t start = out->count;
    for (;;) {
        enum { STEP = 1 << 16 };
        size_t got;
        TRY(bytes_reserve(out, STEP, err));
        TRY(input_read(input, out->data + out->count, STEP, &got, err));
        out->count += got;
        if (out->count - start > LIMIT_DOCUMENT_BYTES) {
            return err_set(err, FAILURE_DATA, "%s: longer than %u bytes: not a document of tieflow",
                           input_name(input), LIMIT_DOCUMENT_BYTES);
        }
        if (got < STEP) {
            return status_ok();
        }
    }
}

struct status file_read_all(const char *path, struct bytes *out, struct err *err) {
    struct input *input;
    TRY(input_open(&input, path, err));
    struct status status = read_to_end(input, out, err);
    input_close(input);
    return status;
}

/* A folder that could not be made is fine where it is there. */
static struct status folder_expect(const char *path, int failure, struct err *err) {
    enum path_kind kind;
    TRY(path_look(path, &kind, err));
    if (kind == PATH_FOLDER) {
        return status_ok();
    }
    return failure == EEXIST
               ? err_set(err, FAILURE_IO,
                         "%s: the folder cannot be made: a file is in the way; move it, or name "
                         "another folder",
                         path)
               : err_io(err, failure, "%s: the folder cannot be made", path);
}

struct status folder_make(const char *path, struct err *err) {
    if (path[0] == '\0') { /* its files would land in the root folder */
        return err_set(err, FAILURE_IO, "the name of a folder is empty: give one, \".\" is here");
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        return err_memory(err, strlen(path), "a path");
    }
    struct status status = status_ok();
    for (char *at = copy; *at != '\0' && !failed(status); at++) {
        bool is_last = at[1] == '\0';
        if ((at[0] != '/' || at == copy) && !is_last) {
            continue;
        }
        char kept = at[0];
        at[0] = kept == '/' && at != copy ? '\0' : kept;
        int failure = mkdir(copy, 0777) != 0 ? errno : 0;
        if (failure != 0) {
            status = folder_expect(copy, failure, err);
        }
        at[0] = kept;
    }
    free(copy);
    return status;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct status folder_output(struct output **output, const char *folder, const char *name,
                            struct err *err) {
    char *path;
    TRY(path_join(&path, folder, name, err));
    struct status status = output_open(output, path, false, err);
    free(path);
    return status;
}

struct status folder_list(const char *path, struct names *names, struct err *err) {
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return err_io(err, errno, "%s: cannot be listed", path);
    }
    struct status status = status_ok();
    size_t first = names->count;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL) {
            if (errno != 0) {
                status = err_io(err, errno, "%s: cannot be listed", path);
            }
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        TRY_OR(done, status, names_add(names, entry->d_name, err));
    }
    if (names->count > first) {
        qsort(names->items + first, names->count - first, sizeof *names->items, compare_names);
    }
done:
    (void)closedir(folder);
    return status;
}

static struct status folder_open(const char *path, int *descriptor, struct err *err) {
    *descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*descriptor < 0) {
        return err_io(err, errno, "%s: cannot be opened", path);
    }
    return status_ok();
}

struct status folder_sync(const char *path, struct err *err) {
    int descriptor;
    TRY(folder_open(path, &descriptor, err));
    int failure = fsync(descriptor) != 0 ? errno : 0;
    (void)close(descriptor);
    if (failure != 0) {
        return err_io(err, failure, "%s: cannot be made durable", path);
    }
    return status_ok();
}

struct status disk_open(struct disk *disk, const char *folder, struct err *err) {
    TRY(folder_open(folder, &disk->descriptor, err));
    disk->is_open = true;
    disk->folder = folder;
    return status_ok();
}

struct status disk_sync(const struct disk *disk, struct err *err) {
    assert(disk->is_open);
    if (syncfs(disk->descriptor) != 0) {
        return err_io(err, errno, "%s: files in it cannot be made durable", disk->folder);
    }
    return status_ok();
}

void disk_close(struct disk *disk) {
    if (disk->is_open) {
        (void)close(disk->descriptor); /* nothing was written through it */
        disk->is_open = false;
    }
}

struct status folder_remove(const char *path, struct err *err) {
    enum path_kind kind;
    TRY(path_look(path, &kind, err));
    if (kind != PATH_FOLDER) {
        return status_ok();
    }
    struct names names = {0};
    char *inner = NULL;
    struct status status = folder_list(path, &names, err);
    for (size_t i = 0; i < names.count && !failed(status); i++) {
        TRY_OR(done, status, path_join(&inner, path, names.items[i], err));
        if (unlink(inner) != 0) {
            status = err_io(err, errno, "%s: cannot be removed", inner);
        }
        free(inner);
        inner = NULL;
    }
    if (!failed(status) && rmdir(path) != 0) {
        status = err_io(err, errno, "%s: cannot be removed", path);
    }
done:
    names_release(&names);
    return status;
}

static struct status parent_sync(const char *path, struct err *err) {
    char *parent = strdup(path);
    if (parent == NULL) {
        return err_memory(err, strlen(path), "a path");
    }
    char *slash = strrchr(parent, '/');
    if (slash == parent) {
        slash[1] = '\0';
    } else if (slash != NULL) {
        *slash = '\0';
    }
    struct status status = folder_sync(slash == NULL ? "." : parent, err);
    free(parent);
    return status;
}

struct status folder_exchange(const char *from, const char *to, struct err *err) {
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return status_ok();
    }
    if (errno != EEXIST) {
        return err_io(err, errno, "%s: cannot take the name %s", from, to);
    }
    enum path_kind kind;
    TRY(path_look(to, &kind, err));
    if (kind != PATH_FOLDER) {
        return err_set(err, FAILURE_IO, "%s: cannot take the name %s: a file is in the way", from,
                       to);
    }
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) != 0) {
        return err_io(err, errno, "%s: cannot take the name %s", from, to);
    }
    return status_ok();
}

struct status folder_publish(const char *from, const char *to, struct err *err) {
    TRY(folder_sync(from, err));
    TRY(folder_exchange(from, to, err));
    TRY(parent_sync(to, err));
    return folder_remove(from, err);
}

struct status file_move(const char *from_folder, const char *to_folder, const char *name,
                        struct err *err) {
    char *from = NULL;
    char *to = NULL;
    struct status status = path_join(&from, from_folder, name, err);
    if (!failed(status)) {
        status = path_join(&to, to_folder, name, err);
    }
    if (!failed(status) && rename(from, to) != 0) {
        status = err_io(err, errno, "%s: cannot be moved to %s", from, to);
    }
    free(from);
    free(to);
    return status;
}

struct status file_lock(const char *path, int *descriptor, struct err *err) {
    int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (opened < 0) {
        return err_io(err, errno, "%s: cannot be opened", path);
    }
    if (flock(opened, LOCK_EX | LOCK_NB) != 0) {
        int failure = errno;
        (void)close(opened);
        if (failure == EWOULDBLOCK) {
            return err_set(err, FAILURE_RETRY,
                           "%s: another run holds this state; wait for it to end and try again",
                           path);
        }
        return err_io(err, failure, "%s: cannot be locked", path);
    }
    *descriptor = opened;
    return status_ok();
}

void file_unlock(int descriptor) {
    (void)close(descriptor); /* ends the lock with the descriptor */
}
