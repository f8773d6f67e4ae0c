#include "internal/base/clock.h"
#include "internal/base/idle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LONG_WAIT_MS = 1000 };

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t real_wall(struct clock *c)
{
    (void)c;
    return read_clock(CLOCK_REALTIME);
}

static int64_t real_mono(struct clock *c)
{
    (void)c;
    return read_clock(CLOCK_MONOTONIC);
}

static bool real_wait(struct clock *c, struct stop *stop, int64_t ms)
{
    (void)c;
    if (ms >= LONG_WAIT_MS)
        idle_begins();
    return stop_wait(stop, ms);
}

struct clock *clock_real(void)
{
    static struct clock real = {.wall_ms = real_wall, .mono_ms = real_mono, .wait = real_wait};
    return &real;
}

static int64_t fake_wall(struct clock *c)
{
    return __atomic_load_n(&((struct clock_fake *)c)->wall, __ATOMIC_SEQ_CST);
}

static int64_t fake_mono(struct clock *c)
{
    return __atomic_load_n(&((struct clock_fake *)c)->mono, __ATOMIC_SEQ_CST);
}

static bool fake_wait(struct clock *c, struct stop *stop, int64_t ms)
{
    struct clock_fake *f = (struct clock_fake *)c;
    (void)__atomic_add_fetch(&f->wall, ms, __ATOMIC_SEQ_CST);
    (void)__atomic_add_fetch(&f->mono, ms, __ATOMIC_SEQ_CST);
    return stop_requested(stop);
}

void clock_fake_init(struct clock_fake *f, int64_t wall_ms)
{
    *f = (struct clock_fake){.clock = {.wall_ms = fake_wall, .mono_ms = fake_mono, .wait = fake_wait},
                             .wall = wall_ms};
}

void time_iso(int64_t wall_ms, bool ms, char out[TIME_ISO_SIZE])
{
    int64_t fraction = (wall_ms % 1000 + 1000) % 1000; /* before 1970, too */
    time_t seconds = (wall_ms - fraction) / 1000;
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900) {
        out[0] = '\0';
        return;
    }
    size_t n = strftime(out, TIME_ISO_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    if (ms)
        (void)snprintf(out + n, TIME_ISO_SIZE - n, ".%03uZ", (unsigned)fraction % 1000U);
    else
        (void)snprintf(out + n, TIME_ISO_SIZE - n, "Z");
}

static int64_t fraction_ms(const char **s)
{
    int64_t value = 0, scale = 100;
    if (**s != '.')
        return 0;
    for ((*s)++; **s >= '0' && **s <= '9'; (*s)++, scale /= 10)
        value += (**s - '0') * scale;
    return value;
}

bool time_parse_iso(const char *s, int64_t *ret_wall_ms)
{
    struct tm tm = {0};
    const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest)
        return false;
    int64_t ms = fraction_ms(&rest);
    if (strcmp(rest, "Z") != 0 && strcmp(rest, "+00:00") != 0)
        return false;
    *ret_wall_ms = (int64_t)timegm(&tm) * 1000 + ms;
    return true;
}

static bool take_unit(const char **s, int64_t *ret)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"h", 3600000}, {"m", 60000}, {"s", 1000}};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        size_t n = strlen(units[i].name);
        if (strncmp(*s, units[i].name, n) == 0) {
            *s += n;
            *ret = units[i].ms;
            return true;
        }
    }
    return false;
}

bool duration_parse(const char *s, int64_t *ret_ms)
{
    int64_t total = 0;
    if (*s == '\0')
        return false;
    while (*s) {
        if (*s < '0' || *s > '9')
            return false;
        int64_t number = 0, unit = 0;
        for (; *s >= '0' && *s <= '9'; s++) {
            number = number * 10 + (*s - '0');
            if (number > 100000000)
                return false;
        }
        if (!take_unit(&s, &unit))
            return false;
        if (total > INT64_MAX - number * unit)
            return false;
        total += number * unit;
    }
    *ret_ms = total;
    return true;
}
