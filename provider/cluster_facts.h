/* cluster_facts.h — a live cluster as values, under the names data.aurora_cluster gives them.
 *
 * It would rather fail than mislead: while names move, "the cluster is not there" is not true, and a plan
 * made from it would create production a second time (INTERFACE 2.5). AWS only, Describe calls only.
 */
#ifndef AURORA_PROVIDER_CLUSTER_FACTS_H
#define AURORA_PROVIDER_CLUSTER_FACTS_H

#include "provider/provider.h"

/* *ret: object with every attribute but cluster_identifier. `fallback`: values for a cluster that does not
 * exist (then exists = false), or null: absent is AUR0101. Also: AUR0102 another engine, AUR0142 its name
 * moves. */
MUST_CHECK bool cluster_facts(const struct aws_session *s, struct old_sides *old_sides,
                              const char *identifier, const struct value *fallback, const struct value **ret,
                              struct err *e);

/* The same look for other members: an upgrade of which only the cluster is known, to be ended with
 * upgrade_done(). cluster_look refuses another engine and names that move; an absent cluster is no error to
 * it, but to cluster_need (AUR0101). */
struct upgrade;
void cluster_open(struct upgrade *u, const struct aws_session *s, struct old_sides *old_sides,
                  const char *identifier);
MUST_CHECK bool cluster_look(struct upgrade *u, struct err *e);
MUST_CHECK bool cluster_need(struct upgrade *u, struct err *e);

/* Is this deployment about the cluster, whichever names its sides bear at the moment? */
bool cluster_concerns(const struct rds_bluegreen *d, const char *cluster);

#endif
