/* A state of two nights, the second a tail, in which one file is not what was written. The first
 * byte says which: its frames with changes of the bytes (heads and unpacked payloads) and right
 * checksums again; or the manifest with changes of its text and a right checksum. What can be read
 * is walked: the graph, every row at rest, the endings of all segments. */
#include "stages/base/checksum.h"
#include "stages/base/files.h"
#include "stages/base/number.h"
#include "stages/state/rest.h"
#include "stages/state/tail.h"
#include "stages/tie_store/ending_index.h"
#include "tests/framing.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/scratch_folder.h"
#include "tests/night_world.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES_MAX = 16, CHANGE_BYTES = 3, HEAD_BYTES = 25 };

/* The state as it was written. */
struct made {
    struct state state;
    struct generation generation;
    struct bytes manifest; /* without its checksum */
    struct bytes files[FILES_MAX];
    size_t file_count;
};

static void require(bool is_true) {
    if (!is_true) {
        abort();
    }
}

/* The manifest's text up to the key of its checksum. */
static void manifest_take(struct made *made) {
    static const char key[] = ",\n  \"xxh64\"";
    char name[STATE_NAME_BYTES];
    char *path;
    char below[STATE_NAME_BYTES + 16];
    state_generation_name(state_newest(&made->state), name);
    (void)snprintf(below, sizeof below, "%s/manifest.json", name);
    require(!failed(state_path(&made->state, below, &path, NULL)));
    require(!failed(file_read_all(path, &made->manifest, NULL)));
    const char *end = memmem(made->manifest.data, made->manifest.count, key, sizeof key - 1);
    require(end != NULL);
    made->manifest.count = (size_t)(end - (const char *)made->manifest.data);
    free(path);
}

static void state_make(struct made *made) {
    static const struct night_events first = {.members = 20, .ties = 60};
    static const struct night_events second = {.members = 3, .ties = 10, .endings = 8};
    struct night_world world;
    char folder[SCRATCH_FILE_BYTES];
    scratch_file("state", folder);
    require(!failed(state_open(&made->state, folder, true, NULL)));
    night_world_begin(&world, 1);
    night_world_run(&world, &made->state, 0, first, false, 1);
    night_world_run(&world, &made->state, DAY_MS, second, true, 1);
    night_world_release(&world);
    require(!failed(state_read(&made->state, DAY_MS, &made->generation, NULL)));
    manifest_take(made);
    const struct state_file *file;
    while ((file = generation_file(&made->generation, made->file_count)) != NULL) {
        char *path;
        require(made->file_count < FILES_MAX);
        require(!failed(state_path(&made->state, file->name, &path, NULL)));
        require(!failed(file_read_all(path, &made->files[made->file_count++], NULL)));
        free(path);
    }
}

/* Made once. */
static struct made *made_lent(void) {
    static struct made made;
    if (made.file_count == 0) {
        state_make(&made);
    }
    return &made;
}

/* Writes changes into the bytes, each a place (2 bytes), a length (1) and what stands there. */
static void changes_apply(struct bytes *bytes, const uint8_t *data, size_t size) {
    struct cursor cursor = cursor_over(data, size);
    while (cursor_left(&cursor) > CHANGE_BYTES && bytes->count > 0) {
        size_t place = cursor_u16(&cursor) % bytes->count;
        size_t count = *cursor_take(&cursor, 1);
        count = count < cursor_left(&cursor) ? count : cursor_left(&cursor);
        const uint8_t *instead = cursor_take(&cursor, count);
        size_t room = bytes->count - place;
        memcpy(bytes->data + place, instead, count < room ? count : room);
    }
}

/* All frames but the END, each as: kind (1 byte), items (4), first, last (8 each), length of the
 * payload (4), payload. */
static void frames_spread(const struct bytes *file, struct bytes *out) {
    struct bytes payload = {0};
    size_t at = 0;
    while (at < file->count) {
        struct frame frame;
        uint8_t head[HEAD_BYTES];
        size_t used;
        require(!failed(
            frame_decode(file->data + at, file->count - at, &frame, &payload, &used, NULL)));
        at += used;
        if (frame.kind != FRAME_END) {
            head[0] = (uint8_t)frame.kind;
            put_u32(head + 1, frame.items);
            put_u64(head + 5, (uint64_t)frame.first);
            put_u64(head + 13, (uint64_t)frame.last);
            put_u32(head + 21, (uint32_t)payload.count);
            require(!failed(bytes_append(out, head, sizeof head, NULL)));
            require(!failed(bytes_append(out, payload.data, payload.count, NULL)));
        }
    }
    bytes_release(&payload);
}

/* The reverse, with an END. */
static void frames_join(const struct bytes *spread, struct framing *framing) {
    struct cursor cursor = cursor_over(spread->data, spread->count);
    while (cursor_left(&cursor) >= HEAD_BYTES) {
        struct frame frame;
        frame.kind = FRAME_EVENTS + *cursor_take(&cursor, 1) % (FRAME_KINDS - FRAME_EVENTS);
        frame.items = cursor_u32(&cursor);
        frame.first = (int64_t)cursor_u64(&cursor);
        frame.last = (int64_t)cursor_u64(&cursor);
        size_t bytes = cursor_u32(&cursor);
        frame.payload_bytes = bytes < cursor_left(&cursor) ? bytes : cursor_left(&cursor);
        framing_put(framing, frame, cursor_take(&cursor, frame.payload_bytes));
    }
    framing_end(framing);
}

