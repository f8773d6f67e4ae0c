#include "provider/fake_rds.h"
#include "internal/aws/rds.h"

#include <stdio.h>
#include <string.h>

struct fake_rds fake;

enum { BUILD_MS = 300 * 1000, SWITCH_MS = 20 * 1000, APPLYING_MS = 25 * 1000, REBOOT_MS = 60 * 1000 };
#define ARN "arn:aws:rds:eu-central-1:123456789012:"

void fake_reset(void)
{
    fake =
        (struct fake_rds){.cluster_exists = true,
                          .production_version = "13.23",
                          .production_writable = true,
                          .production_min = 0.5,
                          .no_statistics = true,
                          .settings = {.blue = "<PreferredBackupWindow>01:00-01:30</PreferredBackupWindow>",
                                       .blue_role = true}};
    clock_fake_init(&fake.clock, 1767323045000);
}

static int64_t now(void)
{
    return fake.clock.mono;
}

/* ---- faults ---- */

static bool dead(void)
{
    return fake.fault_everything_after && fake.fault_at && fake.calls > fake.fault_at;
}

static bool lost(struct err *e)
{
    return err_set(e, ERR_UNAVAILABLE, "call %d: the connection broke", fake.calls);
}

/* Counts a call; false if it fails before it has an effect. */
bool fake_enter(struct err *e)
{
    fake.calls++;
    if (dead() || (fake.calls == fake.fault_at && fake.fault == FAULT_BEFORE))
        return lost(e);
    return true;
}

bool fake_leave(struct err *e)
{
    fake.changes++;
    return fake.calls != fake.fault_at || fake.fault != FAULT_AFTER || lost(e);
}

/* ---- time passes ---- */

static bool switching(void)
{
    return fake.switching_ms > 0 && now() < fake.switching_ms + SWITCH_MS;
}

static void complete_switch(void)
{
    if (fake.switching_ms == 0 || switching())
        return;
    fake.switching_ms = 0;
    if (fake.roll_back_switchover)
        return;
    fake.completed = fake.old = fake.old_instances = true;
    fake.old_version = fake.production_version;
    fake.production_version = fake.green_version;
    fake.production_min = fake.green_min;
    fake.settings.green_role = fake.settings.green_role && !fake.settings.role_lost_at_switch;
    fake.green = false;
    fake.switchovers++;
}

static const char *deployment_status(void)
{
    if (fake.completed)
        return "SWITCHOVER_COMPLETED";
    if (fake.flaps && fake.validated_tag && !switching() && fake.readings++ % 3 == 2)
        return "PROVISIONING";
    if (switching())
        return "SWITCHOVER_IN_PROGRESS";
    return now() < fake.created_ms + BUILD_MS ? "PROVISIONING" : "AVAILABLE";
}

/* ---- aws.h ---- */

bool aws_credentials_outlast(const struct aws_session *s, int64_t needed_seconds, struct aws_life *ret,
                             struct err *e)
{
    (void)s;
    (void)needed_seconds;
    if (!fake_enter(e))
        return false;
    *ret = fake.life.source ? fake.life : (struct aws_life){INT64_MAX, false, "environment", ""};
    return true;
}

const char *aws_region(const struct aws *w)
{
    (void)w;
    return "eu-central-1";
}

const char *rds_tag_value(const struct rds_tags *t, const char *key)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->tags[i].key, key) == 0)
            return t->tags[i].value;
    return NULL;
}

/* ---- objects ---- */

static const struct xml no_xml = {.name = "DBInstance", .text = ""};

/* A group that is attached is applying first, then waits for a reboot (reference of DBClusterMember). */
static const char *group_status(void)
{
    if (fake.attached_ms == 0 || (fake.rebooted_ms > 0 && now() >= fake.rebooted_ms + REBOOT_MS))
        return "in-sync";
    return now() < fake.attached_ms + APPLYING_MS ? "applying" : "pending-reboot";
}

static bool is_of_13(const char *version)
{
    return strncmp(version, "13", 2) == 0;
}

static const char *group_of_cluster(const char *version)
{
    return !is_of_13(version)      ? "orders-upgrade-17"
           : fake.managed_attached ? "orders-upgrade-13-source"
                                   : "orders-pg";
}

