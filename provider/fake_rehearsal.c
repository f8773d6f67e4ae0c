/* The fake's clone of production, as a rehearsal makes, upgrades and removes it; and what else an upgrade in
 * place asks for. */
#include "internal/aws/rds.h"
#include "internal/pg/writes.h"
#include "provider/fake_rds.h"

#include <stdio.h>
#include <string.h>

enum {
    MAKE_MS = 3 * 1000,
    INSTANCE_MS = 6 * 1000,
    LAG_MS = 3 * 1000,
    UPGRADE_MS = 20 * 1000,
    DELETE_MS = 3 * 1000
};
#define ARN  "arn:aws:rds:eu-central-1:123456789012:"
#define NAME "orders-rehearsal"

static int64_t now(void)
{
    return fake.clock.mono > 0 ? fake.clock.mono : 1;
}

/* ---- what time has made of it ---- */

static bool passed(int64_t since, int64_t ms)
{
    return since > 0 && now() >= since + ms;
}

static void settle(void)
{
    if (passed(fake.rehearsal.instance_gone_ms, DELETE_MS)) {
        fake.rehearsal.instance = false;
        fake.rehearsal.instance_gone_ms = 0;
    }
    if (passed(fake.rehearsal.gone_ms, 2 * DELETE_MS)) {
        fake.rehearsal.cluster = fake.rehearsal.instance = false;
        fake.rehearsal.gone_ms = fake.rehearsal.instance_gone_ms = fake.rehearsal.called_ms = 0;
        fake.rehearsal.status = NULL;
        memset(fake.rehearsal.tags, 0, sizeof fake.rehearsal.tags);
    }
    if (passed(fake.rehearsal.called_ms, UPGRADE_MS) && !fake.rehearsal.goes_back)
        fake.rehearsal.version = "17.6";
}

static bool is_upgrading(void)
{
    return passed(fake.rehearsal.called_ms, LAG_MS) && !passed(fake.rehearsal.called_ms, UPGRADE_MS);
}

static const char *status(void)
{
    settle();
    if (fake.rehearsal.gone_ms > 0)
        return "deleting";
    if (fake.rehearsal.status)
        return fake.rehearsal.status;
    return !passed(fake.rehearsal.made_ms, MAKE_MS) ? "creating" : is_upgrading() ? "upgrading" : "available";
}

static const char *instance_status(void)
{
    settle();
    if (fake.rehearsal.instance_gone_ms > 0)
        return "deleting";
    return !passed(fake.rehearsal.instance_ms, INSTANCE_MS) ? "creating"
           : is_upgrading()                                 ? "upgrading"
                                                            : "available";
}

/* ---- tags ---- */

static void keep(struct fake_tag *list, const struct rds_tags *tags)
{
    for (size_t t = 0; t < tags->count; t++) {
        size_t i = 0;
        while (i < 15 && list[i].key[0] && strcmp(list[i].key, tags->tags[t].key) != 0)
            i++;
        (void)snprintf(list[i].key, sizeof list[i].key, "%s", tags->tags[t].key);
        (void)snprintf(list[i].value, sizeof list[i].value, "%s", tags->tags[t].value);
    }
}

static struct rds_tags shown(struct arena *a, const struct fake_tag *list)
{
    struct rds_tag *out = ARENA_ARRAY(a, struct rds_tag, 16);
    size_t n = 0;
    for (; n < 16 && list[n].key[0]; n++)
        out[n] = (struct rds_tag){arena_strdup(a, list[n].key), arena_strdup(a, list[n].value)};
    return (struct rds_tags){out, n};
}

static struct fake_tag *tags_at(const char *arn)
{
    return strstr(arn, "cluster:" NAME)   ? fake.rehearsal.tags
           : strstr(arn, "-17-rehearsal") ? fake.rehearsal.note_tags
                                          : NULL;
}

bool fake_clone_tag(const char *arn, const struct rds_tags *tags, bool *ret_ok, struct err *e)
{
    struct fake_tag *list = tags_at(arn);
    if (!list)
        return false;
    settle();
    if (list == fake.rehearsal.tags && !fake.rehearsal.cluster)
        *ret_ok = err_set(e, ERR_NOT_FOUND, "%s not found", arn);
    else {
        keep(list, tags);
        *ret_ok = fake_leave(e);
    }
    return true;
}

