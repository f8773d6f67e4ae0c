/* From a request to a reply: who is asking, which service and operation, faults on request, the handler, the
 * envelope, the log. */
#include "acceptance-tests/sandbox/control.h"
#include "acceptance-tests/sandbox/describe.h"
#include "acceptance-tests/sandbox/faults.h"
#include "acceptance-tests/sandbox/iam.h"
#include "acceptance-tests/sandbox/reply.h"
#include "acceptance-tests/sandbox/request.h"
#include "acceptance-tests/sandbox/request_log.h"
#include "acceptance-tests/sandbox/rest.h"
#include "acceptance-tests/sandbox/sandbox.h"
#include "internal/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct op *const TABLES[] = {OPS_CLUSTER,   OPS_CLUSTER_MODIFY,
                                          OPS_INSTANCE,  OPS_INSTANCE_MODIFY,
                                          OPS_SNAPSHOT,  OPS_RESTORE,
                                          OPS_GROUP,     OPS_VERSION,
                                          OPS_BLUEGREEN, OPS_ENDPOINT,
                                          OPS_LOGS,      OPS_EVENTS,
                                          OPS_MISC,      OPS_STS,
                                          OPS_SECRETS,   OPS_POWER,
                                          OPS_ABSENT,    OPS_MAINTENANCE,
                                          OPS_PROXY,     OPS_KEYS,
                                          OPS_DNS};

enum protocol { PROTOCOL_QUERY, PROTOCOL_JSON, PROTOCOL_REST };

static const struct service {
    const char *name;
    enum protocol protocol;
    const char *version, *xmlns; /* of the query protocol, and of REST-XML */
    const char *target;          /* prefix of X-Amz-Target, of the JSON protocol */
} SERVICES[] = {
    {"rds", PROTOCOL_QUERY, "2014-10-31", "http://rds.amazonaws.com/doc/2014-10-31/", NULL},
    {"sts", PROTOCOL_QUERY, "2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/", NULL},
    {"secretsmanager", PROTOCOL_JSON, NULL, NULL, "secretsmanager."},
    {"kms", PROTOCOL_JSON, NULL, NULL, "TrentService."},
    {"route53", PROTOCOL_REST, "2013-04-01", "https://route53.amazonaws.com/doc/2013-04-01/", NULL},
};
static const struct scope_service SCOPES[] = {
    {"rds", NULL}, {"sts", NULL}, {"secretsmanager", NULL}, {"kms", NULL}, {"route53", "us-east-1"},
    {NULL, NULL}};

/* How the JSON protocol names what the query protocol calls otherwise. */
static const struct renamed {
    const char *query, *json;
} JSON_CODES[] = {
    {"SignatureDoesNotMatch", "InvalidSignatureException"},
    {"InvalidClientTokenId", "UnrecognizedClientException"},
    {"MissingAuthenticationToken", "MissingAuthenticationTokenException"},
    {"IncompleteSignature", "IncompleteSignatureException"},
    {"ExpiredToken", "ExpiredTokenException"},
    {"InvalidAction", "UnknownOperationException"},
    {"AccessDenied", "AccessDeniedException"},
    {"Throttling", "ThrottlingException"},
};

/* One request on its way through. */
struct passage {
    struct sandbox *sb;
    struct arena *arena;
    const struct http_request *http;
    struct http_reply *reply;
    const struct service *service;
    struct identity who;
    struct form form;
    struct call call;
    const char *action;
    struct fault_plan plan;
    json_t *actions; /* that IAM mode looked at; NULL: no such mode */
    json_t *shown;   /* the parameters, masked; NULL: they could not be read */
    int64_t started, seq;
};

void uuid_make(char out[37])
{
    static const char HEX[] = "0123456789abcdef";
    unsigned char b[16];
    random_bytes(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = HEX[b[i] >> 4];
        *out++ = HEX[b[i] & 15];
    }
    *out = '\0';
}

