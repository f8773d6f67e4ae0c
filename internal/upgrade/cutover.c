/* The cutover: from the fence to the point of no return, with nothing but PostgreSQL in between. */
#include "internal/upgrade/changed.h"
#include "internal/upgrade/cutover_work.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tags.h"

#include "internal/base/file.h"
#include "internal/base/log.h"
#include "internal/pg/catalog.h"
#include "internal/pg/logical.h"
#include "internal/pg/replica.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    PAUSE_MS = 2,
    EMPTY_SWEEPS = 3, /* a session is let in before it can be seen: one empty sweep proves nothing */
    ROUNDS = 5,       /* a transaction of the server's own (ANALYZE) takes an id, too */
    LIFT_TRIES = 60,
    LIFT_PAUSE_MS = 1000,
    NAMED = 10,
    TOKEN_LETTERS = 12
};

/* Written down in the side that is left, and with all_tables on the other, too: whose it is. */
const char *cutover_fact(struct upgrade *u, const struct rds_cluster *left)
{
    return arena_printf(u->look, "access-%s", left->resource_id);
}

static bool back_slot(struct upgrade *u, struct pg *to, const char **ret, struct err *e)
{
    int64_t oid = 0;
    if (!pg_database_oid(to, &oid, e))
        return false;
    *ret = arena_printf(u->look, "%s%lld", LOGICAL_BACK_PREFIX, (long long)oid);
    return true;
}

/* ---- who is left, and for whom ---- */

struct cutover cutover_direction(struct upgrade *u)
{
    const struct world *w = &u->world;
    bool back = w->reached == STAGE_SWITCHED;
    struct cutover k = {.u = u,
                        .from = SIDE_BLUE,
                        .to = back ? SIDE_OLD : SIDE_GREEN,
                        .left = w->production,
                        .arriving = back ? w->old : w->green,
                        .stays = back ? w->names_stay : u->request.keeps_names,
                        .keeps_way_back = !back && u->request.reverse_replication};
    if (k.left)
        k.fact = cutover_fact(u, k.left);
    return k;
}

/* Stop must not keep us from lifting what we have raised: these sessions do not hear it. */
static bool open_deaf(struct upgrade *u, enum side side, const char *database, struct pg **ret, struct err *e)
{
    struct stop *stop = u->stop;
    u->stop = NULL;
    bool ok = side_open(u, side, database, true, ret, e);
    u->stop = stop;
    return ok;
}

bool cutover_add_place(struct upgrade *u, struct pg *c, const char *database, void *arg, struct err *e)
{
    struct cutover *k = arg;
    (void)c;
    (void)e;
    ARR_PUSH(u->look, k->places, k->n, k->cap, (struct place){.database = arena_strdup(u->look, database)});
    return true;
}

bool cutover_open(struct cutover *k, struct err *e)
{
    if (!run_each_database(k->u, k->from, false, cutover_add_place, k, e))
        return false;
    for (size_t i = 0; i < k->n; i++)
        if (!open_deaf(k->u, k->from, k->places[i].database, &k->places[i].from, e) ||
            !open_deaf(k->u, k->to, k->places[i].database, &k->places[i].to, e))
            return err_wrap(e, "database %s", k->places[i].database);
    return k->n > 0 || err_set(e, ERR_BUG, "no database to switch");
}

void cutover_close(struct cutover *k)
{
    for (size_t i = 0; i < k->n; i++) {
        pg_close(k->places[i].from);
        pg_close(k->places[i].to);
    }
}

/* ---- within bounds ---- */

static int64_t now(const struct cutover *k)
{
    return k->u->clock->mono_ms(k->u->clock);
}

static bool goes_on(const struct cutover *k, const char *doing, struct err *e)
{
    if (stop_requested(k->u->stop))
        return err_set(e, ERR_CANCELLED, "interrupted while %s", doing);
    if (now(k) < k->until_ms)
        return true;
    return upgrade_fail(e, E_OUTAGE_TOO_LONG, "%s of %s was not over after %d s (max_write_outage)", doing,
                        k->u->request.cluster, k->u->request.max_write_outage_s);
}

static bool wait_on(const struct cutover *k, const char *doing, struct err *e)
{
    (void)k->u->clock->wait(k->u->clock, NULL, PAUSE_MS);
    return goes_on(k, doing, e);
}

