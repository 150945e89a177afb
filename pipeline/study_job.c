#include "pipeline/study_job.h"

#include "pipeline/row_block.h"
#include "pipeline/study_settings.h"
#include "pipeline/study_tables.h"
#include "pipeline/study_ties.h"
#include "stages/base/checksum.h"
#include "stages/base/files.h"
#include "stages/base/number.h"
#include "stages/embeddedness/clustering.h"
#include "stages/report/report_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char study_report_file[] = "report.html";

/* What is built on the way; everything is released at the end. */
struct making {
    struct study_job *study;
    struct publisher *publisher;
    struct people people;
    struct profiles profiles;
    struct careers careers;
    struct ending_index endings;
    uint64_t *triangles;
    uint32_t *open_degrees;
    struct attribution attribution;
    uint64_t read; /* ties, for the bar */
};

static void making_release(struct making *making) {
    attribution_release(&making->attribution);
    ending_index_release(&making->endings);
    careers_release(&making->careers);
    profiles_release(&making->profiles);
    people_release(&making->people);
    free(making->triangles);
    free(making->open_degrees);
}

static const struct fact_table *facts_of(const struct study_job *study, enum fact_log log) {
    return &study->facts->tables[log];
}

/* --- what the attribution reads --- */

static struct status endings_read(struct making *making, struct err *err) {
    const struct study_job *study = making->study;
    struct segment_counts counts = {0};
    progress_begin(study->progress, "endings", "files", study->segment_count);
    for (size_t i = 0; i < study->segment_count; i++) {
        TRY(ending_index_add_segment(&making->endings, study->segment_paths[i],
                                     dictionary_count(&study->graph->dictionary), &counts, err));
        progress_update(study->progress, i + 1);
    }
    progress_end(study->progress);
    return ending_index_finish(&making->endings, err);
}

static struct status graph_measure(struct making *making, struct err *err) {
    const struct study_job *study = making->study;
    size_t members = dictionary_count(&study->graph->dictionary);
    size_t count = members + 1;
    making->triangles = calloc(count, sizeof *making->triangles);
    making->open_degrees = calloc(count, sizeof *making->open_degrees);
    if (making->triangles == NULL || making->open_degrees == NULL) {
        return err_memory(err, count * 12, "the neighbourhoods of members");
    }
    progress_begin(study->progress, "clustering", "ties", study->graph->open_ties);
    struct status status =
        triangles_of_file(study->graph->rows, members, study->memory_bytes, study->kernel,
                          study->threads, making->triangles, making->open_degrees, err);
    row_file_close(study->graph->rows);
    study->graph->rows = NULL;
    progress_end(study->progress);
    return status;
}

static struct status careers_make(struct making *making, struct err *err) {
    const struct study_job *study = making->study;
    progress_begin(study->progress, "careers", "positions", facts_of(study, FACT_POSITIONS)->count);
    TRY(people_build(&making->people, &study->graph->dictionary, study->facts->tables, err));
    if (study->scope == SCOPE_ALL) {
        TRY(profiles_build(&making->profiles, &making->people, facts_of(study, FACT_MEMBERS),
                           facts_of(study, FACT_INDUSTRIES), err));
    }
    TRY(careers_build(&making->careers, facts_of(study, FACT_POSITIONS),
                      facts_of(study, FACT_COMPANIES), &making->people, study->as_of_ms,
                      study->settings, err));
    progress_end(study->progress);
    return status_ok();
}

static void ties_read(void *context, uint64_t ties) {
    struct making *making = context;
    progress_update(making->study->progress, ties);
}

/* --- small tables --- */

