#include "pipeline/log_files.h"

#include "stages/base/files.h"

#include <inttypes.h>

void log_walk_leave(struct log_walk *walk) {
    if (walk->has_left && walk->last_left == walk->record) {
        return; /* another event of the same record */
    }
    if (!walk->has_left) {
        walk->extent.first = walk->record;
        walk->has_left = true;
    }
    walk->last_left = walk->record;
    walk->extent.left++;
}

/* What is known about a file, checked against the file itself. */
static struct status known_find(const struct extents *known, const char *name, const char *path,
                                uint64_t bytes, struct extent *extent, struct err *err) {
    const struct extent *found =
        known == NULL ? NULL : extent_find(known->items, known->count, name);
    *extent = (struct extent){0};
    if (found != NULL) {
        *extent = *found;
    }
    if (bytes < extent->bytes) {
        return err_set(
            err, FAILURE_DATA,
            "%s: %" PRIu64 " bytes, but an earlier run read %" PRIu64
            ": the log was cut or replaced; bring the old file back, or give the new one "
            "another name",
            path, bytes, extent->bytes);
    }
    return status_ok();
}

struct status file_plan_make(struct file_plan *plan, const struct extents *previous,
                             const struct extents *repeated, const char *path, uint64_t bytes,
                             struct err *err) {
    const char *name = path_base(path);
    struct extent pinned;
    *plan = (struct file_plan){.path = path, .bytes = bytes, .stop = UINT64_MAX};
    TRY(known_find(previous, name, path, bytes, &plan->before, err));
    TRY(known_find(repeated, name, path, bytes, &pinned, err));
    const struct extent *before = &plan->before;
    plan->before.name = (char *)(uintptr_t)name; /* borrowed from the path */
    plan->is_idle = before->end != 0 && before->left == 0 && before->bytes == bytes;
    if (repeated != NULL) {
        plan->stop = pinned.end;
        plan->bytes = pinned.bytes;
        plan->is_idle |= plan->stop == 0 || plan->stop == before->first;
    }
    return status_ok();
}

struct log_walk file_plan_walk(const struct file_plan *plan) {
    return (struct log_walk){
        .name = plan->before.name,
        .wanted_from = plan->before.first,
        .seen_below = plan->before.end,
    };
}

struct status file_plan_close(const struct file_plan *plan, const struct log_walk *walk,
                              struct extent *after, struct err *err) {
    bool is_repeat = plan->stop != UINT64_MAX;
    if (walk->record < plan->before.end || (is_repeat && walk->record < plan->stop)) {
        return err_set(err, FAILURE_DATA,
                       "%s: %" PRIu64 " records, but an earlier run read %" PRIu64
                       ": the log was replaced; bring the old file back",
                       plan->path, walk->record, is_repeat ? plan->stop : plan->before.end);
    }
    *after = (struct extent){
        .name = plan->before.name,
        .first = walk->has_left ? walk->extent.first : walk->record,
        .end = walk->record,
        .left = walk->extent.left,
        .bytes = plan->bytes,
    };
    return status_ok();
}

static bool is_among(const struct file_set *set, const char *name) {
    return file_set_index_of(set, name) != set->paths.count;
}

struct status log_files_complete(const struct extents *previous, const struct extents *repeated,
                                 const struct file_set *set, struct err *err) {
    for (size_t i = 0; i < previous->count; i++) {
        const struct extent *extent = &previous->items[i];
        if (extent->left != 0 && !is_among(set, extent->name)) {
            return err_set(err, FAILURE_DATA,
                           "%s: %" PRIu64
                           " of its records were left for later dates, but it is not "
                           "among the logs: add it",
                           extent->name, extent->left);
        }
    }
    for (size_t i = 0; repeated != NULL && i < repeated->count; i++) {
        const struct extent *extent = &repeated->items[i];
        const struct extent *before = extent_find(previous->items, previous->count, extent->name);
        bool is_needed = before == NULL ? extent->end != 0 : extent->end != before->first;
        if (is_needed && !is_among(set, extent->name)) {
            return err_set(err, FAILURE_DATA,
                           "%s: this date was computed from it, but it is not among the logs",
                           extent->name);
        }
    }
    return status_ok();
}
