/* upgrade.h — one upgrade of one cluster: what was asked for, what the world shows, and how the rows of a
 * flow's table reach AWS and PostgreSQL.
 *
 * A row looks at the world anew (world_look), decides, acts. Nothing is remembered between rows but the
 * request, facts chosen once (the resolved version) and counters of consecutive readings: a process that
 * starts in the middle finds everything again in AWS and PostgreSQL. What cannot be observed is written down
 * as tags on objects of ours before the act it describes (tags.h). Nothing of the user's is changed before
 * the switch, but what an attribute allows.
 *
 * Ownership: `arena` lives as long as the operation; everything in `world` lives until the next world_look().
 * One thread.
 */
#ifndef AURORA_UPGRADE_H
#define AURORA_UPGRADE_H

#include "internal/aws/rds.h"
#include "internal/base/clock.h"
#include "internal/flow/flow.h"
#include "internal/pg/pg.h"
#include "internal/upgrade/old_sides.h"
#include "internal/upgrade/staging.h"

enum on_destroy { DESTROY_REFUSE, DESTROY_KEEP_OLD, DESTROY_DELETE_OLD };

enum rows_mode { ROWS_USUAL, ROWS_FULL, ROWS_SAMPLE, ROWS_COUNTS }; /* usual: as the strategy says */

struct validation_query {
    const char *name, *sql;
};

/* A CNAME of the user's that leads to production. */
struct record_request {
    bool is_led;
    const char *zone, *name; /* NULL: not known yet */
    int ttl;                 /* seconds, around the switch */
};

/* The user's configuration, decoded; texts live in the operation's arena. */
struct request {
    const char *cluster; /* lower case, as RDS stores it */
    struct version target;
    enum flow_stage stage;
    int64_t retain_old_ms;
    enum on_destroy on_destroy;
    bool allow_reboot, manage_source, drop_unsupported, raise_source_capacity;
    const char *cluster_group, *instance_group; /* existing groups named by the user; NULL: made by us */
    const char *deployment_name;                /* NULL: derived */
    const char *instance_class;                 /* of green; NULL: as blue */
    bool toggles_groups;                        /* in place: default groups first, ours after it */
    bool in_maintenance_window;                 /* in place: AWS shall begin by itself, in its window */
    const char *snapshot;                       /* in place: name of the one we make; NULL: derived */
    const char *accepted_loss;                  /* in place: the snapshot whose roll-back is wanted; NULL */
    bool rehearses;                             /* in place: on a clone first */
    const char *const *databases;               /* logical: of the run; ends with NULL; NULL or none: all */
    const char *const *tables, *const *tables_left_out; /* logical: of the run; end with NULL; may be NULL */
    const char *const *full_identity;  /* logical: tables that get a replica identity, if they have none */
    bool publishes_all;                /* logical: FOR ALL TABLES, instead of a list */
    bool clones_by_snapshot;           /* logical: the clone is restored from a snapshot */
    const char *kms_key;               /* logical: ARN of the key the clone gets; NULL: as production */
    bool keeps_names;                  /* logical: no name moves at the switch */
    struct record_request record;      /* logical: what is led to the new side then */
    bool reverse_replication;          /* logical: the old side follows the new one after the switch */
    int64_t max_retained_bytes;        /* logical: of WAL that production keeps for our slots */
    double target_min_capacity;        /* Serverless v2, while green builds; < 0: default */
    const char *const *exclude_tables; /* end with NULL; may be NULL */
    enum rows_mode rows_mode;
    int max_connections; /* of the comparison, on either side; 0: default */
    const struct validation_query *queries;
    size_t query_count;
    int64_t minimum_stable_ms;
    int max_write_outage_s;
    int64_t max_lag_bytes;
    const struct window *window; /* when the switch may be; NULL: always */
    int64_t watch_ms;            /* how long the new side is watched; 0: not */
    const struct hook *hooks;    /* at most HOOKS_MAX */
    size_t hook_count;
    struct rds_tags tags; /* for objects of ours, tags_all */
};

/* Suffixes of names while they move; statically stored. */
struct names_way {
    const char *arrives, *leaves;
};

