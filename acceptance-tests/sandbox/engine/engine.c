/* Opening and closing: who we are, which addresses are ours, what an earlier process left behind. */
#include "acceptance-tests/sandbox/engine/forward.h"
#include "acceptance-tests/sandbox/engine/names.h"
#include "acceptance-tests/sandbox/engine/number.h"
#include "acceptance-tests/sandbox/engine/server.h"
#include "acceptance-tests/sandbox/engine/template.h"
#include "acceptance-tests/sandbox/engine/tls.h"
#include "acceptance-tests/sandbox/engine/tree.h"
#include "acceptance-tests/sandbox/engine/volume.h"
#include "internal/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define HALT_PATIENCE_MS 60000

static void close_if_open(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

static bool set_account(struct engine *g, const char *run_as, struct err *e)
{
    struct passwd *me = getpwuid(geteuid());
    if (!me)
        return err_set(e, ERR_INVALID, "user id %d has no name, PostgreSQL needs one", (int)geteuid());
    (void)snprintf(g->own_name, sizeof g->own_name, "%s", me->pw_name);
    g->account = (struct account){.uid = me->pw_uid, .gid = me->pw_gid};
    (void)snprintf(g->account.name, sizeof g->account.name, "%s", me->pw_name);
    if (geteuid() != 0)
        return true;
    struct passwd *other = getpwnam(run_as && *run_as ? run_as : "nobody");
    if (!other || other->pw_uid == 0)
        return err_set(e, ERR_INVALID, "servers cannot run as user \"%s\"",
                       run_as && *run_as ? run_as : "nobody");
    g->account = (struct account){.change = true, .uid = other->pw_uid, .gid = other->pw_gid};
    (void)snprintf(g->account.name, sizeof g->account.name, "%s", other->pw_name);
    return true;
}

static bool own_dir(const char *path, unsigned mode, struct err *e)
{
    if (!tree_make(path, 0755, e))
        return false;
    return chmod(path, mode) == 0 || err_errno(e, errno, "set the mode of %s", path);
}

/* Everything below `state`; searchable by the servers' user, readable by us alone where it matters. */
static bool make_folders(struct engine *g, const char *state, struct err *e)
{
    char real[PATH_MAX];
    if (!own_dir(state, 0711, e))
        return false;
    if (!realpath(state, real))
        return err_errno(e, errno, "resolve %s", state);
    g->dir = arena_printf(g->arena, "%s/engine", real);
    g->volumes_dir = arena_printf(g->arena, "%s/volumes", g->dir);
    g->tls_dir = arena_printf(g->arena, "%s/tls", g->dir);
    g->work_dir = arena_printf(g->arena, "%s/work", g->dir);
    g->ca_file = arena_printf(g->arena, "%s/ca.pem", g->tls_dir);
    if (strpbrk(real, "'\\\n\""))
        return err_set(e, ERR_INVALID, "the state folder's path must not contain quotes or backslashes: %s",
                       real);
    return own_dir(g->dir, 0711, e) && own_dir(g->volumes_dir, 0711, e) && own_dir(g->tls_dir, 0711, e) &&
           own_dir(g->work_dir, 0711, e);
}

/* Everything above the state folder must let the servers' user through: find out by going there as that user.
 */
static bool check_reachable(struct engine *g, struct err *e)
{
    const char *argv[] = {"/bin/true", NULL};
    struct child_spec s = {
        .argv = argv, .cwd = g->volumes_dir, .account = &g->account, .death_signal = SIGKILL};
    if (child_run(&s, g->arena, NULL, e))
        return true;
    (void)err_hint(e,
                   "choose a state folder below which user \"%s\" can work, such as one in /var/tmp or /tmp",
                   g->account.name);
    return err_wrap(e, "the state folder is out of the servers' reach");
}

static bool lock_state(struct engine *g, struct err *e)
{
    const char *path = arena_printf(g->arena, "%s/lock", g->dir);
    g->state_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (g->state_lock < 0)
        return err_errno(e, errno, "open %s", path);
    if (flock(g->state_lock, LOCK_EX | LOCK_NB) != 0)
        return err_set(e, ERR_CONFLICT, "another sandbox works with the state folder of %s", path);
    return true;
}

/* ---- the block of addresses ---- */

/* An abstract socket is the lock: it belongs to the network namespace, as loopback addresses do, and ends
 * with its process. -1: somebody has it. */
static int take_block(int a, int b)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int n = snprintf(at.sun_path + 1, sizeof at.sun_path - 1, "aurora-sandbox/127.%d.%d", a, b);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&at,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0)
        return fd;
    close_if_open(fd);
    return -1;
}

/* "127.A.B" */
static bool read_block(struct engine *g, const char *path, int *a, int *b)
{
    struct str text;
    if (!file_read(g->arena, path, 64, &text, NULL) || strncmp(text.p, "127.", 4) != 0)
        return false;
    const char *rest = number_take(text.p + 4, 239, a);
    return rest && *rest == '.' && number_take(rest + 1, 255, b) && *a >= 16;
}

