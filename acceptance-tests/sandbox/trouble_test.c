/* IAM mode, faults and the request log, as a client meets them; over the engine in memory. */
#include "acceptance-tests/sandbox/service_fixture.h"

#include "acceptance-tests/sandbox/fake_engine.h"
#include "acceptance-tests/sandbox/faults.h"
#include "acceptance-tests/sandbox/iam.h"
#include "acceptance-tests/sandbox/keys.h"
#include "acceptance-tests/sandbox/outage.h"
#include "acceptance-tests/sandbox/request_log.h"
#include "internal/base/file.h"
#include "internal/base/testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- IAM ---- */

static void put_policy(struct fixture *f, const char *statements)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    const char *path = arena_printf(a, "%s/policy.json", f->dir);
    const char *text = arena_printf(a, "{\"Version\":\"2012-10-17\",\"Statement\":[%s]}", statements);
    assert_true(file_replace(path, text, strlen(text), 0600, &e));
    if (!iam_load(&f->sb, path, &e))
        fail_msg("%s: %s", text, e.text);
}

#define ARN  "arn:aws:rds:us-east-1:123456789012:"
#define READ "{\"Effect\":\"Allow\",\"Action\":\"rds:Describe*\",\"Resource\":\"*\"},"
#define MAY(action, resource)                                                                                \
    "{\"Effect\":\"Allow\",\"Action\":\"" action "\",\"Resource\":\"" resource "\"},"
#define BG_CREATE "Action=CreateBlueGreenDeployment&BlueGreenDeploymentName=x&Source=" ARN "cluster:nope"

/* What each policy lets through (part of the reply) or refuses (the action and resource named). */
static const struct right {
    const char *policy, *form, *part;
} RIGHTS[] = {
    {READ "", "Action=DescribeDBClusters", "DescribeDBClustersResult"},
    {READ "", "Action=DescribeDBEngineVersions&Engine=x", "DescribeDBEngineVersionsResult"},
    {READ "", "Action=StopDBCluster&DBClusterIdentifier=orders",
     "User: arn:aws:iam::123456789012:user/sandbox is not authorized to perform: rds:StopDBCluster on "
     "resource: " ARN "cluster:orders because no identity-based policy allows the rds:StopDBCluster action"},
    {READ "{\"Effect\":\"Deny\",\"Action\":\"rds:DescribeEvents\",\"Resource\":\"*\"},",
     "Action=DescribeEvents",
     "rds:DescribeEvents on resource: * with an explicit deny in an identity-based policy"},
    {MAY("rds:DescribeDBClusters", ARN "cluster:orders"), CLUSTER "orders", "DescribeDBClustersResult"},
    {MAY("rds:DescribeDBClusters", ARN "cluster:orders"), "Action=DescribeDBClusters",
     "rds:DescribeDBClusters on resource: " ARN "cluster:*"},
    {MAY("rds:ModifyDBCluster", ARN "cluster:*"), MODIFY "orders&DBClusterParameterGroupName=g13",
     "rds:ModifyDBCluster on resource: " ARN "cluster-pg:g13"},
    {MAY("rds:CreateDBCluster", "*"), CREATE "x&Tags.Tag.1.Key=a&Tags.Tag.1.Value=b",
     "rds:AddTagsToResource on resource: " ARN "cluster:x"},
    {MAY("rds:AddTagsToResource", "*"),
     "Action=AddTagsToResource&ResourceName=" ARN "db:nope&Tags.Tag.1.Key=a&Tags.Tag.1.Value=b",
     "DBInstanceNotFound"},
    {MAY("rds:CreateBlueGreenDeployment", "*"), BG_CREATE,
     "rds:CreateDBCluster on resource: " ARN "cluster:*"},
    {MAY("rds:*", "*"), BG_CREATE, "DBClusterNotFoundFault"},
    {MAY("rds:SwitchoverBlueGreenDeployment", "*"),
     "Action=SwitchoverBlueGreenDeployment&BlueGreenDeploymentIdentifier=bgd-x",
     "rds:ModifyDBCluster on resource"},
    {MAY("rds:DeleteBlueGreenDeployment", "*"),
     "Action=DeleteBlueGreenDeployment&BlueGreenDeploymentIdentifier=bgd-x",
     "rds:DeleteDBCluster on resource"},
    {MAY("rds:*", "*"),
     "Action=AddRoleToDBCluster&DBClusterIdentifier=orders&RoleArn=arn:aws:iam::123456789012:role/r",
     "iam:PassRole on resource: arn:aws:iam::123456789012:role/r"},
    {"{\"Effect\":\"Allow\",\"Action\":\"rds:DeleteDBCluster\",\"Resource\":\"*\",\"Condition\":{"
     "\"StringEquals\":"
     "{\"aws:ResourceTag/team\":\"a\"}}},",
     "Action=DeleteDBCluster&DBClusterIdentifier=tagged", "FinalDBSnapshotIdentifier is required"},
    {"{\"Effect\":\"Allow\",\"Action\":\"rds:DeleteDBCluster\",\"Resource\":\"*\",\"Condition\":{"
     "\"StringEquals\":"
     "{\"rds:cluster-tag/team\":\"a\"}}},",
     "Action=DeleteDBCluster&DBClusterIdentifier=orders",
     "rds:DeleteDBCluster on resource: " ARN "cluster:orders"},
};

