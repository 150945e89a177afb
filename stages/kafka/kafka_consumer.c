/* Two clients, and a third for a moment (probe). `control` asks (topics, offsets, marks) and
 * commits; it lives as long as the consumer. `fetch` reads, and is made by begin.
 *
 * The client hands the records of a partition into a queue of the partition's own, so that ranges
 * can be drained one after the other. WINDOW ranges are assigned at a time: the one that is drained
 * and the next, which is fetched ahead. Assigning all of them at once was measured and rejected: 16
 * partitions fill their queues, the client then looks only once a second whether one of them has
 * been drained, and reading falls from 2 M records/s to 0.2 M. The same nap of the client is why
 * wake() exists.
 *
 * Records are polled one by one: the client's batch calls can lose messages when a partition is
 * moved to another offset.
 *
 * A batch that cannot be read is never read around by the reading client. Over a checksum that is
 * wrong it loses a thread (client_thread.h), since librdkafka 2.0.2 would go on in the middle of
 * something; after a batch that cannot be unpacked, it asks for the same batch for ever; and of a
 * response that is too large it says only that there was one, not of which partition. So the first
 * such sign stops the reading, and a client of its own, made anew for each question, for one
 * partition and for one batch at a time, finds out what can be read (probe). The range then goes on
 * where the answer says. Whatever makes a client fail, it is the probes that decide: a false alarm
 * costs time, and no record.
 *
 * With its thread the client loses the good batches that came in the same response, and it does not
 * say of which partition the bad one was. So before the probes the reading goes on more carefully,
 * one step at a time (enum caution), until the next batch is certainly the bad one.
 */
#include "stages/kafka/kafka_consumer.h"

#include "stages/kafka/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    WINDOW = 2,
    /* The client's bookkeeping for one message, measured: 310 bytes beside key and value. */
    MESSAGE_BYTES = 320,
    /* Messages fetched ahead in one partition. More do not read faster: they leave the caches. */
    QUEUE_MESSAGES_MAX = 400000,
    QUEUE_MESSAGES_MIN = 1000,
    QUEUE_KBYTES_MIN = 1024,
    QUEUE_KBYTES_MAX = 2097151, /* the client's own limit */
    CORRUPT_TRIES = 5,
    /* Messages are destroyed so many at a time, or as soon as they are so large. One by one, each
     * would fight for the lock of the allocator with the thread that makes the next ones: reading
     * then takes a third longer. */
    LENT_MAX = 16384,
    LENT_BYTES_MAX = 1 << 22,
    /* Between two looks at what else the client has to say. */
    SERVE_RECORDS = 4096,
    SERVE_BYTES = 1 << 24,
    /* How often a wait of timeout_ms is repeated while the brokers answer, since a long stretch of
     * aborted records gives no sign of progress. */
    IDLE_WAITS = 10,
    PROBE_SLICE_MS = 10,
    /* A lost client leaves open files and the last response behind. How many may be lost: */
    LOST_FILES = 3,
    LOST_MAX = 2000
};
/* Of a response, for one partition, once a client was lost. */
#define LOST_FETCH_BYTES "65536"
#define BUFFER_BYTES ((size_t)1 << 30)

enum range_state { RANGE_WAITING, RANGE_ASSIGNED, RANGE_READ };

struct range {
    int32_t partition;
    int64_t next; /* offsets before it were handed out, or have no record */
    int64_t end;
    unsigned denials;        /* of a broker, of offsets that it has */
    rd_kafka_queue_t *queue; /* while assigned */
    enum range_state state;
};

/* How it is read. Where a thread of the client is lost over a batch, the good ones of the same
 * response are lost with it, and it is not said of which partition the batch was. So there are
 * steps between the first sign and the certainty that the next batch of this range is the bad one.
 */
enum caution {
    CAUTION_NONE,
    CAUTION_ALONE, /* one range is assigned at a time */
    CAUTION_SINGLE /* and one batch comes at a time */
};

struct kafka_consumer {
    struct kafka_settings settings; /* the user's and the group */
    struct kafka_watch watch;
    unsigned timeout_ms;
    unsigned corrupt_tries;
    bool skips_corrupt;
    size_t buffer_bytes;

    struct client control;
    struct client fetch;

    char *topic;
    struct range *ranges;
    size_t count;
    size_t current; /* the first range that is not read */
    enum caution caution;
    int64_t caution_end; /* CAUTION_SINGLE: where the bad batch must have come */
    unsigned lost;       /* clients, until now */

    /* The last of them is lent; none when a client is closed, which would wait for it for ever. */
    rd_kafka_message_t *lent[LENT_MAX];
    size_t lent_count;
    size_t lent_bytes;
    uint64_t records; /* handed out, and their bytes */
    uint64_t bytes;
    uint64_t serve_records; /* when to look next at what else the client has to say */
    uint64_t serve_bytes;
    bool was_full;           /* the current range's queue, since the last wake */
    uint64_t queue_messages; /* when it is full */
    uint64_t queue_bytes;
    char reason[CLIENT_TEXT_BYTES]; /* lent with a gap */
};

static const struct client_setting READ_DEFAULTS[] = {
    /* A fetch that finds nothing new keeps the client from asking for what it has room for in the
     * meantime; so it must not wait long. */
    {"fetch.wait.max.ms", "10"},
    {"fetch.error.backoff.ms", "100"},
    {NULL, NULL},
};

