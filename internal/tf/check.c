#include "internal/tf/inside.h"

#include <string.h>

enum member_kind { PROVIDER, RESOURCE, DATA_SOURCE, EPHEMERAL };

struct checker {
    struct arena *arena;
    enum member_kind kind;
    struct err *e;
};

/* Meta-arguments of the language: an attribute of that name at the root is never seen by the provider. */
static const char *const reserved_in_members[] = {
    "count", "for_each", "depends_on", "provider", "lifecycle", "connection", "provisioner", "locals", NULL};
static const char *const reserved_in_provider[] = {"alias",  "version",   "count",  "depends_on", "for_each",
                                                   "source", "lifecycle", "locals", NULL};

static bool refuse(struct checker *k, const char *what)
{
    return err_set(k->e, ERR_BUG, "%s", what);
}

static bool listed(const char *const *list, const char *name)
{
    while (*list && strcmp(*list, name) != 0)
        list++;
    return *list != NULL;
}

static bool is_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && name[n] == '\0' && name[0] >= 'a';
}

static bool has_text(const char *s)
{
    return s && *s;
}

/* ---- one attribute ---- */

static bool check_flags(struct checker *k, const struct tf_attr *attr, bool is_top)
{
    unsigned f = attr->flags;
    if (!(f & (TF_REQUIRED | TF_OPTIONAL | TF_COMPUTED)))
        return refuse(k, "is neither required, optional nor computed");
    if (f & TF_REQUIRED && f & (TF_OPTIONAL | TF_COMPUTED))
        return refuse(k, "is required and something else");
    if (f & TF_WRITE_ONLY && (k->kind != RESOURCE || f & TF_COMPUTED))
        return refuse(k, "is write-only, but computed or not of a resource");
    if (f & TF_WRITE_ONLY && !(f & TF_SENSITIVE))
        return refuse(k, "is write-only, but not sensitive");
    if (f & TF_COMPUTED && k->kind == PROVIDER)
        return refuse(k, "is computed in a provider's configuration");
    if (f & (TF_REPLACE | TF_STABLE) && k->kind != RESOURCE)
        return refuse(k, "has plan rules outside a resource");
    if (f & TF_REPLACE && f & TF_WRITE_ONLY)
        return refuse(k, "is write-only and replaces");
    if (f & TF_STABLE && !(f & TF_COMPUTED))
        return refuse(k, "is stable, but not computed");
    if (f & TF_INTEGER && attr->type != TF_NUMBER)
        return refuse(k, "is an integer, but no number");
    bool planned_default = is_top && attr->otherwise && k->kind == RESOURCE;
    if (planned_default && (f & TF_OPTIONAL_COMPUTED) != TF_OPTIONAL_COMPUTED)
        return refuse(k, "has a default, but is not optional and computed");
    if (attr->otherwise && !(f & TF_OPTIONAL))
        return refuse(k, "has a default, but is not optional");
    return true;
}

static bool check_type(struct checker *k, const struct tf_attr *attr)
{
    bool is_object = attr->type == TF_OBJECT || attr->type == TF_OBJECT_LIST;
    if (is_object != (attr->nested != NULL))
        return refuse(k, "is an object without attributes, or has attributes without being one");
    if (attr->type == TF_DYNAMIC)
        return refuse(k, "is dynamic");
    bool has_texts = attr->type == TF_STRING || attr->type == TF_STRING_LIST || attr->type == TF_STRING_SET;
    return !attr->one_of || has_texts || refuse(k, "has allowed texts, but no text");
}

/* The default must pass what a user's value would have to pass. */
static bool check_default(struct checker *k, const struct tf_attr *attr)
{
    const struct value *v;
    struct exchange x = {.call = {.arena = k->arena, .reply = &x.reply}};
    const struct place at = {.name = attr->name};
    if (!attr->otherwise)
        return true;
    if (!value_from_json(k->arena, str_of(attr->otherwise), &v, k->e) || attr->nested ||
        !value_conform(k->arena, v, type_of(k->arena, attr->type, NULL), &v, k->e))
        return refuse(k, "has a default that does not fit its type");
    validate_attr(&x, attr, v, &at);
    return x.reply.count == 0 || refuse(k, "has a default that is not allowed");
}

static bool check_level(struct checker *k, const struct tf_attr *attrs, const struct tf_block *blocks,
                        bool is_top);

static bool check_nested_attr(struct checker *k, const struct tf_attr *attr)
{
    for (const struct tf_attr *inner = attr->nested; inner && inner->name; inner++)
        if (inner->flags & TF_WRITE_ONLY)
            return refuse(k, "has a write-only attribute inside; that takes a block");
    return !attr->nested || check_level(k, attr->nested, NULL, false);
}

static bool check_attr(struct checker *k, const struct tf_attr *attr, bool is_top)
{
    return (check_flags(k, attr, is_top) && check_type(k, attr) && check_default(k, attr) &&
            (has_text(attr->doc) || refuse(k, "has no doc")) && check_nested_attr(k, attr)) ||
           err_wrap(k->e, "%s", attr->name);
}

/* ---- names of one level ---- */

