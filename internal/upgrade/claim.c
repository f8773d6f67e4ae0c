/* Who works on a cluster within this process. Between processes, the tags on objects of ours and AWS's own
 * refusals decide. */
#include "internal/upgrade/upgrade.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct claim {
    struct claim *next;
    char key[192];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static struct claim *claims, *created;

static struct claim **find(struct claim **list, const char *key)
{
    struct claim **at = list;
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static void make_key(char *key, size_t size, const char *region, const char *cluster)
{
    (void)snprintf(key, size, "%s/%s", region, cluster);
}

bool cluster_claim(const char *region, const char *cluster, struct stop *stop, struct err *e)
{
    struct claim *mine = calloc(1, sizeof *mine);
    if (!mine)
        abort();
    make_key(mine->key, sizeof mine->key, region, cluster);
    (void)pthread_mutex_lock(&lock);
    bool ok = !stop_requested(stop);
    while (ok && *find(&claims, mine->key))
        ok = !stop_wait_signal(stop, &released, &lock);
    if (ok) {
        mine->next = claims;
        claims = mine;
    }
    (void)pthread_mutex_unlock(&lock);
    if (ok)
        return true;
    free(mine);
    return err_set(e, ERR_CANCELLED, "interrupted while another operation on %s was running", cluster);
}

void cluster_release(const char *region, const char *cluster)
{
    char key[sizeof(((struct claim *)NULL)->key)];
    make_key(key, sizeof key, region, cluster);
    (void)pthread_mutex_lock(&lock);
    struct claim **at = find(&claims, key), *mine = *at;
    if (mine)
        *at = mine->next;
    (void)pthread_cond_broadcast(&released);
    (void)pthread_mutex_unlock(&lock);
    free(mine);
}

void cluster_created(const char *region, const char *cluster)
{
    struct claim *mine = calloc(1, sizeof *mine);
    if (!mine)
        abort();
    make_key(mine->key, sizeof mine->key, region, cluster);
    (void)pthread_mutex_lock(&lock);
    bool known = *find(&created, mine->key) != NULL;
    if (!known) {
        mine->next = created;
        created = mine;
    }
    (void)pthread_mutex_unlock(&lock);
    if (known)
        free(mine);
}

bool cluster_was_created(const char *region, const char *cluster)
{
    char key[sizeof(((struct claim *)NULL)->key)];
    make_key(key, sizeof key, region, cluster);
    (void)pthread_mutex_lock(&lock);
    bool known = *find(&created, key) != NULL;
    (void)pthread_mutex_unlock(&lock);
    return known;
}

void cluster_created_forget(void)
{
    (void)pthread_mutex_lock(&lock);
    while (created) {
        struct claim *next = created->next;
        free(created);
        created = next;
    }
    (void)pthread_mutex_unlock(&lock);
}
