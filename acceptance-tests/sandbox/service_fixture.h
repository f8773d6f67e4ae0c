/* service_fixture.h — a whole sandbox over the fake engine, asked through sandbox_serve() with signed
 * requests, as a client would. */
#ifndef SANDBOX_SERVICE_FIXTURE_H
#define SANDBOX_SERVICE_FIXTURE_H

#include "acceptance-tests/sandbox/sandbox.h"

struct fixture {
    struct sandbox sb;
    char dir[64];
};

void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);  /* orderly; the folder goes */
void fixture_reopen(struct fixture *f); /* an orderly restart on the same state */

/* One RDS call, "Action=X&A=b" without Version; the reply stands until the next call. */
const char *ask(struct fixture *f, const char *form);
/* The same to another service; JSON services take the target in `form` before the first blank. */
const char *ask_service(struct fixture *f, const char *service, const char *form);
int last_status(void);

/* Fails the test when the reply lacks `part`. */
void expect(struct fixture *f, const char *form, const char *part);
/* Asks until the reply has the part; fails after some seconds. */
void await(struct fixture *f, const char *form, const char *part);
/* Text of the first element of that name in a reply; "" if none. */
const char *element(const char *reply, const char *name);

#endif
