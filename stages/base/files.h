/* Folders, names and the steps that make a change survive a crash. */
#ifndef TIEFLOW_STAGES_BASE_FILES_H
#define TIEFLOW_STAGES_BASE_FILES_H

#include "schemas/status.h"
#include "stages/base/bytes.h"
#include "stages/base/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A list of names; new memory, owned by the list. */
struct names {
    char **items;
    size_t count;
};
void names_release(struct names *names);
/* Copies `name` to the end. */
FALLIBLE names_add(struct names *names, const char *name, struct err *err);

/* "folder/name" in new memory, which the caller frees; *path is NULL on failure. */
FALLIBLE path_join(char **path, const char *folder, const char *name, struct err *err);

/* The last component of a path: lent from it. */
const char *path_base(const char *path);

/* What has this name, links followed. */
enum path_kind { PATH_FREE, PATH_FILE, PATH_FOLDER };

/* Nothing may be concluded from a look that failed: FAILURE_IO where it cannot be told. */
FALLIBLE path_look(const char *path, enum path_kind *kind, struct err *err);

/* Bytes of the file; FAILURE_IO where there is none. */
FALLIBLE file_size(const char *path, uint64_t *bytes, struct err *err);

/* Appends the whole file to `out`; FAILURE_DATA above LIMIT_DOCUMENT_BYTES. */
FALLIBLE file_read_all(const char *path, struct bytes *out, struct err *err);

/* Makes the folder and the ones above it; fine where it exists. */
FALLIBLE folder_make(const char *path, struct err *err);

/* Starts the plain file `name` in a folder that exists (output_open). */
FALLIBLE folder_output(struct output **output, const char *folder, const char *name,
                       struct err *err);

/* The entries of a folder in byte order of their names, "." and ".." left out. */
FALLIBLE folder_list(const char *path, struct names *names, struct err *err);

/* Makes the folder's entries durable. */
FALLIBLE folder_sync(const char *path, struct err *err);

/* The file system that holds a folder, for making many files durable in one step: cheaper than a
 * sync for each. Zero-initialised storage is none. */
struct disk {
    int descriptor;
    bool is_open;
    const char *folder; /* borrowed */
};

/* To be done before the first of the files is written: what fails to be written from then on is
 * told by disk_sync, whoever else syncs meanwhile. */
FALLIBLE disk_open(struct disk *disk, const char *folder, struct err *err);

/* Makes all that was written so far durable: contents and names. FAILURE_IO where any was lost. */
FALLIBLE disk_sync(const struct disk *disk, struct err *err);
void disk_close(struct disk *disk);

/* Removes the folder and the plain files in it, one level down at most (what tieflow itself
 * makes); fine where there is none. */
FALLIBLE folder_remove(const char *path, struct err *err);

/* Gives the folder `from` the name `to` in one atomic step and makes that durable. Where `to`
 * exists the two are exchanged and the old one is removed. */
FALLIBLE folder_publish(const char *from, const char *to, struct err *err);

/* The first step of it alone: what is in `from` is durable already. Nothing is synced, and where
 * `to` exists the old one stays behind under the name `from`. */
FALLIBLE folder_exchange(const char *from, const char *to, struct err *err);

/* Moves the file `name` from one folder to another of the same file system, over one of that name.
 */
FALLIBLE file_move(const char *from_folder, const char *to_folder, const char *name,
                   struct err *err);

/* Takes an exclusive lock on `path`, made where missing; *descriptor holds it until
 * file_unlock or the end of the process. FAILURE_RETRY where another process has it. */
FALLIBLE file_lock(const char *path, int *descriptor, struct err *err);
void file_unlock(int descriptor);

#endif
