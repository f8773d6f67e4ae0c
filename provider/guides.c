#include "provider/guides.h"
#include "internal/base/file.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/upgrade.h"
#include "provider/flow_upgrades.h"

#include <string.h>

enum { PAGE_MAX_BYTES = 256 * 1024 };

/* The example whose names appear in the pages. */
static struct upgrade example(const struct flow *f)
{
    bool is_logical = f == &flow_logical || f == &flow_logical_back || f == &flow_logical_return;
    struct upgrade u = {.strategy = is_logical ? &strategy_logical : &strategy_blue_green,
                        .source_major = 13,
                        .has_login = true};
    u.request.cluster = "orders";
    u.request.target = (struct version){17, -1};
    u.request.max_write_outage_s = 300;
    u.request.record.ttl = 5;
    return u;
}

/* A table cell: no bars, no line breaks, angle brackets visible. */
void guide_cell(struct buf *out, const char *text)
{
    (void)buf_puts(out, "| ");
    for (const char *p = text; *p; p++) {
        if (*p == '|')
            (void)buf_puts(out, "\\|");
        else if (*p == '<')
            (void)buf_puts(out, "&lt;");
        else if (*p == '\n')
            (void)buf_puts(out, "<br>");
        else
            (void)buf_add(out, p, 1);
    }
    (void)buf_puts(out, " ");
}

static void said(struct buf *out, const struct upgrade *u, void (*say)(const struct upgrade *, struct buf *))
{
    struct buf text = BUF_INIT(4096);
    if (say)
        say(u, &text);
    guide_cell(out, buf_text(&text));
    buf_done(&text);
}

static const char *effect_of(const struct step *s)
{
    if (s->kind == STEP_NO_RETURN)
        return "point of no return, blocks writes";
    if (s->irreversible)
        return "irreversible";
    if (s->blocks_writes)
        return "blocks writes";
    return "";
}

static void flow_table(struct buf *out, const struct flow *flow)
{
    struct upgrade u = example(flow);
    (void)buf_puts(out, "| step | stage | kind | what it does | the same by hand | effect | takes |\n"
                        "| --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < flow->count; i++) {
        const struct step *s = &flow->steps[i];
        guide_cell(out, s->name);
        guide_cell(out, stage_name(s->stage));
        guide_cell(out, step_kind_name(s->kind));
        said(out, &u, s->describe);
        said(out, &u, s->equivalent);
        guide_cell(out, effect_of(s));
        guide_cell(out, s->duration);
        (void)buf_puts(out, "|\n");
    }
}

/* One page per kind of upgrade. */
static void steps_page(struct buf *out, const char *title, const char *resource, const char *back,
                       const struct flow *forward_flow, const struct flow *back_flow)
{
    (void)buf_printf(out,
                     "---\npage_title: \"%s\"\ndescription: \"Every step %s walks, from its own "
                     "table.\"\n---\n\n# %s\n\n",
                     title, resource, title);
    (void)buf_puts(
        out,
        "This page is written from the table the provider walks. The example upgrades the cluster `orders` "
        "from 13 to 17, with a "
        "login for PostgreSQL. A step that does not apply to a configuration is left out of its plan.\n\n"
        "A *check* looks and changes nothing; checks that stand together all run, and all findings are told. "
        "A *change* is skipped "
        "when it is there already. A *wait* ends when the world is as described. Behind the *no_return* row "
        "everything only goes "
        "forward.\n\n## Forward\n\n");
    flow_table(out, forward_flow);
    (void)buf_printf(out, "\n## `rolled_back`, and a destroy before the %s\n\n", back);
    flow_table(out, back_flow);
}

