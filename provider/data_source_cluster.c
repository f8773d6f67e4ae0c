/* data_source_cluster.c — data.aurora_cluster: what the user's own aws_rds_cluster takes its version and
 * group names from, so that its plan is empty before, during and after an upgrade.
 *
 * It would rather fail than mislead: while names move, "the cluster is not there" is not true, and a plan
 * made from it would create production a second time (INTERFACE 2.5).
 */
#include "provider/provider.h"
#include "provider/validate.h"

#include "internal/base/clock.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"
#include "internal/upgrade/upgrade.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- schema ---- */

#define COMPUTED(n, t, d)                                                                                    \
    {                                                                                                        \
        .name = n, .type = t, .flags = TF_COMPUTED, .doc = d                                                 \
    }

static const struct tf_attr scaling_attrs[] = {
    COMPUTED("max_capacity", TF_NUMBER, "Maximum capacity in ACU."),
    COMPUTED("min_capacity", TF_NUMBER, "Minimum capacity in ACU."),
    COMPUTED("seconds_until_auto_pause", TF_NUMBER, "Idle seconds before an instance with minimum 0 pauses."),
    {.name = NULL},
};

static const struct tf_attr endpoint_attrs[] = {
    COMPUTED("arn", TF_STRING, "ARN of the endpoint."),
    COMPUTED("cluster_endpoint_identifier", TF_STRING, "Identifier of the endpoint."),
    COMPUTED("custom_endpoint_type", TF_STRING, "`READER` or `ANY`."),
    COMPUTED("endpoint", TF_STRING, "DNS name."),
    COMPUTED("excluded_members", TF_STRING_SET, "Instances that do not belong to it."),
    COMPUTED("static_members", TF_STRING_SET, "Instances that belong to it."),
    {.name = NULL},
};

static const struct tf_attr instance_attrs[] = {
    COMPUTED("availability_zone", TF_STRING, "Availability Zone."),
    COMPUTED("dbi_resource_id", TF_STRING, "Resource id; another one after a switch."),
    COMPUTED("identifier", TF_STRING, "Instance identifier."),
    COMPUTED("instance_class", TF_STRING, "Instance class."),
    COMPUTED("promotion_tier", TF_NUMBER, "Fail-over order, 0 to 15."),
    {.name = NULL},
};

static const struct tf_attr secret_attrs[] = {
    COMPUTED("kms_key_id", TF_STRING, "KMS key of the secret."),
    COMPUTED("secret_arn", TF_STRING, "ARN of the secret; another one after a switch."),
    COMPUTED("secret_status", TF_STRING, "`creating`, `active`, `rotating` or `impaired`."),
    {.name = NULL},
};

static const struct tf_attr operation_attrs[] = {
    COMPUTED("in_flight", TF_BOOL, "AWS is working on it at this moment."),
    COMPUTED("resource", TF_STRING, "Resource type that runs or ran the operation."),
    COMPUTED("stage", TF_STRING, "Stage reached, as in the resource's `reached_stage`."),
    {.name = NULL},
};

