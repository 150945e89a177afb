#include "bench/peer_sql.h"

#include "bench/measure.h"
#include "stages/base/files.h"
#include "stages/tie_store/tie_segment.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t day_ms = 86400000;

/* Tables clustered by what they are looked up by. A tie stands in `side` twice, once for each of
 * its members as the mover. */
static const char schema[] =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;"
    "CREATE TABLE tie(a INT, b INT, created INT, ended INT, mutual INT);"
    "CREATE TABLE spell(member INT, company INT, start_lo INT, start_hi INT, end_hi INT,"
    "  PRIMARY KEY(member, company, start_lo)) WITHOUT ROWID;"
    "CREATE TABLE job(member INT, company INT, at INT, PRIMARY KEY(member, company)) WITHOUT ROWID;"
    "CREATE TABLE entry(member INTEGER PRIMARY KEY, at_hi INT);"
    "CREATE TABLE move(id INTEGER PRIMARY KEY, member INT, company INT, at INT);";

static const char indices[] =
    "CREATE TABLE side(mover INT, contact INT, created INT, ended INT, mutual INT,"
    "  PRIMARY KEY(mover, contact)) WITHOUT ROWID;"
    "INSERT INTO side SELECT * FROM (SELECT a, b, created, ended, mutual FROM tie UNION ALL"
    "  SELECT b, a, created, ended, mutual FROM tie) ORDER BY 1, 2;"
    "CREATE INDEX spell_company ON spell(company, member);"
    "CREATE INDEX move_member ON move(member);"
    "ANALYZE;";

/* Values at ranks ceil(n / 3) and ceil(2 n / 3). */
static const char cut_query[] = "SELECT mutual FROM tie ORDER BY mutual LIMIT 1"
                                " OFFSET ((SELECT count(*) FROM tie) * ?1 + 2) / 3 - 1";

/* ?1 and ?2 are the cuts; ?3 L_tie, ?4 L_job, both at least a millisecond; ?5 alter_active. */
static const char transmission_query[] =
    "SELECT mutual > ?1, mutual > ?2, count(*) FROM"
    " (SELECT DISTINCT move.id, side.contact, side.mutual FROM move"
    "  JOIN side ON side.mover = move.member"
    "  JOIN spell ON spell.member = side.contact AND spell.company = move.company"
    "  WHERE side.created + ?3 <= move.at AND side.ended >= move.at"
    "   AND spell.start_hi <= move.at AND spell.start_lo + ?4 <= move.at"
    "   AND (NOT ?5 OR spell.end_hi > move.at))"
    " GROUP BY 1, 2";

/* ?6 as_of. */
static const char risk_query[] =
    "SELECT mutual > ?1, mutual > ?2, count(*), sum("
    "  EXISTS (SELECT 1 FROM spell LEFT JOIN job"
    "   ON job.member = side.mover AND job.company = spell.company"
    "   WHERE spell.member = side.contact"
    "    AND max(side.created + ?3, entry.at_hi, spell.start_hi, spell.start_lo + ?4) <="
    "     min(?6, side.ended, ifnull(job.at, ?6),"
    "      CASE WHEN ?5 THEN spell.end_hi - 1 ELSE ?6 END)))"
    " FROM side LEFT JOIN entry ON entry.member = side.mover GROUP BY 1, 2";

struct peer {
    const struct peer_sql_inputs *inputs;
    sqlite3 *db;
    int64_t cuts[2];
};

static struct status peer_error(struct peer *peer, struct err *err) {
    return err_set(err, FAILURE_INTERNAL, "SQLite: %s", sqlite3_errmsg(peer->db));
}

static struct status peer_do(struct peer *peer, const char *sql, struct err *err) {
    return sqlite3_exec(peer->db, sql, NULL, NULL, NULL) == SQLITE_OK ? status_ok()
                                                                      : peer_error(peer, err);
}

static struct status peer_prepare(struct peer *peer, const char *sql, sqlite3_stmt **statement,
                                  struct err *err) {
    return sqlite3_prepare_v2(peer->db, sql, -1, statement, NULL) == SQLITE_OK
               ? status_ok()
               : peer_error(peer, err);
}

static struct status row_put(struct peer *peer, sqlite3_stmt *statement, const int64_t *values,
                             int count, struct err *err) {
    for (int i = 0; i < count; i++) {
        (void)sqlite3_bind_int64(statement, i + 1, values[i]);
    }
    (void)sqlite3_step(statement);
    return sqlite3_reset(statement) == SQLITE_OK ? status_ok() : peer_error(peer, err);
}

