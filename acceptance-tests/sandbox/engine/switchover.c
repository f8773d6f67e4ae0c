/* The switch: fence, drain, sequences, flip, open.
 *
 * Why nothing is lost: the lock is in the postmaster before anybody is thrown out, so every session that
 * comes after it, or that was still logging in, has it before its first statement; every session that was
 * there is ended. When no transaction id is running then (xmin = xmax), all commits are in WAL; the marker
 * commits after them, and green applies in that order, so a marker seen on green means that all of them are
 * there. If blue's next transaction id has not moved since by more than the markers themselves, nobody else
 * has begun to write.
 */
#include "acceptance-tests/sandbox/engine/bluegreen.h"
#include "acceptance-tests/sandbox/engine/forward.h"
#include "acceptance-tests/sandbox/engine/server.h"
#include "internal/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_SWEEPS 3 /* so many in a row must find nobody */
#define APPROACHES   20
#define NEAR_MS      25
#define ATTEMPTS     50 /* markers until no autovacuum gets in between */

static int64_t now_ms(void)
{
    return clock_real()->mono_ms(clock_real());
}

static void pause_ms(int64_t ms)
{
    (void)clock_real()->wait(clock_real(), NULL, ms);
}

static bool late(int64_t deadline, const char *phase, struct err *e)
{
    if (now_ms() < deadline)
        return false;
    (void)err_set(e, ERR_TIMEOUT, "the switchover's time is up while %s", phase);
    return true;
}

static bool check_prepared(struct pair *p, struct err *e)
{
    const char *gids;
    if (!sql_value(p->blue_admin, p->arena, "SELECT string_agg(gid, ', ') FROM pg_prepared_xacts", &gids, e))
        return false;
    return !gids || err_set(e, ERR_CONFLICT, "blue has prepared transactions: %s", gids);
}

/* ---- fence ---- */

/* Ends every session but rdsadmin's, with 57P01, until none is left. */
static bool sweep(PGconn *c, struct arena *a, int64_t deadline, struct err *e)
{
    for (;;) {
        const char *ended;
        if (late(deadline, "sessions are being ended", e) ||
            !sql_value(c, a,
                       "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                       " WHERE backend_type = 'client backend' AND usename <> 'rdsadmin'",
                       &ended, e))
            return false;
        if (strcmp(ended, "0") == 0)
            return true;
        pause_ms(1);
    }
}

/* Everybody out first, then the lock: so clients are told that their session ends, not that they may not
 * write. New ones wait at the endpoints; who was still logging in meets the lock or the second sweep. */
static bool fence(struct engine *g, struct pair *p, int64_t deadline, struct err *e)
{
    if (!sweep(p->blue_admin, p->arena, deadline, e))
        return err_wrap(e, "end the sessions on blue");
    p->blue->writes = WRITES_LOCKED;
    return (server_reload(g, p->blue, e) && sweep(p->blue_admin, p->arena, deadline, e) &&
            sweep(p->green_admin, p->arena, deadline, e) && check_prepared(p, e)) ||
           err_wrap(e, "stop writes on blue");
}

/* ---- drain ---- */

/* Waits until no transaction with an id is running; returns the next id. */
static bool settle(struct pair *p, int64_t deadline, uint64_t *ret, struct err *e)
{
    for (;;) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct sql_result r;
        if (!sql_run(p->blue_admin, a,
                     "SELECT pg_snapshot_xmin(s), pg_snapshot_xmax(s) FROM pg_current_snapshot() AS s", &r,
                     e))
            return false;
        if (strcmp(r.cell[0][0], r.cell[0][1]) == 0) {
            *ret = strtoull(r.cell[0][1], NULL, 10);
            return true;
        }
        if (late(deadline, "transactions on blue are running", e))
            return false;
        pause_ms(1);
    }
}