/* The first setting is for CAUTION_SINGLE and for probes: a broker gives a whole batch at least. */
static const struct client_setting SINGLE_EXACTNESS[] = {
    {"fetch.message.max.bytes", "1"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"enable.partition.eof", "true"},
    {"auto.offset.reset", "error"},
    {"isolation.level", "read_committed"},
    {"allow.auto.create.topics", "false"},
    {"check.crcs", "true"},
    /* So long the client keeps offsets that no coordinator takes, and is not destroyed before. */
    {"session.timeout.ms", "1000"},
    {NULL, NULL},
};
static const struct client_setting *const READ_EXACTNESS = SINGLE_EXACTNESS + 1;

/* ---- open and close ---- */

static struct status copy_settings(struct kafka_consumer *consumer,
                                   const struct kafka_settings *settings, const char *group,
                                   struct err *err) {
    for (size_t i = 0; i < settings->keys.count; i++) {
        TRY(kafka_settings_set(&consumer->settings, settings->keys.items[i],
                               settings->values.items[i], err));
    }
    return kafka_settings_set(&consumer->settings, "group.id", group, err);
}

/* Opens one more client for reading. */
static struct status open_client(const struct kafka_consumer *consumer, struct client *client,
                                 const struct client_setting *defaults,
                                 const struct client_setting *exactness, struct kafka_watch watch,
                                 struct err *err) {
    const struct client_request request = {
        .type = RD_KAFKA_CONSUMER,
        .settings = &consumer->settings,
        .defaults = defaults,
        .exactness = exactness,
        .watch = watch,
        .timeout_ms = consumer->timeout_ms,
    };
    return client_open(client, &request, err);
}

struct status kafka_consumer_open(struct kafka_consumer **consumer,
                                  const struct kafka_settings *settings,
                                  const struct kafka_consumer_options *options, struct err *err) {
    struct kafka_consumer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "a Kafka consumer");
    }
    made->watch = options->watch;
    made->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : CLIENT_TIMEOUT_MS;
    made->corrupt_tries = options->corrupt_tries > 0 ? options->corrupt_tries : CORRUPT_TRIES;
    made->skips_corrupt = options->skips_corrupt;
    made->buffer_bytes = options->buffer_bytes > 0 ? options->buffer_bytes : BUFFER_BYTES;
    struct status status = copy_settings(made, settings, options->group, err);
    if (!failed(status)) {
        /* Statistics are of the client that reads. */
        struct kafka_watch watch = {.context = options->watch.context, .log = options->watch.log};
        status = open_client(made, &made->control, READ_DEFAULTS, READ_EXACTNESS, watch, err);
    }
    if (failed(status)) {
        kafka_consumer_close(made);
        return status;
    }
    *consumer = made;
    return status_ok();
}

/* Destroys the messages that were lent. */
static void take_back(struct kafka_consumer *consumer) {
    for (size_t i = 0; i < consumer->lent_count; i++) {
        rd_kafka_message_destroy(consumer->lent[i]);
    }
    consumer->lent_count = 0;
    consumer->lent_bytes = 0;
}

/* Closes the client that reads; what it fetched ahead is dropped. */
static void close_fetch(struct kafka_consumer *consumer) {
    take_back(consumer);
    int64_t base;
    consumer->lost += consumer->fetch.rk != NULL && client_is_lost(&consumer->fetch, &base);
    for (size_t i = 0; i < consumer->count; i++) {
        struct range *range = &consumer->ranges[i];
        if (range->state == RANGE_ASSIGNED) {
            rd_kafka_queue_destroy(range->queue);
            range->queue = NULL;
            range->state = RANGE_WAITING;
        }
    }
    client_close(&consumer->fetch);
    consumer->was_full = false;
}

static void end_reading(struct kafka_consumer *consumer) {
    close_fetch(consumer);
    free(consumer->ranges);
    free(consumer->topic);
    consumer->ranges = NULL;
    consumer->topic = NULL;
    consumer->count = 0;
    consumer->current = 0;
}

void kafka_consumer_close(struct kafka_consumer *consumer) {
    if (consumer == NULL) {
        return;
    }
    end_reading(consumer);
    client_close(&consumer->control);
    kafka_settings_release(&consumer->settings);
    free(consumer);
}

uint64_t kafka_consumer_bytes(const struct kafka_consumer *consumer) {
    return consumer->bytes;
}

/* ---- what there is ---- */

/* The first failure of a list whose elements have failures of their own. */
static rd_kafka_resp_err_t worst(rd_kafka_resp_err_t code,
                                 const rd_kafka_topic_partition_list_t *list) {
    for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        code = list->elems[i].err;
    }
    return code;
}

/* A list of partitions 0..count-1 with these offsets; negative ones are left out. */
static rd_kafka_topic_partition_list_t *list_partitions(const char *topic, const int64_t *offsets,
                                                        size_t count) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        if (offsets[i] >= 0) {
            rd_kafka_topic_partition_list_add(list, topic, (int32_t)i)->offset = offsets[i];
        }
    }
    return list;
}

/* Asks the leaders of partitions first..first+count-1 for the offset of a time, where the protocol
 * has names for the two ends. The answer honours isolation.level: the end is the last stable
 * offset, behind which transactions are undecided. (rd_kafka_query_watermark_offsets would tell
 * both ends, but of one partition only, and it does not keep to its timeout.) */
