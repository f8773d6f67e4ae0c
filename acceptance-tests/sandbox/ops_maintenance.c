/* DescribePendingMaintenanceActions and ApplyPendingMaintenanceAction, over what the verb `maintenance` put
 * on clusters and instances. */
#include "acceptance-tests/sandbox/maintenance.h"

#include "acceptance-tests/sandbox/describe.h"

#include <string.h>

/* What AWS lists, and whether it is for clusters, instances or both. */
static const struct known_action {
    const char *name;
    bool cluster, instance;
    const char *description;
} ACTIONS[] = {
    {"system-update", true, true, "Upgrade to Aurora PostgreSQL's next patch release"},
    {"db-upgrade", true, true, "Automatic minor version upgrade"},
    {"os-upgrade", false, true, "New Operating System update is available"},
    {"hardware-maintenance", false, true, "Hardware maintenance"},
    {"ca-certificate-rotation", false, true, "Rotation of CA certificate"},
    {"serverless-platform-version-update", true, false, "Aurora Serverless platform version update"},
};

static const struct known_action *action_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(ACTIONS); i++)
        if (strcmp(ACTIONS[i].name, name) == 0)
            return &ACTIONS[i];
    return NULL;
}

/* ---- the verb ---- */

static json_t *find_resource(struct sandbox *sb, const char *id, enum kind *ret)
{
    json_t *cluster = store_find(sb->store, KIND_CLUSTER, id);
    *ret = cluster ? KIND_CLUSTER : KIND_INSTANCE;
    return cluster ? cluster : store_find(sb->store, KIND_INSTANCE, id);
}

static void drop_action(json_t *list, const char *name)
{
    for (size_t i = json_array_size(list); i-- > 0;)
        if (rec_is(json_array_get(list, i), "Action", name))
            (void)json_array_remove(list, i);
}

static bool add_action(json_t *list, const json_t *in, enum kind kind, struct err *e)
{
    const struct known_action *known = action_named(rec_str(in, "action"));
    static const struct {
        const char *verb, *member;
    } DATES[] = {{"auto_applied_after", "AutoAppliedAfterDate"}, {"forced_apply", "ForcedApplyDate"}};
    int64_t at;
    if (!known || !(kind == KIND_CLUSTER ? known->cluster : known->instance))
        return err_set(e, ERR_INVALID, "%s is no maintenance action of %s", rec_str(in, "action"),
                       kind == KIND_CLUSTER ? "clusters" : "instances");
    json_t *action = json_pack("{s:s, s:s}", "Action", known->name, "Description",
                               rec_has(in, "description") ? rec_str(in, "description") : known->description);
    for (size_t i = 0; i < ARRAY_LEN(DATES); i++) {
        const char *date = rec_str(in, DATES[i].verb);
        if (*date && !time_parse_iso(date, &at)) {
            json_decref(action);
            return err_set(e, ERR_INVALID, "%s is no time such as 2026-12-24T03:00:00Z", date);
        }
        rec_set_str(action, DATES[i].member, *date ? date : NULL);
    }
    rec_set_str(action, "CurrentApplyDate",
                *rec_str(in, "forced_apply") ? rec_str(in, "forced_apply") : NULL);
    drop_action(list, known->name);
    (void)json_array_append_new(list, action);
    return true;
}

bool maintenance_set(struct sandbox *sb, const json_t *in, json_t **ret, struct err *e)
{
    enum kind kind;
    json_t *record = find_resource(sb, rec_str(in, "resource"), &kind);
    if (!record)
        return err_set(e, ERR_NOT_FOUND, "there is no cluster or instance %s", rec_str(in, "resource"));
    json_t *list = rec_list(record, "_maintenance");
    if (rec_bool(in, "clear"))
        (void)json_array_clear(list);
    if (rec_has(in, "action") && !add_action(list, in, kind, e))
        return false;
    *ret = json_deep_copy(list);
    return true;
}

/* ---- DescribePendingMaintenanceActions ---- */

static const struct member ACTION[] = {
    STR("Action"),      TIME("AutoAppliedAfterDate"), TIME("ForcedApplyDate"),
    STR("OptInStatus"), TIME("CurrentApplyDate"),     STR("Description"),
    SHAPE_END_ROW};
static const struct member PENDING[] = {
    STR("ResourceIdentifier"), LIST_OF("PendingMaintenanceActionDetails", "PendingMaintenanceAction", ACTION),
    SHAPE_END_ROW};
static const struct member PENDING_IN[] = {STR("ResourceIdentifier"), DESCRIBE_MEMBERS, SHAPE_END_ROW};
static const struct member PENDING_OUT[] = {
    LIST_OF("PendingMaintenanceActions", "ResourcePendingMaintenanceActions", PENDING), STR("Marker"),
    SHAPE_END_ROW};