struct world {
    const struct rds_cluster *production; /* the cluster that bears the name; NULL: none */
    const struct rds_instance *const *instances;
    size_t instance_count;
    const struct rds_bluegreen *deployment; /* with production on one of its sides; NULL: none */
    bool is_deleting;                       /* AWS is still deleting a deployment of this cluster */
    bool is_ours;                           /* the deployment has our tags */
    const struct rds_cluster *green;        /* before the switch, once it exists; logical: the clone */
    const struct rds_instance *const *green_instances;
    size_t green_instance_count;
    const struct rds_cluster *old;       /* after the switch, until it is removed */
    const struct rds_snapshot *snapshot; /* in place: the newest of the run; NULL: none */
    size_t snapshot_count;               /* of the run; two where a call of a dead process went through */
    /* A roll-back after an upgrade in place: what the snapshot was restored as, whatever its name, until all
     * is over (while nobody bears the name it stands for production, too); what was put aside. A logical
     * upgrade whose names move, in either direction: the one that arrives, the one that has left. */
    const struct rds_cluster *restored, *aside;
    /* In place: what the snapshot was restored as once more, by a call of a dead process that AWS carried out
     * after the next apply had restored it itself; nobody depends on it. NULL: none. */
    const struct rds_cluster *stray;
    const struct rds_instance *const *restored_instances; /* of the one that arrives, or may */
    size_t restored_instance_count;
    const struct rds_cluster *rehearsal; /* in place: the clone of a rehearsal, whosever; NULL: none */
    bool names_move;   /* from the first renaming of a roll-back, or of a logical switch, to its end */
    bool is_switching; /* logical: they move to the new version, not back */
    bool names_stay;   /* logical: its switch moved none; production has the clone's name, or is back */
    const struct names_way *way;  /* what those are called that come and go */
    const struct rds_tags *facts; /* of the object that stands for the run; NULL: no run */
    struct version version;       /* production's */
    struct version run_target;    /* of the observed run; major 0: no run */
    enum flow_stage reached;      /* NONE … COMPLETED, as AWS shows it */
};

/* What tells one kind of upgrade from the other beyond its table of steps. */
struct strategy {
    const char *resource; /* Terraform's name; value of TAG_RESOURCE */
    /* The part of a look that finds the objects of a run; fills the rest of `w`. */
    bool (*look)(struct upgrade *u, struct world *w, struct err *e);
    int purpose;             /* enum pg_purpose of the checks in the databases */
    int no_way_back;         /* enum upgrade_error: stage = "rolled_back" after the switch */
    bool replicates;         /* production's groups must allow logical replication */
    bool managed_secret;     /* AWS does it with a master password in Secrets Manager, too */
    bool keeps_default;      /* a default group is left to AWS, which takes the new family's */
    bool shows_stages;       /* AWS shows prepared and validated; else the state alone knows */
    bool reads_rows;         /* compares rows by content unless told otherwise, not their number alone */
    bool needs_login;        /* without one nothing of it is possible */
    const char *slot_prefix; /* of the run's own slots; NULL: every logical slot of production is the run's */
    /* Follows what changes from before all rows are compared; NULL: nothing does. */
    bool (*follow_changes)(struct upgrade *u, struct err *e);
    void (*forget_changes)(struct upgrade *u);
    const char *new_side;                 /* in texts: "green", "the new version" */
    const struct hook_place *hook_places; /* HOOK_POINTS of them */
};
extern const struct strategy strategy_blue_green; /* world.c */
extern const struct strategy strategy_in_place;   /* in_place.c */
extern const struct strategy strategy_logical;    /* logical.c */

/* A run is under way: some object of it exists. */
bool world_has_run(const struct world *w);
/* ARN of the object that stands for the run and bears what is written down of it; NULL: there is none yet. */
const char *run_object(const struct upgrade *u);
/* What there is of the run, and what an apply does with it, for people; NULL: nothing. */
const char *run_found(const struct upgrade *u);
/* After a switch, while there is an old side: what bears the notes of it. That is the old side, unless it is
 * the user's still. */
