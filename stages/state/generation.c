#include "stages/state/generation.h"

#include "schemas/limits.h"
#include "stages/base/checksum.h"
#include "stages/base/files.h"
#include "stages/base/json.h"
#include "stages/base/json_writer.h"
#include "stages/base/number.h"
#include "stages/base/stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The version of the manifest's layout. In version 1 the adjacency always covered all segments, and
 * nothing is said of it but the file. */
enum { MANIFEST_VERSION = 2, MANIFEST_WITHOUT_TAILS = 1 };

static void state_file_release(struct state_file *file) {
    free(file->name);
    *file = (struct state_file){0};
}

void extents_release(struct extent *extents, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(extents[i].name);
    }
    free(extents);
}

void generation_release(struct generation *generation) {
    extents_release(generation->extents, generation->extent_count);
    for (int log = 0; log < FACT_LOGS; log++) {
        struct fact_history *history = &generation->facts[log];
        extents_release(history->extents, history->extent_count);
        state_file_release(&history->file);
    }
    for (size_t i = 0; i < generation->segment_count; i++) {
        state_file_release(&generation->segments[i].file);
    }
    free(generation->segments);
    state_file_release(&generation->dictionary);
    state_file_release(&generation->adjacency.file);
    state_file_release(&generation->adjacency.degrees);
    state_file_release(&generation->cohort);
    *generation = (struct generation){0};
}

struct status extent_append(struct extent **extents, size_t *count, const struct extent *extent,
                            struct err *err) {
    struct extent *grown = reallocarray(*extents, *count + 1, sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, (*count + 1) * sizeof *grown, "a generation");
    }
    *extents = grown;
    struct extent *added = &grown[*count];
    *added = *extent;
    added->name = strdup(extent->name);
    if (added->name == NULL) {
        return err_memory(err, strlen(extent->name), "a generation");
    }
    ++*count;
    return status_ok();
}

const struct extent *extent_find(const struct extent *extents, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(extents[i].name, name) == 0) {
            return &extents[i];
        }
    }
    return NULL;
}

struct status generation_add_extent(struct generation *generation, const struct extent *extent,
                                    struct err *err) {
    return extent_append(&generation->extents, &generation->extent_count, extent, err);
}

struct status state_file_set(struct state_file *file, const char *name, uint64_t bytes,
                             uint64_t checksum, struct err *err) {
    char *copy = strdup(name);
    if (copy == NULL) {
        return err_memory(err, strlen(name), "a generation");
    }
    free(file->name);
    *file = (struct state_file){copy, bytes, checksum};
    return status_ok();
}

struct status generation_add_segment(struct generation *generation, const struct segment *segment,
                                     struct err *err) {
    struct segment *grown =
        reallocarray(generation->segments, generation->segment_count + 1, sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, (generation->segment_count + 1) * sizeof *grown, "a generation");
    }
    generation->segments = grown;
    struct segment *added = &grown[generation->segment_count];
    *added = *segment;
    added->file = (struct state_file){0};
    TRY(state_file_set(&added->file, segment->file.name, segment->file.bytes,
                       segment->file.checksum, err));
    generation->segment_count++;
    return status_ok();
}

struct status generation_share_adjacency(struct generation *generation,
                                         const struct generation *earlier, struct err *err) {
    const struct rest *adjacency = &earlier->adjacency;
    TRY(state_file_set(&generation->adjacency.file, adjacency->file.name, adjacency->file.bytes,
                       adjacency->file.checksum, err));
    if (adjacency->degrees.name != NULL) {
        TRY(state_file_set(&generation->adjacency.degrees, adjacency->degrees.name,
                           adjacency->degrees.bytes, adjacency->degrees.checksum, err));
    }
    generation->adjacency.segments = adjacency->segments;
    generation->adjacency.members = adjacency->members;
    generation->adjacency.open_ties = adjacency->open_ties;
    return status_ok();
}

const struct extent *generation_extent(const struct generation *generation, const char *name) {
    return extent_find(generation->extents, generation->extent_count, name);
}

const struct state_file *generation_file(const struct generation *generation, size_t index) {
    const struct state_file *own[] = {&generation->dictionary, &generation->adjacency.file,
                                      &generation->adjacency.degrees, &generation->cohort};
    enum { OWN = sizeof own / sizeof own[0] };
    size_t at = 0;
    for (size_t i = 0; i < OWN + FACT_LOGS; i++) {
        const struct state_file *file = i < OWN ? own[i] : &generation->facts[i - OWN].file;
        if (file->name != NULL && at++ == index) {
            return file;
        }
    }
    index -= at;
    return index < generation->segment_count ? &generation->segments[index].file : NULL;
}