enum { TIME_LOW = -2, TIME_END = -1 };
static struct status query_offsets(struct kafka_consumer *consumer, const char *topic,
                                   int32_t first, size_t count, int64_t time, int64_t *offsets,
                                   struct err *err) {
    struct client *client = &consumer->control;
    int64_t deadline = client_now_ms() + consumer->timeout_ms;
    struct status status;
    rd_kafka_resp_err_t code;
    for (;;) {
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
        for (size_t i = 0; i < count; i++) {
            rd_kafka_topic_partition_list_add(list, topic, first + (int32_t)i)->offset = time;
        }
        code = worst(rd_kafka_offsets_for_times(client->rk, list, (int)consumer->timeout_ms), list);
        for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
            offsets[list->elems[i].partition - first] = list->elems[i].offset;
        }
        rd_kafka_topic_partition_list_destroy(list);
        client_serve(client, 0);
        status = client_check(client, err);
        if (failed(status) || !client_may_pass(code) || client_now_ms() >= deadline) {
            break;
        }
        client_serve(client, CLIENT_SLICE_MS);
    }
    if (!failed(status) && code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = client_fail(client, code, err, "topic %s: its offsets are not told", topic);
    }
    return status;
}

struct status kafka_consumer_topic(struct kafka_consumer *consumer, const char *topic,
                                   struct kafka_partition **partitions, size_t *count,
                                   struct err *err) {
    uint32_t found;
    TRY(client_topic(&consumer->control, topic, &found, err));
    struct kafka_partition *made = calloc(found, sizeof *made);
    int64_t *lows = calloc(found, 2 * sizeof *lows);
    struct status status;
    if (made == NULL || lows == NULL) {
        status = err_memory(err, found * sizeof *made, "the partitions of a topic");
    } else {
        status = query_offsets(consumer, topic, 0, found, TIME_LOW, lows, err);
    }
    if (!failed(status)) {
        status = query_offsets(consumer, topic, 0, found, TIME_END, lows + found, err);
    }
    for (uint32_t i = 0; !failed(status) && i < found; i++) {
        made[i] = (struct kafka_partition){.low = lows[i], .end = lows[found + i]};
    }
    free(lows);
    if (failed(status)) {
        free(made);
        return status;
    }
    *partitions = made;
    *count = found;
    return status_ok();
}

struct status kafka_consumer_offsets_at(struct kafka_consumer *consumer, const char *topic,
                                        int64_t at_ms, int64_t *offsets, size_t count,
                                        struct err *err) {
    /* Negative times are names. No record is older than 1970: its timestamp would be one, too. */
    TRY(query_offsets(consumer, topic, 0, count, at_ms < 0 ? 0 : at_ms, offsets, err));
    for (size_t i = 0; i < count; i++) {
        offsets[i] = offsets[i] < 0 ? -1 : offsets[i];
    }
    return status_ok();
}

/* ---- the group's offsets ---- */

/* A refusal to tell the group's coordinator, for which the client goes on asking, comes in the
 * place of a record. */
static rd_kafka_resp_err_t group_refusal(struct client *client, rd_kafka_resp_err_t code) {
    rd_kafka_message_t *message = rd_kafka_consumer_poll(client->rk, 0);
    if (message != NULL && client_failure(message->err) == FAILURE_PERMISSION) {
        code = message->err;
    }
    if (message != NULL) {
        rd_kafka_message_destroy(message);
    }
    return code;
}

/* One try, waited for until the deadline. The client's blocking commit knows no timeout; its answer
 * on a queue can be waited for. */
static struct status commit_once(struct client *client, rd_kafka_topic_partition_list_t *list,
                                 int64_t deadline, rd_kafka_resp_err_t *code, struct err *err) {
    rd_kafka_queue_t *answers = rd_kafka_queue_new(client->rk);
    struct status status = status_ok();
    *code = rd_kafka_commit_queue(client->rk, list, answers, NULL, NULL);
    bool waits = *code == RD_KAFKA_RESP_ERR_NO_ERROR;
    while (waits) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(answers, CLIENT_SLICE_MS);
        client_serve(client, 0);
        if (event != NULL && rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT) {
            *code = worst(rd_kafka_event_error(event), rd_kafka_event_topic_partition_list(event));
            waits = false;
        } else {
            status = client_check(client, err);
            *code =
                group_refusal(client, client_now_ms() < deadline ? RD_KAFKA_RESP_ERR_NO_ERROR
                                                                 : RD_KAFKA_RESP_ERR__TIMED_OUT);
            waits = !failed(status) && *code == RD_KAFKA_RESP_ERR_NO_ERROR;
        }
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(answers);
    return status;
}

