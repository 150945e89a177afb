/* The command line and the configuration file: one table of options for both, and for the help.
 *
 * A configuration file is INI: `name = value` with the long names of the flags. Lines before any
 * section hold for every verb that knows the option; a section named like a verb holds for that
 * verb. The command line wins over the section, the section over the rest.
 */
#ifndef TIEFLOW_PIPELINE_OPTIONS_H
#define TIEFLOW_PIPELINE_OPTIONS_H

#include "schemas/event.h"
#include "schemas/facts.h"
#include "schemas/settings.h"
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
    VERB_ATTRIBUTE = 1 << 8,
    VERB_REPORT = 1 << 9,
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

/* What is said about the attribution; numbers are OPTION_NOT_GIVEN, the share is negative, where
 * the preset's value stays. */
#define OPTION_NOT_GIVEN UINT64_MAX
struct attribution_options {
    uint64_t preset; /* index of attribution_presets */
    uint64_t tie_days;
    uint64_t job_days;
    uint64_t alter_active; /* 0 yes, 1 no */
    uint64_t tie_first;    /* likewise */
    uint64_t ended_ties;   /* enum ended_ties */
    uint64_t mass_movers;
    double mass_share;
    uint64_t threshold;
    uint64_t intensity_days;
};

/* `generate --careers`. Numbers below 0, NAN, a hazard of UINT64_MAX, counts of 0: not given. */
struct career_options {
    bool wanted;
    bool csv;
    uint64_t hazard; /* enum hazard_shape */
    double hazard_rate;
    double move_rate;
    double homophily;
    uint64_t regions;
    double coworkers;
    uint64_t company_size;
    uint64_t company_skew;
    double coarse;
    double mergers;
    double unknown;
    uint64_t variants;
    double variant_closure;
    double interaction_rate;
    double application_rate;
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
    struct names logs;                  /* of the connections */
    struct names fact_logs[FACT_LOGS];  /* files of the other logs; none: there is no such log */
    const char *fact_topics[FACT_LOGS]; /* in place of files, at the same brokers; NULL: none */
    uint64_t facts_encoding;            /* of these topics: 0 framed Avro, 1 JSON */
    struct attribution_options attribution;
    uint64_t scope;   /* enum attribution_scope */
    int64_t as_of_ms; /* INT64_MAX: not given */
    struct topic_options topic;
    struct emit_settings emit;
    const char *date;
    const char *from;
    const char *to;
    uint64_t simultaneous; /* enum simultaneous */
    const char *format;
    uint64_t memory_bytes; /* 0: most of what the machine has */
    uint64_t threads;      /* 0: as many as there are processors */
    uint64_t kernel;       /* enum kernel_set */
    double malformed_share_max;
    uint64_t keep;
    uint64_t tail_percent; /* OPTION_NOT_GIVEN: 3, and 0 while the graph is small */
    uint64_t log;          /* 0 text, 1 JSON lines */
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
    uint64_t model; /* enum log_model */
    uint64_t scale; /* 0: not given */
    const char *start;
    double degree; /* negative, as the next ones: not given */
    double days;
    double closure;
    double disconnects;
    double warts;
    bool random_ids;
    struct career_options careers;
};

/* Reads argv and the configuration file it names, and sets defaults. FAILURE_USAGE or, for the
 * file, FAILURE_CONFIG with file and line. Zero-initialise; options_release in any case. */
FALLIBLE options_read(struct options *options, int argc, char **argv, struct err *err);
void options_release(struct options *options);

/* The settings of the attribution: those of the preset, and what was given beside it. Where
 * anything differs from the preset they are called "own". */
void options_attribution(const struct options *options, struct attribution_settings *settings);

/* The overview, or one verb's page. */
void options_help(FILE *stream, enum verb verb);
void options_overview(FILE *stream);

#endif
