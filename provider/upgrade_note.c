/* What a plan tells its apply, in private data. */
#include "provider/upgrade_resource.h"

#include <string.h>

void plan_note_write(struct tf_call *c, const struct plan_note *n)
{
    struct arena *a = c->arena;
    struct value *v = value_object(a);
    struct buf out = BUF_INIT(4096);
    struct err e = ERR_INIT;
    value_set(a, v, "plan", value_string(a, n->is_destroy ? "destroy" : "change"));
    value_set(a, v, "cluster", value_string(a, n->cluster));
    value_set(a, v, "region", value_string(a, n->region));
    value_set(a, v, "source_major", value_int(a, n->source_major));
    value_set(a, v, "serverless", value_bool(n->is_serverless));
    value_set(a, v, "login", value_bool(n->has_login));
    value_set(a, v, "keeper", n->keeper ? value_string(a, n->keeper) : &value_null);
    if (value_to_json(v, &out, &e))
        c->private_out = (struct str){arena_memdup(a, out.p, out.n), out.n};
    buf_done(&out);
}

bool plan_note_read(const struct tf_call *c, struct arena *a, struct plan_note *ret)
{
    const struct value *v = NULL;
    struct err ignored = ERR_INIT;
    if (c->private_in.n == 0 || !value_from_json(a, c->private_in, &v, &ignored) || v->kind != VALUE_OBJECT)
        return false;
    *ret = (struct plan_note){
        .is_destroy = strcmp(value_as_text(value_get(v, "plan"), ""), "destroy") == 0,
        .cluster = value_as_text(value_get(v, "cluster"), ""),
        .region = value_as_text(value_get(v, "region"), ""),
        .source_major = (int)value_as_int(value_get(v, "source_major"), 0),
        .is_serverless = value_as_bool(value_get(v, "serverless"), false),
        .has_login = value_as_bool(value_get(v, "login"), false),
        .keeper = value_as_text(value_get(v, "keeper"), NULL),
    };
    return true;
}
