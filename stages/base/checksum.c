#include "stages/base/checksum.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

struct checksum; /* an XXH64_state_t, allocated by the library */

static XXH64_state_t *state_of(struct checksum *checksum) {
    return (XXH64_state_t *)checksum;
}

uint64_t checksum_of(const void *data, size_t count, uint64_t seed) {
    return XXH64(data, count, seed);
}

struct status checksum_new(struct checksum **checksum, struct err *err) {
    XXH64_state_t *state = XXH64_createState();
    *checksum = (struct checksum *)state;
    if (state == NULL) {
        return err_memory(err, 88, "a checksum"); /* the state of XXH64, opaque here */
    }
    (void)XXH64_reset(state, 0); /* cannot fail for a state that exists */
    return status_ok();
}

void checksum_free(struct checksum *checksum) {
    (void)XXH64_freeState(state_of(checksum)); /* always XXH_OK */
}

void checksum_update(struct checksum *checksum, const void *data, size_t count) {
    if (count != 0) {
        XXH_errorcode code = XXH64_update(state_of(checksum), data, count);
        assert(code == XXH_OK);
        (void)code;
    }
}

uint64_t checksum_value(const struct checksum *checksum) {
    return XXH64_digest((const XXH64_state_t *)checksum);
}

void checksum_format(uint64_t value, char text[CHECKSUM_TEXT_BYTES]) {
    (void)snprintf(text, CHECKSUM_TEXT_BYTES, "%016llx", (unsigned long long)value);
}

bool checksum_parse(const char *text, uint64_t *value) {
    uint64_t sum = 0;
    if (strlen(text) != CHECKSUM_TEXT_BYTES - 1) {
        return false;
    }
    for (const char *c = text; *c != '\0'; c++) {
        const char *digits = "0123456789abcdef";
        const char *digit = strchr(digits, *c);
        if (digit == NULL) {
            return false;
        }
        sum = sum << 4 | (uint64_t)(digit - digits);
    }
    *value = sum;
    return true;
}
