/* dns.h — hosted zones of Route 53: names in their order, and batches of changes, which are carried out as a
 * whole or not at all.
 *
 * A zone's record holds its resource record sets under "_records", in the order in which AWS lists them: by
 * name with its labels reversed, then by type and set identifier. Names are in lower case, end with a dot and
 * are escaped as AWS escapes them ("\052" for "*").
 */
#ifndef SANDBOX_DNS_H
#define SANDBOX_DNS_H

#include "acceptance-tests/sandbox/sandbox.h"

/* As AWS stores it; NULL: not a name AWS accepts. */
const char *dns_name(struct arena *a, const char *text);
/* <0, 0, >0 as the first stands before the second in a listing. */
int dns_compare(const char *a, const char *b);
/* The name is the zone's own or below it. */
bool dns_is_within(const char *name, const char *zone);
/* SOA and NS, which every zone has. */
void dns_seed(json_t *zone, const char *const *servers, size_t n);

/* With the lock: InvalidChangeBatch or InvalidInput, and nothing is changed; else all is. */
MUST_CHECK bool dns_change(struct call *c, json_t *zone, const json_t *changes);

#endif
