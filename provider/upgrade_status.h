/* upgrade_status.h — how far the upgrade of a cluster has come, from AWS and, with a login, its replication
 * slots. Describe calls and reading sessions only; asks nothing of a configuration, so it serves the data
 * source, the companion command, and whoever finds somebody else's run.
 */
#ifndef AURORA_PROVIDER_UPGRADE_STATUS_H
#define AURORA_PROVIDER_UPGRADE_STATUS_H

#include "internal/pg/replica.h"
#include "internal/upgrade/catch_up.h"
#include "provider/upgrade_resource.h"

/* A look at the world without a configuration: the kind is that of the run that is observed, and so is the
 * target; else those of the groups production has from an upgrade of ours (*ret_reached is `completed` then),
 * else blue/green and production's own version. What a roll-back in place put aside counts as `rolled_back`.
 * While names move, deployment or tags alone tell. Fails with AUR0101 if there is neither a cluster nor
 * anything of its upgrade, with AUR0102 for another engine. */
MUST_CHECK bool status_look(struct operation *o, enum flow_stage *ret_reached, struct err *e);

/* Behind a look for a blue/green upgrade that has found what it could: is there a run of another kind? *ret
 * is the kind of the run that is observed, blue/green where there is none, and the last look is one of that
 * kind; where there is none, one of any. */
MUST_CHECK bool look_for_other_runs(struct upgrade *u, const struct upgrade_kind **ret, struct err *e);
/* In the last look: AWS is at work. */
bool world_in_flight(const struct world *w);

/* status_look(), and all that data.aurora_upgrade_status has but cluster_identifier. Changes nothing, but
 * where o->may_give_up allows to drop the slots of a logical upgrade for which production keeps more than
 * max_retained_wal. */
MUST_CHECK bool upgrade_status(struct operation *o, const struct value **ret, struct err *e);

/* Is this parameter group one that an upgrade of the cluster has made? */
struct group_owner {
    bool is_ours, is_in_place; /* the latter: of an upgrade in place */
    int target;                /* for which major; 0: it does not say */
};
MUST_CHECK bool group_owner(struct upgrade *u, bool is_cluster, const char *name, struct group_owner *ret,
                            struct err *e);

/* ---- status_follow.c ---- */

/* How a clone follows. The caller gives the slots as it has read them; afterwards they are those of a second
 * reading, two seconds later. Texts of `slots` live as long as the look. */
struct follow_status {
    const struct pg_slot *slots;
    size_t slot_count;
    bool is_known; /* of the slot that is furthest behind: */
    struct catch_up_state worst;
    const struct value *workers; /* NULL: not looked at */
};
/* Fails with the first thing that is wrong (AUR0217, AUR0218), with all the rest filled as far as it could be
 * seen. */
MUST_CHECK bool status_follow(struct upgrade *u, struct arena *a, struct pg *source, struct follow_status *f,
                              struct err *e);
/* apply_rate, catch_up, lag_seconds, workers, write_rate; null or empty where nothing was looked at. */
void status_follow_fill(struct arena *a, const struct follow_status *f, struct value *out);

/* ---- status_in_place.c ---- */

/* In the last look, of kind_in_place: AWS is at work, or names are in mid-move. */
bool in_place_in_flight(const struct world *w);
/* The state production is in, and what to do next, in plain words; NULL: nothing that is not always so. */
const char *in_place_situation(const struct upgrade *u, struct arena *a);
const char *in_place_next(const struct upgrade *u, struct arena *a);
/* For people: since when something is aside, "3 d 2 h", and what it costs until it goes. */
const char *age_since(const struct upgrade *u, struct arena *a, const char *iso);
MUST_CHECK bool aside_cost(struct upgrade *u, struct arena *a, const char **ret, struct err *e);

/* DDL on production that a clone which follows lacks. */
MUST_CHECK bool status_catalogue(struct operation *o, struct err *e);

/* ---- status_tables.c ---- */

/* What a logical upgrade does not follow; null where nobody could look, and for the other kinds. */
MUST_CHECK bool status_not_followed(struct operation *o, struct arena *a, const struct value **ret,
                                    struct err *e);

/* The next thing to do, without the note for a configuration that upgrade_fail() adds. */
const char *hint_alone(struct arena *a, const struct err *e);

#endif