bool fake_clone_tags(struct arena *a, const char *arn, struct rds_tags *ret)
{
    struct fake_tag *list = tags_at(arn);
    if (list)
        *ret = shown(a, list);
    return list != NULL;
}

void fake_clone_note_made(const struct rds_tags *tags)
{
    if (fake.rehearsal.note)
        return;
    memset(fake.rehearsal.note_tags, 0, sizeof fake.rehearsal.note_tags);
    keep(fake.rehearsal.note_tags, tags);
}

bool *fake_clone_note(const char *group)
{
    return strstr(group, "-17-rehearsal") ? &fake.rehearsal.note : NULL;
}

/* ---- the cluster ---- */

const struct rds_cluster *fake_clone(struct arena *a, const char *id)
{
    struct rds_cluster *k = ARENA_NEW(a, struct rds_cluster);
    struct rds_member *m = ARENA_NEW(a, struct rds_member);
    struct err ignored = ERR_INIT;
    const char *now_is = status();
    if (strcmp(id, NAME) != 0 || !(fake.rehearsal.cluster || fake.rehearsal.foreign))
        return NULL;
    bool waits = strcmp(fake.rehearsal.version, "17.6") == 0 && !fake.rehearsal.rebooted_ms;
    *m = (struct rds_member){NAME "-1", waits ? "pending-reboot" : "in-sync", true, 1};
    *k = (struct rds_cluster){.identifier = NAME,
                              .arn = ARN "cluster:" NAME,
                              .resource_id = "cluster-CLONE",
                              .status = now_is,
                              .engine = "aurora-postgresql",
                              .engine_version = fake.rehearsal.version,
                              .parameter_group = arena_strdup(a, fake.rehearsal.cluster_group),
                              .endpoint = NAME ".example",
                              .pending_engine_version = "",
                              .master_user_secret_arn = "",
                              .port = 5432,
                              .deletion_protection = fake.rehearsal.protected,
                              .members = m,
                              .member_count = fake.rehearsal.instance,
                              .tags = shown(a, fake.rehearsal.tags)};
    if (fake.rehearsal.foreign)
        k->tags.count = 0;
    if (!xml_parse(
            a, str_of("<DBCluster><ClusterCreateTime>2026-01-02T03:04:05Z</ClusterCreateTime></DBCluster>"),
            &k->raw, &ignored))
        return NULL;
    return k;
}

static bool refused(bool *ret_ok, struct err *e, const char *why)
{
    *ret_ok = err_set(e, ERR_CONFLICT, "%s: %s", NAME, why);
    return true;
}

static bool sent(const struct aws_field *settings, const char *name, const char *value)
{
    for (; settings->name; settings++)
        if (strcmp(settings->name, name) == 0)
            return strcmp(settings->value, value) == 0;
    return false;
}

static void note_sent(const struct aws_field *settings)
{
    fake.rehearsal.sent[0] = '\0';
    for (; settings->name; settings++) {
        size_t n = strlen(fake.rehearsal.sent);
        (void)snprintf(fake.rehearsal.sent + n, sizeof fake.rehearsal.sent - n, "%s=%s ", settings->name,
                       settings->value);
    }
}

bool rds_cluster_clone(const struct aws_session *s, const struct aws_field *settings, struct rds_tags tags,
                       struct err *e)
{
    (void)s;
    if (!fake_enter(e))
        return false;
    settle();
    note_sent(settings);
    if (fake.rehearsal.cluster || fake.rehearsal.foreign)
        return err_set(e, ERR_CONFLICT, "DB Cluster already exists");
    if (!sent(settings, "RestoreType", "copy-on-write") || !sent(settings, "DBClusterIdentifier", NAME))
        return err_set(e, ERR_INVALID, "no clone: %s", fake.rehearsal.sent);
    if (fake.rehearsal.no_key) {
        (void)err_set(e, ERR_DENIED, "AWS refused it");
        return err_said(e, "KMSKeyNotAccessibleFault: The specified KMS key [k] is not enabled");
    }
    fake.rehearsal.cluster = true;
    fake.rehearsal.made_ms = now();
    fake.rehearsal.called_ms = fake.rehearsal.rebooted_ms = 0;
    fake.rehearsal.version = fake.production_version;
    (void)snprintf(fake.rehearsal.cluster_group, sizeof fake.rehearsal.cluster_group, "orders-pg");
    (void)snprintf(fake.rehearsal.instance_group, sizeof fake.rehearsal.instance_group, "orders-pg-instance");
    fake.rehearsal.made++;
    keep(fake.rehearsal.tags, &tags);
    return fake_leave(e);
}

