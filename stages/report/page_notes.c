/* The texts follow the definitions of the study, in words for who has not read them. */
#include "stages/report/page_notes.h"

#include <math.h>
#include <string.h>

/* --- data quality --- */

/* Checks that records read are divided among, and those that count besides. */
static const char *const parts[][2] = {
    {"applied", "used"},
    {"duplicate", "said before"},
    {"orphan", "ended nothing"},
    {"self_loop", "to oneself"},
    {"late", "late"},
    {"earlier", "before the first date"},
    {"malformed", "not readable"},
};
static const char *const besides[][2] = {
    {"out_of_order", "out of order"},
    {"ties", "ties made"},
    {"endings", "ties ended"},
    {"beyond", "dated after the study's end (left out)"},
    {"unknown_member", "of members without a tie"},
    {"backdated", "reported with an earlier date"},
};

static void log_put(struct html *html, const struct study_data *data, const char *log) {
    char number[FIGURE_BYTES];
    double read = study_quality(data, log, "read");
    double sum = 0;
    html_put(html, "<dt>");
    html_text(html, log);
    html_format(html, "</dt>\n<dd>%s read", figure_count(number, read));
    const char *sign = " = ";
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        double count = study_quality(data, log, parts[i][0]);
        if (count > 0 || (i == 0 && count == 0)) {
            html_format(html, "%s%s %s", sign, figure_count(number, count), parts[i][1]);
            sign = " + ";
            sum += count;
        }
    }
    html_put(html, sum == read ? " <span class=\"ok\">\xe2\x9c\x93 adds up</span></dd>\n"
                               : " <span class=\"bad\">does not add up</span></dd>\n");
    const char *start = "<dd>Besides: ";
    for (size_t i = 0; i < sizeof besides / sizeof besides[0]; i++) {
        double count = study_quality(data, log, besides[i][0]);
        if (count > 0) {
            html_format(html, "%s%s %s", start, figure_count(number, count), besides[i][1]);
            start = ", ";
        }
    }
    html_put(html, strcmp(start, ", ") == 0 ? "</dd>\n" : "");
}

static bool is_new_log(const struct study_data *data, size_t row) {
    for (size_t i = 0; i < row; i++) {
        if (strcmp(data->quality[i].log, data->quality[row].log) == 0) {
            return false;
        }
    }
    return true;
}

static void moves_put(struct html *html, const struct study_data *data) {
    char a[FIGURE_BYTES];
    char b[FIGURE_BYTES];
    char c[FIGURE_BYTES];
    html_format(
        html,
        "<p>Of the starts at a new company %s are moves; %s are first jobs and %s undecided, "
        "as their dates are too coarse, and neither can have been carried. ",
        figure_count(a, study_total(data, "moves")), figure_count(b, study_total(data, "entries")),
        figure_count(c, study_total(data, "undecided")));
    html_format(html, "%s moves are mass moves, as after a takeover: flagged, not left out.",
                figure_count(a, study_total(data, "mass_moves")));
    if (data->revisions > 0) {
        html_format(html, " Later reports have changed %s moves of the run before.",
                    figure_count(a, data->revisions));
    }
    html_put(html, "</p>\n");
}

void page_quality_put(struct html *html, const struct page *page) {
    const struct study_data *data = page->data;
    page_section_begin(html, "Where every record went", NULL);
    moves_put(html, data);
    html_put(html, "<dl class=\"logs\">\n");
    for (size_t i = 0; i < data->quality_count; i++) {
        if (is_new_log(data, i)) {
            log_put(html, data, data->quality[i].log);
        }
    }
    html_put(html, "</dl>\n");
    page_section_end(html);
}

/* --- settings --- */

void page_settings_put(struct html *html, const struct page *page) {
    const struct study_data *data = page->data;
    page_section_begin(html, "Settings in force",
                       "What counts as a job that came through a tie. Another setting is another "
                       "study: compare reports only where these agree.");
    html_put(html, "<dl class=\"settings\">\n");
    for (size_t i = 0; i < data->setting_count; i++) {
        html_put(html, "<dt>");
        html_text(html, data->settings[i].name);
        html_put(html, "</dt><dd class=\"value\">");
        html_text(html, data->settings[i].value);
        html_put(html, "</dd><dd class=\"means\">");
        html_text(html, data->settings[i].meaning);
        html_put(html, "</dd>\n");
    }
    html_put(html, "</dl>\n");
    page_section_end(html);
}

/* --- how to read it --- */

static const char reading[] =
    "<ul>\n"
    "<li><b>Tie and side.</b> A tie joins two members; each may carry a job for the other, so it "
    "has "
    "two sides: one member as mover, the other as contact. Its strength is the number of mutual "
    "connections just before it was made, and is never counted again.</li>\n"
    "<li><b>Transmission.</b> A member moves to a company where the contact already works, the tie "
    "being old enough and the contact there long enough (settings above). It says that the tie "
    "could "
    "have carried the job, not that it did.</li>\n"
    "<li><b>At risk.</b> A side counts below the line only if there was a time at which it could "
    "have "
    "carried a move. A member who already works at the contact's company cannot move there; that "
    "share differs with strength and would bend the curve.</li>\n"
    "<li><b>Interval.</b> 95\xc2\xa0%, with errors that allow for one mover having many ties. "
    "Where no "
    "side transmitted it is Wilson's.</li>\n"
    "<li><b>Expected by chance.</b> For each move and contact: the share of people like the "
    "contact "
    "(industry, region, number of ties, month) who were at that company too. Contacts without "
    "anybody "
    "like them are left out, so that the dash may lie a little low.</li>\n"
    "<li><b>Certain and possible.</b> Dates are known to a day, a month or a year. A transmission "
    "is "
    "certain if all true dates within these would give it, possible if some would.</li>\n"
    "</ul>\n";

static const char caveats[] =
    "<ul>\n"
    "<li>Ties that people formed are not ties at random: strong and weak ones join different "
    "people. "
    "A higher rate is not yet a cause. Experiments, where there are any, compare by "
    "assignment.</li>\n"
    "<li>A move with many eligible contacts counts as many transmissions. The rules of credit show "
    "what is left when each move counts once.</li>\n"
    "<li>Young ties have had less time. The segments by horizon hold only ties that were observed "
    "for "
    "so long.</li>\n"
    "<li>Large employers draw movers and hold contacts whatever the ties. The chance line and the "
    "placebos show how much of the curve that can be.</li>\n"
    "<li>The headline takes the highest of several bins, which flatters it a little, and the "
    "segments "
    "are many comparisons: a few differ by luck alone.</li>\n"
    "<li>Mass moves, as in a merger, look like many transmissions. They are flagged in the table "
    "of "
    "moves.</li>\n"
    "</ul>\n";

void page_reading_put(struct html *html, const struct page *page) {
    (void)page;
    page_section_begin(html, "How to read this", NULL);
    html_put(html, reading);
    page_section_end(html);
    page_section_begin(html, "What to keep in mind", NULL);
    html_put(html, caveats);
    page_section_end(html);
}
