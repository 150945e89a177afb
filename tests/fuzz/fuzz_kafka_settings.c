/* The bytes as a file of settings of the Kafka client. Neither a refusal nor what may be shown
 * holds the value of a password. */
#include "stages/kafka/kafka_settings.h"
#include "tests/fuzz/memory_file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(const struct kafka_settings *settings) {
    const char *password = kafka_settings_get(settings, "sasl.password");
    if (password != NULL &&
        strcmp(kafka_settings_shown("sasl.password", password), "[redacted]") != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char secret[] = "sasl.password=s3cr3t-s3cr3t\n";
    static const char word[] = "s3cr3t-s3cr3t";
    struct kafka_settings settings = {0};
    struct err err = {0};
    uint8_t *text = malloc(sizeof secret + size);
    if (text == NULL) {
        abort();
    }
    memcpy(text, secret, sizeof secret - 1);
    memcpy(text + sizeof secret - 1, data, size);
    struct memory_file file = memory_file_open(text, sizeof secret - 1 + size);
    struct status status = kafka_settings_read(&settings, file.path, &err);
    memory_file_close(&file);
    bool is_secret = memmem(data, size, word, sizeof word - 1) == NULL; /* and nowhere else */
    if (failed(status) && (err.text[0] == '\0' || (is_secret && strstr(err.text, word) != NULL))) {
        abort();
    }
    check_shown(&settings);
    kafka_settings_release(&settings);
    free(text);
    return 0;
}
