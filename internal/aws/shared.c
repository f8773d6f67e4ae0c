#include "internal/aws/shared.h"
#include "internal/base/file.h"

#include <stdio.h>
#include <string.h>

static bool load_one(struct arena *a, const char *path, struct ini *ret, struct err *e)
{
    struct err failure = ERR_INIT;
    struct str text;
    if (strcmp(path, "/dev/null") == 0) /* the usual way to say "no file" */
        return true;
    if (!file_read(a, path, INI_BYTES_MAX, &text, &failure)) {
        if (failure.code == ERR_NOT_FOUND)
            return true;
        if (e)
            *e = failure;
        return err_wrap(e, "shared configuration");
    }
    return ini_parse(a, text, ret, e) || err_wrap(e, "shared configuration file %s", path);
}

static bool load_list(struct arena *a, const char *const *paths, struct ini *files, size_t *ret_n,
                      struct err *e)
{
    size_t n = 0;
    for (; n < SHARED_FILES_MAX && paths[n]; n++)
        if (!load_one(a, paths[n], &files[n], e))
            return false;
    *ret_n = n;
    return true;
}

bool shared_load(struct arena *a, const struct shared_paths *paths, struct shared *ret, struct err *e)
{
    struct shared s = {0};
    if (!load_list(a, paths->config, s.config, &s.config_count, e) ||
        !load_list(a, paths->credentials, s.credentials, &s.credentials_count, e))
        return false;
    *ret = s;
    return true;
}

/* The section names under which a profile may stand in the config file, strongest first. */
static size_t config_sections(const char *profile, char out[2][512])
{
    int n = snprintf(out[0], 512, "profile %s", profile);
    if (n < 0 || n >= 512)
        return 0;
    if (strcmp(profile, "default") != 0)
        return 1;
    (void)snprintf(out[1], 512, "default");
    return 2;
}

bool shared_has_profile(const struct shared *s, const char *profile)
{
    char sections[2][512];
    size_t n = config_sections(profile, sections);
    for (size_t i = 0; i < s->credentials_count; i++)
        if (ini_has_section(&s->credentials[i], profile))
            return true;
    for (size_t i = 0; i < s->config_count; i++)
        for (size_t k = 0; k < n; k++)
            if (ini_has_section(&s->config[i], sections[k]))
                return true;
    return false;
}

static const char *last_of(const struct ini *files, size_t n, const char *section, const char *key,
                           const char *sub)
{
    for (size_t i = n; i-- > 0;) {
        const char *value = ini_get(&files[i], section, key, sub);
        if (value && *value)
            return value;
    }
    return NULL;
}

const char *shared_get(const struct shared *s, const char *profile, const char *key)
{
    char sections[2][512];
    size_t n = config_sections(profile, sections);
    const char *value = last_of(s->credentials, s->credentials_count, profile, key, NULL);
    for (size_t k = 0; k < n && !value; k++)
        value = last_of(s->config, s->config_count, sections[k], key, NULL);
    return value;
}

const char *shared_sso_session(const struct shared *s, const char *session, const char *key)
{
    char section[512];
    int n = snprintf(section, sizeof section, "sso-session %s", session);
    if (n < 0 || n >= (int)sizeof section)
        return NULL;
    return last_of(s->config, s->config_count, section, key, NULL);
}

const char *shared_service(const struct shared *s, const char *services, const char *service, const char *key)
{
    char section[512];
    int n = snprintf(section, sizeof section, "services %s", services);
    if (n < 0 || n >= (int)sizeof section)
        return NULL;
    return last_of(s->config, s->config_count, section, service, key);
}

const char *shared_paths_text(struct arena *a, const struct shared_paths *paths)
{
    const char *text = NULL;
    for (size_t i = 0; paths->credentials[i]; i++)
        text = text ? arena_printf(a, "%s, %s", text, paths->credentials[i]) : paths->credentials[i];
    for (size_t i = 0; paths->config[i]; i++)
        text = text ? arena_printf(a, "%s, %s", text, paths->config[i]) : paths->config[i];
    return text ? text : "no files";
}
