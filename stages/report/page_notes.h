/* The sections behind the results: data quality, settings, how to read the page and with what care.
 */
#ifndef TIEFLOW_STAGES_REPORT_PAGE_NOTES_H
#define TIEFLOW_STAGES_REPORT_PAGE_NOTES_H

#include "stages/report/html.h"
#include "stages/report/page_tables.h"

void page_quality_put(struct html *html, const struct page *page);
void page_settings_put(struct html *html, const struct page *page);
void page_reading_put(struct html *html, const struct page *page);

#endif
