#include "internal/aws/credentials_internal.h"
#include "internal/aws/gate.h"
#include "internal/base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { EXPIRED_MS = 30 * 1000, TRIED_MAX = 8192 };

/* A set of keys with the arena its strings live in. */
struct held {
    struct arena *arena;
    struct keys keys;
    int64_t born_ms;
};

struct credentials {
    struct aws *aws;
    struct sigv4_keys arguments;
    const struct aws_assume_role *roles;
    size_t role_count;
    const struct aws_web_identity *web_identity;
    struct gate renewing;
    int source; /* where the keys came from the first time, or SOURCE_ANY; whoever holds the gate uses it */
    pthread_mutex_t lock; /* guards what follows */
    struct held *now;     /* NULL before the first search */
    int64_t next_try_ms;  /* no renewal before, unless the keys are dead */
    struct err trouble;   /* why the last renewal failed; ERR_NONE if it did not */
};

static void held_free(struct held *d)
{
    if (!d)
        return;
    arena_free(d->arena);
    free(d);
}

DEFINE_CLEANUP(struct held, held_cleanup, held_free)

static const char *copy(struct arena *a, const char *s)
{
    return s && *s ? arena_strdup(a, s) : NULL;
}

static const char *const *copy_list(struct arena *a, const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    const char **out = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = arena_strdup(a, list[i]);
    return out;
}

