/* The verbs of the command line: each turns options into work. They print results to standard
 * output and leave errors to main. */
#ifndef TIEFLOW_PIPELINE_VERBS_H
#define TIEFLOW_PIPELINE_VERBS_H

#include "pipeline/memory.h"
#include "pipeline/options.h"
#include "pipeline/progress.h"
#include "pipeline/publish.h"
#include "schemas/status.h"
#include "stages/decode/log_writer.h"
#include "stages/source/file_set.h"
#include "stages/state/state.h"

FALLIBLE verb_ties(const struct options *options, struct progress *progress, struct err *err);
FALLIBLE verb_attribute(const struct options *options, struct progress *progress, struct err *err);
FALLIBLE verb_run(const struct options *options, struct progress *progress, struct err *err);
FALLIBLE verb_backfill(const struct options *options, struct progress *progress, struct err *err);
FALLIBLE verb_import(const struct options *options, struct progress *progress, struct err *err);
FALLIBLE verb_generate(const struct options *options, struct progress *progress, struct err *err);
FALLIBLE verb_snapshot(const struct options *options, struct progress *progress, struct err *err);
FALLIBLE verb_report(const struct options *options, struct progress *progress, struct err *err);
FALLIBLE verb_check(const struct options *options, struct progress *progress, struct err *err);
FALLIBLE verb_explain(const struct options *options, struct progress *progress, struct err *err);

/* What several verbs read from the options. */

/* FAILURE_USAGE where `value` (the option --name) was not given. */
FALLIBLE require_option(const char *value, const char *name, struct err *err);

/* The logs: --logs and the arguments, in that order. FAILURE_USAGE where none are named,
 * FAILURE_CONFIG where what is named holds none: a night without logs is more likely a folder that
 * is not there than a day without events. */
FALLIBLE options_logs(const struct options *options, struct file_set *set, struct err *err);

/* The files of each of the other logs, by enum fact_log; a log that was not named has none. Fills
 * zero-initialised sets, which are released in any case. FAILURE_CONFIG where what is named for a
 * log holds no files. */
FALLIBLE options_fact_logs(const struct options *options, struct file_set sets[FACT_LOGS],
                           struct err *err);

/* Whether any log beside the connections is named. */
bool options_have_facts(const struct options *options);

/* Whether one of the other logs is named, by files or a topic. */
bool options_have_log(const struct options *options, enum fact_log log);

/* Whether any of the other logs is read from a topic. */
bool options_have_fact_topics(const struct options *options);

/* Whether a topic is read: brokers are named and no logs are. */
bool options_read_topic(const struct options *options);

/* csv, parquet, both, or none, which only a state can do with; both where nothing is said. */
FALLIBLE options_table_formats(const struct options *options, struct table_formats *formats,
                               struct err *err);

/* Starts a log of connections in the format of its name. */
FALLIBLE log_create(const char *path, struct log_writer **writer, struct err *err);

/* Ends the progress; commits the log to options->out and says what it holds or, where `status` is a
 * failure, discards it and hands the failure on. */
FALLIBLE log_close(const struct options *options, struct log_writer *writer, uint64_t events,
                   struct progress *progress, struct status status, struct err *err);

/* The threads to use. */
unsigned options_threads(const struct options *options);

/* How the memory is shared out: that of --memory, or most of what there is. */
struct memory_shares options_memory(const struct options *options);

/* FAILURE_CONFIG where this processor does not run the --kernel asked for. */
FALLIBLE options_kernel_check(const struct options *options, struct err *err);

/* Reads the generation of --date, or the newest. FAILURE_CONFIG where there is none. */
FALLIBLE options_generation(const struct options *options, const struct state *state,
                            struct generation *generation, struct err *err);

/* First instant of a date that was checked when it was read. */
int64_t options_day(const char *date);

/* The name of a file as it may be shown on a terminal: control characters replaced, long ones cut.
 */
struct shown_name {
    char text[ERR_TEXT_BYTES];
};
struct shown_name name_shown(const char *name);

/* 1234567 bytes as "1.2 MB". */
enum { BYTES_TEXT_BYTES = 24 };
void bytes_format(uint64_t bytes, char text[BYTES_TEXT_BYTES]);

#endif
