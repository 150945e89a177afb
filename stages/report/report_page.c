/* Rejected: a template file with places to fill. The page is a list of sections, each of which
 * decides from the data what there is to say.
 */
#include "stages/report/report_page.h"

#include "stages/base/stream.h"
#include "stages/report/chart.h"
#include "stages/report/page_comparisons.h"
#include "stages/report/page_curves.h"
#include "stages/report/page_header.h"
#include "stages/report/page_notes.h"
#include "stages/report/report_style.h"
#include "stages/sink/database.h"

static void head_put(struct html *html, const struct page *page) {
    char headline[FINDING_TEXT_BYTES];
    finding_headline(page->finding, headline);
    html_put(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                   "<meta name=\"color-scheme\" content=\"light dark\">\n"
                   "<meta name=\"generator\" content=\"tieflow\">\n<title>");
    html_label(html, headline);
    html_put(html, "</title>\n<style>\n");
    html_put(html, report_style);
    html_put(html, "</style>\n</head>\n");
}

struct status report_page_put(struct html *html, const struct study_data *data, struct err *err) {
    struct finding finding;
    finding_make(&finding, data);
    const struct page page = {
        .data = data,
        .finding = &finding,
        .unit = rate_unit_for(rate_chart_top(&data->curves[CURVE_LOG2])),
    };
    head_put(html, &page);
    html_put(html, "<body>\n<main>\n");
    page_header_put(html, &page);
    page_curve_put(html, &page);
    page_shares_put(html, &page);
    page_cuts_put(html, &page);
    page_rules_put(html, &page);
    page_placebos_put(html, &page);
    page_segments_put(html, &page);
    page_arms_put(html, &page);
    page_quality_put(html, &page);
    page_settings_put(html, &page);
    page_reading_put(html, &page);
    html_put(html,
             "<footer>Made by tieflow from study.sqlite, which holds every number of this page "
             "and more, with views for dashboards.</footer>\n</main>\n</body>\n</html>\n");
    return html_finish(html, err);
}

static struct status page_publish(const struct html *html, const char *path,
                                  struct table_file *file, struct err *err) {
    struct output *output;
    TRY(output_open(&output, path, false, err));
    struct status status = output_write(output, html->text.data, html->text.count, err);
    if (failed(status)) {
        output_discard(output);
        return status;
    }
    struct table_file made = {0};
    TRY(output_commit(output, &made.bytes, &made.checksum, err));
    if (file != NULL) {
        *file = made;
    }
    return status_ok();
}

struct status report_page_write(const char *database_path, const char *page_path,
                                struct table_file *file, struct err *err) {
    struct database_reader *reader;
    struct study_data data = {0};
    struct html html = {0};
    TRY(database_open(&reader, database_path, err));
    struct status status;
    TRY_OR(done, status, study_data_read(&data, reader, err));
    TRY_OR(done, status, report_page_put(&html, &data, err));
    status = page_publish(&html, page_path, file, err);
done:
    html_release(&html);
    study_data_release(&data);
    database_close(reader);
    return status;
}
