/* Templates of data directories: made once, copied with an identity of their own, shared, never half. */
#include "acceptance-tests/sandbox/engine/fixture.h"
#include "acceptance-tests/sandbox/engine/tree.h"
#include "internal/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[128]; /* the folder of templates */

/* As fx_open, with templates of its own: what the machine has already must not decide what is tested. */
static int open_with_own_templates(void **state)
{
    if (fx_folder(state) != 0)
        return -1;
    (void)snprintf(place, sizeof place, "%s/shared", fx_state);
    if (setenv("AURORA_SANDBOX_TEMPLATES", place, 1) != 0)
        return -1;
    fx_reopen();
    return 0;
}

/* Entries of the folder of templates whose names begin so; the last one's name in `ret`. */
static int count(const char *beginning, char ret[256])
{
    int n = 0;
    DIR *d = opendir(place);
    for (struct dirent *x; d && (x = readdir(d));)
        if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0 &&
            strncmp(x->d_name, beginning, strlen(beginning)) == 0) {
            (void)snprintf(ret, 256, "%s", x->d_name);
            n++;
        }
    if (d)
        (void)closedir(d);
    return n;
}

static const char *in_place(const char *name, const char *below)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s/%s", place, name, below);
    return path;
}

static const char *identifier(const char *id)
{
    return fx_sql(id, "SELECT system_identifier FROM pg_control_system()");
}

