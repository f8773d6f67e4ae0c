/* The arithmetic of catching up. */
#include "internal/upgrade/catch_up.h"

#include <inttypes.h>
#include <string.h>

enum { SECOND_MS = 1000, MINUTE_S = 60, HOUR_S = 3600, WIDER = 2, DAYS_MAX_S = 30 * 86400, END_BYTES = 200 };

/* ---- looks ---- */

static bool goes_on(const struct catch_up_look *last, const struct catch_up_look *look)
{
    return look->at_ms >= last->at_ms && look->written >= last->written && look->applied >= last->applied;
}

void catch_up_add(struct catch_up *c, struct catch_up_look look)
{
    if (c->n > 0 && !goes_on(&c->looks[c->n - 1], &look))
        c->n = 0;
    if (c->n == 0 || look.applied > c->looks[c->n - 1].applied)
        c->moved_ms = look.at_ms;
    if (c->n > 0 && c->looks[c->n - 1].at_ms == look.at_ms)
        c->n--;
    if (c->n == CATCH_UP_LOOKS)
        memmove(c->looks, c->looks + 1, --c->n * sizeof *c->looks);
    c->looks[c->n++] = look;
}

/* ---- rates ---- */

static int64_t behind(const struct catch_up_look *l)
{
    return l->written > l->applied ? (int64_t)(l->written - l->applied) : 0;
}

/* How many bytes per second it came nearer from look `a` to look `b`; less than 0: it fell behind. */
static double gain(const struct catch_up_look *a, const struct catch_up_look *b)
{
    return (double)(behind(a) - behind(b)) * SECOND_MS / (double)(b->at_ms - a->at_ms);
}

static int64_t rate(lsn_t from, lsn_t to, int64_t ms)
{
    return (int64_t)((double)(to - from) * SECOND_MS / (double)ms);
}

static size_t window_begin(const struct catch_up *c)
{
    size_t i = 0;
    while (i + 2 < c->n && c->looks[c->n - 1].at_ms - c->looks[i].at_ms > CATCH_UP_WINDOW_MS)
        i++;
    return i;
}

/* The look in the middle of the window's time that leaves something on both sides. */
static size_t middle(const struct catch_up *c, size_t first)
{
    size_t last = c->n - 1, i = first + 1;
    int64_t half = (c->looks[first].at_ms + c->looks[last].at_ms) / 2;
    while (i + 1 < last && c->looks[i].at_ms < half)
        i++;
    return i;
}

/* ---- what it comes to ---- */

static int64_t seconds(int64_t bytes, double per_second)
{
    double s = (double)bytes / per_second;
    return s < DAYS_MAX_S ? (int64_t)(s + 0.5) : -1;
}

/* The best and the worst of the window and its halves; wider still where there is little to go by. */
static void estimate(struct catch_up_state *s, int64_t left, double whole, double early, double late,
                     bool enough)
{
    double best = whole > early ? whole : early, worst = whole < early ? whole : early;
    best = late > best ? late : best;
    worst = late < worst ? late : worst;
    if (best <= 0)
        return;
    s->low_s = seconds(left, best * (enough ? 1 : WIDER));
    s->high_s = worst > 0 && s->low_s >= 0 ? seconds(left, worst / (enough ? 1 : WIDER)) : -1;
}

static void judge_rates(const struct catch_up *c, struct catch_up_state *s, int64_t goal_bytes)
{
    size_t first = window_begin(c), last = c->n - 1;
    const struct catch_up_look *a = &c->looks[first], *b = &c->looks[last];
    int64_t ms = b->at_ms - a->at_ms;
    if (last == first || ms < SECOND_MS)
        return;
    s->write_rate = rate(a->written, b->written, ms);
    s->apply_rate = rate(a->applied, b->applied, ms);
    if (s->verdict != CATCH_UP_UNKNOWN)
        return;
    const struct catch_up_look *m = &c->looks[middle(c, first)];
    bool enough = last - first + 1 >= CATCH_UP_ENOUGH_LOOKS && ms >= CATCH_UP_ENOUGH_MS;
    double whole = gain(a, b), early = m < b ? gain(a, m) : whole, late = m < b ? gain(m, b) : whole;
    estimate(s, s->lag_bytes - goal_bytes, whole, early, late, enough);
    if (whole > 0 && late > 0)
        s->verdict = CATCH_UP_NEARS;
    else if (enough && early <= 0 && late <= 0)
        s->verdict = CATCH_UP_NEVER;
}

