#include "pipeline/progress.h"

#include "stages/base/json_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

enum { BAR_CELLS = 24 };

static uint64_t now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

void progress_init(struct progress *progress, enum progress_mode mode) {
    *progress = (struct progress){
        .mode = mode,
        .is_terminal = isatty(STDERR_FILENO) == 1,
        .run_start_ns = now_ns(),
    };
}

static double seconds_since(uint64_t start_ns) {
    return (double)(now_ns() - start_ns) / (double)SECOND_NS;
}

double progress_seconds(const struct progress *progress) {
    return seconds_since(progress->run_start_ns);
}

/* Linux counts what the starting process held into ru_maxrss, but tells our own too. */
uint64_t progress_peak_bytes(void) {
    struct rusage usage;
    char line[128];
    uint64_t kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && kib == 0 && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kib = strtoull(line + 6, NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    if (kib != 0) {
        return kib * 1024;
    }
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail for this process */
    return (uint64_t)usage.ru_maxrss * 1024;
}

/* 12345678 as "12.3 M". */
static void number_shorten(char text[24], double value) {
    static const char *const suffixes[] = {"", " k", " M", " G", " T"};
    unsigned i = 0;
    while (value >= 1000 && i < 4) {
        value /= 1000;
        i++;
    }
    (void)snprintf(text, 24, i == 0 ? "%.0f%s" : "%.1f%s", value, suffixes[i]);
}

static void show_bar(const struct progress *progress) {
    double seconds = seconds_since(progress->phase_start_ns);
    double rate = seconds > 0 ? (double)progress->done / seconds : 0;
    char done[24];
    char per_second[24];
    number_shorten(done, (double)progress->done);
    number_shorten(per_second, rate);
    fprintf(stderr, "\r\033[K%-12s ", progress->phase);
    if (progress->total > 0) {
        double share = (double)progress->done / (double)progress->total;
        unsigned cells = (unsigned)(share * BAR_CELLS);
        for (unsigned i = 0; i < BAR_CELLS; i++) {
            fputs(i < cells ? "█" : "·", stderr);
        }
        double left = rate > 0 ? (double)(progress->total - progress->done) / rate : 0;
        fprintf(stderr, " %3.0f %%  ETA %.0f s ", 100 * share, left);
    }
    fprintf(stderr, " %s %s  %s/s", done, progress->unit, per_second);
    if (progress->bytes > 0) {
        number_shorten(done, (double)progress->bytes);
        number_shorten(per_second, seconds > 0 ? (double)progress->bytes / seconds : 0);
        fprintf(stderr, "  %sB  %sB/s", done, per_second);
        number_shorten(done, (double)(progress->total - progress->done));
        fprintf(stderr, "  lag %s", done);
    }
    (void)fflush(stderr);
}

/* Writes one compact JSON line and empties the writer. */
static void line_put(struct json_writer *writer) {
    if (!failed(json_writer_finish(writer, NULL))) {
        (void)fwrite(writer->text.data, 1, writer->text.count, stderr);
        (void)fflush(stderr);
    }
    json_writer_release(writer);
}

static void show_json(const struct progress *progress, const char *event) {
    double seconds = seconds_since(progress->phase_start_ns);
    struct json_writer writer = {.is_compact = true};
    json_object_begin(&writer, NULL);
    json_put_text(&writer, "event", event);
    json_put_text(&writer, "phase", progress->phase);
    json_put_text(&writer, "unit", progress->unit);
    json_put_u64(&writer, "done", progress->done);
    json_put_u64(&writer, "total", progress->total);
    json_put_double(&writer, "seconds", seconds);
    json_put_double(&writer, "rate", seconds > 0 ? (double)progress->done / seconds : 0);
    if (progress->bytes > 0) {
        json_put_u64(&writer, "bytes", progress->bytes);
        json_put_u64(&writer, "lag", progress->total - progress->done);
    }
    json_put_u64(&writer, "peak_bytes", progress_peak_bytes());
    json_object_end(&writer);
    line_put(&writer);
}

void progress_json(struct progress *progress, const char *event, const char *json) {
    if (progress->mode == PROGRESS_JSON) {
        fprintf(stderr, "{\"event\":\"%s\",\"%s\":%s}\n", event, event, json);
        (void)fflush(stderr);
    }
}

void progress_begin(struct progress *progress, const char *phase, const char *unit,
                    uint64_t total) {
    progress_end(progress);
    progress->phase = phase;
    progress->unit = unit;
    progress->done = 0;
    progress->total = total;
    progress->bytes = 0;
    progress->phase_start_ns = now_ns();
    progress->shown_ns = progress->phase_start_ns;
}

void progress_update(struct progress *progress, uint64_t done) {
    progress->done = progress->total > 0 && done > progress->total ? progress->total : done;
    bool shows_bar = progress->mode == PROGRESS_TEXT && progress->is_terminal;
    if (!shows_bar && progress->mode != PROGRESS_JSON) {
        return;
    }
    uint64_t now = now_ns();
    if (now - progress->shown_ns < (shows_bar ? SECOND_NS / 10 : SECOND_NS)) {
        return;
    }
    progress->shown_ns = now;
    if (shows_bar) {
        show_bar(progress);
    } else {
        show_json(progress, "progress");
    }
}

void progress_end(struct progress *progress) {
    if (progress->phase == NULL) {
        return;
    }
    if (progress->mode == PROGRESS_JSON) {
        show_json(progress, "phase");
    } else if (progress->mode == PROGRESS_TEXT && progress->is_terminal) {
        fputs("\r\033[K", stderr);
        (void)fflush(stderr);
    }
    progress->phase = NULL;
}

void progress_note(struct progress *progress, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (progress->mode == PROGRESS_JSON) {
        struct json_writer writer = {.is_compact = true};
        json_object_begin(&writer, NULL);
        json_put_text(&writer, "event", "note");
        json_put_text(&writer, "text", text);
        json_object_end(&writer);
        line_put(&writer);
        return;
    }
    if (progress->mode == PROGRESS_TEXT && progress->is_terminal) {
        fputs("\r\033[K", stderr);
    }
    text_make_harmless(text);
    fprintf(stderr, "tieflow: %s\n", text);
}
