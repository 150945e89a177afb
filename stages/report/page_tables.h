/* What the sections of the page share: what they are about, headings, and tables of the numbers
 * behind the charts, folded up.
 */
#ifndef TIEFLOW_STAGES_REPORT_PAGE_TABLES_H
#define TIEFLOW_STAGES_REPORT_PAGE_TABLES_H

#include "stages/report/figures.h"
#include "stages/report/finding.h"
#include "stages/report/html.h"
#include "stages/report/study_data.h"

/* Everything is lent. */
struct page {
    const struct study_data *data;
    const struct finding *finding;
    const struct rate_unit *unit; /* of every rate of sides at risk, so that charts compare */
};

/* The head of a section: its heading and, unless NULL, the line below it. */
void page_section_begin(struct html *html, const char *heading, const char *sub);
void page_section_end(struct html *html);

/* A table, folded up: the summary, then the names of its columns divided by a bar. */
void page_table_begin(struct html *html, const char *summary, const char *columns);
void page_table_end(struct html *html);

/* Cells, between <tr> and </tr>: a number, a text from outside, an interval in a unit. */
void page_cell(struct html *html, const char *figure);
void page_cell_text(struct html *html, const char *text);
void page_cell_interval(struct html *html, const struct rate_unit *unit, double low, double high);

/* The numbers of a curve; `what` heads the column of the labels. */
void page_dose_table(struct html *html, const struct page *page, const struct dose_curve *curve,
                     const char *what);

#endif
