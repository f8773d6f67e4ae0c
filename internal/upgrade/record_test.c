/* A record of Route 53 through a switch, there and back, over a zone that is one record: cut short at every
 * call, changed by others in between, and what is refused. */
#include "internal/upgrade/record.h"

#include "internal/aws/aws.h"
#include "internal/base/testing.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OLD   "orders.cluster-1.eu-central-1.rds.amazonaws.com"
#define CLONE "orders-next.cluster-1.eu-central-1.rds.amazonaws.com"
#define OTHER "elsewhere.example.net"

enum { PROPAGATION_MS = 30 * 1000, TAGS_MAX = 8, CALLS_MAX = 200, LATER_MS = 3600 * 1000 };
#define BEGAN_MS 1767571200000LL /* 2026-01-05T00:00:00Z */

enum cut { CUT_NONE, CUT_BEFORE, CUT_AFTER };

static struct {
    struct clock_fake clock;
    char value[300];
    int ttl; /* < 0: there is no record */
    const char *type, *more, *zone;
    int changes;
    int64_t changed_ms;
    bool switched, returned;
    struct {
        char key[64], value[260];
    } tags[TAGS_MAX];
    size_t tag_count;

    int calls, cut_at;
    enum cut cut;
    bool is_dead;        /* nothing goes through after cut_at */
    const char *rival;   /* leads the record there right before the next change */
    int rival_ttl;       /* or gives it this time to live; 0: does not */
    const char *refusal; /* code of the next changes */
    enum err_code refused_as;
    int refusals;
} aws;

static struct rds_tag shown[TAGS_MAX];
static struct rds_tags shown_tags;
static struct rds_cluster left, arriving;

/* ---- AWS ---- */

static bool enter(struct err *e)
{
    aws.calls++;
    if (aws.cut_at &&
        ((aws.calls == aws.cut_at && aws.cut == CUT_BEFORE) || (aws.calls > aws.cut_at && aws.is_dead)))
        return err_set(e, ERR_UNAVAILABLE, "call %d: the connection broke", aws.calls);
    return true;
}

static bool leave(struct err *e)
{
    return aws.calls != aws.cut_at || aws.cut != CUT_AFTER ||
           err_set(e, ERR_UNAVAILABLE, "call %d: the reply was lost", aws.calls);
}

static bool refuse(struct err *e, enum err_code code, const char *remote_code)
{
    (void)err_set(e, code, "AWS refused it");
    (void)snprintf(e->remote_code, sizeof e->remote_code, "%s", remote_code);
    return false;
}

static bool answer(const struct aws_session *s, const char *text, const struct xml **ret, struct err *e)
{
    if (!xml_parse(s->arena, str_of(text), ret, NULL))
        fail_msg("%s", text);
    return leave(e);
}

/* A batch of DELETE and CREATE, as Route 53 takes it. */
static bool carry_out(const struct aws_rest *request, struct arena *a, struct err *e)
{
    const struct xml *root = NULL;
    if (!xml_parse(a, request->body, &root, NULL))
        fail_msg("%.*s", (int)request->body.n, request->body.p);
    const struct xml *list = xml_find(root, "ChangeBatch/Changes"), *first = xml_child(list, "Change", NULL),
                     *second = xml_child(list, "Change", first);
    static const char at[] = "ResourceRecordSet/ResourceRecords/ResourceRecord/Value";
    assert_string_equal(xml_text(first, "Action", ""), "DELETE");
    assert_string_equal(xml_text(second, "Action", ""), "CREATE");
    if (aws.rival)
        (void)snprintf(aws.value, sizeof aws.value, "%s", aws.rival);
    if (aws.rival_ttl)
        aws.ttl = aws.rival_ttl;
    aws.rival = NULL;
    aws.rival_ttl = 0;
    if (strcmp(xml_text(first, at, ""), aws.value) != 0 ||
        strtol(xml_text(first, "ResourceRecordSet/TTL", ""), NULL, 10) != aws.ttl)
        return refuse(e, ERR_CONFLICT, "InvalidChangeBatch");
    (void)snprintf(aws.value, sizeof aws.value, "%s", xml_text(second, at, ""));
    aws.ttl = (int)strtol(xml_text(second, "ResourceRecordSet/TTL", ""), NULL, 10);
    aws.changes++;
    aws.changed_ms = aws.clock.mono;
    if (strcmp(aws.value, OLD) != 0 && strcmp(aws.value, CLONE) != 0)
        fail_msg("led to %s", aws.value);
    if (!aws.switched)
        assert_string_equal(aws.value, OLD); /* nobody is led to a side that takes no writes */
    return true;
}

