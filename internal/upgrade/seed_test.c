/* Snapshots that a clone is restored from: which one is used, and that none outlives it, whatever fails or
 * dies on the way. RDS and the databases are this file's own. */
#include "internal/base/testing.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SNAPSHOTS = 12, TAGS = 12, MADE_IN_MS = 90 * 1000 };
enum fault { FAULT_NONE, FAULT_BEFORE, FAULT_AFTER };
#define MINE  "arn:aws:kms:eu-central-1:123456789012:key/mine"
#define OTHER "arn:aws:kms:eu-central-1:123456789012:key/other"

struct snapshot {
    char id[80], key[80], status[16];
    int64_t made_ms;
    struct {
        char key[40], value[80];
    } tags[TAGS];
    size_t tag_count;
};

static struct {
    struct clock_fake clock;
    const char *key; /* of production; "": not encrypted */
    lsn_t slots[2];
    struct snapshot snapshots[SNAPSHOTS];
    size_t count;
    bool is_restored;
    char restored_from[80], sent[2048];
    int taken, copied, deleted;
    bool fails_to_make, refuses_key;
    char told[1024]; /* of the progress */
    int calls, fault_at;
    enum fault fault;
    bool dead;
} rds;

/* ---- RDS ---- */

static bool lost(struct err *e)
{
    return err_set(e, ERR_UNAVAILABLE, "the reply was lost");
}

static bool enter(struct err *e)
{
    rds.calls++;
    bool gone = rds.dead && rds.fault_at > 0 && rds.calls > rds.fault_at;
    return (!gone && !(rds.calls == rds.fault_at && rds.fault == FAULT_BEFORE)) || lost(e);
}

static bool leave(struct err *e)
{
    return rds.calls != rds.fault_at || rds.fault != FAULT_AFTER || lost(e);
}

const char *rds_tag_value(const struct rds_tags *t, const char *key)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->tags[i].key, key) == 0)
            return t->tags[i].value;
    return NULL;
}

static struct snapshot *find(const char *id)
{
    for (size_t i = 0; i < rds.count; i++)
        if (strcmp(rds.snapshots[i].id, id) == 0)
            return &rds.snapshots[i];
    return NULL;
}

static struct snapshot *add(const char *id, const char *key, const char *status, struct rds_tags tags)
{
    assert_true(rds.count < SNAPSHOTS && tags.count <= TAGS && !find(id));
    struct snapshot *p = &rds.snapshots[rds.count++];
    *p = (struct snapshot){.made_ms = rds.clock.mono, .tag_count = tags.count};
    (void)snprintf(p->id, sizeof p->id, "%s", id);
    (void)snprintf(p->key, sizeof p->key, "%s", key);
    (void)snprintf(p->status, sizeof p->status, "%s", status);
    for (size_t i = 0; i < tags.count; i++) {
        (void)snprintf(p->tags[i].key, sizeof p->tags[i].key, "%s", tags.tags[i].key);
        (void)snprintf(p->tags[i].value, sizeof p->tags[i].value, "%s", tags.tags[i].value);
    }
    return p;
}

static const char *status_of(struct snapshot *p)
{
    bool working = strcmp(p->status, "creating") == 0 || strcmp(p->status, "copying") == 0;
    if (working && rds.clock.mono >= p->made_ms + MADE_IN_MS)
        (void)snprintf(p->status, sizeof p->status, "%s", rds.fails_to_make ? "failed" : "available");
    return p->status;
}

static const char *shown_key(struct snapshot *p)
{
    return strcmp(status_of(p), "available") == 0 ? p->key : "";
}

static int percent_of(const struct snapshot *p)
{
    int64_t gone = rds.clock.mono - p->made_ms;
    return (int)(gone < MADE_IN_MS ? gone * 100 / MADE_IN_MS : 100);
}

static struct rds_tags shown_tags(struct arena *a, const struct snapshot *p)
{
    struct rds_tag *tags = ARENA_ARRAY(a, struct rds_tag, TAGS);
    for (size_t i = 0; i < p->tag_count; i++)
        tags[i] = (struct rds_tag){p->tags[i].key, p->tags[i].value};
    return (struct rds_tags){tags, p->tag_count};
}

