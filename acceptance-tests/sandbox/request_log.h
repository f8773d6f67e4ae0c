/* request_log.h — every call, as one JSON object a line, in DIR/requests.ndjson.
 *
 * Members: seq (1, 2, 3 … for the life of the state, in the order of arrival), time (of the answer), started,
 * request_id, service, operation, principal, parameters (secrets masked), ignored (parameter names the
 * operation has no row for), status, code, fault, actions (in IAM mode: what was asked for), ms. A line is
 * written when the answer is ready, before it is sent; calls that have no line yet are running. For people
 * and for tests that count calls or look for the boundaries between them.
 */
#ifndef SANDBOX_REQUEST_LOG_H
#define SANDBOX_REQUEST_LOG_H

#include "internal/base/err.h"

#include <jansson.h>

struct request_log;

/* A line cut short by a killed process is dropped; numbers go on behind the last whole one. */
MUST_CHECK bool request_log_open(const char *path, struct request_log **ret, struct err *e);
void request_log_close(struct request_log *l); /* NULL allowed */

/* A call has arrived: its number. `what` (stolen) is shown among the running ones until it is written. */
int64_t request_log_begin(struct request_log *l, json_t *what);
void request_log_write(struct request_log *l, int64_t seq, json_t *entry); /* adds seq */
json_t *request_log_running(struct request_log *l);                        /* a new list */

/* A copy of bound or raw parameters with every secret replaced. */
json_t *request_log_mask(const json_t *parameters);

#endif
