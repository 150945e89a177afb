/* A generation: everything that the next night needs to know, as of the end of one date.
 *
 *   STATE/lock                                  held by the run that writes
 *   STATE/gen-2026-01-02/manifest.json          this structure; the folder's rename is the commit
 *   STATE/gen-2026-01-02/dictionary.tff         stages/dictionary/dictionary.h
 *   STATE/gen-2026-01-02/adjacency.tff          stages/adjacency/adjacency_file.h
 *   STATE/gen-2026-01-02/degrees.tff            stages/state/degrees.h: of the adjacency's rows
 *   STATE/gen-2026-01-02/cohort.tff             stages/tie_store/histogram.h
 *   STATE/gen-2026-01-02/ties-2026-01-02.tff    stages/tie_store/tie_segment.h
 *   STATE/gen-2026-01-02/facts-positions.tff    stages/facts/fact_table.h; so for each such log
 *   STATE/.next                                 a generation in the making; removed by the next run
 *
 * Tie segments hold one date each and are shared: a manifest lists all of them, wherever they lie.
 * The adjacency may be shared too, and is then that of an earlier date: it covers the first of the
 * segments, and the others, its tail, tell what was made and ended since. It is written anew when
 * the tail has grown to a share of the graph. A log's table holds all its records so far; a night
 * without new ones shares the table of the night before. A generation exists when its folder has
 * its final name and a manifest; a crash before the rename leaves the old ones as they were.
 */
#ifndef TIEFLOW_STAGES_STATE_GENERATION_H
#define TIEFLOW_STAGES_STATE_GENERATION_H

#include "schemas/event.h"
#include "schemas/facts.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A record of a topic by what is in it: where another is found in its place, the topic is not the
 * one that it was. */
struct record_mark {
    bool is_known; /* else the rest is void */
    uint64_t record;
    uint64_t sum; /* of its key and value */
};

/* How far one log file has been taken. Records are numbered from 0 in file order.
 *
 * Every record below `first` is done with. Those from `first` to `end` were looked at, and are done
 * with unless they are of a later date than the generation (`left` of them are). Those from `end`
 * on have never been looked at. */
struct extent {
    char *name; /* base name of the file; owned */
    uint64_t first;
    uint64_t end;
    uint64_t left;
    uint64_t bytes;          /* size of the file at the time: a smaller one was cut or replaced */
    struct record_mark last; /* of a partition of a topic: the newest record below `end` */
};

/* The extent of the file with this name; NULL where there is none. */
const struct extent *extent_find(const struct extent *extents, size_t count, const char *name);

/* Appends a copy, and copies the name too. */
FALLIBLE extent_append(struct extent **extents, size_t *count, const struct extent *extent,
                       struct err *err);
void extents_release(struct extent *extents, size_t count);

/* A file of the state, as the manifest knows it. */
struct state_file {
    char *name; /* "gen-DATE/file", below the state folder; owned */
    uint64_t bytes;
    uint64_t checksum; /* XXH64 */
};

/* One date's ties. */
struct segment {
    struct state_file file;
    int64_t date_ms; /* first instant of the date */
    uint64_t first_tie;
    uint64_t ties;
    uint64_t endings;
};

/* What is remembered of one of the logs beside the connections: all its records so far are in the
 * file, but for those that were dropped, which are counted. */
struct fact_history {
    bool is_known;          /* the log has been read; else the rest is void */
    struct state_file file; /* stages/facts/fact_table.h */
    struct extent *extents;
    size_t extent_count;
    /* Records done with since the first night: read = those in the file + the other three. */
    uint64_t read;
    uint64_t malformed;
    uint64_t self_loops;
    uint64_t duplicates;
};

/* The adjacency file, and of when it is. */
struct rest {
    struct state_file file;
    struct state_file degrees; /* without a name in states of before there were tails */
    size_t segments;           /* it covers the first so many of the generation's segments */
    uint64_t members;          /* that it knows: later ones are in the tail alone */
    uint64_t open_ties;        /* in it */
};

struct generation {
    int64_t date_ms;       /* first instant of the last date taken */
    int64_t first_date_ms; /* of the run that made it: equal to date_ms for a night */
    bool has_previous;     /* there was a state before that run */
    int64_t previous_ms;   /* its date */
    enum simultaneous simultaneous;
    uint64_t members;
    uint64_t ties; /* ever made */
    uint64_t open_ties;
    uint64_t run_id; /* of settings and all events up to the end of the date */
    struct extent *extents;
    size_t extent_count;
    struct state_file dictionary;
    struct rest adjacency;
    struct state_file cohort;
    struct segment *segments; /* in order of date */
    size_t segment_count;
    struct fact_history facts[FACT_LOGS]; /* reference tables are not remembered */
};

/* Zero-initialised storage is an empty generation. */
void generation_release(struct generation *generation);

/* Copies; the generation owns the copies. */
FALLIBLE generation_add_extent(struct generation *generation, const struct extent *extent,
                               struct err *err);
FALLIBLE generation_add_segment(struct generation *generation, const struct segment *segment,
                                struct err *err);
/* The adjacency of an earlier generation, whose segments are the first of this one's. */
FALLIBLE generation_share_adjacency(struct generation *generation, const struct generation *earlier,
                                    struct err *err);
FALLIBLE state_file_set(struct state_file *file, const char *name, uint64_t bytes,
                        uint64_t checksum, struct err *err);

/* The files that it names, by number from 0 on; NULL behind the last. */
const struct state_file *generation_file(const struct generation *generation, size_t index);

/* The extent of the file with this name; NULL where there is none. */
const struct extent *generation_extent(const struct generation *generation, const char *name);

/* Ties made and ties ended in the segments behind the adjacency. */
uint64_t generation_tail(const struct generation *generation);

/* Writes the manifest as `path`; reads one into an empty generation. FAILURE_DATA says what a
 * manifest lacks, or what in it cannot be; FAILURE_CONFIG that it is of a later layout. */
FALLIBLE generation_save(const struct generation *generation, const char *path, struct err *err);
FALLIBLE generation_load(struct generation *generation, const char *path, struct err *err);

#endif
