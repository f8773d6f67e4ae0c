/* How far an upgrade has come and what it has left, from a scripted RDS: scenes that a sandbox does not play.
 */
#include "provider/leftovers.h"
#include "provider/scene.h"
#include "provider/upgrade_status.h"

#include "internal/base/testing.h"
#include "internal/upgrade/old_sides.h"

#include <string.h>

/* ---- one look ---- */

struct stage {
    struct arena *arena;
    struct aws *aws;
    struct old_sides *old_sides;
    struct provider_config config;
    struct tf_call call;
    struct operation o;
};

static void told(void *arg, bool is_error, const char *summary, const char *detail)
{
    (void)arg;
    fail_msg("%s: %s: %s", is_error ? "error" : "warning", summary, detail);
}

static void open_stage(struct stage *s, const struct scene *scene)
{
    struct arena *a = s->arena = arena_new();
    struct value *attrs = value_object(a);
    s->aws = scene_open(a, scene);
    s->old_sides = old_sides_new(clock_real());
    s->config = (struct provider_config){
        .aws = s->aws, .old_sides = s->old_sides, .plan_checks = "aws", .journal_dir = "", .arena = a};
    s->call = (struct tf_call){.arena = a,
                               .configured = &s->config,
                               .config = &value_null,
                               .prior = &value_null,
                               .planned = &value_null,
                               .tell = told};
    value_set(a, attrs, "cluster_identifier", value_string(a, "Orders"));
    if (!operation_start(&s->o, &kind_blue_green, &s->call, attrs, &value_null))
        fail_msg("not started");
}

static void close_stage(struct stage *s)
{
    operation_done(&s->o);
    old_sides_free(s->old_sides);
    scene_close(s->aws);
    arena_free(s->arena);
}

/* ---- status ---- */

#define OLD(tags)                                                                                            \
    "<DbClusterResourceId>cluster-B</DbClusterResourceId>" CLUSTER("13.9", "available") "<TagList>" tags     \
                                                                                        "</TagList>"
#define IN_PLACE TAG("cluster", "orders") TAG("resource", "aurora_in_place_upgrade")
#define SNAPSHOT(name, version, tags)                                                                        \
    "<DBClusterSnapshot><DBClusterSnapshotIdentifier>" name "</DBClusterSnapshotIdentifier><Status>"         \
    "available</Status><EngineVersion>" version "</EngineVersion><SnapshotCreateTime>2026-01-01T00:00:00Z"   \
    "</SnapshotCreateTime><TagList>" IN_PLACE TAG("snapshot", name) TAG("target-version", "17.4")            \
        TAG("cluster-group", "orders-upgrade-13") tags "</TagList></DBClusterSnapshot>"
#define OF_RUN SNAPSHOT("snap", "13.9", TAG("holder", "amy@host 9f3c/1/2 until 2020-01-02T03:04:05Z"))
#define HELD   SNAPSHOT("snap", "13.9", TAG("holder", "amy@host 9f3c/1/2 until 2999-01-02T03:04:05Z"))
#define OVER   SNAPSHOT("snap", "13.9", TAG("completed-at", "2026-01-02T00:00:00Z"))
#define SIDE(id, version, status, tags)                                                                      \
    "<DbClusterResourceId>" id "</DbClusterResourceId>" CLUSTER(version, status) "<TagList>" tags "</"       \
                                                                                 "TagList>"
#define RESTORED(status, tags)                                                                               \
    SIDE("cluster-R", "13.9", status, IN_PLACE TAG("snapshot", "snap") TAG("replaces", "cluster-A") tags)
#define MOVES TAG("names-move", "2026-01-01T10:00:00Z")
#define ASIDE(tags)                                                                                          \
    SIDE("cluster-U", "17.4", "available",                                                                   \
         IN_PLACE TAG("old-of", "orders") TAG("replaced-by", "cluster-R") tags)
