/* KMS keys and snapshots: what AWS refuses of the two together, and what a copy is. */
#include "acceptance-tests/sandbox/keys.h"
#include "acceptance-tests/sandbox/service_fixture.h"

#include "internal/base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESTORE_LATEST                                                                                       \
    "Action=RestoreDBClusterToPointInTime&UseLatestRestorableTime=true&RestoreType=copy-on-write&"           \
    "DBClusterIdentifier=x&SourceDBClusterIdentifier="
#define RESTORE                                                                                              \
    "Action=RestoreDBClusterFromSnapshot&DBClusterIdentifier=x&Engine=aurora-postgresql&SnapshotIdentifier="
#define COPY_AS                                                                                              \
    "Action=CopyDBClusterSnapshot&SourceDBClusterSnapshotIdentifier=s&TargetDBClusterSnapshotIdentifier="
#define SNAPSHOT "Action=DescribeDBClusterSnapshots&DBClusterSnapshotIdentifier="
#define KEY      "arn:aws:kms:us-east-1:123456789012:key/"

/* Of an unencrypted cluster and its snapshot, and of an encrypted snapshot. */
static const struct {
    const char *form, *refused;
} MISFITS[] = {
    {"Action=CopyDBClusterSnapshot&TargetDBClusterSnapshotIdentifier=t&SourceDBClusterSnapshotIdentifier=p&"
     "KmsKeyId=mine",
     "The snapshot p is not encrypted"},
    {RESTORE_LATEST "plain&KmsKeyId=mine", "The source DB cluster is not encrypted"},
    {RESTORE "s&KmsKeyId=other", "is encrypted with another key"},
};

static void make_snapshot(struct fixture *f, const char *cluster, const char *key, const char *snapshot)
{
    char name[32], form[160];
    (void)snprintf(name, sizeof name, "%s-1", cluster);
    make_cluster(f, cluster, key);
    make_instance(f, cluster, name);
    (void)snprintf(form, sizeof form,
                   "Action=CreateDBClusterSnapshot&DBClusterIdentifier=%s&DBClusterSnapshotIdentifier=%s",
                   cluster, snapshot);
    (void)ask(f, form);
    (void)snprintf(form, sizeof form, SNAPSHOT "%s", snapshot);
    await(f, form, AVAILABLE);
}

static void keys_that_do_not_fit(void **state)
{
    struct fixture *f = *state;
    make_snapshot(f, "orders", "&StorageEncrypted=true&KmsKeyId=mine", "s");
    make_snapshot(f, "plain", "", "p");
    for (size_t i = 0; i < ARRAY_LEN(MISFITS); i++) {
        expect(f, MISFITS[i].form, MISFITS[i].refused);
        assert_non_null(strstr(ask(f, MISFITS[i].form), "<Code>InvalidParameterCombination</Code>"));
        expect(f, CLUSTER "x", "DBClusterNotFoundFault");
    }
    expect(f, RESTORE "p&KmsKeyId=mine", "<StorageEncrypted>true</StorageEncrypted>");
    expect(f, CLUSTER "x", "<KmsKeyId>" KEY "mine</KmsKeyId>");
}

/* A snapshot's position is the one of its making, whatever copies of it go through. */
static void a_copy_stands_where_its_snapshot_does(void **state)
{
    struct fixture *f = *state;
    make_snapshot(f, "orders", "&StorageEncrypted=true&KmsKeyId=mine", "s");
    expect(f, COPY_AS "sixty-three-characters-are-all-that-a-name-of-a-copy-may-have-xx",
           "InvalidParameterValue");
    expect(f, COPY_AS "t&KmsKeyId=other", "<Status>copying</Status>");
    await(f, SNAPSHOT "t", AVAILABLE);
    sandbox_lock(&f->sb);
    const json_t *s = store_find(f->sb.store, KIND_SNAPSHOT, "s");
    const json_t *t = store_find(f->sb.store, KIND_SNAPSHOT, "t");
    assert_true(*rec_str(s, "_lsn") != '\0');
    assert_string_equal(rec_str(t, "_lsn"), rec_str(s, "_lsn"));
    assert_string_equal(rec_str(t, "KmsKeyId"), KEY "other");
    sandbox_unlock(&f->sb);
}