static bool find_credential(void *arg, const char *access_key, struct credential *ret)
{
    struct passage *p = arg;
    bool found = false;
    sandbox_lock(p->sb);
    const json_t *root = store_root(p->sb->store);
    size_t i;
    json_t *session;
    if (rec_is(root, "access_key_id", access_key)) {
        *ret = (struct credential){.access_key = access_key, .secret = rec_str(root, "secret_access_key")};
        ret->arn = arena_printf(p->arena, "arn:aws:iam::%s:user/sandbox", store_account(p->sb->store));
        ret->user_id = "AIDASANDBOXUSER000000";
        found = true;
    }
    json_array_foreach(rec_get(root, "sessions"), i, session)
    {
        if (!rec_is(session, "AccessKeyId", access_key))
            continue;
        *ret = (struct credential){access_key,
                                   arena_strdup(p->arena, rec_str(session, "SecretAccessKey")),
                                   arena_strdup(p->arena, rec_str(session, "SessionToken")),
                                   rec_int(session, "_expires_ms"),
                                   arena_strdup(p->arena, rec_str(session, "Arn")),
                                   arena_strdup(p->arena, rec_str(session, "AssumedRoleId"))};
        found = true;
    }
    sandbox_unlock(p->sb);
    return found;
}

static const struct service *service_named(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(SERVICES); i++)
        if (strcmp(SERVICES[i].name, name) == 0)
            return &SERVICES[i];
    return NULL;
}

/* The envelope of a fault before the scope was readable: by the look of the request. */
static const struct service *guess_service(const struct http_request *r)
{
    return service_named(http_header(r, "x-amz-target") ? "secretsmanager"
                         : r->path.n > 1                ? "route53"
                                                        : "rds");
}

static const struct op *find_op(const char *service, const char *action)
{
    for (size_t t = 0; t < ARRAY_LEN(TABLES); t++)
        for (const struct op *op = TABLES[t]; op->action; op++)
            if (strcmp(op->service, service) == 0 && strcmp(op->action, action) == 0)
                return op;
    return NULL;
}

static const struct op *find_route(struct passage *p, const char **ret_id)
{
    for (size_t t = 0; t < ARRAY_LEN(TABLES); t++)
        for (const struct op *op = TABLES[t]; op->action; op++)
            if (strcmp(op->service, p->service->name) == 0 && rest_is(p->arena, op, p->http, ret_id))
                return op;
    return NULL;
}

/* Operations that a client without credentials begins with. */
static bool may_be_unsigned(struct passage *p)
{
    struct form form = {0};
    struct fault none = {0};
    if (http_header(p->http, "authorization") || !form_parse(p->arena, p->http->body, &form, &none))
        return false;
    const char *action = form_get(&form, "Action");
    const struct op *op = action ? find_op("sts", action) : NULL;
    if (!op || !(op->flags & OP_UNSIGNED))
        return false;
    p->service = service_named("sts");
    p->who = (struct identity){.access_key = "", .arn = "", .user_id = "", .service = "sts"};
    return true;
}

static bool authenticate(struct passage *p)
{
    const char *service = NULL;
    if (may_be_unsigned(p))
        return true;
    struct verifier v = {find_credential, p, p->sb->clock->wall_ms(p->sb->clock), store_region(p->sb->store),
                         SCOPES};
    bool ok = auth_verify(p->arena, &v, p->http, &p->who, &service, &p->call.fault);
    p->service = service_named(service);
    if (!p->service)
        p->service = guess_service(p->http);
    return ok;
}

static bool bind_query(struct passage *p)
{
    struct str text = p->http->body.n > 0 ? p->http->body : p->http->query;
    if (!form_parse(p->arena, text, &p->form, &p->call.fault))
        return false;
    const char *version = form_get(&p->form, "Version");
    p->action = form_get(&p->form, "Action");
    if (!p->action)
        return fault_set(&p->call.fault, "MissingAction", "Missing Action");
    p->call.op = find_op(p->service->name, p->action);
    if (!p->call.op || !version || strcmp(version, p->service->version) != 0)
        return fault_set(&p->call.fault, "InvalidAction", "Could not find operation %.100s for version %.20s",
                         p->action, version ? version : "NO_VERSION_SPECIFIED");
    return form_bind(&p->form, p->call.op->in, &p->call.in, &p->call.fault);
}

