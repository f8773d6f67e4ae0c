#include "acceptance-tests/sandbox/signing_key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REMEMBERED = 16, INPUT_SIZE = 320 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static struct remembered {
    char input[INPUT_SIZE]; /* "": none */
    unsigned char key[SIGNING_KEY_SIZE];
} remembered[REMEMBERED];
static size_t next_place;

/* Without a key yet. Made once: OpenSSL looks up an algorithm by its name whenever it is not told which. */
static EVP_MAC_CTX *keyless;

static void make_keyless(void)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    OSSL_PARAM digest[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
                           OSSL_PARAM_construct_end()};
    keyless = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    if (!keyless || EVP_MAC_CTX_set_params(keyless, digest) != 1)
        abort();
}

void signing_hmac(const void *key, size_t key_size, const char *text, unsigned char ret[SIGNING_KEY_SIZE])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    size_t n = 0;
    (void)pthread_once(&once, make_keyless);
    EVP_MAC_CTX *c = EVP_MAC_CTX_dup(keyless);
    if (!c || EVP_MAC_init(c, key, key_size, NULL) != 1 ||
        EVP_MAC_update(c, (const unsigned char *)text, strlen(text)) != 1 ||
        EVP_MAC_final(c, ret, &n, SIGNING_KEY_SIZE) != 1)
        abort();
    EVP_MAC_CTX_free(c);
}

static void derive(const char *secret, const struct signing_scope *s, unsigned char ret[SIGNING_KEY_SIZE])
{
    char start[160];
    int n = snprintf(start, sizeof start, "AWS4%s", secret);
    const char *parts[] = {s->date, s->region, s->service, "aws4_request"};
    signing_hmac(start, n < (int)sizeof start ? (size_t)n : sizeof start - 1, parts[0], ret);
    for (size_t i = 1; i < ARRAY_LEN(parts); i++)
        signing_hmac(ret, SIGNING_KEY_SIZE, parts[i], ret);
    OPENSSL_cleanse(start, sizeof start);
}

static bool recall(const char *input, unsigned char ret[SIGNING_KEY_SIZE])
{
    bool found = false;
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; !found && i < REMEMBERED; i++) {
        found = strcmp(remembered[i].input, input) == 0;
        if (found)
            memcpy(ret, remembered[i].key, SIGNING_KEY_SIZE);
    }
    (void)pthread_mutex_unlock(&lock);
    return found;
}

static void remember(const char *input, const unsigned char key[SIGNING_KEY_SIZE])
{
    (void)pthread_mutex_lock(&lock);
    struct remembered *place = &remembered[next_place];
    next_place = (next_place + 1) % REMEMBERED;
    (void)snprintf(place->input, sizeof place->input, "%s", input);
    memcpy(place->key, key, SIGNING_KEY_SIZE);
    (void)pthread_mutex_unlock(&lock);
}

/* No part of a scope that was checked holds a line feed. */
void signing_key(const char *secret, const struct signing_scope *s, unsigned char ret[SIGNING_KEY_SIZE])
{
    char input[INPUT_SIZE];
    int n = snprintf(input, sizeof input, "%s\n%s\n%s\n%s", s->date, s->region, s->service, secret);
    bool fits = n < (int)sizeof input;
    if (!fits || !recall(input, ret)) {
        derive(secret, s, ret);
        if (fits)
            remember(input, ret);
    }
    OPENSSL_cleanse(input, sizeof input);
}
