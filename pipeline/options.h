/* The command line and the configuration file: one table of options for both, and for the help.
 *
 * A configuration file is INI: `name = value` with the long names of the flags. Lines before any
 * section hold for every verb that knows the option; a section named like a verb holds for that
 * verb. The command line wins over the section, the section over the rest.
 */
#ifndef TIEFLOW_PIPELINE_OPTIONS_H
#define TIEFLOW_PIPELINE_OPTIONS_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/base/files.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum verb {
    VERB_TIES = 1 << 0,
    VERB_RUN = 1 << 1,
    VERB_BACKFILL = 1 << 2,
    VERB_IMPORT = 1 << 3,
    VERB_GENERATE = 1 << 4,
    VERB_SNAPSHOT = 1 << 5,
    VERB_CHECK = 1 << 6,
    VERB_EXPLAIN = 1 << 7,
};

/* What is said about Kafka as a source; or, for `import`, as the place where a log goes. */
struct topic_options {
    const char *brokers; /* NULL: files are read */
    const char *name;
    uint64_t encoding; /* enum record_encoding */
    const char *registry;
    struct names schema_maps;
    const char *writer_schema; /* a file, for bare Avro; NULL: our own schema */
    const char *group;
    struct names settings; /* -X, in the order given */
    const char *settings_file;
    double lateness_hours; /* negative: not given, topics are read to their end */
    uint64_t skips_corrupt;
    uint64_t corrupt_tries;
    uint64_t timeout_s;
    uint64_t packed_events; /* `import`: events per packed record */
    bool stamps_events;     /* `import`: records are stamped with their events' time */
};

/* Kafka as a sink. */
struct emit_settings {
    uint64_t to_kafka;
    const char *prefix;
    const char *dead_letter_topic; /* NULL: dead letters stay in a file beside the tables */
};

/* Every value of every option; texts are owned by `texts`. NULL and `has_` false: not given. */
struct options {
    enum verb verb;
    bool wants_help;
    struct names arguments; /* what is not a flag: logs, inputs, the action of `snapshot` */
    struct names texts;
    const char *config;
    const char *out;
    const char *state;
    struct names logs;
    struct topic_options topic;
    struct emit_settings emit;
    const char *date;
    const char *from;
    const char *to;
    uint64_t simultaneous; /* enum simultaneous */
    const char *format;
    uint64_t batch;
    uint64_t threads; /* 0: as many as there are processors */
    double malformed_share_max;
    uint64_t keep;
    uint64_t log; /* 0 text, 1 JSON lines */
    bool is_quiet;
    /* import */
    const char *input_format;
    const char *columns;
    const char *delimiter;
    uint64_t skip;
    const char *time_unit;
    bool times_are_lines;
    /* generate */
    uint64_t seed;
    uint64_t ties;
    double degree;
    const char *start;
    double days;
    double closure;
    double disconnects;
    double warts;
    bool random_ids;
};

/* Reads argv and the configuration file it names, and sets defaults. FAILURE_USAGE or, for the
 * file, FAILURE_CONFIG with file and line. Zero-initialise; options_release in any case. */
FALLIBLE options_read(struct options *options, int argc, char **argv, struct err *err);
void options_release(struct options *options);

/* The overview, or one verb's page. */
void options_help(FILE *stream, enum verb verb);
void options_overview(FILE *stream);

#endif
