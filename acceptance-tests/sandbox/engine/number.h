/* number.h — decimal numbers out of files and programs' output. */
#ifndef SANDBOX_ENGINE_NUMBER_H
#define SANDBOX_ENGINE_NUMBER_H

#include "internal/base/base.h"

#include <inttypes.h>
#include <stdlib.h>

/* Reads the digits at `s`; returns what follows them, or NULL if there are none or the number passes `max`.
 */
static inline const char *number_take(const char *s, int max, int *ret)
{
    int64_t value = 0;
    const char *p = s;
    for (; *p >= '0' && *p <= '9' && value <= max; p++)
        value = value * 10 + (*p - '0');
    if (p == s || value > max)
        return NULL;
    *ret = (int)value;
    return p;
}

/* A count PostgreSQL has printed; 0 for what is none. */
static inline int64_t number_count(const char *s)
{
    return s ? strtoll(s, NULL, 10) : 0;
}

#endif
