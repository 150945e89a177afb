#include "pipeline/fact_logs.h"

#include "pipeline/log_files.h"
#include "pipeline/topic_plan.h"
#include "pipeline/verbs.h"
#include "stages/base/bytes.h"
#include "stages/base/checksum.h"
#include "stages/base/cursor.h"
#include "stages/base/number.h"
#include "stages/decode/fact_reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Records per call of the reader, and per step of the fingerprint. */
enum { BLOCK_FACTS = 1024 };

/* Read whole every time, and not remembered. */
static bool is_reference(enum fact_log log) {
    return log == FACT_COMPANIES || log == FACT_INDUSTRIES;
}

/* The time is the first field of the logs that have one. */
static bool has_time(enum fact_log log) {
    return fact_shapes[log].fields[0].type == FACT_TIME;
}

void facts_release(struct facts *facts) {
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_release(&facts->tables[log]);
        extents_release(facts->extents[log], facts->extent_counts[log]);
    }
    quarantine_release(&facts->quarantine);
    *facts = (struct facts){0};
}

struct status facts_begin(struct facts *facts, const struct facts_options *options,
                          const struct state *state, struct progress *progress, struct err *err) {
    assert((options->previous == NULL) == (state == NULL));
    *facts = (struct facts){.options = *options, .progress = progress};
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_init(&facts->tables[log], (enum fact_log)log);
    }
    if (options->previous == NULL) {
        return status_ok();
    }
    for (int log = 0; log < FACT_LOGS; log++) {
        const struct fact_history *history = &options->previous->facts[log];
        facts->counts[log] = (struct fact_counts){
            .is_given = history->is_known,
            .read = history->read,
            .malformed = history->malformed,
            .self_loops = history->self_loops,
        };
    }
    return state_load_facts(state, options->previous, facts->tables, err);
}

/* --- one file --- */

/* One log on its way through its files. */
struct reading {
    struct facts *facts;
    enum fact_log log;
    struct fact_table *table;
    struct fact_counts *counts;
    bool has_covered; /* a generation before has taken all up to covered_ms that it saw */
    int64_t covered_ms;
    size_t quarantined;  /* records in the quarantine before this log */
    uint64_t malformed;  /* of this run */
    uint64_t bytes_read; /* in files before the one at hand */
};

static bool is_self_loop(const struct reading *reading, const struct fact *fact) {
    return reading->log == FACT_INTERACTIONS &&
           fact->value[INTERACTION_FROM] == fact->value[INTERACTION_TO];
}

/* Where a record goes; *is_taken: into the table. */
static void fact_place(const struct reading *reading, struct log_walk *walk,
                       const struct fact *fact, bool *is_taken) {
    struct fact_counts *counts = reading->counts;
    int64_t at_ms = has_time(reading->log) ? (int64_t)fact->value[0] : INT64_MIN;
    *is_taken = false;
    if (walk->record < walk->wanted_from) {
        return;
    }
    if (at_ms > reading->facts->options.until_ms) {
        log_walk_leave(walk);
        return;
    }
    bool is_covered = reading->has_covered && at_ms <= reading->covered_ms;
    if (walk->record < walk->seen_below && is_covered) {
        return; /* an earlier night has dealt with it */
    }
    counts->read++;
    if (is_self_loop(reading, fact)) {
        counts->self_loops++;
        return;
    }
    counts->taken++;
    counts->backdated += is_covered && has_time(reading->log);
    *is_taken = true;
}

/* Takes records from record walk->record on. */
static struct status facts_take(const struct reading *reading, struct log_walk *walk,
                                const struct fact *facts, size_t count, struct err *err) {
    size_t first = 0; /* of those that belong into the table and are not in it yet */
    for (size_t i = 0; i < count; i++) {
        bool is_taken;
        fact_place(reading, walk, &facts[i], &is_taken);
        if (!is_taken) {
            TRY(fact_table_add(reading->table, facts + first, i - first, err));
            first = i + 1;
        }
        walk->record++;
    }
    return fact_table_add(reading->table, facts + first, count - first, err);
}

static struct status malformed_take(struct reading *reading, struct log_walk *walk,
                                    const struct malformed *malformed, struct err *err) {
    uint64_t record = walk->record++;
    if (record < walk->seen_below) {
        return status_ok();
    }
    reading->malformed++;
    reading->counts->read++;
    reading->counts->malformed++;
    return quarantine_file_record(&reading->facts->quarantine, fact_shapes[reading->log].name,
                                  walk->name, record, malformed, err);
}

