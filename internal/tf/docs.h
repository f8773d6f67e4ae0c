/* docs.h — between docs.c (pages) and docs_schema.c (what they say about a schema). */
#ifndef AURORA_TF_DOCS_H
#define AURORA_TF_DOCS_H

#include "internal/tf/inside.h"

void docs_schema(struct buf *out, struct arena *a, const struct tf_schema *s);
const char *docs_type_name(enum tf_type type); /* "List of String" */

#endif
