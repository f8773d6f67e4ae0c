/* What a journal does when it can no longer be written; what it tells of a walk is flow_test.c's. */
#include "internal/base/file.h"
#include "internal/base/testing.h"
#include "internal/flow/journal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char dir[32];

static int make_dir(void **state)
{
    (void)state;
    memcpy(dir, "/tmp/aurora-journal-XXXXXX", sizeof "/tmp/aurora-journal-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

/* As on a disk that gets full in the middle of a line. */
static void write_within(rlim_t size, struct journal *j, int lines)
{
    struct rlimit before;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit now = {.rlim_cur = size, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
    for (int i = 0; i < lines; i++)
        journal_event(j, "step", "sample", "some");
    (void)setrlimit(RLIMIT_FSIZE, &before);
}

static void one_that_may_not_grow_ends_there_and_says_so(void **state)
{
    (void)state;
    enum { MAY_GROW_TO = 250 };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct journal *j CLEANUP(journal_cleanup) = NULL;
    struct err e = ERR_INIT;
    struct str text;
    assert_true(journal_open(dir, "orders", "toy", clock_real(), &j, &e));
    journal_event(j, "step", "begin", "");
    assert_true(journal_whole(j, &e));
    write_within(MAY_GROW_TO, j, 20);
    journal_event(j, "step", "sample", "behind the end");
    assert_true(file_read(a, journal_path(j), 100000, &text, &e));
    assert_int_equal(text.n, MAY_GROW_TO);
    assert_false(journal_whole(j, &e));
    assert_non_null(strstr(e.text, journal_path(j)));
    (void)unlink(journal_path(j));
}

static void one_that_is_not_kept_lacks_nothing(void **state)
{
    (void)state;
    struct err e = ERR_INIT;
    journal_event(NULL, "step", "sample", "nowhere");
    assert_true(journal_whole(NULL, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_may_not_grow_ends_there_and_says_so, make_dir, remove_dir),
        cmocka_unit_test(one_that_is_not_kept_lacks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