/* Takes the records of an open file up to number `stop`. */
static struct status records_take(struct reading *reading, struct fact_reader *reader,
                                  struct log_walk *walk, uint64_t stop, struct err *err) {
    struct fact facts[BLOCK_FACTS];
    while (walk->record < stop) {
        struct malformed malformed;
        bool is_malformed;
        size_t count;
        TRY(fact_reader_next(reader, facts, BLOCK_FACTS, &count, &is_malformed, &malformed, err));
        if (count == 0 && !is_malformed) {
            return status_ok();
        }
        if (count > stop - walk->record) {
            count = (size_t)(stop - walk->record);
        }
        TRY(facts_take(reading, walk, facts, count, err));
        if (is_malformed) {
            TRY(malformed_take(reading, walk, &malformed, err));
        }
        progress_update(reading->facts->progress,
                        reading->bytes_read + input_stored_bytes(fact_reader_input(reader)));
    }
    return status_ok();
}

static struct status file_walk(struct reading *reading, const struct file_plan *plan,
                               struct log_walk *walk, struct err *err) {
    struct input *input;
    struct fact_reader *reader;
    TRY(input_open(&input, plan->path, err));
    TRY(fact_reader_open(&reader, input, reading->log, 0, err));
    struct status status = records_take(reading, reader, walk, plan->stop, err);
    fact_reader_close(reader);
    return status;
}

/* --- one log --- */

/* What a generation knows of the log's files; nothing of those of reference tables. */
static struct extents extents_of(const struct generation *generation, enum fact_log log) {
    if (generation == NULL || is_reference(log)) {
        return (struct extents){0};
    }
    const struct fact_history *history = &generation->facts[log];
    return (struct extents){history->extents, history->extent_count};
}

static struct status file_take(struct reading *reading, const char *path, uint64_t bytes,
                               struct err *err) {
    const struct facts_options *options = &reading->facts->options;
    struct extents previous = extents_of(options->previous, reading->log);
    struct extents repeated = extents_of(options->repeated, reading->log);
    bool is_repeat = options->repeated != NULL && !is_reference(reading->log);
    struct file_plan plan;
    TRY(file_plan_make(&plan, &previous, is_repeat ? &repeated : NULL, path, bytes, err));
    struct extent after = plan.before;
    if (!plan.is_idle) {
        struct log_walk walk = file_plan_walk(&plan);
        TRY(file_walk(reading, &plan, &walk, err));
        TRY(file_plan_close(&plan, &walk, &after, err));
        reading->counts->looked += after.end - plan.before.end;
    }
    reading->counts->beyond += after.left;
    return extent_append(&reading->facts->extents[reading->log],
                         &reading->facts->extent_counts[reading->log], &after, err);
}

static struct status files_take(struct reading *reading, const struct file_set *set,
                                struct err *err) {
    for (size_t i = 0; i < set->paths.count; i++) {
        TRY(file_take(reading, set->paths.items[i], set->bytes[i], err));
        reading->bytes_read += set->bytes[i];
    }
    return status_ok();
}

/* Files of earlier nights that are not among this one's stay known. */
static struct status extents_carry(const struct reading *reading, struct err *err) {
    struct extents previous = extents_of(reading->facts->options.previous, reading->log);
    struct extent **extents = &reading->facts->extents[reading->log];
    size_t *count = &reading->facts->extent_counts[reading->log];
    for (size_t i = 0; i < previous.count; i++) {
        if (extent_find(*extents, *count, previous.items[i].name) == NULL) {
            TRY(extent_append(extents, count, &previous.items[i], err));
        }
    }
    return status_ok();
}

static struct reading reading_of(struct facts *facts, enum fact_log log) {
    const struct generation *before = facts->options.previous;
    assert(facts->extent_counts[log] == 0);
    return (struct reading){
        .facts = facts,
        .log = log,
        .table = &facts->tables[log],
        .counts = &facts->counts[log],
        .has_covered = before != NULL,
        .covered_ms = before == NULL ? 0 : before->date_ms + DAY_MS - 1,
        .quarantined = facts->quarantine.count,
    };
}