struct walk {
    uint32_t next;
    uint64_t members;
};

static struct status node_see(void *context, struct node_id node, const uint32_t *neighbours,
                              size_t count, struct err *err) {
    struct walk *walk = context;
    (void)err;
    require(node.v == walk->next++);
    for (size_t i = 0; i < count; i++) {
        require(neighbours[i] < walk->members && neighbours[i] != node.v);
        require(i == 0 || neighbours[i - 1] < neighbours[i]);
    }
    return status_ok();
}

static void refusal_check(struct status status, const struct err *err) {
    require(!failed(status) || (err->text[0] != '\0' && strchr(err->text, '\n') == NULL));
}

static void endings_walk(const struct state *state, const struct generation *generation) {
    struct ending_index index = {0};
    struct segment_counts counts = {0};
    struct status status = status_ok();
    struct err err = {0};
    for (size_t i = 0; i < generation->segment_count && !failed(status); i++) {
        char *path;
        require(!failed(state_path(state, generation->segments[i].file.name, &path, NULL)));
        status = ending_index_add_segment(&index, path, (size_t)generation->members, &counts, &err);
        refusal_check(status, &err);
        free(path);
    }
    require(!failed(ending_index_finish(&index, NULL)));
    for (size_t i = 0; i < index.count; i++) {
        const struct tie_ending *ending = &index.endings[i];
        int64_t at_ms = ending_index_find(&index, ending->from, ending->to,
                                          ending->ties_before == 0 ? 0 : ending->ties_before - 1);
        require(ending->ties_before == 0 || event_time_is_valid(at_ms));
    }
    ending_index_release(&index);
}

static void state_walk(const struct state *state, const struct generation *generation) {
    struct graph graph = {0};
    struct err err = {0};
    struct walk walk = {.members = generation->members};
    struct status status = state_load_graph(state, generation, &graph, &err);
    refusal_check(status, &err);
    if (!failed(status)) {
        require(dictionary_count(&graph.dictionary) == generation->members);
        const struct node_scope all = {0, (uint32_t)generation->members, NULL};
        status = rest_visit(state, generation, all, 1, node_see, &walk, &err);
        refusal_check(status, &err);
        require(failed(status) || walk.next == generation->members);
        endings_walk(state, generation);
    }
    graph_release(&graph);
}

static void file_put(const struct state *state, const struct state_file *file, const uint8_t *data,
                     size_t count) {
    char *path;
    require(!failed(state_path(state, file->name, &path, NULL)));
    FILE *stream = fopen(path, "w");
    require(stream != NULL);
    bool is_written = fwrite(data, 1, count, stream) == count;
    require(fclose(stream) == 0 && is_written);
    free(path);
}

/* The state with another file in place of that with this number. */
static void changed_file_walk(struct made *made, size_t index, const uint8_t *data, size_t size) {
    struct bytes spread = {0};
    struct framing framing = {0};
    struct state_file *file =
        (struct state_file *)(uintptr_t)generation_file(&made->generation, index);
    const struct state_file before = *file;
    frames_spread(&made->files[index], &spread);
    changes_apply(&spread, data, size);
    frames_join(&spread, &framing);
    file_put(&made->state, file, framing.file.data, framing.file.count);
    file->bytes = framing.file.count;
    file->checksum = checksum_of(framing.file.data, framing.file.count, 0);
    state_walk(&made->state, &made->generation);
    *file = before;
    file_put(&made->state, file, made->files[index].data, made->files[index].count);
    framing_release(&framing);
    bytes_release(&spread);
}

static void changed_manifest_walk(const struct made *made, const uint8_t *data, size_t size) {
    struct bytes text = {0};
    char digits[CHECKSUM_TEXT_BYTES];
    char end[CHECKSUM_TEXT_BYTES + 32];
    struct generation generation = {0};
    struct err err = {0};
    require(!failed(bytes_append(&text, made->manifest.data, made->manifest.count, NULL)));
    changes_apply(&text, data, size);
    checksum_format(checksum_of(text.data, text.count, 0), digits);
    int end_bytes = snprintf(end, sizeof end, ",\n  \"xxh64\": \"%s\"\n}\n", digits);
    require(!failed(bytes_append(&text, end, (size_t)end_bytes, NULL)));
    struct memory_file file = memory_file_open(text.data, text.count);
    struct status status = generation_load(&generation, file.path, &err);
    refusal_check(status, &err);
    memory_file_close(&file);
    if (!failed(status)) {
        state_walk(&made->state, &generation);
    }
    generation_release(&generation);
    bytes_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct made *made = made_lent();
    if (size > 0) {
        size_t index = data[0] % (made->file_count + 1);
        if (index < made->file_count) {
            changed_file_walk(made, index, data + 1, size - 1);
        } else {
            changed_manifest_walk(made, data + 1, size - 1);
        }
    }
    return 0;
}
