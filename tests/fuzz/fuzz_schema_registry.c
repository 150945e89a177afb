/* The bytes as what a schema registry answers, behind a status that the first byte chooses; and as
 * the file of a mapped schema. What is given out is a text
 * of bounded length, a refusal is one line and never shows the password of the URL. */
#include "schemas/limits.h"
#include "stages/decode/avro_schema.h"
#include "stages/kafka/schema_registry.h"
#include "tests/fuzz/memory_file.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAPPED = 3, ASKED = 7 };

static const char secret[] = "s3cr3t-s3cr3t";

static void require(bool is_true) {
    if (!is_true) {
        abort();
    }
}

/* A server on loopback that gives every connection the same bytes, whatever it asks. */
struct server {
    int listener;
    unsigned port;
    pthread_mutex_t lock;
    const uint8_t *data;
    size_t size;
};

static void all_send(int connection, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t sent = send(connection, data, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the client has heard enough */
        }
        data += sent;
        size -= (size_t)sent;
    }
}

static void *server_run(void *context) {
    struct server *server = context;
    for (;;) {
        char request[4096];
        int connection = accept(server->listener, NULL, NULL);
        require(connection >= 0);
        (void)recv(connection, request, sizeof request, 0);
        require(pthread_mutex_lock(&server->lock) == 0);
        all_send(connection, server->data, server->size);
        require(pthread_mutex_unlock(&server->lock) == 0);
        (void)shutdown(connection, SHUT_WR);
        while (recv(connection, request, sizeof request, 0) > 0) {
        }
        (void)close(connection);
    }
    return NULL;
}

static struct server *server_started(void) {
    static struct server server = {.listener = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
    if (server.listener < 0) {
        struct sockaddr_in address = {.sin_family = AF_INET};
        socklen_t bytes = sizeof address;
        pthread_t thread;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        require(server.listener >= 0);
        require(bind(server.listener, (struct sockaddr *)&address, bytes) == 0);
        require(getsockname(server.listener, (struct sockaddr *)&address, &bytes) == 0);
        require(listen(server.listener, 8) == 0);
        server.port = ntohs(address.sin_port);
        require(pthread_create(&thread, NULL, server_run, &server) == 0);
        require(pthread_detach(thread) == 0);
    }
    return &server;
}

static void server_answer(struct server *server, const uint8_t *data, size_t size) {
    require(pthread_mutex_lock(&server->lock) == 0);
    server->data = data;
    server->size = size;
    require(pthread_mutex_unlock(&server->lock) == 0);
}

/* A schema that was given out is read like any. */
static void schema_check(const char *text) {
    struct writer_schema *schema;
    require(strlen(text) <= LIMIT_SCHEMA_BYTES);
    if (!failed(writer_schema_new(&schema, text, strlen(text), "fuzz", NULL))) {
        writer_schema_free(schema);
    }
}

static void refusal_check(struct status status, const struct err *err, bool is_secret) {
    require(!failed(status) || (err->text[0] != '\0' && strchr(err->text, '\n') == NULL));
    require(!failed(status) || !is_secret || strstr(err->text, secret) == NULL);
}

static void registry_ask(const char *url, const struct names *maps, bool is_secret) {
    struct schema_registry *registry;
    const struct schema_registry_options options = {.url = url, .maps = maps, .timeout_ms = 1000};
    struct err err = {0};
    struct status status = schema_registry_open(&registry, &options, &err);
    refusal_check(status, &err, is_secret);
    if (failed(status)) {
        return;
    }
    static const uint32_t ids[] = {MAPPED, ASKED, ASKED};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        const char *text;
        if (url == NULL && ids[i] != MAPPED) {
            break;
        }
        status = schema_registry_get(registry, ids[i], &text, &err);
        refusal_check(status, &err, is_secret);
        if (!failed(status)) {
            schema_check(text);
        }
    }
    uint32_t id;
    refusal_check(schema_registry_put(registry, "topic-value", "\"long\"", &id, &err), &err,
                  is_secret);
    if (url != NULL) {
        refusal_check(schema_registry_probe(registry, &err), &err, is_secret);
    }
    schema_registry_close(registry);
}

static void mapped_read(const uint8_t *data, size_t size) {
    struct memory_file file = memory_file_open(data, size);
    struct names maps = {0};
    char map[sizeof file.path + 16];
    (void)snprintf(map, sizeof map, "%d=%s", MAPPED, file.path);
    require(!failed(names_add(&maps, map, NULL)));
    registry_ask(NULL, &maps, false);
    names_release(&maps);
    memory_file_close(&file);
}

/* Statuses that make the client wait and try again (from 500 on) are left out: a body is read the
 * same behind them. */
static void answered_read(const uint8_t *data, size_t size) {
    static const char *const heads[] = {
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\n\r\n",
        "HTTP/1.0 401 Unauthorized\r\n\r\n",
        "HTTP/1.0 422 Unprocessable\r\n\r\n",
    };
    const char *head = heads[data[0] % (sizeof heads / sizeof heads[0])];
    size_t head_bytes = strlen(head);
    struct server *server = server_started();
    char url[128];
    uint8_t *answer = malloc(head_bytes + size);
    require(answer != NULL);
    memcpy(answer, head, head_bytes);
    memcpy(answer + head_bytes, data + 1, size - 1);
    server_answer(server, answer, head_bytes + size - 1);
    (void)snprintf(url, sizeof url, "http://me:%s@127.0.0.1:%u", secret, server->port);
    registry_ask(url, NULL, memmem(data, size, secret, sizeof secret - 1) == NULL);
    server_answer(server, NULL, 0);
    free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mapped_read(data, size);
    if (size > 0) {
        answered_read(data, size);
    }
    return 0;
}