static struct status reading_finish(struct reading *reading, struct err *err) {
    const struct facts *facts = reading->facts;
    TRY(quarantine_gate(&facts->quarantine, reading->quarantined, reading->malformed,
                        reading->counts->looked, facts->options.malformed_share_max, err));
    TRY(extents_carry(reading, err));
    return fact_table_finish(reading->table, err);
}

struct status facts_read(struct facts *facts, enum fact_log log, const struct file_set *set,
                         struct err *err) {
    struct extents previous = extents_of(facts->options.previous, log);
    struct extents repeated = extents_of(facts->options.repeated, log);
    bool is_repeat = facts->options.repeated != NULL && !is_reference(log);
    struct reading reading = reading_of(facts, log);
    TRY(log_files_complete(&previous, is_repeat ? &repeated : NULL, set, err));
    if (set->paths.count != 0) {
        progress_begin(facts->progress, fact_shapes[log].name, "bytes", set->total_bytes);
        TRY(files_take(&reading, set, err));
        progress_end(facts->progress);
        reading.counts->is_given = true;
    }
    return reading_finish(&reading, err);
}

/* --- topics --- */

static struct status letter_take(struct reading *reading, const struct topic *topic, size_t index,
                                 const struct log_walk *walk, const struct topic_batch *batch,
                                 struct err *err) {
    bool is_tombstone = batch->found == KAFKA_RECORD && batch->record.value == NULL;
    if (walk->record < walk->seen_below ||
        (is_tombstone && fact_shapes[reading->log].key_fields != 0)) {
        return status_ok();
    }
    uint64_t records = topic_batch_records(batch);
    reading->malformed += records;
    reading->counts->looked += records;
    reading->counts->read += records;
    reading->counts->malformed += records;
    return topic_set_aside(topic, index, batch, fact_shapes[reading->log].name,
                           &reading->facts->quarantine, err);
}

static struct status partition_take(struct reading *reading, struct topic *topic, size_t index,
                                    struct log_walk *walk, struct err *err) {
    for (;;) {
        struct topic_batch batch;
        TRY(topic_next(topic, index, walk->wanted_from, &batch, err));
        if (batch.found == KAFKA_END) {
            return status_ok();
        }
        bool is_wanted;
        TRY(topic_walk_step(walk, &batch, &is_wanted, err));
        if (is_wanted && batch.is_malformed) {
            TRY(letter_take(reading, topic, index, walk, &batch, err));
        } else if (is_wanted) {
            reading->counts->looked += walk->record < walk->seen_below ? 0 : 1;
            TRY(facts_take(reading, walk, &batch.fact, 1, err));
        }
    }
}

static struct status partitions_take(struct reading *reading, struct topic *topic,
                                     const struct topic_plan *plan, struct err *err) {
    TRY(topic_begin(topic, fact_shapes[reading->log].name, plan->ranges, topic->count, err));
    for (size_t i = 0; i < topic->count; i++) {
        struct log_walk walk = topic_plan_walk(plan, topic, i);
        TRY(partition_take(reading, topic, i, &walk, err));
        struct extent after = topic_plan_close(plan, i, &walk);
        reading->counts->beyond += after.left;
        TRY(extent_append(&reading->facts->extents[reading->log],
                          &reading->facts->extent_counts[reading->log], &after, err));
    }
    progress_end(topic->progress);
    return status_ok();
}

struct status facts_read_topic(struct facts *facts, enum fact_log log, struct topic *topic,
                               struct err *err) {
    struct extents previous = extents_of(facts->options.previous, log);
    struct extents repeated = extents_of(facts->options.repeated, log);
    bool is_repeat = facts->options.repeated != NULL && !is_reference(log);
    struct reading reading = reading_of(facts, log);
    struct topic_plan plan;
    TRY(topic_plan_make(&plan, &previous, is_repeat ? &repeated : NULL, topic, err));
    struct status status = partitions_take(&reading, topic, &plan, err);
    topic_plan_release(&plan);
    TRY(status);
    reading.counts->is_given = true;
    return reading_finish(&reading, err);
}

/* --- all logs --- */

static struct status topic_take(struct facts *facts, enum fact_log log,
                                const struct options *options, struct err *err) {
    struct topic topic = {0};
    struct status status = topic_open_facts(&topic, options, log, facts->progress, err);
    if (!failed(status)) {
        status = facts_read_topic(facts, log, &topic, err);
    }
    topic_close(&topic);
    return status;
}

