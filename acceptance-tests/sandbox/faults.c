#include "acceptance-tests/sandbox/faults.h"

#include <stdio.h>
#include <string.h>

/* How each kind reads in a plan, and what it carries when nothing is said. Room for IAM mode and faults of
 * servers: further rows. */
static const struct kind_of_fault {
    const char *name;
    enum fault_kind kind;
    const char *code, *message;
    int status;
} FAULT_KINDS[] = {
    {"error", FAULT_ERROR, "InternalFailure", "An internal error has occurred.", 0},
    {"throttle", FAULT_THROTTLE, "Throttling", "Rate exceeded", 0},
    {"http", FAULT_HTTP, "", "", 503},
    {"delay", FAULT_DELAY, "", "", 0},
    {"lost-reply", FAULT_LOST_REPLY, "", "", 0},
    {"garbled", FAULT_GARBLED, "", "", 0},
};

static const struct kind_of_fault *kind_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(FAULT_KINDS); i++)
        if (strcmp(FAULT_KINDS[i].name, name) == 0)
            return &FAULT_KINDS[i];
    return NULL;
}

void fault_kinds(struct buf *b)
{
    for (size_t i = 0; i < ARRAY_LEN(FAULT_KINDS); i++)
        (void)buf_printf(b, "%s%s", i ? ", " : "", FAULT_KINDS[i].name);
}

bool fault_add(struct sandbox *sb, const json_t *spec, struct err *e)
{
    const struct kind_of_fault *kind = kind_named(rec_str(spec, "kind"));
    if (!kind || !*rec_str(spec, "operation"))
        return err_set(e, ERR_INVALID, "a fault needs an operation and a known kind");
    json_t *fault = json_object();
    rec_copy(fault, spec, "operation");
    rec_copy(fault, spec, "kind");
    rec_set_str(fault, "code", rec_has(spec, "code") ? rec_str(spec, "code") : kind->code);
    rec_set_str(fault, "message", rec_has(spec, "message") ? rec_str(spec, "message") : kind->message);
    rec_set_int(fault, "status", rec_has(spec, "status") ? rec_int(spec, "status") : kind->status);
    rec_set_int(fault, "count", rec_has(spec, "count") ? rec_int(spec, "count") : 1);
    rec_set(fault, "delay", json_real(rec_real(spec, "delay")));
    (void)json_array_append_new(rec_list(store_root(sb->store), "faults"), fault);
    return true;
}

static void use_up(json_t *list, size_t i)
{
    json_t *fault = json_array_get(list, i);
    int64_t left = rec_int(fault, "count") - 1;
    if (left <= 0)
        (void)json_array_remove(list, i);
    else
        rec_set_int(fault, "count", left);
}

struct fault_plan fault_take(struct sandbox *sb, const char *operation)
{
    struct fault_plan plan = {0};
    size_t i;
    json_t *fault;
    sandbox_lock(sb);
    json_t *list = rec_list(store_root(sb->store), "faults");
    json_array_foreach(list, i, fault)
    {
        const struct kind_of_fault *kind = kind_named(rec_str(fault, "kind"));
        if (!kind || (!rec_is(fault, "operation", operation) && !rec_is(fault, "operation", "*")))
            continue;
        plan.kind = kind->kind;
        plan.status = (int)rec_int(fault, "status");
        plan.delay_ms = (int64_t)(rec_real(fault, "delay") * 1000);
        (void)snprintf(plan.code, sizeof plan.code, "%s", rec_str(fault, "code"));
        (void)snprintf(plan.message, sizeof plan.message, "%s", rec_str(fault, "message"));
        use_up(list, i);
        sandbox_save(sb);
        break;
    }
    sandbox_unlock(sb);
    return plan;
}
