/* The edge lists of the network collections: SNAP, KONECT, Matrix Market.
 *
 * They differ in their comment sign, their header and their columns; all are lines of fields with
 * blanks or tabs between. The columns of the first good record hold for all the others.
 *
 * Sources: the READMEs of snap.stanford.edu/data; the KONECT handbook, "file formats"; NIST,
 * "The Matrix Market exchange formats" (1996).
 */
#ifndef TIEFLOW_STAGES_DECODE_EDGE_LIST_H
#define TIEFLOW_STAGES_DECODE_EDGE_LIST_H

#include "stages/decode/text_format.h"

extern const struct text_format snap_format;
extern const struct text_format konect_format;
extern const struct text_format matrix_market_format;

#endif