static const struct aws_field *copy_tags(struct arena *a, const struct aws_field *tags)
{
    size_t n = 0;
    while (tags && tags[n].name)
        n++;
    struct aws_field *out = ARENA_ARRAY(a, struct aws_field, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (struct aws_field){arena_strdup(a, tags[i].name), arena_strdup(a, tags[i].value)};
    return out;
}

static const struct aws_web_identity *copy_web_identity(struct arena *a, const struct aws_web_identity *w)
{
    struct aws_web_identity *out = w ? ARENA_NEW(a, struct aws_web_identity) : NULL;
    if (out)
        *out = (struct aws_web_identity){.role_arn = copy(a, w->role_arn),
                                         .session_name = copy(a, w->session_name),
                                         .policy = copy(a, w->policy),
                                         .token = copy(a, w->token),
                                         .token_file = copy(a, w->token_file),
                                         .policy_arns = copy_list(a, w->policy_arns),
                                         .duration_seconds = w->duration_seconds};
    return out;
}

static bool copy_roles(struct arena *a, const struct aws_config *c, struct credentials *k, struct err *e)
{
    struct aws_assume_role *roles = ARENA_ARRAY(a, struct aws_assume_role, c->assume_role_count + 1);
    for (size_t i = 0; i < c->assume_role_count; i++) {
        const struct aws_assume_role *r = &c->assume_roles[i];
        if (!r->role_arn || !*r->role_arn)
            return err_set(e, ERR_INVALID, "assume_role without role_arn") || err_attribute(e, "assume_role");
        roles[i] = (struct aws_assume_role){.role_arn = copy(a, r->role_arn),
                                            .session_name = copy(a, r->session_name),
                                            .external_id = copy(a, r->external_id),
                                            .policy = copy(a, r->policy),
                                            .source_identity = copy(a, r->source_identity),
                                            .policy_arns = copy_list(a, r->policy_arns),
                                            .tags = copy_tags(a, r->tags),
                                            .transitive_tag_keys = copy_list(a, r->transitive_tag_keys),
                                            .duration_seconds = r->duration_seconds};
    }
    k->roles = roles;
    k->role_count = c->assume_role_count;
    return true;
}

bool credentials_new(struct aws *w, const struct aws_config *c, struct credentials **ret, struct err *e)
{
    struct credentials *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    k->aws = w;
    k->arguments = (struct sigv4_keys){copy(w->arena, c->access_key), copy(w->arena, c->secret_key),
                                       copy(w->arena, c->token)};
    k->web_identity = copy_web_identity(w->arena, c->web_identity);
    k->source = SOURCE_ANY;
    log_secret(k->arguments.secret_key);
    log_secret(k->arguments.session_token);
    gate_init(&k->renewing, 1);
    (void)pthread_mutex_init(&k->lock, NULL);
    if (!copy_roles(w->arena, c, k, e)) {
        credentials_free(k);
        return false;
    }
    *ret = k;
    return true;
}

void credentials_free(struct credentials *k)
{
    if (!k)
        return;
    held_free(k->now);
    gate_done(&k->renewing);
    (void)pthread_mutex_destroy(&k->lock);
    free(k);
}

/* ---- one search ---- */

static bool search(struct credentials *k, struct search *h, struct keys *ret, struct err *e)
{
    struct keys found, next;
    if (!sources_find(h, &found, &k->source, e))
        return false;
    log_secret(found.sign.secret_key);
    log_secret(found.sign.session_token);
    for (size_t i = 0; i < k->role_count; i++) {
        if (!assume_role(h, &found, &k->roles[i], &next, e))
            return err_attribute(e, "assume_role");
        found = next;
    }
    *ret = found;
    return true;
}

static bool fetch(struct credentials *k, struct stop *stop, struct held **ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws_session session = {.aws = k->aws, .arena = a, .stop = stop};
    struct search h = {.aws = k->aws,
                       .session = &session,
                       .arena = a,
                       .arguments = k->arguments,
                       .web_identity = k->web_identity,
                       .only = k->source,
                       .tried = BUF_INIT(TRIED_MAX)};
    struct keys found;
    bool ok = search(k, &h, &found, e);
    buf_done(&h.tried);
    if (!ok)
        return false;
    log_secret(found.sign.secret_key);
    log_secret(found.sign.session_token);
    log_line(LOG_INFO, "aws", "credentials from %s", found.source);

    struct held *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    d->arena = arena_new();
    d->born_ms = aws_now_ms(k->aws);
    d->keys = found;
    d->keys.source = arena_strdup(d->arena, found.source);
    d->keys.sign =
        (struct sigv4_keys){copy(d->arena, found.sign.access_key), copy(d->arena, found.sign.secret_key),
                            copy(d->arena, found.sign.session_token)};
    *ret = d;
    return true;
}

/* Runs while holding the gate; the lock is taken only to exchange the keys, never across a call. */
static bool renew(struct credentials *k, struct stop *stop, struct err *e)
{
    struct held *fresh CLEANUP(held_cleanup) = NULL;
    struct err why = ERR_INIT;
    bool ok = fetch(k, stop, &fresh, &why);
    if (!ok && e)
        *e = why;
    (void)pthread_mutex_lock(&k->lock);
    k->trouble = why;
    if (ok) {
        struct held *old = k->now;
        k->now = fresh;
        fresh = old;
    }
    k->next_try_ms = aws_now_ms(k->aws) + (ok ? 0 : CREDENTIALS_PAUSE_MS);
    (void)pthread_mutex_unlock(&k->lock);
    return ok;
}

/* ---- the present keys ---- */

enum state { GOOD, DUE, DEAD };

static enum state state_of(struct credentials *k)
{
    int64_t now = aws_now_ms(k->aws);
    if (!k->now)
        return DEAD;
    if (k->now->keys.expires_ms == KEYS_NO_EXPIRY)
        return GOOD;
    int64_t left = k->now->keys.expires_ms - now, life = k->now->keys.expires_ms - k->now->born_ms;
    int64_t early = life / 3 < CREDENTIALS_ADVISORY_MS ? life / 3 : CREDENTIALS_ADVISORY_MS;
    if (left <= EXPIRED_MS)
        return DEAD;
    return left <= early && k->now->keys.renewal != RENEW_NEVER && now >= k->next_try_ms ? DUE : GOOD;
}

/* Looks, and copies the keys if they are good for signing. */
static enum state look(struct credentials *k, struct arena *a, struct sigv4_keys *ret)
{
    (void)pthread_mutex_lock(&k->lock);
    enum state state = state_of(k);
    if (state != DEAD) {
        const struct sigv4_keys *s = &k->now->keys.sign;
        *ret = (struct sigv4_keys){copy(a, s->access_key), copy(a, s->secret_key), copy(a, s->session_token)};
    }
    (void)pthread_mutex_unlock(&k->lock);
    return state;
}

static bool cancelled(struct err *e)
{
    return err_set(e, ERR_CANCELLED, "stopped while waiting for credentials");
}

/* Keys that ran out and cannot be renewed are worth a try: AWS has the last word, and its refusal is the
 * clearest error there is. */
static bool get_dead(struct credentials *k, const struct aws_session *s, struct sigv4_keys *ret,
                     struct err *e)
{
    if (!gate_enter(&k->renewing, s->stop))
        return cancelled(e);
    bool ok = look(k, s->arena, ret) != DEAD || renew(k, s->stop, e);
    gate_leave(&k->renewing);
    if (!ok)
        return false;
    (void)pthread_mutex_lock(&k->lock);
    const struct sigv4_keys *now = &k->now->keys.sign;
    *ret = (struct sigv4_keys){copy(s->arena, now->access_key), copy(s->arena, now->secret_key),
                               copy(s->arena, now->session_token)};
    (void)pthread_mutex_unlock(&k->lock);
    return true;
}

bool credentials_get(const struct aws_session *s, struct sigv4_keys *ret, struct err *e)
{
    struct credentials *k = s->aws->credentials;
    struct err ignored = ERR_INIT;
    switch (look(k, s->arena, ret)) {
    case GOOD:
        return true;
    case DUE:
        if (gate_try(&k->renewing)) {
            bool ok = renew(k, s->stop, &ignored);
            gate_leave(&k->renewing);
            if (!ok)
                log_line(LOG_WARN, "aws",
                         "renewing credentials failed, going on with the present ones while they last: %s",
                         ignored.text);
            else
                (void)look(k, s->arena, ret);
        }
        return true;
    default:
        return get_dead(k, s, ret, e);
    }
}

static bool same(const char *x, const char *y)
{
    return strcmp(x ? x : "", y ? y : "") == 0;
}

static bool differ(struct credentials *k, const struct sigv4_keys *used)
{
    (void)pthread_mutex_lock(&k->lock);
    const struct sigv4_keys *now = &k->now->keys.sign;
    bool result = !same(now->access_key, used->access_key) || !same(now->session_token, used->session_token);
    (void)pthread_mutex_unlock(&k->lock);
    return result;
}

bool credentials_renew(const struct aws_session *s, const struct sigv4_keys *used)
{
    struct credentials *k = s->aws->credentials;
    struct err ignored = ERR_INIT;
    if (!gate_enter(&k->renewing, s->stop))
        return false;
    bool changed = differ(k, used) || (renew(k, s->stop, &ignored) && differ(k, used));
    gate_leave(&k->renewing);
    return changed;
}

/* ---- how long they last ---- */

struct life {
    int64_t left_ms; /* INT64_MAX: they do not expire */
    bool is_young;   /* renewing would hardly lengthen their life */
    enum renewal renewal;
    const char *source, *trouble;
};

static struct life life_of(struct credentials *k, struct arena *a)
{
    (void)pthread_mutex_lock(&k->lock);
    const struct held *d = k->now;
    bool lasts = d->keys.expires_ms == KEYS_NO_EXPIRY;
    int64_t life = lasts ? 0 : d->keys.expires_ms - d->born_ms;
    struct life l = {.left_ms = lasts ? INT64_MAX : d->keys.expires_ms - aws_now_ms(k->aws),
                     .renewal = d->keys.renewal,
                     .source = arena_strdup(a, d->keys.source),
                     .trouble = arena_strdup(a, k->trouble.text)};
    l.is_young = lasts || l.left_ms >= life - life / 10;
    (void)pthread_mutex_unlock(&k->lock);
    return l;
}

bool aws_credentials_outlast(const struct aws_session *s, int64_t needed_seconds, struct aws_life *ret,
                             struct err *e)
{
    struct credentials *k = s->aws->credentials;
    struct sigv4_keys unused;
    if (!credentials_get(s, &unused, e))
        return false;
    struct life l = life_of(k, s->arena);
    bool is_short = l.left_ms != INT64_MAX && l.left_ms / 1000 < needed_seconds;
    if (l.renewal != RENEW_NEVER && (is_short || !l.is_young)) {
        if (!gate_enter(&k->renewing, s->stop))
            return cancelled(e);
        bool ok = renew(k, s->stop, NULL);
        gate_leave(&k->renewing);
        l = life_of(k, s->arena);
        if (!ok)
            log_line(LOG_WARN, "aws", "renewing credentials failed: %s", l.trouble);
    }
    *ret = (struct aws_life){.seconds = l.left_ms == INT64_MAX ? INT64_MAX
                                        : l.left_ms > 0        ? l.left_ms / 1000
                                                               : 0,
                             .renews = l.renewal == RENEW_SURE && !*l.trouble,
                             .source = l.source,
                             .trouble = l.trouble};
    return true;
}

bool aws_credential_life(const struct aws_session *s, int64_t *ret_seconds, struct err *e)
{
    struct aws_life life;
    if (!aws_credentials_outlast(s, 0, &life, e))
        return false;
    *ret_seconds = life.seconds;
    return true;
}