static void rights(void **state)
{
    struct fixture *f = *state;
    char statements[2048];
    make_groups(f);
    make_cluster(f, "orders", "");
    make_cluster(f, "tagged", "&Tags.Tag.1.Key=team&Tags.Tag.1.Value=a");
    for (size_t i = 0; i < ARRAY_LEN(RIGHTS); i++) {
        (void)snprintf(statements, sizeof statements, "%.*s", (int)strlen(RIGHTS[i].policy) - 1,
                       RIGHTS[i].policy);
        put_policy(f, statements);
        expect(f, RIGHTS[i].form, RIGHTS[i].part);
        if (strstr(RIGHTS[i].part, " on resource")) {
            assert_non_null(strstr(ask(f, RIGHTS[i].form), "<Code>AccessDenied</Code>"));
            assert_int_equal(last_status(), 403);
        }
    }
}

/* Nobody needs a right to ask who he is; the JSON protocol has another name for the refusal; a restart keeps
 * the policy, "off" lifts it. */
static void iam_mode(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    put_policy(f, "{\"Effect\":\"Allow\",\"Action\":\"rds:DescribeDBClusters\",\"Resource\":\"*\"}");
    assert_non_null(strstr(ask_service(f, "sts", "Action=GetCallerIdentity"), "GetCallerIdentityResult"));
    assert_non_null(
        strstr(ask_service(f, "sts", "Action=AssumeRole&RoleArn=arn:aws:iam::1:role/x&RoleSessionName=me"),
               "sts:AssumeRole on resource: arn:aws:iam::1:role/x"));
    assert_non_null(strstr(ask_service(f, "secretsmanager", "GetSecretValue {\"SecretId\":\"s\"}"),
                           "\"__type\":\"AccessDeniedException\""));
    fixture_reopen(f);
    expect(f, "Action=DescribeEvents", "AccessDenied");
    json_t *off = json_pack("{s:b}", "off", 1), *now = NULL;
    sandbox_lock(&f->sb);
    assert_true(iam_set(&f->sb, off, &now, &e));
    sandbox_unlock(&f->sb);
    assert_true(json_is_null(now));
    json_decref(off);
    expect(f, "Action=DescribeEvents", "DescribeEventsResult");
    json_t *bad = json_pack("{s:{s:i}}", "policy", "Statement", 7);
    assert_false(iam_set(&f->sb, bad, &now, &e));
    json_decref(bad);
}

/* ---- keys ---- */

#define RESTORE_LATEST                                                                                       \
    "Action=RestoreDBClusterToPointInTime&UseLatestRestorableTime=true&RestoreType=copy-on-write&"           \
    "DBClusterIdentifier=x&SourceDBClusterIdentifier="
