/* One parser of lines for the three formats; what a format promises before its first record
 * (KONECT's "dynamic", Matrix Market's size) is read by its own open and kept in the state. */
#include "stages/decode/edge_list.h"

#include "stages/base/number.h"
#include "stages/decode/fields.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* SNAP and KONECT count seconds. */
enum { EDGE_LIST_UNIT_MS = 1000 };

/* Words of a line that are looked at; one more than any record has, so that too many show. */
enum { WORDS_MAX = 5 };

struct words {
    struct {
        const char *text;
        size_t bytes;
    } items[WORDS_MAX];
    size_t count;
};

struct edge_list {
    enum log_format format;
    char comment;
    struct time_rule time;
    size_t fields_min;
    size_t fields_max;
    size_t time_field;     /* index of the time, where a record has that many */
    bool fields_are_known; /* by the first good record: then fields_min = fields_max */
    bool is_dynamic;       /* KONECT: the third field is 1 or -1 */
    uint64_t size;         /* Matrix Market: rows and columns; ids are 1..size */
    uint64_t entries;      /* Matrix Market: promised by the size line */
    uint64_t records;      /* seen, good and malformed */
};

static struct words words_of(const char *text, size_t bytes) {
    struct words words = {.count = 0};
    size_t at = 0;
    while (words.count < WORDS_MAX) {
        while (at < bytes && (text[at] == ' ' || text[at] == '\t')) {
            at++;
        }
        size_t start = at;
        while (at < bytes && text[at] != ' ' && text[at] != '\t') {
            at++;
        }
        if (at == start) {
            break;
        }
        words.items[words.count].text = text + start;
        words.items[words.count].bytes = at - start;
        words.count++;
    }
    return words;
}

static bool word_is(const struct words *words, size_t index, const char *wanted) {
    return index < words->count && words->items[index].bytes == strlen(wanted) &&
           strncasecmp(words->items[index].text, wanted, words->items[index].bytes) == 0;
}

static bool word_number(const struct words *words, size_t index, uint64_t *value) {
    return index < words->count &&
           number_parse_u64(words->items[index].text, words->items[index].bytes, value);
}

/* ---- what stands before the first record ---- */

static struct status edge_list_new(struct edge_list **list, struct edge_list made,
                                   struct err *err) {
    *list = malloc(sizeof **list);
    if (*list == NULL) {
        return err_memory(err, sizeof **list, "an edge list reader");
    }
    **list = made;
    return status_ok();
}

static struct status snap_open(void **state, struct text_lines *lines,
                               const struct log_reader_options *options, struct err *err) {
    (void)lines; /* comments may stand anywhere */
    struct edge_list *list;
    TRY(edge_list_new(&list,
                      (struct edge_list){.format = LOG_SNAP,
                                         .comment = '#',
                                         .time = time_rule_of(options, EDGE_LIST_UNIT_MS),
                                         .fields_min = 2,
                                         .fields_max = 3,
                                         .time_field = 2},
                      err));
    *state = list;
    return status_ok();
}

/* Reads the first comment, "% sym unweighted" or the like, where the file starts with one. */
static struct status konect_read_header(struct edge_list *list, struct text_lines *lines,
                                        struct err *err) {
    struct text_record record;
    bool more;
    TRY(text_lines_next(lines, &record, &more, err));
    if (!more) {
        return status_ok();
    }
    if (record.bytes == 0 || record.text[0] != list->comment) {
        text_lines_back(lines, &record);
        return status_ok();
    }
    struct words words = words_of(record.text + 1, record.bytes - 1);
    if (word_is(&words, 0, "bip")) {
        return err_set(err, FAILURE_DATA,
                       "%s: line %" PRIu64 ": the network is bipartite (\"bip\"): its two sides "
                       "count from 1 each, so one number would be two members",
                       input_name(lines->input), record.line);
    }
    for (size_t i = 0; i < words.count; i++) {
        list->is_dynamic |= word_is(&words, i, "dynamic");
    }
    list->fields_min = list->is_dynamic ? 3 : 2;
    return status_ok();
}

static struct status konect_open(void **state, struct text_lines *lines,
                                 const struct log_reader_options *options, struct err *err) {
    struct edge_list list = {.format = LOG_KONECT,
                             .comment = '%',
                             .time = time_rule_of(options, EDGE_LIST_UNIT_MS),
                             .fields_min = 2,
                             .fields_max = 4,
                             .time_field = 3};
    TRY(konect_read_header(&list, lines, err));
    struct edge_list *made;
    TRY(edge_list_new(&made, list, err));
    *state = made;
    return status_ok();
}

