/* The sections that hold one thing against another. One without data is left out. */
#ifndef TIEFLOW_STAGES_REPORT_PAGE_COMPARISONS_H
#define TIEFLOW_STAGES_REPORT_PAGE_COMPARISONS_H

#include "stages/report/html.h"
#include "stages/report/page_tables.h"

/* Credit by tercile under each of the four rules. */
void page_rules_put(struct html *html, const struct page *page);

/* Placebos beside the real thing. */
void page_placebos_put(struct html *html, const struct page *page);

/* Terciles again for every segment, as small multiples. */
void page_segments_put(struct html *html, const struct page *page);

/* Experiments: means by variant and their difference from control. */
void page_arms_put(struct html *html, const struct page *page);

#endif
