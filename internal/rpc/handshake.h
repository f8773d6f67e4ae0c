/* handshake.h — what the plugin host says in the environment, and the one line that answers it.
 *
 * Pure functions but for handshake_read(), which looks at the environment. Strings of the environment are
 * borrowed. Source: go-plugin 1.6, server.go and client.go.
 */
#ifndef AURORA_RPC_HANDSHAKE_H
#define AURORA_RPC_HANDSHAKE_H

#include "internal/base/arena.h"
#include "internal/rpc/rpc.h"

struct handshake {
    bool has_cookie;        /* started by a plugin host */
    bool offers_version;    /* the host speaks our protocol version, or did not say what it speaks */
    bool is_reattach;       /* AURORA_REATTACH=1: a debugger's process, not the host's child */
    const char *client_pem; /* the host's certificate; NULL: no TLS */
};

struct handshake handshake_read(const struct rpc_options *o);

/* `versions` is PLUGIN_PROTOCOL_VERSIONS: "5,6" in any order; NULL and "" mean "not said", which is fine. */
bool handshake_offers(const char *versions, int ours);

/* "1|6|unix|PATH|grpc|CERT\n"; CERT is the DER in base64 without padding, empty for n = 0. */
const char *handshake_line(struct arena *a, int version, const char *path, const void *der, size_t n);

/* The line for TF_REATTACH_PROVIDERS. `source_address` NULL: the user has to fill it in. */
const char *handshake_reattach_line(struct arena *a, const char *source_address, int version, long pid,
                                    const char *path);

#endif
