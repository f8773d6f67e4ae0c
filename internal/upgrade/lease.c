#include "internal/upgrade/lease.h"

#include "internal/base/log.h"
#include "internal/pg/lock.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WATCH_MS = 5000, /* between two looks at another's tag */
    LOCK_TRIES = 10, /* the server takes a moment to notice that a killed process is gone */
    LOCK_PAUSE_MS = 500,
    ARN_SIZE = 512
};

struct lease {
    struct lease *next; /* in `held` */
    struct upgrade *u;
    struct aws_session aws; /* the renewing thread's own, which brings an arena: the walk changes its */
    struct pg *session;     /* NULL: no login, or not reached */
    struct lease_holder self;
    char arn[ARN_SIZE]; /* of the object that bears our tag; "" none yet */
    int64_t written_ms; /* mono; when the tag was last written by us */
    bool is_renewing;   /* the renewing thread is at it, without the lock */
};

/* ---- renewal: one thread for all leases of the process, while there are any ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct lease *held;
static bool has_renewer;

static const char *own_text(struct lease *l, char out[LEASE_TEXT])
{
    struct lease_holder h = l->self;
    h.until_ms = l->u->clock->wall_ms(l->u->clock) + LEASE_MS;
    lease_write(&h, out);
    return out;
}

static bool write_tag(struct lease *l, const struct aws_session *s, const char *arn, struct err *e)
{
    char text[LEASE_TEXT];
    const struct rds_tag tag = {TAG_HOLDER, own_text(l, text)};
    return rds_tag_add(s, arn, (struct rds_tags){&tag, 1}, e);
}

/* A renewal that fails is no end: the next step that changes something reads the tag first. */
static void renew(struct lease *l)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws_session s = l->aws;
    struct err e = ERR_INIT;
    char arn[ARN_SIZE];
    (void)snprintf(arn, sizeof arn, "%s", l->arn);
    s.arena = a;
    l->is_renewing = true;
    l->written_ms = l->u->clock->mono_ms(l->u->clock);
    (void)pthread_mutex_unlock(&lock);
    if (!write_tag(l, &s, arn, &e))
        log_debug("lease", "%s: the lease could not be renewed: %s", l->u->request.cluster, e.text);
    (void)pthread_mutex_lock(&lock);
    l->is_renewing = false;
    (void)pthread_cond_broadcast(&changed);
}

static struct lease *next_due(void)
{
    for (struct lease *l = held; l; l = l->next)
        if (l->arn[0] && l->u->clock->mono_ms(l->u->clock) - l->written_ms >= LEASE_RENEW_MS)
            return l;
    return NULL;
}

static void *renew_all(void *arg)
{
    (void)pthread_mutex_lock(&lock);
    while (held) {
        struct lease *due = next_due();
        struct timespec until;
        if (due) {
            renew(due);
            continue;
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        (void)pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &until);
    }
    has_renewer = false;
    (void)pthread_mutex_unlock(&lock);
    return arg;
}

static void start_renewer(void)
{
    pthread_attr_t detached;
    pthread_t thread;
    (void)pthread_attr_init(&detached);
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    has_renewer = pthread_create(&thread, &detached, renew_all, NULL) == 0;
    (void)pthread_attr_destroy(&detached);
}

static void note_written(struct lease *l, const char *arn)
{
    (void)pthread_mutex_lock(&lock);
    (void)snprintf(l->arn, sizeof l->arn, "%s", arn);
    l->written_ms = l->u->clock->mono_ms(l->u->clock);
    if (!has_renewer && l->u->clock == clock_real()) /* a test's clock stands still: nothing runs out */
        start_renewer();
    (void)pthread_mutex_unlock(&lock);
}

/* ---- life ---- */

struct lease *lease_new(struct upgrade *u)
{
    struct lease *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->u = u;
    l->aws = u->aws;
    l->aws.arena = NULL;
    lease_self(&l->self);
    (void)pthread_mutex_lock(&lock);
    l->next = held;
    held = l;
    (void)pthread_mutex_unlock(&lock);
    return l;
}

