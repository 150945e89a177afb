/* Rejected: sending rows while the tables are written. A transaction would stay open for as long as
 * the tables take (brokers end it after some minutes), and the topics would have a date before the
 * state does: a crash between the two makes the date again, and nobody could tell. Rejected too: a
 * mark of our own in the state. It cannot be committed together with the transaction.
 */
#include "pipeline/emit.h"

#include "schemas/limits.h"
#include "schemas/tables.h"
#include "stages/base/bytes.h"
#include "stages/base/checksum.h"
#include "stages/base/json.h"
#include "stages/base/number.h"
#include "stages/base/stream.h"
#include "stages/kafka/kafka_consumer.h"
#include "stages/kafka/kafka_producer.h"
#include "stages/sink/avro_row.h"
#include "stages/sink/outbox.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Kafka takes topic names up to 249 bytes; ours have a table's name behind the prefix. */
enum { TOPIC_BYTES = 250, PREFIX_BYTES_MAX = TOPIC_BYTES - OUTBOX_NAME_BYTES };

/* Confluent's framing: 0, then the schema's id, big-endian. */
enum { FRAMING_BYTES = 5 };

/* Records between two looks at the clock. */
enum { PROGRESS_RECORDS = 256 };

/* The mark reader never fetches a record. */
enum { CONSUMER_BYTES = 1 << 20 };

static const char date_folder_prefix[] = "date=";
static const char manifest_name[] = "manifest.json";

struct emit {
    struct kafka_producer *producer;
    struct kafka_consumer *consumer;
    struct schema_registry *registry;
    char *prefix;
    char *dead_letter_topic;
    bool has_tables;
    bool has_registry_url;
    bool only_looks;         /* no transaction, nothing registered */
    char group[TOPIC_BYTES]; /* and transactional id */
    char mark_topic[TOPIC_BYTES];
    struct bytes value; /* of the record being sent */
};

static void topic_name(const struct emit *emit, const char *table, char topic[TOPIC_BYTES]) {
    int length = snprintf(topic, TOPIC_BYTES, "%s%s", emit->prefix, table);
    assert(length > 0 && length < TOPIC_BYTES);
}

static struct status prefix_check(const char *prefix, struct err *err) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (strlen(prefix) > PREFIX_BYTES_MAX || prefix[strspn(prefix, allowed)] != '\0') {
        return err_set(err, FAILURE_CONFIG,
                       "--emit-prefix %s: no topic can be named so: at most %d letters, digits, "
                       "'.', '_' and '-'",
                       prefix, PREFIX_BYTES_MAX);
    }
    return status_ok();
}

/* The topic of an outbox, which must exist. */
static struct status topic_find(struct emit *emit, const char *name, char topic[TOPIC_BYTES],
                                struct err *err) {
    uint32_t partitions;
    if (strcmp(name, outbox_dead_letters) != 0) {
        topic_name(emit, name, topic);
    } else if (emit->dead_letter_topic != NULL) {
        (void)snprintf(topic, TOPIC_BYTES, "%s", emit->dead_letter_topic);
    } else {
        return err_set(err, FAILURE_CONFIG,
                       "there are dead letters to be sent and no topic for them: say "
                       "--dead-letters TOPIC");
    }
    return kafka_producer_topic(emit->producer, topic, &partitions, err);
}

static struct status schema_id(struct emit *emit, const char *topic, const char *schema,
                               uint32_t *id, struct err *err) {
    char subject[TOPIC_BYTES + 8];
    (void)snprintf(subject, sizeof subject, "%s-value", topic);
    return schema_registry_put(emit->registry, subject, schema, id, err);
}

/* Topics and schemas of what this program would send. */
static struct status destinations_check(struct emit *emit, struct err *err) {
    static const struct table *const tables[] = {&table_ties, &table_endings, &table_late,
                                                 &table_quarantine, &table_quality};
    char topic[TOPIC_BYTES];
    struct bytes schema = {0};
    struct status status = status_ok();
    size_t count = emit->has_tables ? sizeof tables / sizeof tables[0] : 0;
    for (size_t i = 0; i < count && !failed(status); i++) {
        uint32_t id;
        schema.count = 0;
        TRY_OR(done, status, topic_find(emit, tables[i]->name, topic, err));
        if (emit->only_looks && emit->has_registry_url) {
            continue; /* they would be registered */
        }
        TRY_OR(done, status, avro_row_schema(tables[i], &schema, err));
        TRY_OR(done, status, bytes_append(&schema, "", 1, err));
        status = schema_id(emit, topic, (const char *)schema.data, &id, err);
    }
    if (!failed(status) && emit->dead_letter_topic != NULL) {
        status = topic_find(emit, outbox_dead_letters, topic, err);
    }
done:
    bytes_release(&schema);
    return status;
}