/* ---- fence ---- */

static bool sweep(const struct cutover *k, bool *ret_empty, struct err *e)
{
    *ret_empty = true;
    for (size_t i = 0; i < k->n; i++) {
        int64_t ended = 0;
        if (!pg_fence_sweep(k->places[i].from, LOGICAL_ROLE, &ended, e))
            return false;
        *ret_empty = *ret_empty && ended == 0;
    }
    return true;
}

static bool leaks(struct cutover *k, const char *database, const char *const *lines, size_t n, struct err *e)
{
    (void)upgrade_fail(e, E_FENCE_LEAKS, "a fence around database %s of %s does not hold", database,
                       k->left->identifier);
    return err_said(e, "%s", join_lines(k->u->look, lines, n, NAMED));
}

bool cutover_obstacles(struct cutover *k, int prepared_s, struct err *e)
{
    for (size_t i = 0; i < k->n; i++) {
        const char **lines = NULL;
        size_t n = 0;
        if (!pg_fence_obstacles(k->places[i].from, k->u->look, LOGICAL_ROLE, prepared_s, &lines, &n, e))
            return false;
        if (n > 0)
            return leaks(k, k->places[i].database, lines, n, e);
    }
    return true;
}

static bool raise_fence(struct cutover *k, struct err *e)
{
    for (size_t i = 0; i < k->n; i++)
        if (!pg_fence_raise(k->places[i].from, k->fact, LOGICAL_ROLE, e))
            return err_wrap(e, "stop writes to %s", k->left->identifier);
    for (int empty = 0; empty < EMPTY_SWEEPS;) {
        bool is_empty = false;
        if (!sweep(k, &is_empty, e) || !wait_on(k, "ending the sessions", e))
            return false;
        empty = is_empty ? empty + 1 : 0;
    }
    return cutover_obstacles(k, 0, e);
}

/* ---- drain ---- */

static bool wait_quiet(struct cutover *k, struct err *e)
{
    for (;;) {
        if (!pg_quiet(k->places[0].from, &k->quiet, e))
            return false;
        if (k->quiet.xmin == k->quiet.xmax)
            return true;
        if (!wait_on(k, "waiting for running transactions", e))
            return false;
    }
}

static bool wait_marker(struct cutover *k, const struct place *p, struct err *e)
{
    struct pg_subscription durable;
    for (;;) {
        int64_t n = 0;
        lsn_t at = 0;
        if (!pg_marker_find(p->to, k->token, &n, &at, e))
            return false;
        if (n > 1)
            return upgrade_fail(e, E_PROVENANCE,
                                "a marker has arrived %" PRId64 " times in database %s of %s", n, p->database,
                                k->arriving->identifier);
        if (n == 1) /* asking for the position makes it durable */
            return pg_subscription_find(p->to, k->u->look, LOGICAL_NAME, &durable, e);
        if (!wait_on(k, "waiting for the last write to arrive", e))
            return false;
    }
}

static bool drain(struct cutover *k, struct err *e)
{
    char token[TOKEN_LETTERS + 1];
    random_name(token, TOKEN_LETTERS);
    k->token = arena_printf(k->u->look, "switch-%s", token);
    if (!wait_quiet(k, e))
        return false;
    for (size_t i = 0; i < k->n; i++)
        if (!pg_marker_write(k->places[i].from, k->token, e))
            return false;
    for (size_t i = 0; i < k->n; i++)
        if (!wait_marker(k, &k->places[i], e))
            return err_wrap(e, "database %s", k->places[i].database);
    return true;
}

/* ---- sequences ---- */

static bool ready_sequences(struct cutover *k, struct err *e)
{
    for (size_t i = 0; i < k->n; i++)
        if (!pg_sequences_ready(k->places[i].from, e) || !pg_sequences_ready(k->places[i].to, e))
            return err_wrap(e, "database %s", k->places[i].database);
    return true;
}