const struct rds_cluster *switch_notes(const struct world *w);
/* What a switch or a roll-back put aside and `completed` removes; NULL: nothing. */
const struct rds_cluster *world_put_aside(const struct world *w);

/* What was seen on the way and is gone at the end; lives in the operation's arena. NULL: not seen. */
struct history {
    const char *deployment_id, *snapshot_id, *source_version, *green_identifier, *new_cluster_resource_id;
    const char *old_identifier, *old_resource_id, *switched_at, *master_user_secret_arn;
    /* Of the rehearsal that was made for the run: when it ended, and whole seconds. */
    const char *rehearsed_at, *rehearsed_upgrade_s, *rehearsed_statistics_s;
    const char **new_dbi_resource_ids; /* ends with NULL */
    size_t new_dbi_count;
};

struct upgrade {
    const struct strategy *strategy;
    struct request request;
    struct arena *arena;
    struct aws_session aws; /* its arena is the present look's */
    struct clock *clock;
    struct stop *stop;
    struct world world;

    /* A login for host:port; *ret_known false: none is configured. */
    bool (*login)(void *arg, const char *host, int port, struct pg_target *ret, bool *ret_known,
                  struct err *e);
    void *login_arg;
    bool has_login;           /* known from the configuration alone, so that plan and apply agree */
    bool has_answered[SIDES]; /* a session was had in this operation */
    enum side unreached;      /* with which one could not be had last */
    void (*warn)(void *arg, const char *summary, const char *detail);
    void *warn_arg;
    /* For the journal, by step; NULL: there is none. */
    void (*note)(void *arg, const char *step, const char *text);
    void *note_arg;

    /* What a row found, at length, for the diagnostic of its failure; in `arena`, bounded, "" or NULL:
     * nothing. Whoever tells the failure takes it (upgrade_report_take). */
    const char *report;

    int source_major;   /* before the upgrade; 0: not known yet */
    bool schedules;     /* this walk leaves the upgrade to AWS's window and ends (maintenance.c) */
    bool is_serverless; /* production is Serverless v2; plan and apply agree, since it decides rows */
    const char *resolved_version; /* "17.6", chosen once per run; NULL until then */
    int steady_readings;          /* consecutive AVAILABLE readings of deployment and members */
    struct history history;
    const char *old_hint;        /* resource id of the old cluster, where the state knows it; NULL: not */
    const char *deployment_hint; /* the deployment's identifier, likewise */
    bool old_searched;
    struct old_sides *old_sides; /* shared by all operations of the provider */
    bool is_verified;     /* an earlier apply has proved the new side: what was changed since is no fault */
    bool carries_tags;    /* settings that are compared before the switch take the user's tags along */
    bool extensions_told; /* this operation has updated what may be, and told the rest */
    uint32_t hooks_ran;   /* by this operation; bit per hook */
    struct watch *watch;  /* what was seen so far (watch.c); NULL: nothing */
    struct arena *look;   /* owns `world` */
    struct rehearsal *rehearsal;     /* rehearsal.c's own; NULL: none was begun */
    struct clone_view *clone;        /* clone.c's own; NULL: it was not looked at yet */
    struct catching_up *catching_up; /* catch_up.c's own; NULL: nothing was seen yet */
    struct failing *failing;         /* failing.c's own; NULL: nothing was seen yet */
    struct changed *changed;         /* changed.c's own; NULL: nothing is followed */
    int seed_tenths;                 /* seed.c's own: of what is made, as told last */
    const char
        *attempt_since; /* AWS's events before this time are of earlier attempts; NULL: the snapshot's */
    /* In place there is no old side to compare with: the last look before the change; major 0: none. */
    struct world before;
    struct arena *before_look;
};

/* strategy_blue_green; the caller may set another before the first look. */
void upgrade_init(struct upgrade *u, struct arena *arena, const struct aws_session *s, struct clock *clock,
                  struct old_sides *old_sides);
void upgrade_done(struct upgrade *u);

/* The report of the failure that is told now, NULL if it has none. */
static inline const char *upgrade_report_take(struct upgrade *u)
{
    const char *report = u->report;
    u->report = NULL;
    return report;
}

/* One operation per cluster and process: a create waits here for a destroy of the same cluster. ERR_CANCELLED
 * at Stop. */