static struct status clients_open(struct emit *emit, const struct emit_options *options,
                                  struct err *err) {
    const struct kafka_producer_options producer = {
        .transactional_id = emit->only_looks ? NULL : emit->group,
        .watch = options->watch,
        .timeout_ms = options->timeout_ms,
    };
    const struct kafka_consumer_options consumer = {
        .group = emit->group,
        .watch = {.context = options->watch.context, .log = options->watch.log},
        .timeout_ms = options->timeout_ms,
        .buffer_bytes = CONSUMER_BYTES,
    };
    /* The producer first: it ends an earlier one's transaction, and fences that one off, before
     * the mark is looked at. */
    TRY(kafka_producer_open(&emit->producer, options->settings, &producer, err));
    return kafka_consumer_open(&emit->consumer, options->settings, &consumer, err);
}

static struct status emit_fill(struct emit *emit, const struct emit_options *options,
                               struct err *err) {
    emit->registry = options->registry;
    emit->has_tables = options->has_tables;
    emit->has_registry_url = options->has_registry_url;
    emit->prefix = strdup(options->prefix);
    if (emit->prefix == NULL) {
        return err_memory(err, strlen(options->prefix), "a topic's name");
    }
    if (options->dead_letter_topic != NULL) {
        emit->dead_letter_topic = strdup(options->dead_letter_topic);
        if (emit->dead_letter_topic == NULL) {
            return err_memory(err, strlen(options->dead_letter_topic), "a topic's name");
        }
    }
    topic_name(emit, "emit", emit->group);
    if (emit->has_tables) {
        topic_name(emit, table_ties.name, emit->mark_topic);
    } else {
        (void)snprintf(emit->mark_topic, TOPIC_BYTES, "%s", emit->dead_letter_topic);
    }
    TRY(clients_open(emit, options, err));
    return destinations_check(emit, err);
}

static struct status emit_make(struct emit **emit, const struct emit_options *options,
                               bool only_looks, struct err *err) {
    *emit = NULL;
    assert(options->has_tables || options->dead_letter_topic != NULL);
    TRY(prefix_check(options->prefix, err));
    if (options->dead_letter_topic != NULL && strlen(options->dead_letter_topic) >= TOPIC_BYTES) {
        return err_set(err, FAILURE_CONFIG, "--dead-letters: at most %d bytes", TOPIC_BYTES - 1);
    }
    struct emit *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "sending to Kafka");
    }
    made->only_looks = only_looks;
    struct status status = emit_fill(made, options, err);
    if (failed(status)) {
        emit_close(made);
        return status;
    }
    *emit = made;
    return status;
}

struct status emit_open(struct emit **emit, const struct emit_options *options, struct err *err) {
    return emit_make(emit, options, false, err);
}

struct status emit_look(const struct emit_options *options, struct emit_mark *mark,
                        struct err *err) {
    struct emit *emit;
    TRY(emit_make(&emit, options, true, err));
    struct status status = emit_mark_get(emit, mark, err);
    emit_close(emit);
    return status;
}

void emit_close(struct emit *emit) {
    if (emit != NULL) {
        kafka_producer_close(emit->producer);
        kafka_consumer_close(emit->consumer);
        bytes_release(&emit->value);
        free(emit->prefix);
        free(emit->dead_letter_topic);
        free(emit);
    }
}

/* --- the mark --- */

static struct status mark_read(struct emit *emit, const char *topic, struct emit_mark *mark,
                               struct err *err) {
    static const int64_t days_max = (LIMIT_TIME_MAX_MS - LIMIT_TIME_MIN_MS) / DAY_MS;
    struct kafka_mark found;
    *mark = (struct emit_mark){0};
    TRY(kafka_consumer_mark(emit->consumer, topic, &found, &mark->is_set, err));
    if (!mark->is_set) {
        return status_ok();
    }
    if (found.number > days_max || !checksum_parse(found.text, &mark->run_id)) {
        return err_set(err, FAILURE_CONFIG,
                       "the offset of group %s in topic %s is not one that tieflow has set: "
                       "another program uses this group; say another --emit-prefix",
                       emit->group, topic);
    }
    mark->date_ms = LIMIT_TIME_MIN_MS + found.number * DAY_MS;
    return status_ok();
}

