/* What production's settings were before an upgrade in place, for a process that has not seen them: written
 * down on the snapshot right before the call that upgrades. A tag holds 256 characters, so of each member
 * its name and value are six: what differs is found and named, what it was before is not known any more.
 * One tag for the cluster, one for each instance as far as AWS's fifty allow; an object that has none is
 * named, too. */
#include "internal/base/hash.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/parity.h"
#include "internal/upgrade/settings.h"
#include "internal/upgrade/tags.h"

#include <string.h>
#include <strings.h>

enum {
    HALF = 3, /* characters for a name, as many for its value; six bits each */
    ENTRY = 2 * HALF,
    ENTRIES_MAX = 42, /* of one tag, and a sign that there were more */
    TAGS_MAX = 50,    /* of one object; RDS */
    TAGS_LATER = 10   /* of ours that the snapshot may still be given */
};

#define USERS_TAGS "tags" /* no member is called so: all of the user's tags, as one */
static const char more[] = "+";

/* One object as it is now. */
struct object {
    enum parity_object of;
    const char *name, *key; /* of its tag */
    const struct xml *raw;
    const struct rds_tags *tags;
};

struct objects {
    struct object *items;
    size_t n, cap;
};

static struct objects objects_of(struct upgrade *u)
{
    const struct world *w = &u->world;
    struct objects all = {0};
    ARR_PUSH(u->look, all.items, all.n, all.cap,
             ((struct object){PARITY_CLUSTER, w->production->identifier, TAG_SETTINGS, w->production->raw,
                              &w->production->tags}));
    for (size_t i = 0; i < w->instance_count; i++) {
        const struct rds_instance *x = w->instances[i];
        const char *key = arena_printf(u->look, TAG_SETTINGS ":%s", x->identifier);
        ARR_PUSH(u->look, all.items, all.n, all.cap,
                 ((struct object){PARITY_INSTANCE, x->identifier, key, x->raw, &x->tags}));
    }
    return all;
}

/* ---- one entry ---- */

static void put_half(const char *text, char out[HALF])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint64_t h = hash_mix(HASH_INIT, text);
    h ^= h >> 32;
    for (int i = 0; i < HALF; i++, h >>= 6)
        out[i] = digits[h & 63];
}

struct entry {
    char text[ENTRY + 1];
};

static struct entry entry_of(const char *name, const char *value)
{
    struct entry t = {{0}};
    put_half(name, t.text);
    put_half(value, t.text + HALF);
    return t;
}

/* In whatever order AWS tells them. */
static const char *tags_as_one(struct arena *a, const struct rds_tags *tags)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < tags->count; i++)
        if (is_users_tag(&tags->tags[i]))
            sum += hash_mix(hash_mix(HASH_INIT, tags->tags[i].key), tags->tags[i].value);
    return sum ? arena_printf(a, "%llx", (unsigned long long)sum) : "";
}

/* Of an object: members that count, and its tags. */
static void members_of(struct upgrade *u, const struct object *o, const struct parity_member **ret,
                       size_t *ret_n)
{
    const struct parity_member *list = NULL;
    size_t n = 0;
    parity_members(u->look, o->of, o->raw, &list, &n);
    struct parity_member *all = ARENA_ARRAY(u->look, struct parity_member, n + 1);
    if (n > 0)
        memcpy(all, list, n * sizeof *all);
    const char *tags = tags_as_one(u->look, o->tags);
    if (*tags)
        all[n++] = (struct parity_member){.name = USERS_TAGS, .value = tags};
    *ret = all;
    *ret_n = n;
}

/* ---- before the call ---- */

static const char *note_of(struct upgrade *u, const struct object *o)
{
    const struct parity_member *list = NULL;
    size_t n = 0;
    const char *text = "";
    members_of(u, o, &list, &n);
    for (size_t i = 0; i < n && i < ENTRIES_MAX; i++)
        text = arena_printf(u->look, "%s%s", text, entry_of(list[i].name, list[i].value).text);
    return n > ENTRIES_MAX ? arena_printf(u->look, "%s%s", text, more) : text;
}

