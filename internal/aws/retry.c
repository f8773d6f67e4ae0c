#include "internal/aws/retry.h"

#include <string.h>

enum { TOKEN_MS = 1000 / RETRY_PER_SECOND };

/* Source: the retryable codes common to AWS's SDKs. */
static const char *const throttling_codes[] = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "EC2ThrottledException",
};

static const char *const transient_codes[] = {
    "RequestTimeout",        "RequestTimeoutException", "PriorRequestNotComplete",
    "IDPCommunicationError", "InternalFailure",         "InternalError",
    "InternalServiceError",  "InternalServerError",     "ServiceUnavailable",
};

static bool is_one_of(const char *code, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(code, list[i]) == 0)
            return true;
    return false;
}

enum retry_class retry_class_of(const char *code, int status)
{
    if (is_one_of(code, throttling_codes, ARRAY_LEN(throttling_codes)) || status == 429)
        return RETRY_THROTTLED;
    if (is_one_of(code, transient_codes, ARRAY_LEN(transient_codes)))
        return RETRY_SERVER;
    return status == 500 || status == 502 || status == 503 || status == 504 ? RETRY_SERVER : RETRY_NEVER;
}

int retry_attempts(enum retry_class class, int max_retries)
{
    static const int limits[] = {[RETRY_NEVER] = 1,
                                 [RETRY_THROTTLED] = INT32_MAX,
                                 [RETRY_SERVER] = INT32_MAX,
                                 [RETRY_NETWORK] = RETRY_NETWORK_ATTEMPTS,
                                 [RETRY_BROKEN] = RETRY_BROKEN_ATTEMPTS};
    return max_retries + 1 < limits[class] ? max_retries + 1 : limits[class];
}

int64_t retry_delay_ms(enum retry_class class, int n, int64_t asked_ms, uint32_t random)
{
    int64_t most = class == RETRY_THROTTLED ? RETRY_THROTTLE_BASE_MS : RETRY_BASE_MS;
    for (int i = 1; i < n && most < RETRY_DELAY_MAX_MS; i++)
        most *= 2;
    if (most > RETRY_DELAY_MAX_MS)
        most = RETRY_DELAY_MAX_MS;
    int64_t delay = (most * (int64_t)random) / UINT32_MAX;
    if (asked_ms > RETRY_ASKED_MAX_MS)
        asked_ms = RETRY_ASKED_MAX_MS;
    return asked_ms > delay ? asked_ms : delay;
}

void retry_budget_init(struct retry_budget *b, int burst, int64_t mono_ms)
{
    (void)pthread_mutex_init(&b->lock, NULL);
    b->most_ms = (int64_t)(burst > 0 ? burst : RETRY_BURST) * TOKEN_MS;
    b->tokens_ms = b->most_ms;
    b->last_ms = mono_ms;
}

void retry_budget_done(struct retry_budget *b)
{
    (void)pthread_mutex_destroy(&b->lock);
}

int64_t retry_budget_take(struct retry_budget *b, int64_t mono_ms)
{
    (void)pthread_mutex_lock(&b->lock);
    if (mono_ms > b->last_ms)
        b->tokens_ms += mono_ms - b->last_ms;
    b->last_ms = mono_ms;
    if (b->tokens_ms > b->most_ms)
        b->tokens_ms = b->most_ms;
    b->tokens_ms -= TOKEN_MS;
    int64_t wait = b->tokens_ms < 0 ? -b->tokens_ms : 0;
    (void)pthread_mutex_unlock(&b->lock);
    return wait;
}