static const struct tf_attr attrs[] = {
    {.name = "cluster_identifier",
     .type = TF_STRING,
     .flags = TF_REQUIRED,
     .validate = validate_cluster_identifier,
     .doc = "Identifier of the cluster. Give it literally (or from a variable), not from the resource that "
            "takes "
            "its version from here."},
    {.name = "region",
     .type = TF_STRING,
     .flags = TF_OPTIONAL_COMPUTED,
     .doc = "Region of the cluster. Default: the provider's."},
    COMPUTED("availability_zones", TF_STRING_SET, "Availability Zones of the volume."),
    COMPUTED("cluster_resource_id", TF_STRING, "Resource id; another one after a switch."),
    {.name = "custom_endpoints",
     .type = TF_OBJECT_LIST,
     .flags = TF_COMPUTED,
     .nested = endpoint_attrs,
     .doc = "Custom endpoints, sorted by identifier."},
    COMPUTED("db_cluster_parameter_group_name", TF_STRING, "Cluster parameter group in use."),
    COMPUTED("db_parameter_group_name", TF_STRING, "Parameter group of the writer instance."),
    COMPUTED("endpoint", TF_STRING, "Writer endpoint."),
    COMPUTED("engine_version", TF_STRING, "Exact version, such as `17.6`."),
    COMPUTED("exists", TF_BOOL, "False if the values come from `default`."),
    COMPUTED("iam_roles", TF_STRING_SET, "ARNs of the roles associated with the cluster."),
    COMPUTED("id", TF_STRING, "The cluster identifier."),
    {.name = "instances",
     .type = TF_OBJECT_LIST,
     .flags = TF_COMPUTED,
     .nested = instance_attrs,
     .doc = "Instances, sorted by identifier."},
    COMPUTED("kms_key_id", TF_STRING, "KMS key of the volume."),
    {.name = "master_user_secret",
     .type = TF_OBJECT_LIST,
     .flags = TF_COMPUTED,
     .nested = secret_attrs,
     .doc = "The secret RDS manages for the master user; empty if it manages none."},
    {.name = "operation",
     .type = TF_OBJECT,
     .flags = TF_COMPUTED,
     .nested = operation_attrs,
     .doc = "The upgrade that was found for this cluster, from AWS alone; null if there is none."},
    COMPUTED("port", TF_NUMBER, "Port of all endpoints."),
    COMPUTED("reader_endpoint", TF_STRING, "Reader endpoint."),
    {.name = "serverlessv2_scaling_configuration",
     .type = TF_OBJECT_LIST,
     .flags = TF_COMPUTED,
     .nested = scaling_attrs,
     .doc = "Serverless v2 capacity; empty for clusters without."},
    COMPUTED("storage_encrypted", TF_BOOL, "Is the volume encrypted?"),
    {.name = NULL},
};

#define DEFAULT(n, t, d)                                                                                     \
    {                                                                                                        \
        .name = n, .type = t, .flags = TF_OPTIONAL, .doc = d                                                 \
    }

static const struct tf_attr default_attrs[] = {
    DEFAULT("availability_zones", TF_STRING_SET, "As the attribute of the same name."),
    DEFAULT("db_cluster_parameter_group_name", TF_STRING, "As the attribute of the same name."),
    DEFAULT("db_parameter_group_name", TF_STRING,
            "As the attribute of the same name; also used while a cluster has no instance yet."),
    {.name = "engine_version",
     .type = TF_STRING,
     .flags = TF_REQUIRED,
     .doc = "Version to create the cluster with: the exact one, such as `17.6`, so that the plan after it is "
            "empty."},
    DEFAULT("kms_key_id", TF_STRING, "As the attribute of the same name."),
    DEFAULT("port", TF_NUMBER, "As the attribute of the same name."),
    DEFAULT("storage_encrypted", TF_BOOL, "As the attribute of the same name."),
    {.name = NULL},
};

static const struct tf_block blocks[] = {
    {.name = "default",
     .attrs = default_attrs,
     .doc =
         "Values for a cluster that does not exist yet. Without this block an absent cluster is an error."},
    {.name = NULL},
};

static const struct tf_schema schema = {
    .attrs = attrs,
    .blocks = blocks,
    .doc = "A live Aurora PostgreSQL cluster, for the arguments of `aws_rds_cluster` that an upgrade "
           "changes. With "
           "version and group names taken from here, the plan of `hashicorp/aws` is empty after every stage. "
           "Reading fails while AWS moves names between the old and the new side, because a plan made from "
           "that moment would create or replace production.",
};

/* ---- values ---- */

struct reading {
    struct tf_call *call;
    struct arena *arena;
    const char *identifier;
    const struct value *fallback; /* the default block; null if not given */
    struct upgrade look;
    struct value *out;
};

static const struct value *text(struct reading *r, const char *s)
{
    return s && *s ? value_string(r->arena, s) : &value_null;
}

static void set(struct reading *r, const char *name, const struct value *v)
{
    value_set(r->arena, r->out, name, v);
}

static void set_text(struct reading *r, const char *name, const char *s)
{
    set(r, name, text(r, s));
}

static const struct value *texts(struct reading *r, const char **list)
{
    struct value *out = value_list(r->arena);
    for (; list && *list; list++)
        value_append(r->arena, out, value_string(r->arena, *list));
    return out;
}

/* AWS writes capacities and seconds as decimal numbers: their text is the value. */
static const struct value *number_of(struct reading *r, const struct xml *x, const char *path)
{
    const char *s = xml_text(x, path, "");
    return *s ? value_number(r->arena, s) : &value_null;
}

