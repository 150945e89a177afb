/* bench_kafka FOLDER [EVENTS]: how fast tieflow takes events out of Kafka, beside librdkafka alone.
 *
 * Writes a study-shaped log (default 20,000,000 events) into two topics of one partition: one
 * framed Avro event per record, and packed frames of 1000 events. Then, in turns, ROUNDS times: two
 * bare librdkafka loops that only count records, and tieflow's ingest up to ordered events, each in
 * a process of its own. Prints medians and ratios, and writes JSON lines to FOLDER/kafka.jsonl.
 * The brokers are those of TIEFLOW_BROKERS; `make bench-kafka` starts one.
 * Run it from the root of the repository, where schemas/ is.
 */
#include "bench/measure.h"
#include "bench/peer_rdkafka.h"

#include "pipeline/ingest.h"
#include "pipeline/topic_writer.h"
#include "stages/base/files.h"
#include "stages/base/number.h"
#include "stages/generate/study.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_EVENTS = 4096, ROUNDS = 5, MEAN_DEGREE = 100 };

/* One topic of the contest. */
struct contest {
    const char *brokers;
    const char *topic;
    const char *encoding;
    const char *folder; /* of scratch files */
    uint64_t events;
};

/* The options of a command line, as main would read them. */
static struct status options_make(const struct contest *contest, const char *verb,
                                  struct options *options, struct err *err) {
    const char *const words[] = {
        "tieflow",      verb,
        "--brokers",    contest->brokers,
        "--topic",      contest->topic,
        "--encoding",   contest->encoding,
        "--schema-map", "1=schemas/connections.avsc",
        "--quiet",
    };
    enum { WORDS = sizeof words / sizeof words[0] };
    char *arguments[WORDS];
    for (int i = 0; i < WORDS; i++) {
        arguments[i] = (char *)(uintptr_t)words[i]; /* read only */
    }
    return options_read(options, WORDS, arguments, err);
}

static struct status study_send(struct study *study, struct topic_writer *writer, struct err *err) {
    struct event events[BLOCK_EVENTS];
    size_t count;
    do {
        TRY(study_next(study, events, BLOCK_EVENTS, &count, err));
        TRY(topic_writer_put(writer, events, count, err));
    } while (count != 0);
    return status_ok();
}

/* Fills the topic. In a process of its own, for its memory. */
static struct status topic_fill(void *context, struct measured *measured, struct err *err) {
    const struct contest *contest = context;
    struct study_options study_options = study_defaults(contest->events, MEAN_DEGREE);
    struct options options = {0};
    struct progress progress;
    struct study *study = NULL;
    struct topic_writer *writer = NULL;
    study_options.ids_are_random = true;
    study_options.disconnect_share = 0; /* so that there are as many events as ties */
    study_options.wart_share = 0;
    progress_init(&progress, PROGRESS_QUIET);
    double start = measure_now();
    struct status status = options_make(contest, "import", &options, err);
    if (!failed(status)) {
        status = study_new(&study, &study_options, err);
    }
    if (!failed(status)) {
        status = topic_writer_open(&writer, &options, &progress, err);
    }
    if (!failed(status)) {
        status = study_send(study, writer, err);
        if (!failed(status)) {
            status = topic_writer_commit(writer, &measured->records, &measured->bytes, err);
        } else {
            topic_writer_discard(writer);
        }
    }
    measured->seconds[0] = measure_now() - start;
    study_free(study);
    options_release(&options);
    return status;
}

static struct status bare_run(const struct contest *contest, bool is_tuned,
                              struct measured *measured, struct err *err) {
    double start = measure_now();
    TRY(peer_rdkafka_count(contest->brokers, contest->topic, is_tuned, &measured->records,
                           &measured->bytes, err));
    measured->seconds[0] = measure_now() - start;
    return status_ok();
}

static struct status plain_run(void *context, struct measured *measured, struct err *err) {
    return bare_run(context, false, measured, err);
}

static struct status tuned_run(void *context, struct measured *measured, struct err *err) {
    return bare_run(context, true, measured, err);
}

/* Topic to ordered events: connecting included, as for the bare loop. */
static struct status ingest_run(void *context, struct measured *measured, struct err *err) {
    struct options options = {0};
    struct topic topic = {0};
    struct ingest ingest = {0};
    struct dictionary dictionary = {0};
    struct progress progress;
    const struct contest *contest = context;
    const struct ingest_options ingest_options = {
        .periods = periods_whole(INT64_MAX),
        .dictionary = &dictionary,
        .scratch_folder = contest->folder,
        .memory = memory_share(memory_default_bytes()),
    };
    progress_init(&progress, PROGRESS_QUIET);
    TRY(options_make(context, "ties", &options, err));
    double start = measure_now();
    struct status status = topic_open(&topic, &options, &progress, err);
    if (!failed(status)) {
        status = ingest_init(&ingest, &ingest_options, &progress, err);
    }
    if (!failed(status)) {
        status = ingest_topic(&ingest, &topic, err);
    }
    measured->seconds[0] = measure_now() - start;
    if (!failed(status)) {
        measured->records = sequence_count(ingest.sequence);
    }
    ingest_release(&ingest);
    dictionary_release(&dictionary);
    topic_close(&topic);
    options_release(&options);
    return status;
}

