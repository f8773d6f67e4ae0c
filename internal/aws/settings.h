/* settings.h — what arguments, environment and shared files say together, resolved once.
 *
 * Precedence of everything here is hashicorp/aws's: provider argument, environment variable, profile. A
 * profile that was named (argument or AWS_PROFILE) but does not exist is an error, even if keys come from
 * elsewhere. Immutable afterwards; strings live in the arena given.
 */
#ifndef AURORA_AWS_SETTINGS_H
#define AURORA_AWS_SETTINGS_H

#include "internal/aws/aws.h"
#include "internal/aws/http.h"
#include "internal/aws/shared.h"

enum { SETTINGS_MAX_RETRIES = 25, SETTINGS_RETRIES_LIMIT = 1000 };

enum aws_protocol { AWS_QUERY, AWS_JSON, AWS_REST };

/* One row per service; see service.c. */
struct aws_service {
    const char *name;          /* ours, as in the `endpoints` block and in host names */
    const char *aliases[3];    /* other names hashicorp/aws accepts in `endpoints` */
    const char *host;          /* the first words of the host, where that is not the name */
    const char *signing_name;  /* in the signature's scope; NULL: its calls are not signed */
    const char *variable;      /* the end of AWS_ENDPOINT_URL_… */
    const char *section_key;   /* in a `[services x]` section */
    const char *version;       /* query protocol, REST-XML */
    const char *target_prefix; /* JSON protocol */
    enum aws_protocol protocol;
    bool plain_fips_in_gov; /* GovCloud's ordinary host is the FIPS one */
    bool is_global;         /* one per partition, which signs for a Region of its own */
};
const struct aws_service *aws_service_find(const char *name); /* NULL: unknown */
/* Where its calls are signed for: that Region, or the one of the partition's global services. */
const char *aws_service_region(const struct aws_service *service, const char *region);

struct settings {
    const char *region, *sts_region;
    const char *profile;   /* never NULL; "default" if nothing else was said */
    bool profile_argument; /* `profile` was given to the provider: the environment's keys do not count */
    struct shared_paths paths;
    int max_retries;
    bool metadata_off;        /* no look at the instance metadata service */
    const char *metadata_url; /* never NULL */
    bool use_fips, use_dualstack, ignore_endpoint_urls;
    const char *endpoint_all, *services, *profile_endpoint; /* AWS_ENDPOINT_URL, `services`, `endpoint_url` */
    const struct aws_endpoint *endpoints;                   /* the provider's; end with service == NULL */
    const struct shared *shared;                            /* as read at the start */
    struct http_config http;
    const char *(*getenv)(const char *name);
};

MUST_CHECK bool settings_resolve(struct arena *a, const struct aws_config *c, struct settings *ret,
                                 struct err *e);

/* NULL for unset and for empty variables. */
const char *settings_env(const struct settings *s, const char *name);

/* Where a service answers in a Region. http is accepted for loopback hosts, and elsewhere only if the
 * provider's `endpoints` block says so. */
MUST_CHECK bool settings_endpoint(const struct settings *s, struct arena *a,
                                  const struct aws_service *service, const char *region, struct http_url *ret,
                                  struct err *e);

#endif