struct status kafka_consumer_commit(struct kafka_consumer *consumer, const char *topic,
                                    const int64_t *offsets, size_t count, struct err *err) {
    struct client *client = &consumer->control;
    rd_kafka_topic_partition_list_t *list = list_partitions(topic, offsets, count);
    int64_t deadline = client_now_ms() + consumer->timeout_ms;
    struct status status = status_ok();
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    bool waits = list->cnt > 0;
    while (waits) {
        status = commit_once(client, list, deadline, &code, err);
        waits = !failed(status) && client_may_pass(code) && client_now_ms() < deadline;
        if (waits) {
            client_serve(client, CLIENT_SLICE_MS);
        }
    }
    if (!failed(status) && code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = client_fail(client, code, err, "topic %s: the offsets of group %s are not written",
                             topic, kafka_settings_get(&consumer->settings, "group.id"));
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

static struct status take_mark(const rd_kafka_topic_partition_t *found, struct kafka_mark *mark,
                               bool *has, struct err *err) {
    *has = found->offset >= 0;
    if (!*has) {
        return status_ok();
    }
    if (found->metadata_size >= KAFKA_MARK_TEXT_BYTES) {
        return err_set(err, FAILURE_DATA,
                       "topic %s: the mark of the last run has %zu bytes, and at most %d were "
                       "written: another program uses the group",
                       found->topic, found->metadata_size, KAFKA_MARK_TEXT_BYTES - 1);
    }
    *mark = (struct kafka_mark){.number = found->offset};
    if (found->metadata_size > 0) {
        memcpy(mark->text, found->metadata, found->metadata_size);
    }
    return status_ok();
}

struct status kafka_consumer_mark(struct kafka_consumer *consumer, const char *topic,
                                  struct kafka_mark *mark, bool *has, struct err *err) {
    struct client *client = &consumer->control;
    int64_t deadline = client_now_ms() + consumer->timeout_ms;
    for (;;) {
        rd_kafka_topic_partition_list_t *list = client_partition(topic, 0, RD_KAFKA_OFFSET_INVALID);
        rd_kafka_resp_err_t code =
            worst(rd_kafka_committed(client->rk, list, (int)consumer->timeout_ms), list);
        struct status status = status_ok();
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            status = take_mark(&list->elems[0], mark, has, err);
        }
        rd_kafka_topic_partition_list_destroy(list);
        client_serve(client, 0);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return status;
        }
        TRY(client_check(client, err));
        code = group_refusal(client, code);
        if (!client_may_pass(code) || client_now_ms() >= deadline) {
            return client_fail(client, code, err, "topic %s: the mark of group %s cannot be read",
                               topic, kafka_settings_get(&consumer->settings, "group.id"));
        }
        client_serve(client, CLIENT_SLICE_MS);
    }
}

/* ---- assignment ---- */

/* Starts to fetch a range from where it is. */
static struct status assign_range(struct kafka_consumer *consumer, struct range *range,
                                  struct err *err) {
    assert(range->state == RANGE_WAITING && range->queue == NULL);
    rd_kafka_t *rk = consumer->fetch.rk;
    range->queue = rd_kafka_queue_get_partition(rk, consumer->topic, range->partition);
    if (range->queue == NULL) {
        return err_memory(err, MESSAGE_BYTES, "the queue of a partition");
    }
    /* Before the assignment, so that no record ever goes to the common queue. */
    rd_kafka_queue_forward(range->queue, NULL);
    rd_kafka_topic_partition_list_t *list =
        client_partition(consumer->topic, range->partition, range->next);
    rd_kafka_error_t *error = rd_kafka_incremental_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    range->state = RANGE_ASSIGNED;
    if (error != NULL) {
        return client_fail_error(&consumer->fetch, error, err, "a partition cannot be assigned");
    }
    return status_ok();
}

