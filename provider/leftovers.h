/* leftovers.h — what a failed or forgotten upgrade of a cluster has left in AWS, and what becomes of it.
 *
 * Ours is what bears our tags, or belongs to a deployment that does; names alone never make anything ours.
 * Kinds are rows of a table (leftovers.c): another flow adds its own. Looking changes nothing.
 */
#ifndef AURORA_PROVIDER_LEFTOVERS_H
#define AURORA_PROVIDER_LEFTOVERS_H

#include "provider/upgrade_resource.h"

enum fate {
    FATE_REMOVE, /* ours, and nobody needs it */
    FATE_KEEP,   /* in use, or not for a clean-up to remove; nothing is wrong with it */
    FATE_DECIDE  /* nothing tells whose it is: a person has to look */
};
const char *fate_name(enum fate f);

struct leftover {
    const char *kind, *name, *status, *reason; /* status "": it has none */
    enum fate fate;
    bool by_itself; /* a parameter group that can be deleted without walking a table */
    bool is_cluster_group;
};

struct leftovers {
    struct operation *o;
    struct arena *arena;
    enum flow_stage reached;
    struct leftover *items;
    size_t count, cap;
    bool gives_up; /* a roll-back in place, before names move: the kind's `give_up` is walked first */
    /* Majors whose way back has something to do: the kind's `back` is walked for each. */
    int *majors;
    size_t major_count, major_cap;
    bool has_rehearsal; /* a clone, for flow_in_place_sweep */
    bool has_stray;     /* what was restored once more, for flow_in_place_stray */
    bool has_logical;   /* something of a logical upgrade, for flow_logical_back */
    bool is_absent;     /* there is no such cluster */
};

/* `l` has `o` and `arena`; the rest is filled. */
MUST_CHECK bool leftovers_find(struct leftovers *l, struct err *e);

#endif
