/* How far the files of a log have been read, and what that means for the next run: which files it
 * must read, from which record to which.
 */
#ifndef TIEFLOW_PIPELINE_LOG_FILES_H
#define TIEFLOW_PIPELINE_LOG_FILES_H

#include "schemas/status.h"
#include "stages/source/file_set.h"
#include "stages/state/generation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The extents of one log in some generation; lent. */
struct extents {
    const struct extent *items;
    size_t count;
};

/* One file or partition on its way: where it stands, and what the state knows of it. */
struct log_walk {
    const char *name;
    uint64_t record;      /* number of the record at hand, from 0 */
    uint64_t wanted_from; /* records below are done with, and passed over */
    uint64_t seen_below;  /* records below were looked at by an earlier night */
    uint64_t last_left;   /* the newest record of which something was left */
    struct extent extent; /* `first` and `left` of what this run leaves */
    bool has_left;
    bool is_new_topic; /* the state has a history, but not of this topic */
};

/* Leaves the record at hand to a later run; again for the same record does nothing. */
void log_walk_leave(struct log_walk *walk);

/* What is to be read of a file. */
struct file_plan {
    const char *path;     /* borrowed */
    uint64_t bytes;       /* of the file, as far as this run looks at it */
    uint64_t stop;        /* the first record that is not to be read; UINT64_MAX: all are */
    struct extent before; /* what the state knows; the name is the file's own, borrowed from path */
    bool is_idle;         /* nothing is to be read: the extent stays as it is */
};

/* Plans a file of `bytes` bytes by what a generation knows, and, where the date of another one is
 * repeated, to where that one read it (`repeated`; else NULL). FAILURE_DATA where the file is
 * smaller than it was. */
FALLIBLE file_plan_make(struct file_plan *plan, const struct extents *previous,
                        const struct extents *repeated, const char *path, uint64_t bytes,
                        struct err *err);

/* A walk from the file's first record. */
struct log_walk file_plan_walk(const struct file_plan *plan);

/* What is known of the file behind the walk; the name is borrowed from the path. FAILURE_DATA where
 * records are gone that were there before. */
FALLIBLE file_plan_close(const struct file_plan *plan, const struct log_walk *walk,
                         struct extent *after, struct err *err);

/* FAILURE_DATA where a file is not in the set that an earlier run has left records in, or that the
 * repeated generation read. */
FALLIBLE log_files_complete(const struct extents *previous, const struct extents *repeated,
                            const struct file_set *set, struct err *err);

#endif
