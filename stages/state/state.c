#include "stages/state/state.h"

#include "stages/base/checksum.h"
#include "stages/base/files.h"
#include "stages/base/number.h"
#include "stages/base/stream.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char next_name[] = ".next";
static const char generation_prefix[] = "gen-";

void state_generation_name(int64_t date_ms, char name[STATE_NAME_BYTES]) {
    char date[DATE_TEXT_BYTES];
    date_format(date_ms, date);
    (void)snprintf(name, STATE_NAME_BYTES, "%s%s", generation_prefix, date);
}

/* False for a name that state_generation_name does not make. */
static bool generation_name_parse(const char *name, int64_t *date_ms) {
    size_t length = strlen(generation_prefix);
    return strncmp(name, generation_prefix, length) == 0 && date_parse(name + length, date_ms);
}

struct status state_path(const struct state *state, const char *name, char **path,
                         struct err *err) {
    return path_join(path, state->folder, name, err);
}

static const char manifest_name[] = "manifest.json";
static const char aside_name[] = "manifest.damaged"; /* of a generation that was set aside */

/* The path of a file in a generation's folder, in new memory. */
static struct status inner_path(const struct state *state, const char *generation_name,
                                const char *file_name, char **path, struct err *err) {
    char name[STATE_NAME_BYTES * 2];
    (void)snprintf(name, sizeof name, "%s/%s", generation_name, file_name);
    return state_path(state, name, path, err);
}

static struct status manifest_path(const struct state *state, const char *generation_name,
                                   char **path, struct err *err) {
    return inner_path(state, generation_name, manifest_name, path, err);
}

static struct status date_add(int64_t **dates_ms, size_t *count, int64_t date_ms, struct err *err) {
    int64_t *grown = reallocarray(*dates_ms, *count + 1, sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, (*count + 1) * sizeof *grown, "the generations");
    }
    *dates_ms = grown;
    grown[(*count)++] = date_ms;
    return status_ok();
}

/* Whether the generation's folder has this file. */
static struct status folder_has(const struct state *state, const char *generation_name,
                                const char *file_name, bool *has_it, struct err *err) {
    char *path;
    enum path_kind kind = PATH_FREE;
    TRY(inner_path(state, generation_name, file_name, &path, err));
    struct status status = path_look(path, &kind, err);
    *has_it = kind == PATH_FILE;
    free(path);
    return status;
}

/* Lists one; a folder without either manifest is there for files that others need. */
static struct status generation_list(struct state *state, const char *name, int64_t date_ms,
                                     struct err *err) {
    bool has_it;
    TRY(folder_has(state, name, manifest_name, &has_it, err));
    if (has_it) {
        return date_add(&state->dates_ms, &state->date_count, date_ms, err);
    }
    TRY(folder_has(state, name, aside_name, &has_it, err));
    return has_it ? date_add(&state->aside_ms, &state->aside_count, date_ms, err) : status_ok();
}

/* Lists the generations; the names sort by date. */
static struct status generations_list(struct state *state, struct err *err) {
    struct names names = {0};
    state->date_count = 0;
    state->aside_count = 0;
    struct status status = folder_list(state->folder, &names, err);
    for (size_t i = 0; i < names.count && !failed(status); i++) {
        int64_t date_ms;
        if (generation_name_parse(names.items[i], &date_ms)) {
            status = generation_list(state, names.items[i], date_ms, err);
        }
    }
    names_release(&names);
    return status;
}

struct status state_open(struct state *state, const char *folder, bool for_writing,
                         struct err *err) {
    state->lock = -1;
    state->folder = strdup(folder);
    if (state->folder == NULL) {
        return err_memory(err, strlen(folder), "a path");
    }
    if (for_writing) {
        TRY(folder_make(folder, err));
        char *lock_path;
        TRY(state_path(state, "lock", &lock_path, err));
        struct status status = file_lock(lock_path, &state->lock, err);
        free(lock_path);
        TRY(status);
        TRY(state_abandon(state, err));
        return generations_list(state, err);
    }
    enum path_kind kind;
    TRY(path_look(folder, &kind, err));
    if (kind != PATH_FOLDER) {
        return err_set(err, FAILURE_IO,
                       "%s: there is no state here; 'tieflow run --state %s' or "
                       "'tieflow backfill --state %s' makes one",
                       folder, folder, folder);
    }
    return generations_list(state, err);
}