static bool change(const struct aws_session *s, const struct aws_rest *request, const struct xml **ret,
                   struct err *e)
{
    if (aws.refusals > 0) {
        aws.refusals--;
        return refuse(e, aws.refused_as, aws.refusal);
    }
    return carry_out(request, s->arena, e) &&
           answer(s,
                  arena_printf(s->arena, "<R><ChangeInfo><Id>/change/C%d</Id></ChangeInfo></R>", aws.changes),
                  ret, e);
}

static const char *record_text(struct arena *a)
{
    if (aws.ttl < 0)
        return "<R><ResourceRecordSets/></R>";
    return arena_printf(
        a,
        "<R><ResourceRecordSets><ResourceRecordSet><Name>db.example.com.</Name><Type>%s</Type>"
        "<TTL>%d</TTL><ResourceRecords><ResourceRecord><Value>%s</Value></ResourceRecord>"
        "</ResourceRecords>%s</ResourceRecordSet></ResourceRecordSets></R>",
        aws.type, aws.ttl, aws.value, aws.more);
}

bool aws_rest(const struct aws_session *s, const char *service, const char *action,
              const struct aws_rest *request, const struct xml **ret, struct err *e)
{
    assert_string_equal(service, "route53");
    if (!enter(e))
        return false;
    if (strcmp(action, "ChangeResourceRecordSets") == 0)
        return change(s, request, ret, e);
    if (strcmp(action, "ListResourceRecordSets") == 0)
        return answer(s, record_text(s->arena), ret, e);
    if (strcmp(action, "GetHostedZone") == 0 && !aws.zone)
        return refuse(e, ERR_NOT_FOUND, "NoSuchHostedZone");
    if (strcmp(action, "GetHostedZone") == 0)
        return answer(
            s, arena_printf(s->arena, "<R><HostedZone><Id>Z1</Id><Name>%s</Name></HostedZone></R>", aws.zone),
            ret, e);
    assert_string_equal(action, "GetChange");
    bool done =
        strtol(request->id + 1, NULL, 10) < aws.changes || aws.clock.mono >= aws.changed_ms + PROPAGATION_MS;
    return answer(s,
                  done ? "<R><ChangeInfo><Status>INSYNC</Status></ChangeInfo></R>"
                       : "<R><ChangeInfo><Status>PENDING</Status></ChangeInfo></R>",
                  ret, e);
}

/* ---- the domain around it ---- */

bool world_look(struct upgrade *u, struct err *e)
{
    if (!enter(e))
        return false;
    for (size_t i = 0; i < aws.tag_count; i++)
        shown[i] = (struct rds_tag){aws.tags[i].key, aws.tags[i].value};
    shown_tags = (struct rds_tags){shown, aws.tag_count};
    left = (struct rds_cluster){.identifier = "orders", .endpoint = OLD};
    arriving = (struct rds_cluster){.identifier = "orders-next", .endpoint = CLONE};
    struct world *w = &u->world;
    *w = (struct world){.facts = &shown_tags, .names_stay = aws.switched};
    w->production = aws.switched && !aws.returned ? &arriving : &left;
    w->green = aws.switched ? NULL : &arriving;
    w->old = aws.switched && !aws.returned ? &left : NULL;
    w->aside = aws.returned ? &arriving : NULL;
    return leave(e);
}

bool world_need(struct upgrade *u, struct err *e)
{
    return world_look(u, e);
}

