#include "internal/upgrade/record.h"

#include "internal/aws/route53.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TRIES = 10, PAUSE_MS = 1000, NOTE_PARTS = 4 };

/* ---- what is written down ---- */

static const char *tag(const struct upgrade *u, const char *key)
{
    return u->world.facts ? rds_tag_value(u->world.facts, key) : NULL;
}

static bool is_ttl(const char *text, int *ret)
{
    char *end = NULL;
    long n = strtol(text, &end, 10);
    *ret = (int)n;
    return end != text && !*end && n >= 0 && n <= INT32_MAX;
}

/* "Z0123/db.example.com/300/5" */
bool record_noted(const struct upgrade *u, struct record_note *ret)
{
    const char *text = tag(u, TAG_RECORD);
    char *part[NOTE_PARTS] = {text ? arena_strdup(u->look, text) : NULL};
    for (size_t i = 1; i < NOTE_PARTS && part[i - 1]; i++)
        if ((part[i] = strchr(part[i - 1], '/')))
            *part[i]++ = '\0';
    struct record_note n = {.zone = part[0], .name = part[1]};
    if (!part[NOTE_PARTS - 1] || !is_ttl(part[2], &n.was) || !is_ttl(part[3], &n.now))
        return false;
    *ret = n;
    return true;
}

void record_adopt(struct upgrade *u)
{
    struct record_note n;
    if (!record_noted(u, &n))
        return;
    u->request.record = (struct record_request){.is_led = true,
                                                .zone = arena_strdup(u->arena, n.zone),
                                                .name = arena_strdup(u->arena, n.name),
                                                .ttl = n.now};
}

bool record_waits(const struct upgrade *u)
{
    struct record_note n;
    return u->world.names_stay && !u->world.aside && record_noted(u, &n) && !tag(u, TAG_RECORD_MOVED);
}

static struct record_note place_of(const struct upgrade *u)
{
    const struct record_request *r = &u->request.record;
    struct record_note n = {.zone = r->zone, .name = r->name, .now = r->ttl};
    (void)record_noted(u, &n);
    return n;
}

/* ---- what it may name ---- */

/* NULL: there is no such side. */
struct ends {
    const char *left, *clone;
};

static struct ends ends_of(const struct world *w)
{
    const struct rds_cluster *left = w->names_stay && !w->aside ? w->old : w->production;
    const struct rds_cluster *clone = w->aside ? w->aside : w->names_stay ? w->production : w->green;
    return (struct ends){left ? left->endpoint : NULL, clone ? clone->endpoint : NULL};
}

static bool leads_to(const struct route53_record *r, const char *endpoint)
{
    return endpoint && *endpoint && route53_same_name(r->values[0], endpoint);
}

static const char *oddity(const struct route53_record *r)
{
    return strcmp(r->type, "CNAME") != 0 ? "is no CNAME"
           : r->is_alias                 ? "is an alias"
           : *r->set_identifier          ? "has a routing policy"
           : *r->traffic_policy          ? "belongs to a traffic policy"
           : *r->health_check            ? "has a health check"
                                         : "has not exactly one value and a time to live";
}

/* A plain CNAME; NULL: an error. */
static const struct route53_record *look(struct upgrade *u, const struct record_note *n, struct err *e)
{
    const struct route53_record *r = NULL;
    if (!route53_record_find(&u->aws, n->zone, n->name, &r, e))
        (void)err_wrap(e, "look at record %s of zone %s", n->name, n->zone);
    else if (!r)
        (void)upgrade_fail(e, E_RECORD_UNSUITABLE, "there is no record %s in zone %s", n->name, n->zone);
    else if (route53_is_plain_cname(r))
        return r;
    else
        (void)upgrade_fail(e, E_RECORD_UNSUITABLE, "record %s of zone %s (type %s) %s", n->name, n->zone,
                           r->type, oddity(r));
    return NULL;
}

static bool check_zone(struct upgrade *u, const struct record_note *n, struct err *e)
{
    const struct route53_zone *zone = NULL;
    if (!route53_zone_find(&u->aws, n->zone, &zone, e))
        return err_wrap(e, "look at hosted zone %s", n->zone);
    if (!zone)
        return upgrade_fail(e, E_RECORD_UNSUITABLE, "there is no hosted zone %s", n->zone);
    size_t length = strlen(n->name), in_zone = strlen(zone->name);
    length -= n->name[length - 1] == '.';
    in_zone -= in_zone > 0 && zone->name[in_zone - 1] == '.';
    if (length > in_zone + 1 && n->name[length - in_zone - 1] == '.' &&
        strncasecmp(n->name + length - in_zone, zone->name, in_zone) == 0)
        return true;
    return upgrade_fail(e, E_RECORD_UNSUITABLE, "%s is no name below %s, which zone %s is for", n->name,
                        zone->name, n->zone);
}

