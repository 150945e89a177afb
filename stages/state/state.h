/* The state folder: finding, loading, committing and pruning generations. */
#ifndef TIEFLOW_STAGES_STATE_STATE_H
#define TIEFLOW_STAGES_STATE_STATE_H

#include "schemas/status.h"
#include "stages/adjacency/row_file.h"
#include "stages/base/stream.h"
#include "stages/dictionary/dictionary.h"
#include "stages/facts/fact_table.h"
#include "stages/state/generation.h"
#include "stages/tie_store/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state {
    char *folder;
    int lock;          /* descriptor; -1 when opened for reading */
    int64_t *dates_ms; /* of the generations, ascending */
    size_t date_count;
    int64_t *aside_ms; /* of those that were set aside, ascending */
    size_t aside_count;
};

/* Opens the folder and lists its generations. For writing it is made where missing, locked
 * (FAILURE_RETRY while another run holds it), and rid of what a crashed run left. For reading it
 * must exist. Zero-initialise `state`; state_close in any case. */
FALLIBLE state_open(struct state *state, const char *folder, bool for_writing, struct err *err);
void state_close(struct state *state);

/* Whether there is a generation of this date, and the date of the newest (when there is any). */
bool state_has(const struct state *state, int64_t date_ms);
int64_t state_newest(const struct state *state);

/* Path of a file of the state, in new memory that the caller frees. */
FALLIBLE state_path(const struct state *state, const char *name, char **path, struct err *err);

/* Reads the manifest of a generation that state_has. */
FALLIBLE state_read(const struct state *state, int64_t date_ms, struct generation *generation,
                    struct err *err);

/* Takes a damaged generation, which is the newest, out of the state: its manifest gets another
 * name, and nothing else is touched. Until its dates are run again it stays among those set aside.
 */
FALLIBLE state_set_aside(struct state *state, int64_t date_ms, struct err *err);

/* The first generation set aside that is newer than the newest of the state; false where there is
 * none, or nothing that it could be made again from. */
bool state_has_aside(const struct state *state, int64_t *date_ms);

/* Reads the manifest of a generation that was set aside. */
FALLIBLE state_read_aside(const struct state *state, int64_t date_ms, struct generation *generation,
                          struct err *err);

/* What a run keeps in memory: the graph as of some moment. */
struct graph {
    struct dictionary dictionary;
    struct histogram cohort;
    struct row_file *rows; /* settled, of all members; NULL where no study asks for them */
    uint64_t open_ties;
};

/* Zero-initialised storage is an empty graph. */
void graph_release(struct graph *graph);

/* Loads a generation's graph but for the rows (stages/state/rest.h). Sizes and checksums of the
 * files are checked against the manifest. */
FALLIBLE state_load_graph(const struct state *state, const struct generation *generation,
                          struct graph *graph, struct err *err);

/* Loads the tables of the logs beside the connections that the generation knows, with the
 * duplicates that they dropped so far, into initialised empty tables (by enum fact_log).
 * FAILURE_DATA where a file is damaged, or a table holds another number of records than the counts
 * say. */
FALLIBLE state_load_facts(const struct state *state, const struct generation *generation,
                          struct fact_table tables[FACT_LOGS], struct err *err);

/* Opens a file of the state to be read whole. FAILURE_DATA where its size is not the manifest's. */
FALLIBLE state_file_open(const struct state *state, const struct state_file *file,
                         struct input **input, struct err *err);

/* Once it has been read to its end: FAILURE_DATA where its checksum is not the manifest's. */
FALLIBLE state_file_check(const struct state *state, const struct state_file *file,
                          const struct input *input, struct err *err);

/* Checks one file against the manifest by reading it whole. */
FALLIBLE state_verify_file(const struct state *state, const struct state_file *file,
                           struct err *err);

/* Looks whether every file that the generation names is there and has its size. */
FALLIBLE state_look_at_files(const struct state *state, const struct generation *generation,
                             struct err *err);

/* Starts the next generation: makes an empty folder for its files. *path (caller frees) is that
 * folder; files in it will lie in "gen-DATE/". */
FALLIBLE state_begin(const struct state *state, char **path, struct err *err);

/* Opens a file of that name in the begun folder. Once the output is finished, state_output_commit
 * commits it and enters it as a file of the generation of that date; it frees the output whatever
 * happens. */
FALLIBLE state_output_open(const struct state *state, const char *name, struct output **output,
                           struct err *err);
FALLIBLE state_output_commit(int64_t date_ms, const char *name, struct output *output,
                             struct state_file *file, struct err *err);

/* Saves the finished tables of the logs that the generation knows and has no file of yet into the
 * begun folder, and fills in their files. (A file that is named already is one of an earlier
 * generation, which is shared.) */
FALLIBLE state_save_facts(const struct state *state, struct generation *generation,
                          const struct fact_table tables[FACT_LOGS], struct err *err);

/* Saves dictionary and cohort into the begun folder, fills in their files, writes the generation's
 * manifest and publishes all by one rename. The adjacency is in the generation already: that of an
 * earlier one, or a new one in the begun folder. */
FALLIBLE state_commit(struct state *state, struct generation *generation, const struct graph *graph,
                      struct err *err);

/* The same for a generation that was set aside and is made again: `promised` is what it was. Where
 * the files are the same again, byte for byte, it takes its old place with its old manifest; else
 * FAILURE_DATA, and nothing is published. */
FALLIBLE state_restore(struct state *state, struct generation *generation,
                       const struct generation *promised, const struct graph *graph,
                       struct err *err);

/* Removes the begun folder, if there is one. */
FALLIBLE state_abandon(const struct state *state, struct err *err);

/* Keeps the newest `keep` generations (at least 1) and every file that they name; removes the
 * rest. */
FALLIBLE state_prune(struct state *state, size_t keep, struct err *err);

enum { STATE_NAME_BYTES = 32 };

/* "gen-YYYY-MM-DD". */
void state_generation_name(int64_t date_ms, char name[STATE_NAME_BYTES]);

#endif
