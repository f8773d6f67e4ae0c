/* upgrade_resource.h — what the resources of all kinds of upgrades share: the
 * way between values and the domain (upgrade_values.c), the plan (upgrade_plan.c) and the operations
 * (upgrade_resource.c). What tells them apart is one `struct upgrade_kind` each. */
#ifndef AURORA_PROVIDER_UPGRADE_RESOURCE_H
#define AURORA_PROVIDER_UPGRADE_RESOURCE_H

#include "internal/upgrade/upgrade.h"
#include "provider/provider.h"

struct operation;
typedef bool upgrade_check(struct upgrade *u, bool *ret, struct err *e);

struct upgrade_kind {
    const struct strategy *strategy;
    const struct tf_schema *schema;
    const struct flow *forward, *back, *retire; /* retire: what on_destroy = "delete_old" walks */
    /* Back after the switch, and the removal of what that put aside; NULL: there is no such way. */
    const struct flow *restore, *put_away;
    const struct flow *keep; /* on_destroy = "keep_old": what must not outlive the resource; NULL: nothing */
    bool restore_loses;      /* what was written since the switch; has to be accepted */
    const struct flow *give_up; /* of `restore` before its NO_RETURN row, for a clean-up; NULL, if that is */
    /* Removes what an earlier walk may have left for itself alone, before a walk that does not use it; NULL:
     * there is no such thing. */
    const struct flow *sweep;
    const struct flow *tidy; /* for what may be left when AWS shows no run any more; NULL: nothing */
    /* Attributes that shape a run and cannot change while it is under way (S in INTERFACE); dotted paths.
     * This list and the next two end with NULL. */
    const char *const *shape;
    const char *const *deciding; /* attributes without which the steps are not known */
    void (*validate)(
        struct tf_call *c);       /* of the configuration, what no attribute says alone; NULL: nothing */
    upgrade_check *const *checks; /* of the first steps, as far as a plan may look at AWS */
    void (*tell)(
        const struct operation *o); /* what a plan that leads to a switch says besides; NULL: nothing */
    const char *without_login;      /* what is not done without a login */
};
extern const struct upgrade_kind kind_blue_green, kind_in_place, kind_logical;

/* ---- blue_green_schema.c, in_place_schema.c, logical_schema.c ---- */
extern const struct tf_schema blue_green_schema, in_place_schema, logical_schema;

bool size_parse(const char *text, int64_t *ret_bytes); /* upgrade_schema.c: "16MB", "1GB", "0" */

/* ---- upgrade_values.c ---- */

/* An operation on one resource: the domain's upgrade, wired to this call. Ends with operation_done(). */
struct operation {
    const struct upgrade_kind *kind;
    struct tf_call *call;
    struct upgrade upgrade;
    const struct value *login_block; /* postgresql { } with write-only values where there are any */
    bool may_give_up;                /* status: slots for which production keeps too much are dropped */
    bool is_undone;                  /* by operation_looked() */
};

/* `attrs` is whatever holds the attributes: planned values, or the state. False after an error; then nothing
 * is to be undone. */
MUST_CHECK bool operation_start(struct operation *o, const struct upgrade_kind *kind, struct tf_call *c,
                                const struct value *attrs, const struct value *login_block);
void operation_done(struct operation *o);
const char *operation_region(const struct operation *o);
/* The table that leads back from what the last look shows. */
const struct flow *way_back(const struct operation *o);
/* "completed" after a roll-back that put something aside, by the state: that is what it removes. */
bool puts_away(const struct operation *o);
/* It walks the kind's `tidy`, provided AWS shows that the upgrade is over. */
bool tidies(const struct upgrade_kind *kind, const struct value *prior, enum flow_stage wanted);

/* `rehearse` was switched on since the last apply: its steps are walked though their stage was reached. */
bool asks_rehearsal(const struct operation *o);

/* What the world shows; where that is nothing, and AWS shows no stage before the switch, what has passed by
 * the state. */
enum flow_stage reached_of(const struct operation *o, enum flow_stage passed);

/* `base` with every computed attribute filled from the last look at the world and, where that shows nothing
 * any more, from `prior`. */
const struct value *operation_state(struct operation *o, const struct value *base, const struct value *prior);

/* The rows of `flow` from `reached` (exclusive) to `target`, as the attribute planned_steps. */
struct flow;
const struct value *planned_steps(struct operation *o, const struct flow *flow, enum flow_stage reached,
                                  enum flow_stage target);

enum flow_stage stage_of(const struct value *attrs, const char *name);

/* ---- ended.c: a run that is over ---- */

/* To be called once, after the first look of a plan or an apply. By the state this very upgrade is completed,
 * but AWS shows production below its target and no run: the run was rolled back and that was ended, or
 * production was restored by hand. `completed` stays so then, every other stage begins from nothing. */