static const struct rds_cluster *cluster(struct arena *a, const char *id, const char *version, double min)
{
    struct rds_cluster *k = ARENA_NEW(a, struct rds_cluster);
    struct rds_member *m = ARENA_NEW(a, struct rds_member);
    *m = (struct rds_member){
        .identifier = "orders-1", .parameter_group_status = group_status(), .is_writer = true};
    *k = (struct rds_cluster){.identifier = id,
                              .arn = arena_printf(a, ARN "cluster:%s", id),
                              .status = "available",
                              .resource_id = strcmp(version, "13.23") == 0 ? "cluster-BLUE" : "cluster-GREEN",
                              .engine = "aurora-postgresql",
                              .engine_mode = "provisioned",
                              .engine_version = version,
                              .parameter_group = group_of_cluster(version),
                              .endpoint = arena_printf(a, "%s.example", id),
                              .reader_endpoint = "",
                              .master_username = "",
                              .pending_engine_version = "",
                              .kms_key_id = "",
                              .storage_type = "",
                              .global_cluster_identifier = "",
                              .replication_source = "",
                              .master_user_secret_arn = "",
                              .clone_group_id = "",
                              .database_name = "",
                              .port = 5432,
                              .serverless_v2 = fake.serverless,
                              .min_capacity = min,
                              .max_capacity = 8,
                              .members = m,
                              .member_count = 1};
    fake_settings_show(a, k, strcmp(k->resource_id, "cluster-GREEN") == 0);
    return k;
}

static const struct rds_cluster *old_cluster(struct arena *a)
{
    struct rds_cluster *k = ARENA_NEW(a, struct rds_cluster);
    *k = *cluster(a, "orders-old1", fake.old_version, fake.production_min);
    k->status = fake.old_deleting ? "deleting" : "available";
    k->deletion_protection = fake.old_protected;
    if (fake.old_tag || fake.stale_old_note) {
        struct rds_tag *t = ARENA_ARRAY(a, struct rds_tag, 2);
        t[0] = (struct rds_tag){"aurora-upgrade:old-of", "orders"};
        t[1] = (struct rds_tag){"aurora-upgrade:switched-at",
                                fake.old_tag ? "2026-01-02T03:04:05Z" : "2025-01-02T03:04:05Z"};
        k->tags = (struct rds_tags){t, 2};
    }
    fake_settings_tag(a, &k->tags);
    fake_show_tags(a, &k->tags, true);
    return k;
}

bool rds_cluster_find(const struct aws_session *s, const char *id, const struct rds_cluster **ret,
                      struct err *e)
{
    if (!fake_enter(e))
        return false;
    complete_switch();
    *ret = NULL;
    if (strcmp(id, "orders") == 0 && fake.cluster_exists)
        *ret = cluster(s->arena, "orders", fake.production_version, fake.production_min);
    else if (strcmp(id, "orders-green-abc123") == 0 && fake.green &&
             !(fake.late_green && now() < fake.created_ms + 60000))
        *ret = cluster(s->arena, id, fake.green_version, fake.green_min);
    else if (strcmp(id, "orders-old1") == 0 && fake.old)
        *ret = old_cluster(s->arena);
    else
        *ret = fake_clone(s->arena, id);
    return true;
}

bool rds_cluster_each(const struct aws_session *s, void (*each)(void *arg, const struct rds_cluster *c),
                      void *arg, struct err *e)
{
    if (!fake_enter(e))
        return false;
    each(arg, cluster(s->arena, "orders", fake.production_version, fake.production_min));
    if (fake.old)
        each(arg, old_cluster(s->arena));
    return true;
}

bool rds_cluster_find_by_resource_id(const struct aws_session *s, const char *resource_id,
                                     const struct rds_cluster **ret, struct err *e)
{
    *ret = NULL;
    if (!fake_enter(e))
        return false;
    if (fake.old && strcmp(old_cluster(s->arena)->resource_id, resource_id) == 0)
        *ret = old_cluster(s->arena);
    return true;
}

bool rds_instance_list(const struct aws_session *s, const char *cluster_id,
                       const struct rds_instance *const **ret, size_t *ret_n, struct err *e)
{
    if (!fake_enter(e))
        return false;
    if (fake_clone_instances(s->arena, cluster_id, ret, ret_n))
        return true;
    struct rds_instance *in = ARENA_NEW(s->arena, struct rds_instance);
    const struct rds_instance **list = ARENA_ARRAY(s->arena, const struct rds_instance *, 2);
    *in = (struct rds_instance){
        .identifier = arena_printf(s->arena, "%s-1", cluster_id),
        .arn = arena_printf(s->arena, ARN "db:%s-1", cluster_id),
        .resource_id = "db-1",
        .status = fake.rebooted_ms > 0 && now() < fake.rebooted_ms + REBOOT_MS ? "rebooting" : "available",
        .instance_class = "db.r6g.large",
        .engine = "aurora-postgresql",
        .engine_version = "",
        .cluster_identifier = cluster_id,
        .availability_zone = "",
        .parameter_group = "orders-pg-instance",
        .parameter_apply_status = "in-sync",
        .endpoint = "",
        .ca_certificate = "",
        .raw = &no_xml};
    struct rds_instance *reader = ARENA_NEW(s->arena, struct rds_instance);
    *reader = *in;
    reader->identifier = "orders-2";
    reader->parameter_group = "orders-pg-reports";
    list[0] = in;
    list[1] = reader;
    *ret = list;
    *ret_n = strcmp(cluster_id, "orders-old1") == 0 && !fake.old_instances ? 0 : fake.groups_differ ? 2 : 1;
    return true;
}

