/* bench_attribution FOLDER [--ties N] [--members N] [--moves N] [--threads N] [--memory MIB]
 *                   [--sql-ties N] [--rounds N] [--export 1] [--plain 1] [--moves-only 1]
 *
 * How fast moves are attributed to ties, once the ties are there, beside SQL joins that count the
 * same. Two synthetic worlds (bench/world.h): one of --sql-ties (default 1,000,000; 0: none) on
 * which SQLite answers as well, and its counts must be equal to ours; then one of --ties (default
 * 20,000,000) for the attribution alone. Members are a hundredth, moves three thousandths of the
 * ties unless told otherwise; threads two. Each run is in a process of its own, with its world made
 * beforehand; of --rounds (default 1) the median counts. With --export 1 the tables of SQLite stay
 * in FOLDER as CSV, for bench/peer_duckdb.py. With --plain 1 there are connections and positions
 * alone, without what is known of members; with --moves-only 1 the larger world's moves alone are
 * attributed, as by `--scope moves`. Prints tables and writes JSON lines to
 * FOLDER/attribution.jsonl.
 */
#include "bench/measure.h"
#include "bench/peer_sql.h"
#include "bench/world.h"

#include "stages/attribution/attribution.h"
#include "stages/base/files.h"
#include "stages/base/number.h"
#include "stages/tie_store/tie_segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SEED = 1, ROUNDS_MAX = 99, TIES_PER_MEMBER = 100, TIES_PER_1000_MOVES = 333333 };

/* Where a run's seconds go (measured.seconds). */
enum { PHASE_CAREERS, PHASE_ENDINGS, PHASE_ATTRIBUTION, PHASES };

struct options {
    const char *folder;
    struct world_options world;
    uint64_t threads;
    uint64_t memory_mib;
    uint64_t sql_ties;
    uint64_t rounds;
    uint64_t is_export;
    uint64_t is_plain;
    uint64_t is_moves_only;
};

/* What a run finds, in memory that the process shares with the one that started it. */
struct outcome {
    struct attribution_totals totals;
    struct peer_sql_answer counts;
    uint64_t rows[3]; /* of moves, transmissions, members */
    double intersection_seconds;
};

struct contest {
    const struct world *world;
    unsigned threads;
    size_t memory_bytes;
    enum attribution_scope scope;
    bool is_moves_only;        /* the larger world's run */
    const char *export_folder; /* NULL: none */
    struct outcome *outcome;
};

/* --- a run --- */

struct making {
    const struct contest *contest;
    struct people people;
    struct profiles profiles;
    struct careers careers;
    struct ending_index endings;
    struct attribution attribution;
};

static const struct attribution_settings *settings_used(void) {
    return &attribution_presets[0];
}

static struct status careers_make(struct making *making, struct err *err) {
    const struct world *world = making->contest->world;
    TRY(people_build(&making->people, &world->dictionary, world->tables, err));
    TRY(profiles_build(&making->profiles, &making->people, &world->tables[FACT_MEMBERS],
                       &world->tables[FACT_INDUSTRIES], err));
    return careers_build(&making->careers, &world->tables[FACT_POSITIONS],
                         &world->tables[FACT_COMPANIES], &making->people, world->as_of_ms,
                         settings_used(), err);
}

/* Leaves of the logs beside the connections the positions alone. */
static void world_forget(struct world *world) {
    for (int log = 0; log < FACT_LOGS; log++) {
        if (log != FACT_POSITIONS && log != FACT_COMPANIES) {
            fact_table_release(&world->tables[log]);
            fact_table_init(&world->tables[log], (enum fact_log)log);
        }
    }
}

static struct status endings_read(struct making *making, struct err *err) {
    const struct world *world = making->contest->world;
    struct segment_counts counts = {0};
    TRY(ending_index_add_segment(&making->endings, world->segment_path,
                                 dictionary_count(&world->dictionary), &counts, err));
    return ending_index_finish(&making->endings, err);
}

