/* Secrets Manager: reading secrets, and making those a rehearsal needs. */
#include "acceptance-tests/sandbox/describe.h"
#include "acceptance-tests/sandbox/shape.h"
#include "internal/base/file.h"

#include <string.h>

static const struct member GET_IN[] = {STR_REQUIRED("SecretId"), STR("VersionId"), STR("VersionStage"),
                                       SHAPE_END_ROW};
static const struct member CREATE_IN[] = {STR_REQUIRED("Name"), STR("SecretString"), STR("Description"),
                                          STR("ClientRequestToken"), SHAPE_END_ROW};
static const struct member DELETE_IN[] = {STR_REQUIRED("SecretId"), BOOL("ForceDeleteWithoutRecovery"),
                                          SHAPE_END_ROW};

static json_t *find_secret(struct call *c)
{
    const char *id = rec_str(c->in, "SecretId");
    json_t *secret = strncmp(id, "arn:", 4) == 0 ? store_resource(c->sb->store, KIND_SECRET, id)
                                                 : store_find(c->sb->store, KIND_SECRET, id);
    if (!secret)
        (void)fault_set(&c->fault, "ResourceNotFoundException", "%s", KINDS[KIND_SECRET].missing_text);
    return secret;
}

static bool get_secret(struct call *c)
{
    const json_t *secret = find_secret(c);
    const char *stage = rec_str(c->in, "VersionStage");
    int64_t ms = 0;
    if (!secret)
        return false;
    if (*stage && strcmp(stage, "AWSCURRENT") != 0)
        return fault_set(&c->fault, "ResourceNotFoundException",
                         "Secrets Manager can't find the specified secret value for staging label: %.60s",
                         stage);
    rec_copy(c->out, secret, "ARN");
    rec_copy(c->out, secret, "Name");
    rec_copy(c->out, secret, "VersionId");
    rec_copy(c->out, secret, "SecretString");
    rec_set(c->out, "VersionStages", json_pack("[s]", "AWSCURRENT"));
    if (time_parse_iso(rec_str(secret, "_created"), &ms))
        rec_set(c->out, "CreatedDate", json_real((double)ms / 1000));
    return true;
}

static bool create_secret(struct call *c)
{
    char suffix[7], version[37], now[TIME_ISO_SIZE];
    const char *name = rec_str(c->in, "Name");
    if (!*name || strlen(name) > 256)
        return fault_set(&c->fault, "InvalidParameterException", "Invalid name.");
    if (store_find(c->sb->store, KIND_SECRET, name))
        return fault_set(&c->fault, "ResourceExistsException",
                         "The operation failed because the secret %.256s already exists.", name);
    random_name(suffix, 6);
    uuid_make(version);
    sandbox_now(c->sb, now);
    json_t *secret = json_pack("{s:s, s:s, s:s, s:s}", "Name", name, "VersionId", version, "SecretString",
                               rec_str(c->in, "SecretString"), "_created", now);
    rec_printf(secret, "ARN", "arn:aws:secretsmanager:%s:%s:secret:%s-%s", store_region(c->sb->store),
               store_account(c->sb->store), name, suffix);
    (void)store_add(c->sb->store, KIND_SECRET, secret);
    rec_copy(c->out, secret, "ARN");
    rec_copy(c->out, secret, "Name");
    rec_copy(c->out, secret, "VersionId");
    return true;
}

static bool delete_secret(struct call *c)
{
    json_t *secret = find_secret(c);
    if (!secret)
        return false;
    if (rec_has(secret, "_cluster"))
        return fault_set(&c->fault, "InvalidRequestException",
                         "You can't delete secrets managed by other services: the secret is owned by rds.");
    rec_copy(c->out, secret, "ARN");
    rec_copy(c->out, secret, "Name");
    rec_set(c->out, "DeletionDate", json_real((double)c->sb->clock->wall_ms(c->sb->clock) / 1000));
    store_remove(c->sb->store, KIND_SECRET, secret);
    return true;
}

const struct op OPS_SECRETS[] = {
    {"secretsmanager", "GetSecretValue", GET_IN, NULL, .run = get_secret, .flags = OP_READS},
    {"secretsmanager", "CreateSecret", CREATE_IN, NULL, .run = create_secret},
    {"secretsmanager", "DeleteSecret", DELETE_IN, NULL, .run = delete_secret},
    {0},
};
