#include "internal/aws/settings.h"
#include "internal/aws/retry.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ENDPOINTS_MAX = ARRAY_LEN(((struct aws_config *)0)->endpoints), USER_AGENT_MAX = 1024 };

const char *settings_env(const struct settings *s, const char *name)
{
    const char *value = s->getenv(name);
    return value && *value ? value : NULL;
}

static const char *process_getenv(const char *name)
{
    return getenv(name);
}

static const char *copy(struct arena *a, const char *s)
{
    return s && *s ? arena_strdup(a, s) : NULL;
}

static const char *first(const char *x, const char *y, const char *z)
{
    return x ? x : y ? y : z;
}

/* ---- shared files ---- */

static const char *expand(const struct settings *s, struct arena *a, const char *path)
{
    const char *home = settings_env(s, "HOME");
    if (home && path[0] == '~' && path[1] == '/')
        return arena_printf(a, "%s%s", home, path + 1);
    return arena_strdup(a, path);
}

static bool resolve_paths(struct settings *s, struct arena *a, const char *const *given, const char *variable,
                          const char *otherwise, const char **out, struct err *e)
{
    size_t n = 0;
    for (; given && given[n]; n++) {
        if (n == SHARED_FILES_MAX)
            return err_set(e, ERR_INVALID, "more than %d shared configuration files", SHARED_FILES_MAX);
        out[n] = expand(s, a, given[n]);
    }
    const char *named = settings_env(s, variable);
    if (n == 0 && named)
        out[0] = expand(s, a, named);
    else if (n == 0 && settings_env(s, "HOME"))
        out[0] = expand(s, a, otherwise);
    return true;
}

static bool resolve_profile(struct settings *s, struct arena *a, const struct aws_config *c, struct err *e)
{
    struct shared *files = ARENA_NEW(a, struct shared);
    if (!resolve_paths(s, a, c->shared_config_files, "AWS_CONFIG_FILE", "~/.aws/config", s->paths.config,
                       e) ||
        !resolve_paths(s, a, c->shared_credentials_files, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials",
                       s->paths.credentials, e) ||
        !shared_load(a, &s->paths, files, e))
        return false;
    s->shared = files;
    s->profile_argument = c->profile && *c->profile;
    const char *named =
        first(copy(a, c->profile), settings_env(s, "AWS_PROFILE"), settings_env(s, "AWS_DEFAULT_PROFILE"));
    s->profile = named ? arena_strdup(a, named) : "default";
    if (named && !shared_has_profile(files, s->profile))
        return err_set(e, ERR_AUTH, "the profile \"%s\" does not exist in %s", s->profile,
                       shared_paths_text(a, &s->paths)) ||
               err_attribute(e, s->profile_argument ? "profile" : "");
    return true;
}

/* ---- single values ---- */

static bool is_true(const char *text)
{
    return text && strcasecmp(text, "true") == 0;
}

static bool flag(const struct settings *s, bool argument, const char *variable, const char *key)
{
    const char *text = first(settings_env(s, variable), shared_get(s->shared, s->profile, key), NULL);
    return argument || is_true(text);
}

static bool resolve_retries(struct settings *s, const struct aws_config *c, struct err *e)
{
    const char *text =
        first(settings_env(s, "AWS_MAX_ATTEMPTS"), shared_get(s->shared, s->profile, "max_attempts"), NULL);
    if (c->retry_capacity < 0 || c->retry_capacity > RETRY_BURST_LIMIT)
        return err_set(e, ERR_INVALID, "the capacity for repetitions is not a number from 1 to %d",
                       RETRY_BURST_LIMIT) ||
               err_attribute(e, "token_bucket_rate_limiter_capacity");
    s->max_retries = c->max_retries;
    if (c->max_retries < 0 && text) {
        char *end = NULL;
        long attempts = strtol(text, &end, 10);
        if (*end || attempts < 1 || attempts > SETTINGS_RETRIES_LIMIT)
            return err_set(e, ERR_INVALID,
                           "AWS_MAX_ATTEMPTS or max_attempts is \"%s\", not a number from 1 "
                           "to %d",
                           text, SETTINGS_RETRIES_LIMIT);
        s->max_retries = (int)attempts - 1;
    } else if (c->max_retries < 0) {
        s->max_retries = SETTINGS_MAX_RETRIES;
    }
    if (s->max_retries > SETTINGS_RETRIES_LIMIT)
        return err_set(e, ERR_INVALID, "more than %d retries", SETTINGS_RETRIES_LIMIT) ||
               err_attribute(e, "max_retries");
    return true;
}

