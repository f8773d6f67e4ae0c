/* hcl.h — Terraform's own syntax, written as `terraform fmt` lays it out. Texts may be anything: quotes,
 * backslashes, line breaks, control characters and the beginnings of templates are escaped, bytes that are
 * not UTF-8 become question marks. */
#ifndef AURORA_PROVIDER_HCL_H
#define AURORA_PROVIDER_HCL_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"

struct hcl_arg {
    const char *name;  /* written as it is; hcl_quoted() for the keys of a map */
    const char *value; /* written as it is */
};

/* A string literal with its quotes. */
const char *hcl_quoted(struct arena *a, const char *text);
/* A name that can be a label and a part of an address: letters, digits and underscores. */
const char *hcl_name(struct arena *a, const char *text);
/* The arguments of one group, equals signs aligned. */
void hcl_args(struct buf *out, int indent, const struct hcl_arg *args, size_t n);

#endif
