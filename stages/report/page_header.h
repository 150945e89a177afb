/* The top of the page: the finding, what supports it, and the key figures. */
#ifndef TIEFLOW_STAGES_REPORT_PAGE_HEADER_H
#define TIEFLOW_STAGES_REPORT_PAGE_HEADER_H

#include "stages/report/html.h"
#include "stages/report/page_tables.h"

void page_header_put(struct html *html, const struct page *page);

#endif
