/* Avro schemas by id: from files that the user names, or from a schema registry over HTTP (the
 * protocol of Confluent's registry, which Karapace and Apicurio speak too). The door to libcurl.
 *
 * Each id is asked for once per run and remembered. Schema texts are bounded by
 * LIMIT_SCHEMA_BYTES.
 */
#ifndef TIEFLOW_STAGES_KAFKA_SCHEMA_REGISTRY_H
#define TIEFLOW_STAGES_KAFKA_SCHEMA_REGISTRY_H

#include "schemas/status.h"
#include "stages/base/files.h"

#include <stdbool.h>
#include <stdint.h>

struct schema_registry;

struct schema_registry_options {
    const char *url;          /* http(s)://[user:password@]host[:port][/path]; NULL: none */
    const struct names *maps; /* "ID=file.avsc" each; NULL: none. They win over the registry */
    unsigned timeout_ms;      /* of one request; 0: 10 s; tried three times */
};

/* Reads the mapped files. FAILURE_CONFIG names the option that is wrong. No request is made yet.
 * Passwords in the URL never appear in an error. */
FALLIBLE schema_registry_open(struct schema_registry **registry,
                              const struct schema_registry_options *options, struct err *err);
/* Accepts NULL. */
void schema_registry_close(struct schema_registry *registry);

/* The schema's JSON text, lent until the close. FAILURE_DATA where the id is unknown (and says how
 * to map it), FAILURE_BROKER where the registry cannot be reached or answers with nonsense,
 * FAILURE_PERMISSION where it refuses us. A failure is remembered as well: one bad id is asked for
 * once. */
FALLIBLE schema_registry_get(struct schema_registry *registry, uint32_t id, const char **schema,
                             struct err *err);

/* The id of a schema under a subject ("TOPIC-value"): that of the mapped file with the same JSON
 * value (whitespace aside), else registered with the registry, which gives the old id where the
 * subject has it. FAILURE_CONFIG where there is neither. */
FALLIBLE schema_registry_put(struct schema_registry *registry, const char *subject,
                             const char *schema, uint32_t *id, struct err *err);

/* What the registry says of itself: reachable, or why not. For `tieflow check`. OK without a URL.
 */
FALLIBLE schema_registry_probe(struct schema_registry *registry, struct err *err);

#endif
