/* names.h — the small vocabularies of the field: engine versions, LSNs, ARNs. Plain values, pure functions.
 *
 * Sources: Aurora PostgreSQL release notes (versions are MAJOR.MINOR), PostgreSQL chapter 8.20 (pg_lsn: two
 * hexadecimal numbers of up to 8 digits), AWS General Reference (ARN: six fields separated by colons).
 */
#ifndef AURORA_NAMES_H
#define AURORA_NAMES_H

#include "internal/base/base.h"

struct version {
    int major;
    int minor; /* -1: not given ("17" means the newest valid minor) */
};

#define VERSION_SIZE 24
/* Accepts "17", "17.6"; refuses everything else ("16.6-R1", "17.x", "017.1", majors under 10). */
MUST_CHECK bool version_parse(const char *s, struct version *ret);
int version_compare(struct version a, struct version b); /* a missing minor sorts first */
const char *version_print(struct version v, char out[VERSION_SIZE]);

typedef uint64_t lsn_t;
#define LSN_SIZE 18
MUST_CHECK bool lsn_parse(const char *s, lsn_t *ret);
const char *lsn_print(lsn_t lsn, char out[LSN_SIZE]);

#define ARN_FIELD 64
struct arn {
    char partition[ARN_FIELD], service[ARN_FIELD], region[ARN_FIELD], account[ARN_FIELD];
    char type[ARN_FIELD]; /* "cluster", "db", "deployment"…; "" where the resource has none */
    char resource[256];   /* what follows the type */
};
MUST_CHECK bool arn_parse(const char *s, struct arn *ret);

/* A DB cluster or instance identifier as RDS stores it: 1–63 letters, digits, hyphens, first a letter, no
 * "--", no hyphen at the end (RDS CreateDBCluster). Upper case is accepted; RDS stores lower case. */
bool identifier_valid(const char *s);

#endif