void state_close(struct state *state) {
    if (state->folder != NULL && state->lock >= 0) {
        file_unlock(state->lock);
    }
    free(state->folder);
    free(state->dates_ms);
    free(state->aside_ms);
    *state = (struct state){.lock = -1};
}

bool state_has(const struct state *state, int64_t date_ms) {
    for (size_t i = 0; i < state->date_count; i++) {
        if (state->dates_ms[i] == date_ms) {
            return true;
        }
    }
    return false;
}

int64_t state_newest(const struct state *state) {
    assert(state->date_count > 0);
    return state->dates_ms[state->date_count - 1];
}

static struct status manifest_read(const struct state *state, int64_t date_ms,
                                   const char *file_name, struct generation *generation,
                                   struct err *err) {
    char name[STATE_NAME_BYTES];
    char *path;
    state_generation_name(date_ms, name);
    TRY(inner_path(state, name, file_name, &path, err));
    struct status status = generation_load(generation, path, err);
    if (!failed(status) && generation->date_ms != date_ms) {
        status =
            err_set(err, FAILURE_DATA,
                    "%s: this is the manifest of another date: files were moved; restore it", path);
    }
    free(path);
    return status;
}

struct status state_read(const struct state *state, int64_t date_ms, struct generation *generation,
                         struct err *err) {
    return manifest_read(state, date_ms, manifest_name, generation, err);
}

struct status state_read_aside(const struct state *state, int64_t date_ms,
                               struct generation *generation, struct err *err) {
    return manifest_read(state, date_ms, aside_name, generation, err);
}

struct status state_set_aside(struct state *state, int64_t date_ms, struct err *err) {
    char name[STATE_NAME_BYTES];
    char *folder = NULL;
    char *from = NULL;
    char *to = NULL;
    struct status status;
    assert(state->lock >= 0 && state_newest(state) == date_ms);
    state_generation_name(date_ms, name);
    TRY_OR(done, status, state_path(state, name, &folder, err));
    TRY_OR(done, status, path_join(&from, folder, manifest_name, err));
    TRY_OR(done, status, path_join(&to, folder, aside_name, err));
    if (rename(from, to) != 0) {
        status = err_io(err, errno, "%s: cannot be renamed to %s", from, aside_name);
        goto done;
    }
    TRY_OR(done, status, folder_sync(folder, err));
    status = generations_list(state, err);
done:
    free(folder);
    free(from);
    free(to);
    return status;
}

bool state_has_aside(const struct state *state, int64_t *date_ms) {
    for (size_t i = 0; i < state->aside_count && state->date_count != 0; i++) {
        if (state->aside_ms[i] > state_newest(state)) {
            *date_ms = state->aside_ms[i];
            return true;
        }
    }
    return false;
}

void graph_release(struct graph *graph) {
    dictionary_release(&graph->dictionary);
    histogram_release(&graph->cohort);
    row_file_close(graph->rows);
    *graph = (struct graph){0};
}

static struct status file_is_damaged(const struct state *state, const struct state_file *file,
                                     uint64_t bytes, const char *checksum, struct err *err) {
    return err_set(err, FAILURE_DATA,
                   "%s/%s: %" PRIu64 " bytes%s, but the manifest says %" PRIu64 " with %016" PRIx64
                   ": the file is damaged; restore it, or remove it, and the next run makes it "
                   "again from an earlier generation where there is one",
                   state->folder, file->name, bytes, checksum, file->bytes, file->checksum);
}

/* Gives the path of a file that is there and has its size, in new memory. */
static struct status file_look(const struct state *state, const struct state_file *file,
                               char **path, struct err *err) {
    uint64_t bytes;
    TRY(state_path(state, file->name, path, err));
    struct status status = file_size(*path, &bytes, err);
    if (!failed(status) && bytes != file->bytes) {
        status = file_is_damaged(state, file, bytes, "", err);
    }
    if (failed(status)) {
        free(*path);
        *path = NULL;
    }
    return status;
}

struct status state_look_at_files(const struct state *state, const struct generation *generation,
                                  struct err *err) {
    const struct state_file *file;
    for (size_t i = 0; (file = generation_file(generation, i)) != NULL; i++) {
        char *path;
        TRY(file_look(state, file, &path, err));
        free(path);
    }
    return status_ok();
}