static void blue_green_page(struct buf *out)
{
    steps_page(out, "The steps of a blue/green upgrade", "aurora_blue_green_upgrade", "switch",
               &flow_blue_green, &flow_blue_green_back);
    (void)buf_puts(
        out,
        "\n## RDS Proxy\n\n"
        "A plan and `check-proxies` look for proxies in front of production. AWS carries a proxy through the "
        "switchover if the cluster was registered with it before the deployment was made; from then on none "
        "can be registered, so a proxy that is to serve the new version comes first. Its sessions end during "
        "the switchover, as all sessions do, and its targets are shown a little late afterwards. A proxy "
        "that "
        "does not reach production is refused (AUR0119), because AWS would refuse the switchover. That needs "
        "`rds:DescribeDBProxies` and `rds:DescribeDBProxyTargets`; without them a warning names what is "
        "missing, and AWS's own check at the switchover is what remains. A proxy in front of a member of a "
        "global database is no matter here: such a cluster is refused altogether (AUR0104).\n\n"
        "## Instances with different parameter groups\n\n"
        "`CreateBlueGreenDeployment` takes one instance parameter group for the whole new side, so "
        "production "
        "whose instances have different ones is refused (AUR0117) unless `target_parameter_group` names the "
        "one that all shall have. AWS allows changes to the green side until the switch: an instance that "
        "needs another group can be given it after `prepared` with `aws rds modify-db-instance`.\n");
}

static void in_place_page(struct buf *out)
{
    steps_page(out, "The steps of an upgrade in place", "aurora_in_place_upgrade", "upgrade", &flow_in_place,
               &flow_in_place_back);
    (void)buf_puts(
        out,
        "\n## What AWS does on its own\n\n"
        "Between `upgrade` and `upgraded` AWS works alone: its own prechecks, a snapshot of its own "
        "(`preupgrade-...`), `pg_upgrade` on the writer, then the readers. An apply that is cut short there "
        "leaves AWS at work, and the next apply observes the outcome. When AWS goes back the cluster is "
        "available on its old version; that is the error AUR0191, with AWS's event and the end of the log "
        "that says most. The next apply then makes a new snapshot: the one before lacks what was written "
        "since.\n\n"
        "## After the upgrade\n\n"
        "The snapshot of the run is available, named in `snapshot_identifier`, and never deleted but by "
        "`on_destroy = \"delete_old\"`. Right before the call it is given a fingerprint of every setting of "
        "the cluster and its instances, so that `verify-settings` names what differs also when another apply "
        "goes on after a kill; what a setting was before is then not known any more. An object that AWS's "
        "limit of 50 tags left without one is named. After an upgrade that the maintenance window began "
        "nothing is compared: what was changed since may be your own doing.\n\n"
        "## `rolled_back` after the upgrade\n\n"
        "The snapshot is restored beside production with every setting given explicitly, proved, and takes "
        "production's names; the upgraded cluster is put aside as `<cluster>-upgraded`, protected, until "
        "`completed`. What was written since the snapshot is lost: a plan without "
        "`accept_data_loss_since_snapshot` is refused with the rows written per table (AUR0196). Up to "
        "`names-move` production is only looked at; from there on each apply goes forward, and one that was "
        "cut short, at whatever point, is finished by the next. Until the names have moved "
        "`data.aurora_cluster` fails with the reason. Instances reboot when they are renamed, and between "
        "`cluster-leaves` and `cluster-arrived` the endpoints do not answer. Custom endpoints are "
        "made again under their names, with type, members and tags: each has a copy under another name until "
        "then, and leads nowhere from `endpoints-leave` to `endpoints-arrive`, so that nothing is written to "
        "what "
        "is put aside. A master password is the one of the "
        "time of the snapshot; where AWS manages it, a new secret is made before anything is proved, and a "
        "`password_secret_arn` that is one of the run's managed secrets stands for that of the cluster that "
        "is logged in to.\n\n"
        "A call to restore that an apply which was cut short has left behind may be carried out by AWS after "
        "the next apply has restored the snapshot itself and moved the names. What it makes has no "
        "instances; "
        "the rows `stray-…` remove it, and if it comes when all is over a plan tells of it, and `cleanup` or "
        "`completed` remove it. With an instance by somebody it stays.\n\n");
    flow_table(out, &flow_in_place_restore);
    (void)buf_puts(out, "\n## `completed` after that\n\n");
    flow_table(out, &flow_in_place_put_away);
    (void)buf_puts(out,
                   "\n## A roll-back given up\n\n"
                   "Until `names-move` the restored cluster is a copy that nobody uses: "
                   "`terraform-provider-aurora cleanup <cluster> --yes` removes it and leaves production "
                   "and the snapshot as they are.\n\n");
    flow_table(out, &flow_in_place_give_up);
}