bool rds_snapshot_list_of(const struct aws_session *s, const char *cluster, const struct rds_snapshot **ret,
                          size_t *ret_n, struct err *e)
{
    if (!enter(e))
        return false;
    assert_string_equal(cluster, "orders");
    struct rds_snapshot *list = ARENA_ARRAY(s->arena, struct rds_snapshot, SNAPSHOTS);
    for (size_t i = 0; i < rds.count; i++)
        list[i] = (struct rds_snapshot){.identifier = arena_strdup(s->arena, rds.snapshots[i].id),
                                        .status = arena_strdup(s->arena, status_of(&rds.snapshots[i])),
                                        .create_time = "2026-11-22T20:00:00Z", /* of copies, too */
                                        .engine_version = "13.23",
                                        .kms_key_id = shown_key(&rds.snapshots[i]),
                                        .percent = percent_of(&rds.snapshots[i]),
                                        .tags = shown_tags(s->arena, &rds.snapshots[i])};
    *ret = list;
    *ret_n = rds.count;
    return leave(e);
}

bool rds_snapshot_create(const struct aws_session *s, const char *id, const char *cluster,
                         struct rds_tags tags, struct err *e)
{
    (void)s;
    if (!enter(e))
        return false;
    assert_string_equal(cluster, "orders");
    rds.taken++;
    (void)add(id, rds.key, "creating", tags);
    return leave(e);
}

bool rds_snapshot_encrypt(const struct aws_session *s, const char *id, const char *copy,
                          const char *kms_key_id, struct rds_tags tags, struct err *e)
{
    (void)s;
    if (!enter(e))
        return false;
    if (rds.refuses_key) {
        (void)err_set(e, ERR_DENIED, "AWS refused it");
        return err_said(e, "KMSKeyNotAccessibleFault: The specified KMS key [%s] is not enabled", kms_key_id);
    }
    assert_true(strlen(copy) <= 63);
    assert_string_equal(status_of(find(id)), "available");
    assert_true(*find(id)->key != '\0'); /* AWS refuses it */
    rds.copied++;
    (void)add(copy, kms_key_id, "copying", tags);
    return leave(e);
}

bool rds_snapshot_delete(const struct aws_session *s, const char *id, struct err *e)
{
    struct snapshot *p = find(id);
    (void)s;
    if (!enter(e))
        return false;
    assert_non_null(p);
    assert_string_not_equal(status_of(p), "creating"); /* AWS refuses it */
    *p = rds.snapshots[--rds.count];
    rds.deleted++;
    return leave(e);
}

bool rds_cluster_restore(const struct aws_session *s, const struct aws_field *settings, struct rds_tags tags,
                         struct err *e)
{
    (void)s;
    (void)tags;
    if (!enter(e))
        return false;
    rds.is_restored = true;
    rds.sent[0] = '\0';
    for (; settings->name; settings++) {
        size_t n = strlen(rds.sent);
        (void)snprintf(rds.sent + n, sizeof rds.sent - n, "%s=%s;", settings->name, settings->value);
        if (strcmp(settings->name, "SnapshotIdentifier") == 0)
            (void)snprintf(rds.restored_from, sizeof rds.restored_from, "%s", settings->value);
    }
    assert_string_equal(status_of(find(rds.restored_from)), "available");
    return leave(e);
}

/* ---- the world, and the databases ---- */

static const char described[] =
    "<DBCluster><Port>6000</Port><DatabaseName>shop</DatabaseName>%s<AvailabilityZones><AvailabilityZone>a"
    "</AvailabilityZone><AvailabilityZone>b</AvailabilityZone></AvailabilityZones></DBCluster>";

bool world_look(struct upgrade *u, struct err *e)
{
    struct rds_cluster *k = ARENA_NEW(u->look, struct rds_cluster);
    const char *key = *rds.key ? arena_printf(u->look, "<KmsKeyId>%s</KmsKeyId>", rds.key) : "";
    const char *text = arena_printf(u->look, described, key);
    static const struct rds_cluster clone = {.identifier = "orders-next"};
    *k = (struct rds_cluster){.identifier = "orders",
                              .resource_id = "cluster-A",
                              .engine = "aurora-postgresql",
                              .engine_version = "13.23",
                              .parameter_group = "mine13",
                              .kms_key_id = rds.key};
    u->world = (struct world){.production = k, .green = rds.is_restored ? &clone : NULL};
    return xml_parse(u->look, (struct str){text, strlen(text)}, &k->raw, e);
}

bool world_need(struct upgrade *u, struct err *e)
{
    return world_look(u, e);
}

bool run_each_database(struct upgrade *u, enum side side, bool writable,
                       bool (*each)(struct upgrade *u, struct pg *c, const char *database, void *arg,
                                    struct err *e),
                       void *arg, struct err *e)
{
    assert_int_equal(side, SIDE_BLUE);
    assert_false(writable);
    return each(u, (struct pg *)&rds.slots[0], "app", arg, e) &&
           each(u, (struct pg *)&rds.slots[1], "shop", arg, e);
}

