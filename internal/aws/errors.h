/* errors.h — AWS's refusals in our words: codes, what was said, which right is missing. */
#ifndef AURORA_AWS_ERRORS_H
#define AURORA_AWS_ERRORS_H

#include "internal/aws/ops.h"
#include "internal/base/err.h"

/* What an error reply holds; all "" when it could not be read. */
struct aws_refusal {
    const char *code, *message, *request_id;
    int status;
};

/* From the table of codes; for unknown ones from the HTTP status. */
enum err_code aws_error_code(const char *code, int status);

/* Sets code, text, remote_code, said and hint. Returns false. */
bool aws_error_set(struct err *e, const struct aws_op *op, const struct aws_refusal *r);

/* Refusals that a corrected clock or fresh credentials may cure. */
bool aws_error_is_about_time(const char *code);
bool aws_error_is_expiry(const char *code);

#endif
