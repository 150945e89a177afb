/* The report of a study: one HTML file that needs nothing else, drawn from study.sqlite.
 *
 * Equal databases give equal bytes. Texts of the database are escaped; nothing is fetched, no
 * script runs.
 */
#ifndef TIEFLOW_STAGES_REPORT_REPORT_PAGE_H
#define TIEFLOW_STAGES_REPORT_REPORT_PAGE_H

#include "schemas/status.h"
#include "stages/report/html.h"
#include "stages/report/study_data.h"
#include "stages/sink/table_writer.h"

/* The whole page. */
FALLIBLE report_page_put(struct html *html, const struct study_data *data, struct err *err);

/* From the database at one path to the file at another, staged and renamed (stages/base/stream.h);
 * "-" is standard output. Failures of database_open and database_query are handed on.
 * `file` (no rows) may be NULL. */
FALLIBLE report_page_write(const char *database_path, const char *page_path,
                           struct table_file *file, struct err *err);

#endif
