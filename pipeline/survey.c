#include "pipeline/survey.h"

#include <string.h>

enum { BLOCK_EVENTS = 4096 };

void survey_events(struct survey *survey, const struct event *events, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int64_t at_ms = events[i].at_ms;
        survey->first_ms =
            !survey->has_range || at_ms < survey->first_ms ? at_ms : survey->first_ms;
        survey->last_ms = !survey->has_range || at_ms > survey->last_ms ? at_ms : survey->last_ms;
        survey->has_range = true;
    }
    survey->events += count;
    survey->records += count;
}

void survey_malformed(struct survey *survey, const struct malformed *malformed) {
    if (survey->malformed == 0) {
        survey->first_malformed_line = malformed->line;
        memcpy(survey->first_reason, malformed->reason, sizeof survey->first_reason);
    }
    survey->malformed++;
    survey->records++;
}

struct status survey_file(const char *path, uint64_t records_max, struct progress *progress,
                          uint64_t bytes_before, struct survey *survey, struct err *err) {
    static const struct log_reader_options by_content = {0};
    struct input *input;
    struct log_reader *reader;
    struct event events[BLOCK_EVENTS];
    *survey = (struct survey){0};
    TRY(input_open(&input, path, err));
    TRY(log_reader_open(&reader, input, &by_content, err));
    survey->format = log_reader_format(reader);
    struct status status = status_ok();
    while (survey->records < records_max) {
        struct malformed malformed;
        bool is_malformed;
        size_t count;
        TRY_OR(
            done, status,
            log_reader_next(reader, events, BLOCK_EVENTS, &count, &is_malformed, &malformed, err));
        if (count == 0 && !is_malformed) {
            survey->is_whole = true;
            break;
        }
        survey_events(survey, events, count);
        if (is_malformed) {
            survey_malformed(survey, &malformed);
        }
        progress_update(progress, bytes_before + input_stored_bytes(input));
    }
    survey->stored_bytes = input_stored_bytes(input);
done:
    log_reader_close(reader);
    return status;
}

void survey_widen(const struct survey *survey, int64_t *first_ms, int64_t *last_ms, bool *any) {
    if (survey->has_range) {
        *first_ms = !*any || survey->first_ms < *first_ms ? survey->first_ms : *first_ms;
        *last_ms = !*any || survey->last_ms > *last_ms ? survey->last_ms : *last_ms;
        *any = true;
    }
}
