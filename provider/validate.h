/* validate.h — checks of single attribute values, for the tables of this folder. Each is a
 * `tf_attr.validate`: sees known, non-null values only. Texts name what would be accepted, never the value of
 * a secret. */
#ifndef AURORA_PROVIDER_VALIDATE_H
#define AURORA_PROVIDER_VALIDATE_H

#include "internal/aws/aws.h"
#include "internal/base/err.h"
#include "internal/value/value.h"

bool validate_retries(const struct value *v, struct err *e);         /* 0 … 1000 */
bool validate_port(const struct value *v, struct err *e);            /* 1 … 65535 */
bool validate_connect_timeout(const struct value *v, struct err *e); /* 1 … 3600 s */
bool validate_role_duration(const struct value *v, struct err *e);   /* 15m … 12h (STS AssumeRole) */
bool validate_role_arn(const struct value *v, struct err *e);
bool validate_url(const struct value *v, struct err *e);           /* http(s)://host…, no user, no query */
bool validate_user_agent(const struct value *v, struct err *e);    /* list of printable ASCII */
bool validate_skip_metadata(const struct value *v, struct err *e); /* a boolean as text, or "" */
bool validate_retry_mode(const struct value *v, struct err *e);
bool validate_retry_capacity(const struct value *v, struct err *e); /* 1 … 10000 */
bool validate_cluster_identifier(const struct value *v, struct err *e);

/* A nullable boolean as text: "", "true", "1", "false", "0". */
bool choice_parse(const char *text, enum aws_choice *ret);

/* Looks like a Region: "eu-west-1", "us-gov-east-1", "us-isob-east-1". */
bool region_plausible(const char *s);

#endif