struct status emit_mark_get(struct emit *emit, struct emit_mark *mark, struct err *err) {
    return mark_read(emit, emit->mark_topic, mark, err);
}

static struct kafka_mark mark_of(int64_t date_ms, uint64_t run_id) {
    struct kafka_mark mark = {.number = (date_ms - LIMIT_TIME_MIN_MS) / DAY_MS};
    checksum_format(run_id, mark.text);
    return mark;
}

/* Whether the date's records are in the topics already. */
static struct status is_sent(struct emit *emit, const char *mark_topic, int64_t date_ms,
                             uint64_t run_id, bool *sent, struct err *err) {
    struct emit_mark mark;
    TRY(mark_read(emit, mark_topic, &mark, err));
    *sent = mark.is_set && mark.date_ms == date_ms && mark.run_id == run_id;
    if (*sent || !mark.is_set || mark.date_ms < date_ms) {
        return status_ok();
    }
    char date[DATE_TEXT_BYTES];
    char held[DATE_TEXT_BYTES];
    date_format(date_ms, date);
    date_format(mark.date_ms, held);
    return err_set(err, FAILURE_CONFIG,
                   "%s of run %016" PRIx64 " cannot be sent: the topics %s* already hold %s of run "
                   "%016" PRIx64 ", so it would come late, or is of another history; say another "
                   "--emit-prefix, or remove the %s files of this date to leave it unsent",
                   date, run_id, emit->prefix, held, mark.run_id, outbox_ending);
}

/* --- the outboxes of a date --- */

/* The outboxes of one folder. */
struct parcel {
    const char *folder;
    int64_t date_ms;
    uint64_t run_id;
    struct names paths;
    bool has_tables; /* else dead letters alone */
    uint64_t records;
};

static bool is_outbox(const char *name) {
    const char *ending = strrchr(name, '.');
    return ending != NULL && strcmp(ending, outbox_ending) == 0;
}

/* Adds the paths of the folder's outboxes. */
static struct status outboxes_list(const char *folder, struct names *paths, struct err *err) {
    struct names names = {0};
    struct status status = folder_list(folder, &names, err);
    for (size_t i = 0; i < names.count && !failed(status); i++) {
        char *path = NULL;
        if (is_outbox(names.items[i])) {
            status = path_join(&path, folder, names.items[i], err);
            if (!failed(status)) {
                status = names_add(paths, path, err);
            }
            free(path);
        }
    }
    names_release(&names);
    return status;
}

static struct status manifest_parse(const char *path, uint64_t *run_id, struct err *err) {
    struct bytes text = {0};
    struct json *root = NULL;
    struct status status;
    TRY_OR(done, status, file_read_all(path, &text, err));
    status = json_parse(&root, (const char *)text.data, text.count, err);
    if (failed(status)) {
        err_prefix(err, "%s", path);
        goto done;
    }
    const char *found = json_text(json_get(root, "run_id"));
    if (found == NULL || !checksum_parse(found, run_id)) {
        status = err_set(err, FAILURE_DATA, "%s: has no run_id: it was not made by tieflow", path);
    }
done:
    json_free(root);
    bytes_release(&text);
    return status;
}

/* Reads the run id of the folder's manifest. */
static struct status manifest_read(struct parcel *parcel, struct err *err) {
    char *path;
    TRY(path_join(&path, parcel->folder, manifest_name, err));
    enum path_kind kind;
    struct status status = path_look(path, &kind, err);
    if (!failed(status) && kind == PATH_FILE) {
        status = manifest_parse(path, &parcel->run_id, err);
    } else if (!failed(status)) {
        status = err_set(err, FAILURE_DATA,
                         "%s: has %s files and no %s, so it is no published date: restore the "
                         "folder, or remove it and run the date again",
                         parcel->folder, outbox_ending, manifest_name);
    }
    free(path);
    return status;
}

static struct status outbox_open(struct outbox_reader **reader, const char *path, struct err *err) {
    struct input *input;
    TRY(input_open(&input, path, err));
    return outbox_reader_open(reader, input, err);
}