static void logical_ddl(struct buf *out)
{
    (void)buf_puts(
        out,
        "## DDL meanwhile\n\n"
        "DDL is not replicated, and a lag of zero says nothing about it. So before the slots are made the "
        "catalogue of every database is written down (schema `aurora_upgrade`, found again from any machine "
        "and an empty state), a hash per table, column, index, constraint, sequence, function, view, rule, "
        "trigger, policy, type, extension, statistics object, owner, privilege, role and setting. It is "
        "compared before the validation, behind the comparison of rows, before the switch, by `status`, "
        "`watch` and `data.aurora_upgrade_status`, and when an apply worker fails: what was added, dropped "
        "or altered is named (AUR0219), where the worker alone would say that a column is missing.\n\n"
        "The way on: run the same statements on the clone (`staging_endpoint`), then apply again. What is "
        "equal on both sides is accepted, is told in the journal (`catalogue-compared`), and the rows are "
        "compared again. A table that was dropped and made again, or whose columns were rewritten "
        "(`ALTER … TYPE … USING`), is found where definitions are as before: its rows decide. What is "
        "changed behind the comparison of rows ends the switch before the fence (AUR0220); the next apply "
        "compares again. A transaction that was open during that last look may still commit before writes "
        "are stopped; so once more behind the switch the old cluster is compared with what was written down, "
        "and what production lacks is named (AUR0221) for you to run there. Once nothing is lacking, that is "
        "written down on the old side, and not looked at again: later DDL is yours alone. A new partition is "
        "DDL: rows that go there find nothing on the clone.\n\n"
        "No difference: rows, TRUNCATE (it is replicated), ANALYZE, VACUUM, REINDEX, temporary tables, "
        "values "
        "of sequences, versions of extensions, comments, everything named `aurora_upgrade`.\n\n");
}

static void logical_switch(struct buf *out)
{
    (void)buf_puts(
        out,
        "## The switch, second by second\n\n"
        "Row `switch` is one call into PostgreSQL, without AWS in between:\n\n"
        "1. *Fence.* CONNECT is revoked from PUBLIC and from everybody who was granted it, owners included; "
        "what "
        "the access lists were is written down in the same transaction. Sessions are ended until three "
        "sweeps "
        "in a row find none. Read-only mode would be no fence: any session may leave it. Only the login of "
        "this upgrade and that of the subscriptions may still connect; a login that applications use too is "
        "found by `check-fence` (AUR0231).\n"
        "   What is sent then and not taken, such as a partition made a moment ago, ends the switch "
        "(AUR0225).\n"
        "2. *Drain.* Once no transaction runs on the whole server, a marker is written into every database; "
        "replication keeps the order of commits, so a marker that has arrived proves everything before it.\n"
        "3. *Sequences* get exactly the state they have, called or not, and are read back.\n"
        "4. *Changed rows.* What changed on either side since all rows were compared (`check-rows`, in the "
        "same "
        "apply) was followed by a temporary slot on both, keys only, and compared again right before the "
        "fence "
        "(`check-changed-rows`, AUR0132). Only the rows of the last moments are left: they are compared now, "
        "with both sides at rest, and one that differs is named (AUR0243); so is what a hook wrote on the "
        "clone before, unless "
        "its tables are in `validation.exclude_tables`. A table without a key that is "
        "bigger than 64 MB and has changed is not read again; the journal names it.\n"
        "5. *Way back.* The subscriptions are ended, and a slot is made on the new side before anybody can "
        "write there.\n"
        "6. *Proof.* Between marker and now the server has given out no transaction id but to our "
        "markers; where it took some for itself meanwhile (autovacuum), the slot that was followed holds no "
        "change behind the markers.\n\n"
        "Whatever fails, a Stop, or `max_write_outage` takes all of it back, and the error says whether a "
        "test "
        "write has passed. The journal (notes at steps `switch` and `check-changed-rows`) has the "
        "milliseconds of "
        "each part. A process "
        "that is killed in between leaves the fence; the next apply lifts it first, and "
        "`terraform-provider-aurora unfence <cluster>` does so from any machine.\n\n");
}