static struct status ties_put(struct peer *peer, sqlite3_stmt *statement,
                              const struct tie_columns *ties, uint64_t first_tie, struct err *err) {
    const struct peer_sql_inputs *inputs = peer->inputs;
    for (size_t i = 0; i < ties->count; i++) {
        const int64_t values[] = {
            inputs->people->of_node[ties->from[i]],
            inputs->people->of_node[ties->to[i]],
            ties->created_at_ms[i],
            ending_index_find(inputs->endings, ties->from[i], ties->to[i], first_tie + i),
            ties->mutual[i],
        };
        TRY(row_put(peer, statement, values, 5, err));
    }
    return status_ok();
}

static struct status ties_load(struct peer *peer, struct err *err) {
    const struct peer_sql_inputs *inputs = peer->inputs;
    struct input *input;
    struct tie_segment_reader *reader;
    sqlite3_stmt *statement;
    TRY(input_open(&input, inputs->segment_path, err));
    TRY(tie_segment_reader_new(&reader, input, 1, err));
    struct status status =
        peer_prepare(peer, "INSERT INTO tie VALUES(?, ?, ?, ?, ?)", &statement, err);
    const struct tie_columns *ties = NULL;
    const struct tie_ending *endings = NULL;
    while (!failed(status)) {
        uint64_t first_tie = 0;
        size_t ending_count;
        status = tie_segment_next(reader, inputs->node_count, &ties, &first_tie, &endings,
                                  &ending_count, err);
        if (failed(status) || (ties == NULL && endings == NULL)) {
            break;
        }
        if (ties != NULL) {
            status = ties_put(peer, statement, ties, first_tie, err);
        }
    }
    (void)sqlite3_finalize(statement);
    tie_segment_reader_free(reader);
    return status;
}

static struct status person_put(struct peer *peer, sqlite3_stmt *const statements[4],
                                uint32_t person, struct err *err) {
    const struct careers *careers = peer->inputs->careers;
    for (size_t i = careers->spell_begin[person]; i < careers->spell_begin[person + 1]; i++) {
        const struct spell *spell = &careers->spells[i];
        const int64_t values[] = {person, spell->company, spell->start.lo_ms, spell->start.hi_ms,
                                  spell->end.hi_ms};
        TRY(row_put(peer, statements[0], values, 5, err));
        if (i == careers->spell_begin[person] || spell[-1].company != spell->company) {
            TRY(row_put(peer, statements[1], values, 3, err));
        }
    }
    if (careers->entry[person].lo_ms != SPAN_NEVER.lo_ms) {
        const int64_t values[] = {person, careers->entry[person].hi_ms};
        TRY(row_put(peer, statements[2], values, 2, err));
    }
    for (size_t i = careers->move_begin[person]; i < careers->move_begin[person + 1]; i++) {
        const struct move *move = &careers->moves[i];
        if (move->kind == MOVE_MOVE) {
            const int64_t values[] = {person, move->company, move->at.lo_ms};
            TRY(row_put(peer, statements[3], values, 3, err));
        }
    }
    return status_ok();
}

static struct status careers_load(struct peer *peer, struct err *err) {
    static const char *const inserts[] = {
        "INSERT INTO spell VALUES(?, ?, ?, ?, ?)",
        "INSERT INTO job VALUES(?, ?, ?)",
        "INSERT INTO entry VALUES(?, ?)",
        "INSERT INTO move(member, company, at) VALUES(?, ?, ?)",
    };
    sqlite3_stmt *statements[4] = {NULL};
    struct status status = status_ok();
    for (int i = 0; i < 4 && !failed(status); i++) {
        status = peer_prepare(peer, inserts[i], &statements[i], err);
    }
    for (size_t i = 0; i < peer->inputs->careers->person_count && !failed(status); i++) {
        status = person_put(peer, statements, (uint32_t)i, err);
    }
    for (int i = 0; i < 4; i++) {
        (void)sqlite3_finalize(statements[i]);
    }
    return status;
}

static struct status peer_load(struct peer *peer, struct err *err) {
    TRY(peer_do(peer, schema, err));
    TRY(peer_do(peer, "BEGIN", err));
    TRY(ties_load(peer, err));
    TRY(careers_load(peer, err));
    TRY(peer_do(peer, "COMMIT", err));
    return peer_do(peer, indices, err);
}

static struct status table_export(struct peer *peer, const char *table, FILE *file,
                                  struct err *err) {
    char sql[64];
    sqlite3_stmt *statement;
    (void)snprintf(sql, sizeof sql, "SELECT * FROM %s", table);
    TRY(peer_prepare(peer, sql, &statement, err));
    int columns = sqlite3_column_count(statement);
    for (int i = 0; i < columns; i++) {
        fprintf(file, "%s%c", sqlite3_column_name(statement, i), i + 1 < columns ? ',' : '\n');
    }
    int got = sqlite3_step(statement);
    for (; got == SQLITE_ROW; got = sqlite3_step(statement)) {
        for (int i = 0; i < columns; i++) {
            fprintf(file, "%lld%c", sqlite3_column_int64(statement, i),
                    i + 1 < columns ? ',' : '\n');
        }
    }
    struct status status = got == SQLITE_DONE ? status_ok() : peer_error(peer, err);
    (void)sqlite3_finalize(statement);
    return status;
}