bool slot_start(struct upgrade *u, struct pg *source, lsn_t *ret, struct err *e)
{
    (void)u;
    (void)e;
    *ret = *(const lsn_t *)source;
    return true;
}

bool resolve_version(struct upgrade *u, struct err *e)
{
    (void)e;
    u->resolved_version = "17.6";
    return true;
}

bool is_available(const char *status)
{
    return strcmp(status, "available") == 0;
}

const struct rds_cluster *world_put_aside(const struct world *w)
{
    return w->old;
}

/* ---- one apply ---- */

static bool restored(struct upgrade *u, bool *ret, struct err *e)
{
    *ret = rds.is_restored;
    return world_look(u, e);
}

static bool restore(struct upgrade *u, struct err *e)
{
    return seed_restore(u, "orders-next", (struct rds_tags){0}, e);
}

/* As in provider/flow_logical_upgrade.c. */
static const struct step forward[] = {
    {.name = "taken", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .is_done = seed_taken, .run = seed_take},
    {.name = "ready", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .is_done = seed_ready},
    {.name = "copy", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .is_done = seed_copied, .run = seed_copy},
    {.name = "copied", .stage = STAGE_PREPARED, .kind = STEP_WAIT, .is_done = seed_copy_ready},
    {.name = "restored", .stage = STAGE_PREPARED, .kind = STEP_CHANGE, .is_done = restored, .run = restore},
    {.name = "removed",
     .stage = STAGE_PREPARED,
     .kind = STEP_CHANGE,
     .is_done = seeds_removed,
     .run = seeds_remove},
};
static const struct flow to_clone = {.name = "test", .steps = forward, .count = ARRAY_LEN(forward)};
static const struct flow removal = {.name = "test", .steps = &forward[ARRAY_LEN(forward) - 1], .count = 1};
static const struct strategy logical = {.resource = TAG_RESOURCE_LOGICAL};

static void note(void *arg, const char *step, const char *text)
{
    (void)arg;
    size_t n = strlen(rds.told);
    const char *is = strstr(text, " is ");
    assert_string_equal(step, "clone-snapshot");
    assert_non_null(is);
    (void)snprintf(rds.told + n, sizeof rds.told - n, "%s,", is + strlen(" is "));
}

/* One process: nothing is remembered from the one before. */
static bool walk(const struct flow *flow, const char *key, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct upgrade u = {.strategy = &logical, .arena = a, .look = a, .clock = &rds.clock.clock, .note = note};
    u.aws.arena = a;
    u.source_major = 13;
    u.request =
        (struct request){.cluster = "orders", .target = {17, 6}, .clones_by_snapshot = true, .kms_key = key};
    const struct flow_run r = {.flow = flow,
                               .u = &u,
                               .target = STAGE_PREPARED,
                               .clock = &rds.clock.clock,
                               .deadline_ms = rds.clock.mono + 3600 * 1000,
                               .poll_ms = 1000};
    *e = (struct err)ERR_INIT;
    return world_look(&u, e) && flow_apply(&r, NULL, e);
}

static void must_walk(const struct flow *flow, const char *key)
{
    struct err e;
    if (!walk(flow, key, &e))
        fail_msg("%s: %s", flow->count > 1 ? "to the clone" : "removal", e.text);
}

static int fresh(void **state)
{
    (void)state;
    memset(&rds, 0, sizeof rds);
    clock_fake_init(&rds.clock, 1795000000000);
    rds.key = MINE;
    rds.slots[0] = 0x100;
    rds.slots[1] = 0x200;
    return 0;
}

/* ---- what is made ---- */

