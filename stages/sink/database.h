/* The one door to SQLite: a study's aggregates in one file, study.sqlite, and its reading.
 *
 * Only aggregates go in (database_views.h lists the tables): moves, transmissions and members are
 * files of their own. Equal rows in equal order give equal bytes, however they were batched and
 * whichever table came first: fixed pages, no journal, no times, packed at the end.
 *
 *   COLUMN        SQLITE TYPE  DESCRIPTION
 *   U64           INTEGER      two's complement, as in Avro: ids from 2^63 on are negative;
 *                              printf('%u', id) shows them as they are
 *   U32           INTEGER
 *   TIME_MS       INTEGER      milliseconds since 1970 UTC
 *   F64           REAL
 *   TEXT          TEXT         made well-formed as table_writer.h says
 *   BOOL          INTEGER      0 or 1
 *   nulls         NULL
 *
 * A table `about` says what every table and view means. application_id is "tief", user_version the
 * version of the contract.
 *
 * Lifecycle of writing: database_new, any number of database_append, then database_commit or
 * database_discard, either of which frees. Of reading: database_open, queries, database_close.
 */
#ifndef TIEFLOW_STAGES_SINK_DATABASE_H
#define TIEFLOW_STAGES_SINK_DATABASE_H

#include "schemas/status.h"
#include "schemas/tables.h"
#include "stages/sink/table_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATABASE_FILE "study.sqlite"

struct database;

/* All tables, empty, and all views. The database lies in memory until the commit: some 250 bytes
 * per row. *database is NULL on failure. */
FALLIBLE database_new(struct database **database, struct err *err);

/* Whether the table is one of the database's. */
bool database_takes(const struct table *table);

/* Appends rows to a table that database_takes; `columns` as in table_writer_append. */
FALLIBLE database_append(struct database *database, const struct table *table,
                         const union column_values *columns, size_t rows, struct err *err);

/* Publishes `folder`/study.sqlite, staged, durable, renamed (stages/base/stream.h); frees the
 * database whatever happens. `file` (of all tables: rows) may be NULL. */
FALLIBLE database_commit(struct database *database, const char *folder, struct table_file *file,
                         struct err *err);

/* Leaves no file behind. Accepts NULL. */
void database_discard(struct database *database);

struct database_reader;

/* Opens for reading alone. FAILURE_IO where the file cannot be read, FAILURE_DATA where it is no
 * database of this contract. *reader is NULL on failure. */
FALLIBLE database_open(struct database_reader **reader, const char *path, struct err *err);
/* Accepts NULL. */
void database_close(struct database_reader *reader);

/* One row of an answer; lent, as are its texts, for the visit. */
struct database_row;
/* "" for a null. */
const char *database_text(const struct database_row *row, size_t column);
/* NAN for a null and for what is no number. */
double database_f64(const struct database_row *row, size_t column);

typedef struct status (*database_visit)(void *context, const struct database_row *row,
                                        struct err *err);

/* Hands every row of the answer to `visit`, whose failure ends the query. `sql` is a text of ours,
 * one statement; `texts` are bound to its parameters ?1, ?2, ... FAILURE_DATA where the file is
 * damaged or lacks what is asked for. */
FALLIBLE database_query(struct database_reader *reader, const char *sql, const char *const *texts,
                        size_t text_count, database_visit visit, void *context, struct err *err);

#endif
