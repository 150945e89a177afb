#include "pipeline/log_source.h"

#include "pipeline/verbs.h"
#include "stages/base/number.h"
#include "stages/generate/rmat.h"
#include "stages/generate/stream_study.h"

#include <stdlib.h>

struct log_source {
    enum log_model model;
    struct study *study;
    struct stream_study *stream;
    struct rmat *rmat;
};

static double given_or(double given, double otherwise) {
    return given < 0 ? otherwise : given;
}

double log_degree(const struct options *options) {
    return given_or(options->degree, 200);
}

/* First instant and length: worlds and large logs are long. */
static void span_set(const struct options *options, int64_t *start_ms, int64_t *span_ms) {
    bool is_long = options->careers.wanted || options->model != MODEL_STUDY;
    const char *start = options->start;
    if (start == NULL) {
        start = is_long ? "2015-01-01" : "2026-01-01";
    }
    *start_ms = options_day(start);
    *span_ms = (int64_t)(given_or(options->days, is_long ? 1826 : 3) * (double)DAY_MS);
}

void log_study_set(const struct options *options, struct study_options *study) {
    study->seed = options->seed;
    span_set(options, &study->start_ms, &study->span_ms);
    study->closure = given_or(options->closure, study->closure);
    study->disconnect_share = given_or(options->disconnects, study->disconnect_share);
    study->wart_share = given_or(options->warts, study->wart_share);
    study->ids_are_random = options->random_ids;
}

static struct status stream_open(struct stream_study **stream, const struct options *options,
                                 struct err *err) {
    struct study_options study = study_defaults(options->ties, log_degree(options));
    log_study_set(options, &study);
    struct stream_options stream_options = {
        .seed = study.seed,
        .ties = study.ties,
        .members = study.members,
        .start_ms = study.start_ms,
        .span_ms = study.span_ms,
        .closure = study.closure,
        .degree_max = study.degree_max,
        .disconnect_share = study.disconnect_share,
        .wart_share = study.wart_share,
        .ids_are_random = study.ids_are_random,
    };
    return stream_study_new(stream, &stream_options, err);
}

static struct status rmat_open(struct rmat **rmat, const struct options *options, struct err *err) {
    if (options->closure >= 0 || options->disconnects > 0 || options->warts > 0) {
        return err_set(err, FAILURE_USAGE,
                       "--closure, --disconnects and --warts: the model `rmat` knows none of them");
    }
    if (options->scale != 0 && options->degree >= 0) {
        return err_set(err, FAILURE_USAGE,
                       "--scale and --degree both set the number of members; leave out one");
    }
    struct rmat_options rmat_options = {
        .seed = options->seed,
        .ties = options->ties,
        .scale = options->scale != 0 ? (unsigned)options->scale : 1,
        .ids_are_random = options->random_ids,
    };
    span_set(options, &rmat_options.start_ms, &rmat_options.span_ms);
    double members_least = 2.0 * (double)options->ties / log_degree(options);
    while (options->scale == 0 && rmat_options.scale < RMAT_SCALE_MAX &&
           (double)(UINT64_C(1) << rmat_options.scale) < members_least) {
        rmat_options.scale++;
    }
    return rmat_new(rmat, &rmat_options, err);
}

static struct status study_open(struct study **study, const struct options *options,
                                struct err *err) {
    struct study_options study_options = study_defaults(options->ties, log_degree(options));
    log_study_set(options, &study_options);
    return study_new(study, &study_options, err);
}

static struct status model_open(struct log_source *source, const struct options *options,
                                struct err *err) {
    if (source->model != MODEL_RMAT && options->scale != 0) {
        return err_set(err, FAILURE_USAGE, "--scale is of the model `rmat` alone");
    }
    switch (source->model) {
    case MODEL_STUDY:
        return study_open(&source->study, options, err);
    case MODEL_STREAM:
        return stream_open(&source->stream, options, err);
    case MODEL_RMAT:
    default:
        return rmat_open(&source->rmat, options, err);
    }
}

struct status log_source_open(struct log_source **source_out, const struct options *options,
                              struct err *err) {
    *source_out = NULL;
    struct log_source *source = calloc(1, sizeof *source);
    if (source == NULL) {
        return err_memory(err, sizeof *source, "a model");
    }
    source->model = (enum log_model)options->model;
    struct status status = model_open(source, options, err);
    if (failed(status)) {
        log_source_close(source);
        return status;
    }
    *source_out = source;
    return status_ok();
}

void log_source_close(struct log_source *source) {
    if (source == NULL) {
        return;
    }
    study_free(source->study);
    stream_study_free(source->stream);
    rmat_free(source->rmat);
    free(source);
}

struct status log_source_next(struct log_source *source, struct event *events, size_t capacity,
                              size_t *count, struct err *err) {
    switch (source->model) {
    case MODEL_STUDY:
        return study_next(source->study, events, capacity, count, err);
    case MODEL_STREAM:
        return stream_study_next(source->stream, events, capacity, count, err);
    case MODEL_RMAT:
    default:
        return rmat_next(source->rmat, events, capacity, count, err);
    }
}
