/* Every limit of tieflow, with its reason. A value from outside is checked against its limit
 * before memory is taken or a loop is entered for it. */
#ifndef TIEFLOW_SCHEMAS_LIMITS_H
#define TIEFLOW_SCHEMAS_LIMITS_H

#include <stdint.h>

/* Members in one graph: row entries keep their top four bits for flags, and two nodes with the bits
 * of a byte besides fit one 64-bit word of the tape. The study has a thirteenth as many. */
#define LIMIT_NODES (UINT32_C(1) << 28)

/* Times: years 0001 to 9999 UTC in milliseconds. Dates print with four digits, and DuckDB's
 * microsecond timestamps hold the whole range; INT64_MAX stays free to mean "not ended". */
#define LIMIT_TIME_MIN_MS INT64_C(-62135596800000)
#define LIMIT_TIME_MAX_MS INT64_C(253402300799999)

/* One text record (a CSV or NDJSON line, quoted line breaks included): longer ones are damage. */
#define LIMIT_RECORD_BYTES (UINT32_C(1) << 20)

/* Columns in a CSV header: wide exports exist, wider ones are damage. */
#define LIMIT_CSV_COLUMNS 4096

/* One frame, unpacked or stored: bounds what a hostile length field can make us allocate, and is
 * ample for the widest member (a 64-bit portable bitmap of 30,000 random neighbours is 240 KB). */
#define LIMIT_FRAME_BYTES (UINT32_C(1) << 28)

/* Items in one frame: a packed event has 25 planes, so 2^22 events unpack to 100 MiB. */
#define LIMIT_FRAME_ITEMS (UINT32_C(1) << 22)

/* A configuration file or a manifest, read whole. */
#define LIMIT_DOCUMENT_BYTES (UINT32_C(1) << 28)

/* Keys in one JSON object: they are compared each with each to refuse doubles. */
#define LIMIT_JSON_KEYS 1024

/* One Avro schema: JSON text of a handful of fields; and how deep types may nest in it, since
 * libraries walk them by recursion. */
#define LIMIT_SCHEMA_BYTES (UINT32_C(1) << 16)
#define LIMIT_SCHEMA_DEPTH 32

/* One record of an outbox, and the headers it may have: half a frame, and far above what brokers
 * take (1 MB unless told otherwise); Kafka Connect's dead letters have ten headers. */
#define LIMIT_OUTBOX_RECORD_BYTES (UINT32_C(1) << 27)
#define LIMIT_OUTBOX_HEADERS 64

/* How deep one Avro datum may nest: a recursive schema lets the data choose. */
#define LIMIT_DATUM_DEPTH 128

/* Threads: more than any machine this is meant for; bounds per-thread scratch memory. */
#define LIMIT_THREADS 256

/* Files in one run: each is opened once, one at a time. */
#define LIMIT_FILES 1000000

/* Dates in one backfill: a century. Each gets a folder of tables. */
#define LIMIT_DATES 36525

/* Parts that the common neighbours can be split into. */
#define LIMIT_PARTS 65536

#endif
