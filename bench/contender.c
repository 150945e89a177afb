#include "bench/contender.h"

#include "schemas/limits.h"
#include "stages/base/number.h"
#include "stages/decode/log_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct status contest_read(const char *log, size_t block_events,
                           struct status (*take)(void *context, const struct event *events,
                                                 size_t count, struct err *err),
                           void *context, struct err *err) {
    static const struct log_reader_options packed = {.format = LOG_PACKED};
    struct input *input;
    struct log_reader *reader;
    struct event *events = malloc(block_events * sizeof *events);
    if (events == NULL) {
        return err_memory(err, block_events * sizeof *events, "a block of events");
    }
    struct status status = input_open(&input, log, err);
    if (!failed(status)) {
        status = log_reader_open(&reader, input, &packed, err);
    }
    if (failed(status)) {
        free(events);
        return status;
    }
    for (;;) {
        size_t count;
        bool is_malformed;
        struct malformed malformed;
        TRY_OR(
            done, status,
            log_reader_next(reader, events, block_events, &count, &is_malformed, &malformed, err));
        if (count == 0) {
            break;
        }
        TRY_OR(done, status, take(context, events, count, err));
    }
done:
    log_reader_close(reader);
    free(events);
    return status;
}

static void result_print(const struct contender *contender, const struct measured *measured,
                         double seconds) {
    char version[CONTENDER_VERSION_BYTES];
    contender->version(version);
    printf("{\"contender\":\"%s\",\"ties\":%" PRIu64 ",\"%s\":%" PRIu64, version, measured->ties,
           contender->is_static ? "triangles" : "mutual_sum", measured->mutual_sum);
    if (!contender->is_static) {
        printf(",\"checksum\":\"%016" PRIx64 "\"", measured->checksum);
    }
    double reading = seconds;
    for (int i = 0; i < MEASURE_STAGES; i++) {
        reading -= measured->seconds[i];
    }
    printf(",\"seconds\":%.3f,\"stages\":{\"reading\":%.3f", seconds, reading);
    for (int i = 0; i < MEASURE_STAGES && contender->stages[i] != NULL; i++) {
        printf(",\"%s\":%.3f", contender->stages[i], measured->seconds[i]);
    }
    puts("}}");
}

static const struct contender *contender_named(const struct contender *contenders, size_t count,
                                               const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(contenders[i].name, name) == 0) {
            return &contenders[i];
        }
    }
    return NULL;
}

int contender_main(int argc, char **argv, const struct contender *contenders, size_t count) {
    struct err err = {0};
    uint64_t threads = 0;
    uint64_t members = 0;
    const struct contender *contender =
        argc == 6 ? contender_named(contenders, count, argv[1]) : NULL;
    if (contender == NULL || !number_parse_u64(argv[4], strlen(argv[4]), &threads) ||
        threads == 0 || threads > LIMIT_THREADS ||
        !number_parse_u64(argv[5], strlen(argv[5]), &members) || members > UINT32_MAX - 1) {
        fprintf(stderr, "usage: %s NAME LOG FOLDER THREADS MEMBERS\n", argv[0]);
        return FAILURE_USAGE;
    }
    const struct contest contest = {argv[2], argv[3], (unsigned)threads, members};
    struct measured measured = {0};
    double start = measure_now();
    struct status status = contender->run(&contest, &measured, &err);
    double seconds = measure_now() - start;
    if (failed(status)) {
        fprintf(stderr, "%s: %s\n", contender->name, err.text);
    } else {
        result_print(contender, &measured, seconds);
    }
    return (int)status.failure;
}
