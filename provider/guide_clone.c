/* Of the guide page of a logical upgrade: a clone that is restored from a snapshot, and another KMS key. */
#include "provider/guides.h"

static void by_snapshot(struct buf *out)
{
    (void)buf_puts(
        out,
        "## A clone from a snapshot\n\n"
        "With `clone { method = \"snapshot\" }` the clone does not share production's pages: it is restored "
        "from a snapshot that this upgrade makes. That is the way to another KMS key. The snapshot is made "
        "as the last thing behind slots and markers, and says (tag `aurora-upgrade:slots`) behind which: one "
        "whose slots are no more is never used. From the restored cluster on everything is as with a "
        "copy-on-write clone: position, proof, upgrade, subscriptions.\n\n"
        "It takes as long as the volume is large: minutes for the snapshot, up to hours for its copy and "
        "for the restore, and production keeps WAL from the slots on. Choose `max_retained_wal` for what is "
        "written in that time. An apply that is cut short is gone on with by the next one, from any "
        "machine. The snapshots are deleted once the position is proved, before the clone is upgraded; "
        "`rolled_back`, a destroy and `cleanup` remove them too, and end a copy that is under way.\n\n"
        "Rights besides those for a copy-on-write clone: `rds:CreateDBClusterSnapshot`, "
        "`rds:CopyDBClusterSnapshot` (with a key), `rds:RestoreDBClusterFromSnapshot` in place of "
        "`rds:RestoreDBClusterToPointInTime`, `rds:DeleteDBClusterSnapshot`, and `rds:AddTagsToResource` on "
        "`cluster-snapshot:<cluster>-next-*`.\n\n");
}

static void another_key(struct buf *out)
{
    (void)buf_puts(
        out,
        "## Another KMS key\n\n"
        "`clone { method = \"snapshot\", kms_key_id = \"arn:aws:kms:…:key/…\" }` gives the clone that key, "
        "and production from the switch on.\n\n"
        "| production is encrypted with | `kms_key_id` | what is done |\n| --- | --- | --- |\n"
        "| key A | none, or A | the snapshot is restored |\n"
        "| key A | key B | the snapshot is copied with B, and the copy restored |\n"
        "| nothing | key B | the snapshot is restored with B: AWS copies none that is not encrypted with a "
        "key |\n"
        "| nothing | none | the snapshot is restored, not encrypted |\n\n"
        "Encryption cannot be taken away, and a copy-on-write clone is not asked for another key (AUR0226). "
        "The key is looked at before anything is made: it must be a symmetric one of the cluster's Region, "
        "and enabled (AUR0228). With keys of your own the credentials need `kms:DescribeKey`, "
        "`kms:CreateGrant` and, to copy, `kms:Decrypt` on both. What AWS refuses behind that ends the apply "
        "with its words, `KMSKeyNotAccessibleFault`; allow it, and apply again. Every other setting is "
        "carried and compared as ever; of the key the comparison accepts the one that was asked for, and no "
        "other. Performance Insights and the secret of the master user have keys of their own, which "
        "stay.\n\n"
        "### Your own `aws_rds_cluster`\n\n"
        "There `kms_key_id` and `storage_encrypted` cannot change: a configuration that names other values "
        "than the live ones *replaces the cluster*. Take both from `data.aurora_cluster`, which follows "
        "the name, before the switch (the plan reminds of it):\n\n"
        "```terraform\n"
        "data \"aurora_cluster\" \"orders\" {\n"
        "  cluster_identifier = \"orders\"\n"
        "}\n\n"
        "resource \"aws_rds_cluster\" \"orders\" {\n"
        "  kms_key_id        = data.aurora_cluster.orders.kms_key_id\n"
        "  storage_encrypted = data.aurora_cluster.orders.storage_encrypted\n"
        "  # …\n"
        "  lifecycle { prevent_destroy = true }\n"
        "}\n"
        "```\n\n"
        "That changes nothing while the values are the present ones, and no plan shows a difference behind "
        "the switch, nor behind `rolled_back`, which leads back to the old key. Leaving both out does the "
        "same. With literals every plan between the switch and your own change of them wants to replace the "
        "cluster. `lifecycle { ignore_changes = [kms_key_id, storage_encrypted] }` hides the difference "
        "for ever.\n\n"
        "Keep the old key enabled as long as anything needs it: the old side until `completed`, its final "
        "snapshot, and every backup from before the switch.\n\n");
}

void guide_clone(struct buf *out)
{
    by_snapshot(out);
    another_key(out);
}