static struct status settings_publish(struct making *making, struct err *err) {
    struct setting settings[SETTINGS];
    struct row_block block;
    study_settings_fill(making->study->settings, settings);
    struct status status = row_block_open(&block, making->publisher, &table_settings, err);
    for (size_t i = 0; i < SETTINGS && !failed(status); i++) {
        row_put_text(&block, settings[i].name);
        row_put_text(&block, settings[i].value);
        row_put_text(&block, settings[i].meaning);
        status = row_end(&block, err);
    }
    const struct publication *publication = publisher_publication(making->publisher);
    char run_id[CHECKSUM_TEXT_BYTES];
    char as_of[24];
    checksum_format(publication->run_id, run_id);
    (void)snprintf(as_of, sizeof as_of, "%" PRId64, making->study->as_of_ms);
    const char *const more[][3] = {
        {"scope", scope_name(making->study->scope),
         "What was computed: all, or what became of the moves alone."},
        {"as_of", as_of, "Nothing after this instant counts (milliseconds since 1970 UTC)."},
        {"simultaneous", simultaneous_name(publication->simultaneous),
         "What ties of the same millisecond see of each other: strict, nothing."},
        {"run_id", run_id, "Fingerprint of the connections and of how they were read."},
        {"facts_id", making->study->facts_text,
         "Fingerprint of positions, members and the other logs."},
    };
    for (size_t i = 0; i < sizeof more / sizeof more[0] && !failed(status); i++) {
        row_put_text(&block, more[i][0]);
        row_put_text(&block, more[i][1]);
        row_put_text(&block, more[i][2]);
        status = row_end(&block, err);
    }
    return row_block_close(&block, making->publisher, status, err);
}

static struct status totals_publish(struct making *making, struct err *err) {
    const struct attribution *attribution = &making->attribution;
    const struct attribution_totals *totals = &attribution->totals;
    const struct classes *classes = &attribution->classes;
    double median = classes->median_union == 0
                        ? 0.0
                        : (double)classes->median_mutual / (double)classes->median_union;
    const struct {
        const char *name;
        double value;
        bool is_of_all; /* what SCOPE_ALL alone knows */
    } rows[] = {
        {"members", (double)making->people.count, false},
        {"ties", (double)totals->ties, false},
        {"sides", (double)totals->sides, true},
        {"sides_at_risk", (double)totals->sides_at_risk, true},
        {"moves", (double)totals->moves, false},
        {"entries", (double)totals->entries, false},
        {"undecided", (double)totals->undecided, false},
        {"mass_moves", (double)totals->mass_moves, false},
        {"moves_carried", (double)totals->moves_carried, false},
        {"transmissions", (double)totals->transmissions, false},
        {"transmissions_certain", (double)totals->certain, false},
        {"transmissions_possible", (double)totals->possible, false},
        {"credit_each", (double)totals->credit[CREDIT_EACH] / CREDIT_ONE, false},
        {"credit_equal", (double)totals->credit[CREDIT_EQUAL] / CREDIT_ONE, false},
        {"credit_last", (double)totals->credit[CREDIT_LAST] / CREDIT_ONE, false},
        {"credit_strength", (double)totals->credit[CREDIT_STRENGTH] / CREDIT_ONE, false},
        {"tercile_low", classes->tercile_cut[0], true},
        {"tercile_high", classes->tercile_cut[1], true},
        {"median_strength", median, true},
        {"as_of_ms", (double)making->study->as_of_ms, false},
    };
    struct row_block block;
    struct status status = row_block_open(&block, making->publisher, &table_totals, err);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && !failed(status); i++) {
        if (rows[i].is_of_all && making->study->scope == SCOPE_MOVES) {
            continue;
        }
        row_put_text(&block, rows[i].name);
        row_put_f64(&block, rows[i].value);
        status = row_end(&block, err);
    }
    return row_block_close(&block, making->publisher, status, err);
}

/* --- revisions --- */

/* A row says what a move was and what it is now; either may be missing. */
static struct status revision_put(struct making *making, struct row_block *block, uint64_t member,
                                  uint64_t company, const struct move *before,
                                  const struct move *after, struct err *err) {
    static const char *const kinds[] = {"entry", "move", "undecided"};
    row_put_u64(block, member);
    row_put_u64(block, company);
    row_put_text(block, before == NULL ? NULL : kinds[before->kind]);
    row_put_time(block, before == NULL ? COLUMN_TIME_NULL : before->at.lo_ms);
    row_put_text(block, after == NULL ? NULL : kinds[after->kind]);
    row_put_time(block, after == NULL ? COLUMN_TIME_NULL : after->at.lo_ms);
    making->study->revised_moves++;
    return row_end(block, err);
}

