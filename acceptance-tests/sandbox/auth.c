#include "acceptance-tests/sandbox/auth.h"

#include "acceptance-tests/sandbox/request.h"
#include "acceptance-tests/sandbox/signing_key.h"
#include "internal/base/clock.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKEW_MS = 15 * 60 * 1000, SHA_SIZE = 32, CANONICAL_MAX = 4 * 1024 * 1024, EXPIRES_MAX = 604800 };

#define NO_TOKEN  "Request is missing Authentication Token"
#define BAD_TOKEN "The security token included in the request is invalid."
#define BAD_SIGNATURE                                                                                        \
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "  \
    "Access Key and signing method. Consult the service documentation for details."

/* What a signature says about itself, from the header or from the query string. */
struct claim {
    const char *access_key, *date, *region, *service, *terminator; /* the credential scope */
    const char *signed_headers, *signature, *time, *token;
    int expires; /* seconds; 0: not presigned */
};

const char *http_header(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return NULL;
}

static void hex(const unsigned char *in, size_t n, char *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *out++ = DIGITS[in[i] >> 4];
        *out++ = DIGITS[in[i] & 15];
    }
    *out = '\0';
}

/* Looked up once: OpenSSL looks for an algorithm that was not fetched at every use. */
static EVP_MD *sha256;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256)
        abort();
}

static void sha256_hex(struct str data, char out[2 * SHA_SIZE + 1])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned char digest[SHA_SIZE];
    (void)pthread_once(&once, fetch_sha256);
    (void)EVP_Digest(data.p ? data.p : "", data.n, digest, NULL, sha256, NULL);
    hex(digest, sizeof digest, out);
}

/* ---- the canonical request ---- */

