/* A server that restarts under a walk: AWS reboots an instance for a call of an apply that is long dead, a
 * writer fails over, somebody kills it. What a row lost by that is done once more when it answers again. */
#include "internal/upgrade/upgrade.h"

#include <string.h>

enum { RIDE_OUT_MS = 3 * 60 * 1000, LOOK_MS = 1000 };

/* Somebody who never could connect is told so at once. */
static bool was_lost(const struct upgrade *u, const struct err *why)
{
    return why->code == ERR_UNAVAILABLE && strcmp(why->attribute, "postgresql") == 0 &&
           u->has_answered[u->unreached];
}

bool server_is_back(void *arg, const struct err *why)
{
    struct upgrade *u = arg;
    if (!was_lost(u, why))
        return false;
    enum side side = u->unreached;
    int64_t until = u->clock->mono_ms(u->clock) + RIDE_OUT_MS;
    for (;;) {
        struct pg *c CLEANUP(pg_cleanup) = NULL;
        struct err e = ERR_INIT;
        if (u->clock->wait(u->clock, u->stop, LOOK_MS))
            return false;
        if (side_open(u, side, NULL, false, &c, &e))
            return true;
        if (e.code != ERR_UNAVAILABLE || u->clock->mono_ms(u->clock) >= until)
            return false;
    }
}