static const struct value *scaling(struct reading *r, const struct rds_cluster *k)
{
    struct value *list = value_list(r->arena);
    const struct xml *x = xml_find(k->raw, "ServerlessV2ScalingConfiguration");
    if (!x || !x->first)
        return list;
    struct value *o = value_object(r->arena);
    value_set(r->arena, o, "max_capacity", number_of(r, x, "MaxCapacity"));
    value_set(r->arena, o, "min_capacity", number_of(r, x, "MinCapacity"));
    value_set(r->arena, o, "seconds_until_auto_pause", number_of(r, x, "SecondsUntilAutoPause"));
    value_append(r->arena, list, o);
    return list;
}

static const struct value *master_secret(struct reading *r, const struct rds_cluster *k)
{
    struct value *list = value_list(r->arena);
    const struct xml *x = xml_find(k->raw, "MasterUserSecret");
    if (!x || !x->first)
        return list;
    struct value *o = value_object(r->arena);
    value_set(r->arena, o, "kms_key_id", text(r, xml_text(x, "KmsKeyId", "")));
    value_set(r->arena, o, "secret_arn", text(r, xml_text(x, "SecretArn", "")));
    value_set(r->arena, o, "secret_status", text(r, xml_text(x, "SecretStatus", "")));
    value_append(r->arena, list, o);
    return list;
}

static int by_identifier(const void *x, const void *y)
{
    return strcmp((*(const struct rds_instance *const *)x)->identifier,
                  (*(const struct rds_instance *const *)y)->identifier);
}

static const struct value *instances(struct reading *r, const struct world *w)
{
    struct value *list = value_list(r->arena);
    const struct rds_instance **sorted =
        arena_memdup(r->arena, w->instances, w->instance_count * sizeof *sorted);
    qsort(sorted, w->instance_count, sizeof *sorted, by_identifier);
    for (size_t i = 0; i < w->instance_count; i++) {
        struct value *o = value_object(r->arena);
        value_set(r->arena, o, "availability_zone", text(r, sorted[i]->availability_zone));
        value_set(r->arena, o, "dbi_resource_id", text(r, sorted[i]->resource_id));
        value_set(r->arena, o, "identifier", text(r, sorted[i]->identifier));
        value_set(r->arena, o, "instance_class", text(r, sorted[i]->instance_class));
        value_set(r->arena, o, "promotion_tier", value_int(r->arena, sorted[i]->promotion_tier));
        value_append(r->arena, list, o);
    }
    return list;
}

static const struct value *roles(struct reading *r, const struct rds_cluster *k)
{
    struct value *list = value_list(r->arena);
    for (size_t i = 0; i < k->role_count; i++) {
        bool seen = false; /* one role may serve several features */
        for (size_t j = 0; j < i; j++)
            seen = seen || strcmp(k->roles[i].arn, k->roles[j].arn) == 0;
        if (!seen)
            value_append(r->arena, list, value_string(r->arena, k->roles[i].arn));
    }
    return list;
}

static int endpoint_order(const void *x, const void *y)
{
    return strcmp(((const struct rds_custom_endpoint *)x)->identifier,
                  ((const struct rds_custom_endpoint *)y)->identifier);
}

static bool custom_endpoints(struct reading *r, const struct rds_cluster *k, const struct value **ret,
                             struct err *e)
{
    const struct rds_custom_endpoint *found = NULL;
    struct value *list = value_list(r->arena);
    size_t n = 0;
    if (k->custom_endpoints && *k->custom_endpoints &&
        !rds_custom_endpoints(&r->look.aws, k->identifier, &found, &n, e))
        return err_wrap(e, "read the custom endpoints of %s", k->identifier);
    struct rds_custom_endpoint *sorted = arena_memdup(r->arena, found, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, endpoint_order);
    for (size_t i = 0; i < n; i++) {
        struct value *o = value_object(r->arena);
        value_set(r->arena, o, "arn", text(r, sorted[i].arn));
        value_set(r->arena, o, "cluster_endpoint_identifier", text(r, sorted[i].identifier));
        value_set(r->arena, o, "custom_endpoint_type", text(r, sorted[i].type));
        value_set(r->arena, o, "endpoint", text(r, sorted[i].endpoint));
        value_set(r->arena, o, "excluded_members", texts(r, sorted[i].excluded_members));
        value_set(r->arena, o, "static_members", texts(r, sorted[i].static_members));
        value_append(r->arena, list, o);
    }
    *ret = list;
    return true;
}

