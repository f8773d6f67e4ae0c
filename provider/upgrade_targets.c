#include "provider/upgrade_targets.h"
#include "provider/cluster_facts.h"

#include "internal/upgrade/errors.h"
#include "internal/upgrade/upgrade.h"

#include <stdlib.h>
#include <string.h>

#define STANDARD "open-source-rds-standard-support"
#define EXTENDED "open-source-rds-extended-support"

struct targets {
    struct arena *arena;
    const struct rds_major *majors;
    size_t major_count;
    struct version *versions; /* in order */
    size_t count;
    int source_major;
};

static void put(struct targets *t, struct value *object, const char *name, const char *text)
{
    value_set(t->arena, object, name, text && *text ? value_string(t->arena, text) : &value_null);
}

static void put_support(struct targets *t, struct value *object, int major)
{
    put(t, object, "end_of_extended_support", rds_support_ends(t->majors, t->major_count, major, EXTENDED));
    put(t, object, "end_of_standard_support", rds_support_ends(t->majors, t->major_count, major, STANDARD));
}

static int by_version(const void *x, const void *y)
{
    return version_compare(*(const struct version *)x, *(const struct version *)y);
}

/* What a person calls a version ("16.6-R1" is none) and in order, so that a new minor moves nothing else. */
static void sort_targets(struct targets *t, const struct rds_engine_version *from)
{
    t->versions = ARENA_ARRAY(t->arena, struct version, from->target_count + 1);
    for (size_t i = 0; i < from->target_count; i++)
        if (version_parse(from->targets[i].version, &t->versions[t->count]))
            t->count++;
    qsort(t->versions, t->count, sizeof *t->versions, by_version);
}

static const struct value *target_value(struct targets *t, size_t i)
{
    char text[VERSION_SIZE];
    struct version v = t->versions[i];
    struct value *o = value_object(t->arena);
    put_support(t, o, v.major);
    value_set(t->arena, o, "is_major", value_bool(v.major != t->source_major));
    value_set(t->arena, o, "is_newest", value_bool(i + 1 == t->count || t->versions[i + 1].major != v.major));
    value_set(t->arena, o, "major", value_int(t->arena, v.major));
    put(t, o, "parameter_group_family", arena_printf(t->arena, "aurora-postgresql%d", v.major));
    put(t, o, "version", version_print(v, text));
    return o;
}

static bool read_targets(struct targets *t, struct upgrade *u, struct value *out, struct err *e)
{
    const struct rds_engine_version *from = NULL;
    if (!cluster_need(u, e))
        return false;
    const struct rds_cluster *k = u->world.production;
    if (!rds_engine_version_find(&u->aws, k->engine, k->engine_version, &from, e))
        return err_wrap(e, "read the valid targets of %s", k->engine_version);
    if (!from)
        return upgrade_fail(e, E_TARGET_INVALID, "AWS does not know the engine version %s",
                            k->engine_version);
    if (!rds_majors(&u->aws, k->engine, &t->majors, &t->major_count, e))
        return err_wrap(e, "read until when the major versions are supported");
    t->source_major = u->world.version.major;
    sort_targets(t, from);
    struct value *list = value_list(t->arena);
    for (size_t i = 0; i < t->count; i++)
        value_append(t->arena, list, target_value(t, i));
    value_set(t->arena, out, "targets", list);
    put(t, out, "engine_version", k->engine_version);
    put_support(t, out, t->source_major);
    return true;
}

bool upgrade_targets(const struct aws_session *s, struct old_sides *old_sides, const char *identifier,
                     const struct value **ret, struct err *e)
{
    struct targets t = {.arena = s->arena};
    struct value *out = value_object(s->arena);
    struct upgrade u;
    cluster_open(&u, s, old_sides, identifier);
    bool ok = read_targets(&t, &u, out, e);
    put(&t, out, "id", u.request.cluster);
    put(&t, out, "region", s->region ? s->region : aws_region(s->aws));
    upgrade_done(&u);
    if (ok)
        *ret = out;
    return ok;
}