bool settings_write_down(struct upgrade *u, struct err *e)
{
    const struct rds_snapshot *p = u->world.snapshot;
    if (!p)
        return true;
    const struct objects all = objects_of(u);
    struct rds_tag *tags = ARENA_ARRAY(u->look, struct rds_tag, all.n);
    size_t n = 0, total = p->tags.count + TAGS_LATER;
    for (size_t i = 0; i < all.n; i++) {
        const char *present = rds_tag_value(&p->tags, all.items[i].key);
        const char *text = note_of(u, &all.items[i]);
        if (present ? strcmp(present, text) == 0 : total++ >= TAGS_MAX)
            continue;
        tags[n++] = (struct rds_tag){all.items[i].key, text};
    }
    return n == 0 || rds_tag_add(&u->aws, p->arn, (struct rds_tags){tags, n}, e) ||
           err_wrap(e, "write down on snapshot %s what the settings are", p->identifier);
}

/* ---- after it ---- */

static void add_line(struct upgrade *u, struct lines *l, const char *text)
{
    ARR_PUSH(u->look, l->items, l->n, l->cap, text);
}

/* NULL: it was not set. */
static const char *noted(const char *note, const char *name)
{
    const struct entry wanted = entry_of(name, "");
    for (const char *p = note; strlen(p) >= ENTRY; p += ENTRY)
        if (strncmp(p, wanted.text, HALF) == 0)
            return p;
    return NULL;
}

static void compare_member(struct upgrade *u, const struct object *o, const char *note,
                           const struct parity_member *m, struct lines *ret)
{
    const char *was = noted(note, m->name);
    const struct entry is = entry_of(m->name, m->value);
    bool unknown = !was && (strstr(note, more) || (m->rule && m->rule->if_set));
    if (unknown || (was && strncmp(was, is.text, ENTRY) == 0))
        return;
    if (strcmp(m->name, USERS_TAGS) == 0)
        add_line(u, ret, arena_printf(u->look, "%s: its tags %s", o->name, was ? "were others" : "are new"));
    else
        add_line(u, ret,
                 arena_printf(u->look, "%s: %s was %s, is \"%s\"", o->name, m->name,
                              was ? "another" : "not set", m->value));
}

static bool is_set(const struct parity_member *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return true;
    return false;
}

/* What was set and is not: by the names of the table; a member nobody has heard of left no name. */
static void compare_gone(struct upgrade *u, const struct object *o, const char *note,
                         const struct parity_member *list, size_t n, struct lines *ret)
{
    for (const struct parity_rule *r = parity_rules; r->member; r++)
        if (!r->may_differ && (r->of & o->of) && noted(note, r->member) && !is_set(list, n, r->member))
            add_line(u, ret, arena_printf(u->look, "%s: %s was set, is not", o->name, r->member));
    if (noted(note, USERS_TAGS) && !is_set(list, n, USERS_TAGS))
        add_line(u, ret, arena_printf(u->look, "%s: its tags are missing", o->name));
}

static void compare_object(struct upgrade *u, const struct object *o, const char *note, struct lines *ret)
{
    const struct parity_member *list = NULL;
    size_t n = 0;
    members_of(u, o, &list, &n);
    for (size_t i = 0; i < n; i++)
        compare_member(u, o, note, &list[i], ret);
    compare_gone(u, o, note, list, n, ret);
}

static bool is_there(const struct objects *all, const char *key)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->items[i].key, key) == 0)
            return true;
    return false;
}

void settings_compare_noted(struct upgrade *u, struct lines *ret)
{
    const struct rds_tags *facts = u->world.facts;
    if (!u->world.snapshot || !facts)
        return;
    const struct objects all = objects_of(u);
    size_t prefix = strlen(TAG_SETTINGS ":");
    for (size_t i = 0; i < all.n; i++) {
        const char *note = rds_tag_value(facts, all.items[i].key);
        if (note)
            compare_object(u, &all.items[i], note, ret);
        else
            add_line(u, ret,
                     arena_printf(u->look, "%s: not compared, its settings were not written down",
                                  all.items[i].name));
    }
    for (size_t i = 0; i < facts->count; i++) {
        const char *key = facts->tags[i].key;
        if (strncmp(key, TAG_SETTINGS ":", prefix) == 0 && !is_there(&all, key))
            add_line(u, ret, arena_printf(u->look, "instance %s is not there any more", key + prefix));
    }
}