/* An outbox is whole and of its date and run; counts its records. */
static struct status outbox_check(struct parcel *parcel, const char *path, struct err *err) {
    struct outbox_reader *reader;
    TRY(outbox_open(&reader, path, err));
    const struct outbox_head *head = outbox_reader_head(reader);
    bool is_letters = strcmp(head->name, outbox_dead_letters) == 0;
    bool is_ours = is_letters || head->schema != NULL;
    parcel->has_tables |= !is_letters;
    struct status status = status_ok();
    if (!is_ours || head->date_ms != parcel->date_ms || head->run_id != parcel->run_id) {
        status = err_set(err, FAILURE_DATA,
                         "%s: its records are not those of this folder's run %016" PRIx64
                         ": somebody has moved it here; remove it",
                         path, parcel->run_id);
    }
    if (!failed(status)) {
        uint64_t records;
        status = outbox_count(reader, &records, err);
        parcel->records += failed(status) ? 0 : records;
    }
    outbox_reader_close(reader);
    return status;
}

static struct status parcel_fill(struct parcel *parcel, struct err *err) {
    TRY(outboxes_list(parcel->folder, &parcel->paths, err));
    if (parcel->paths.count == 0) {
        return status_ok();
    }
    TRY(manifest_read(parcel, err));
    for (size_t i = 0; i < parcel->paths.count; i++) {
        TRY(outbox_check(parcel, parcel->paths.items[i], err));
    }
    return status_ok();
}

/* --- sending --- */

/* The value as it goes out: with the schema's id in front where it has a schema. */
static struct status value_frame(struct emit *emit, const struct outbox_record *record, uint32_t id,
                                 struct err *err) {
    const uint8_t framing[FRAMING_BYTES] = {0, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
                                            (uint8_t)(id >> 8), (uint8_t)id};
    emit->value.count = 0;
    TRY(bytes_append(&emit->value, framing, sizeof framing, err));
    return bytes_append(&emit->value, record->value, record->value_bytes, err);
}

static struct status record_send(struct emit *emit, const char *topic,
                                 const struct outbox_record *record, bool has_schema, uint32_t id,
                                 struct err *err) {
    struct kafka_message message = {
        .topic = topic,
        .partition = -1,
        .key = record->key,
        .key_bytes = record->key_bytes,
        .value = record->value,
        .value_bytes = record->value_bytes,
        .headers = record->headers,
        .header_count = record->header_count,
    };
    if (has_schema && record->value != NULL) {
        TRY(value_frame(emit, record, id, err));
        message.value = emit->value.data;
        message.value_bytes = emit->value.count;
    }
    return kafka_producer_put(emit->producer, &message, err);
}

static struct status records_send(struct emit *emit, struct outbox_reader *reader,
                                  struct progress *progress, struct err *err) {
    const struct outbox_head *head = outbox_reader_head(reader);
    char topic[TOPIC_BYTES];
    uint32_t id = 0;
    TRY(topic_find(emit, head->name, topic, err));
    if (head->schema != NULL) {
        TRY(schema_id(emit, topic, head->schema, &id, err));
    }
    for (uint64_t sent = 1;; sent++) {
        struct outbox_record record;
        bool more;
        TRY(outbox_next(reader, &record, &more, err));
        if (!more) {
            return status_ok();
        }
        TRY(record_send(emit, topic, &record, head->schema != NULL, id, err));
        if (sent % PROGRESS_RECORDS == 0) {
            progress_update(progress, progress->done + PROGRESS_RECORDS);
        }
    }
}

static struct status outboxes_send(struct emit *emit, const struct parcel *parcel,
                                   struct progress *progress, struct err *err) {
    for (size_t i = 0; i < parcel->paths.count; i++) {
        struct outbox_reader *reader;
        TRY(outbox_open(&reader, parcel->paths.items[i], err));
        struct status status = records_send(emit, reader, progress, err);
        outbox_reader_close(reader);
        TRY(status);
    }
    return status_ok();
}

/* The topic with whose offsets the parcel's mark is: that of the rows, or of the letters where
 * there are no rows. It depends on the parcel and not on the options of the run, which may be
 * others than those of the run that sent it and was cut off. */
static struct status mark_topic_of(struct emit *emit, const struct parcel *parcel,
                                   char topic[TOPIC_BYTES], struct err *err) {
    if (!parcel->has_tables) {
        return topic_find(emit, outbox_dead_letters, topic, err);
    }
    if (!emit->has_tables) {
        return err_set(
            err, FAILURE_CONFIG,
            "%s: rows of its tables wait to be sent: run with --emit kafka as before, or "
            "remove its %s files",
            parcel->folder, outbox_ending);
    }
    topic_name(emit, table_ties.name, topic);
    return status_ok();
}

