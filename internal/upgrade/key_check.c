/* The key that a clone is to get, looked at before anything is made. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"

#include <string.h>

static bool unusable(const struct upgrade *u, const char *why, struct err *e)
{
    return upgrade_fail(e, E_KEY_UNUSABLE, "key %s %s", u->request.kms_key, why);
}

static bool is_of_region(const struct upgrade *u)
{
    struct arn key, cluster;
    return !arn_parse(u->request.kms_key, &key) || !arn_parse(u->world.production->arn, &cluster) ||
           strcmp(key.region, cluster.region) == 0;
}

/* Whoever has no way to KMS from here may still have one through RDS. */
static bool look_at_key(struct upgrade *u, struct err *e)
{
    const struct kms_key *k = NULL;
    struct err why = ERR_INIT;
    if (!kms_key_find(&u->aws, u->request.kms_key, &k, &why)) {
        if (why.code == ERR_UNAVAILABLE || why.code == ERR_TIMEOUT) {
            u->warn(
                u->warn_arg, "The new KMS key could not be looked at",
                arena_printf(u->look, "%s: %s. AWS tells when it is used.", u->request.kms_key, why.text));
            return true;
        }
        *e = why;
        return false;
    }
    if (!k)
        return unusable(u, "does not exist", e);
    if (strcmp(k->state, "Enabled") != 0)
        return unusable(u, arena_printf(u->look, "is \"%s\"", k->state), e);
    return strcmp(k->spec, "SYMMETRIC_DEFAULT") == 0 ||
           unusable(u, arena_printf(u->look, "is of the kind %s", k->spec), e);
}

bool clone_key_check(struct upgrade *u, bool *ret, struct err *e)
{
    if (!clone_key_fits(u->request.clones_by_snapshot, u->request.kms_key, u->request.cluster, e) ||
        !world_need(u, e))
        return false;
    if (!u->world.green && clone_key_changes(u) &&
        (!(is_of_region(u) || unusable(u, "is of another Region", e)) || !look_at_key(u, e)))
        return false;
    *ret = true;
    return true;
}
