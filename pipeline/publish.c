#include "pipeline/publish.h"

#include "pipeline/dead_letters.h"
#include "pipeline/summary.h"
#include "pipeline/ties_writer.h"
#include "stages/base/checksum.h"
#include "stages/base/files.h"
#include "stages/base/json_writer.h"
#include "stages/tie_store/tie_segment.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 4096, FILES_MAX = 64, NOTES = 8, QUALITY_ROWS_MAX = 128 };

/* What was written, for the manifest. */
struct written {
    char name[64];
    struct table_file file;
};

/* A row of `quality`. */
struct quality_row {
    const char *log;
    const char *check;
    uint64_t count;
};

struct publisher {
    const struct publication *publication;
    const struct ties_source *ties; /* at the end alone */
    struct tee ties_tee;
    struct tee endings_tee;
    struct ties_writer *ties_writer; /* NULL where the table is not written here */
    char run_id[CHECKSUM_TEXT_BYTES];
    char as_of[24];
    struct table_note notes[NOTES];
    size_t note_count;
    struct written written[FILES_MAX];
    size_t written_count;
    struct database *database; /* with more tables; NULL before and after its time */
    struct quality_row quality[QUALITY_ROWS_MAX];
    size_t quality_count;
};

static bool has_format(const struct table_formats *formats, enum table_format format) {
    switch (format) {
    case TABLE_CSV:
        return formats->csv;
    case TABLE_PARQUET:
        return formats->parquet;
    default:
        return formats->outbox;
    }
}

static void tee_discard(struct tee *tee) {
    for (int i = 0; i < TABLE_FORMATS; i++) {
        table_writer_discard(tee->writers[i]);
        tee->writers[i] = NULL;
    }
}

/* Opens a table in some of the publication's formats. */
static struct status tee_open_as(struct publisher *publisher, const struct table_formats *formats,
                                 const struct table *table, struct tee *tee, struct err *err) {
    *tee = (struct tee){.table = table};
    const struct table_options options = {
        .notes = publisher->notes,
        .note_count = publisher->note_count,
        .threads = publisher->publication->threads,
        .is_synced_later = publisher->publication->is_synced_later,
    };
    if (publisher->database != NULL && database_takes(table)) {
        tee->database = publisher->database;
    }
    for (int i = 0; i < TABLE_FORMATS; i++) {
        enum table_format format = (enum table_format)i;
        if (!has_format(formats, format) || (format == TABLE_OUTBOX && table->is_cumulative)) {
            continue;
        }
        struct status status = table_writer_open(
            &tee->writers[i], format, publisher->publication->folder, table, &options, err);
        if (failed(status)) {
            tee->writers[i] = NULL;
            tee_discard(tee);
            return status;
        }
    }
    return status_ok();
}

struct status tee_open(struct publisher *publisher, const struct table *table, struct tee *tee,
                       struct err *err) {
    return tee_open_as(publisher, &publisher->publication->formats, table, tee, err);
}

struct status tee_append(struct tee *tee, const union column_values *columns, size_t rows,
                         struct err *err) {
    for (int i = 0; i < TABLE_FORMATS; i++) {
        if (tee->writers[i] != NULL && rows != 0) {
            TRY(table_writer_append(tee->writers[i], columns, rows, err));
        }
    }
    if (tee->database != NULL && rows != 0) {
        TRY(database_append(tee->database, tee->table, columns, rows, err));
    }
    return status_ok();
}

struct status publisher_file(struct publisher *publisher, const char *name,
                             const struct table_file *file, struct err *err) {
    struct written *written = &publisher->written[publisher->written_count];
    if (publisher->written_count == FILES_MAX || strlen(name) >= sizeof written->name) {
        return err_set(err, FAILURE_INTERNAL, "the manifest has no room for %s", name);
    }
    (void)snprintf(written->name, sizeof written->name, "%s", name);
    written->file = *file;
    publisher->written_count++;
    return status_ok();
}

static struct status writer_close(struct publisher *publisher, struct tee *tee,
                                  enum table_format format, struct err *err) {
    char name[64];
    struct table_file file;
    struct table_writer *writer = tee->writers[format];
    tee->writers[format] = NULL;
    TRY(table_writer_commit(writer, &file, err));
    if (format == TABLE_OUTBOX) {
        return status_ok();
    }
    (void)snprintf(name, sizeof name, "%s%s", tee->table->name, table_format_ending(format));
    return publisher_file(publisher, name, &file, err);
}

struct status tee_close(struct publisher *publisher, struct tee *tee, struct status status,
                        struct err *err) {
    for (int i = 0; i < TABLE_FORMATS && !failed(status); i++) {
        if (tee->writers[i] != NULL) {
            status = writer_close(publisher, tee, (enum table_format)i, err);
        }
    }
    tee_discard(tee);
    return status;
}