/* "If the snapshot is being copied, the copy operation is terminated" (DeleteDBClusterSnapshot). */
static void a_copy_may_be_given_up(void **state)
{
    struct fixture *f = *state;
    char volume[64];
    make_snapshot(f, "orders", "&StorageEncrypted=true&KmsKeyId=mine", "s");
    expect(f, COPY_AS "t", "<Status>copying</Status>");
    sandbox_lock(&f->sb);
    (void)snprintf(volume, sizeof volume, "%s",
                   rec_str(store_find(f->sb.store, KIND_SNAPSHOT, "t"), "_volume"));
    sandbox_unlock(&f->sb);
    expect(f, "Action=DeleteDBClusterSnapshot&DBClusterSnapshotIdentifier=t", "<Status>deleting</Status>");
    expect(f, SNAPSHOT "t", "DBClusterSnapshotNotFoundFault");
    expect(f, COPY_AS "t", "<Status>copying</Status>");
    await(f, SNAPSHOT "t", AVAILABLE);
    assert_int_equal(volume_major(f->sb.engine, volume), 0);
}

static void set_began(struct fixture *f, int64_t ago_ms)
{
    sandbox_lock(&f->sb);
    f->sb.speed = 1;
    rec_set_int(store_find(f->sb.store, KIND_SNAPSHOT, "t"), "_began_ms",
                f->sb.clock->wall_ms(f->sb.clock) - ago_ms);
    sandbox_unlock(&f->sb);
}

/* Of a minute that a copy takes. */
static void a_copy_shows_how_far_it_is(void **state)
{
    struct fixture *f = *state;
    make_snapshot(f, "orders", "&StorageEncrypted=true&KmsKeyId=mine", "s");
    sandbox_lock(&f->sb);
    f->sb.speed = 1;
    sandbox_unlock(&f->sb);
    expect(f, COPY_AS "t", "<PercentProgress>0</PercentProgress>");
    set_began(f, 30000);
    assert_in_range(strtol(element(ask(f, SNAPSHOT "t"), "PercentProgress"), NULL, 10), 50, 99);
    set_began(f, 300000);
    expect(f, SNAPSHOT "t", "<PercentProgress>99</PercentProgress>");
    expect(f, SNAPSHOT "s", "<PercentProgress>100</PercentProgress>");
}

static void kms_describes_a_key(void **state)
{
    struct fixture *f = *state;
    struct err e = ERR_INIT;
    json_t *in = json_pack("{s:s, s:b}", "key", KEY "mine", "disabled", true), *now = NULL;
#define DESCRIBE(id) ask_service(f, "kms", "DescribeKey {\"KeyId\":\"" id "\"}")
    assert_non_null(strstr(DESCRIBE("mine"), "\"KeyState\":\"Enabled\""));
    assert_non_null(strstr(DESCRIBE("mine"), KEY "mine"));
    sandbox_lock(&f->sb);
    assert_true(key_set(&f->sb, in, &now, &e));
    sandbox_unlock(&f->sb);
    json_decref(in);
    json_decref(now);
    assert_non_null(strstr(DESCRIBE(KEY "mine"), "\"KeyState\":\"Disabled\""));
    assert_non_null(strstr(DESCRIBE("alias/orders"), "NotFoundException"));
    assert_non_null(
        strstr(DESCRIBE("arn:aws:rds:us-east-1:123456789012:cluster:orders"), "NotFoundException"));
    assert_int_equal(last_status(), 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_that_do_not_fit),   TEST(a_copy_stands_where_its_snapshot_does),
        TEST(a_copy_may_be_given_up), TEST(a_copy_shows_how_far_it_is),
        TEST(kms_describes_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
