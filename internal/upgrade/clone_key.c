/* Another KMS key for the clone: what AWS has a way to, and which difference is then no fault. */
#include "internal/upgrade/errors.h"
#include "internal/upgrade/logical.h"

#include <string.h>

bool clone_key_fits(bool by_snapshot, const char *kms_key, const char *cluster, struct err *e)
{
    return by_snapshot || !kms_key ||
           upgrade_fail(e, E_CLONE_KEY, "a copy-on-write clone of %s has its key", cluster);
}

bool clone_key_changes(const struct upgrade *u)
{
    const char *key = u->request.kms_key;
    return key && u->world.production && strcmp(u->world.production->kms_key_id, key) != 0;
}

bool clone_key_explains(const struct upgrade *u, const char *member, const struct xml *of_new)
{
    static const char *const of_key[] = {"KmsKeyId", "StorageEncrypted", "StorageEncryptionType"};
    if (!u->request.kms_key || strcmp(xml_text(of_new, "KmsKeyId", ""), u->request.kms_key) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(of_key); i++)
        if (strcmp(member, of_key[i]) == 0)
            return true;
    return false;
}