/* An unknown status is AWS at work, too. */
static bool deployment_in_flight(const struct rds_bluegreen *d)
{
    static const char *const settled[] = {"AVAILABLE", "SWITCHOVER_COMPLETED", "SWITCHOVER_FAILED",
                                          "INVALID_CONFIGURATION"};
    for (size_t i = 0; d && i < ARRAY_LEN(settled); i++)
        if (strcmp(d->status, settled[i]) == 0)
            return false;
    return d != NULL;
}

static const struct value *operation(struct reading *r, const struct world *w)
{
    if (!w->deployment && !w->old)
        return &value_null;
    const struct rds_tags *tags = w->deployment ? &w->deployment->tags : &w->old->tags;
    const char *resource = rds_tag_value(tags, TAG_RESOURCE);
    struct value *o = value_object(r->arena);
    value_set(r->arena, o, "in_flight", value_bool(deployment_in_flight(w->deployment)));
    value_set(r->arena, o, "resource", text(r, resource ? resource : TAG_RESOURCE_BLUE_GREEN));
    value_set(r->arena, o, "stage", text(r, stage_name(w->reached)));
    return o;
}

static const char *writer_group(const struct world *w)
{
    const struct rds_cluster *k = w->production;
    for (size_t i = 0; i < k->member_count; i++)
        for (size_t j = 0; k->members[i].is_writer && j < w->instance_count; j++)
            if (strcasecmp(k->members[i].identifier, w->instances[j]->identifier) == 0)
                return w->instances[j]->parameter_group;
    return NULL;
}

static bool fill(struct reading *r, struct err *e)
{
    const struct world *w = &r->look.world;
    const struct rds_cluster *k = w->production;
    const struct value *endpoints;
    if (!custom_endpoints(r, k, &endpoints, e))
        return false;
    const char *group = writer_group(w);
    set(r, "exists", &value_true);
    set(r, "availability_zones", texts(r, k->availability_zones));
    set_text(r, "cluster_resource_id", k->resource_id);
    set(r, "custom_endpoints", endpoints);
    set_text(r, "db_cluster_parameter_group_name", k->parameter_group);
    set(r, "db_parameter_group_name",
        group ? text(r, group) : value_get(r->fallback, "db_parameter_group_name"));
    set_text(r, "endpoint", k->endpoint);
    set_text(r, "engine_version", k->engine_version);
    set(r, "iam_roles", roles(r, k));
    set(r, "instances", instances(r, w));
    set_text(r, "kms_key_id", k->kms_key_id);
    set(r, "master_user_secret", master_secret(r, k));
    set(r, "operation", operation(r, w));
    set(r, "port", value_int(r->arena, k->port));
    set_text(r, "reader_endpoint", k->reader_endpoint);
    set(r, "serverlessv2_scaling_configuration", scaling(r, k));
    set(r, "storage_encrypted", value_bool(k->storage_encrypted));
    return true;
}

/* Everything the block says; lists that nobody can know are empty, texts null. */
static void fill_default(struct reading *r)
{
    for (const struct tf_attr *a = default_attrs; a->name; a++)
        set(r, a->name, value_get(r->fallback, a->name));
    for (const struct tf_attr *a = attrs; a->name; a++)
        if (a->type == TF_OBJECT_LIST || a->type == TF_STRING_SET)
            if (value_is_null(value_get(r->out, a->name)))
                set(r, a->name, value_list(r->arena));
    set(r, "exists", &value_false);
}

/* ---- when not to answer ---- */

static bool names(const char *arn, const char *cluster)
{
    struct arn parsed;
    size_t n = strlen(cluster);
    if (!arn_parse(arn, &parsed) || strcmp(parsed.type, "cluster") != 0 ||
        strncasecmp(parsed.resource, cluster, n) != 0)
        return false;
    const char *rest = parsed.resource + n;
    return !*rest || strncmp(rest, "-old", 4) == 0 || strncmp(rest, "-green-", 7) == 0;
}

static bool concerns(const struct rds_bluegreen *d, const char *cluster)
{
    const char *owner = rds_tag_value(&d->tags, TAG_CLUSTER);
    if (names(d->source, cluster) || names(d->target, cluster) || (owner && strcasecmp(owner, cluster) == 0))
        return true;
    for (size_t i = 0; i < d->member_count; i++)
        if (names(d->members[i].source, cluster) || names(d->members[i].target, cluster))
            return true;
    return false;
}