bool fake_clone_modify(const char *id, const struct rds_cluster_change *c, bool *ret_ok, struct err *e)
{
    if (strcmp(id, NAME) != 0)
        return false;
    if (strcmp(status(), "available") != 0)
        return refused(ret_ok, e, "not in available state");
    if (c->deletion_protection == 0)
        fake.rehearsal.protected = false;
    if (c->parameter_group)
        (void)snprintf(fake.rehearsal.cluster_group, sizeof fake.rehearsal.cluster_group, "%s",
                       c->parameter_group);
    if (c->instance_parameter_group)
        (void)snprintf(fake.rehearsal.instance_group, sizeof fake.rehearsal.instance_group, "%s",
                       c->instance_parameter_group);
    if (c->engine_version) {
        if (!fake.rehearsal.instance || strcmp(instance_status(), "available") != 0)
            return refused(ret_ok, e, "no instance to upgrade");
        if (fake.rehearsal.called_ms > 0 && !passed(fake.rehearsal.called_ms, UPGRADE_MS))
            return refused(ret_ok, e, "is being upgraded");
        fake.rehearsal.called_ms = now();
        fake.rehearsal.calls++;
    }
    *ret_ok = fake_leave(e);
    return true;
}

bool fake_clone_delete(const char *id, const char *final_snapshot, bool *ret_ok, struct err *e)
{
    if (strcmp(id, NAME) != 0)
        return false;
    const char *is = status();
    if (!fake.rehearsal.cluster || fake.rehearsal.foreign)
        return (*ret_ok = !fake.rehearsal.foreign), true;
    if (fake.rehearsal.protected || (fake.rehearsal.instance && fake.rehearsal.instance_gone_ms == 0) ||
        (strcmp(is, "available") != 0 && strcmp(is, "cloning-failed") != 0))
        return refused(ret_ok, e, is);
    fake.final_snapshots += final_snapshot != NULL;
    fake.rehearsal.gone_ms = now();
    *ret_ok = fake_leave(e);
    return true;
}

/* ---- its instance ---- */

static const struct xml no_xml = {.name = "DBInstance", .text = ""};

bool fake_clone_instances(struct arena *a, const char *cluster, const struct rds_instance *const **ret,
                          size_t *ret_n)
{
    struct rds_instance *one = ARENA_NEW(a, struct rds_instance);
    const struct rds_instance **list = ARENA_ARRAY(a, const struct rds_instance *, 1);
    if (strcmp(cluster, NAME) != 0)
        return false;
    *one = (struct rds_instance){.identifier = NAME "-1",
                                 .arn = ARN "db:" NAME "-1",
                                 .status = instance_status(),
                                 .engine = "aurora-postgresql",
                                 .cluster_identifier = NAME,
                                 .parameter_group = arena_strdup(a, fake.rehearsal.instance_group),
                                 .parameter_apply_status = "in-sync",
                                 .raw = &no_xml};
    list[0] = one;
    *ret = list;
    *ret_n = fake.rehearsal.instance;
    return true;
}

bool rds_instance_find(const struct aws_session *s, const char *id, const struct rds_instance **ret,
                       struct err *e)
{
    (void)s;
    (void)id;
    *ret = NULL;
    return fake_enter(e);
}

bool rds_instance_create(const struct aws_session *s, const struct aws_field *settings, struct rds_tags tags,
                         struct err *e)
{
    (void)s;
    (void)tags;
    if (!fake_enter(e))
        return false;
    note_sent(settings);
    if (strcmp(status(), "available") != 0 || fake.rehearsal.instance)
        return err_set(e, ERR_CONFLICT, "not now");
    if (fake.rehearsal.no_capacity)
        return err_set(e, ERR_REMOTE, "InsufficientDBInstanceCapacity");
    fake.rehearsal.instance = true;
    fake.rehearsal.instance_ms = now();
    return fake_leave(e);
}

bool fake_clone_instance_delete(const char *id, bool *ret_ok, struct err *e)
{
    if (strcmp(id, NAME "-1") != 0)
        return false;
    if (strcmp(instance_status(), "available") != 0)
        return refused(ret_ok, e, "the instance is not available");
    fake.rehearsal.instance_gone_ms = now();
    *ret_ok = fake_leave(e);
    return true;
}