#define STRAY(rest)                                                                                          \
    "<DbClusterResourceId>cluster-S</DbClusterResourceId><Engine>aurora-postgresql</Engine><EngineVersion>"  \
    "13.9</EngineVersion><Status>available</Status><TagList>" IN_PLACE TAG("snapshot", "snap")               \
        TAG("replaces", "cluster-U") "</TagList>" rest
#define BUSY                                                                                                 \
    "<DBClusterMembers><DBClusterMember><DBInstanceIdentifier>other</DBInstanceIdentifier></"                \
    "DBClusterMember></DBClusterMembers>"
#define BACK TAG("rolled-back-at", "2026-01-01T10:00:00Z")

#define OURS TAG("cluster", "orders") TAG("target-version", "17.4")
#define FAILED_MEMBER                                                                                        \
    "<member><BlueGreenDeploymentIdentifier>bgd-1</BlueGreenDeploymentIdentifier>"                           \
    "<BlueGreenDeploymentName>n</BlueGreenDeploymentName><Source>" ARN(                                      \
        "cluster",                                                                                           \
        "orders") "</Source><Status>PROVISIONING</Status><SwitchoverDetails><member>"                        \
                  "<SourceMember>" ARN(                                                                      \
                      "db", "orders-0") "</SourceMember><Status>"                                            \
                                        "PROVISIONING_FAILED</Status></member></SwitchoverDetails></member>"

struct status_row {
    const char *name;
    struct scene scene;
    const char *stage, *in_flight, *finding; /* finding: id and part of its text; NULL: none */
    const char *next;                        /* part of it */
};

#define WITH(version, status, ...)                                                                           \
    {                                                                                                        \
        .clusters = {{"orders", CLUSTER(version, status)}}, .instances = INSTANCES, __VA_ARGS__              \
    }

