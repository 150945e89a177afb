#include "pipeline/publish.h"

#include "pipeline/dead_letters.h"
#include "pipeline/summary.h"
#include "schemas/tie.h"
#include "stages/base/checksum.h"
#include "stages/base/files.h"
#include "stages/base/json_writer.h"
#include "stages/tie_store/tie_segment.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 4096, FILES_MAX = 16, NOTES = 4 };

/* What was written, for the manifest. */
struct written {
    const struct table *table;
    enum table_format format;
    struct table_file file;
};

struct publisher {
    const struct publication *publication;
    char run_id[CHECKSUM_TEXT_BYTES];
    char as_of[24];
    struct table_note notes[NOTES];
    size_t note_count;
    struct written written[FILES_MAX];
    size_t written_count;
    struct table_file letters; /* with LETTERS_FILE and letters */
};

/* One table in every format asked for. */
struct tee {
    const struct table *table;
    struct table_writer *writers[TABLE_FORMATS];
};

static bool has_format(const struct publication *publication, enum table_format format) {
    switch (format) {
    case TABLE_CSV:
        return publication->formats.csv;
    case TABLE_PARQUET:
        return publication->formats.parquet;
    default:
        return publication->formats.outbox;
    }
}

static void tee_discard(struct tee *tee) {
    for (int i = 0; i < TABLE_FORMATS; i++) {
        table_writer_discard(tee->writers[i]);
        tee->writers[i] = NULL;
    }
}

static struct status tee_open(struct publisher *publisher, const struct table *table,
                              struct tee *tee, struct err *err) {
    *tee = (struct tee){.table = table};
    for (int i = 0; i < TABLE_FORMATS; i++) {
        enum table_format format = (enum table_format)i;
        if (!has_format(publisher->publication, format)) {
            continue;
        }
        struct status status =
            table_writer_open(&tee->writers[i], format, publisher->publication->folder, table,
                              publisher->notes, publisher->note_count, err);
        if (failed(status)) {
            tee->writers[i] = NULL;
            tee_discard(tee);
            return status;
        }
    }
    return status_ok();
}

static struct status tee_append(struct tee *tee, const union column_values *columns, size_t rows,
                                struct err *err) {
    for (int i = 0; i < TABLE_FORMATS; i++) {
        if (tee->writers[i] != NULL && rows != 0) {
            TRY(table_writer_append(tee->writers[i], columns, rows, err));
        }
    }
    return status_ok();
}

/* Commits every format, or discards all when `status` is a failure already; returns the outcome. */
static struct status tee_close(struct publisher *publisher, struct tee *tee, struct status status,
                               struct err *err) {
    for (int i = 0; i < TABLE_FORMATS && !failed(status); i++) {
        if (tee->writers[i] == NULL) {
            continue;
        }
        struct written *written = &publisher->written[publisher->written_count];
        *written = (struct written){.table = tee->table, .format = (enum table_format)i};
        status = table_writer_commit(tee->writers[i], &written->file, err);
        tee->writers[i] = NULL;
        publisher->written_count += i == TABLE_OUTBOX ? 0 : 1;
        assert(publisher->written_count <= FILES_MAX);
    }
    tee_discard(tee);
    return status;
}

/* The columns of `ties` that are not already columns of the tie store. */
struct ties_block {
    uint64_t from[TIE_SEGMENT_FRAME_ITEMS];
    uint64_t to[TIE_SEGMENT_FRAME_ITEMS];
    int64_t ended_at_ms[TIE_SEGMENT_FRAME_ITEMS];
    uint64_t in_union[TIE_SEGMENT_FRAME_ITEMS];
    double strength[TIE_SEGMENT_FRAME_ITEMS];
};

