/* Names of endpoints and the addresses that belong to them, kept in a file of lines "octet state name". */
#include "acceptance-tests/sandbox/engine/forward.h"
#include "acceptance-tests/sandbox/engine/names.h"
#include "acceptance-tests/sandbox/engine/number.h"
#include "acceptance-tests/sandbox/engine/tls.h"
#include "internal/base/file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX (256 * 1024)

struct entry {
    char *name; /* NULL: never used */
    bool removed;
    unsigned removed_at; /* order of removal, to reuse the one gone longest */
};

struct names {
    pthread_mutex_t lock;
    char *path;
    struct entry entry[TLS_ADDRESSES + 1]; /* by last octet; 0 unused */
    unsigned removals;
};

static bool name_valid(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isgraph((unsigned char)name[i]))
            return false;
    return n > 0 && n < 256;
}

static char *copy(const char *s)
{
    char *c = strdup(s);
    if (!c)
        abort();
    return c;
}

static bool load(struct names *n, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct str text;
    struct err absent = ERR_INIT;
    if (!file_read(a, n->path, NAMES_MAX, &text, &absent))
        return absent.code == ERR_NOT_FOUND || err_set(e, absent.code, "%s", absent.text);
    char *rest = arena_memdup(a, text.p, text.n);
    for (char *line; (line = strsep(&rest, "\n"));) {
        int octet;
        const char *after = number_take(line, TLS_ADDRESSES, &octet); /* " + name" or " - name" */
        if (!after || octet < 1 || n->entry[octet].name || strlen(after) < 4 || !name_valid(after + 3))
            continue;
        n->entry[octet] = (struct entry){copy(after + 3), after[1] == '-', 0};
    }
    return true;
}

bool names_new(const char *path, struct names **ret, struct err *e)
{
    struct names *n = calloc(1, sizeof *n);
    if (!n)
        abort();
    (void)pthread_mutex_init(&n->lock, NULL);
    n->path = copy(path);
    if (!load(n, e)) {
        names_free(n);
        return false;
    }
    *ret = n;
    return true;
}

void names_free(struct names *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < ARRAY_LEN(n->entry); i++)
        free(n->entry[i].name);
    free(n->path);
    (void)pthread_mutex_destroy(&n->lock);
    free(n);
}

static bool store(struct names *n, struct err *e)
{
    struct buf out = BUF_INIT(NAMES_MAX);
    for (int i = 1; i <= TLS_ADDRESSES; i++)
        if (n->entry[i].name)
            (void)buf_printf(&out, "%d %c %s\n", i, n->entry[i].removed ? '-' : '+', n->entry[i].name);
    bool ok = file_replace(n->path, out.p, out.n, 0600, e);
    buf_done(&out);
    return ok;
}

static int look(const struct names *n, const char *name)
{
    for (int i = 1; i <= TLS_ADDRESSES; i++)
        if (n->entry[i].name && strcmp(n->entry[i].name, name) == 0)
            return i;
    return 0;
}

/* An address nobody had yet, else the one whose name has been gone longest. */
static int vacant(const struct names *n)
{
    int best = 0;
    for (int i = 1; i <= TLS_ADDRESSES; i++) {
        if (!n->entry[i].name)
            return i;
        if (n->entry[i].removed && (best == 0 || n->entry[i].removed_at < n->entry[best].removed_at))
            best = i;
    }
    return best;
}

static bool take(struct names *n, const char *name, int *ret, struct err *e)
{
    int octet = look(n, name);
    if (octet && !n->entry[octet].removed) {
        *ret = octet;
        return true;
    }
    if (!octet)
        octet = vacant(n);
    if (!octet)
        return err_set(e, ERR_CONFLICT, "all %d addresses of endpoints are in use", TLS_ADDRESSES);
    free(n->entry[octet].name);
    n->entry[octet] = (struct entry){.name = copy(name)};
    *ret = octet;
    return store(n, e);
}

bool names_octet(struct names *n, const char *name, int *ret, struct err *e)
{
    if (!name_valid(name))
        return err_set(e, ERR_INVALID, "not an endpoint's name: \"%s\"", name);
    (void)pthread_mutex_lock(&n->lock);
    bool ok = take(n, name, ret, e);
    (void)pthread_mutex_unlock(&n->lock);
    return ok;
}

void names_remove(struct names *n, const char *name)
{
    (void)pthread_mutex_lock(&n->lock);
    int octet = look(n, name);
    if (octet) {
        n->entry[octet].removed = true;
        n->entry[octet].removed_at = ++n->removals;
        best_effort(store(n, NULL)); /* after a restart the name would keep its address: no harm */
    }
    (void)pthread_mutex_unlock(&n->lock);
}

/* ---- the verbs of engine.h ---- */

bool endpoint_address(struct engine *g, struct arena *a, const char *name, const char **ret, struct err *e)
{
    int octet;
    if (!names_octet(g->names, name, &octet, e))
        return false;
    *ret = arena_printf(a, "127.%d.%d.%d", g->block_a, g->block_b, octet);
    return true;
}

bool endpoint_point(struct engine *g, const char *name, int port, const char *volume_id,
                    enum endpoint_mode mode, struct err *e)
{
    struct forward_point p = {.port = port, .mode = mode};
    if (port < 1 || port > 65535)
        return err_set(e, ERR_INVALID, "not a port: %d", port);
    return names_octet(g->names, name, &p.octet, e) &&
           (!volume_id || volume_find(g, volume_id, &p.target, e)) && forward_set(g->forward, name, &p, e);
}

void endpoint_hold(struct engine *g, const char *name, bool hold)
{
    forward_hold(g->forward, name, hold);
}

void endpoint_remove(struct engine *g, const char *name)
{
    forward_remove(g->forward, name);
    names_remove(g->names, name);
}

size_t endpoint_connections(struct engine *g, const char *name)
{
    return forward_count(g->forward, name);
}