static const struct filter_row PENDING_FILTERS[] = {
    {"db-cluster-id", "DBClusterIdentifier", true}, {"db-instance-id", "DBInstanceIdentifier", true}, {0}};

static void add_kind(const struct call *c, enum kind kind, json_t *all)
{
    const char *wanted = rec_str(c->in, "ResourceIdentifier");
    size_t i;
    json_t *record;
    json_array_foreach(store_list(c->sb->store, kind), i, record)
    {
        const char *arn = rec_str(record, KINDS[kind].arn);
        const json_t *actions = rec_get(record, "_maintenance");
        if (json_array_size(actions) == 0 || (*wanted && strcmp(wanted, arn) != 0) ||
            !filters_match(c, PENDING_FILTERS, record))
            continue;
        (void)json_array_append_new(all,
                                    json_pack("{s:s, s:o}", "ResourceIdentifier", arn,
                                              "PendingMaintenanceActionDetails", json_deep_copy(actions)));
    }
}

static bool describe_pending(struct call *c)
{
    enum kind kind;
    const char *arn = rec_str(c->in, "ResourceIdentifier");
    if (*arn && !store_by_arn(c->sb->store, arn, &kind))
        return fault_set(&c->fault, "ResourceNotFoundFault", "Resource %.200s not found.", arn);
    if (!filters_check(c, PENDING_FILTERS))
        return false;
    json_t *all = json_array();
    add_kind(c, KIND_CLUSTER, all);
    add_kind(c, KIND_INSTANCE, all);
    return paginate(c, all, "PendingMaintenanceActions");
}

/* ---- ApplyPendingMaintenanceAction ---- */

static const struct member APPLY_IN[] = {STR_REQUIRED("ResourceIdentifier"), STR_REQUIRED("ApplyAction"),
                                         STR_REQUIRED("OptInType"), SHAPE_END_ROW};
static const struct member APPLY_OUT[] = {STRUCT_OF("ResourcePendingMaintenanceActions", PENDING),
                                          SHAPE_END_ROW};

static json_t *pending_action(const json_t *record, const char *name)
{
    size_t i;
    json_t *action;
    json_array_foreach(rec_get(record, "_maintenance"), i, action)
    {
        if (rec_is(action, "Action", name))
            return action;
    }
    return NULL;
}

/* Opting in is noted; what the action would do is not modelled, so it stays in the list. */
static bool opt_in(struct call *c, json_t *action, const char *how)
{
    char now[TIME_ISO_SIZE];
    bool is_undone = strcmp(how, "undo-opt-in") == 0;
    if (!is_undone && strcmp(how, "immediate") != 0 && strcmp(how, "next-maintenance") != 0)
        return fault_set(&c->fault, "InvalidParameterValue", "Invalid OptInType: %.60s", how);
    if (is_undone && rec_is(action, "OptInStatus", "immediate"))
        return fault_set(&c->fault, "InvalidParameterValue", "An immediate opt-in request can't be undone");
    sandbox_now(c->sb, now);
    rec_set_str(action, "OptInStatus", is_undone ? NULL : how);
    if (strcmp(how, "immediate") == 0)
        rec_set_str(action, "CurrentApplyDate", now);
    return true;
}

static bool apply_action(struct call *c)
{
    enum kind kind;
    const char *arn = rec_str(c->in, "ResourceIdentifier");
    json_t *record = store_by_arn(c->sb->store, arn, &kind);
    if (!record || (kind != KIND_CLUSTER && kind != KIND_INSTANCE))
        return fault_set(&c->fault, "ResourceNotFoundFault", "Resource %.200s not found.", arn);
    bool is_cluster = kind == KIND_CLUSTER;
    const char *status = rec_str(record, is_cluster ? "Status" : "DBInstanceStatus");
    json_t *action = pending_action(record, rec_str(c->in, "ApplyAction"));
    if (!action)
        return fault_set(&c->fault, "InvalidParameterValue", "%.200s has no pending action %.60s", arn,
                         rec_str(c->in, "ApplyAction"));
    if (strcmp(status, "available") != 0)
        return fault_set(&c->fault, is_cluster ? "InvalidDBClusterStateFault" : "InvalidDBInstanceState",
                         "%.200s is in status %s", arn, status);
    if (!opt_in(c, action, rec_str(c->in, "OptInType")))
        return false;
    rec_set(c->out, "ResourcePendingMaintenanceActions",
            json_pack("{s:s, s:o}", "ResourceIdentifier", arn, "PendingMaintenanceActionDetails",
                      json_deep_copy(rec_get(record, "_maintenance"))));
    return true;
}

const struct op OPS_MAINTENANCE[] = {
    {"rds", "DescribePendingMaintenanceActions", PENDING_IN, PENDING_OUT, .run = describe_pending,
     .flags = OP_READS},
    {"rds", "ApplyPendingMaintenanceAction", APPLY_IN, APPLY_OUT, .run = apply_action},
    {0},
};
