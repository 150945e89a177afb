/* bench_spine [TIES...]: tieflow's kernel beside one CRoaring bitmap per member, in one run.
 *
 * For each size (default 5,000,000 and 50,000,000 ties) a study-shaped log with mean degree 200 is
 * written as packed frames, in which members are numbered at random; then every contender reads it
 * in a process of its own. Results must be equal. Prints a table and writes JSON lines to
 * FOLDER/spine.jsonl. Usage: bench_spine FOLDER [TIES...]; logs are removed at the end.
 */
#include "bench/contender.h"

#include "stages/base/files.h"
#include "stages/base/number.h"
#include "stages/base/random.h"
#include "stages/decode/log_writer.h"
#include "stages/generate/study.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_EVENTS = 4096, SEED = 1 };

static const double mean_degree = 200;

/* Numbers 1..members in random order, so that neither numbering by time of joining nor by group
 * helps anyone. */
static uint32_t *permutation_make(uint64_t members) {
    uint32_t *numbers = malloc((members + 1) * sizeof *numbers);
    struct random random;
    random_seed(&random, SEED);
    for (uint64_t i = 0; numbers != NULL && i <= members; i++) {
        numbers[i] = (uint32_t)i;
    }
    for (uint64_t i = members; numbers != NULL && i > 1; i--) {
        uint64_t j = 1 + random_below(&random, i);
        uint32_t swapped = numbers[i];
        numbers[i] = numbers[j];
        numbers[j] = swapped;
    }
    return numbers;
}

struct generation_task {
    const char *log;
    struct study_options options;
};

static struct status log_write(struct study *study, struct log_writer *writer,
                               const uint32_t *numbers, uint64_t members, uint64_t *count_all,
                               struct err *err) {
    struct event events[BLOCK_EVENTS];
    for (;;) {
        size_t count;
        TRY(study_next(study, events, BLOCK_EVENTS, &count, err));
        if (count == 0) {
            return status_ok();
        }
        for (size_t i = 0; i < count; i++) {
            if (events[i].from.v > members || events[i].to.v > members) {
                return err_set(err, FAILURE_INTERNAL, "a member beyond the last");
            }
            events[i].from.v = numbers[events[i].from.v];
            events[i].to.v = numbers[events[i].to.v];
        }
        TRY(log_writer_put(writer, events, count, err));
        *count_all += count;
    }
}

/* Runs in a process of its own: the generator's memory must not be a contender's. */
static struct status log_generate(void *context, struct measured *measured, struct err *err) {
    const struct generation_task *task = context;
    uint32_t *numbers = permutation_make(task->options.members);
    if (numbers == NULL) {
        return err_memory(err, task->options.members * 4, "a permutation");
    }
    struct study *study = NULL;
    struct log_writer *writer = NULL;
    double start = measure_now();
    struct status status = study_new(&study, &task->options, err);
    if (!failed(status)) {
        status = log_writer_open(&writer, task->log, LOG_PACKED, false, err);
    }
    if (!failed(status)) {
        status = log_write(study, writer, numbers, task->options.members, &measured->ties, err);
        if (!failed(status)) {
            status = log_writer_commit(writer, NULL, NULL, err);
        } else {
            log_writer_discard(writer);
        }
    }
    study_free(study);
    free(numbers);
    measured->seconds[0] = measure_now() - start;
    return status;
}

struct row {
    char name[CONTENDER_NAME_BYTES];
    unsigned threads;
    struct measured measured;
    double seconds;
};

static void row_print(FILE *json, const struct row *row, const struct row *peer) {
    double ns_per_tie = 1e9 * row->seconds / (double)row->measured.ties;
    double bytes_per_tie = (double)row->measured.peak_bytes / (double)row->measured.ties;
    printf("  %-18s %2u  %8.1f  %9.2f  %8.2f  %7.1fx   %5.1f %5.1f %5.1f\n", row->name,
           row->threads, ns_per_tie, 1e3 / ns_per_tie, bytes_per_tie, peer->seconds / row->seconds,
           row->measured.seconds[0], row->measured.seconds[1], row->measured.seconds[2]);
    fprintf(json,
            "{\"contender\":\"%s\",\"threads\":%u,\"ties\":%" PRIu64 ",\"mutual_sum\":%" PRIu64
            ",\"checksum\":\"%016" PRIx64 "\",\"seconds\":%.3f,\"ns_per_tie\":%.1f,"
            "\"peak_bytes_per_tie\":%.2f,\"ratio\":%.2f}\n",
            row->name, row->threads, row->measured.ties, row->measured.mutual_sum,
            row->measured.checksum, row->seconds, ns_per_tie, bytes_per_tie,
            peer->seconds / row->seconds);
}

