/* Added records are sorted by what leads their order, an id in every log, as numbered keys in a
 * radix sort; the records then move to their places once, and the few that share an id are sorted
 * among themselves. Rejected: sorting the records (72 bytes each) as they are, which moves them
 * eight times and takes as much memory again; and moving them along the cycles of the permutation,
 * where each fetch from memory waits for the one before.
 */
#include "stages/facts/fact_table.h"

#include "stages/base/bytes.h"
#include "stages/base/columns.h"
#include "stages/base/frame.h"
#include "stages/base/workers.h"
#include "stages/facts/key_sort.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_FACTS_MAX = 1 << 16, INSERTION_MAX = 16, CHUNK_FACTS = 1 << 14 };

/* What a log is sorted by, beyond fields: the smaller and the larger of an interaction's ids. */
enum { SMALLER_ID = FACT_FIELDS_MAX, LARGER_ID };

struct fact_order {
    size_t count;
    uint8_t by[FACT_FIELDS_MAX];
};

/* The order of sets goes on through all fields, so that only identical records are equal. */
static const struct fact_order orders[FACT_LOGS] = {
    [FACT_POSITIONS] = {5,
                        {POSITION_MEMBER, POSITION_COMPANY, POSITION_AT, POSITION_KIND,
                         POSITION_PRECISION}},
    [FACT_INTERACTIONS] = {6,
                           {SMALLER_ID, LARGER_ID, INTERACTION_AT, INTERACTION_FROM,
                            INTERACTION_KIND, INTERACTION_COUNT}},
    [FACT_APPLICATIONS] = {3, {APPLICATION_MEMBER, APPLICATION_AT, APPLICATION_COUNT}},
    [FACT_ASSIGNMENTS] = {4,
                          {ASSIGNMENT_MEMBER, ASSIGNMENT_AT, ASSIGNMENT_EXPERIMENT,
                           ASSIGNMENT_VARIANT}},
    [FACT_MEMBERS] = {1, {MEMBER_ID}},
    [FACT_COMPANIES] = {1, {COMPANY_ID}},
    [FACT_INDUSTRIES] = {1, {INDUSTRY_ID}},
};

/* A number that ascends as the order's i-th part does. */
static uint64_t order_value(enum fact_log log, const struct fact *fact, size_t i) {
    unsigned by = orders[log].by[i];
    if (by >= FACT_FIELDS_MAX) {
        uint64_t from = fact->value[INTERACTION_FROM];
        uint64_t to = fact->value[INTERACTION_TO];
        return (from < to) == (by == SMALLER_ID) ? from : to;
    }
    bool is_time = fact_shapes[log].fields[by].type == FACT_TIME;
    return is_time ? fact->value[by] ^ UINT64_C(1) << 63 : fact->value[by];
}

/* Below, at or above 0. Equal are records of one key, or identical records of a set. */
static int fact_compare(enum fact_log log, const struct fact *a, const struct fact *b) {
    for (size_t i = 0; i < orders[log].count; i++) {
        uint64_t of_a = order_value(log, a, i);
        uint64_t of_b = order_value(log, b, i);
        if (of_a != of_b) {
            return of_a < of_b ? -1 : 1;
        }
    }
    return 0;
}

static int compare_in_log(const void *a, const void *b, void *log) {
    return fact_compare(*(const enum fact_log *)log, a, b);
}

void fact_table_init(struct fact_table *table, enum fact_log log) {
    *table = (struct fact_table){.log = log};
}

void fact_table_release(struct fact_table *table) {
    pages_release(&table->memory);
    fact_table_init(table, table->log);
}

/* Makes room for `extra` more records. */
static struct status table_hold(struct fact_table *table, size_t extra, struct err *err) {
    size_t wanted = table->count + extra;
    if (wanted * sizeof *table->facts > table->memory.bytes) {
        size_t grown = wanted + table->count / 2;
        TRY(pages_grow(&table->memory, grown * sizeof *table->facts, fact_shapes[table->log].name,
                       err));
        table->facts = table->memory.data;
    }
    return status_ok();
}