/* When had the publisher written what the follower has applied now? */
static void judge_age(const struct catch_up *c, struct catch_up_state *s)
{
    const struct catch_up_look *l = c->looks, *last = &l[c->n - 1];
    size_t i = 0;
    while (i < c->n && l[i].written < last->applied)
        i++;
    if (s->lag_bytes == 0 || i == c->n) {
        s->lag_ms = 0;
        return;
    }
    int64_t then = l[i].at_ms;
    if (i > 0) {
        double part = (double)(last->applied - l[i - 1].written) / (double)(l[i].written - l[i - 1].written);
        then = l[i - 1].at_ms + (int64_t)(part * (double)(l[i].at_ms - l[i - 1].at_ms));
    }
    s->lag_is_least = i == 0 && l[0].written > last->applied;
    s->lag_ms = s->lag_is_least && c->n == 1 ? -1 : last->at_ms - then;
}

struct catch_up_state catch_up_state(const struct catch_up *c, int64_t goal_bytes)
{
    struct catch_up_state s = {.lag_ms = -1, .write_rate = -1, .apply_rate = -1, .low_s = -1, .high_s = -1};
    if (c->n == 0)
        return s;
    const struct catch_up_look *last = &c->looks[c->n - 1];
    s.lag_bytes = behind(last);
    judge_age(c, &s);
    if (s.lag_bytes <= goal_bytes) {
        s.verdict = CATCH_UP_THERE;
    } else {
        s.stands_ms = last->at_ms - c->moved_ms;
        s.verdict = s.stands_ms >= CATCH_UP_STANDS_MS ? CATCH_UP_STANDS : CATCH_UP_UNKNOWN;
    }
    judge_rates(c, &s, goal_bytes);
    return s;
}

/* ---- in words ---- */

void bytes_say(int64_t bytes, struct buf *out)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    if (bytes < 1024) {
        (void)buf_printf(out, "%" PRId64 " bytes", bytes);
        return;
    }
    double size = (double)bytes / 1024;
    size_t i = 0;
    for (; size >= 1024 && i + 1 < ARRAY_LEN(units); i++)
        size /= 1024;
    (void)buf_printf(out, "%.1f %s", size, units[i]);
}

static void time_say(int64_t s, struct buf *out)
{
    if (s < 2 * MINUTE_S)
        (void)buf_printf(out, "%" PRId64 " s", s);
    else if (s < 2 * HOUR_S)
        (void)buf_printf(out, "%" PRId64 " min", s / MINUTE_S);
    else
        (void)buf_printf(out, "%" PRId64 " h", s / HOUR_S);
}

/* Both bounds in one unit, the low one down and the high one up. */
static void range_say(int64_t low, int64_t high, struct buf *out)
{
    int64_t unit = high <= 2 * MINUTE_S ? 1 : high <= 2 * HOUR_S ? MINUTE_S : HOUR_S;
    int64_t from = low / unit, to = (high + unit - 1) / unit;
    const char *name = unit == 1 ? "seconds" : unit == MINUTE_S ? "minutes" : "hours";
    if (from == to)
        (void)buf_printf(out, "about %" PRId64 " %s", to, name);
    else
        (void)buf_printf(out, "between %" PRId64 " and %" PRId64 " %s", from, to, name);
}

void catch_up_say_end(const struct catch_up_state *s, struct buf *out)
{
    if (s->verdict == CATCH_UP_THERE) {
        (void)buf_puts(out, "caught up");
    } else if (s->verdict == CATCH_UP_NEVER) {
        (void)buf_puts(out, "will not converge at this rate");
    } else if (s->verdict == CATCH_UP_STANDS) {
        (void)buf_puts(out, "nothing applied for ");
        time_say(s->stands_ms / SECOND_MS, out);
    } else if (s->low_s >= 0 && s->high_s >= 0) {
        (void)buf_puts(out, "caught up in ");
        range_say(s->low_s, s->high_s, out);
    } else if (s->low_s >= 0) {
        (void)buf_puts(out, "caught up in ");
        time_say(s->low_s, out);
        (void)buf_puts(out, " at the earliest");
    }
}

void catch_up_say(const struct catch_up_state *s, struct buf *out)
{
    bytes_say(s->lag_bytes, out);
    if (s->lag_ms >= 0 && s->lag_bytes > 0) {
        (void)buf_puts(out, s->lag_is_least ? " (at least " : " (");
        time_say(s->lag_ms / SECOND_MS, out);
        (void)buf_puts(out, ")");
    }
    (void)buf_puts(out, " behind");
    if (s->write_rate >= 0) {
        (void)buf_puts(out, "; production writes ");
        bytes_say(s->write_rate, out);
        (void)buf_puts(out, "/s, applied are ");
        bytes_say(s->apply_rate, out);
        (void)buf_puts(out, "/s");
    }
    struct buf end CLEANUP(buf_done) = BUF_INIT(END_BYTES);
    catch_up_say_end(s, &end);
    if (end.n > 0)
        (void)buf_printf(out, ": %s", buf_text(&end));
}
