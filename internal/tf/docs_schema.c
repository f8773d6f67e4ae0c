#include "internal/tf/docs.h"

const char *docs_type_name(enum tf_type type)
{
    static const char *const names[] = {
        [TF_STRING] = "String",
        [TF_NUMBER] = "Number",
        [TF_BOOL] = "Boolean",
        [TF_STRING_LIST] = "List of String",
        [TF_STRING_SET] = "Set of String",
        [TF_STRING_MAP] = "Map of String",
        [TF_OBJECT] = "Attributes",
        [TF_OBJECT_LIST] = "Attributes List",
        [TF_DYNAMIC] = "Dynamic",
    };
    return names[type];
}

/* The three lists every schema is told in. */
static const struct {
    const char *title;
    unsigned any, none; /* flags */
    bool blocks;        /* blocks are always optional */
} groups[] = {
    {"Required", TF_REQUIRED, 0, false},
    {"Optional", TF_OPTIONAL, 0, true},
    {"Read-Only", TF_COMPUTED, TF_OPTIONAL, false},
};

/* Where a nested schema stands on the page: "login--tls" for anchors, "login.tls" for people. */
struct spot {
    const char *anchor, *dotted;
};

static struct spot below(struct arena *a, struct spot s, const char *name)
{
    bool is_top = s.dotted[0] == '\0';
    return (struct spot){arena_printf(a, "%s--%s", s.anchor, name),
                         arena_printf(a, "%s%s%s", s.dotted, is_top ? "" : ".", name)};
}

static void write_attr(struct buf *out, struct arena *a, const struct tf_attr *attr, struct spot s)
{
    (void)buf_printf(out, "- `%s` (%s%s%s)", attr->name, docs_type_name(attr->type),
                     attr->flags & TF_SENSITIVE ? ", Sensitive" : "",
                     attr->flags & TF_WRITE_ONLY ? ", Write-only" : "");
    (void)buf_printf(out, " %s", attr_doc(a, attr));
    if (attr->flags & TF_REPLACE)
        (void)buf_puts(out, " Changing it replaces the resource.");
    if (attr->nested)
        (void)buf_printf(out, " (see [below for nested schema](#nested%s))", below(a, s, attr->name).anchor);
    (void)buf_puts(out, "\n");
}

static void write_block(struct buf *out, struct arena *a, const struct tf_block *b, struct spot s)
{
    (void)buf_printf(out, "- `%s` (%s) %s (see [below for nested schema](#nested%s))\n", b->name,
                     b->is_list ? "Block List" : "Block", b->doc, below(a, s, b->name).anchor);
}

static bool in_group(const struct tf_attr *attr, size_t group)
{
    return attr->flags & groups[group].any && !(attr->flags & groups[group].none);
}

static void write_group(struct buf *out, struct arena *a, const struct tf_attr *attrs,
                        const struct tf_block *blocks, struct spot s, size_t group)
{
    bool is_top = s.dotted[0] == '\0', empty = true;
    for (const struct tf_attr *attr = attrs; attr && attr->name; attr++)
        empty = empty && !in_group(attr, group);
    if (empty && !(groups[group].blocks && count_blocks(blocks)))
        return;
    (void)buf_printf(out, is_top ? "### %s\n\n" : "%s:\n\n", groups[group].title);
    for (const struct tf_attr *attr = attrs; attr && attr->name; attr++)
        if (in_group(attr, group))
            write_attr(out, a, attr, s);
    for (const struct tf_block *b = blocks; groups[group].blocks && b && b->name; b++)
        write_block(out, a, b, s);
    (void)buf_puts(out, "\n");
}

static void write_level(struct buf *out, struct arena *a, const struct tf_attr *attrs,
                        const struct tf_block *blocks, struct spot s)
{
    for (size_t group = 0; group < ARRAY_LEN(groups); group++)
        write_group(out, a, attrs, blocks, s, group);
    for (const struct tf_attr *attr = attrs; attr && attr->name; attr++) {
        struct spot inner = below(a, s, attr->name);
        if (!attr->nested)
            continue;
        (void)buf_printf(out, "<a id=\"nested%s\"></a>\n### Nested Schema for `%s`\n\n", inner.anchor,
                         inner.dotted);
        write_level(out, a, attr->nested, NULL, inner);
    }
    for (const struct tf_block *b = blocks; b && b->name; b++) {
        struct spot inner = below(a, s, b->name);
        (void)buf_printf(out, "<a id=\"nested%s\"></a>\n### Nested Schema for `%s`\n\n", inner.anchor,
                         inner.dotted);
        write_level(out, a, b->attrs, b->blocks, inner);
    }
}

void docs_schema(struct buf *out, struct arena *a, const struct tf_schema *s)
{
    (void)buf_puts(out, "## Schema\n\n");
    write_level(out, a, s->attrs, s->blocks, (struct spot){"", ""});
}