static struct status contest_run(const struct generation_task *task, uint64_t events, FILE *json,
                                 struct err *err) {
    struct row rows[3] = {
        {.threads = 1},
        {.name = "tieflow", .threads = 1},
        {.name = "tieflow", .threads = 2},
    };
    contender_roaring_name(rows[0].name);
    uint64_t log_bytes;
    TRY(file_size(task->log, &log_bytes, err));
    printf("%" PRIu64 " ties, %" PRIu64 " members, packed log %.2f bytes per event\n",
           task->options.ties, task->options.members, (double)log_bytes / (double)events);
    for (int i = 0; i < 3; i++) {
        struct contest contest = {task->log, rows[i].threads, task->options.members};
        TRY(measure_forked(i == 0 ? contender_roaring : contender_tieflow, &contest,
                           &rows[i].measured, err));
        for (int stage = 0; stage < MEASURE_STAGES; stage++) {
            rows[i].seconds += rows[i].measured.seconds[stage];
        }
        if (rows[i].measured.checksum != rows[0].measured.checksum ||
            rows[i].measured.ties != task->options.ties) {
            return err_set(err, FAILURE_INTERNAL,
                           "%s finds %" PRIu64 " ties with sum %" PRIu64 ", the peer %" PRIu64
                           " with %" PRIu64,
                           rows[i].name, rows[i].measured.ties, rows[i].measured.mutual_sum,
                           rows[0].measured.ties, rows[0].measured.mutual_sum);
        }
    }
    printf("  contender       threads  ns/tie   M ties/s  bytes/tie   ratio   seconds: dictionary, "
           "adjacency, embeddedness\n");
    for (int i = 0; i < 3; i++) {
        row_print(json, &rows[i], &rows[0]);
    }
    printf("  equal results: sum of mutual %" PRIu64 ", checksum %016" PRIx64 "\n\n",
           rows[0].measured.mutual_sum, rows[0].measured.checksum);
    return status_ok();
}

static struct status size_run(const char *folder, uint64_t ties, FILE *json, struct err *err) {
    char *log;
    TRY(path_join(&log, folder, "spine.tfp", err));
    struct generation_task task = {log, study_defaults(ties, mean_degree)};
    task.options.ids_are_random = false;
    struct measured generated;
    struct status status = measure_forked(log_generate, &task, &generated, err);
    if (!failed(status)) {
        printf("generated %" PRIu64 " events in %.1f s\n", generated.ties, generated.seconds[0]);
        (void)fflush(stdout);
        status = contest_run(&task, generated.ties, json, err);
    }
    (void)unlink(log);
    free(log);
    return status;
}

int main(int argc, char **argv) {
    static const uint64_t default_sizes[] = {5000000, 50000000};
    struct err err = {0};
    if (argc < 2) {
        fputs("usage: bench_spine FOLDER [TIES...]\n", stderr);
        return FAILURE_USAGE;
    }
    char *json_path = NULL;
    struct status status = folder_make(argv[1], &err);
    if (!failed(status)) {
        status = path_join(&json_path, argv[1], "spine.jsonl", &err);
    }
    FILE *json = failed(status) ? NULL : fopen(json_path, "w");
    if (!failed(status) && json == NULL) {
        status = err_set(&err, FAILURE_IO, "%s cannot be written", json_path);
    }
    int sizes = argc > 2 ? argc - 2 : 2;
    for (int i = 0; i < sizes && !failed(status); i++) {
        uint64_t ties = default_sizes[i % 2];
        if (argc > 2 && !number_parse_u64(argv[2 + i], strlen(argv[2 + i]), &ties)) {
            status = err_set(&err, FAILURE_USAGE, "%s is not a number of ties", argv[2 + i]);
            break;
        }
        status = size_run(argv[1], ties, json, &err);
    }
    if (json != NULL && fclose(json) != 0 && !failed(status)) {
        status = err_set(&err, FAILURE_IO, "%s cannot be written", json_path);
    }
    free(json_path);
    if (failed(status)) {
        fprintf(stderr, "bench_spine: %s\n", err.text);
    }
    return (int)status.failure;
}
