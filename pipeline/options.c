#include "pipeline/options.h"

#include "schemas/limits.h"
#include "stages/base/number.h"

#include <assert.h>
#include <ini.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum option_kind {
    OPTION_TEXT,
    OPTION_LIST, /* may be given again */
    OPTION_DATE,
    OPTION_INSTANT, /* a date, which is its last millisecond, or milliseconds since 1970 */
    OPTION_U64,
    OPTION_SIZE, /* bytes: a number with K, M, G or T behind it */
    OPTION_DOUBLE,
    OPTION_CHOICE, /* index among the names in `argument`, divided by '|' */
    OPTION_FLAG,
};

struct option {
    const char *name;
    char letter; /* 0: none */
    enum option_kind kind;
    size_t offset; /* of the field in struct options */
    const char *argument;
    double least; /* bounds of a number */
    double most;
    unsigned verbs;
    const char *help;
};

#define FIELD(name) offsetof(struct options, name)
#define RULE(name) offsetof(struct options, attribution.name)

enum {
    VERBS_ALL = (VERB_REPORT << 1) - 1,
    VERBS_NIGHT = VERB_RUN | VERB_BACKFILL,
    VERBS_PLAN = VERB_CHECK | VERB_EXPLAIN,
    VERBS_STATE = VERBS_NIGHT | VERBS_PLAN | VERB_SNAPSHOT | VERB_ATTRIBUTE,
    VERBS_LOGS = VERB_TIES | VERBS_NIGHT | VERBS_PLAN, /* from files or a topic */
    VERBS_TABLES = VERBS_LOGS | VERB_ATTRIBUTE,
    VERBS_FACTS = VERB_ATTRIBUTE | VERBS_NIGHT | VERBS_PLAN,
    VERBS_KAFKA = VERBS_LOGS | VERB_IMPORT,
    VERBS_EMIT = VERBS_NIGHT | VERBS_PLAN,
    VERBS_OUT = VERBS_TABLES | VERB_IMPORT | VERB_GENERATE | VERB_SNAPSHOT | VERB_REPORT,
};

