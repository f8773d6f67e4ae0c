#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { DEPLOYMENT_NAME_MAX = 60, SNAPSHOT_NAME_MAX = 255, NAME_MAX_LENGTH = 63 };

/* Deployment names: letters, digits, single hyphens, first a letter (CreateBlueGreenDeployment). A cluster
 * name that is too long loses its end, not the suffix that tells what the deployment is for. */
const char *deployment_name(const struct upgrade *u, struct arena *a)
{
    if (u->request.deployment_name)
        return u->request.deployment_name;
    char suffix[40];
    int n = snprintf(suffix, sizeof suffix, "-upgrade-%d-to-%d", u->source_major, u->request.target.major);
    char *name = arena_printf(a, "%.*s", DEPLOYMENT_NAME_MAX - n, u->request.cluster);
    for (size_t end = strlen(name); end > 0 && name[end - 1] == '-';)
        name[--end] = '\0';
    return arena_printf(a, "%s%s", name, suffix);
}

const char *family_name(struct arena *a, int major)
{
    return arena_printf(a, "aurora-postgresql%d", major);
}

static const char *named_group(const struct upgrade *u, bool is_cluster)
{
    return is_cluster ? u->request.cluster_group : u->request.instance_group;
}

bool makes_group(const struct upgrade *u, bool is_cluster)
{
    return !named_group(u, is_cluster);
}

const char *source_group(const struct upgrade *u, bool is_cluster)
{
    const struct rds_cluster *k = u->world.production;
    if (is_cluster)
        return k->parameter_group;
    for (size_t m = 0; m < k->member_count; m++)
        for (size_t i = 0; k->members[m].is_writer && i < u->world.instance_count; i++)
            if (strcmp(u->world.instances[i]->identifier, k->members[m].identifier) == 0)
                return u->world.instances[i]->parameter_group;
    return u->world.instance_count ? u->world.instances[0]->parameter_group : "";
}

bool takes_default(const struct upgrade *u, bool is_cluster)
{
    return u->strategy->keeps_default && makes_group(u, is_cluster) && u->world.production &&
           strncmp(source_group(u, is_cluster), "default.", 8) == 0;
}

const char *group_name(const struct upgrade *u, struct arena *a, bool is_cluster)
{
    return arena_printf(a, "%s-upgrade-%d%s", u->request.cluster, u->request.target.major,
                        is_cluster ? "" : "-instance");
}

const char *target_group(const struct upgrade *u, struct arena *a, bool is_cluster)
{
    return makes_group(u, is_cluster) ? group_name(u, a, is_cluster) : named_group(u, is_cluster);
}

const char *managed_group_name(const struct upgrade *u, struct arena *a)
{
    return managed_group_of(u, a, u->source_major);
}

const char *managed_group_of(const struct upgrade *u, struct arena *a, int major)
{
    return arena_printf(a, "%s-upgrade-%d-source", u->request.cluster, major);
}

const char *final_snapshot_name(const struct upgrade *u, struct arena *a)
{
    const struct rds_cluster *old = world_put_aside(&u->world);
    char *name = arena_printf(a, "%.*s-final-%s", SNAPSHOT_NAME_MAX - 40, old->identifier, old->resource_id);
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return name;
}

/* ---- of clusters and instances ---- */

static uint32_t hash(const char *s) /* FNV-1a */
{
    uint32_t h = 2166136261U;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619U;
    return h;
}

/* A name that is too long for the suffix loses its end to a hash of all of it. */
const char *suffixed(struct arena *a, const char *name, const char *suffix)
{
    size_t room = NAME_MAX_LENGTH - strlen(suffix);
    if (strlen(name) <= room)
        return arena_printf(a, "%s%s", name, suffix);
    char *cut = arena_printf(a, "%.*s", (int)room - 7, name);
    for (size_t end = strlen(cut); end > 0 && cut[end - 1] == '-';)
        cut[--end] = '\0';
    return arena_printf(a, "%s-%06x%s", cut, (unsigned)(hash(name) & 0xFFFFFFU), suffix);
}

struct rds_tags run_tags(const struct upgrade *u, struct arena *a)
{
    const struct rds_tag ours[] = {
        {TAG_CLUSTER, u->request.cluster},
        {TAG_RESOURCE, u->strategy->resource},
        {TAG_SOURCE_VERSION, u->world.production ? u->world.production->engine_version : ""},
        {TAG_TARGET_VERSION, u->resolved_version ? u->resolved_version : ""},
    };
    size_t n = u->request.tags.count;
    struct rds_tag *all = ARENA_ARRAY(a, struct rds_tag, n + ARRAY_LEN(ours));
    if (n)
        memcpy(all, u->request.tags.tags, n * sizeof *all);
    memcpy(all + n, ours, sizeof ours);
    return (struct rds_tags){all, n + ARRAY_LEN(ours)};
}

const struct rds_instance *twin_of(const struct rds_instance *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        const char *noted = rds_tag_value(&list[i]->tags, TAG_TWIN_OF);
        if (strcasecmp(noted ? noted : list[i]->identifier, name) == 0)
            return list[i];
    }
    return NULL;
}
