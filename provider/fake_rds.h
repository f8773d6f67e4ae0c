/* fake_rds.h — RDS and PostgreSQL as a few variables, for tests of the flows: link it instead of internal/aws
 * and internal/pg.
 *
 * It knows one cluster, "orders", and what an upgrade of it makes. Time is the fake clock's. Every call is
 * counted; one call can be made to fail, before or after its effect. Strict: what AWS refuses is refused
 * here.
 */
#ifndef AURORA_PROVIDER_FAKE_RDS_H
#define AURORA_PROVIDER_FAKE_RDS_H

#include "internal/aws/aws.h"
#include "internal/base/clock.h"
#include "internal/base/err.h"

struct rds_event;
struct rds_cluster;

enum fake_fault { FAULT_NONE, FAULT_BEFORE, FAULT_AFTER };

struct fake_rds {
    struct clock_fake clock;
    int calls;    /* so far */
    int fault_at; /* number of the call that fails; 0: none */
    enum fake_fault fault;
    bool fault_everything_after; /* the process is as good as dead from fault_at on */
    int changes;                 /* calls that change something */

    /* The world. */
    bool cluster_exists, serverless;
    double production_min, green_min;
    const char *production_version, *old_version, *green_version;
    bool deployment, green, old, old_instances, old_deleting, old_protected, old_tagged_missing;
    bool validated_tag, ours_tag, old_tag;
    int64_t created_ms, switching_ms; /* mono; 0: not */
    bool completed;
    bool cluster_group, instance_group, cluster_group_filled, instance_group_filled;
    int deployments_made, groups_made, final_snapshots, switchovers;
    bool refuse_switchover, roll_back_switchover, degraded_event, worker_fails, rows_differ, schema_differs,
        no_statistics;
    bool extensions, extension_refused, extension_updated; /* one of three is behind */
    int updates;                                           /* asked for; 100 for each that is not behind */
    bool production_writable;
    const char *proxy_state; /* of a proxy's target in front of production; NULL: there is none */
    bool proxies_denied;
    const struct rds_event *events; /* all that AWS tells of deployments, instead of degraded_event */
    size_t event_count;
    struct aws_life life; /* of the credentials; source NULL: they last */

    /* What may be odd about it. */
    const char *green_major; /* version green is made with; NULL: "17.6" */
    bool late_green;         /* the green cluster is there a minute after its deployment */
    bool flaps;              /* once validated, every third reading of the deployment is not AVAILABLE */
    bool lose_switchover;    /* the reply to that call is lost, the switchover goes on */
    bool stale_old_note;     /* the old cluster has the tags of an earlier run */
    const char *carried, *carried_type, *allowed; /* an override of production's, and what 17 allows for it */
    bool unready, groups_differ; /* production without logical replication; two instances, two groups */
    bool managed_group, managed_attached;
    int64_t attached_ms, rebooted_ms; /* mono; 0: not */
    int readings, reboots, deployed_unready;
    char capacity_note[32];

    /* Around the switch: hooks, watch, and the tags they are remembered by. */
    struct {
        char key[64], value[260];
        bool on_old;
    } kept[8];
    char ran[4096];         /* texts of hooks, SQL with its host, in the order they ran */
    char environment[4096]; /* AURORA_… of the last command */
    const char *hook_fails; /* the hook with this text */
    bool hook_writes;       /* … because it wants to write where it may not */
    int64_t hook_takes_ms;
    int watch_looks, deadlocks, stragglers; /* deadlocks since the first look, applications on the old side */
    bool health_fails;                      /* from the second look on */

    /* The clone of a rehearsal and the group that keeps the outcome (fake_rehearsal.c). */
    struct {
        bool cluster, instance, protected;
        int64_t made_ms, instance_ms, called_ms, rebooted_ms, gone_ms, instance_gone_ms; /* mono; 0: not */
        const char *version, *status; /* NULL: as time says */
        bool foreign;                 /* somebody else's cluster has the name */
        bool goes_back;               /* AWS takes the upgrade back, and says why */
        bool no_capacity, unseen;     /* no instance can be made; the clone cannot be logged in to */
        bool no_key;                  /* production's KMS key may not be used */
        bool note;
        struct fake_tag {
            char key[64], value[200];
        } tags[16], note_tags[16];
        int made, calls; /* clones; calls that upgrade one */
        char sent[2048]; /* of the last request that made something */
        char cluster_group[64], instance_group[64];
        char hosts[256]; /* where ANALYZE ran */
    } rehearsal;

    /* XML members of each side; green is made with neither blue's nor its role, and must be given both. */
    struct {
        const char *blue, *green;
        bool blue_role, green_role;
        bool deaf; /* changes are taken and never seen */
        bool role_lost_at_switch, tag_lost;
        bool endpoint;             /* blue has a custom endpoint; green gets one when it is made */
        const char *endpoint_type; /* of green's; NULL: as blue's */
        int64_t due_ms;            /* mono; 0: nothing under way */
        char sent[1024];           /* members of the last request */
    } settings;
};

extern struct fake_rds fake;
/* Counts a call to either; false if it is the one that fails before its effect. */
bool fake_enter(struct err *e);
/* False if the reply to a call that had its effect is lost. */
bool fake_leave(struct err *e);
struct arena;
struct rds_cluster;
struct rds_bluegreen;
void fake_settings_members(struct arena *a, struct rds_bluegreen *d);
struct rds_tags;
void fake_settings_tag(struct arena *a, struct rds_tags *tags); /* the user's own, in addition */
void fake_settings_show(struct arena *a, struct rds_cluster *k, bool is_green);
struct rds_tags;
bool fake_keep_tags(const char *arn, const struct rds_tags *tags, struct err *e);
/* The clone's part of a verb: true if it was about the clone (or its note), with the outcome in *ret_ok. */
struct rds_instance;
struct rds_cluster_change;
const struct rds_cluster *fake_clone(struct arena *a, const char *id);
bool fake_clone_instances(struct arena *a, const char *cluster, const struct rds_instance *const **ret,
                          size_t *ret_n);
bool fake_clone_modify(const char *id, const struct rds_cluster_change *c, bool *ret_ok, struct err *e);
bool fake_clone_delete(const char *id, const char *final_snapshot, bool *ret_ok, struct err *e);
bool fake_clone_instance_delete(const char *id, bool *ret_ok, struct err *e);
bool fake_clone_tag(const char *arn, const struct rds_tags *tags, bool *ret_ok, struct err *e);
bool fake_clone_tags(struct arena *a, const char *arn, struct rds_tags *ret);
void fake_clone_note_made(const struct rds_tags *tags);
bool *fake_clone_note(const char *group); /* NULL: another group */
bool fake_clone_events(struct arena *a, const char *source, const struct rds_event **ret, size_t *ret_n);
bool fake_is_clone(const char *instance);
int fake_clone_major(const char *host); /* 0: another host; -1: it cannot be reached */
void fake_forget_tags(void);            /* the deployment is gone, and its tags */
void fake_show_tags(struct arena *a, struct rds_tags *tags, bool on_old);
struct pg;
const char *fake_host(const struct pg *c);
void fake_reset(void); /* orders on 13.23, available, with groups of its own */

#endif
