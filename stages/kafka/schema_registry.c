/* One connection of libcurl serves every request. What was learned of an id, its schema or the
 * failure, is an entry; the mapped files are entries from the start.
 *
 * curl_global_init counts its callers and is safe beside other threads since libcurl 7.84 (built
 * with atomics, as everywhere), so that a registry can begin and end libcurl by itself.
 *
 * Credentials are taken out of the URL at once: what is kept for messages never holds them.
 */
#include "stages/kafka/schema_registry.h"

#include "schemas/limits.h"
#include "stages/base/bytes.h"
#include "stages/base/json.h"
#include "stages/base/json_writer.h"
#include "stages/base/number.h"

#include <assert.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TIMEOUT_MS = 10000,
    TRIES = 3,
    PAUSE_MS = 200, /* before the second try; doubled before the third */
    REDIRECTS_MAX = 3,
    SAID_BYTES = 256, /* of what a registry says, in our errors */
    /* Of the protocol. */
    HTTP_OK_FIRST = 200,
    HTTP_OK_END = 300,
    HTTP_UNAUTHORIZED = 401,
    HTTP_FORBIDDEN = 403,
    HTTP_NOT_FOUND = 404,
    HTTP_TOO_MANY = 429,
    HTTP_SERVER_FIRST = 500,
    CODE_NO_SCHEMA = 40403,
};

struct entry {
    uint32_t id;
    bool is_mapped;
    char *text;      /* NULL: `err` says why */
    struct err *err; /* NULL: there is a text */
};

struct schema_registry {
    char *url; /* without credentials, without a slash at the end; NULL: none */
    CURL *curl;
    bool has_global;
    unsigned timeout_ms;
    struct entry *entries;
    size_t count;
    size_t capacity;
    struct bytes response;
    bool is_too_large;
    bool is_response_dropped;
};

/* ---- entries ---- */

static struct entry *entry_find(const struct schema_registry *registry, uint32_t id) {
    for (size_t i = 0; i < registry->count; i++) {
        if (registry->entries[i].id == id) {
            return &registry->entries[i];
        }
    }
    return NULL;
}

static struct status entries_reserve(struct schema_registry *registry, struct err *err) {
    if (registry->count < registry->capacity) {
        return status_ok();
    }
    size_t capacity = 2 * registry->capacity + 8;
    struct entry *grown = realloc(registry->entries, capacity * sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, capacity * sizeof *grown, "schemas");
    }
    registry->entries = grown;
    registry->capacity = capacity;
    return status_ok();
}

/* Copies the text. */
static struct status text_enter(struct schema_registry *registry, uint32_t id, bool is_mapped,
                                const char *text, size_t bytes, struct err *err) {
    TRY(entries_reserve(registry, err));
    char *copy = strndup(text, bytes);
    if (copy == NULL) {
        return err_memory(err, bytes, "a schema");
    }
    registry->entries[registry->count++] =
        (struct entry){.id = id, .is_mapped = is_mapped, .text = copy};
    return status_ok();
}

/* Copies the failure; without memory it is not remembered. */
static void failure_enter(struct schema_registry *registry, uint32_t id,
                          const struct err *failure) {
    struct err *copy = malloc(sizeof *copy);
    if (copy == NULL || failed(entries_reserve(registry, NULL))) {
        free(copy);
        return;
    }
    *copy = *failure;
    registry->entries[registry->count++] = (struct entry){.id = id, .err = copy};
}

/* ---- opening ---- */

/* "7=file.avsc" */
static struct status map_parse(const char *map, uint32_t *id, const char **path, struct err *err) {
    const char *equals = strchr(map, '=');
    uint64_t number;
    if (equals == NULL || equals[1] == '\0' ||
        !number_parse_u64(map, (size_t)(equals - map), &number) || number > UINT32_MAX) {
        return err_set(err, FAILURE_CONFIG,
                       "--schema-map: \"%s\" is not ID=FILE with an id from 0 to 2^32-1", map);
    }
    *id = (uint32_t)number;
    *path = equals + 1;
    return status_ok();
}

