/* blue_green.h — the resource aurora_blue_green_upgrade, in four files: its schema, the way between values
 * and the domain, its plan, and the operations (resource_blue_green_upgrade.c). */
#ifndef AURORA_PROVIDER_BLUE_GREEN_H
#define AURORA_PROVIDER_BLUE_GREEN_H

#include "internal/upgrade/upgrade.h"
#include "provider/provider.h"

/* ---- blue_green_schema.c ---- */
extern const struct tf_schema blue_green_schema;
/* Attributes that shape a run and cannot change while it is under way (S in INTERFACE); dotted paths, ends
 * with NULL. */
extern const char *const blue_green_shape[];

bool size_parse(const char *text, int64_t *ret_bytes); /* "16MB", "1GB", "0" */

/* ---- blue_green_values.c ---- */

/* An operation on one resource: the domain's upgrade, wired to this call. Ends with operation_done(). */
struct operation {
    struct tf_call *call;
    struct upgrade upgrade;
    const struct value *login_block; /* postgresql { } with write-only values where there are any */
};

/* `attrs` is whatever holds the attributes: planned values, or the state. False after an error; then nothing
 * is to be undone. */
MUST_CHECK bool operation_start(struct operation *o, struct tf_call *c, const struct value *attrs,
                                const struct value *login_block);
void operation_done(struct operation *o);
const char *operation_region(const struct operation *o);
/* The configuration was rolled back and now says that this is the end: nothing is upgraded. */
bool only_ends(const struct value *prior, enum flow_stage wanted);

/* `base` with every computed attribute filled from the last look at the world and, where that shows nothing
 * any more, from `prior`. */
const struct value *operation_state(struct operation *o, const struct value *base, const struct value *prior);

/* The rows of `flow` from `reached` (exclusive) to `target`, as the attribute planned_steps. */
struct flow;
const struct value *planned_steps(struct operation *o, const struct flow *flow, enum flow_stage reached,
                                  enum flow_stage target);

enum flow_stage stage_of(const struct value *attrs, const char *name);

/* ---- blue_green_plan.c ---- */
const struct value *blue_green_plan(struct tf_call *c, const struct value *planned);
void blue_green_plan_destroy(struct tf_call *c);

/* What a plan tells its apply, as JSON in private data. */
struct plan_note {
    bool is_destroy;
    const char *cluster, *region; /* of the planned object */
    int source_major;
    bool is_serverless, has_login;
};
void plan_note_write(struct tf_call *c, const struct plan_note *n);
bool plan_note_read(struct tf_call *c, struct plan_note *ret); /* false: none, or not ours */

#endif
