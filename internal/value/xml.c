#include "internal/value/xml.h"

#include <expat.h>
#include <string.h>

/* What is known of the elements that are still open. */
struct level {
    struct xml *node, *last_child;
    struct buf text;
};

struct builder {
    struct arena *arena;
    XML_Parser parser;
    struct level levels[XML_DEPTH_MAX + 1]; /* [0] is above the root */
    int depth;
    int nodes;
    bool refused;
    struct err *e;
};

static void refuse(struct builder *b, const char *what)
{
    if (!b->refused)
        (void)err_set(b->e, ERR_INVALID, "XML: %s", what);
    b->refused = true;
    (void)XML_StopParser(b->parser, XML_FALSE); /* fails only if it has stopped already */
}

static const char *without_prefix(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon ? colon + 1 : name;
}

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct builder *b = user;
    (void)attributes;
    if (b->refused)
        return;
    if (b->depth == XML_DEPTH_MAX)
        return refuse(b, "nested too deeply");
    if (++b->nodes > XML_NODES_MAX)
        return refuse(b, "too many elements");
    struct level *above = &b->levels[b->depth++];
    struct xml *x = ARENA_NEW(b->arena, struct xml);
    x->name = arena_strdup(b->arena, without_prefix(name));
    x->parent = above->node;
    if (above->last_child)
        above->last_child->next = x;
    else if (above->node)
        above->node->first = x;
    above->last_child = x;
    struct level *own = &b->levels[b->depth];
    own->node = x;
    own->last_child = NULL;
    buf_clear(&own->text);
}

static void XMLCALL on_text(void *user, const XML_Char *s, int n)
{
    struct builder *b = user;
    if (!b->refused && n > 0)
        (void)buf_add(&b->levels[b->depth].text, s, (size_t)n); /* bounded by the document's own bound */
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    struct builder *b = user;
    (void)name;
    if (b->refused)
        return;
    struct level *own = &b->levels[b->depth--];
    own->node->text = own->text.n ? arena_memdup(b->arena, own->text.p, own->text.n) : "";
}

static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    refuse(user, "a DOCTYPE is not accepted");
}

static bool run(struct builder *b, struct str document)
{
    XML_SetUserData(b->parser, b);
    XML_SetElementHandler(b->parser, on_start, on_end);
    XML_SetCharacterDataHandler(b->parser, on_text);
    XML_SetStartDoctypeDeclHandler(b->parser, on_doctype);
    if (XML_Parse(b->parser, document.n ? document.p : "", (int)document.n, XML_TRUE) == XML_STATUS_OK)
        return true;
    if (b->refused)
        return false;
    return err_set(b->e, ERR_INVALID, "XML: %s at line %lu", XML_ErrorString(XML_GetErrorCode(b->parser)),
                   (unsigned long)XML_GetCurrentLineNumber(b->parser));
}

bool xml_parse(struct arena *a, struct str document, const struct xml **ret_root, struct err *e)
{
    if (document.n > XML_BYTES_MAX)
        return err_set(e, ERR_INVALID, "XML: more than %d bytes", XML_BYTES_MAX);
    struct builder b = {.arena = a, .parser = XML_ParserCreate(NULL), .e = e};
    if (!b.parser)
        return err_set(e, ERR_BUG, "XML: no memory for a parser");
    for (size_t i = 0; i < ARRAY_LEN(b.levels); i++)
        b.levels[i].text.max = (size_t)XML_BYTES_MAX * 4; /* other encodings grow when turned into UTF-8 */
    bool ok = run(&b, document);
    if (ok)
        *ret_root = b.levels[0].last_child;
    for (size_t i = 0; i < ARRAY_LEN(b.levels); i++)
        buf_done(&b.levels[i].text);
    XML_ParserFree(b.parser);
    return ok;
}

static bool name_is(const struct xml *x, const char *name, size_t n)
{
    return strncmp(x->name, name, n) == 0 && x->name[n] == '\0';
}

const struct xml *xml_find(const struct xml *x, const char *path)
{
    size_t n = strcspn(path, "/");
    if (!x || n == 0)
        return x;
    for (const struct xml *child = x->first; child; child = child->next) {
        if (!name_is(child, path, n))
            continue;
        const struct xml *found = path[n] ? xml_find(child, path + n + 1) : child;
        if (found)
            return found;
    }
    return NULL;
}

const char *xml_text(const struct xml *x, const char *path, const char *otherwise)
{
    const struct xml *found = xml_find(x, path);
    return found ? found->text : otherwise;
}

const struct xml *xml_child(const struct xml *x, const char *name, const struct xml *prev)
{
    const struct xml *child = prev ? prev->next : x ? x->first : NULL;
    while (child && name && strcmp(child->name, name) != 0)
        child = child->next;
    return child;
}

static void put_escaped(struct buf *out, char c)
{
    switch (c) {
    case '&':
        (void)buf_puts(out, "&amp;");
        break;
    case '<':
        (void)buf_puts(out, "&lt;");
        break;
    case '>':
        (void)buf_puts(out, "&gt;");
        break;
    default:
        (void)buf_add(out, (unsigned char)c < ' ' ? "?" : &c, 1);
    }
}

void xml_put(struct buf *out, const char *name, const char *text)
{
    (void)buf_printf(out, "<%s>", name);
    for (; *text; text++)
        put_escaped(out, *text);
    (void)buf_printf(out, "</%s>", name);
}
