/* What stands in study.sqlite beside the tables: named views that a dashboard opens as they are,
 * and a sentence on each table and view. Plain SQL that every SQLite from 3.25 on understands; no
 * view needs a function of ours.
 */
#ifndef TIEFLOW_STAGES_SINK_DATABASE_VIEWS_H
#define TIEFLOW_STAGES_SINK_DATABASE_VIEWS_H

#include "schemas/tables.h"

#include <stddef.h>

/* A table of the database, in the order in which they are made. */
struct database_table {
    const struct table *table;
    const char *meaning;
};

struct database_view {
    const char *name;
    const char *select; /* behind CREATE VIEW name AS */
    const char *meaning;
};

enum { DATABASE_TABLES = 8, DATABASE_VIEWS = 14 };
extern const struct database_table database_tables[DATABASE_TABLES];
extern const struct database_view database_views[DATABASE_VIEWS];

#endif
