#include "acceptance-tests/sandbox/store.h"

#include "acceptance-tests/sandbox/change.h"
#include "acceptance-tests/sandbox/state_file.h"
#include "internal/base/file.h"
#include "internal/base/names.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_FORMAT = 2 };

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
    [KIND_ZONE] = {"zones", "Id", NULL, NULL, NULL, "NoSuchHostedZone", "No hosted zone found with ID: %s"},
};

struct store {
    pthread_mutex_t lock;
    json_t *root;
    json_t *saved;           /* as a reader of the file would get it */
    struct state_file *file; /* NULL, as `saved`: of a copy */
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
    json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:s, s:[], s:[], s:[], s:[]}", "format", STATE_FORMAT,
                             "region", seed->region, "account_id", seed->account, "secret_access_key", secret,
                             "control_token", token, "jobs", "events", "sessions", "faults");
    rec_printf(root, "access_key_id", "AKIA%s", key);
    for (enum kind k = 0; k < KIND_COUNT; k++)
        (void)rec_list(root, KINDS[k].list);
    return root;
}

/* Events are most of a long-lived state, and never change once they are there: both documents hold the same
 * ones, which need not be compared. Their changes are taken out of the list, because they would be made to
 * objects that are the live document's, too. */
static void share_events(struct store *s, json_t *changes)
{
    for (size_t i = json_array_size(changes); i > 0; i--) {
        const json_t *path = json_array_get(json_array_get(changes, i - 1), 1);
        const char *member = json_string_value(json_array_get(path, 0));
        if (member && strcmp(member, "events") == 0)
            (void)json_array_remove(changes, i - 1);
    }
    rec_set(s->saved, "events", json_copy(rec_list(s->root, "events")));
}

/* A list that is none would read as an empty one. */
static bool check_lists(const json_t *root, struct err *e)
{
    static const char *const OTHERS[] = {"jobs", "events", "sessions", "faults"};
    for (size_t k = 0; k < KIND_COUNT + ARRAY_LEN(OTHERS); k++) {
        const char *name = k < KIND_COUNT ? KINDS[k].list : OTHERS[k - KIND_COUNT];
        const json_t *list = json_object_get(root, name), *record;
        size_t i;
        if (list && !json_is_array(list))
            return err_set(e, ERR_INVALID, "%s is no list", name);
        json_array_foreach(list, i, record)
        {
            if (!json_is_object(record))
                return err_set(e, ERR_INVALID, "element %zu of %s is no record", i, name);
        }
    }
    return true;
}

static bool check_document(const json_t *root, struct err *e)
{
    static const char *const TEXTS[] = {"region", "account_id", "access_key_id", "secret_access_key",
                                        "control_token"};
    if (rec_int(root, "format") != STATE_FORMAT)
        return err_set(e, ERR_INVALID, "written in format %lld, this program reads %d",
                       (long long)rec_int(root, "format"), STATE_FORMAT);
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++)
        if (!*rec_str(root, TEXTS[i]))
            return err_set(e, ERR_INVALID, "%s is missing", TEXTS[i]);
    return check_lists(root, e);
}

/* What is there, or a new document if there is no file; anything else is refused and left as it is. */
static bool read_document(const char *path, const struct store_seed *seed, json_t **ret, struct err *e)
{
    json_t *root = NULL;
    if (state_file_read(path, &root, e)) {
        if (check_document(root, e)) {
            *ret = root;
            return true;
        }
        json_decref(root);
        return err_wrap(e, "%s", path);
    }
    if (e->code != ERR_NOT_FOUND)
        return false;
    *ret = new_document(seed);
    return true;
}

bool store_open(const char *path, const struct store_seed *seed, struct store **ret, struct err *e)
{
    struct err why = ERR_INIT;
    struct state_file *file = NULL;
    json_t *root = NULL;
    if (!read_document(path, seed, &root, &why))
        return err_set(e, why.code, "read the state: %s; it was left as it is", why.text);
    if (!state_file_create(path, root, &file, e)) {
        json_decref(root);
        return err_wrap(e, "save the state");
    }
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    (void)pthread_mutex_init(&s->lock, NULL);
    s->root = root;
    s->saved = change_copy(root);
    s->file = file;
    share_events(s, NULL);
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
    state_file_close(s->file);
    json_decref(s->saved);
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

bool store_save(struct store *s, struct err *e)
{
    json_t *changes = change_find(s->saved, s->root);
    bool ok = state_file_save(s->file, changes, s->root, e);
    if (ok)
        share_events(s, changes);
    if (ok && !change_apply(s->saved, changes, e))
        abort(); /* what was written would not be read either */
    json_decref(changes);
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
