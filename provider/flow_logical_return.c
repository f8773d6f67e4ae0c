/* flow_logical_return.c — the way back from a logical upgrade after its switch, step by step: the old side
 * has followed the new one and becomes production again, with every write made since. The rules are those of
 * flow_blue_green_upgrade.c; what the rows point to is in internal/upgrade/logical_switch.h. Up to the switch
 * back production is only looked at; from there on it goes forward, and an apply that is cut short is
 * finished by the next one.
 */
#include "internal/upgrade/in_place.h"
#include "provider/flow_logical_names.h"

/* ---- what the rows say that both directions have ---- */

TELL(say_names_copy, "Makes a copy of each custom endpoint for the side that takes over, under another name.")
TELL(cli_names_copy, RDS
     "create-db-cluster-endpoint --db-cluster-endpoint-identifier <endpoint>-<suffix> --endpoint-type <type> "
     "--static-members <instances>")
TELL(say_names_endpoints_leave,
     "Deletes the custom endpoints of the side that is left, each once its copy is there.")
TELL(cli_names_endpoints_leave, RDS "delete-db-cluster-endpoint --db-cluster-endpoint-identifier <endpoint>")
TELL(say_names_instances_leave, "Renames the instances of the side that is left; each reboots.")
TELL(cli_names_instances,
     RDS "modify-db-instance --db-instance-identifier <instance> --new-db-instance-identifier <new name> "
         "--apply-immediately")
TELL(say_names_instances_left, "Waits until they have their new names.")
TELL(say_names_cluster_leaves,
     "Renames the cluster that is left: from here until the other one has the name, no endpoint answers.")
TELL(cli_names_cluster,
     RDS "modify-db-cluster --db-cluster-identifier <cluster> --new-db-cluster-identifier <new name> "
         "--apply-immediately")
TELL(say_names_cluster_left, "Waits until the name is free.")
TELL(say_names_noted, "Writes down on the cluster that was left what replaces it.")
TELL(cli_names_tag, RDS "add-tags-to-resource --resource-name <cluster> --tags …")
TELL(say_names_untag, "Takes our tags from the cluster that takes over.")
TELL(cli_names_untag, RDS "remove-tags-from-resource --resource-name <cluster or instance> --tag-keys …")
TELL(say_names_cluster_arrives,
     "Renames the cluster that takes over to %s, with production's deletion protection.", CLUSTER)
TELL(say_names_cluster_arrived, "Waits until %s answers to its name.", CLUSTER)
TELL(say_names_instances_arrive, "Renames its instances to production's names; each reboots.")
TELL(say_names_instances_arrived, "Waits until they have them.")
TELL(say_names_endpoints_arrive,
     "Makes the custom endpoints again under their names, and deletes their copies.")
TELL(cli_names_endpoints_arrive,
     RDS "create-db-cluster-endpoint --db-cluster-identifier %s --db-cluster-endpoint-identifier <endpoint> "
         "…; " RDS "delete-db-cluster-endpoint --db-cluster-endpoint-identifier <endpoint>-<suffix>",
     CLUSTER)
TELL(say_names_instances_untag, "Takes our tags from the instances that took over.")
TELL(say_names_protect, "Protects the cluster that was left from deletion.")
TELL(cli_names_protect,
     RDS "modify-db-cluster --db-cluster-identifier <cluster that was left> --deletion-protection")
TELL(say_fence_check,
     "Checks in every database that a fence will hold and sequences may be set: the owner, members of the "
     "login, prepared transactions, other sessions of it.")
TELL(say_fence_lift, "Lifts a fence that an apply which was cut short has left.")
TELL(cli_fence_lift, "terraform-provider-aurora unfence %s", CLUSTER)
TELL(say_fence_stands, "Checks that the fence still stands, as long as no name has moved.")
TELL(say_names_credentials,
     "Checks that the AWS credentials outlive the change of names or can be renewed meanwhile.")
TELL(say_names_available, "Waits until the new production and all its instances are available.")
TELL(say_identities_back, "Gives tables the replica identity back that they had.")
TELL(cli_identities_back, "ALTER TABLE <each of them> REPLICA IDENTITY DEFAULT")

