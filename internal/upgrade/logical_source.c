/* Production's side of a logical upgrade: what has to be there before the clone is made, and how it goes. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/tables.h"
#include "internal/upgrade/tags.h"

#include "internal/pg/identity.h"
#include "internal/pg/logical.h"
#include "internal/pg/replica.h"

#include <string.h>

/* The server waits for every transaction that runs; then the next apply tries again. */
enum { SLOT_WAIT_MS = 240000 };

/* Is it so in every database of the run? */
static bool all_of(struct upgrade *u,
                   bool (*each)(struct upgrade *, struct pg *, const char *, void *, struct err *), bool *ret,
                   struct err *e)
{
    bool all = true;
    if (!world_need(u, e) || !run_each_database(u, SIDE_BLUE, false, each, &all, e))
        return false;
    *ret = all;
    return true;
}

static bool do_each(struct upgrade *u,
                    bool (*each)(struct upgrade *, struct pg *, const char *, void *, struct err *),
                    struct err *e)
{
    return run_each_database(u, SIDE_BLUE, true, each, NULL, e);
}

/* ---- the subscriber's login ---- */

static bool has_role(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool *all = arg, ready = false;
    (void)u;
    (void)database;
    if (!pg_replication_role_ready(c, LOGICAL_ROLE, &ready, e))
        return false;
    *all = *all && ready;
    return true;
}

bool role_done(struct upgrade *u, bool *ret, struct err *e)
{
    return all_of(u, has_role, ret, e);
}

static bool make_role(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    (void)u;
    (void)database;
    (void)arg;
    return pg_replication_role_make(c, LOGICAL_ROLE, e);
}

bool role_run(struct upgrade *u, struct err *e)
{
    return do_each(u, make_role, e);
}

/* ---- facts ---- */

static bool has_facts(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool *all = arg, is_there = false;
    (void)u;
    (void)database;
    if (!pg_facts_exist(c, &is_there, e))
        return false;
    *all = *all && is_there;
    return true;
}

bool facts_done(struct upgrade *u, bool *ret, struct err *e)
{
    return all_of(u, has_facts, ret, e);
}

static bool make_facts(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    (void)u;
    (void)database;
    (void)arg;
    return pg_facts_make(c, e);
}

bool facts_run(struct upgrade *u, struct err *e)
{
    return do_each(u, make_facts, e);
}

/* ---- publication and slot ---- */

/* What the clone needs is gone from production: nothing that is made now gives back what was not kept. */
static bool cannot_follow(const struct upgrade *u, const char *database, const char *what, struct err *e)
{
    return upgrade_fail(e, E_CANNOT_FOLLOW, "clone %s can never catch up: in database %s of %s %s",
                        u->world.green->identifier, database, u->request.cluster, what);
}

/* As asked for: an apply that died before the clone was made may have been asked for something else. */
static bool is_wanted(struct upgrade *u, struct pg *c, const struct pg_publication *p, bool *ret,
                      struct err *e)
{
    const char *noted = "";
    if (!pg_fact_read(c, u->look, "publication", &noted, e))
        return false;
    *ret = p->exists && p->all_tables == u->request.publishes_all && strcmp(noted, table_choice_text(u)) == 0;
    return true;
}

static bool has_publication(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool *all = arg, wanted = true;
    struct pg_publication p;
    if (!pg_publication_find(c, u->look, LOGICAL_NAME, &p, e) ||
        (!u->world.green && !is_wanted(u, c, &p, &wanted, e)))
        return false;
    *all = *all && p.exists && wanted;
    return p.exists || !u->world.green || cannot_follow(u, database, "the publication is gone", e);
}

bool publication_done(struct upgrade *u, bool *ret, struct err *e)
{
    return all_of(u, has_publication, ret, e);
}

/* A slot that is older than its publication can never be decoded. */
static bool drop_slot(struct upgrade *u, struct pg *c, struct err *e)
{
    const char *name = NULL;
    return slot_name(u, c, &name, e) && pg_slot_drop(c, name, e) && pg_fact_forget(c, "slot_lsn", e);
}

static bool make_publication(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    const struct pg_table_choice choice = table_choice(u, database);
    const char **tables = NULL;
    struct pg_publication p;
    bool wanted = false;
    size_t n = 0;
    (void)arg;
    if (!pg_publication_find(c, u->look, LOGICAL_NAME, &p, e) || !is_wanted(u, c, &p, &wanted, e))
        return false;
    if (wanted)
        return true;
    if (!drop_slot(u, c, e) || !pg_publication_drop(c, LOGICAL_NAME, e) ||
        !pg_fact_forget(c, "publication", e) || !pg_fact_write(c, "publication", table_choice_text(u), e))
        return false;
    if (u->request.publishes_all)
        return pg_publication_make_for_all(c, LOGICAL_NAME, e);
    return pg_publishable(c, u->look, &choice, &tables, &n, e) &&
           pg_publication_make(c, LOGICAL_NAME, tables, n, e);
}