bool rds_bluegreen_list(const struct aws_session *s, const struct rds_bluegreen *const **ret, size_t *ret_n,
                        struct err *e)
{
    if (!fake_enter(e))
        return false;
    complete_switch();
    struct arena *a = s->arena;
    struct rds_bluegreen *d = ARENA_NEW(a, struct rds_bluegreen);
    const struct rds_bluegreen **list = ARENA_ARRAY(a, const struct rds_bluegreen *, 1);
    struct rds_tag *tags = ARENA_ARRAY(a, struct rds_tag, 3);
    size_t n = 0;
    if (fake.ours_tag) {
        tags[n++] = (struct rds_tag){"aurora-upgrade:cluster", "orders"};
        tags[n++] = (struct rds_tag){"aurora-upgrade:target-version", "17.6"};
    }
    if (fake.validated_tag)
        tags[n++] = (struct rds_tag){"aurora-upgrade:validated-at", "2026-01-02T03:04:05Z"};
    *d = (struct rds_bluegreen){.identifier = "bgd-1",
                                .name = "orders-upgrade-13-to-17",
                                .status = deployment_status(),
                                .status_details = "",
                                .create_time = "2026-01-02T03:00:00Z",
                                .source = fake.completed ? ARN "cluster:orders-old1" : ARN "cluster:orders",
                                .target =
                                    fake.completed ? ARN "cluster:orders" : ARN "cluster:orders-green-abc123",
                                .tags = {tags, n}};
    fake_settings_members(a, d);
    fake_show_tags(a, &d->tags, false);
    list[0] = d;
    *ret = list;
    *ret_n = fake.deployment;
    return true;
}

/* ---- changes ---- */

bool rds_bluegreen_create(const struct aws_session *s, const struct rds_bluegreen_spec *b,
                          const struct rds_bluegreen **ret, struct err *e)
{
    (void)s;
    if (!fake_enter(e))
        return false;
    if (fake.deployment) {
        (void)err_set(e, ERR_CONFLICT, "A Blue Green Deployment with the name '%s' already exists", b->name);
        (void)snprintf(e->remote_code, sizeof e->remote_code, "BlueGreenDeploymentAlreadyExistsFault");
        return false;
    }
    fake.deployment = fake.green = true;
    fake.settings.green = "";
    fake.settings.green_role = false;
    fake.ours_tag = b->tags.count > 0;
    fake.green_version = fake.green_major ? fake.green_major : "17.6";
    fake.deployed_unready +=
        fake.unready && (!fake.managed_attached || strcmp(group_status(), "in-sync") != 0);
    fake.green_min = fake.production_min;
    fake.created_ms = now();
    fake.deployments_made++;
    *ret = NULL;
    return fake_leave(e);
}

bool rds_bluegreen_switchover(const struct aws_session *s, const char *identifier, int timeout_seconds,
                              struct err *e)
{
    (void)s;
    (void)identifier;
    (void)timeout_seconds;
    if (!fake_enter(e))
        return false;
    if (strcmp(deployment_status(), "AVAILABLE") != 0 || fake.refuse_switchover)
        return err_set(e, ERR_CONFLICT, "not in available state");
    fake.switching_ms = now() > 0 ? now() : 1;
    return fake_leave(e) && (!fake.lose_switchover || lost(e));
}

bool rds_bluegreen_delete(const struct aws_session *s, const char *identifier, bool delete_target,
                          struct err *e)
{
    (void)s;
    (void)identifier;
    if (!fake_enter(e))
        return false;
    if (fake.completed && delete_target)
        return err_set(e, ERR_INVALID, "DeleteTarget is refused after the switchover");
    fake.deployment = fake.completed = fake.validated_tag = false;
    fake.green = fake.green && !delete_target;
    fake_forget_tags();
    return fake_leave(e);
}

