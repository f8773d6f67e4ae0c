#include "acceptance-tests/sandbox/engine/template.h"

#include "acceptance-tests/sandbox/engine/identity.h"
#include "acceptance-tests/sandbox/engine/tree.h"
#include "internal/base/clock.h"
#include "internal/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SCRIPT_MAX   (256 * 1024)
#define KEEP_SECONDS (30 * 24 * 3600LL)

static const struct account ours = {.change = false};

DEFINE_CLEANUP(DIR, dir_cleanup, (void)closedir)

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* ---- places and names ---- */

/* What others can write to could hold anything by the time it is copied. */
static bool is_ours(const char *path)
{
    struct stat st;
    return tree_make(path, 0755, NULL) && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
           st.st_uid == geteuid() && (st.st_mode & 022) == 0 &&
           faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0;
}

const char *template_place(struct engine *g)
{
    const char *set = getenv("AURORA_SANDBOX_TEMPLATES");
    const char *beside = set && *set ? arena_strdup(g->arena, set)
                                     : arena_printf(g->arena, "%s/.data", majors_trees(g->majors));
    return is_ours(beside) ? beside : arena_printf(g->arena, "%s/templates", g->dir);
}

static uint64_t hash_more(uint64_t h, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 1099511628211U; /* FNV-1a */
    return h;
}

static uint64_t hash_text(uint64_t h, const char *text)
{
    return hash_more(h, text, strlen(text) + 1);
}

/* NULL if what makes its name cannot be read. */
static const char *path_of(struct engine *g, struct arena *a, const struct template *t)
{
    struct str script = {"", 0};
    struct utsname machine;
    if (uname(&machine) != 0 ||
        (t->ready && !file_read(a, majors_bootstrap(g->majors), SCRIPT_MAX, &script, NULL)))
        return NULL;
    uint64_t h = hash_text(14695981039346656037U, "layout 1: rdsadmin, UTF8, C.UTF-8");
    h = hash_text(hash_text(h, machine.machine), t->major->version);
    h = hash_more(h, script.p, script.n);
    return arena_printf(a, "%s/%d-%s-%s-%016" PRIx64, g->templates_dir, t->major->number,
                        t->ready ? "ready" : "bare", t->checksums ? "checksums" : "plain", h);
}

static const char *hidden_path(struct engine *g, struct arena *a)
{
    char chance[13];
    random_name(chance, sizeof chance - 1);
    return arena_printf(a, "%s/.%s", g->templates_dir, chance);
}

/* ---- away with them ---- */

/* Under a hidden name nobody takes half of it. */
static void discard(struct engine *g, const char *path)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *hidden = hidden_path(g, a);
    if (tree_rename(path, hidden, NULL))
        best_effort(tree_remove(hidden, NULL));
}

/* The lock is its maker's for as long as that lives. */
static int lock_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    close_fd(&fd);
    return -1;
}

static void sweep_one(struct engine *g, const char *path, bool hidden)
{
    struct stat st;
    if (hidden) {
        int fd CLEANUP(close_fd) = lock_folder(path);
        if (fd >= 0)
            best_effort(tree_remove(path, NULL));
    } else if (lstat(path, &st) == 0 &&
               clock_real()->wall_ms(clock_real()) / 1000 - st.st_mtime > KEEP_SECONDS) {
        discard(g, path);
    }
}

/* What a killed process was making, and what nobody has used for long. */
static void sweep(struct engine *g)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    DIR *d CLEANUP(dir_cleanup) = opendir(g->templates_dir);
    for (struct dirent *x; d && (x = readdir(d));)
        if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0)
            sweep_one(g, arena_printf(a, "%s/%s", g->templates_dir, x->d_name), x->d_name[0] == '.');
}

/* ---- copies ---- */

/* Every start writes these anew, and they name the volume they belong to. */
static bool skip(const char *path, bool is_dir)
{
    static const char *const files[] = {"postgresql.conf", "pg_hba.conf", "pg_ident.conf", "postmaster.opts"};
    for (size_t i = 0; !is_dir && i < ARRAY_LEN(files); i++)
        if (strcmp(path, files[i]) == 0)
            return true;
    return false;
}

static const char *sum_text(struct arena *a, const struct tree_sum *sum)
{
    return arena_printf(a, "%" PRIu64 " files, %" PRIu64 " bytes\n", sum->files, sum->bytes);
}

static bool copy_out(struct engine *g, struct arena *a, const char *path, const char *data)
{
    struct str wanted;
    struct tree_sum sum = {0};
    struct tree_copy c = {
        .from = arena_printf(a, "%s/data", path), .to = data, .account = &g->account, .sum = &sum};
    return file_read(a, arena_printf(a, "%s/sum", path), 256, &wanted, NULL) && tree_copy(&c, NULL) &&
           strcmp(wanted.p, sum_text(a, &sum)) == 0 && identity_renew(data, NULL);
}

bool template_take(struct engine *g, const struct template *t, const char *data)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *path = path_of(g, a, t);
    if (!path || !tree_exists(path) || tree_exists(data))
        return false;
    (void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
    if (copy_out(g, a, path, data))
        return true;
    best_effort(tree_remove(data, NULL));
    discard(g, path);
    return false;
}

/* A name that survives a power failure must not point at files that do not. */
static bool copy_in(struct arena *a, const char *data, const char *hidden, int folder)
{
    struct tree_sum sum = {0};
    struct tree_copy c = {
        .from = data, .to = arena_printf(a, "%s/data", hidden), .account = &ours, .skip = skip, .sum = &sum};
    if (!tree_copy(&c, NULL))
        return false;
    const char *text = sum_text(a, &sum);
    return file_replace(arena_printf(a, "%s/sum", hidden), text, strlen(text), 0600, NULL) &&
           syncfs(folder) == 0;
}

void template_keep(struct engine *g, const struct template *t, const char *data)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *path = path_of(g, a, t), *hidden = hidden_path(g, a);
    if (!path || tree_exists(path) || !tree_make(hidden, 0700, NULL))
        return;
    int folder CLEANUP(close_fd) = lock_folder(hidden);
    /* Who finds one of that name was second. */
    if (folder < 0 || !copy_in(a, data, hidden, folder) || !tree_rename(hidden, path, NULL))
        best_effort(tree_remove(hidden, NULL));
    sweep(g);
}