static const struct option option_table[] = {
    {"out", 'o', OPTION_TEXT, FIELD(out), "PATH", 0, 0, VERBS_OUT,
     "where results go: a folder for tables, a file for logs"},
    {"state", 's', OPTION_TEXT, FIELD(state), "DIR", 0, 0, VERBS_STATE,
     "folder that carries the graph from night to night; attribute: whose ties it takes"},
    {"logs", 'l', OPTION_LIST, FIELD(logs), "PATH", 0, 0, VERBS_TABLES,
     "a log of connections, or a folder of them; may be repeated"},
    {"connections", 0, OPTION_LIST, FIELD(logs), "PATH", 0, 0, VERBS_TABLES,
     "another name of --logs"},
    {"positions", 0, OPTION_LIST, FIELD(fact_logs[FACT_POSITIONS]), "PATH", 0, 0, VERBS_FACTS,
     "log of jobs that start and end: at,member,company,kind[,precision]; may be repeated"},
    {"interactions", 0, OPTION_LIST, FIELD(fact_logs[FACT_INTERACTIONS]), "PATH", 0, 0, VERBS_FACTS,
     "log of messages, likes, ...: at,from,to[,kind[,count]]"},
    {"applications", 0, OPTION_LIST, FIELD(fact_logs[FACT_APPLICATIONS]), "PATH", 0, 0, VERBS_FACTS,
     "log of job applications: at,member[,count]"},
    {"assignments", 0, OPTION_LIST, FIELD(fact_logs[FACT_ASSIGNMENTS]), "PATH", 0, 0, VERBS_FACTS,
     "log of who is in which arm: at,experiment,member,variant (0 is control)"},
    {"members", 0, OPTION_LIST, FIELD(fact_logs[FACT_MEMBERS]), "PATH", 0, 0, VERBS_FACTS,
     "who people are: member[,industry,country,region,place,school,career_start_year,gender]"},
    {"companies", 0, OPTION_LIST, FIELD(fact_logs[FACT_COMPANIES]), "PATH", 0, 0, VERBS_FACTS,
     "table company[,canonical[,industry]]: mergers and renames make one company of several"},
    {"industries", 0, OPTION_LIST, FIELD(fact_logs[FACT_INDUSTRIES]), "PATH", 0, 0, VERBS_FACTS,
     "table industry[,naics,it_rank,software_rank,ml_rank,ai_rank,robot_rank,remote_rank]"},
    {"preset", 0, OPTION_CHOICE, RULE(preset), "default|gee2012|facebook2016", 0, 0, VERBS_FACTS,
     "rules of an attribution, from which the next options differ"},
    {"tie-days", 0, OPTION_U64, RULE(tie_days), "N", 0, LIMIT_DATES, VERBS_FACTS,
     "how old a tie must be when the mover starts"},
    {"job-days", 0, OPTION_U64, RULE(job_days), "N", 0, LIMIT_DATES, VERBS_FACTS,
     "how long before the mover the contact must have started there"},
    {"alter-active", 0, OPTION_CHOICE, RULE(alter_active), "yes|no", 0, 0, VERBS_FACTS,
     "whether the contact must still be there when the mover starts"},
    {"tie-first", 0, OPTION_CHOICE, RULE(tie_first), "yes|no", 0, 0, VERBS_FACTS,
     "whether the tie must be older than the contact's job"},
    {"ended-ties", 0, OPTION_CHOICE, RULE(ended_ties), "exclude|include", 0, 0, VERBS_FACTS,
     "include: a tie counts for ever, also behind its end; default exclude"},
    {"scope", 0, OPTION_CHOICE, FIELD(scope), "all|moves", 0, 0, VERB_ATTRIBUTE,
     "moves: only what became of the moves, from the ties of those who moved; default all"},
    {"as-of", 0, OPTION_INSTANT, FIELD(as_of_ms), "DATE|MS", 0, 0, VERB_ATTRIBUTE,
     "nothing later counts (a date: its last instant); default the latest connection or start"},
    {"mass-movers", 0, OPTION_U64, RULE(mass_movers), "N", 1, UINT32_MAX, VERBS_FACTS,
     "moves are flagged as mass where so many make the same one in a month, default 5,"},
    {"mass-share", 0, OPTION_DOUBLE, RULE(mass_share), "SHARE", 0, 1, VERBS_FACTS,
     "and they are at least this share of the company that they leave; default 0.1"},
    {"threshold", 0, OPTION_U64, RULE(threshold), "M", 0, LIMIT_NODES, VERBS_FACTS,
     "ties with more mutual connections are a class; default 10"},
    {"intensity-days", 0, OPTION_U64, RULE(intensity_days), "N", 1, LIMIT_DATES, VERBS_FACTS,
     "interactions so long after a tie was made count as its intensity; default 365"},
    {"brokers", 'b', OPTION_TEXT, FIELD(topic.brokers), "HOST:PORT,..", 0, 0, VERBS_KAFKA,
     "read a Kafka topic instead of files (import: write one)"},
    {"topic", 0, OPTION_TEXT, FIELD(topic.name), "NAME", 0, 0, VERBS_KAFKA,
     "topic of the connections; default connections"},
    {"positions-topic", 0, OPTION_TEXT, FIELD(fact_topics[FACT_POSITIONS]), "NAME", 0, 0,
     VERBS_EMIT, "topic of the positions, in place of files; needs --brokers"},
    {"interactions-topic", 0, OPTION_TEXT, FIELD(fact_topics[FACT_INTERACTIONS]), "NAME", 0, 0,
     VERBS_EMIT, "likewise"},
    {"applications-topic", 0, OPTION_TEXT, FIELD(fact_topics[FACT_APPLICATIONS]), "NAME", 0, 0,
     VERBS_EMIT, "likewise"},
    {"assignments-topic", 0, OPTION_TEXT, FIELD(fact_topics[FACT_ASSIGNMENTS]), "NAME", 0, 0,
     VERBS_EMIT, "likewise"},
    {"members-topic", 0, OPTION_TEXT, FIELD(fact_topics[FACT_MEMBERS]), "NAME", 0, 0, VERBS_EMIT,
     "likewise"},
    {"companies-topic", 0, OPTION_TEXT, FIELD(fact_topics[FACT_COMPANIES]), "NAME", 0, 0,
     VERBS_EMIT, "likewise"},
    {"industries-topic", 0, OPTION_TEXT, FIELD(fact_topics[FACT_INDUSTRIES]), "NAME", 0, 0,
     VERBS_EMIT, "likewise"},
    {"facts-encoding", 0, OPTION_CHOICE, FIELD(facts_encoding), "avro|json", 0, 0, VERBS_EMIT,
     "of the records of these topics; default avro (Confluent's framing)"},
    {"encoding", 0, OPTION_CHOICE, FIELD(topic.encoding), "avro|avro-bare|json|packed", 0, 0,
     VERBS_KAFKA, "of the topic's records; default avro (Confluent's framing)"},
    {"registry", 0, OPTION_TEXT, FIELD(topic.registry), "URL", 0, 0, VERBS_KAFKA,
     "schema registry, http(s)://[user:password@]host:port"},
    {"schema-map", 0, OPTION_LIST, FIELD(topic.schema_maps), "ID=FILE", 0, 0, VERBS_KAFKA,
     "Avro schema of an id, from a file in place of the registry; may be repeated"},
    {"writer-schema", 0, OPTION_TEXT, FIELD(topic.writer_schema), "FILE", 0, 0, VERBS_LOGS,
     "avro-bare: the schema that records were written with; default schemas/connections.avsc"},
    {"kafka", 'X', OPTION_LIST, FIELD(topic.settings), "KEY=VALUE", 0, 0, VERBS_KAFKA,
     "a setting of the Kafka client (librdkafka), as for kcat; may be repeated"},
    {"kafka-file", 'F', OPTION_TEXT, FIELD(topic.settings_file), "FILE", 0, 0, VERBS_KAFKA,
     "a file of such settings, one a line; -X wins"},
    {"group", 0, OPTION_TEXT, FIELD(topic.group), "NAME", 0, 0, VERBS_KAFKA & ~VERB_IMPORT,
     "consumer group whose offsets are committed, for lag dashboards; default tieflow"},
    {"lateness", 0, OPTION_DOUBLE, FIELD(topic.lateness_hours), "HOURS", 0, 876000,
     VERBS_NIGHT | VERBS_PLAN,
     "read to the first record stamped so long after the date; default to the topic's end"},
    {"on-corrupt", 0, OPTION_CHOICE, FIELD(topic.skips_corrupt), "fail|skip", 0, 0,
     VERBS_KAFKA & ~VERB_IMPORT, "a batch that cannot be read: end the run (76), or pass over it"},
    {"corrupt-tries", 0, OPTION_U64, FIELD(topic.corrupt_tries), "N", 1, 1000,
     VERBS_KAFKA & ~VERB_IMPORT, "tries at such a batch; default 5"},
    {"broker-timeout", 0, OPTION_U64, FIELD(topic.timeout_s), "SECONDS", 1, 86400, VERBS_KAFKA,
     "how long brokers may be unreachable (69); default 30"},
    {"pack", 0, OPTION_U64, FIELD(topic.packed_events), "N", 1, 1000000, VERB_IMPORT,
     "events per packed record of a topic; default 1000"},
    {"event-stamps", 0, OPTION_FLAG, FIELD(topic.stamps_events), NULL, 0, 0, VERB_IMPORT,
     "stamp a topic's records with their events' time, as --lateness wants it; mind retention"},
    {"emit", 0, OPTION_CHOICE, FIELD(emit.to_kafka), "files|kafka", 0, 0, VERBS_EMIT,
     "kafka: tables also as records of topics, by one transaction per date"},
    {"emit-prefix", 0, OPTION_TEXT, FIELD(emit.prefix), "TEXT", 0, 0, VERBS_EMIT,
     "before the tables' names, for their topics; default tieflow."},
    {"dead-letters", 0, OPTION_TEXT, FIELD(emit.dead_letter_topic), "TOPIC", 0, 0, VERBS_EMIT,
     "topic for records that cannot be read; default a file beside the tables"},
    {"date", 'd', OPTION_DATE, FIELD(date), "YYYY-MM-DD", 0, 0,
     VERB_RUN | VERBS_PLAN | VERB_SNAPSHOT | VERB_ATTRIBUTE,
     "the UTC date to run, or the generation to look at; default the newest"},
    {"from", 0, OPTION_DATE, FIELD(from), "YYYY-MM-DD", 0, 0, VERB_BACKFILL | VERBS_PLAN,
     "first date; without it the day after the state, or of the first event"},
    {"to", 0, OPTION_DATE, FIELD(to), "YYYY-MM-DD", 0, 0, VERB_BACKFILL | VERBS_PLAN,
     "last date; without it that of the last event"},
    {"simultaneous", 0, OPTION_CHOICE, FIELD(simultaneous), "strict|sequence", 0, 0, VERBS_TABLES,
     "what ties of one millisecond see of each other: nothing, or the ones before in the log"},
    {"format", 'f', OPTION_TEXT, FIELD(format), "NAME", 0, 0, VERBS_TABLES | VERB_SNAPSHOT,
     "csv, parquet, both (default), or none of ties (nights); export: roaring, csv or parquet"},
    {"max-malformed", 0, OPTION_DOUBLE, FIELD(malformed_share_max), "SHARE", 0, 1, VERBS_TABLES,
     "fail (65) when more than this share of records is malformed; default 0.01"},
    {"keep", 0, OPTION_U64, FIELD(keep), "N", 1, 100000, VERBS_NIGHT | VERBS_PLAN,
     "generations to keep, to re-run dates from; default 7"},
    {"tail", 0, OPTION_U64, FIELD(tail_percent), "PERCENT", 0, 1000000, VERBS_NIGHT | VERBS_PLAN,
     "write all rows anew when more of the ties have come or gone since; default 3"},
    {"memory", 0, OPTION_SIZE, FIELD(memory_bytes), "SIZE", 1 << 20, 1e15, VERBS_TABLES,
     "memory to use, as 12G or 800M; results never depend on it; default: 3/4 of what there is"},
    {"kernel", 0, OPTION_CHOICE, FIELD(kernel), "auto|plain|avx2|avx512", 0, 0, VERBS_TABLES,
     "instructions to count with; results never depend on it; default: auto, the fastest here"},
    {"threads", 't', OPTION_U64, FIELD(threads), "N", 1, LIMIT_THREADS,
     VERBS_TABLES | VERB_GENERATE, "threads; results never depend on it; default: all processors"},
    {"input-format", 0, OPTION_TEXT, FIELD(input_format), "NAME", 0, 0, VERB_IMPORT,
     "csv, ndjson, packed, avro, snap, konect or mtx; without it by content"},
    {"columns", 0, OPTION_TEXT, FIELD(columns), "LIST", 0, 0, VERB_IMPORT,
     "CSV columns by name or number: at=time,from=src,to=dst,kind=type,origin=via"},
    {"delimiter", 0, OPTION_TEXT, FIELD(delimiter), "CHAR", 0, 0, VERB_IMPORT,
     "CSV field separator; 'tab' for a tab; default ,"},
    {"skip", 0, OPTION_U64, FIELD(skip), "N", 0, 1000000, VERB_IMPORT,
     "lines to drop at the start of the file"},
    {"time-unit", 0, OPTION_TEXT, FIELD(time_unit), "UNIT", 0, 0, VERB_IMPORT,
     "s, ms, us, ns or iso; default s for snap and konect, else ms"},
    {"line-times", 0, OPTION_FLAG, FIELD(times_are_lines), NULL, 0, 0, VERB_IMPORT,
     "use line numbers as times: for edge lists without any"},
    {"seed", 0, OPTION_U64, FIELD(seed), "N", 0, 1e18, VERB_GENERATE,
     "same seed, same log; default 1"},
    {"ties", 0, OPTION_U64, FIELD(ties), "N", 1, 1e11, VERB_GENERATE,
     "ties to make; default 1000000"},
    {"model", 0, OPTION_CHOICE, FIELD(model), "study|stream|rmat", 0, 0, VERB_GENERATE,
     "what makes the log, see above; default study"},
    {"scale", 0, OPTION_U64, FIELD(scale), "N", 1, 28, VERB_GENERATE,
     "rmat: 2^N members; default the least N with a mean degree of at most --degree"},
    {"degree", 0, OPTION_DOUBLE, FIELD(degree), "D", 0.001, 1e6, VERB_GENERATE,
     "mean degree at the end, which sets the number of members; default 200"},
    {"start", 0, OPTION_DATE, FIELD(start), "YYYY-MM-DD", 0, 0, VERB_GENERATE,
     "date of the first event; default 2026-01-01, of worlds and large logs 2015-01-01"},
    {"days", 0, OPTION_DOUBLE, FIELD(days), "N", 0.001, 40000, VERB_GENERATE,
     "days that the log spans; default 3, of worlds and large logs 1826"},
    {"closure", 0, OPTION_DOUBLE, FIELD(closure), "SHARE", 0, 1, VERB_GENERATE,
     "share of ties that close a triangle; default 0.3"},
    {"disconnects", 0, OPTION_DOUBLE, FIELD(disconnects), "SHARE", 0, 0.9, VERB_GENERATE,
     "ties that end, per tie made; default 0.01"},
    {"warts", 0, OPTION_DOUBLE, FIELD(warts), "SHARE", 0, 1, VERB_GENERATE,
     "duplicates, orphans and self-loops per tie made; default 0.001"},
    {"random-ids", 0, OPTION_FLAG, FIELD(random_ids), NULL, 0, 0, VERB_GENERATE,
     "member ids spread over 64 bits instead of 1, 2, 3, ..."},
    {"careers", 0, OPTION_FLAG, FIELD(careers.wanted), NULL, 0, 0, VERB_GENERATE,
     "a folder with careers, planted moves and all other logs beside the connections"},
    {"csv", 0, OPTION_FLAG, FIELD(careers.csv), NULL, 0, 0, VERB_GENERATE,
     "connections.csv instead of connections.tfp, which is a tenth of the size"},
    {"hazard", 0, OPTION_CHOICE, FIELD(careers.hazard), "none|flat|falling|inverted-u", 0, 0,
     VERB_GENERATE,
     "how a tie's rate of carrying moves depends on M; default inverted-u, its peak at 10"},
    {"hazard-rate", 0, OPTION_DOUBLE, FIELD(careers.hazard_rate), "R", 0, 1000, VERB_GENERATE,
     "planted moves per year and side at risk at the curve's peak; default 0.00125"},
    {"move-rate", 0, OPTION_DOUBLE, FIELD(careers.move_rate), "R", 0, 1000, VERB_GENERATE,
     "moves by chance per year and member; default 0.02"},
    {"homophily", 0, OPTION_DOUBLE, FIELD(careers.homophily), "SHARE", 0, 1, VERB_GENERATE,
     "how much members live, tie and move within their industry and region; default 0.25"},
    {"regions", 0, OPTION_U64, FIELD(careers.regions), "N", 1, 1e6, VERB_GENERATE,
     "regions that members live in, the first ones the greatest; default 6"},
    {"coworkers", 0, OPTION_DOUBLE, FIELD(careers.coworkers), "SHARE", 0, 1, VERB_GENERATE,
     "ties to members of the same employer, of those that close no triangle; default 0.55"},
    {"company-size", 0, OPTION_U64, FIELD(careers.company_size), "N", 1, 1e9, VERB_GENERATE,
     "members per company on average; default 30"},
    {"company-skew", 0, OPTION_U64, FIELD(careers.company_skew), "K", 1, 16, VERB_GENERATE,
     "sizes of companies fall with their rank to the power 1 - 1/K: 1 makes all alike; default 2"},
    {"coarse", 0, OPTION_DOUBLE, FIELD(careers.coarse), "SHARE", 0, 1, VERB_GENERATE,
     "positions dated by the month, one in five of them by the year; default 0.3"},
    {"mergers", 0, OPTION_DOUBLE, FIELD(careers.mergers), "SHARE", 0, 1, VERB_GENERATE,
     "companies that are part of another; default 0.01"},
    {"unknown", 0, OPTION_DOUBLE, FIELD(careers.unknown), "SHARE", 0, 1, VERB_GENERATE,
     "members who are not in the log of members; default 0.02"},
    {"variants", 0, OPTION_U64, FIELD(careers.variants), "N", 1, 1000, VERB_GENERATE,
     "variants of an experiment that begins after a fifth of the days; default 4, 1 for none"},
    {"variant-closure", 0, OPTION_DOUBLE, FIELD(careers.variant_closure), "X", -1, 1000,
     VERB_GENERATE,
     "the last variant closes 1 + X times as many triangles as control; default 0.5"},
    {"interaction-rate", 0, OPTION_DOUBLE, FIELD(careers.interaction_rate), "R", 0, 1000,
     VERB_GENERATE, "interactions per year of the liveliest ties; default 1"},
    {"application-rate", 0, OPTION_DOUBLE, FIELD(careers.application_rate), "R", 0, 1000,
     VERB_GENERATE, "job applications per year and member; default 0.5"},
    {"config", 'c', OPTION_TEXT, FIELD(config), "FILE", 0, 0, VERBS_ALL,
     "INI file with any of these options: name = value"},
    {"log", 0, OPTION_CHOICE, FIELD(log), "text|json", 0, 0, VERBS_ALL,
     "what goes to standard error: a progress bar and notes, or JSON lines"},
    {"quiet", 'q', OPTION_FLAG, FIELD(is_quiet), NULL, 0, 0, VERBS_ALL, "errors only"},
};