uint64_t generation_tail(const struct generation *generation) {
    uint64_t changes = 0;
    for (size_t i = generation->adjacency.segments; i < generation->segment_count; i++) {
        changes += generation->segments[i].ties + generation->segments[i].endings;
    }
    return changes;
}

static void put_date(struct json_writer *writer, const char *key, int64_t date_ms) {
    char text[DATE_TEXT_BYTES];
    date_format(date_ms, text);
    json_put_text(writer, key, text);
}

static void put_checksum(struct json_writer *writer, const char *key, uint64_t checksum) {
    char text[CHECKSUM_TEXT_BYTES];
    checksum_format(checksum, text);
    json_put_text(writer, key, text);
}

static void put_file_items(struct json_writer *writer, const struct state_file *file) {
    json_put_text(writer, "file", file->name);
    json_put_u64(writer, "bytes", file->bytes);
    put_checksum(writer, "xxh64", file->checksum);
}

static void put_file(struct json_writer *writer, const char *key, const struct state_file *file) {
    json_object_begin(writer, key);
    put_file_items(writer, file);
    json_object_end(writer);
}

static void put_adjacency(struct json_writer *writer, const struct rest *adjacency) {
    json_object_begin(writer, "adjacency");
    put_file_items(writer, &adjacency->file);
    json_put_u64(writer, "segments", adjacency->segments);
    json_put_u64(writer, "members", adjacency->members);
    json_put_u64(writer, "open_ties", adjacency->open_ties);
    if (adjacency->degrees.name != NULL) {
        put_file(writer, "degrees", &adjacency->degrees);
    }
    json_object_end(writer);
}

static void put_extents(struct json_writer *writer, const struct extent *extents, size_t count) {
    json_array_begin(writer, "inputs");
    for (size_t i = 0; i < count; i++) {
        const struct extent *extent = &extents[i];
        json_object_begin(writer, NULL);
        json_put_text(writer, "name", extent->name);
        json_put_u64(writer, "first", extent->first);
        json_put_u64(writer, "end", extent->end);
        json_put_u64(writer, "left", extent->left);
        json_put_u64(writer, "bytes", extent->bytes);
        if (extent->last.is_known) {
            json_put_u64(writer, "last", extent->last.record);
            put_checksum(writer, "last_xxh64", extent->last.sum);
        }
        json_object_end(writer);
    }
    json_array_end(writer);
}

static void put_lists(struct json_writer *writer, const struct generation *generation) {
    json_array_begin(writer, "segments");
    for (size_t i = 0; i < generation->segment_count; i++) {
        const struct segment *segment = &generation->segments[i];
        json_object_begin(writer, NULL);
        put_date(writer, "date", segment->date_ms);
        json_put_u64(writer, "first_tie", segment->first_tie);
        json_put_u64(writer, "ties", segment->ties);
        json_put_u64(writer, "endings", segment->endings);
        put_file(writer, "ties_file", &segment->file);
        json_object_end(writer);
    }
    json_array_end(writer);
    put_extents(writer, generation->extents, generation->extent_count);
}

/* The logs beside the connections, those that have been read. */
static void put_facts(struct json_writer *writer, const struct generation *generation) {
    json_object_begin(writer, "facts");
    for (int log = 0; log < FACT_LOGS; log++) {
        const struct fact_history *history = &generation->facts[log];
        if (!history->is_known) {
            continue;
        }
        json_object_begin(writer, fact_shapes[log].name);
        json_put_u64(writer, "read", history->read);
        json_put_u64(writer, "malformed", history->malformed);
        json_put_u64(writer, "self_loops", history->self_loops);
        json_put_u64(writer, "duplicates", history->duplicates);
        put_file(writer, "table", &history->file);
        put_extents(writer, history->extents, history->extent_count);
        json_object_end(writer);
    }
    json_object_end(writer);
}

/* The manifest's last key is the checksum of the text before its comma: a flipped bit anywhere else
 * in it would go unnoticed, and records would be read twice or never. */
static const char checksum_key[] = ",\n  \"xxh64\": ";

