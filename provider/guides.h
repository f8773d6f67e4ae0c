/* guides.h — the documentation pages that come from tables but belong to no schema: the steps of each flow,
 * the errors, the sources of credentials. */
#ifndef AURORA_PROVIDER_GUIDES_H
#define AURORA_PROVIDER_GUIDES_H

#include "internal/base/err.h"

/* docs/guides/blue-green-steps.md, credentials.md and errors.md below `dir`. Deterministic. */
MUST_CHECK bool guides_write(const char *dir, struct err *e);

#endif
