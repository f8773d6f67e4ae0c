/* window.h — the times of a week at which something is allowed: "Sun 02:00-04:00 UTC".
 *
 * One text is  DAYS START-END ZONE  with single blanks:
 *
 *     DAYS   "daily", or a list of days and ranges of them: "Sun", "Mon-Fri", "Sat,Sun", "Fri-Mon"
 *     START  00:00 to 23:59; END  00:00 to 24:00. An END before START is that of the next day.
 *     ZONE   "UTC", or a fixed distance to it: "UTC+02:00", "UTC-05:30"; at most 14 hours
 *
 * Names of zones (Europe/Berlin) are refused on purpose: machines that apply need not have the zone data, or
 * have other versions of it, and an hour that summer time repeats or leaves out would open a window twice or
 * never. Several texts add up; times that touch are one window. Days and zone in any case.
 *
 * Held as a map of the minutes of a week in UTC. Plain value, pure functions, any number of threads.
 */
#ifndef AURORA_WINDOW_H
#define AURORA_WINDOW_H

#include "internal/base/err.h"

enum { WINDOW_WEEK_MINUTES = 7 * 24 * 60, WINDOW_TEXT_MAX = 64 };

struct window {
    uint8_t open[WINDOW_WEEK_MINUTES / 8]; /* bit per minute, from Monday 00:00 UTC on */
};

/* Adds one text; ERR_INVALID says what is wrong with it, and nothing is added. */
MUST_CHECK bool window_add(struct window *w, const char *text, struct err *e);

/* How long it stays open from `wall_ms` (Unix time) on: 0 while it is closed, INT64_MAX if it never closes.
 */
int64_t window_left_ms(const struct window *w, int64_t wall_ms);

/* The earliest time, not before `wall_ms`, at which it stays open for longer than `needed_ms`; -1: never. */
int64_t window_next_ms(const struct window *w, int64_t wall_ms, int64_t needed_ms);

#endif
