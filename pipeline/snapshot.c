/* `tieflow snapshot`: the state, listed, verified and taken out in open formats. */
#include "pipeline/verbs.h"

#include "schemas/tie.h"
#include "stages/adjacency/neighbour_set.h"
#include "stages/base/checksum.h"
#include "stages/base/files.h"
#include "stages/base/number.h"
#include "stages/state/rest.h"
#include "stages/state/state.h"
#include "stages/tie_store/tie_segment.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct snapshot {
    const struct options *options;
    struct progress *progress;
    struct state state;
    struct generation generation;
    struct graph graph;
};

static uint64_t generation_bytes(const struct generation *generation) {
    uint64_t bytes = generation->dictionary.bytes + generation->adjacency.file.bytes +
                     generation->adjacency.degrees.bytes + generation->cohort.bytes;
    for (size_t i = 0; i < generation->segment_count; i++) {
        bytes += generation->segments[i].file.bytes;
    }
    for (int log = 0; log < FACT_LOGS; log++) {
        bytes += generation->facts[log].is_known ? generation->facts[log].file.bytes : 0;
    }
    return bytes;
}

/* "; 12 positions, 3 members": how many records there are of each of the logs beside the
 * connections; "" where there are none of them. */
enum { FACTS_TEXT_BYTES = 256 };
static void facts_format(const struct generation *generation, char text[FACTS_TEXT_BYTES]) {
    size_t used = 0;
    text[0] = '\0';
    for (int log = 0; log < FACT_LOGS; log++) {
        const struct fact_history *history = &generation->facts[log];
        if (history->is_known) {
            uint64_t records =
                history->read - history->malformed - history->self_loops - history->duplicates;
            int length = snprintf(text + used, FACTS_TEXT_BYTES - used, "%s%" PRIu64 " %s",
                                  used == 0 ? "; " : ", ", records, fact_shapes[log].name);
            used += length < 0 ? 0 : (size_t)length;
        }
    }
}

static struct status generation_list(const struct state *state, size_t index, struct err *err) {
    char date[DATE_TEXT_BYTES];
    char first[DATE_TEXT_BYTES];
    char size[BYTES_TEXT_BYTES];
    char facts[FACTS_TEXT_BYTES];
    struct generation generation = {0};
    struct status status = state_read(state, state->dates_ms[index], &generation, err);
    date_format(state->dates_ms[index], date);
    if (failed(status)) {
        printf("%-10s  damaged, or not of this version\n", date);
    } else {
        date_format(generation.first_date_ms, first);
        facts_format(&generation, facts);
        bytes_format(generation_bytes(&generation), size);
        printf("%-10s  %12" PRIu64 "  %14" PRIu64 "  %14" PRIu64 "  %10s  %s to %s%s\n", date,
               generation.members, generation.ties, generation.open_ties, size, first, date, facts);
    }
    generation_release(&generation);
    return status;
}

static struct status snapshot_list(struct snapshot *snapshot, struct err *err) {
    printf("%-10s  %12s  %14s  %14s  %10s  %s\n", "date", "members", "ties made", "ties open",
           "bytes", "made from");
    struct status status = status_ok();
    for (size_t i = 0; i < snapshot->state.date_count; i++) {
        struct err failure = {0};
        struct status one = generation_list(&snapshot->state, i, &failure);
        if (failed(one) && !failed(status)) { /* the others are listed all the same */
            status = err_set(err, one.failure, "%s", failure.text);
        }
    }
    for (size_t i = 0; i < snapshot->state.aside_count; i++) {
        char date[DATE_TEXT_BYTES];
        date_format(snapshot->state.aside_ms[i], date);
        printf("%-10s  damaged, and set aside: the next run makes it again\n", date);
    }
    return status;
}

/* Reads all segments: counts must be the manifest's. Fills the index of all endings. */
static struct status segments_walk(const struct snapshot *snapshot, struct ending_index *index,
                                   struct err *err) {
    const struct generation *generation = &snapshot->generation;
    for (size_t i = 0; i < generation->segment_count; i++) {
        const struct segment *segment = &generation->segments[i];
        struct segment_counts counts = {0};
        char *path;
        TRY(state_verify_file(&snapshot->state, &segment->file, err));
        TRY(state_path(&snapshot->state, segment->file.name, &path, err));
        struct status status =
            ending_index_add_segment(index, path, (size_t)generation->members, &counts, err);
        free(path);
        TRY(status);
        if (counts.ties != segment->ties || counts.endings != segment->endings) {
            return err_set(
                err, FAILURE_DATA,
                "%s: %" PRIu64 " ties and %" PRIu64 " endings, the manifest says %" PRIu64
                " and %" PRIu64 ": files of different generations are mixed",
                segment->file.name, counts.ties, counts.endings, segment->ties, segment->endings);
        }
        progress_update(snapshot->progress, i + 1);
    }
    return ending_index_finish(index, err);
}

