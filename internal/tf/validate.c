#include "internal/tf/inside.h"

#include <string.h>

static const char *path_of(struct exchange *x, const struct place *at)
{
    return place_text(x->call.arena, at);
}

/* Texts go to C strings and to servers: a NUL would silently cut them. */
static bool has_nul(const struct value *v)
{
    if (v->kind == VALUE_STRING)
        return memchr(v->text, '\0', v->size) != NULL;
    for (size_t i = 0; i < v->count; i++)
        if (has_nul(v->items[i]))
            return true;
    return false;
}

static bool is_integer(const struct value *v)
{
    return value_as_int(v, 0) == value_as_int(v, 1); /* not one: the default comes back */
}

static bool is_one_of(const char *const *allowed, const char *text)
{
    while (*allowed && strcmp(*allowed, text) != 0)
        allowed++;
    return *allowed != NULL;
}

static void check_one_of(struct exchange *x, const struct tf_attr *attr, const struct value *v,
                         const struct place *at)
{
    const char *text = value_as_text(v, NULL);
    if (!text || is_one_of(attr->one_of, text))
        return;
    struct buf list CLEANUP(buf_done) = BUF_INIT(4096);
    for (const char *const *one = attr->one_of; *one; one++)
        (void)buf_printf(&list, "%s\"%s\"", one == attr->one_of ? "" : ", ", *one);
    bool hidden = (attr->flags & (TF_SENSITIVE | TF_WRITE_ONLY)) != 0;
    tf_error(&x->call, path_of(x, at), "AUR0802: value not allowed", "\"%s\" is not one of %s.",
             hidden ? "(hidden)" : text, buf_text(&list));
}

static void check_each_one_of(struct exchange *x, const struct tf_attr *attr, const struct value *v,
                              const struct place *at)
{
    if (v->kind == VALUE_STRING)
        return check_one_of(x, attr, v, at);
    for (size_t i = 0; i < v->count; i++) {
        const struct place here = {.up = at, .index = i};
        check_one_of(x, attr, v->items[i], &here);
    }
}

static void validate_object(struct exchange *x, const struct tf_attr *attrs, const struct tf_block *blocks,
                            const struct value *v, const struct place *at);

/* An object, a list of them, or something that is not known yet. */
static void validate_nested(struct exchange *x, const struct tf_attr *attrs, const struct tf_block *blocks,
                            const struct value *v, const struct place *at)
{
    if (v->kind == VALUE_OBJECT)
        validate_object(x, attrs, blocks, v, at);
    for (size_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
        const struct place here = {.up = at, .index = i};
        validate_nested(x, attrs, blocks, v->items[i], &here);
    }
}

void validate_attr(struct exchange *x, const struct tf_attr *attr, const struct value *v,
                   const struct place *at)
{
    struct err e = ERR_INIT;
    if (value_is_null(v))
        return;
    if (attr->flags & TF_WRITE_ONLY && !x->call.write_only_allowed)
        return tf_error(&x->call, path_of(x, at), "AUR0803: write-only attributes not supported by this CLI",
                        "%s must never be stored, and this version of the CLI would store it. "
                        "Write-only attributes need Terraform 1.11 or OpenTofu 1.11, or newer.",
                        path_of(x, at));
    if (value_is_unknown(v))
        return;
    if (attr->nested)
        return validate_nested(x, attr->nested, NULL, v, at);
    if (has_nul(v))
        return tf_error(&x->call, path_of(x, at), "AUR0802: value not allowed",
                        "The text contains a NUL character.");
    if (attr->flags & TF_INTEGER && !is_integer(v))
        return tf_error(&x->call, path_of(x, at), "AUR0802: value not allowed",
                        "A whole number is required.");
    if (attr->one_of)
        check_each_one_of(x, attr, v, at);
    if (attr->validate && !value_has_unknown(v) && !attr->validate(v, &e))
        fail_at(&x->call, path_of(x, at), &e, NULL);
}

static void validate_object(struct exchange *x, const struct tf_attr *attrs, const struct tf_block *blocks,
                            const struct value *v, const struct place *at)
{
    for (const struct tf_attr *attr = attrs; attr && attr->name; attr++) {
        const struct place here = {.up = at, .name = attr->name};
        validate_attr(x, attr, value_get(v, attr->name), &here);
    }
    for (const struct tf_block *b = blocks; b && b->name; b++) {
        const struct place here = {.up = at, .name = b->name};
        validate_nested(x, b->attrs, b->blocks, value_get(v, b->name), &here);
    }
}

void validate_config(struct exchange *x, const struct value *config)
{
    validate_nested(x, x->schema->attrs, x->schema->blocks, config, NULL);
}