#define RESTORE_SNAPSHOT                                                                                     \
    "Action=RestoreDBClusterFromSnapshot&DBClusterIdentifier=x&Engine=aurora-postgresql&"                    \
    "SnapshotIdentifier=s"
#define COPY                                                                                                 \
    "Action=CopyDBClusterSnapshot&TargetDBClusterSnapshotIdentifier=t&SourceDBClusterSnapshotIdentifier=s"
#define KEY "arn:aws:kms:us-east-1:123456789012:key/"

static void set_key(struct fixture *f, const char *key, bool disabled)
{
    struct err e = ERR_INIT;
    json_t *in = json_pack("{s:s, s:b}", "key", key, "disabled", disabled), *now = NULL;
    sandbox_lock(&f->sb);
    assert_true(key_set(&f->sb, in, &now, &e));
    sandbox_save(&f->sb);
    sandbox_unlock(&f->sb);
    assert_int_equal(json_array_size(now), disabled);
    json_decref(in);
    json_decref(now);
}

/* Of an encrypted "orders" with a snapshot and an unencrypted "plain". */
static const struct key_case {
    const char *form, *refused;
} KEY_CASES[] = {
    {RESTORE_LATEST "orders",
     "The specified KMS key [" KEY "mine] does not exist, is not enabled or you do not"},
    {RESTORE_LATEST "orders&KmsKeyId=" KEY "mine", "The specified KMS key [" KEY "mine]"},
    {RESTORE_SNAPSHOT, "The specified KMS key [" KEY "mine]"},
    {COPY, "The source snapshot KMS key [" KEY "mine]"},
    {COPY "&KmsKeyId=mine", "The specified KMS key [" KEY "mine]"},
    {CREATE "x&StorageEncrypted=true&KmsKeyId=mine", "The specified KMS key [" KEY "mine]"},
};

static void judge_keys(struct fixture *f)
{
    for (size_t i = 0; i < ARRAY_LEN(KEY_CASES); i++) {
        expect(f, KEY_CASES[i].form, KEY_CASES[i].refused);
        assert_non_null(strstr(ask(f, KEY_CASES[i].form), "<Code>KMSKeyNotAccessibleFault</Code>"));
        assert_int_equal(last_status(), 400);
        expect(f, CLUSTER "x", "DBClusterNotFoundFault");
    }
}

static void keys(void **state)
{
    struct fixture *f = *state;
    make_cluster(f, "orders", "&StorageEncrypted=true&KmsKeyId=mine");
    make_instance(f, "orders", "orders-1");
    make_cluster(f, "plain", "");
    make_instance(f, "plain", "plain-1");
    (void)ask(f, "Action=CreateDBClusterSnapshot&DBClusterIdentifier=orders&DBClusterSnapshotIdentifier=s");
    await(f, "Action=DescribeDBClusterSnapshots&DBClusterSnapshotIdentifier=s", AVAILABLE);
    set_key(f, KEY "mine", true);
    fixture_reopen(f);
    judge_keys(f);
    set_key(f, "mine", false);
    /* enabled, but not this caller's to use: nothing, then one of both rights */
    put_policy(f, "{\"Effect\":\"Allow\",\"Action\":\"rds:*\",\"Resource\":\"*\"}");
    judge_keys(f);
    put_policy(f, "{\"Effect\":\"Allow\",\"Action\":[\"rds:*\",\"kms:DescribeKey\"],\"Resource\":\"*\"}");
    judge_keys(f);
    expect(f, RESTORE_LATEST "plain", "RestoreDBClusterToPointInTimeResult");
    put_policy(f, "{\"Effect\":\"Allow\",\"Action\":[\"rds:*\",\"kms:*\"],\"Resource\":[\"" ARN "*\",\"" KEY
                  "mine\"]}");
    expect(f, COPY, "CopyDBClusterSnapshotResult");
}

/* ---- sessions ---- */

#define WEB                                                                                                  \
    "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::1:role/x&RoleSessionName=me&"  \
    "WebIdentityToken="

