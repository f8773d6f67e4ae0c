/* fixture.h — a scripted server, a client of it and a clock that remembers; for the unit tests of this
 * folder. */
#ifndef AURORA_AWS_FIXTURE_H
#define AURORA_AWS_FIXTURE_H

#include "internal/aws/client.h"
#include "internal/aws/scripted.h"
#include "internal/base/testing.h"

#define FIXTURE_NS " xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\""
#define REPLY(action, inner)                                                                                 \
    "<" action "Response" FIXTURE_NS "><" action "Result>" inner "</" action "Result><ResponseMetadata>"     \
    "<RequestId>r-1</RequestId></ResponseMetadata></" action "Response>"
#define EMPTY_REPLY(action)                                                                                  \
    "<" action "Response><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></" action "Respons" \
    "e>"
#define REFUSAL(code, message)                                                                               \
    "<ErrorResponse" FIXTURE_NS "><Error><Type>Sender</Type><Code>" code "</Code><Message>" message          \
    "</Message></Error><RequestId>r-2</RequestId></ErrorResponse>"

enum { RECORDER_DELAYS = 64 };
#define RECORDER_WALL_MS 1767322845000LL /* 2026-01-02T03:00:45Z */

/* Time that passes only by waiting, and remembers how long each wait was. Thread-safe. */
struct recorder {
    struct clock clock;
    pthread_mutex_t lock;
    int64_t now_ms, delays[RECORDER_DELAYS];
    int n;
};
void recorder_init(struct recorder *r);
bool recorder_wait(struct clock *c, struct stop *stop, int64_t ms);
void recorder_advance(struct recorder *r, int64_t ms); /* without a wait */

struct fixture {
    struct scripted server;
    struct recorder clock;
    struct arena *arena;
    struct aws *aws;
    struct aws_session s;
    struct err e;
};
void fixture_start(struct fixture *f, const struct step *steps); /* default retries */
void fixture_stop(struct fixture *f);
const char *fixture_body(struct fixture *f, int i); /* of the i-th request */

/* A client of that server with keys as provider arguments and an empty environment. */
struct aws *fixture_client(const char *url, struct clock *clock, int max_retries);
const char *fixture_no_env(const char *name);
int64_t fixture_seconds(void); /* real time */

/* A home folder with ~/.aws in it, and an environment of the test's own (HOME included). */
struct variable {
    const char *name, *value;
};
int fixture_home_make(void **state); /* group set-up and tear-down */
int fixture_home_remove(void **state);
void fixture_home_write(const char *name, const char *text); /* below ~/.aws; text NULL: empty */
const char *fixture_home_path(struct arena *a, const char *name);
void fixture_set_env(const struct variable *list); /* ends with name == NULL */
/* HOME is the fixture's, the metadata service is switched off, unless the list says otherwise. */
const char *fixture_getenv(const char *name);

/* A client with that environment and home, whose every service is at `url`; NULL and `e` if it is refused. */
struct aws *fixture_aws(const struct aws_config *given, const char *url, struct clock *clock, struct err *e);
/* "AKIDENV AKIDROLEA": who signed, request by request; "-": nobody. */
const char *fixture_signers(struct scripted *server, struct arena *a);
bool fixture_was_sent(struct scripted *server, const char *text);

#define FIXTURE_ROLE(action, letter, expiry)                                                                 \
    REPLY(action, "<Credentials><AccessKeyId>AKIDROLE" letter "</AccessKeyId><SecretAccessKey>secret-of-"    \
                  "role</SecretAccessKey><SessionToken>token-of-role-" letter                                \
                  "</SessionToken><Expiration>" expiry "</Expiration></Credentials>")
#define FIXTURE_IDENTITY   REPLY("GetCallerIdentity", "<Account>123456789012</Account>")
#define FIXTURE_IN_AN_HOUR "2026-01-02T04:00:45Z"

#endif
