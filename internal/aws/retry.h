/* retry.h — when to try again, and how long to wait before. The only place that decides either.
 *
 * Delay before retry n: random in [0, min(base × 2^(n-1), 20 s)], base 50 ms, 1 s when throttled (AWS SDKs'
 * standard mode since November 2026); if the server asks for more (Retry-After, x-amz-retry-after), that, up
 * to a minute. Attempts: max_retries + 1, as hashicorp/aws counts; network errors end after 10, broken
 * replies after 5.
 *
 * The budget is a token bucket shared by all calls of one `struct aws`: a burst of retries goes at once
 * (RETRY_BURST, unless told otherwise), then RETRY_PER_SECOND. AWS's SDKs fail a call when the bucket is
 * empty; here it waits its turn, because a thousand waiting upgrades must not fail for one short outage.
 * Thread-safe; time is an argument.
 */
#ifndef AURORA_AWS_RETRY_H
#define AURORA_AWS_RETRY_H

#include "internal/base/base.h"

#include <pthread.h>

enum {
    RETRY_BASE_MS = 50,
    RETRY_THROTTLE_BASE_MS = 1000,
    RETRY_DELAY_MAX_MS = 20000,
    RETRY_ASKED_MAX_MS = 60000,
    RETRY_NETWORK_ATTEMPTS = 10,
    RETRY_BROKEN_ATTEMPTS = 5,
    RETRY_BURST = 100,
    RETRY_BURST_LIMIT = 10000,
    RETRY_PER_SECOND = 10,
};

enum retry_class {
    RETRY_NEVER,     /* the same request will get the same answer */
    RETRY_THROTTLED, /* refused for now: certainly not carried out */
    RETRY_SERVER,    /* 5xx */
    RETRY_NETWORK,
    RETRY_BROKEN /* a whole reply that makes no sense */
};

/* By AWS's code ("" if there was none) and HTTP status of an error reply. */
enum retry_class retry_class_of(const char *code, int status);

int retry_attempts(enum retry_class class, int max_retries);

/* `n` counts from 1; `random` is uniform over its whole range; asked_ms -1: the server did not say. */
int64_t retry_delay_ms(enum retry_class class, int n, int64_t asked_ms, uint32_t random);

struct retry_budget {
    pthread_mutex_t lock;
    int64_t most_ms;
    int64_t tokens_ms; /* tokens × 1000 / RETRY_PER_SECOND; may be negative: promised to waiting callers */
    int64_t last_ms;
};
void retry_budget_init(struct retry_budget *b, int burst, int64_t mono_ms); /* burst 0: RETRY_BURST */
void retry_budget_done(struct retry_budget *b);
/* Takes a token, now or in advance; answers how long to wait for it. */
int64_t retry_budget_take(struct retry_budget *b, int64_t mono_ms);

#endif