/* {"sub":"me","aud":"sts","iss":"https://idp"} and the same with "exp":1 */
#define TOKEN   "e30.eyJzdWIiOiJtZSIsImF1ZCI6InN0cyIsImlzcyI6Imh0dHBzOi8vaWRwIn0.c2ln"
#define EXPIRED "e30.eyJzdWIiOiJtZSIsImV4cCI6MX0.c2ln"

static const struct token_row {
    const char *token, *part;
} TOKENS[] = {
    {TOKEN, "<SubjectFromWebIdentityToken>me</SubjectFromWebIdentityToken>"},
    {TOKEN, "<Provider>https://idp</Provider>"},
    {EXPIRED, "<Code>ExpiredTokenException</Code>"},
    {"", "<Code>InvalidIdentityToken</Code>"},
    {"nonsense", "<Code>InvalidIdentityToken</Code>"},
    {"a.b", "<Code>InvalidIdentityToken</Code>"},
    {"e30.e30.c2ln", "<Code>InvalidIdentityToken</Code>"},
    {"e30.*.c2ln", "<Code>InvalidIdentityToken</Code>"},
    {"e30.e30.c2ln.x", "<Code>InvalidIdentityToken</Code>"},
};

/* Without a signature and without a right; anything else unsigned is refused as ever. */
static void web_identity(void **state)
{
    struct fixture *f = *state;
    put_policy(f, "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}");
    for (size_t i = 0; i < ARRAY_LEN(TOKENS); i++) {
        char form[512];
        (void)snprintf(form, sizeof form, WEB "%s", TOKENS[i].token);
        const char *reply = ask_unsigned(f, form);
        if (!strstr(reply, TOKENS[i].part))
            fail_msg("%s: %s", TOKENS[i].token, reply);
    }
    assert_non_null(strstr(ask_unsigned(f, "Action=GetCallerIdentity&Version=2011-06-15"),
                           "<Code>MissingAuthenticationToken</Code>"));
    assert_non_null(strstr(ask_unsigned(f, "Action=DescribeDBClusters&Version=2014-10-31"),
                           "<Code>MissingAuthenticationToken</Code>"));
    sandbox_lock(&f->sb);
    json_t *sessions = rec_list(store_root(f->sb.store), "sessions");
    assert_int_equal(json_array_size(sessions), 2);
    sessions_expire(&f->sb);
    assert_true(rec_int(json_array_get(sessions, 1), "_expires_ms") <= f->sb.clock->wall_ms(f->sb.clock));
    sandbox_unlock(&f->sb);
}

/* ---- faults ---- */

static bool plan(struct fixture *f, const char *json, struct err *e)
{
    json_t *spec = json_loads(json, 0, NULL);
    assert_non_null(spec);
    sandbox_lock(&f->sb);
    bool ok = fault_add(&f->sb, spec, e);
    sandbox_unlock(&f->sb);
    json_decref(spec);
    return ok;
}

static void must_plan(struct fixture *f, const char *json)
{
    struct err e = ERR_INIT;
    if (!plan(f, json, &e))
        fail_msg("%s: %s", json, e.text);
}

static void clear(struct fixture *f)
{
    sandbox_lock(&f->sb);
    (void)json_array_clear(rec_list(store_root(f->sb.store), "faults"));
    sandbox_unlock(&f->sb);
}

static void refused_plans(void **state)
{
    static const char *const BAD[] = {
        "{\"operation\":\"*\",\"kind\":\"nonsense\"}",
        "{\"operation\":\"\",\"kind\":\"error\"}",
        "{\"kind\":\"error\"}",
        "{\"operation\":\"*\",\"kind\":\"error\",\"count\":-1}",
        "{\"operation\":\"*\",\"kind\":\"error\",\"skip\":-1}",
        "{\"operation\":\"*\",\"kind\":\"huge\",\"size\":2000000000}",
        "{\"operation\":\"*\",\"kind\":\"rewrite\",\"element\":\"Status\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct err e = ERR_INIT;
        assert_false(plan(*state, BAD[i], &e));
        assert_int_equal(e.code, ERR_INVALID);
    }
}

