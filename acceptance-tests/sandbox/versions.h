/* versions.h — engine versions and their upgrade targets, instance classes, as of the date in versions.c. */
#ifndef SANDBOX_VERSIONS_H
#define SANDBOX_VERSIONS_H

#include "acceptance-tests/sandbox/params.h"
#include "acceptance-tests/sandbox/sandbox.h"
#include "internal/base/names.h"

#define ENGINE_NAME "aurora-postgresql"

struct engine_version {
    int quarter; /* row of the release calendar: later is higher */
    int major, minor;
    bool is_default;    /* of the Region */
    bool major_default; /* what a bare major means */
    bool bluegreen;     /* may be blue or green */
    bool fast_switchover;
};

/* Only versions whose major has a real server here. NULL: not offered. A bare major gives its default. */
const struct engine_version *version_find(struct sandbox *sb, const char *text);
/* All of them, oldest major first. */
struct offered {
    const struct engine_version *items[96];
    size_t n;
};
void versions_offered(struct sandbox *sb, struct offered *ret);
const struct engine_version *version_default(struct sandbox *sb);
bool version_upgradable(const struct engine_version *from, const struct engine_version *to);
const char *version_text(const struct engine_version *v, char out[VERSION_SIZE]);
const char *version_family(const struct engine_version *v, char out[32]);
double version_serverless_min(const struct engine_version *v);
double version_serverless_max(const struct engine_version *v);

struct instance_class {
    const char *name;
    double vcpus, gib;
    int first_major, last_major;
};
const struct instance_class *class_find(const char *name);
extern const struct instance_class CLASSES[];
extern const size_t CLASS_COUNT;
struct machine class_machine(const char *name, int port);

#endif