static struct status map_file_read(const char *path, struct bytes *text, struct err *err) {
    uint64_t size;
    TRY(file_size(path, &size, err));
    if (size > LIMIT_SCHEMA_BYTES) {
        return err_set(err, FAILURE_CONFIG, "%s: %" PRIu64 " bytes: a schema has at most %u", path,
                       size, LIMIT_SCHEMA_BYTES);
    }
    TRY(file_read_all(path, text, err));
    if (text->count > LIMIT_SCHEMA_BYTES) { /* it was packed */
        return err_set(err, FAILURE_CONFIG, "%s: unpacks to %zu bytes: a schema has at most %u",
                       path, text->count, LIMIT_SCHEMA_BYTES);
    }
    struct json *root;
    struct status status = json_parse(&root, (const char *)text->data, text->count, err);
    if (failed(status)) {
        err_prefix(err, "%s", path);
        return status;
    }
    json_free(root);
    return status_ok();
}

static struct status map_add(struct schema_registry *registry, const char *map, struct err *err) {
    uint32_t id = 0;
    const char *path = NULL;
    TRY(map_parse(map, &id, &path, err));
    if (entry_find(registry, id) != NULL) {
        return err_set(err, FAILURE_CONFIG, "--schema-map: schema %" PRIu32 " is mapped twice", id);
    }
    struct bytes text = {0};
    struct err inner = {0};
    struct status status = map_file_read(path, &text, &inner);
    if (status.failure == FAILURE_RETRY) {
        status = err_set(err, FAILURE_RETRY, "%s", inner.text);
    } else if (failed(status)) {
        status = err_set(err, FAILURE_CONFIG, "--schema-map %s: %s", map, inner.text);
    } else {
        status = text_enter(registry, id, true, (const char *)text.data, text.count, err);
    }
    bytes_release(&text);
    return status;
}

/* The part in new memory of curl's; NULL where the URL has none. */
static char *url_part(CURLU *url, CURLUPart part, unsigned flags) {
    char *text = NULL;
    return curl_url_get(url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

static struct status url_refuse(struct err *err, const char *what) {
    return err_set(err, FAILURE_CONFIG,
                   "the schema registry's URL %s: http(s)://[user:password@]host[:port][/path] is "
                   "expected",
                   what);
}

/* Hands user and password to curl and takes them out of the URL. */
static struct status credentials_take(struct schema_registry *registry, CURLU *url,
                                      struct err *err) {
    char *user = url_part(url, CURLUPART_USER, CURLU_URLDECODE);
    char *password = url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    CURLcode code = CURLE_OK;
    if (user != NULL || password != NULL) {
        code = curl_easy_setopt(registry->curl, CURLOPT_USERNAME, user == NULL ? "" : user);
        if (code == CURLE_OK) {
            code = curl_easy_setopt(registry->curl, CURLOPT_PASSWORD,
                                    password == NULL ? "" : password);
        }
    }
    curl_free(user);
    curl_free(password);
    if (code != CURLE_OK || curl_url_set(url, CURLUPART_USER, NULL, 0) != CURLUE_OK ||
        curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) != CURLUE_OK) {
        return err_memory(err, LIMIT_SCHEMA_BYTES, "a schema registry");
    }
    return status_ok();
}

static struct status url_keep(struct schema_registry *registry, CURLU *url, struct err *err) {
    TRY(credentials_take(registry, url, err));
    char *whole = url_part(url, CURLUPART_URL, 0);
    if (whole == NULL) {
        return err_memory(err, LIMIT_SCHEMA_BYTES, "a schema registry");
    }
    size_t bytes = strlen(whole);
    while (bytes > 0 && whole[bytes - 1] == '/') {
        bytes--;
    }
    registry->url = strndup(whole, bytes);
    curl_free(whole);
    return registry->url == NULL ? err_memory(err, bytes, "a schema registry") : status_ok();
}

static struct status url_take(struct schema_registry *registry, const char *text, struct err *err) {
    CURLU *url = curl_url();
    if (url == NULL) {
        return err_memory(err, LIMIT_SCHEMA_BYTES, "a schema registry");
    }
    struct status status;
    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK) {
        TRY_OR(done, status, url_refuse(err, "cannot be parsed"));
    }
    char *scheme = url_part(url, CURLUPART_SCHEME, 0);
    char *query = url_part(url, CURLUPART_QUERY, 0);
    char *fragment = url_part(url, CURLUPART_FRAGMENT, 0);
    bool is_http = scheme != NULL && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    bool has_more = query != NULL || fragment != NULL;
    curl_free(scheme);
    curl_free(query);
    curl_free(fragment);
    if (!is_http || has_more) {
        TRY_OR(done, status, url_refuse(err, has_more ? "has a query" : "is not of http or https"));
    }
    status = url_keep(registry, url, err);
done:
    curl_url_cleanup(url);
    return status;
}

