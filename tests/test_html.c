#include "tests/testing.h"

#include "stages/report/html.h"

#include <string.h>

/* What the document holds, then forgets it. */
static void assert_html(struct html *html, const char *expected) {
    struct err err;
    MUST(html_finish(html, &err));
    assert_int_equal(html->text.count, strlen(expected));
    assert_memory_equal(html->text.data, expected, html->text.count);
    html->text.count = 0;
}

static void test_markup_stays_and_texts_are_escaped(void **state) {
    (void)state;
    struct html html = {0};
    html_put(&html, "<p title=\"");
    html_text(&html, "a \"b\" & 'c' <d>");
    html_format(&html, "\">%d%%</p>", 5);
    assert_html(&html, "<p title=\"a &quot;b&quot; &amp; &#39;c&#39; &lt;d&gt;\">5%</p>");
    html_tag(&html, "h2", "1 < 2");
    assert_html(&html, "<h2>1 &lt; 2</h2>\n");
    html_release(&html);
}

static void test_broken_bytes_and_control_characters_become_question_marks(void **state) {
    (void)state;
    struct html html = {0};
    html_text(&html, "\x01\n\x7f\xff\xc3\xa9\xe2\x82");
    assert_html(&html, "????\xc3\xa9??");
    html_release(&html);
}

static void test_ranges_in_labels_get_a_dash_and_dates_in_texts_do_not(void **state) {
    (void)state;
    struct html html = {0};
    html_label(&html, "8-15 -1 a-b 1-");
    assert_html(&html, "8\xe2\x80\x93"
                       "15 -1 a-b 1-");
    html_text(&html, "2025-12-31");
    assert_html(&html, "2025-12-31");
    html_release(&html);
}

static void test_ids_are_never_given_twice(void **state) {
    (void)state;
    struct html html = {0};
    unsigned first = html_id(&html);
    assert_int_not_equal(first, html_id(&html));
    html_release(&html);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_markup_stays_and_texts_are_escaped),
        cmocka_unit_test(test_broken_bytes_and_control_characters_become_question_marks),
        cmocka_unit_test(test_ranges_in_labels_get_a_dash_and_dates_in_texts_do_not),
        cmocka_unit_test(test_ids_are_never_given_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
