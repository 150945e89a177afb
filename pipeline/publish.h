/* The tables of one period, and the manifest beside them.
 *
 * A published folder holds ties, endings, late, quarantine and quality, as CSV and Parquet, and
 * manifest.json: row counts, sizes and checksums of the files, settings, quality, a summary, and
 * which logs were read how far. Nothing in it depends on clocks, threads or batches. Whoever has
 * more tables for the folder adds them through the same publisher, so that one manifest knows all
 * files.
 */
#ifndef TIEFLOW_PIPELINE_PUBLISH_H
#define TIEFLOW_PIPELINE_PUBLISH_H

#include "pipeline/ingest.h"
#include "schemas/status.h"
#include "stages/base/json_writer.h"
#include "stages/dictionary/dictionary.h"
#include "stages/sink/database.h"
#include "stages/sink/table_writer.h"
#include "stages/tie_store/ending_index.h"
#include "stages/tie_store/histogram.h"
#include "stages/tie_store/tie_segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which files are written; at least one of the first two. */
struct table_formats {
    bool csv;
    bool parquet;
    bool without_ties; /* of all tables but `ties`, which the state keeps */
    bool outbox; /* for by-date runs: what Kafka is to get. It goes away once Kafka has it, so the
                  * manifest does not speak of it */
};

/* Where the original bytes of records that could not be read go. */
enum letters_place {
    LETTERS_NOWHERE, /* a file's records are in the file; a repeated date's have gone already */
    LETTERS_FILE,    /* dead_letters.ndjson, one of the published files where there are any */
    LETTERS_OUTBOX,
};

struct publisher;

/* More tables for the folder, and what the manifest says of them. With them comes the database of
 * stages/sink/database.h, which gets the rows of all tables that it takes. */
struct more_tables {
    void *context;
    bool needs_rows; /* of the graph at the end of the period, in graph->rows */
    /* Writes them, and `ties` in its place (table_ties_of_study, of publisher_ties); called behind
     * all tables but `quality`. What Kafka is to get of the ties is written already. */
    struct status (*publish)(void *context, struct publisher *publisher, struct err *err);
    /* Writes what is made from the database, which is in the folder now. NULL: no database. */
    struct status (*finish)(void *context, struct publisher *publisher, struct err *err);
    /* Adds to the settings in the manifest. */
    void (*put_settings)(void *context, struct json_writer *writer);
};

struct publication {
    const char *folder; /* exists; files are written into it */
    struct table_formats formats;
    enum simultaneous simultaneous;
    const char *date; /* NULL for a run that is not by date */
    int64_t as_of_ms; /* last instant covered, for by-date runs; else of the newest event */
    bool has_as_of;   /* false for an empty log */
    uint64_t run_id;
    const struct dictionary *dictionary;
    const struct ending_index *endings; /* of ties that are put; those after as_of do not count */
    const struct quality *quality;      /* NULL: no log of connections was read */
    const struct histogram *made;       /* mutual counts of the period's ties */
    const struct histogram *cohort;     /* of all ties up to the period's end */
    struct progress *progress;
    const struct more_tables *more; /* NULL: none */
    unsigned threads;               /* that may write ties, the caller's included; 0 is 1 */
    bool is_synced_later;           /* the caller makes the folder durable (disk_sync) */
};

/* Where `ties` comes from: tie segments, and the endings in `endings` (finished; those of the
 * period, or of the whole history), whose ties are numbered as in the segments. */
struct ties_source {
    const char *const *paths; /* tie segments, in order */
    size_t path_count;
    uint64_t tie_count; /* for the progress bar */
    const struct ending_index *endings;
};

/* The rows of the small tables; borrowed. */
struct small_tables {
    const struct event_list *late; /* in order; NULL for none */
    const struct quarantined *quarantine;
    size_t quarantine_count;
    enum letters_place letters;
    const struct extent *extents; /* names where the logs were left; for the manifest */
    size_t extent_count;
};

/* Ties that ended: columns, `count` long each, in log order; nodes. */
struct ending_slice {
    size_t count;
    const uint32_t *from;
    const uint32_t *to;
    const int64_t *at_ms;
};

/* Begins the tables of a period in publication->folder: `ties` and `endings` are open, and take
 * their rows while they are made. Borrows the publication, whose quality and histograms may be
 * filled until publisher_finish, until publisher_free. */
FALLIBLE publisher_new(struct publisher **publisher, const struct publication *publication,
                       struct err *err);

/* Leaves nothing of a table that is not finished. Accepts NULL. */
void publisher_free(struct publisher *publisher);

/* Appends to `ties`, where that table is written here: not where a study writes it, or nobody does.
 * The first tie has the number `first_number`, as publication->endings are numbered, and the others
 * follow. */
FALLIBLE publisher_put_ties(struct publisher *publisher, const struct tie_slice *ties,
                            uint64_t first_number, struct err *err);

/* Appends to `endings`. */
FALLIBLE publisher_put_endings(struct publisher *publisher, const struct ending_slice *ended,
                               struct err *err);

/* Ends both tables, and writes all others and the manifest. `ties` is for more tables. */
FALLIBLE publisher_finish(struct publisher *publisher, const struct ties_source *ties,
                          const struct small_tables *small, struct err *err);

/* Writes publication->more, the quarantine and the manifest alone: of ties whose own tables were
 * published before, and whose endings are not looked at. `quality` is NULL. */
FALLIBLE publish_more(const struct publication *publication, const struct ties_source *ties,
                      const struct small_tables *small, struct err *err);

/* Writes the `ties` table alone, without a manifest: for exports. `files` has room for one entry
 * per format. */
FALLIBLE publish_ties(const struct publication *publication, const struct ties_source *ties,
                      struct err *err);

/* One table in every format asked for. */
struct tee {
    const struct table *table;
    struct table_writer *writers[TABLE_FORMATS];
    struct database *database; /* that takes the table; NULL: none */
};

/* Opens a table of the publication's folder; the columns are as table_writer_append wants them. */
FALLIBLE tee_open(struct publisher *publisher, const struct table *table, struct tee *tee,
                  struct err *err);
FALLIBLE tee_append(struct tee *tee, const union column_values *columns, size_t rows,
                    struct err *err);

/* Commits every format, or discards all when `status` is a failure already; returns the outcome. */
FALLIBLE tee_close(struct publisher *publisher, struct tee *tee, struct status status,
                   struct err *err);

/* Adds a note that tables opened from here on carry; both texts are borrowed. */
void publisher_note(struct publisher *publisher, const char *key, const char *value);

/* Adds a row to the table `quality`; `log` and `check` are borrowed. */
FALLIBLE publisher_quality(struct publisher *publisher, const char *log, const char *check,
                           uint64_t count, struct err *err);

/* Adds a finished file of the folder to the manifest. */
FALLIBLE publisher_file(struct publisher *publisher, const char *name,
                        const struct table_file *file, struct err *err);

const struct publication *publisher_publication(const struct publisher *publisher);

/* Where the ties of the period are, for more tables. */
const struct ties_source *publisher_ties(const struct publisher *publisher);

#endif