enum { OPTION_COUNT = sizeof option_table / sizeof option_table[0] };

struct verb_page {
    enum verb verb;
    const char *name;
    const char *usage;
    const char *purpose;
    const char *text;
};

static const struct verb_page verb_pages[] = {
    {VERB_TIES, "ties", "tieflow ties LOG...|--brokers HOST:PORT -o DIR [options]",
     "from log files to a table of ties, in one go",
     "Reads whole logs and writes, for every tie ever made, its embeddedness (mutual\n"
     "connections just before it was made), both degrees, their union, and its strength.\n"
     "DIR gets ties, endings, late, quarantine and quality as .csv and .parquet, and\n"
     "manifest.json.\n"
     "\n"
     "A LOG is a file or a folder of files: CSV with a header at,from,to[,kind[,origin]],\n"
     "NDJSON with the same keys, either also as .zst, packed (.tfp) or Avro (.avro). Times\n"
     "are milliseconds since 1970; kind is connect or disconnect. Order does not matter.\n"
     "\n"
     "Examples:\n"
     "  tieflow ties connections.csv -o tables\n"
     "  tieflow ties logs/ -o tables --format parquet --simultaneous sequence\n"
     "  tieflow ties --brokers localhost:9092 --topic connections --encoding json -o tables\n"},
    {VERB_ATTRIBUTE, "attribute",
     "tieflow attribute --connections LOG...|--state DIR --positions LOG... -o DIR [options]",
     "which ties carried which job moves, from log files, in one go",
     "Somebody starts at a company where one of their connections works already: did the job\n"
     "come through that tie? Nobody can tell for one move. Over all ties it can be counted how\n"
     "often a move follows, by how strong the tie was when it was made, and compared with how\n"
     "often it would have followed anyway.\n"
     "\n"
     "A tie has two sides: either person may move to where the other is. It carries a move\n"
     "(a transmission) when the tie is old enough, the contact was at the company long enough\n"
     "before, and is still there. --preset says how strict that is:\n"
     "\n"
     "                 tie, days   job, days   contact still there   tie before the job\n"
     "  default               30         365   yes                   no\n"
     "  gee2012              365         365   no                    no\n"
     "  facebook2016         365         365   no                    yes\n"
     "\n"
     "A first job ever is an entry, not a move. Where several contacts qualify, the credit is\n"
     "dealt out by four rules side by side: each in full, equally, to the newest tie, and by\n"
     "strength. A rate counts only sides at risk: those on which a transmission could have\n"
     "been seen.\n"
     "\n"
     "Only connections and positions are needed. The other logs add what they know: companies\n"
     "(which of them are one), members and industries (segments, and a chance baseline among\n"
     "people alike), interactions (intensity), applications, assignments (arms of an\n"
     "experiment). All are CSV with a header, columns in any order, NDJSON with the same keys,\n"
     "or Avro, also as .zst; times are milliseconds since 1970. A position's kind is start or\n"
     "end, its precision day, month or year; a start at 0 or before is older than all records.\n"
     "\n"
     "DIR gets ties (with their classes, and what is known of both members), moves,\n"
     "transmissions, attributions, members, dose_response, segments, arms, placebos, quality\n"
     "and the settings, which stand in every table.\n"
     "\n"
     "With --state the ties are those of a generation of the state, as of the end of its date,\n"
     "and their embeddedness is not computed again: to try other settings. The state is only\n"
     "read. The tables of the connections (endings, late) are not made again.\n"
     "\n"
     "With --scope moves only what became of the moves is made: moves, transmissions,\n"
     "attributions, totals and settings. It looks at the ties of those who moved alone and is\n"
     "many times as fast; what chance would give is not known then (nulls).\n"
     "\n"
     "Examples:\n"
     "  tieflow attribute --connections ties.csv --positions jobs.csv -o tables\n"
     "  tieflow attribute --connections ties/ --positions jobs/ --companies mergers.csv \\\n"
     "      --members people.csv -o tables --preset gee2012 --as-of 2025-12-31\n"
     "  tieflow attribute --connections ties.csv --positions jobs.csv -o tables \\\n"
     "      --tie-days 90 --ended-ties include\n"
     "  tieflow attribute --state state --positions jobs.csv -o tables --scope moves\n"},
    {VERB_RUN, "run",
     "tieflow run --state DIR --date YYYY-MM-DD --logs PATH...|--brokers HOST:PORT -o DIR "
     "[options]",
     "the nightly job: one date's events, with the graph of the night before",
     "Takes exactly the events of the date from the logs, writes the date's tables into\n"
     "OUT/date=YYYY-MM-DD/ and the next generation of the state. Dates must be run in\n"
     "order, without gaps. A date that was run before is computed again from the same\n"
     "records and gives the same bytes. Records of later dates are left for their night;\n"
     "records of dates already published are late: they go to the table `late`.\n"
     "\n"
     "With --brokers the log is a Kafka topic: its partitions are read from the offsets in\n"
     "the state to the ends that they have when the run starts. Records that are no events\n"
     "are set aside with their bytes. --emit kafka sends the date's rows into the topics\n"
     "tieflow.ties, tieflow.endings, ... in one transaction, once, whatever crashes.\n"
     "\n"
     "With --positions the date also gets the tables of `tieflow attribute`, of all that is\n"
     "known at its end. The logs beside the connections are taken from night to night too;\n"
     "positions may be reported years late. Companies and industries are read whole. Each of\n"
     "them may be a topic instead (--positions-topic, ...), of Avro or JSON.\n"
     "\n"
     "Examples:\n"
     "  tieflow run --state state --date 2026-01-02 --logs logs/ -o tables\n"
     "  tieflow run --state state --date 2026-01-02 --brokers kafka:9092 -o tables \\\n"
     "      --registry http://registry:8081 -F client.properties --emit kafka\n"
     "  tieflow run -c tieflow.ini --date \"$(date -u -d yesterday +%F)\"\n"},
    {VERB_BACKFILL, "backfill",
     "tieflow backfill --state DIR --logs PATH...|--brokers HOST:PORT -o DIR [--from D] [--to D] "
     "[options]",
     "many dates at once: the same tables and state as that many nights",
     "Computes all dates from --from to --to in one pass, writes each date's tables and one\n"
     "generation of the state, from which `tieflow run` goes on.\n"
     "\n"
     "Example:\n"
     "  tieflow backfill --state state --logs archive/ -o tables --to 2026-01-31\n"},
    {VERB_IMPORT, "import", "tieflow import IN... -o LOG|--brokers HOST:PORT [options]",
     "edge lists and foreign CSV to a log; also from one log format to another",
     "Reads SNAP and KONECT edge lists, Matrix Market, CSV with named or numbered columns,\n"
     "or tieflow's own logs, and writes LOG in the format of its name: .csv, .ndjson (each\n"
     "also .zst), .tfp (packed) or .avro.\n"
     "\n"
     "Examples:\n"
     "  tieflow import ca-GrQc.txt -o grqc.tfp --input-format snap --line-times\n"
     "  tieflow import edges.csv -o log.csv --columns at=when,from=src,to=dst --time-unit s\n"
     "  tieflow import graph.mtx -o graph.csv\n"
     "  tieflow import archive.tfp --brokers localhost:9092 --topic connections --encoding "
     "packed\n"},
    {VERB_GENERATE, "generate", "tieflow generate -o LOG|DIR [--careers] [options]",
     "seeded, study-shaped logs to try things with",
     "Members with employers, schools and regions, lognormal activity and closure of\n"
     "triangles; in time order; the format is that of LOG's name.\n"
     "\n"
     "Three models, by --model:\n"
     "  study   keeps the graph in memory (10 bytes per tie): closes triangles among all\n"
     "          ties, makes ended ties again, takes any density; --careers needs it\n"
     "  stream  the same for logs of any size (1 byte per tie, 100 per member: 2 billion ties\n"
     "          of 20 million members in 4 GiB): closes triangles among the latest 15 ties of\n"
     "          a member, makes no ended tie again; members are numbered at random\n"
     "  rmat    edges of the Graph500 benchmark, each pair once, in the order drawn: a stress\n"
     "          test with hubs beyond any degree limit; connects alone\n"
     "\n"
     "With --careers: a world in which the truth is known. DIR gets connections, positions,\n"
     "members, companies, industries, interactions, applications and assignments; truth.json\n"
     "with the settings and the planted hazard by mutual connections; planted.csv with the\n"
     "moves that a tie caused. Sides of ties at risk under the preset `default` move at the\n"
     "planted rate; others move by chance.\n"
     "\n"
     "Examples:\n"
     "  tieflow generate -o logs/demo.tfp --ties 5000000 --days 30 --seed 7\n"
     "  tieflow generate -o large.tfp --model stream --ties 2000000000 --degree 200\n"
     "  tieflow generate -o rmat.tfp --model rmat --ties 50000000 --scale 19\n"
     "  tieflow generate -o world --careers --ties 1000000 --degree 100 --hazard flat\n"},
    {VERB_SNAPSHOT, "snapshot", "tieflow snapshot ls|verify|export --state DIR [options]",
     "look at the state: list, check, take out",
     "  ls      the generations, with members, ties and bytes\n"
     "  verify  reads every file of a generation and checks sizes, checksums and contents\n"
     "  export  --format roaring: each member's neighbours as a portable 64-bit Roaring\n"
     "          bitmap in adjacency.roaring, found through members.csv (member,degree,\n"
     "          offset,bytes); --format csv or parquet: the table of all ties, with their\n"
     "          ends as of the generation's date\n"
     "\n"
     "Examples:\n"
     "  tieflow snapshot ls --state state\n"
     "  tieflow snapshot export --state state --format roaring -o sets\n"},
    {VERB_REPORT, "report", "tieflow report DIR [-o FILE.html]",
     "the tables of an attribution as one page to look at and to pass on",
     "Reads the tables that `tieflow attribute`, `run` or `backfill` wrote into DIR and makes\n"
     "one HTML file of them: how often ties carry moves by their strength, with intervals and\n"
     "what chance would give; the same by segment; credit by rule; how good the data are; and\n"
     "the settings, each in a sentence. The file needs no network and nothing beside it.\n"
     "Without -o it is DIR/report.html.\n"
     "\n"
     "Example:\n"
     "  tieflow report tables -o report.html\n"},
    {VERB_CHECK, "check", "tieflow check [the options of the run]",
     "reads configuration, state and logs, and says what would go wrong",
     "Reads every log to its end without changing anything: formats, headers, malformed\n"
     "records, the range of dates; whether the state is readable and which date is next;\n"
     "whether the output can be written. Of a topic the newest records are read: whether\n"
     "brokers and registry answer, the topics are there and may be read, the offsets in the\n"
     "state still exist, schemas are at hand.\n"
     "\n"
     "Example:\n"
     "  tieflow check -c tieflow.ini --date 2026-01-02\n"},
    {VERB_EXPLAIN, "explain", "tieflow explain [the options of the run]",
     "what a run would do and need, before it runs",
     "Prints the stages, the formats found, and estimates of memory and disk.\n"
     "\n"
     "Example:\n"
     "  tieflow explain --logs archive/ --state state -o tables\n"},
};

