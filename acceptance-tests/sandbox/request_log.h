/* request_log.h — every call, as one JSON object a line, in DIR/requests.ndjson.
 *
 * Members: time, request_id, service, operation, principal, parameters (secrets masked), ignored (parameter
 * names the operation has no row for), status, code, fault, ms. For people and for tests that count calls.
 */
#ifndef SANDBOX_REQUEST_LOG_H
#define SANDBOX_REQUEST_LOG_H

#include "internal/base/err.h"

#include <jansson.h>

struct request_log;

MUST_CHECK bool request_log_open(const char *path, struct request_log **ret, struct err *e);
void request_log_close(struct request_log *l); /* NULL allowed */
void request_log_write(struct request_log *l, const json_t *entry);

/* A copy of bound or raw parameters with every secret replaced. */
json_t *request_log_mask(const json_t *parameters);

#endif
