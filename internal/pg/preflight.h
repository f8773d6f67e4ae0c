/* preflight.h — the table of checks; internal to internal/pg.
 *
 * The SQL gives one text column, one row per object in the way; `purposes` says for which kinds of upgrade
 * the row applies. Checks of the whole server report database "".
 */
#ifndef AURORA_PG_PREFLIGHT_H
#define AURORA_PG_PREFLIGHT_H

#include "internal/pg/catalog.h"

struct preflight_check {
    const char *id;
    unsigned purposes; /* of enum pg_purpose */
    enum pg_severity severity;
    bool whole_server;
    int source_max; /* only for sources up to this major; 0: all */
    int target_min; /* only for targets from this major on; 0: all */
    size_t params;  /* of the scope that the SQL takes: $1 untaken, $2 made_full */
    const char *sql, *remedy;
};
extern const struct preflight_check preflight_checks[];
extern const size_t preflight_check_count;

#endif