static struct status ties_append(const struct publication *publication, struct tee *tee,
                                 const struct tie_columns *ties, uint64_t first_tie,
                                 const struct ending_index *endings, struct ties_block *block,
                                 struct err *err) {
    for (size_t i = 0; i < ties->count; i++) {
        struct tie tie = {
            .from = dictionary_member(publication->dictionary, (struct node_id){ties->from[i]}),
            .to = dictionary_member(publication->dictionary, (struct node_id){ties->to[i]}),
            .mutual = ties->mutual[i],
            .degree_from = ties->degree_from[i],
            .degree_to = ties->degree_to[i],
        };
        block->from[i] = tie.from.v;
        block->to[i] = tie.to.v;
        block->ended_at_ms[i] =
            ending_index_find(endings, ties->from[i], ties->to[i], first_tie + i);
        block->in_union[i] = tie_union(&tie);
        block->strength[i] = tie_strength(&tie);
    }
    const union column_values columns[] = {
        {.u64 = block->from},
        {.u64 = block->to},
        {.time_ms = ties->created_at_ms},
        {.time_ms = block->ended_at_ms},
        {.u32 = ties->mutual},
        {.u32 = ties->degree_from},
        {.u32 = ties->degree_to},
        {.u64 = block->in_union},
        {.f64 = block->strength},
    };
    return tee_append(tee, columns, ties->count, err);
}

static struct status segment_append(const struct publication *publication, struct tee *tee,
                                    const char *path, const struct ending_index *endings,
                                    struct ties_block *block, struct err *err) {
    struct input *input;
    struct tie_segment_reader *reader;
    TRY(input_open(&input, path, err));
    TRY(tie_segment_reader_new(&reader, input, err));
    struct status status;
    for (;;) {
        const struct tie_columns *ties;
        const struct tie_ending *ended;
        size_t ended_count;
        uint64_t first_tie;
        TRY_OR(done, status,
               tie_segment_next(reader, dictionary_count(publication->dictionary), &ties,
                                &first_tie, &ended, &ended_count, err));
        if (ties == NULL && ended == NULL) {
            break;
        }
        if (ties != NULL) {
            TRY_OR(done, status,
                   ties_append(publication, tee, ties, first_tie, endings, block, err));
            progress_update(publication->progress, publication->progress->done + ties->count);
        }
    }
done:
    tie_segment_reader_free(reader);
    return status;
}

static struct status ties_publish(struct publisher *publisher, const struct ties_source *source,
                                  struct err *err) {
    const struct publication *publication = publisher->publication;
    struct tee tee;
    struct ties_block *block = malloc(sizeof *block);
    if (block == NULL) {
        return err_memory(err, sizeof *block, "writing ties");
    }
    progress_begin(publication->progress, "writing", "ties", source->tie_count);
    struct status status = tee_open(publisher, &table_ties, &tee, err);
    if (!failed(status)) {
        for (size_t i = 0; i < source->path_count && !failed(status); i++) {
            status =
                segment_append(publication, &tee, source->paths[i], source->endings, block, err);
        }
        status = tee_close(publisher, &tee, status, err);
    }
    progress_end(publication->progress);
    free(block);
    return status;
}

static struct status endings_publish(struct publisher *publisher, const struct tie_ending *endings,
                                     size_t count, struct err *err) {
    const struct dictionary *dictionary = publisher->publication->dictionary;
    uint64_t low[BLOCK_ROWS];
    uint64_t high[BLOCK_ROWS];
    int64_t ended_at_ms[BLOCK_ROWS];
    struct tee tee;
    TRY(tee_open(publisher, &table_endings, &tee, err));
    struct status status = status_ok();
    for (size_t first = 0; first < count && !failed(status); first += BLOCK_ROWS) {
        size_t rows = count - first < BLOCK_ROWS ? count - first : BLOCK_ROWS;
        for (size_t i = 0; i < rows; i++) {
            const struct tie_ending *ending = &endings[first + i];
            uint64_t a = dictionary_member(dictionary, (struct node_id){ending->from}).v;
            uint64_t b = dictionary_member(dictionary, (struct node_id){ending->to}).v;
            low[i] = a < b ? a : b;
            high[i] = a < b ? b : a;
            ended_at_ms[i] = ending->ended_at_ms;
        }
        const union column_values columns[] = {
            {.u64 = low}, {.u64 = high}, {.time_ms = ended_at_ms}};
        status = tee_append(&tee, columns, rows, err);
    }
    return tee_close(publisher, &tee, status, err);
}

static struct status late_append(struct tee *tee, const struct event *events, size_t count,
                                 struct err *err) {
    for (size_t i = 0; i < count; i++) {
        const char *kind = event_kind_name(events[i].kind);
        const char *origin = event_origin_name(events[i].origin);
        const union column_values columns[] = {
            {.time_ms = &events[i].at_ms},
            {.u64 = &events[i].from.v},
            {.u64 = &events[i].to.v},
            {.text = &kind},
            {.text = &origin},
        };
        TRY(tee_append(tee, columns, 1, err));
    }
    return status_ok();
}