/* Rows are counted and dropped: writing tables is not what is measured. */
static struct status rows_count(void *context, const struct attribution_rows *rows,
                                struct err *err) {
    struct outcome *outcome = context;
    (void)err;
    outcome->rows[0] += rows->move_count;
    outcome->rows[1] += rows->transmission_count;
    outcome->rows[2] += rows->member_count;
    return status_ok();
}

static void counts_fill(struct outcome *outcome, const struct attribution *attribution) {
    for (int i = 0; i < TERCILES; i++) {
        const struct dose *dose = &attribution->doses[MEASURE_TERCILES][i];
        outcome->counts.sides[i] = dose->sides;
        outcome->counts.at_risk[i] = dose->at_risk;
        outcome->counts.transmissions[i] = dose->transmissions;
    }
}

static struct status attribution_make(struct making *making, struct err *err) {
    const struct contest *contest = making->contest;
    const char *const paths[] = {contest->world->segment_path};
    const struct attribution_inputs inputs = {
        .scope = contest->scope,
        .segment_paths = paths,
        .segment_count = 1,
        .endings = &making->endings,
        .people = &making->people,
        .careers = &making->careers,
        .profiles = &making->profiles,
        .facts = contest->world->tables,
        .settings = settings_used(),
        .open_degrees = contest->world->open_degrees,
        .as_of_ms = contest->world->as_of_ms,
        .threads = contest->threads,
        .memory_bytes = contest->memory_bytes,
        .seconds_now = measure_now,
    };
    TRY(attribution_run(&making->attribution, &inputs, rows_count, contest->outcome, err));
    contest->outcome->totals = making->attribution.totals;
    contest->outcome->intersection_seconds = making->attribution.intersection_seconds;
    if (contest->scope == SCOPE_ALL) {
        counts_fill(contest->outcome, &making->attribution);
    }
    return status_ok();
}

static struct status sql_make(struct making *making, struct err *err) {
    const struct world *world = making->contest->world;
    const struct peer_sql_inputs inputs = {
        .segment_path = world->segment_path,
        .node_count = dictionary_count(&world->dictionary),
        .people = &making->people,
        .careers = &making->careers,
        .endings = &making->endings,
        .settings = settings_used(),
        .as_of_ms = world->as_of_ms,
        .export_folder = making->contest->export_folder,
    };
    return peer_sql_run(&inputs, &making->contest->outcome->counts, err);
}

static void making_release(struct making *making) {
    attribution_release(&making->attribution);
    ending_index_release(&making->endings);
    careers_release(&making->careers);
    profiles_release(&making->profiles);
    people_release(&making->people);
}

static struct status run(const struct contest *contest,
                         struct status (*last)(struct making *making, struct err *err),
                         struct measured *measured, struct err *err) {
    struct making making = {.contest = contest};
    memset(contest->outcome, 0, sizeof *contest->outcome);
    double start = measure_now();
    struct status status = careers_make(&making, err);
    double made = measure_now();
    if (!failed(status) && contest->scope == SCOPE_ALL) {
        status = endings_read(&making, err);
    }
    double read = measure_now();
    if (!failed(status)) {
        status = last(&making, err);
    }
    measured->seconds[PHASE_CAREERS] = made - start;
    measured->seconds[PHASE_ENDINGS] = read - made;
    measured->seconds[PHASE_ATTRIBUTION] = measure_now() - read;
    making_release(&making);
    return status;
}

static struct status ours_run(void *context, struct measured *measured, struct err *err) {
    return run(context, attribution_make, measured, err);
}

static struct status sql_run(void *context, struct measured *measured, struct err *err) {
    return run(context, sql_make, measured, err);
}

/* --- rounds --- */

/* The round with the median of the last phase. */
struct round {
    struct measured measured;
    struct outcome outcome;
};

static int compare_rounds(const void *a, const void *b) {
    double left = ((const struct round *)a)->measured.seconds[PHASE_ATTRIBUTION];
    double right = ((const struct round *)b)->measured.seconds[PHASE_ATTRIBUTION];
    return (left > right) - (left < right);
}