/* Only those that differ are set, and read back. */
static bool carry(struct cutover *k, const struct place *p, struct err *e)
{
    const struct pg_sequence *was = NULL, *other = NULL, *still = NULL;
    size_t n = 0, m = 0, left = 0;
    if (!pg_sequences(p->from, k->u->look, &was, &n, e) ||
        !pg_sequences_differ(p->to, k->u->look, was, n, &other, &m, e) ||
        !pg_sequences_set(p->to, other, m, e) ||
        !pg_sequences_differ(p->to, k->u->look, other, m, &still, &left, e))
        return false;
    return left == 0 || upgrade_fail(e, E_SEQUENCES_DIFFER, "sequence %s of database %s is not what it was",
                                     still[0].name, p->database);
}

static bool carry_sequences(struct cutover *k, struct err *e)
{
    for (size_t i = 0; i < k->n; i++)
        if (!carry(k, &k->places[i], e))
            return err_wrap(e, "carry the sequences of database %s", k->places[i].database);
    return goes_on(k, "carrying the sequences", e);
}

/* ---- proof ---- */

/* Our markers, one per database, are the only transactions since the server was quiet. */
static bool is_silent(struct cutover *k, bool *ret, struct err *e)
{
    struct pg_quiet q;
    if (!pg_quiet(k->places[0].from, &q, e))
        return false;
    *ret = q.xmin == q.xmax && q.xmax == k->quiet.xmax + (int64_t)k->n;
    k->proved = *ret ? q.at : k->proved;
    return true;
}

static bool not_silent(const struct cutover *k, struct err *e)
{
    return upgrade_fail(e, E_FENCE_LEAKS, "something goes on writing on %s behind the fence",
                        k->left->identifier);
}

static bool settle(struct cutover *k, struct err *e)
{
    for (int round = 0; round < ROUNDS; round++) {
        bool silent = false;
        if (!drain(k, e) || !carry_sequences(k, e) || !is_silent(k, &silent, e))
            return false;
        if (silent)
            return true;
    }
    return not_silent(k, e);
}

/* ---- rows ---- */

static bool compare_changed(struct cutover *k, struct err *e)
{
    return changed_compare(k->u, k->token, k->until_ms - now(k), e) &&
           goes_on(k, "comparing the rows that changed last", e);
}

/* ---- the way back ---- */

static bool stop_following(struct cutover *k, const struct place *p, struct err *e)
{
    for (bool halted = false;;) {
        if (!pg_subscription_halt(p->to, LOGICAL_NAME, &halted, e))
            return false;
        if (halted)
            return true;
        if (!wait_on(k, "ending the subscription", e))
            return false;
    }
}

/* A slot that a process made which died in between begins too early; whoever wrote since is not known. */
static bool make_back_slot(struct cutover *k, const struct place *p, struct err *e)
{
    const char *name = NULL;
    lsn_t at = 0;
    return back_slot(k->u, p->to, &name, e) && pg_slot_drop(p->to, name, e) &&
           pg_slot_make(p->to, name, k->until_ms - now(k), &at, e);
}

static bool turn_round(struct cutover *k, struct err *e)
{
    for (size_t i = 0; i < k->n; i++)
        if (!stop_following(k, &k->places[i], e) ||
            (k->keeps_way_back && !make_back_slot(k, &k->places[i], e)))
            return err_wrap(e, "database %s", k->places[i].database);
    return goes_on(k, "making the way back", e);
}

/* Its reader was ended a moment ago; the server may not have noticed yet. */
static bool changes_since(struct cutover *k, const struct place *p, const char *slot, int64_t *ret,
                          struct err *e)
{
    for (;;) {
        struct err why = ERR_INIT;
        if (pg_changes_from(p->from, slot, LOGICAL_NAME, k->proved, ret, &why))
            return true;
        if (strcmp(why.remote_code, "55006") != 0) {
            *e = why;
            return false;
        }
        if (!wait_on(k, "reading what was written last", e))
            return false;
    }
}

