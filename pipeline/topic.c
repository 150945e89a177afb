#include "pipeline/topic.h"

#include "stages/base/bytes.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Levels of syslog: what is worse than a notice is told to people. */
enum { LEVEL_WARNING = 4, STATISTICS_INTERVAL_MS = 5000 };

struct status topic_settings(const struct options *options, struct kafka_settings *settings,
                             struct err *err) {
    const struct topic_options *said = &options->topic;
    if (said->settings_file != NULL) {
        TRY(kafka_settings_read(settings, said->settings_file, err));
    }
    for (size_t i = 0; i < said->settings.count; i++) {
        TRY(kafka_settings_parse(settings, said->settings.items[i], err));
    }
    return kafka_settings_set(settings, "bootstrap.servers", said->brokers, err);
}

static void watch_log(void *context, int level, const char *text) {
    if (level <= LEVEL_WARNING) {
        progress_note(context, "Kafka client: %s", text);
    }
}

static void watch_statistics(void *context, const char *json) {
    progress_json(context, "kafka_statistics", json);
}

struct kafka_watch topic_watch(const struct options *options, struct progress *progress) {
    bool is_json = options->log == 1;
    return (struct kafka_watch){
        .context = progress,
        .log = options->is_quiet && !is_json ? NULL : watch_log,
        .statistics = is_json ? watch_statistics : NULL,
        .statistics_interval_ms = is_json ? STATISTICS_INTERVAL_MS : 0,
    };
}

struct status topic_registry(const struct options *options, struct schema_registry **registry,
                             struct err *err) {
    struct schema_registry_options said = {
        .url = options->topic.registry,
        .maps = &options->topic.schema_maps,
    };
    return schema_registry_open(registry, &said, err);
}

static struct status parts_init(struct topic *topic, struct err *err) {
    topic->stops = calloc(topic->count + 1, sizeof *topic->stops);
    if (topic->stops == NULL) {
        return err_memory(err, topic->count * sizeof *topic->stops, "partitions");
    }
    for (size_t i = 0; i < topic->count; i++) {
        topic->stops[i] = topic->partitions[i].end;
        char *name;
        if (asprintf(&name, "%s/%zu", topic->name, i) < 0) {
            return err_memory(err, strlen(topic->name), "a partition's name");
        }
        struct status status = names_add(&topic->part_names, name, err);
        free(name);
        TRY(status);
    }
    return status_ok();
}

static struct status decoder_open(struct topic *topic, const char *schema_path, struct err *err) {
    struct bytes schema = {0};
    struct status status = status_ok();
    if (schema_path != NULL && topic->encoding != RECORD_AVRO_BARE) {
        return err_set(err, FAILURE_USAGE,
                       "--writer-schema is for --encoding avro-bare; framed Avro names its schemas "
                       "by id: see --registry and --schema-map");
    }
    if (schema_path != NULL) {
        status = file_read_all(schema_path, &schema, err);
        if (!failed(status)) {
            status = bytes_append(&schema, "", 1, err);
        }
    }
    if (!failed(status)) {
        const struct record_decoder_options decoder = {
            .encoding = topic->encoding,
            .registry = topic->registry,
            .writer_schema = (const char *)schema.data,
            .is_of_facts = topic->is_of_facts,
            .log = topic->log,
        };
        status = record_decoder_open(&topic->decoder, &decoder, err);
    }
    bytes_release(&schema);
    return status;
}

/* Opens topic->name, in topic->encoding. */
static struct status named_open(struct topic *topic, const struct options *options,
                                const char *schema_path, struct progress *progress,
                                struct err *err) {
    const struct topic_options *said = &options->topic;
    struct kafka_settings settings = {0};
    struct kafka_consumer_options consumer = {
        .group = said->group,
        .watch = topic_watch(options, progress),
        .timeout_ms = (unsigned)said->timeout_s * 1000,
        .corrupt_tries = (unsigned)said->corrupt_tries,
        .skips_corrupt = said->skips_corrupt != 0,
    };
    topic->progress = progress;
    TRY(topic_registry(options, &topic->registry, err));
    TRY(decoder_open(topic, schema_path, err));
    struct status status = topic_settings(options, &settings, err);
    if (!failed(status)) {
        status = kafka_consumer_open(&topic->consumer, &settings, &consumer, err);
    }
    kafka_settings_release(&settings);
    TRY(status);
    TRY(kafka_consumer_topic(topic->consumer, topic->name, &topic->partitions, &topic->count, err));
    return parts_init(topic, err);
}

struct status topic_open(struct topic *topic, const struct options *options,
                         struct progress *progress, struct err *err) {
    topic->name = options->topic.name;
    topic->encoding = (enum record_encoding)options->topic.encoding;
    return named_open(topic, options, options->topic.writer_schema, progress, err);
}

