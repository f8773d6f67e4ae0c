#include "internal/aws/errors.h"
#include "internal/base/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { ACTION_SIZE = 128 };

/* A '*' at either end stands for anything; the first row that fits counts. Sources: the common errors of
 * query and JSON services, the errors of the operations in ops.c. */
static const struct {
    const char *pattern;
    enum err_code code;
} codes[] = {
    {"AccessDenied*", ERR_DENIED},
    {"UnauthorizedOperation", ERR_DENIED},
    {"NotAuthorized", ERR_DENIED},
    {"OptInRequired", ERR_DENIED},
    {"RegionDisabledException", ERR_DENIED},
    {"DecryptionFailure", ERR_DENIED},
    {"KMSKeyNotAccessibleFault", ERR_DENIED},
    {"InvalidClientTokenId", ERR_AUTH},
    {"UnrecognizedClientException", ERR_AUTH},
    {"SignatureDoesNotMatch", ERR_AUTH},
    {"InvalidSignature*", ERR_AUTH},
    {"IncompleteSignature*", ERR_AUTH},
    {"MissingAuthenticationToken*", ERR_AUTH},
    {"AuthFailure", ERR_AUTH},
    {"RequestExpired", ERR_AUTH},
    {"RequestTimeTooSkewed", ERR_AUTH},
    {"ExpiredToken*", ERR_AUTH},
    {"InvalidIdentityToken*", ERR_AUTH},
    {"Throttl*", ERR_THROTTLED},
    {"RequestThrottled*", ERR_THROTTLED},
    {"RequestLimitExceeded", ERR_THROTTLED},
    {"TooManyRequestsException", ERR_THROTTLED},
    {"SlowDown", ERR_THROTTLED},
    {"BandwidthLimitExceeded", ERR_THROTTLED},
    {"*NotFound", ERR_NOT_FOUND},
    {"*NotFoundFault", ERR_NOT_FOUND},
    {"*NotFoundException", ERR_NOT_FOUND},
    {"*AlreadyExists", ERR_CONFLICT},
    {"*AlreadyExistsFault", ERR_CONFLICT},
    {"*StateFault", ERR_CONFLICT},
    {"InvalidDBInstanceState", ERR_CONFLICT},
    {"InvalidDBParameterGroupState", ERR_CONFLICT},
    {"InvalidDBSnapshotState", ERR_CONFLICT},
    {"InvalidDBSecurityGroupState", ERR_CONFLICT},
    {"DBInstanceNotReady", ERR_CONFLICT},
    {"DBUpgradeDependencyFailure", ERR_CONFLICT},
    {"NoSuchHostedZone", ERR_NOT_FOUND},
    {"NoSuchChange", ERR_NOT_FOUND},
    {"PriorRequestNotComplete", ERR_CONFLICT},
    {"InvalidChangeBatch", ERR_CONFLICT}, /* what is to be replaced is not what is there */
    {"InvalidInput", ERR_INVALID},
    {"InvalidParameter*", ERR_INVALID},
    {"InvalidRequest*", ERR_INVALID},
    {"Validation*", ERR_INVALID},
    {"MissingParameter", ERR_INVALID},
    {"MissingAction", ERR_INVALID},
    {"InvalidAction", ERR_INVALID},
    {"MalformedQueryString", ERR_INVALID},
    {"MalformedPolicyDocument*", ERR_INVALID},
    {"PackedPolicyTooLarge*", ERR_INVALID},
    {"InternalFailure", ERR_UNAVAILABLE},
    {"InternalError", ERR_UNAVAILABLE},
    {"InternalService*", ERR_UNAVAILABLE},
    {"ServiceUnavailable*", ERR_UNAVAILABLE},
};

static bool fits(const char *pattern, const char *code)
{
    size_t n = strlen(pattern), len = strlen(code);
    if (pattern[0] == '*')
        return len >= n - 1 && strcmp(code + len - (n - 1), pattern + 1) == 0;
    if (pattern[n - 1] == '*')
        return strncmp(code, pattern, n - 1) == 0;
    return strcmp(code, pattern) == 0;
}

enum err_code aws_error_code(const char *code, int status)
{
    for (size_t i = 0; i < ARRAY_LEN(codes) && *code; i++)
        if (fits(codes[i].pattern, code))
            return codes[i].code;
    switch (status) {
    case 429:
        return ERR_THROTTLED;
    case 401:
        return ERR_AUTH;
    default:
        return status >= 500 ? ERR_UNAVAILABLE : ERR_REMOTE;
    }
}

bool aws_error_is_about_time(const char *code)
{
    static const char *const list[] = {"SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure",
                                       "RequestTimeTooSkewed", "RequestExpired"};
    for (size_t i = 0; i < ARRAY_LEN(list); i++)
        if (strcmp(code, list[i]) == 0)
            return true;
    return false;
}

bool aws_error_is_expiry(const char *code)
{
    return strcmp(code, "ExpiredToken") == 0 || strcmp(code, "ExpiredTokenException") == 0;
}

/* "… is not authorized to perform: rds:CreateDBCluster on resource: …" names the right that is missing, which
 * need not be the action's own: CreateBlueGreenDeployment is checked for the rights of what it creates. */
static void missing_right(const struct aws_op *op, const char *message, char out[ACTION_SIZE])
{
    static const char words[] = "to perform: ";
    const char *at = strstr(message, words);
    size_t n = 0;
    if (at) {
        at += sizeof words - 1;
        while (n < ACTION_SIZE - 1 && (isalnum((unsigned char)at[n]) || at[n] == ':' || at[n] == '-'))
            n++;
    }
    if (n > 0 && memchr(at, ':', n))
        (void)snprintf(out, ACTION_SIZE, "%.*s", (int)n, at);
    else
        (void)snprintf(out, ACTION_SIZE, "%s:%s", op->service, op->action);
}

static void add_hint(struct err *e, const struct aws_op *op, const struct aws_refusal *r)
{
    char action[ACTION_SIZE];
    if (strcmp(r->code, "KMSKeyNotAccessibleFault") == 0) { /* the action itself was allowed */
        (void)err_hint(
            e,
            "Enable the KMS key that AWS names, and allow kms:CreateGrant and kms:DescribeKey on it to the "
            "credentials in use.");
    } else if (e->code == ERR_DENIED && !(op->flags & OP_NEEDS_NO_RIGHTS)) {
        missing_right(op, r->message, action);
        (void)err_hint(e, "Allow the IAM action %s to the credentials in use.", action);
    } else if (aws_error_is_expiry(r->code)) {
        (void)err_hint(e, "The credentials have expired: renew them and apply again.");
    } else if (e->code == ERR_AUTH) {
        (void)err_hint(e, "Check access key, secret key and session token, and this machine's clock.");
    }
}

bool aws_error_set(struct err *e, const struct aws_op *op, const struct aws_refusal *r)
{
    if (!e)
        return false;
    (void)err_set(e, aws_error_code(r->code, r->status), "AWS refused it");
    if (*r->code)
        (void)snprintf(e->remote_code, sizeof e->remote_code, "%s", r->code);
    else
        (void)snprintf(e->remote_code, sizeof e->remote_code, "%d", r->status);
    utf8_clean(e->remote_code);
    (void)err_said(e, "%s%s%s (HTTP %d%s%s)", r->code, *r->code && *r->message ? ": " : "", r->message,
                   r->status, *r->request_id ? ", request " : "", r->request_id);
    add_hint(e, op, r);
    return false;
}
