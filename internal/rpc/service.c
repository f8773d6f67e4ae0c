/* The services a plugin host expects beside the provider's own. */
#include "internal/rpc/call.h"
#include "proto/health.pb-c.h"

#include <string.h>

static bool answer_empty(struct rpc_call *call)
{
    call->reply = (struct str){NULL, 0}; /* plugin.Empty */
    return true;
}

static bool answer_health(struct rpc_call *call)
{
    Grpc__Health__V1__HealthCheckRequest *request = grpc__health__v1__health_check_request__unpack(
        NULL, call->request.n, (const uint8_t *)call->request.p);
    if (!request) {
        call->failure = "the health request cannot be decoded";
        return false;
    }
    bool is_ours = !*request->service || strcmp(request->service, "plugin") == 0;
    grpc__health__v1__health_check_request__free_unpacked(request, NULL);

    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = is_ours ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                              : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
    size_t n = grpc__health__v1__health_check_response__get_packed_size(&response);
    uint8_t *packed = arena_alloc(call->arena, n);
    call->reply =
        (struct str){(const char *)packed, grpc__health__v1__health_check_response__pack(&response, packed)};
    return true;
}

static const struct {
    const char *path;
    struct route route;
} services[] = {
    {"/plugin.GRPCController/Shutdown", {.handle = answer_empty, .is_inline = true, .ends_server = true}},
    {"/plugin.GRPCStdio/StreamStdio", {.is_held = true, .is_lifeline = true}},
    {"/plugin.GRPCBroker/StartStream",
     {.is_held = true}}, /* the host closes it before Shutdown: no lifeline */
    {"/grpc.health.v1.Health/Check", {.handle = answer_health, .is_inline = true}},
};

bool service_find(struct str path, struct route *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        if (str_is(path, services[i].path)) {
            *ret = services[i].route;
            return true;
        }
    return false;
}