bool publication_run(struct upgrade *u, struct err *e)
{
    return do_each(u, make_publication, e);
}

static bool is_sound(struct upgrade *u, struct pg *c, const char **ret_fault, struct err *e)
{
    const struct pg_slot *slot = NULL;
    lsn_t start = 0;
    if (!slot_look(u, c, &slot, e) || !slot_start(u, c, &start, e))
        return false;
    *ret_fault = !slot                                   ? "the slot is gone"
                 : strcmp(slot->wal_status, "lost") == 0 ? "the slot has lost the WAL it needs"
                 : start == 0                            ? "nothing says where the slot begins"
                                                         : NULL;
    return true;
}

static bool has_slot(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool *all = arg;
    const char *fault = NULL;
    int64_t ceiling = 0;
    if (!is_sound(u, c, &fault, e) || !ceiling_noted(u, c, &ceiling, e))
        return false;
    *all = *all && !fault && ceiling == u->request.max_retained_bytes;
    return !fault || !u->world.green || cannot_follow(u, database, fault, e);
}

bool slots_done(struct upgrade *u, bool *ret, struct err *e)
{
    return all_of(u, has_slot, ret, e);
}

/* Its consistent point is known at its making only: a slot of a process that died before that was noted goes.
 */
static bool make_slot(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    const char *name = NULL, *fault = NULL;
    char text[LSN_SIZE];
    lsn_t start = 0;
    (void)database;
    (void)arg;
    if (!is_sound(u, c, &fault, e) || !ceiling_note(u, c, e))
        return false;
    if (!fault)
        return true;
    return drop_slot(u, c, e) && slot_name(u, c, &name, e) &&
           pg_slot_make(c, name, SLOT_WAIT_MS, &start, e) &&
           pg_fact_write(c, "slot_lsn", lsn_print(start, text), e);
}

bool slots_run(struct upgrade *u, struct err *e)
{
    return do_each(u, make_slot, e);
}

/* ---- the marker behind the slot ---- */

static bool has_marker(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool *all = arg;
    lsn_t start = 0, at = 0;
    int64_t n = 0;
    (void)database;
    if (!slot_start(u, c, &start, e) || !pg_marker_find(c, marker_behind(u->look, start), &n, &at, e))
        return false;
    *all = *all && start != 0 && n == 1;
    return true;
}

bool marker_done(struct upgrade *u, bool *ret, struct err *e)
{
    return all_of(u, has_marker, ret, e);
}

static bool write_marker(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    lsn_t start = 0;
    (void)database;
    (void)arg;
    return slot_start(u, c, &start, e) && pg_marker_write(c, marker_behind(u->look, start), e);
}

bool marker_run(struct upgrade *u, struct err *e)
{
    return do_each(u, write_marker, e);
}

/* ---- back: in every database, whatever the run's were ---- */

static bool none_of(struct upgrade *u,
                    bool (*each)(struct upgrade *, struct pg *, const char *, void *, struct err *),
                    bool *ret, struct err *e)
{
    bool none = true;
    if (!world_look(u, e) ||
        (u->world.production && !side_each_database(u, SIDE_BLUE, false, each, &none, e)))
        return false;
    *ret = none;
    return true;
}

static bool has_no_slot(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool *none = arg;
    const struct pg_slot *slots = NULL;
    size_t n = 0;
    (void)database;
    if (!pg_slots(c, u->look, LOGICAL_SLOT_PREFIX, &slots, &n, e))
        return false;
    *none = *none && n == 0;
    return true;
}

bool slots_gone(struct upgrade *u, enum side side, bool *ret, struct err *e)
{
    bool none = true;
    if (!side_each_database(u, side, false, has_no_slot, &none, e))
        return false;
    *ret = none;
    return true;
}

bool slots_removed(struct upgrade *u, bool *ret, struct err *e)
{
    return none_of(u, has_no_slot, ret, e);
}