static void logical_names(struct buf *out)
{
    (void)buf_puts(
        out,
        "The point of no return is a tag on the clone. From there on names move: production's instances and "
        "cluster become `…-old`, the clone's take their names. That is AWS's time, minutes, and no endpoint "
        "answers between `cluster-leaves` and `cluster-arrived`. An apply that is cut short, at whatever "
        "point, "
        "is finished by the next, or by `terraform-provider-aurora resume <cluster>`, from any machine, also "
        "with an empty state; until it is over `data.aurora_cluster` fails with the reason.\n\n"
        "## Without renaming\n\n"
        "`cutover { endpoint = \"none\" }` leaves AWS's minutes out: the point of no return is the end of "
        "the outage on our side, and the rows in which names move are not walked. Production is "
        "`<cluster>-next` from then on; `endpoint` and `reader_endpoint` of the resource tell it, for a DNS "
        "record of your own (`aws_route53_record` with a short TTL, or a hook at `at_switch` with "
        "`AURORA_NEW_ENDPOINT`, and one at `at_rollback` with `AURORA_OLD_ENDPOINT`, which run as soon as "
        "production is there; a failure undoes nothing, the next apply runs it again), and until it is "
        "completed every plan reminds of it. Who still goes to the "
        "old endpoint reads \"permission denied for database\". The old cluster keeps its name and its "
        "place in your configuration; no stage deletes it. `rolled_back` goes back to it with every write. "
        "At `completed` everything of ours leaves it, but it stays fenced, and what its access lists were "
        "stays in `aurora_upgrade.fact`. `adopt` prints the `import` blocks of the new cluster, under whose "
        "name the next upgrade runs.\n\n");
    guide_record(out);
}

static void after_switch_part(struct buf *out)
{
    (void)buf_puts(
        out,
        "## After the switch\n\n"
        "The old side, `<cluster>-old`, stays fenced for everybody but this upgrade, and follows the new one "
        "(`reverse_replication`). DDL on the new side is not carried back, and a value that the old major "
        "does "
        "not know stops the way back; WAL is kept on the new side for it: do not keep it longer than you "
        "need.\n\n"
        "## `rolled_back` after the switch\n\n");
    flow_table(out, &flow_logical_return);
}

static void own_login_part(struct buf *out)
{
    (void)buf_puts(
        out,
        "## A login that nobody else uses\n\n"
        "The fence keeps out whoever has another login than this upgrade. Where applications log in as the "
        "master user, the upgrade needs one of its own (AUR0231), from `prepared` on. Up to 15 the master "
        "user makes it:\n\n"
        "```sql\n"
        "CREATE ROLE upgrader LOGIN CREATEROLE PASSWORD '…';\n"
        "GRANT rds_superuser, rds_replication, <master user> TO upgrader;\n"
        "```\n\n"
        "It then has every right of the master user, and not the other way round: the fence holds for him, "
        "too, on the old side and, at a `rolled_back` after the switch, on the new one. From 16 on nobody "
        "may "
        "give membership in the master user away, since that takes the ADMIN option: grant `upgrader` the "
        "roles "
        "that own databases, tables and sequences instead, and see that none of them belongs to the master "
        "user himself. A role that comes through an upgrade from 15 or earlier to 16 or later cannot be "
        "dropped by the master user there, for the same reason.\n\n");
}

static void options_part(struct buf *out)
{
    (void)buf_puts(
        out,
        "## A part of the tables, and tables without a key\n\n"
        "`include_tables` and `exclude_tables` choose what is published; a partitioned table is chosen by "
        "its "
        "root. What is left out stays on the clone as it was when that was made: its rows are not compared, "
        "its "
        "definition is. The plan says so and, with `plan_checks = \"full\"`, names every such table, and "
        "each "
        "foreign key that leads to one: replication does not check foreign keys, so that what they refer to "
        "may "
        "be missing. `data.aurora_upgrade_status` has the list as `not_followed`, with the tables made "
        "since. A "
        "table that is left out needs no key.\n\n"
        "A switch moves the whole cluster, and what is left out stands there as of the clone. So a part of "
        "the tables goes as far as `validated`: a plan with `stage = \"switched\"` or `\"completed\"` is "
        "refused (AUR0224), whether those tables are written to or not. Before the fence the publications "
        "themselves are asked, whatever the configuration says by then: a table that they do not hold, one "
        "made since among them, is AUR0225, and so it is on the way back.\n\n"
        "A table without a key refuses UPDATE and DELETE once it is published. `replica_identity_full` names "
        "tables (or `schema.*`) that get REPLICA IDENTITY FULL before they are, where they have no usable "
        "identity; what they had is written down in schema `aurora_upgrade` before, and put back by "
        "`rolled_back`, a destroy, `cleanup` and, on the new production, `completed`, once nothing is "
        "published any more: the way back needs it, too. Production then writes the whole old row to its "
        "WAL, and the clone searches for it row by row: small tables only. A column of "
        "a "
        "type without a default operator class for equality (`json`, `xml`, `point`) would stop the clone at "
        "the "
        "first UPDATE: such a table is refused (`identity-without-equality`).\n\n");
}

