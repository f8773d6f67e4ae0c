/* Custom endpoints: AWS makes their counterparts itself; whether those lead to the same members is looked at.
 */
#include "internal/upgrade/settings.h"

#include <stdlib.h>
#include <string.h>

struct endpoints {
    const struct rds_custom_endpoint *list;
    size_t n;
};

static const char *target_of(const struct rds_bluegreen *d, const char *arn)
{
    for (size_t i = 0; i < d->member_count; i++)
        if (strcmp(d->members[i].source, arn) == 0)
            return d->members[i].target;
    return "";
}

static const struct rds_custom_endpoint *by_arn(const struct endpoints *all, const char *arn)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->list[i].arn, arn) == 0)
            return &all->list[i];
    return NULL;
}

/* The counterpart of an instance of the old side, by name; its own name if it has none. */
static const char *twin_of(struct arena *a, const struct rds_bluegreen *d, const char *instance)
{
    struct arn source, target;
    for (size_t i = 0; i < d->member_count; i++)
        if (arn_parse(d->members[i].source, &source) && strcmp(source.type, "db") == 0 &&
            strcmp(source.resource, instance) == 0 && arn_parse(d->members[i].target, &target))
            return arena_strdup(a, target.resource);
    return instance;
}

static bool has(const char **list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static size_t length(const char **list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

static bool same_members(struct arena *a, const struct rds_bluegreen *d, const char **old_side,
                         const char **new_side)
{
    if (length(old_side) != length(new_side))
        return false;
    for (const char **name = old_side; name && *name; name++)
        if (!has(new_side, twin_of(a, d, *name)))
            return false;
    return true;
}

static const char *compare(struct arena *a, const struct rds_bluegreen *d,
                           const struct rds_custom_endpoint *x, const struct rds_custom_endpoint *y)
{
    if (!y)
        return arena_printf(a, "custom endpoint %s has no counterpart", x->identifier);
    if (strcmp(x->type, y->type) != 0)
        return arena_printf(a, "custom endpoint %s was of type %s, is of %s", x->identifier, x->type,
                            y->type);
    if (!same_members(a, d, x->static_members, y->static_members) ||
        !same_members(a, d, x->excluded_members, y->excluded_members))
        return arena_printf(a, "custom endpoint %s has other members", x->identifier);
    return NULL;
}

bool endpoints_compare(struct upgrade *u, const struct rds_cluster *from, const struct rds_cluster *to,
                       struct lines *ret, struct err *e)
{
    const struct rds_bluegreen *d = u->world.deployment;
    struct endpoints old_side = {0}, new_side = {0};
    if (!d || !from->custom_endpoints || !*from->custom_endpoints)
        return true;
    if (!rds_custom_endpoints(&u->aws, from->identifier, &old_side.list, &old_side.n, e) ||
        !rds_custom_endpoints(&u->aws, to->identifier, &new_side.list, &new_side.n, e))
        return err_wrap(e, "read the custom endpoints of both sides");
    for (size_t i = 0; i < old_side.n; i++) {
        const struct rds_custom_endpoint *x = &old_side.list[i];
        const char *line = compare(u->look, d, x, by_arn(&new_side, target_of(d, x->arn)));
        if (line)
            ARR_PUSH(u->look, ret->items, ret->n, ret->cap, line);
    }
    return true;
}
