#include "internal/rpc/crash.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    FRAMES_MAX = 64,   /* the CLI keeps about 100 lines */
    TELLING_MAX_S = 5, /* the thread that faulted may hold the loader's lock */
};

static const struct {
    int number;
    const char *name;
} caught[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"}, {SIGABRT, "SIGABRT"},
};

static struct socket_path leftover;
static _Atomic pid_t teller;                /* the thread that reports its fault; 0: none */
static char first_stack[CRASH_STACK_BYTES]; /* the first thread's */

/* Everything the handler calls is async-signal-safe; backtrace() is once its library is loaded, which
 * crash_init() sees to. */
static void put(const char *text)
{
    for (size_t n = strlen(text); n > 0;) {
        ssize_t written = write(STDERR_FILENO, text, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        text += written;
        n -= (size_t)written;
    }
}

static void put_address(uintptr_t address)
{
    char text[2 + 2 * sizeof address + 1] = "0x";
    size_t n = 2;
    for (int shift = 8 * (int)sizeof address - 4; shift >= 0; shift -= 4)
        text[n++] = "0123456789abcdef"[address >> shift & 0xf];
    text[n] = '\0';
    put(text);
}

static const char *name_of(int signal_number)
{
    for (size_t i = 0; i < ARRAY_LEN(caught); i++)
        if (caught[i].number == signal_number)
            return caught[i].name;
    return "signal";
}

/* By the signal itself, so that the parent sees the true cause. */
static _Noreturn void die_of(int signal_number)
{
    sigset_t all;
    (void)signal(signal_number, SIG_DFL);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_UNBLOCK, &all, NULL);
    (void)raise(signal_number);
    _exit(2);
}

static void tell(int signal_number, const siginfo_t *info)
{
    put("panic: ");
    put(name_of(signal_number));
    if (signal_number != SIGABRT) {
        put(" at ");
        put_address((uintptr_t)info->si_addr);
    }
    put(" in ");
    put(program_invocation_short_name);
    put(" " AURORA_VERSION "\n");
    void *frames[FRAMES_MAX];
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    pid_t nobody = 0, self = gettid();
    if (!atomic_compare_exchange_strong(&teller, &nobody, self)) {
        if (nobody == self) /* a fault of the report itself */
            die_of(signal_number);
        for (;;) /* another thread is telling, and ends the process */
            (void)pause();
    }
    (void)alarm(TELLING_MAX_S);
    tell(signal_number, info);
    socket_path_remove(&leftover);
    die_of(signal_number);
}

static void forbid_core_files(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
}

void crash_init(bool debuggable)
{
    void *frame[1];
    (void)backtrace(frame, 1);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ARRAY_LEN(caught); i++)
        (void)sigaction(caught[i].number, &action, NULL);
    crash_thread(first_stack);
    if (!debuggable)
        forbid_core_files();
}

void crash_thread(char stack[CRASH_STACK_BYTES])
{
    stack_t there;
    if (sigaltstack(NULL, &there) != 0 || !(there.ss_flags & SS_DISABLE))
        return; /* AddressSanitizer has one for each thread, and frees it itself */
    const stack_t ours = {.ss_sp = stack, .ss_size = CRASH_STACK_BYTES};
    (void)sigaltstack(&ours, NULL);
}

void crash_remove(const struct socket_path *s)
{
    leftover = *s;
}

void crash_say(const char *text)
{
    put("panic: ");
    put(text);
    put("\n");
}

void crash_die(const char *text)
{
    crash_say(text);
    abort();
}
