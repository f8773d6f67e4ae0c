/* What a clone is restored from, where it does not share production's pages: a snapshot behind the slots, and
 * a copy of it where the clone gets another key. */
#include "internal/base/hash.h"
#include "internal/base/log.h"
#include "internal/pg/logical.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"
#include "internal/upgrade/requests.h"
#include "internal/upgrade/tags.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* ---- which there are ---- */

static bool is_tag(const struct rds_snapshot *p, const char *key, const char *value)
{
    const char *found = rds_tag_value(&p->tags, key);
    return found && strcasecmp(found, value) == 0;
}

/* A snapshot that somebody made of production, of the clone, or of one of these has not its own name. */
bool is_seed(const struct upgrade *u, const struct rds_snapshot *p)
{
    return is_tag(p, TAG_CLUSTER, u->request.cluster) && is_tag(p, TAG_RESOURCE, TAG_RESOURCE_LOGICAL) &&
           is_tag(p, TAG_SNAPSHOT, p->identifier) && strcmp(p->status, "deleting") != 0;
}

static bool seeds_each(struct upgrade *u, void (*found)(void *arg, const struct rds_snapshot *p), void *arg,
                       struct err *e)
{
    const struct rds_snapshot *list = NULL;
    size_t n = 0;
    if (!rds_snapshot_list_of(&u->aws, u->request.cluster, &list, &n, e))
        return err_wrap(e, "look for snapshots of %s", u->request.cluster);
    for (size_t i = 0; i < n; i++)
        if (is_seed(u, &list[i]))
            found(arg, &list[i]);
    return true;
}

static bool mix_slot(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    uint64_t *hash = arg;
    char text[LSN_SIZE];
    lsn_t start = 0;
    if (!slot_start(u, c, &start, e))
        return false;
    *hash = hash_mix(hash_mix(*hash, database), lsn_print(start, text));
    return true;
}

/* A slot that is made again begins elsewhere. */
static bool slots_hash(struct upgrade *u, const char **ret, struct err *e)
{
    uint64_t hash = HASH_INIT;
    if (!run_each_database(u, SIDE_BLUE, false, mix_slot, &hash, e))
        return false;
    *ret = arena_printf(u->look, "%016" PRIx64, hash);
    return true;
}

/* Of the slots as they are; the newest of each. */
struct seeds {
    struct upgrade *u;
    const char *slots;
    const struct rds_snapshot *taken, *copy;
};

static bool has_failed(const struct rds_snapshot *p)
{
    return strcmp(p->status, "failed") == 0;
}

/* What failed stands for what there is while there is nothing else. One that is being made has no time yet.
 */
static bool is_better(const struct rds_snapshot *p, const struct rds_snapshot *than)
{
    if (!than || has_failed(than) || has_failed(p))
        return !than || !has_failed(p);
    return p->create_time[0] == '\0' ||
           (than->create_time[0] != '\0' && strcmp(p->create_time, than->create_time) > 0);
}

static void note_seed(void *arg, const struct rds_snapshot *p)
{
    struct seeds *s = arg;
    bool is_copy = rds_tag_value(&p->tags, TAG_COPY_OF) != NULL;
    const struct rds_snapshot **place = is_copy ? &s->copy : &s->taken;
    const char *key = s->u->request.kms_key;
    bool wanted = !is_copy || (key && is_tag(p, TAG_COPY_KEY, key));
    if (wanted && is_tag(p, TAG_CLONE_OF, s->u->world.production->resource_id) &&
        is_tag(p, TAG_SLOTS, s->slots) && is_better(p, *place))
        *place = p;
}

/* *ret_over: the clone is there, and needs none. */
static bool find_seeds(struct upgrade *u, struct seeds *ret, bool *ret_over, struct err *e)
{
    *ret = (struct seeds){.u = u};
    if (!world_need(u, e))
        return false;
    *ret_over = u->world.green != NULL;
    return *ret_over || (slots_hash(u, &ret->slots, e) && seeds_each(u, note_seed, ret, e));
}