/* Stops to fetch it; what was fetched ahead is dropped. */
static struct status unassign_range(struct kafka_consumer *consumer, struct range *range,
                                    struct err *err) {
    assert(range->state == RANGE_ASSIGNED);
    rd_kafka_topic_partition_list_t *list =
        client_partition(consumer->topic, range->partition, RD_KAFKA_OFFSET_INVALID);
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(consumer->fetch.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(range->queue);
    range->queue = NULL;
    range->state = RANGE_WAITING;
    if (error != NULL) {
        return client_fail_error(&consumer->fetch, error, err, "a partition cannot be given up");
    }
    return status_ok();
}

/* Moves on to the first range that is not read, and fetches the window that begins with it. */
static struct status fill_window(struct kafka_consumer *consumer, struct err *err) {
    size_t assigned = 0;
    size_t window = consumer->caution == CAUTION_NONE ? WINDOW : 1;
    while (consumer->current < consumer->count &&
           consumer->ranges[consumer->current].state == RANGE_READ) {
        consumer->current++;
    }
    for (size_t i = consumer->current; i < consumer->count && assigned < window; i++) {
        struct range *range = &consumer->ranges[i];
        if (range->state == RANGE_WAITING) {
            TRY(assign_range(consumer, range, err));
        }
        assigned += range->state == RANGE_ASSIGNED;
    }
    return status_ok();
}

/* ---- begin ---- */

/* The range must lie within what the broker has. */
static struct status check_range(struct kafka_consumer *consumer, const char *topic,
                                 const struct range *range, struct err *err) {
    int64_t low[] = {0};
    int64_t end[] = {0};
    TRY(query_offsets(consumer, topic, range->partition, 1, TIME_LOW, low, err));
    TRY(query_offsets(consumer, topic, range->partition, 1, TIME_END, end, err));
    if (range->next < low[0]) {
        return err_set(err, FAILURE_DATA,
                       "topic %s, partition %" PRId32 ": offsets from %" PRId64
                       " on are to be read, and the broker has none before %" PRId64
                       ": retention has removed records that were not read yet; restore them, or "
                       "begin with a new state",
                       topic, range->partition, range->next, low[0]);
    }
    if (range->end > end[0]) {
        return err_set(err, FAILURE_DATA,
                       "topic %s, partition %" PRId32 ": offsets up to %" PRId64
                       " are to be read, and the partition ends at %" PRId64
                       ": the topic was made anew or has lost records; restore them, or begin with "
                       "a new state",
                       topic, range->partition, range->end, end[0]);
    }
    return status_ok();
}

/* How much is fetched ahead in one partition: half of its share may be key and value, half the
 * client's bookkeeping. What the user says wins. */
static struct status open_fetch(struct kafka_consumer *consumer, struct err *err) {
    size_t share = consumer->buffer_bytes / WINDOW;
    size_t messages = share / 2 / MESSAGE_BYTES;
    messages = messages > QUEUE_MESSAGES_MAX   ? QUEUE_MESSAGES_MAX
               : messages < QUEUE_MESSAGES_MIN ? QUEUE_MESSAGES_MIN
                                               : messages;
    size_t bookkeeping = messages * MESSAGE_BYTES;
    size_t kbytes = share > bookkeeping ? (share - bookkeeping) / 1024 : 0;
    kbytes = kbytes > QUEUE_KBYTES_MAX   ? QUEUE_KBYTES_MAX
             : kbytes < QUEUE_KBYTES_MIN ? QUEUE_KBYTES_MIN
                                         : kbytes;
    char messages_text[24];
    char kbytes_text[24];
    (void)snprintf(messages_text, sizeof messages_text, "%zu", messages);
    (void)snprintf(kbytes_text, sizeof kbytes_text, "%zu", kbytes);
    const struct client_setting defaults[] = {
        READ_DEFAULTS[0],
        READ_DEFAULTS[1],
        {"queued.min.messages", messages_text},
        {"queued.max.messages.kbytes", kbytes_text},
        {consumer->lost > 0 ? "fetch.message.max.bytes" : NULL, LOST_FETCH_BYTES},
        {NULL, NULL},
    };
    const char *users_messages = kafka_settings_get(&consumer->settings, "queued.min.messages");
    const char *users_kbytes =
        kafka_settings_get(&consumer->settings, "queued.max.messages.kbytes");
    consumer->queue_messages =
        strtoull(users_messages == NULL ? messages_text : users_messages, NULL, 10);
    consumer->queue_bytes =
        strtoull(users_kbytes == NULL ? kbytes_text : users_kbytes, NULL, 10) * 1024;
    return open_client(consumer, &consumer->fetch, defaults,
                       consumer->caution == CAUTION_SINGLE ? SINGLE_EXACTNESS : READ_EXACTNESS,
                       consumer->watch, err);
}

/* Reads on by a new client. What the old one says after an error of a batch is not to be trusted:
 * errors that follow from the first come late, and look like those of the new place. */
static struct status reopen_fetch(struct kafka_consumer *consumer, struct err *err) {
    close_fetch(consumer);
    TRY(open_fetch(consumer, err));
    return fill_window(consumer, err);
}

static struct status finish_range(struct kafka_consumer *consumer, struct range *range,
                                  struct err *err) {
    int64_t base;
    range->next = range->end;
    consumer->was_full = false;
    if (consumer->caution == CAUTION_NONE && !client_is_lost(&consumer->fetch, &base)) {
        TRY(unassign_range(consumer, range, err));
        range->state = RANGE_READ;
        return fill_window(consumer, err);
    }
    close_fetch(consumer);
    range->state = RANGE_READ;
    consumer->caution = CAUTION_NONE;
    return consumer->current + 1 < consumer->count ? reopen_fetch(consumer, err)
                                                   : fill_window(consumer, err);
}

static struct status copy_ranges(struct kafka_consumer *consumer, const char *topic,
                                 const struct kafka_range *ranges, size_t count, struct err *err) {
    consumer->topic = strdup(topic);
    consumer->ranges = calloc(count > 0 ? count : 1, sizeof *consumer->ranges);
    if (consumer->topic == NULL || consumer->ranges == NULL) {
        return err_memory(err, count * sizeof *consumer->ranges, "ranges of a topic");
    }
    consumer->count = count;
    for (size_t i = 0; i < count; i++) {
        assert(ranges[i].first >= 0 && ranges[i].partition >= 0);
        bool is_empty = ranges[i].first >= ranges[i].end;
        consumer->ranges[i] = (struct range){.partition = ranges[i].partition,
                                             .next = ranges[i].first,
                                             .end = ranges[i].end,
                                             .state = is_empty ? RANGE_READ : RANGE_WAITING};
        if (!is_empty) {
            TRY(check_range(consumer, topic, &consumer->ranges[i], err));
        }
    }
    return status_ok();
}

struct status kafka_consumer_begin(struct kafka_consumer *consumer, const char *topic,
                                   const struct kafka_range *ranges, size_t count,
                                   struct err *err) {
    assert(consumer->current == consumer->count);
    end_reading(consumer);
    consumer->caution = CAUTION_NONE;
    struct status status = copy_ranges(consumer, topic, ranges, count, err);
    if (!failed(status)) {
        status = open_fetch(consumer, err);
    }
    if (!failed(status)) {
        status = fill_window(consumer, err);
    }
    if (failed(status)) {
        end_reading(consumer);
    }
    return status;
}

/* ---- batches that cannot be read ---- */

/* What came of reading at one offset. */
struct finding {
    bool readable; /* a record, or the end of the partition */
    int64_t base;  /* else: where the batch begins; -1: not told */
    char reason[CLIENT_TEXT_BYTES];
};

/* Errors that say a batch is bad, as the client reports them in the place of its records. */
static bool is_corrupt(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR__BAD_MSG:         /* checksum, impossible lengths */
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION: /* damaged, or larger than it may become */
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED: /* unknown format or codec */
    case RD_KAFKA_RESP_ERR__UNDERFLOW:
    case RD_KAFKA_RESP_ERR_INVALID_MSG: /* the broker has found it */
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return true;
    default:
        return false;
    }
}