static bool is_unchanged(struct cutover *k, const struct place *p, struct err *e)
{
    const struct pg_slot *slots = NULL;
    size_t n = 0;
    int64_t changes = 0;
    if (!pg_slots(p->from, k->u->look, LOGICAL_SLOT_PREFIX, &slots, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(slots[i].database, p->database) == 0)
            return changes_since(k, p, slots[i].name, &changes, e) && (changes == 0 || not_silent(k, e));
    return not_silent(k, e);
}

/* Where the server took ids itself since the drain was proved (autovacuum does), the slot that was followed
 * tells: it holds every change of a row. */
static bool prove(struct cutover *k, struct err *e)
{
    bool silent = false;
    if (!is_silent(k, &silent, e))
        return false;
    for (size_t i = 0; !silent && i < k->n; i++)
        if (!is_unchanged(k, &k->places[i], e))
            return err_wrap(e, "database %s", k->places[i].database);
    k->by_slots = !silent;
    return true;
}

/* ---- taking it back ---- */

static bool lift_place(struct cutover *k, struct place *p, struct err *e)
{
    bool same = true;
    if (!p->from && !open_deaf(k->u, k->from, p->database, &p->from, e))
        return false;
    if (!pg_fence_lift(p->from, k->fact, &same, e)) {
        pg_close(p->from); /* a server that has failed over is reached by a new session */
        p->from = NULL;
        return false;
    }
    if (!same)
        k->u->warn(k->u->warn_arg, "The access list was changed meanwhile",
                   arena_printf(k->u->look,
                                "Somebody changed who may connect to database %s of %s while a fence stood "
                                "there. What he did stays; the fence is gone.",
                                p->database, k->left->identifier));
    return true;
}

static bool follow_place(struct cutover *k, struct place *p, struct err *e)
{
    const char *name = NULL;
    struct pg_subscription s;
    if (!p->to && !open_deaf(k->u, k->to, p->database, &p->to, e))
        return false;
    if (!back_slot(k->u, p->to, &name, e) || (k->to == SIDE_GREEN && !pg_slot_drop(p->to, name, e)) ||
        !pg_subscription_find(p->to, k->u->look, LOGICAL_NAME, &s, e))
        return false;
    return !s.exists || s.enabled || pg_subscription_enable(p->to, LOGICAL_NAME, true, e);
}

/* All of it is opened before anything else is put in order: production comes first. */
bool cutover_take_back(struct cutover *k, struct err *e)
{
    for (size_t i = 0; i < k->n; i++) {
        struct err why = ERR_INIT;
        int tries = 0;
        while (!lift_place(k, &k->places[i], &why)) {
            if (++tries >= LIFT_TRIES) {
                if (e)
                    *e = why;
                return err_wrap(e, "lift the fence around database %s of %s", k->places[i].database,
                                k->left->identifier);
            }
            (void)k->u->clock->wait(k->u->clock, NULL, LIFT_PAUSE_MS);
        }
    }
    return true;
}

bool cutover_follow_again(struct cutover *k, struct err *e)
{
    for (size_t i = 0; k->arriving && i < k->n; i++)
        if (!follow_place(k, &k->places[i], e))
            return err_wrap(e, "let %s follow again", k->arriving->identifier);
    return true;
}

/* The error tells what had failed, and whether production takes writes again: by trying. That the other side
 * follows again is put right by the next apply where it fails here. */
static bool failed(struct cutover *k, struct err *e)
{
    struct err why = ERR_INIT, later = ERR_INIT;
    const char *name = k->u->request.cluster;
    bool open = cutover_take_back(k, &why), writes = open && pg_probe_writable(k->places[0].from, &why);
    if (writes)
        (void)err_state(e, "%s is in production as before and takes writes (tried just now).", name);
    else if (open)
        (void)err_state(e, "%s is in production as before, but a test write failed: %s", name, why.text);
    else
        (void)err_state(e,
                        "%s may still refuse connections: %s. Apply again, or run `terraform-provider-aurora "
                        "unfence %s`.",
                        name, why.text, name);
    if (open && !cutover_follow_again(k, &later))
        log_debug("switch", "%s: %s", name, later.text);
    return false;
}

/* ---- the phases ---- */

static const struct phase {
    const char *name;
    bool (*run)(struct cutover *k, struct err *e);
} phases[] = {{"fence", raise_fence},          {"tables", cutover_all_taken},
              {"drain and sequences", settle}, {"changed rows", compare_changed},
              {"way back", turn_round},        {"proof", prove}};

static bool run_phases(struct cutover *k, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        int64_t began = now(k);
        if (!phases[i].run(k, e))
            return err_wrap(e, "%s", phases[i].name);
        size_t used = strlen(k->times);
        (void)snprintf(k->times + used, sizeof k->times - used, "%s%s %" PRId64 " ms", used ? ", " : "",
                       phases[i].name, now(k) - began);
    }
    return true;
}

