/* tieflow: the command. The only place that ends the process. */
#include "pipeline/options.h"
#include "pipeline/progress.h"
#include "pipeline/verbs.h"
#include "schemas/version.h"
#include "stages/base/json_writer.h"
#include "stages/decode/avro_schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct status verb_call(const struct options *options, struct progress *progress,
                               struct err *err) {
    switch (options->verb) {
    case VERB_TIES:
        return verb_ties(options, progress, err);
    case VERB_RUN:
        return verb_run(options, progress, err);
    case VERB_BACKFILL:
        return verb_backfill(options, progress, err);
    case VERB_IMPORT:
        return verb_import(options, progress, err);
    case VERB_GENERATE:
        return verb_generate(options, progress, err);
    case VERB_SNAPSHOT:
        return verb_snapshot(options, progress, err);
    case VERB_CHECK:
        return verb_check(options, progress, err);
    case VERB_EXPLAIN:
        return verb_explain(options, progress, err);
    case VERB_ATTRIBUTE:
        return verb_attribute(options, progress, err);
    case VERB_REPORT:
        return verb_report(options, progress, err);
    }
    return err_set(err, FAILURE_INTERNAL, "a verb without a function");
}

static enum progress_mode mode_of(const struct options *options) {
    if (options->log == 1) {
        return PROGRESS_JSON;
    }
    return options->is_quiet ? PROGRESS_QUIET : PROGRESS_TEXT;
}

/* One line on standard error: JSON where the run logs JSON and there is the memory for it. */
static void error_print(const struct options *options, const struct err *err) {
    if (options->log != 1) {
        fprintf(stderr, "tieflow: %s\n", err->text);
        return;
    }
    struct json_writer writer = {.is_compact = true};
    json_object_begin(&writer, NULL);
    json_put_text(&writer, "event", "error");
    json_put_u64(&writer, "exit_code", (uint64_t)err->failure);
    json_put_text(&writer, "text", err->text);
    json_object_end(&writer);
    if (!failed(json_writer_finish(&writer, NULL))) {
        (void)fwrite(writer.text.data, 1, writer.text.count, stderr);
    } else {
        fprintf(stderr, "tieflow: %s\n", err->text);
    }
    json_writer_release(&writer);
}

/* What was begun stays behind as after a kill, for the next run to remove. */
static void memory_refused(void *context, size_t bytes) {
    struct err err = {0};
    struct status status = err_memory(&err, bytes, "libavro");
    error_print(context, &err);
    _exit((int)status.failure);
}

/* Standard output is a result like any other: a full disk behind it is an error. */
static struct status output_check(struct status status, struct err *err) {
    if ((fflush(stdout) != 0 || ferror(stdout)) && !failed(status)) {
        return err_set(err, FAILURE_IO, "standard output cannot be written");
    }
    return status;
}

/* Each try at a damaged Kafka batch costs open files (stages/kafka/kafka_consumer.c), and the usual
 * limit is low. Where it cannot be raised, it stays. */
static void files_allow(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static bool is_help_request(int argc, char **argv) {
    return argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                         strcmp(argv[1], "help") == 0);
}

int main(int argc, char **argv) {
    if (is_help_request(argc, argv)) {
        options_overview(stdout);
        return fflush(stdout) == 0 ? 0 : FAILURE_IO;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("tieflow " TIEFLOW_VERSION);
        return fflush(stdout) == 0 ? 0 : FAILURE_IO;
    }
    char help_flag[] = "--help";
    if (argc == 3 && strcmp(argv[1], "help") == 0) { /* "help VERB" is "VERB --help" */
        argv[1] = argv[2];
        argv[2] = help_flag;
    }
    files_allow();
    struct options options = {0};
    struct memory_guard guard = {memory_refused, &options};
    memory_guard_set(&guard);
    struct err err = {0};
    struct progress progress;
    struct status status = options_read(&options, argc, argv, &err);
    progress_init(&progress, mode_of(&options));
    if (!failed(status) && options.wants_help) {
        options_help(stdout, options.verb);
    } else if (!failed(status)) {
        status = verb_call(&options, &progress, &err);
    }
    progress_end(&progress);
    status = output_check(status, &err);
    if (failed(status)) {
        error_print(&options, &err);
    }
    options_release(&options);
    return (int)status.failure;
}