static bool check_name(struct checker *k, const char *name, bool is_top)
{
    const char *const *reserved = k->kind == PROVIDER ? reserved_in_provider : reserved_in_members;
    if (!is_name(name))
        return err_set(k->e, ERR_BUG, "\"%s\" is not a name", name);
    return !is_top || !listed(reserved, name) ||
           err_set(k->e, ERR_BUG, "\"%s\" is reserved by the language", name);
}

static bool check_unique(struct checker *k, const struct tf_attr *attrs, const struct tf_block *blocks)
{
    struct value *names = value_object(k->arena);
    size_t n = count_attrs(attrs) + count_blocks(blocks);
    for (const struct tf_attr *attr = attrs; attr && attr->name; attr++)
        value_set(k->arena, names, attr->name, &value_true);
    for (const struct tf_block *b = blocks; b && b->name; b++)
        value_set(k->arena, names, b->name, &value_true);
    return names->count == n || refuse(k, "two attributes or blocks have the same name");
}

static bool check_level(struct checker *k, const struct tf_attr *attrs, const struct tf_block *blocks,
                        bool is_top)
{
    for (const struct tf_attr *attr = attrs; attr && attr->name; attr++)
        if (!check_name(k, attr->name, is_top) || !check_attr(k, attr, is_top))
            return false;
    for (const struct tf_block *b = blocks; b && b->name; b++)
        if (!check_name(k, b->name, is_top) || !(has_text(b->doc) || refuse(k, "a block has no doc")) ||
            !check_level(k, b->attrs, b->blocks, false))
            return err_wrap(k->e, "%s", b->name);
    return check_unique(k, attrs, blocks);
}

static bool check_schema(struct checker *k, const struct tf_schema *s)
{
    if (!s)
        return refuse(k, "has no schema");
    if (s->version < 0)
        return refuse(k, "has a negative version");
    if (!has_text(s->doc))
        return refuse(k, "has no doc");
    return check_level(k, s->attrs, s->blocks, true);
}

/* ---- members ---- */

static bool check_member_names(struct checker *k, const struct tf_provider *p, const void *list,
                               bool prefixed)
{
    size_t prefix = strlen(p->name);
    for (const void *const *m = list; m && *m; m++) {
        const char *name = *(const char *const *)*m;
        bool belongs = strncmp(name, p->name, prefix) == 0 && name[prefix] == '_';
        if (!is_name(name) || (prefixed && !belongs))
            return err_set(k->e, ERR_BUG, "%s: not a name for a member of %s", name, p->name);
        if (member_find(list, name) != *m)
            return err_set(k->e, ERR_BUG, "%s: there twice", name);
    }
    return true;
}

static bool check_resource(struct checker *k, const struct tf_resource *r)
{
    k->kind = RESOURCE;
    bool whole = r->create && r->read && r->update && r->del;
    return ((whole || refuse(k, "lacks create, read, update or del")) && check_schema(k, r->schema)) ||
           err_wrap(k->e, "resource %s", r->name);
}

static bool check_data_source(struct checker *k, const struct tf_data_source *d)
{
    k->kind = DATA_SOURCE;
    return ((d->read || refuse(k, "lacks read")) && check_schema(k, d->schema)) ||
           err_wrap(k->e, "data source %s", d->name);
}

static bool check_ephemeral(struct checker *k, const struct tf_ephemeral *m)
{
    k->kind = EPHEMERAL;
    return ((m->open || refuse(k, "lacks open")) && check_schema(k, m->schema)) ||
           err_wrap(k->e, "ephemeral resource %s", m->name);
}

static bool check_function(struct checker *k, const struct tf_function *f)
{
    bool ok = f->call || refuse(k, "lacks call");
    ok = ok && ((has_text(f->summary) && has_text(f->doc)) || refuse(k, "has no summary or no doc"));
    bool returns_object = f->returns == TF_OBJECT || f->returns == TF_OBJECT_LIST;
    ok = ok && (!returns_object || refuse(k, "returns an object whose attributes are nowhere said"));
    for (const struct tf_attr *p = f->params; ok && p && p->name; p++)
        ok = (is_name(p->name) && has_text(p->doc)) || refuse(k, "has a parameter without name or doc");
    return (ok && check_unique(k, f->params, NULL)) || err_wrap(k->e, "function %s", f->name);
}

static bool check_members(struct checker *k, const struct tf_provider *p)
{
    for (const struct tf_resource *const *r = p->resources; r && *r; r++)
        if (!check_resource(k, *r))
            return false;
    for (const struct tf_data_source *const *d = p->data_sources; d && *d; d++)
        if (!check_data_source(k, *d))
            return false;
    for (const struct tf_ephemeral *const *m = p->ephemerals; m && *m; m++)
        if (!check_ephemeral(k, *m))
            return false;
    for (const struct tf_function *const *f = p->functions; f && *f; f++)
        if (!check_function(k, *f))
            return false;
    return true;
}

bool tf_check(const struct tf_provider *p, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct checker k = {.arena = a, .kind = PROVIDER, .e = e};
    if (!is_name(p->name))
        return refuse(&k, "the provider has no name");
    return (check_schema(&k, p->schema) || err_wrap(e, "provider")) &&
           check_member_names(&k, p, p->resources, true) &&
           check_member_names(&k, p, p->data_sources, true) &&
           check_member_names(&k, p, p->ephemerals, true) && check_member_names(&k, p, p->functions, false) &&
           check_members(&k, p);
}
