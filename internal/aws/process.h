/* process.h — another program, started without a shell where that is possible, and what it prints.
 *
 * Bounded in time and size. The program gets our environment or the one it is given, an empty standard input,
 * no descriptor of ours and a process group of its own, which is killed as a whole when its time is over, it
 * prints too much, stop is requested, or this process dies, in whatever way. Only what makes a session of its
 * own (setsid) is out of reach. Threads: any number; the calling one lives until the program has ended. What
 * it prints on standard error goes nowhere, unless that is asked for: it may be anything, secrets included.
 */
#ifndef AURORA_AWS_PROCESS_H
#define AURORA_AWS_PROCESS_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/base/err.h"
#include "internal/base/stop.h"

enum { PROCESS_COMMAND_MAX = 8192, PROCESS_WORDS_MAX = 128 };

/* Words as a POSIX shell makes them out of quotes and backslashes. A command with anything more (pipes,
 * variables, patterns …) becomes {"/bin/sh", "-c", command}. *ret ends with NULL. */
MUST_CHECK bool process_words(struct arena *a, const char *command, char *const **ret, struct err *e);

struct process_limits {
    int64_t time_ms;
    size_t output_bytes;
    char *const *environment; /* "NAME=value", ends with NULL; NULL: ours */
    bool joins_errors;        /* standard error is read as standard output */
    bool cuts_output;         /* what goes beyond output_bytes is read and dropped, and is no failure */
};
/* Runs it to its end. *ret_status is the exit status, or 128 + the signal that ended it. */
MUST_CHECK bool process_run(struct arena *a, char *const *words, const struct process_limits *limits,
                            struct stop *stop, struct str *ret_output, int *ret_status, struct err *e);

#endif