static void note_bad(struct finding *finding, rd_kafka_resp_err_t code, int64_t offset,
                     const char *reason) {
    /* What the client finds wrong with a batch it reports at the offset where the batch begins,
     * everything else where it was about to read. */
    bool has_base =
        code == RD_KAFKA_RESP_ERR__BAD_MSG || code == RD_KAFKA_RESP_ERR__BAD_COMPRESSION;
    finding->readable = false;
    finding->base = has_base ? offset : -1;
    (void)snprintf(finding->reason, sizeof finding->reason, "%s", reason);
}

static void note_lost(struct finding *finding, int64_t base) {
    finding->readable = false;
    finding->base = base;
    if (base >= 0) {
        (void)snprintf(finding->reason, sizeof finding->reason,
                       "the checksum of the batch that begins at offset %" PRId64 " is wrong",
                       base);
    } else {
        (void)snprintf(finding->reason, sizeof finding->reason,
                       "the Kafka client could not go on behind it");
    }
}

/* Waits for the first thing that comes of the one assigned partition. */
static struct status probe_queue(struct client *client, rd_kafka_queue_t *queue,
                                 struct finding *finding, struct err *err) {
    int64_t deadline = client_now_ms() + client->timeout_ms;
    while (client_now_ms() < deadline) {
        int64_t base;
        bool is_lost = client_is_lost(client, &base); /* asked first: what came before is there */
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue, is_lost ? 0 : PROBE_SLICE_MS);
        client_serve(client, 0);
        if (message == NULL && is_lost) {
            note_lost(finding, base);
            return status_ok();
        }
        if (message == NULL) {
            TRY(client_check(client, err));
            if (client->unreadable) {
                note_bad(finding, RD_KAFKA_RESP_ERR__TRANSPORT, -1, client->reason);
                return status_ok();
            }
            continue;
        }
        rd_kafka_resp_err_t code = message->err;
        bool readable =
            code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        bool corrupt = is_corrupt(code);
        if (corrupt) {
            note_bad(finding, code, message->offset, rd_kafka_message_errstr(message));
        }
        rd_kafka_message_destroy(message);
        finding->readable = readable;
        if (readable || corrupt) {
            return status_ok();
        }
        if (!client_may_pass(code)) {
            return client_fail(client, code, err, "a batch that could not be read was tried again");
        }
    }
    return client_fail(client, RD_KAFKA_RESP_ERR__TIMED_OUT, err,
                       "a batch that could not be read was tried again");
}

/* What a lost client leaves behind only the end of the process gives back. */
static struct status check_lost(const struct kafka_consumer *consumer, int32_t partition,
                                int64_t offset, struct err *err) {
    struct rlimit files;
    int failure = getrlimit(RLIMIT_NOFILE, &files);
    assert(failure == 0);
    rlim_t most = files.rlim_cur / 2 / LOST_FILES;
    if (consumer->lost < (most < LOST_MAX ? most : LOST_MAX)) {
        return status_ok();
    }
    return err_set(err, FAILURE_CORRUPT_BATCH,
                   "topic %s, partition %" PRId32 ", offset %" PRId64
                   ": too many batches are damaged to pass over them in one run (%u tries have "
                   "failed; the limit is %d, or a sixth of ulimit -n); restore them",
                   consumer->topic, partition, offset, consumer->lost, LOST_MAX);
}

/* Reads at `offset` of a partition by a client of its own. */
static struct status probe(struct kafka_consumer *consumer, int32_t partition, int64_t offset,
                           struct finding *finding, struct err *err) {
    TRY(check_lost(consumer, partition, offset, err));
    struct client client;
    /* Nobody watches: its log would repeat what is known. */
    TRY(open_client(consumer, &client, READ_DEFAULTS, SINGLE_EXACTNESS, (struct kafka_watch){0},
                    err));
    rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(client.rk, consumer->topic, partition);
    struct status status;
    if (queue == NULL) {
        status = err_memory(err, MESSAGE_BYTES, "the queue of a partition");
    } else {
        rd_kafka_queue_forward(queue, NULL);
        rd_kafka_topic_partition_list_t *list =
            client_partition(consumer->topic, partition, offset);
        rd_kafka_resp_err_t code = rd_kafka_assign(client.rk, list);
        rd_kafka_topic_partition_list_destroy(list);
        status = code == RD_KAFKA_RESP_ERR_NO_ERROR
                     ? probe_queue(&client, queue, finding, err)
                     : client_fail(&client, code, err, "a partition cannot be assigned");
        rd_kafka_queue_destroy(queue);
    }
    int64_t base;
    consumer->lost += client_is_lost(&client, &base);
    client_close(&client);
    return status;
}

/* True where the offset lies behind the bad batch that begins at `base`: it can be read, or fails
 * for another batch. Where the client does not tell batches apart (base -1) two bad ones with good
 * ones between them may be taken for one. */
static struct status is_behind(struct kafka_consumer *consumer, const struct range *range,
                               int64_t offset, int64_t base, bool *behind, struct err *err) {
    struct finding finding;
    TRY(probe(consumer, range->partition, offset, &finding, err));
    *behind = finding.readable || (finding.base != -1 && base != -1 && finding.base != base);
    return status_ok();
}

/* The first offset behind the bad batch at range->next, or the end of the range. A fetch at any
 * offset within a batch brings the whole batch, so that its inside fails and what is behind it does
 * not: steps that double find a place behind, halving finds the border. */
