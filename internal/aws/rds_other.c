/* Events, tags, snapshots, log files, custom endpoints. */
#include "internal/aws/rds_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- events ---- */

static const struct shape_member event_members[] = {
    MEMBER(rds_event, TEXT, source, "SourceIdentifier"),
    MEMBER(rds_event, TEXT, source_type, "SourceType"),
    MEMBER(rds_event, TEXT, message, "Message"),
    MEMBER(rds_event, TEXT, date, "Date"),
    END_OF_SHAPE,
};
static const struct shape event_shape = {sizeof(struct rds_event), event_members};

static int by_date(const void *x, const void *y)
{
    const struct rds_event *p = x, *q = y;
    return strcmp(p->date, q->date); /* one format, in UTC: text order is time order */
}

bool rds_events(const struct aws_session *s, const char *source_type, const char *source, int minutes,
                const struct rds_event **ret, size_t *ret_n, struct err *e)
{
    struct fields f = {.arena = s->arena};
    struct rds_event *items = NULL;
    size_t n = 0;
    fields_add(&f, "SourceType", source_type);
    fields_add(&f, "SourceIdentifier", source);
    fields_add_int(&f, "Duration", minutes);
    if (!rds_list(s, "DescribeEvents", &f, &event_shape, &items, &n, e))
        return false;
    qsort(items, n, sizeof *items, by_date);
    *ret = items;
    *ret_n = n;
    return true;
}

/* ---- tags ---- */

bool rds_tag_add(const struct aws_session *s, const char *arn, struct rds_tags tags, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "ResourceName", arn);
    fields_add_tags(&f, tags);
    return rds_call(s, "AddTagsToResource", &f, NULL, e);
}

bool rds_tag_remove(const struct aws_session *s, const char *arn, const char *const *keys, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "ResourceName", arn);
    for (size_t i = 0; keys[i]; i++)
        fields_add(&f, arena_printf(s->arena, "TagKeys.member.%zu", i + 1), keys[i]);
    return rds_call(s, "RemoveTagsFromResource", &f, NULL, e);
}

bool rds_tag_list(const struct aws_session *s, const char *arn, struct rds_tags *ret, struct err *e)
{
    struct fields f = {.arena = s->arena};
    const struct xml *result = NULL;
    fields_add(&f, "ResourceName", arn);
    if (!rds_call(s, "ListTagsForResource", &f, &result, e))
        return false;
    struct rds_tags tags = {0};
    tags.tags = shape_read_list(s->arena, &rds_tag_shape, xml_find(result, "TagList"), "Tag", &tags.count);
    *ret = tags;
    return true;
}

/* ---- snapshots ---- */

bool rds_snapshot_find(const struct aws_session *s, const char *id, const struct rds_snapshot **ret,
                       struct err *e)
{
    const struct rds_snapshot *found = NULL;
    struct fields f = {.arena = s->arena};
    fields_add(&f, "DBClusterSnapshotIdentifier", id);
    if (!rds_find(s, "DescribeDBClusterSnapshots", &f, &rds_snapshot_shape, &found, e))
        return false;
    if (found && strcasecmp(found->identifier, id) != 0 && strcmp(found->arn, id) != 0)
        return err_set(e, ERR_REMOTE, "asked for snapshot %s, AWS described %s", id, found->identifier);
    *ret = found;
    return true;
}

bool rds_snapshot_list(const struct aws_session *s, const char *prefix, const struct rds_snapshot **ret,
                       size_t *ret_n, struct err *e)
{
    struct rds_snapshot *items = NULL;
    struct fields f = {.arena = s->arena};
    size_t n = 0, kept = 0;
    fields_add(&f, "SnapshotType", "manual");
    if (!rds_list(s, "DescribeDBClusterSnapshots", &f, &rds_snapshot_shape, &items, &n, e))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strncasecmp(items[i].identifier, prefix, strlen(prefix)) == 0)
            items[kept++] = items[i];
    *ret = items;
    *ret_n = kept;
    return true;
}

bool rds_snapshot_list_of(const struct aws_session *s, const char *cluster, const struct rds_snapshot **ret,
                          size_t *ret_n, struct err *e)
{
    struct rds_snapshot *items = NULL;
    struct fields f = {.arena = s->arena};
    fields_add(&f, "DBClusterIdentifier", cluster);
    fields_add(&f, "SnapshotType", "manual");
    if (!rds_list(s, "DescribeDBClusterSnapshots", &f, &rds_snapshot_shape, &items, ret_n, e))
        return false;
    *ret = items;
    return true;
}

bool rds_snapshot_create(const struct aws_session *s, const char *id, const char *cluster,
                         struct rds_tags tags, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "DBClusterSnapshotIdentifier", id);
    fields_add(&f, "DBClusterIdentifier", cluster);
    fields_add_tags(&f, tags);
    return rds_call(s, "CreateDBClusterSnapshot", &f, NULL, e);
}

bool rds_snapshot_encrypt(const struct aws_session *s, const char *id, const char *copy,
                          const char *kms_key_id, struct rds_tags tags, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "SourceDBClusterSnapshotIdentifier", id);
    fields_add(&f, "TargetDBClusterSnapshotIdentifier", copy);
    fields_add(&f, "KmsKeyId", kms_key_id);
    fields_add_tags(&f, tags);
    return rds_call(s, "CopyDBClusterSnapshot", &f, NULL, e);
}

