/* client.h — the verbs that talk to a running sandbox, through its control door. */
#ifndef SANDBOX_CLIENT_H
#define SANDBOX_CLIENT_H

#include "internal/base/err.h"

#include <jansson.h>

/* DIR/endpoint.json of a sandbox, running or not. A new object. */
MUST_CHECK bool client_read_state(const char *state_dir, json_t **ret, struct err *e);

/* One call of a control verb; *ret is the reply's object. */
MUST_CHECK bool client_call(const char *state_dir, const char *verb, const json_t *body, json_t **ret,
                            struct err *e);

#endif
