#include "acceptance-tests/sandbox/store.h"

#include "internal/base/file.h"
#include "internal/base/names.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { STATE_MAX = 64 * 1024 * 1024, STATE_FORMAT = 1 };

const struct kind_row KINDS[KIND_COUNT] = {
    [KIND_CLUSTER] = {"clusters", "DBClusterIdentifier", "DBClusterArn", "cluster", "DbClusterResourceId",
                      "DBClusterNotFoundFault", "DBCluster %s not found."},
    [KIND_INSTANCE] = {"instances", "DBInstanceIdentifier", "DBInstanceArn", "db", "DbiResourceId",
                       "DBInstanceNotFound", "DBInstance %s not found."},
    [KIND_SNAPSHOT] = {"snapshots", "DBClusterSnapshotIdentifier", "DBClusterSnapshotArn", "cluster-snapshot",
                       NULL, "DBClusterSnapshotNotFoundFault", "DBClusterSnapshot %s not found."},
    [KIND_CLUSTER_GROUP] = {"cluster_groups", "DBClusterParameterGroupName", "DBClusterParameterGroupArn",
                            "cluster-pg", NULL, "DBParameterGroupNotFound",
                            "DBClusterParameterGroup not found: %s"},
    [KIND_INSTANCE_GROUP] = {"instance_groups", "DBParameterGroupName", "DBParameterGroupArn", "pg", NULL,
                             "DBParameterGroupNotFound", "DBParameterGroup not found: %s"},
    [KIND_ENDPOINT] = {"endpoints", "DBClusterEndpointIdentifier", "DBClusterEndpointArn", "cluster-endpoint",
                       "DBClusterEndpointResourceIdentifier", "DBClusterEndpointNotFoundFault",
                       "DBClusterEndpoint %s not found."},
    [KIND_BLUEGREEN] = {"bluegreen", "BlueGreenDeploymentIdentifier", "_arn", "deployment", NULL,
                        "BlueGreenDeploymentNotFoundFault", "Blue/Green Deployment %s not found."},
    [KIND_SUBNET_GROUP] = {"subnet_groups", "DBSubnetGroupName", "DBSubnetGroupArn", "subgrp", NULL,
                           "DBSubnetGroupNotFoundFault", "DB subnet group '%s' does not exist."},
    [KIND_SECRET] = {"secrets", "Name", NULL, NULL, "ARN", "ResourceNotFoundException",
                     "Secrets Manager can't find the specified secret."},
};

struct store {
    pthread_mutex_t lock;
    json_t *root;
    char path[1024];
};

static void random_upper(char *out, size_t n)
{
    random_name(out, n);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)toupper((unsigned char)out[i]);
}

static json_t *new_document(const struct store_seed *seed)
{
    char key[17], secret[41], token[33];
    random_upper(key, 16);
    random_name(secret, 40);
    random_name(token, 32);
    json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:s, s:[], s:[], s:{}, s:[]}", "format", STATE_FORMAT,
                             "region", seed->region, "account_id", seed->account, "secret_access_key", secret,
                             "control_token", token, "jobs", "events", "sessions", "faults");
    rec_printf(root, "access_key_id", "AKIA%s", key);
    for (enum kind k = 0; k < KIND_COUNT; k++)
        (void)rec_list(root, KINDS[k].list);
    return root;
}

static bool read_document(const char *path, json_t **ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct str text;
    json_error_t problem;
    if (!file_read(a, path, STATE_MAX, &text, e))
        return false;
    json_t *root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &problem);
    if (!root || rec_int(root, "format") != STATE_FORMAT) {
        json_decref(root);
        return err_set(e, ERR_INVALID, "%s is not a state of this program%s%s", path, root ? "" : ": ",
                       root ? "" : problem.text);
    }
    *ret = root;
    return true;
}

bool store_open(const char *path, const struct store_seed *seed, struct store **ret, struct err *e)
{
    struct err why = ERR_INIT;
    json_t *root = NULL;
    if (strlen(path) >= sizeof((struct store *)0)->path)
        return err_set(e, ERR_INVALID, "path too long: %s", path);
    if (!read_document(path, &root, &why)) {
        if (why.code != ERR_NOT_FOUND)
            return err_set(e, why.code, "read the state: %s", why.text);
        root = new_document(seed);
    }
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    (void)pthread_mutex_init(&s->lock, NULL);
    s->root = root;
    (void)snprintf(s->path, sizeof s->path, "%s", path);
    if (!store_save(s, e)) {
        store_close(s);
        return false;
    }
    *ret = s;
    return true;
}

