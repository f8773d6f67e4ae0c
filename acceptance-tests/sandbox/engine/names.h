/* names.h — which endpoint has which address of the block: chosen at first use, kept for the life of the
 * state folder. The address of a removed name is given to another one only when none is left. Thread-safe.
 */
#ifndef SANDBOX_ENGINE_NAMES_H
#define SANDBOX_ENGINE_NAMES_H

#include "internal/base/err.h"

struct names;

MUST_CHECK bool names_new(const char *path, struct names **ret, struct err *e);
void names_free(struct names *n); /* NULL allowed */
/* The last octet of the name's address. */
MUST_CHECK bool names_octet(struct names *n, const char *name, int *ret, struct err *e);
void names_remove(struct names *n, const char *name);

#endif
