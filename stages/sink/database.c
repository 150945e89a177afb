/* The database is built in memory, packed by VACUUM (its pages then depend on the rows alone) and
 * handed as bytes to an output like any other file: staging, fsync, checksum and rename are in one
 * place.
 *
 * Rejected: letting SQLite write the file. Its journal would lie beside it for a while, and the
 * rename would be ours to do anyway.
 */
#include "stages/sink/database.h"

#include "schemas/limits.h"
#include "stages/base/bytes.h"
#include "stages/base/files.h"
#include "stages/base/stream.h"
#include "stages/base/utf8.h"
#include "stages/sink/database_views.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the header: "tief", and the version of tables and views. A change that breaks a reader gives
 * another version. */
enum { APPLICATION_ID = 0x74696566, USER_VERSION = 1 };

struct database {
    sqlite3 *sqlite;
    sqlite3_stmt *inserts[DATABASE_TABLES];
    struct bytes text; /* one text, made well-formed */
    uint64_t rows;
};

struct database_reader {
    sqlite3 *sqlite;
    char *path;
    uint64_t steps_most; /* of one query, in steps of SQLite's machine */
    uint64_t steps;
};

struct database_row {
    sqlite3_stmt *statement;
    size_t columns;
};

/* While writing nothing but memory can be at fault, and ourselves. */
static struct status write_error(const struct database *database, struct err *err) {
    if (sqlite3_errcode(database->sqlite) == SQLITE_NOMEM) {
        return err_memory(err, 0, "the database of the study");
    }
    return err_set(err, FAILURE_INTERNAL, "%s: %s", DATABASE_FILE,
                   sqlite3_errmsg(database->sqlite));
}

static struct status execute(struct database *database, const char *sql, struct err *err) {
    int code = sqlite3_exec(database->sqlite, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? status_ok() : write_error(database, err);
}

static const char *sql_type(enum column_type type) {
    return type == COLUMN_F64 ? "REAL" : type == COLUMN_TEXT ? "TEXT" : "INTEGER";
}

static struct status append_text(struct bytes *sql, const char *text, struct err *err) {
    return bytes_append(sql, text, strlen(text), err);
}

/* Names of columns may be words of SQL ("check", "from"): all are quoted. */
static struct status table_create(struct database *database, const struct table *table,
                                  struct bytes *sql, struct err *err) {
    sql->count = 0;
    TRY(append_text(sql, "CREATE TABLE ", err));
    TRY(append_text(sql, table->name, err));
    for (size_t c = 0; c < table->column_count; c++) {
        const struct column *column = &table->columns[c];
        TRY(append_text(sql, c == 0 ? " (\"" : ", \"", err));
        TRY(append_text(sql, column->name, err));
        TRY(append_text(sql, "\" ", err));
        TRY(append_text(sql, sql_type(column->type), err));
        TRY(append_text(sql, column->nullable ? "" : " NOT NULL", err));
    }
    TRY(bytes_append(sql, ")", 2, err));
    return execute(database, (const char *)sql->data, err);
}

static struct status insert_prepare(struct database *database, size_t t, struct bytes *sql,
                                    struct err *err) {
    const struct table *table = database_tables[t].table;
    sql->count = 0;
    TRY(append_text(sql, "INSERT INTO ", err));
    TRY(append_text(sql, table->name, err));
    TRY(append_text(sql, " VALUES (", err));
    for (size_t c = 0; c < table->column_count; c++) {
        TRY(append_text(sql, c == 0 ? "?" : ", ?", err));
    }
    TRY(bytes_append(sql, ")", 2, err));
    int code = sqlite3_prepare_v2(database->sqlite, (const char *)sql->data, -1,
                                  &database->inserts[t], NULL);
    return code == SQLITE_OK ? status_ok() : write_error(database, err);
}

static struct status view_create(struct database *database, const struct database_view *view,
                                 struct bytes *sql, struct err *err) {
    sql->count = 0;
    TRY(append_text(sql, "CREATE VIEW ", err));
    TRY(append_text(sql, view->name, err));
    TRY(append_text(sql, " AS ", err));
    TRY(bytes_append(sql, view->select, strlen(view->select) + 1, err));
    return execute(database, (const char *)sql->data, err);
}

/* Steps a statement that gives no rows. */
static struct status run_once(struct database *database, sqlite3_stmt *statement, struct err *err) {
    if (sqlite3_step(statement) != SQLITE_DONE || sqlite3_reset(statement) != SQLITE_OK) {
        return write_error(database, err);
    }
    return status_ok();
}

static struct status about_put(struct database *database, sqlite3_stmt *insert, const char *name,
                               const char *kind, const char *meaning, struct err *err) {
    const char *const values[] = {name, kind, meaning};
    for (int i = 0; i < 3; i++) {
        if (sqlite3_bind_text(insert, i + 1, values[i], -1, SQLITE_STATIC) != SQLITE_OK) {
            return write_error(database, err);
        }
    }
    return run_once(database, insert, err);
}

static struct status about_fill(struct database *database, struct err *err) {
    sqlite3_stmt *insert = NULL;
    TRY(execute(
        database,
        "CREATE TABLE about (name TEXT NOT NULL, kind TEXT NOT NULL, meaning TEXT NOT NULL)", err));
    if (sqlite3_prepare_v2(database->sqlite, "INSERT INTO about VALUES (?, ?, ?)", -1, &insert,
                           NULL) != SQLITE_OK) {
        return write_error(database, err);
    }
    struct status status = status_ok();
    for (size_t t = 0; t < DATABASE_TABLES && !failed(status); t++) {
        status = about_put(database, insert, database_tables[t].table->name, "table",
                           database_tables[t].meaning, err);
    }
    for (size_t v = 0; v < DATABASE_VIEWS && !failed(status); v++) {
        status = about_put(database, insert, database_views[v].name, "view",
                           database_views[v].meaning, err);
    }
    (void)sqlite3_finalize(insert); /* repeats the error of the last step */
    return status;
}

static struct status begin(struct database *database, struct err *err) {
    char sql[128];
    TRY(execute(database,
                "PRAGMA page_size = 4096; PRAGMA encoding = 'UTF-8';"
                "PRAGMA temp_store = memory",
                err));
    (void)snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; BEGIN",
                   APPLICATION_ID, USER_VERSION);
    return execute(database, sql, err);
}