static struct status late_publish(struct publisher *publisher, struct order *late,
                                  struct err *err) {
    struct tee tee;
    TRY(tee_open(publisher, &table_late, &tee, err));
    struct status status = status_ok();
    size_t count = late == NULL ? 0 : 1;
    while (count != 0 && !failed(status)) {
        const struct event *events;
        status = order_next(late, BLOCK_ROWS, &events, &count, err);
        if (!failed(status)) {
            status = late_append(&tee, events, count, err);
        }
    }
    return tee_close(publisher, &tee, status, err);
}

static const char connections_log[] = "connections";

static struct status quarantine_publish(struct publisher *publisher,
                                        const struct quarantined *quarantine, size_t count,
                                        struct err *err) {
    struct tee tee;
    TRY(tee_open(publisher, &table_quarantine, &tee, err));
    struct status status = status_ok();
    for (size_t i = 0; i < count && !failed(status); i++) {
        const char *log = connections_log;
        const char *file = quarantine[i].file;
        const char *reason = quarantine[i].reason;
        const char *content = quarantine[i].content;
        const union column_values columns[] = {
            {.text = &log},    {.text = &file},    {.u64 = &quarantine[i].record},
            {.text = &reason}, {.text = &content},
        };
        status = tee_append(&tee, columns, 1, err);
    }
    return tee_close(publisher, &tee, status, err);
}

static struct status quality_publish(struct publisher *publisher, struct err *err) {
    const struct quality *quality = publisher->publication->quality;
    const char *logs[QUALITY_CHECKS];
    const char *checks[QUALITY_CHECKS];
    for (int i = 0; i < QUALITY_CHECKS; i++) {
        logs[i] = connections_log;
        checks[i] = quality_check_name((enum quality_check)i);
    }
    const union column_values columns[] = {
        {.text = logs}, {.text = checks}, {.u64 = quality->count}};
    struct tee tee;
    TRY(tee_open(publisher, &table_quality, &tee, err));
    return tee_close(publisher, &tee, tee_append(&tee, columns, QUALITY_CHECKS, err), err);
}

/* The original bytes of the quarantined records. */
static struct status letters_publish(struct publisher *publisher, const struct small_tables *small,
                                     struct err *err) {
    const struct publication *publication = publisher->publication;
    struct dead_letters letters = {
        .topic = small->topic,
        .items = small->quarantine,
        .count = small->quarantine_count,
        .run_id = publication->run_id,
    };
    if (letters.count == 0) {
        return status_ok();
    }
    if (small->letters == LETTERS_FILE) {
        return dead_letters_write(&letters, publication->folder, &publisher->letters, err);
    }
    if (small->letters == LETTERS_OUTBOX) {
        bool is_date = date_parse(publication->date, &letters.date_ms);
        assert(is_date);
        (void)is_date;
        return dead_letters_post(&letters, publication->folder, err);
    }
    return status_ok();
}

static void manifest_put_file(struct json_writer *writer, const char *name,
                              const struct table_file *file) {
    char checksum[CHECKSUM_TEXT_BYTES];
    checksum_format(file->checksum, checksum);
    json_object_begin(writer, NULL);
    json_put_text(writer, "file", name);
    json_put_u64(writer, "rows", file->rows);
    json_put_u64(writer, "bytes", file->bytes);
    json_put_text(writer, "xxh64", checksum);
    json_object_end(writer);
}

static void manifest_put_tables(struct json_writer *writer, const struct publisher *publisher) {
    json_array_begin(writer, "tables");
    for (size_t i = 0; i < publisher->written_count; i++) {
        const struct written *written = &publisher->written[i];
        char name[64];
        (void)snprintf(name, sizeof name, "%s%s", written->table->name,
                       table_format_ending(written->format));
        manifest_put_file(writer, name, &written->file);
    }
    if (publisher->letters.rows != 0) {
        manifest_put_file(writer, dead_letters_file, &publisher->letters);
    }
    json_array_end(writer);
}