/* The move of this person to the company of this id; NULL where there is none. */
static const struct move *move_find(const struct careers *careers, uint32_t person,
                                    uint64_t company) {
    for (size_t i = careers->move_begin[person]; i < careers->move_begin[person + 1]; i++) {
        if (careers->company_ids[careers->moves[i].company] == company) {
            return &careers->moves[i];
        }
    }
    return NULL;
}

static struct status person_compare(struct making *making, struct row_block *block, uint32_t person,
                                    const struct careers *before, const struct careers *after,
                                    struct err *err) {
    uint64_t member = making->people.ids[person];
    for (size_t i = before->move_begin[person]; i < before->move_begin[person + 1]; i++) {
        const struct move *was = &before->moves[i];
        uint64_t company = before->company_ids[was->company];
        const struct move *is = move_find(after, person, company);
        if (is == NULL || is->kind != was->kind || !span_equal(is->at, was->at)) {
            TRY(revision_put(making, block, member, company, was, is, err));
        }
    }
    for (size_t i = after->move_begin[person]; i < after->move_begin[person + 1]; i++) {
        uint64_t company = after->company_ids[after->moves[i].company];
        if (move_find(before, person, company) == NULL) {
            TRY(revision_put(making, block, member, company, NULL, &after->moves[i], err));
        }
    }
    return status_ok();
}

/* What the generation before had published as moves up to its own as_of, against what is known of
 * the same time now: only late reports can differ. */
static struct status revisions_find(struct making *making, struct row_block *block,
                                    struct err *err) {
    const struct study_job *study = making->study;
    const struct fact_table *companies = facts_of(study, FACT_COMPANIES);
    struct careers before = {0};
    struct careers after = {0};
    struct status status;
    TRY_OR(done, status,
           careers_build(&before, study->previous_positions, companies, &making->people,
                         study->previous_as_of_ms, study->settings, err));
    TRY_OR(done, status,
           careers_build(&after, facts_of(study, FACT_POSITIONS), companies, &making->people,
                         study->previous_as_of_ms, study->settings, err));
    for (size_t person = 0; person < making->people.count; person++) {
        TRY_OR(done, status, person_compare(making, block, (uint32_t)person, &before, &after, err));
    }
done:
    careers_release(&before);
    careers_release(&after);
    return status;
}

static struct status revisions_publish(struct making *making, struct err *err) {
    struct row_block block;
    if (making->study->previous_positions == NULL) {
        return status_ok();
    }
    struct status status = row_block_open(&block, making->publisher, &table_revisions, err);
    if (!failed(status)) {
        status = revisions_find(making, &block, err);
    }
    return row_block_close(&block, making->publisher, status, err);
}

/* --- quality --- */

static bool is_stranger(const struct people *people, uint64_t member) {
    uint32_t person = people_find(people, member);
    return person == PERSON_NONE || people->nodes[person] == PERSON_NONE;
}

/* Records of members who never had a tie. */
static uint64_t strangers_count(const struct people *people, const struct fact_table *table) {
    const struct fact_shape *shape = &fact_shapes[table->log];
    int member = fact_field_find(shape, "member", strlen("member"));
    int from = fact_field_find(shape, "from", strlen("from"));
    int to = fact_field_find(shape, "to", strlen("to"));
    uint64_t count = 0;
    bool is_one = false; /* the member of the record before: most tables are sorted by member */
    for (size_t i = 0; i < table->count; i++) {
        const uint64_t *value = table->facts[i].value;
        if (member >= 0) {
            bool is_same = i > 0 && table->facts[i - 1].value[member] == value[member];
            is_one = is_same ? is_one : is_stranger(people, value[member]);
            count += is_one;
        } else if (from >= 0) {
            count += is_stranger(people, value[from]) || is_stranger(people, value[to]);
        }
    }
    return count;
}