bool rds_cluster_modify(const struct aws_session *s, const char *id, const struct rds_cluster_change *c,
                        struct err *e)
{
    bool ok = false;
    (void)s;
    if (!fake_enter(e))
        return false;
    if (fake_clone_modify(id, c, &ok, e))
        return ok;
    if (strcmp(id, "orders") == 0 && c->min_capacity >= 0)
        fake.production_min = c->min_capacity;
    if (strcmp(id, "orders") == 0 && c->parameter_group) {
        fake.managed_attached = strcmp(c->parameter_group, "orders-upgrade-13-source") == 0;
        fake.attached_ms = now() > 0 ? now() : 1;
        fake.rebooted_ms = 0;
    }
    if (strcmp(id, "orders-green-abc123") == 0 && c->min_capacity >= 0)
        fake.green_min = c->min_capacity;
    if (strcmp(id, "orders-old1") == 0 && c->deletion_protection == 0)
        fake.old_protected = false;
    return fake_leave(e);
}

bool rds_cluster_delete(const struct aws_session *s, const char *id, const char *final_snapshot,
                        bool delete_backups, struct err *e)
{
    bool ok = false;
    (void)s;
    (void)delete_backups;
    if (!fake_enter(e))
        return false;
    if (fake_clone_delete(id, final_snapshot, &ok, e))
        return ok;
    if (strcmp(id, "orders-old1") != 0 || fake.old_instances || fake.old_protected || fake.deployment)
        return err_set(e, ERR_INVALID, "%s cannot be deleted", id);
    fake.final_snapshots += final_snapshot != NULL;
    fake.old = false;
    return fake_leave(e);
}

bool rds_instance_delete(const struct aws_session *s, const char *id, struct err *e)
{
    bool ok = false;
    (void)s;
    if (!fake_enter(e))
        return false;
    if (fake_clone_instance_delete(id, &ok, e))
        return ok;
    if (strcmp(id, "orders-old1-1") != 0)
        return err_set(e, ERR_INVALID, "%s is not the old side's", id);
    fake.old_instances = false;
    return fake_leave(e);
}

bool rds_instance_reboot(const struct aws_session *s, const char *id, struct err *e)
{
    (void)s;
    if (!fake_enter(e))
        return false;
    *(fake_is_clone(id) ? &fake.rehearsal.rebooted_ms : &fake.rebooted_ms) = now();
    fake.reboots += !fake_is_clone(id);
    return fake_leave(e);
}

bool rds_tag_add(const struct aws_session *s, const char *arn, struct rds_tags tags, struct err *e)
{
    (void)s;
    if (!fake_enter(e))
        return false;
    bool ok = false;
    if (!fake_keep_tags(arn, &tags, e))
        return false;
    if (fake_clone_tag(arn, &tags, &ok, e))
        return ok;
    if (strstr(arn, "cluster:orders") && rds_tag_value(&tags, "team"))
        fake.settings.tag_lost = false;
    const char *capacity = rds_tag_value(&tags, "aurora-upgrade:source-min-capacity");
    if (capacity)
        (void)snprintf(fake.capacity_note, sizeof fake.capacity_note, "%s", capacity);
    fake.validated_tag = fake.validated_tag || rds_tag_value(&tags, "aurora-upgrade:validated-at");
    fake.old_tag =
        fake.old_tag || (strstr(arn, "orders-old1") && rds_tag_value(&tags, "aurora-upgrade:old-of"));
    return fake_leave(e);
}

/* ---- groups ---- */

static bool *group_of(bool is_cluster, const char *name)
{
    static bool named = true;
    if (strstr(name, "-upgrade-") == NULL)
        return &named;
    if (strstr(name, "-source"))
        return &fake.managed_group;
    if (fake_clone_note(name))
        return fake_clone_note(name);
    return is_cluster ? &fake.cluster_group : &fake.instance_group;
}

bool rds_group_find(const struct aws_session *s, bool is_cluster, const char *name,
                    const struct rds_group **ret, struct err *e)
{
    if (!fake_enter(e))
        return false;
    struct rds_group *g = ARENA_NEW(s->arena, struct rds_group);
    *g = (struct rds_group){.name = arena_strdup(s->arena, name),
                            .family = "aurora-postgresql17",
                            .description = "",
                            .arn = arena_printf(s->arena, ARN "pg:%s", name)};
    *ret = *group_of(is_cluster, name) ? g : NULL;
    return true;
}

