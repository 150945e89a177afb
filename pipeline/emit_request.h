/* The sink as the options describe it, with what the description borrows from. */
#ifndef TIEFLOW_PIPELINE_EMIT_REQUEST_H
#define TIEFLOW_PIPELINE_EMIT_REQUEST_H

#include "pipeline/emit.h"
#include "pipeline/options.h"
#include "pipeline/progress.h"
#include "schemas/status.h"
#include "stages/kafka/kafka_settings.h"
#include "stages/kafka/schema_registry.h"

#include <stdbool.h>

/* Whether the options ask for anything to be sent. */
bool emit_is_asked_for(const struct options *options);

struct emit_request {
    struct kafka_settings settings;
    struct schema_registry *registry;
    struct emit_options options; /* borrows the two, and strings of the command's options */
};

/* Zero-initialise; release in any case, after what was opened with it. FAILURE_USAGE without
 * brokers. */
FALLIBLE emit_request_fill(struct emit_request *request, const struct options *options,
                           struct progress *progress, struct err *err);
void emit_request_release(struct emit_request *request);

#endif
