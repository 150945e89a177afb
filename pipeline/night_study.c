#include "pipeline/night_study.h"

#include "pipeline/verbs.h"

#include <stdlib.h>
#include <string.h>

static void tables_release(struct fact_table tables[FACT_LOGS]) {
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_release(&tables[log]);
    }
}

static void tables_init(struct fact_table tables[FACT_LOGS]) {
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_init(&tables[log], (enum fact_log)log);
    }
}

void night_study_release(struct night_study *night) {
    facts_release(&night->facts);
    tables_release(night->before);
    names_release(&night->segments);
}

/* The segments of the state, then those that this run is going to write. */
static struct status segments_name(struct night_study *night, const struct night_plan *plan,
                                   struct err *err) {
    char *path;
    size_t known = plan->previous == NULL ? 0 : plan->previous->segment_count;
    for (size_t i = 0; i < known; i++) {
        TRY(state_path(plan->state, plan->previous->segments[i].file.name, &path, err));
        struct status status = names_add(&night->segments, path, err);
        free(path);
        TRY(status);
    }
    for (size_t i = 0; i < plan->periods->count; i++) {
        char *name;
        TRY(period_name(plan->periods, i, "ties-", ".tff", &name, err));
        struct status status = path_join(&path, plan->next_folder, name, err);
        free(name);
        TRY(status);
        status = names_add(&night->segments, path, err);
        free(path);
        TRY(status);
    }
    return status_ok();
}

static void study_fill(struct night_study *night, struct run *run, const struct night_plan *plan) {
    const struct generation *previous = plan->previous;
    night->study = (struct study_job){
        .settings = &night->settings,
        .facts = &night->facts,
        .graph = &run->graph,
        .segment_paths = (const char *const *)night->segments.items,
        .segment_count = night->segments.count,
        .as_of_ms = period_first_ms(plan->periods, plan->periods->count) - 1,
        .memory_bytes = memory_for_study(&run->ingest.options.memory),
        .threads = options_threads(run->options),
        .kernel = (enum kernel_set)run->options->kernel,
        .progress = run->progress,
    };
    if (previous != NULL && previous->facts[FACT_POSITIONS].is_known) {
        night->study.previous_positions = &night->before[FACT_POSITIONS];
        night->study.previous_as_of_ms = previous->date_ms + DAY_MS - 1;
    }
    night->more = study_job_tables(&night->study);
}

static bool knows_positions(const struct generation *generation) {
    return generation != NULL && generation->facts[FACT_POSITIONS].is_known;
}

struct status night_study_read(struct night_study *night, struct run *run,
                               const struct night_plan *plan, struct err *err) {
    const struct options *options = run->options;
    night->is_wanted = options_have_log(options, FACT_POSITIONS);
    if (!night->is_wanted) {
        bool is_missed = knows_positions(plan->previous) || knows_positions(plan->repeated);
        return is_missed ? err_set(err, FAILURE_CONFIG,
                                   "the state has read positions, but none are named: name them "
                                   "with --positions as before (a folder of them, or a file with "
                                   "a header alone where there are no new ones)")
                         : status_ok();
    }
    const struct facts_options how = {
        .until_ms = period_first_ms(plan->periods, plan->periods->count) - 1,
        .previous = plan->previous,
        .repeated = plan->repeated,
    };
    options_attribution(options, &night->settings);
    tables_init(night->before);
    TRY(facts_read_options(&night->facts, options, &how,
                           plan->previous == NULL ? NULL : plan->state, run->progress, err));
    if (knows_positions(plan->previous)) {
        TRY(state_load_facts(plan->state, plan->previous, night->before, err));
        for (int log = 0; log < FACT_LOGS; log++) {
            if (log != FACT_POSITIONS) { /* only moves are compared */
                fact_table_release(&night->before[log]);
                fact_table_init(&night->before[log], (enum fact_log)log);
            }
        }
    }
    TRY(quarantine_move(&run->ingest.quarantine, &night->facts.quarantine, err));
    TRY(segments_name(night, plan, err));
    study_fill(night, run, plan);
    return status_ok();
}

const struct more_tables *night_study_tables(const struct night_study *night) {
    return night->is_wanted ? &night->more : NULL;
}

static bool tables_equal(const struct fact_table *a, const struct fact_table *b) {
    bool is_equal = a->count == b->count;
    for (size_t i = 0; i < a->count && is_equal; i++) {
        is_equal = a->facts[i].known == b->facts[i].known &&
                   memcmp(a->facts[i].value, b->facts[i].value, sizeof a->facts[i].value) == 0;
    }
    return is_equal;
}

struct status night_study_check_repeat(const struct night_study *night, const struct state *state,
                                       const struct generation *repeated, struct err *err) {
    struct fact_table then[FACT_LOGS];
    if (!night->is_wanted) {
        return status_ok();
    }
    tables_init(then);
    struct status status = state_load_facts(state, repeated, then, err);
    for (int log = 0; log < FACT_LOGS && !failed(status); log++) {
        if (repeated->facts[log].is_known && !tables_equal(&then[log], &night->facts.tables[log])) {
            status = err_set(err, FAILURE_DATA,
                             "the log %s holds other records for this date than when it was first "
                             "run: it was changed; the published tables are left as they are",
                             fact_shapes[log].name);
        }
    }
    tables_release(then);
    return status;
}

struct status night_study_keep(const struct night_study *night, const struct state *state,
                               struct generation *next, struct err *err) {
    if (!night->is_wanted) {
        return status_ok();
    }
    TRY(facts_keep(&night->facts, next, err));
    return state_save_facts(state, next, night->facts.tables, err);
}