/* ---- what AWS says of it ---- */

bool fake_clone_events(struct arena *a, const char *source, const struct rds_event **ret, size_t *ret_n)
{
    struct rds_event *event = ARENA_NEW(a, struct rds_event);
    char date[TIME_ISO_SIZE];
    if (strcmp(source, NAME) != 0)
        return false;
    time_iso(fake.clock.wall - fake.clock.mono + fake.rehearsal.called_ms + UPGRADE_MS, false, date);
    *event = (struct rds_event){NAME, "db-cluster", "The cluster cannot be upgraded: a view is in the way.",
                                arena_strdup(a, date)};
    *ret = event;
    *ret_n = fake.rehearsal.goes_back && passed(fake.rehearsal.called_ms, UPGRADE_MS);
    return true;
}

bool rds_log_files(const struct aws_session *s, const char *instance, const char *contains,
                   const struct rds_log_file **ret, size_t *ret_n, struct err *e)
{
    static const struct rds_log_file file = {"pg_upgrade_dump_1.log", 1, 100};
    (void)s;
    (void)contains;
    *ret = &file;
    *ret_n = strcmp(instance, NAME "-1") == 0;
    return fake_enter(e);
}

bool rds_log_tail(const struct aws_session *s, const char *instance, const char *name, int lines,
                  const char **ret, struct err *e)
{
    (void)s;
    (void)instance;
    (void)name;
    (void)lines;
    *ret = "could not execute query: ERROR: no such column";
    return fake_enter(e);
}

bool fake_is_clone(const char *instance)
{
    return strcmp(instance, NAME "-1") == 0;
}

int fake_clone_major(const char *host)
{
    settle();
    if (strcmp(host, NAME ".example") != 0)
        return 0;
    return fake.rehearsal.unseen || !fake.rehearsal.instance                         ? -1
           : fake.rehearsal.version && strncmp(fake.rehearsal.version, "17", 2) == 0 ? 17
                                                                                     : 13;
}

/* ---- snapshots: the fake's runs end before there is one ---- */

bool rds_snapshot_list_of(const struct aws_session *s, const char *cluster, const struct rds_snapshot **ret,
                          size_t *ret_n, struct err *e)
{
    (void)s;
    (void)cluster;
    *ret = NULL;
    *ret_n = 0;
    return fake_enter(e);
}

bool rds_snapshot_find(const struct aws_session *s, const char *id, const struct rds_snapshot **ret,
                       struct err *e)
{
    (void)s;
    (void)id;
    *ret = NULL;
    return fake_enter(e);
}

bool rds_snapshot_create(const struct aws_session *s, const char *id, const char *cluster,
                         struct rds_tags tags, struct err *e)
{
    (void)s;
    (void)cluster;
    (void)tags;
    return fake_enter(e) && err_set(e, ERR_BUG, "snapshot %s: the fake makes none", id);
}

bool rds_snapshot_delete(const struct aws_session *s, const char *id, struct err *e)
{
    (void)s;
    return fake_enter(e) && err_set(e, ERR_BUG, "snapshot %s: the fake has none", id);
}

bool pg_content(struct pg *c, struct arena *a, struct pg_content *ret, struct err *e)
{
    (void)c;
    (void)a;
    *ret = (struct pg_content){0};
    return fake_enter(e);
}

bool pg_written(struct pg *c, struct arena *a, const struct pg_written **ret, size_t *ret_n, struct err *e)
{
    (void)c;
    (void)a;
    *ret = NULL;
    *ret_n = 0;
    return fake_enter(e);
}

/* ---- what no test of the fake's comes by ---- */

bool rds_cluster_restore(const struct aws_session *s, const struct aws_field *settings, struct rds_tags tags,
                         struct err *e)
{
    (void)s;
    (void)settings;
    (void)tags;
    return fake_enter(e) && err_set(e, ERR_BUG, "the fake restores nothing");
}

bool rds_instance_set_parameter_group(const struct aws_session *s, const char *id, const char *group,
                                      struct err *e)
{
    (void)s;
    if (!fake_enter(e))
        return false;
    if (!fake_is_clone(id))
        return err_set(e, ERR_BUG, "%s is not ours to change", id);
    (void)snprintf(fake.rehearsal.instance_group, sizeof fake.rehearsal.instance_group, "%s", group);
    return fake_leave(e);
}
