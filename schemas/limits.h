/* Every limit of tieflow on what comes from outside, with its reason. A value is checked against
 * its limit before memory is taken or a loop is entered for it. Units stand last in the names.
 *
 * What is over a limit ends in one of these, named at each limit:
 *
 *   malformed   the record is set aside; where too many are, the run ends (65)
 *   data        the file is refused, with its name and the place in it (65)
 *   usage       the option is refused (64, or 78 where it stands in a configuration)
 *   registry    the schema registry is refused (69)
 */
#ifndef TIEFLOW_SCHEMAS_LIMITS_H
#define TIEFLOW_SCHEMAS_LIMITS_H

#include <stdint.h>

/* ---- graphs and times ---- */

/* Members in one graph: row entries keep their top four bits for flags, and two nodes with the bits
 * of a byte besides fit one 64-bit word of the tape. The study has a thirteenth as many. (data) */
#define LIMIT_NODES (UINT32_C(1) << 28)

/* Ties made and ended in one state: what a manifest says of them is added up, and memory is taken
 * for it by the byte. A thousand times the study. (data) */
#define LIMIT_TIES (UINT64_C(1) << 41)

/* Times: years 0001 to 9999 UTC in milliseconds. Dates print with four digits, and DuckDB's
 * microsecond timestamps hold the whole range; INT64_MAX stays free to mean "not ended".
 * (malformed) */
#define LIMIT_TIME_MIN_MS INT64_C(-62135596800000)
#define LIMIT_TIME_MAX_MS INT64_C(253402300799999)

/* ---- records and columns ---- */

/* One text record (a CSV or NDJSON line, quoted line breaks included), one value of an Avro file's
 * header, one cell of a study's database: longer ones are damage. (malformed; data) */
#define LIMIT_RECORD_BYTES (UINT32_C(1) << 20)

/* Columns in a CSV header: wide exports exist, wider ones are damage. (data) */
#define LIMIT_CSV_COLUMNS 4096

/* Malformed records of a run, and the bytes of those that are kept whole as dead letters: more are
 * not read by anyone, and every log of another kind is full of them. (data) */
#define LIMIT_QUARANTINED 1000000
#define LIMIT_LETTER_BYTES (UINT64_C(1) << 28)

/* ---- packed bytes ---- */

/* One frame, or one block of an Avro file, unpacked or stored: bounds what a hostile length field
 * or a few bytes of zstd or deflate can make us allocate, and is ample for the widest member (a
 * 64-bit portable bitmap of 30,000 random neighbours is 240 KB). (data; malformed in a topic) */
#define LIMIT_FRAME_BYTES (UINT32_C(1) << 28)

/* Items in one frame or block: a packed event has 25 planes, so 2^22 events unpack to 100 MiB.
 * (data; malformed in a topic) */
#define LIMIT_FRAME_ITEMS (UINT32_C(1) << 22)

/* The window of a zstd stream, as a power of two of bytes: what its decompressor keeps in memory.
 * The format's own advice; only files made with --long have a larger one. (data) */
#define LIMIT_WINDOW_LOG 27

/* ---- documents ---- */

/* A configuration file, a manifest, any JSON text, read whole; and the values in one. A manifest
 * takes twenty bytes for a value, so that one which is not too long never has too many; "[0,0,..."
 * takes two, and 64 in memory. (data) */
#define LIMIT_DOCUMENT_BYTES (UINT32_C(1) << 28)
#define LIMIT_JSON_VALUES (UINT32_C(1) << 24)

/* Keys in one JSON object: they are compared each with each to refuse doubles. (malformed; data) */
#define LIMIT_JSON_KEYS 1024

/* A study's database, read for its report: rows of a list (the rest is left out), bytes of all
 * texts, and steps of SQLite in one query, beside those for each byte of the file: a query of ours
 * takes a few, views in a file of others may go on for ever. (data) */
#define LIMIT_STUDY_ROWS 100000
#define LIMIT_STUDY_TEXT_BYTES (UINT32_C(1) << 27)
#define LIMIT_QUERY_STEPS (UINT64_C(1) << 24)
#define LIMIT_QUERY_STEPS_PER_BYTE 1024

/* ---- Avro ---- */

/* One Avro schema: JSON text of a handful of fields; and how deep types may nest in it, since
 * libraries walk them by recursion. (data; malformed in a topic) */
#define LIMIT_SCHEMA_BYTES (UINT32_C(1) << 16)
#define LIMIT_SCHEMA_DEPTH 32

/* How deep one Avro datum may nest: a recursive schema lets the data choose. (malformed) */
#define LIMIT_DATUM_DEPTH 128

/* Entries of an Avro file's header, and the name of one: writers have two to a dozen. (data) */
#define LIMIT_AVRO_ENTRIES 1024
#define LIMIT_AVRO_KEY_BYTES (UINT32_C(1) << 12)

/* Schemas in one run, by id: each is asked for once, and kept. Bytes that are no framed Avro look
 * like as many ids as there are records. (78) */
#define LIMIT_SCHEMAS 4096

/* One answer of a schema registry: a schema inside a JSON string, of which each byte may be written
 * as \u0000, and there is more. (registry) */
#define LIMIT_RESPONSE_BYTES (UINT32_C(1) << 19)

/* ---- outboxes ---- */

/* One record of an outbox, and the headers it may have: half a frame, and far above what brokers
 * take (1 MB unless told otherwise); Kafka Connect's dead letters have ten headers. (data) */
#define LIMIT_OUTBOX_RECORD_BYTES (UINT32_C(1) << 27)
#define LIMIT_OUTBOX_HEADERS 64

/* ---- a run ---- */

/* Threads: more than any machine this is meant for; bounds per-thread scratch memory. (usage) */
#define LIMIT_THREADS 256

/* Files in one run: each is opened once, one at a time. (usage) */
#define LIMIT_FILES 1000000

/* Dates in one backfill: a century. Each gets a folder of tables. (usage) */
#define LIMIT_DATES 36525

/* Parts that the common neighbours can be split into. (usage) */
#define LIMIT_PARTS 65536

#endif