bool rds_group_params(const struct aws_session *s, bool is_cluster, const char *name, const char *source,
                      const struct rds_param **ret, size_t *ret_n, struct err *e)
{
    if (!fake_enter(e))
        return false;
    struct rds_param *p = ARENA_ARRAY(s->arena, struct rds_param, 2);
    p[0] = (struct rds_param){.name = "rds.logical_replication",
                              .value = fake.unready && strcmp(name, "orders-pg") == 0 ? "0" : "1",
                              .source = source ? source : "user",
                              .apply_type = "static",
                              .data_type = "",
                              .allowed_values = "",
                              .apply_method = "pending-reboot",
                              .is_modifiable = true,
                              .has_value = true};
    bool ours = strstr(name, "-upgrade-") != NULL;
    bool filled = is_cluster ? fake.cluster_group_filled : fake.instance_group_filled;
    *ret = p;
    p[1] = p[0];
    p[1].name = "odd";
    p[1].value = fake.carried;
    p[1].data_type = fake.carried_type;
    p[1].allowed_values = fake.allowed;
    *ret_n = ours && !filled ? 0 : fake.carried ? 2 : 1;
    return true;
}

bool rds_family_params(const struct aws_session *s, bool is_cluster, const char *family,
                       const struct rds_param **ret, size_t *ret_n, struct err *e)
{
    (void)family;
    return rds_group_params(s, is_cluster, "family", NULL, ret, ret_n, e);
}

bool rds_group_create(const struct aws_session *s, bool is_cluster, const char *name, const char *family,
                      const char *description, struct rds_tags tags, struct err *e)
{
    (void)s;
    (void)family;
    (void)description;
    if (!fake_enter(e))
        return false;
    if (fake_clone_note(name))
        fake_clone_note_made(&tags);
    if (*group_of(is_cluster, name))
        return err_set(e, ERR_CONFLICT, "%s exists", name);
    *group_of(is_cluster, name) = true;
    fake.groups_made += strstr(name, "-source") == NULL && !fake_clone_note(name);
    return fake_leave(e);
}

bool rds_group_set(const struct aws_session *s, bool is_cluster, const char *name,
                   const struct rds_param *params, size_t n, struct err *e)
{
    (void)s;
    (void)name;
    (void)params;
    (void)n;
    if (!fake_enter(e))
        return false;
    *(is_cluster ? &fake.cluster_group_filled : &fake.instance_group_filled) = true;
    return fake_leave(e);
}

bool rds_group_delete(const struct aws_session *s, bool is_cluster, const char *name, struct err *e)
{
    (void)s;
    if (!fake_enter(e))
        return false;
    bool has_13 = fake.old || is_of_13(fake.production_version);
    if (fake.managed_attached && has_13 && strstr(name, "-source"))
        return err_set(e, ERR_CONFLICT, "%s is attached to a cluster", name);
    *group_of(is_cluster, name) = false;
    *(is_cluster ? &fake.cluster_group_filled : &fake.instance_group_filled) = false;
    return fake_leave(e);
}

bool rds_tag_list(const struct aws_session *s, const char *arn, struct rds_tags *ret, struct err *e)
{
    struct rds_tag *ours = ARENA_ARRAY(s->arena, struct rds_tag, 3);
    if (fake_clone_tags(s->arena, arn, ret))
        return fake_enter(e);
    ours[0] = (struct rds_tag){"aurora-upgrade:cluster", "orders"};
    ours[1] = (struct rds_tag){"aurora-upgrade:replaced-group", "orders-pg"};
    ours[2] = (struct rds_tag){"aurora-upgrade:source-min-capacity", fake.capacity_note};
    *ret = (struct rds_tags){ours, fake.capacity_note[0] ? 3 : 2};
    return fake_enter(e);
}

/* ---- the rest of RDS ---- */

bool rds_engine_version_find(const struct aws_session *s, const char *engine, const char *version,
                             const struct rds_engine_version **ret, struct err *e)
{
    static const struct rds_target targets[] = {
        {"15.10", true}, {"17.4", true}, {"17.6", true}, {"13.23", false}};
    static const struct rds_engine_version v = {.version = "13.23",
                                                .family = "",
                                                .status = "available",
                                                .targets = targets,
                                                .target_count = ARRAY_LEN(targets)};
    (void)s;
    (void)engine;
    (void)version;
    *ret = &v;
    return fake_enter(e);
}

bool rds_events(const struct aws_session *s, const char *source_type, const char *source, int minutes,
                const struct rds_event **ret, size_t *ret_n, struct err *e)
{
    static const struct rds_event degraded = {"bgd-1", "blue-green-deployment",
                                              "Replication degraded because of DDL.", "2026-01-02T03:10:00Z"};
    (void)source_type;
    (void)minutes;
    if (source && fake_clone_events(s->arena, source, ret, ret_n))
        return fake_enter(e);
    *ret = fake.events ? fake.events : &degraded;
    *ret_n = fake.events ? fake.event_count : fake.degraded_event ? 1 : 0;
    return fake_enter(e);
}
