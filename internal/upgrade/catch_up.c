/* How the clone catches up, look by look; and who stands in the way when it does not. */
#include "internal/upgrade/catch_up.h"
#include "internal/base/log.h"
#include "internal/pg/replica.h"
#include "internal/pg/stall.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_BYTES = 64, /* NAMEDATALEN */
    SAID_BYTES = 800,
    TELL_EVERY_MS = 60 * 1000,
    OLD_TRANSACTION_MS = 5 * 60 * 1000,
    UNREAD_MAX_MS = 5 * 60 * 1000,  /* a worker that finds production tries again every few seconds */
    BLOCKED_MAX_MS = 10 * 60 * 1000 /* by one and the same; nobody's business takes so long on the clone */
};

/* One slot, over all looks of this operation. */
struct watched_slot {
    char slot[NAME_BYTES], database[NAME_BYTES];
    struct catch_up seen;
    struct catch_up_state state;
    int64_t unread_since, blocked_since; /* -1: it is not */
    int64_t blocked_by;                  /* the process */
    bool is_there;                       /* in this look */
};

struct catching_up {
    struct watched_slot *list;
    size_t n, cap;
    bool was_told;
    int64_t told_ms;
    char said[SAID_BYTES];
};

const char *catch_up_progress(const struct upgrade *u)
{
    return u->catching_up ? u->catching_up->said : "";
}

/* ---- one look ---- */

static struct watched_slot *slot_of(struct upgrade *u, const struct pg_slot *s)
{
    struct catching_up *c = u->catching_up;
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->list[i].slot, s->name) == 0)
            return &c->list[i];
    struct watched_slot f = {.unread_since = -1, .blocked_since = -1};
    (void)snprintf(f.slot, sizeof f.slot, "%s", s->name);
    (void)snprintf(f.database, sizeof f.database, "%s", s->database);
    ARR_PUSH(u->arena, c->list, c->n, c->cap, f);
    return &c->list[c->n - 1];
}

static void look_at(struct upgrade *u, const struct pg_slot *s)
{
    struct watched_slot *f = slot_of(u, s);
    int64_t now = u->clock->mono_ms(u->clock);
    catch_up_add(&f->seen, (struct catch_up_look){now, s->confirmed + (lsn_t)s->lag_bytes, s->confirmed});
    f->state = catch_up_state(&f->seen, u->request.max_lag_bytes);
    f->is_there = true;
    if (s->active)
        f->unread_since = -1;
    else if (f->unread_since < 0)
        f->unread_since = now;
}

static bool is_gone(const struct upgrade *u, const char *slot, const char *database, const char *how,
                    struct err *e)
{
    return upgrade_fail(e, E_CANNOT_FOLLOW, "%s can never catch up: slot %s of database %s %s",
                        follower_name(u, u->look), slot, database, how);
}

static bool look_at_all(struct upgrade *u, struct pg *source, struct err *e)
{
    struct catching_up *c = u->catching_up;
    const struct pg_slot *slots = NULL;
    size_t n = 0;
    if (!pg_slots(source, u->look, LOGICAL_SLOT_PREFIX, &slots, &n, e))
        return false;
    for (size_t i = 0; i < c->n; i++)
        c->list[i].is_there = false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(slots[i].wal_status, "lost") == 0)
            return is_gone(u, slots[i].name, slots[i].database, "has lost the WAL it needs", e);
        look_at(u, &slots[i]);
    }
    for (size_t i = 0; i < c->n; i++)
        if (!c->list[i].is_there)
            return is_gone(u, c->list[i].slot, c->list[i].database, "is gone", e);
    return n > 0 || upgrade_fail(e, E_CANNOT_FOLLOW, "%s can never catch up: %s has no slot of it",
                                 follower_name(u, u->look), u->request.cluster);
}

/* There is one: whoever asks has looked at all. */
static const struct watched_slot *worst(const struct catching_up *c)
{
    const struct watched_slot *f = &c->list[0];
    for (size_t i = 1; i < c->n; i++)
        if (c->list[i].state.lag_bytes > f->state.lag_bytes)
            f = &c->list[i];
    return f;
}

/* ---- who stands in the way ---- */

static bool is_unread(struct upgrade *u, const struct watched_slot *f, struct err *e)
{
    if (f->unread_since < 0 || u->clock->mono_ms(u->clock) - f->unread_since < UNREAD_MAX_MS)
        return true;
    (void)upgrade_fail(e, E_STALLED,
                       "nobody has read slot %s of database %s for %d minutes: %s does not reach %s", f->slot,
                       f->database, UNREAD_MAX_MS / 60000, follower_name(u, u->look), u->request.cluster);
    return err_said(e, "%.1000s", follower_log_error(u));
}