static bool check(struct upgrade *u, const struct record_note *n, const struct route53_record **ret,
                  struct err *e)
{
    const struct ends ends = ends_of(&u->world);
    const struct route53_record *r = check_zone(u, n, e) ? look(u, n, e) : NULL;
    if (!r)
        return false;
    *ret = r;
    return leads_to(r, ends.left) || (u->world.names_stay && leads_to(r, ends.clone)) ||
           upgrade_fail(e, E_RECORD_UNSUITABLE, "record %s leads to %s, and production is %s", n->name,
                        r->values[0], u->world.production->endpoint);
}

bool record_check(struct upgrade *u, bool *ret, struct err *e)
{
    const struct record_request *asked = &u->request.record;
    const struct route53_record *r = NULL;
    *ret = true;
    if (!asked->is_led || !asked->zone || !asked->name)
        return true;
    if (!world_need(u, e))
        return false;
    const struct record_note n = place_of(u);
    return check(u, &n, &r, e);
}

bool record_check_again(struct upgrade *u, bool *ret, struct err *e)
{
    const struct route53_record *r = NULL;
    if (!world_need(u, e))
        return false;
    const struct record_note n = place_of(u);
    *ret = true;
    if (!check(u, &n, &r, e))
        return false;
    return r->ttl <= n.now ||
           upgrade_fail(e, E_RECORD_FOREIGN,
                        "somebody has raised the time to live of record %s to %d s since it "
                        "was lowered to %d s",
                        n.name, r->ttl, n.now);
}

/* ---- changing it ---- */

/* Changed by somebody since it was read, refused in passing, or nobody knows: the next look tells. */
static bool may_pass(const struct err *why)
{
    return why->code == ERR_CONFLICT || why->code == ERR_UNAVAILABLE;
}

/* `to` NULL: where it leads already. */
static bool replace(struct upgrade *u, const struct record_note *n, const char *to, int ttl,
                    const char **ret_change, struct err *e)
{
    const struct ends ends = ends_of(&u->world);
    for (int tries = 1;; tries++) {
        const struct route53_record *r = look(u, n, e);
        struct err why = ERR_INIT;
        if (!r)
            return false;
        if (!leads_to(r, ends.left) && !leads_to(r, ends.clone))
            return upgrade_fail(e, E_RECORD_FOREIGN, "record %s leads to %s: neither side of the upgrade",
                                n->name, r->values[0]);
        if (route53_replace(&u->aws, n->zone, r, to ? to : r->values[0], ttl, ret_change, &why))
            return true;
        if (!may_pass(&why) || tries == TRIES || u->clock->wait(u->clock, u->stop, PAUSE_MS)) {
            *e = why;
            return err_wrap(e, "change record %s of zone %s", n->name, n->zone);
        }
    }
}

static void tell(struct upgrade *u, const char *step, const char *text)
{
    if (u->note)
        u->note(u->note_arg, step, text);
}

/* The note must hold, or nobody could say where it leads to. */
static bool need_note(struct upgrade *u, struct record_note *ret, struct err *e)
{
    return record_noted(u, ret) ||
           err_set(e, ERR_NOT_FOUND, "nothing of %s is written down on the clone", u->request.record.name);
}

static bool has_tag(struct upgrade *u, const char *key, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = tag(u, key) != NULL;
    return true;
}

/* Without a note of it there is nothing to wait for. */
static bool in_sync(struct upgrade *u, const char *key, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    const char *change = tag(u, key);
    *ret = !change;
    return !change || route53_change_done(&u->aws, change, ret, e) ||
           err_wrap(e, "ask for change %s of Route 53", change);
}

static bool lead(struct upgrade *u, const char *to, int ttl, const char *key, struct err *e)
{
    struct record_note n;
    const char *change = NULL;
    if (!need_note(u, &n, e) || !replace(u, &n, to, ttl, &change, e) || !tag_run(u, key, change, e))
        return false;
    tell(u, "record", arena_printf(u->look, "%s leads to %s, for %d s (change %s)", n.name, to, ttl, change));
    return true;
}

/* ---- ahead of the switch ---- */

/* Somebody may have raised it again, a configuration of the record's own for one. */
bool record_ttl_lowered(struct upgrade *u, bool *ret, struct err *e)
{
    struct record_note n;
    const struct route53_record *r = NULL;
    if (!has_tag(u, TAG_RECORD_TTL, ret, e))
        return false;
    if (!*ret)
        return true;
    if (!need_note(u, &n, e) || !route53_record_find(&u->aws, n.zone, n.name, &r, e))
        return err_wrap(e, "look at record %s", u->request.record.name);
    *ret = r && r->ttl <= n.now;
    return true;
}

static bool note_record(struct upgrade *u, struct err *e)
{
    const struct record_note asked = place_of(u);
    const struct route53_record *r = look(u, &asked, e);
    if (!r)
        return false;
    int now = r->ttl < asked.now ? r->ttl : asked.now;
    return tag_run(u, TAG_RECORD, arena_printf(u->look, "%s/%s/%d/%d", asked.zone, asked.name, r->ttl, now),
                   e) &&
           world_look(u, e);
}