static size_t response_take(char *data, size_t size, size_t count, void *context) {
    struct schema_registry *registry = context;
    size_t bytes = size * count;
    if (registry->is_response_dropped) {
        return bytes;
    }
    registry->is_too_large = bytes > LIMIT_RESPONSE_BYTES - registry->response.count;
    if (registry->is_too_large || failed(bytes_append(&registry->response, data, bytes, NULL))) {
        return 0; /* curl stops with CURLE_WRITE_ERROR */
    }
    return bytes;
}

/* What holds for every request. */
static struct status curl_prepare(struct schema_registry *registry, struct err *err) {
    CURL *curl = registry->curl;
    CURLcode codes[] = {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L),
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https"),
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https"),
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L),
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX),
        curl_easy_setopt(curl, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL),
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC),
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)registry->timeout_ms),
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)registry->timeout_ms),
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, response_take),
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, registry),
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i] != CURLE_OK) {
            return err_set(err, FAILURE_INTERNAL, "libcurl refuses a setting: %s",
                           curl_easy_strerror(codes[i]));
        }
    }
    return status_ok();
}

static struct status registry_begin(struct schema_registry *registry,
                                    const struct schema_registry_options *options,
                                    struct err *err) {
    registry->timeout_ms = options->timeout_ms == 0 ? TIMEOUT_MS : options->timeout_ms;
    for (size_t i = 0; options->maps != NULL && i < options->maps->count; i++) {
        TRY(map_add(registry, options->maps->items[i], err));
    }
    if (options->url == NULL) {
        return status_ok();
    }
    registry->has_global = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    registry->curl = registry->has_global ? curl_easy_init() : NULL;
    if (registry->curl == NULL) {
        return err_memory(err, LIMIT_SCHEMA_BYTES, "a schema registry");
    }
    TRY(curl_prepare(registry, err));
    return url_take(registry, options->url, err);
}

struct status schema_registry_open(struct schema_registry **registry,
                                   const struct schema_registry_options *options, struct err *err) {
    struct schema_registry *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "a schema registry");
    }
    struct status status = registry_begin(made, options, err);
    if (failed(status)) {
        schema_registry_close(made);
        return status;
    }
    *registry = made;
    return status_ok();
}

void schema_registry_close(struct schema_registry *registry) {
    if (registry == NULL) {
        return;
    }
    for (size_t i = 0; i < registry->count; i++) {
        free(registry->entries[i].text);
        free(registry->entries[i].err);
    }
    free(registry->entries);
    bytes_release(&registry->response);
    free(registry->url);
    if (registry->curl != NULL) {
        curl_easy_cleanup(registry->curl);
    }
    if (registry->has_global) {
        curl_global_cleanup();
    }
    free(registry);
}

/* ---- requests ---- */

static bool is_passing(CURLcode code, long http) {
    switch (code) {
    case CURLE_OK:
        return http >= HTTP_SERVER_FIRST || http == HTTP_TOO_MANY;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return true;
    default:
        return false;
    }
}

