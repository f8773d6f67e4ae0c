/* rds.h — typed verbs of Amazon RDS (API version 2014-10-31), as far as upgrades need them.
 *
 * find verbs answer "is it there": *ret = NULL when AWS positively says no. create and delete verbs tolerate
 * "already so" only where noted. Strings are never NULL but "" when AWS left them out. `raw` is the XML of
 * the object, for settings that are compared member by member. An unknown status string is just a string:
 * callers treat it as pending. Lists are complete (all pages). Everything lives in the session's arena.
 */
#ifndef AURORA_RDS_H
#define AURORA_RDS_H

#include "internal/aws/aws.h"

struct rds_tag {
    const char *key, *value;
};

struct rds_tags {
    const struct rds_tag *tags;
    size_t count;
};
const char *rds_tag_value(const struct rds_tags *t, const char *key); /* NULL if absent */

struct rds_member {
    const char *identifier, *parameter_group_status;
    bool is_writer;
    int promotion_tier;
};

struct rds_cluster {
    const char *identifier, *arn, *resource_id, *status, *engine, *engine_mode, *engine_version,
        *parameter_group;
    const char *endpoint, *reader_endpoint, *master_username, *pending_engine_version, *kms_key_id,
        *storage_type, *maintenance_window; /* "sun:05:00-sun:05:30", UTC */
    const char *global_cluster_identifier, *replication_source, *master_user_secret_arn, *clone_group_id,
        *database_name;
    int port, backup_retention;
    bool storage_encrypted, deletion_protection, iam_auth, has_pending_changes;
    bool serverless_v2;
    double min_capacity, max_capacity;
    const struct rds_member *members;
    size_t member_count;
    const char **availability_zones, **custom_endpoints; /* end with NULL */
    const struct rds_role {
        const char *arn, *feature, *status;
    } * roles;
    size_t role_count;
    struct rds_tags tags;
    const struct xml *raw;
};

struct rds_instance {
    const char *identifier, *arn, *resource_id, *status, *instance_class, *engine, *engine_version,
        *cluster_identifier;
    const char *availability_zone, *parameter_group, *parameter_apply_status, *endpoint, *ca_certificate;
    int port, promotion_tier;
    bool has_pending_changes;
    struct rds_tags tags;
    const struct xml *raw;
};

MUST_CHECK bool rds_cluster_find(const struct aws_session *s, const char *id, const struct rds_cluster **ret,
                                 struct err *e);
MUST_CHECK bool rds_cluster_list(const struct aws_session *s, const struct rds_cluster *const **ret,
                                 size_t *ret_n, struct err *e);
/* Every cluster in its turn, so that a fleet of any size fits into memory; it lives only during the call of
 * `each`. */
MUST_CHECK bool rds_cluster_each(const struct aws_session *s,
                                 void (*each)(void *arg, const struct rds_cluster *c), void *arg,
                                 struct err *e);
/* By DbClusterResourceId (AWS filter): survives renames. */
MUST_CHECK bool rds_cluster_find_by_resource_id(const struct aws_session *s, const char *resource_id,
                                                const struct rds_cluster **ret, struct err *e);
MUST_CHECK bool rds_instance_find(const struct aws_session *s, const char *id,
                                  const struct rds_instance **ret, struct err *e);
MUST_CHECK bool rds_instance_list(const struct aws_session *s, const char *cluster_id,
                                  const struct rds_instance *const **ret, size_t *ret_n, struct err *e);

/* Without `raw`; NULL gives NULL. */
struct rds_cluster *rds_cluster_copy(struct arena *a, const struct rds_cluster *c);
struct rds_instance *rds_instance_copy(struct arena *a, const struct rds_instance *i);

struct rds_cluster_change { /* NULL, -1, <0: leave */
    const char *parameter_group, *engine_version, *instance_parameter_group, *new_identifier;
    double min_capacity, max_capacity; /* both or neither; 0 is legal, negative = leave */
    int deletion_protection;           /* -1 leave, 0 off, 1 on */
    int backup_retention;              /* -1 leave */
    bool apply_immediately, allow_major_version_upgrade;
};
#define RDS_CLUSTER_CHANGE_INIT                                                                              \
    {                                                                                                        \
        .min_capacity = -1, .max_capacity = -1, .deletion_protection = -1, .backup_retention = -1            \
    }
