/* keys.h — KMS keys as far as RDS meets them: which one is disabled, and who may use it. Behind an ARN there
 * is no key; the control verb disables and enables them. A restore, a copy or a new cluster needs its key at
 * once.
 *
 * A caller needs kms:CreateGrant and kms:DescribeKey for a key of the customer's (Amazon RDS User Guide,
 * "Authorizing use of a customer managed key"), and nothing for the account's own aws/rds. A key that is
 * disabled and one that may not be used are refused alike: KMSKeyNotAccessibleFault, in one sentence.
 */
#ifndef SANDBOX_KEYS_H
#define SANDBOX_KEYS_H

#include "acceptance-tests/sandbox/sandbox.h"

#define KEY_ARN_SIZE 320

/* "arn:…" stays what it is, an id becomes the ARN of this account's key, "" that of aws/rds. */
void key_arn(const struct sandbox *sb, const char *key, char ret[static KEY_ARN_SIZE]);
/* With the lock: {key, disabled} of the verb. *ret: all that are disabled as {key}, a new array. */
MUST_CHECK bool key_set(struct sandbox *sb, const json_t *in, json_t **ret, struct err *e);
/* With the lock: the key the request names, else that of `from` (cluster or snapshot; NULL: none) if that is
 * encrypted. `what`: how AWS calls it, "specified". False: the fault is set. */
MUST_CHECK bool key_usable(struct call *c, const json_t *from, const char *what);

#endif
