/* As of 2026-11-20. Calendar: Aurora PostgreSQL release notes by quarter; blue/green
 * minimums 17.4, 16.1, 15.4, 14.9, 13.12 and no 18 (Aurora User Guide, September 2026); shorter switchover
 * from 17.7, 16.11, 15.15, 14.20, 13.23 (December 2025). Irregular gaps of AWS's own table are not modelled.
 */
#include "acceptance-tests/sandbox/versions.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT .is_default = true
#define NEWEST  .major_default = true
#define BG      .bluegreen = true
#define FAST    .bluegreen = true, .fast_switchover = true

/* Oldest quarter first within a major; the rule of upgrade targets reads the quarters. */
static const struct engine_version VERSIONS[] = {
    {0, 13, 12, BG},
    {1, 13, 13, BG},
    {2, 13, 14, BG},
    {3, 13, 15, BG},
    {4, 13, 16, BG},
    {5, 13, 18, BG},
    {6, 13, 20, BG},
    {7, 13, 21, BG},
    {8, 13, 22, BG},
    {9, 13, 23, FAST, NEWEST},
    {0, 14, 9, BG},
    {1, 14, 10, BG},
    {2, 14, 11, BG},
    {3, 14, 12, BG},
    {4, 14, 13, BG},
    {5, 14, 15, BG},
    {6, 14, 17, BG},
    {7, 14, 18, BG},
    {8, 14, 19, BG},
    {9, 14, 20, FAST},
    {10, 14, 22, FAST, NEWEST},
    {0, 15, 4, BG},
    {1, 15, 5, BG},
    {2, 15, 6, BG},
    {3, 15, 7, BG},
    {4, 15, 8, BG},
    {5, 15, 10, BG},
    {6, 15, 12, BG},
    {7, 15, 13, BG},
    {8, 15, 14, BG},
    {9, 15, 15, FAST},
    {10, 15, 17, FAST},
    {11, 15, 18, FAST, NEWEST},
    {1, 16, 1, BG},
    {2, 16, 2, BG},
    {3, 16, 3, BG},
    {4, 16, 4, BG},
    {5, 16, 6, BG},
    {6, 16, 8, BG},
    {7, 16, 9, BG},
    {8, 16, 10, BG},
    {9, 16, 11, FAST},
    {10, 16, 13, FAST},
    {11, 16, 14, FAST, NEWEST},
    {6, 17, 4, BG},
    {7, 17, 5, BG},
    {8, 17, 6, BG},
    {9, 17, 7, FAST, DEFAULT},
    {10, 17, 9, FAST},
    {11, 17, 10, FAST, NEWEST},
    {10, 18, 3, .bluegreen = false},
    {11, 18, 4, NEWEST},
};

/* Majors each class runs; memory and vCPUs from the instance type pages. */
const struct instance_class CLASSES[] = {
    {"db.serverless", 2, 4, 13, 18},     {"db.t3.medium", 2, 4, 13, 17},
    {"db.t3.large", 2, 8, 13, 17},       {"db.t4g.medium", 2, 4, 13, 18},
    {"db.t4g.large", 2, 8, 13, 18},      {"db.r5.large", 2, 16, 13, 17},
    {"db.r5.xlarge", 4, 32, 13, 17},     {"db.r5.2xlarge", 8, 64, 13, 17},
    {"db.r6g.large", 2, 16, 13, 18},     {"db.r6g.xlarge", 4, 32, 13, 18},
    {"db.r6g.2xlarge", 8, 64, 13, 18},   {"db.r6g.4xlarge", 16, 128, 13, 18},
    {"db.r6i.large", 2, 16, 13, 18},     {"db.r6i.xlarge", 4, 32, 13, 18},
    {"db.r6i.2xlarge", 8, 64, 13, 18},   {"db.r7g.large", 2, 16, 13, 18},
    {"db.r7g.xlarge", 4, 32, 13, 18},    {"db.r7g.2xlarge", 8, 64, 13, 18},
    {"db.r7g.4xlarge", 16, 128, 13, 18}, {"db.r7i.large", 2, 16, 13, 18},
    {"db.r8g.large", 2, 16, 15, 18},     {"db.r8g.xlarge", 4, 32, 15, 18},
    {"db.r8g.2xlarge", 8, 64, 15, 18},   {"db.x2g.large", 2, 32, 13, 18},
};
const size_t CLASS_COUNT = ARRAY_LEN(CLASSES);

static bool offered(struct sandbox *sb, const struct engine_version *v)
{
    return engine_has_major(sb->engine, v->major);
}

_Static_assert(ARRAY_LEN(VERSIONS) <= ARRAY_LEN(((struct offered *)0)->items), "room for every version");

void versions_offered(struct sandbox *sb, struct offered *ret)
{
    ret->n = 0;
    for (size_t k = 0; k < ARRAY_LEN(VERSIONS); k++)
        if (offered(sb, &VERSIONS[k]))
            ret->items[ret->n++] = &VERSIONS[k];
}

const struct engine_version *version_find(struct sandbox *sb, const char *text)
{
    struct version wanted;
    if (!version_parse(text, &wanted))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(VERSIONS); i++) {
        const struct engine_version *v = &VERSIONS[i];
        bool same = wanted.minor < 0 ? v->major_default : v->minor == wanted.minor;
        if (v->major == wanted.major && same && offered(sb, v))
            return v;
    }
    return NULL;
}

const struct engine_version *version_default(struct sandbox *sb)
{
    const struct engine_version *newest = NULL;
    for (size_t i = 0; i < ARRAY_LEN(VERSIONS); i++) {
        if (!offered(sb, &VERSIONS[i]))
            continue;
        if (VERSIONS[i].is_default)
            return &VERSIONS[i];
        newest = &VERSIONS[i];
    }
    return newest;
}

bool version_upgradable(const struct engine_version *from, const struct engine_version *to)
{
    if (from->major == to->major)
        return to->minor > from->minor;
    return to->major > from->major && to->quarter >= from->quarter;
}

const char *version_text(const struct engine_version *v, char out[VERSION_SIZE])
{
    return version_print((struct version){v->major, v->minor}, out);
}

const char *version_family(const struct engine_version *v, char out[32])
{
    (void)snprintf(out, 32, FAMILY_PREFIX "%d", v->major);
    return out;
}

/* Ranges by release: 0.5 to 128 first, to 256 later, from 0 (auto-pause) last. */
double version_serverless_min(const struct engine_version *v)
{
    return v->major >= 17 || v->quarter >= 3 ? 0 : 0.5;
}

double version_serverless_max(const struct engine_version *v)
{
    return v->major >= 16 || v->quarter >= 1 ? 256 : 128;
}

const struct instance_class *class_find(const char *name)
{
    for (size_t i = 0; i < CLASS_COUNT; i++)
        if (strcmp(CLASSES[i].name, name) == 0)
            return &CLASSES[i];
    return NULL;
}

struct machine class_machine(const char *name, int port)
{
    const struct instance_class *c = class_find(name);
    return (struct machine){(c ? c->gib : 4) * 1073741824.0, c ? c->vcpus : 2, port};
}