/* ---- the snapshot ---- */

bool seed_taken(struct upgrade *u, bool *ret, struct err *e)
{
    struct seeds s;
    bool over = false;
    if (!find_seeds(u, &s, &over, e))
        return false;
    *ret = over || (s.taken && !has_failed(s.taken));
    return true;
}

/* The time tells it from one that is just being deleted. */
static const char *new_name(const struct upgrade *u, const char *suffix)
{
    char iso[TIME_ISO_SIZE], digits[16];
    size_t n = 0;
    time_iso(u->clock->wall_ms(u->clock), false, iso);
    for (const char *p = iso; *p && n < 14; p++)
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    digits[n] = '\0';
    return suffixed(u->look, u->request.cluster, arena_printf(u->look, "-next-%s%s", digits, suffix));
}

static struct rds_tags tags_of(struct upgrade *u, const char *name, const char *slots, const char *copy_of)
{
    struct rds_tags run = run_tags(u, u->look);
    struct rds_tag *all = ARENA_ARRAY(u->look, struct rds_tag, run.count + 5);
    size_t n = run.count;
    memcpy(all, run.tags, n * sizeof *all);
    all[n++] = (struct rds_tag){TAG_SNAPSHOT, name};
    all[n++] = (struct rds_tag){TAG_CLONE_OF, u->world.production->resource_id};
    all[n++] = (struct rds_tag){TAG_SLOTS, slots};
    if (copy_of) {
        all[n++] = (struct rds_tag){TAG_COPY_OF, copy_of};
        all[n++] = (struct rds_tag){TAG_COPY_KEY, u->request.kms_key};
    }
    return (struct rds_tags){all, n};
}

bool seed_take(struct upgrade *u, struct err *e)
{
    const char *slots = NULL, *name = new_name(u, "");
    return resolve_version(u, e) && slots_hash(u, &slots, e) &&
           (rds_snapshot_create(&u->aws, name, u->request.cluster, tags_of(u, name, slots, NULL), e) ||
            err_wrap(e, "make snapshot %s", name));
}

/* It may take hours. */
static void tell_progress(struct upgrade *u, const struct rds_snapshot *p)
{
    int tenths = p->percent / 10;
    if (tenths == u->seed_tenths || is_available(p->status))
        return;
    u->seed_tenths = tenths;
    const char *text = arena_printf(u->look, "%s is %s: %d %%", p->identifier, p->status, p->percent);
    log_line(LOG_INFO, "upgrade", "%s: snapshot %s", u->request.cluster, text);
    if (u->note)
        u->note(u->note_arg, "clone-snapshot", text);
}

static bool is_ready(struct upgrade *u, const struct rds_snapshot *p, const char *what, bool *ret,
                     struct err *e)
{
    if (!p)
        return upgrade_fail(e, E_SEED_FAILED, "%s of %s has disappeared", what, u->request.cluster);
    if (has_failed(p))
        return upgrade_fail(e, E_SEED_FAILED, "%s of %s, %s, failed", what, u->request.cluster,
                            p->identifier);
    *ret = is_available(p->status);
    tell_progress(u, p);
    return true;
}

bool seed_ready(struct upgrade *u, bool *ret, struct err *e)
{
    struct seeds s;
    if (!find_seeds(u, &s, ret, e))
        return false;
    return *ret || is_ready(u, s.taken, "the snapshot", ret, e);
}

/* ---- its copy ---- */

/* AWS copies none that is not encrypted with a key, and one with the key already needs no copy. */
static bool needs_copy(const struct upgrade *u, const struct rds_snapshot *p)
{
    const char *key = u->request.kms_key;
    return key && p->kms_key_id[0] && strcmp(p->kms_key_id, key) != 0;
}

bool seed_copied(struct upgrade *u, bool *ret, struct err *e)
{
    struct seeds s;
    bool over = false;
    if (!find_seeds(u, &s, &over, e))
        return false;
    *ret = over || (s.taken && !needs_copy(u, s.taken)) || (s.copy && !has_failed(s.copy));
    return true;
}

