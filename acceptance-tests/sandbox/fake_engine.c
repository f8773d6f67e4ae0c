#include "acceptance-tests/sandbox/fake_engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { VOLUMES = 4096, NAMES = 16384, PARAMS = 24 };

struct fake_volume {
    char id[64];
    int major;
    bool running, locked;
    struct {
        char name[64], value[128];
    } params[PARAMS];
    size_t param_count;
};

struct engine {
    pthread_mutex_t lock;
    struct fake_volume volumes[VOLUMES];
    struct {
        char name[128], volume[64];
        bool held;
    } names[NAMES];
    size_t name_count;
};

static struct engine the_engine = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct fake_plan the_plan;
static pthread_mutex_t plan_lock = PTHREAD_MUTEX_INITIALIZER;

void fake_expect(struct fake_plan plan)
{
    (void)pthread_mutex_lock(&plan_lock);
    the_plan = plan;
    (void)pthread_mutex_unlock(&plan_lock);
}

static struct fake_plan plan_now(void)
{
    (void)pthread_mutex_lock(&plan_lock);
    struct fake_plan plan = the_plan;
    (void)pthread_mutex_unlock(&plan_lock);
    return plan;
}

bool engine_open(const struct engine_options *o, struct engine **ret, struct err *e)
{
    (void)o;
    (void)e;
    *ret = &the_engine;
    return true;
}

void fake_reset(void)
{
    for (size_t i = 0; i < VOLUMES; i++)
        if (the_engine.volumes[i].id[0])
            the_engine.volumes[i] = (struct fake_volume){.id = ""};
    the_engine.name_count = 0;
    fake_expect((struct fake_plan){.fingerprint = "same"});
}

void engine_close(struct engine *g)
{
    (void)g;
}

const char *engine_ca_file(const struct engine *g)
{
    (void)g;
    return "/nowhere/ca.pem";
}

bool engine_has_major(struct engine *g, int major)
{
    return engine_version_num(g, major) != 0;
}

int engine_version_num(struct engine *g, int major)
{
    (void)g;
    return major == 13 || major == 15 || major == 17 || major == 18 ? major * 10000 + 1 : 0;
}

static struct fake_volume *find(const char *id)
{
    for (size_t i = 0; i < VOLUMES; i++)
        if (strcmp(the_engine.volumes[i].id, id) == 0)
            return &the_engine.volumes[i];
    return NULL;
}

/* Runs with the lock: changes one volume, which must exist. */
static bool change(const char *id, void (*f)(struct fake_volume *v, const void *arg), const void *arg,
                   struct err *e)
{
    (void)pthread_mutex_lock(&the_engine.lock);
    struct fake_volume *v = find(id);
    if (v)
        f(v, arg);
    (void)pthread_mutex_unlock(&the_engine.lock);
    return v || err_set(e, ERR_NOT_FOUND, "no volume %s", id);
}

static bool make(const char *id, int major, struct err *e)
{
    (void)pthread_mutex_lock(&the_engine.lock);
    struct fake_volume *v = find(id) ? NULL : find("");
    if (v) {
        (void)snprintf(v->id, sizeof v->id, "%s", id);
        v->major = major;
    }
    (void)pthread_mutex_unlock(&the_engine.lock);
    return v || err_set(e, ERR_CONFLICT, "volume %s exists", id);
}

struct param_list {
    const struct engine_param *p;
    size_t n;
};

static void take_params(struct fake_volume *v, const void *arg)
{
    const struct param_list *list = arg;
    v->param_count = list->n < PARAMS ? list->n : PARAMS;
    for (size_t i = 0; i < v->param_count; i++) {
        (void)snprintf(v->params[i].name, sizeof v->params[i].name, "%s", list->p[i].name);
        (void)snprintf(v->params[i].value, sizeof v->params[i].value, "%s", list->p[i].value);
    }
}

static void run(struct fake_volume *v, const void *arg)
{
    v->running = arg != NULL;
}

static void lock_writes(struct fake_volume *v, const void *arg)
{
    v->locked = arg != NULL;
}

static void clear(struct fake_volume *v, const void *arg)
{
    (void)arg;
    memset(v, 0, sizeof *v);
}

static void set_major(struct fake_volume *v, const void *arg)
{
    v->major = *(const int *)arg;
}

bool volume_create(struct engine *g, const struct volume_spec *s, struct err *e)
{
    return make(s->id, s->major, e) && volume_set_params(g, s->id, s->params, s->param_count, e);
}

bool volume_start(struct engine *g, const char *id, struct err *e)
{
    return change(id, run, g, e);
}