enum { VERB_COUNT = sizeof verb_pages / sizeof verb_pages[0] };

void options_release(struct options *options) {
    names_release(&options->arguments);
    names_release(&options->texts);
    names_release(&options->logs);
    for (int log = 0; log < FACT_LOGS; log++) {
        names_release(&options->fact_logs[log]);
    }
    names_release(&options->topic.schema_maps);
    names_release(&options->topic.settings);
}

static void *field_of(struct options *options, const struct option *option) {
    return (char *)options + option->offset;
}

/* The index of `value` among the names in "a|b|c"; -1 for none. */
static int choice_find(const char *choices, const char *value) {
    size_t bytes = strlen(value);
    int index = 0;
    for (const char *at = choices; at != NULL; index++) {
        const char *bar = strchr(at, '|');
        size_t length = bar == NULL ? strlen(at) : (size_t)(bar - at);
        if (length == bytes && memcmp(at, value, bytes) == 0) {
            return index;
        }
        at = bar == NULL ? NULL : bar + 1;
    }
    return -1;
}

static struct status number_set(void *field, const struct option *option, const char *value,
                                struct err *err) {
    uint64_t whole = 0;
    double number = 0;
    bool is_number;
    if (option->kind == OPTION_U64) {
        is_number = number_parse_u64(value, strlen(value), &whole);
        number = (double)whole;
    } else {
        char *end;
        number = strtod(value, &end);
        is_number = end != value && *end == '\0' && isfinite(number);
    }
    if (!is_number || number < option->least || number > option->most) {
        return err_set(err, FAILURE_USAGE, "--%s: \"%s\" is not a number from %.15g to %.15g",
                       option->name, value, option->least, option->most);
    }
    if (option->kind == OPTION_U64) {
        *(uint64_t *)field = whole;
    } else {
        *(double *)field = number;
    }
    return status_ok();
}