MUST_CHECK bool rds_cluster_modify(const struct aws_session *s, const char *id,
                                   const struct rds_cluster_change *c, struct err *e);
/* Any other settings by their names on the wire (ends with name == NULL; value NULL is not sent), at once. */
MUST_CHECK bool rds_cluster_set(const struct aws_session *s, const char *id, const struct aws_field *settings,
                                struct err *e);
MUST_CHECK bool rds_instance_set(const struct aws_session *s, const char *id,
                                 const struct aws_field *settings, struct err *e);
/* RestoreDBClusterFromSnapshot and CreateDBInstance, with settings as for the two above: whatever is not told
 * becomes AWS's default, not what the source had. */
MUST_CHECK bool rds_cluster_restore(const struct aws_session *s, const struct aws_field *settings,
                                    struct rds_tags tags, struct err *e);
/* RestoreDBClusterToPointInTime, likewise: with copy-on-write, a clone. */
MUST_CHECK bool rds_cluster_clone(const struct aws_session *s, const struct aws_field *settings,
                                  struct rds_tags tags, struct err *e);
MUST_CHECK bool rds_instance_create(const struct aws_session *s, const struct aws_field *settings,
                                    struct rds_tags tags, struct err *e);
/* feature "": none. Added already, or not there to be removed: done. */
MUST_CHECK bool rds_cluster_role(const struct aws_session *s, const char *id, const struct rds_role *role,
                                 bool add, struct err *e);
/* The Data API of an Aurora cluster that is not Serverless v1. */
MUST_CHECK bool rds_http_endpoint(const struct aws_session *s, const char *arn, bool on, struct err *e);
/* final_snapshot NULL = none. Absent cluster: done. delete_backups false keeps automated backups. */
MUST_CHECK bool rds_cluster_delete(const struct aws_session *s, const char *id, const char *final_snapshot,
                                   bool delete_backups, struct err *e);
MUST_CHECK bool rds_instance_set_parameter_group(const struct aws_session *s, const char *id,
                                                 const char *group, struct err *e);
MUST_CHECK bool rds_instance_reboot(const struct aws_session *s, const char *id, struct err *e);
MUST_CHECK bool rds_instance_delete(const struct aws_session *s, const char *id,
                                    struct err *e); /* absent: done */

/* ---- parameter groups; `is_cluster` chooses between cluster and instance groups ---- */

struct rds_group {
    const char *name, *family, *description, *arn;
};
struct rds_param {
    const char *name, *value, *source, *apply_type, *data_type, *allowed_values, *apply_method;
    bool is_modifiable, has_value;
};
MUST_CHECK bool rds_group_find(const struct aws_session *s, bool is_cluster, const char *name,
                               const struct rds_group **ret, struct err *e);
/* Every group whose name begins with `prefix`, in any case. */
MUST_CHECK bool rds_group_list(const struct aws_session *s, bool is_cluster, const char *prefix,
                               const struct rds_group **ret, size_t *ret_n, struct err *e);
/* source: "user" = overrides only, NULL = all. */
MUST_CHECK bool rds_group_params(const struct aws_session *s, bool is_cluster, const char *name,
                                 const char *source, const struct rds_param **ret, size_t *ret_n,
                                 struct err *e);
/* The family's defaults (DescribeEngineDefault[Cluster]Parameters). */
MUST_CHECK bool rds_family_params(const struct aws_session *s, bool is_cluster, const char *family,
                                  const struct rds_param **ret, size_t *ret_n, struct err *e);
MUST_CHECK bool rds_group_create(const struct aws_session *s, bool is_cluster, const char *name,
                                 const char *family, const char *description, struct rds_tags tags,
                                 struct err *e); /* exists: ERR_CONFLICT */
/* In batches of 20, as the API allows. apply_method of each: "immediate" or "pending-reboot". */
MUST_CHECK bool rds_group_set(const struct aws_session *s, bool is_cluster, const char *name,
                              const struct rds_param *params, size_t n, struct err *e);
MUST_CHECK bool rds_group_delete(const struct aws_session *s, bool is_cluster, const char *name,
                                 struct err *e); /* absent: done */

