/* The clock that Kafka clients measure and wait by: one that only goes forward.
 *
 * librdkafka waits until a time of day, by cnd_timedwait. Where the time of day is set back
 * meanwhile, such a wait lasts that much longer, and a run stands still. So this module defines
 * that function in the place of the C library's, for the whole program: what is left until the
 * deadline when it is called is what is waited for.
 */
#ifndef TIEFLOW_STAGES_KAFKA_CLIENT_CLOCK_H
#define TIEFLOW_STAGES_KAFKA_CLIENT_CLOCK_H

#include <stdint.h>

/* Milliseconds of that clock. */
int64_t client_now_ms(void);

#endif
