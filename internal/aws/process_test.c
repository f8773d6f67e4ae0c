/* Programs that are run for their output: how they are started, and how they end. */
#include "internal/aws/process.h"
#include "internal/base/clock.h"
#include "internal/base/testing.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
    const char *command;
    const char *words; /* joined by '|'; NULL: refused */
} words_rows[] = {
    {"helper", "helper|"},
    {"  /opt/x/helper --a  b\t", "/opt/x/helper|--a|b|"},
    {"\"/opt/with blank/helper\" 'one arg' two\\ words", "/opt/with blank/helper|one arg|two words|"},
    {"h \"a\\\"b\" 'c\"d' e'f'\"g\"", "h|a\"b|c\"d|efg|"},
    {"h '' \"\"", "h|||"},
    {"h '$HOME;|&'", "h|$HOME;|&|"},
    {"h \"\\$x\"", "h|$x|"},
    {"h a=b c#d e~f", "h|a=b|c#d|e~f|"},
    {"/opt/a=b/h", "/opt/a=b/h|"},
    {"h \"$HOME\"", "/bin/sh|-c|h \"$HOME\"|"},
    {"h | tail -1", "/bin/sh|-c|h | tail -1|"},
    {"h `x`", "/bin/sh|-c|h `x`|"},
    {"~/bin/h", "/bin/sh|-c|~/bin/h|"},
    {"A=b h", "/bin/sh|-c|A=b h|"},
    {"", NULL},
    {"  \t", NULL},
    {"h 'open", NULL},
    {"h \"open", NULL},
    {"h \"open\\", NULL},
};

static void commands_become_words(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(words_rows); i++) {
        char *const *words = NULL;
        const char *joined = "";
        struct err e = ERR_INIT;
        bool ok = process_words(a, words_rows[i].command, &words, &e);
        for (size_t k = 0; ok && words[k]; k++)
            joined = arena_printf(a, "%s%s|", joined, words[k]);
        if (ok != (words_rows[i].words != NULL) || (ok && strcmp(joined, words_rows[i].words) != 0))
            fail_msg("%s: %s %s", words_rows[i].command, joined, e.text);
    }
}

static void commands_are_bounded(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char *const *words = NULL;
    char *longer = arena_alloc(a, PROCESS_COMMAND_MAX + 2);
    memset(longer, 'x', PROCESS_COMMAND_MAX + 1);
    assert_false(process_words(a, longer, &words, NULL));
    longer[PROCESS_COMMAND_MAX] = '\0';
    assert_true(process_words(a, longer, &words, NULL));
    for (size_t i = 0; i < 2 * PROCESS_WORDS_MAX + 2; i++)
        longer[i] = i % 2 ? ' ' : 'x';
    longer[2 * PROCESS_WORDS_MAX + 2] = '\0';
    assert_false(process_words(a, longer, &words, NULL));
    longer[2 * PROCESS_WORDS_MAX - 1] = '\0';
    assert_true(process_words(a, longer, &words, NULL));
    assert_null(words[PROCESS_WORDS_MAX]);
    longer[2 * PROCESS_WORDS_MAX - 1] = ' ';
    longer[2 * PROCESS_WORDS_MAX] = '\0';
    assert_true(process_words(a, longer, &words, NULL)); /* a blank at the end is no word */
}

struct end {
    const char *script;
    int64_t time_ms;
    size_t bytes;
    enum err_code code; /* ERR_NONE: it ends */
    int status;
    const char *output;
};

static const struct end ends[] = {
    {"printf 'a b'", 10000, 100, ERR_NONE, 0, "a b"},
    {"printf x; exit 3", 10000, 100, ERR_NONE, 3, "x"},
    {"kill -9 $$", 10000, 100, ERR_NONE, 137, ""},
    {"printf lost >&2", 10000, 100, ERR_NONE, 0, ""},
    {"read line || printf 'no input'", 10000, 100, ERR_NONE, 0, "no input"},
    {"ls /proc/self/fd | tr '\\n' ' '", 10000, 100, ERR_NONE, 0, "0 1 2 3 "}, /* 3: the folder itself */
    {"cat /dev/zero", 10000, 100, ERR_INVALID, 0, NULL},
    {"exec cat /dev/zero >/dev/null", 200, 100, ERR_TIMEOUT, 0, NULL},
    {"cat /dev/zero >/dev/null & cat /dev/zero >/dev/null", 200, 100, ERR_TIMEOUT, 0, NULL},
    {"exec >&-; cat /dev/zero >/dev/null", 200, 100, ERR_TIMEOUT, 0, NULL},
};

static bool run(struct arena *a, const struct end *row, struct stop *stop, struct str *output, int *status,
                struct err *e)
{
    char *const words[] = {(char *)"/bin/sh", (char *)"-c", (char *)row->script, NULL};
    const struct process_limits limits = {.time_ms = row->time_ms, .output_bytes = row->bytes};
    return process_run(a, words, &limits, stop, output, status, e);
}

static void every_end_is_told(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct str output = {NULL, 0};
        struct err e = ERR_INIT;
        int status = -1;
        bool ok = run(a, &ends[i], NULL, &output, &status, &e);
        if (ok != (ends[i].code == ERR_NONE) || e.code != ends[i].code)
            fail_msg("%s: %s", ends[i].script, e.text);
        if (ok && (status != ends[i].status || !str_is(output, ends[i].output)))
            fail_msg("%s: status %d, \"%.*s\"", ends[i].script, status, (int)output.n, output.p);
    }
}