/* The binary unit that a letter stands for; 0 for none. */
static uint64_t size_unit(char letter) {
    switch (letter) {
    case 'K':
    case 'k':
        return UINT64_C(1) << 10;
    case 'M':
    case 'm':
        return UINT64_C(1) << 20;
    case 'G':
    case 'g':
        return UINT64_C(1) << 30;
    case 'T':
    case 't':
        return UINT64_C(1) << 40;
    default:
        return 0;
    }
}

static struct status size_set(uint64_t *field, const struct option *option, const char *value,
                              struct err *err) {
    char *end;
    double number = strtod(value, &end);
    uint64_t unit = end == value || *end == '\0' ? 1 : size_unit(*end);
    const char *rest = *end == '\0' ? end : end + 1;
    bool is_size = end != value && isfinite(number) && unit != 0 && *rest == '\0';
    number *= (double)unit;
    if (!is_size || number < option->least || number > option->most) {
        return err_set(err, FAILURE_USAGE,
                       "--%s: \"%s\" is not a size from 1M to 900T, as 12G or 800M", option->name,
                       value);
    }
    *field = (uint64_t)number;
    return status_ok();
}

static struct status instant_set(int64_t *field, const struct option *option, const char *value,
                                 struct err *err) {
    int64_t at_ms = 0;
    bool is_date = date_parse(value, &at_ms);
    if (!is_date &&
        (!number_parse_i64(value, strlen(value), &at_ms) || !event_time_is_valid(at_ms))) {
        return err_set(err, FAILURE_USAGE,
                       "--%s: \"%s\" is neither a date YYYY-MM-DD nor milliseconds since 1970",
                       option->name, value);
    }
    *field = is_date ? at_ms + DAY_MS - 1 : at_ms;
    return status_ok();
}