TELL(say_endpoint_way, "Checks that cutover.endpoint is what the switch was begun with.")

TELL(say_record_check, "Checks that your record is a plain CNAME of that zone, and leads to production.")
TELL(cli_record, "aws route53 change-resource-record-sets --hosted-zone-id <zone> --change-batch "
                 "'{\"Changes\": [{\"Action\": \"DELETE\", …}, {\"Action\": \"CREATE\", …}]}'")
TELL(say_record_ttl_back, "Gives your record the time to live back that it had.")

bool leads_record(const struct upgrade *u)
{
    return u->request.record.is_led;
}

bool moves_names(const struct upgrade *u)
{
    return !u->request.keeps_names;
}

bool keeps_names(const struct upgrade *u)
{
    return u->request.keeps_names;
}

/* ---- what only these rows say ---- */

SAY(say_not_switching, "Checks that the switch is over: one that moves names has to end first.")
SAY(say_login, "Checks that there is a login: replication is looked at in the databases.")
SAY(say_caught_up, "Waits until the old side has what the new one has, up to max_lag.")
SAY(say_twins, "Writes down on the old side's instances whose names they take.")
SAY(say_return,
    "Stops all writes to %s, waits until the old side has the last of them, carries the sequences back, and "
    "proves it; else everything is taken back. From here on it goes forward.",
    CLUSTER)
SAY(say_record_returned,
    "Leads your record to the old side. Who has the old answer, for up to %d s, goes on to the fenced side: "
    "refused, not lost.",
    u->request.record.ttl)
SAY(say_record_known, "Waits until every server of Route 53 answers so.")
SAY(say_open, "Lifts the fence that the switch put around the old side.")
SAY(say_version, "Proves that the endpoint answers from %d and takes writes.", FROM)
SAY(say_subscription, "Drops the subscriptions by which it followed.")
SAY(say_publications, "Drops the publications of this upgrade.")
SAY(say_slots, "Drops replication slots of this upgrade, where there still are any.")
SAY(say_role, "Drops the login of the subscriptions.")
SAY(say_facts, "Drops schema aurora_upgrade in every database.")
SAY(say_noted, "Writes down on the cluster put aside that it is over.")
SAY(say_unprotect, "Lifts the deletion protection of the cluster put aside.")
SAY(say_instances, "Deletes its instances.")
SAY(say_delete, "Deletes it, with a final snapshot.")
SAY(say_gone, "Waits until it is gone.")

SAY(cli_return,
    "REVOKE CONNECT ON DATABASE … FROM …; SELECT pg_terminate_backend(pid) …; INSERT INTO "
    "aurora_upgrade.marker …; SELECT setval(…); " RDS
    "add-tags-to-resource --resource-name <old side> --tags Key=aurora-upgrade:names-move,Value=<now>")
SAY(cli_open, "GRANT CONNECT ON DATABASE … TO … (as it was)")
SAY(cli_subscription, "DROP SUBSCRIPTION " LOGICAL_NAME)
SAY(cli_publications, "DROP PUBLICATION " LOGICAL_NAME)
SAY(cli_slots, "SELECT pg_drop_replication_slot(…)")
SAY(cli_role, "DROP ROLE " LOGICAL_ROLE)
SAY(cli_facts, "DROP SCHEMA aurora_upgrade CASCADE")
SAY(cli_unprotect, RDS "modify-db-cluster --db-cluster-identifier %s-upgraded --no-deletion-protection",
    CLUSTER)
SAY(cli_instances, RDS "delete-db-instance --db-instance-identifier <instance>-upgraded")
SAY(cli_delete,
    RDS "delete-db-cluster --db-cluster-identifier %s-upgraded --final-db-snapshot-identifier <name>",
    CLUSTER)