struct status fact_table_add(struct fact_table *table, const struct fact *facts, size_t count,
                             struct err *err) {
    TRY(table_hold(table, count, err));
    if (count != 0) {
        memcpy(table->facts + table->count, facts, count * sizeof *facts);
        table->count += count;
    }
    return status_ok();
}

static bool is_in_order(enum fact_log log, const struct fact *facts, size_t count) {
    for (size_t i = 1; i < count; i++) {
        if (fact_compare(log, &facts[i - 1], &facts[i]) > 0) {
            return false;
        }
    }
    return true;
}

/* Records that are moved to their places, or groups that are sorted among themselves, on threads.
 */
struct placing {
    enum fact_log log;
    struct fact *facts;
    size_t count;
    const struct key_item *items; /* in order; items[i].at is the place now of what belongs at i */
    struct key_item *scratch;
    size_t at; /* the stretch of a fact at hand, in bytes */
    size_t bytes;
};

enum { STRETCH = sizeof(struct key_item) };

/* Nearly all are whole, and a copy of known size is two instructions. */
static void stretch_copy(void *to, const void *from, size_t bytes) {
    if (bytes == STRETCH) {
        memcpy(to, from, STRETCH);
    } else {
        memcpy(to, from, bytes);
    }
}

static void stretches_fetch(void *context, unsigned worker, size_t first, size_t end) {
    (void)worker;
    const struct placing *placing = context;
    for (size_t i = first; i < end; i++) {
        const struct fact *fact = &placing->facts[placing->items[i].at];
        stretch_copy(&placing->scratch[i], (const uint8_t *)fact + placing->at, placing->bytes);
    }
}

static void stretches_put(void *context, unsigned worker, size_t first, size_t end) {
    (void)worker;
    const struct placing *placing = context;
    for (size_t i = first; i < end; i++) {
        stretch_copy((uint8_t *)&placing->facts[i] + placing->at, &placing->scratch[i],
                     placing->bytes);
    }
}

/* Puts the fact items[i].at into the i-th place, for all i, a stretch of all facts at a time,
 * through the scratch items: the fetches of one stretch do not wait for each other. */
static void facts_permute(struct placing *placing, unsigned threads) {
    size_t field_bytes = fact_shapes[placing->log].field_count * sizeof(uint64_t);
    size_t known_at = offsetof(struct fact, known);
    for (placing->at = 0; placing->at < sizeof(struct fact); placing->at += STRETCH) {
        size_t left = sizeof(struct fact) - placing->at;
        placing->bytes = left < STRETCH ? left : STRETCH;
        if (placing->at < field_bytes || placing->at + placing->bytes > known_at) {
            workers_run(threads, placing->count, CHUNK_FACTS, stretches_fetch, placing);
            workers_run(threads, placing->count, CHUNK_FACTS, stretches_put, placing);
        }
    }
}

static void group_sort(enum fact_log log, struct fact *facts, size_t count) {
    if (count > INSERTION_MAX) {
        qsort_r(facts, count, sizeof *facts, compare_in_log, &log);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct fact fact = facts[i];
        size_t at = i;
        for (; at > 0 && fact_compare(log, &facts[at - 1], &fact) > 0; at--) {
            facts[at] = facts[at - 1];
        }
        facts[at] = fact;
    }
}

/* Sorts the groups of one id that begin within [first, end). */
static void groups_sort(void *context, unsigned worker, size_t first, size_t end) {
    (void)worker;
    const struct placing *placing = context;
    const struct key_item *items = placing->items;
    while (first < end && first > 0 && items[first].key == items[first - 1].key) {
        first++;
    }
    while (first < end) {
        size_t group_end = first + 1;
        while (group_end < placing->count && items[group_end].key == items[first].key) {
            group_end++;
        }
        group_sort(placing->log, placing->facts + first, group_end - first);
        first = group_end;
    }
}

/* Sorts so that equal records keep their order. (Records of a key are equal as soon as the radix
 * sort, which is stable, has put them together; in a set, equal records are identical.) */