static struct status find_behind(struct kafka_consumer *consumer, const struct range *range,
                                 int64_t base, int64_t *border, struct err *err) {
    int64_t inside = range->next;
    int64_t behind = range->end;
    for (int64_t step = 1; step < range->end - range->next; step *= 2) {
        bool is;
        TRY(is_behind(consumer, range, range->next + step, base, &is, err));
        if (is) {
            behind = range->next + step;
            break;
        }
        inside = range->next + step;
    }
    while (behind - inside > 1) {
        int64_t middle = inside + (behind - inside) / 2;
        bool is;
        TRY(is_behind(consumer, range, middle, base, &is, err));
        if (is) {
            behind = middle;
        } else {
            inside = middle;
        }
    }
    *border = behind;
    return status_ok();
}

/* After the first failure at range->next (`is_of_range`: certainly there): tries again, and makes a
 * gap or an error of what stays unreadable. *found is left alone where it could be read after all.
 */
static struct status investigate(struct kafka_consumer *consumer, struct range *range,
                                 bool is_of_range, struct finding *finding,
                                 struct kafka_record *record, enum kafka_found *found,
                                 struct err *err) {
    for (unsigned tries = 1; tries < consumer->corrupt_tries; tries++) {
        TRY(probe(consumer, range->partition, range->next, finding, err));
        if (finding->readable) {
            /* Where the client did not say whose batch it was, it was another partition's. */
            consumer->caution = is_of_range || consumer->caution != CAUTION_NONE ? consumer->caution
                                                                                 : CAUTION_ALONE;
            return reopen_fetch(consumer, err);
        }
    }
    if (!consumer->skips_corrupt) {
        return err_set(err, FAILURE_CORRUPT_BATCH,
                       "topic %s, partition %" PRId32 ", offset %" PRId64
                       ": the batch cannot be read after %u tries: %s; if it is only large, raise "
                       "-X receive.message.max.bytes; if it is damaged, restore it, or pass over "
                       "it with --on-corrupt skip",
                       consumer->topic, range->partition, range->next, consumer->corrupt_tries,
                       finding->reason);
    }
    int64_t behind;
    TRY(find_behind(consumer, range, finding->base, &behind, err));
    memcpy(consumer->reason, finding->reason, sizeof consumer->reason);
    *record = (struct kafka_record){.offset = range->next,
                                    .timestamp_ms = -1,
                                    .gap_end = behind,
                                    .gap_reason = consumer->reason};
    *found = KAFKA_GAP;
    range->next = behind;
    consumer->caution = CAUTION_NONE;
    return reopen_fetch(consumer, err);
}

/* ---- next ---- */

/* A request to the partition's broker, so that the client's thread for that broker looks at once
 * whether there is room in the queue. */
static void wake(struct kafka_consumer *consumer, const struct range *range) {
    rd_kafka_topic_partition_list_t *list =
        client_partition(consumer->topic, range->partition, TIME_LOW);
    consumer->was_full = false;
    /* The answer does not matter. */
    (void)rd_kafka_offsets_for_times(consumer->fetch.rk, list, CLIENT_SLICE_MS);
    rd_kafka_topic_partition_list_destroy(list);
}

/* While the queue of a partition is full the client looks only once a second whether there is room.
 * Full is what was nearly full when we looked. */
static void wake_if_drained(struct kafka_consumer *consumer, const struct range *range) {
    uint64_t length = rd_kafka_queue_length(range->queue);
    uint64_t record_bytes = consumer->records > 0 ? consumer->bytes / consumer->records : 0;
    uint64_t bytes = length * record_bytes;
    if (length >= consumer->queue_messages / 4 * 3 || bytes >= consumer->queue_bytes / 4 * 3) {
        consumer->was_full = true;
    } else if (consumer->was_full && length < consumer->queue_messages / 2 &&
               bytes < consumer->queue_bytes / 2) {
        wake(consumer, range);
    }
}

static void lend(struct kafka_consumer *consumer, struct range *range, rd_kafka_message_t *message,
                 struct kafka_record *record) {
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    consumer->lent[consumer->lent_count++] = message;
    consumer->lent_bytes += message->key_len + message->len;
    consumer->bytes += message->key_len + message->len;
    consumer->records++;
    range->next = message->offset + 1;
    *record = (struct kafka_record){
        .offset = message->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp_ms,
        .key = message->key,
        .key_bytes = message->key_len,
        .value = message->payload,
        .value_bytes = message->len,
    };
}

/* The error that stands in the place of a record. Takes the message: a client that is closed while
 * one of its messages is out waits for it for ever. */
static struct status take_error(struct kafka_consumer *consumer, struct range *range,
                                rd_kafka_message_t *message, struct kafka_record *record,
                                enum kafka_found *found, struct err *err) {
    rd_kafka_resp_err_t code = message->err;
    struct finding finding;
    note_bad(&finding, code, message->offset, rd_kafka_message_errstr(message));
    int64_t offset = message->offset;
    rd_kafka_message_destroy(message);
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        /* Up to there nothing is left. (Offsets without a record end many a range: those of aborted
         * records, of commits, and of records that compaction has removed.) The offset of a bad
         * batch is not trusted to say as much: it may be what is damaged. */
        range->next = offset >= range->end ? range->end : range->next;
        return status_ok();
    }
    if (is_corrupt(code)) {
        return investigate(consumer, range, true, &finding, record, found, err);
    }
    if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        TRY(check_range(consumer, consumer->topic, range, err));
        /* It is there all the same: a leader lags behind, for a moment. */
        if (++range->denials < consumer->corrupt_tries) {
            client_serve(&consumer->control, CLIENT_SLICE_MS);
            return reopen_fetch(consumer, err);
        }
    }
    if (client_failure(code) != FAILURE_BROKER) {
        return client_fail(&consumer->fetch, code, err,
                           "topic %s, partition %" PRId32 ", offset %" PRId64 ": %s",
                           consumer->topic, range->partition, range->next, finding.reason);
    }
    memcpy(consumer->fetch.reason, finding.reason, sizeof consumer->fetch.reason);
    return status_ok();
}

