/* The values live in the struct as texts and not in an rd_kafka_conf_t: clients of several kinds
 * are made of the same settings, and a conf is used up by the client that it makes. */
#include "stages/kafka/kafka_settings.h"

#include "stages/base/bytes.h"
#include "stages/kafka/client.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Keys that are not the user's, in the order of their names, and why. */
struct own_key {
    const char *key;
    const char *why;
};

#define OWN_OFFSETS "tieflow keeps offsets in its state"
#define OWN_READING "tieflow reads committed records to the end of a pinned range, and no others"
#define OWN_WRITING "each row must be written once, and once only"
#define OWN_CALLS "it changes how the client talks to tieflow"

static const struct own_key OWN_KEYS[] = {
    {"acks", OWN_WRITING},
    {"allow.auto.create.topics", "tieflow never makes a topic that it reads"},
    {"auto.commit.enable", OWN_OFFSETS},
    {"auto.offset.reset", OWN_OFFSETS},
    {"check.crcs", "damaged batches must be found"},
    {"delivery.report.only.error", OWN_CALLS},
    {"enable.auto.commit", OWN_OFFSETS},
    {"enable.auto.offset.store", OWN_OFFSETS},
    {"enable.gapless.guarantee", OWN_WRITING},
    {"enable.idempotence", OWN_WRITING},
    {"enable.partition.eof", OWN_READING},
    {"enabled_events", OWN_CALLS},
    {"group.id", "it has an option of its own (--group)"},
    {"group.instance.id", "tieflow never joins its group"},
    {"isolation.level", OWN_READING},
    {"log.queue", OWN_CALLS},
    {"log.thread.name", OWN_CALLS},
    {"offset.store.method", OWN_OFFSETS},
    {"offset.store.path", OWN_OFFSETS},
    {"partitioner", "keys must come to the partitions where Java's producers put them"},
    {"plugin.library.paths", "it loads code that may change what is read and written"},
    {"produce.offset.report", OWN_CALLS},
    {"queuing.strategy", OWN_WRITING},
    {"request.required.acks", OWN_WRITING},
    {"test.mock.num.brokers", "it puts a pretended cluster in the place of the brokers"},
    {"transactional.id", OWN_WRITING},
};

static const char *own_reason(const char *key) {
    for (size_t i = 0; i < sizeof OWN_KEYS / sizeof OWN_KEYS[0]; i++) {
        if (strcmp(OWN_KEYS[i].key, key) == 0) {
            return OWN_KEYS[i].why;
        }
    }
    return NULL;
}

/* Words in a key that say its value is a secret. A key that the client does not know may be a
 * mistyped one, so this goes by words and not by a list. */