/* The banner: "%%MatrixMarket matrix coordinate FIELD SYMMETRY", in any case of letters. */
static struct status matrix_read_banner(struct edge_list *list, struct text_lines *lines,
                                        struct err *err) {
    const char *name = input_name(lines->input);
    struct text_record record;
    bool more;
    TRY(text_lines_next(lines, &record, &more, err));
    struct words words = more ? words_of(record.text, record.bytes) : (struct words){.count = 0};
    if (!word_is(&words, 0, "%%MatrixMarket") || !word_is(&words, 1, "matrix") ||
        words.count != WORDS_MAX) {
        return err_set(err, FAILURE_DATA,
                       "%s: line %" PRIu64 ": not a Matrix Market file: it must start with "
                       "\"%%%%MatrixMarket matrix coordinate FIELD SYMMETRY\"",
                       name, more ? record.line : 1);
    }
    bool is_pattern = word_is(&words, 3, "pattern");
    bool is_complex = word_is(&words, 3, "complex");
    bool has_field =
        is_pattern || is_complex || word_is(&words, 3, "real") || word_is(&words, 3, "integer");
    bool has_symmetry = word_is(&words, 4, "general") || word_is(&words, 4, "symmetric") ||
                        word_is(&words, 4, "skew-symmetric") || word_is(&words, 4, "hermitian");
    if (!word_is(&words, 2, "coordinate") || !has_field || !has_symmetry) {
        return err_set(err, FAILURE_DATA,
                       "%s: line %" PRIu64 ": Matrix Market \"%.*s %.*s %.*s\" is not read; a "
                       "coordinate matrix of pattern, real, integer or complex entries is needed",
                       name, record.line, (int)words.items[2].bytes, words.items[2].text,
                       (int)words.items[3].bytes, words.items[3].text, (int)words.items[4].bytes,
                       words.items[4].text);
    }
    list->fields_min = is_pattern ? 2 : is_complex ? 4 : 3;
    list->fields_max = list->fields_min;
    return status_ok();
}

/* The size line, "ROWS COLUMNS ENTRIES", behind comments and empty lines. */
static struct status matrix_read_size(struct edge_list *list, struct text_lines *lines,
                                      struct err *err) {
    const char *name = input_name(lines->input);
    struct text_record record;
    bool more;
    do {
        TRY(text_lines_next(lines, &record, &more, err));
        if (!more) {
            return err_set(err, FAILURE_DATA,
                           "%s: the file ends before its size line: it is truncated", name);
        }
    } while (text_is_blank(record.text, record.bytes) || record.text[0] == list->comment);
    struct words words = words_of(record.text, record.bytes);
    uint64_t columns;
    if (words.count != 3 || !word_number(&words, 0, &list->size) ||
        !word_number(&words, 1, &columns) || !word_number(&words, 2, &list->entries)) {
        return err_set(err, FAILURE_DATA,
                       "%s: line %" PRIu64 ": the size line must be \"ROWS COLUMNS ENTRIES\"", name,
                       record.line);
    }
    if (list->size != columns) {
        return err_set(err, FAILURE_DATA,
                       "%s: line %" PRIu64 ": the matrix is not square (%" PRIu64 " by %" PRIu64
                       "): its rows and columns are not the same members",
                       name, record.line, list->size, columns);
    }
    return status_ok();
}

static struct status matrix_open(void **state, struct text_lines *lines,
                                 const struct log_reader_options *options, struct err *err) {
    struct edge_list list = {.format = LOG_MATRIX_MARKET,
                             .comment = '%',
                             .time = time_rule_of(options, 1),
                             .time_field = WORDS_MAX,
                             .fields_are_known = true};
    TRY(matrix_read_banner(&list, lines, err));
    TRY(matrix_read_size(&list, lines, err));
    struct edge_list *made;
    TRY(edge_list_new(&made, list, err));
    *state = made;
    return status_ok();
}

/* ---- records ---- */

