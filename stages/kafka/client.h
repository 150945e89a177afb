/* The door to librdkafka, for this folder alone: opening a client from settings, listening to it,
 * waiting for it, and turning its errors into ours.
 *
 * Callbacks run inside client_serve and the other calls here, on the caller's thread: the client's
 * own threads only queue. What it says about its connections is kept, since the errors that its
 * calls return ("timed out") do not tell why.
 *
 * Classes: client_failure. A connection that the brokers refuse (authentication, TLS) is
 * FAILURE_PERMISSION as soon as that is known; one that cannot be made is FAILURE_BROKER after
 * timeout_ms, since brokers restart.
 */
#ifndef TIEFLOW_STAGES_KAFKA_CLIENT_H
#define TIEFLOW_STAGES_KAFKA_CLIENT_H

#include "schemas/status.h"
#include "stages/kafka/client_clock.h"
#include "stages/kafka/client_thread.h"
#include "stages/kafka/kafka_settings.h"
#include "stages/kafka/kafka_watch.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CLIENT_TIMEOUT_MS = 30000,
    CLIENT_SLICE_MS = 100, /* of a wait: between two, callbacks are served and failures are seen */
    CLIENT_TEXT_BYTES = 512
};

struct client_setting {
    const char *key;
    const char *value;
};

/* What is asked of client_open; everything is borrowed for the call, but `delivered` and its
 * `opaque` stay in use. */
struct client_request {
    rd_kafka_type_t type;
    const struct kafka_settings *settings;  /* the user's */
    const struct client_setting *defaults;  /* in front of the user's; ends with key NULL */
    const struct client_setting *exactness; /* behind them: these win; ends with key NULL */
    struct kafka_watch watch;
    unsigned timeout_ms; /* 0: CLIENT_TIMEOUT_MS */
    /* Producers: called for each message that was not delivered. `opaque` is given to it. */
    void (*delivered)(rd_kafka_t *rk, const rd_kafka_message_t *message, void *client);
    void *opaque;
};

struct client {
    rd_kafka_t *rk;
    struct client_rest *rest; /* what its threads see */
    struct kafka_watch watch;
    void *opaque; /* of `delivered` */
    char *brokers;
    unsigned timeout_ms;
    char reason[CLIENT_TEXT_BYTES]; /* the last word on a connection; empty: none since it worked */
    int64_t refused_at_ms;          /* when brokers first refused us; 0: they did not */
    bool all_down;                  /* no broker is connected, and each was tried */
    bool unreadable;                /* a response could not be read (too large, damaged) */
};

/* Makes the client and waits until a broker answers. `client` must stay where it is until the
 * close. FAILURE_CONFIG for settings that contradict each other. */
FALLIBLE client_open(struct client *client, const struct client_request *request, struct err *err);
/* Accepts a client that is not open. */
void client_close(struct client *client);

/* Serves callbacks for at most wait_ms. */
void client_serve(struct client *client, int wait_ms);

/* True where a batch has cost the client a thread (client_thread.h), with the batch's first offset,
 * or -1. The client then gets nothing more from that broker: it is to be closed. */
bool client_is_lost(const struct client *client, int64_t *offset);

/* FAILURE_PERMISSION where the brokers have refused us, and none has accepted us since. */
FALLIBLE client_check(struct client *client, struct err *err);

/* The class of a client's error code. */
enum failure client_failure(rd_kafka_resp_err_t code);

/* True for what passes by itself (a leader moves, a coordinator loads): worth trying again. */
bool client_may_pass(rd_kafka_resp_err_t code);

/* Fills `err` for a code: "what: the client's text (brokers, last reason); what to do". `what` is a
 * printf format. */
FALLIBLE client_fail(const struct client *client, rd_kafka_resp_err_t code, struct err *err,
                     const char *what, ...) PRINTF_LIKE(4, 5);

/* The same for an error object, which is taken and destroyed. */
FALLIBLE client_fail_error(const struct client *client, rd_kafka_error_t *error, struct err *err,
                           const char *what);

/* Partitions of a topic. FAILURE_CONFIG where it does not exist, FAILURE_BROKER where a partition
 * has no leader in time. */
FALLIBLE client_topic(struct client *client, const char *topic, uint32_t *partitions,
                      struct err *err);

/* A list of one topic's partition; NULL without memory. The caller destroys it. */
rd_kafka_topic_partition_list_t *client_partition(const char *topic, int32_t partition,
                                                  int64_t offset);

#endif
