/* What one process writes down before an upgrade, and what another reads from it after it. */
#include "internal/base/testing.h"
#include "internal/upgrade/settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- the snapshot's tags ---- */

static struct {
    struct rds_tag tags[60];
    size_t n;
    int calls;
    char texts[60][2][300];
} kept;

const char *rds_tag_value(const struct rds_tags *t, const char *key)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->tags[i].key, key) == 0)
            return t->tags[i].value;
    return NULL;
}

bool is_users_tag(const struct rds_tag *t)
{
    return strncmp(t->key, "aurora-upgrade:", 15) != 0;
}

static void keep(const struct rds_tag *t)
{
    size_t i = 0;
    while (i < kept.n && strcmp(kept.tags[i].key, t->key) != 0)
        i++;
    assert_true(i < ARRAY_LEN(kept.tags));
    kept.n = i == kept.n ? kept.n + 1 : kept.n;
    (void)snprintf(kept.texts[i][0], sizeof kept.texts[i][0], "%s", t->key);
    (void)snprintf(kept.texts[i][1], sizeof kept.texts[i][1], "%s", t->value);
    kept.tags[i] = (struct rds_tag){kept.texts[i][0], kept.texts[i][1]};
}

bool rds_tag_add(const struct aws_session *s, const char *arn, struct rds_tags tags, struct err *e)
{
    (void)s;
    (void)e;
    assert_string_equal(arn, "arn:snapshot");
    kept.calls++;
    for (size_t i = 0; i < tags.count; i++) {
        assert_true(strlen(tags.tags[i].value) <= 256 && strlen(tags.tags[i].key) <= 128);
        assert_int_equal(strspn(tags.tags[i].value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                                    "0123456789_.:/=+-@"),
                         strlen(tags.tags[i].value));
        keep(&tags.tags[i]);
    }
    return true;
}

/* ---- a world ---- */

enum { INSTANCES_MAX = 60 };

struct shown {
    const char *cluster, *instance, *tags; /* members; user's tags as "k=v k=v" */
    size_t instances;
};

struct scene {
    struct arena *a;
    struct rds_cluster cluster;
    struct rds_instance list[INSTANCES_MAX];
    const struct rds_instance *pointers[INSTANCES_MAX];
    struct rds_snapshot snapshot;
    struct upgrade u;
};

static const struct xml *parsed(struct arena *a, const char *members)
{
    const struct xml *x = NULL;
    struct err e = ERR_INIT;
    if (!xml_parse(a, str_of(arena_printf(a, "<Object>%s</Object>", members)), &x, &e))
        fail_msg("%s", e.text);
    return x;
}

static struct rds_tags tags_of(struct arena *a, const char *text)
{
    struct rds_tag *list = ARENA_ARRAY(a, struct rds_tag, 8);
    size_t n = 0;
    for (char *rest = arena_strdup(a, text ? text : ""), *word; (word = strsep(&rest, " ")) && n < 8;) {
        char *equals = strchr(word, '=');
        if (!equals)
            continue;
        *equals = '\0';
        list[n++] = (struct rds_tag){word, equals + 1};
    }
    return (struct rds_tags){list, n};
}

static void set(struct scene *s, const struct shown *side)
{
    s->cluster = (struct rds_cluster){
        .identifier = "orders", .raw = parsed(s->a, side->cluster), .tags = tags_of(s->a, side->tags)};
    for (size_t i = 0; i < side->instances; i++) {
        s->list[i] = (struct rds_instance){.identifier = arena_printf(s->a, "orders-%zu", i),
                                           .raw = parsed(s->a, side->instance ? side->instance : "")};
        s->pointers[i] = &s->list[i];
    }
    s->snapshot =
        (struct rds_snapshot){.identifier = "snap", .arn = "arn:snapshot", .tags = {kept.tags, kept.n}};
    s->u = (struct upgrade){.look = s->a, .arena = s->a};
    s->u.world = (struct world){.production = &s->cluster,
                                .instances = s->pointers,
                                .instance_count = side->instances,
                                .snapshot = &s->snapshot,
                                .facts = &s->snapshot.tags};
}

static const char *difference(const struct shown *before, const struct shown *now)
{
    static char text[2000];
    struct scene s = {.a = arena_new()};
    struct lines found = {0};
    struct err e = ERR_INIT;
    memset(&kept, 0, sizeof kept);
    set(&s, before);
    assert_true(settings_write_down(&s.u, &e));
    set(&s, now);
    settings_compare_noted(&s.u, &found);
    text[0] = '\0';
    for (size_t i = 0; i < found.n; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? "; " : "",
                       found.items[i]);
    arena_free(s.a);
    return text;
}

