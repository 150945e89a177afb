/* The bytes as a study's database; and as changes to one that is right, each a place (3 bytes), a
 * length (1) and what stands there instead. Whatever the database says, a page comes out in which
 * nothing but markup of ours is markup, or it is refused in one line. */
#include "stages/base/files.h"
#include "stages/report/report_page.h"
#include "stages/report/study_data.h"
#include "stages/sink/database.h"
#include "stages/sink/database_views.h"
#include "tests/fuzz/scratch_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 8, CHANGE_BYTES = 4 };

static void require(bool is_true) {
    if (!is_true) {
        abort();
    }
}

/* What the texts of a column are, by row. */
static const char *cell_text(const struct column *column, size_t row) {
    static const char *const measures[] = {"log2",    "log2",     "terciles",  "threshold",
                                           "width20", "strength", "intensity", "log2"};
    if (strcmp(column->name, "measure") == 0) {
        return measures[row % (sizeof measures / sizeof measures[0])];
    }
    return strcmp(column->name, "segment") == 0 ? (row % 2 == 0 ? "all" : "industry")
                                                : "a <text> & \"more\"";
}

/* Rows of the table with something in every column. */
static void rows_put(struct database *database, const struct table *table) {
    static const struct optional_u64 maybe = {.value = 2, .is_known = true};
    for (size_t row = 0; row < ROWS; row++) {
        const uint64_t u64 = 100 + row;
        const uint32_t u32 = (uint32_t)row;
        const int64_t time_ms = 1000;
        const double f64 = 0.25 * (double)row;
        const uint8_t flag = 1;
        const char *texts[TABLE_COLUMNS_MAX];
        union column_values columns[TABLE_COLUMNS_MAX];
        for (size_t c = 0; c < table->column_count; c++) {
            const struct column *column = &table->columns[c];
            texts[c] = cell_text(column, row);
            switch (column->type) {
            case COLUMN_U64:
                columns[c].u64 = &u64;
                if (column->nullable) {
                    columns[c].optional_u64 = &maybe;
                }
                break;
            case COLUMN_U32:
                columns[c].u32 = &u32;
                break;
            case COLUMN_TIME_MS:
                columns[c].time_ms = &time_ms;
                break;
            case COLUMN_F64:
                columns[c].f64 = &f64;
                break;
            case COLUMN_BOOL:
                columns[c].flag = &flag;
                break;
            case COLUMN_TEXT:
                columns[c].text = &texts[c];
                break;
            }
        }
        require(!failed(database_append(database, table, columns, 1, NULL)));
    }
}

static void right_make(struct bytes *right) {
    struct database *database;
    char path[SCRATCH_FILE_BYTES];
    require(!failed(database_new(&database, NULL)));
    for (size_t i = 0; i < DATABASE_TABLES; i++) {
        rows_put(database, database_tables[i].table);
    }
    require(!failed(database_commit(database, scratch_folder(), NULL, NULL)));
    scratch_file(DATABASE_FILE, path);
    require(!failed(file_read_all(path, right, NULL)) && unlink(path) == 0);
}

/* A database that is right, made once. */
static const struct bytes *right_lent(void) {
    static struct bytes right;
    if (right.count == 0) {
        right_make(&right);
    }
    return &right;
}

/* Behind every '<' of the page stands a tag that the program writes. */
static void page_check(const struct bytes *page) {
    static const char *const tags[] = {
        "!DOCTYPE", "b",     "body",    "circle",     "code",     "dd",     "desc",    "details",
        "div",      "dl",    "dt",      "figcaption", "figure",   "footer", "g",       "h1",
        "h2",       "h3",    "head",    "header",     "html",     "i",      "li",      "line",
        "main",     "meta",  "p",       "path",       "polyline", "rect",   "section", "small",
        "span",     "style", "summary", "svg",        "table",    "tbody",  "td",      "text",
        "th",       "thead", "title",   "tr",         "ul"};
    const char *at = (const char *)page->data;
    const char *end = at + page->count;
    while ((at = memchr(at, '<', (size_t)(end - at))) != NULL) {
        bool is_ours = false;
        at += 1 + (at[1] == '/');
        for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
            size_t bytes = strlen(tags[i]);
            is_ours |= (size_t)(end - at) > bytes && memcmp(at, tags[i], bytes) == 0 &&
                       strchr(" >\n", at[bytes]) != NULL;
        }
        require(is_ours);
    }
}

/* Reads the file and makes the page, as `tieflow report` does. */
static struct status page_put(const char *path, struct html *html, struct err *err) {
    struct database_reader *reader;
    struct study_data data = {0};
    TRY(database_open(&reader, path, err));
    struct status status = study_data_read(&data, reader, err);
    if (!failed(status)) {
        status = report_page_put(html, &data, err);
    }
    study_data_release(&data);
    database_close(reader);
    return status;
}

static void page_make(const uint8_t *data, size_t size, bool is_right) {
    char path[SCRATCH_FILE_BYTES];
    struct html html = {0};
    struct err err = {0};
    scratch_file(DATABASE_FILE, path);
    FILE *file = fopen(path, "w");
    require(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0);
    struct status status = page_put(path, &html, &err);
    require(!failed(status) || (err.text[0] != '\0' && strchr(err.text, '\n') == NULL));
    require(!failed(status) || !is_right);
    if (!failed(status)) {
        require(!failed(html_finish(&html, NULL)));
        page_check(&html.text);
    }
    html_release(&html);
}

/* Writes the changes into the file. */
static void changes_apply(uint8_t *file, size_t file_bytes, const uint8_t *data, size_t size) {
    size_t at = 0;
    while (size - at >= CHANGE_BYTES) {
        size_t place = (size_t)(data[at] | data[at + 1] << 8 | data[at + 2] << 16) % file_bytes;
        size_t bytes = data[at + 3];
        at += CHANGE_BYTES;
        bytes = bytes < size - at ? bytes : size - at;
        bytes = bytes < file_bytes - place ? bytes : file_bytes - place;
        memcpy(file + place, data + at, bytes);
        at += bytes;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct bytes *right = right_lent();
    uint8_t *file = malloc(right->count);
    require(file != NULL);
    memcpy(file, right->data, right->count);
    changes_apply(file, right->count, data, size);
    page_make(file, right->count, size < CHANGE_BYTES);
    page_make(data, size, false);
    free(file);
    return 0;
}