void operation_looked(struct operation *o);
/* What was rolled back, or is undone, is said to be at its end: nothing is upgraded. */
bool only_ends(const struct operation *o);
void tell_undone(const struct operation *o);

/* ---- queue.c: an upgrade that was left to AWS's maintenance window, in the state ----
 * By `stage` and `reached_stage`: switched and validated, it waits; switched and less, the window is over
 * without it; validated and switched, AWS has done its part and ours remains. */

/* How far an apply has come by the state: `stage`, but not beyond what has passed. */
enum flow_stage passed_by(const struct upgrade_kind *kind, const struct value *prior);
/* As the last refresh left it: the window is over without it. */
bool missed_by(const struct value *attrs);
/* Of an apply that put it into the queue, whatever AWS has made of it by now; tells what follows. */
const struct value *queue_state(struct operation *o, const struct value *state);
/* Of a refresh; NULL: the queue has nothing to say. */
const struct value *queue_settle(struct operation *o, const struct value *state);

/* ---- upgrade_plan.c ---- */
const struct value *upgrade_plan(const struct upgrade_kind *kind, struct tf_call *c,
                                 const struct value *planned);
void upgrade_plan_destroy(const struct upgrade_kind *kind, struct tf_call *c);

/* What a plan tells its apply, as JSON in private data. */
struct plan_note {
    bool is_destroy;
    const char *cluster, *region; /* of the planned object */
    int source_major;
    bool is_serverless, has_login;
    const char *keeper; /* the object's own name, drawn at its create; NULL: it has none yet */
};
void plan_note_write(struct tf_call *c, const struct plan_note *n);
/* False: none, or not ours. The note lives in `a`. */
bool plan_note_read(const struct tf_call *c, struct arena *a, struct plan_note *ret);

/* ---- keeper.c: which of Terraform's objects looks after the run ---- */

const char *keeper_noted(struct tf_call *c); /* in private data; NULL: none */
/* An apply is through: the run is this object's from now on. A new object gets a name of its own. */
MUST_CHECK bool keeper_take(struct operation *o, bool is_new, struct err *e);
/* The object found the run as it is: it shares the name of whoever keeps it. */
void keeper_share(struct operation *o);
/* Another object took the run over after this one: a destroy must leave everything to it. Tells so. */
bool keeper_is_another(struct operation *o);

/* ---- upgrade_resource.c ---- */
void upgrade_validate(const struct upgrade_kind *kind, struct tf_call *c);
const struct value *upgrade_create(const struct upgrade_kind *kind, struct tf_call *c);
const struct value *upgrade_update(const struct upgrade_kind *kind, struct tf_call *c);
const struct value *upgrade_read(const struct upgrade_kind *kind, struct tf_call *c);
const struct value *upgrade_delete(const struct upgrade_kind *kind, struct tf_call *c);
const struct value *upgrade_import(const struct upgrade_kind *kind, struct tf_call *c);

/* A resource of one kind: Terraform's callbacks have no room for it. */
#define UPGRADE_CALLBACK(name, kind)                                                                         \
    static const struct value *name(struct tf_call *c)                                                       \
    {                                                                                                        \
        return upgrade_##name(&(kind), c);                                                                   \
    }
#define UPGRADE_RESOURCE(variable, type, kind, its_schema)                                                   \
    UPGRADE_CALLBACK(create, kind)                                                                           \
    UPGRADE_CALLBACK(update, kind)                                                                           \
    UPGRADE_CALLBACK(read, kind)                                                                             \
    UPGRADE_CALLBACK(delete, kind)                                                                           \
    UPGRADE_CALLBACK(import, kind)                                                                           \
    static const struct value *plan(struct tf_call *c, const struct value *planned)                          \
    {                                                                                                        \
        return upgrade_plan(&(kind), c, planned);                                                            \
    }                                                                                                        \
    static void validate(struct tf_call *c)                                                                  \
    {                                                                                                        \
        upgrade_validate(&(kind), c);                                                                        \
    }                                                                                                        \
    static void plan_destroy(struct tf_call *c)                                                              \
    {                                                                                                        \
        upgrade_plan_destroy(&(kind), c);                                                                    \
    }                                                                                                        \
    const struct tf_resource variable = {.name = (type),                                                     \
                                         .schema = &(its_schema),                                            \
                                         .validate = validate,                                               \
                                         .plan = plan,                                                       \
                                         .plan_destroy = plan_destroy,                                       \
                                         .create = create,                                                   \
                                         .update = update,                                                   \
                                         .del = delete,                                                      \
                                         .read = read,                                                       \
                                         .import = import}

#endif