#define D                 "Action=DescribeDBClusters"
#define FAULT(kind, more) "{\"operation\":\"DescribeDBClusters\",\"kind\":\"" kind "\"" more "}"

static void nth_and_count(void **state)
{
    struct fixture *f = *state;
    must_plan(f, FAULT("throttle", ",\"skip\":2,\"count\":2"));
    for (int call = 1; call <= 6; call++)
        expect(f, D, call == 3 || call == 4 ? "<Code>Throttling</Code>" : "DescribeDBClustersResult");
    must_plan(f, FAULT("throttle", ",\"count\":0"));
    for (int call = 1; call <= 5; call++)
        expect(f, D, "<Code>Throttling</Code>");
    expect(f, "Action=DescribeDBInstances", "DescribeDBInstancesResult");
    clear(f);
    /* two plans count the same calls */
    must_plan(f, FAULT("throttle", ""));
    must_plan(f, FAULT("expired", ",\"skip\":1"));
    expect(f, D, "<Code>Throttling</Code>");
    expect(f, D, "<Code>ExpiredToken</Code>");
    expect(f, D, "DescribeDBClustersResult");
    /* only of one cluster */
    must_plan(f,
              FAULT("error", ",\"match\":\"DBClusterIdentifier\",\"match_value\":\"orders\",\"code\":\"X\""));
    expect(f, D, "DescribeDBClustersResult");
    expect(f, CLUSTER "other", "DBClusterNotFoundFault");
    expect(f, CLUSTER "ORDERS", "<Code>X</Code>");
    expect(f, CLUSTER "orders", "DBClusterNotFoundFault");
}

static const struct spoilt {
    const char *fault, *has, *lacks;
    int status;
    bool drop, cut;
} SPOILT[] = {
    {FAULT("drop", ""), NULL, NULL, 0, true, false},
    {FAULT("lost-reply", ""), NULL, NULL, 200, true, false},
    {FAULT("cut", ""), "</DescribeDBClustersResponse>", NULL, 200, false, true},
    {FAULT("garbled", ""), "<DescribeDBClustersResponse", "</DescribeDBClustersResponse>", 200, false, false},
    {FAULT("empty", ""), "", "<", 200, false, false},
    {FAULT("html", ""), "<html>", NULL, 200, false, false},
    {FAULT("http", ",\"status\":500"), "<html>", NULL, 500, false, false},
    {FAULT("wrong-root", ""), "<Unexpected", "DBClusters", 200, false, false},
    {FAULT("entities", ""), "<!ENTITY", NULL, 200, false, false},
    {FAULT("huge", ",\"size\":1000"), "DescribeDBClustersResult", NULL, 200, false, false},
    {FAULT("rewrite", ",\"element\":\"Status\",\"value\":\"pondering\""), "<Status>pondering</Status>",
     "<Status>available</Status>", 200, false, false},
    {FAULT("delay", ",\"delay\":0.01"), "DescribeDBClustersResult", NULL, 200, false, false},
    {FAULT("slow", ",\"delay\":0.01"), "DescribeDBClustersResult", NULL, 200, false, false},
};

static void spoilt_replies(void **state)
{
    struct fixture *f = *state;
    make_cluster(f, "orders", "");
    for (size_t i = 0; i < ARRAY_LEN(SPOILT); i++) {
        const struct spoilt *s = &SPOILT[i];
        must_plan(f, s->fault);
        const char *reply = ask(f, D);
        bool ok = last_status() == s->status && last_reply()->drop == s->drop &&
                  last_reply()->cut == s->cut && (!s->has || strstr(reply, s->has)) &&
                  (!s->lacks || !strstr(reply, s->lacks));
        if (!ok)
            fail_msg("%s gives %d: %s", s->fault, last_status(), reply);
        expect(f, D, AVAILABLE);
    }
}