static bool bind_json(struct passage *p)
{
    const char *target = http_header(p->http, "x-amz-target");
    size_t n = strlen(p->service->target);
    bool ours = target && strncmp(target, p->service->target, n) == 0;
    p->action = ours ? arena_strdup(p->arena, target + n) : "";
    p->call.op = ours ? find_op(p->service->name, p->action) : NULL;
    if (!p->call.op)
        return fault_set(&p->call.fault, "InvalidAction", "No such operation");
    json_t *body =
        json_loadb(p->http->body.p ? p->http->body.p : "", p->http->body.n, JSON_REJECT_DUPLICATES, NULL);
    bool ok = json_bind(body, p->call.op->in, &p->call.in, &p->call.fault);
    json_decref(body);
    return ok;
}

static bool bind_rest(struct passage *p)
{
    const char *id = "";
    p->call.op = find_route(p, &id);
    if (!p->call.op)
        return fault_set(&p->call.fault, "InvalidAction", "No operation has this method and path");
    p->action = p->call.op->action;
    p->reply->status = p->call.op->status ? p->call.op->status : p->reply->status;
    return rest_bind(&p->call, p->http, id);
}

/* A request that names no service we know is answered in the protocol of most. */
static enum protocol protocol_of(const struct passage *p)
{
    return p->service ? p->service->protocol : PROTOCOL_QUERY;
}

static bool bind(struct passage *p)
{
    bool (*const binds[])(struct passage *) = {
        [PROTOCOL_QUERY] = bind_query, [PROTOCOL_JSON] = bind_json, [PROTOCOL_REST] = bind_rest};
    return binds[protocol_of(p)](p);
}

/* The call has a name now: it is among the running ones until it is in the log. */
static void begin(struct passage *p)
{
    char now[TIME_ISO_SIZE];
    sandbox_now(p->sb, now);
    json_t *what = json_object();
    rec_set_str(what, "operation", p->action ? p->action : "");
    rec_set_str(what, "request_id", p->call.request_id);
    rec_set_str(what, "started", now);
    p->shown = p->call.in ? request_log_mask(p->call.in) : NULL;
    rec_set(what, "parameters", json_incref(p->shown));
    p->seq = request_log_begin(p->sb->log, what);
}

/* Faults that come instead of the effect. */
static bool fault_before(struct passage *p)
{
    p->plan = fault_take(p->sb, p->action, p->call.in);
    if (p->plan.kind == FAULT_ERROR || p->plan.kind == FAULT_THROTTLE || p->plan.kind == FAULT_EXPIRED) {
        const char *code = arena_strdup(p->arena, p->plan.code);
        return fault_set(&p->call.fault, code, "%s", p->plan.message);
    }
    if (p->plan.kind == FAULT_SLOW)
        fault_hold(p->sb, &p->plan);
    if (p->plan.kind == FAULT_PARTIAL_PAGE)
        p->call.page_limit = p->plan.size;
    return p->plan.kind != FAULT_HTTP && p->plan.kind != FAULT_DROP;
}

static void write_result(struct passage *p)
{
    if (p->service->protocol == PROTOCOL_JSON)
        reply_json(&p->reply->body, p->call.out);
    else if (p->service->protocol == PROTOCOL_REST)
        reply_rest(&p->reply->body, p->service->xmlns, p->action, p->call.op->out, p->call.out);
    else
        reply_xml(&p->reply->body, p->service->xmlns, p->action, p->call.op->out, p->call.out,
                  p->call.request_id);
}

/* Printed with the lock held: the result may share records with the state. */
static bool run(struct passage *p)
{
    const struct op *op = p->call.op;
    bool unlocked = op->flags & OP_UNLOCKED;
    if (!unlocked)
        sandbox_lock(p->sb);
    bool ok = op->describe ? describe_run(&p->call) : op->run(&p->call);
    if (unlocked)
        sandbox_lock(p->sb);
    if (ok)
        write_result(p);
    if (ok && !(op->flags & OP_READS))
        sandbox_save(p->sb);
    json_decref(p->call.out);
    p->call.out = NULL;
    sandbox_unlock(p->sb);
    return ok;
}

/* The same from the frozen document, under the real one's lock, which guards who may replace it. */
static bool run_stale(struct passage *p)
{
    struct sandbox *real = p->sb;
    bool possible = (p->call.op->flags & OP_READS) && !(p->call.op->flags & OP_UNLOCKED);
    sandbox_lock(real);
    struct sandbox stale = {.store = real->frozen, .engine = real->engine, .clock = real->clock};
    bool ok = false;
    if (possible && stale.store) {
        p->call.sb = p->sb = &stale;
        ok = run(p);
        p->call.sb = p->sb = real;
    }
    sandbox_unlock(real);
    return possible && stale.store ? ok : run(p);
}

