#include "internal/base/window.h"

#include <string.h>
#include <strings.h>

enum {
    DAY = 24 * 60,
    MINUTE_MS = 60 * 1000,
    EPOCH_DAY = 3 /* 1970-01-01 was a Thursday */,
    OFFSET_MAX = 14 * 60
};

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

struct entry {
    bool day[7];
    int start, end, offset; /* minutes; end > start, the next day's counted on */
};

/* ---- reading ---- */

/* Two digits, at most `max`. */
static bool two_digits(const char **s, int max, int *ret)
{
    const char *p = *s;
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *ret = (p[0] - '0') * 10 + (p[1] - '0');
    *s += 2;
    return *ret <= max;
}

static bool clock_time(const char **s, int *ret_minutes)
{
    int hours = 0, minutes = 0;
    if (!two_digits(s, 24, &hours) || *(*s)++ != ':' || !two_digits(s, 59, &minutes))
        return false;
    *ret_minutes = hours * 60 + minutes;
    return *ret_minutes <= DAY;
}

static bool day_name(const char **s, size_t *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        if (strncasecmp(*s, days[i], 3) == 0) {
            *s += 3;
            *ret = i;
            return true;
        }
    }
    return false;
}

/* "Mon-Fri", or one day. "Fri-Mon" goes over the end of the week. */
static bool day_range(const char **s, bool day[7])
{
    size_t first = 0;
    if (!day_name(s, &first))
        return false;
    size_t last = first;
    if (**s == '-' && ((*s)++, !day_name(s, &last)))
        return false;
    day[first] = true;
    for (size_t i = first; i != last; day[i] = true)
        i = (i + 1) % 7;
    return true;
}

static bool day_list(const char **s, bool day[7])
{
    if (strncasecmp(*s, "daily", 5) == 0) {
        *s += 5;
        for (size_t i = 0; i < 7; i++)
            day[i] = true;
        return true;
    }
    if (!day_range(s, day))
        return false;
    while (**s == ',') {
        (*s)++;
        if (!day_range(s, day))
            return false;
    }
    return true;
}

static bool zone(const char *s, int *ret_offset)
{
    int hours = 0, minutes = 0;
    *ret_offset = 0;
    if (strncasecmp(s, "UTC", 3) != 0)
        return false;
    s += 3;
    if (*s == '\0')
        return true;
    char sign = *s++;
    if ((sign != '+' && sign != '-') || !two_digits(&s, 14, &hours) || *s++ != ':' ||
        !two_digits(&s, 59, &minutes) || *s != '\0')
        return false;
    *ret_offset = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    return hours * 60 + minutes <= OFFSET_MAX;
}

static bool skip(const char **s, char c)
{
    return *(*s)++ == c;
}

static bool read_entry(const char *text, struct entry *n, struct err *e)
{
    const char *s = text;
    if (!day_list(&s, n->day) || !skip(&s, ' '))
        return err_set(e, ERR_INVALID,
                       "the days are not such as \"Sun\", \"Mon-Fri\", \"Sat,Sun\" or \"daily\"");
    if (!clock_time(&s, &n->start) || n->start == DAY || !skip(&s, '-') || !clock_time(&s, &n->end) ||
        !skip(&s, ' '))
        return err_set(e, ERR_INVALID, "the times are not such as \"02:00-04:00\"");
    if (n->start == n->end)
        return err_set(e, ERR_INVALID, "it ends when it starts; a whole day is \"00:00-24:00\"");
    if (!zone(s, &n->offset))
        return err_set(e, ERR_INVALID, "the zone is not \"UTC\" or a distance to it such as \"UTC+02:00\"");
    if (n->end < n->start)
        n->end += DAY;
    return true;
}

/* ---- the map ---- */

static size_t wrap(int64_t minute)
{
    int64_t m = minute % WINDOW_WEEK_MINUTES;
    return (size_t)(m < 0 ? m + WINDOW_WEEK_MINUTES : m);
}

static bool is_open(const struct window *w, int64_t minute)
{
    size_t m = wrap(minute);
    return w->open[m / 8] >> (m % 8) & 1;
}

static void open_day(struct window *w, int day, const struct entry *n)
{
    for (int i = n->start; i < n->end; i++) {
        size_t m = wrap((int64_t)day * DAY + i - n->offset);
        w->open[m / 8] |= (uint8_t)(1U << (m % 8));
    }
}

bool window_add(struct window *w, const char *text, struct err *e)
{
    struct entry n = {0};
    if (strnlen(text, WINDOW_TEXT_MAX + 1) > WINDOW_TEXT_MAX)
        return err_set(e, ERR_INVALID, "a window is at most %d characters", WINDOW_TEXT_MAX);
    if (!read_entry(text, &n, e))
        return err_wrap(e, "\"%s\" is not a window such as \"Sun 02:00-04:00 UTC\"", text);
    for (int day = 0; day < 7; day++)
        if (n.day[day])
            open_day(w, day, &n);
    return true;
}

/* ---- questions ---- */

/* Minutes since a Monday 00:00 UTC, rounded down. */
static int64_t minute_of(int64_t wall_ms)
{
    int64_t minute = wall_ms / MINUTE_MS - (wall_ms % MINUTE_MS < 0);
    return minute + (int64_t)EPOCH_DAY * DAY;
}

int64_t window_left_ms(const struct window *w, int64_t wall_ms)
{
    int64_t now = minute_of(wall_ms), n = 0;
    while (n < WINDOW_WEEK_MINUTES && is_open(w, now + n))
        n++;
    if (n == 0 || n == WINDOW_WEEK_MINUTES)
        return n == 0 ? 0 : INT64_MAX;
    return (now + n - (int64_t)EPOCH_DAY * DAY) * MINUTE_MS - wall_ms;
}

int64_t window_next_ms(const struct window *w, int64_t wall_ms, int64_t needed_ms)
{
    int64_t now = minute_of(wall_ms);
    if (window_left_ms(w, wall_ms) > needed_ms)
        return wall_ms;
    for (int64_t i = 1; i <= WINDOW_WEEK_MINUTES; i++) {
        int64_t opens = (now + i - (int64_t)EPOCH_DAY * DAY) * MINUTE_MS;
        bool is_start = is_open(w, now + i) && !is_open(w, now + i - 1);
        if (is_start && window_left_ms(w, opens) > needed_ms)
            return opens;
    }
    return -1;
}
