/* Who listens to a Kafka client while it works: its log lines and its statistics. */
#ifndef TIEFLOW_STAGES_KAFKA_KAFKA_WATCH_H
#define TIEFLOW_STAGES_KAFKA_KAFKA_WATCH_H

/* Zero-initialised: nobody listens. The functions are called from the thread that calls the client,
 * inside those calls only. Texts are lent for the call. */
struct kafka_watch {
    void *context;
    /* A line of the client's log; level as in syslog.h (3 error, 4 warning, 6 info). */
    void (*log)(void *context, int level, const char *text);
    /* The client's statistics: one JSON object (STATISTICS.md of librdkafka). */
    void (*statistics)(void *context, const char *json);
    unsigned statistics_interval_ms; /* 0: none */
};

#endif
