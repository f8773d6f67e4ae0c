/* staging.h — window, hooks, watch and reminder between configuration and domain, for any resource that
 * switches production (internal/upgrade/staging.h). */
#ifndef AURORA_PROVIDER_STAGING_H
#define AURORA_PROVIDER_STAGING_H

#include "provider/upgrade_resource.h"

extern const struct tf_attr hook_attrs[], in_place_hook_attrs[], logical_hook_attrs[]; /* of the block hook */
extern const char hook_doc[];
bool validate_window(const struct value *v, struct err *e);
bool validate_duration(const struct value *v, struct err *e);

/* Part of a resource's validate: what more than one attribute decides. */
void staging_validate(const struct upgrade_kind *kind, struct tf_call *c);
/* Fills window, watch and hooks of the request from valid attributes. */
void staging_read(struct arena *a, const struct value *attrs, struct request *r);

/* False (AUR0147): a hook with SQL stands between `reached` (exclusive) and `wanted`, and there is no login.
 */
MUST_CHECK bool staging_hooks_have_login(const struct upgrade *u, enum flow_stage reached,
                                         enum flow_stage wanted, struct err *e);
/* Warns that the old side still runs, what of it is billed, and when it may go. */
void staging_remind(struct operation *o);

#endif
