#include "pipeline/topic_writer.h"

#include "pipeline/topic.h"
#include "stages/base/bytes.h"
#include "stages/base/number.h"
#include "stages/decode/record_encoder.h"
#include "stages/kafka/kafka_producer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 2 * NUMBER_U64_BYTES + 2 };

/* Events of one partition that wait for their record to be full. */
struct bucket {
    struct event *events;
    size_t count;
};

struct topic_writer {
    struct kafka_producer *producer;
    const char *topic;
    enum record_encoding encoding;
    uint32_t schema_id;
    uint32_t partitions;
    size_t packed_events;
    bool stamps_events;
    struct bucket *buckets; /* by partition; RECORD_PACKED only */
    struct bytes value;
    uint64_t records;
    uint64_t bytes;
};

void topic_writer_discard(struct topic_writer *writer) {
    if (writer == NULL) {
        return;
    }
    kafka_producer_close(writer->producer);
    for (uint32_t i = 0; writer->buckets != NULL && i < writer->partitions; i++) {
        free(writer->buckets[i].events);
    }
    free(writer->buckets);
    bytes_release(&writer->value);
    free(writer);
}

/* The id under which readers find the schema of framed Avro. */
static struct status schema_register(struct topic_writer *writer, const struct options *options,
                                     struct err *err) {
    if (writer->encoding != RECORD_AVRO) {
        return status_ok();
    }
    struct schema_registry *registry;
    char *subject;
    TRY(topic_registry(options, &registry, err));
    struct status status;
    if (asprintf(&subject, "%s-value", writer->topic) < 0) {
        status = err_memory(err, strlen(writer->topic), "a subject");
    } else {
        status =
            schema_registry_put(registry, subject, connections_schema, &writer->schema_id, err);
        free(subject);
    }
    schema_registry_close(registry);
    return status;
}

static struct status buckets_new(struct topic_writer *writer, struct err *err) {
    if (writer->encoding != RECORD_PACKED) {
        return status_ok();
    }
    size_t bytes = writer->packed_events * sizeof(struct event);
    writer->buckets = calloc(writer->partitions, sizeof *writer->buckets);
    if (writer->buckets == NULL) {
        return err_memory(err, writer->partitions * sizeof *writer->buckets, "partitions");
    }
    for (uint32_t i = 0; i < writer->partitions; i++) {
        writer->buckets[i].events = malloc(bytes);
        if (writer->buckets[i].events == NULL) {
            return err_memory(err, bytes, "packed events");
        }
    }
    return status_ok();
}

static struct status writer_connect(struct topic_writer *writer, const struct options *options,
                                    struct progress *progress, struct err *err) {
    const struct kafka_producer_options producer = {
        .watch = topic_watch(options, progress),
        .timeout_ms = (unsigned)options->topic.timeout_s * 1000,
    };
    struct kafka_settings settings = {0};
    TRY(schema_register(writer, options, err));
    struct status status = topic_settings(options, &settings, err);
    if (!failed(status)) {
        status = kafka_producer_open(&writer->producer, &settings, &producer, err);
    }
    kafka_settings_release(&settings);
    TRY(status);
    TRY(kafka_producer_topic(writer->producer, writer->topic, &writer->partitions, err));
    return buckets_new(writer, err);
}

struct status topic_writer_open(struct topic_writer **writer, const struct options *options,
                                struct progress *progress, struct err *err) {
    struct topic_writer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "a topic writer");
    }
    made->topic = options->topic.name;
    made->encoding = (enum record_encoding)options->topic.encoding;
    made->stamps_events = options->topic.stamps_events;
    made->packed_events = (size_t)options->topic.packed_events;
    struct status status = writer_connect(made, options, progress, err);
    if (failed(status)) {
        topic_writer_discard(made);
        return status;
    }
    *writer = made;
    return status_ok();
}

/* The time of the oldest event; Kafka knows none before 1970. */
static int64_t stamp_of(const struct event *events, size_t count) {
    int64_t oldest_ms = events[0].at_ms;
    for (size_t i = 1; i < count; i++) {
        oldest_ms = events[i].at_ms < oldest_ms ? events[i].at_ms : oldest_ms;
    }
    return oldest_ms < 1 ? 1 : oldest_ms;
}

/* Sends one record of these events, all of them of one partition. */
static struct status record_send(struct topic_writer *writer, int32_t partition, const char *key,
                                 const struct event *events, size_t count, struct err *err) {
    writer->value.count = 0;
    TRY(record_encode(writer->encoding, writer->schema_id, events, count, &writer->value, err));
    const struct kafka_message message = {
        .topic = writer->topic,
        .partition = partition,
        .key = key,
        .key_bytes = key == NULL ? 0 : strlen(key),
        .value = writer->value.data,
        .value_bytes = writer->value.count,
        .timestamp_ms = writer->stamps_events ? stamp_of(events, count) : 0,
    };
    TRY(kafka_producer_put(writer->producer, &message, err));
    writer->records++;
    writer->bytes += message.key_bytes + message.value_bytes;
    return status_ok();
}

static struct status bucket_send(struct topic_writer *writer, uint32_t partition, struct err *err) {
    struct bucket *bucket = &writer->buckets[partition];
    size_t count = bucket->count;
    bucket->count = 0;
    return count == 0 ? status_ok()
                      : record_send(writer, (int32_t)partition, NULL, bucket->events, count, err);
}

struct status topic_writer_put(struct topic_writer *writer, const struct event *events,
                               size_t count, struct err *err) {
    for (size_t i = 0; i < count; i++) {
        uint64_t from = events[i].from.v;
        uint64_t to = events[i].to.v;
        char key[KEY_BYTES];
        int bytes = snprintf(key, sizeof key, "%" PRIu64 ":%" PRIu64, from < to ? from : to,
                             from < to ? to : from);
        uint32_t partition = kafka_key_partition(key, (size_t)bytes, writer->partitions);
        if (writer->encoding != RECORD_PACKED) {
            TRY(record_send(writer, (int32_t)partition, key, &events[i], 1, err));
            continue;
        }
        struct bucket *bucket = &writer->buckets[partition];
        bucket->events[bucket->count++] = events[i];
        if (bucket->count == writer->packed_events) {
            TRY(bucket_send(writer, partition, err));
        }
    }
    return status_ok();
}

struct status topic_writer_commit(struct topic_writer *writer, uint64_t *records, uint64_t *bytes,
                                  struct err *err) {
    struct status status = status_ok();
    for (uint32_t i = 0; writer->buckets != NULL && i < writer->partitions && !failed(status);
         i++) {
        status = bucket_send(writer, i, err);
    }
    if (!failed(status)) {
        status = kafka_producer_flush(writer->producer, err);
    }
    *records = writer->records;
    *bytes = writer->bytes;
    topic_writer_discard(writer);
    return status;
}