static struct status schema_create(struct database *database, struct err *err) {
    struct bytes sql = {0};
    struct status status = begin(database, err);
    for (size_t t = 0; t < DATABASE_TABLES && !failed(status); t++) {
        status = table_create(database, database_tables[t].table, &sql, err);
        if (!failed(status)) {
            status = insert_prepare(database, t, &sql, err);
        }
    }
    for (size_t v = 0; v < DATABASE_VIEWS && !failed(status); v++) {
        status = view_create(database, &database_views[v], &sql, err);
    }
    bytes_release(&sql);
    return failed(status) ? status : about_fill(database, err);
}

struct status database_new(struct database **database, struct err *err) {
    *database = NULL;
    struct database *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "the database of the study");
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY;
    struct status status = sqlite3_open_v2(":memory:", &made->sqlite, flags, NULL) == SQLITE_OK
                               ? schema_create(made, err)
                               : write_error(made, err);
    if (failed(status)) {
        database_discard(made);
        return status;
    }
    *database = made;
    return status;
}

/* The table's place; DATABASE_TABLES where it has none. */
static size_t place_of(const struct table *table) {
    size_t t = 0;
    while (t < DATABASE_TABLES && database_tables[t].table != table) {
        t++;
    }
    return t;
}

bool database_takes(const struct table *table) {
    return place_of(table) < DATABASE_TABLES;
}

static struct status bind_text(struct database *database, sqlite3_stmt *insert, int place,
                               const char *text, struct err *err) {
    size_t bytes = strlen(text);
    database->text.count = 0;
    TRY(bytes_reserve(&database->text, bytes + 1, err));
    utf8_clean((char *)database->text.data, text, bytes);
    int code = sqlite3_bind_text64(insert, place, (const char *)database->text.data, bytes,
                                   SQLITE_TRANSIENT, SQLITE_UTF8);
    return code == SQLITE_OK ? status_ok() : write_error(database, err);
}

static uint64_t u64_of(const struct column *column, const union column_values *values, size_t row) {
    return column->nullable ? values->optional_u64[row].value : values->u64[row];
}

static struct status bind_cell(struct database *database, sqlite3_stmt *insert, int place,
                               const struct column *column, const union column_values *values,
                               size_t row, struct err *err) {
    int code = SQLITE_ERROR;
    if (column_is_null(column, values, row)) {
        return sqlite3_bind_null(insert, place) == SQLITE_OK ? status_ok()
                                                             : write_error(database, err);
    }
    switch (column->type) {
    case COLUMN_U64:
        code = sqlite3_bind_int64(insert, place, (int64_t)u64_of(column, values, row));
        break;
    case COLUMN_U32:
        code = sqlite3_bind_int64(insert, place, values->u32[row]);
        break;
    case COLUMN_TIME_MS:
        code = sqlite3_bind_int64(insert, place, values->time_ms[row]);
        break;
    case COLUMN_F64:
        code = sqlite3_bind_double(insert, place, values->f64[row]);
        break;
    case COLUMN_BOOL:
        code = sqlite3_bind_int64(insert, place, values->flag[row]);
        break;
    case COLUMN_TEXT:
        return bind_text(database, insert, place, values->text[row], err);
    }
    return code == SQLITE_OK ? status_ok() : write_error(database, err);
}

