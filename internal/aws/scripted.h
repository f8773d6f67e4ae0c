/* scripted.h — an HTTP server inside a unit test that answers from a script and misbehaves on request.
 *
 * Listens on a loopback port of its own; one thread accepts, one per connection answers. Every request takes
 * the first step that fits its action and is not used up. Keeps what it received for the test to look at.
 */
#ifndef AURORA_AWS_SCRIPTED_H
#define AURORA_AWS_SCRIPTED_H

#include "internal/base/base.h"

#include <openssl/ssl.h>
#include <pthread.h>

enum fault {
    FAULT_NONE,
    FAULT_RESET,      /* half of the reply, then a reset */
    FAULT_HANG_UP,    /* the request is read, nothing is answered */
    FAULT_SILENCE,    /* the request is read, then nothing until the client leaves */
    FAULT_SHORT_BODY, /* Content-Length promises more than is sent */
    FAULT_ENDLESS     /* a body of 20 MB without a stated length */
};

struct step {
    const char *action;         /* NULL: any; else a text the request's body or headers must contain */
    int times;                  /* 0: for ever */
    int status;                 /* 0: 200 */
    const char *headers, *body; /* each header ends with \r\n; NULL: none */
    enum fault fault;
    bool keep; /* the connection stays open for another request */
};

enum { SCRIPTED_KEPT = 512, SCRIPTED_REQUEST_MAX = 65536 };

struct scripted {
    int fd, port, quit; /* quit: an eventfd that becomes readable at the end */
    SSL_CTX *tls;       /* NULL: plain */
    pthread_t thread;
    pthread_mutex_t lock;
    const struct step *steps; /* end with body == NULL && fault == FAULT_NONE && status == 0 */
    int used[1024];
    int requests, active, peak; /* peak: most connections at once */
    char *kept[SCRIPTED_KEPT];  /* whole requests, in order */
    pthread_t workers[4096];
    size_t worker_count;
    char url[64];
};

void scripted_start(struct scripted *s, const struct step *steps, SSL_CTX *tls);
void scripted_stop(struct scripted *s);
int scripted_requests(struct scripted *s);
const char *scripted_request(struct scripted *s, int i); /* "" if there was none */

#endif
