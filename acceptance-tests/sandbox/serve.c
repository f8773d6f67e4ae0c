#include "acceptance-tests/sandbox/serve.h"

#include "acceptance-tests/sandbox/bluegreen.h"
#include "acceptance-tests/sandbox/cluster.h"
#include "acceptance-tests/sandbox/http.h"
#include "acceptance-tests/sandbox/iam.h"
#include "acceptance-tests/sandbox/jobs.h"
#include "acceptance-tests/sandbox/request_log.h"
#include "acceptance-tests/sandbox/seed.h"
#include "internal/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOUR_MS = 3600 * 1000 };

struct running {
    struct sandbox sb;
    struct arena *arena;
    struct http_server *http;
    int lock;
};

/* One sandbox per state folder. */
static bool take_folder(struct running *r, const char *dir, struct err *e)
{
    if (!dir_make(dir, e))
        return false;
    char *full = realpath(dir, NULL);
    if (!full)
        return err_errno(e, errno, "find %s", dir);
    r->sb.state_dir = arena_strdup(r->arena, full);
    free(full);
    if (chmod(r->sb.state_dir, 0711) != 0) /* servers run as another user, and must get through */
        return err_errno(e, errno, "open %s for the servers", dir);
    r->lock = open(arena_printf(r->arena, "%s/lock", r->sb.state_dir), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (r->lock < 0)
        return err_errno(e, errno, "lock %s", dir);
    if (flock(r->lock, LOCK_EX | LOCK_NB) != 0)
        return err_set(e, ERR_CONFLICT, "%s is in use by another sandbox", dir);
    return true;
}

/* A folder of the time before state.log would look as if it were empty. */
static bool check_old_state(struct running *r, struct err *e)
{
    const char *now = arena_printf(r->arena, "%s/state.log", r->sb.state_dir);
    const char *old = arena_printf(r->arena, "%s/state.json", r->sb.state_dir);
    return access(now, F_OK) == 0 || access(old, F_OK) != 0 ||
           err_set(e, ERR_INVALID,
                   "%s was written by an aurora-sandbox older than this one; begin with another folder", old);
}

static bool open_parts(struct running *r, const struct serve_options *o, struct err *e)
{
    struct sandbox *sb = &r->sb;
    struct store_seed seed = {o->region, o->account};
    struct engine_options engine = {sb->state_dir, o->majors_dir, o->run_as};
    if (!check_old_state(r, e) ||
        !store_open(arena_printf(r->arena, "%s/state.log", sb->state_dir), &seed, &sb->store, e) ||
        !request_log_open(arena_printf(r->arena, "%s/requests.ndjson", sb->state_dir), &sb->log, e) ||
        !engine_open(&engine, &sb->engine, e))
        return false;
    if (o->iam_policy && !iam_load(sb, o->iam_policy, e))
        return false;
    sandbox_lock(sb);
    groups_seed(sb);
    subnet_groups_seed(sb);
    sandbox_unlock(sb);
    return true;
}

/* Resource ids of clusters whose server ran. */
static const char **served_clusters(struct running *r, size_t *ret_n)
{
    size_t i, n = 0, cap = 0;
    json_t *cluster;
    const char **ids = NULL;
    sandbox_lock(&r->sb);
    json_array_foreach(store_list(r->sb.store, KIND_CLUSTER), i, cluster)
    {
        const json_t *writer = cluster_writer(&r->sb, cluster);
        const char *id = arena_strdup(r->arena, rec_str(cluster, "DbClusterResourceId"));
        bool follows =
            rec_has(cluster, "ReplicationSourceIdentifier"); /* green runs before it has instances */
        bool off = rec_is(cluster, "Status", "stopping") || rec_is(cluster, "Status", "stopped") ||
                   rec_is(cluster, "Status", "starting");
        if (rec_bool(cluster, "_volume") && !off && (follows || (writer && rec_has(writer, "_address"))))
            ARR_PUSH(r->arena, ids, n, cap, id);
    }
    sandbox_unlock(&r->sb);
    *ret_n = n;
    return ids;
}

static void restart_servers(struct running *r)
{
    size_t n;
    const char **ids = served_clusters(r, &n);
    for (size_t i = 0; i < n; i++) {
        struct err e = ERR_INIT;
        if (!cluster_start(&r->sb, ids[i], &e) || !cluster_point_endpoints(&r->sb, ids[i], &e))
            sandbox_warn("start %s again: %s%s%s", ids[i], e.text, *e.said ? ": " : "", e.said);
    }
}

/* What `env` and the other verbs read, and the ready line. */
static bool announce(struct running *r, int port, struct err *e)
{
    const json_t *root = store_root(r->sb.store);
    json_t *ready = json_object();
    rec_printf(ready, "endpoint", "http://127.0.0.1:%d", port);
    rec_copy(ready, root, "region");
    rec_copy(ready, root, "access_key_id");
    rec_copy(ready, root, "secret_access_key");
    rec_copy(ready, root, "account_id");
    rec_set_str(ready, "ca_file", engine_ca_file(r->sb.engine));
    char *line = json_dumps(ready, JSON_COMPACT);
    rec_copy(ready, root, "control_token");
    char *file = json_dumps(ready, JSON_COMPACT);
    bool ok = line && file &&
              file_replace(arena_printf(r->arena, "%s/endpoint.json", r->sb.state_dir), file, strlen(file),
                           0600, e);
    if (ok) {
        (void)printf("%s\n", line);
        (void)fflush(stdout);
    }
    json_decref(ready);
    free(line);
    free(file);
    return ok;
}

static int remembered_port(struct running *r, int asked)
{
    sandbox_lock(&r->sb);
    int port = asked > 0 ? asked : (int)rec_int(store_root(r->sb.store), "port");
    sandbox_unlock(&r->sb);
    return port;
}

static bool start_http(struct running *r, int asked, int *ret_port, struct err *e)
{
    int wanted = remembered_port(r, asked);
    struct err first = ERR_INIT;
    if (!http_start(&r->sb, wanted, &r->http, ret_port, &first)) {
        if (asked > 0 || wanted == 0)
            return err_set(e, first.code, "%s", first.text);
        if (!http_start(&r->sb, 0, &r->http, ret_port, e)) /* the remembered port is somebody else's now */
            return false;
    }
    sandbox_lock(&r->sb);
    rec_set_int(store_root(r->sb.store), "port", *ret_port);
    sandbox_save(&r->sb);
    sandbox_unlock(&r->sb);
    return true;
}

static void stop_all(struct running *r)
{
    http_stop(r->http);
    if (r->sb.jobs)
        jobs_wait(r->sb.jobs);
    jobs_free(r->sb.jobs);
    engine_close(r->sb.engine);
    if (r->sb.store) {
        sandbox_lock(&r->sb);
        sandbox_save(&r->sb);
        sandbox_unlock(&r->sb);
    }
    store_close(r->sb.frozen);
    store_close(r->sb.store);
    request_log_close(r->sb.log);
    if (r->lock >= 0)
        (void)close(r->lock);
    arena_free(r->arena);
}

bool serve(const struct serve_options *o, struct stop *stop, struct err *e)
{
    struct running r = {.lock = -1, .arena = arena_new()};
    int port = 0;
    r.sb.stop = stop;
    r.sb.clock = clock_real();
    r.sb.speed = o->speed;
    r.sb.cutover_speed = o->cutover_speed;
    bool ok = take_folder(&r, o->state_dir, e) && open_parts(&r, o, e);
    if (ok) {
        r.sb.jobs = jobs_new(&r.sb);
        bluegreen_settle_all(&r.sb);
        restart_servers(&r);
        bluegreen_resume_all(&r.sb);
        jobs_resume(&r.sb);
        ok = start_http(&r, o->port, &port, e) && announce(&r, port, e);
    }
    if (ok)
        while (!stop_wait(stop, HOUR_MS))
            continue;
    stop_request(stop);
    stop_all(&r);
    return ok;
}