static struct status peer_export(struct peer *peer, struct err *err) {
    static const char *const tables[] = {"tie", "spell", "job", "entry", "move"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char name[32];
        char *path;
        (void)snprintf(name, sizeof name, "%s.csv", tables[i]);
        TRY(path_join(&path, peer->inputs->export_folder, name, err));
        FILE *file = fopen(path, "w");
        struct status status = file != NULL ? table_export(peer, tables[i], file, err)
                                            : err_set(err, FAILURE_IO, "%s: not written", path);
        if (file != NULL && fclose(file) != 0 && !failed(status)) {
            status = err_set(err, FAILURE_IO, "%s: not written", path);
        }
        free(path);
        TRY(status);
    }
    return status_ok();
}

static struct status cuts_find(struct peer *peer, struct err *err) {
    sqlite3_stmt *statement;
    TRY(peer_prepare(peer, cut_query, &statement, err));
    bool is_found = true;
    for (int i = 0; i < 2; i++) {
        (void)sqlite3_bind_int(statement, 1, i + 1);
        is_found = sqlite3_step(statement) == SQLITE_ROW && is_found;
        peer->cuts[i] = sqlite3_column_int64(statement, 0);
        (void)sqlite3_reset(statement);
    }
    (void)sqlite3_finalize(statement);
    return is_found ? status_ok() : err_set(err, FAILURE_INTERNAL, "SQLite finds no cuts");
}

/* Runs a query that groups by tercile; each further column goes into an array of its own. */
static struct status terciles_ask(struct peer *peer, const char *sql, uint64_t *const columns[],
                                  int count, struct err *err) {
    const struct attribution_settings *settings = peer->inputs->settings;
    const int64_t tie_ms = settings->tie_days * day_ms;
    const int64_t job_ms = settings->job_days * day_ms;
    const int64_t values[] = {peer->cuts[0],           peer->cuts[1],
                              tie_ms > 1 ? tie_ms : 1, job_ms > 1 ? job_ms : 1,
                              settings->alter_active,  peer->inputs->as_of_ms};
    sqlite3_stmt *statement;
    TRY(peer_prepare(peer, sql, &statement, err));
    for (int i = 0; i < sqlite3_bind_parameter_count(statement); i++) {
        (void)sqlite3_bind_int64(statement, i + 1, values[i]);
    }
    int got = sqlite3_step(statement);
    for (; got == SQLITE_ROW; got = sqlite3_step(statement)) {
        int tercile = sqlite3_column_int(statement, 0) + sqlite3_column_int(statement, 1);
        for (int i = 0; i < count; i++) {
            columns[i][tercile] += (uint64_t)sqlite3_column_int64(statement, 2 + i);
        }
    }
    struct status status = got == SQLITE_DONE ? status_ok() : peer_error(peer, err);
    (void)sqlite3_finalize(statement);
    return status;
}

static struct status peer_answer(struct peer *peer, struct peer_sql_answer *answer,
                                 struct err *err) {
    double start = measure_now();
    TRY(peer_load(peer, err));
    double loaded = measure_now();
    TRY(cuts_find(peer, err));
    uint64_t *const risk[] = {answer->sides, answer->at_risk};
    TRY(terciles_ask(peer, risk_query, risk, 2, err));
    double risked = measure_now();
    uint64_t *const transmissions[] = {answer->transmissions};
    TRY(terciles_ask(peer, transmission_query, transmissions, 1, err));
    answer->transmission_seconds = measure_now() - risked;
    answer->risk_seconds = risked - loaded;
    answer->load_seconds = loaded - start;
    return peer->inputs->export_folder == NULL ? status_ok() : peer_export(peer, err);
}

struct status peer_sql_run(const struct peer_sql_inputs *inputs, struct peer_sql_answer *answer,
                           struct err *err) {
    struct peer peer = {.inputs = inputs};
    *answer = (struct peer_sql_answer){0};
    assert(inputs->settings->ended_ties == ENDED_EXCLUDE && !inputs->settings->tie_first);
    struct status status = sqlite3_open(":memory:", &peer.db) == SQLITE_OK
                               ? peer_answer(&peer, answer, err)
                               : peer_error(&peer, err);
    (void)sqlite3_close(peer.db);
    return status;
}

void peer_sql_name(char name[PEER_SQL_NAME_BYTES]) {
    (void)snprintf(name, PEER_SQL_NAME_BYTES, "SQLite %s", sqlite3_libversion());
}