/* An endpoint wins over a mode; arguments over variables over the profile. */
static bool resolve_metadata(struct settings *s, struct arena *a, const struct aws_config *c, struct err *e)
{
    static const char v4[] = "http://169.254.169.254", v6[] = "http://[fd00:ec2::254]";
    const char *variable =
        first(settings_env(s, "AWS_EC2_METADATA_SERVICE_ENDPOINT"), settings_env(s, "AWS_METADATA_URL"),
              shared_get(s->shared, s->profile, "ec2_metadata_service_endpoint"));
    const char *url = first(copy(a, c->ec2_metadata_endpoint), variable, NULL);
    const char *mode = first(copy(a, c->ec2_metadata_endpoint_mode),
                             settings_env(s, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"),
                             shared_get(s->shared, s->profile, "ec2_metadata_service_endpoint_mode"));
    struct http_url parsed;
    if (mode && strcasecmp(mode, "IPv4") != 0 && strcasecmp(mode, "IPv6") != 0)
        return err_set(e, ERR_INVALID, "the mode of the metadata endpoint is \"%s\", not IPv4 or IPv6",
                       mode) ||
               err_attribute(e, c->ec2_metadata_endpoint_mode ? "ec2_metadata_service_endpoint_mode" : "");
    if (url && !http_url_parse(a, url, &parsed, e))
        return err_wrap(e, "endpoint of the instance metadata service") ||
               err_attribute(e, c->ec2_metadata_endpoint ? "ec2_metadata_service_endpoint" : "");
    s->metadata_off = c->skip_metadata == AWS_UNSAID ? is_true(settings_env(s, "AWS_EC2_METADATA_DISABLED"))
                                                     : c->skip_metadata == AWS_YES;
    s->metadata_url = url ? arena_strdup(a, url) : mode && strcasecmp(mode, "IPv6") == 0 ? v6 : v4;
    return true;
}

static bool resolve_region(struct settings *s, struct arena *a, const struct aws_config *c, struct err *e)
{
    const char *outside = first(settings_env(s, "AWS_REGION"), settings_env(s, "AWS_DEFAULT_REGION"),
                                shared_get(s->shared, s->profile, "region"));
    s->region = copy(a, first(copy(a, c->region), outside, NULL));
    s->sts_region = c->sts_region && *c->sts_region ? arena_strdup(a, c->sts_region) : s->region;
    if (!s->region)
        return err_set(e, ERR_INVALID, "no Region is configured") || err_attribute(e, "region") ||
               err_hint(e, "Set region in the provider block, AWS_REGION, or region in the profile.");
    return true;
}

static bool resolve_endpoints(struct settings *s, struct arena *a, const struct aws_config *c, struct err *e)
{
    struct aws_endpoint *list = ARENA_ARRAY(a, struct aws_endpoint, ENDPOINTS_MAX + 1);
    size_t n = 0;
    for (size_t i = 0; i < ENDPOINTS_MAX && c->endpoints[i].service; i++) {
        struct http_url url;
        if (!c->endpoints[i].url || !*c->endpoints[i].url)
            continue;
        if (!http_url_parse(a, c->endpoints[i].url, &url, e))
            return err_wrap(e, "endpoint of %s", c->endpoints[i].service) || err_attribute(e, "endpoints");
        list[n++] = (struct aws_endpoint){arena_strdup(a, c->endpoints[i].service),
                                          arena_strdup(a, c->endpoints[i].url)};
    }
    s->endpoints = list;
    s->ignore_endpoint_urls =
        flag(s, false, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls");
    s->endpoint_all = copy(a, settings_env(s, "AWS_ENDPOINT_URL"));
    s->services = shared_get(s->shared, s->profile, "services");
    s->profile_endpoint = shared_get(s->shared, s->profile, "endpoint_url");
    return true;
}

/* Both spellings count; the upper-case one first, as Go's net/http does. */
static const char *proxy_env(const struct settings *s, const char *upper, const char *lower)
{
    return first(settings_env(s, upper), settings_env(s, lower), NULL);
}

static bool resolve_http(struct settings *s, struct arena *a, const struct aws_config *c, struct err *e)
{
    struct buf agent = BUF_INIT(USER_AGENT_MAX);
    (void)buf_puts(&agent, "terraform-provider-aurora/" AURORA_VERSION);
    const char *added[] = {copy(a, c->user_agent), settings_env(s, "TF_APPEND_USER_AGENT")};
    for (size_t i = 0; i < ARRAY_LEN(added); i++)
        if (added[i])
            (void)buf_printf(&agent, " %s", added[i]);
    bool ok = !agent.overflow && !strpbrk(buf_text(&agent), "\r\n");
    const char *text = arena_strdup(a, buf_text(&agent));
    buf_done(&agent);
    if (!ok)
        return err_set(e, ERR_INVALID, "the user agent has line breaks or is longer than %d bytes",
                       USER_AGENT_MAX) ||
               err_attribute(e, "user_agent");
    s->http = (struct http_config){
        .user_agent = text,
        .insecure = c->insecure,
        .ca_file = copy(a, first(copy(a, c->custom_ca_bundle), settings_env(s, "AWS_CA_BUNDLE"), NULL)),
        .http_proxy = copy(a, first(copy(a, c->http_proxy), proxy_env(s, "HTTP_PROXY", "http_proxy"), NULL)),
        .https_proxy =
            copy(a, first(copy(a, c->https_proxy), proxy_env(s, "HTTPS_PROXY", "https_proxy"), NULL)),
        .no_proxy = copy(a, first(copy(a, c->no_proxy), proxy_env(s, "NO_PROXY", "no_proxy"), NULL)),
    };
    return true;
}

bool settings_resolve(struct arena *a, const struct aws_config *c, struct settings *ret, struct err *e)
{
    struct settings s = {.getenv = c->getenv ? c->getenv : process_getenv};
    if (!resolve_profile(&s, a, c, e) || !resolve_region(&s, a, c, e) || !resolve_retries(&s, c, e) ||
        !resolve_endpoints(&s, a, c, e) || !resolve_http(&s, a, c, e) || !resolve_metadata(&s, a, c, e))
        return false;
    s.use_fips = flag(&s, c->use_fips_endpoint, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    s.use_dualstack =
        flag(&s, c->use_dualstack_endpoint, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    *ret = s;
    return true;
}