struct status database_append(struct database *database, const struct table *table,
                              const union column_values *columns, size_t rows, struct err *err) {
    size_t t = place_of(table);
    assert(t < DATABASE_TABLES);
    for (size_t row = 0; row < rows; row++) {
        for (size_t c = 0; c < table->column_count; c++) {
            TRY(bind_cell(database, database->inserts[t], (int)c + 1, &table->columns[c],
                          &columns[c], row, err));
        }
        TRY(run_once(database, database->inserts[t], err));
    }
    database->rows += rows;
    return status_ok();
}

static void inserts_finalize(struct database *database) {
    for (size_t t = 0; t < DATABASE_TABLES; t++) {
        (void)sqlite3_finalize(database->inserts[t]); /* repeats the error of the last step */
        database->inserts[t] = NULL;
    }
}

static struct status publish(struct database *database, const char *folder, struct table_file *file,
                             struct err *err) {
    struct output *output;
    inserts_finalize(database);
    TRY(execute(database, "COMMIT; VACUUM", err));
    sqlite3_int64 bytes = 0;
    unsigned char *data = sqlite3_serialize(database->sqlite, "main", &bytes, 0);
    if (data == NULL) {
        return err_memory(err, (unsigned long long)bytes, "the database of the study");
    }
    struct status status = folder_output(&output, folder, DATABASE_FILE, err);
    if (!failed(status)) {
        status = output_write(output, data, (size_t)bytes, err);
        if (failed(status)) {
            output_discard(output);
        } else {
            status = output_commit(output, &file->bytes, &file->checksum, err);
        }
    }
    sqlite3_free(data);
    return status;
}

struct status database_commit(struct database *database, const char *folder,
                              struct table_file *file, struct err *err) {
    struct table_file published = {.rows = database->rows};
    struct status status = publish(database, folder, &published, err);
    if (!failed(status) && file != NULL) {
        *file = published;
    }
    database_discard(database);
    return status;
}

void database_discard(struct database *database) {
    if (database != NULL) {
        inserts_finalize(database);
        (void)sqlite3_close(database->sqlite);
        bytes_release(&database->text);
        free(database);
    }
}

/* The errno behind the last error, 0 where there is none. A disk that fails to read is told apart
 * from a damaged database by the file alone: SQLite's code may be the same. */
static int read_errno(const struct database_reader *reader, int code) {
    int failure = 0;
    if (code == SQLITE_CANTOPEN) {
        return sqlite3_system_errno(reader->sqlite);
    }
    (void)sqlite3_file_control(reader->sqlite, "main", SQLITE_FCNTL_LAST_ERRNO, &failure);
    return failure == 0 && code == SQLITE_IOERR ? EIO : failure; /* a later read forgets it */
}

static struct status read_error(const struct database_reader *reader, int code, struct err *err) {
    if ((code & 0xff) == SQLITE_NOMEM) { /* perhaps for the very handle that could be asked */
        return err_memory(err, 0, reader->path);
    }
    const char *text = sqlite3_errmsg(reader->sqlite);
    int failure = read_errno(reader, code & 0xff);
    switch (code & 0xff) {
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return failure != 0
                   ? err_io(err, failure, "%s: cannot be read", reader->path)
                   : err_set(err, FAILURE_IO, "%s: cannot be read: %s", reader->path, text);
    case SQLITE_INTERRUPT:
        return err_set(err, FAILURE_DATA,
                       "%s: a query takes more than %" PRIu64
                       " steps: no study that `tieflow attribute` made needs as many",
                       reader->path, reader->steps_most);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, FAILURE_RETRY, "%s: another program is writing it", reader->path);
    default:
        if (failure != 0) {
            return err_io(err, failure, "%s: cannot be read", reader->path);
        }
        return err_set(err, FAILURE_DATA,
                       "%s: %s; it is no database that `tieflow attribute` made, or damaged",
                       reader->path, text);
    }
}