static const struct status_row status_rows[] = {
    {"nothing", WITH("13.9", "available"), "none", "false", NULL, "No upgrade"},
    {"upgraded by us, all gone but the groups",
     WITH("17.4", "available", .cluster_groups = {"orders-pg"}, .tags = OURS), "completed", "false", NULL,
     "Nothing is left"},
    {"groups of ours for another major prove nothing",
     WITH("13.9", "available", .cluster_groups = {"orders-pg"}, .tags = OURS), "none", "false", NULL,
     "No upgrade"},
    {"groups of somebody else's",
     WITH("17.4", "available", .cluster_groups = {"orders-pg"},
          .tags = TAG("cluster", "billing") TAG("target-version", "17.4")),
     "none", "false", NULL, "No upgrade"},
    {"being built", WITH("13.9", "available", .deployments = DEPLOYMENT("orders", "", "PROVISIONING", OURS)),
     "none", "true", NULL, "building"},
    {"a status nobody listed",
     WITH("13.9", "available", .deployments = DEPLOYMENT("orders", "", "POLISHING", OURS)), "none", "true",
     NULL, "building"},
    {"cannot be built",
     WITH("13.9", "available", .deployments = DEPLOYMENT("orders", "", "INVALID_CONFIGURATION", OURS)),
     "none", "false", "AUR0120 INVALID_CONFIGURATION", "findings"},
    {"a member that failed", WITH("13.9", "available", .deployments = FAILED_MEMBER), "none", "true",
     "AUR0120 member orders-0", "findings"},
    {"built", WITH("13.9", "available", .deployments = DEPLOYMENT("orders", "", "AVAILABLE", OURS)),
     "prepared", "false", NULL, "validated"},
    {"switchover failed",
     WITH("13.9", "available", .deployments = DEPLOYMENT("orders", "", "SWITCHOVER_FAILED", OURS)),
     "prepared", "false", "AUR0141 rolled", "findings"},
    {"validated",
     WITH("13.9", "available",
          .deployments =
              DEPLOYMENT("orders", "", "AVAILABLE", OURS TAG("validated-at", "2026-01-01T00:00:00Z"))),
     "validated", "false", NULL, "switched"},
    {"somebody's apply is at work",
     WITH("13.9", "available",
          .deployments = DEPLOYMENT("orders", "", "AVAILABLE",
                                    OURS TAG("holder", "amy@host 9f3c/1/2 until 2999-01-02T03:04:05Z"))),
     "prepared", "false", NULL, "at work"},
    {"an apply that ended without a word",
     WITH("13.9", "available",
          .deployments = DEPLOYMENT("orders", "", "AVAILABLE",
                                    OURS TAG("holder", "amy@host 9f3c/1/2 until 2020-01-02T03:04:05Z"))),
     "prepared", "false", NULL, "validated"},
    {"a holder nobody can read",
     WITH("13.9", "available",
          .deployments = DEPLOYMENT("orders", "", "AVAILABLE", OURS TAG("holder", "until until until"))),
     "prepared", "false", NULL, "validated"},
    {"switching",
     WITH("13.9", "available", .deployments = DEPLOYMENT("orders", "", "SWITCHOVER_IN_PROGRESS", OURS)),
     "prepared", "true", NULL, "switching over"},
    {"in the gap: nobody has the name",
     {.deployments = DEPLOYMENT("orders-old1", "orders-green-abcdef", "SWITCHOVER_IN_PROGRESS", OURS)},
     "prepared",
     "true",
     NULL,
     "switching over"},
    {"production is stopped", WITH("13.9", "stopped"), "none", "false", "AUR0103 stopped", "findings"},
    {"production is backed up", WITH("13.9", "backing-up"), "none", "false", NULL, "No upgrade"},
    {"switched",
     {.clusters = {{"orders", CLUSTER("17.4", "available")},
                   {"orders-old1", OLD(TAG("old-of", "orders") TAG("switched-at", "2026-01-01T00:00:00Z"))}},
      .instances = INSTANCES,
      .deployments = DEPLOYMENT("orders-old1", "orders", "SWITCHOVER_COMPLETED", OURS)},
     "switched",
     "false",
     NULL,
     "retain_old_for"},
    {"switched, deployment removed, old side kept",
     {.clusters = {{"orders", CLUSTER("17.4", "available")}, {"orders-old1", OLD(TAG("old-of", "orders"))}},
      .instances = INSTANCES},
     "switched",
     "false",
     NULL,
     "retain_old_for"},
    {"in place: a snapshot, and no upgrade yet", WITH("13.9", "available", .snapshots = OF_RUN), "none",
     "false", NULL, "not made yet"},
    {"in place: AWS upgrades", WITH("13.9", "upgrading", .snapshots = OF_RUN), "none", "true", NULL,
     "AWS has ended"},
    {"in place: switched, and the way back", WITH("17.4", "available", .snapshots = OF_RUN), "switched",
     "false", NULL, "accept_data_loss_since_snapshot = \"snap\""},
    {"in place: over", WITH("17.4", "available", .snapshots = OVER), "none", "false", NULL, "No upgrade"},
    {"in place: completed, by its groups",
     WITH("17.4", "available", .snapshots = OVER, .cluster_groups = {"orders-pg"}, .tags = OURS), "completed",
     "false", NULL, "Nothing is left"},
    {"roll-back: being restored",
     {.clusters = {{"orders", CLUSTER("17.4", "available")}, {"orders-restored", RESTORED("creating", "")}},
      .instances = INSTANCES,
      .snapshots = OF_RUN},
     "switched",
     "true",
     NULL,
     "gives it up"},
    {"roll-back: cut short before the first name",
     {.clusters = {{"orders", CLUSTER("17.4", "available")},
                   {"orders-restored", RESTORED("available", MOVES)}},
      .instances = INSTANCES,
      .snapshots = OF_RUN},
     "switched",
     "false",
     "AUR0201 cut short",
     "findings"},
    {"roll-back: names move, and an apply is at it",
     {.clusters = {{"orders", CLUSTER("17.4", "available")},
                   {"orders-restored", RESTORED("available", MOVES)}},
      .instances = INSTANCES,
      .snapshots = HELD},
     "switched",
     "false",
     NULL,
     "at work"},
    {"roll-back: nobody bears the name",
     {.clusters = {{NULL},
                   {"orders-restored", RESTORED("available", MOVES)},
                   {"orders-upgraded", SIDE("cluster-A", "17.4", "available", "")}},
      .instances = INSTANCES,
      .snapshots = OF_RUN},
     "switched",
     "false",
     "AUR0201 cut short",
     "findings"},
    {"in place: rehearsed on a clone",
     {.clusters = {{"orders", CLUSTER("13.9", "available")},
                   {"orders-rehearsal", SIDE("cluster-C", "13.9", "upgrading",
                                             TAG("cluster", "orders") TAG("rehearsal-of", "cluster-A"))}},
      .instances = INSTANCES},
     "none",
     "true",
     NULL,
     "Wait for the apply that rehearses it"},
    {"roll-back: over, the upgraded cluster is aside",
     {.clusters = {{"orders", SIDE("cluster-R", "13.9", "available", "")}, {"orders-upgraded", ASIDE(BACK)}},
      .instances = INSTANCES,
      .snapshots = OVER},
     "rolled_back",
     "false",
     NULL,
     "apply stage = \"completed\""},
    {"roll-back: over, and restored once more by a call that came late",
     {.clusters = {{"orders", SIDE("cluster-R", "13.9", "available", "")},
                   {"orders-restored", STRAY("")},
                   {"orders-upgraded", ASIDE(BACK)}},
      .instances = INSTANCES,
      .snapshots = OVER},
     "rolled_back",
     "false",
     NULL,
     "apply stage = \"completed\""},
};

