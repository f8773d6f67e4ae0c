/* flow_upgrades.h — the tables of steps, one pair for each kind of upgrade (flow_<kind>_upgrade.c). */
#ifndef AURORA_FLOW_UPGRADES_H
#define AURORA_FLOW_UPGRADES_H

#include "internal/flow/flow.h"

extern const struct flow flow_blue_green;        /* prepared … completed */
extern const struct flow flow_blue_green_back;   /* rolled_back, before the switch */
extern const struct flow flow_blue_green_retire; /* the old side, at a destroy */
extern const struct flow flow_blue_green_tidy;   /* what is left when nothing shows a run any more */

extern const struct flow flow_in_place;        /* prepared … completed */
extern const struct flow flow_in_place_back;   /* rolled_back, before the upgrade */
extern const struct flow flow_in_place_retire; /* the snapshot, at a destroy */

/* A clone that a rehearsal left, whatever is asked for (STAGE_PREPARED); at a destroy what is known of it,
 * too (STAGE_COMPLETED). */
extern const struct flow flow_in_place_sweep;

extern const struct flow flow_in_place_restore;  /* rolled_back, after the upgrade */
extern const struct flow flow_in_place_give_up;  /* the same, given up before names move (cleanup) */
extern const struct flow flow_in_place_stray;    /* what was restored once more goes (cleanup) */
extern const struct flow flow_in_place_put_away; /* completed, after that */

extern const struct flow flow_logical;        /* prepared … completed */
extern const struct flow flow_logical_back;   /* rolled_back, before the switch */
extern const struct flow flow_logical_return; /* rolled_back, after it */
extern const struct flow flow_logical_keep;   /* the way back alone, at a destroy that keeps the old side */
extern const struct flow flow_logical_retire; /* the old side and the way back, at a destroy */

/* ---- flow_common.c: shared by rows of several flows ---- */
bool has_login(const struct upgrade *u);
#define HOOK_POINT(point)                                                                                    \
    bool has_##point(const struct upgrade *u);                                                               \
    void say_##point(const struct upgrade *u, struct buf *out)
HOOK_POINT(after_prepare);
HOOK_POINT(before_switch);
HOOK_POINT(in_window);
HOOK_POINT(at_switch);
HOOK_POINT(after_switch);
HOOK_POINT(before_rollback);
HOOK_POINT(at_rollback);
HOOK_POINT(after_rollback);
#undef HOOK_POINT
void cli_hooks(const struct upgrade *u, struct buf *out);
bool manages_source(const struct upgrade *u);
bool may_reboot(const struct upgrade *u);
bool has_queries(const struct upgrade *u);
bool soaks(const struct upgrade *u);
void say_target(const struct upgrade *u, struct buf *out);
void say_instance_group(const struct upgrade *u, struct buf *out);
void say_new_version(const struct upgrade *u, struct buf *out);
void say_groups_remove(const struct upgrade *u, struct buf *out);
void cli_cluster_group(const struct upgrade *u, struct buf *out);
void cli_instance_group(const struct upgrade *u, struct buf *out);
void say_new_extensions(const struct upgrade *u, struct buf *out);
void cli_new_extensions(const struct upgrade *u, struct buf *out);
void cli_new_statistics(const struct upgrade *u, struct buf *out);
void cli_groups_remove(const struct upgrade *u, struct buf *out);
void say_parameters(const struct upgrade *u, struct buf *out);
void say_source_group(const struct upgrade *u, struct buf *out);
void say_source_settled(const struct upgrade *u, struct buf *out);
void say_source_reboot(const struct upgrade *u, struct buf *out);
void say_source_ready(const struct upgrade *u, struct buf *out);
void cli_source_group(const struct upgrade *u, struct buf *out);
void cli_source_reboot(const struct upgrade *u, struct buf *out);
void say_group_back(const struct upgrade *u, struct buf *out);
void cli_group_back(const struct upgrade *u, struct buf *out);
void say_not_switched(const struct upgrade *u, struct buf *out);
void say_rows(const struct upgrade *u, struct buf *out);
void say_schema(const struct upgrade *u, struct buf *out);
void say_queries(const struct upgrade *u, struct buf *out);
void say_settings(const struct upgrade *u, struct buf *out);
void say_soak(const struct upgrade *u, struct buf *out);
void say_lag(const struct upgrade *u, struct buf *out);
void cli_lag(const struct upgrade *u, struct buf *out);
void say_window(const struct upgrade *u, struct buf *out);
void say_window_left(const struct upgrade *u, struct buf *out);
void say_watch_started(const struct upgrade *u, struct buf *out);
void say_watch(const struct upgrade *u, struct buf *out);
void cli_watch(const struct upgrade *u, struct buf *out);
void say_retention(const struct upgrade *u, struct buf *out);
void say_old_unprotect(const struct upgrade *u, struct buf *out);
void say_old_instances(const struct upgrade *u, struct buf *out);
void say_old_cluster(const struct upgrade *u, struct buf *out);
void say_old_gone(const struct upgrade *u, struct buf *out);
void cli_old_instances(const struct upgrade *u, struct buf *out);
void say_new_put_right(const struct upgrade *u, struct buf *out);
void say_new_settings(const struct upgrade *u, struct buf *out);
bool has_window(const struct upgrade *u);
bool watches(const struct upgrade *u);

/* One row's sentence, or the same by hand: a function of the request and the two majors. */
#define SAY(name, ...) static TELL(name, __VA_ARGS__)
#define TELL(name, ...)                                                                                      \
    void name(const struct upgrade *u, struct buf *out)                                                      \
    {                                                                                                        \
        (void)u;                                                                                             \
        (void)buf_printf(out, __VA_ARGS__);                                                                  \
    }
#define CLUSTER (u->request.cluster)
#define FROM    (u->source_major)
#define TO      (u->request.target.major)
#define RDS     "aws rds "

#endif
