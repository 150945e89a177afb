/* Generations share most of their files, so each file is read once however many name it. They are
 * set aside from the newest back: a crash on the way leaves a state whose newest is one of the
 * damaged, which is found again. */
#include "stages/state/recovery.h"

#include "stages/base/files.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Files that have been read and were what their manifest said. */
static bool is_among(const struct names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* A missing file is damage like any other; one that cannot be looked at is none. */
static struct status file_verify(const struct state *state, const struct state_file *file,
                                 struct err *err) {
    char *path;
    TRY(state_path(state, file->name, &path, err));
    enum path_kind kind;
    struct status status = path_look(path, &kind, err);
    if (!failed(status)) {
        status = kind == PATH_FILE ? state_verify_file(state, file, err)
                                   : err_set(err, FAILURE_DATA, "%s: the file is missing", path);
    }
    free(path);
    return status;
}

/* FAILURE_DATA where the generation is damaged. */
static struct status generation_verify(const struct state *state, int64_t date_ms,
                                       struct names *sound, struct err *err) {
    struct generation generation = {0};
    const struct state_file *file;
    struct status status = state_read(state, date_ms, &generation, err);
    for (size_t i = 0; !failed(status) && (file = generation_file(&generation, i)) != NULL; i++) {
        if (is_among(sound, file->name)) {
            continue;
        }
        TRY_OR(done, status, file_verify(state, file, err));
        status = names_add(sound, file->name, err);
    }
done:
    generation_release(&generation);
    return status;
}

struct status recovery_find(const struct state *state, struct recovery *recovery, struct err *err) {
    struct names sound = {0};
    struct status status = status_ok();
    *recovery = (struct recovery){0};
    for (size_t i = state->date_count; i-- > 0 && !recovery->is_found;) {
        struct err damage = {0};
        struct status found = generation_verify(state, state->dates_ms[i], &sound, &damage);
        if (failed(found) && found.failure != FAILURE_DATA) {
            status = err_set(err, found.failure, "%s", damage.text);
            break;
        }
        bool is_newest = i + 1 == state->date_count;
        if (failed(found) && is_newest) {
            memcpy(recovery->text, damage.text, sizeof recovery->text);
        }
        if (!failed(found)) {
            recovery->is_found = true;
            recovery->is_newest = is_newest;
            recovery->date_ms = state->dates_ms[i];
        }
    }
    names_release(&sound);
    return status;
}

struct status recovery_set_aside(struct state *state, const struct recovery *recovery,
                                 struct err *err) {
    assert(recovery->is_found);
    while (state_newest(state) != recovery->date_ms) {
        TRY(state_set_aside(state, state_newest(state), err));
    }
    return status_ok();
}