static void the_key_decides_what_is_made(void **state)
{
    static const struct {
        const char *production, *asked, *sent;
        int copies;
    } rows[] = {
        {MINE, NULL, "KmsKeyId=" MINE ";", 0},
        {MINE, MINE, "KmsKeyId=" MINE ";", 0},
        {MINE, OTHER, "KmsKeyId=" OTHER ";", 1},
        {"", OTHER, "KmsKeyId=" OTHER ";", 0},
        {"", NULL, NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        (void)fresh(state);
        rds.key = rows[i].production;
        must_walk(&to_clone, rows[i].asked);
        assert_int_equal(rds.taken, 1);
        assert_int_equal(rds.copied, rows[i].copies);
        assert_int_equal(strstr(rds.restored_from, "-copy") != NULL, rows[i].copies);
        if (rows[i].sent)
            assert_non_null(strstr(rds.sent, rows[i].sent));
        else
            assert_null(strstr(rds.sent, "KmsKeyId"));
        assert_int_equal(rds.count, 0);
        assert_int_equal(rds.deleted, 1 + rows[i].copies);
    }
}

/* Each would be a default of AWS's own. */
static void a_restore_is_told_what_it_would_choose(void **state)
{
    (void)state;
    static const char *const told[] = {"DBClusterIdentifier=orders-next;",
                                       "EngineVersion=13.23;",
                                       "DBClusterParameterGroupName=mine13;",
                                       "DeletionProtection=true;",
                                       "Port=6000;",
                                       "DatabaseName=shop;",
                                       "AvailabilityZones.AvailabilityZone.1=a;",
                                       "AvailabilityZones.AvailabilityZone.2=b;"};
    must_walk(&to_clone, OTHER);
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        if (!strstr(rds.sent, told[i]))
            fail_msg("%s is not in %s", told[i], rds.sent);
}

static void a_wait_tells_how_far_it_is(void **state)
{
    (void)state;
    must_walk(&to_clone, OTHER);
    assert_non_null(strstr(rds.told, "creating: 10 %,creating: 20 %,"));
    assert_non_null(strstr(rds.told, "copying: 90 %,"));
    assert_null(strstr(rds.told, "100 %"));
}

/* ---- what fails on the way ---- */

static void sweep(enum fault fault, bool dead)
{
    (void)fresh(NULL);
    must_walk(&to_clone, OTHER);
    int calls = rds.calls;
    assert_true(calls > 10);
    for (int i = 1; i <= calls; i++) {
        struct err e;
        (void)fresh(NULL);
        rds.fault = fault;
        rds.fault_at = i;
        rds.dead = dead;
        assert_false(walk(&to_clone, OTHER, &e));
        rds.fault_at = 0;
        must_walk(&to_clone, OTHER);
        assert_int_equal(rds.taken, 1);
        assert_int_equal(rds.copied, 1);
        assert_non_null(strstr(rds.restored_from, "-copy"));
        assert_int_equal(rds.count, 0);
    }
}

static void every_call_may_fail(void **state)
{
    (void)state;
    sweep(FAULT_BEFORE, false);
    sweep(FAULT_AFTER, false);
}

static void the_process_may_die_at_every_call(void **state)
{
    (void)state;
    sweep(FAULT_BEFORE, true);
    sweep(FAULT_AFTER, true);
}

/* Given up wherever it stands: nothing is left, and of a snapshot that is being made the end is waited for.
 */
static void a_roll_back_finds_what_there_is(void **state)
{
    (void)fresh(state);
    must_walk(&to_clone, OTHER);
    int calls = rds.calls;
    for (int i = 1; i <= calls; i++) {
        struct err e;
        (void)fresh(state);
        rds.fault = FAULT_AFTER;
        rds.fault_at = i;
        rds.dead = true;
        assert_false(walk(&to_clone, OTHER, &e));
        rds.fault_at = 0;
        must_walk(&removal, NULL);
        assert_int_equal(rds.count, 0);
    }
}

static void die_behind_the_snapshot(void)
{
    struct err e;
    rds.fault = FAULT_AFTER;
    rds.fault_at = 3; /* behind the call that makes it */
    rds.dead = true;
    assert_false(walk(&to_clone, NULL, &e));
    assert_int_equal(rds.taken, 1);
    rds.fault_at = 0;
    rds.clock.wall += 60000;
}

static void one_before_the_slots_is_never_used(void **state)
{
    char stale[80];
    (void)fresh(state);
    die_behind_the_snapshot();
    (void)snprintf(stale, sizeof stale, "%s", rds.snapshots[0].id);
    rds.slots[1] = 0x300; /* one slot was made again */
    must_walk(&to_clone, NULL);
    assert_int_equal(rds.taken, 2);
    assert_string_not_equal(rds.restored_from, stale);
    assert_int_equal(rds.count, 0);
}

/* That bore the name before: not used, and removed. */
static void one_of_another_cluster_is_not_used(void **state)
{
    (void)fresh(state);
    die_behind_the_snapshot();
    struct snapshot *p = &rds.snapshots[0];
    for (size_t i = 0; i < p->tag_count; i++)
        if (strcmp(p->tags[i].key, TAG_CLONE_OF) == 0)
            (void)snprintf(p->tags[i].value, sizeof p->tags[i].value, "cluster-B");
    must_walk(&to_clone, NULL);
    assert_int_equal(rds.taken, 2);
    assert_int_equal(rds.count, 0);
}

static void what_failed_is_told_and_made_anew(void **state)
{
    static const char *const keys[] = {NULL, OTHER};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct err e;
        (void)fresh(state);
        rds.fails_to_make = true;
        assert_false(walk(&to_clone, keys[i], &e));
        assert_string_equal(e.id, "AUR0227");
        rds.clock.wall += 60000;
        rds.fails_to_make = false;
        must_walk(&to_clone, keys[i]);
        assert_int_equal(rds.taken, 2);
        assert_int_equal(rds.count, 0);
    }
}

