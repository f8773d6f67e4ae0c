/* tables.h — which tables of a database a logical upgrade replicates, and what follows from that for the
 * checks, the comparison and what is told. Everything else is on the clone as it was when that was made.
 *
 * A database that is not of the run has no table that is replicated. An entry of include_tables or
 * exclude_tables, and of replica_identity_full, has to name a table in at least one database of the run.
 */
#ifndef AURORA_UPGRADE_TABLES_H
#define AURORA_UPGRADE_TABLES_H

#include "internal/pg/catalog.h"
#include "internal/pg/logical.h"
#include "internal/upgrade/upgrade.h"

/* include_tables, exclude_tables or replica_identity_full has entries. */
bool names_tables(const struct upgrade *u);
/* A part of the tables only. */
bool chooses_tables(const struct upgrade *u);
struct pg_table_choice table_choice(const struct upgrade *u, const char *database);
/* The configuration's words, to tell one choice from another. */
const char *table_choice_text(struct upgrade *u);
/* For the checks of one database (pg_preflight_of); lives until the next look. */
MUST_CHECK bool tables_scope(struct upgrade *u, struct pg *c, const char *database, struct pg_scope *ret,
                             struct err *e);
/* What the comparison of rows leaves alone: validation.exclude_tables, and what is not replicated. */
MUST_CHECK bool tables_not_compared(struct upgrade *u, struct pg *blue, const char *database,
                                    const char *const **ret, struct err *e);

/* Tables without a key get REPLICA IDENTITY FULL for the time of the upgrade. */
bool sets_identities(const struct upgrade *u);
bool identities_done(struct upgrade *u, bool *ret, struct err *e);
bool identities_run(struct upgrade *u, struct err *e);
/* Back, in every database; once nothing is published any more, else UPDATE and DELETE would fail. */
bool identities_restored(struct upgrade *u, bool *ret, struct err *e);
bool identities_restore(struct upgrade *u, struct err *e);

/* The row: an entry that names nothing is AUR0223; what is left out, and foreign keys into it, is told. In a
 * plan that may not look into databases it tells the entries. Once the clone is there the list is made, and
 * the row says nothing. */
bool tables_check(struct upgrade *u, bool *ret, struct err *e);

/* A part of the tables may not become production: AUR0224 where a part is chosen, and a switch. */
MUST_CHECK bool tables_may_switch(bool chooses, enum flow_stage to, const char *cluster, struct err *e);
/* AUR0225 where a table of production, one made since among them, is not published: what was written to it
 * since the clone was made, or since the switch, is on one side only. Configurations say nothing here. */
MUST_CHECK bool tables_all_followed(struct upgrade *u, struct err *e);

/* Tables of production that the run's publications do not hold, those made since among them: one call each.
 */
MUST_CHECK bool tables_not_followed(struct upgrade *u,
                                    void (*found)(void *arg, const char *database, const char *table),
                                    void *arg, struct err *e);

#endif