static bool unreserved(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static void put_encoded(struct buf *b, const char *p, size_t n, bool keep_slash)
{
    for (size_t i = 0; i < n; i++) {
        if (unreserved(p[i]) || (keep_slash && p[i] == '/'))
            (void)buf_add(b, p + i, 1);
        else
            (void)buf_printf(b, "%%%02X", (unsigned char)p[i]);
    }
}

/* Empty and "." segments go, ".." takes its parent along; what is left is encoded once more. */
static void put_path(struct arena *a, struct buf *b, struct str path)
{
    struct str *kept = ARENA_ARRAY(a, struct str, path.n + 1);
    size_t n = 0;
    bool slash_at_end = path.n == 0 || path.p[path.n - 1] == '/';
    for (size_t i = 0; i < path.n;) {
        const char *end = memchr(path.p + i, '/', path.n - i);
        size_t length = end ? (size_t)(end - path.p) - i : path.n - i;
        struct str segment = {path.p + i, length};
        if (str_is(segment, ".."))
            n -= n > 0;
        else if (length > 0 && !str_is(segment, "."))
            kept[n++] = segment;
        if (!end)
            slash_at_end = str_is(segment, ".") || str_is(segment, "..");
        i += length + 1;
    }
    for (size_t i = 0; i < n; i++) {
        (void)buf_puts(b, "/");
        put_encoded(b, kept[i].p, kept[i].n, false);
    }
    if (n == 0 || slash_at_end)
        (void)buf_puts(b, "/");
}

struct pair {
    const char *name, *value;
};

static int compare_pairs(const void *x, const void *y)
{
    const struct pair *a = x, *b = y;
    int order = strcmp(a->name, b->name);
    return order ? order : strcmp(a->value, b->value);
}

static const char *encoded(struct arena *a, const char *text)
{
    struct buf b = BUF_INIT(CANONICAL_MAX);
    put_encoded(&b, text, strlen(text), false);
    const char *copy = arena_strdup(a, buf_text(&b));
    buf_done(&b);
    return copy;
}

static void put_query(struct arena *a, struct buf *b, const struct form *query)
{
    struct pair *pairs = ARENA_ARRAY(a, struct pair, query->count + 1);
    size_t n = 0;
    for (size_t i = 0; i < query->count; i++)
        if (strcmp(query->pairs[i].name, "X-Amz-Signature") != 0)
            pairs[n++] = (struct pair){encoded(a, query->pairs[i].name), encoded(a, query->pairs[i].value)};
    qsort(pairs, n, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(b, "%s%s=%s", i ? "&" : "", pairs[i].name, pairs[i].value);
}

/* Trimmed, with runs of spaces collapsed. */
static void put_header_value(struct buf *b, const char *value)
{
    while (*value == ' ' || *value == '\t')
        value++;
    size_t n = strlen(value);
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    size_t from = 0;
    for (size_t i = 1; i < n; i++)
        if (value[i] == ' ' && value[i - 1] == ' ') {
            (void)buf_add(b, value + from, i - from);
            from = i + 1;
        }
    (void)buf_add(b, value + from, n - from);
}

static bool put_header(struct buf *b, const struct http_request *r, const char *name)
{
    bool found = false;
    for (size_t i = 0; i < r->header_count; i++) {
        if (strcasecmp(r->headers[i].name, name) != 0)
            continue;
        (void)buf_printf(b, "%s%s", found ? "" : name, found ? "," : ":");
        put_header_value(b, r->headers[i].value);
        found = true;
    }
    (void)buf_puts(b, found ? "\n" : "");
    return found;
}

static bool put_headers(struct arena *a, struct buf *b, const struct http_request *r,
                        const char *signed_headers, struct fault *f)
{
    char *names = arena_strdup(a, signed_headers), *save = NULL;
    for (char *name = strtok_r(names, ";", &save); name; name = strtok_r(NULL, ";", &save))
        if (!put_header(b, r, name))
            return fault_set(f, "SignatureDoesNotMatch",
                             "'%.100s' is named as a SignedHeader, but it does not exist in the HTTP request",
                             name);
    return true;
}

static bool canonical(struct arena *a, struct buf *b, const struct http_request *r, const struct form *query,
                      const struct claim *c, struct fault *f)
{
    char body[2 * SHA_SIZE + 1];
    sha256_hex(r->body, body);
    (void)buf_printf(b, "%s\n", r->method);
    put_path(a, b, r->path);
    (void)buf_puts(b, "\n");
    put_query(a, b, query);
    (void)buf_puts(b, "\n");
    if (!put_headers(a, b, r, c->signed_headers, f))
        return false;
    (void)buf_printf(b, "\n%s\n%s", c->signed_headers, body);
    return !b->overflow || fault_set(f, "SignatureDoesNotMatch", BAD_SIGNATURE);
}

static void sign(const struct claim *c, const char *secret, const char *canonical_text,
                 char out[2 * SHA_SIZE + 1])
{
    const struct signing_scope scope = {c->date, c->region, c->service};
    char request[2 * SHA_SIZE + 1], text[512];
    unsigned char key[SIGNING_KEY_SIZE];
    sha256_hex(str_of(canonical_text), request);
    (void)snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", c->time, c->date,
                   c->region, c->service, request);
    signing_key(secret, &scope, key);
    signing_hmac(key, sizeof key, text, key);
    hex(key, sizeof key, out);
}

/* ---- reading the claim ---- */

static bool parse_credential(struct arena *a, const char *text, struct claim *c, struct fault *f)
{
    const char **fields[] = {&c->access_key, &c->date, &c->region, &c->service, &c->terminator};
    char *copy = arena_strdup(a, text);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        char *slash = strchr(copy, '/');
        if ((slash == NULL) != (i + 1 == ARRAY_LEN(fields)))
            return fault_set(f, "IncompleteSignature",
                             "Credential must have exactly 5 slash-delimited elements, e.g. "
                             "keyid/date/region/service/term, got '%.200s'",
                             text);
        if (slash)
            *slash = '\0';
        *fields[i] = copy;
        copy = slash ? slash + 1 : copy;
    }
    return true;
}

/* Value of one "Name=value" of the Authorization header; NULL: absent. */
static const char *authorization_part(struct arena *a, const char *header, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = header; (p = strstr(p, name)); p += n) {
        bool starts = p == header || p[-1] == ' ' || p[-1] == ',';
        if (starts && p[n] == '=')
            return arena_memdup(a, p + n + 1, strcspn(p + n + 1, ", "));
    }
    return NULL;
}

