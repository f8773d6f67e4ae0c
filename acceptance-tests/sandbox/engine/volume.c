#include "acceptance-tests/sandbox/engine/volume.h"

#include "acceptance-tests/sandbox/engine/number.h"
#include "acceptance-tests/sandbox/engine/server.h"
#include "acceptance-tests/sandbox/engine/tree.h"
#include "internal/base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FACTS_MAX (1024 * 1024)

static const char *const writes_names[] = {
    [WRITES_OPEN] = "open", [WRITES_OFF_BY_DEFAULT] = "off-by-default", [WRITES_LOCKED] = "locked"};

static bool id_valid(const char *id)
{
    size_t n = strlen(id);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)id[i]) && id[i] != '-')
            return false;
    return n > 0 && n <= VOLUME_ID_MAX;
}

/* ---- the list ---- */

static struct volume *look(struct engine *g, const char *id)
{
    for (struct volume *v = g->volumes; v; v = v->next)
        if (strcmp(v->id, id) == 0)
            return v;
    return NULL;
}

static struct volume *add(struct engine *g, const char *id)
{
    struct volume *v = calloc(1, sizeof *v);
    pthread_mutexattr_t recursive;
    if (!v)
        abort();
    (void)snprintf(v->id, sizeof v->id, "%s", id);
    (void)pthread_mutexattr_init(&recursive);
    (void)pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    (void)pthread_mutex_init(&v->op, &recursive);
    (void)pthread_mutexattr_destroy(&recursive);
    v->arena = arena_new();
    atomic_store(&v->apply_errors, -1);
    v->next = g->volumes;
    g->volumes = v;
    return v;
}

bool volume_find(struct engine *g, const char *id, struct volume **ret, struct err *e)
{
    (void)pthread_mutex_lock(&g->lock);
    struct volume *v = look(g, id);
    (void)pthread_mutex_unlock(&g->lock);
    if (!v || !atomic_load(&v->exists))
        return err_set(e, ERR_NOT_FOUND, "there is no volume \"%s\"", id);
    *ret = v;
    return true;
}

bool volume_enter(struct engine *g, const char *id, struct volume **ret, struct err *e)
{
    struct volume *v;
    if (!volume_find(g, id, &v, e))
        return false;
    (void)pthread_mutex_lock(&v->op);
    if (!atomic_load(&v->exists)) {
        (void)pthread_mutex_unlock(&v->op);
        return err_set(e, ERR_NOT_FOUND, "there is no volume \"%s\"", id);
    }
    *ret = v;
    return true;
}

void volume_leave(struct volume *v)
{
    (void)pthread_mutex_unlock(&v->op);
}

static int free_port(struct engine *g)
{
    int port = 20001;
    for (struct volume *v = g->volumes; v; v = v->next)
        if (atomic_load(&v->port) >= port)
            port = atomic_load(&v->port) + 1;
    return port;
}

bool volume_reserve(struct engine *g, const char *id, struct volume **ret, struct err *e)
{
    if (!id_valid(id))
        return err_set(e, ERR_INVALID, "\"%s\" cannot be a volume's id", id);
    (void)pthread_mutex_lock(&g->lock);
    struct volume *v = look(g, id);
    if (!v)
        v = add(g, id);
    if (atomic_load(&v->port) == 0)
        atomic_store(&v->port, free_port(g));
    (void)pthread_mutex_unlock(&g->lock);
    (void)pthread_mutex_lock(&v->op);
    if (atomic_load(&v->exists)) {
        (void)pthread_mutex_unlock(&v->op);
        return err_set(e, ERR_CONFLICT, "volume \"%s\" exists already", id);
    }
    v->writes = WRITES_OPEN;
    v->start_lsn = 0;
    volume_keep(v, NULL, NULL, 0);
    *ret = v;
    return true;
}

const char *volume_path(struct engine *g, struct arena *a, const struct volume *v, const char *name)
{
    return arena_printf(a, "%s/%s%s%s", g->volumes_dir, v->id, *name ? "/" : "", name);
}

const char *volume_making_path(struct engine *g, struct arena *a, const struct volume *v, const char *name)
{
    return arena_printf(a, "%s/.%s%s%s", g->volumes_dir, v->id, *name ? "/" : "", name);
}

/* ---- facts ---- */

void volume_keep(struct volume *v, const char *label, const struct engine_param *p, size_t n)
{
    struct arena *a = arena_new();
    struct engine_param *copy = ARENA_ARRAY(a, struct engine_param, n + 1);
    for (size_t i = 0; i < n; i++)
        copy[i] = (struct engine_param){arena_strdup(a, p[i].name), arena_strdup(a, p[i].value)};
    const char *kept = label ? arena_strdup(a, label) : NULL;
    arena_free(v->arena); /* last: the arguments may lie in it */
    v->arena = a;
    v->label = kept;
    v->params = copy;
    v->param_count = n;
}

