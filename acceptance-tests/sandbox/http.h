/* http.h — HTTP/1.1 on one loopback port, one thread per connection; bodies up to HTTP_BODY_MAX. */
#ifndef SANDBOX_HTTP_H
#define SANDBOX_HTTP_H

#include "acceptance-tests/sandbox/sandbox.h"

enum { HTTP_BODY_MAX = 1024 * 1024, HTTP_CONNECTIONS_MAX = 256, HTTP_IDLE_SECONDS = 60 };

struct http_server;

/* port 0: any free one; *ret_port is the real one. */
MUST_CHECK bool http_start(struct sandbox *sb, int port, struct http_server **ret, int *ret_port,
                           struct err *e);
void http_stop(struct http_server *h); /* waits for the calls in flight; NULL allowed */

#endif