static void put_manifest(struct json_writer *writer, const struct generation *generation) {
    json_object_begin(writer, NULL);
    json_put_u64(writer, "tieflow_state", MANIFEST_VERSION);
    put_date(writer, "date", generation->date_ms);
    put_date(writer, "first_date", generation->first_date_ms);
    if (generation->has_previous) {
        put_date(writer, "previous", generation->previous_ms);
    } else {
        json_put_null(writer, "previous");
    }
    json_put_text(writer, "simultaneous", simultaneous_name(generation->simultaneous));
    json_put_u64(writer, "members", generation->members);
    json_put_u64(writer, "ties", generation->ties);
    json_put_u64(writer, "open_ties", generation->open_ties);
    put_checksum(writer, "run_id", generation->run_id);
    put_file(writer, "dictionary", &generation->dictionary);
    put_adjacency(writer, &generation->adjacency);
    put_file(writer, "cohort", &generation->cohort);
    put_lists(writer, generation);
    put_facts(writer, generation);
    put_checksum(writer, "xxh64", checksum_of(writer->text.data, writer->text.count, 0));
    json_object_end(writer);
}

struct status generation_save(const struct generation *generation, const char *path,
                              struct err *err) {
    struct json_writer writer = {0};
    put_manifest(&writer, generation);
    struct output *output = NULL;
    struct status status = json_writer_finish(&writer, err);
    if (!failed(status)) {
        status = output_open(&output, path, false, err);
    }
    if (!failed(status)) {
        status = output_write(output, writer.text.data, writer.text.count, err);
    }
    if (!failed(status)) {
        status = output_commit(output, NULL, NULL, err);
    } else {
        output_discard(output);
    }
    json_writer_release(&writer);
    return status;
}

/* Reads of a manifest: each remembers the first key that is missing or wrong. */
struct manifest_reader {
    const char *wrong;
};

static void note_wrong(struct manifest_reader *reader, bool is_right, const char *key) {
    if (!is_right && reader->wrong == NULL) {
        reader->wrong = key;
    }
}

static uint64_t get_u64(struct manifest_reader *reader, const struct json *object,
                        const char *key) {
    uint64_t value = 0;
    note_wrong(reader, json_u64(json_get(object, key), &value), key);
    return value;
}

static const char *get_text(struct manifest_reader *reader, const struct json *object,
                            const char *key) {
    const char *text = json_text(json_get(object, key));
    note_wrong(reader, text != NULL, key);
    return text == NULL ? "" : text;
}

static int64_t get_date(struct manifest_reader *reader, const struct json *object,
                        const char *key) {
    int64_t date_ms = 0;
    note_wrong(reader, date_parse(get_text(reader, object, key), &date_ms), key);
    return date_ms;
}

static uint64_t get_checksum(struct manifest_reader *reader, const struct json *object,
                             const char *key) {
    uint64_t checksum = 0;
    note_wrong(reader, checksum_parse(get_text(reader, object, key), &checksum), key);
    return checksum;
}

/* Fills `file` from the object under `key`. A name that leaves the state folder is wrong. */
static struct status get_file(struct manifest_reader *reader, const struct json *object,
                              const char *key, struct state_file *file, struct err *err) {
    const struct json *inner = json_get(object, key);
    note_wrong(reader, json_type(inner) == JSON_OBJECT, key);
    const char *name = get_text(reader, inner, "file");
    uint64_t bytes = get_u64(reader, inner, "bytes");
    uint64_t checksum = get_checksum(reader, inner, "xxh64");
    note_wrong(reader, strncmp(name, "gen-", 4) == 0 && strstr(name, "..") == NULL, key);
    return state_file_set(file, name, bytes, checksum, err);
}

/* States of before there were marks have none, and files never. */
static struct record_mark get_mark(struct manifest_reader *reader, const struct json *item,
                                   uint64_t end) {
    struct record_mark mark = {.is_known = json_get(item, "last") != NULL};
    if (mark.is_known) {
        mark.record = get_u64(reader, item, "last");
        mark.sum = get_checksum(reader, item, "last_xxh64");
        note_wrong(reader, mark.record < end, "last");
    }
    return mark;
}

static struct status get_extents(struct manifest_reader *reader, const struct json *object,
                                 struct extent **extents, size_t *count, struct err *err) {
    const struct json *inputs = json_get(object, "inputs");
    note_wrong(reader, json_type(inputs) == JSON_ARRAY, "inputs");
    for (const struct json *item = json_next(inputs, NULL); item != NULL;
         item = json_next(inputs, item)) {
        struct extent extent = {
            .first = get_u64(reader, item, "first"),
            .end = get_u64(reader, item, "end"),
            .left = get_u64(reader, item, "left"),
            .bytes = get_u64(reader, item, "bytes"),
        };
        note_wrong(reader, extent.first <= extent.end && extent.left <= extent.end - extent.first,
                   "first, end, left");
        extent.last = get_mark(reader, item, extent.end);
        const char *name = get_text(reader, item, "name");
        extent.name = (char *)(uintptr_t)name; /* copied, not changed */
        TRY(extent_append(extents, count, &extent, err));
    }
    return status_ok();
}