struct status state_file_open(const struct state *state, const struct state_file *file,
                              struct input **input, struct err *err) {
    char *path;
    TRY(file_look(state, file, &path, err));
    struct status status = input_open(input, path, err);
    free(path);
    TRY(status);
    status = input_sum(*input, err);
    if (failed(status)) {
        input_close(*input);
    }
    return status;
}

struct status state_file_check(const struct state *state, const struct state_file *file,
                               const struct input *input, struct err *err) {
    uint64_t bytes = input_stored_bytes(input);
    if (bytes == file->bytes && input_checksum(input) == file->checksum) {
        return status_ok();
    }
    char checksum[CHECKSUM_TEXT_BYTES + sizeof " with checksum "];
    char digits[CHECKSUM_TEXT_BYTES];
    checksum_format(input_checksum(input), digits);
    (void)snprintf(checksum, sizeof checksum, " with checksum %s", digits);
    return file_is_damaged(state, file, bytes, checksum, err);
}

struct status state_verify_file(const struct state *state, const struct state_file *file,
                                struct err *err) {
    enum { STEP = 1 << 20 };
    struct input *input;
    TRY(state_file_open(state, file, &input, err));
    uint8_t *buffer = malloc(STEP);
    struct status status = buffer == NULL ? err_memory(err, STEP, "a buffer") : status_ok();
    size_t got = 1;
    while (!failed(status) && got != 0) {
        status = input_read(input, buffer, STEP, &got, err);
    }
    if (!failed(status)) {
        status = state_file_check(state, file, input, err);
    }
    input_close(input);
    free(buffer);
    return status;
}

static struct status dictionary_read(const struct state *state, const struct generation *generation,
                                     struct dictionary *dictionary, struct err *err) {
    struct input *input;
    TRY(state_file_open(state, &generation->dictionary, &input, err));
    struct status status = dictionary_load(dictionary, input, err);
    if (!failed(status)) {
        status = state_file_check(state, &generation->dictionary, input, err);
    }
    input_close(input);
    return status;
}

static struct status cohort_read(const struct state *state, const struct generation *generation,
                                 struct histogram *cohort, struct err *err) {
    struct input *input;
    TRY(state_file_open(state, &generation->cohort, &input, err));
    struct status status = histogram_load(cohort, generation->members, input, err);
    if (!failed(status)) {
        status = state_file_check(state, &generation->cohort, input, err);
    }
    input_close(input);
    return status;
}

struct status state_load_graph(const struct state *state, const struct generation *generation,
                               struct graph *graph, struct err *err) {
    TRY(dictionary_read(state, generation, &graph->dictionary, err));
    TRY(cohort_read(state, generation, &graph->cohort, err));
    graph->open_ties = generation->open_ties;
    size_t members = dictionary_count(&graph->dictionary);
    if (members != generation->members || graph->cohort.total != generation->ties) {
        return err_set(err, FAILURE_DATA,
                       "%s: the files of a generation hold %zu members and %" PRIu64
                       " ties where its manifest says %" PRIu64 " and %" PRIu64
                       ": files of different generations are mixed",
                       state->folder, members, graph->cohort.total, generation->members,
                       generation->ties);
    }
    return status_ok();
}

static struct status table_load(const struct state *state, const struct fact_history *history,
                                struct fact_table *table, struct err *err) {
    struct input *input;
    TRY(state_file_open(state, &history->file, &input, err));
    struct status status = fact_table_load(table, input, err);
    if (!failed(status)) {
        status = state_file_check(state, &history->file, input, err);
    }
    input_close(input);
    TRY(status);
    uint64_t dropped = history->malformed + history->self_loops + history->duplicates;
    if (history->read != table->count + dropped) {
        return err_set(err, FAILURE_DATA,
                       "%s/%s: %zu records where the manifest says %" PRIu64 " of %" PRIu64
                       " read: files of different generations are mixed",
                       state->folder, history->file.name, table->count, history->read - dropped,
                       history->read);
    }
    table->duplicates = history->duplicates;
    return status_ok();
}

struct status state_load_facts(const struct state *state, const struct generation *generation,
                               struct fact_table tables[FACT_LOGS], struct err *err) {
    for (int log = 0; log < FACT_LOGS; log++) {
        if (generation->facts[log].is_known) {
            TRY(table_load(state, &generation->facts[log], &tables[log], err));
        }
    }
    return status_ok();
}