/* While it is made AWS need not show the key. Asked for another one since: that copy is not used. */
static void a_copy_is_known_by_the_key_asked_for(void **state)
{
    struct err e;
    (void)fresh(state);
    rds.fault = FAULT_AFTER;
    rds.dead = true;
    for (rds.fault_at = 1; rds.copied == 0; rds.fault_at++) {
        int at = rds.fault_at;
        (void)fresh(state);
        rds.fault = FAULT_AFTER;
        rds.dead = true;
        rds.fault_at = at;
        assert_false(walk(&to_clone, OTHER, &e));
    }
    rds.fault_at = 0;
    rds.clock.wall += 60000;
    must_walk(&to_clone, MINE "-too");
    assert_int_equal(rds.copied, 2);
    assert_non_null(strstr(rds.sent, "KmsKeyId=" MINE "-too;"));
    assert_int_equal(rds.count, 0);
}

static void a_failed_copy_is_made_anew(void **state)
{
    struct err e;
    (void)fresh(state);
    rds.refuses_key = true;
    assert_false(walk(&to_clone, OTHER, &e));
    assert_int_equal(e.code, ERR_DENIED);
    assert_non_null(strstr(e.said, "KMSKeyNotAccessibleFault"));
    rds.refuses_key = false;
    rds.fails_to_make = true; /* the snapshot is there already */
    assert_false(walk(&to_clone, OTHER, &e));
    assert_string_equal(e.id, "AUR0227");
    assert_non_null(strstr(e.text, "the copy of the snapshot"));
    rds.fails_to_make = false;
    rds.clock.wall += 60000;
    must_walk(&to_clone, OTHER);
    assert_int_equal(rds.taken, 1);
    assert_int_equal(rds.copied, 2);
    assert_int_equal(rds.count, 0);
}

/* ---- what is not ours ---- */

#define OF(resource, name)                                                                                   \
    {TAG_CLUSTER, "orders"}, {TAG_RESOURCE, resource}, {TAG_SNAPSHOT, name},                                 \
    {                                                                                                        \
        TAG_CLONE_OF, "cluster-A"                                                                            \
    }

static void others_are_left_alone(void **state)
{
    static const struct rds_tag none[] = {{"team", "shop"}};
    static const struct rds_tag copy[] = {OF(TAG_RESOURCE_LOGICAL, "orders-next-1")};
    static const struct rds_tag in_place[] = {OF(TAG_RESOURCE_IN_PLACE, "orders-upgrade")};
    static const struct rds_tag of_clone[] = {{TAG_CLUSTER, "orders"}, {TAG_RESOURCE, TAG_RESOURCE_LOGICAL}};
    (void)fresh(state);
    (void)add("mine", MINE, "available", (struct rds_tags){none, 1});
    (void)add("somebodys-copy", MINE, "available", (struct rds_tags){copy, ARRAY_LEN(copy)});
    (void)add("orders-upgrade", MINE, "available", (struct rds_tags){in_place, ARRAY_LEN(in_place)});
    (void)add("by-tags-of-the-cluster", MINE, "available", (struct rds_tags){of_clone, ARRAY_LEN(of_clone)});
    must_walk(&to_clone, OTHER);
    assert_int_equal(rds.deleted, 2);
    assert_int_equal(rds.count, 4);
    must_walk(&removal, NULL);
    assert_int_equal(rds.count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_decides_what_is_made),
        cmocka_unit_test_setup(a_restore_is_told_what_it_would_choose, fresh),
        cmocka_unit_test_setup(a_wait_tells_how_far_it_is, fresh),
        cmocka_unit_test(every_call_may_fail),
        cmocka_unit_test(the_process_may_die_at_every_call),
        cmocka_unit_test(a_roll_back_finds_what_there_is),
        cmocka_unit_test(one_before_the_slots_is_never_used),
        cmocka_unit_test(what_failed_is_told_and_made_anew),
        cmocka_unit_test(a_copy_is_known_by_the_key_asked_for),
        cmocka_unit_test(a_failed_copy_is_made_anew),
        cmocka_unit_test(others_are_left_alone),
        cmocka_unit_test(one_of_another_cluster_is_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