static struct status node_pass(void *context, struct node_id node, const uint32_t *neighbours,
                               size_t count, struct err *err) {
    (void)context;
    (void)node;
    (void)neighbours;
    (void)count;
    (void)err;
    return status_ok();
}

/* Calls `visit` for all members with their neighbours as of the generation, which checks them. */
static struct status rows_walk(const struct snapshot *snapshot,
                               struct status (*visit)(void *context, struct node_id node,
                                                      const uint32_t *neighbours, size_t count,
                                                      struct err *err),
                               void *context, struct err *err) {
    const struct generation *generation = &snapshot->generation;
    const struct node_scope all = {.end = (uint32_t)generation->members};
    return rest_visit(&snapshot->state, generation, all, options_threads(snapshot->options), visit,
                      context, err);
}

/* Loads every table of the logs beside the connections, which checks it. */
static struct status facts_walk(const struct snapshot *snapshot, struct err *err) {
    struct fact_table tables[FACT_LOGS];
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_init(&tables[log], (enum fact_log)log);
    }
    struct status status = state_load_facts(&snapshot->state, &snapshot->generation, tables, err);
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_release(&tables[log]);
    }
    return status;
}

static struct status snapshot_verify(struct snapshot *snapshot, struct err *err) {
    struct ending_index index = {0};
    TRY(options_generation(snapshot->options, &snapshot->state, &snapshot->generation, err));
    const struct generation *generation = &snapshot->generation;
    progress_begin(snapshot->progress, "verifying", "segments", generation->segment_count);
    struct status status = state_load_graph(&snapshot->state, generation, &snapshot->graph, err);
    if (!failed(status)) {
        status = segments_walk(snapshot, &index, err);
    }
    if (!failed(status)) {
        status = rows_walk(snapshot, node_pass, NULL, err);
    }
    if (!failed(status) && generation->adjacency.degrees.name != NULL) {
        status = state_verify_file(&snapshot->state, &generation->adjacency.degrees, err);
    }
    if (!failed(status)) {
        status = facts_walk(snapshot, err);
    }
    progress_end(snapshot->progress);
    ending_index_release(&index);
    TRY(status);
    char date[DATE_TEXT_BYTES];
    char size[BYTES_TEXT_BYTES];
    char facts[FACTS_TEXT_BYTES];
    date_format(generation->date_ms, date);
    bytes_format(generation_bytes(generation), size);
    facts_format(generation, facts);
    size_t behind = generation->segment_count - generation->adjacency.segments;
    printf("%s: sound: %" PRIu64 " members, %" PRIu64 " ties (%" PRIu64
           " open), %zu tie segments (%zu newer than the rows), %s%s\n",
           date, generation->members, generation->ties, generation->open_ties,
           generation->segment_count, behind, size, facts);
    return status_ok();
}

/* --- export --- */

static struct status ties_export(struct snapshot *snapshot, struct table_formats formats,
                                 struct err *err) {
    const struct generation *generation = &snapshot->generation;
    struct ending_index index = {0};
    size_t count = generation->segment_count;
    char **paths = calloc(count + 1, sizeof *paths);
    struct status status = paths == NULL ? err_memory(err, count, "the segments") : status_ok();
    for (size_t i = 0; i < count && !failed(status); i++) {
        status = state_path(&snapshot->state, generation->segments[i].file.name, &paths[i], err);
    }
    if (!failed(status)) {
        status = segments_walk(snapshot, &index, err);
    }
    if (!failed(status)) {
        char date[DATE_TEXT_BYTES];
        date_format(generation->date_ms, date);
        struct publication publication = {
            .folder = snapshot->options->out,
            .formats = formats,
            .simultaneous = generation->simultaneous,
            .date = date,
            .as_of_ms = generation->date_ms + DAY_MS - 1,
            .has_as_of = true,
            .run_id = generation->run_id,
            .dictionary = &snapshot->graph.dictionary,
            .progress = snapshot->progress,
            .threads = options_threads(snapshot->options),
        };
        struct ties_source source = {
            .paths = (const char *const *)paths,
            .path_count = count,
            .tie_count = generation->ties,
            .endings = &index,
        };
        status = publish_ties(&publication, &source, err);
    }
    ending_index_release(&index);
    for (size_t i = 0; paths != NULL && i < count; i++) {
        free(paths[i]);
    }
    free(paths);
    return status;
}

/* A walk over the adjacency that writes sets and their index. */
struct sets_export {
    const struct dictionary *dictionary;
    struct output *sets;
    struct output *index;
    uint64_t offset;
    struct bytes members; /* uint64_t of one set */
    struct bytes encoded;
    struct progress *progress;
};

