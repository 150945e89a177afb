/* The peer of the attribution: the same counts as joins in SQLite, in memory, on one thread.
 *
 * The database is given what the attribution is given (ties with their strength, spells, moves,
 * entry dates), each table in the order that its joins ask for, with statistics. It answers two
 * questions of the settings' rules (not of `include` and `tie_first`): which transmissions there
 * are, and which sides are ever at risk, either by tercile of mutual connections, whose cuts it
 * finds as well.
 */
#ifndef TIEFLOW_BENCH_PEER_SQL_H
#define TIEFLOW_BENCH_PEER_SQL_H

#include "schemas/settings.h"
#include "schemas/status.h"
#include "stages/attribution/classes.h"
#include "stages/careers/careers.h"
#include "stages/facts/people.h"
#include "stages/tie_store/ending_index.h"

#include <stddef.h>
#include <stdint.h>

struct peer_sql_inputs {
    const char *segment_path;
    size_t node_count;
    const struct people *people;
    const struct careers *careers;
    const struct ending_index *endings;
    const struct attribution_settings *settings;
    int64_t as_of_ms;
    const char *export_folder; /* NULL, or where to leave the tables as CSV, for other databases */
};

struct peer_sql_answer {
    uint64_t sides[TERCILES];
    uint64_t at_risk[TERCILES];
    uint64_t transmissions[TERCILES];
    double load_seconds; /* rows and indices: not part of the contest */
    double transmission_seconds;
    double risk_seconds; /* the cuts included */
};

FALLIBLE peer_sql_run(const struct peer_sql_inputs *inputs, struct peer_sql_answer *answer,
                      struct err *err);

/* "SQLite 3.40.1". */
enum { PEER_SQL_NAME_BYTES = 32 };
void peer_sql_name(char name[PEER_SQL_NAME_BYTES]);

#endif