/* ---- engine versions ---- */

struct rds_target {
    const char *version;
    bool is_major;
};
struct rds_engine_version {
    const char *version, *family, *status;
    const struct rds_target *targets;
    size_t target_count;
    double serverless_min; /* lowest MinCapacity of Serverless v2; -1 unknown */
};
MUST_CHECK bool rds_engine_version_find(const struct aws_session *s, const char *engine, const char *version,
                                        const struct rds_engine_version **ret, struct err *e);
/* A major version's time; texts are AWS's, ISO 8601, "" where AWS gives none. */
struct rds_lifecycle {
    const char *name, *ends; /* "open-source-rds-standard-support", "open-source-rds-extended-support" */
};
struct rds_major {
    const char *version;
    const struct rds_lifecycle *lifecycles;
    size_t lifecycle_count;
};
MUST_CHECK bool rds_majors(const struct aws_session *s, const char *engine, const struct rds_major **ret,
                           size_t *ret_n, struct err *e);
/* The day the named support of a major ends; "" unknown. */
const char *rds_support_ends(const struct rds_major *majors, size_t n, int major, const char *name);

MUST_CHECK bool rds_orderable_classes(const struct aws_session *s, const char *engine, const char *version,
                                      const char *instance_class, bool *ret,
                                      struct err *e); /* can this class run this version here? */

/* ---- blue/green ---- */

struct rds_bg_member {
    const char *source, *target, *status; /* ARNs; target "" until it exists */
};
struct rds_bg_task {
    const char *name, *status;
};
struct rds_bluegreen {
    const char *identifier, *name, *source, *target, *status, *status_details, *create_time;
    const struct rds_bg_member *members;
    size_t member_count;
    const struct rds_bg_task *tasks;
    size_t task_count;
    struct rds_tags tags;
};
struct rds_bluegreen_spec {
    const char *name, *source_arn, *target_version, *cluster_group, *instance_group, *instance_class;
    struct rds_tags tags;
};
struct rds_bluegreen *rds_bluegreen_copy(struct arena *a,
                                         const struct rds_bluegreen *d); /* NULL gives NULL */
MUST_CHECK bool rds_bluegreen_find(const struct aws_session *s, const char *identifier,
                                   const struct rds_bluegreen **ret, struct err *e);
/* Every deployment in its turn, as rds_cluster_each. */
MUST_CHECK bool rds_bluegreen_each(const struct aws_session *s,
                                   void (*each)(void *arg, const struct rds_bluegreen *d), void *arg,
                                   struct err *e);
MUST_CHECK bool rds_bluegreen_list(const struct aws_session *s, const struct rds_bluegreen *const **ret,
                                   size_t *ret_n, struct err *e);
MUST_CHECK bool rds_bluegreen_create(const struct aws_session *s, const struct rds_bluegreen_spec *b,
                                     const struct rds_bluegreen **ret, struct err *e);
MUST_CHECK bool rds_bluegreen_switchover(const struct aws_session *s, const char *identifier,
                                         int timeout_seconds, struct err *e);
MUST_CHECK bool rds_bluegreen_delete(const struct aws_session *s, const char *identifier, bool delete_target,
                                     struct err *e);

/* ---- the rest ---- */

struct rds_event {
    const char *source, *source_type, *message, *date;
};
/* source_type: "db-cluster", "db-instance", "blue-green-deployment"; source NULL = all; the last `minutes`,
 * oldest first. */
MUST_CHECK bool rds_events(const struct aws_session *s, const char *source_type, const char *source,
                           int minutes, const struct rds_event **ret, size_t *ret_n, struct err *e);
MUST_CHECK bool rds_tag_add(const struct aws_session *s, const char *arn, struct rds_tags tags,
                            struct err *e);
MUST_CHECK bool rds_tag_remove(const struct aws_session *s, const char *arn, const char *const *keys,
                               struct err *e);
MUST_CHECK bool rds_tag_list(const struct aws_session *s, const char *arn, struct rds_tags *ret,
                             struct err *e);