static void say_blocker(struct upgrade *u, const struct watched_slot *f, const struct pg_holder *h,
                        struct buf *out)
{
    (void)buf_printf(out, "in database %s of %s the replication waits for a lock%s%s held by %s", f->database,
                     follower_name(u, u->look), h->table[0] ? " on " : "", h->table,
                     pg_holder_text(u->look, h));
}

/* Only of one that stands: whoever waits for a moment is no news. */
static bool find_blocker(struct upgrade *u, struct watched_slot *f, struct buf *out, struct err *e)
{
    struct pg *c CLEANUP(pg_cleanup) = NULL;
    const struct pg_holder *list = NULL;
    size_t n = 0;
    int64_t now = u->clock->mono_ms(u->clock);
    if (!side_open(u, who_follows(u).side, f->database, false, &c, e) ||
        !pg_apply_blockers(c, u->look, LOGICAL_NAME, &list, &n, e))
        return false;
    if (n == 0) {
        f->blocked_since = -1;
        return true;
    }
    if (f->blocked_since < 0 || f->blocked_by != list[0].pid)
        f->blocked_since = now;
    f->blocked_by = list[0].pid;
    say_blocker(u, f, &list[0], out);
    return now - f->blocked_since < BLOCKED_MAX_MS || upgrade_fail(e, E_STALLED, "%s", buf_text(out));
}

static bool find_blockers(struct upgrade *u, struct buf *out, struct err *e)
{
    struct catching_up *c = u->catching_up;
    for (size_t i = 0; i < c->n; i++) {
        struct watched_slot *f = &c->list[i];
        struct buf one CLEANUP(buf_done) = BUF_INIT(SAID_BYTES);
        if (!is_unread(u, f, e))
            return false;
        if (f->state.verdict != CATCH_UP_STANDS)
            f->blocked_since = -1;
        else if (!find_blocker(u, f, &one, e))
            return false;
        if (one.n > 0)
            (void)buf_printf(out, "; %s", buf_text(&one));
    }
    return true;
}

/* ---- telling ---- */

/* Production keeps WAL from its beginning, and sends nothing of it before its end. */
static bool say_transaction(struct upgrade *u, struct pg *source, struct buf *out, struct err *e)
{
    struct pg_holder h;
    bool found = false;
    if (!pg_oldest_writer(source, u->look, &h, &found, e))
        return false;
    if (found && h.age_ms >= OLD_TRANSACTION_MS)
        (void)buf_printf(out, "; production keeps all WAL since the oldest transaction began: %s",
                         pg_holder_text(u->look, &h));
    return true;
}

static void say_state(const struct watched_slot *f, size_t of, struct buf *out)
{
    if (of > 1)
        (void)buf_printf(out, "database %s: ", f->database);
    catch_up_say(&f->state, out);
    if (f->unread_since >= 0)
        (void)buf_puts(out, "; nobody reads its slot at the moment");
}

static void tell(struct upgrade *u, const struct buf *text)
{
    struct catching_up *c = u->catching_up;
    int64_t now = u->clock->mono_ms(u->clock);
    (void)snprintf(c->said, sizeof c->said, "%s", text->p ? text->p : "");
    if (c->was_told && now - c->told_ms < TELL_EVERY_MS)
        return;
    c->was_told = true;
    c->told_ms = now;
    log_line(LOG_INFO, "upgrade", "%s: %s", u->request.cluster, c->said);
    if (u->note)
        u->note(u->note_arg, "catch-up", c->said);
}

bool catch_up_watch(struct upgrade *u, struct err *e)
{
    struct pg *source CLEANUP(pg_cleanup) = NULL;
    struct buf text CLEANUP(buf_done) = BUF_INIT(4 * SAID_BYTES);
    if (!u->catching_up)
        u->catching_up = ARENA_NEW(u->arena, struct catching_up);
    if (!side_open(u, SIDE_BLUE, NULL, false, &source, e) || !look_at_all(u, source, e))
        return false;
    say_state(worst(u->catching_up), u->catching_up->n, &text);
    if (!find_blockers(u, &text, e) || !say_transaction(u, source, &text, e))
        return false;
    tell(u, &text);
    return true;
}