struct status facts_read_options(struct facts *facts, const struct options *options,
                                 const struct facts_options *how, const struct state *state,
                                 struct progress *progress, struct err *err) {
    struct file_set sets[FACT_LOGS] = {0};
    struct facts_options given = *how;
    given.malformed_share_max = options->malformed_share_max;
    struct status status = facts_begin(facts, &given, state, progress, err);
    for (int log = 0; log < FACT_LOGS; log++) {
        facts->tables[log].threads = options_threads(options);
    }
    if (!failed(status)) {
        status = options_fact_logs(options, sets, err);
    }
    for (int log = 0; log < FACT_LOGS; log++) {
        if (!failed(status) && options->fact_topics[log] != NULL) {
            status = topic_take(facts, (enum fact_log)log, options, err);
        } else if (!failed(status)) {
            status = facts_read(facts, (enum fact_log)log, &sets[log], err);
        }
        file_set_release(&sets[log]);
    }
    return status;
}

/* --- what is remembered --- */

static struct status history_fill(const struct facts *facts, enum fact_log log,
                                  struct fact_history *history, struct err *err) {
    const struct fact_counts *counts = &facts->counts[log];
    const struct generation *previous = facts->options.previous;
    history->is_known = true;
    history->read = counts->read;
    history->malformed = counts->malformed;
    history->self_loops = counts->self_loops;
    history->duplicates = facts->tables[log].duplicates;
    for (size_t i = 0; i < facts->extent_counts[log]; i++) {
        TRY(extent_append(&history->extents, &history->extent_count, &facts->extents[log][i], err));
    }
    if (counts->taken != 0 || previous == NULL || !previous->facts[log].is_known) {
        return status_ok();
    }
    const struct state_file *same = &previous->facts[log].file;
    return state_file_set(&history->file, same->name, same->bytes, same->checksum, err);
}

struct status facts_keep(const struct facts *facts, struct generation *next, struct err *err) {
    const struct generation *repeated = facts->options.repeated;
    for (int log = 0; log < FACT_LOGS; log++) {
        bool was_read = repeated == NULL || repeated->facts[log].is_known;
        if (facts->counts[log].is_given && was_read && !is_reference((enum fact_log)log)) {
            TRY(history_fill(facts, (enum fact_log)log, &next->facts[log], err));
        }
    }
    return status_ok();
}

/* Adds a table to the checksum: its log, the number of its records, and their values. */
static void table_hash(const struct fact_table *table, struct checksum *checksum, uint8_t *block) {
    enum { FACT_BYTES = 8 * FACT_FIELDS_MAX + 1 };
    uint8_t head[16];
    put_u64(head, (uint64_t)table->log);
    put_u64(head + 8, table->count);
    checksum_update(checksum, head, sizeof head);
    for (size_t first = 0; first < table->count; first += BLOCK_FACTS) {
        size_t left = table->count - first;
        size_t count = left < BLOCK_FACTS ? left : BLOCK_FACTS;
        uint8_t *at = block;
        for (size_t i = 0; i < count; i++) {
            const struct fact *fact = &table->facts[first + i];
            for (size_t field = 0; field < FACT_FIELDS_MAX; field++) {
                put_u64(at, fact->value[field]);
                at += 8;
            }
            *at++ = fact->known;
        }
        checksum_update(checksum, block, count * FACT_BYTES);
    }
}

struct status facts_fingerprint(const struct facts *facts, uint64_t *fingerprint, struct err *err) {
    enum { BLOCK_BYTES = BLOCK_FACTS * (8 * FACT_FIELDS_MAX + 1) };
    struct checksum *checksum = NULL;
    uint8_t *block = malloc(BLOCK_BYTES);
    if (block == NULL) {
        return err_memory(err, BLOCK_BYTES, "a fingerprint");
    }
    struct status status = checksum_new(&checksum, err);
    for (int log = 0; log < FACT_LOGS && !failed(status); log++) {
        table_hash(&facts->tables[log], checksum, block);
    }
    if (!failed(status)) {
        *fingerprint = checksum_value(checksum);
    }
    checksum_free(checksum);
    free(block);
    return status;
}