struct status state_begin(const struct state *state, char **path, struct err *err) {
    assert(state->lock >= 0);
    TRY(state_path(state, next_name, path, err));
    struct status status = folder_make(*path, err);
    if (failed(status)) {
        free(*path);
        *path = NULL;
    }
    return status;
}

struct status state_abandon(const struct state *state, struct err *err) {
    char *path;
    TRY(state_path(state, next_name, &path, err));
    struct status status = folder_remove(path, err);
    free(path);
    return status;
}

struct status state_output_open(const struct state *state, const char *name, struct output **output,
                                struct err *err) {
    char inner[STATE_NAME_BYTES * 2];
    char *path;
    (void)snprintf(inner, sizeof inner, "%s/%s", next_name, name);
    TRY(state_path(state, inner, &path, err));
    struct status status = output_open(output, path, false, err);
    free(path);
    return status;
}

struct status state_output_commit(int64_t date_ms, const char *name, struct output *output,
                                  struct state_file *file, struct err *err) {
    char generation[STATE_NAME_BYTES];
    char whole[STATE_NAME_BYTES * 2];
    uint64_t bytes;
    uint64_t checksum;
    TRY(output_commit(output, &bytes, &checksum, err));
    state_generation_name(date_ms, generation);
    (void)snprintf(whole, sizeof whole, "%s/%s", generation, name);
    return state_file_set(file, whole, bytes, checksum, err);
}

/* What is saved: one of these. */
struct saving {
    const struct dictionary *dictionary;
    const struct histogram *cohort;
    const struct fact_table *table;
};

/* Writes one file of the next generation and notes it. */
static struct status file_save(const struct state *state, int64_t date_ms, const char *name,
                               struct saving saving, struct state_file *file, struct err *err) {
    struct output *output;
    TRY(state_output_open(state, name, &output, err));
    struct status status = saving.dictionary != NULL
                               ? dictionary_save(saving.dictionary, output, err)
                           : saving.cohort != NULL ? histogram_save(saving.cohort, output, err)
                                                   : fact_table_save(saving.table, output, err);
    if (failed(status)) {
        output_discard(output);
        return status;
    }
    return state_output_commit(date_ms, name, output, file, err);
}

struct status state_save_facts(const struct state *state, struct generation *generation,
                               const struct fact_table tables[FACT_LOGS], struct err *err) {
    for (int log = 0; log < FACT_LOGS; log++) {
        struct fact_history *history = &generation->facts[log];
        if (!history->is_known || history->file.name != NULL) {
            continue;
        }
        char name[STATE_NAME_BYTES];
        struct saving saving = {.table = &tables[log]};
        (void)snprintf(name, sizeof name, "facts-%s.tff", fact_shapes[log].name);
        TRY(file_save(state, generation->date_ms, name, saving, &history->file, err));
    }
    return status_ok();
}

static struct status graph_save(const struct state *state, struct generation *generation,
                                const struct graph *graph, struct err *err) {
    assert(generation->adjacency.file.name != NULL);
    TRY(file_save(state, generation->date_ms, "dictionary.tff",
                  (struct saving){.dictionary = &graph->dictionary}, &generation->dictionary, err));
    return file_save(state, generation->date_ms, "cohort.tff",
                     (struct saving){.cohort = &graph->cohort}, &generation->cohort, err);
}

/* Writes the manifest, and gives the begun folder its name. */
static struct status begun_publish(struct state *state, const struct generation *generation,
                                   struct err *err) {
    char generation_name[STATE_NAME_BYTES];
    char *from = NULL;
    char *to = NULL;
    char *manifest = NULL;
    struct status status;
    state_generation_name(generation->date_ms, generation_name);
    TRY_OR(done, status, manifest_path(state, next_name, &manifest, err));
    TRY_OR(done, status, generation_save(generation, manifest, err));
    TRY_OR(done, status, state_path(state, next_name, &from, err));
    TRY_OR(done, status, state_path(state, generation_name, &to, err));
    TRY_OR(done, status, folder_publish(from, to, err));
    status = generations_list(state, err);
done:
    free(manifest);
    free(from);
    free(to);
    return status;
}

struct status state_commit(struct state *state, struct generation *generation,
                           const struct graph *graph, struct err *err) {
    TRY(graph_save(state, generation, graph, err));
    return begun_publish(state, generation, err);
}

/* The file of this name among those of a generation; NULL where it names none. */
static const struct state_file *file_find(const struct generation *generation, const char *name) {
    const struct state_file *file;
    size_t i = 0;
    while ((file = generation_file(generation, i)) != NULL && strcmp(file->name, name) != 0) {
        i++;
    }
    return file;
}

