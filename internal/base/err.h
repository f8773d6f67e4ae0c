/* err.h — one failure, told in the parts a user needs.
 *
 * The caller owns `struct err`, on its stack, initialised with ERR_INIT; nothing is allocated, nothing needs
 * to be freed. A code exists only if somebody branches on it. Whoever finds the failure calls err_set();
 * every layer above adds its own words in front with err_wrap(), never replaces what is there. Both return
 * false, so
 *
 *     if (!rds_cluster_get(s, id, &c, e))
 *         return err_wrap(e, "read cluster %s", id);
 *
 * All texts are cut at their buffer's size and made valid UTF-8 without control characters on the way in:
 * what servers, AWS and users said may be passed as it is (but never as a format string).
 * Threads: none of its own. A NULL `e` is allowed everywhere and means "the caller does not want to know".
 */
#ifndef AURORA_ERR_H
#define AURORA_ERR_H

#include "internal/base/base.h"

enum err_code {
    ERR_NONE,
    ERR_INVALID,     /* the request itself is wrong; the same request will fail again */
    ERR_NOT_FOUND,   /* AWS, PostgreSQL or the file system positively says that the thing does not exist */
    ERR_CONFLICT,    /* it exists already, or is in a state that does not allow this now */
    ERR_DENIED,      /* credentials are valid, the action is not allowed */
    ERR_AUTH,        /* credentials are missing, wrong or expired */
    ERR_THROTTLED,   /* asked to slow down, and retries are used up */
    ERR_TIMEOUT,     /* a deadline of ours passed; what was waited for may still happen */
    ERR_CANCELLED,   /* Stop was asked for */
    ERR_UNAVAILABLE, /* could not be reached, or 5xx after all retries: outcome unknown */
    ERR_REMOTE,      /* the other side refused for a reason of its own; see `said` */
    ERR_PAUSED,      /* not a failure: work waits for a window or the next apply */
    ERR_BUG          /* cannot happen; our mistake */
};

struct err {
    enum err_code code;
    const char *id;       /* stable id such as "AUR0123"; static storage; NULL until somebody names it */
    char text[2048];      /* what failed: outermost words first, joined by ": " */
    char remote_code[96]; /* AWS's error code or the SQLSTATE, as received; "" = none */
    char said[2048];      /* the other side's own words, request id included; "" = none */
    char state[512];      /* the state of production in plain words; "" = not known at this layer */
    char hint[1024];      /* the next thing to do; "" = none */
    char attribute[128]; /* attribute path of the configuration, such as "target_engine_version"; "" = none */
};

#define ERR_INIT                                                                                             \
    {                                                                                                        \
        .code = ERR_NONE                                                                                     \
    }

/* Sets code and text, forgetting whatever was there. Returns false. */
bool err_set(struct err *e, enum err_code code, const char *fmt, ...) PRINTF(3, 4);

/* Puts "<words>: " in front of the text. Returns false. */
bool err_wrap(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* Fill one part each; all return false so that they can end a function as well. */
bool err_id(struct err *e, const char *id);
bool err_said(struct err *e, const char *fmt, ...) PRINTF(2, 3);
bool err_state(struct err *e, const char *fmt, ...) PRINTF(2, 3);
bool err_hint(struct err *e, const char *fmt, ...) PRINTF(2, 3);
bool err_attribute(struct err *e, const char *path);

/* "could not <what>: <strerror(errno)>", code ERR_IO-like: ERR_NOT_FOUND for ENOENT, ERR_DENIED for
 * EACCES/EPERM, ERR_UNAVAILABLE else. Returns false. */
bool err_errno(struct err *e, int errnum, const char *fmt, ...) PRINTF(3, 4);

/* Lower-case word for logs and tests: "not_found". */
const char *err_code_name(enum err_code code);

/* Compilers and analysers see one source file at a time and must be told what every caller relies on. */
#ifndef AURORA_ERR_C
#define err_set(...)       ERR_FALSE(err_set(__VA_ARGS__))
#define err_wrap(...)      ERR_FALSE(err_wrap(__VA_ARGS__))
#define err_id(...)        ERR_FALSE(err_id(__VA_ARGS__))
#define err_said(...)      ERR_FALSE(err_said(__VA_ARGS__))
#define err_state(...)     ERR_FALSE(err_state(__VA_ARGS__))
#define err_hint(...)      ERR_FALSE(err_hint(__VA_ARGS__))
#define err_attribute(...) ERR_FALSE(err_attribute(__VA_ARGS__))
#define err_errno(...)     ERR_FALSE(err_errno(__VA_ARGS__))
#define ERR_FALSE(call)                                                                                      \
    ({                                                                                                       \
        (void)call;                                                                                          \
        false;                                                                                               \
    })
#endif

#endif