static bool answer(struct passage *p)
{
    return p->plan.kind == FAULT_STALE ? run_stale(p) : run(p);
}

static void write_fault(struct passage *p)
{
    struct fault *f = &p->call.fault;
    buf_clear(&p->reply->body);
    p->reply->status = fault_status(f->code);
    if (p->service->protocol != PROTOCOL_JSON) {
        reply_xml_fault(&p->reply->body, p->service->xmlns, f, p->call.request_id);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(JSON_CODES); i++)
        if (strcmp(f->code, JSON_CODES[i].query) == 0)
            f->code = JSON_CODES[i].json;
    p->reply->status = fault_is_receiver(f->code) ? 500 : 400;
    reply_json_fault(&p->reply->body, f);
}

/* Faults on the way back: the effect has happened. */
static void fault_after(struct passage *p)
{
    fault_spoil(&p->plan, p->reply);
    if (p->plan.kind != FAULT_SLOW)
        fault_hold(p->sb, &p->plan);
}

static json_t *ignored_names(const struct form *form)
{
    json_t *list = json_array();
    for (size_t i = 0; i < form->count; i++)
        if (!form->pairs[i].used && strncmp(form->pairs[i].name, "X-Amz-", 6) != 0) /* those were verified */
            (void)json_array_append_new(list, json_string(form->pairs[i].name));
    return list;
}

static void log_call(struct passage *p)
{
    char now[TIME_ISO_SIZE], started[TIME_ISO_SIZE];
    int64_t ms = p->sb->clock->mono_ms(p->sb->clock) - p->started;
    sandbox_now(p->sb, now);
    time_iso(p->sb->clock->wall_ms(p->sb->clock) - ms, true, started);
    json_t *entry = json_object();
    rec_set_str(entry, "time", now);
    rec_set_str(entry, "request_id", p->call.request_id);
    rec_set_str(entry, "service", p->service ? p->service->name : "");
    rec_set_str(entry, "operation", p->action ? p->action : "");
    rec_set_str(entry, "principal", p->who.arn ? p->who.arn : "");
    rec_set_int(entry, "status", p->reply->status);
    rec_set_str(entry, "code", p->call.fault.code ? p->call.fault.code : "");
    rec_set_int(entry, "ms", ms);
    rec_set_str(entry, "started", started);
    rec_set(entry, "parameters", json_incref(p->shown));
    if (p->call.op && p->service->protocol == PROTOCOL_QUERY)
        rec_set(entry, "ignored", ignored_names(&p->form));
    if (p->plan.kind != FAULT_NONE)
        rec_set_str(entry, "fault", fault_name(p->plan.kind));
    if (p->actions)
        rec_set(entry, "actions", json_incref(p->actions));
    request_log_write(p->sb->log, p->seq, entry);
    json_decref(entry);
}

void sandbox_serve(struct sandbox *sb, const struct http_request *r, struct http_reply *ret)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct passage p = {
        .sb = sb, .arena = a, .http = r, .reply = ret, .started = sb->clock->mono_ms(sb->clock)};
    if (control_serve(sb, r, ret))
        return;
    *ret = (struct http_reply){.status = 200, .body = BUF_INIT(REPLY_MAX)};
    p.call = (struct call){.sb = sb, .arena = a, .who = &p.who, .out = json_object()};
    uuid_make(p.call.request_id);
    memcpy(ret->request_id, p.call.request_id, sizeof ret->request_id);
    bool ok = authenticate(&p) && bind(&p);
    begin(&p);
    ok = ok && iam_authorize(&p.call, &p.actions) && fault_before(&p) && answer(&p);
    ret->content_type = protocol_of(&p) != PROTOCOL_JSON ? "text/xml" : "application/x-amz-json-1.1";
    if (!ok && p.call.fault.code)
        write_fault(&p);
    fault_after(&p);
    log_call(&p);
    json_decref(p.call.in);
    json_decref(p.call.out);
    json_decref(p.actions);
    json_decref(p.shown);
}