void publisher_note(struct publisher *publisher, const char *key, const char *value) {
    assert(publisher->note_count < NOTES);
    publisher->notes[publisher->note_count++] = (struct table_note){key, value};
}

struct status publisher_quality(struct publisher *publisher, const char *log, const char *check,
                                uint64_t count, struct err *err) {
    if (publisher->quality_count == QUALITY_ROWS_MAX) {
        return err_set(err, FAILURE_INTERNAL, "the table quality has no room for %s, %s", log,
                       check);
    }
    publisher->quality[publisher->quality_count++] = (struct quality_row){log, check, count};
    return status_ok();
}

/* What every Parquet file says about itself. */
static void publisher_init(struct publisher *publisher, const struct publication *publication) {
    *publisher = (struct publisher){.publication = publication};
    checksum_format(publication->run_id, publisher->run_id);
    publisher_note(publisher, "tieflow.run_id", publisher->run_id);
    publisher_note(publisher, "tieflow.simultaneous", simultaneous_name(publication->simultaneous));
    if (publication->has_as_of) {
        (void)snprintf(publisher->as_of, sizeof publisher->as_of, "%" PRId64,
                       publication->as_of_ms);
        publisher_note(publisher, "tieflow.as_of", publisher->as_of);
    }
    if (publication->date != NULL) {
        publisher_note(publisher, "tieflow.date", publication->date);
    }
}

/* --- ties of segments --- */

static struct status segment_append(const struct publication *publication,
                                    struct ties_writer *writer, const char *path, struct err *err) {
    struct input *input;
    struct tie_segment_reader *reader;
    TRY(input_open(&input, path, err));
    TRY(tie_segment_reader_new(&reader, input, publication->threads == 0 ? 1 : publication->threads,
                               err));
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
            const struct tie_slice slice = tie_columns_slice(ties);
            TRY_OR(done, status, ties_writer_put(writer, &slice, first_tie, err));
            progress_update(publication->progress, publication->progress->done + ties->count);
        }
    }
done:
    tie_segment_reader_free(reader);
    return status;
}

static struct status segments_append(const struct publication *publication, struct tee *tee,
                                     const struct ties_source *source, struct err *err) {
    const struct ties_writer_options options = {
        .dictionary = publication->dictionary,
        .endings = source->endings,
        .until_ms = INT64_MAX,
        .threads = publication->threads,
    };
    struct ties_writer *writer;
    TRY(ties_writer_new(&writer, tee, &options, err));
    struct status status = status_ok();
    for (size_t i = 0; i < source->path_count && !failed(status); i++) {
        status = segment_append(publication, writer, source->paths[i], err);
    }
    if (!failed(status)) {
        status = ties_writer_finish(writer, err);
    }
    ties_writer_free(writer);
    return status;
}

struct status publish_ties(const struct publication *publication, const struct ties_source *ties,
                           struct err *err) {
    struct publisher publisher;
    struct tee tee;
    publisher_init(&publisher, publication);
    progress_begin(publication->progress, "writing", "ties", ties->tie_count);
    struct status status = tee_open(&publisher, &table_ties, &tee, err);
    if (!failed(status)) {
        status = segments_append(publication, &tee, ties, err);
        status = tee_close(&publisher, &tee, status, err);
    }
    progress_end(publication->progress);
    return status;
}

/* --- ties and endings as they happen --- */

struct status publisher_put_ties(struct publisher *publisher, const struct tie_slice *ties,
                                 uint64_t first_number, struct err *err) {
    return publisher->ties_writer == NULL
               ? status_ok()
               : ties_writer_put(publisher->ties_writer, ties, first_number, err);
}

struct status publisher_put_endings(struct publisher *publisher, const struct ending_slice *ended,
                                    struct err *err) {
    const struct dictionary *dictionary = publisher->publication->dictionary;
    uint64_t low[BLOCK_ROWS];
    uint64_t high[BLOCK_ROWS];
    for (size_t first = 0; first < ended->count; first += BLOCK_ROWS) {
        size_t rows = ended->count - first < BLOCK_ROWS ? ended->count - first : BLOCK_ROWS;
        for (size_t i = 0; i < rows; i++) {
            uint64_t a = dictionary_member(dictionary, (struct node_id){ended->from[first + i]}).v;
            uint64_t b = dictionary_member(dictionary, (struct node_id){ended->to[first + i]}).v;
            low[i] = a < b ? a : b;
            high[i] = a < b ? b : a;
        }
        const union column_values columns[] = {
            {.u64 = low}, {.u64 = high}, {.time_ms = ended->at_ms + first}};
        TRY(tee_append(&publisher->endings_tee, columns, rows, err));
    }
    return status_ok();
}