/* One transaction. */
static struct status parcel_send(struct emit *emit, const struct parcel *parcel,
                                 const char *mark_topic, struct progress *progress,
                                 struct err *err) {
    struct kafka_mark mark = mark_of(parcel->date_ms, parcel->run_id);
    TRY(kafka_producer_begin(emit->producer, err));
    progress_begin(progress, "emitting", "records", parcel->records);
    struct status status = outboxes_send(emit, parcel, progress, err);
    if (!failed(status)) {
        status = kafka_producer_commit(emit->producer, emit->group, mark_topic, &mark, err);
    }
    if (failed(status)) {
        kafka_producer_abort(emit->producer);
    } else {
        progress_update(progress, parcel->records);
    }
    progress_end(progress);
    return status;
}

/* Letters go first, for good: without them what is left still has rows, and so the same mark. */
static struct status parcel_remove(const struct parcel *parcel, struct err *err) {
    for (size_t i = 0; i < parcel->paths.count; i++) {
        const char *path = parcel->paths.items[i];
        if (unlink(path) != 0 && errno != ENOENT) {
            return err_io(err, errno, "%s: cannot be removed", path);
        }
        if (i == 0) { /* in the order of names they are the first */
            TRY(folder_sync(parcel->folder, err));
        }
    }
    return folder_sync(parcel->folder, err);
}

static struct status parcel_deliver(struct emit *emit, struct parcel *parcel,
                                    struct progress *progress, struct err *err) {
    TRY(parcel_fill(parcel, err));
    if (parcel->paths.count == 0) {
        return status_ok();
    }
    char mark_topic[TOPIC_BYTES];
    bool sent;
    TRY(mark_topic_of(emit, parcel, mark_topic, err));
    TRY(is_sent(emit, mark_topic, parcel->date_ms, parcel->run_id, &sent, err));
    if (!sent) {
        struct status status = parcel_send(emit, parcel, mark_topic, progress, err);
        if (failed(status)) {
            err_prefix(err, "sending %s", parcel->folder);
            return status;
        }
    }
    return parcel_remove(parcel, err);
}

struct status emit_date(struct emit *emit, const char *folder, int64_t date_ms,
                        struct progress *progress, struct err *err) {
    struct parcel parcel = {.folder = folder, .date_ms = date_ms};
    struct status status = parcel_deliver(emit, &parcel, progress, err);
    names_release(&parcel.paths);
    return status;
}

/* Whether `name` below `out` is the folder of a date that has outboxes. */
static struct status folder_is_pending(const char *out, const char *name, bool *is_pending,
                                       struct err *err) {
    size_t prefix_bytes = strlen(date_folder_prefix);
    int64_t date_ms;
    char *folder = NULL;
    struct names paths = {0};
    *is_pending = false;
    if (strncmp(name, date_folder_prefix, prefix_bytes) != 0 ||
        !date_parse(name + prefix_bytes, &date_ms)) {
        return status_ok();
    }
    TRY(path_join(&folder, out, name, err));
    struct status status = outboxes_list(folder, &paths, err);
    *is_pending = paths.count != 0;
    names_release(&paths);
    free(folder);
    return status;
}

struct status emit_pending(const char *out, struct names *dates, struct err *err) {
    struct names names = {0};
    struct status status = folder_list(out, &names, err);
    for (size_t i = 0; i < names.count && !failed(status); i++) {
        bool is_pending;
        status = folder_is_pending(out, names.items[i], &is_pending, err);
        if (!failed(status) && is_pending) {
            status = names_add(dates, names.items[i] + strlen(date_folder_prefix), err);
        }
    }
    names_release(&names);
    return status;
}

struct status emit_all(struct emit *emit, const char *out, struct progress *progress,
                       struct err *err) {
    struct names dates = {0};
    struct status status = emit_pending(out, &dates, err);
    for (size_t i = 0; i < dates.count && !failed(status); i++) {
        char name[sizeof date_folder_prefix + DATE_TEXT_BYTES];
        char *folder = NULL;
        int64_t date_ms;
        (void)snprintf(name, sizeof name, "%s%s", date_folder_prefix, dates.items[i]);
        bool is_date = date_parse(dates.items[i], &date_ms);
        assert(is_date);
        status = path_join(&folder, out, name, err);
        if (!failed(status)) {
            status = emit_date(emit, folder, date_ms, progress, err);
        }
        free(folder);
    }
    names_release(&dates);
    return status;
}