/* From within its own database, as the server wants it. */
static bool remove_slots(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    const struct pg_slot *slots = NULL;
    size_t n = 0;
    (void)arg;
    if (!pg_slots(c, u->look, LOGICAL_SLOT_PREFIX, &slots, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(slots[i].database, database) == 0 && !pg_slot_drop(c, slots[i].name, e))
            return false;
    return true;
}

bool slots_drop(struct upgrade *u, enum side side, struct err *e)
{
    return side_each_database(u, side, true, remove_slots, NULL, e);
}

bool slots_remove(struct upgrade *u, struct err *e)
{
    return slots_drop(u, SIDE_BLUE, e);
}

static bool has_no_publication(struct upgrade *u, struct pg *c, const char *database, void *arg,
                               struct err *e)
{
    bool *none = arg;
    struct pg_publication p;
    (void)database;
    if (!pg_publication_find(c, u->look, LOGICAL_NAME, &p, e))
        return false;
    *none = *none && !p.exists;
    return true;
}

bool publications_removed(struct upgrade *u, bool *ret, struct err *e)
{
    return none_of(u, has_no_publication, ret, e);
}

static bool remove_publication(struct upgrade *u, struct pg *c, const char *database, void *arg,
                               struct err *e)
{
    (void)u;
    (void)database;
    (void)arg;
    return pg_publication_drop(c, LOGICAL_NAME, e);
}

bool publications_remove(struct upgrade *u, struct err *e)
{
    return side_each_database(u, SIDE_BLUE, true, remove_publication, NULL, e);
}

static bool has_no_facts(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    bool *none = arg, is_there = false;
    (void)u;
    (void)database;
    if (!pg_facts_exist(c, &is_there, e))
        return false;
    *none = *none && !is_there;
    return true;
}

bool facts_removed(struct upgrade *u, bool *ret, struct err *e)
{
    return none_of(u, has_no_facts, ret, e);
}

static bool remove_facts(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    (void)u;
    (void)database;
    (void)arg;
    return pg_facts_drop(c, e);
}

bool facts_remove(struct upgrade *u, struct err *e)
{
    return side_each_database(u, SIDE_BLUE, true, remove_facts, NULL, e);
}

bool role_removed(struct upgrade *u, bool *ret, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    bool is_there = false;
    if (!world_look(u, e))
        return false;
    if (u->world.production && (!side_open(u, SIDE_BLUE, NULL, false, &c, e) ||
                                !pg_replication_role_exists(c, LOGICAL_ROLE, &is_there, e)))
        return false;
    *ret = !is_there;
    return true;
}

static bool remove_rights(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    (void)u;
    (void)database;
    (void)arg;
    return pg_replication_role_leave(c, LOGICAL_ROLE, e);
}

bool role_remove(struct upgrade *u, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    return side_each_database(u, SIDE_BLUE, true, remove_rights, NULL, e) &&
           side_open(u, SIDE_BLUE, NULL, true, &c, e) && pg_replication_role_drop(c, LOGICAL_ROLE, e);
}

/* ---- what is there ---- */

struct finder {
    void (*found)(void *arg, const char *kind, const char *name);
    void *arg;
};

static bool find_in(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    const struct finder *f = arg;
    const struct pg_slot *slots = NULL;
    struct pg_publication p;
    bool has_schema = false;
    int64_t changed = 0;
    size_t n = 0;
    if (!pg_identity_changed(c, &changed, e) || !pg_slots(c, u->look, LOGICAL_SLOT_PREFIX, &slots, &n, e) ||
        !pg_publication_find(c, u->look, LOGICAL_NAME, &p, e) || !pg_facts_exist(c, &has_schema, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(slots[i].database, database) == 0)
            f->found(f->arg, "replication slot", slots[i].name);
    if (p.exists)
        f->found(f->arg, "publication", arena_printf(u->look, "%s in %s", LOGICAL_NAME, database));
    if (changed > 0)
        f->found(f->arg, "replica identity",
                 arena_printf(u->look, "FULL on %lld table(s) of %s", (long long)changed, database));
    if (has_schema)
        f->found(f->arg, "schema", arena_printf(u->look, "aurora_upgrade in %s", database));
    return true;
}

bool logical_found(struct upgrade *u, void (*found)(void *arg, const char *kind, const char *name), void *arg,
                   struct err *e)
{
    struct finder f = {found, arg};
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    bool has_login = false;
    if (!side_each_database(u, SIDE_BLUE, false, find_in, &f, e) ||
        !side_open(u, SIDE_BLUE, NULL, false, &c, e) ||
        !pg_replication_role_exists(c, LOGICAL_ROLE, &has_login, e))
        return false;
    if (has_login)
        found(arg, "role", LOGICAL_ROLE);
    return true;
}
