/* The version of the program. Formats carry versions of their own. */
#ifndef TIEFLOW_SCHEMAS_VERSION_H
#define TIEFLOW_SCHEMAS_VERSION_H

#define TIEFLOW_VERSION "0.1.0"

#endif
