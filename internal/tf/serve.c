#include "internal/base/log.h"
#include "internal/tf/inside.h"

#include <stdlib.h>

static const char *log_setting(void)
{
    const char *own = getenv("TF_LOG_PROVIDER");
    return own && *own ? own : getenv("TF_LOG");
}

int tf_serve(const struct tf_provider *p)
{
    struct service service;
    struct stop *stop CLEANUP(stop_cleanup) = stop_new();
    log_init(log_setting());
    service_init(&service, p);
    const struct rpc_options options = {
        /* Not a secret: tells a host's start from a person's. The same for Terraform and OpenTofu. */
        .magic_cookie_key = "TF_PLUGIN_MAGIC_COOKIE",
        .magic_cookie_value = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
        .protocol_version = 6,
        .methods = service_methods,
        .service = &service,
        .stop = stop,
        .source_address = p->address,
    };
    int status = rpc_serve(&options);
    service_done(&service);
    return status;
}