bool tag_run(struct upgrade *u, const char *key, const char *value, struct err *e)
{
    (void)u;
    if (!enter(e))
        return false;
    size_t i = 0;
    while (i < aws.tag_count && strcmp(aws.tags[i].key, key) != 0)
        i++;
    assert_true(i < TAGS_MAX);
    aws.tag_count += i == aws.tag_count;
    (void)snprintf(aws.tags[i].key, sizeof aws.tags[i].key, "%s", key);
    (void)snprintf(aws.tags[i].value, sizeof aws.tags[i].value, "%s", value);
    return leave(e);
}

/* ---- the rows, as the tables have them ---- */

static void say(const struct upgrade *u, struct buf *out)
{
    (void)u;
    (void)buf_puts(out, "Does it.");
}

#define POINT_OF_NO_RETURN(flag)                                                                             \
    static bool is_##flag(struct upgrade *u, bool *ret, struct err *e)                                       \
    {                                                                                                        \
        *ret = aws.flag;                                                                                     \
        return u && e;                                                                                       \
    }                                                                                                        \
    static bool be_##flag(struct upgrade *u, struct err *e)                                                  \
    {                                                                                                        \
        return (aws.flag = u && e);                                                                          \
    }
POINT_OF_NO_RETURN(switched)
POINT_OF_NO_RETURN(returned)

#define ROW(n, s, k)                                                                                         \
    .name = (n), .stage = STAGE_##s, .kind = STEP_##k, .duration = "seconds", .describe = say,               \
    .equivalent = say
static const struct step forward[] = {
    {ROW("check-record", SWITCHED, CHECK), .is_done = record_check},
    {ROW("record-ttl", SWITCHED, CHANGE), .is_done = record_ttl_lowered, .run = record_ttl_lower},
    {ROW("record-ttl-in-sync", SWITCHED, WAIT), .is_done = record_ttl_in_sync},
    {ROW("record-ttl-noted", SWITCHED, CHANGE), .is_done = record_ttl_noted, .run = record_ttl_note},
    {ROW("record-ttl-passed", SWITCHED, WAIT), .is_done = record_ttl_passed, .fits = record_ttl_fits},
    {ROW("check-record-again", SWITCHED, CHECK), .is_done = record_check_again},
    {ROW("switch", SWITCHED, NO_RETURN), .is_done = is_switched, .run = be_switched},
    {ROW("record-moved", SWITCHED, CHANGE), .is_done = record_moved, .run = record_move},
    {ROW("record-in-sync", SWITCHED, WAIT), .is_done = record_move_in_sync},
    {ROW("record-ttl-restored", COMPLETED, CHANGE), .is_done = record_ttl_restored,
     .run = record_ttl_restore},
};
static const struct step back[] = {
    {ROW("switch-back", ROLLED_BACK, NO_RETURN), .is_done = is_returned, .run = be_returned},
    {ROW("record-returned", ROLLED_BACK, CHANGE), .is_done = record_returned, .run = record_return},
    {ROW("record-return-in-sync", ROLLED_BACK, WAIT), .is_done = record_return_in_sync},
};
static const struct step undo[] = {
    {ROW("record-ttl-restored", ROLLED_BACK, CHANGE), .is_done = record_ttl_restored,
     .run = record_ttl_restore},
};
static const struct flow there = {"there", forward, ARRAY_LEN(forward)},
                         again = {"back", back, ARRAY_LEN(back)}, undone = {"undo", undo, ARRAY_LEN(undo)};

/* ---- a walk ---- */

static void begin(int ttl)
{
    memset(&aws, 0, sizeof aws);
    clock_fake_init(&aws.clock, BEGAN_MS);
    aws.ttl = ttl;
    aws.type = "CNAME";
    aws.more = "";
    aws.zone = "example.com.";
    (void)snprintf(aws.value, sizeof aws.value, "%s", OLD);
}