/* The effect is there although the reply is not, or not there when the request was dropped. */
static void effects(void **state)
{
    struct fixture *f = *state;
    must_plan(f, "{\"operation\":\"CreateDBCluster\",\"kind\":\"drop\"}");
    (void)ask(f, CREATE "one");
    expect(f, CLUSTER "one", "DBClusterNotFoundFault");
    must_plan(f, "{\"operation\":\"CreateDBCluster\",\"kind\":\"lost-reply\"}");
    (void)ask(f, CREATE "one");
    expect(f, CREATE "one", "DBClusterAlreadyExistsFault");
}

/* Time passes by waiting only; at `clear_at` somebody clears the faults. */
struct held {
    struct clock clock;
    struct sandbox *sb;
    int64_t waited, clear_at;
};

static bool held_wait(struct clock *c, struct stop *stop, int64_t ms)
{
    struct held *held = (struct held *)c;
    (void)stop;
    held->waited += ms;
    if (held->waited >= held->clear_at) {
        sandbox_lock(held->sb);
        faults_clear(held->sb);
        sandbox_unlock(held->sb);
    }
    return false;
}

static int64_t held_for(struct fixture *f, int64_t delay_ms, int64_t clear_at)
{
    struct held held = {.clock.wait = held_wait, .sb = &f->sb, .clear_at = clear_at};
    struct clock *real = f->sb.clock;
    struct fault_plan plan = {.kind = FAULT_SLOW, .delay_ms = delay_ms, .cleared = f->sb.faults_cleared};
    f->sb.clock = &held.clock;
    fault_hold(&f->sb, &plan);
    f->sb.clock = real;
    return held.waited;
}

static void held_calls(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(held_for(f, 1234, INT64_MAX), 1234);
    assert_int_equal(held_for(f, 0, INT64_MAX), 0);
    assert_in_range(held_for(f, 3600 * 1000, 500), 500, 1000);
}

static void pages_and_stale_reads(void **state)
{
    struct fixture *f = *state;
    char form[256];
    make_cluster(f, "one", "");
    make_cluster(f, "two", "");
    must_plan(f, FAULT("partial-page", ""));
    const char *reply = ask(f, D);
    assert_non_null(strstr(reply, ">one<"));
    assert_null(strstr(reply, ">two<"));
    (void)snprintf(form, sizeof form, D "&Marker=%s", element(reply, "Marker"));
    reply = ask(f, form);
    assert_null(strstr(reply, ">one<"));
    assert_non_null(strstr(reply, ">two<"));
    assert_null(strstr(reply, "<Marker>"));
    must_plan(f, FAULT("stale", ",\"count\":2"));
    expect(f, "Action=DeleteDBCluster&DBClusterIdentifier=two&SkipFinalSnapshot=true", "deleting");
    await(f, "Action=DescribeEvents", "DB cluster deleted.");
    expect(f, CLUSTER "two", AVAILABLE);
    expect(f, D, ">two<");
    expect(f, CLUSTER "two", "DBClusterNotFoundFault");
}

/* ---- servers ---- */

static bool outage(struct fixture *f, const char *kind, double delay, struct err *e)
{
    json_t *in = json_pack("{s:s, s:s, s:f}", "cluster", "orders", "kind", kind, "delay", delay);
    bool ok = outage_begin(&f->sb, in, e);
    json_decref(in);
    return ok;
}