bool volume_stop(struct engine *g, const char *id, struct err *e)
{
    (void)g;
    return change(id, run, NULL, e);
}

bool volume_delete(struct engine *g, const char *id, struct err *e)
{
    (void)g;
    return change(id, clear, NULL, e);
}

bool volume_set_params(struct engine *g, const char *id, const struct engine_param *p, size_t n,
                       struct err *e)
{
    (void)g;
    struct param_list list = {p, n};
    return change(id, take_params, &list, e);
}

bool volume_set_password(struct engine *g, const char *id, const char *user, const char *password,
                         struct err *e)
{
    (void)user;
    (void)password;
    return volume_start(g, id, e);
}

bool volume_set_label(struct engine *g, const char *id, const char *version, struct err *e)
{
    (void)version;
    return volume_major(g, id) != 0 || err_set(e, ERR_NOT_FOUND, "no volume %s", id);
}

bool volume_log_file(struct engine *g, struct arena *a, const char *id, const char **ret, struct err *e)
{
    (void)g;
    (void)id;
    (void)e;
    *ret = arena_strdup(a, "/nowhere/log");
    return true;
}

bool volume_kill(struct engine *g, const char *id, struct err *e)
{
    bool running = volume_running(g, id);
    return running ? volume_stop(g, id, e) : err_set(e, ERR_CONFLICT, "the server of %s is not running", id);
}

bool volume_pause(struct engine *g, const char *id, bool pause, struct err *e)
{
    (void)pause;
    return volume_running(g, id) || err_set(e, ERR_CONFLICT, "the server of %s is not running", id);
}

bool volume_running(struct engine *g, const char *id)
{
    (void)pthread_mutex_lock(&g->lock);
    const struct fake_volume *v = find(id);
    bool running = v && v->running;
    (void)pthread_mutex_unlock(&g->lock);
    return running;
}

int volume_major(struct engine *g, const char *id)
{
    (void)pthread_mutex_lock(&g->lock);
    const struct fake_volume *v = *id ? find(id) : NULL;
    int major = v ? v->major : 0;
    (void)pthread_mutex_unlock(&g->lock);
    return major;
}

bool volume_clone(struct engine *g, const char *source, const char *id, bool with_slots, lsn_t *ret_lsn,
                  struct err *e)
{
    static atomic_uint copies;
    (void)with_slots;
    int major = volume_major(g, source);
    *ret_lsn = 0x1000028 + 8 * atomic_fetch_add(&copies, 1); /* each stands elsewhere */
    return major != 0 ? make(id, major, e) : err_set(e, ERR_NOT_FOUND, "no volume %s", source);
}

bool volume_set_start_lsn(struct engine *g, const char *id, lsn_t lsn, struct err *e)
{
    (void)lsn;
    return volume_set_label(g, id, NULL, e);
}

bool volume_upgrade(struct engine *g, const char *id, int new_major, const struct engine_param *p, size_t n,
                    bool check_only, const char *log_dir, struct err *e)
{
    struct fake_plan plan = plan_now();
    (void)log_dir;
    if (plan.fail_upgrade)
        return err_set(e, ERR_REMOTE, "%s", plan.fail_upgrade);
    return check_only || (change(id, set_major, &new_major, e) && volume_set_params(g, id, p, n, e));
}

bool volume_sql(struct engine *g, struct arena *a, const char *id, const char *database, const char *sql,
                struct sql_result *ret, struct err *e)
{
    struct fake_plan plan = plan_now();
    (void)g;
    (void)id;
    (void)database;
    (void)e;
    bool print = strstr(sql, "WITH ns AS") != NULL, finds = plan.sql_finds && strstr(sql, plan.sql_finds);
    struct sql_result r = {0};
    if (print || finds) {
        r = (struct sql_result){1, 1, ARENA_ARRAY(a, const char **, 1)};
        r.cell[0] = ARENA_ARRAY(a, const char *, 1);
        r.cell[0][0] = print ? plan.fingerprint : "found";
    }
    if (ret)
        *ret = r;
    return true;
}

bool volume_databases(struct engine *g, struct arena *a, const char *id, const char ***ret_names,
                      size_t *ret_n, struct err *e)
{
    (void)g;
    (void)id;
    (void)e;
    *ret_names = ARENA_ARRAY(a, const char *, 2);
    (*ret_names)[0] = "postgres";
    (*ret_names)[1] = "shop";
    *ret_n = 2;
    return true;
}

/* ---- endpoints ---- */