/* Everything of blue is on green, sequences too, and nobody has written meanwhile. */
static bool drain(struct pair *p, int64_t deadline, struct err *e)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        uint64_t before, after;
        const char *token;
        if (!settle(p, deadline, &before, e) || !marker_write(p, &token, e) ||
            !marker_await(p, token, deadline, e) || !sequences_carry(p, true, e) ||
            !settle(p, deadline, &after, e))
            return err_wrap(e, "bring green up to date");
        if (after == before + p->count)
            return true;
    }
    return err_set(e, ERR_CONFLICT, "somebody keeps writing on blue in spite of its lock");
}

/* ---- the whole ---- */

static bool undo(struct engine *g, struct pair *p, struct err *e)
{
    struct err again = ERR_INIT;
    p->blue->writes = WRITES_OPEN;
    if (server_reload(g, p->blue, &again))
        return err_state(e, "blue is writable again, nothing has been switched");
    return err_state(e, "blue could not be made writable again: %s", again.text);
}

/* Past the flip: green is production. */
static bool open_green(struct engine *g, struct pair *p, struct err *e)
{
    p->green->writes = WRITES_OPEN;
    if (server_reload(g, p->green, e) || (server_alive(p->green) && server_reload(g, p->green, e)) ||
        server_start(g, p->green, e))
        return true;
    (void)err_state(e, "the endpoints lead to green already, which is still read-only");
    return err_wrap(e, "open green for writes");
}

/* Written down and taken apart when clients are already at work again. What fails here, bluegreen_drop does.
 */
static void after_care(struct engine *g, struct pair *p)
{
    best_effort(volume_save(g, p->green, volume_path(g, p->arena, p->green, ""), NULL));
    best_effort(volume_save(g, p->blue, volume_path(g, p->arena, p->blue, ""), NULL));
    for (size_t i = 0; i < p->count; i++)
        best_effort(green_detach(p->databases[i].green, NULL));
}

static bool switch_held(struct engine *g, struct pair *p, const struct bluegreen_switch *s, int64_t deadline,
                        struct err *e)
{
    if (!fence(g, p, deadline, e) || !drain(p, deadline, e) || !s->flip(s->arg, e))
        return undo(g, p, e);
    return open_green(g, p, e);
}

/* Without a fence, until a marker passes quickly: what was written while it was under way is the backlog that
 * clients would have to wait for inside the fence. A green that is always behind gets its chance all the
 * same. */
static bool approach(struct pair *p, int64_t deadline, struct err *e)
{
    for (int i = 0; i < APPROACHES; i++) {
        const char *token;
        int64_t begun = now_ms();
        if (!marker_write(p, &token, e) || !marker_await(p, token, deadline, e))
            return false;
        if (now_ms() - begun < NEAR_MS)
            break;
    }
    return true;
}

/* What cannot be done at all, such as a sequence that green lacks, is known before anybody is thrown out. */
static bool prepare(struct pair *p, int64_t deadline, struct err *e)
{
    if (p->count == 0)
        return err_set(e, ERR_CONFLICT, "green does not follow blue");
    return check_prepared(p, e) && sequences_carry(p, false, e) && approach(p, deadline, e);
}

bool bluegreen_switchover(struct engine *g, const struct bluegreen_switch *s, struct err *e)
{
    struct pair p CLEANUP(pair_done) = {0};
    int64_t deadline = now_ms() + s->timeout_ms;
    if (!pair_open(g, s->blue, s->green, &p, e) || !prepare(&p, deadline, e))
        return err_wrap(e, "switch over from %s to %s", s->blue, s->green);
    forward_hold_volume(g->forward, p.blue, true);
    forward_hold_volume(g->forward, p.green, true);
    bool ok = switch_held(g, &p, s, deadline, e);
    forward_hold_volume(g->forward, p.blue, false);
    forward_hold_volume(g->forward, p.green, false);
    if (!ok)
        return err_wrap(e, "switch over from %s to %s", s->blue, s->green);
    after_care(g, &p);
    return true;
}