static bool fields_check(const struct edge_list *list, const struct words *words,
                         char reason[MALFORMED_REASON_BYTES]) {
    if (words->count >= list->fields_min && words->count <= list->fields_max) {
        return true;
    }
    const char *plus = words->count == WORDS_MAX ? " or more" : "";
    if (list->fields_min == list->fields_max) {
        reason_set(
            reason, "%zu%s columns: %zu are expected%s", words->count, plus, list->fields_min,
            list->format == LOG_MATRIX_MARKET ? " by the header" : ", as in the first record");
    } else {
        reason_set(reason, "%zu%s columns: %zu to %zu are expected", words->count, plus,
                   list->fields_min, list->fields_max);
    }
    return false;
}

static bool index_check(const struct edge_list *list, enum field field, struct member_id id,
                        char reason[MALFORMED_REASON_BYTES]) {
    if (list->format == LOG_MATRIX_MARKET && (id.v < 1 || id.v > list->size)) {
        reason_set(reason, "%s is %" PRIu64 ": the size line allows 1 to %" PRIu64,
                   field_name(field), id.v, list->size);
        return false;
    }
    return true;
}

/* KONECT's changes: 1 makes the tie, -1 ends it. */
static bool change_parse(const struct words *words, struct event *event,
                         char reason[MALFORMED_REASON_BYTES]) {
    if (word_is(words, 2, "-1")) {
        event->kind = EVENT_DISCONNECT;
        return true;
    }
    if (!word_is(words, 2, "1") && !word_is(words, 2, "+1")) {
        reason_set(reason, "the third column is \"%.*s\": 1 or -1 is expected in a dynamic network",
                   (int)(words->items[2].bytes < 40 ? words->items[2].bytes : 40),
                   words->items[2].text);
        return false;
    }
    return true;
}

/* False with a reason. */
static bool record_parse(struct edge_list *list, const struct text_record *record,
                         struct event *event, char reason[MALFORMED_REASON_BYTES]) {
    struct words words = words_of(record->text, record->bytes);
    if (!fields_check(list, &words, reason) ||
        !field_parse_id(FIELD_FROM, words.items[0].text, words.items[0].bytes, &event->from,
                        reason) ||
        !field_parse_id(FIELD_TO, words.items[1].text, words.items[1].bytes, &event->to, reason) ||
        !index_check(list, FIELD_FROM, event->from, reason) ||
        !index_check(list, FIELD_TO, event->to, reason)) {
        return false;
    }
    if (list->is_dynamic && !change_parse(&words, event, reason)) {
        return false;
    }
    if (!list->time.is_line && list->time_field < words.count &&
        !field_parse_time(&list->time, words.items[list->time_field].text,
                          words.items[list->time_field].bytes, &event->at_ms, reason)) {
        return false;
    }
    if (!list->fields_are_known) {
        list->fields_are_known = true;
        list->fields_min = words.count;
        list->fields_max = words.count;
    }
    return true;
}

static struct status edge_list_parse(void *state, struct text_lines *lines,
                                     struct text_record *record, struct event *event,
                                     enum outcome *outcome, char reason[MALFORMED_REASON_BYTES],
                                     struct err *err) {
    struct edge_list *list = state;
    (void)lines; /* a record is one line */
    (void)err;
    if (text_is_blank(record->text, record->bytes) || record->text[0] == list->comment) {
        *outcome = OUTCOME_NOTHING;
        return status_ok();
    }
    list->records++;
    *event = (struct event){
        .at_ms = (int64_t)record->line, .kind = EVENT_CONNECT, .origin = ORIGIN_UNKNOWN};
    *outcome = OUTCOME_MALFORMED;
    if (record_is_sound(record, reason) && record_parse(list, record, event, reason)) {
        *outcome = OUTCOME_EVENT;
    }
    return status_ok();
}

static struct status matrix_finish(void *state, const struct text_lines *lines, struct err *err) {
    const struct edge_list *list = state;
    if (list->records != list->entries) {
        return err_set(err, FAILURE_DATA,
                       "%s: the size line promises %" PRIu64 " entries, the file has %" PRIu64
                       ": it is truncated or damaged; copy or produce it again",
                       input_name(lines->input), list->entries, list->records);
    }
    return status_ok();
}

const struct text_format snap_format = {
    .open = snap_open, .parse = edge_list_parse, .finish = NULL, .close = free};
const struct text_format konect_format = {
    .open = konect_open, .parse = edge_list_parse, .finish = NULL, .close = free};
const struct text_format matrix_market_format = {
    .open = matrix_open, .parse = edge_list_parse, .finish = matrix_finish, .close = free};