static void forget(struct lease *l)
{
    (void)pthread_mutex_lock(&lock);
    struct lease **at = &held;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    while (l->is_renewing)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static bool is_mine(const struct lease *l, const struct lease_holder *h)
{
    return strcmp(h->place, l->self.place) == 0;
}

/* After Stop nothing can be told to AWS any more; the tag then runs out by itself. */
static void remove_tag(struct lease *l)
{
    static const char *const key[] = {TAG_HOLDER, NULL};
    struct rds_tags tags = {0};
    struct lease_holder h;
    struct err e = ERR_INIT;
    if (!l->arn[0] || stop_requested(l->u->stop) || !rds_tag_list(&l->u->aws, l->arn, &tags, &e))
        return;
    const char *text = rds_tag_value(&tags, TAG_HOLDER);
    if (text && lease_read(text, &h) && is_mine(l, &h) && !rds_tag_remove(&l->u->aws, l->arn, key, &e))
        log_debug("lease", "%s: the lease stays until it runs out: %s", l->u->request.cluster, e.text);
}

void lease_free(struct lease *l)
{
    if (!l)
        return;
    forget(l);
    remove_tag(l);
    pg_close(l->session);
    free(l);
}

/* ---- the lock ---- */

static bool refuse(const struct lease *l, struct err *e, const char *who)
{
    (void)upgrade_fail(e, E_HELD, "another apply works on %s: %s", l->u->request.cluster, who);
    world_state(l->u, e);
    return false;
}

/* In a database that every cluster has, so that applies with other logins meet; else in the login's own. */
static bool open_session(struct lease *l, struct err *e)
{
    struct err why = ERR_INIT;
    if (side_open(l->u, SIDE_BLUE, "postgres", false, &l->session, &why))
        return true;
    if (why.code == ERR_NOT_FOUND || why.code == ERR_DENIED || why.code == ERR_CONFLICT)
        return side_open(l->u, SIDE_BLUE, NULL, false, &l->session, e);
    *e = why;
    return false;
}

static bool lose_session(struct lease *l, const struct err *why)
{
    log_debug("lease", "%s: no lock: %s", l->u->request.cluster, why->text);
    pg_close(l->session);
    l->session = NULL;
    return true;
}

/* A database that cannot be reached is what the flow's own rows report; only a holder ends the walk here. A
 * session that a restart or the switchover has cut is made anew. */
static bool hold_lock(struct lease *l, struct err *e)
{
    for (int i = 0;; i++) {
        const char *holder = "";
        bool is_held = false, is_new = !l->session;
        struct err why = ERR_INIT;
        if (is_new && !open_session(l, &why))
            return lose_session(l, &why);
        if (!pg_lock_take(l->session, l->u->look, &is_held, &holder, &why)) {
            (void)lose_session(l, &why);
            if (is_new)
                return true;
            continue;
        }
        if (is_held)
            return true;
        if (i >= LOCK_TRIES || l->u->clock->wait(l->u->clock, l->u->stop, LOCK_PAUSE_MS))
            return refuse(l, e, holder[0] ? holder : "its lock in the database is taken");
    }
}

/* ---- the tag ---- */

static bool may_take(const struct lease *l, const char *text)
{
    struct lease_holder h;
    if (!text || !lease_read(text, &h) || is_mine(l, &h) || lease_is_dead(&h))
        return true;
    return l->u->clock->wall_ms(l->u->clock) > h.until_ms + LEASE_SKEW_MS;
}

/* Two that write at the same time both read back what the last of them wrote. */
static bool take(struct lease *l, const char *arn, bool *ret_taken, struct err *e)
{
    struct rds_tags tags = {0};
    struct lease_holder h;
    if (!write_tag(l, &l->u->aws, arn, e) || !rds_tag_list(&l->u->aws, arn, &tags, e))
        return false;
    const char *text = rds_tag_value(&tags, TAG_HOLDER);
    *ret_taken = text && lease_read(text, &h) && is_mine(l, &h);
    if (*ret_taken)
        note_written(l, arn);
    return true;
}

static bool is_same(const char *x, const char *y)
{
    return x && y && strcmp(x, y) == 0;
}

static bool is_absent(const struct err *e)
{
    return e->code == ERR_NOT_FOUND;
}

/* Waits at another's tag until it is given back, runs out, or is renewed, which proves that somebody lives.
 */
static bool hold_tag(struct lease *l, const char *arn, struct err *e)
{
    struct clock *c = l->u->clock;
    int64_t give_up = c->mono_ms(c) + LEASE_MS + LEASE_SKEW_MS;
    const char *first = NULL;
    for (;;) {
        struct rds_tags tags = {0};
        struct lease_holder h;
        bool taken = false;
        if (!rds_tag_list(&l->u->aws, arn, &tags, e))
            return false;
        const char *text = rds_tag_value(&tags, TAG_HOLDER);
        if (may_take(l, text) || (is_same(first, text) && c->mono_ms(c) >= give_up)) {
            if (!take(l, arn, &taken, e))
                return false;
            if (taken)
                return true;
            continue;
        }
        if (first && !is_same(first, text) && lease_read(text, &h))
            return refuse(l, e, arena_printf(l->u->look, "%s, whose lease was just renewed", h.who));
        first = text;
        if (c->wait(c, l->u->stop, WATCH_MS))
            return err_set(e, ERR_CANCELLED, "interrupted while %s was held by %s", l->u->request.cluster,
                           first);
    }
}

/* The tag is the object's only while the walk is at that object. */
static bool is_recent(struct lease *l, const char *arn, bool *ret, struct err *e)
{
    struct clock *c = l->u->clock;
    struct rds_tags tags = {0};
    struct lease_holder h;
    *ret = false;
    if (strcmp(l->arn, arn) != 0 || c->mono_ms(c) - l->written_ms >= LEASE_RENEW_MS)
        return true;
    if (!rds_tag_list(&l->u->aws, arn, &tags, e))
        return false;
    const char *text = rds_tag_value(&tags, TAG_HOLDER);
    *ret = text && lease_read(text, &h) && is_mine(l, &h);
    return true;
}

bool lease_hold(void *lease, struct err *e)
{
    struct lease *l = lease;
    struct err why = ERR_INIT;
    bool recent = false;
    /* while a roll-back moves names nobody may answer, and every second counts: the tag alone tells */
    if (l->u->has_login && !l->u->world.names_move && !hold_lock(l, e))
        return false;
    const char *arn = run_object(l->u);
    if (!arn)
        return true;
    if ((is_recent(l, arn, &recent, &why) && recent) || (!why.code && hold_tag(l, arn, &why)))
        return true;
    if (is_absent(&why)) /* deleted a moment ago */
        return true;
    *e = why;
    return err_wrap(e, "take the lease of %s", l->u->request.cluster);
}
