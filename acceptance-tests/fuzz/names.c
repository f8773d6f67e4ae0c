/* Versions, LSNs, ARNs, identifiers, times, durations and windows: what is accepted is printed as it was
 * read. */
#include "internal/base/names.h"
#include "acceptance-tests/fuzz/fuzz.h"
#include "internal/base/arena.h"
#include "internal/base/clock.h"
#include "internal/base/window.h"

#include <string.h>

static void try_version(const char *s)
{
    struct version v, again;
    char text[VERSION_SIZE];
    if (!version_parse(s, &v))
        return;
    DEMAND(v.major >= 10 && v.minor >= -1);
    DEMAND(strcmp(version_print(v, text), s) == 0);
    DEMAND(version_parse(text, &again) && version_compare(v, again) == 0);
}

static void try_lsn(const char *s)
{
    lsn_t lsn, again;
    char text[LSN_SIZE];
    if (lsn_parse(s, &lsn))
        DEMAND(lsn_parse(lsn_print(lsn, text), &again) && again == lsn);
}

static void try_arn(struct arena *a, const char *s)
{
    struct arn one, again;
    if (!arn_parse(s, &one))
        return;
    bool is_typed = one.type[0] || strchr(one.resource, ':');
    const char *text = arena_printf(a, "arn:%s:%s:%s:%s:%s%s%s", one.partition, one.service, one.region,
                                    one.account, one.type, is_typed ? ":" : "", one.resource);
    DEMAND(arn_parse(text, &again));
    DEMAND(strcmp(one.type, again.type) == 0 && strcmp(one.resource, again.resource) == 0);
    DEMAND(strcmp(one.region, again.region) == 0 && strcmp(one.account, again.account) == 0);
}

static void try_time(const char *s)
{
    int64_t ms, again;
    char text[TIME_ISO_SIZE];
    if (!time_parse_iso(s, &ms))
        return;
    time_iso(ms, true, text);
    DEMAND(time_parse_iso(text, &again) && again == ms);
}

static void try_duration(struct arena *a, const char *s)
{
    enum { HOUR_MS = 3600000, MINUTE_MS = 60000 };
    int64_t ms, again;
    if (!duration_parse(s, &ms))
        return;
    DEMAND(ms >= 0);
    if (ms / HOUR_MS > 100000000) /* several numbers; one of them cannot say it */
        return;
    const char *text = arena_printf(a, "%lldh%lldm%lldms", (long long)(ms / HOUR_MS),
                                    (long long)(ms % HOUR_MS / MINUTE_MS), (long long)(ms % MINUTE_MS));
    DEMAND(duration_parse(text, &again) && again == ms);
}

/* Open exactly where the two answers agree that it is. */
static void try_window(const char *s)
{
    enum { STEP_MS = 7 * 60 * 1000, LOOKS = 40 };
    static const int64_t some_sunday_ms = 1767484800000;
    struct window w = {0}, before = {0};
    struct err e = ERR_INIT;
    if (!window_add(&w, s, &e)) {
        DEMAND(e.code == ERR_INVALID && memcmp(&w, &before, sizeof w) == 0);
        return;
    }
    DEMAND(window_next_ms(&w, some_sunday_ms, 0) >= some_sunday_ms);
    for (int i = 0; i < LOOKS; i++) {
        int64_t at = some_sunday_ms + (int64_t)i * i * STEP_MS, left = window_left_ms(&w, at);
        DEMAND(left >= 0);
        DEMAND((left > 0) == (window_next_ms(&w, at, 0) == at));
    }
    before = w;
    DEMAND(window_add(&w, s, &e) && memcmp(&w, &before, sizeof w) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    const char *s = arena_memdup(a, data, n);
    try_version(s);
    try_lsn(s);
    try_arn(a, s);
    try_time(s);
    try_duration(a, s);
    try_window(s);
    if (identifier_valid(s))
        DEMAND(strlen(s) >= 1 && strlen(s) <= 63 && !strstr(s, "--"));
    return 0;
}