struct status state_restore(struct state *state, struct generation *generation,
                            const struct generation *promised, const struct graph *graph,
                            struct err *err) {
    const struct state_file *file;
    assert(generation->date_ms == promised->date_ms);
    TRY(graph_save(state, generation, graph, err));
    for (size_t i = 0; (file = generation_file(promised, i)) != NULL; i++) {
        const struct state_file *made = file_find(generation, file->name);
        if (made == NULL || made->bytes != file->bytes || made->checksum != file->checksum) {
            return err_set(err, FAILURE_DATA,
                           "%s/%s: made again, it is not what it was: was it made by another "
                           "version of tieflow, or of its libraries?",
                           state->folder, file->name);
        }
    }
    return begun_publish(state, promised, err);
}

/* Whether any of the kept generations names this file. */
static bool file_is_needed(const struct generation *kept, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (file_find(&kept[i], name) != NULL) {
            return true;
        }
    }
    return false;
}

/* Removes from one generation's folder what no kept generation names; its manifest first, so that
 * a crash leaves it no generation at all rather than one without files. */
static struct status generation_prune(const struct state *state, const char *generation_name,
                                      const struct generation *kept, size_t kept_count,
                                      struct err *err) {
    struct names names = {0};
    char *folder = NULL;
    char *path = NULL;
    struct status status;
    TRY_OR(done, status, manifest_path(state, generation_name, &path, err));
    TRY_OR(done, status, state_path(state, generation_name, &folder, err));
    if (unlink(path) == 0) {
        TRY_OR(done, status, folder_sync(folder, err));
    } else if (errno != ENOENT) {
        status = err_io(err, errno, "%s: cannot be removed", path);
        goto done;
    }
    TRY_OR(done, status, folder_list(folder, &names, err));
    size_t left = names.count;
    for (size_t i = 0; i < names.count; i++) {
        char name[STATE_NAME_BYTES + 256];
        (void)snprintf(name, sizeof name, "%s/%s", generation_name, names.items[i]);
        if (file_is_needed(kept, kept_count, name)) {
            continue;
        }
        free(path);
        path = NULL;
        TRY_OR(done, status, state_path(state, name, &path, err));
        left -= unlink(path) == 0; /* what stays is litter, and tried again next time */
    }
    if (left == 0) {
        (void)rmdir(folder); /* likewise */
    }
done:
    names_release(&names);
    free(folder);
    free(path);
    return status;
}

/* Prunes all folders of generations but the `kept` ones: those with a manifest, and those that a
 * crash in the middle of a pruning or an earlier pruning left with files that others share. */
static struct status folders_prune(const struct state *state, const struct generation *kept,
                                   size_t kept_count, struct err *err) {
    struct names names = {0};
    struct status status = folder_list(state->folder, &names, err);
    for (size_t i = 0; i < names.count && !failed(status); i++) {
        int64_t date_ms;
        bool is_kept = !generation_name_parse(names.items[i], &date_ms) ||
                       date_ms > state_newest(state); /* set aside, and to be made again */
        for (size_t j = 0; j < kept_count && !is_kept; j++) {
            is_kept = kept[j].date_ms == date_ms;
        }
        if (!is_kept) {
            status = generation_prune(state, names.items[i], kept, kept_count, err);
        }
    }
    names_release(&names);
    return status;
}

struct status state_prune(struct state *state, size_t keep, struct err *err) {
    assert(keep >= 1);
    size_t kept_count = keep < state->date_count ? keep : state->date_count;
    if (kept_count == 0) {
        return status_ok();
    }
    struct generation *kept = calloc(kept_count, sizeof *kept);
    if (kept == NULL) {
        return err_memory(err, kept_count * sizeof *kept, "the generations");
    }
    size_t dropped = state->date_count - kept_count;
    struct status status = status_ok();
    for (size_t i = 0; i < kept_count && !failed(status); i++) {
        status = state_read(state, state->dates_ms[dropped + i], &kept[i], err);
    }
    if (!failed(status)) {
        status = folders_prune(state, kept, kept_count, err);
    }
    for (size_t i = 0; i < kept_count; i++) {
        generation_release(&kept[i]);
    }
    free(kept);
    return failed(status) ? status : generations_list(state, err);
}
