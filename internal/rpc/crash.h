/* crash.h — the last words of a dying process.
 *
 * Without TF_LOG the CLI shows nothing of a plugin's stderr, but for lines from "panic: " on, and only if the
 * exit status is not 0 (Terraform's plugin host, crash capture). This module is the only writer of such
 * lines. No core files: memory holds passwords.
 */
#ifndef AURORA_RPC_CRASH_H
#define AURORA_RPC_CRASH_H

#include "internal/rpc/socket.h"

/* Catches SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT for the process: one "panic: " line, a backtrace, then
 * death by the same signal. `debuggable` leaves core files and ptrace as they are. */
void crash_init(bool debuggable);

enum { CRASH_STACK_BYTES = 32 * 1024 };
/* Gives the calling thread a stack for the handler, so that a stack overflow is told as well. It must live as
 * long as the thread; until the handler runs nobody touches it, so it costs no memory. */
void crash_thread(char stack[CRASH_STACK_BYTES]);

/* What a crash is to leave nothing of; copied. Before other threads start. */
void crash_remove(const struct socket_path *s);

/* "panic: <text>" without dying: for a failure before the host listens, where no other channel exists. */
void crash_say(const char *text);

/* For what cannot happen, or cannot be survived. */
_Noreturn void crash_die(const char *text);

#endif
