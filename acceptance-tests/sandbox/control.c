#include "acceptance-tests/sandbox/control.h"

#include "acceptance-tests/sandbox/faults.h"
#include "acceptance-tests/sandbox/iam.h"
#include "acceptance-tests/sandbox/keys.h"
#include "acceptance-tests/sandbox/maintenance.h"
#include "acceptance-tests/sandbox/outage.h"
#include "acceptance-tests/sandbox/proxy.h"
#include "acceptance-tests/sandbox/reply.h"
#include "acceptance-tests/sandbox/request_log.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static json_t *rows_json(const struct sql_result *result)
{
    json_t *rows = json_array();
    for (size_t r = 0; r < result->rows; r++) {
        json_t *row = json_array();
        for (size_t c = 0; c < result->columns; c++)
            (void)json_array_append_new(row,
                                        result->cell[r][c] ? json_string(result->cell[r][c]) : json_null());
        (void)json_array_append_new(rows, row);
    }
    return rows;
}

static bool control_sql(struct sandbox *sb, struct arena *a, const json_t *in, json_t *out, struct err *e)
{
    struct sql_result result = {0};
    const char *database = rec_has(in, "database") ? rec_str(in, "database") : "postgres";
    sandbox_lock(sb);
    const json_t *cluster = store_find(sb->store, KIND_CLUSTER, rec_str(in, "cluster"));
    const char *volume = arena_strdup(a, rec_str(cluster, "DbClusterResourceId"));
    sandbox_unlock(sb);
    if (!*volume)
        return err_set(e, ERR_NOT_FOUND, "there is no cluster %s", rec_str(in, "cluster"));
    if (!volume_sql(sb->engine, a, volume, database, rec_str(in, "sql"), &result, e))
        return false;
    rec_set(out, "rows", rows_json(&result));
    return true;
}

static bool control_fault(struct sandbox *sb, struct arena *a, const json_t *in, json_t *out, struct err *e)
{
    (void)a;
    sandbox_lock(sb);
    json_t *list = rec_list(store_root(sb->store), "faults");
    bool clear = rec_bool(in, "clear"), add = rec_has(in, "kind");
    if (clear)
        faults_clear(sb);
    bool ok = !add || fault_add(sb, in, e);
    rec_set(out, "faults", json_deep_copy(list));
    if (ok && (add || clear))
        sandbox_save(sb);
    sandbox_unlock(sb);
    return ok;
}

static bool control_speed(struct sandbox *sb, struct arena *a, const json_t *in, json_t *out, struct err *e)
{
    (void)a;
    double speed = rec_real(in, "speed");
    if (rec_has(in, "speed") && !(speed >= 0.01 && speed <= 100000))
        return err_set(e, ERR_INVALID, "speed must be between 0.01 and 100000");
    if (rec_has(in, "speed"))
        sb->speed = speed;
    rec_set(out, "speed", json_real(sb->speed));
    return true;
}

static bool control_outage(struct sandbox *sb, struct arena *a, const json_t *in, json_t *out, struct err *e)
{
    (void)a;
    (void)out;
    return outage_begin(sb, in, e);
}

static bool control_iam(struct sandbox *sb, struct arena *a, const json_t *in, json_t *out, struct err *e)
{
    (void)a;
    json_t *policy = NULL;
    sandbox_lock(sb);
    bool ok = iam_set(sb, in, &policy, e);
    if (ok)
        sandbox_save(sb);
    sandbox_unlock(sb);
    if (ok)
        rec_set(out, "policy", policy);
    return ok;
}

static bool control_maintenance(struct sandbox *sb, struct arena *a, const json_t *in, json_t *out,
                                struct err *e)
{
    (void)a;
    json_t *actions = NULL;
    sandbox_lock(sb);
    bool ok = maintenance_set(sb, in, &actions, e);
    if (ok)
        sandbox_save(sb);
    sandbox_unlock(sb);
    if (ok)
        rec_set(out, "actions", actions);
    return ok;
}