static struct status log_quality(struct making *making, enum fact_log log, struct err *err) {
    const struct facts *facts = making->study->facts;
    const struct fact_counts *counts = &facts->counts[log];
    const struct fact_table *table = &facts->tables[log];
    const struct careers *careers = &making->careers;
    bool is_positions = log == FACT_POSITIONS;
    uint64_t orphans = is_positions ? careers->orphans : 0;
    uint64_t unusable = is_positions ? careers->malformed : 0;
    uint64_t applied = table->count - orphans - unusable;
    const struct {
        const char *check;
        uint64_t count;
    } rows[] = {
        {"read", counts->read},
        {"applied", applied},
        {"duplicate", table->duplicates},
        {"orphan", orphans},
        {"self_loop", counts->self_loops},
        {"malformed", counts->malformed + unusable},
        {"beyond", counts->beyond},
        {"unknown_member", strangers_count(&making->people, table)},
        {"backdated", counts->backdated},
    };
    if (counts->read !=
        applied + table->duplicates + orphans + counts->self_loops + counts->malformed + unusable) {
        return err_set(err, FAILURE_INTERNAL,
                       "the quality counts of %s do not add up: this is a bug of tieflow; please "
                       "report it with the log",
                       fact_shapes[log].name);
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        TRY(publisher_quality(making->publisher, fact_shapes[log].name, rows[i].check,
                              rows[i].count, err));
    }
    return status_ok();
}

/* --- the study --- */

static struct status rows_publish(struct making *making, struct err *err) {
    const struct study_job *study = making->study;
    const struct study_names names = {
        .people = &making->people,
        .careers = &making->careers,
        .attribution = &making->attribution,
        .scope = study->scope,
        .has_interactions = facts_of(study, FACT_INTERACTIONS)->count != 0,
    };
    const struct attribution_inputs inputs = {
        .scope = study->scope,
        .segment_paths = study->segment_paths,
        .segment_count = study->segment_count,
        .endings = &making->endings,
        .people = &making->people,
        .careers = &making->careers,
        .profiles = &making->profiles,
        .facts = study->facts->tables,
        .settings = study->settings,
        .triangles = making->triangles,
        .open_degrees = making->open_degrees,
        .as_of_ms = study->as_of_ms,
        .memory_bytes = study->memory_bytes,
        .threads = study->threads,
        .progress = ties_read,
        .progress_context = making,
    };
    struct study_tables *tables = NULL;
    struct status status = study_tables_open(&tables, making->publisher, &names, err);
    if (!failed(status)) {
        progress_begin(study->progress, "attributing", "ties", study->graph->cohort.total);
        status = attribution_run(&making->attribution, &inputs, study_tables_visit, tables, err);
        progress_end(study->progress);
    }
    if (!failed(status) && study->scope == SCOPE_ALL) {
        status = study_tables_sums(tables, err);
    }
    return study_tables_close(tables, status, err);
}

/* The period's ties: of the whole time, or of the last date alone. */
static struct status ties_publish(struct making *making, struct err *err) {
    const struct study_job *study = making->study;
    const struct ties_source *ties = publisher_ties(making->publisher);
    const struct tie_facts_inputs inputs = {
        .people = &making->people,
        .profiles = &making->profiles,
        .careers = &making->careers,
        .assignments = facts_of(study, FACT_ASSIGNMENTS),
        .classes = &making->attribution.classes,
    };
    struct intensity intensity = {0};
    const struct tie_source source = {
        .segment_paths = ties->paths,
        .segment_count = ties->path_count,
        .endings = &making->endings,
        .people = &making->people,
        .intensity = &intensity,
        .progress = ties_read,
        .progress_context = making,
        .threads = study->threads,
    };
    progress_begin(study->progress, "writing", "ties", ties->tie_count);
    struct status status =
        intensity_init(&intensity, facts_of(study, FACT_INTERACTIONS), &making->people,
                       study->settings->intensity_days * DAY_MS, study->as_of_ms, err);
    if (!failed(status)) {
        status = study_ties_publish(making->publisher, &source, &inputs, err);
    }
    progress_end(study->progress);
    intensity_release(&intensity);
    return status;
}

