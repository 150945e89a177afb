#include "stages/generate/hazard.h"

#include <assert.h>

const char *hazard_name(enum hazard_shape shape) {
    static const char *const names[HAZARD_SHAPES] = {"none", "flat", "falling", "inverted-u"};
    assert(shape < HAZARD_SHAPES);
    return names[shape];
}

double hazard_at(enum hazard_shape shape, uint32_t mutual) {
    double x = (double)mutual / HAZARD_PEAK;
    double hump = 2.0 * x / (1.0 + x * x);
    switch (shape) {
    case HAZARD_FLAT:
        return 1.0;
    case HAZARD_FALLING:
        return 1.0 / (1.0 + x);
    case HAZARD_INVERTED_U:
        return hump * hump;
    case HAZARD_NONE:
    case HAZARD_SHAPES:
        break;
    }
    return 0.0;
}