static struct status get_lists(struct manifest_reader *reader, const struct json *root,
                               struct generation *generation, struct err *err) {
    const struct json *segments = json_get(root, "segments");
    note_wrong(reader, json_type(segments) == JSON_ARRAY, "segments");
    uint64_t left = LIMIT_TIES;
    for (const struct json *item = json_next(segments, NULL); item != NULL;
         item = json_next(segments, item)) {
        struct segment segment = {
            .date_ms = get_date(reader, item, "date"),
            .first_tie = get_u64(reader, item, "first_tie"),
            .ties = get_u64(reader, item, "ties"),
            .endings = get_u64(reader, item, "endings"),
        };
        note_wrong(reader, segment.ties <= left && segment.endings <= left - segment.ties,
                   "ties, endings");
        left -= segment.ties + segment.endings;
        struct status status = get_file(reader, item, "ties_file", &segment.file, err);
        if (!failed(status)) {
            status = generation_add_segment(generation, &segment, err);
        }
        state_file_release(&segment.file);
        TRY(status);
    }
    return get_extents(reader, root, &generation->extents, &generation->extent_count, err);
}

/* A log that is not there has never been read; states that are older than such logs have none. */
static struct status get_facts(struct manifest_reader *reader, const struct json *root,
                               struct generation *generation, struct err *err) {
    const struct json *facts = json_get(root, "facts");
    note_wrong(reader, facts == NULL || json_type(facts) == JSON_OBJECT, "facts");
    for (int log = 0; log < FACT_LOGS; log++) {
        const struct json *object = json_get(facts, fact_shapes[log].name);
        struct fact_history *history = &generation->facts[log];
        if (object == NULL) {
            continue;
        }
        note_wrong(reader, json_type(object) == JSON_OBJECT, fact_shapes[log].name);
        history->is_known = true;
        history->read = get_u64(reader, object, "read");
        history->malformed = get_u64(reader, object, "malformed");
        history->self_loops = get_u64(reader, object, "self_loops");
        history->duplicates = get_u64(reader, object, "duplicates");
        note_wrong(reader,
                   history->malformed <= history->read &&
                       history->self_loops <= history->read - history->malformed &&
                       history->duplicates <=
                           history->read - history->malformed - history->self_loops,
                   "read, malformed, self_loops, duplicates");
        TRY(get_file(reader, object, "table", &history->file, err));
        TRY(get_extents(reader, object, &history->extents, &history->extent_count, err));
    }
    return status_ok();
}

/* What the manifest says of the adjacency must agree with what it says of the segments. */
static bool adjacency_fits(const struct generation *generation) {
    const struct rest *adjacency = &generation->adjacency;
    if (adjacency->segments > generation->segment_count ||
        adjacency->members > generation->members) {
        return false;
    }
    uint64_t open_ties = adjacency->open_ties; /* modulo 2^64, as what is added and taken away */
    for (size_t i = adjacency->segments; i < generation->segment_count; i++) {
        open_ties += generation->segments[i].ties - generation->segments[i].endings;
    }
    bool has_tail = adjacency->segments != generation->segment_count;
    return open_ties == generation->open_ties &&
           (has_tail || adjacency->members == generation->members);
}

/* Reads what is said of the adjacency; members, open ties and segments are known. */
static struct status get_adjacency(struct manifest_reader *reader, const struct json *root,
                                   uint64_t version, struct generation *generation,
                                   struct err *err) {
    const struct json *object = json_get(root, "adjacency");
    struct rest *adjacency = &generation->adjacency;
    TRY(get_file(reader, root, "adjacency", &adjacency->file, err));
    if (version == MANIFEST_WITHOUT_TAILS) {
        adjacency->segments = generation->segment_count;
        adjacency->members = generation->members;
        adjacency->open_ties = generation->open_ties;
        return status_ok();
    }
    adjacency->segments = (size_t)get_u64(reader, object, "segments");
    adjacency->members = get_u64(reader, object, "members");
    adjacency->open_ties = get_u64(reader, object, "open_ties");
    note_wrong(reader, adjacency_fits(generation), "adjacency");
    return json_get(object, "degrees") == NULL
               ? status_ok()
               : get_file(reader, object, "degrees", &adjacency->degrees, err);
}