static unsigned hash_of(const char *s)
{
    unsigned h = 2166136261U; /* FNV-1a */
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619U;
    return h;
}

/* Chosen at the first start from the folder's name, kept for the life of the folder: clients and certificates
 * know it. */
static bool settle_block(struct engine *g, struct err *e)
{
    const char *path = arena_printf(g->arena, "%s/addresses", g->dir);
    if (read_block(g, path, &g->block_a, &g->block_b)) {
        g->block_lock = take_block(g->block_a, g->block_b);
        return g->block_lock >= 0 || err_set(e, ERR_CONFLICT,
                                             "addresses 127.%d.%d.x, which this state folder uses, "
                                             "are taken by another sandbox",
                                             g->block_a, g->block_b);
    }
    unsigned h = hash_of(g->dir);
    for (unsigned i = 0; i < 224 * 256 && g->block_lock < 0; i++) {
        g->block_a = 16 + (int)((h + i) / 256 % 224);
        g->block_b = (int)((h + i) % 256);
        g->block_lock = take_block(g->block_a, g->block_b);
    }
    const char *text = arena_printf(g->arena, "127.%d.%d\n", g->block_a, g->block_b);
    return (g->block_lock >= 0 || err_set(e, ERR_CONFLICT, "no free block of loopback addresses")) &&
           file_replace(path, text, strlen(text), 0600, e);
}

/* A socket's path has at most 107 bytes: "<dir>/.s.PGSQL.20001", and pg_upgrade adds its own. */
static bool settle_sockets(struct engine *g, struct err *e)
{
    g->socket_dir = arena_printf(g->arena, "%s/sock", g->dir);
    if (strlen(g->socket_dir) > 80)
        g->socket_dir = arena_printf(g->arena, "/tmp/aurora-sandbox-%d-%d", g->block_a, g->block_b);
    return tree_remove(g->socket_dir, e) && tree_make_private(g->socket_dir, &g->account, e);
}

/* ---- open, close ---- */

static bool open_parts(struct engine *g, const struct engine_options *o, struct err *e)
{
    struct majors_options m = {.trees = o->majors_dir, .copies = g->dir, .account = &g->account};
    if (!check_reachable(g, e) || !majors_new(&m, &g->majors, e))
        return false;
    g->templates_dir = template_place(g);
    return tls_prepare(g->tls_dir, g->block_a, g->block_b, &g->account, e) && volumes_load(g, e) &&
           settle_sockets(g, e) && tree_remove(g->work_dir, e) && own_dir(g->work_dir, 0711, e) &&
           names_new(arena_printf(g->arena, "%s/endpoints", g->dir), &g->names, e) &&
           keeper_new(&g->keeper, e) && forward_new(g, &g->forward, e);
}

bool engine_open(const struct engine_options *o, struct engine **ret, struct err *e)
{
    struct engine *g = calloc(1, sizeof *g);
    if (!g)
        abort();
    g->arena = arena_new();
    g->state_lock = g->block_lock = -1;
    (void)pthread_mutex_init(&g->lock, NULL);
    if (!set_account(g, o->run_as, e) || !make_folders(g, o->state_dir, e) || !lock_state(g, e) ||
        !settle_block(g, e) || !open_parts(g, o, e)) {
        engine_close(g);
        return err_wrap(e, "open the sandbox's engine");
    }
    *ret = g;
    return true;
}

void engine_close(struct engine *g)
{
    if (!g)
        return;
    forward_free(g->forward);
    for (struct volume *v = g->volumes; v; v = v->next)
        server_begin_halt(v);
    for (struct volume *v = g->volumes; v; v = v->next)
        best_effort(server_halt(g, v, HALT_PATIENCE_MS, NULL));
    keeper_free(g->keeper);
    names_free(g->names);
    volumes_free(g);
    majors_free(g->majors);
    if (g->socket_dir)
        best_effort(tree_remove(g->socket_dir, NULL));
    close_if_open(g->block_lock);
    close_if_open(g->state_lock);
    (void)pthread_mutex_destroy(&g->lock);
    arena_free(g->arena);
    free(g);
}

const char *engine_ca_file(const struct engine *g)
{
    return g->ca_file;
}

bool engine_has_major(struct engine *g, int major)
{
    const struct major *m;
    return majors_find(g->majors, major, &m, NULL);
}

int engine_version_num(struct engine *g, int major)
{
    const struct major *m;
    return majors_find(g->majors, major, &m, NULL) ? m->version_num : 0;
}

bool engine_params_check(struct engine *g, int major, const struct engine_param *p, size_t n, struct err *e)
{
    const struct major *m;
    return majors_find(g->majors, major, &m, e) && config_check(m, p, n, e);
}