MUST_CHECK bool cluster_claim(const char *region, const char *cluster, struct stop *stop, struct err *e);
void cluster_release(const char *region, const char *cluster);
/* A resource of this cluster was made in this process: the delete leg of create_before_destroy, and another
 * resource of the same cluster, must then leave its objects alone. Kept until the provider is configured
 * again: that is another apply. */
void cluster_created(const char *region, const char *cluster);
void cluster_created_forget(void);
bool cluster_was_created(const char *region, const char *cluster);

/* Reads production, its deployment, green and the old cluster. An absent cluster is no error here. */
MUST_CHECK bool world_look(struct upgrade *u, struct err *e);
/* The same, and production must be there (AUR0101). */
MUST_CHECK bool world_need(struct upgrade *u, struct err *e);
bool is_arn_of(const char *arn, const char *cluster); /* is it that cluster's? */
/* Keeps in `history` what outlives the objects it is read from; a part of every look. */
void world_note_history(struct upgrade *u, const struct world *w);
/* Before a pause: keeps of the world what its structs say, and drops the replies they were read from (`raw`
 * is NULL until the next look). A thousand upgrades may wait at once. */
void world_rest(struct upgrade *u);
/* The one sentence about production that every error carries: "orders is in production on 13.23, unchanged".
 */
void world_state(const struct upgrade *u, struct err *e);

/* Connects to a side's writer. ERR_NOT_FOUND if no login is configured: rows that need one do not apply then.
 */
MUST_CHECK bool side_open(struct upgrade *u, enum side side, const char *database, bool writable,
                          struct pg **ret, struct err *e);
/* The same for pg_changed_begin alone. */
MUST_CHECK bool side_open_replication(struct upgrade *u, enum side side, const char *database,
                                      struct pg **ret, struct err *e);
/* ride_out.c: a row failed since a session was lost, or could not be had, with a server that had answered in
 * this operation (`arg` is the upgrade): waits up to three minutes until it answers again. False: it does
 * not, or the failure was another, or Stop. */
bool server_is_back(void *arg, const struct err *why);
/* Calls `each` with one connection per user database of a side. */
MUST_CHECK bool side_each_database(struct upgrade *u, enum side side, bool writable,
                                   bool (*each)(struct upgrade *u, struct pg *c, const char *database,
                                                void *arg, struct err *e),
                                   void *arg, struct err *e);

/* The same, but only databases of the run (request.databases). */
bool run_has_database(const struct upgrade *u, const char *database);
MUST_CHECK bool run_each_database(struct upgrade *u, enum side side, bool writable,
                                  bool (*each)(struct upgrade *u, struct pg *c, const char *database,
                                               void *arg, struct err *e),
                                  void *arg, struct err *e);

/* ---- names of ours: legal, deterministic ---- */

const char *deployment_name(const struct upgrade *u,
                            struct arena *a); /* A3: "<cluster>-upgrade-13-to-17", ≤ 60 */
/* The green side's group: the user's, or the one we make from the source's overrides. */
const char *target_group(const struct upgrade *u, struct arena *a, bool is_cluster);
bool makes_group(const struct upgrade *u, bool is_cluster);
/* The group of production's whose overrides are carried: the writer's, where instances have different ones.
 */
const char *source_group(const struct upgrade *u, bool is_cluster);
/* Production has a default group, and that is left to AWS. */
bool takes_default(const struct upgrade *u, bool is_cluster);
const char *group_name(const struct upgrade *u, struct arena *a, bool is_cluster);
const char *family_name(struct arena *a, int major); /* "aurora-postgresql17" */
/* A legal name of a cluster or an instance; one that is too long is cut, with a hash of all of it. */
const char *suffixed(struct arena *a, const char *name, const char *suffix);
const char *final_snapshot_name(const struct upgrade *u, struct arena *a);
/* The source's completed copy, where source_parameters = "manage". */
const char *managed_group_name(const struct upgrade *u, struct arena *a);
const char *managed_group_of(const struct upgrade *u, struct arena *a, int source_major);

struct rds_tags run_tags(const struct upgrade *u, struct arena *a);

#endif
