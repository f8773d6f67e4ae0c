/* The services we talk to, the partitions AWS has, and where a service answers.
 *
 * Sources: botocore's service models and endpoints.json (hosts, suffixes, FIPS and dual-stack forms); the
 * names of variables, section keys and aliases are AWS SDK's and hashicorp/aws's. */
#include "internal/aws/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct aws_service services[] = {
    {.name = "rds",
     .signing_name = "rds",
     .variable = "RDS",
     .section_key = "rds",
     .version = "2014-10-31",
     .plain_fips_in_gov = true},
    {.name = "sts",
     .signing_name = "sts",
     .variable = "STS",
     .section_key = "sts",
     .version = "2011-06-15",
     .plain_fips_in_gov = true},
    {.name = "secretsmanager",
     .signing_name = "secretsmanager",
     .variable = "SECRETS_MANAGER",
     .section_key = "secrets_manager",
     .target_prefix = "secretsmanager",
     .protocol = AWS_JSON},
    {.name = "kms",
     .signing_name = "kms",
     .variable = "KMS",
     .section_key = "kms",
     .target_prefix = "TrentService",
     .protocol = AWS_JSON},
    {.name = "sso",
     .variable = "SSO",
     .section_key = "sso",
     .host = "portal.sso",
     .protocol = AWS_REST,
     .plain_fips_in_gov = true},
    {.name = "ssooidc",
     .variable = "SSO_OIDC",
     .section_key = "sso_oidc",
     .host = "oidc",
     .protocol = AWS_REST,
     .plain_fips_in_gov = true},
    {.name = "route53",
     .signing_name = "route53",
     .variable = "ROUTE_53",
     .section_key = "route_53",
     .version = "2013-04-01",
     .protocol = AWS_REST,
     .plain_fips_in_gov = true,
     .is_global = true},
};

/* What of a global service's host stands where other hosts have their Region: the ordinary one, with dual
 * stack. */
static const struct partition {
    const char *region_prefix, *suffix, *dualstack_suffix, *global_region, *global_word,
        *global_dualstack_word;
} partitions[] = {
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-northwest-1", "", ".global"},
    {"us-gov-", "amazonaws.com", "api.aws", "us-gov-west-1", ".us-gov", ".us-gov"},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1", "", ""},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud", "us-isob-east-1", "", ""},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu", "eusc-de-east-1", "", ".global"},
    /* every other Region: partition aws */
    {"", "amazonaws.com", "api.aws", "us-east-1", "", ".global"},
};

const struct aws_service *aws_service_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        if (strcmp(services[i].name, name) == 0)
            return &services[i];
        for (size_t k = 0; k < ARRAY_LEN(services[i].aliases) && services[i].aliases[k]; k++)
            if (strcmp(services[i].aliases[k], name) == 0)
                return &services[i];
    }
    return NULL;
}

static const struct partition *partition_of(const char *region)
{
    const struct partition *p = partitions;
    while (strncmp(region, p->region_prefix, strlen(p->region_prefix)) != 0)
        p++;
    return p;
}

const char *aws_service_region(const struct aws_service *service, const char *region)
{
    return service->is_global ? partition_of(region)->global_region : region;
}

/* The Region becomes part of a host name and of the signature's scope. */
static bool region_valid(const char *region)
{
    size_t n = strlen(region);
    for (const char *c = region; *c; c++)
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '-')
            return false;
    return n > 0 && n < 64 && region[0] != '-' && region[n - 1] != '-';
}

static const char *default_url(const struct settings *s, struct arena *a, const struct aws_service *service,
                               const char *region)
{
    const struct partition *p = partition_of(region);
    bool plain = service->plain_fips_in_gov && strcmp(p->region_prefix, "us-gov-") == 0;
    const char *place = !service->is_global ? arena_printf(a, ".%s", region)
                        : s->use_dualstack  ? p->global_dualstack_word
                                            : p->global_word;
    return arena_printf(a, "https://%s%s%s.%s", service->host ? service->host : service->name,
                        s->use_fips && !plain ? "-fips" : "", place,
                        s->use_dualstack ? p->dualstack_suffix : p->suffix);
}

static const char *provider_url(const struct settings *s, const struct aws_service *service)
{
    for (const struct aws_endpoint *p = s->endpoints; p->service; p++)
        if (aws_service_find(p->service) == service)
            return p->url;
    return NULL;
}

/* Variables and shared files; NULL: nothing configured. */
static const char *outside_url(const struct settings *s, const struct aws_service *service)
{
    char variable[96];
    if (s->ignore_endpoint_urls)
        return NULL;
    (void)snprintf(variable, sizeof variable, "AWS_ENDPOINT_URL_%s", service->variable);
    const char *url = settings_env(s, variable);
    if (!url)
        url = s->endpoint_all;
    if (!url && s->services)
        url = shared_service(s->shared, s->services, service->section_key, "endpoint_url");
    return url ? url : s->profile_endpoint;
}

bool settings_endpoint(const struct settings *s, struct arena *a, const struct aws_service *service,
                       const char *region, struct http_url *ret, struct err *e)
{
    struct http_url url;
    if (!region_valid(region))
        return err_set(e, ERR_INVALID, "\"%s\" is not the name of a Region", region) ||
               err_attribute(e, "region");
    const char *given = provider_url(s, service), *text = given;
    if (!text)
        text = outside_url(s, service);
    if (!text)
        text = default_url(s, a, service, region);
    if (!http_url_parse(a, text, &url, e))
        return err_wrap(e, "endpoint of %s", service->name);
    if (!url.secure && !url.loopback && !given)
        return err_set(e, ERR_INVALID, "the endpoint %s of %s is not encrypted", url.text, service->name) ||
               err_hint(e, "Use https, or say http in the provider's endpoints block if that is meant.");
    *ret = url;
    return true;
}