/* Sets one option; `value` is copied. NULL for flags. */
static struct status option_set(struct options *options, const struct option *option,
                                const char *value, struct err *err) {
    void *field = field_of(options, option);
    int64_t day_ms;
    if (value != NULL && value[0] == '\0') { /* an unset variable of a script: not the folder "/" */
        return err_set(err, FAILURE_USAGE, "--%s: the value is empty", option->name);
    }
    if (option->kind == OPTION_FLAG) {
        *(bool *)field = value == NULL || strcmp(value, "true") == 0;
        return status_ok();
    }
    assert(value != NULL);
    switch (option->kind) {
    case OPTION_LIST:
        return names_add(field, value, err);
    case OPTION_CHOICE: {
        int index = choice_find(option->argument, value);
        if (index < 0) {
            return err_set(err, FAILURE_USAGE, "--%s: \"%s\" is none of %s", option->name, value,
                           option->argument);
        }
        *(uint64_t *)field = (uint64_t)index;
        return status_ok();
    }
    case OPTION_U64:
    case OPTION_DOUBLE:
        return number_set(field, option, value, err);
    case OPTION_SIZE:
        return size_set(field, option, value, err);
    case OPTION_INSTANT:
        return instant_set(field, option, value, err);
    case OPTION_DATE:
        if (!date_parse(value, &day_ms)) {
            return err_set(err, FAILURE_USAGE, "--%s: \"%s\" is not a date YYYY-MM-DD",
                           option->name, value);
        }
        break;
    case OPTION_TEXT:
    case OPTION_FLAG:
        break;
    }
    TRY(names_add(&options->texts, value, err));
    *(const char **)field = options->texts.items[options->texts.count - 1];
    return status_ok();
}

/* Lists that have got a value from the place that is read now: by the first option of their field,
 * since a list may have two names. */
struct list_marks {
    bool cleared[OPTION_COUNT];
};

