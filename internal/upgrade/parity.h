/* parity.h — are the settings of two clusters, or two instances, the same? Compares every member AWS returns
 * by name, known to us or not; a table says what a difference means and how it is put right.
 *
 * Absent, "", false and 0 are the same, lists are sets, the status of an element does not count. Source of
 * the table: the reference on settings parity, sections 1, 2 and 6 (RDS API 2014-10-31; hashicorp/aws, v6
 * line).
 */
#ifndef AURORA_UPGRADE_PARITY_H
#define AURORA_UPGRADE_PARITY_H

#include "internal/base/arena.h"
#include "internal/value/xml.h"

enum parity_object { PARITY_CLUSTER = 1, PARITY_INSTANCE = 2 };

/* What a difference means for a user whose Terraform manages the object. */
enum parity_severity {
    PARITY_REPLACE,   /* it would replace cluster or instance, or nothing can put it right: no switch */
    PARITY_UPDATE,    /* it would change them: put right, else no switch */
    PARITY_INVISIBLE, /* it would see nothing, and nobody would ever repair it: put right, else told */
    PARITY_REPORT     /* unknown, or not for us to change: told */
};

enum parity_repair {
    REPAIR_NONE,
    REPAIR_TEXT,      /* the value as it is shown */
    REPAIR_GROUPS,    /* VPC security groups by id */
    REPAIR_LOGS,      /* log types to enable and to disable */
    REPAIR_ROLES,     /* calls of their own */
    REPAIR_DATA_API,  /* a call of its own */
    REPAIR_FORWARDING /* "enabled" as a boolean */
};

struct parity_rule {
    const char *member;
    unsigned of;     /* whose member; an instance shows what is its cluster's, too */
    bool may_differ; /* belongs to the physical object, the version, a moment, or our own doing */
    bool if_set;     /* counts only while the old side has a value */
    enum parity_severity severity;
    enum parity_repair repair;
    const char *request; /* member of ModifyDBCluster or ModifyDBInstance */
    const char *unset;   /* what is sent for a value that the old side has not; NULL: it cannot be unset */
    int together;        /* AWS wants all members of one number in one request; 0: alone */
};
const struct parity_rule *parity_rule(const char *member); /* NULL: nobody has heard of it */
/* The whole table; ends with member == NULL. */
extern const struct parity_rule parity_rules[];

struct parity_difference {
    const char *member, *old_value, *new_value; /* canonical text; "" = absent */
    enum parity_severity severity;
    const struct parity_rule *rule; /* NULL: nobody has heard of it */
};

void parity_compare(struct arena *a, enum parity_object of, const struct xml *old_object,
                    const struct xml *new_object, const struct parity_difference **ret, size_t *ret_n);
/* One object's part of that: every member that counts, in the object's order; value as it is compared (lower
 * case, "" never). */
struct parity_member {
    const char *name, *value;
    const struct parity_rule *rule; /* NULL: nobody has heard of it */
};
void parity_members(struct arena *a, enum parity_object of, const struct xml *object,
                    const struct parity_member **ret, size_t *ret_n);
/* Can a difference be put right by one of our calls? */
bool parity_repairable(const struct parity_difference *d);

#endif
