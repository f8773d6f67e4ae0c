/* child.h — runs programs as the user the servers belong to.
 *
 * A child gets a clean environment (no PG* variables of ours), no file descriptor but 0 to 2, its own session
 * (a Ctrl-C in the terminal is not for it), and a signal when the thread that started it ends: a program of
 * ours never outlives us. That the *thread* counts is the kernel's rule (prctl(2), PR_SET_PDEATHSIG); servers
 * are therefore started by the keeper's thread (keeper.h), not here. Thread-safe.
 */
#ifndef SANDBOX_ENGINE_CHILD_H
#define SANDBOX_ENGINE_CHILD_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/base/err.h"

#include <sys/types.h>

/* Marks a call whose failure changes nothing: what it could not do is done, or found, later. */
static inline void best_effort(bool done)
{
    (void)done;
}

struct account {
    bool change; /* false: we are not root and stay who we are */
    uid_t uid;
    gid_t gid;
    char name[64]; /* as the operating system knows it, for pg_ident.conf */
};

struct child_spec {
    const char *const *argv; /* argv[0] is the program's path; NULL at the end */
    const char *cwd;
    const char *output; /* file that stdout and stderr are appended to, created if absent; NULL: /dev/null */
    const struct account *account;
    int death_signal; /* what the child gets when the starting thread ends */
};

/* Starts it. An exec that fails is told here, not by the exit status. */
MUST_CHECK bool child_start(const struct child_spec *s, pid_t *ret_pid, struct err *e);

/* Waits up to `ms` for any process to end, child of ours or not. True: it has ended (children stay to be
 * reaped). */
bool child_ended(pid_t pid, int64_t ms);

/* Starts it, waits for its end, and fails unless it exits with 0; what it wrote is in the error and, if the
 * caller wants it, in the arena (the first 256 KiB). `output` must be NULL. */
MUST_CHECK bool child_run(const struct child_spec *s, struct arena *a, struct str *ret_output, struct err *e);

/* The same with the output in a file; ret_status as waitpid(2) has it. */
MUST_CHECK bool child_run_logged(const struct child_spec *s, int *ret_status, struct err *e);

#endif
