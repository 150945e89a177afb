#include "stages/source/file_set.h"

#include "schemas/limits.h"
#include "stages/base/utf8.h"

#include <stdlib.h>
#include <string.h>

void file_set_release(struct file_set *set) {
    names_release(&set->paths);
    free(set->bytes);
    *set = (struct file_set){0};
}

static bool has_ending(const char *name, size_t length, const char *ending) {
    size_t bytes = strlen(ending);
    return length > bytes && memcmp(name + length - bytes, ending, bytes) == 0;
}

static bool is_log_name(const char *name) {
    size_t length = strlen(name);
    if (name[0] == '.') {
        return false;
    }
    if (has_ending(name, length, ".zst")) {
        length -= 4;
    }
    return has_ending(name, length, ".csv") || has_ending(name, length, ".ndjson") ||
           has_ending(name, length, ".tfp") || has_ending(name, length, ".avro");
}

static struct status folder_add(struct file_set *set, const char *folder, struct err *err) {
    struct names inner = {0};
    struct status status = folder_list(folder, &inner, err);
    for (size_t i = 0; i < inner.count && !failed(status); i++) {
        if (!is_log_name(inner.items[i])) {
            continue;
        }
        char *path = NULL;
        enum path_kind kind = PATH_FREE;
        status = path_join(&path, folder, inner.items[i], err);
        if (!failed(status)) {
            status = path_look(path, &kind, err);
        }
        if (!failed(status) && kind != PATH_FOLDER) { /* a link to nowhere fails below */
            status = names_add(&set->paths, path, err);
        }
        free(path);
    }
    names_release(&inner);
    return status;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A state keeps names as JSON, which is UTF-8: another name would not be known again, and its file
 * read twice. */
static struct status name_check(const char *name, struct err *err) {
    size_t bytes = strlen(name);
    size_t step = 1;
    for (size_t at = 0; at < bytes && step != 0; at += step) {
        step = utf8_sequence(name + at, bytes - at);
    }
    return step != 0 ? status_ok()
                     : err_set(err, FAILURE_CONFIG,
                               "the name of the log file %s is not UTF-8: rename it, files are "
                               "known by name",
                               name);
}

/* Two files of one name could not be told apart in the state. */
static struct status names_check(const struct file_set *set, struct err *err) {
    size_t count = set->paths.count;
    const char **names = malloc(count * sizeof *names + 1);
    if (names == NULL) {
        return err_memory(err, count * sizeof *names, "a list of names");
    }
    struct status status = status_ok();
    for (size_t i = 0; i < count && !failed(status); i++) {
        names[i] = path_base(set->paths.items[i]);
        status = name_check(names[i], err);
    }
    if (failed(status)) {
        free(names);
        return status;
    }
    if (count > 1) {
        qsort(names, count, sizeof *names, compare_names);
    }
    for (size_t i = 1; i < count && !failed(status); i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            status = err_set(err, FAILURE_CONFIG,
                             "two log files are called %s: rename one, files are known by name",
                             names[i]);
        }
    }
    free(names);
    return status;
}

struct status file_set_find(struct file_set *set, const struct names *paths, struct err *err) {
    for (size_t i = 0; i < paths->count; i++) {
        enum path_kind kind;
        TRY(path_look(paths->items[i], &kind, err));
        if (kind == PATH_FOLDER) {
            TRY(folder_add(set, paths->items[i], err));
        } else {
            TRY(names_add(&set->paths, paths->items[i], err));
        }
    }
    if (set->paths.count > LIMIT_FILES) {
        return err_set(err, FAILURE_CONFIG, "%zu log files: over the limit of %d; join some",
                       set->paths.count, LIMIT_FILES);
    }
    set->bytes = calloc(set->paths.count + 1, sizeof *set->bytes);
    if (set->bytes == NULL) {
        return err_memory(err, set->paths.count * sizeof *set->bytes, "the log files");
    }
    for (size_t i = 0; i < set->paths.count; i++) {
        if (strcmp(set->paths.items[i], "-") != 0) {
            TRY(file_size(set->paths.items[i], &set->bytes[i], err));
        }
        set->total_bytes += set->bytes[i];
    }
    return names_check(set, err);
}

size_t file_set_index_of(const struct file_set *set, const char *name) {
    size_t i = 0;
    while (i < set->paths.count && strcmp(path_base(set->paths.items[i]), name) != 0) {
        i++;
    }
    return i;
}
