/* Tables without a key: a replica identity for the time of the upgrade. */
#include "internal/pg/identity.h"
#include "internal/upgrade/tables.h"

static bool has_identities(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    const struct pg_table_choice choice = table_choice(u, database);
    const struct pg_keyless *keyless = NULL;
    const char *oids = NULL;
    bool *all = arg;
    size_t n = 0;
    if (!pg_keyless_tables(c, u->look, &choice, u->request.full_identity, &keyless, &n, &oids, e))
        return false;
    *all = *all && n == 0;
    return true;
}

/* Once the clone is there its tables are what they are, and so are production's. */
bool identities_done(struct upgrade *u, bool *ret, struct err *e)
{
    bool all = true;
    if (!world_need(u, e) ||
        (!u->world.green && !run_each_database(u, SIDE_BLUE, false, has_identities, &all, e)))
        return false;
    *ret = all;
    return true;
}

static bool make_identities(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    const struct pg_table_choice choice = table_choice(u, database);
    const struct pg_keyless *keyless = NULL;
    const char *oids = NULL;
    size_t n = 0;
    (void)arg;
    if (!pg_keyless_tables(c, u->look, &choice, u->request.full_identity, &keyless, &n, &oids, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!pg_identity_make_full(c, &keyless[i], e))
            return false;
    return true;
}

bool identities_run(struct upgrade *u, struct err *e)
{
    return run_each_database(u, SIDE_BLUE, true, make_identities, NULL, e);
}

static bool none_changed(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool *none = arg;
    int64_t n = 0;
    (void)u;
    (void)database;
    if (!pg_identity_changed(c, &n, e))
        return false;
    *none = *none && n == 0;
    return true;
}

bool identities_restored(struct upgrade *u, bool *ret, struct err *e)
{
    bool none = true;
    if (!world_look(u, e) ||
        (u->world.production && !side_each_database(u, SIDE_BLUE, false, none_changed, &none, e)))
        return false;
    *ret = none;
    return true;
}

static bool put_back(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    (void)u;
    (void)database;
    (void)arg;
    return pg_identity_put_back(c, e);
}

bool identities_restore(struct upgrade *u, struct err *e)
{
    return side_each_database(u, SIDE_BLUE, true, put_back, NULL, e);
}