static void logical_page(struct buf *out)
{
    steps_page(out, "The steps of a logical upgrade", "aurora_logical_upgrade", "switch", &flow_logical,
               &flow_logical_back);
    (void)buf_puts(
        out,
        "\n## Why nothing is lost\n\n"
        "Publication, slot, clone, position, upgrade, subscription, origin: in this order, and in no other. "
        "A "
        "publication made behind its slot can never be decoded; a slot made behind the clone loses rows "
        "without a word; a position read behind the upgrade is one of another history. The position L is "
        "taken once, from the clone's own volume (`aurora_volume_logical_start_lsn()`), before its upgrade, "
        "and is refused (AUR0214) unless the slot begins at or before it, production has passed it, the slot "
        "has confirmed nothing behind it, and the marker that was committed behind the slot's making is on "
        "the clone and was written before it. A marker written behind it has to arrive, once.\n\n"
        "## What is made, and where\n\n"
        "In production: role `aurora_upgrade_replication` (to log in, `rds_replication`, CONNECT), and in "
        "every database schema `aurora_upgrade`, publication `aurora_upgrade` and a slot "
        "`aurora_upgrade_<oid>`. In AWS: cluster `<cluster>-next` with its instances, both parameter "
        "groups, and a snapshot where the clone comes from one. The password of the role is drawn when the "
        "subscriptions are made, is sent to production as "
        "a SCRAM verifier only, and is known to nothing else; the subscriptions connect with "
        "`channel_binding=require`, so that only a server that knows that verifier is accepted.\n\n"
        "## The clone and production\n\n"
        "The clone must reach production's writer endpoint: a security group whose members may talk to each "
        "other on the database's port. Do not write to the clone: what collides stops the replication. As "
        "long as the clone does not take what production writes, production keeps WAL for it; beyond "
        "`max_retained_wal` the slots are dropped and the run is over (AUR0216): by an apply, which looks "
        "while it waits, too, "
        "and by the companion's `status`, `watch` and `wait` (`watch` in a pipeline is a guard), with a "
        "login. A plan and "
        "`data.aurora_upgrade_status` change nothing: they tell it as a finding. In between nobody of ours "
        "looks: an alarm on "
        "`OldestReplicationSlotLag` does (see the example of `aurora_logical_upgrade`).\n\n"
        "## Catching up\n\n"
        "While the clone catches up, the journal and the log (`TF_LOG_PROVIDER=INFO`) say once a minute how "
        "far it is behind, in "
        "bytes and in time, what production writes and what is applied per second, and when it will be "
        "there: a range, "
        "since speeds change. A backlog grows while the clone is upgraded; that is no failure. That it will "
        "not converge "
        "at this rate is said after at least two minutes and a dozen looks, and is no failure either: "
        "production may "
        "write less at night, a larger `clone { instance_class }` applies more.\n\n"
        "Where nothing is applied for a minute, whoever stands in the way is named: the session whose lock "
        "on the clone is "
        "waited for (process, application, table, its statement without values), the transaction that has "
        "been open on "
        "production for over five minutes. What does not pass by itself ends the apply, and the next one "
        "goes on: a lock "
        "held for ten minutes, or a slot that nobody reads for five (AUR0218); an apply worker that fails "
        "again and again "
        "(AUR0217, with its last error from the clone's log); a slot that is gone or lost, a subscription "
        "that is gone (AUR0215).\n\n");
    guide_clone(out);
    own_login_part(out);
    options_part(out);
    logical_ddl(out);
    logical_switch(out);
    logical_names(out);
    after_switch_part(out);
}

/* Errors outside of an upgrade's own table: each family is raised in one place, with the cause in the
 * message. */