/* In plain words, in every moment of a roll-back: which cluster has the name, and what is where. */
static void test_situations(void **state)
{
    (void)state;
    static const struct {
        const char *row, *situation, *production, *new_side, *old_side;
    } rows[] = {
        {"nothing", "orders is in production on 13.9.", "orders", "", ""},
        {"in place: AWS upgrades", "refuses writes until that is over", "orders", "", ""},
        {"in place: switched, and the way back", "snapshot snap holds it as it was before", "orders", "", ""},
        {"roll-back: being restored", "orders is in production on 17.4, untouched", "orders",
         "orders-restored", ""},
        {"roll-back: cut short before the first name", "still the upgraded cluster, on 17.4", "orders",
         "orders-restored", ""},
        {"roll-back: nobody bears the name", "No cluster bears the name orders at this moment", "",
         "orders-restored", "orders-upgraded"},
        {"roll-back: over, the upgraded cluster is aside",
         "orders is in production on 13.9, as it was before", "orders", "", "orders-upgraded"},
        {"in place: rehearsed on a clone", "rehearsed on the clone orders-rehearsal (13.9, upgrading)",
         "orders", "", ""},
        {"switching", "AWS is switching orders over", "orders", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct status_row *row = status_rows;
        while (strcmp(row->name, rows[i].row) != 0)
            assert_true(++row < status_rows + ARRAY_LEN(status_rows));
        static struct stage s;
        const struct value *status = NULL;
        struct err e = ERR_INIT;
        print_message("    %s\n", row->name);
        open_stage(&s, &row->scene);
        assert_true(upgrade_status(&s.o, &status, &e));
        const char *said = value_as_text(value_get(status, "situation"), "");
        if (!strstr(said, rows[i].situation))
            fail_msg("situation: %s", said);
        assert_string_equal(value_as_text(value_path(status, "production.identifier"), ""),
                            rows[i].production);
        assert_string_equal(value_as_text(value_path(status, "new_side.identifier"), ""), rows[i].new_side);
        assert_string_equal(value_as_text(value_path(status, "old_side.identifier"), ""), rows[i].old_side);
        close_stage(&s);
    }
}

static void expect_finding(const struct value *status, const char *expected)
{
    const struct value *list = value_get(status, "findings");
    if (list->count != (expected ? 1U : 0U))
        fail_msg("%zu findings, the first: %s", list->count,
                 value_as_text(value_path(status, "findings.0.summary"), ""));
    if (!expected)
        return;
    const char *id = value_as_text(value_path(status, "findings.0.id"), "");
    const char *text = value_as_text(value_path(status, "findings.0.summary"), "");
    const char *next = value_as_text(value_path(status, "findings.0.next"), "");
    if (strncmp(expected, id, strlen(id)) != 0 || !strstr(text, expected + strlen(id) + 1))
        fail_msg("%s: %s", id, text);
    assert_true(*next != '\0');
    assert_null(strstr(next, "(Attribute"));
}

static void one_status(const struct status_row *row)
{
    static struct stage s;
    const struct value *status = NULL;
    struct err e = ERR_INIT;
    print_message("    %s\n", row->name);
    open_stage(&s, &row->scene);
    if (!upgrade_status(&s.o, &status, &e))
        fail_msg("%s", e.text);
    assert_string_equal(value_as_text(value_get(status, "reached_stage"), ""), row->stage);
    assert_string_equal(value_as_bool(value_get(status, "in_flight"), false) ? "true" : "false",
                        row->in_flight);
    expect_finding(status, row->finding);
    const char *next = value_as_text(value_get(status, "next"), "");
    if (!strstr(next, row->next))
        fail_msg("next: %s", next);
    close_stage(&s);
}

static void test_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(status_rows); i++)
        one_status(&status_rows[i]);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        struct scene scene;
        const char *id;
    } rows[] = {
        {{.clusters = {{NULL}}}, "AUR0101"},
        {{.clusters = {{"orders", "<Engine>aurora-mysql</Engine><Status>available</Status>"}}}, "AUR0102"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        static struct stage s;
        const struct value *status = NULL;
        struct err e = ERR_INIT;
        open_stage(&s, &rows[i].scene);
        assert_false(upgrade_status(&s.o, &status, &e));
        assert_string_equal(e.id ? e.id : "", rows[i].id);
        close_stage(&s);
    }
}