static struct status late_publish(struct publisher *publisher, const struct event_list *late,
                                  struct err *err) {
    struct tee tee;
    TRY(tee_open(publisher, &table_late, &tee, err));
    struct status status = status_ok();
    size_t count = late == NULL ? 0 : late->count;
    for (size_t i = 0; i < count && !failed(status); i++) {
        const struct event *event = &late->items[i];
        const char *kind = event_kind_name(event->kind);
        const char *origin = event_origin_name(event->origin);
        const union column_values columns[] = {
            {.time_ms = &event->at_ms}, {.u64 = &event->from.v},
            {.u64 = &event->to.v},      {.text = &kind},
            {.text = &origin},
        };
        status = tee_append(&tee, columns, 1, err);
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
        const char *log = quarantine[i].log;
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
    const char *logs[QUALITY_ROWS_MAX];
    const char *checks[QUALITY_ROWS_MAX];
    uint64_t counts[QUALITY_ROWS_MAX];
    for (size_t i = 0; i < publisher->quality_count; i++) {
        logs[i] = publisher->quality[i].log;
        checks[i] = publisher->quality[i].check;
        counts[i] = publisher->quality[i].count;
    }
    const union column_values columns[] = {{.text = logs}, {.text = checks}, {.u64 = counts}};
    struct tee tee;
    TRY(tee_open(publisher, &table_quality, &tee, err));
    struct status status = tee_append(&tee, columns, publisher->quality_count, err);
    return tee_close(publisher, &tee, status, err);
}

/* The original bytes of the quarantined records. */
static struct status letters_publish(struct publisher *publisher, const struct small_tables *small,
                                     struct err *err) {
    const struct publication *publication = publisher->publication;
    struct dead_letters letters = {
        .items = small->quarantine,
        .count = small->quarantine_count,
        .run_id = publication->run_id,
    };
    if (letters.count == 0) {
        return status_ok();
    }
    if (small->letters == LETTERS_FILE) {
        struct table_file file;
        TRY(dead_letters_write(&letters, publication->folder, &file, err));
        return publisher_file(publisher, dead_letters_file, &file, err);
    }
    if (small->letters == LETTERS_OUTBOX) {
        bool is_date = date_parse(publication->date, &letters.date_ms);
        assert(is_date);
        (void)is_date;
        return dead_letters_post(&letters, publication->folder, err);
    }
    return status_ok();
}

static void manifest_put_file(struct json_writer *writer, const struct written *written) {
    char checksum[CHECKSUM_TEXT_BYTES];
    checksum_format(written->file.checksum, checksum);
    json_object_begin(writer, NULL);
    json_put_text(writer, "file", written->name);
    json_put_u64(writer, "rows", written->file.rows);
    json_put_u64(writer, "bytes", written->file.bytes);
    json_put_text(writer, "xxh64", checksum);
    json_object_end(writer);
}

static void manifest_put_tables(struct json_writer *writer, const struct publisher *publisher) {
    json_array_begin(writer, "tables");
    for (size_t i = 0; i < publisher->written_count; i++) {
        manifest_put_file(writer, &publisher->written[i]);
    }
    json_array_end(writer);
}

/* What became of the log's events. */
static void manifest_put_connections(struct json_writer *writer,
                                     const struct publication *publication) {
    json_object_begin(writer, "quality");
    for (int i = 0; i < QUALITY_CHECKS; i++) {
        json_put_u64(writer, quality_check_name((enum quality_check)i),
                     publication->quality->count[i]);
    }
    json_object_end(writer);
    struct summary made = summary_of(publication->made, publication->cohort);
    summary_put(writer, "summary", &made);
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
    if (publication->more != NULL) {
        publication->more->put_settings(publication->more->context, writer);
    }
    json_object_end(writer);
    manifest_put_tables(writer, publisher);
    if (publication->quality != NULL) {
        manifest_put_connections(writer, publication);
    }
    struct summary cohort = summary_of(publication->cohort, publication->cohort);
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
        status = publisher->publication->is_synced_later
                     ? output_commit_unsynced(output, NULL, NULL, err)
                     : output_commit(output, NULL, NULL, err);
    }
done:
    json_writer_release(&writer);
    return status;
}

const struct publication *publisher_publication(const struct publisher *publisher) {
    return publisher->publication;
}

const struct ties_source *publisher_ties(const struct publisher *publisher) {
    assert(publisher->ties != NULL);
    return publisher->ties;
}

