#include "internal/aws/sigv4.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CACHE_SLOTS = 16, TEXT_MAX = 1024 * 1024, SCOPE_DAY = 8 };

static const char algorithm[] = "AWS4-HMAC-SHA256";

static void hex(const unsigned char *in, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * n] = '\0';
}

/* OpenSSL's digests fail only for want of memory, which ends the process everywhere else too. */
static void require(bool ok)
{
    if (!ok) {
        (void)fputs("panic: no memory for a digest\n", stderr);
        abort();
    }
}

void sigv4_sha256(struct str data, char ret_hex[SIGV4_HEX_SIZE])
{
    unsigned char digest[SIGV4_KEY_SIZE];
    unsigned n = 0;
    require(EVP_Digest(data.n ? data.p : "", data.n, digest, &n, EVP_sha256(), NULL) == 1);
    hex(digest, sizeof digest, ret_hex);
}

static void hmac(const void *key, size_t key_n, const char *text, unsigned char out[SIGV4_KEY_SIZE])
{
    unsigned n = 0;
    require(HMAC(EVP_sha256(), key, (int)key_n, (const unsigned char *)text, strlen(text), out, &n) != NULL);
}

void sigv4_date(int64_t wall_ms, char out[SIGV4_DATE_SIZE])
{
    time_t seconds = wall_ms / 1000;
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || tm.tm_year < 70 || tm.tm_year > 8099)
        (void)snprintf(out, SIGV4_DATE_SIZE, "19700101T000000Z");
    else
        (void)strftime(out, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

void sigv4_uri_encode(struct buf *out, const char *s, bool keep_slash)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        bool plain = (c < 0x80 && isalnum(c)) || strchr("-._~", c) || (c == '/' && keep_slash);
        if (plain)
            (void)buf_add(out, s, 1);
        else
            (void)buf_printf(out, "%%%02X", c);
    }
}

static const char *take(struct arena *a, struct buf *b)
{
    require(!b->overflow);
    const char *text = arena_strdup(a, buf_text(b));
    buf_done(b);
    return text;
}

static const char *encoded(struct arena *a, const char *s)
{
    struct buf b = BUF_INIT(TEXT_MAX);
    sigv4_uri_encode(&b, s, false);
    return take(a, &b);
}

/* ---- stage 1 ---- */

struct entry {
    const char *name, *value;
    size_t position; /* keeps the sort stable: repeated headers stay in their order */
};

static int by_name_then_value(const void *x, const void *y)
{
    const struct entry *p = x, *q = y;
    int d = strcmp(p->name, q->name);
    return d != 0 ? d : strcmp(p->value, q->value);
}

static int by_name_then_position(const void *x, const void *y)
{
    const struct entry *p = x, *q = y;
    int d = strcmp(p->name, q->name);
    return d != 0 ? d : (p->position > q->position) - (p->position < q->position);
}

static void add_query(struct arena *a, struct buf *out, const struct sigv4_request *r)
{
    struct entry *list = ARENA_ARRAY(a, struct entry, r->query_count + 1);
    for (size_t i = 0; i < r->query_count; i++)
        list[i] = (struct entry){encoded(a, r->query[i].name), encoded(a, r->query[i].value), i};
    qsort(list, r->query_count, sizeof *list, by_name_then_value);
    for (size_t i = 0; i < r->query_count; i++)
        (void)buf_printf(out, "%s%s=%s", i ? "&" : "", list[i].name, list[i].value);
}