static bool refuse_moving(const struct reading *r, const char *why, struct err *e)
{
    (void)fail(e, E_SWITCHOVER_RUNNING, "cannot read %s while its name moves: %s", r->identifier, why);
    (void)err_hint(
        e, "Plan again when the switch has ended, usually within minutes. If it was interrupted, apply the "
           "upgrade resource first (terraform apply -target=<its address>): it finishes or "
           "reverses the move.");
    return false;
}

/* Between two renames the name may belong to nobody, or already to the new side with half of its instances.
 */
static bool refuse_while_moving(struct reading *r, struct err *e)
{
    const struct world *w = &r->look.world;
    const struct rds_bluegreen *const *all = NULL;
    size_t n = 0;
    if (w->production && strcmp(w->production->status, "renaming") == 0)
        return refuse_moving(r, "AWS says \"renaming\"", e);
    if (!w->production && w->old)
        return refuse_moving(r, "the old side has lost the name and the new side does not have it yet", e);
    if (w->production && w->deployment)
        return strcmp(w->deployment->status, "SWITCHOVER_IN_PROGRESS") != 0 ||
               refuse_moving(r, "a blue/green switchover is in progress", e);
    if (!rds_bluegreen_list(&r->look.aws, &all, &n, e))
        return err_wrap(e, "look for a switchover of %s", r->identifier);
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i]->status, "SWITCHOVER_IN_PROGRESS") == 0 && concerns(all[i], r->identifier))
            return refuse_moving(r, "a blue/green switchover is in progress", e);
    return true;
}

static bool refuse_engine(const struct reading *r, struct err *e)
{
    const struct rds_cluster *k = r->look.world.production;
    if (strcmp(k->engine, "aurora-postgresql") == 0)
        return true;
    return fail(e, E_WRONG_ENGINE, "cluster %s runs %s, not aurora-postgresql", k->identifier, k->engine);
}

static bool refuse_absent(const struct reading *r, const char *region, struct err *e)
{
    (void)fail(e, E_CLUSTER_ABSENT, "there is no cluster %s in %s", r->identifier, region);
    (void)err_hint(
        e, "Check cluster_identifier, region and account; for a cluster that is still to be created add "
           "default { engine_version = \"…\" }.");
    return false;
}

/* ---- read ---- */

static bool read_cluster(struct reading *r, const char *region, struct err *e)
{
    if (!world_look(&r->look, e) || !refuse_while_moving(r, e))
        return false;
    if (r->look.world.production)
        return refuse_engine(r, e) && fill(r, e);
    if (value_is_null(r->fallback))
        return refuse_absent(r, region, e);
    fill_default(r);
    return true;
}

/* RDS stores identifiers in lower case. */
static const char *lower(struct arena *a, const char *s)
{
    char *copy = arena_strdup(a, s);
    for (char *p = copy; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p += 'a' - 'A';
    return copy;
}

static const struct value *read_data(struct tf_call *c)
{
    const char *given_region = value_as_text(value_get(c->config, "region"), NULL);
    struct aws_session session = provider_session(c, given_region);
    struct err e = ERR_INIT;
    if (!session.aws) {
        const struct provider_config *p = provider_config(c);
        tf_error(c, NULL, "AUR0017: the provider is not configured yet",
                 "%s, so the cluster cannot be read in this plan. Give the provider values that are known at "
                 "plan.",
                 p && p->unknown ? p->unknown : "The provider has no configuration");
        return NULL;
    }
    const char *region = session.region ? session.region : aws_region(session.aws);
    struct reading r = {.call = c, .arena = c->arena, .out = value_object(c->arena)};
    r.identifier = lower(c->arena, value_as_text(value_get(c->config, "cluster_identifier"), ""));
    r.fallback = value_get(c->config, "default");
    upgrade_init(&r.look, c->arena, &session, clock_real());
    r.look.request.cluster = r.identifier;
    set(&r, "cluster_identifier", value_get(c->config, "cluster_identifier"));
    set_text(&r, "id", r.identifier);
    set_text(&r, "region", region);
    set(&r, "default", r.fallback);
    bool ok = read_cluster(&r, region, &e);
    upgrade_done(&r.look);
    if (!ok)
        tf_fail(c, &e);
    return ok ? r.out : NULL;
}

const struct tf_data_source data_source_cluster = {
    .name = "aurora_cluster",
    .schema = &schema,
    .read = read_data,
};
