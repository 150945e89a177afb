#include "pipeline/quarantine.h"

#include "schemas/limits.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void quarantined_release(struct quarantined *quarantined) {
    free(quarantined->file);
    free(quarantined->reason);
    free(quarantined->content);
    free(quarantined->letter.key);
    free(quarantined->letter.value);
    *quarantined = (struct quarantined){0};
}

void quarantined_describe(const struct quarantined *quarantined,
                          char text[QUARANTINED_TEXT_BYTES]) {
    if (quarantined->is_letter) {
        (void)snprintf(text, QUARANTINED_TEXT_BYTES, "%s, offset %" PRIu64 ": %s",
                       quarantined->file, quarantined->record, quarantined->reason);
    } else {
        (void)snprintf(text, QUARANTINED_TEXT_BYTES, "%s:%s", quarantined->file,
                       quarantined->reason);
    }
}

void quarantine_release(struct quarantine *quarantine) {
    for (size_t i = 0; i < quarantine->count; i++) {
        quarantined_release(&quarantine->items[i]);
    }
    free(quarantine->items);
    *quarantine = (struct quarantine){0};
}

static struct status items_reserve(struct quarantine *quarantine, size_t extra, struct err *err) {
    if (extra <= quarantine->capacity - quarantine->count) {
        return status_ok();
    }
    size_t capacity = quarantine->capacity * 2 + extra + 15;
    struct quarantined *grown = reallocarray(quarantine->items, capacity, sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, capacity * sizeof *grown, "the quarantine");
    }
    quarantine->items = grown;
    quarantine->capacity = capacity;
    return status_ok();
}

struct status quarantine_hold(struct quarantine *quarantine, const char *log, const char *name,
                              uint64_t place, const char *reason, struct err *err) {
    if (quarantine->count >= LIMIT_QUARANTINED || quarantine->letter_bytes > LIMIT_LETTER_BYTES) {
        return err_set(err, FAILURE_DATA,
                       "%zu malformed records, at last %s:%" PRIu64 ": %s; is it a log of %s?",
                       quarantine->count, name, place, reason, log);
    }
    return items_reserve(quarantine, 1, err);
}

struct status quarantine_add(struct quarantine *quarantine, struct quarantined *made,
                             struct err *err) {
    if (made->file == NULL || made->reason == NULL || made->content == NULL) {
        quarantined_release(made);
        return err_memory(err, QUARANTINE_CONTENT_BYTES, "the quarantine");
    }
    assert(made->log != NULL && quarantine->count < quarantine->capacity);
    quarantine->letter_bytes += made->letter.key_bytes + made->letter.value_bytes;
    quarantine->items[quarantine->count++] = *made;
    return status_ok();
}

struct status quarantine_file_record(struct quarantine *quarantine, const char *log,
                                     const char *name, uint64_t record,
                                     const struct malformed *malformed, struct err *err) {
    TRY(quarantine_hold(quarantine, log, name, malformed->line, malformed->reason, err));
    size_t bytes = malformed->content_bytes < QUARANTINE_CONTENT_BYTES ? malformed->content_bytes
                                                                       : QUARANTINE_CONTENT_BYTES;
    struct quarantined kept = {
        .log = log,
        .file = strdup(name),
        .record = record + 1,
        .content = bytes == 0 ? strdup("") : strndup(malformed->content, bytes),
    };
    if (asprintf(&kept.reason, "%" PRIu64 ": %s", malformed->line, malformed->reason) < 0) {
        kept.reason = NULL;
    }
    return quarantine_add(quarantine, &kept, err);
}

struct status quarantine_move(struct quarantine *to, struct quarantine *from, struct err *err) {
    if (from->count != 0) {
        TRY(items_reserve(to, from->count, err));
        memcpy(to->items + to->count, from->items, from->count * sizeof *from->items);
        to->count += from->count;
        to->letter_bytes += from->letter_bytes;
    }
    from->count = 0; /* they have another owner now */
    quarantine_release(from);
    return status_ok();
}

struct status quarantine_gate(const struct quarantine *quarantine, size_t first, uint64_t malformed,
                              uint64_t looked, double share_max, struct err *err) {
    if ((double)malformed <= share_max * (double)looked) {
        return status_ok();
    }
    assert(first < quarantine->count);
    char text[QUARANTINED_TEXT_BYTES];
    quarantined_describe(&quarantine->items[first], text);
    return err_set(err, FAILURE_DATA,
                   "%s; %" PRIu64 " of %" PRIu64 " records are malformed, more than the share "
                   "of %g that --max-malformed allows: mend the log, or allow more",
                   text, malformed, looked, share_max);
}
