/* deparse.h — PostgreSQL's own rendering of expressions and views, in a form that is the same after
 * pg_upgrade.
 *
 * pg_upgrade carries definitions as text, and text read back is not always printed as it was (ruleutils.c):
 *   - `(x)::text = ANY ((ARRAY['a'::character varying])::text[])` comes back with the cast at each element;
 *   - `(a AND b) AND c` comes back as `a AND b AND c`;
 *   - up to 15 a view over one relation qualifies every column with it, from 16 on it does not.
 * So casts, parentheses around one thing, that one qualifier and the layout are taken out. What is lost: a
 * change of nothing but a cast inside an expression. Types of columns, arguments and results are compared
 * elsewhere, in full.
 */
#ifndef AURORA_PG_DEPARSE_H
#define AURORA_PG_DEPARSE_H

#include "internal/base/arena.h"

/* Total: any text gives a result, malformed ones too. */
char *deparse_normal(struct arena *a, const char *sql) NONNULL_RETURN;

#endif