bool seed_copy(struct upgrade *u, struct err *e)
{
    struct seeds s;
    bool over = false, ready = false;
    if (!resolve_version(u, e) || !find_seeds(u, &s, &over, e) ||
        (!over && !is_ready(u, s.taken, "the snapshot", &ready, e)))
        return false;
    if (over)
        return true;
    const char *from = s.taken->identifier, *name = new_name(u, "-copy");
    return rds_snapshot_encrypt(&u->aws, from, name, u->request.kms_key, tags_of(u, name, s.slots, from),
                                e) ||
           err_wrap(e, "copy snapshot %s", from);
}

bool seed_copy_ready(struct upgrade *u, bool *ret, struct err *e)
{
    struct seeds s;
    if (!find_seeds(u, &s, ret, e))
        return false;
    if (*ret || (s.taken && !needs_copy(u, s.taken)))
        return *ret = true;
    return is_ready(u, s.copy, "the copy of the snapshot", ret, e);
}

static const struct rds_snapshot *to_restore(const struct seeds *s)
{
    return s->taken && needs_copy(s->u, s->taken) ? s->copy : s->taken;
}

/* What AWS is not told becomes a default of its own: the version the Region's newest, and not production's.
 */
bool seed_restore(struct upgrade *u, const char *name, struct rds_tags tags, struct err *e)
{
    const struct rds_cluster *k = u->world.production;
    struct seeds s = {.u = u};
    struct request_fields f = {0};
    bool ready = false;
    if (!slots_hash(u, &s.slots, e) || !seeds_each(u, note_seed, &s, e) ||
        !is_ready(u, to_restore(&s), "the snapshot", &ready, e))
        return false;
    const struct rds_snapshot *p = to_restore(&s);
    request_put(&f, "DBClusterIdentifier", name);
    request_put(&f, "SnapshotIdentifier", p->identifier);
    request_put(&f, "EngineVersion", p->engine_version);
    request_put(&f, "DeletionProtection", "true");
    request_put(&f, "DBClusterParameterGroupName", k->parameter_group);
    request_put_restored(u->look, &f, k);
    if (u->request.kms_key)
        request_put_instead(&f, "KmsKeyId", u->request.kms_key);
    return rds_cluster_restore(&u->aws, f.list, tags, e) || err_wrap(e, "restore snapshot %s", p->identifier);
}

/* ---- their removal ---- */

static void count_seed(void *arg, const struct rds_snapshot *p)
{
    size_t *n = arg;
    (void)p;
    (*n)++;
}

bool seeds_removed(struct upgrade *u, bool *ret, struct err *e)
{
    size_t n = 0;
    if (!world_look(u, e) || !seeds_each(u, count_seed, &n, e))
        return false;
    *ret = n == 0;
    return true;
}

/* AWS gives a copy up that is under way, but no snapshot. */
struct removal {
    struct upgrade *u;
    bool of_copies, ok;
    struct err *e;
};

static void remove_seed(void *arg, const struct rds_snapshot *p)
{
    struct removal *r = arg;
    bool is_copy = rds_tag_value(&p->tags, TAG_COPY_OF) != NULL;
    if (!r->ok || is_copy != r->of_copies)
        return;
    if (strcmp(p->status, "creating") == 0)
        r->ok = err_set(r->e, ERR_CONFLICT, "snapshot %s is still being made", p->identifier);
    else
        r->ok = rds_snapshot_delete(&r->u->aws, p->identifier, r->e) ||
                err_wrap(r->e, "delete snapshot %s", p->identifier);
}

bool seeds_remove(struct upgrade *u, struct err *e)
{
    struct removal r = {.u = u, .of_copies = true, .ok = true, .e = e};
    if (!seeds_each(u, remove_seed, &r, e) || !r.ok)
        return false;
    r.of_copies = false;
    return seeds_each(u, remove_seed, &r, e) && r.ok;
}
