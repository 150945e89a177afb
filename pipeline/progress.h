/* What a person or a log sees of a run while it goes on: a bar with rate and ETA on a terminal, one
 * JSON object per line on request, nothing otherwise. Everything goes to standard error.
 *
 * This is the only place below main.c that prints, and the only one that reads the clock.
 */
#ifndef TIEFLOW_PIPELINE_PROGRESS_H
#define TIEFLOW_PIPELINE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum progress_mode { PROGRESS_TEXT, PROGRESS_JSON, PROGRESS_QUIET };

struct progress {
    enum progress_mode mode;
    bool is_terminal;
    const char *phase; /* a constant: "reading", ... */
    const char *unit;  /* "bytes", "events", ... */
    uint64_t done;
    uint64_t total; /* 0: unknown */
    uint64_t bytes; /* that the phase has read, where its unit is another; 0: not told */
    uint64_t phase_start_ns;
    uint64_t run_start_ns;
    uint64_t shown_ns;
};

void progress_init(struct progress *progress, enum progress_mode mode);

/* Starts a phase of `total` units. Ends the one before. */
void progress_begin(struct progress *progress, const char *phase, const char *unit, uint64_t total);

/* Says how far the phase is. Cheap: shows something at most ten times a second (JSON: once). */
void progress_update(struct progress *progress, uint64_t done);

/* Says how many bytes the phase has read, for the next update. */
static inline void progress_bytes(struct progress *progress, uint64_t bytes) {
    progress->bytes = bytes;
}

/* Ends the phase: clears the bar, or logs the phase's total and duration. */
void progress_end(struct progress *progress);

/* One line of text for people, or {"event": "note", "text": ...}; for warnings. */
void progress_note(struct progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* {"event": EVENT, EVENT: json} where lines of JSON are wanted; `json` is an object. */
void progress_json(struct progress *progress, const char *event, const char *json);

/* Seconds since progress_init, and since the phase began. */
double progress_seconds(const struct progress *progress);

/* The greatest resident memory of this process so far, in bytes. */
uint64_t progress_peak_bytes(void);

#endif
