/* A writer's schema of one of the logs beside the connections: all fields may be null, choices are
 * strings, numbers long. */
#ifndef TIEFLOW_TESTS_FUZZ_FACT_SCHEMA_H
#define TIEFLOW_TESTS_FUZZ_FACT_SCHEMA_H

#include "schemas/facts.h"

#include <stdio.h>
#include <stdlib.h>

enum { FACT_SCHEMA_BYTES = 1024 };

static inline void fact_schema_write(enum fact_log log, char text[FACT_SCHEMA_BYTES]) {
    const struct fact_shape *shape = &fact_shapes[log];
    FILE *stream = fmemopen(text, FACT_SCHEMA_BYTES, "w");
    if (stream == NULL) {
        abort();
    }
    (void)fprintf(stream, "{\"type\":\"record\",\"name\":\"r\",\"fields\":[");
    for (size_t i = 0; i < shape->field_count; i++) {
        bool is_choice = shape->fields[i].type == FACT_CHOICE;
        (void)fprintf(stream, "%s{\"name\":\"%s\",\"type\":[\"null\",\"%s\"]}", i == 0 ? "" : ",",
                      shape->fields[i].name, is_choice ? "string" : "long");
    }
    (void)fprintf(stream, "]}");
    if (fclose(stream) != 0) {
        abort();
    }
}

#endif
