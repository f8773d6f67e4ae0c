#include "internal/upgrade/errors.h"

#include <stdarg.h>
#include <stdio.h>

const struct upgrade_error_row upgrade_errors[E_COUNT] = {
    [E_CLUSTER_ABSENT] = {"AUR0101", ERR_NOT_FOUND, "cluster_identifier",
                          "Check the identifier, the Region and the account. Nothing was done."},
    [E_WRONG_ENGINE] =
        {"AUR0102", ERR_INVALID, "cluster_identifier",
         "Only provisioned and Serverless v2 clusters of aurora-postgresql can be upgraded here."},
    [E_SOURCE_BUSY] = {"AUR0103", ERR_CONFLICT, "cluster_identifier",
                       "Wait until the cluster and all its instances are available, then apply again."},
    [E_SOURCE_UNSUPPORTED] =
        {"AUR0104", ERR_INVALID, "cluster_identifier",
         "AWS does not support this kind of upgrade for this cluster; see the documentation page."},
    [E_TARGET_LOWER] =
        {"AUR0105", ERR_INVALID, "target_engine_version",
         "A cluster cannot go back to an older major version; name the present or a higher one."},
    [E_TARGET_INVALID] = {"AUR0106", ERR_INVALID, "target_engine_version",
                          "Choose one of the versions AWS lists as valid targets."},
    [E_DEFAULT_GROUP] = {"AUR0107", ERR_INVALID, "source_parameters",
                         "Attach a cluster parameter group of your own with rds.logical_replication = 1 and "
                         "reboot the writer: a "
                         "default group cannot be changed, and logical replication is off in it."},
    [E_LOGICAL_REPLICATION_OFF] =
        {"AUR0108", ERR_INVALID, "source_parameters",
         "Add to your aws_rds_cluster_parameter_group:\n"
         "  parameter {\n    name         = \"rds.logical_replication\"\n    value        = \"1\"\n"
         "    apply_method = \"pending-reboot\"\n  }\n"
         "and reboot the writer, or set source_parameters = \"manage\" and allow_reboot = true."},
    [E_TOO_FEW_SLOTS] =
        {"AUR0109", ERR_INVALID, "source_parameters",
         "Raise the parameters named above in your cluster parameter group and reboot the writer, or set "
         "source_parameters = \"manage\" and allow_reboot = true."},
    [E_REBOOT_NEEDED] = {"AUR0110", ERR_INVALID, "allow_reboot",
                         "Reboot the instances yourself when it suits you, or set allow_reboot = true."},
    [E_NAME_TAKEN] = {"AUR0111", ERR_CONFLICT, "deployment_name",
                      "Choose another name, or remove the object if it is not needed."},
    [E_OTHER_RUN] = {"AUR0112", ERR_CONFLICT, "target_engine_version",
                     "Complete that run or roll it back first (stage = \"rolled_back\")."},
    [E_DATABASE_FINDING] = {"AUR0113", ERR_INVALID, "", "Correct what is named above, then apply again."},
    [E_CLASS_UNAVAILABLE] = {"AUR0114", ERR_INVALID, "instance_class",
                             "Set instance_class to one that AWS offers for the target version."},
    [E_UNSUPPORTED_PARAMETER] =
        {"AUR0115", ERR_INVALID, "target_parameter_group.on_unsupported",
         "Set on_unsupported = \"drop\" to leave them out, or name groups of your own."},
    [E_GROUP_UNSUITABLE] =
        {"AUR0116", ERR_INVALID, "target_parameter_group",
         "Name a group of the target's family; for a blue/green deployment the cluster's must have "
         "rds.logical_replication = 1."},
    [E_SEVERAL_GROUPS] =
        {"AUR0117", ERR_INVALID, "target_parameter_group.db_parameter_group_name",
         "Give the instances the same group, or name the group that all of the new side shall have."},
    [E_GROUP_UNKNOWN] = {"AUR0118", ERR_NOT_FOUND, "",
                         "Name a parameter group of aurora-postgresql; check the Region and the account. "
                         "Nothing was done."},
    [E_PROXY_UNREACHED] =
        {"AUR0119", ERR_CONFLICT, "cluster_identifier",
         "AWS refuses the switchover of a cluster that its proxy does not reach: correct the proxy's secret, "
         "role or security groups, or wait until its targets are AVAILABLE, then apply again."},
    [E_DEPLOYMENT_FAILED] =
        {"AUR0120", ERR_REMOTE, "",
         "Set stage = \"rolled_back\" to remove the deployment, correct the cause, then start again."},
    [E_DEPLOYMENT_GONE] = {"AUR0121", ERR_CONFLICT, "", "Apply again: a new deployment will be made."},
    [E_DEPLOYMENT_FOREIGN] =
        {"AUR0122", ERR_CONFLICT, "target_engine_version",
         "Set target_engine_version to that major, or remove the deployment in AWS first."},
    [E_REPLICATION_UNHEALTHY] =
        {"AUR0130", ERR_REMOTE, "",
         "Look at the events and the green side's log; if replication is broken for good, "
         "set stage = \"rolled_back\" and start again."},
    [E_SCHEMA_DIFFERS] =
        {"AUR0131", ERR_REMOTE, "",
         "DDL is not replicated. Do the same on the other side where that is possible, or set "
         "stage = \"rolled_back\" and start again."},
    [E_ROWS_DIFFER] = {"AUR0132", ERR_REMOTE, "validation",
                       "Do not switch. Set stage = \"rolled_back\" and start again; if it happens twice, "
                       "open a case with AWS."},
    [E_NO_STATISTICS] = {"AUR0133", ERR_REMOTE, "",
                         "Run ANALYZE on the tables named above as their owner on the new side."},
    [E_SETTINGS_DIFFER] =
        {"AUR0134", ERR_REMOTE, "",
         "Change the new side (green, or the restored cluster) to production's value, then apply again."},
    [E_QUERY_DIFFERS] = {"AUR0135", ERR_REMOTE, "validation.query",
                         "If the query reads data that changes all the time, narrow it to rows that do not."},
    [E_SOAK] = {"AUR0136", ERR_PAUSED, "validation.minimum_stable",
                "Nothing was undone. Apply again from then on, or allow more time in timeouts."},
    [E_SWITCHOVER_REFUSED] = {"AUR0140", ERR_REMOTE, "", "Remove the cause AWS names, then apply again."},
    [E_SWITCHOVER_ROLLED_BACK] =
        {"AUR0141", ERR_REMOTE, "cutover.max_write_outage",
         "Remove the cause AWS names (or allow more time with cutover.max_write_outage), then apply again."},
    [E_SWITCHOVER_RUNNING] =
        {"AUR0142", ERR_CANCELLED, "",
         "AWS goes on by itself. Apply again: the outcome will be observed and the rest done."},
    [E_VERIFY_FAILED] = {"AUR0143", ERR_REMOTE, "",
                         "Correct what is named above, then apply again: the switch itself is not repeated."},
    [E_CREDENTIALS_SHORT] = {"AUR0144", ERR_AUTH, "",
                             "Log in again, or use credentials that live longer or that are renewed (a role, "
                             "IAM Identity Center), "
                             "then apply again: what was built stays."},
    [E_WINDOW_CLOSED] =
        {"AUR0145", ERR_PAUSED, "cutover.window",
         "Nothing was undone. Apply again in the window, or allow timeouts to last until then; "
         "an apply that waits switches as soon as it opens."},
    [E_HOOK_FAILED] = {"AUR0146", ERR_REMOTE, "hook",
                       "Correct its cause, then apply again: hooks that have run are not repeated. With "
                       "on_failure = \"continue\" a failure is a warning."},
    [E_HOOK_LOGIN] =
        {"AUR0147", ERR_INVALID, "hook",
         "Give the provider or the resource a postgresql { } block, or use a command on the runner."},
    [E_RETENTION] =
        {"AUR0150", ERR_INVALID, "stage",
         "Leave stage = \"switched\" until then, or set retain_old_for = \"0s\" to remove the old side now."},
    [E_NO_WAY_BACK] = {"AUR0160", ERR_INVALID, "stage",
                       "AWS offers no way back after a blue/green switchover. The old cluster is kept "
                       "read-only until `completed`; a roll-back "
                       "without loss needs aurora_logical_upgrade, which keeps the old side following."},
    [E_DESTROY_REFUSED] =
        {"AUR0161", ERR_INVALID, "on_destroy",
         "Set on_destroy to \"keep_old\" or \"delete_old\" and apply, or go to stage = \"completed\" first."},
    [E_WORLD_CHANGED] = {"AUR0170", ERR_CONFLICT, "",
                         "Make a new plan and apply it: what is there by then will be taken over."},
    [E_STAGE_LOWERED] = {"AUR0171", ERR_INVALID, "stage",
                         "Production is already switched; stage can stay or go to \"completed\"."},
    [E_SHAPE_CHANGED] =
        {"AUR0172", ERR_INVALID, "",
         "Roll back first (stage = \"rolled_back\"), or put the attribute back to what it was."},
    [E_TARGET_CHANGED] = {"AUR0173", ERR_INVALID, "target_engine_version",
                          "Complete the present run or roll it back first."},
    [E_SECOND_RESOURCE] = {"AUR0174", ERR_CONFLICT, "cluster_identifier",
                           "Keep one resource per cluster; the other has taken everything over."},
    [E_HELD] = {"AUR0175", ERR_CONFLICT, "cluster_identifier",
                "Wait for the other apply to end, then apply again; nothing was changed by this one."},
    [E_USAGE] = {"AUR0180", ERR_INVALID, "",
                 "See `terraform-provider-aurora help`. Nothing was asked for and nothing was done."},
    [E_NO_FIELD] = {"AUR0181", ERR_INVALID, "",
                    "Fields are the attributes of data.aurora_cluster, and with dots what is inside of them "
                    "(`instances.0.identifier`)."},
    [E_NOT_WRITABLE] =
        {"AUR0182", ERR_CONFLICT, "",
         "No fence of ours makes a cluster read-only in a blue/green upgrade. Look for what does: a "
         "parameter or a role with default_transaction_read_only, a switchover under way, a full volume."},
    [E_NO_LOGIN] = {"AUR0183", ERR_AUTH, "",
                    "Set PGUSER and PGPASSWORD (and PGSSLROOTCERT where the certificate's authority is not "
                    "known to the machine)."},
    [E_UNSEEN] =
        {"AUR0184", ERR_UNAVAILABLE, "",
         "This part of the status could not be looked at; the rest of it holds. Correct what is named "
         "above and ask again."},
    [E_UPGRADE_REFUSED] = {"AUR0190", ERR_REMOTE, "", "Remove the cause AWS names, then apply again."},
    [E_UPGRADE_WENT_BACK] =
        {"AUR0191", ERR_REMOTE, "",
         "Remove the cause that AWS's words and its log name, then apply again: a new snapshot is made. AWS "
         "goes back by itself; the cluster is available on its old version."},
    [E_UPGRADE_RUNNING] =
        {"AUR0192", ERR_CANCELLED, "",
         "AWS goes on by itself. Apply again: the outcome will be observed and the rest done."},
    [E_SNAPSHOT_FAILED] = {"AUR0193", ERR_REMOTE, "snapshot_identifier",
                           "Look at the snapshot and the events of the cluster, remove the snapshot if AWS "
                           "has left it, then apply again. Production was not touched."},
    [E_SNAPSHOT_FOREIGN] =
        {"AUR0194", ERR_CONFLICT, "snapshot_identifier",
         "Choose another name, or leave it unset: the snapshot is made by this run, right before the "
         "upgrade, or it would not hold the last writes."},
    [E_SNAPSHOT_ONLY] =
        {"AUR0195", ERR_INVALID, "stage",
         "The run is over, and what production was before is only in its snapshot: restore it under another "
         "name (aws rds restore-db-cluster-from-snapshot), make instances, and rename both clusters. What "
         "was "
         "written since is not in it."},
    [E_LOSS_NOT_ACCEPTED] =
        {"AUR0196", ERR_INVALID, "accept_data_loss_since_snapshot",
         "A roll-back of an upgrade in place restores the snapshot made before it. Where that loss can be "
         "borne, set accept_data_loss_since_snapshot to the name given above; else leave stage as it was. "
         "Nothing was done."},
    [E_NOT_RESTORABLE] =
        {"AUR0197", ERR_CONFLICT, "stage",
         "Make again, free or remove what is named above, then apply again. Production was not touched."},
    [E_RESTORE_FAILED] =
        {"AUR0198", ERR_REMOTE, "stage",
         "Look at the events of what is named above and delete it in AWS, then apply again: the snapshot is "
         "restored anew. Production was not touched."},
    [E_RESTORE_DIFFERS] =
        {"AUR0199", ERR_REMOTE, "stage",
         "No names were moved if the cluster named above still ends in -restored: production is what it was. "
         "Open a case with AWS, keep the snapshot."},
    [E_RENAME_STUCK] =
        {"AUR0200", ERR_REMOTE, "stage",
         "Look at its events, remove the cause, then apply again with stage = \"rolled_back\": "
         "names go on moving from where they are."},
    [E_ROLL_BACK_RUNNING] = {"AUR0201", ERR_CONFLICT, "stage",
                             "Apply with stage = \"rolled_back\" to bring it to its end. As long as no name "
                             "was moved, `terraform-provider-aurora cleanup` gives it up: it lists what that "
                             "removes, and removes it with --yes."},
    [E_UPGRADE_QUEUED] =
        {"AUR0202", ERR_CONFLICT, "stage",
         "Leave stage as it was, or set \"rolled_back\": that takes the upgrade out of the queue and removes "
         "what was made."},
    [E_UPGRADE_STAYS_QUEUED] = {"AUR0203", ERR_CONFLICT, "stage",
                                "Nothing was removed. Move the window away (aws rds modify-db-cluster "
                                "--preferred-maintenance-window), ask AWS's support to take the upgrade out "
                                "of the queue, then apply "
                                "again; or set stage back to \"switched\" and let it happen."},
    [E_REHEARSAL_FAILED] = {"AUR0204", ERR_REMOTE, "rehearse",
                            "Production was not touched. Remove the cause that is named above, then apply "
                            "again: it is rehearsed "
                            "anew. rehearse = false goes on without a rehearsal."},
    [E_REHEARSAL_NAME] = {"AUR0205", ERR_CONFLICT, "rehearse",
                          "Rename or delete what is named above if nobody needs it, then apply again; "
                          "rehearse = false goes on without a rehearsal. Nothing was done."},
    [E_LOGIN_NEEDED] = {"AUR0210", ERR_INVALID, "postgresql",
                        "Replication is set up in the databases: fill postgresql { } here or in the provider "
                        "block. Nothing was done."},
    [E_NO_POSITION] =
        {"AUR0211", ERR_INVALID, "cluster_identifier",
         "Without aurora_volume_logical_start_lsn() nobody can tell which changes a clone holds, and one "
         "commit taken for the wrong side is lost or applied twice. Upgrade to a minor version that has the "
         "function, or use aurora_blue_green_upgrade."},
    [E_CLONE_NAME] = {"AUR0212", ERR_CONFLICT, "cluster_identifier",
                      "Rename or delete what is named above if nobody needs it, then apply again."},
    [E_CLONE_FAILED] = {"AUR0213", ERR_REMOTE, "stage",
                        "Look at its events in AWS. stage = \"rolled_back\" removes it; then apply forward "
                        "again. Production "
                        "was not touched."},
    [E_PROVENANCE] =
        {"AUR0214", ERR_REMOTE, "stage",
         "What this clone holds of production cannot be proved, so it is not used: stage = \"rolled_back\" "
         "removes it, then apply forward again. Production was not touched."},
    [E_CANNOT_FOLLOW] =
        {"AUR0215", ERR_REMOTE, "stage",
         "stage = \"rolled_back\" removes what was made, then apply forward again. Production goes on as it "
         "was."},
    [E_RETAINED_WAL] =
        {"AUR0216", ERR_REMOTE, "max_retained_wal",
         "The slots of this upgrade were dropped, so that production's storage does not grow. Find out why "
         "the clone was slow, then stage = \"rolled_back\" and forward again; raise max_retained_wal if "
         "production can bear it."},
    [E_APPLY_FAILS] =
        {"AUR0217", ERR_REMOTE, "stage",
         "The log of the clone's writer says why (aws rds download-db-log-file-portion). Remove the cause on "
         "the clone, and apply again: nothing was lost, production keeps what the clone has not taken yet."},
    [E_STALLED] =
        {"AUR0218", ERR_REMOTE, "stage",
         "Remove what is named above (SELECT pg_terminate_backend(<process>) on the clone ends a session "
         "there; a clone "
         "that does not reach production needs its way through security groups and routes back), then apply "
         "again: it "
         "goes on from here, nothing was lost. Until then production keeps what the clone has not taken."},
    [E_CATALOGUE_CHANGED] =
        {"AUR0219", ERR_CONFLICT, "stage",
         "DDL is not replicated: run the same statements on the clone (staging_endpoint), in the databases "
         "named, then apply again: what is equal on both sides is accepted, and rows are compared again. "
         "Nothing was lost, production keeps what the clone cannot take yet."},
    [E_CATALOGUE_MOVES] =
        {"AUR0220", ERR_CONFLICT, "stage",
         "It was changed behind the comparison: apply again, which compares both sides, rows too, once more. "
         "Hold DDL back until the upgrade is over."},
    [E_CATALOGUE_BEHIND] =
        {"AUR0221", ERR_CONFLICT, "stage",
         "Production works, and no row was lost. Run the same statements on it, in the databases named, then "
         "apply again."},
    [E_NEW_DATABASE] =
        {"AUR0222", ERR_CONFLICT, "databases",
         "A clone cannot get a database that came behind it: stage = \"rolled_back\", then forward again; or "
         "drop the database where nobody needs it."},
    [E_TABLES] =
        {"AUR0223", ERR_INVALID, "include_tables",
         "An entry is \"schema.table\" or \"schema.*\"; a partition goes with its root, and unlogged "
         "and foreign tables are not replicated. Correct the lists. Nothing was done."},
    [E_SWITCH_SUBSET] =
        {"AUR0224", ERR_INVALID, "stage",
         "A switch moves the whole cluster: what was written to the other tables since the clone was made "
         "would be lost. A part of the tables goes as far as \"validated\"; to switch, roll back, leave "
         "include_tables and exclude_tables out, and apply forward again."},
    [E_NOT_FOLLOWED] =
        {"AUR0225", ERR_REMOTE, "stage",
         "What is written to these would be lost. Before the switch: a table or partition made since, which "
         "is empty on the clone, is followed once it is in publication aurora_upgrade (a partition is, with "
         "its root), aurora_upgrade_replication may SELECT it, and the clone has run ALTER SUBSCRIPTION "
         "aurora_upgrade REFRESH PUBLICATION; or stage = \"rolled_back\", then forward again. On the way "
         "back: keep what they hold elsewhere (pg_dump), drop them, and apply again. Nothing was switched."},
    [E_CLONE_KEY] =
        {"AUR0226", ERR_INVALID, "clone.kms_key_id",
         "AWS gives another key to a copy of a snapshot, or to what a snapshot that is not encrypted is "
         "restored as: set clone { method = \"snapshot\" }. Nothing was done."},
    [E_SEED_FAILED] =
        {"AUR0227", ERR_REMOTE, "clone.method",
         "Look at its events in AWS and remove the cause, then apply again: a new one is made. Production "
         "was not touched."},
    [E_KEY_UNUSABLE] =
        {"AUR0228", ERR_INVALID, "clone.kms_key_id",
         "Aurora takes a symmetric key of the cluster's own Region that is enabled: enable it, "
         "or name another. Nothing was done."},
    [E_OUTAGE_TOO_LONG] =
        {"AUR0230", ERR_TIMEOUT, "cutover.max_write_outage",
         "Everything was taken back, and applying again tries again. The journal says which "
         "part took long; the lag decides, and sessions that do not end."},
    [E_FENCE_LEAKS] =
        {"AUR0231", ERR_REMOTE, "postgresql.username",
         "Production could be written to behind the fence, so it was taken back. Do what is said above; a "
         "user of whom nobody else has sessions is best."},
    [E_SEQUENCES_DIFFER] = {"AUR0232", ERR_REMOTE, "stage",
                            "Everything was taken back. Compare the sequence on both sides, make them equal "
                            "in kind, and apply again."},
    [E_SEQUENCES_DENIED] = {"AUR0233", ERR_DENIED, "postgresql.username",
                            "GRANT UPDATE on these sequences, or membership in their owner, to the login on "
                            "the new side. Nothing was switched."},
    [E_SWITCH_OPEN] = {"AUR0234", ERR_UNAVAILABLE, "stage",
                       "Apply again as soon as AWS answers: the switch is then finished, or taken back."},
    [E_SWITCH_PARTIAL] =
        {"AUR0235", ERR_INVALID, "databases",
         "A switch moves the whole cluster: what was written to that database since would be lost. Roll "
         "back, leave `databases` out, and apply forward again."},
    [E_FENCE_GONE] =
        {"AUR0236", ERR_CONFLICT, "stage",
         "Names have not moved, and production takes writes that the other side does not get. `unfence` "
         "takes the switch back; then apply again."},
    [E_SWITCH_UNDERWAY] =
        {"AUR0237", ERR_CONFLICT, "stage",
         "Apply with stage = \"switched\" first, or run `terraform-provider-aurora resume`: it goes on where "
         "it was. Then \"rolled_back\" loses nothing."},
    [E_NO_WAY_BACK_LEFT] =
        {"AUR0238", ERR_REMOTE, "stage",
         "Going back would lose what was written since. The old side is kept as it was at the switch; "
         "stage = \"completed\" removes it."},
    [E_ENDPOINT_WAY] = {"AUR0239", ERR_INVALID, "cutover.endpoint",
                        "Set it to what the switch was begun with: it can be another one for the next "
                        "upgrade."},
    [E_RECORD_UNSUITABLE] =
        {"AUR0240", ERR_INVALID, "cutover.route53.record",
         "The record has to be there: one CNAME below the zone's name, with production's writer endpoint as "
         "its "
         "only value, a time to live, and no routing policy, alias or health check. Correct it or "
         "cutover.route53, then apply again."},
    [E_RECORD_FOREIGN] = {"AUR0241", ERR_CONFLICT, "cutover.route53.record",
                          "Somebody else has led it elsewhere, and it was left so. Lead it to production by "
                          "hand (status tells "
                          "its endpoint), then apply again: it goes on from there."},
    [E_RECORD_TTL] = {"AUR0242", ERR_PAUSED, "cutover.route53.ttl",
                      "Nothing was undone. Apply again from then on, or allow more time in timeouts."},
    [E_CHANGED_DIFFER] =
        {"AUR0243", ERR_REMOTE, "stage",
         "Everything was taken back: nothing was switched. Somebody, or a trigger, writes on the clone, or "
         "it "
         "did not take what was written on production. End that and make these rows equal on the clone, or "
         "set stage = \"rolled_back\" and start again; an apply compares all rows anew."},
};

bool upgrade_fail(struct err *e, enum upgrade_error id, const char *fmt, ...)
{
    const struct upgrade_error_row *row = &upgrade_errors[id];
    char text[sizeof e->text];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)err_set(e, row->code, "%s", text);
    /* Terraform shows the attribute's line only where the configuration has one. */
    const char *attribute = row->attribute[0] ? row->attribute : "none";
    (void)err_hint(e, "%s (Attribute: %s)", row->hint, attribute);
    if (row->attribute[0] != '\0')
        (void)err_attribute(e, row->attribute);
    return err_id(e, row->id);
}
