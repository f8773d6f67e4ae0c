/* awslike.h — a stand-in for hashicorp/aws, for stories that plan it beside our provider. Never installed.
 *
 * It has the resources around an Aurora cluster and hashicorp/aws's rules for them: what a read drops from
 * the state, what a difference replaces, what is compared only if configured, what is never refreshed. Source
 * of every rule: the reference on settings parity, which was read from hashicorp/aws's own files (v6 line). A
 * resource is a table of `struct member`: attribute, place in AWS's reply, places in its requests.
 *
 * Where it differs, because our runtime is no legacy SDK: nested blocks are lists; a Serverless v2 block that
 * is taken out of the configuration is a difference; deletion protection is never lifted by destroy.
 * Attributes that no Aurora PostgreSQL cluster can have are left out.
 */
#ifndef AURORA_AWSLIKE_H
#define AURORA_AWSLIKE_H

#include "internal/aws/aws.h"
#include "internal/aws/rds.h"
#include "internal/tf/tf.h"

/* One attribute and where AWS keeps it. */
struct member {
    const char *attr;   /* NULL ends a table */
    enum tf_type type;  /* STRING, NUMBER, BOOL, STRING_SET */
    const char *shown;  /* path in the reply; NULL: never refreshed */
    const char *item;   /* sets: name of an element */
    const char *leaf;   /* sets: what of an element counts; NULL: its own text */
    const char *create; /* request member, of sets without the number; NULL: not sent */
    const char *change;
    bool loose;     /* optional only: null, false, 0 and "" are one and the same */
    bool folded;    /* compared without regard to upper and lower case */
    bool only_true; /* sent only if true */
    bool lasting;   /* absent in the reply: the state keeps what it has */
};

/* A setting that reply, create and change call by one name; one that no change can reach; one that is only
 * seen. */
#define AL_SAME(a, t, n)                                                                                     \
    {                                                                                                        \
        .attr = (a), .type = (t), .shown = (n), .create = (n), .change = (n)                                 \
    }
#define AL_FIXED(a, t, n)                                                                                    \
    {                                                                                                        \
        .attr = (a), .type = (t), .shown = (n), .create = (n)                                                \
    }
#define AL_SEEN(a, t, n)                                                                                     \
    {                                                                                                        \
        .attr = (a), .type = (t), .shown = (n)                                                               \
    }

/* Kinds of attributes, as hashicorp/aws's own SDK has them: what is computed keeps its value in a plan. */
#define AL_O     TF_OPTIONAL
#define AL_OC    (TF_OPTIONAL_COMPUTED | TF_STABLE)
#define AL_C     (TF_COMPUTED | TF_STABLE)
#define AL_FN    TF_REPLACE /* a difference replaces */
#define AS_NAMED "As RDS describes it."

/* A request's members. A value NULL is not sent. */
struct request {
    struct arena *arena;
    struct aws_field *list;
    size_t n, cap;
};
void request_add(struct request *r, const char *name, const char *value);
void request_add_bool(struct request *r, const char *name, bool b);
void request_add_value(struct request *r, const char *name, const struct value *v); /* scalar or list */
void request_add_tags(struct request *r, const struct value *tags);

struct configured {
    struct aws *aws;
    /* Later releases (pull request 49396) show no difference when the configured version is not newer than
     * the live one; earlier ones always do. */
    bool newer_only;
};

struct aws_session session_of(const struct tf_call *c);
bool newer_only(const struct tf_call *c);

/* One call; a state that does not allow it now is waited out for five minutes, as hashicorp/aws does. `ret`
 * may be NULL. */
MUST_CHECK bool call_rds(struct tf_call *c, const char *action, struct request *r, const struct xml **ret,
                         struct err *e);
bool means_absent(const struct err *e);
/* For `look`: whether it is available. Error: it has a status that nothing leads out of. */
MUST_CHECK bool has_settled(const char *id, const char *status, bool *ret, struct err *e);
/* Until `look` says so: false from it with an error ends the wait. */
MUST_CHECK bool wait_for(struct tf_call *c,
                         bool (*look)(struct tf_call *c, const char *id, bool *ret, struct err *e),
                         const char *id, struct err *e);

/* ---- tables at work ---- */

/* The state as a read leaves it: what is shown, over what the prior state has. */
const struct value *object_state(struct tf_call *c, const struct member *table, const struct xml *shown,
                                 const struct value *prior);
void object_create(struct request *r, const struct member *table, const struct value *planned);
/* Returns false if nothing that is sent differs. */
bool object_change(struct request *r, const struct member *table, const struct value *prior,
                   const struct value *planned);
/* What hashicorp/aws regards as the same keeps its prior value; returns c->prior itself if nothing is left.
 */
const struct value *object_plan(struct tf_call *c, const struct member *table, const struct value *planned);
/* The same for objects with tags, and with tags and a version. */
const struct value *object_plan_tagged(struct tf_call *c, const struct member *table,
                                       const struct value *planned);
const struct value *object_plan_versioned(struct tf_call *c, const struct member *table,
                                          const struct value *planned);
const char *text_of(const struct value *object, const char *name); /* "" if it has none */
/* The state after an apply: everything planned as planned, what was unknown as it is now. */
const struct value *object_settle(struct tf_call *c, const struct value *planned, const struct value *now);

/* `prior` is kept while the live version has it as its beginning, or while it is the pending one. */
const struct value *version_state(struct arena *a, const struct value *prior, const char *live,
                                  const char *pending);
/* Is there anything for a plan to change in the version? */
bool version_differs(const struct value *configured, const char *actual, bool only_if_newer);

/* ---- tags ---- */

const struct value *tags_shown(struct arena *a, const struct xml *tag_list); /* without AWS's own */
const struct value *tags_state(struct tf_call *c, const struct value *state, const struct value *shown);
MUST_CHECK bool tags_change(struct tf_call *c, const char *arn, struct err *e);

/* ---- the resources ---- */

extern const struct tf_schema cluster_schema, instance_schema;
extern const struct member cluster_members[], instance_members[];
extern const struct tf_resource aws_rds_cluster, aws_rds_cluster_instance, aws_rds_cluster_parameter_group,
    aws_db_parameter_group, aws_rds_cluster_endpoint, aws_rds_cluster_role_association;
extern const struct tf_provider awslike_provider;

#endif