static void outages(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    assert_false(outage(f, "kill", 0, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    make_cluster(f, "orders", "");
    assert_false(outage(f, "kill", 0, &e)); /* nothing would start its server again */
    assert_int_equal(e.code, ERR_CONFLICT);
    make_instance(f, "orders", "orders-1");
    assert_false(outage(f, "nonsense", 0, &e));
    char volume[64];
    (void)snprintf(volume, sizeof volume, "%s", element(ask(f, CLUSTER "orders"), "DbClusterResourceId"));
    static const char *const KINDS_OF_OUTAGE[] = {"pause", "resume", "cut", "hold", "release"};
    for (size_t i = 0; i < ARRAY_LEN(KINDS_OF_OUTAGE); i++)
        if (!outage(f, KINDS_OF_OUTAGE[i], 0.01, &e))
            fail_msg("%s: %s", KINDS_OF_OUTAGE[i], e.text);
    assert_true(volume_running(f->sb.engine, volume));
    assert_true(outage(f, "kill", 3600, &e));
    assert_false(volume_running(f->sb.engine, volume));
    fixture_reopen(f); /* the end of an outage survives a restart: it waits again */
    assert_false(volume_running(f->sb.engine, volume));
    assert_true(volume_start(f->sb.engine, volume, &e));
    assert_true(outage(f, "kill", 0, &e));
    await(f, "Action=DescribeEvents", "DB instance restarted");
}

/* What was held is let go, whoever bears the names by then. */
static void held_names(void **state)
{
    enum { HELD_MS = 1000, PATIENCE_MS = 20000, ENDPOINTS = 3 };
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    struct clock *clock = clock_real();
    make_cluster(f, "orders", "");
    make_instance(f, "orders", "orders-1");
    assert_true(outage(f, "hold", HELD_MS / 1000.0, &e));
    assert_int_equal(fake_held(), ENDPOINTS);
    (void)ask(f, "Action=ModifyDBCluster&DBClusterIdentifier=orders&NewDBClusterIdentifier=other&"
                 "ApplyImmediately=true");
    await(f, CLUSTER "other", AVAILABLE);
    int64_t until = clock->mono_ms(clock) + PATIENCE_MS;
    while (fake_held() > 0 && clock->mono_ms(clock) < until)
        (void)clock->wait(clock, NULL, 2);
    assert_int_equal(fake_held(), 0);
}

/* ---- the log ---- */

static json_t *log_lines(struct fixture *f)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    struct str text;
    json_t *list = json_array();
    assert_true(file_read(a, arena_printf(a, "%s/requests.ndjson", f->dir), 1 << 20, &text, &e));
    for (const char *p = text.p, *end; p < text.p + text.n; p = end + 1) {
        end = memchr(p, '\n', (size_t)(text.p + text.n - p));
        assert_non_null(end);
        json_t *line = json_loadb(p, (size_t)(end - p), 0, NULL);
        assert_non_null(line);
        (void)json_array_append_new(list, line);
    }
    return list;
}

static void the_log(void **state)
{
    struct fixture *f = *state;
    char path[128];
    (void)ask(f, CREATE "one");
    must_plan(f, FAULT("throttle", ""));
    (void)ask(f, D);
    (void)snprintf(path, sizeof path, "%s/requests.ndjson", f->dir);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "{\"seq\":99", 9), 9); /* a killed process's last words */
    (void)close(fd);
    fixture_reopen(f);
    (void)ask(f, D);
    json_t *lines = log_lines(f);
    assert_int_equal(json_array_size(lines), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *line = json_array_get(lines, i);
        assert_int_equal(rec_int(line, "seq"), (int64_t)i + 1);
        assert_true(strcmp(rec_str(line, "started"), rec_str(line, "time")) <= 0);
    }
    const json_t *first = json_array_get(lines, 0), *second = json_array_get(lines, 1);
    assert_string_equal(rec_str(first, "operation"), "CreateDBCluster");
    assert_string_equal(rec_str(rec_get(first, "parameters"), "MasterUserPassword"), "***");
    assert_int_equal(rec_int(first, "status"), 200);
    assert_string_equal(rec_str(second, "fault"), "throttle");
    assert_string_equal(rec_str(second, "code"), "Throttling");
    json_decref(lines);
    json_t *running = request_log_running(f->sb.log);
    assert_int_equal(json_array_size(running), 0);
    json_decref(running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rights),         TEST(iam_mode),      TEST(keys),
        TEST(web_identity),   TEST(refused_plans), TEST(nth_and_count),
        TEST(spoilt_replies), TEST(effects),       TEST(pages_and_stale_reads),
        TEST(held_calls),     TEST(outages),       TEST(held_names),
        TEST(the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