static bool is_secret(const char *key) {
    static const char *const words[] = {
        "password",           "passwd",    "secret", "token", "jaas", "key.pem", "ssl_key", "kinit",
        "oauthbearer.config", "credential"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasestr(key, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

const char *kafka_settings_shown(const char *key, const char *value) {
    return is_secret(key) ? "[redacted]" : value;
}

void kafka_settings_release(struct kafka_settings *settings) {
    names_release(&settings->keys);
    names_release(&settings->values);
}

/* The place of a key, or the count. */
static size_t find(const struct kafka_settings *settings, const char *key) {
    size_t i = 0;
    while (i < settings->keys.count && strcmp(settings->keys.items[i], key) != 0) {
        i++;
    }
    return i;
}

const char *kafka_settings_get(const struct kafka_settings *settings, const char *key) {
    size_t i = find(settings, key);
    return i < settings->keys.count ? settings->values.items[i] : NULL;
}

struct status kafka_settings_set(struct kafka_settings *settings, const char *key,
                                 const char *value, struct err *err) {
    size_t i = find(settings, key);
    if (i < settings->keys.count) {
        char *copy = strdup(value);
        if (copy == NULL) {
            return err_memory(err, strlen(value), "a Kafka setting");
        }
        free(settings->values.items[i]);
        settings->values.items[i] = copy;
        return status_ok();
    }
    TRY(names_add(&settings->values, value, err));
    struct status status = names_add(&settings->keys, key, err);
    if (failed(status)) {
        settings->values.count--;
        free(settings->values.items[settings->values.count]);
    }
    return status;
}

/* Asks the client whether it knows the key and takes the value. */
static struct status validate(const char *key, const char *value, struct err *err) {
    const char *why = own_reason(key);
    if (why != NULL) {
        return err_set(err, FAILURE_CONFIG, "the Kafka setting %s is tieflow's own: %s", key, why);
    }
    char text[CLIENT_TEXT_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, key, value, text, sizeof text);
    rd_kafka_conf_destroy(conf);
    if (result == RD_KAFKA_CONF_OK) {
        return status_ok();
    }
    if (result == RD_KAFKA_CONF_UNKNOWN) {
        return err_set(err, FAILURE_CONFIG,
                       "the Kafka client has no setting %s: see CONFIGURATION.md of librdkafka",
                       key);
    }
    /* The client's text may quote the value. */
    if (is_secret(key)) {
        return err_set(err, FAILURE_CONFIG, "the Kafka client does not take the value of %s", key);
    }
    return err_set(err, FAILURE_CONFIG, "the Kafka client does not take %s=%s: %s", key, value,
                   text);
}

struct status kafka_settings_parse(struct kafka_settings *settings, const char *pair,
                                   struct err *err) {
    const char *equals = strchr(pair, '=');
    /* What is not a pair is not repeated: it may be a password that got here by mistake. */
    if (equals == NULL || equals == pair) {
        return err_set(err, FAILURE_CONFIG, "a Kafka setting must be KEY=VALUE");
    }
    char *key = strndup(pair, (size_t)(equals - pair));
    if (key == NULL) {
        return err_memory(err, (unsigned long long)(equals - pair), "a Kafka setting");
    }
    struct status status = validate(key, equals + 1, err);
    if (!failed(status)) {
        status = kafka_settings_set(settings, key, equals + 1, err);
    }
    free(key);
    return status;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts blanks off both ends of [*from, to); returns the new end. */
static char *trim(char **from, char *to) {
    while (*from < to && is_blank(**from)) {
        (*from)++;
    }
    while (to > *from && is_blank(to[-1])) {
        to--;
    }
    return to;
}

/* One line [from, to), of which *to may be written over: "key = value" becomes "key=value". */
static struct status read_line(struct kafka_settings *settings, char *from, char *to,
                               struct err *err) {
    to = trim(&from, to);
    if (from == to || *from == '#') {
        return status_ok();
    }
    if (memchr(from, '\0', (size_t)(to - from)) != NULL) {
        return err_set(err, FAILURE_CONFIG, "a NUL byte: this is no text file");
    }
    *to = '\0';
    char *equals = strchr(from, '=');
    if (equals != NULL) {
        char *value = equals + 1;
        char *key_end = trim(&from, equals);
        (void)trim(&value, to);
        *key_end = '=';
        memmove(key_end + 1, value, strlen(value) + 1);
    }
    return kafka_settings_parse(settings, from, err);
}

static struct status read_lines(struct kafka_settings *settings, const char *path,
                                struct bytes *text, struct err *err) {
    char *line = (char *)text->data;
    char *end = line + text->count;
    for (uint64_t number = 1; line < end; number++) {
        char *line_end = memchr(line, '\n', (size_t)(end - line));
        assert(line_end != NULL);
        struct status status = read_line(settings, line, line_end, err);
        if (failed(status)) {
            err_prefix(err, "%s:%llu", path, (unsigned long long)number);
            return status;
        }
        line = line_end + 1;
    }
    return status_ok();
}

struct status kafka_settings_read(struct kafka_settings *settings, const char *path,
                                  struct err *err) {
    struct bytes text = {0};
    struct status status = file_read_all(path, &text, err);
    if (!failed(status)) {
        /* The last line may lack its end. */
        status = bytes_append(&text, "\n", 1, err);
    }
    if (!failed(status)) {
        status = read_lines(settings, path, &text, err);
    }
    bytes_release(&text);
    return status;
}