static const struct {
    struct shown before, now;
    const char *found;
} rows[] = {
    {{"<Port>5432</Port>", NULL, NULL, 0}, {"<Port>5432</Port>", NULL, NULL, 0}, ""},
    {{"<Port>5432</Port>", NULL, NULL, 0},
     {"<Port>5433</Port>", NULL, NULL, 0},
     "orders: Port was another, is \"5433\""},
    {{"<BackupRetentionPeriod>7</BackupRetentionPeriod><StorageType>aurora-iopt1</StorageType>", NULL, NULL,
      0},
     {"<StorageType>aurora</StorageType>", NULL, NULL, 0},
     "orders: BackupRetentionPeriod was set, is not; orders: StorageType was set, is not"},
    {{"", NULL, NULL, 0},
     {"<DeletionProtection>true</DeletionProtection>", NULL, NULL, 0},
     "orders: DeletionProtection was not set, is \"true\""},
    /* What may differ: the version, its groups; false and 0 are nothing, a window's days have no case. */
    {{"<EngineVersion>13.23</EngineVersion><DBClusterParameterGroup>a</DBClusterParameterGroup>", NULL, NULL,
      0},
     {"<EngineVersion>17.6</EngineVersion><DBClusterParameterGroup>b</DBClusterParameterGroup>", NULL, NULL,
      0},
     ""},
    {{"<CopyTagsToSnapshot>false</CopyTagsToSnapshot>", NULL, NULL, 0}, {"", NULL, NULL, 0}, ""},
    {{"<PreferredBackupWindow>Sun:01</PreferredBackupWindow>", NULL, NULL, 0},
     {"<PreferredBackupWindow>sun:01</PreferredBackupWindow>", NULL, NULL, 0},
     ""},
    /* That counts only where the old side had it. */
    {{"", NULL, NULL, 0}, {"<DatabaseName>shop</DatabaseName>", NULL, NULL, 0}, ""},
    /* Nobody has heard of it. */
    {{"<NewFeature>on</NewFeature>", NULL, NULL, 0},
     {"<NewFeature>off</NewFeature>", NULL, NULL, 0},
     "orders: NewFeature was another, is \"off\""},
    /* A list is a set. */
    {{"<AvailabilityZones><Z>a</Z><Z>b</Z></AvailabilityZones>", NULL, NULL, 0},
     {"<AvailabilityZones><Z>b</Z><Z>a</Z></AvailabilityZones>", NULL, NULL, 0},
     ""},
    {{"", "<DBInstanceClass>db.r6g.large</DBInstanceClass>", NULL, 2},
     {"", "<DBInstanceClass>db.r6g.xlarge</DBInstanceClass>", NULL, 2},
     "orders-0: DBInstanceClass was another, is \"db.r6g.xlarge\"; orders-1: DBInstanceClass was another, is "
     "\"db.r6g.xlarge\""},
    /* The cluster's matter, not an instance's. */
    {{"", "<StorageEncrypted>true</StorageEncrypted>", NULL, 1}, {"", "", NULL, 1}, ""},
    {{"", "", NULL, 1}, {"", "", NULL, 0}, "instance orders-0 is not there any more"},
    {{"", "", NULL, 1}, {"", "", NULL, 2}, "orders-1: not compared, its settings were not written down"},
    {{"", NULL, "team=a env=prod", 0}, {"", NULL, "env=prod team=a aurora-upgrade:cluster=x", 0}, ""},
    {{"", NULL, "team=a env=prod", 0}, {"", NULL, "team=b env=prod", 0}, "orders: its tags were others"},
    {{"", NULL, "team=a", 0}, {"", NULL, NULL, 0}, "orders: its tags are missing"},
    {{"", NULL, NULL, 0}, {"", NULL, "team=a", 0}, "orders: its tags are new"},
};

static void another_process_finds_what_differs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(difference(&rows[i].before, &rows[i].now), rows[i].found) != 0)
            fail_msg("row %zu: %s", i, difference(&rows[i].before, &rows[i].now));
}

/* More than a tag holds: the first ones are compared, and what is not among them is not called new. */
static void too_many_members_are_cut(void **state)
{
    char before[4096] = "", now[4096] = "";
    (void)state;
    for (int i = 0; i < 60; i++) {
        (void)snprintf(before + strlen(before), sizeof before - strlen(before), "<M%d>x</M%d>", i, i);
        (void)snprintf(now + strlen(now), sizeof now - strlen(now), "<M%d>%s</M%d>", i,
                       i == 3 || i == 59 ? "y" : "x", i);
    }
    const struct shown was = {.cluster = before}, is = {.cluster = now};
    assert_string_equal(difference(&was, &is), "orders: M3 was another, is \"y\"");
}

/* A snapshot has fifty tags, some for later: instances beyond that are named as not compared. */
static void the_snapshot_keeps_room(void **state)
{
    const struct shown many = {.cluster = "", .instance = "", .instances = 50};
    (void)state;
    const char *found = difference(&many, &many);
    assert_int_equal(kept.n, 40);
    assert_non_null(strstr(found, "orders-39: not compared"));
    assert_null(strstr(found, "orders-38:"));
}

/* The call is repeated after a kill: what is there already is not written again, what has changed is. */
static void written_once_and_anew(void **state)
{
    struct scene s = {.a = arena_new()};
    struct err e = ERR_INIT;
    const struct shown first = {.cluster = "<Port>1</Port>", .instance = "", .instances = 1};
    const struct shown second = {.cluster = "<Port>2</Port>", .instance = "", .instances = 1};
    struct lines found = {0};
    (void)state;
    memset(&kept, 0, sizeof kept);
    for (int i = 0; i < 3; i++) {
        set(&s, i < 2 ? &first : &second);
        assert_true(settings_write_down(&s.u, &e));
    }
    assert_int_equal(kept.calls, 2);
    assert_int_equal(kept.n, 2);
    set(&s, &second);
    settings_compare_noted(&s.u, &found);
    assert_int_equal(found.n, 0);
    s.u.world.snapshot = NULL; /* a rehearsal's clone has none */
    assert_true(settings_write_down(&s.u, &e));
    settings_compare_noted(&s.u, &found);
    assert_int_equal(found.n + (size_t)kept.calls, 2);
    arena_free(s.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_process_finds_what_differs),
        cmocka_unit_test(too_many_members_are_cut),
        cmocka_unit_test(the_snapshot_keeps_room),
        cmocka_unit_test(written_once_and_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
