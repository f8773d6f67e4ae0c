/* What the snapshot is restored as, until it is what production was before the upgrade in everything but the
 * name. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/requests.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"

#include "internal/pg/replica.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINES_SHOWN = 20, SECRET_POLL_MS = 1000, SECRET_BEGIN_MS = 20000, SECRET_LOGIN_MS = 5 * 60 * 1000 };

struct rds_tags carried_tags(struct upgrade *u, const struct rds_tags *from, const struct rds_tag *ours,
                             size_t n)
{
    struct rds_tag *all = ARENA_ARRAY(u->look, struct rds_tag, from->count + n + 1);
    size_t count = 0;
    for (size_t i = 0; i < from->count; i++)
        if (strncmp(from->tags[i].key, "aws:", 4) != 0 &&
            strncmp(from->tags[i].key, "aurora-upgrade:", 15) != 0)
            all[count++] = from->tags[i];
    memcpy(all + count, ours, n * sizeof *ours);
    return (struct rds_tags){all, count + n};
}

/* ---- the cluster ---- */

static bool need_restored(struct upgrade *u, struct err *e)
{
    if (!world_need(u, e))
        return false;
    return u->world.restored ||
           upgrade_fail(e, E_RESTORE_FAILED, "what the snapshot of %s was restored as has disappeared",
                        u->request.cluster);
}

bool restored_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_need(u, e))
        return false;
    *ret = u->world.restored != NULL;
    return true;
}

bool restored_run(struct upgrade *u, struct err *e)
{
    const struct rds_cluster *k = u->world.production;
    const struct rds_snapshot *p = u->world.snapshot;
    const struct rds_tag ours[] = {{TAG_CLUSTER, u->request.cluster},
                                   {TAG_RESOURCE, TAG_RESOURCE_IN_PLACE},
                                   {TAG_SNAPSHOT, p->identifier},
                                   {TAG_REPLACES, k->resource_id}};
    struct request_fields f = {0};
    request_put(&f, "DBClusterIdentifier", restored_name(u->look, u->request.cluster));
    request_put(&f, "SnapshotIdentifier", p->identifier);
    request_put(&f, "EngineVersion", p->engine_version);
    request_put(&f, "DBClusterParameterGroupName", rds_tag_value(&p->tags, TAG_CLUSTER_GROUP));
    request_put(&f, "DeletionProtection", "true");
    request_put_restored(u->look, &f, k);
    return rds_cluster_restore(&u->aws, f.list, carried_tags(u, &k->tags, ours, ARRAY_LEN(ours)), e) ||
           err_wrap(e, "restore snapshot %s", p->identifier);
}

static bool has_failed(const char *status)
{
    return strcmp(status, "failed") == 0 || strcmp(status, "inaccessible-encryption-credentials") == 0;
}

bool restored_exists(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_restored(u, e))
        return false;
    const struct rds_cluster *r = u->world.restored;
    *ret = is_available(r->status);
    return !has_failed(r->status) ||
           upgrade_fail(e, E_RESTORE_FAILED, "cluster %s, restored from a snapshot of %s, is \"%s\"",
                        r->identifier, u->request.cluster, r->status);
}

/* ---- its instances ---- */

static bool is_writer(const struct rds_cluster *k, const struct rds_instance *i)
{
    for (size_t m = 0; m < k->member_count; m++)
        if (strcmp(k->members[m].identifier, i->identifier) == 0)
            return k->members[m].is_writer;
    return false;
}

static const struct rds_instance *twin_in_world(const struct upgrade *u, const struct rds_instance *i)
{
    return twin_of(u->world.restored_instances, u->world.restored_instance_count, i->identifier);
}

bool restored_instances_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_restored(u, e))
        return false;
    *ret = true;
    for (size_t i = 0; i < u->world.instance_count; i++)
        *ret = *ret && twin_in_world(u, u->world.instances[i]);
    return true;
}

/* An instance that came after the snapshot has what the writer had. */
static const char *group_of(struct upgrade *u, const struct rds_instance *i)
{
    const struct rds_tags *t = &u->world.snapshot->tags;
    const char *own = rds_tag_value(t, arena_printf(u->look, "%s:%s", TAG_INSTANCE_GROUP, i->identifier));
    return own ? own : rds_tag_value(t, TAG_INSTANCE_GROUP);
}

