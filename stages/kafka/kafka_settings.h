/* What a user may say to the Kafka client: pairs of librdkafka's own configuration names and
 * values, from `-X key=value`, from `-F file`, and from tieflow itself.
 *
 * The last value of a key wins. Keys on which exactness rests (offsets, isolation, transactions)
 * are tieflow's own and are refused from outside. Values of keys that hold secrets are never handed
 * out.
 */
#ifndef TIEFLOW_STAGES_KAFKA_KAFKA_SETTINGS_H
#define TIEFLOW_STAGES_KAFKA_KAFKA_SETTINGS_H

#include "schemas/status.h"
#include "stages/base/files.h"

#include <stdbool.h>
#include <stddef.h>

struct kafka_settings {
    struct names keys;
    struct names values; /* beside the keys */
};

/* Zero-initialised storage is empty. */
void kafka_settings_release(struct kafka_settings *settings);

/* Sets one key (copied), whoever asks: for tieflow's own choices. */
FALLIBLE kafka_settings_set(struct kafka_settings *settings, const char *key, const char *value,
                            struct err *err);

/* The value of a key; NULL where it was not set. Lent. */
const char *kafka_settings_get(const struct kafka_settings *settings, const char *key);

/* Sets "key=value" as a user wrote it. FAILURE_CONFIG where it is no such pair, where the key is
 * tieflow's own, unknown to the client, or the value is not one of its. The text of the error never
 * holds the value of a secret. */
FALLIBLE kafka_settings_parse(struct kafka_settings *settings, const char *pair, struct err *err);

/* Reads a file of such pairs, one a line; blank lines and '#' comments are skipped (the format of
 * kcat and of librdkafka's examples). FAILURE_CONFIG names file and line. */
FALLIBLE kafka_settings_read(struct kafka_settings *settings, const char *path, struct err *err);

/* The value as it may be shown: "[redacted]" where the key holds a secret (passwords, keys, tokens,
 * JAAS and OAuth configurations), else the value itself. */
const char *kafka_settings_shown(const char *key, const char *value);

#endif