static struct status rounds_run(struct contest *contest, size_t rounds,
                                struct status (*work)(void *context, struct measured *measured,
                                                      struct err *err),
                                struct round *median, struct err *err) {
    struct round *all = calloc(rounds, sizeof *all);
    if (all == NULL) {
        return err_memory(err, rounds * sizeof *all, "rounds");
    }
    struct status status = status_ok();
    for (size_t i = 0; i < rounds && !failed(status); i++) {
        status = measure_forked(work, contest, &all[i].measured, err);
        all[i].outcome = *contest->outcome;
    }
    qsort(all, rounds, sizeof *all, compare_rounds);
    *median = all[rounds / 2];
    free(all);
    return status;
}

/* --- tables --- */

static void world_print(const struct world *world, double seconds) {
    printf("%" PRIu64 " ties (%" PRIu64 " ended) of %" PRIu64 " members, %zu positions; %.1f bytes "
           "per tie on disk; made in %.1f s\n",
           world->options.ties, world->endings, world->options.members,
           world->tables[FACT_POSITIONS].count,
           (double)world->segment_bytes / (double)world->options.ties, seconds);
    (void)fflush(stdout);
}

static void run_print(FILE *json, const struct world *world, unsigned threads,
                      const struct round *round) {
    const struct outcome *outcome = &round->outcome;
    const struct attribution_totals *totals = &outcome->totals;
    const double *seconds = round->measured.seconds;
    double attribution = seconds[PHASE_ATTRIBUTION];
    double share = outcome->intersection_seconds / (threads * attribution);
    double peak = (double)round->measured.peak_bytes;
    printf("  tieflow, %u threads: %.1f s (careers %.1f, endings %.1f, attribution %.1f); "
           "processor time %.1f s\n"
           "    %.0f moves/s, %.2f M ties/s; %.1f %% of thread time in set intersection\n"
           "    peak %.2f GiB, %.1f bytes per tie, inputs included\n"
           "    %" PRIu64 " moves, %" PRIu64 " with a contact, %" PRIu64 " transmissions; %" PRIu64
           " of %" PRIu64 " sides at risk\n",
           threads, seconds[PHASE_CAREERS] + seconds[PHASE_ENDINGS] + attribution,
           seconds[PHASE_CAREERS], seconds[PHASE_ENDINGS], attribution, round->measured.cpu_seconds,
           (double)totals->moves / attribution, 1e-6 * (double)totals->ties / attribution,
           100 * share, peak / (1 << 30), peak / (double)world->options.ties, totals->moves,
           totals->moves_carried, totals->transmissions, totals->sides_at_risk, totals->sides);
    fprintf(json,
            "{\"contender\":\"tieflow\",\"scope\":\"%s\",\"threads\":%u,\"ties\":%" PRIu64
            ",\"members\":%" PRIu64 ",\"moves\":%" PRIu64
            ",\"careers_seconds\":%.3f,\"endings_seconds\":%.3f,"
            "\"attribution_seconds\":%.3f,\"cpu_seconds\":%.3f,\"intersection_share\":%.4f,\"peak_"
            "bytes\":%" PRIu64 ",\"transmissions\":%" PRIu64 ",\"sides_at_risk\":%" PRIu64 "}\n",
            totals->sides == 0 ? "moves" : "all", threads, world->options.ties,
            world->options.members, totals->moves, seconds[PHASE_CAREERS], seconds[PHASE_ENDINGS],
            attribution, round->measured.cpu_seconds, share, round->measured.peak_bytes,
            totals->transmissions, totals->sides_at_risk);
    (void)fflush(stdout);
}