static bool make_twin(struct upgrade *u, const struct rds_instance *i, struct err *e)
{
    const struct rds_cluster *r = u->world.restored;
    const struct rds_tag ours[] = {{TAG_CLUSTER, u->request.cluster}, {TAG_TWIN_OF, i->identifier}};
    const char *name = restored_name(u->look, i->identifier);
    struct request_fields f = {0};
    request_put(&f, "DBInstanceIdentifier", name);
    request_put(&f, "DBClusterIdentifier", r->identifier);
    request_put(&f, "Engine", i->engine);
    request_put(&f, "DBParameterGroupName", group_of(u, i));
    request_put(&f, "DBInstanceClass", i->instance_class);
    request_put_settings(&f, i->raw, request_instance_settings);
    return rds_instance_create(&u->aws, f.list, carried_tags(u, &i->tags, ours, ARRAY_LEN(ours)), e) ||
           err_wrap(e, "make instance %s", name);
}

/* The first one made becomes the writer. */
bool restored_instances_run(struct upgrade *u, struct err *e)
{
    const struct world *w = &u->world;
    for (int writers = 1; writers >= 0; writers--)
        for (size_t i = 0; i < w->instance_count; i++) {
            const struct rds_instance *one = w->instances[i];
            bool turn = is_writer(w->production, one) == (writers == 1);
            if (turn && !twin_in_world(u, one) && !make_twin(u, one, e))
                return false;
        }
    return true;
}

bool restored_available(struct upgrade *u, bool *ret, struct err *e)
{
    const char *busy = NULL;
    bool exists = false;
    if (!restored_exists(u, &exists, e))
        return false;
    const struct world *w = &u->world;
    for (size_t i = 0; i < w->restored_instance_count; i++)
        if (has_failed(w->restored_instances[i]->status))
            return upgrade_fail(e, E_RESTORE_FAILED, "instance %s is \"%s\"",
                                w->restored_instances[i]->identifier, w->restored_instances[i]->status);
    bool secret = strcmp(xml_text(w->restored->raw, "MasterUserSecret/SecretStatus", ""), "creating") != 0;
    *ret = exists && secret && w->restored_instance_count > 0 &&
           instances_available(w->restored_instances, w->restored_instance_count, &busy);
    return true;
}

/* ---- parameter groups in force ---- */

static bool has_group_status(const struct upgrade *u, const struct rds_instance *i, const char *status)
{
    const struct rds_cluster *r = u->world.restored;
    bool is = strcmp(i->parameter_apply_status, status) == 0;
    for (size_t m = 0; m < r->member_count; m++)
        is = is || (strcmp(r->members[m].identifier, i->identifier) == 0 &&
                    strcmp(r->members[m].parameter_group_status, status) == 0);
    return is;
}

static bool waits_for_reboot(const struct upgrade *u, const struct rds_instance *i)
{
    return strcmp(i->status, "rebooting") != 0 && has_group_status(u, i, "pending-reboot");
}

bool restored_reboot_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_restored(u, e))
        return false;
    *ret = true;
    for (size_t i = 0; i < u->world.restored_instance_count; i++)
        *ret = *ret && !waits_for_reboot(u, u->world.restored_instances[i]);
    return true;
}

bool restored_reboot_run(struct upgrade *u, struct err *e)
{
    for (size_t i = 0; i < u->world.restored_instance_count; i++) {
        const struct rds_instance *one = u->world.restored_instances[i];
        if (waits_for_reboot(u, one) && !rds_instance_reboot(&u->aws, one->identifier, e))
            return err_wrap(e, "reboot %s", one->identifier);
    }
    return true;
}

bool restored_in_sync(struct upgrade *u, bool *ret, struct err *e)
{
    if (!restored_available(u, ret, e))
        return false;
    for (size_t i = 0; i < u->world.restored_instance_count; i++) {
        const struct rds_instance *one = u->world.restored_instances[i];
        *ret = *ret && !has_group_status(u, one, "applying") && !has_group_status(u, one, "pending-reboot");
    }
    return true;
}

/* ---- what it holds ---- */

struct lines {
    const char **items;
    size_t n, cap;
};