struct store *store_copy(struct store *s)
{
    struct store *copy = calloc(1, sizeof *copy);
    if (!copy)
        abort();
    (void)pthread_mutex_init(&copy->lock, NULL);
    copy->root = json_deep_copy(s->root);
    return copy;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    json_decref(s->root);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

void store_lock(struct store *s)
{
    (void)pthread_mutex_lock(&s->lock);
}

void store_unlock(struct store *s)
{
    (void)pthread_mutex_unlock(&s->lock);
}

json_t *store_root(struct store *s)
{
    return s->root;
}

static bool write_whole(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, text, n);
        if (done < 0 && errno != EINTR)
            return false;
        text += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

/* The new file takes the old one's name in one step. The two change names where the file system can do that,
 * because ext4 writes a file that replaces another to the disk first, which costs more than all the rest. */
static bool take_name(const char *beside, const char *path)
{
    return renameat2(AT_FDCWD, beside, AT_FDCWD, path, RENAME_EXCHANGE) == 0 || rename(beside, path) == 0;
}

static bool replace(const char *path, const char *text, struct err *e)
{
    char beside[sizeof((struct store *)0)->path + 8];
    (void)snprintf(beside, sizeof beside, "%s.old", path);
    (void)unlink(beside);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write_whole(fd, text, strlen(text)) && take_name(beside, path);
    int reason = errno;
    if (fd >= 0)
        (void)close(fd);
    return ok || err_errno(e, reason, "write %s", path);
}

/* Replaced in one step, but not forced to the disk: the state outlives a killed process, not a killed
 * machine, as the servers' data does. */
bool store_save(struct store *s, struct err *e)
{
    char *text = json_dumps(s->root, JSON_COMPACT);
    bool ok = text && replace(s->path, text, e);
    free(text);
    return ok || err_wrap(e, "save the state");
}

json_t *store_list(struct store *s, enum kind kind)
{
    return rec_list(s->root, KINDS[kind].list);
}

static json_t *find_in(json_t *list, const char *member, const char *value)
{
    size_t i;
    json_t *record;
    json_array_foreach(list, i, record)
    {
        if (rec_same(record, member, value))
            return record;
    }
    return NULL;
}

json_t *store_find_by(struct store *s, enum kind kind, const char *member, const char *value)
{
    return *value ? find_in(store_list(s, kind), member, value) : NULL;
}

json_t *store_find(struct store *s, enum kind kind, const char *id)
{
    bool arn = strncmp(id, "arn:", 4) == 0 && KINDS[kind].arn;
    return store_find_by(s, kind, arn ? KINDS[kind].arn : KINDS[kind].id, id);
}

json_t *store_resource(struct store *s, enum kind kind, const char *resource)
{
    return store_find_by(s, kind, KINDS[kind].resource, resource);
}

json_t *store_by_arn(struct store *s, const char *arn, enum kind *ret_kind)
{
    struct arn parsed;
    if (!arn_parse(arn, &parsed))
        return NULL;
    for (enum kind k = 0; k < KIND_COUNT; k++)
        if (KINDS[k].arn_type && strcmp(KINDS[k].arn_type, parsed.type) == 0) {
            *ret_kind = k;
            return find_in(store_list(s, k), KINDS[k].arn, arn);
        }
    return NULL;
}

json_t *store_add(struct store *s, enum kind kind, json_t *record)
{
    (void)json_array_append_new(store_list(s, kind), record);
    return record;
}

void store_remove(struct store *s, enum kind kind, json_t *record)
{
    json_t *list = store_list(s, kind);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_array_get(list, i) == record) {
            (void)json_array_remove(list, i);
            return;
        }
}

void store_set_arn(struct store *s, enum kind kind, json_t *record)
{
    rec_printf(record, KINDS[kind].arn, "arn:aws:rds:%s:%s:%s:%s", store_region(s), store_account(s),
               KINDS[kind].arn_type, rec_str(record, KINDS[kind].id));
}

const char *store_region(struct store *s)
{
    return rec_str(s->root, "region");
}

const char *store_account(struct store *s)
{
    return rec_str(s->root, "account_id");
}