struct rds_proxy_target {
    const char *proxy, *cluster, *resource, *type; /* resource: the cluster itself, or one of its instances */
    const char *state, *reason;                    /* "AVAILABLE" …; "" for the cluster itself */
};
/* What every RDS Proxy for PostgreSQL that stands in front of the cluster reaches it by. */
MUST_CHECK bool rds_proxy_targets(const struct aws_session *s, const char *cluster,
                                  const struct rds_proxy_target **ret, size_t *ret_n, struct err *e);

struct rds_snapshot {
    const char *identifier, *arn, *cluster_identifier, *status, *engine_version, *type, *create_time;
    const char *kms_key_id; /* "": not encrypted */
    int percent;            /* while it is made */
    struct rds_tags tags;
};
struct rds_snapshot *rds_snapshot_copy(struct arena *a, const struct rds_snapshot *p); /* NULL gives NULL */
MUST_CHECK bool rds_snapshot_find(const struct aws_session *s, const char *id,
                                  const struct rds_snapshot **ret, struct err *e);
/* Cluster snapshots made by hand whose name begins with `prefix`, in any case. */
MUST_CHECK bool rds_snapshot_list(const struct aws_session *s, const char *prefix,
                                  const struct rds_snapshot **ret, size_t *ret_n, struct err *e);
/* Those made by hand of one cluster; AWS's own before an upgrade are among them. */
MUST_CHECK bool rds_snapshot_list_of(const struct aws_session *s, const char *cluster,
                                     const struct rds_snapshot **ret, size_t *ret_n, struct err *e);
MUST_CHECK bool rds_snapshot_create(const struct aws_session *s, const char *id, const char *cluster,
                                    struct rds_tags tags, struct err *e);
/* CopyDBClusterSnapshot: one that is encrypted becomes another, encrypted with that key. */
MUST_CHECK bool rds_snapshot_encrypt(const struct aws_session *s, const char *id, const char *copy,
                                     const char *kms_key_id, struct rds_tags tags, struct err *e);
/* One that is copied at this moment: the copy is given up. */
MUST_CHECK bool rds_snapshot_delete(const struct aws_session *s, const char *id,
                                    struct err *e); /* absent: done */

/* Log files of an instance, as AWS keeps them. */
struct rds_log_file {
    const char *name;
    double written_ms, bytes; /* Unix ms */
};
MUST_CHECK bool rds_log_files(const struct aws_session *s, const char *instance, const char *contains,
                              const struct rds_log_file **ret, size_t *ret_n, struct err *e);
/* Its last `lines` lines, or what AWS gives of them (1 MB). Not secret, but of any content. */
MUST_CHECK bool rds_log_tail(const struct aws_session *s, const char *instance, const char *name, int lines,
                             const char **ret, struct err *e);

struct rds_custom_endpoint {
    const char *identifier, *cluster_identifier, *endpoint, *status, *type, *arn;
    const char **static_members, **excluded_members;
};
MUST_CHECK bool rds_custom_endpoints(const struct aws_session *s, const char *cluster_id,
                                     const struct rds_custom_endpoint **ret, size_t *ret_n, struct err *e);

/* identifier, cluster_identifier, type and members of `x`. There already, or gone already: done. */
MUST_CHECK bool rds_custom_endpoint_create(const struct aws_session *s, const struct rds_custom_endpoint *x,
                                           struct rds_tags tags, struct err *e);
MUST_CHECK bool rds_custom_endpoint_delete(const struct aws_session *s, const char *id, struct err *e);

/* ---- other services ---- */

struct sts_identity {
    const char *account, *arn, *user_id;
};
MUST_CHECK bool sts_identity(const struct aws_session *s, struct sts_identity *ret, struct err *e);
/* As AWS KMS describes it: "Enabled", "SYMMETRIC_DEFAULT"; *ret NULL: there is none. */
struct kms_key {
    const char *state, *spec;
};
MUST_CHECK bool kms_key_find(const struct aws_session *s, const char *id, const struct kms_key **ret,
                             struct err *e);
/* SecretString of a secret; registered with log_secret(), as are its JSON members that are passwords, keys or
 * tokens (a user name would mask half of every log line). */
MUST_CHECK bool secret_value(const struct aws_session *s, const char *secret_id, const char **ret,
                             struct err *e);

#endif
