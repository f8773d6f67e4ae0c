#include "internal/base/clock.h"
#include "internal/upgrade/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENOUGH = 100, /* transactions that a share or a mean is taken of */
    WORSE_TIMES = 2,
    WORSE_PERMILLE = 10,
    SLOWER_US = 1000, /* means below this say nothing */
    LONG_MS = 60 * 1000,
    COUNTERS = 5
};

/* ---- one look more ---- */

static void add_application(struct arena *a, struct watched_side *s, const struct pg_application *seen)
{
    size_t i = 0;
    while (i < s->application_count && strcmp(s->applications[i].name, seen->name) != 0)
        i++;
    if (i == WATCH_APPLICATIONS_MAX)
        return;
    if (i == s->application_count)
        s->applications[s->application_count++] = (struct pg_application){arena_strdup(a, seen->name), 0};
    if (seen->sessions > s->applications[i].sessions)
        s->applications[i].sessions = seen->sessions;
}

void watch_add(struct arena *a, struct watched_side *s, const struct pg_health *h)
{
    s->looks++;
    s->last = *h;
    s->last.applications = NULL;
    s->last.application_count = 0;
    s->last.longest_application = "";
    for (size_t i = 0; i < h->application_count; i++)
        add_application(a, s, &h->applications[i]);
    if (h->longest_ms > s->longest_ms) {
        s->longest_ms = h->longest_ms;
        s->longest_application = arena_strdup(a, h->longest_application);
    }
}

/* ---- what is worse ---- */

/* Since the watch began; counters that were reset in between count from their reset. */
static int64_t since(int64_t before, int64_t now)
{
    return now >= before ? now - before : now;
}

static struct pg_health gained(const struct watch *w)
{
    const struct pg_health *b = &w->before, *n = &w->new_side.last;
    return (struct pg_health){.commits = since(b->commits, n->commits),
                              .rollbacks = since(b->rollbacks, n->rollbacks),
                              .deadlocks = since(b->deadlocks, n->deadlocks),
                              .broken_sessions = since(b->broken_sessions, n->broken_sessions),
                              .active_ms = since(b->active_ms, n->active_ms)};
}

static int64_t transactions(const struct pg_health *h)
{
    return h->commits + h->rollbacks;
}

static int64_t failing_permille(const struct pg_health *h)
{
    return transactions(h) ? (int64_t)((double)h->rollbacks * 1000 / (double)transactions(h)) : 0;
}

static int64_t mean_us(const struct pg_health *h)
{
    return transactions(h) ? (int64_t)((double)h->active_ms * 1000 / (double)transactions(h)) : 0;
}

static void name(struct buf *out, const char *application)
{
    if (application && application[0])
        (void)buf_printf(out, "\"%.64s\"", application);
    else
        (void)buf_puts(out, "an application without a name");
}

static void tell_counters(const struct pg_health *g, struct buf *out)
{
    if (g->deadlocks > 0)
        (void)buf_printf(out, "%lld deadlock(s) on the new side.\n", (long long)g->deadlocks);
    if (g->broken_sessions > 0)
        (void)buf_printf(out, "%lld session(s) on the new side were lost, ended by an error or terminated.\n",
                         (long long)g->broken_sessions);
}

/* The old side's own history is the measure; without it, what is unusual anywhere. */
static void tell_shares(const struct pg_health *g, const struct pg_health *old_side, struct buf *out)
{
    int64_t fail = failing_permille(g), failed = failing_permille(old_side);
    if (transactions(g) < ENOUGH)
        return;
    if (fail > failed * WORSE_TIMES && fail >= failed + WORSE_PERMILLE)
        (void)buf_printf(out,
                         "%lld.%lld %% of the transactions on the new side are rolled back; on the old side "
                         "it was %lld.%lld %%.\n",
                         (long long)fail / 10, (long long)fail % 10, (long long)failed / 10,
                         (long long)failed % 10);
    int64_t takes = mean_us(g), took = mean_us(old_side);
    bool comparable = old_side->active_ms > 0 && transactions(old_side) >= ENOUGH;
    if (comparable && takes > took * WORSE_TIMES && takes >= took + SLOWER_US)
        (void)buf_printf(out,
                         "A transaction takes %lld us on the new side; on the old side it took %lld us.\n",
                         (long long)takes, (long long)took);
}