/* ---- leftovers ---- */

struct left_row {
    const char *name;
    struct scene scene;
    const char *expected; /* "remove deployment n, keep …"; walks follow as "; walk 17" */
};

static const struct left_row left_rows[] = {
    {"nothing", WITH("13.9", "available"), ""},
    {"groups of a run that failed early",
     WITH("13.9", "available", .cluster_groups = {"orders-upgrade-17"},
          .instance_groups = {"orders-upgrade-17-instance"}, .tags = OURS),
     "remove orders-upgrade-17, remove orders-upgrade-17-instance; walk 17"},
    {"groups named like ours, but not ours",
     WITH("13.9", "available", .cluster_groups = {"orders-upgrade-17"}, .tags = TAG("cluster", "orders2")),
     ""},
    {"a deployment of ours",
     WITH("13.9", "available", .deployments = DEPLOYMENT("orders", "", "AVAILABLE", OURS)),
     "remove n; walk 17"},
    {"a deployment that could not be built",
     WITH("13.9", "available", .deployments = DEPLOYMENT("orders", "", "INVALID_CONFIGURATION", OURS)),
     "remove n; walk 17"},
    {"a deployment made elsewhere, and a group of ours nobody uses",
     WITH("13.9", "available", .deployments = DEPLOYMENT("orders", "", "AVAILABLE", ""),
          .cluster_groups = {"orders-upgrade-15"}, .tags = OURS),
     "keep n, remove orders-upgrade-15"},
    {"a switchover under way",
     WITH("13.9", "available", .deployments = DEPLOYMENT("orders", "", "SWITCHOVER_IN_PROGRESS", OURS)),
     "keep n"},
    {"a deployment that AWS deletes",
     WITH("13.9", "available", .deployments = DEPLOYMENT("orders", "", "DELETING", OURS)), "keep orders"},
    {"switched: the old side stays, with its group; production's group is no leftover",
     {.clusters = {{"orders", CLUSTER("17.4", "available")}, {"orders-old1", OLD(TAG("old-of", "orders"))}},
      .instances = INSTANCES,
      .deployments = DEPLOYMENT("orders-old1", "orders", "SWITCHOVER_COMPLETED", OURS),
      .cluster_groups = {"orders-pg", "orders-upgrade-15"},
      .instance_groups = {"orders-upgrade-15-instance"},
      .tags = OURS},
     "keep n, keep orders-old1, remove orders-upgrade-15, remove orders-upgrade-15-instance"},
    {"completed: a snapshot, and a side that nobody claims",
     {.clusters = {{"orders", CLUSTER("17.4", "available")},
                   {"orders-old1", "<Engine>aurora-postgresql</Engine><Status>available</Status>"},
                   {"orders-older", "<Engine>aurora-postgresql</Engine><Status>available</Status>"}},
      .instances = INSTANCES,
      .snapshots = "<DBClusterSnapshot><DBClusterSnapshotIdentifier>orders-old1-final-cluster-b"
                   "</DBClusterSnapshotIdentifier><Status>available</Status></DBClusterSnapshot>"
                   "<DBClusterSnapshot><DBClusterSnapshotIdentifier>orders-old-mine"
                   "</DBClusterSnapshotIdentifier></DBClusterSnapshot>"},
     "decide orders-old1, keep orders-old1-final-cluster-b"},
    {"production still has our completed copy of its group",
     {.clusters = {{"orders", "<Engine>aurora-postgresql</Engine><EngineVersion>13.9</EngineVersion>"
                              "<Status>available</Status><DBClusterParameterGroup>orders-upgrade-13-source"
                              "</DBClusterParameterGroup>"}},
      .instances = INSTANCES,
      .cluster_groups = {"orders-upgrade-13-source"},
      .tags = OURS TAG("replaced-group", "orders-pg")},
     "remove orders-upgrade-13-source; walk 13"},
    {"in place: not upgraded yet", WITH("13.9", "available", .snapshots = OF_RUN), "remove snap; walk 17"},
    {"in place: AWS upgrades", WITH("13.9", "upgrading", .snapshots = OF_RUN), "keep snap"},
    {"in place: switched: the snapshot stays, and the group that a roll-back needs",
     WITH("17.4", "available", .snapshots = OF_RUN,
          .cluster_groups = {"orders-upgrade-13", "orders-upgrade-15"}, .tags = OURS),
     "keep orders-upgrade-13, remove orders-upgrade-15, keep snap"},
    {"in place: a copy of the snapshot is somebody's",
     WITH("17.4", "available",
          .snapshots = "<DBClusterSnapshot><DBClusterSnapshotIdentifier>mine</"
                       "DBClusterSnapshotIdentifier><TagList>" IN_PLACE TAG(
                           "snapshot", "snap") "</TagList></DBClusterSnapshot>"),
     ""},
    {"in place: the cluster is gone, its snapshot is not", {.snapshots = OF_RUN}, "keep snap"},
    {"a roll-back before names move is given up",
     {.clusters = {{"orders", CLUSTER("17.4", "available")}, {"orders-restored", RESTORED("creating", "")}},
      .instances = INSTANCES,
      .snapshots = OF_RUN},
     "remove orders-restored, keep snap; give up"},
    {"… but not without its snapshot",
     {.clusters = {{"orders", CLUSTER("17.4", "available")}, {"orders-restored", RESTORED("available", "")}},
      .instances = INSTANCES},
     "decide orders-restored"},
    {"… nor where names move",
     {.clusters = {{"orders", CLUSTER("17.4", "available")},
                   {"orders-restored", RESTORED("available", MOVES)}},
      .instances = INSTANCES,
      .snapshots = OF_RUN},
     "keep orders-restored, keep snap"},
    {"… nor where nobody bears the name",
     {.clusters = {{NULL},
                   {"orders-restored", RESTORED("available", MOVES)},
                   {"orders-upgraded", SIDE("cluster-A", "17.4", "available", "")}},
      .instances = INSTANCES,
      .snapshots = OF_RUN},
     "keep orders-restored, keep orders-upgraded, keep snap"},
    {"rolled back: what was put aside stays until completed",
     {.clusters = {{"orders", SIDE("cluster-R", "13.9", "available", "")}, {"orders-upgraded", ASIDE(BACK)}},
      .instances = INSTANCES,
      .snapshots = OVER},
     "keep orders-upgraded, keep snap"},
    {"rolled back, and restored once more by a call that came late",
     {.clusters = {{"orders", SIDE("cluster-R", "13.9", "available", "")},
                   {"orders-restored", STRAY("")},
                   {"orders-upgraded", ASIDE(BACK)}},
      .instances = INSTANCES,
      .snapshots = OVER},
     "remove orders-restored, keep orders-upgraded, keep snap; stray"},
    {"… while the first one takes its name",
     {.clusters = {{"orders", SIDE("cluster-R", "13.9", "available", "")},
                   {"orders-restored", STRAY("")},
                   {"orders-upgraded", ASIDE("")}},
      .instances = INSTANCES,
      .snapshots = OF_RUN},
     "keep orders, remove orders-restored, keep orders-upgraded, keep snap; stray"},
    {"… and somebody gave it an instance",
     {.clusters = {{"orders", SIDE("cluster-R", "13.9", "available", "")},
                   {"orders-restored", STRAY(BUSY)},
                   {"orders-upgraded", ASIDE(BACK)}},
      .instances = INSTANCES,
      .snapshots = OVER},
     "decide orders-restored, keep orders-upgraded, keep snap"},
    {"rolled back, and another roll-back's that replaces another cluster",
     {.clusters = {{"orders", SIDE("cluster-R", "13.9", "available", "")},
                   {"orders-restored", RESTORED("available", "")},
                   {"orders-upgraded", ASIDE(BACK)}},
      .instances = INSTANCES,
      .snapshots = OVER},
     "decide orders-restored, keep orders-upgraded, keep snap"},
    {"clusters named like sides of a roll-back, and nobody's",
     {.clusters = {{"orders", CLUSTER("17.4", "available")},
                   {"orders-upgraded", SIDE("cluster-X", "17.4", "available", "")},
                   {"orders-restored", SIDE("cluster-Y", "17.4", "available", "")}},
      .instances = INSTANCES},
     "decide orders-restored, decide orders-upgraded"},
    {"the cluster is gone, its groups are not",
     {.cluster_groups = {"orders-upgrade-17"}, .tags = OURS},
     "remove orders-upgrade-17"},
};

