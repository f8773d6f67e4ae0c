#include "acceptance-tests/sandbox/engine/majors.h"

#include "acceptance-tests/sandbox/engine/number.h"
#include "internal/base/file.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAJORS_MAX 8
#define NUMBER_MIN 10
#define NUMBER_MAX 99
#define MODULE_MAX (8 * 1024 * 1024)

struct majors {
    pthread_mutex_t lock;
    struct arena *arena;
    const char *trees, *copies, *program_lib, *bootstrap;
    const struct account *account;
    struct major found[MAJORS_MAX];
    size_t count;
    bool absent[NUMBER_MAX + 1]; /* looked for in vain: stays so until the next start */
};

static const char *default_trees(struct arena *a)
{
    const char *set = getenv("AURORA_SANDBOX_MAJORS"), *cache = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    if (set && *set)
        return arena_strdup(a, set);
    if (geteuid() == 0)
        return "/var/cache/aurora-sandbox/postgresql";
    if (cache && *cache)
        return arena_printf(a, "%s/aurora-sandbox/postgresql", cache);
    return arena_printf(a, "%s/.cache/aurora-sandbox/postgresql", home ? home : "");
}

/* The build puts programs in bin/ and tests/, what they load in lib/aurora-sandbox/. */
static const char *default_program_lib(struct arena *a)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return "lib/aurora-sandbox";
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    return arena_printf(a, "%s/../lib/aurora-sandbox", self);
}

bool majors_new(const struct majors_options *o, struct majors **ret, struct err *e)
{
    struct majors *m = calloc(1, sizeof *m);
    if (!m)
        abort();
    (void)pthread_mutex_init(&m->lock, NULL);
    m->arena = arena_new();
    m->trees = o->trees ? arena_strdup(m->arena, o->trees) : default_trees(m->arena);
    m->copies = arena_strdup(m->arena, o->copies);
    m->program_lib = o->program_lib ? arena_strdup(m->arena, o->program_lib) : default_program_lib(m->arena);
    m->bootstrap = arena_printf(m->arena, "%s/bootstrap.sql", m->program_lib);
    m->account = o->account;
    if (access(m->bootstrap, R_OK) != 0) {
        (void)err_errno(e, errno, "read the server module's %s", m->bootstrap);
        majors_free(m);
        return false;
    }
    *ret = m;
    return true;
}

void majors_free(struct majors *m)
{
    if (!m)
        return;
    (void)pthread_mutex_destroy(&m->lock);
    arena_free(m->arena);
    free(m);
}

const char *majors_bootstrap(const struct majors *m)
{
    return m->bootstrap;
}

const char *majors_trees(const struct majors *m)
{
    return m->trees;
}

static bool is_program(const char *dir, const char *name)
{
    char path[PATH_MAX];
    return (size_t)snprintf(path, sizeof path, "%s/%s", dir, name) < sizeof path && access(path, X_OK) == 0;
}

/* Sets bin and lib of the first place that has both the server and pg_upgrade. */
static bool find_programs(struct majors *m, int number, struct major *ret)
{
    const char *roots[] = {arena_printf(m->arena, "%s/%d/usr/lib/postgresql/%d", m->trees, number, number),
                           arena_printf(m->arena, "/usr/lib/postgresql/%d", number),
                           arena_printf(m->arena, "/usr/pgsql-%d", number)};
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        ret->bin = arena_printf(m->arena, "%s/bin", roots[i]);
        ret->lib = arena_printf(m->arena, "%s/lib", roots[i]);
        if (is_program(ret->bin, "postgres") && is_program(ret->bin, "pg_upgrade"))
            return true;
    }
    return false;
}

static bool ask_server(struct majors *m, const struct major *found, const char *option, struct str *ret,
                       struct err *e)
{
    const char *argv[] = {arena_printf(m->arena, "%s/postgres", found->bin), option, NULL};
    struct child_spec s = {.argv = argv, .cwd = "/", .account = m->account, .death_signal = SIGKILL};
    return child_run(&s, m->arena, ret, e);
}

/* "postgres (PostgreSQL) 17.11 (Debian 17.11-0+deb13u1)" */
static bool parse_version(const char *text, int *ret)
{
    int major, minor;
    const char *p = strstr(text, "(PostgreSQL) ");
    p = p ? number_take(p + strlen("(PostgreSQL) "), 99, &major) : NULL;
    if (!p || *p != '.' || !number_take(p + 1, 9999, &minor))
        return false;
    *ret = major * 10000 + minor;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* `postgres --describe-config` prints one setting per line, the name before the first tab. */
static void parse_settings(struct arena *a, const char *text, struct major *ret)
{
    const char **names = NULL;
    size_t count = 0, cap = 0;
    while (*text) {
        size_t name = strcspn(text, "\t\n"), line = strcspn(text, "\n");
        if (name < line)
            ARR_PUSH(a, names, count, cap, arena_memdup(a, text, name));
        text += line + (text[line] == '\n');
    }
    if (count)
        qsort(names, count, sizeof *names, compare_names);
    ARR_PUSH(a, names, count, cap, NULL);
    ret->settings = names;
}

/* The build folder may be out of the servers' user's reach, so every state folder has its own copy. */
static bool copy_module(struct majors *m, int number, struct major *ret, struct err *e)
{
    const char *from = arena_printf(m->arena, "%s/%d/aurora_sandbox.so", m->program_lib, number);
    const char *to = arena_printf(m->arena, "%s/aurora_sandbox_%d.so", m->copies, number);
    struct str content;
    if (!file_read(m->arena, from, MODULE_MAX, &content, e))
        return err_wrap(e, "the sandbox's server module was not built for PostgreSQL %d", number);
    if (!file_replace(to, content.p, content.n, 0644, e))
        return false;
    ret->module = to;
    return true;
}

static bool look_up(struct majors *m, int number, struct major *ret, struct err *e)
{
    struct str text;
    struct major found = {.number = number};
    if (m->absent[number] || !find_programs(m, number, &found)) {
        m->absent[number] = true; /* asked for by every listing of versions */
        (void)err_set(e, ERR_NOT_FOUND, "PostgreSQL %d is neither in %s nor installed", number, m->trees);
        return err_hint(e, "run acceptance-tests/sandbox/fetch-majors %d", number);
    }
    if (!ask_server(m, &found, "--version", &text, e))
        return err_wrap(e, "PostgreSQL %d does not run", number);
    if (!parse_version(text.p, &found.version_num) || found.version_num / 10000 != number)
        return err_set(e, ERR_NOT_FOUND, "%s/postgres is not PostgreSQL %d", found.bin, number);
    found.version = text.p;
    if (!ask_server(m, &found, "--describe-config", &text, e) || !copy_module(m, number, &found, e))
        return false;
    parse_settings(m->arena, text.p, &found);
    *ret = found;
    return true;
}

static bool find_locked(struct majors *m, int number, const struct major **ret, struct err *e)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->found[i].number == number) {
            *ret = &m->found[i];
            return true;
        }
    if (number < NUMBER_MIN || number > NUMBER_MAX || m->count == MAJORS_MAX)
        return err_set(e, ERR_INVALID, "%d is not a major version the sandbox can run", number);
    if (!look_up(m, number, &m->found[m->count], e))
        return false;
    *ret = &m->found[m->count++];
    return true;
}

bool majors_find(struct majors *m, int number, const struct major **ret, struct err *e)
{
    (void)pthread_mutex_lock(&m->lock);
    bool ok = find_locked(m, number, ret, e);
    (void)pthread_mutex_unlock(&m->lock);
    return ok;
}
