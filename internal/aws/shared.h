/* shared.h — the shared configuration files, looked at through profiles.
 *
 * A snapshot: files are read once by shared_load(); load again to see changes. For equal keys the credentials
 * file wins over the config file and a later file over an earlier one. Absent files are empty files.
 * Sections: credentials `[name]`; config `[profile name]`, `[default]` (also `[profile default]`, which
 * wins),
 * `[services name]`.
 */
#ifndef AURORA_AWS_SHARED_H
#define AURORA_AWS_SHARED_H

#include "internal/aws/ini.h"

enum { SHARED_FILES_MAX = 16 };

struct shared_paths { /* end with NULL */
    const char *config[SHARED_FILES_MAX + 1], *credentials[SHARED_FILES_MAX + 1];
};

struct shared {
    struct ini config[SHARED_FILES_MAX], credentials[SHARED_FILES_MAX];
    size_t config_count, credentials_count;
};

MUST_CHECK bool shared_load(struct arena *a, const struct shared_paths *paths, struct shared *ret,
                            struct err *e);
bool shared_has_profile(const struct shared *s, const char *profile);
/* NULL: absent or empty. */
const char *shared_get(const struct shared *s, const char *profile, const char *key);
/* A key of `[sso-session name]` in the config file. */
const char *shared_sso_session(const struct shared *s, const char *session, const char *key);
const char *shared_service(const struct shared *s, const char *services, const char *service,
                           const char *key);
/* "a, b and c" of all paths, for messages. */
const char *shared_paths_text(struct arena *a, const struct shared_paths *paths);

#endif