static void pause_before(unsigned try) {
    long pause_ms = (long)PAUSE_MS << (try - 1);
    const struct timespec pause = {.tv_nsec = pause_ms * 1000000};
    (void)nanosleep(&pause, NULL); /* a shorter pause does no harm */
}

/* Performs the request that has been prepared until it is answered, TRIES times at most. */
static CURLcode perform(struct schema_registry *registry, long *http) {
    CURLcode code = CURLE_OK;
    for (unsigned try = 0; try < TRIES; try++) {
        if (try > 0) {
            pause_before(try);
        }
        registry->response.count = 0;
        registry->is_too_large = false;
        *http = 0;
        code = curl_easy_perform(registry->curl);
        if (code == CURLE_OK) {
            code = curl_easy_getinfo(registry->curl, CURLINFO_RESPONSE_CODE, http);
        }
        if (!is_passing(code, *http)) {
            break;
        }
    }
    return code;
}

/* Sends a request for the path (GET without a body, else POST); the answer is in
 * registry->response. */
static struct status request(struct schema_registry *registry, const char *path,
                             const struct bytes *body, long *http, struct err *err) {
    char *url = NULL;
    struct curl_slist *headers = NULL;
    if (asprintf(&url, "%s%s", registry->url, path) < 0) {
        return err_memory(err, strlen(path), "a request");
    }
    headers = curl_slist_append(
        NULL, body == NULL ? "Accept: application/vnd.schemaregistry.v1+json, application/json"
                           : "Content-Type: application/vnd.schemaregistry.v1+json");
    CURLcode code = headers == NULL ? CURLE_OUT_OF_MEMORY : CURLE_OK;
    if (code == CURLE_OK) {
        code = curl_easy_setopt(registry->curl, CURLOPT_URL, url);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(registry->curl, CURLOPT_HTTPHEADER, headers);
    }
    if (code == CURLE_OK && body != NULL) {
        (void)curl_easy_setopt(registry->curl, CURLOPT_POSTFIELDSIZE, (long)body->count);
        code = curl_easy_setopt(registry->curl, CURLOPT_POSTFIELDS, (const char *)body->data);
    } else if (code == CURLE_OK) {
        code = curl_easy_setopt(registry->curl, CURLOPT_HTTPGET, 1L);
    }
    if (code == CURLE_OK) {
        code = perform(registry, http);
    }
    (void)curl_easy_setopt(registry->curl, CURLOPT_HTTPHEADER, NULL); /* the list goes */
    curl_slist_free_all(headers);
    free(url);
    if (registry->is_too_large) {
        return err_set(err, FAILURE_BROKER, "schema registry %s answers with more than %u bytes",
                       registry->url, LIMIT_RESPONSE_BYTES);
    }
    if (code == CURLE_OUT_OF_MEMORY || code == CURLE_WRITE_ERROR) {
        return err_memory(err, LIMIT_RESPONSE_BYTES, "a schema registry");
    }
    if (code != CURLE_OK) {
        return err_set(err, FAILURE_BROKER, "schema registry %s cannot be reached: %s",
                       registry->url, curl_easy_strerror(code));
    }
    return status_ok();
}

/* The response as JSON; NULL where it is none. */
static struct json *response_parse(const struct schema_registry *registry) {
    struct json *root;
    struct status status =
        json_parse(&root, (const char *)registry->response.data, registry->response.count, NULL);
    return failed(status) ? NULL : root;
}