static const char *left_text(struct arena *a, const struct leftovers *l)
{
    const char *text = "";
    for (size_t i = 0; i < l->count; i++) {
        assert_true(*l->items[i].kind && *l->items[i].reason);
        text =
            arena_printf(a, "%s%s%s %s", text, i ? ", " : "", fate_name(l->items[i].fate), l->items[i].name);
    }
    if (l->has_stray)
        text = arena_printf(a, "%s; stray", text);
    if (l->gives_up)
        text = arena_printf(a, "%s; give up", text);
    for (size_t i = 0; i < l->major_count; i++)
        text = arena_printf(a, "%s; walk %d", text, l->majors[i]);
    return text;
}

static void test_leftovers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(left_rows); i++) {
        static struct stage s;
        struct err e = ERR_INIT;
        print_message("    %s\n", left_rows[i].name);
        open_stage(&s, &left_rows[i].scene);
        struct leftovers l = {.o = &s.o, .arena = s.arena};
        if (!leftovers_find(&l, &e))
            fail_msg("%s", e.text);
        assert_string_equal(left_text(s.arena, &l), left_rows[i].expected);
        close_stage(&s);
    }
}

/* A name that was mistyped is not a clean cluster. */
static void test_absent(void **state)
{
    (void)state;
    static struct stage s;
    const struct scene nothing = {.instances = NULL};
    struct err e = ERR_INIT;
    open_stage(&s, &nothing);
    struct leftovers l = {.o = &s.o, .arena = s.arena};
    assert_false(leftovers_find(&l, &e));
    assert_string_equal(e.id ? e.id : "", "AUR0101");
    close_stage(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),    cmocka_unit_test(test_situations), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_leftovers), cmocka_unit_test(test_absent),
    };
    return cmocka_run_group_tests_name("status and leftovers", tests, NULL, NULL);
}