static void sql_print(FILE *json, const struct world *world, const struct round *sql,
                      const struct round *ours, unsigned threads) {
    const struct peer_sql_answer *answer = &sql->outcome.counts;
    double seconds = answer->risk_seconds + answer->transmission_seconds;
    double ratio = seconds / ours->measured.seconds[PHASE_ATTRIBUTION];
    char name[PEER_SQL_NAME_BYTES];
    peer_sql_name(name);
    printf("  %s, 1 thread: %.1f s (sides at risk %.1f, transmissions %.1f) after %.1f s of "
           "loading: tieflow on %u is %.1f times as fast\n    equal counts\n",
           name, seconds, answer->risk_seconds, answer->transmission_seconds, answer->load_seconds,
           threads, ratio);
    fprintf(json,
            "{\"contender\":\"%s\",\"threads\":1,\"ties\":%" PRIu64 ",\"load_seconds\":%.3f,"
            "\"risk_seconds\":%.3f,\"transmission_seconds\":%.3f,\"ratio\":%.2f,"
            "\"ratio_threads\":%u,\"seconds\":%.3f,\"at_risk\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64
            "],\"transmissions\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]}\n",
            name, world->options.ties, answer->load_seconds, answer->risk_seconds,
            answer->transmission_seconds, ratio, threads, ours->measured.seconds[PHASE_ATTRIBUTION],
            answer->at_risk[0], answer->at_risk[1], answer->at_risk[2], answer->transmissions[0],
            answer->transmissions[1], answer->transmissions[2]);
    (void)fflush(stdout);
}

static struct status counts_compare(const struct peer_sql_answer *ours,
                                    const struct peer_sql_answer *theirs, struct err *err) {
    for (int i = 0; i < TERCILES; i++) {
        if (ours->sides[i] != theirs->sides[i] || ours->at_risk[i] != theirs->at_risk[i] ||
            ours->transmissions[i] != theirs->transmissions[i]) {
            return err_set(err, FAILURE_INTERNAL,
                           "tercile %d: tieflow counts %" PRIu64 " sides, %" PRIu64
                           " at risk, %" PRIu64 " transmissions; SQLite %" PRIu64 ", %" PRIu64
                           ", %" PRIu64,
                           i, ours->sides[i], ours->at_risk[i], ours->transmissions[i],
                           theirs->sides[i], theirs->at_risk[i], theirs->transmissions[i]);
        }
    }
    return status_ok();
}

/* --- contests --- */

/* SQLite has one thread, so tieflow runs on one as well. */
static struct status sql_contest(struct contest *contest, size_t rounds, FILE *json,
                                 struct err *err) {
    struct round sql;
    struct round ours;
    TRY(rounds_run(contest, rounds, sql_run, &sql, err));
    unsigned most = contest->threads;
    for (contest->threads = 1; contest->threads <= most;
         contest->threads += contest->threads == most ? 1 : most - contest->threads) {
        TRY(rounds_run(contest, rounds, ours_run, &ours, err));
        TRY(counts_compare(&ours.outcome.counts, &sql.outcome.counts, err));
        run_print(json, contest->world, contest->threads, &ours);
        sql_print(json, contest->world, &sql, &ours, contest->threads);
    }
    contest->threads = most;
    return status_ok();
}

static struct status big_contest(struct contest *contest, size_t rounds, FILE *json,
                                 struct err *err) {
    struct round ours;
    contest->scope = contest->is_moves_only ? SCOPE_MOVES : SCOPE_ALL;
    TRY(rounds_run(contest, rounds, ours_run, &ours, err));
    run_print(json, contest->world, contest->threads, &ours);
    return status_ok();
}

static struct status world_run(const struct options *options, const struct world_options *asked,
                               struct outcome *outcome,
                               struct status (*contest_run)(struct contest *contest, size_t rounds,
                                                            FILE *json, struct err *err),
                               FILE *json, struct err *err) {
    struct world world;
    double start = measure_now();
    struct status status = world_make(&world, asked, options->folder, err);
    if (!failed(status) && options->is_plain != 0) {
        world_forget(&world);
    }
    if (!failed(status)) {
        world_print(&world, measure_now() - start);
        struct contest contest = {
            .world = &world,
            .threads = (unsigned)options->threads,
            .memory_bytes = (size_t)options->memory_mib << 20,
            .is_moves_only = options->is_moves_only != 0,
            .export_folder = options->is_export != 0 ? options->folder : NULL,
            .outcome = outcome,
        };
        status = contest_run(&contest, options->rounds, json, err);
    }
    world_release(&world);
    return status;
}