/* What an answer that is no success means, for requests that know no better. */
static struct status http_failure(const struct schema_registry *registry, long http,
                                  const struct json *answer, struct err *err) {
    const char *said = json_text(json_get(answer, "message"));
    said = said == NULL ? "" : said;
    if (http == HTTP_UNAUTHORIZED || http == HTTP_FORBIDDEN) {
        return err_set(err, FAILURE_PERMISSION,
                       "schema registry %s refuses access (HTTP %ld): %.*s; give user:password@ in "
                       "its URL, or ask for the right to read",
                       registry->url, http, SAID_BYTES, said);
    }
    if (http >= HTTP_SERVER_FIRST || http == HTTP_TOO_MANY) {
        return err_set(err, FAILURE_BROKER,
                       "schema registry %s is not able to answer (HTTP %ld, tried %d times): %.*s",
                       registry->url, http, TRIES, SAID_BYTES, said);
    }
    return err_set(err, FAILURE_CONFIG,
                   "schema registry %s does not know the request (HTTP %ld): %.*s; is the URL "
                   "right?",
                   registry->url, http, SAID_BYTES, said);
}

static bool is_success(long http) {
    return http >= HTTP_OK_FIRST && http < HTTP_OK_END;
}

/* ---- get ---- */

static struct status schema_check(const struct schema_registry *registry, uint32_t id,
                                  const struct json *answer, struct err *err) {
    const struct json *kind = json_get(answer, "schemaType");
    const char *text = json_text(json_get(answer, "schema"));
    if (text == NULL || (kind != NULL && json_text(kind) == NULL)) {
        return err_set(err, FAILURE_BROKER,
                       "schema registry %s answers for schema %" PRIu32
                       " with something that holds no schema",
                       registry->url, id);
    }
    if (kind != NULL && strcmp(json_text(kind), "AVRO") != 0) {
        return err_set(err, FAILURE_DATA,
                       "schema %" PRIu32 " is of type %.60s: only AVRO can be read", id,
                       json_text(kind));
    }
    if (json_count(json_get(answer, "references")) > 0) {
        return err_set(err, FAILURE_DATA,
                       "schema %" PRIu32
                       " refers to other schemas: write all into one file and map "
                       "it with --schema-map %" PRIu32 "=FILE",
                       id, id);
    }
    if (strlen(text) > LIMIT_SCHEMA_BYTES) {
        return err_set(err, FAILURE_DATA, "schema %" PRIu32 " has %zu bytes: the limit is %u", id,
                       strlen(text), LIMIT_SCHEMA_BYTES);
    }
    return status_ok();
}

static struct status schema_take(struct schema_registry *registry, uint32_t id, long http,
                                 const struct json *answer, struct err *err) {
    if (is_success(http)) {
        TRY(schema_check(registry, id, answer, err));
        const char *text = json_text(json_get(answer, "schema"));
        return text_enter(registry, id, false, text, strlen(text), err);
    }
    uint64_t code;
    if (http == HTTP_NOT_FOUND && json_u64(json_get(answer, "error_code"), &code) &&
        code == CODE_NO_SCHEMA) {
        return err_set(err, FAILURE_DATA,
                       "schema %" PRIu32
                       " is not in the registry %s; map it with --schema-map %" PRIu32 "=FILE",
                       id, registry->url, id);
    }
    return http_failure(registry, http, answer, err);
}

static struct status schema_fetch(struct schema_registry *registry, uint32_t id, struct err *err) {
    if (registry->count >= LIMIT_SCHEMAS) {
        return err_set(err, FAILURE_CONFIG,
                       "records name more than %d schemas, at last %" PRIu32
                       ": is the encoding right, and the topic?",
                       LIMIT_SCHEMAS, id);
    }
    if (registry->url == NULL) {
        return err_set(err, FAILURE_DATA,
                       "schema %" PRIu32 " is not mapped and no schema registry is named; map it "
                       "with --schema-map %" PRIu32 "=FILE",
                       id, id);
    }
    char path[64];
    (void)snprintf(path, sizeof path, "/schemas/ids/%" PRIu32, id); /* always fits */
    long http;
    TRY(request(registry, path, NULL, &http, err));
    struct json *answer = response_parse(registry);
    struct status status = schema_take(registry, id, http, answer, err);
    json_free(answer);
    return status;
}