bool rds_snapshot_delete(const struct aws_session *s, const char *id, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "DBClusterSnapshotIdentifier", id);
    return rds_call_unless_absent(s, "DeleteDBClusterSnapshot", &f, e);
}

/* ---- log files ---- */

static const struct shape_member log_file_members[] = {
    MEMBER(rds_log_file, TEXT, name, "LogFileName"),
    MEMBER(rds_log_file, DOUBLE, written_ms, "LastWritten"),
    MEMBER(rds_log_file, DOUBLE, bytes, "Size"),
    END_OF_SHAPE,
};
static const struct shape log_file_shape = {sizeof(struct rds_log_file), log_file_members};

bool rds_log_files(const struct aws_session *s, const char *instance, const char *contains,
                   const struct rds_log_file **ret, size_t *ret_n, struct err *e)
{
    struct rds_log_file *items = NULL;
    struct fields f = {.arena = s->arena};
    fields_add(&f, "DBInstanceIdentifier", instance);
    fields_add(&f, "FilenameContains", contains);
    if (!rds_list(s, "DescribeDBLogFiles", &f, &log_file_shape, &items, ret_n, e))
        return false;
    *ret = items;
    return true;
}

bool rds_log_tail(const struct aws_session *s, const char *instance, const char *name, int lines,
                  const char **ret, struct err *e)
{
    struct fields f = {.arena = s->arena};
    const struct xml *result = NULL;
    fields_add(&f, "DBInstanceIdentifier", instance);
    fields_add(&f, "LogFileName", name);
    fields_add_int(&f, "NumberOfLines", lines);
    if (!rds_call(s, "DownloadDBLogFilePortion", &f, &result, e))
        return false;
    *ret = xml_text(result, "LogFileData", "");
    return true;
}

/* ---- custom endpoints ---- */

struct endpoint {
    struct rds_custom_endpoint custom;
    const char *kind; /* WRITER, READER or CUSTOM: the operation lists all three */
};

#define PART(t, m, p)                                                                                        \
    {                                                                                                        \
        .type = SHAPE_##t, .offset = offsetof(struct endpoint, m), .path = (p), .item = "member"             \
    }
static const struct shape_member endpoint_members[] = {
    PART(TEXT, custom.identifier, "DBClusterEndpointIdentifier"),
    PART(TEXT, custom.cluster_identifier, "DBClusterIdentifier"),
    PART(TEXT, custom.endpoint, "Endpoint"),
    PART(TEXT, custom.status, "Status"),
    PART(TEXT, custom.type, "CustomEndpointType"),
    PART(TEXT, custom.arn, "DBClusterEndpointArn"),
    PART(TEXTS, custom.static_members, "StaticMembers"),
    PART(TEXTS, custom.excluded_members, "ExcludedMembers"),
    PART(TEXT, kind, "EndpointType"),
    END_OF_SHAPE,
};
static const struct shape endpoint_shape = {sizeof(struct endpoint), endpoint_members};

bool rds_custom_endpoints(const struct aws_session *s, const char *cluster_id,
                          const struct rds_custom_endpoint **ret, size_t *ret_n, struct err *e)
{
    struct fields f = {.arena = s->arena};
    struct endpoint *items = NULL;
    size_t n = 0, kept = 0;
    fields_add(&f, "DBClusterIdentifier", cluster_id);
    if (!rds_list(s, "DescribeDBClusterEndpoints", &f, &endpoint_shape, &items, &n, e))
        return false;
    struct rds_custom_endpoint *out = ARENA_ARRAY(s->arena, struct rds_custom_endpoint, n + 1);
    for (size_t i = 0; i < n; i++)
        if (strcmp(items[i].kind, "CUSTOM") == 0)
            out[kept++] = items[i].custom;
    *ret = out;
    *ret_n = kept;
    return true;
}

static void add_members(struct fields *f, const char *list, const char **names)
{
    for (size_t i = 0; names && names[i]; i++)
        fields_add(f, arena_printf(f->arena, "%s.member.%zu", list, i + 1), names[i]);
}

bool rds_custom_endpoint_create(const struct aws_session *s, const struct rds_custom_endpoint *x,
                                struct rds_tags tags, struct err *e)
{
    struct fields f = {.arena = s->arena};
    struct err why = ERR_INIT;
    fields_add(&f, "DBClusterIdentifier", x->cluster_identifier);
    fields_add(&f, "DBClusterEndpointIdentifier", x->identifier);
    fields_add(&f, "EndpointType", x->type);
    add_members(&f, "StaticMembers", x->static_members);
    add_members(&f, "ExcludedMembers", x->excluded_members);
    fields_add_tags(&f, tags);
    if (rds_call(s, "CreateDBClusterEndpoint", &f, NULL, &why) ||
        strcmp(why.remote_code, "DBClusterEndpointAlreadyExistsFault") == 0)
        return true;
    if (e)
        *e = why;
    return false;
}

bool rds_custom_endpoint_delete(const struct aws_session *s, const char *id, struct err *e)
{
    struct fields f = {.arena = s->arena};
    fields_add(&f, "DBClusterEndpointIdentifier", id);
    return rds_call_unless_absent(s, "DeleteDBClusterEndpoint", &f, e);
}
