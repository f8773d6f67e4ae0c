/* A tiny plugin whose methods do on request what a provider should survive. Only for the tests of rpc. */
#include "internal/rpc/rpc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_int running;

static bool reply_text(struct rpc_call *c, const char *text)
{
    c->reply = str_of(arena_strdup(c->arena, text));
    return true;
}

static bool refuse(struct rpc_call *c, const char *why)
{
    c->failure = why;
    return false;
}

static bool echo(struct rpc_call *c)
{
    c->reply = (struct str){arena_memdup(c->arena, c->request.p, c->request.n), c->request.n};
    return true;
}

static bool fail(struct rpc_call *c)
{
    return refuse(c, arena_printf(c->arena, "cannot decode %zu bytes", c->request.n));
}

/* Waits for the stop token, as a well-behaved apply does. */
static bool block(struct rpc_call *c)
{
    (void)atomic_fetch_add(&running, 1);
    bool was_stopped = stop_wait(c->stop, 120000);
    (void)atomic_fetch_sub(&running, 1);
    return reply_text(c, was_stopped ? "stopped" : "time is up");
}

/* "MS PATH": works on for MS after the stop was asked for, then makes the file PATH (unless it is "-"). */
static bool undo(struct rpc_call *c)
{
    int ms = 0;
    char path[200] = "";
    if (sscanf(arena_memdup(c->arena, c->request.p, c->request.n), "%d %199s", &ms, path) != 2)
        return refuse(c, "MS PATH expected");
    (void)atomic_fetch_add(&running, 1);
    (void)stop_wait(c->stop, 120000);
    (void)poll(NULL, 0, ms);
    if (strcmp(path, "-") != 0) {
        FILE *f = fopen(path, "we");
        if (!f)
            return refuse(c, "the file cannot be made");
        (void)fclose(f);
    }
    return reply_text(c, "undone");
}

static bool count_running(struct rpc_call *c)
{
    return reply_text(c, arena_printf(c->arena, "%d", atomic_load(&running)));
}

static bool stop(struct rpc_call *c)
{
    stop_request(c->stop);
    return reply_text(c, "stopping");
}

static __attribute__((noinline)) int recurse(int depth)
{
    volatile char frame[4096];
    memset((char *)frame, depth, sizeof frame);
    return depth < 0 ? frame[0] : recurse(depth + 1) + frame[depth % 4096];
}

static __attribute__((noinline, no_sanitize("undefined", "address"))) void write_to_nowhere(void)
{
    static volatile uintptr_t nowhere = 16; /* volatile: else the compiler sees through it */
    *(volatile int *)nowhere = 1;
}

static bool crash(struct rpc_call *c)
{
    if (str_is(c->request, "SIGABRT"))
        abort();
    if (str_is(c->request, "overflow"))
        return recurse(1) == 0;
    if (str_is(c->request, "SIGSEGV"))
        write_to_nowhere();
    if (str_is(c->request, "SIGBUS"))
        (void)raise(SIGBUS);
    return refuse(c, "still alive");
}

/* What a child sees that got only a stdout of its own: the targets of its descriptors. */
static bool child_descriptors(struct rpc_call *c)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return refuse(c, "no pipe");
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    char *const argv[] = {"ls", "/proc/self/fd", NULL};
    char *const env[] = {NULL};
    pid_t child;
    int failed = posix_spawn(&child, "/bin/ls", &actions, NULL, argv, env);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    char text[4096] = "";
    size_t n = 0;
    for (ssize_t got = 1; !failed && got > 0 && n<sizeof text - 1; n += got> 0 ? (size_t)got : 0)
        got = read(ends[0], text + n, sizeof text - 1 - n);
    (void)close(ends[0]);
    if (failed || waitpid(child, NULL, 0) < 0)
        return refuse(c, "ls cannot be run");
    return reply_text(c, text);
}

static bool read_stdin(struct rpc_call *c)
{
    char byte;
    return reply_text(c, read(STDIN_FILENO, &byte, 1) == 0 ? "end of file" : "something");
}

/* tfplugin6.GetProviderSchema.Response{provider: {block: {}}}: enough for `terraform providers schema`. */
static bool provider_schema(struct rpc_call *c)
{
    c->reply = (struct str){arena_memdup(c->arena, "\x0a\x02\x12\x00", 4), 4};
    return true;
}

static const struct rpc_method methods[] = {
    {"/test.Plugin/Echo", echo, false},
    {"/test.Plugin/EchoInline", echo, true},
    {"/test.Plugin/Fail", fail, false},
    {"/test.Plugin/Block", block, false},
    {"/test.Plugin/Undo", undo, false},
    {"/test.Plugin/Running", count_running, true},
    {"/test.Plugin/Stop", stop, true},
    {"/test.Plugin/Crash", crash, false},
    {"/test.Plugin/ChildDescriptors", child_descriptors, false},
    {"/test.Plugin/ReadStdin", read_stdin, false},
    {"/tfplugin6.Provider/GetProviderSchema", provider_schema, false},
    {.path = NULL},
};

int main(void)
{
    CLEANUP(stop_cleanup) struct stop *token = stop_new();
    return rpc_serve(&(struct rpc_options){
        .magic_cookie_key = "TF_PLUGIN_MAGIC_COOKIE",
        .magic_cookie_value = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
        .protocol_version = 6,
        .methods = methods,
        .stop = token,
        .source_address = "example.com/test/plugin",
    });
}