static struct upgrade ready(struct arena *a)
{
    return (struct upgrade){
        .arena = a,
        .look = a,
        .aws = {.arena = a},
        .clock = &aws.clock.clock,
        .request = {.cluster = "orders",
                    .keeps_names = true,
                    .record = {.is_led = true, .zone = "Z1", .name = "db.example.com", .ttl = 5}}};
}

static bool walk_for(const struct flow *f, enum flow_stage target, int64_t ms, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct upgrade u = ready(a);
    struct flow_run r = {.flow = f,
                         .u = &u,
                         .target = target,
                         .clock = &aws.clock.clock,
                         .deadline_ms = aws.clock.mono + ms,
                         .poll_ms = 1000};
    *e = (struct err)ERR_INIT;
    return flow_apply(&r, NULL, e);
}

static void must(const struct flow *f, enum flow_stage target)
{
    struct err e;
    if (!walk_for(f, target, LATER_MS, &e))
        fail_msg("%s: %s", f->name, e.text);
}

static void must_fail(const struct flow *f, enum flow_stage target, const char *id, const char *text)
{
    struct err e;
    assert_false(walk_for(f, target, LATER_MS, &e));
    if (!e.id || strcmp(e.id, id) != 0 || !strstr(e.text, text))
        fail_msg("%s: %s", e.id ? e.id : "no id", e.text);
}

static void expect(const char *value, int ttl)
{
    assert_string_equal(aws.value, value);
    assert_int_equal(aws.ttl, ttl);
}

/* ---- tests ---- */

static void test_tables(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct upgrade u = ready(a);
    const struct flow *const flows[] = {&there, &again, &undone};
    for (size_t i = 0; i < ARRAY_LEN(flows); i++)
        assert_true(flow_check(flows[i], &u, NULL));
}

static void test_there(void **state)
{
    (void)state;
    begin(300);
    must(&there, STAGE_SWITCHED);
    expect(CLONE, 5);
    /* lowered, known everywhere, the old answer gone, then led, known everywhere */
    assert_in_range(aws.clock.mono, 2 * PROPAGATION_MS + 300 * 1000, 2 * PROPAGATION_MS + 310 * 1000);
    must(&there, STAGE_SWITCHED);
    assert_int_equal(aws.changes, 2);
    must(&there, STAGE_COMPLETED);
    expect(CLONE, 300);
    must(&there, STAGE_COMPLETED);
    assert_int_equal(aws.changes, 3);
}

static void test_undone_before_the_switch(void **state)
{
    (void)state;
    struct err e;
    begin(300);
    assert_false(walk_for(&there, STAGE_SWITCHED, PROPAGATION_MS + 5000, &e));
    assert_int_equal(e.code, ERR_PAUSED);
    assert_string_equal(e.id, "AUR0242");
    assert_non_null(strstr(e.text, "db.example.com until 2026-01-05T00:05:3"));
    expect(OLD, 5);
    must(&undone, STAGE_ROLLED_BACK);
    expect(OLD, 300);
}

/* It is changed all the same: by what is there already. */
static void test_a_low_time_to_live(void **state)
{
    (void)state;
    begin(2);
    must(&there, STAGE_COMPLETED);
    expect(CLONE, 2);
    assert_int_equal(aws.changes, 2);
    assert_true(aws.clock.mono < 3 * PROPAGATION_MS);
}

/* The process dies at the n-th call, before or behind its effect; or the call alone is lost. */
static void cut_at_every_call(const struct flow *f, enum flow_stage target, void (*prepare)(void),
                              const char *value, int ttl)
{
    prepare();
    aws.calls = 0;
    must(f, target);
    int all = aws.calls;
    assert_in_range(all, 3, CALLS_MAX);
    for (int n = 1; n <= all; n++)
        for (int dead = 0; dead < 2; dead++)
            for (enum cut cut = CUT_BEFORE; cut <= CUT_AFTER; cut++) {
                struct err e;
                prepare();
                aws.calls = 0;
                aws.cut_at = n;
                aws.cut = cut;
                aws.is_dead = dead;
                bool ended = walk_for(f, target, LATER_MS, &e);
                aws.cut_at = 0;
                if (!ended && e.code != ERR_UNAVAILABLE)
                    fail_msg("call %d: %s", n, e.text);
                must(f, target);
                expect(value, ttl);
            }
}

