/* demo_tables.h — between demo.c (the tables) and demo_thing.c (what they point to). */
#ifndef AURORA_TF_DEMO_TABLES_H
#define AURORA_TF_DEMO_TABLES_H

#include "internal/tf/tf.h"

const struct value *thing_plan(struct tf_call *c, const struct value *planned);
void thing_plan_destroy(struct tf_call *c);
const struct value *thing_create(struct tf_call *c);
const struct value *thing_update(struct tf_call *c);
const struct value *thing_delete(struct tf_call *c);
const struct value *thing_read(struct tf_call *c);
const struct value *thing_import(struct tf_call *c);
const struct value *thing_upgrade(struct tf_call *c, int64_t version, const struct value *old);
const struct value *lookup_read(struct tf_call *c);
const struct value *token_open(struct tf_call *c, int64_t *renew_at_ms);
void token_renew(struct tf_call *c, int64_t *renew_at_ms);
void token_close(struct tf_call *c);

#endif
