/* credentials.h — the keys that sign, from wherever they come, kept fresh.
 *
 * A table of sources is asked in order; the provider's assume_role chain is applied on top. Keys of a role
 * are renewed a quarter of an hour (at most a third of their life) before they expire. One thread renews at a
 * time; a renewal that fails is tolerated, and the others go on with what there is, until the keys are dead.
 * Errors name what was asked and what was missing, never a value. All secrets are registered with
 * log_secret().
 */
#ifndef AURORA_AWS_CREDENTIALS_H
#define AURORA_AWS_CREDENTIALS_H

#include "internal/aws/aws.h"
#include "internal/aws/sigv4.h"

enum {
    CREDENTIALS_ADVISORY_MS = 15 * 60 * 1000,
    CREDENTIALS_PAUSE_MS = 60 * 1000 /* between renewals that failed but were not needed yet */
};

struct credentials;
MUST_CHECK bool credentials_new(struct aws *w, const struct aws_config *c, struct credentials **ret,
                                struct err *e);
void credentials_free(struct credentials *k);

/* Keys that are good now, copied into the session's arena. */
MUST_CHECK bool credentials_get(const struct aws_session *s, struct sigv4_keys *ret, struct err *e);

/* AWS calls `used` expired. True: there are other keys now, try again. */
MUST_CHECK bool credentials_renew(const struct aws_session *s, const struct sigv4_keys *used);

#endif