static const char *lower(struct arena *a, const char *s)
{
    char *copy = arena_strdup(a, s);
    for (char *c = copy; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

static void add_trimmed(struct buf *out, const char *s)
{
    bool space = false, begun = false;
    for (; *s; s++) {
        if (*s == ' ' || *s == '\t') {
            space = begun;
            continue;
        }
        if (space)
            (void)buf_puts(out, " ");
        (void)buf_add(out, s, 1);
        begun = true;
        space = false;
    }
}

static void add_headers(struct arena *a, struct buf *out, struct buf *names, const struct sigv4_request *r)
{
    struct entry *list = ARENA_ARRAY(a, struct entry, r->header_count + 1);
    for (size_t i = 0; i < r->header_count; i++)
        list[i] = (struct entry){lower(a, r->headers[i].name), r->headers[i].value, i};
    qsort(list, r->header_count, sizeof *list, by_name_then_position);
    for (size_t i = 0; i < r->header_count; i++) {
        bool repeated = i > 0 && strcmp(list[i].name, list[i - 1].name) == 0;
        bool last = i + 1 == r->header_count || strcmp(list[i].name, list[i + 1].name) != 0;
        if (!repeated) {
            (void)buf_printf(names, "%s%s", i ? ";" : "", list[i].name);
            (void)buf_printf(out, "%s:", list[i].name);
        }
        add_trimmed(out, list[i].value);
        (void)buf_puts(out, last ? "\n" : ",");
    }
}

struct sigv4_canonical sigv4_canonical(struct arena *a, const struct sigv4_request *r)
{
    struct buf text = BUF_INIT(TEXT_MAX), names = BUF_INIT(TEXT_MAX);
    (void)buf_printf(&text, "%s\n", r->method);
    sigv4_uri_encode(&text, r->path, true);
    (void)buf_puts(&text, "\n");
    add_query(a, &text, r);
    (void)buf_puts(&text, "\n");
    add_headers(a, &text, &names, r);
    (void)buf_printf(&text, "\n%s\n%s", buf_text(&names), r->payload_hash);
    struct sigv4_canonical result = {.signed_headers = take(a, &names)};
    result.text = take(a, &text);
    return result;
}

/* ---- stages 2 and 3 ---- */

static const char *scope_text(struct arena *a, const struct sigv4_scope *s)
{
    char date[SIGV4_DATE_SIZE];
    sigv4_date(s->wall_ms, date);
    return arena_printf(a, "%.*s/%s/%s/aws4_request", SCOPE_DAY, date, s->region, s->service);
}

const char *sigv4_string_to_sign(struct arena *a, const struct sigv4_scope *scope, const char *canonical)
{
    char date[SIGV4_DATE_SIZE], digest[SIGV4_HEX_SIZE];
    sigv4_date(scope->wall_ms, date);
    sigv4_sha256(str_of(canonical), digest);
    return arena_printf(a, "%s\n%s\n%s\n%s", algorithm, date, scope_text(a, scope), digest);
}

void sigv4_key(const char *secret_key, const struct sigv4_scope *scope, unsigned char out[SIGV4_KEY_SIZE])
{
    char date[SIGV4_DATE_SIZE];
    sigv4_date(scope->wall_ms, date);
    date[SCOPE_DAY] = '\0';
    size_t n = strlen(secret_key) + 4;
    char *first = malloc(n + 1);
    require(first != NULL);
    (void)snprintf(first, n + 1, "AWS4%s", secret_key);

    unsigned char k[SIGV4_KEY_SIZE];
    hmac(first, n, date, k);
    OPENSSL_cleanse(first, n);
    free(first);
    hmac(k, sizeof k, scope->region, k);
    hmac(k, sizeof k, scope->service, k);
    hmac(k, sizeof k, "aws4_request", out);
    OPENSSL_cleanse(k, sizeof k);
}

void sigv4_signature(const unsigned char key[SIGV4_KEY_SIZE], const char *string_to_sign,
                     char out[SIGV4_HEX_SIZE])
{
    unsigned char mac[SIGV4_KEY_SIZE];
    hmac(key, SIGV4_KEY_SIZE, string_to_sign, mac);
    hex(mac, sizeof mac, out);
}

/* ---- cache of derived keys ---- */

struct sigv4_cache {
    pthread_mutex_t lock;
    size_t next; /* the oldest entry is replaced first */
    struct {
        char id[SIGV4_HEX_SIZE]; /* digest over secret, day, Region and service: no secret is kept as text */
        unsigned char key[SIGV4_KEY_SIZE];
    } slots[CACHE_SLOTS];
};

struct sigv4_cache *sigv4_cache_new(void)
{
    struct sigv4_cache *c = calloc(1, sizeof *c);
    require(c != NULL);
    (void)pthread_mutex_init(&c->lock, NULL);
    return c;
}

void sigv4_cache_free(struct sigv4_cache *c)
{
    if (!c)
        return;
    (void)pthread_mutex_destroy(&c->lock);
    OPENSSL_cleanse(c, sizeof *c);
    free(c);
}

static void cache_id(struct arena *a, const char *secret, const struct sigv4_scope *s,
                     char out[SIGV4_HEX_SIZE])
{
    char *text = arena_printf(a, "%s\n%s", scope_text(a, s), secret);
    sigv4_sha256(str_of(text), out);
    OPENSSL_cleanse(text, strlen(text));
}

static bool cache_get(struct sigv4_cache *c, const char *id, unsigned char out[SIGV4_KEY_SIZE])
{
    bool found = false;
    (void)pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < CACHE_SLOTS && !found; i++) {
        found = strcmp(c->slots[i].id, id) == 0;
        if (found)
            memcpy(out, c->slots[i].key, SIGV4_KEY_SIZE);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return found;
}

static void cache_put(struct sigv4_cache *c, const char *id, const unsigned char key[SIGV4_KEY_SIZE])
{
    (void)pthread_mutex_lock(&c->lock);
    (void)snprintf(c->slots[c->next].id, SIGV4_HEX_SIZE, "%s", id);
    memcpy(c->slots[c->next].key, key, SIGV4_KEY_SIZE);
    c->next = (c->next + 1) % CACHE_SLOTS;
    (void)pthread_mutex_unlock(&c->lock);
}

static void cached_key(struct arena *a, struct sigv4_cache *c, const char *secret,
                       const struct sigv4_scope *scope, unsigned char out[SIGV4_KEY_SIZE])
{
    char id[SIGV4_HEX_SIZE];
    if (!c) {
        sigv4_key(secret, scope, out);
        return;
    }
    cache_id(a, secret, scope, id);
    if (!cache_get(c, id, out)) {
        sigv4_key(secret, scope, out);
        cache_put(c, id, out);
    }
}

/* ---- finished forms ---- */

static const char *signature_of(struct arena *a, struct sigv4_cache *c, const char *secret,
                                const struct sigv4_scope *scope, const char *canonical)
{
    unsigned char key[SIGV4_KEY_SIZE];
    char *out = arena_alloc(a, SIGV4_HEX_SIZE);
    cached_key(a, c, secret, scope, key);
    sigv4_signature(key, sigv4_string_to_sign(a, scope, canonical), out);
    OPENSSL_cleanse(key, sizeof key);
    return out;
}

static bool has_token(const struct sigv4_keys *k)
{
    return k->session_token && *k->session_token;
}

struct sigv4_signed sigv4_sign(struct arena *a, struct sigv4_cache *c, const struct sigv4_keys *k,
                               const struct sigv4_scope *scope, const struct sigv4_request *r)
{
    char *date = arena_alloc(a, SIGV4_DATE_SIZE);
    sigv4_date(scope->wall_ms, date);
    struct sigv4_pair *headers = ARENA_ARRAY(a, struct sigv4_pair, r->header_count + 2);
    struct sigv4_request full = *r;
    if (r->header_count)
        memcpy(headers, r->headers, r->header_count * sizeof *headers);
    headers[full.header_count++] = (struct sigv4_pair){"x-amz-date", date};
    if (has_token(k))
        headers[full.header_count++] = (struct sigv4_pair){"x-amz-security-token", k->session_token};
    full.headers = headers;

    struct sigv4_canonical canonical = sigv4_canonical(a, &full);
    struct sigv4_signed result = {.date = date};
    result.authorization = arena_printf(a, "%s Credential=%s/%s, SignedHeaders=%s, Signature=%s", algorithm,
                                        k->access_key, scope_text(a, scope), canonical.signed_headers,
                                        signature_of(a, c, k->secret_key, scope, canonical.text));
    return result;
}

const char *sigv4_presign(struct arena *a, struct sigv4_cache *c, const struct sigv4_keys *k,
                          const struct sigv4_scope *scope, const struct sigv4_request *r, int expires_seconds)
{
    char *date = arena_alloc(a, SIGV4_DATE_SIZE);
    sigv4_date(scope->wall_ms, date);
    struct sigv4_pair *query = ARENA_ARRAY(a, struct sigv4_pair, r->query_count + 6);
    struct sigv4_request full = *r;
    if (r->query_count)
        memcpy(query, r->query, r->query_count * sizeof *query);
    const char *credential = arena_printf(a, "%s/%s", k->access_key, scope_text(a, scope));
    query[full.query_count++] = (struct sigv4_pair){"X-Amz-Algorithm", algorithm};
    query[full.query_count++] = (struct sigv4_pair){"X-Amz-Credential", credential};
    query[full.query_count++] = (struct sigv4_pair){"X-Amz-Date", date};
    query[full.query_count++] = (struct sigv4_pair){"X-Amz-Expires", arena_printf(a, "%d", expires_seconds)};
    query[full.query_count++] =
        (struct sigv4_pair){"X-Amz-SignedHeaders", sigv4_canonical(a, r).signed_headers};
    if (has_token(k))
        query[full.query_count++] = (struct sigv4_pair){"X-Amz-Security-Token", k->session_token};
    full.query = query;

    struct buf out = BUF_INIT(TEXT_MAX);
    for (size_t i = 0; i < full.query_count; i++)
        (void)buf_printf(&out, "%s=%s&", encoded(a, query[i].name), encoded(a, query[i].value));
    (void)buf_printf(&out, "X-Amz-Signature=%s",
                     signature_of(a, c, k->secret_key, scope, sigv4_canonical(a, &full).text));
    return take(a, &out);
}
