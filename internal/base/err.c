#define AURORA_ERR_C /* the functions themselves, not the macros over them */
#include "internal/base/err.h"
#include "internal/base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static PRINTF(3, 0) void fill(char *dst, size_t size, const char *fmt, va_list ap)
{
    (void)vsnprintf(dst, size, fmt, ap); /* a cut text is what the header promises */
    utf8_clean(dst);
}

#define FILL(field)                                                                                          \
    do {                                                                                                     \
        if (e) {                                                                                             \
            va_list ap;                                                                                      \
            va_start(ap, fmt);                                                                               \
            fill(e->field, sizeof e->field, fmt, ap);                                                        \
            va_end(ap);                                                                                      \
        }                                                                                                    \
        return false;                                                                                        \
    } while (0)

bool err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    if (!e)
        return false;
    memset(e, 0, sizeof *e);
    e->code = code;
    FILL(text);
}

bool err_wrap(struct err *e, const char *fmt, ...)
{
    if (!e)
        return false;
    char inner[sizeof e->text];
    memcpy(inner, e->text, sizeof inner);
    va_list ap;
    va_start(ap, fmt);
    fill(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    size_t n = strlen(e->text);
    if (inner[0] != '\0')
        (void)snprintf(e->text + n, sizeof e->text - n, ": %s", inner);
    utf8_clean(e->text);
    return false;
}

bool err_id(struct err *e, const char *id)
{
    if (e)
        e->id = id;
    return false;
}

bool err_said(struct err *e, const char *fmt, ...)
{
    FILL(said);
}

bool err_state(struct err *e, const char *fmt, ...)
{
    FILL(state);
}

bool err_hint(struct err *e, const char *fmt, ...)
{
    FILL(hint);
}

bool err_attribute(struct err *e, const char *path)
{
    if (e)
        (void)snprintf(e->attribute, sizeof e->attribute, "%s", path);
    return false;
}

static enum err_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case EEXIST:
        return ERR_CONFLICT;
    default:
        return ERR_UNAVAILABLE;
    }
}

bool err_errno(struct err *e, int errnum, const char *fmt, ...)
{
    if (!e)
        return false;
    memset(e, 0, sizeof *e);
    e->code = code_of_errno(errnum);
    va_list ap;
    va_start(ap, fmt);
    fill(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    char reason[128];
    size_t n = strlen(e->text);
    (void)snprintf(e->text + n, sizeof e->text - n, ": %s", strerror_r(errnum, reason, sizeof reason));
    return false;
}

const char *err_code_name(enum err_code code)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",
        [ERR_INVALID] = "invalid",
        [ERR_NOT_FOUND] = "not_found",
        [ERR_CONFLICT] = "conflict",
        [ERR_DENIED] = "denied",
        [ERR_AUTH] = "auth",
        [ERR_THROTTLED] = "throttled",
        [ERR_TIMEOUT] = "timeout",
        [ERR_CANCELLED] = "cancelled",
        [ERR_REMOTE] = "remote",
        [ERR_UNAVAILABLE] = "unavailable",
        [ERR_PAUSED] = "paused",
        [ERR_BUG] = "bug",
    };
    return (size_t)code < ARRAY_LEN(names) && names[code] ? names[code] : "unknown";
}