static struct status facts_sort(enum fact_log log, struct fact *facts, size_t count,
                                unsigned threads, struct err *err) {
    if (is_in_order(log, facts, count)) {
        return status_ok();
    }
    struct pages memory = {0};
    TRY(pages_grow(&memory, 2 * count * sizeof(struct key_item), fact_shapes[log].name, err));
    struct key_item *items = memory.data;
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct key_item){order_value(log, &facts[i], 0), i};
    }
    key_sort(items, items + count, count);
    struct placing placing = {
        .log = log, .facts = facts, .count = count, .items = items, .scratch = items + count};
    facts_permute(&placing, threads);
    if (orders[log].count > 1) {
        workers_run(threads, count, CHUNK_FACTS, groups_sort, &placing);
    }
    pages_release(&memory);
    return status_ok();
}

/* Merges the sorted tail into the finished front, from behind; of equal records the tail's stand
 * last. */
static struct status tail_merge(struct fact_table *table, struct err *err) {
    struct fact *facts = table->facts;
    size_t front = table->sorted;
    size_t tail = table->count - front;
    struct fact *copy = reallocarray(NULL, tail, sizeof *copy);
    if (copy == NULL) {
        return err_memory(err, (unsigned long long)tail * sizeof *copy,
                          fact_shapes[table->log].name);
    }
    memcpy(copy, facts + front, tail * sizeof *copy);
    for (size_t at = table->count; tail > 0;) {
        bool is_front =
            front > 0 && fact_compare(table->log, &facts[front - 1], &copy[tail - 1]) > 0;
        facts[--at] = is_front ? facts[--front] : copy[--tail];
    }
    free(copy);
    return status_ok();
}

/* Of equal records in a row the last stays. */
static void doubles_drop(struct fact_table *table) {
    struct fact *facts = table->facts;
    size_t kept = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (kept > 0 && fact_compare(table->log, &facts[kept - 1], &facts[i]) == 0) {
            kept--;
            table->duplicates++;
        }
        facts[kept++] = facts[i];
    }
    table->count = kept;
}

struct status fact_table_finish(struct fact_table *table, struct err *err) {
    size_t front = table->sorted;
    if (table->count == front) {
        return status_ok();
    }
    struct fact *facts = table->facts;
    unsigned threads = table->threads == 0 ? 1 : table->threads;
    TRY(facts_sort(table->log, facts + front, table->count - front, threads, err));
    if (front > 0 && fact_compare(table->log, &facts[front - 1], &facts[front]) > 0) {
        TRY(tail_merge(table, err));
    }
    doubles_drop(table);
    table->sorted = table->count;
    return status_ok();
}

/* One frame of the facts; `column` has room for a value of each. */
static struct status save_frame(const struct fact_table *table, size_t first, size_t count,
                                struct frame_writer *writer, struct bytes *payload,
                                uint64_t *column, struct err *err) {
    const struct fact *facts = table->facts + first;
    size_t fields = fact_shapes[table->log].field_count;
    payload->count = 0;
    TRY(bytes_reserve(payload, count * (1 + fields * sizeof *column), err));
    for (size_t i = 0; i < count; i++) {
        payload->data[i] = facts[i].known;
    }
    payload->count = count;
    for (size_t field = 0; field < fields; field++) {
        for (size_t i = 0; i < count; i++) {
            column[i] = facts[i].value[field];
        }
        columns_split_u64(column, count, payload->data + payload->count);
        payload->count += count * sizeof *column;
    }
    struct frame frame = {
        .kind = FRAME_FACTS,
        .items = (uint32_t)count,
        .first = (int64_t)table->log,
        .last = (int64_t)first,
        .payload_bytes = payload->count,
    };
    return frame_writer_put(writer, &frame, payload->data, err);
}