static void manifest_put(struct json_writer *writer, const struct publisher *publisher,
                         const struct small_tables *small) {
    const struct publication *publication = publisher->publication;
    json_object_begin(writer, NULL);
    json_put_u64(writer, "tieflow_tables", 1);
    json_put_text(writer, "run_id", publisher->run_id);
    if (publication->date != NULL) {
        json_put_text(writer, "date", publication->date);
    }
    if (publication->has_as_of) {
        json_put_i64(writer, "as_of", publication->as_of_ms);
    } else {
        json_put_null(writer, "as_of");
    }
    json_object_begin(writer, "settings");
    json_put_text(writer, "simultaneous", simultaneous_name(publication->simultaneous));
    json_object_end(writer);
    manifest_put_tables(writer, publisher);
    json_object_begin(writer, "quality");
    for (int i = 0; i < QUALITY_CHECKS; i++) {
        json_put_u64(writer, quality_check_name((enum quality_check)i),
                     publication->quality->count[i]);
    }
    json_object_end(writer);
    struct summary made = summary_of(publication->made, publication->cohort);
    struct summary cohort = summary_of(publication->cohort, publication->cohort);
    summary_put(writer, "summary", &made);
    summary_put(writer, "cohort", &cohort);
    json_array_begin(writer, "inputs");
    for (size_t i = 0; i < small->extent_count; i++) {
        json_object_begin(writer, NULL);
        json_put_text(writer, "name", small->extents[i].name);
        json_put_u64(writer, "records", small->extents[i].end);
        json_put_u64(writer, "left_for_later", small->extents[i].left);
        json_object_end(writer);
    }
    json_array_end(writer);
    json_object_end(writer);
}

static struct status manifest_publish(const struct publisher *publisher,
                                      const struct small_tables *small, struct err *err) {
    struct json_writer writer = {0};
    struct output *output = NULL;
    manifest_put(&writer, publisher, small);
    struct status status;
    TRY_OR(done, status, json_writer_finish(&writer, err));
    TRY_OR(done, status,
           folder_output(&output, publisher->publication->folder, "manifest.json", err));
    status = output_write(output, writer.text.data, writer.text.count, err);
    if (failed(status)) {
        output_discard(output);
    } else {
        status = output_commit(output, NULL, NULL, err);
    }
done:
    json_writer_release(&writer);
    return status;
}

/* What every Parquet file says about itself. */
static void publisher_init(struct publisher *publisher, const struct publication *publication) {
    *publisher = (struct publisher){.publication = publication};
    checksum_format(publication->run_id, publisher->run_id);
    struct table_note *notes = publisher->notes;
    notes[publisher->note_count++] = (struct table_note){"tieflow.run_id", publisher->run_id};
    notes[publisher->note_count++] =
        (struct table_note){"tieflow.simultaneous", simultaneous_name(publication->simultaneous)};
    if (publication->has_as_of) {
        (void)snprintf(publisher->as_of, sizeof publisher->as_of, "%" PRId64,
                       publication->as_of_ms);
        notes[publisher->note_count++] = (struct table_note){"tieflow.as_of", publisher->as_of};
    }
    if (publication->date != NULL) {
        notes[publisher->note_count++] = (struct table_note){"tieflow.date", publication->date};
    }
    assert(publisher->note_count <= NOTES);
}

struct status publish_period(const struct publication *publication, const struct ties_source *ties,
                             const struct small_tables *small, struct err *err) {
    struct publisher publisher;
    publisher_init(&publisher, publication);
    if (!quality_adds_up(publication->quality)) {
        return err_set(err, FAILURE_INTERNAL,
                       "the quality counts do not add up: this is a bug of tieflow; please report "
                       "it with the log");
    }
    TRY(ties_publish(&publisher, ties, err));
    TRY(endings_publish(&publisher, small->endings, small->ending_count, err));
    TRY(late_publish(&publisher, small->late, err));
    TRY(quarantine_publish(&publisher, small->quarantine, small->quarantine_count, err));
    TRY(quality_publish(&publisher, err));
    TRY(letters_publish(&publisher, small, err));
    return manifest_publish(&publisher, small, err);
}

struct status publish_ties(const struct publication *publication, const struct ties_source *ties,
                           struct err *err) {
    struct publisher publisher;
    publisher_init(&publisher, publication);
    return ties_publish(&publisher, ties, err);
}