/* Empties a list before its first value of this place, which replaces the place before. */
static void list_clear(struct options *options, const struct option *option,
                       struct list_marks *marks) {
    size_t first = 0;
    while (option_table[first].offset != option->offset) {
        first++;
    }
    if (option->kind == OPTION_LIST && !marks->cleared[first]) {
        names_release(field_of(options, option));
        marks->cleared[first] = true;
    }
}

static const struct option *option_find(const char *name, size_t bytes) {
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &option_table[i];
        bool is_letter = bytes == 1 && option->letter == name[0];
        if (is_letter || (strlen(option->name) == bytes && bytes > 1 &&
                          memcmp(option->name, name, bytes) == 0)) {
            return option;
        }
    }
    return NULL;
}

static const struct verb_page *page_of_name(const char *name) {
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verb_pages[i].name, name) == 0) {
            return &verb_pages[i];
        }
    }
    return NULL;
}

static const struct verb_page *page_of(enum verb verb) {
    const struct verb_page *page = verb_pages;
    while (page->verb != verb) {
        page++;
        assert(page < verb_pages + VERB_COUNT);
    }
    return page;
}

/* --- the configuration file --- */

/* The longest line that inih takes whole. */
enum { CONFIG_LINE_BYTES = INI_MAX_LINE - 2 };

/* One walk over the file: either the lines before any section, or the verb's section. */
struct config_walk {
    struct options *options;
    const char *section;
    struct list_marks marks; /* the section's list replaces the other */
    struct err err;
    enum failure failure;
};

static int config_line(void *context, const char *section, const char *name, const char *value) {
    struct config_walk *walk = context;
    struct err *err = &walk->err;
    if (section[0] != '\0' && page_of_name(section) == NULL) {
        walk->failure =
            err_set(err, FAILURE_CONFIG, "[%s] is not a verb of tieflow", section).failure;
        return 0;
    }
    if (strcmp(section, walk->section) != 0) {
        return 1;
    }
    const struct option *option = option_find(name, strlen(name));
    bool is_known = option != NULL && strlen(name) > 1 && strcmp(name, "config") != 0;
    bool is_mine = is_known && (option->verbs & walk->options->verb) != 0;
    if (!is_known || (section[0] != '\0' && !is_mine)) {
        const char *verb = section[0] != '\0' ? section : page_of(walk->options->verb)->name;
        walk->failure =
            err_set(err, FAILURE_CONFIG,
                    "\"%s\" is not an option of tieflow%s%s; 'tieflow help %s' lists them", name,
                    section[0] != '\0' ? " " : "", section, verb)
                .failure;
        return 0;
    }
    if (option->kind == OPTION_FLAG && strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        walk->failure =
            err_set(err, FAILURE_CONFIG, "%s: \"%s\" is neither true nor false", name, value)
                .failure;
        return 0;
    }
    if (is_mine && section[0] != '\0') {
        list_clear(walk->options, option, &walk->marks);
    }
    if (is_mine && failed(option_set(walk->options, option, value, err))) {
        walk->failure = FAILURE_CONFIG;
    }
    return walk->failure == FAILURE_NONE;
}

/* inih cuts longer lines and goes on with the rest as if it were a line of its own. */
static struct status config_lines_check(const char *path, struct err *err) {
    struct bytes text = {0};
    struct status status = file_read_all(path, &text, err);
    size_t line = 1;
    size_t length = 0;
    for (size_t i = 0; i < text.count && !failed(status); i++) {
        length = text.data[i] == '\n' ? 0 : length + 1;
        line += text.data[i] == '\n';
        if (length > CONFIG_LINE_BYTES) {
            status = err_set(err, FAILURE_CONFIG, "%s:%zu: longer than %d bytes; shorten it", path,
                             line, CONFIG_LINE_BYTES);
        }
    }
    bytes_release(&text);
    return status;
}

static struct status config_read(struct options *options, const char *path, struct err *err) {
    const char *const sections[] = {"", page_of(options->verb)->name};
    enum path_kind kind;
    TRY(path_look(path, &kind, err));
    if (kind != PATH_FILE) {
        return err_set(err, FAILURE_CONFIG, "%s: cannot be read", path);
    }
    TRY(config_lines_check(path, err));
    for (int i = 0; i < 2; i++) {
        struct config_walk walk = {.options = options, .section = sections[i]};
        int line = ini_parse(path, config_line, &walk);
        if (line == -1) {
            return err_set(err, FAILURE_CONFIG, "%s: cannot be read", path);
        }
        if (line == -2) {
            return err_memory(err, 0, "the configuration");
        }
        if (line > 0) {
            return err_set(err, FAILURE_CONFIG, "%s:%d: %s", path, line,
                           walk.failure != FAILURE_NONE ? walk.err.text
                                                        : "not a line of the form name = value");
        }
    }
    return status_ok();
}

/* --- the command line --- */

static void attribution_default(struct attribution_options *attribution) {
    *attribution = (struct attribution_options){
        .tie_days = OPTION_NOT_GIVEN,
        .job_days = OPTION_NOT_GIVEN,
        .alter_active = OPTION_NOT_GIVEN,
        .tie_first = OPTION_NOT_GIVEN,
        .ended_ties = OPTION_NOT_GIVEN,
        .mass_movers = OPTION_NOT_GIVEN,
        .mass_share = -1,
        .threshold = OPTION_NOT_GIVEN,
        .intensity_days = OPTION_NOT_GIVEN,
    };
}

static void options_default(struct options *options) {
    attribution_default(&options->attribution);
    options->as_of_ms = INT64_MAX;
    options->malformed_share_max = 0.01;
    options->keep = 7;
    options->tail_percent = OPTION_NOT_GIVEN;
    options->topic.name = "connections";
    options->topic.group = "tieflow";
    options->topic.lateness_hours = -1;
    options->topic.corrupt_tries = 5;
    options->topic.timeout_s = 30;
    options->topic.packed_events = 1000;
    options->emit.prefix = "tieflow.";
    options->seed = 1;
    options->ties = 1000000;
    options->degree = -1;
    options->days = -1;
    options->closure = -1;
    options->disconnects = -1;
    options->warts = -1;
    options->careers = (struct career_options){
        .hazard = UINT64_MAX,
        .hazard_rate = -1,
        .move_rate = -1,
        .homophily = -1,
        .coworkers = -1,
        .coarse = -1,
        .mergers = -1,
        .unknown = -1,
        .variant_closure = NAN,
        .interaction_rate = -1,
        .application_rate = -1,
    };
}