static size_t name_index(const char *name)
{
    size_t i = 0;
    while (i < the_engine.name_count && strcmp(the_engine.names[i].name, name) != 0)
        i++;
    if (i == the_engine.name_count && i + 1 < NAMES) {
        (void)snprintf(the_engine.names[i].name, sizeof the_engine.names[i].name, "%s", name);
        the_engine.names[i].volume[0] = '\0';
        the_engine.names[i].held = false;
        the_engine.name_count++;
    }
    return i;
}

bool endpoint_address(struct engine *g, struct arena *a, const char *name, const char **ret, struct err *e)
{
    (void)e;
    (void)pthread_mutex_lock(&g->lock);
    *ret = arena_printf(a, "127.1.0.%zu", name_index(name) + 1);
    (void)pthread_mutex_unlock(&g->lock);
    return true;
}

bool endpoint_point(struct engine *g, const char *name, int port, const char *volume_id,
                    enum endpoint_mode mode, struct err *e)
{
    (void)port;
    (void)mode;
    (void)e;
    (void)pthread_mutex_lock(&g->lock);
    size_t i = name_index(name);
    (void)snprintf(g->names[i].volume, sizeof g->names[i].volume, "%s", volume_id ? volume_id : "");
    (void)pthread_mutex_unlock(&g->lock);
    return true;
}

void endpoint_remove(struct engine *g, const char *name)
{
    (void)pthread_mutex_lock(&g->lock);
    g->names[name_index(name)].volume[0] = '\0';
    (void)pthread_mutex_unlock(&g->lock);
}

void endpoint_hold(struct engine *g, const char *name, bool hold)
{
    (void)pthread_mutex_lock(&g->lock);
    g->names[name_index(name)].held = hold;
    (void)pthread_mutex_unlock(&g->lock);
}

size_t fake_held(void)
{
    size_t n = 0;
    (void)pthread_mutex_lock(&the_engine.lock);
    for (size_t i = 0; i < the_engine.name_count; i++)
        n += the_engine.names[i].held;
    (void)pthread_mutex_unlock(&the_engine.lock);
    return n;
}

const char *fake_endpoint(const char *name)
{
    static char found[64];
    (void)pthread_mutex_lock(&the_engine.lock);
    (void)snprintf(found, sizeof found, "%s", the_engine.names[name_index(name)].volume);
    (void)pthread_mutex_unlock(&the_engine.lock);
    return found;
}

const char *fake_param(const char *volume, const char *name)
{
    const struct fake_volume *v = find(volume);
    for (size_t i = 0; v && i < v->param_count; i++)
        if (strcmp(v->params[i].name, name) == 0)
            return v->params[i].value;
    return NULL;
}

bool fake_is_locked(const char *volume)
{
    const struct fake_volume *v = find(volume);
    return v && v->locked;
}

/* ---- blue/green ---- */

bool bluegreen_build(struct engine *g, const char *blue, const char *green, int major,
                     const struct engine_param *p, size_t n, const char *log_dir, struct err *e)
{
    struct fake_plan plan = plan_now();
    (void)log_dir;
    if (plan.fail_upgrade)
        return err_set(e, ERR_REMOTE, "%s", plan.fail_upgrade);
    return volume_major(g, blue) != 0 && make(green, major, e) && volume_set_params(g, green, p, n, e) &&
           volume_start(g, green, e);
}

bool bluegreen_observe(struct engine *g, const char *blue, const char *green, struct bluegreen_state *ret,
                       struct err *e)
{
    struct fake_plan plan = plan_now();
    (void)g;
    (void)blue;
    (void)green;
    (void)e;
    *ret = (struct bluegreen_state){.healthy = !plan.unhealthy};
    (void)snprintf(ret->reason, sizeof ret->reason, "%s", plan.unhealthy ? plan.unhealthy : "");
    return true;
}

bool bluegreen_switchover(struct engine *g, const struct bluegreen_switch *s, struct err *e)
{
    struct fake_plan plan = plan_now();
    (void)g;
    if (plan.fail_switchover)
        return err_set(e, ERR_TIMEOUT, "%s", plan.fail_switchover);
    return s->flip(s->arg, e) && change(s->blue, lock_writes, s, e);
}

bool bluegreen_drop(struct engine *g, const char *blue, const char *green, struct err *e)
{
    (void)g;
    (void)green;
    return change(blue, lock_writes, NULL, e);
}

bool bluegreen_settle(struct engine *g, const char *blue, const char *green, struct err *e)
{
    struct bluegreen_switch s = {.blue = blue, .green = green};
    (void)g;
    return change(blue, lock_writes, &s, e);
}

bool bluegreen_resume(struct engine *g, const char *blue, const char *green, struct err *e)
{
    (void)g;
    (void)blue;
    (void)green;
    (void)e;
    return true;
}
