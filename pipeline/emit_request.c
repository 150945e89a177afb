#include "pipeline/emit_request.h"

#include "pipeline/topic.h"

bool emit_is_asked_for(const struct options *options) {
    return options->emit.to_kafka != 0 || options->emit.dead_letter_topic != NULL;
}

struct status emit_request_fill(struct emit_request *request, const struct options *options,
                                struct progress *progress, struct err *err) {
    if (options->topic.brokers == NULL) {
        return err_set(err, FAILURE_USAGE,
                       "--brokers is missing: --emit kafka and --dead-letters send to them");
    }
    TRY(topic_registry(options, &request->registry, err));
    TRY(topic_settings(options, &request->settings, err));
    request->options = (struct emit_options){
        .settings = &request->settings,
        .registry = request->registry,
        .prefix = options->emit.prefix,
        .has_tables = options->emit.to_kafka != 0,
        .dead_letter_topic = options->emit.dead_letter_topic,
        .has_registry_url = options->topic.registry != NULL,
        .watch = topic_watch(options, progress),
        .timeout_ms = (unsigned)options->topic.timeout_s * 1000,
    };
    return status_ok();
}

void emit_request_release(struct emit_request *request) {
    schema_registry_close(request->registry);
    kafka_settings_release(&request->settings);
    *request = (struct emit_request){0};
}
