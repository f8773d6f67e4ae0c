#include "acceptance-tests/sandbox/keys.h"

#include "acceptance-tests/sandbox/iam.h"
#include "acceptance-tests/sandbox/shape.h"
#include "internal/base/names.h"

#include <stdio.h>
#include <string.h>

void key_arn(const struct sandbox *sb, const char *key, char ret[static KEY_ARN_SIZE])
{
    static const char own[] = "11111111-2222-4333-8444-555555555555"; /* the account's aws/rds */
    if (strncmp(key, "arn:", 4) == 0)
        (void)snprintf(ret, KEY_ARN_SIZE, "%.300s", key);
    else
        (void)snprintf(ret, KEY_ARN_SIZE, "arn:aws:kms:%.40s:%.12s:key/%.200s", store_region(sb->store),
                       store_account(sb->store), *key ? key : own);
}

static json_t *disabled(struct sandbox *sb)
{
    return rec_list(store_root(sb->store), "disabled_keys");
}

static bool find_disabled(struct sandbox *sb, const char *arn, size_t *ret_place)
{
    size_t i;
    json_t *one;
    json_array_foreach(disabled(sb), i, one)
    {
        if (rec_is(one, "key", arn)) {
            *ret_place = i;
            return true;
        }
    }
    return false;
}

bool key_set(struct sandbox *sb, const json_t *in, json_t **ret, struct err *e)
{
    char arn[KEY_ARN_SIZE];
    size_t place = 0;
    if (!*rec_str(in, "key"))
        return err_set(e, ERR_INVALID, "which --key?");
    key_arn(sb, rec_str(in, "key"), arn);
    bool is_disabled = find_disabled(sb, arn, &place), wanted = rec_bool(in, "disabled");
    if (wanted && !is_disabled)
        (void)json_array_append_new(disabled(sb), json_pack("{s:s}", "key", arn));
    if (!wanted && is_disabled)
        (void)json_array_remove(disabled(sb), place);
    *ret = json_deep_copy(disabled(sb));
    return true;
}

/* ---- as KMS describes one ---- */

static const struct member DESCRIBE_IN[] = {STR_REQUIRED("KeyId"), SHAPE_END_ROW};

/* Whatever looks like a key is one; there are no aliases. */
static bool describe_key(struct call *c)
{
    const char *id = rec_str(c->in, "KeyId"), *slash;
    char arn[KEY_ARN_SIZE];
    size_t place = 0;
    key_arn(c->sb, id, arn);
    struct arn p;
    bool is_key = arn_parse(arn, &p) && strcmp(p.service, "kms") == 0 &&
                  strncmp(p.resource, "key/", 4) == 0 && strncmp(id, "alias/", 6) != 0;
    if (!is_key)
        return fault_set(&c->fault, "NotFoundException", "Key '%s' does not exist", arn);
    bool enabled = !find_disabled(c->sb, arn, &place);
    slash = strchr(arn, '/');
    rec_set(c->out, "KeyMetadata",
            json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s}", "KeyId", slash + 1, "Arn", arn,
                      "KeyState", enabled ? "Enabled" : "Disabled", "Enabled", enabled, "KeyUsage",
                      "ENCRYPT_DECRYPT", "KeySpec", "SYMMETRIC_DEFAULT", "KeyManager", "CUSTOMER", "Origin",
                      "AWS_KMS", "AWSAccountId", store_account(c->sb->store)));
    return true;
}

const struct op OPS_KEYS[] = {
    {"kms", "DescribeKey", DESCRIBE_IN, NULL, .run = describe_key, .flags = OP_READS}, {0}};

/* ---- as RDS meets it ---- */

static bool is_permitted(struct call *c, const char *arn)
{
    char own[KEY_ARN_SIZE];
    key_arn(c->sb, "", own);
    return strcmp(arn, own) == 0 ||
           (iam_permits(c, "kms:CreateGrant", arn) && iam_permits(c, "kms:DescribeKey", arn));
}

bool key_usable(struct call *c, const json_t *from, const char *what)
{
    char arn[KEY_ARN_SIZE];
    size_t place = 0;
    bool named = rec_has(c->in, "KmsKeyId"), encrypted = from && rec_bool(from, "StorageEncrypted");
    if (!named && !encrypted && !rec_bool(c->in, "StorageEncrypted"))
        return true;
    key_arn(c->sb, named ? rec_str(c->in, "KmsKeyId") : encrypted ? rec_str(from, "KmsKeyId") : "", arn);
    return (!find_disabled(c->sb, arn, &place) && is_permitted(c, arn)) ||
           fault_set(&c->fault, "KMSKeyNotAccessibleFault",
                     "The %s KMS key [%s] does not exist, is not enabled or you do not have permissions to "
                     "access it.",
                     what, arn);
}