struct status topic_open_facts(struct topic *topic, const struct options *options,
                               enum fact_log log, struct progress *progress, struct err *err) {
    enum { AVRO = 0 }; /* the first choice of --facts-encoding */
    topic->name = options->fact_topics[log];
    topic->encoding = options->facts_encoding == AVRO ? RECORD_AVRO : RECORD_JSON;
    topic->is_of_facts = true;
    topic->log = log;
    if (options->topic.brokers == NULL) {
        return err_set(err, FAILURE_USAGE, "--%s-topic needs --brokers", fact_shapes[log].name);
    }
    return named_open(topic, options, NULL, progress, err);
}

void topic_close(struct topic *topic) {
    kafka_consumer_close(topic->consumer);
    record_decoder_close(topic->decoder);
    schema_registry_close(topic->registry);
    free(topic->partitions);
    free(topic->stops);
    names_release(&topic->part_names);
    *topic = (struct topic){0};
}

struct status topic_stop_at(struct topic *topic, int64_t at_ms, struct err *err) {
    int64_t *offsets = calloc(topic->count + 1, sizeof *offsets);
    if (offsets == NULL) {
        return err_memory(err, topic->count * sizeof *offsets, "offsets");
    }
    struct status status =
        kafka_consumer_offsets_at(topic->consumer, topic->name, at_ms, offsets, topic->count, err);
    for (size_t i = 0; i < topic->count && !failed(status); i++) {
        bool is_before = offsets[i] >= 0 && offsets[i] < topic->stops[i];
        topic->stops[i] = is_before ? offsets[i] : topic->stops[i];
    }
    free(offsets);
    return status;
}

struct status topic_begin(struct topic *topic, const char *phase, const struct kafka_range *ranges,
                          size_t count, struct err *err) {
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += (uint64_t)(ranges[i].end - ranges[i].first);
    }
    topic->ranges = ranges;
    topic->offsets_before = 0;
    progress_begin(topic->progress, phase, "offsets", total);
    return kafka_consumer_begin(topic->consumer, topic->name, ranges, count, err);
}

/* Tells a record that is no event as one, with the reason. */
static struct status record_decode(struct topic *topic, struct topic_batch *batch,
                                   const char *part_name, struct err *err) {
    const struct kafka_record *record = &batch->record;
    if (batch->found == KAFKA_GAP) {
        batch->is_malformed = true;
        (void)snprintf(batch->reason, sizeof batch->reason,
                       "offsets %" PRId64 " to %" PRId64 " cannot be read: %s", record->offset,
                       record->gap_end - 1, record->gap_reason);
        return status_ok();
    }
    struct status status =
        topic->is_of_facts
            ? record_decoder_decode_fact(topic->decoder, record->value, record->value_bytes,
                                         &batch->fact, &batch->is_malformed, batch->reason, err)
            : record_decoder_decode(topic->decoder, record->value, record->value_bytes,
                                    &batch->events, &batch->count, &batch->is_malformed,
                                    batch->reason, err);
    if (!failed(status) && topic->is_of_facts) {
        batch->count = batch->is_malformed ? 0 : 1;
    }
    if (failed(status)) {
        err_prefix(err, "%s, offset %" PRId64, part_name, record->offset);
    }
    return status;
}

struct status topic_next(struct topic *topic, size_t index, uint64_t decoded_from,
                         struct topic_batch *batch, struct err *err) {
    const struct kafka_range *range = &topic->ranges[index];
    batch->events = NULL;
    batch->count = 0;
    batch->is_malformed = false;
    TRY(kafka_consumer_next(topic->consumer, index, &batch->record, &batch->found, err));
    int64_t next = range->end;
    if (batch->found != KAFKA_END) {
        next = batch->found == KAFKA_GAP ? batch->record.gap_end : batch->record.offset + 1;
        if (batch->found == KAFKA_GAP || (uint64_t)batch->record.offset >= decoded_from) {
            TRY(record_decode(topic, batch, topic->part_names.items[range->partition], err));
        }
    }
    uint64_t done = topic->offsets_before + (uint64_t)(next - range->first);
    if (batch->found == KAFKA_END) {
        topic->offsets_before = done;
    }
    progress_bytes(topic->progress, kafka_consumer_bytes(topic->consumer));
    progress_update(topic->progress, done);
    return status_ok();
}

/* A copy of the bytes; NULL stays NULL, and no bytes are not NULL. */
static struct status bytes_copy(uint8_t **copy, const uint8_t *data, size_t bytes,
                                struct err *err) {
    *copy = NULL;
    if (data == NULL) {
        return status_ok();
    }
    *copy = malloc(bytes + 1);
    if (*copy == NULL) {
        return err_memory(err, bytes, "a record that is set aside");
    }
    memcpy(*copy, data, bytes);
    return status_ok();
}