static void before_all(void)
{
    begin(20);
}

static void behind_the_switch(void)
{
    begin(20);
    must(&there, STAGE_SWITCHED);
}

static void test_cut_short(void **state)
{
    (void)state;
    cut_at_every_call(&there, STAGE_SWITCHED, before_all, CLONE, 5);
    cut_at_every_call(&there, STAGE_COMPLETED, before_all, CLONE, 20);
    cut_at_every_call(&again, STAGE_ROLLED_BACK, behind_the_switch, OLD, 20);
}

/* ---- others ---- */

static void test_led_elsewhere(void **state)
{
    (void)state;
    begin(300);
    must(&there, STAGE_SWITCHED);
    (void)snprintf(aws.value, sizeof aws.value, "%s", OTHER);
    must_fail(&again, STAGE_ROLLED_BACK, "AUR0241", "leads to " OTHER);
    expect(OTHER, 5);
    (void)snprintf(aws.value, sizeof aws.value, "%s", OLD); /* by hand */
    aws.ttl = 60;
    must(&again, STAGE_ROLLED_BACK);
    expect(OLD, 300);
}

/* Between the look and the change. */
static void test_rivals(void **state)
{
    (void)state;
    begin(300);
    aws.rival_ttl = 120;
    must(&there, STAGE_SWITCHED);
    expect(CLONE, 5);
    begin(300);
    aws.rival = OTHER;
    must_fail(&there, STAGE_SWITCHED, "AUR0241", OTHER);
    expect(OTHER, 300);
    assert_int_equal(aws.changes, 0);
    assert_false(aws.switched);
}

/* Before the switch: it is lowered, and waited out, again. */
static void test_raised_again(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct upgrade u = ready(a);
    struct err e;
    bool passes = false;
    begin(300);
    assert_false(walk_for(&there, STAGE_SWITCHED, PROPAGATION_MS + 5000, &e));
    aws.ttl = 300;
    e = (struct err)ERR_INIT;
    assert_false(record_check_again(&u, &passes, &e) && passes);
    assert_string_equal(e.id, "AUR0241");
    int64_t raised = aws.clock.mono;
    must(&there, STAGE_SWITCHED);
    expect(CLONE, 5);
    assert_true(aws.clock.mono >= raised + 300 * 1000 + 2 * PROPAGATION_MS);
    must(&there, STAGE_COMPLETED);
    expect(CLONE, 300);
}

/* What somebody has made of the record stays: nothing is put back over it. */
static void test_nothing_is_put_back_over_others(void **state)
{
    (void)state;
    begin(300);
    must(&there, STAGE_SWITCHED);
    aws.ttl = 60;
    must(&there, STAGE_COMPLETED);
    expect(CLONE, 60);
    begin(300);
    must(&there, STAGE_SWITCHED);
    (void)snprintf(aws.value, sizeof aws.value, "%s", OTHER);
    must(&there, STAGE_COMPLETED);
    expect(OTHER, 5);
    begin(300);
    must(&there, STAGE_SWITCHED);
    aws.ttl = -1;
    must(&there, STAGE_COMPLETED);
}

static const struct {
    const char *code;
    enum err_code as;
    int times;
    bool passes;
} refusals[] = {
    {"PriorRequestNotComplete", ERR_CONFLICT, 5, true},
    {"InvalidChangeBatch", ERR_CONFLICT, 1000, false},
    {"InternalFailure", ERR_UNAVAILABLE, 5, true},
    {"AccessDenied", ERR_DENIED, 1, false},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct err e;
        begin(300);
        aws.refusal = refusals[i].code;
        aws.refused_as = refusals[i].as;
        aws.refusals = refusals[i].times;
        bool passes = walk_for(&there, STAGE_SWITCHED, LATER_MS, &e);
        if (passes != refusals[i].passes || (!passes && strcmp(e.remote_code, refusals[i].code) != 0))
            fail_msg("%s: %s", refusals[i].code, e.text);
        assert_int_equal(aws.switched, passes);
    }
}