static bool compare_database(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct pg *restored CLEANUP(pg_cleanup) = NULL;
    const struct pg_count_options once = {.rounds = 1};
    const struct pg_count_result *list = NULL;
    struct lines *l = arg;
    struct err absent = ERR_INIT;
    size_t n = 0;
    if (!side_open(u, SIDE_GREEN, database, false, &restored, &absent)) {
        if (absent.code != ERR_NOT_FOUND) {
            *e = absent;
            return false;
        }
        ARR_PUSH(u->look, l->items, l->n, l->cap,
                 arena_printf(u->look, "database %s did not exist", database));
        return true;
    }
    if (!pg_compare_counts(c, restored, u->look, &once, &list, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!list[i].equal)
            ARR_PUSH(u->look, l->items, l->n, l->cap,
                     arena_printf(u->look, "%s: %s has %" PRId64 " rows now, %" PRId64 " in the snapshot",
                                  database, list[i].table, list[i].old_rows, list[i].new_rows));
    return true;
}

static bool check_version(struct upgrade *u, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    struct version was = {0};
    const struct rds_cluster *r = u->world.restored;
    bool known = version_parse(u->world.snapshot->engine_version, &was);
    if (strcmp(r->engine_version, u->world.snapshot->engine_version) != 0)
        return upgrade_fail(e, E_RESTORE_DIFFERS, "%s runs %s, the snapshot is of %s", r->identifier,
                            r->engine_version, u->world.snapshot->engine_version);
    if (!side_open(u, SIDE_GREEN, NULL, true, &c, e) || !pg_probe_writable(c, e))
        return err_wrap(e, "write to %s", r->identifier);
    return (known && pg_server_version(c) / 10000 == was.major) ||
           upgrade_fail(e, E_RESTORE_DIFFERS, "%s answers from a server of version %d", r->identifier,
                        pg_server_version(c));
}

/* "tables/rows/hash": fewer tables cannot be; other rows are what was written while the snapshot was made. */
static bool check_content(struct upgrade *u, struct err *e)
{
    const char *noted = rds_tag_value(&u->world.snapshot->tags, TAG_CONTENT), *found = "";
    if (!noted)
        return true;
    if (!roll_back_content(u, SIDE_GREEN, u->look, &found, e))
        return err_wrap(e, "count what %s holds", u->world.restored->identifier);
    bool same = strcmp(noted, found) == 0;
    long long tables_noted = strtoll(noted, NULL, 10), tables_found = strtoll(found, NULL, 10);
    if (u->note)
        u->note(u->note_arg, "verify-restored",
                arena_printf(u->look, "tables/rows/hash: %s before the upgrade, %s restored", noted, found));
    if (same)
        return true;
    if (tables_found < tables_noted)
        return upgrade_fail(e, E_RESTORE_DIFFERS,
                            "%s has %lld tables, production had %lld before the upgrade",
                            u->world.restored->identifier, tables_found, tables_noted);
    u->warn(
        u->warn_arg, "Production was written while the snapshot was made",
        arena_printf(
            u->look,
            "Counted right before the snapshot and in what was restored from it (tables/rows/hash over all "
            "rows' transactions): %s and %s.",
            noted, found));
    return true;
}

bool restored_content_check(struct upgrade *u, bool *ret, struct err *e)
{
    struct lines l = {0};
    if (!need_restored(u, e) || !check_version(u, e) || !check_content(u, e) ||
        !side_each_database(u, SIDE_BLUE, false, compare_database, &l, e))
        return false;
    if (l.n > 0)
        u->warn(u->warn_arg, "Tables that the roll-back changes",
                join_lines(u->look, l.items, l.n, LINES_SHOWN));
    *ret = true;
    return true;
}

/* ---- a master password that AWS manages ---- */

bool restored_secret_done(struct upgrade *u, bool *ret, struct err *e)
{
    if (!need_restored(u, e))
        return false;
    *ret = u->world.production->master_user_secret_arn[0] == '\0' ||
           u->world.restored->master_user_secret_arn[0] != '\0';
    return true;
}

/* AWS goes on showing "available" after the call, and the old password is in force: until a login with the
 * new one works, or without any login until AWS shows that it has begun. Where that does not come, the rows
 * behind this one tell. */
static bool await_secret(struct upgrade *u, struct err *e)
{
    int64_t until = u->clock->mono_ms(u->clock) + (u->has_login ? SECRET_LOGIN_MS : SECRET_BEGIN_MS);
    for (;;) {
        struct pg *c CLEANUP(pg_cleanup) = NULL;
        struct err refused = ERR_INIT;
        if (!need_restored(u, e))
            return false;
        bool begun = !is_available(u->world.restored->status);
        if (u->has_login ? side_open(u, SIDE_GREEN, NULL, false, &c, &refused) : begun)
            return true;
        if (u->clock->mono_ms(u->clock) > until)
            return true;
        if (u->clock->wait(u->clock, u->stop, SECRET_POLL_MS))
            return err_set(e, ERR_CANCELLED, "interrupted while %s gets a managed master password",
                           u->world.restored->identifier);
    }
}

/* No restore carries it: what is switched on makes a new secret and a new password. */
bool restored_secret_run(struct upgrade *u, struct err *e)
{
    const struct aws_field fields[] = {
        {"ManageMasterUserPassword", "true"},
        {"MasterUserSecretKmsKeyId", xml_text(u->world.production->raw, "MasterUserSecret/KmsKeyId", NULL)},
        {NULL, NULL}};
    if (!rds_cluster_set(&u->aws, u->world.restored->identifier, fields, e))
        return err_wrap(e, "let AWS manage the master password of %s", u->world.restored->identifier);
    return await_secret(u, e);
}
