#include "pipeline/survey.h"

#include "stages/base/random.h"

#include <math.h>
#include <string.h>

enum { BLOCK_EVENTS = 4096 };

static void member_mark(struct survey *survey, struct member_id member) {
    uint64_t bit = random_mix(member.v) % SURVEY_SKETCH_BITS;
    survey->sketch[bit >> 6] |= UINT64_C(1) << (bit & 63);
}

/* Among how many equal members so many draws find so many distinct ones, N (1 - exp(-draws / N)).
 */
static double population(double draws, double distinct) {
    double low = distinct;
    double high = draws * draws / 2; /* with which one draw finds a member again */
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        bool is_above = middle * -expm1(-draws / middle) > distinct;
        low = is_above ? low : middle;
        high = is_above ? middle : high;
    }
    return low;
}

/* Linear counting (Whang and others, 1990) tells how many distinct members were seen. */
uint64_t survey_members(const struct survey *survey) {
    uint64_t marked = 0;
    for (size_t i = 0; i < SURVEY_SKETCH_BITS / 64; i++) {
        marked += (uint64_t)__builtin_popcountll(survey->sketch[i]);
    }
    double bits = SURVEY_SKETCH_BITS;
    double distinct = -bits * log1p(-(double)marked / bits);
    uint64_t sample = survey->events < SURVEY_SAMPLE_EVENTS ? survey->events : SURVEY_SAMPLE_EVENTS;
    if (marked == 0 || (survey->is_whole && survey->events <= sample)) {
        return (uint64_t)ceil(distinct);
    }
    return (uint64_t)(2 * population(2 * (double)sample, distinct) - distinct);
}

void survey_events(struct survey *survey, const struct event *events, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int64_t at_ms = events[i].at_ms;
        if (survey->events + i < SURVEY_SAMPLE_EVENTS) {
            member_mark(survey, events[i].from);
            member_mark(survey, events[i].to);
        }
        survey->first_ms =
            !survey->has_range || at_ms < survey->first_ms ? at_ms : survey->first_ms;
        survey->last_ms = !survey->has_range || at_ms > survey->last_ms ? at_ms : survey->last_ms;
        survey->has_range = true;
        survey->disconnects += events[i].kind == EVENT_DISCONNECT;
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