/* Keeps the bytes of a malformed record. */
static struct status letter_fill(struct letter *letter, const char *topic, int32_t partition,
                                 const struct topic_batch *batch, struct err *err) {
    const struct kafka_record *record = &batch->record;
    *letter = (struct letter){
        .topic = topic,
        .partition = partition,
        .offset = record->offset,
        .timestamp_ms = record->timestamp_ms,
    };
    if (batch->found == KAFKA_GAP) {
        letter->gap_end = record->gap_end;
        return status_ok();
    }
    TRY(bytes_copy(&letter->key, record->key, record->key_bytes, err));
    letter->key_bytes = record->key_bytes;
    TRY(bytes_copy(&letter->value, record->value, record->value_bytes, err));
    letter->value_bytes = record->value_bytes;
    return status_ok();
}

/* What a person sees of a value. */
static char *content_of(enum record_encoding encoding, const struct letter *letter) {
    static const char digits[] = "0123456789abcdef";
    size_t bytes = letter->value == NULL ? 0 : letter->value_bytes;
    if (encoding == RECORD_JSON && bytes != 0) {
        return strndup((const char *)letter->value,
                       bytes < QUARANTINE_CONTENT_BYTES ? bytes : QUARANTINE_CONTENT_BYTES);
    }
    bytes = bytes < QUARANTINE_CONTENT_BYTES / 2 ? bytes : QUARANTINE_CONTENT_BYTES / 2;
    char *text = malloc(2 * bytes + 1);
    for (size_t i = 0; text != NULL && i < bytes; i++) {
        text[2 * i] = digits[letter->value[i] >> 4];
        text[2 * i + 1] = digits[letter->value[i] & 15];
    }
    if (text != NULL) {
        text[2 * bytes] = '\0';
    }
    return text;
}

uint64_t topic_batch_records(const struct topic_batch *batch) {
    const struct kafka_record *record = &batch->record;
    return batch->found == KAFKA_GAP ? (uint64_t)(record->gap_end - record->offset) : 1;
}

struct status topic_set_aside(const struct topic *topic, size_t index,
                              const struct topic_batch *batch, const char *log,
                              struct quarantine *quarantine, struct err *err) {
    int32_t partition = topic->ranges[index].partition;
    const char *name = topic->part_names.items[partition];
    uint64_t offset = (uint64_t)batch->record.offset;
    TRY(quarantine_hold(quarantine, log, name, offset, batch->reason, err));
    struct quarantined kept = {
        .log = log,
        .file = strdup(name),
        .record = offset,
        .reason = strdup(batch->reason),
        .is_letter = true,
    };
    struct status status = letter_fill(&kept.letter, topic->name, partition, batch, err);
    if (failed(status)) {
        quarantined_release(&kept);
        return status;
    }
    kept.content = content_of(topic->encoding, &kept.letter);
    return quarantine_add(quarantine, &kept, err);
}

/* The record at hand as a survey counts it. */
static void batch_look(struct survey *survey, const struct topic_batch *batch) {
    if (!batch->is_malformed) {
        survey_events(survey, batch->events, batch->count);
        return;
    }
    struct malformed malformed = {.line = (uint64_t)batch->record.offset};
    memcpy(malformed.reason, batch->reason, sizeof malformed.reason);
    survey_malformed(survey, &malformed);
}

struct status topic_survey(struct topic *topic, const char *phase, uint64_t records_max,
                           struct survey *survey, struct err *err) {
    struct kafka_range *ranges = calloc(topic->count + 1, sizeof *ranges);
    if (ranges == NULL) {
        return err_memory(err, topic->count * sizeof *ranges, "partitions");
    }
    for (size_t i = 0; i < topic->count; i++) {
        int64_t low = topic->partitions[i].low;
        int64_t end = topic->partitions[i].end;
        bool is_long = (uint64_t)(end - low) > records_max; /* the newest are looked at */
        ranges[i] =
            (struct kafka_range){(int32_t)i, is_long ? end - (int64_t)records_max : low, end};
    }
    *survey = (struct survey){0};
    struct status status = topic_begin(topic, phase, ranges, topic->count, err);
    for (size_t i = 0; i < topic->count && !failed(status); i++) {
        struct topic_batch batch;
        do {
            status = topic_next(topic, i, 0, &batch, err);
            if (!failed(status) && batch.found != KAFKA_END) {
                batch_look(survey, &batch);
            }
        } while (!failed(status) && batch.found != KAFKA_END);
    }
    progress_end(topic->progress);
    free(ranges);
    return status;
}