static void test_made_once_and_copied(void **state)
{
    (void)state;
    char name[256], first[64], ready[256];
    struct stat before, after;
    fx_volume("one", 17);
    assert_int_equal(count("17-bare-plain-", name), 1);
    assert_int_equal(count("17-ready-plain-", ready), 1);
    assert_int_equal(count(".", name), 0);
    assert_int_equal(stat(in_place(ready, "sum"), &before), 0);
    fx_volume("two", 17);
    assert_int_equal(count("17-", name), 2);
    assert_int_equal(stat(in_place(ready, "sum"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    (void)snprintf(first, sizeof first, "%s", identifier("one"));
    assert_string_not_equal(first, identifier("two"));
    assert_string_equal(
        fx_sql("two", "SELECT count(*) FROM pg_roles WHERE rolname IN ('rds_superuser', 'master')"), "2");
    assert_string_equal(fx_sql("two", "SELECT datname FROM pg_database WHERE datname IN ('rdsadmin', 'app')"
                                      " ORDER BY 1 DESC LIMIT 1"),
                        "rdsadmin");
    PGconn *c = fx_session("two");
    assert_int_equal(strncmp(fx_must(c, "SELECT aurora_version()"), "17.", 3), 0);
    PQfinish(c);
}

/* A new identifier is in WAL's heads, too: a server that is killed recovers. */
static void test_copy_recovers(void **state)
{
    (void)state;
    char before[64];
    (void)snprintf(before, sizeof before, "%s", identifier("two"));
    (void)fx_sql("two", "CHECKPOINT; CREATE TABLE kept AS SELECT generate_series(1, 1000) AS a");
    OK(volume_kill(fx_engine, "two", &e));
    OK(volume_start(fx_engine, "two", &e));
    assert_string_equal(fx_sql("two", "SELECT count(*) FROM kept"), "1000");
    assert_string_equal(identifier("two"), before);
}

/* An upgrade takes a copy as the new side; the next one, too. */
static void test_upgrade(void **state)
{
    (void)state;
    char name[256], one[64], before[64];
    fx_volume("old", 13);
    fx_volume("older", 13);
    (void)snprintf(before, sizeof before, "%s", identifier("old"));
    const char *const both[] = {"old", "older"};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        (void)fx_sql(both[i], "CREATE TABLE t AS SELECT generate_series(1, 1000) AS a");
        OK(volume_stop(fx_engine, both[i], &e));
        OK(volume_upgrade(fx_engine, both[i], 17, NULL, 0, false, NULL, &e));
        OK(volume_start(fx_engine, both[i], &e));
        assert_string_equal(fx_sql(both[i],
                                   "SELECT count(*) || ' on ' || current_setting('server_version_num')::int"
                                   " / 10000 FROM t"),
                            "1000 on 17");
    }
    (void)snprintf(one, sizeof one, "%s", identifier("old"));
    assert_string_not_equal(one, before);
    assert_string_not_equal(one, identifier("older"));
    assert_int_equal(count("17-", name), 2);
}

/* Files that somebody has removed or cut: noticed, and made anew. */
static void test_damaged(void **state)
{
    (void)state;
    char ready[256];
    struct stat before, after;
    assert_int_equal(count("13-ready-", ready), 1);
    assert_int_equal(stat(in_place(ready, "sum"), &before), 0);
    assert_int_equal(unlink(in_place(ready, "data/global/pg_filenode.map")), 0);
    fx_volume("three", 13);
    assert_string_equal(fx_sql("three", "SELECT 1"), "1");
    assert_int_equal(stat(in_place(ready, "sum"), &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
    assert_int_equal(truncate(in_place(ready, "data/global/pg_control"), 100), 0);
    fx_volume("four", 13);
    assert_string_equal(fx_sql("four", "SELECT 1"), "1");
    assert_int_equal(count("13-ready-", ready), 1);
}

/* What a killed process was making goes with the next one that is made; what a live one makes stays. */
static void test_killed_makers(void **state)
{
    (void)state;
    char name[256];
    OK(tree_make(in_place(".killed", "data"), 0700, &e));
    OK(tree_make(in_place(".alive", "data"), 0700, &e));
    int alive = open(in_place(".alive", ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(alive >= 0);
    assert_int_equal(flock(alive, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(count("13-ready-", name), 1);
    OK(tree_remove(in_place(name, ""), &e));
    fx_volume("five", 13);
    assert_int_equal(count("13-ready-", name), 1);
    assert_int_equal(count(".killed", name), 0);
    assert_int_equal(count(".alive", name), 1);
    (void)close(alive);
}

/* Unused for long: gone when the next one is made. */
static void test_old_ones_go(void **state)
{
    (void)state;
    char name[256];
    struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    OK(tree_make(in_place("12-ready-plain-0123456789abcdef", "data"), 0700, &e));
    assert_int_equal(utimensat(AT_FDCWD, in_place("12-ready-plain-0123456789abcdef", "."), long_ago, 0), 0);
    assert_int_equal(count("13-ready-", name), 1);
    OK(tree_remove(in_place(name, ""), &e));
    fx_volume("six", 13);
    assert_int_equal(count("13-ready-", name), 1);
    assert_int_equal(count("12-", name), 0);
}

/* A place that others may write to is not used, one that cannot be made neither: then below the state folder.
 */
static void test_place_of_others(void **state)
{
    (void)state;
    char name[256], own[256];
    struct stat st;
    int before = count("", name);
    (void)snprintf(own, sizeof own, "%s/engine/templates", fx_state);
    assert_int_equal(chmod(place, 0777), 0);
    fx_reopen();
    fx_volume("seven", 17);
    assert_string_equal(fx_sql("seven", "SELECT 1"), "1");
    assert_int_equal(count("", name), before);
    assert_int_equal(stat(own, &st), 0);
    assert_int_equal(chmod(place, 0755), 0);
    OK(tree_remove(own, &e));
    assert_int_equal(setenv("AURORA_SANDBOX_TEMPLATES", "/dev/null/nowhere", 1), 0);
    fx_reopen();
    fx_volume("eight", 17);
    assert_string_equal(fx_sql("eight", "SELECT 1"), "1");
    assert_int_equal(stat(own, &st), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_once_and_copied),
        cmocka_unit_test(test_copy_recovers),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_killed_makers),
        cmocka_unit_test(test_old_ones_go),
        cmocka_unit_test(test_place_of_others),
    };
    return cmocka_run_group_tests(tests, open_with_own_templates, fx_close);
}