struct status schema_registry_get(struct schema_registry *registry, uint32_t id,
                                  const char **schema, struct err *err) {
    const struct entry *entry = entry_find(registry, id);
    if (entry == NULL) {
        struct err inner = {0};
        struct status status = schema_fetch(registry, id, &inner);
        if (failed(status)) {
            if (status.failure != FAILURE_RETRY) {
                failure_enter(registry, id, &inner);
            }
            return err_set(err, status.failure, "%s", inner.text);
        }
        entry = entry_find(registry, id);
    }
    if (entry->err != NULL) {
        return err_set(err, entry->err->failure, "%s", entry->err->text);
    }
    *schema = entry->text;
    return status_ok();
}

/* ---- put ---- */

/* The mapped file that holds the same JSON value; NULL where there is none. */
static const struct entry *mapped_find(const struct schema_registry *registry,
                                       const struct json *wanted) {
    for (size_t i = 0; i < registry->count; i++) {
        const struct entry *entry = &registry->entries[i];
        struct json *root;
        if (!entry->is_mapped ||
            failed(json_parse(&root, entry->text, strlen(entry->text), NULL))) {
            continue;
        }
        bool is_same = json_equal(root, wanted);
        json_free(root);
        if (is_same) {
            return entry;
        }
    }
    return NULL;
}

static struct status id_take(const struct schema_registry *registry, const char *subject, long http,
                             const struct json *answer, uint32_t *id, struct err *err) {
    uint64_t number;
    if (!is_success(http)) {
        struct status status = http_failure(registry, http, answer, err);
        err_prefix(err, "the schema of %s cannot be registered", subject);
        return status;
    }
    if (!json_u64(json_get(answer, "id"), &number) || number > UINT32_MAX) {
        return err_set(err, FAILURE_BROKER,
                       "schema registry %s answers for %s with something that holds no id",
                       registry->url, subject);
    }
    *id = (uint32_t)number;
    return status_ok();
}

/* Registers the schema. */
static struct status schema_post(struct schema_registry *registry, const char *subject,
                                 const char *schema, uint32_t *id, struct err *err) {
    char *escaped = curl_easy_escape(registry->curl, subject, 0);
    char *path = NULL;
    bool has_path = escaped != NULL && asprintf(&path, "/subjects/%s/versions", escaped) >= 0;
    curl_free(escaped);
    if (!has_path) {
        return err_memory(err, strlen(subject), "a request");
    }
    struct json_writer body = {.is_compact = true};
    json_object_begin(&body, NULL);
    json_put_text(&body, "schema", schema);
    json_object_end(&body);
    long http;
    struct json *answer = NULL;
    struct status status;
    TRY_OR(done, status, json_writer_finish(&body, err));
    TRY_OR(done, status, request(registry, path, &body.text, &http, err));
    answer = response_parse(registry);
    status = id_take(registry, subject, http, answer, id, err);
done:
    json_free(answer);
    json_writer_release(&body);
    free(path);
    return status;
}

struct status schema_registry_put(struct schema_registry *registry, const char *subject,
                                  const char *schema, uint32_t *id, struct err *err) {
    struct json *wanted;
    TRY(json_parse(&wanted, schema, strlen(schema), err));
    const struct entry *mapped = mapped_find(registry, wanted);
    json_free(wanted);
    if (mapped != NULL) {
        *id = mapped->id;
        return status_ok();
    }
    if (registry->url == NULL) {
        return err_set(err, FAILURE_CONFIG,
                       "the schema of %s has no id: name a schema registry, or map a file that "
                       "holds it with --schema-map ID=FILE",
                       subject);
    }
    return schema_post(registry, subject, schema, id, err);
}

/* ---- probe ---- */

struct status schema_registry_probe(struct schema_registry *registry, struct err *err) {
    if (registry->url == NULL) {
        return status_ok();
    }
    long http;
    registry->is_response_dropped = true; /* all subjects: of no use, and of any length */
    struct status status = request(registry, "/subjects", NULL, &http, err);
    registry->is_response_dropped = false;
    TRY(status);
    return is_success(http) ? status_ok() : http_failure(registry, http, NULL, err);
}