static int compare_seconds(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double values[ROUNDS]) {
    qsort(values, ROUNDS, sizeof *values, compare_seconds);
    return values[ROUNDS / 2];
}

/* Who reads; the seconds of each round. */
struct reader {
    const char *name;
    struct status (*run)(void *context, struct measured *measured, struct err *err);
    double seconds[ROUNDS];
    double median;
};

enum { PLAIN, TUNED, OURS, READERS };

static void contest_print(FILE *json, const struct contest *contest, const struct measured *filled,
                          const struct reader *readers, uint64_t peak_bytes) {
    double records = (double)filled->records;
    double events = (double)contest->events;
    printf("%s: %" PRIu64 " events in %" PRIu64 " records, %.1f bytes per event, filled in %.1f s\n"
           "  %-28s M records/s  M events/s  tieflow is at\n",
           contest->encoding, contest->events, filled->records, (double)filled->bytes / events,
           filled->seconds[0], "");
    for (int i = 0; i < READERS; i++) {
        printf("  %-28s %11.3f %11.2f %13.0f %%\n", readers[i].name,
               1e-6 * records / readers[i].median, 1e-6 * events / readers[i].median,
               100 * readers[i].median / readers[OURS].median);
    }
    printf("  peak memory of tieflow: %.1f bytes per event\n\n", (double)peak_bytes / events);
    fprintf(json,
            "{\"encoding\":\"%s\",\"events\":%" PRIu64 ",\"records\":%" PRIu64
            ",\"plain_seconds\":%.3f,\"tuned_seconds\":%.3f,\"seconds\":%.3f,"
            "\"client\":\"%s\"}\n",
            contest->encoding, contest->events, filled->records, readers[PLAIN].median,
            readers[TUNED].median, readers[OURS].median, peer_rdkafka_version());
    (void)fflush(stdout);
}

static struct status contest_run(struct contest *contest, FILE *json, struct err *err) {
    struct reader readers[READERS] = {
        [PLAIN] = {.name = "bare librdkafka, plain", .run = plain_run},
        [TUNED] = {.name = "bare librdkafka, tuned", .run = tuned_run},
        [OURS] = {.name = "tieflow, to ordered events", .run = ingest_run},
    };
    struct measured filled;
    struct measured measured = {0};
    TRY(measure_forked(topic_fill, contest, &filled, err));
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < READERS; i++) {
            TRY(measure_forked(readers[i].run, contest, &measured, err));
            readers[i].seconds[round] = measured.seconds[0];
            uint64_t expected = i == OURS ? contest->events : filled.records;
            if (measured.records != expected) {
                return err_set(err, FAILURE_INTERNAL, "%s: %" PRIu64 " read, %" PRIu64 " sent",
                               readers[i].name, measured.records, expected);
            }
        }
    }
    for (int i = 0; i < READERS; i++) {
        readers[i].median = median(readers[i].seconds);
    }
    contest_print(json, contest, &filled, readers, measured.peak_bytes);
    return status_ok();
}

static struct status contests_run(const char *folder, uint64_t events, struct err *err) {
    struct contest contests[] = {
        {.topic = "bench-single", .encoding = "avro", .folder = folder},
        {.topic = "bench-packed", .encoding = "packed", .folder = folder},
    };
    const char *brokers = getenv("TIEFLOW_BROKERS");
    char *path;
    if (brokers == NULL) {
        return err_set(
            err, FAILURE_CONFIG,
            "TIEFLOW_BROKERS is not set: 'make bench-kafka' starts a broker and sets it");
    }
    TRY(folder_make(folder, err));
    TRY(path_join(&path, folder, "kafka.jsonl", err));
    FILE *json = fopen(path, "w");
    struct status status =
        json != NULL ? status_ok() : err_set(err, FAILURE_IO, "%s cannot be written", path);
    for (size_t i = 0; i < sizeof contests / sizeof contests[0] && !failed(status); i++) {
        contests[i].brokers = brokers;
        contests[i].events = events;
        status = contest_run(&contests[i], json, err);
    }
    if (json != NULL && fclose(json) != 0 && !failed(status)) {
        status = err_set(err, FAILURE_IO, "%s cannot be written", path);
    }
    free(path);
    return status;
}

int main(int argc, char **argv) {
    uint64_t events = 20000000;
    struct err err = {0};
    if (argc < 2 || argc > 3 ||
        (argc == 3 && !number_parse_u64(argv[2], strlen(argv[2]), &events))) {
        fputs("usage: bench_kafka FOLDER [EVENTS]\n", stderr);
        return FAILURE_USAGE;
    }
    struct status status = contests_run(argv[1], events, &err);
    if (failed(status)) {
        fprintf(stderr, "bench_kafka: %s\n", err.text);
    }
    return (int)status.failure;
}