/* ---- the point of no return ---- */

static const struct rds_cluster *marked(const struct cutover *k)
{
    return k->stays && k->to == SIDE_OLD ? k->left : k->arriving;
}

static const char *mark(const struct cutover *k)
{
    return !k->stays ? TAG_NAMES_MOVE : k->to == SIDE_GREEN ? TAG_NAMES_STAY : TAG_RETURNED_AT;
}

/* Where no name moves, the clone says all: it is ours in either direction. */
static bool note_take_over(struct cutover *k, struct err *e)
{
    char date[TIME_ISO_SIZE];
    time_iso(k->u->clock->wall_ms(k->u->clock), false, date);
    const struct rds_tag moves[] = {{TAG_NAMES_MOVE, date}, {TAG_REPLACES, k->left->resource_id}},
                         stays[] = {{TAG_NAMES_STAY, k->left->resource_id}, {TAG_SWITCHED_AT, date}},
                         returns[] = {{TAG_RETURNED_AT, date}, {TAG_OLD_OF, k->u->request.cluster}};
    const struct rds_tag *tags = !k->stays ? moves : k->to == SIDE_GREEN ? stays : returns;
    return rds_tag_add(&k->u->aws, marked(k)->arn, (struct rds_tags){tags, 2}, e) ||
           err_wrap(e, "write down that %s takes over", k->arriving->identifier);
}

/* A reply that is lost says nothing about the call: what is written there decides. As long as that cannot be
 * read, the fence stays, since names may have to move. */
static bool is_noted_after_all(struct cutover *k, bool *ret, struct err *e)
{
    for (;;) {
        struct rds_tags tags = {0};
        struct err why = ERR_INIT;
        if (rds_tag_list(&k->u->aws, marked(k)->arn, &tags, &why)) {
            *ret = rds_tag_value(&tags, mark(k)) != NULL;
            return true;
        }
        (void)k->u->clock->wait(k->u->clock, NULL, LIFT_PAUSE_MS);
        if (goes_on(k, "reading what was written down", &why))
            continue;
        (void)upgrade_fail(e, E_SWITCH_OPEN, "whether %s takes over from %s could not be written or read",
                           k->arriving->identifier, k->left->identifier);
        return err_state(e, "%s is fenced: nobody can write to it until an apply, or `unfence`, ends this.",
                         k->u->request.cluster);
    }
}

static bool take_over(struct cutover *k, struct err *e)
{
    bool noted = false;
    if (note_take_over(k, e))
        return true;
    struct err why = ERR_INIT;
    if (!is_noted_after_all(k, &noted, &why)) {
        *e = why;
        return false;
    }
    return noted || failed(k, e);
}

static void tell_times(const struct cutover *k)
{
    if (k->u->note)
        k->u->note(k->u->note_arg, "switch",
                   arena_printf(k->u->look,
                                "no write for %" PRId64 " ms until here: %s; transaction ids %" PRId64
                                " to %" PRId64 " are our markers, %s",
                                now(k) - k->began_ms, k->times, k->quiet.xmax,
                                k->quiet.xmax + (int64_t)k->n - 1,
                                k->by_slots ? "later ones the server's own: the slots hold no change since"
                                            : "and there are no later ones"));
}

bool cutover_run(struct upgrade *u, struct err *e)
{
    if (!world_need(u, e))
        return false;
    struct cutover k = cutover_direction(u);
    if (!k.arriving)
        return upgrade_fail(e, E_DEPLOYMENT_GONE, "the cluster that %s was to become has disappeared",
                            u->request.cluster);
    bool ok = same_run(u, e) && cutover_open(&k, e) && ready_sequences(&k, e) && changed_settle(u, e);
    if (ok) {
        k.began_ms = now(&k);
        k.until_ms = k.began_ms + u->request.max_write_outage_s * 1000LL;
        ok = run_phases(&k, e) ? take_over(&k, e) : failed(&k, e);
    }
    if (ok)
        tell_times(&k);
    changed_end(u);
    cutover_close(&k);
    return ok;
}