struct status fact_table_save(const struct fact_table *table, struct output *output,
                              struct err *err) {
    assert(table->sorted == table->count);
    uint64_t *column = calloc(FRAME_FACTS_MAX, sizeof *column);
    if (column == NULL) {
        return err_memory(err, FRAME_FACTS_MAX * sizeof *column, fact_shapes[table->log].name);
    }
    struct frame_writer writer;
    struct bytes payload = {0};
    frame_writer_init(&writer, output);
    struct status status = status_ok();
    for (size_t first = 0; first < table->count && !failed(status); first += FRAME_FACTS_MAX) {
        size_t left = table->count - first;
        size_t count = left < FRAME_FACTS_MAX ? left : FRAME_FACTS_MAX;
        status = save_frame(table, first, count, &writer, &payload, column, err);
    }
    if (!failed(status)) {
        status = frame_writer_end(&writer, err);
    }
    bytes_release(&payload);
    frame_writer_release(&writer);
    free(column);
    return status;
}

/* Whether the values may stand in a record of this shape. */
static bool fact_fits(const struct fact_shape *shape, const struct fact *fact) {
    if (fact->known >> shape->field_count != 0) {
        return false;
    }
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct fact_field *field = &shape->fields[i];
        bool is_known = (fact->known >> i & 1) != 0;
        if (is_known ? !fact_value_fits(field, fact->value[i])
                     : field->is_required || field->has_default || fact->value[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Appends the facts of a frame, whose size is right; false where one is wrong in itself or not
 * behind the one before. */
static bool facts_decode(struct fact_table *table, const uint8_t *planes, size_t count,
                         uint64_t *column) {
    const struct fact_shape *shape = &fact_shapes[table->log];
    struct fact *facts = table->facts + table->count;
    for (size_t i = 0; i < count; i++) {
        facts[i] = (struct fact){.known = planes[i]};
    }
    for (size_t field = 0; field < shape->field_count; field++) {
        columns_join_u64(planes + count + field * count * sizeof *column, count, column);
        for (size_t i = 0; i < count; i++) {
            facts[i].value[field] = column[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        bool is_first = table->count + i == 0;
        if (!fact_fits(shape, &facts[i]) ||
            (!is_first && fact_compare(table->log, &facts[i] - 1, &facts[i]) >= 0)) {
            return false;
        }
    }
    return true;
}

static struct status load_frame(struct fact_table *table, const struct frame *frame,
                                const struct bytes *payload, uint64_t *column, struct err *err) {
    const struct fact_shape *shape = &fact_shapes[table->log];
    size_t count = frame->items;
    if (frame->kind != FRAME_FACTS || count == 0 || count > FRAME_FACTS_MAX ||
        payload->count != count * (1 + shape->field_count * sizeof *column) ||
        frame->first != (int64_t)table->log || frame->last != (int64_t)table->count) {
        return err_set(err, FAILURE_DATA,
                       "not the next frame of %s (kind %d, %zu items in %zu bytes, log %" PRId64
                       ", first record %" PRId64 ", expected %zu): the file is damaged",
                       shape->name, (int)frame->kind, count, payload->count, frame->first,
                       frame->last, table->count);
    }
    TRY(table_hold(table, count, err));
    if (!facts_decode(table, payload->data, count, column)) {
        return err_set(err, FAILURE_DATA,
                       "a record of %s behind number %zu does not fit its log or is out of order: "
                       "the file is damaged",
                       shape->name, table->count);
    }
    table->count += count;
    return status_ok();
}

struct status fact_table_load(struct fact_table *table, struct input *input, struct err *err) {
    assert(table->count == 0);
    uint64_t *column = calloc(FRAME_FACTS_MAX, sizeof *column);
    if (column == NULL) {
        return err_memory(err, FRAME_FACTS_MAX * sizeof *column, fact_shapes[table->log].name);
    }
    struct frame_reader reader;
    struct bytes payload = {0};
    frame_reader_init(&reader, input);
    struct status status;
    for (;;) {
        struct frame frame;
        bool more;
        TRY_OR(done, status, frame_reader_next(&reader, &frame, &payload, NULL, NULL, &more, err));
        if (!more) {
            break;
        }
        status = load_frame(table, &frame, &payload, column, err);
        if (failed(status)) {
            err_prefix(err, "%s", input_name(input));
            break;
        }
    }
    table->sorted = table->count;
done:
    frame_reader_release(&reader);
    bytes_release(&payload);
    free(column);
    return status;
}