static void tell_clients(const struct watch *w, struct buf *out)
{
    const struct watched_side *new_side = &w->new_side, *old_side = &w->old_side;
    if (new_side->longest_ms >= LONG_MS) {
        (void)buf_printf(out, "A transaction was open for %lld s on the new side, of ",
                         (long long)new_side->longest_ms / 1000);
        name(out, new_side->longest_application);
        (void)buf_puts(out, ".\n");
    }
    for (size_t i = 0; i < old_side->application_count; i++) {
        (void)buf_puts(out, "Still connected to the old side: ");
        name(out, old_side->applications[i].name);
        (void)buf_printf(out, ", %lld session(s).\n", (long long)old_side->applications[i].sessions);
    }
    if (new_side->looks > 0 && new_side->application_count == 0)
        (void)buf_puts(out, "No client of yours was seen on the new side.\n");
}

static void tell_misses(const char *side, const struct watched_side *s, struct buf *out)
{
    if (s->misses > 0)
        (void)buf_printf(out, "The %s side could not be looked at %zu time(s): %s\n", side, s->misses,
                         s->trouble);
}

void watch_findings(const struct watch *w, struct buf *out)
{
    const struct pg_health g = gained(w);
    if (w->new_side.looks > 0) {
        tell_counters(&g, out);
        tell_shares(&g, &w->old_side.last, out);
    }
    tell_clients(w, out);
    tell_misses("new", &w->new_side, out);
    tell_misses("old", &w->old_side, out);
}

static void list_sessions(const char *side, const struct watched_side *s, struct buf *out)
{
    (void)buf_printf(out, "%s side: %s", side, s->application_count ? "" : "nobody");
    for (size_t i = 0; i < s->application_count; i++) {
        (void)buf_puts(out, i ? ", " : "");
        name(out, s->applications[i].name);
        (void)buf_printf(out, " %lld", (long long)s->applications[i].sessions);
    }
}

void watch_sessions(const struct watch *w, struct buf *out)
{
    list_sessions("new", &w->new_side, out);
    (void)buf_puts(out, "; ");
    list_sessions("old", &w->old_side, out);
}

/* ---- the tag ---- */

void watch_write(int64_t since_ms, const struct pg_health *h, char out[WATCH_TEXT])
{
    char when[TIME_ISO_SIZE];
    time_iso(since_ms, false, when);
    (void)snprintf(out, WATCH_TEXT, "%s %lld %lld %lld %lld %lld", when, (long long)h->commits,
                   (long long)h->rollbacks, (long long)h->deadlocks, (long long)h->broken_sessions,
                   (long long)h->active_ms);
}

bool watch_read(const char *text, int64_t *ret_since_ms, struct pg_health *ret)
{
    char when[TIME_ISO_SIZE];
    int64_t since_ms = 0, counters[COUNTERS];
    size_t n = strcspn(text, " ");
    if (n >= sizeof when)
        return false;
    memcpy(when, text, n);
    when[n] = '\0';
    const char *at = text + n;
    for (size_t i = 0; i < COUNTERS; i++) {
        char *end = NULL;
        if (at[0] != ' ' || at[1] < '0' || at[1] > '9')
            return false;
        counters[i] = strtoll(at + 1, &end, 10);
        at = end;
    }
    if (*at != '\0' || !time_parse_iso(when, &since_ms))
        return false;
    *ret_since_ms = since_ms;
    *ret = (struct pg_health){.commits = counters[0],
                              .rollbacks = counters[1],
                              .deadlocks = counters[2],
                              .broken_sessions = counters[3],
                              .active_ms = counters[4]};
    return true;
}