static struct status get_generation(const struct json *root, struct generation *generation,
                                    const char **wrong, struct err *err) {
    struct manifest_reader reader = {0};
    uint64_t version = get_u64(&reader, root, "tieflow_state");
    note_wrong(&reader, version == MANIFEST_VERSION || version == MANIFEST_WITHOUT_TAILS,
               "tieflow_state");
    generation->date_ms = get_date(&reader, root, "date");
    generation->first_date_ms = get_date(&reader, root, "first_date");
    generation->has_previous = json_type(json_get(root, "previous")) != JSON_NULL;
    if (generation->has_previous) {
        generation->previous_ms = get_date(&reader, root, "previous");
    }
    int simultaneous = simultaneous_parse(get_text(&reader, root, "simultaneous"));
    note_wrong(&reader, simultaneous >= 0, "simultaneous");
    generation->simultaneous =
        simultaneous < 0 ? SIMULTANEOUS_STRICT : (enum simultaneous)simultaneous;
    generation->members = get_u64(&reader, root, "members");
    note_wrong(&reader, generation->members <= LIMIT_NODES, "members");
    generation->ties = get_u64(&reader, root, "ties");
    generation->open_ties = get_u64(&reader, root, "open_ties");
    generation->run_id = get_checksum(&reader, root, "run_id");
    TRY(get_file(&reader, root, "dictionary", &generation->dictionary, err));
    TRY(get_file(&reader, root, "cohort", &generation->cohort, err));
    TRY(get_lists(&reader, root, generation, err));
    TRY(get_adjacency(&reader, root, version, generation, err));
    TRY(get_facts(&reader, root, generation, err));
    *wrong = reader.wrong;
    return status_ok();
}

/* Whether the text is what generation_save wrote, to the last bit: everything up to the checksum's
 * key, and behind the key just the digits and the end. */
static bool checksum_is_right(const struct bytes *text, const struct json *root) {
    enum { KEY_BYTES = sizeof checksum_key - 1 };
    static const char ending[] = "\"\n}\n";
    uint64_t promised;
    const char *digits = json_text(json_get(root, "xxh64"));
    size_t tail_bytes = KEY_BYTES + 1 + CHECKSUM_TEXT_BYTES - 1 + sizeof ending - 1;
    if (digits == NULL || !checksum_parse(digits, &promised) || text->count < tail_bytes) {
        return false;
    }
    size_t covered = text->count - tail_bytes;
    return memcmp(text->data + covered, checksum_key, KEY_BYTES) == 0 &&
           memcmp(text->data + text->count - (sizeof ending - 1), ending, sizeof ending - 1) == 0 &&
           checksum_of(text->data, covered, 0) == promised;
}

/* A manifest of a later layout is not damaged, and this program must leave its generation alone. It
 * ends with its checksum as ours do: else it cannot be told from a damaged one. */
static struct status newer_refuse(const struct bytes *text, const struct json *root,
                                  const char *path, struct err *err) {
    uint64_t version;
    if (json_u64(json_get(root, "tieflow_state"), &version) && version > MANIFEST_VERSION &&
        checksum_is_right(text, root)) {
        return err_set(err, FAILURE_CONFIG,
                       "%s: a newer tieflow made this state (its layout is %" PRIu64
                       ", this program knows those up to %d): run that one",
                       path, version, MANIFEST_VERSION);
    }
    return status_ok();
}

struct status generation_load(struct generation *generation, const char *path, struct err *err) {
    struct bytes text = {0};
    struct json *root = NULL;
    const char *wrong = NULL;
    struct status status = file_read_all(path, &text, err);
    if (!failed(status)) {
        status = json_parse(&root, (const char *)text.data, text.count, err);
        if (failed(status)) {
            err_prefix(err, "%s", path);
        }
    }
    if (!failed(status)) {
        status = newer_refuse(&text, root, path, err);
    }
    if (!failed(status)) {
        status = get_generation(root, generation, &wrong, err);
    }
    if (!failed(status) && wrong == NULL && !checksum_is_right(&text, root)) {
        wrong = "xxh64";
    }
    if (!failed(status) && wrong != NULL) {
        status = err_set(err, FAILURE_DATA,
                         "%s: \"%s\" is missing or wrong: the state is damaged, or was made by "
                         "another version of tieflow",
                         path, wrong);
    }
    json_free(root);
    bytes_release(&text);
    return status;
}
