#include "internal/rpc/handshake.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static bool environment_is(const char *name, const char *expected)
{
    const char *value = environment(name);
    return value && strcmp(value, expected) == 0;
}

bool handshake_offers(const char *versions, int ours)
{
    if (!versions || !*versions)
        return true;
    for (const char *p = versions; *p;) {
        char *end;
        long version = strtol(p, &end, 10);
        if (end != p && (*end == ',' || !*end) && version == ours)
            return true;
        p += strcspn(p, ",");
        p += *p == ',';
    }
    return false;
}

struct handshake handshake_read(const struct rpc_options *o)
{
    struct handshake h = {
        .has_cookie = environment_is(o->magic_cookie_key, o->magic_cookie_value),
        .offers_version = handshake_offers(environment("PLUGIN_PROTOCOL_VERSIONS"), o->protocol_version),
        .is_reattach = environment_is("AURORA_REATTACH", "1"),
        .client_pem = environment("PLUGIN_CLIENT_CERT"),
    };
    if (h.is_reattach) /* a CLI that attaches speaks no TLS */
        h.client_pem = NULL;
    return h;
}

/* go-plugin reads the field with base64.RawStdEncoding, which refuses '='. */
static const char *base64_unpadded(struct arena *a, const void *p, size_t n)
{
    char *text = arena_alloc(a, (n + 2) / 3 * 4 + 1);
    int length = EVP_EncodeBlock((unsigned char *)text, p, (int)n);
    while (length > 0 && text[length - 1] == '=')
        text[--length] = '\0';
    return text;
}

const char *handshake_line(struct arena *a, int version, const char *path, const void *der, size_t n)
{
    return arena_printf(a, "1|%d|unix|%s|grpc|%s\n", version, path, base64_unpadded(a, der, n));
}

const char *handshake_reattach_line(struct arena *a, const char *source_address, int version, long pid,
                                    const char *path)
{
    return arena_printf(a,
                        "{\"%s\":{\"Protocol\":\"grpc\",\"ProtocolVersion\":%d,\"Pid\":%ld,\"Test\":true,"
                        "\"Addr\":{\"Network\":\"unix\",\"String\":\"%s\"}}}\n",
                        source_address ? source_address : "SOURCE ADDRESS OF THE PROVIDER", version, pid,
                        path);
}
