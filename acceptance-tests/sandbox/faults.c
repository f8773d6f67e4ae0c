#include "acceptance-tests/sandbox/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HUGE_BYTES = 50 * 1024 * 1024, PAD_MAX = 1024 * 1024 * 1024, HOLD_SLICE_MS = 50 };

/* How each kind reads in a plan, and what it carries when nothing is said. */
static const struct kind_of_fault {
    const char *name;
    enum fault_kind kind;
    const char *code, *message;
    int status;
    size_t size;
} FAULT_KINDS[] = {
    {"error", FAULT_ERROR, "InternalFailure", "An internal error has occurred.", 0, 0},
    {"throttle", FAULT_THROTTLE, "Throttling", "Rate exceeded", 0, 0},
    {"expired", FAULT_EXPIRED, "ExpiredToken", "The security token included in the request is expired", 0, 0},
    {"drop", FAULT_DROP, "", "", 0, 0},
    {"http", FAULT_HTTP, "", "", 503, 0},
    {"slow", FAULT_SLOW, "", "", 0, 0},
    {"delay", FAULT_DELAY, "", "", 0, 0},
    {"lost-reply", FAULT_LOST_REPLY, "", "", 0, 0},
    {"cut", FAULT_CUT, "", "", 0, 0},
    {"garbled", FAULT_GARBLED, "", "", 0, 0},
    {"empty", FAULT_EMPTY, "", "", 0, 0},
    {"html", FAULT_HTML, "", "", 0, 0},
    {"wrong-root", FAULT_WRONG_ROOT, "", "", 0, 0},
    {"huge", FAULT_HUGE, "", "", 0, HUGE_BYTES},
    {"entities", FAULT_ENTITIES, "", "", 0, 0},
    {"partial-page", FAULT_PARTIAL_PAGE, "", "", 0, 1},
    {"rewrite", FAULT_REWRITE, "", "", 0, 0},
    {"stale", FAULT_STALE, "", "", 0, 0},
};

static const struct kind_of_fault *kind_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(FAULT_KINDS); i++)
        if (strcmp(FAULT_KINDS[i].name, name) == 0)
            return &FAULT_KINDS[i];
    return NULL;
}

const char *fault_name(enum fault_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(FAULT_KINDS); i++)
        if (FAULT_KINDS[i].kind == kind)
            return FAULT_KINDS[i].name;
    return "";
}

void fault_kinds(struct buf *b)
{
    for (size_t i = 0; i < ARRAY_LEN(FAULT_KINDS); i++)
        (void)buf_printf(b, "%s%s", i ? ", " : "", FAULT_KINDS[i].name);
}

/* ---- the plan ---- */

static bool check_spec(const json_t *spec, const struct kind_of_fault *kind, struct err *e)
{
    if (!kind || !*rec_str(spec, "operation"))
        return err_set(e, ERR_INVALID, "a fault needs an operation and a known kind");
    if (rec_int(spec, "skip") < 0 || rec_int(spec, "count") < 0)
        return err_set(e, ERR_INVALID, "calls are counted from 1");
    if (rec_int(spec, "size") < 0 || rec_int(spec, "size") > PAD_MAX)
        return err_set(e, ERR_INVALID, "the size must be between 0 and %d", PAD_MAX);
    if (kind->kind == FAULT_REWRITE && (!*rec_str(spec, "element") || !rec_has(spec, "value")))
        return err_set(e, ERR_INVALID, "rewrite needs an element and a value");
    return true;
}

bool fault_add(struct sandbox *sb, const json_t *spec, struct err *e)
{
    static const char *const COPIED[] = {"operation", "kind", "element", "value", "match", "match_value"};
    const struct kind_of_fault *kind = kind_named(rec_str(spec, "kind"));
    if (!check_spec(spec, kind, e))
        return false;
    json_t *fault = json_object();
    for (size_t i = 0; i < ARRAY_LEN(COPIED); i++)
        rec_copy(fault, spec, COPIED[i]);
    rec_set_str(fault, "code", rec_has(spec, "code") ? rec_str(spec, "code") : kind->code);
    rec_set_str(fault, "message", rec_has(spec, "message") ? rec_str(spec, "message") : kind->message);
    rec_set_int(fault, "status", rec_has(spec, "status") ? rec_int(spec, "status") : kind->status);
    rec_set_int(fault, "size", rec_int(spec, "size") > 0 ? rec_int(spec, "size") : (int64_t)kind->size);
    rec_set_int(fault, "skip", rec_int(spec, "skip"));
    rec_set_int(fault, "count", rec_has(spec, "count") ? rec_int(spec, "count") : 1);
    rec_set(fault, "delay", json_real(rec_real(spec, "delay")));
    (void)json_array_append_new(rec_list(store_root(sb->store), "faults"), fault);
    if (kind->kind == FAULT_STALE)
        sandbox_freeze(sb);
    return true;
}

static bool concerns(const json_t *fault, const char *operation, const json_t *parameters)
{
    if (!rec_is(fault, "operation", operation) && !rec_is(fault, "operation", "*"))
        return false;
    return !rec_has(fault, "match") ||
           rec_same(parameters, rec_str(fault, "match"), rec_str(fault, "match_value"));
}

/* A count of 0 has no end. */
static void use_up(json_t *list, size_t i)
{
    json_t *fault = json_array_get(list, i);
    int64_t count = rec_int(fault, "count");
    if (count == 1)
        (void)json_array_remove(list, i);
    else if (count > 1)
        rec_set_int(fault, "count", count - 1);
}

