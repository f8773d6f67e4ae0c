/* guides.h — the documentation pages that come from tables but belong to no schema: the steps of each flow,
 * the errors, the sources of credentials. */
#ifndef AURORA_PROVIDER_GUIDES_H
#define AURORA_PROVIDER_GUIDES_H

#include "internal/base/buf.h"
#include "internal/base/err.h"

/* docs/guides/blue-green-steps.md, companion-command.md, credentials.md, errors.md and so on below `dir`.
 * Deterministic.
 */
MUST_CHECK bool guides_write(const char *dir, struct err *e);

/* A table cell: no bars, no line breaks, angle brackets visible. */
void guide_cell(struct buf *out, const char *text);
/* guide_clone.c: of the page of a logical upgrade. */
void guide_clone(struct buf *out);
/* guide_companion.c: docs/guides/companion-command.md, from the tables of verbs and options. */
void guide_companion(struct buf *out);
/* guide_record.c: of the page of a logical upgrade. */
void guide_record(struct buf *out);
/* guide_prechecks.c: docs/guides/prechecks.md, from the table of checks. */
void guide_prechecks(struct buf *out);

#endif
