/* The style sheet of the report: light and dark, desk, phone and paper. */
#ifndef TIEFLOW_STAGES_REPORT_REPORT_STYLE_H
#define TIEFLOW_STAGES_REPORT_REPORT_STYLE_H

/* CSS, to stand in a <style> element. */
extern const char report_style[];

#endif
