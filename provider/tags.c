/* tags.c — default_tags and ignore_tags, as hashicorp/aws merges them. */
#include "provider/provider.h"

#include <string.h>

bool provider_tag_ignored(const struct provider_config *p, const char *key)
{
    for (const char *const *k = p->ignore_tag_keys; k && *k; k++)
        if (strcmp(*k, key) == 0)
            return true;
    for (const char *const *k = p->ignore_tag_prefixes; k && *k; k++)
        if (strncmp(*k, key, strlen(*k)) == 0)
            return true;
    return false;
}

const struct value *provider_tags_all(const struct tf_call *c, const struct value *tags)
{
    const struct provider_config *p = provider_config(c);
    if (!p || p->default_tags_unknown || value_is_unknown(tags))
        return &value_unknown;
    struct value *all = value_object(c->arena);
    for (size_t i = 0; i < p->default_tags.count; i++)
        if (!provider_tag_ignored(p, p->default_tags.tags[i].key))
            value_set(c->arena, all, p->default_tags.tags[i].key,
                      value_string(c->arena, p->default_tags.tags[i].value));
    for (size_t i = 0; tags && tags->kind == VALUE_OBJECT && i < tags->count; i++)
        if (!value_is_null(tags->items[i]) && !provider_tag_ignored(p, tags->keys[i]))
            value_set(c->arena, all, tags->keys[i], tags->items[i]);
    return all;
}

struct rds_tags provider_rds_tags(struct arena *a, const struct value *tags_all)
{
    size_t n = tags_all && tags_all->kind == VALUE_OBJECT ? tags_all->count : 0, used = 0;
    struct rds_tag *tags = ARENA_ARRAY(a, struct rds_tag, n + 1);
    for (size_t i = 0; i < n; i++)
        if (tags_all->items[i] && tags_all->items[i]->kind == VALUE_STRING)
            tags[used++] = (struct rds_tag){arena_strdup(a, tags_all->keys[i]),
                                            arena_strdup(a, tags_all->items[i]->text)};
    return (struct rds_tags){tags, used};
}