/* The client has lost a thread, and all that had come before was handed out. */
static struct status lose(struct kafka_consumer *consumer, struct range *range, int64_t base,
                          struct kafka_record *record, enum kafka_found *found, struct err *err) {
    struct finding finding;
    if (consumer->caution == CAUTION_SINGLE) {
        note_lost(&finding, base);
        return investigate(consumer, range, true, &finding, record, found, err);
    }
    bool is_alone = consumer->caution == CAUTION_ALONE || consumer->current + 1 == consumer->count;
    consumer->caution = is_alone ? CAUTION_SINGLE : CAUTION_ALONE;
    /* An offset that is not of this range may be what is damaged. */
    consumer->caution_end = base < 0 || base >= range->end ? range->end
                            : base > range->next           ? base
                                                           : range->next;
    return reopen_fetch(consumer, err);
}

/* The batch at which the client was lost has come after all. */
static struct status relax(struct kafka_consumer *consumer, struct err *err) {
    consumer->caution = CAUTION_ALONE;
    return reopen_fetch(consumer, err);
}

/* A wait for the next record of a range. */
struct wait {
    int64_t since_ms;
    unsigned over; /* waits of timeout_ms that are over */
};

/* Nothing came for a while. */
static struct status bear(struct kafka_consumer *consumer, struct range *range, struct wait *wait,
                          struct kafka_record *record, enum kafka_found *found, struct err *err) {
    struct client *client = &consumer->fetch;
    client_serve(client, 0);
    TRY(client_check(client, err));
    wake(consumer, range);
    if (client->unreadable) {
        struct finding finding;
        note_bad(&finding, RD_KAFKA_RESP_ERR__TRANSPORT, -1, client->reason);
        client->unreadable = false;
        return investigate(consumer, range, false, &finding, record, found, err);
    }
    int64_t now_ms = client_now_ms();
    if (wait->since_ms == 0) {
        wait->since_ms = now_ms;
    }
    if (now_ms - wait->since_ms < (int64_t)consumer->timeout_ms) {
        return status_ok();
    }
    /* The broker must still answer, and still have what is waited for. */
    struct status status = check_range(consumer, consumer->topic, range, err);
    if (failed(status)) {
        return status;
    }
    wait->over++;
    wait->since_ms = now_ms;
    if (wait->over < IDLE_WAITS) {
        return status_ok();
    }
    return client_fail(client, RD_KAFKA_RESP_ERR__TIMED_OUT, err,
                       "topic %s, partition %" PRId32 ", offset %" PRId64
                       ": the broker answers, but gives no record",
                       consumer->topic, range->partition, range->next);
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Between two records: looks now and then at what else the client has to say, and at the queue. */
static void serve_sometimes(struct kafka_consumer *consumer, const struct range *range) {
    if (consumer->records < consumer->serve_records && consumer->bytes < consumer->serve_bytes) {
        return;
    }
    consumer->serve_records =
        consumer->records + smaller(SERVE_RECORDS, consumer->queue_messages / 8);
    consumer->serve_bytes = consumer->bytes + smaller(SERVE_BYTES, consumer->queue_bytes / 8);
    client_serve(&consumer->fetch, 0);
    client_serve(&consumer->control, 0);
    wake_if_drained(consumer, range);
}

struct status kafka_consumer_next(struct kafka_consumer *consumer, size_t index,
                                  struct kafka_record *record, enum kafka_found *found,
                                  struct err *err) {
    assert(index < consumer->count && index <= consumer->current);
    struct range *range = &consumer->ranges[index];
    struct wait wait = {0};
    *found = KAFKA_END;
    if (consumer->lent_count == LENT_MAX || consumer->lent_bytes > LENT_BYTES_MAX) {
        take_back(consumer);
    }
    while (range->state != RANGE_READ) {
        if (range->next >= range->end) {
            TRY(finish_range(consumer, range, err));
            continue;
        }
        if (consumer->caution == CAUTION_SINGLE && range->next > consumer->caution_end) {
            TRY(relax(consumer, err));
        }
        serve_sometimes(consumer, range);
        rd_kafka_message_t *message = rd_kafka_consume_queue(range->queue, 0);
        bool is_lost = false;
        int64_t base;
        if (message == NULL) {
            is_lost = client_is_lost(&consumer->fetch, &base); /* asked first, as in probe_queue */
            message = rd_kafka_consume_queue(range->queue, is_lost ? 0 : CLIENT_SLICE_MS);
        }
        if (message == NULL && is_lost) {
            TRY(lose(consumer, range, base, record, found, err));
        } else if (message == NULL) {
            TRY(bear(consumer, range, &wait, record, found, err));
        } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            TRY(take_error(consumer, range, message, record, found, err));
        } else if (message->offset >= range->next && message->offset < range->end) {
            lend(consumer, range, message, record);
            *found = KAFKA_RECORD;
            return status_ok();
        } else {
            range->next = message->offset >= range->end ? range->end : range->next;
            rd_kafka_message_destroy(message);
        }
        if (*found == KAFKA_GAP) {
            return status_ok();
        }
    }
    return status_ok();
}
