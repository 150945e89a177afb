#include "tests/http_stub.h"

#include "tests/testing.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUESTS_MAX = 64, REQUEST_BYTES = 1 << 17 };

struct http_stub {
    const struct http_answer *answers;
    size_t answer_count;
    int listener;
    int ends[2]; /* a pipe: closed at one end, it ends the thread */
    unsigned port;
    pthread_t thread;
    pthread_mutex_t mutex; /* over the two below */
    char *requests[REQUESTS_MAX];
    size_t count;
};

/* True for a whole request: a head, and as many bytes of body as it promises. */
static bool is_whole(const char *text, size_t bytes) {
    const char *body = strstr(text, "\r\n\r\n");
    if (body == NULL) {
        return false;
    }
    const char *length = strstr(text, "Content-Length: ");
    size_t promised = length == NULL || length > body ? 0 : strtoul(length + 16, NULL, 10);
    return bytes - (size_t)(body + 4 - text) >= promised;
}

static char *request_read(int connection) {
    char *text = calloc(1, REQUEST_BYTES);
    size_t bytes = 0;
    while (text != NULL && !is_whole(text, bytes)) {
        ssize_t got = recv(connection, text + bytes, REQUEST_BYTES - 1 - bytes, 0);
        if (got <= 0) {
            break;
        }
        bytes += (size_t)got;
    }
    return text;
}

static void send_all(int connection, const char *text, size_t bytes) {
    while (bytes > 0) {
        ssize_t sent = send(connection, text, bytes, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the client has seen enough */
        }
        text += sent;
        bytes -= (size_t)sent;
    }
}

static void answer_send(int connection, const struct http_answer *answer) {
    char head[1024];
    int bytes = snprintf(head, sizeof head,
                         "HTTP/1.1 %d Canned\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
                         answer->status, strlen(answer->body),
                         answer->headers == NULL ? "" : answer->headers);
    send_all(connection, head, (size_t)bytes);
    send_all(connection, answer->body, strlen(answer->body));
}

/* Keeps the request and gives the answer that is due. */
static const struct http_answer *request_keep(struct http_stub *stub, char *request) {
    pthread_mutex_lock(&stub->mutex);
    size_t index = stub->count;
    if (index < REQUESTS_MAX) {
        stub->requests[stub->count++] = request;
    } else {
        free(request);
    }
    pthread_mutex_unlock(&stub->mutex);
    return &stub->answers[index < stub->answer_count ? index : stub->answer_count - 1];
}

/* Waits for a connection or the end; -1 for the end. */
static int connection_wait(const struct http_stub *stub) {
    struct pollfd waits[] = {{.fd = stub->listener, .events = POLLIN},
                             {.fd = stub->ends[0], .events = POLLIN}};
    if (poll(waits, 2, -1) < 0 || waits[1].revents != 0) {
        return -1;
    }
    return accept(stub->listener, NULL, NULL);
}

static void *serve(void *context) {
    struct http_stub *stub = context;
    int silent = -1;
    for (;;) {
        int connection = connection_wait(stub);
        if (connection < 0) {
            break;
        }
        const struct http_answer *answer = request_keep(stub, request_read(connection));
        if (answer->status > 0) {
            answer_send(connection, answer);
        } else if (answer->status < 0 && silent < 0) {
            silent = dup(connection); /* keeps it open */
        }
        close(connection);
    }
    close(silent);
    return NULL;
}

struct http_stub *http_stub_start(const struct http_answer *answers, size_t count) {
    struct http_stub *stub = calloc(1, sizeof *stub);
    assert_non_null(stub);
    stub->answers = answers;
    stub->answer_count = count;
    stub->listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof address;
    assert_true(stub->listener >= 0);
    assert_int_equal(bind(stub->listener, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(stub->listener, 8), 0);
    assert_int_equal(getsockname(stub->listener, (struct sockaddr *)&address, &bytes), 0);
    stub->port = ntohs(address.sin_port);
    assert_int_equal(pipe(stub->ends), 0);
    assert_int_equal(pthread_mutex_init(&stub->mutex, NULL), 0);
    assert_int_equal(pthread_create(&stub->thread, NULL, serve, stub), 0);
    return stub;
}

void http_stub_stop(struct http_stub *stub) {
    close(stub->ends[1]);
    pthread_join(stub->thread, NULL);
    close(stub->ends[0]);
    close(stub->listener);
    pthread_mutex_destroy(&stub->mutex);
    for (size_t i = 0; i < stub->count; i++) {
        free(stub->requests[i]);
    }
    free(stub);
}

unsigned http_stub_port(const struct http_stub *stub) {
    return stub->port;
}

size_t http_stub_count(struct http_stub *stub) {
    pthread_mutex_lock(&stub->mutex);
    size_t count = stub->count;
    pthread_mutex_unlock(&stub->mutex);
    return count;
}

const char *http_stub_request(struct http_stub *stub, size_t index) {
    pthread_mutex_lock(&stub->mutex);
    const char *request = index < stub->count ? stub->requests[index] : "";
    pthread_mutex_unlock(&stub->mutex);
    return request;
}
