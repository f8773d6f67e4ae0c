/* clock.h — time as an argument, so that tests own it.
 *
 * Durations and deadlines use mono_ms (never jumps); dates for people, signatures and tags use wall_ms (Unix
 * time in milliseconds). wait() ends early when stop is requested.
 */
#ifndef AURORA_CLOCK_H
#define AURORA_CLOCK_H

#include "internal/base/base.h"
#include "internal/base/stop.h"

struct clock {
    int64_t (*wall_ms)(struct clock *c);
    int64_t (*mono_ms)(struct clock *c);
    bool (*wait)(struct clock *c, struct stop *stop, int64_t ms); /* true: stop was requested */
};

struct clock *clock_real(void); /* shared, thread-safe, never freed */

/* A clock that stands still until waited on; each wait() advances it by that much at once. For tests. */
struct clock_fake {
    struct clock clock;
    int64_t wall, mono;
};
void clock_fake_init(struct clock_fake *f, int64_t wall_ms);

#define TIME_ISO_SIZE 28
/* "2026-01-02T03:04:05.678Z" (ms) or "2026-01-02T03:04:05Z" when `ms` is false. */
void time_iso(int64_t wall_ms, bool ms, char out[TIME_ISO_SIZE]);
/* Accepts ISO 8601 in UTC, with or without fraction, ending in Z or +00:00. */
MUST_CHECK bool time_parse_iso(const char *s, int64_t *ret_wall_ms);

/* Go-style durations as Terraform users write them: "90s", "1h30m", "168h", "0s"; units h, m, s, ms. */
MUST_CHECK bool duration_parse(const char *s, int64_t *ret_ms);

#endif
