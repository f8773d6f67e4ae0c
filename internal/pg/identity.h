/* identity.h — REPLICA IDENTITY FULL for the time of an upgrade, where a table has no key by which UPDATE and
 * DELETE could be replicated, and what it was before, put back.
 *
 * What a table had is written down in schema aurora_upgrade before it is changed (logical.h), by the table's
 * oid, which a renaming leaves alone. Only what still is FULL is put back: what somebody has set meanwhile is
 * theirs. An index that was the identity and is gone counts as NOTHING, which is what the server makes of it.
 */
#ifndef AURORA_PG_IDENTITY_H
#define AURORA_PG_IDENTITY_H

#include "internal/pg/logical.h"

struct pg_keyless {
    const char *oid, *table, *before; /* table: quoted; before: "DEFAULT" or "NOTHING" */
};
/* Tables with rows of their own that `taken` takes, that `list` names (as pg_table_choice; NULL or empty:
 * none) and that have no usable identity; partitions by their root. *ret_oids: of those, as PostgreSQL writes
 * an array. */
MUST_CHECK bool pg_keyless_tables(struct pg *c, struct arena *a, const struct pg_table_choice *taken,
                                  const char *const *list, const struct pg_keyless **ret, size_t *ret_n,
                                  const char **ret_oids, struct err *e);
/* Needs the schema of facts. */
MUST_CHECK bool pg_identity_make_full(struct pg *c, const struct pg_keyless *t, struct err *e);
/* How many tables are written down as changed; 0 where there are no facts. */
MUST_CHECK bool pg_identity_changed(struct pg *c, int64_t *ret, struct err *e);
/* All that is written down in this database, and forgets it. A table that is gone: success. */
MUST_CHECK bool pg_identity_put_back(struct pg *c, struct err *e);

#endif
