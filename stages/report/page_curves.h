/* The sections with curves over all sides. One without data is left out. */
#ifndef TIEFLOW_STAGES_REPORT_PAGE_CURVES_H
#define TIEFLOW_STAGES_REPORT_PAGE_CURVES_H

#include "stages/report/html.h"
#include "stages/report/page_tables.h"

/* Rates by mutual connections in log2 bins. */
void page_curve_put(struct html *html, const struct page *page);

/* Shares of the sides at risk and of the transmissions. */
void page_shares_put(struct html *html, const struct page *page);

/* The curve by terciles, deciles, equal widths, interactions and at the threshold. */
void page_cuts_put(struct html *html, const struct page *page);

#endif