static bool claim_from_header(struct arena *a, const struct http_request *r, const char *header,
                              struct claim *c, struct fault *f)
{
    if (strncmp(header, "AWS4-HMAC-SHA256 ", 17) != 0)
        return fault_set(f, "IncompleteSignature", "Unsupported AWS 'algorithm': '%.*s'.",
                         (int)strcspn(header, " "), header);
    const char *credential = authorization_part(a, header, "Credential");
    c->signed_headers = authorization_part(a, header, "SignedHeaders");
    c->signature = authorization_part(a, header, "Signature");
    c->time = http_header(r, "x-amz-date");
    c->token = http_header(r, "x-amz-security-token");
    if (!credential || !c->signed_headers || !c->signature || !c->time)
        return fault_set(
            f, "IncompleteSignature", "%s%s%s%sAuthorization=AWS4-HMAC-SHA256",
            credential ? "" : "Authorization header requires 'Credential' parameter. ",
            c->signature ? "" : "Authorization header requires 'Signature' parameter. ",
            c->signed_headers ? "" : "Authorization header requires 'SignedHeaders' parameter. ",
            c->time
                ? ""
                : "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
    return parse_credential(a, credential, c, f);
}

static bool claim_from_query(struct arena *a, struct form *query, struct claim *c, struct fault *f)
{
    const char *credential = form_get(query, "X-Amz-Credential"), *expires = form_get(query, "X-Amz-Expires");
    c->signed_headers = form_get(query, "X-Amz-SignedHeaders");
    c->signature = form_get(query, "X-Amz-Signature");
    c->time = form_get(query, "X-Amz-Date");
    c->token = form_get(query, "X-Amz-Security-Token");
    if (strcmp(form_get(query, "X-Amz-Algorithm"), "AWS4-HMAC-SHA256") != 0 || !credential || !expires ||
        !c->signed_headers || !c->signature || !c->time)
        return fault_set(f, "IncompleteSignature",
                         "AWS query-string parameters must include X-Amz-Algorithm, X-Amz-Credential, "
                         "X-Amz-Signature, X-Amz-SignedHeaders, X-Amz-Date and X-Amz-Expires");
    char *end;
    long long seconds = strtoll(expires, &end, 10);
    if (*end || seconds < 1 || seconds > EXPIRES_MAX)
        return fault_set(f, "IncompleteSignature", "X-Amz-Expires must be between 1 and %d seconds",
                         EXPIRES_MAX);
    c->expires = (int)seconds;
    return parse_credential(a, credential, c, f);
}

/* ---- what AWS refuses besides a wrong signature ---- */

/* "20261121T142500Z"; false: another form. */
static bool parse_basic_time(const char *s, int64_t *ret_ms)
{
    char iso[32];
    if (strlen(s) != 16 || strspn(s, "0123456789TZ") != 16)
        return false;
    (void)snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", s, s + 4, s + 6, s + 9, s + 11, s + 13);
    return s[8] == 'T' && time_parse_iso(iso, ret_ms);
}

static const char *basic_time(int64_t ms, char out[TIME_ISO_SIZE])
{
    char iso[TIME_ISO_SIZE];
    time_iso(ms, false, iso);
    size_t n = 0;
    for (const char *p = iso; *p; p++)
        if (*p != '-' && *p != ':')
            out[n++] = *p;
    out[n] = '\0';
    return out;
}

static bool check_time(const struct verifier *v, const struct claim *c, struct fault *f)
{
    int64_t at;
    char now[TIME_ISO_SIZE], edge[TIME_ISO_SIZE];
    if (!parse_basic_time(c->time, &at))
        return fault_set(f, "IncompleteSignature",
                         "Date must be in ISO-8601 'basic format'. Got '%.60s'. See "
                         "http://en.wikipedia.org/wiki/ISO_8601",
                         c->time);
    if (strncmp(c->date, c->time, 8) != 0 || strlen(c->date) != 8)
        return fault_set(
            f, "SignatureDoesNotMatch",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            "HTTP: '%.20s' != '%.8s', from '%s'.",
            c->date, c->time, c->time);
    if (c->expires && v->now_ms > at + c->expires * (int64_t)1000)
        return fault_set(f, "RequestExpired", "Request has expired.");
    if (!c->expires && v->now_ms - at > SKEW_MS)
        return fault_set(f, "SignatureDoesNotMatch",
                         "Signature expired: %s is now earlier than %s (%s - 15 min.)", c->time,
                         basic_time(v->now_ms - SKEW_MS, edge), basic_time(v->now_ms, now));
    if (at - v->now_ms > SKEW_MS)
        return fault_set(f, "SignatureDoesNotMatch",
                         "Signature not yet current: %s is still later than %s (%s + 15 min.)", c->time,
                         basic_time(v->now_ms + SKEW_MS, edge), basic_time(v->now_ms, now));
    return true;
}

static bool check_scope(const struct verifier *v, const struct claim *c, struct fault *f)
{
    const struct scope_service *known = v->services;
    while (known->name && strcmp(known->name, c->service) != 0)
        known++;
    const char *region = known->region ? known->region : v->region;
    if (strcmp(c->terminator, "aws4_request") != 0)
        return fault_set(f, "SignatureDoesNotMatch",
                         "Credential should be scoped with a valid terminator: 'aws4_request', not '%.60s'.",
                         c->terminator);
    if (strcmp(c->region, region) != 0)
        return fault_set(f, "SignatureDoesNotMatch",
                         "Credential should be scoped to a valid region, not '%.60s'.", c->region);
    if (!known->name)
        return fault_set(f, "SignatureDoesNotMatch",
                         "Credential should be scoped to correct service. '%.60s' is not served here.",
                         c->service);
    return true;
}

static bool names_header(const char *signed_headers, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = signed_headers; (p = strstr(p, name)); p += n)
        if ((p == signed_headers || p[-1] == ';') && (p[n] == ';' || p[n] == '\0'))
            return true;
    return false;
}

