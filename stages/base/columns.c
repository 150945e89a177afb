#include "stages/base/columns.h"

void columns_split_u64(const uint64_t *items, size_t count, uint8_t *planes) {
    for (unsigned byte = 0; byte < 8; byte++) {
        uint8_t *plane = planes + byte * count;
        for (size_t i = 0; i < count; i++) {
            plane[i] = (uint8_t)(items[i] >> (8 * byte));
        }
    }
}

void columns_split_u32(const uint32_t *items, size_t count, uint8_t *planes) {
    for (unsigned byte = 0; byte < 4; byte++) {
        uint8_t *plane = planes + byte * count;
        for (size_t i = 0; i < count; i++) {
            plane[i] = (uint8_t)(items[i] >> (8 * byte));
        }
    }
}

void columns_join_u64(const uint8_t *planes, size_t count, uint64_t *items) {
    for (size_t i = 0; i < count; i++) {
        uint64_t item = 0;
        for (unsigned byte = 0; byte < 8; byte++) {
            item |= (uint64_t)planes[byte * count + i] << (8 * byte);
        }
        items[i] = item;
    }
}

void columns_join_u32(const uint8_t *planes, size_t count, uint32_t *items) {
    for (size_t i = 0; i < count; i++) {
        uint32_t item = 0;
        for (unsigned byte = 0; byte < 4; byte++) {
            item |= (uint32_t)planes[byte * count + i] << (8 * byte);
        }
        items[i] = item;
    }
}