static const struct {
    const char *id, *kind, *next;
} other_errors[] = {
    {"AUR0011", "provider block",
     "Two arguments contradict each other or belong together; the message names them."},
    {"AUR0012", "provider block", "Correct `region`, or set `skip_region_validation`."},
    {"AUR0013", "provider block",
     "AWS cannot be reached or does not accept the credentials; the message has AWS's "
     "words."},
    {"AUR0014", "login", "Give exactly one way to log in to PostgreSQL, and all that it needs."},
    {"AUR0015", "provider block",
     "The credentials lead to an account that `allowed_account_ids` or "
     "`forbidden_account_ids` excludes."},
    {"AUR0016", "warning", "Use `custom_ca_bundle` instead of `insecure`."},
    {"AUR0017", "provider block",
     "The provider's arguments are not known at plan; make them known, or apply what they "
     "depend on first."},
    {"AUR0800 to AUR0804", "configuration",
     "A value does not fit the schema; the message names the attribute."},
    {"AUR0805 to AUR0808", "state",
     "Import, stored state or move cannot be done as asked; the message says what can."},
    {"AUR0890 to AUR0899", "defect", "Please report it with the log (`TF_LOG_PROVIDER=debug`)."},
    {"AUR0900 to AUR0912", "AWS or PostgreSQL",
     "An answer without a row of its own above: invalid, not found, "
     "conflict, denied, login, throttled, time-out, interrupted, remote, "
     "unavailable, paused, defect, in this order. The other side's words "
     "are quoted."},
    {"AUR0999", "defect", "Please report it with the log (`TF_LOG_PROVIDER=debug`)."},
};

static void errors_page(struct buf *out)
{
    (void)buf_puts(out, "---\npage_title: \"Errors\"\ndescription: \"Every error of an upgrade, with the "
                        "next thing to do.\"\n---\n\n"
                        "# Errors\n\nEvery error has an id that never changes. The message itself names the "
                        "cause and the state of production.\n\n"
                        "| id | kind | attribute | next step |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < E_COUNT; i++) {
        guide_cell(out, upgrade_errors[i].id);
        guide_cell(out, err_code_name(upgrade_errors[i].code));
        guide_cell(out, upgrade_errors[i].attribute);
        guide_cell(out, upgrade_errors[i].hint);
        (void)buf_puts(out, "|\n");
    }
    (void)buf_puts(out, "\n## Outside of an upgrade\n\n| id | where | next step |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < ARRAY_LEN(other_errors); i++) {
        guide_cell(out, other_errors[i].id);
        guide_cell(out, other_errors[i].kind);
        guide_cell(out, other_errors[i].next);
        (void)buf_puts(out, "|\n");
    }
}

/* By the name of the source in the client's own table. */
static const struct {
    const char *source, *given_by, *renewed;
} credential_rows[] = {
    {"provider arguments", "`access_key`, `secret_key`, `token`", "no"},
    {"assume_role_with_web_identity",
     "the block; role, file and session name may come from `AWS_ROLE_ARN`, `AWS_WEB_IDENTITY_TOKEN_FILE`, "
     "`AWS_ROLE_SESSION_NAME`",
     "yes, if the token is a file"},
    {"environment",
     "`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; not asked if the provider "
     "names a `profile`",
     "no; `AWS_CREDENTIAL_EXPIRATION` tells when they end"},
    {"web identity",
     "`AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`, `AWS_ROLE_SESSION_NAME`; not asked if the provider "
     "names a "
     "`profile`",
     "yes; the file is read anew"},
    {"shared credentials and configuration files",
     "the profile: keys, `source_profile` or `credential_source` with `role_arn` (chains too), "
     "`web_identity_token_file`, `sso_session` or `sso_start_url`, `credential_process`",
     "roles and IAM Identity Center: yes; `credential_process`: asked again, but not relied on; keys: no"},
    {"container",
     "`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `AWS_CONTAINER_CREDENTIALS_FULL_URI`, with "
     "`AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` or `AWS_CONTAINER_AUTHORIZATION_TOKEN` (ECS, EKS Pod "
     "Identity)",
     "yes"},
    {"instance metadata",
     "the role of the EC2 instance, by IMDSv2 only; `skip_metadata_api_check` and "
     "`AWS_EC2_METADATA_DISABLED` switch it off",
     "yes"},
};