static const struct {
    const char *zone, *type, *more, *value;
    int ttl;
    const char *said;
} unsuitable[] = {
    {NULL, "CNAME", "", OLD, 300, "there is no hosted zone Z1"},
    {"example.org.", "CNAME", "", OLD, 300, "is no name below example.org."},
    {"ample.com.", "CNAME", "", OLD, 300, "is no name below ample.com."},
    {"db.example.com.", "CNAME", "", OLD, 300, "is no name below"},
    {"example.com.", "CNAME", "", OLD, -1, "there is no record db.example.com"},
    {"example.com.", "A", "", "192.0.2.1", 300, "(type A) is no CNAME"},
    {"example.com.", "CNAME", "<SetIdentifier>a</SetIdentifier>", OLD, 300, "has a routing policy"},
    {"example.com.", "CNAME", "<HealthCheckId>a</HealthCheckId>", OLD, 300, "has a health check"},
    {"example.com.", "CNAME", "<AliasTarget/>", OLD, 300, "is an alias"},
    {"example.com.", "CNAME", "", OTHER, 300, "leads to " OTHER ", and production is " OLD},
    {"example.com.", "CNAME", "", CLONE, 300, "leads to " CLONE},
};

static void test_unsuitable(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unsuitable); i++) {
        begin(unsuitable[i].ttl);
        aws.zone = unsuitable[i].zone;
        aws.type = unsuitable[i].type;
        aws.more = unsuitable[i].more;
        (void)snprintf(aws.value, sizeof aws.value, "%s", unsuitable[i].value);
        must_fail(&there, STAGE_SWITCHED, "AUR0240", unsuitable[i].said);
        assert_int_equal(aws.changes, 0);
    }
}

/* ---- without a configuration ---- */

static void test_adopted(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    static const char *const garbled[] = {
        "",         "Z1",           "Z1/db.example.com", "Z1/db.example.com/300",
        "Z1/x/a/5", "Z1/x/300/5/6", "Z1/x/-1/5",         "Z1/x/300/99999999999"};
    struct upgrade u = ready(a);
    struct record_note n;
    struct err e = ERR_INIT;
    begin(300);
    must(&there, STAGE_SWITCHED);
    u.request.record = (struct record_request){0};
    assert_true(world_look(&u, &e));
    record_adopt(&u);
    assert_true(u.request.record.is_led);
    assert_string_equal(u.request.record.zone, "Z1");
    assert_string_equal(u.request.record.name, "db.example.com");
    assert_int_equal(u.request.record.ttl, 5);
    assert_false(record_waits(&u));
    for (size_t i = 0; i < aws.tag_count;
         i++) /* as an apply leaves it that dies behind the point of no return */
        if (strcmp(aws.tags[i].key, TAG_RECORD_MOVED) == 0)
            (void)snprintf(aws.tags[i].key, sizeof aws.tags[i].key, "gone");
    assert_true(world_look(&u, &e));
    assert_true(record_waits(&u));
    for (size_t i = 0; i < ARRAY_LEN(garbled); i++) {
        assert_true(tag_run(&u, TAG_RECORD, garbled[i], &e) && world_look(&u, &e));
        if (record_noted(&u, &n))
            fail_msg("%s", garbled[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_there),
        cmocka_unit_test(test_undone_before_the_switch),
        cmocka_unit_test(test_a_low_time_to_live),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_led_elsewhere),
        cmocka_unit_test(test_rivals),
        cmocka_unit_test(test_raised_again),
        cmocka_unit_test(test_nothing_is_put_back_over_others),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_unsuitable),
        cmocka_unit_test(test_adopted),
    };
    return cmocka_run_group_tests_name("record of Route 53", tests, NULL, NULL);
}