static struct status making_run(struct making *making, struct err *err) {
    struct study_job *study = making->study;
    bool is_all = study->scope == SCOPE_ALL;
    TRY(careers_make(making, err));
    if (is_all) {
        TRY(endings_read(making, err));
        TRY(graph_measure(making, err));
    }
    publisher_note(making->publisher, "tieflow.settings", study->settings_text);
    publisher_note(making->publisher, "tieflow.facts_id", study->facts_text);
    TRY(rows_publish(making, err));
    if (is_all && !publisher_publication(making->publisher)->formats.without_ties) {
        TRY(ties_publish(making, err));
    }
    TRY(settings_publish(making, err));
    TRY(totals_publish(making, err));
    TRY(revisions_publish(making, err));
    for (int log = 0; log < FACT_LOGS; log++) {
        if (study->facts->counts[log].is_given) {
            TRY(log_quality(making, (enum fact_log)log, err));
        }
    }
    study->totals = making->attribution.totals;
    return status_ok();
}

const char *scope_name(enum attribution_scope scope) {
    return scope == SCOPE_ALL ? "all" : "moves";
}

/* "preset=default tie_days=30 ..." */
static void settings_text_fill(struct study_job *study) {
    struct setting settings[SETTINGS];
    size_t used = 0;
    study_settings_fill(study->settings, settings);
    for (size_t i = 0; i < SETTINGS && used < sizeof study->settings_text; i++) {
        int bytes = snprintf(study->settings_text + used, sizeof study->settings_text - used,
                             "%s%s=%s", i == 0 ? "" : " ", settings[i].name, settings[i].value);
        used += bytes < 0 ? 0 : (size_t)bytes;
    }
}

static struct status study_publish(void *context, struct publisher *publisher, struct err *err) {
    struct study_job *study = context;
    struct making making = {.study = study, .publisher = publisher};
    TRY(facts_fingerprint(study->facts, &study->facts_id, err));
    checksum_format(study->facts_id, study->facts_text);
    settings_text_fill(study);
    struct status status = making_run(&making, err);
    making_release(&making);
    return status;
}

static struct status study_finish(void *context, struct publisher *publisher, struct err *err) {
    const char *folder = publisher_publication(publisher)->folder;
    struct table_file file;
    char *database = NULL;
    char *page = NULL;
    (void)context;
    struct status status;
    TRY_OR(done, status, path_join(&database, folder, DATABASE_FILE, err));
    TRY_OR(done, status, path_join(&page, folder, study_report_file, err));
    TRY_OR(done, status, report_page_write(database, page, &file, err));
    status = publisher_file(publisher, study_report_file, &file, err);
done:
    free(database);
    free(page);
    return status;
}

static void study_put_settings(void *context, struct json_writer *writer) {
    const struct study_job *study = context;
    struct setting settings[SETTINGS];
    study_settings_fill(study->settings, settings);
    for (size_t i = 0; i < SETTINGS; i++) {
        json_put_text(writer, settings[i].name, settings[i].value);
    }
    json_put_text(writer, "scope", scope_name(study->scope));
    json_put_text(writer, "facts_id", study->facts_text);
}

struct more_tables study_job_tables(struct study_job *study) {
    bool is_all = study->scope == SCOPE_ALL;
    return (struct more_tables){
        .context = study,
        .needs_rows = is_all,
        .publish = study_publish,
        .finish = is_all ? study_finish : NULL,
        .put_settings = study_put_settings,
    };
}

void study_job_print(FILE *stream, const struct study_job *study, const char *folder) {
    const struct attribution_totals *totals = &study->totals;
    fprintf(stream,
            "  moves     %" PRIu64 ", of them %" PRIu64 " with an eligible contact, %" PRIu64
            " mass moves; %" PRIu64 " entries\n",
            totals->moves, totals->moves_carried, totals->mass_moves, totals->entries);
    fprintf(stream,
            "  jobs      %" PRIu64 " transmissions (certain %" PRIu64 ", possible %" PRIu64 ")",
            totals->transmissions, totals->certain, totals->possible);
    if (study->scope == SCOPE_MOVES) {
        fprintf(stream, "; nothing but the moves was looked at\n");
        return;
    }
    fprintf(stream, "; %" PRIu64 " sides of ties, %" PRIu64 " at risk\n", totals->sides,
            totals->sides_at_risk);
    if (study->previous_positions != NULL) {
        fprintf(stream, "  revised   %" PRIu64 " moves of earlier dates, by late reports\n",
                study->revised_moves);
    }
    fprintf(stream, "  report    %s/%s\n", folder, study_report_file);
}