/* clang-format off */
static const struct step rows[] = {
    {.name = "check-login", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_login, .is_done = login_check},
    {.name = "check-switch-over", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_not_switching, .is_done = not_switching_check},
    ENDPOINT_WAY(STAGE_ROLLED_BACK),
    FENCE_LIFTED(STAGE_ROLLED_BACK),
    {.name = "way-back-caught-up", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_caught_up, .is_done = way_back_caught_up},
    {.name = "old-twins", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .applies = moves_names,
     .describe = say_twins, .equivalent = cli_names_tag, .is_done = old_twins_noted, .run = old_twins_note},
    {.name = "endpoints-copied", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes", .applies = moves_names,
     .describe = say_names_copy, .equivalent = cli_names_copy, .is_done = endpoints_copied, .run = endpoints_copy},
    {.name = "hooks-before-rollback", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_before_rollback,
     .describe = say_before_rollback, .equivalent = cli_hooks, .is_done = before_rollback_hooks_done, .run = before_rollback_hooks_run},
    {.name = "check-fence", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_fence_check, .is_done = fence_check},
    {.name = "check-credentials", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds", .applies = moves_names,
     .describe = say_names_credentials, .is_done = credentials_check_names},
    {.name = "switch-back", .stage = STAGE_ROLLED_BACK, .kind = STEP_NO_RETURN, .duration = "seconds", .blocks_writes = true,
     .describe = say_return, .equivalent = cli_return, .is_done = return_done, .run = cutover_run},
    {.name = "opened", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .blocks_writes = true,
     .describe = say_open, .equivalent = cli_open, .is_done = arriving_opened, .run = arriving_open},
    {.name = "record-returned", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .applies = leads_record, .blocks_writes = true,
     .describe = say_record_returned, .equivalent = cli_record, .is_done = record_returned, .run = record_return},
    NAMES_MOVE(STAGE_ROLLED_BACK),
    {.name = "hooks-at-rollback", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_at_rollback,
     .describe = say_at_rollback, .equivalent = cli_hooks, .is_done = at_rollback_hooks_done, .run = at_rollback_hooks_run},
    {.name = "record-return-in-sync", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "seconds", .applies = leads_record, .blocks_writes = true,
     .describe = say_record_known, .is_done = record_return_in_sync},
    {.name = "verify-version", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHECK, .duration = "seconds",
     .describe = say_version, .is_done = back_version_check},
    {.name = "subscriptions-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_subscription, .equivalent = cli_subscription, .is_done = subscription_removed, .run = subscription_remove},
    {.name = "slots-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_slots, .equivalent = cli_slots, .is_done = slots_removed, .run = slots_remove},
    {.name = "publications-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_publications, .equivalent = cli_publications, .is_done = publications_removed, .run = publications_remove},
    IDENTITIES_RESTORED(STAGE_ROLLED_BACK),
    {.name = "role-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_role, .equivalent = cli_role, .is_done = role_removed, .run = role_remove},
    {.name = "facts-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_facts, .equivalent = cli_facts, .is_done = facts_removed, .run = facts_remove},
    {.name = "hooks-after-rollback", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "minutes", .applies = has_after_rollback,
     .describe = say_after_rollback, .equivalent = cli_hooks, .is_done = after_rollback_hooks_done, .run = after_rollback_hooks_run},
    {.name = "roll-back-noted", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_noted, .equivalent = cli_names_tag, .is_done = aside_over, .run = roll_back_note},
    {.name = "aside-unprotected", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_unprotect, .equivalent = cli_unprotect, .is_done = old_unprotected, .run = old_unprotect},
    {.name = "aside-instances", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .irreversible = true,
     .describe = say_instances, .equivalent = cli_instances, .is_done = old_instances_deleted, .run = old_instances_delete},
    {.name = "aside-cluster", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds", .irreversible = true,
     .describe = say_delete, .equivalent = cli_delete, .is_done = old_cluster_deleted, .run = old_cluster_delete},
    {.name = "aside-gone", .stage = STAGE_ROLLED_BACK, .kind = STEP_WAIT, .duration = "minutes",
     .describe = say_gone, .is_done = old_gone},
    {.name = "source-parameters-restored", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_group_back, .equivalent = cli_group_back, .is_done = source_parameters_restored, .run = source_parameters_restore},
    {.name = "groups-removed", .stage = STAGE_ROLLED_BACK, .kind = STEP_CHANGE, .duration = "seconds",
     .describe = say_groups_remove, .equivalent = cli_groups_remove, .is_done = groups_removed, .run = groups_remove},
};
/* clang-format on */

const struct flow flow_logical_return = {.name = "logical-return", .steps = rows, .count = ARRAY_LEN(rows)};