static struct status header_check(void *context, const struct database_row *row, struct err *err) {
    const struct database_reader *reader = context;
    double version = database_f64(row, 1);
    if (database_f64(row, 0) != APPLICATION_ID) {
        return err_set(err, FAILURE_DATA, "%s: a database, but not one that tieflow made",
                       reader->path);
    }
    if (version != USER_VERSION) {
        return err_set(err, FAILURE_DATA,
                       "%s: its tables are of version %.0f and this program reads %d: make it anew",
                       reader->path, version, USER_VERSION);
    }
    return status_ok();
}

enum { STEPS_AT_ONCE = 1 << 14 };

/* Nonzero ends the query. */
static int steps_count(void *context) {
    struct database_reader *reader = context;
    reader->steps += STEPS_AT_ONCE;
    return reader->steps > reader->steps_most;
}

/* What the file says is data: its schema may not call functions with effects, its views may not go
 * on for ever, and its cells may not take all memory. */
static void reader_bound(struct database_reader *reader, uint64_t file_bytes) {
    (void)sqlite3_db_config(reader->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(reader->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_limit(reader->sqlite, SQLITE_LIMIT_LENGTH, LIMIT_RECORD_BYTES);
    reader->steps_most = LIMIT_QUERY_STEPS + LIMIT_QUERY_STEPS_PER_BYTE * file_bytes;
    sqlite3_progress_handler(reader->sqlite, STEPS_AT_ONCE, steps_count, reader);
}

static struct status reader_prepare(struct database_reader *reader, struct err *err) {
    int code = sqlite3_open_v2(reader->path, &reader->sqlite, SQLITE_OPEN_READONLY, NULL);
    if (code != SQLITE_OK) {
        return read_error(reader, code, err);
    }
    uint64_t file_bytes;
    TRY(file_size(reader->path, &file_bytes, err));
    reader_bound(reader, file_bytes);
    return database_query(reader,
                          "SELECT application_id, user_version FROM pragma_application_id,"
                          " pragma_user_version",
                          NULL, 0, header_check, reader, err);
}

struct status database_open(struct database_reader **reader, const char *path, struct err *err) {
    *reader = NULL;
    struct database_reader *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "reading a database");
    }
    /* A name like ":memory:" is a file here. */
    if (asprintf(&made->path, "%s%s", path[0] == '/' ? "" : "./", path) < 0) {
        made->path = NULL;
        database_close(made);
        return err_memory(err, strlen(path), "reading a database");
    }
    struct status status = reader_prepare(made, err);
    if (failed(status)) {
        database_close(made);
        return status;
    }
    *reader = made;
    return status;
}

void database_close(struct database_reader *reader) {
    if (reader != NULL) {
        (void)sqlite3_close(reader->sqlite);
        free(reader->path);
        free(reader);
    }
}

const char *database_text(const struct database_row *row, size_t column) {
    assert(column < row->columns);
    const unsigned char *text = sqlite3_column_text(row->statement, (int)column);
    return text == NULL ? "" : (const char *)text;
}

double database_f64(const struct database_row *row, size_t column) {
    assert(column < row->columns);
    int type = sqlite3_column_type(row->statement, (int)column);
    return type == SQLITE_INTEGER || type == SQLITE_FLOAT
               ? sqlite3_column_double(row->statement, (int)column)
               : NAN;
}

static struct status rows_visit(struct database_reader *reader, sqlite3_stmt *statement,
                                database_visit visit, void *context, struct err *err) {
    const struct database_row row = {statement, (size_t)sqlite3_column_count(statement)};
    for (;;) {
        int code = sqlite3_step(statement);
        if (code == SQLITE_DONE) {
            return status_ok();
        }
        if (code != SQLITE_ROW) {
            return read_error(reader, code, err);
        }
        TRY(visit(context, &row, err));
    }
}

struct status database_query(struct database_reader *reader, const char *sql,
                             const char *const *texts, size_t text_count, database_visit visit,
                             void *context, struct err *err) {
    sqlite3_stmt *statement = NULL;
    reader->steps = 0;
    int code = sqlite3_prepare_v2(reader->sqlite, sql, -1, &statement, NULL);
    for (size_t i = 0; i < text_count && code == SQLITE_OK; i++) {
        code = sqlite3_bind_text(statement, (int)i + 1, texts[i], -1, SQLITE_STATIC);
    }
    struct status status = code == SQLITE_OK ? rows_visit(reader, statement, visit, context, err)
                                             : read_error(reader, code, err);
    (void)sqlite3_finalize(statement); /* repeats the error of the last step */
    return status;
}