static void environment_and_output_are_as_asked(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char *const own[] = {(char *)"COLOUR=blue", (char *)"PATH=/usr/bin:/bin", NULL};
    const struct {
        const char *script;
        struct process_limits limits;
        const char *output;
    } asked[] = {
        {"echo $COLOUR$HOME$AURORA_TEST", {10000, 100, own, false, false}, "blue\n"},
        {"echo $AURORA_TEST", {10000, 100, NULL, false, false}, "ours\n"},
        {"printf a; printf b >&2", {10000, 100, own, true, false}, "ab"},
        {"printf 12345678; printf 9", {10000, 4, own, false, true}, "1234"},
        {"head -c 1000000 /dev/zero | tr '\\0' x", {10000, 4, own, false, true}, "xxxx"},
    };
    assert_int_equal(setenv("AURORA_TEST", "ours", 1), 0);
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        char *const words[] = {(char *)"/bin/sh", (char *)"-c", (char *)asked[i].script, NULL};
        struct str output = {NULL, 0};
        struct err e = ERR_INIT;
        int status = -1;
        if (!process_run(a, words, &asked[i].limits, NULL, &output, &status, &e))
            fail_msg("%s: %s", asked[i].script, e.text);
        if (status != 0 || !str_is(output, asked[i].output))
            fail_msg("%s: status %d, \"%.*s\"", asked[i].script, status, (int)output.n, output.p);
    }
}

/* The group dies, not the first process alone: what that has started keeps a FIFO open. */
static void nothing_is_left_after_a_time_out(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char folder[] = "/tmp/aurora-process-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const char *path = arena_printf(a, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    struct pollfd fifo = {.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    const struct end row = {
        arena_printf(a, "cat /dev/zero >/dev/null 7>%s & wait", path), 500, 100, ERR_TIMEOUT, 0, NULL};
    struct str output;
    int status;
    struct err e = ERR_INIT;
    assert_false(run(a, &row, NULL, &output, &status, &e));
    assert_int_equal(e.code, ERR_TIMEOUT);
    assert_int_equal(poll(&fifo, 1, 10000), 1);
    assert_true(fifo.revents & POLLHUP);
    (void)close(fifo.fd);
    (void)unlink(path);
    (void)rmdir(folder);
}

/* Another process, with a thread that runs the program as an operation does. */
static void *run_for_ever(void *script)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct end row = {script, 60000, 100, ERR_NONE, 0, NULL};
    struct str output;
    int status;
    (void)run(a, &row, NULL, &output, &status, NULL);
    return NULL;
}

static pid_t start_doomed(char *script)
{
    pthread_t thread;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    if (pthread_create(&thread, NULL, run_for_ever, script) == 0)
        (void)pthread_join(thread, NULL);
    _exit(0);
}

/* SIGKILL leaves us no word to say: neither the program nor what it has started may live on. */
static void nothing_is_left_when_we_are_killed(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "echo up >&7; exec cat /dev/zero >/dev/null",
        "cat /dev/zero >/dev/null & echo up >&7; wait",
        "(cat /dev/zero >/dev/null & exec cat /dev/zero >/dev/null) & echo up >&7; wait",
        "trap '' HUP INT TERM; echo up >&7; cat /dev/zero >/dev/null",
    };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char folder[] = "/tmp/aurora-process-XXXXXX", up[8];
    assert_non_null(mkdtemp(folder));
    const char *path = arena_printf(a, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        struct pollfd fifo = {.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), .events = POLLIN};
        char *script = arena_printf(a, "exec 7>%s; %s", path, scripts[i]);
        pid_t pid = start_doomed(script);
        assert_int_equal(poll(&fifo, 1, 30000), 1);
        assert_int_equal(read(fifo.fd, up, sizeof up), 3);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        fifo.events = 0;
        if (poll(&fifo, 1, 30000) != 1 || !(fifo.revents & POLLHUP))
            fail_msg("still running: %s", script);
        (void)close(fifo.fd);
    }
    (void)unlink(path);
    (void)rmdir(folder);
}

static void *stop_it(void *stop)
{
    stop_request(stop);
    return NULL;
}

static void stop_ends_it_at_once(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct stop *stop CLEANUP(stop_cleanup) = stop_new();
    const struct end row = {"exec cat /dev/zero >/dev/null", 60000, 100, ERR_CANCELLED, 0, NULL};
    struct str output;
    int status;
    struct err e = ERR_INIT;
    pthread_t thread;
    int64_t began = clock_real()->mono_ms(clock_real());
    assert_int_equal(pthread_create(&thread, NULL, stop_it, stop), 0);
    assert_false(run(a, &row, stop, &output, &status, &e));
    (void)pthread_join(thread, NULL);
    assert_int_equal(e.code, ERR_CANCELLED);
    assert_true(clock_real()->mono_ms(clock_real()) - began < 30000);
}

static void a_program_that_is_not_there(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char *const words[] = {(char *)"/nowhere/helper", NULL};
    const struct process_limits limits = {.time_ms = 1000, .output_bytes = 100};
    struct str output;
    int status;
    struct err e = ERR_INIT;
    assert_false(process_run(a, words, &limits, NULL, &output, &status, &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, "/nowhere/helper"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_become_words),
        cmocka_unit_test(commands_are_bounded),
        cmocka_unit_test(every_end_is_told),
        cmocka_unit_test(nothing_is_left_after_a_time_out),
        cmocka_unit_test(nothing_is_left_when_we_are_killed),
        cmocka_unit_test(environment_and_output_are_as_asked),
        cmocka_unit_test(stop_ends_it_at_once),
        cmocka_unit_test(a_program_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