static struct world_options world_of(uint64_t ties, uint64_t members, uint64_t moves) {
    uint64_t by_ties = ties / TIES_PER_MEMBER;
    return (struct world_options){
        .ties = ties,
        .members = members != 0 ? members : by_ties,
        .moves = moves != 0 ? moves : ties * 1000 / TIES_PER_1000_MOVES,
        .seed = SEED,
    };
}

static struct status contests_run(const struct options *options, FILE *json, struct err *err) {
    struct outcome *outcome =
        mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (outcome == MAP_FAILED) {
        return err_memory(err, sizeof *outcome, "results");
    }
    struct status status = status_ok();
    if (options->sql_ties != 0) {
        const struct world_options asked = world_of(options->sql_ties, 0, 0);
        status = world_run(options, &asked, outcome, sql_contest, json, err);
    }
    if (!failed(status) && options->world.ties != 0) {
        status = world_run(options, &options->world, outcome, big_contest, json, err);
    }
    (void)munmap(outcome, sizeof *outcome);
    return status;
}

/* --- command line --- */

static struct status options_read(struct options *options, int argc, char **argv, struct err *err) {
    uint64_t ties = 20000000;
    uint64_t members = 0;
    uint64_t moves = 0;
    *options = (struct options){.threads = 2, .sql_ties = 1000000, .rounds = 1};
    const struct {
        const char *name;
        uint64_t *value;
        uint64_t most;
    } known[] = {
        {"--ties", &ties, UINT32_MAX},
        {"--members", &members, UINT32_MAX},
        {"--moves", &moves, UINT32_MAX},
        {"--threads", &options->threads, 256},
        {"--memory", &options->memory_mib, 1 << 20},
        {"--sql-ties", &options->sql_ties, UINT32_MAX},
        {"--rounds", &options->rounds, ROUNDS_MAX},
        {"--export", &options->is_export, 1},
        {"--plain", &options->is_plain, 1},
        {"--moves-only", &options->is_moves_only, 1},
    };
    for (int i = 2; i < argc; i += 2) {
        uint64_t value;
        size_t at = 0;
        while (at < sizeof known / sizeof known[0] && strcmp(argv[i], known[at].name) != 0) {
            at++;
        }
        if (at == sizeof known / sizeof known[0] || i + 1 == argc ||
            !number_parse_u64(argv[i + 1], strlen(argv[i + 1]), &value) || value > known[at].most) {
            return err_set(err, FAILURE_USAGE, "%s is no option with a number within its limits",
                           argv[i]);
        }
        *known[at].value = value;
    }
    if (argc < 2 || options->threads == 0 || options->rounds == 0) {
        return err_set(
            err, FAILURE_USAGE,
            "usage: bench_attribution FOLDER [--ties N] [--members N] [--moves N] "
            "[--threads N] [--memory MIB] [--sql-ties N] [--rounds N] [--export 1] [--plain 1] "
            "[--moves-only 1]");
    }
    options->folder = argv[1];
    options->world = world_of(ties, members, moves);
    return status_ok();
}

static struct status bench_run(const struct options *options, struct err *err) {
    char *path;
    TRY(folder_make(options->folder, err));
    TRY(path_join(&path, options->folder, "attribution.jsonl", err));
    FILE *json = fopen(path, "w");
    struct status status = json != NULL ? contests_run(options, json, err)
                                        : err_set(err, FAILURE_IO, "%s cannot be written", path);
    if (json != NULL && fclose(json) != 0 && !failed(status)) {
        status = err_set(err, FAILURE_IO, "%s cannot be written", path);
    }
    free(path);
    return status;
}

int main(int argc, char **argv) {
    struct err err = {0};
    struct options options;
    struct status status = options_read(&options, argc, argv, &err);
    if (!failed(status)) {
        status = bench_run(&options, &err);
    }
    if (failed(status)) {
        fprintf(stderr, "bench_attribution: %s\n", err.text);
    }
    return (int)status.failure;
}