static bool check_signed_headers(const struct http_request *r, const struct claim *c, struct fault *f)
{
    static const char *const MUST[] = {"x-amz-date", "x-amz-security-token", "x-amz-target"};
    if (!names_header(c->signed_headers, "host"))
        return fault_set(f, "SignatureDoesNotMatch",
                         "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    for (size_t i = 0; i < ARRAY_LEN(MUST); i++)
        if (http_header(r, MUST[i]) && !names_header(c->signed_headers, MUST[i]))
            return fault_set(f, "SignatureDoesNotMatch",
                             "'%s' must be a 'SignedHeader' in the AWS Authorization.", MUST[i]);
    return true;
}

/* The key's own state, after its signature proved right: nobody learns of a token by guessing. */
static bool check_credential(const struct verifier *v, const struct credential *k, const struct claim *c,
                             struct fault *f)
{
    bool same = k->token ? c->token && strlen(c->token) == strlen(k->token) &&
                               CRYPTO_memcmp(c->token, k->token, strlen(k->token)) == 0
                         : !c->token;
    if (!same)
        return fault_set(f, "InvalidClientTokenId", BAD_TOKEN);
    if (k->token && v->now_ms >= k->expires_ms)
        return fault_set(f, "ExpiredToken", "The security token included in the request is expired");
    return true;
}

static bool read_claim(struct arena *a, const struct http_request *r, struct form *query, struct claim *c,
                       struct fault *f)
{
    const char *header = http_header(r, "authorization");
    if (!form_parse(a, r->query, query, f))
        return false;
    if (header)
        return claim_from_header(a, r, header, c, f);
    if (form_get(query, "X-Amz-Algorithm"))
        return claim_from_query(a, query, c, f);
    return fault_set(f, "MissingAuthenticationToken", NO_TOKEN);
}

static bool check_signature(struct arena *a, const struct http_request *r, const struct form *query,
                            const struct claim *c, const char *secret, struct fault *f)
{
    struct buf text = BUF_INIT(CANONICAL_MAX);
    char expected[2 * SHA_SIZE + 1];
    bool ok = canonical(a, &text, r, query, c, f);
    if (ok) {
        sign(c, secret, buf_text(&text), expected);
        ok = strlen(c->signature) == 2 * SHA_SIZE && CRYPTO_memcmp(c->signature, expected, 2 * SHA_SIZE) == 0;
        if (!ok)
            (void)fault_set(f, "SignatureDoesNotMatch", BAD_SIGNATURE);
    }
    buf_done(&text);
    return ok;
}

bool auth_verify(struct arena *a, const struct verifier *v, const struct http_request *r,
                 struct identity *ret, const char **ret_service, struct fault *f)
{
    struct claim c = {
        .access_key = "", .date = "", .region = "", .service = "", .terminator = "", .signature = ""};
    struct form query = {0};
    struct credential key = {0};
    bool read = read_claim(a, r, &query, &c, f);
    if (*c.service)
        *ret_service = c.service;
    bool whole = read && c.time && c.signed_headers && c.signature;
    if (!whole || !check_scope(v, &c, f) || !check_signed_headers(r, &c, f) || !check_time(v, &c, f))
        return false;
    if (!v->find(v->arg, c.access_key, &key))
        return fault_set(f, "InvalidClientTokenId", BAD_TOKEN);
    if (!check_signature(a, r, &query, &c, key.secret, f) || !check_credential(v, &key, &c, f))
        return false;
    *ret = (struct identity){c.access_key, key.arn, key.user_id, c.service};
    return true;
}
