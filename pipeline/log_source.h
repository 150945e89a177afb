/* The models that make a log of connections, as `generate` asks for them: one source of events. */
#ifndef TIEFLOW_PIPELINE_LOG_SOURCE_H
#define TIEFLOW_PIPELINE_LOG_SOURCE_H

#include "pipeline/options.h"
#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/generate/study.h"

#include <stddef.h>

/* The values of --model, in its order. */
enum log_model { MODEL_STUDY, MODEL_STREAM, MODEL_RMAT };

struct log_source;

/* FAILURE_USAGE where the options contradict the model, or each other. */
FALLIBLE log_source_open(struct log_source **source, const struct options *options,
                         struct err *err);

/* Accepts NULL. */
void log_source_close(struct log_source *source);

/* Fills up to `capacity` events in time order; *count is 0 at the end, and stays so. */
FALLIBLE log_source_next(struct log_source *source, struct event *events, size_t capacity,
                         size_t *count, struct err *err);

/* What the options say about a study, over its defaults; and the mean degree. */
void log_study_set(const struct options *options, struct study_options *study);
double log_degree(const struct options *options);

#endif