static int compare_u64(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static struct status set_export(void *context, struct node_id node, const uint32_t *neighbours,
                                size_t count, struct err *err) {
    struct sets_export *export = context;
    export->members.count = 0;
    export->encoded.count = 0;
    TRY(bytes_reserve(&export->members, count * sizeof(uint64_t) + 1, err));
    uint64_t *members = (uint64_t *)(void *)export->members.data;
    for (size_t i = 0; i < count; i++) {
        members[i] = dictionary_member(export->dictionary, (struct node_id){neighbours[i]}).v;
    }
    if (count > 1) {
        qsort(members, count, sizeof *members, compare_u64);
    }
    TRY(neighbour_set_encode_u64(members, count, &export->encoded, err));
    TRY(output_write(export->sets, export->encoded.data, export->encoded.count, err));
    char line[128];
    int length = snprintf(line, sizeof line, "%" PRIu64 ",%zu,%" PRIu64 ",%zu\n",
                          dictionary_member(export->dictionary, node).v, count, export->offset,
                          export->encoded.count);
    TRY(output_write(export->index, line, (size_t)length, err));
    export->offset += export->encoded.count;
    progress_update(export->progress, (uint64_t)node.v + 1);
    return status_ok();
}

static struct status sets_write(struct snapshot *snapshot, struct sets_export *export,
                                struct err *err) {
    static const char header[] = "member,degree,offset,bytes\n";
    TRY(folder_output(&export->sets, snapshot->options->out, "adjacency.roaring", err));
    TRY(folder_output(&export->index, snapshot->options->out, "members.csv", err));
    TRY(output_write(export->index, header, sizeof header - 1, err));
    return rows_walk(snapshot, set_export, export, err);
}

static struct status sets_export(struct snapshot *snapshot, struct err *err) {
    struct sets_export export = {
        .dictionary = &snapshot->graph.dictionary,
        .progress = snapshot->progress,
    };
    progress_begin(snapshot->progress, "exporting", "members", snapshot->generation.members);
    struct status status = sets_write(snapshot, &export, err);
    if (!failed(status)) {
        struct output *sets = export.sets;
        export.sets = NULL;
        status = output_commit(sets, NULL, NULL, err);
    }
    if (!failed(status)) {
        struct output *index = export.index;
        export.index = NULL;
        status = output_commit(index, NULL, NULL, err);
    }
    output_discard(export.sets);
    output_discard(export.index);
    bytes_release(&export.members);
    bytes_release(&export.encoded);
    progress_end(snapshot->progress);
    return status;
}

static struct status snapshot_export(struct snapshot *snapshot, struct err *err) {
    const struct options *options = snapshot->options;
    TRY(require_option(options->out, "out", err));
    bool is_roaring = options->format != NULL && strcmp(options->format, "roaring") == 0;
    struct table_formats formats = {0};
    if (!is_roaring) {
        TRY(options_table_formats(options, &formats, err));
    }
    if (formats.without_ties) {
        return err_set(err, FAILURE_USAGE, "--format none: there is nothing to export then");
    }
    TRY(folder_make(options->out, err));
    TRY(options_generation(snapshot->options, &snapshot->state, &snapshot->generation, err));
    TRY(state_load_graph(&snapshot->state, &snapshot->generation, &snapshot->graph, err));
    TRY(is_roaring ? sets_export(snapshot, err) : ties_export(snapshot, formats, err));
    if (!options->is_quiet) {
        printf("%s: %s of %" PRIu64 " members\n", name_shown(options->out).text,
               is_roaring ? "adjacency.roaring and members.csv" : "the ties",
               snapshot->generation.members);
    }
    return status_ok();
}

struct status verb_snapshot(const struct options *options, struct progress *progress,
                            struct err *err) {
    static const struct {
        const char *name;
        struct status (*action)(struct snapshot *snapshot, struct err *err);
    } actions[] = {{"ls", snapshot_list}, {"verify", snapshot_verify}, {"export", snapshot_export}};
    TRY(require_option(options->state, "state", err));
    const char *name = options->arguments.count == 1 ? options->arguments.items[0] : "";
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, name) != 0) {
            continue;
        }
        struct snapshot snapshot = {.options = options, .progress = progress};
        struct status status = state_open(&snapshot.state, options->state, false, err);
        if (!failed(status)) {
            status = actions[i].action(&snapshot, err);
        }
        generation_release(&snapshot.generation);
        graph_release(&snapshot.graph);
        state_close(&snapshot.state);
        return status;
    }
    return err_set(err, FAILURE_USAGE, "tieflow snapshot: say ls, verify or export");
}