static void credentials_table(struct buf *out)
{
    (void)buf_puts(out, "| source | given by | renewed while the provider runs |\n| --- | --- | --- |\n");
    for (size_t i = 0; aws_credential_source(i); i++) {
        guide_cell(out, aws_credential_source(i));
        for (size_t k = 0; k < ARRAY_LEN(credential_rows); k++)
            if (strcmp(credential_rows[k].source, aws_credential_source(i)) == 0) {
                guide_cell(out, credential_rows[k].given_by);
                guide_cell(out, credential_rows[k].renewed);
            }
        (void)buf_puts(out, "|\n");
    }
}

static void credentials_page(struct buf *out)
{
    (void)buf_puts(out, "---\npage_title: \"Credentials\"\n"
                        "description: \"Where AWS credentials come from, how they last for hours, and what "
                        "is refused.\"\n---\n\n"
                        "# Credentials\n\n"
                        "Names and order are those of `hashicorp/aws`: a configuration that works there "
                        "works here. The first "
                        "source that has credentials is taken, and renewals ask the same source only: an "
                        "upgrade never goes on as "
                        "somebody else. The roles of `assume_role` blocks are assumed on top, in order.\n\n");
    credentials_table(out);
    (void)buf_puts(
        out,
        "\n## Hours of waiting\n\n"
        "Credentials that can be renewed are, a quarter of an hour before they end, once for all resources. "
        "If that "
        "fails, the upgrade goes on with the present ones while they live, warns in the log and tries again "
        "every "
        "minute. If they end all the same, the apply fails, nothing is lost, and the next apply goes on.\n\n"
        "Right before the switchover, `check-credentials` asks how long the credentials last. They must "
        "outlive "
        "`max_write_outage` by ten minutes, or come from a source that AWS renews (a role, a token file, IAM "
        "Identity Center, a container, an instance); else the switchover is refused (AUR0144) while "
        "production is "
        "still untouched. An upgrade in place asks the same before its snapshot, and a roll-back before "
        "names "
        "move: half an hour. A `credential_process` may keep what it gave, or want a person, so only the "
        "life "
        "it "
        "states counts. Credentials that nobody gives an expiry for are taken to last.\n\n"
        "A role assumed with another role's credentials lives for one hour at most; AWS refuses a longer "
        "`duration`. That is enough: it is renewed.\n\n"
        "## IAM Identity Center\n\n"
        "Log in with `aws sso login` first. A profile with `sso_session` has its token renewed until the "
        "session "
        "itself ends; with the older form (`sso_start_url` in the profile) the token lasts as long as the "
        "login. If "
        "it has ended, the error names the command to log in again.\n\n"
        "## A clock that is wrong\n\n"
        "If AWS refuses a signature because of its time, the difference to AWS's clock is taken from its "
        "reply, "
        "remembered, and the call is repeated once. The machine's own clock is never set.\n\n"
        "## What is refused\n\n"
        "- `mfa_serial`: a provider cannot ask for a code. Get session credentials first.\n"
        "- `login_session` (`aws login`): not read.\n"
        "- Version 1 of the instance metadata service, and plain HTTP to container agents on other hosts.\n"
        "- `retry_mode = \"adaptive\"`: repetitions are spread over all calls together already.\n"
        "- `tag_policy_compliance`: no tag policy is looked at, so the argument would have no effect.\n\n"
        "## Secrets\n\n"
        "Keys and tokens are in no state, plan, log, journal or error, and on no command line. The output of "
        "a "
        "`credential_process` is not shown, nor what it prints on standard error: run it yourself if it "
        "fails.\n");
}

bool guides_write(const char *dir, struct err *e)
{
    static const struct {
        const char *file;
        void (*write)(struct buf *out);
    } pages[] = {{"blue-green-steps.md", blue_green_page},
                 {"in-place-steps.md", in_place_page},
                 {"logical-steps.md", logical_page},
                 {"prechecks.md", guide_prechecks},
                 {"errors.md", errors_page},
                 {"credentials.md", credentials_page},
                 {"companion-command.md", guide_companion}};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *folder = arena_printf(a, "%s/guides", dir);
    if (!dir_make(folder, e))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct buf page = BUF_INIT(PAGE_MAX_BYTES);
        pages[i].write(&page);
        bool ok = file_replace(arena_printf(a, "%s/%s", folder, pages[i].file), page.p, page.n, 0644, e);
        buf_done(&page);
        if (!ok)
            return false;
    }
    return true;
}