/* Also where it is low enough: whether it may be changed is known then, before anybody has to wait for it. */
bool record_ttl_lower(struct upgrade *u, struct err *e)
{
    struct record_note n;
    const char *change = NULL;
    if ((!record_noted(u, &n) && !note_record(u, e)) || !need_note(u, &n, e))
        return false;
    return replace(u, &n, NULL, n.now, &change, e) && tag_run(u, TAG_RECORD_TTL, change, e);
}

bool record_ttl_in_sync(struct upgrade *u, bool *ret, struct err *e)
{
    return in_sync(u, TAG_RECORD_TTL, ret, e);
}

/* Unix ms since when every server has the last change; 0: not noted of that. */
static int64_t known_since(const struct upgrade *u)
{
    const char *change = tag(u, TAG_RECORD_TTL), *since = tag(u, TAG_RECORD_SINCE);
    size_t n = change ? strlen(change) : 0;
    int64_t ms = 0;
    bool is_of_it = since && n > 0 && strncmp(since, change, n) == 0 && since[n] == '/';
    return is_of_it && time_parse_iso(since + n + 1, &ms) ? ms : 0;
}

bool record_ttl_noted(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = !tag(u, TAG_RECORD_TTL) || known_since(u) > 0;
    return true;
}

bool record_ttl_note(struct upgrade *u, struct err *e)
{
    char now[TIME_ISO_SIZE];
    time_iso(u->clock->wall_ms(u->clock), false, now);
    return tag_run(u, TAG_RECORD_SINCE, arena_printf(u->look, "%s/%s", tag(u, TAG_RECORD_TTL), now), e);
}

/* Unix ms; 0: nobody can have the old answer. */
static int64_t old_answer_ends(const struct upgrade *u)
{
    struct record_note n;
    return record_noted(u, &n) && n.was > n.now ? known_since(u) + n.was * 1000LL : 0;
}

bool record_ttl_passed(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = u->clock->wall_ms(u->clock) >= old_answer_ends(u);
    return true;
}

bool record_ttl_fits(struct upgrade *u, int64_t until_wall_ms, struct err *e)
{
    char date[TIME_ISO_SIZE];
    int64_t ends = old_answer_ends(u);
    if (ends <= until_wall_ms)
        return true;
    time_iso(ends, false, date);
    return upgrade_fail(e, E_RECORD_TTL, "resolvers may keep the old answer for %s until %s",
                        u->request.record.name, date);
}

/* ---- the switch, and the way back ---- */

bool record_moved(struct upgrade *u, bool *ret, struct err *e)
{
    if (!world_look(u, e))
        return false;
    *ret = !record_waits(u);
    return true;
}

bool record_move(struct upgrade *u, struct err *e)
{
    const struct record_note n = place_of(u);
    return lead(u, ends_of(&u->world).clone, n.now, TAG_RECORD_MOVED, e);
}

bool record_move_in_sync(struct upgrade *u, bool *ret, struct err *e)
{
    return in_sync(u, TAG_RECORD_MOVED, ret, e);
}

bool record_returned(struct upgrade *u, bool *ret, struct err *e)
{
    struct record_note n;
    if (!world_look(u, e))
        return false;
    *ret = !u->world.aside || !record_noted(u, &n) || tag(u, TAG_RECORD_RETURNED);
    return true;
}

bool record_return(struct upgrade *u, struct err *e)
{
    const struct record_note n = place_of(u);
    return lead(u, ends_of(&u->world).left, n.was, TAG_RECORD_RETURNED, e);
}

bool record_return_in_sync(struct upgrade *u, bool *ret, struct err *e)
{
    return in_sync(u, TAG_RECORD_RETURNED, ret, e);
}

/* ---- afterwards ---- */

/* What somebody else has made of it meanwhile stays as it is. */
bool record_ttl_restored(struct upgrade *u, bool *ret, struct err *e)
{
    struct record_note n;
    const struct route53_record *r = NULL;
    if (!world_look(u, e))
        return false;
    *ret = !record_noted(u, &n) || n.was == n.now;
    if (*ret)
        return true;
    if (!route53_record_find(&u->aws, n.zone, n.name, &r, e))
        return err_wrap(e, "look at record %s of zone %s", n.name, n.zone);
    const struct ends ends = ends_of(&u->world);
    *ret = !r || !route53_is_plain_cname(r) || r->ttl != n.now ||
           (!leads_to(r, ends.left) && !leads_to(r, ends.clone));
    return true;
}

bool record_ttl_restore(struct upgrade *u, struct err *e)
{
    struct record_note n;
    const char *change = NULL;
    return need_note(u, &n, e) && replace(u, &n, NULL, n.was, &change, e);
}
