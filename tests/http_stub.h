/* A web server for tests: one thread on a free port of the loopback interface that gives canned
 * answers in order, the last of them again and again, and keeps the requests it got. One connection
 * at a time, one request each. */
#ifndef TIEFLOW_TESTS_HTTP_STUB_H
#define TIEFLOW_TESTS_HTTP_STUB_H

#include <stddef.h>

struct http_answer {
    int status;          /* 0: the connection is closed without a word; -1: it is kept in silence */
    const char *body;    /* borrowed until the stop */
    const char *headers; /* further lines, each with its line break; NULL: none */
};

struct http_stub;

/* Fails the test where it cannot start. `answers` is borrowed until the stop. */
struct http_stub *http_stub_start(const struct http_answer *answers, size_t count);
void http_stub_stop(struct http_stub *stub);

unsigned http_stub_port(const struct http_stub *stub);

/* How many requests there were; the text of one (head and body), lent until the stop. */
size_t http_stub_count(struct http_stub *stub);
const char *http_stub_request(struct http_stub *stub, size_t index);

#endif