static void read_plan(const json_t *fault, struct fault_plan *ret)
{
    const struct kind_of_fault *kind = kind_named(rec_str(fault, "kind"));
    ret->kind = kind ? kind->kind : FAULT_NONE; /* of a state that a later release wrote */
    ret->status = (int)rec_int(fault, "status");
    ret->size = (size_t)rec_int(fault, "size");
    ret->delay_ms = (int64_t)(rec_real(fault, "delay") * 1000);
    (void)snprintf(ret->code, sizeof ret->code, "%s", rec_str(fault, "code"));
    (void)snprintf(ret->message, sizeof ret->message, "%s", rec_str(fault, "message"));
    (void)snprintf(ret->element, sizeof ret->element, "%s", rec_str(fault, "element"));
    (void)snprintf(ret->value, sizeof ret->value, "%s", rec_str(fault, "value"));
}

struct fault_plan fault_take(struct sandbox *sb, const char *operation, const json_t *parameters)
{
    struct fault_plan plan = {0};
    bool changed = false;
    sandbox_lock(sb);
    plan.cleared = sb->faults_cleared;
    json_t *list = rec_list(store_root(sb->store), "faults");
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *fault = json_array_get(list, i);
        int64_t skip = rec_int(fault, "skip");
        if (!kind_named(rec_str(fault, "kind")) || !concerns(fault, operation, parameters))
            continue;
        changed = true;
        if (skip > 0) {
            rec_set_int(fault, "skip", skip - 1);
        } else if (plan.kind == FAULT_NONE) {
            size_t before = json_array_size(list);
            read_plan(fault, &plan);
            use_up(list, i);
            i -= before - json_array_size(list);
        }
    }
    if (changed)
        sandbox_save(sb);
    sandbox_unlock(sb);
    return plan;
}

void faults_clear(struct sandbox *sb)
{
    (void)json_array_clear(rec_list(store_root(sb->store), "faults"));
    sb->faults_cleared++;
}

void fault_hold(struct sandbox *sb, const struct fault_plan *plan)
{
    int64_t left = plan->delay_ms;
    while (left > 0 && sb->faults_cleared == plan->cleared) {
        int64_t slice = left < HOLD_SLICE_MS ? left : HOLD_SLICE_MS;
        if (sb->clock->wait(sb->clock, sb->stop, slice))
            return;
        left -= slice;
    }
}

/* ---- spoilt replies ---- */

static const char HTML[] = "<html><body><b>Http/1.1 Service Unavailable</b></body></html>";
static const char WRONG_ROOT[] =
    "<Unexpected xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Thing/></Unexpected>";
static const char ENTITIES[] =
    "<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY a \"aaaaaaaaaaaaaaaa\"><!ENTITY b "
    "\"&a;&a;&a;&a;&a;&a;&a;&a;\">"
    "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;\">"
    "<!ENTITY e \"&d;&d;&d;&d;&d;&d;&d;&d;\"><!ENTITY f \"&e;&e;&e;&e;&e;&e;&e;&e;\">"
    "<!ENTITY g \"&f;&f;&f;&f;&f;&f;&f;&f;\"><!ENTITY h \"&g;&g;&g;&g;&g;&g;&g;&g;\">"
    "<!ENTITY i \"&h;&h;&h;&h;&h;&h;&h;&h;\">]><r>&i;</r>";

static void replace_body(struct http_reply *reply, const char *type, const char *text)
{
    if (type)
        reply->content_type = type;
    buf_clear(&reply->body);
    (void)buf_puts(&reply->body, text);
}

/* The text of every <element>…</element>, whatever attributes or depth; values are taken as they are. */
static void rewrite(struct http_reply *reply, const char *element, const char *value)
{
    struct buf out = BUF_INIT(reply->body.max);
    char open[128], shut[128];
    (void)snprintf(open, sizeof open, "<%.96s>", element);
    (void)snprintf(shut, sizeof shut, "</%.96s>", element);
    const char *from = buf_text(&reply->body);
    for (const char *at; (at = strstr(from, open));) {
        const char *end = strstr(at, shut);
        if (!end)
            break;
        (void)buf_add(&out, from, (size_t)(at - from));
        (void)buf_printf(&out, "%s%s", open, value);
        from = end;
    }
    (void)buf_puts(&out, from);
    buf_done(&reply->body);
    reply->body = out;
}

void fault_spoil(const struct fault_plan *plan, struct http_reply *reply)
{
    switch (plan->kind) {
    case FAULT_HTTP:
        reply->status = plan->status;
        replace_body(reply, "text/html", HTML);
        break;
    case FAULT_HTML:
        replace_body(reply, "text/html", HTML);
        break;
    case FAULT_EMPTY:
        replace_body(reply, NULL, "");
        break;
    case FAULT_WRONG_ROOT:
        replace_body(reply, NULL, WRONG_ROOT);
        break;
    case FAULT_ENTITIES:
        replace_body(reply, NULL, ENTITIES);
        break;
    case FAULT_REWRITE:
        rewrite(reply, plan->element, plan->value);
        break;
    case FAULT_GARBLED:
        if (reply->body.n > 0) {
            reply->body.n /= 2;
            reply->body.p[reply->body.n] = '\0';
        }
        break;
    case FAULT_HUGE:
        reply->pad = plan->size;
        break;
    case FAULT_CUT:
        reply->cut = true;
        reply->cut_at = plan->size > 0 && plan->size < reply->body.n ? plan->size : reply->body.n / 2;
        break;
    case FAULT_DROP:
        reply->status = 0;
        reply->drop = true;
        break;
    case FAULT_LOST_REPLY:
        reply->drop = true;
        break;
    default:
        break;
    }
}