/* Splits "--name=value", "--name", "-n" and "-nvalue"; *value is NULL where none is attached. */
static const struct option *flag_split(const char *argument, const char **value) {
    bool is_long = argument[1] == '-';
    const char *name = argument + (is_long ? 2 : 1);
    size_t bytes = is_long ? strcspn(name, "=") : 1;
    const char *rest = name + bytes;
    *value = is_long ? (rest[0] == '=' ? rest + 1 : NULL) : (rest[0] != '\0' ? rest : NULL);
    return is_long && bytes < 2 ? NULL : option_find(name, bytes);
}

/* Walks the arguments behind the verb. With `only_config` nothing but --config is set. */
static struct status arguments_walk(struct options *options, int argc, char **argv,
                                    bool only_config, struct err *err) {
    const char *verb_name = page_of(options->verb)->name;
    bool flags_end = false;
    struct list_marks marks = {0}; /* the file's lists are replaced */
    for (int i = 2; i < argc; i++) {
        const char *argument = argv[i];
        if (flags_end || argument[0] != '-' || argument[1] == '\0') {
            if (!only_config) {
                TRY(names_add(&options->arguments, argument, err));
            }
            continue;
        }
        if (strcmp(argument, "--") == 0) {
            flags_end = true;
            continue;
        }
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            options->wants_help = true;
            continue;
        }
        const char *value;
        const struct option *option = flag_split(argument, &value);
        if (option == NULL || (option->verbs & options->verb) == 0) {
            return err_set(err, FAILURE_USAGE,
                           "%s is not an option of 'tieflow %s'; 'tieflow help %s' lists them",
                           argument, verb_name, verb_name);
        }
        if (option->kind == OPTION_FLAG && value != NULL) {
            return err_set(err, FAILURE_USAGE, "--%s takes no value", option->name);
        }
        if (option->kind != OPTION_FLAG && value == NULL) {
            if (i + 1 == argc) {
                return err_set(err, FAILURE_USAGE, "--%s needs a value: %s", option->name,
                               option->argument);
            }
            value = argv[++i];
        }
        if (only_config != (strcmp(option->name, "config") == 0)) {
            continue;
        }
        list_clear(options, option, &marks);
        TRY(option_set(options, option, value, err));
    }
    return status_ok();
}

struct status options_read(struct options *options, int argc, char **argv, struct err *err) {
    const struct verb_page *page = argc < 2 ? NULL : page_of_name(argv[1]);
    if (page == NULL) {
        return err_set(err, FAILURE_USAGE, "%s%s; 'tieflow --help' lists the verbs",
                       argc < 2 ? "no verb" : "there is no verb ", argc < 2 ? "" : argv[1]);
    }
    options->verb = page->verb;
    options_default(options);
    TRY(arguments_walk(options, argc, argv, true, err));
    if (options->config != NULL && !options->wants_help) {
        TRY(config_read(options, options->config, err));
    }
    return arguments_walk(options, argc, argv, false, err);
}

/* --- the attribution --- */

/* Enters a number where one was given. */
static void rule_set(uint32_t *rule, uint64_t given) {
    *rule = given == OPTION_NOT_GIVEN ? *rule : (uint32_t)given;
}

static void answer_set(bool *rule, uint64_t given) {
    enum { YES = 0 };
    *rule = given == OPTION_NOT_GIVEN ? *rule : given == YES;
}

void options_attribution(const struct options *options, struct attribution_settings *settings) {
    const struct attribution_options *given = &options->attribution;
    assert(given->preset < ATTRIBUTION_PRESETS);
    const struct attribution_settings *preset = &attribution_presets[given->preset];
    *settings = *preset;
    rule_set(&settings->tie_days, given->tie_days);
    rule_set(&settings->job_days, given->job_days);
    answer_set(&settings->alter_active, given->alter_active);
    answer_set(&settings->tie_first, given->tie_first);
    if (given->ended_ties != OPTION_NOT_GIVEN) {
        settings->ended_ties = (enum ended_ties)given->ended_ties;
    }
    rule_set(&settings->mass_movers, given->mass_movers);
    settings->mass_share = given->mass_share < 0 ? settings->mass_share : given->mass_share;
    rule_set(&settings->threshold, given->threshold);
    rule_set(&settings->intensity_days, given->intensity_days);
    bool is_preset =
        settings->tie_days == preset->tie_days && settings->job_days == preset->job_days &&
        settings->alter_active == preset->alter_active &&
        settings->tie_first == preset->tie_first && settings->ended_ties == preset->ended_ties &&
        settings->mass_movers == preset->mass_movers &&
        settings->mass_share == preset->mass_share && settings->threshold == preset->threshold &&
        settings->intensity_days == preset->intensity_days;
    settings->preset = is_preset ? preset->preset : "own";
}

/* --- help --- */

void options_overview(FILE *stream) {
    fputs("tieflow: every tie of a network, with its embeddedness at the moment it was made\n\n"
          "usage: tieflow VERB [options]\n\n",
          stream);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        fprintf(stream, "  %-10s %s\n", verb_pages[i].name, verb_pages[i].purpose);
    }
    fputs("\nStart here:\n"
          "  tieflow generate -o world --careers --csv --ties 300000    logs to try\n"
          "  tieflow ties world/connections.csv -o tables               their ties, as tables\n"
          "  tieflow attribute --connections world/connections.csv \\\n"
          "      --positions world/positions.csv -o study               which ties carried jobs\n"
          "  tieflow help VERB                                          one verb, with examples\n"
          "\n"
          "Exit codes: 0 done, 64 usage, 65 data, 69 broker unreachable, 70 our bug, 74\n"
          "input/output, 75 try again later, 76 corrupt batch, 77 permission, 78 configuration,\n"
          "128+n signal n.\n",
          stream);
}

void options_help(FILE *stream, enum verb verb) {
    const struct verb_page *page = page_of(verb);
    fprintf(stream, "usage: %s\n\n%s\nOptions:\n", page->usage, page->text);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &option_table[i];
        if ((option->verbs & (unsigned)verb) == 0) {
            continue;
        }
        char left[64];
        (void)snprintf(left, sizeof left, "%c%c%s --%s%s%s", option->letter != 0 ? '-' : ' ',
                       option->letter != 0 ? option->letter : ' ', option->letter != 0 ? "," : " ",
                       option->name, option->argument != NULL ? " " : "",
                       option->argument != NULL ? option->argument : "");
        fprintf(stream, "  %-34s %s\n", left, option->help);
    }
}
