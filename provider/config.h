/* config.h — the provider block and the environment as plain C, without asking AWS anything: the part of
 * configure that unit tests can look at. */
#ifndef AURORA_PROVIDER_CONFIG_H
#define AURORA_PROVIDER_CONFIG_H

#include "provider/provider.h"

struct provider_settings {
    struct provider_config config; /* all but `aws` */
    struct aws_config aws;
    const char *const *allowed_accounts, *const *forbidden_accounts; /* end with NULL */
    bool skip_credentials_validation, skip_region_validation;
};

/* Copies all it needs into `a`; config.arena is `a`. If something AWS calls depend on is unknown,
 * config.unknown says what, and `aws` must not be used. */
void provider_settings_read(struct arena *a, const struct value *block, struct provider_settings *ret);

/* Is this account one of those the block allows? */
MUST_CHECK bool provider_account_allowed(const struct provider_settings *s, const char *account,
                                         struct err *e);

/* One postgresql { } object; the strings are copied. */
struct provider_pg provider_pg_read(struct arena *a, const struct value *block);
struct provider_pg provider_pg_from_env(struct arena *a);

/* A secret as RDS writes it (JSON with username and password), or the bare password: *ret_user is NULL then.
 */
MUST_CHECK bool provider_secret_parse(struct arena *a, const char *secret, const char **ret_user,
                                      const char **ret_password, struct err *e);

/* A copy in `a`; NULL for null, unknown and "". */
const char *config_text(struct arena *a, const struct value *object, const char *name);
const char *const *config_strings(struct arena *a, const struct value *list); /* ends with NULL */

#endif