bool volume_save(struct engine *g, struct volume *v, const char *folder, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct buf out = BUF_INIT(FACTS_MAX);
    char lsn[LSN_SIZE];
    (void)g;
    (void)buf_printf(&out, "port %d\nstart_lsn %s\nwrites %s\n", atomic_load(&v->port),
                     lsn_print(v->start_lsn, lsn), writes_names[v->writes]);
    if (v->label)
        (void)buf_printf(&out, "label %s\n", v->label);
    for (size_t i = 0; i < v->param_count; i++)
        (void)buf_printf(&out, "param %s %s\n", v->params[i].name, v->params[i].value);
    bool ok = out.overflow ? err_set(e, ERR_INVALID, "too many parameters")
                           : file_replace(arena_printf(a, "%s/facts", folder), out.p, out.n, 0600, e);
    buf_done(&out);
    return ok;
}

struct facts {
    const char *label;
    struct engine_param *params;
    size_t count, cap;
};

static void take_fact(struct arena *a, struct volume *v, struct facts *f, const char *key, char *value)
{
    if (strcmp(key, "port") == 0) {
        int port;
        if (number_take(value, 65535, &port))
            atomic_store(&v->port, port);
    } else if (strcmp(key, "start_lsn") == 0) {
        if (!lsn_parse(value, &v->start_lsn))
            v->start_lsn = 0;
    } else if (strcmp(key, "writes") == 0) {
        for (size_t i = 0; i < ARRAY_LEN(writes_names); i++)
            if (strcmp(value, writes_names[i]) == 0)
                v->writes = (enum writes)i;
    } else if (strcmp(key, "label") == 0) {
        f->label = value;
    } else if (strcmp(key, "param") == 0) {
        char *space = strchr(value, ' ');
        if (space)
            *space++ = '\0';
        struct engine_param p = {value, space ? space : ""};
        ARR_PUSH(a, f->params, f->count, f->cap, p);
    }
}

static bool load_facts(struct engine *g, struct volume *v, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct facts f = {0};
    struct str text;
    if (!file_read(a, volume_path(g, a, v, "facts"), FACTS_MAX, &text, e))
        return false;
    char *rest = arena_memdup(a, text.p, text.n);
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *space = strchr(line, ' ');
        if (!space)
            continue;
        *space = '\0';
        take_fact(a, v, &f, line, space + 1);
    }
    volume_keep(v, f.label, f.params, f.count);
    return true;
}

int data_major(const char *data)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct str text;
    if (!file_read(a, arena_printf(a, "%s/PG_VERSION", data), 64, &text, NULL))
        return 0;
    int major;
    return number_take(text.p, 99, &major) ? major : 0;
}

/* ---- what an earlier process left ---- */

/* An upgrade swaps folders: data → data.old, data.new → data, data.old removed. */
static bool finish_swap(const char *folder, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *data = arena_printf(a, "%s/data", folder), *old = arena_printf(a, "%s/data.old", folder);
    if (!tree_exists(data) && tree_exists(old) && !tree_rename(old, data, e))
        return false;
    return tree_remove(old, e) && tree_remove(arena_printf(a, "%s/data.new", folder), e) &&
           tree_remove(arena_printf(a, "%s/upgrade", folder), e);
}

static bool load_one(struct engine *g, const char *name, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *folder = arena_printf(a, "%s/%s", g->volumes_dir, name);
    if (!server_stop_leftovers(folder, e))
        return err_wrap(e, "stop what an earlier process left running");
    if (name[0] == '.')
        return tree_remove(folder, e);
    if (!id_valid(name))
        return err_set(e, ERR_INVALID, "%s is not a volume's folder", folder);
    struct volume *v = add(g, name);
    if (!finish_swap(folder, e) || !load_facts(g, v, e))
        return err_wrap(e, "volume %s", name);
    atomic_store(&v->major, data_major(arena_printf(a, "%s/data", folder)));
    atomic_store(&v->exists, true);
    return true;
}

DEFINE_CLEANUP(DIR, dir_cleanup, (void)closedir)

bool volumes_load(struct engine *g, struct err *e)
{
    DIR *d CLEANUP(dir_cleanup) = opendir(g->volumes_dir);
    if (!d)
        return err_set(e, ERR_UNAVAILABLE, "read folder %s", g->volumes_dir);
    for (struct dirent *x; (x = readdir(d));)
        if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0 && !load_one(g, x->d_name, e))
            return false;
    return true;
}

void volumes_free(struct engine *g)
{
    for (struct volume *v = g->volumes, *next; v; v = next) {
        next = v->next;
        (void)pthread_mutex_destroy(&v->op);
        arena_free(v->arena);
        free(v);
    }
}