/* The first rows of `quality`: those of the connections. */
static struct status connections_quality(struct publisher *publisher, struct err *err) {
    const struct quality *quality = publisher->publication->quality;
    if (!quality_adds_up(quality)) {
        return err_set(err, FAILURE_INTERNAL,
                       "the quality counts do not add up: this is a bug of tieflow; please report "
                       "it with the log");
    }
    for (int i = 0; i < QUALITY_CHECKS; i++) {
        TRY(publisher_quality(publisher, connections_log, quality_check_name((enum quality_check)i),
                              quality->count[i], err));
    }
    return status_ok();
}

static struct status more_tables_publish(struct publisher *publisher, struct err *err) {
    const struct more_tables *more = publisher->publication->more;
    TRY(more->publish(more->context, publisher, err));
    return quality_publish(publisher, err);
}

/* More tables, `quality`, the database of them, and what is made from it. */
static struct status more_publish(struct publisher *publisher, struct err *err) {
    const struct more_tables *more = publisher->publication->more;
    struct table_file file;
    if (more->finish == NULL) {
        return more_tables_publish(publisher, err);
    }
    TRY(database_new(&publisher->database, err));
    struct status status = more_tables_publish(publisher, err);
    struct database *database = publisher->database;
    publisher->database = NULL;
    if (failed(status)) {
        database_discard(database);
        return status;
    }
    TRY(database_commit(database, publisher->publication->folder, &file, err));
    TRY(publisher_file(publisher, DATABASE_FILE, &file, err));
    return more->finish(more->context, publisher, err);
}

/* Opens `ties`, where its rows come while they are made. With a study the files are its own to
 * write, after its cohort is known; Kafka gets the same rows with a study as without, and with or
 * without files. */
static struct status ties_open(struct publisher *publisher, struct err *err) {
    const struct publication *publication = publisher->publication;
    struct table_formats formats = publication->formats;
    if (publication->more != NULL || formats.without_ties) {
        formats = (struct table_formats){.outbox = formats.outbox};
    }
    if (!formats.csv && !formats.parquet && !formats.outbox) {
        return status_ok();
    }
    const struct ties_writer_options options = {
        .dictionary = publication->dictionary,
        .endings = publication->endings,
        .until_ms = publication->has_as_of ? publication->as_of_ms : INT64_MAX,
        .threads = publication->threads,
    };
    TRY(tee_open_as(publisher, &formats, &table_ties, &publisher->ties_tee, err));
    return ties_writer_new(&publisher->ties_writer, &publisher->ties_tee, &options, err);
}

struct status publisher_new(struct publisher **publisher, const struct publication *publication,
                            struct err *err) {
    struct publisher *made = calloc(1, sizeof *made);
    *publisher = NULL;
    if (made == NULL) {
        return err_memory(err, sizeof *made, "the tables of a period");
    }
    publisher_init(made, publication);
    struct status status = ties_open(made, err);
    if (!failed(status)) {
        status = tee_open(made, &table_endings, &made->endings_tee, err);
    }
    if (failed(status)) {
        publisher_free(made);
        return status;
    }
    *publisher = made;
    return status;
}

void publisher_free(struct publisher *publisher) {
    if (publisher != NULL) {
        ties_writer_free(publisher->ties_writer);
        tee_discard(&publisher->ties_tee);
        tee_discard(&publisher->endings_tee);
        free(publisher);
    }
}

struct status publisher_finish(struct publisher *publisher, const struct ties_source *ties,
                               const struct small_tables *small, struct err *err) {
    const struct publication *publication = publisher->publication;
    publisher->ties = ties;
    TRY(connections_quality(publisher, err));
    if (publisher->ties_writer != NULL) {
        TRY(ties_writer_finish(publisher->ties_writer, err));
    }
    TRY(tee_close(publisher, &publisher->ties_tee, status_ok(), err));
    TRY(tee_close(publisher, &publisher->endings_tee, status_ok(), err));
    TRY(late_publish(publisher, small->late, err));
    TRY(quarantine_publish(publisher, small->quarantine, small->quarantine_count, err));
    TRY(publication->more == NULL ? quality_publish(publisher, err) : more_publish(publisher, err));
    TRY(letters_publish(publisher, small, err));
    return manifest_publish(publisher, small, err);
}

struct status publish_more(const struct publication *publication, const struct ties_source *ties,
                           const struct small_tables *small, struct err *err) {
    struct publisher publisher;
    publisher_init(&publisher, publication);
    publisher.ties = ties;
    TRY(quarantine_publish(&publisher, small->quarantine, small->quarantine_count, err));
    TRY(more_publish(&publisher, err));
    return manifest_publish(&publisher, small, err);
}