static bool control_proxy(struct sandbox *sb, struct arena *a, const json_t *in, json_t *out, struct err *e)
{
    (void)a;
    json_t *all = NULL;
    sandbox_lock(sb);
    bool ok = proxy_set(sb, in, &all, e);
    if (ok)
        sandbox_save(sb);
    sandbox_unlock(sb);
    if (ok)
        rec_set(out, "proxies", all);
    return ok;
}

static bool control_key(struct sandbox *sb, struct arena *a, const json_t *in, json_t *out, struct err *e)
{
    (void)a;
    json_t *all = NULL;
    sandbox_lock(sb);
    bool ok = key_set(sb, in, &all, e);
    if (ok)
        sandbox_save(sb);
    sandbox_unlock(sb);
    if (ok)
        rec_set(out, "disabled", all);
    return ok;
}

static bool control_expire(struct sandbox *sb, struct arena *a, const json_t *in, json_t *out, struct err *e)
{
    (void)a;
    (void)in;
    (void)out;
    (void)e;
    sandbox_lock(sb);
    sessions_expire(sb);
    sandbox_save(sb);
    sandbox_unlock(sb);
    return true;
}

static bool control_running(struct sandbox *sb, struct arena *a, const json_t *in, json_t *out, struct err *e)
{
    (void)a;
    (void)in;
    (void)e;
    rec_set(out, "running", request_log_running(sb->log));
    return true;
}

static const struct control {
    const char *verb;
    bool (*run)(struct sandbox *sb, struct arena *a, const json_t *in, json_t *out, struct err *e);
} CONTROLS[] = {
    {"sql", control_sql},       {"fault", control_fault},   {"speed", control_speed},
    {"outage", control_outage}, {"iam", control_iam},       {"maintenance", control_maintenance},
    {"proxy", control_proxy},   {"expire", control_expire}, {"running", control_running},
    {"key", control_key},
};

static bool token_matches(struct sandbox *sb, const struct http_request *r)
{
    const char *given = http_header(r, CONTROL_HEADER);
    sandbox_lock(sb);
    const char *token = rec_str(store_root(sb->store), "control_token");
    bool same = given && strlen(given) == strlen(token) && CRYPTO_memcmp(given, token, strlen(token)) == 0;
    sandbox_unlock(sb);
    return same;
}

static bool control_run(struct sandbox *sb, const struct http_request *r, const char *verb, json_t *out,
                        struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    if (!token_matches(sb, r))
        return err_set(e, ERR_DENIED, "wrong token");
    json_t *in = json_loadb(r->body.p ? r->body.p : "", r->body.n, 0, NULL);
    bool ok = json_is_object(in) || err_set(e, ERR_INVALID, "the body is not a JSON object");
    const struct control *control = NULL;
    for (size_t i = 0; i < ARRAY_LEN(CONTROLS); i++)
        if (strcmp(CONTROLS[i].verb, verb) == 0)
            control = &CONTROLS[i];
    if (ok && !control)
        ok = err_set(e, ERR_INVALID, "no such verb");
    ok = ok && control->run(sb, a, in, out, e);
    json_decref(in);
    return ok;
}

bool control_serve(struct sandbox *sb, const struct http_request *r, struct http_reply *ret)
{
    size_t n = strlen(CONTROL_PREFIX);
    char verb[32];
    struct err e = ERR_INIT;
    if (r->path.n < n || memcmp(r->path.p, CONTROL_PREFIX, n) != 0)
        return false;
    (void)snprintf(verb, sizeof verb, "%.*s", (int)(r->path.n - n < 31 ? r->path.n - n : 31), r->path.p + n);
    json_t *out = json_object();
    *ret =
        (struct http_reply){.status = 200, .content_type = "application/json", .body = BUF_INIT(REPLY_MAX)};
    uuid_make(ret->request_id);
    if (!control_run(sb, r, verb, out, &e)) {
        ret->status = e.code == ERR_DENIED ? 403 : 400;
        rec_printf(out, "error", "%s%s%s", e.text, *e.said ? ": " : "", e.said);
    }
    reply_json(&ret->body, out);
    json_decref(out);
    return true;
}
