/* iam.h — IAM mode: a policy document decides which calls are answered.
 *
 * The document is an identity-based policy as IAM writes it: Statement with Sid, Effect, Action or NotAction,
 * Resource or NotResource, Condition. It holds for everybody who signs; a statement with Principal (not part
 * of AWS's identity policies) only for the ARNs it names, so that a role may do less than the user who takes
 * it. Without an Allow a call is refused, and a Deny wins over every Allow. Condition knows the operators of
 * strings, ARNs, Bool and Null with IfExists, ForAnyValue: and ForAllValues:, and the keys aws:RequestTag/…,
 * aws:TagKeys, aws:ResourceTag/…, aws:PrincipalArn, aws:PrincipalAccount, aws:RequestedRegion and
 * rds:<type>-tag/…. Anything else in a document is refused when it is given, never silently ignored. Session
 * policies and trust policies are not evaluated.
 *
 * Which actions and resources an operation needs is in the table of iam_actions.c (Service Authorization
 * Reference). GetCallerIdentity needs none.
 */
#ifndef SANDBOX_IAM_H
#define SANDBOX_IAM_H

#include "acceptance-tests/sandbox/sandbox.h"

enum iam_verdict {
    IAM_ALLOWED,
    IAM_NOT_ALLOWED, /* nothing allows it */
    IAM_DENIED       /* something denies it */
};

struct iam_request {
    const char *principal, *action, *resource;
    const json_t *context; /* condition key → text or list of texts; NULL: none */
};

MUST_CHECK bool iam_check(const json_t *policy, struct err *e);
/* `policy` has passed iam_check(). */
enum iam_verdict iam_decide(const json_t *policy, const struct iam_request *r);

/* IAM's "*" and "?" over a whole text. */
bool iam_matches(const char *pattern, const char *text, bool ignore_case);

/* ---- the running sandbox ---- */

/* Takes the document from a file, checks it and makes it part of the state. */
MUST_CHECK bool iam_load(struct sandbox *sb, const char *path, struct err *e);
/* With the lock: the verb's {policy} or {off}; *ret: the document now in force, or null. */
MUST_CHECK bool iam_set(struct sandbox *sb, const json_t *in, json_t **ret, struct err *e);

/* Takes the lock. False: c->fault is AccessDenied. *ret_actions: what was asked for, a new list; NULL when no
 * policy is in force. */
MUST_CHECK bool iam_authorize(struct call *c, json_t **ret_actions);

/* With the lock: of a call that was authorized, one more action on a resource that is none of the sandbox's.
 */
bool iam_permits(struct call *c, const char *action, const char *resource);

/* One action on one resource that an operation needs. */
struct iam_need {
    const char *action, *resource;
    const json_t *tagged; /* record whose tags aws:ResourceTag reads; NULL: none */
    const char *type;     /* of the resource, for rds:<type>-tag; "" */
};
/* With the lock: everything the call needs, in the arena. */
void iam_needs(struct call *c, struct iam_need **ret, size_t *ret_n);

#endif
