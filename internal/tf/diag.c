#include "internal/base/log.h"
#include "internal/base/utf8.h"
#include "internal/tf/inside.h"

#include <stdlib.h>
#include <string.h>

enum { SUMMARY_MAX = 200 };

/* Failures that nobody gave an id of their own are named by their kind: still something to search for. */
static const char *const kind_ids[] = {
    [ERR_NONE] = "AUR0900",      [ERR_INVALID] = "AUR0901",     [ERR_NOT_FOUND] = "AUR0902",
    [ERR_CONFLICT] = "AUR0903",  [ERR_DENIED] = "AUR0904",      [ERR_AUTH] = "AUR0905",
    [ERR_THROTTLED] = "AUR0906", [ERR_TIMEOUT] = "AUR0907",     [ERR_CANCELLED] = "AUR0908",
    [ERR_REMOTE] = "AUR0909",    [ERR_UNAVAILABLE] = "AUR0910", [ERR_PAUSED] = "",
    [ERR_BUG] = "AUR0912",
};

char *text_out(struct arena *a, const char *s)
{
    char *copy = arena_strdup(a, s);
    log_mask(copy);
    utf8_clean(copy);
    return copy;
}

/* ---- paths ---- */

struct steps {
    struct arena *arena;
    size_t count, cap;
    Tfplugin6__AttributePath__Step **items;
    const char *left; /* what of the dotted text is not used yet; NULL: nothing */
};

static Tfplugin6__AttributePath__Step *push(struct steps *s)
{
    Tfplugin6__AttributePath__Step *step = WIRE_NEW(s->arena, AttributePath__Step, attribute_path__step);
    ARR_PUSH(s->arena, s->items, s->count, s->cap, step);
    return step;
}

static void push_name(struct steps *s, const char *name)
{
    Tfplugin6__AttributePath__Step *step = push(s);
    step->selector_case = TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ATTRIBUTE_NAME;
    step->attribute_name = wire_text(s->arena, name);
}

/* The rest of the text, dots included: keys of a map may have them. */
static void push_key(struct steps *s)
{
    if (!s->left)
        return;
    Tfplugin6__AttributePath__Step *step = push(s);
    step->selector_case = TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ELEMENT_KEY_STRING;
    step->element_key_string = wire_text(s->arena, s->left);
    s->left = NULL;
}

static const char *next_part(struct steps *s)
{
    if (!s->left)
        return NULL;
    size_t n = strcspn(s->left, ".");
    const char *part = arena_memdup(s->arena, s->left, n);
    s->left = s->left[n] ? s->left + n + 1 : NULL;
    return part;
}

static bool push_index(struct steps *s)
{
    const char *part = next_part(s);
    char *end = NULL;
    long long index = part ? strtoll(part, &end, 10) : -1;
    if (!part || end == part || *end || index < 0)
        return false;
    Tfplugin6__AttributePath__Step *step = push(s);
    step->selector_case = TFPLUGIN6__ATTRIBUTE_PATH__STEP__SELECTOR_ELEMENT_KEY_INT;
    step->element_key_int = index;
    return true;
}

/* One name and what follows it directly. Returns the table to go on in, through *attrs and *blocks. */
static bool follow(struct steps *s, const struct tf_attr **attrs, const struct tf_block **blocks)
{
    const char *name = next_part(s);
    const struct tf_attr *attr = name ? *attrs : NULL;
    while (attr && attr->name && strcmp(attr->name, name) != 0)
        attr++;
    if (attr && attr->name) {
        push_name(s, name);
        if (attr->type == TF_STRING_MAP)
            push_key(s);
        if (attr->type == TF_STRING_LIST)
            (void)push_index(s); /* a path may end at the list */
        *attrs = attr->nested;
        *blocks = NULL;
        return attr->type == TF_OBJECT || (attr->type == TF_OBJECT_LIST && push_index(s));
    }
    const struct tf_block *block = name ? *blocks : NULL;
    while (block && block->name && strcmp(block->name, name) != 0)
        block++;
    if (!block || !block->name)
        return false;
    push_name(s, name);
    *attrs = block->attrs;
    *blocks = block->blocks;
    return !block->is_list || push_index(s);
}

Tfplugin6__AttributePath *attribute_path(struct arena *a, const struct tf_schema *schema, const char *dotted)
{
    if (!schema || !dotted || dotted[0] == '\0')
        return NULL;
    struct steps s = {.arena = a, .left = dotted};
    const struct tf_attr *attrs = schema->attrs;
    const struct tf_block *blocks = schema->blocks;
    while (follow(&s, &attrs, &blocks))
        continue;
    if (s.count == 0)
        return NULL; /* core loses the source range over an empty path */
    Tfplugin6__AttributePath *path = WIRE_NEW(a, AttributePath, attribute_path);
    path->n_steps = s.count;
    path->steps = s.items;
    return path;
}

/* ---- diagnostics ---- */

static char *one_line(char *text)
{
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    return text;
}

static void add(struct tf_call *c, Tfplugin6__Diagnostic__Severity severity, const char *path,
                const char *summary, const char *detail)
{
    struct tf_reply *r = c->reply;
    char *title = one_line(text_out(c->arena, summary)), *text = text_out(c->arena, detail);
    if (c->tell) {
        c->tell(c->tell_arg, severity == TFPLUGIN6__DIAGNOSTIC__SEVERITY__ERROR, title, text);
        return;
    }
    Tfplugin6__Diagnostic *d = WIRE_NEW(c->arena, Diagnostic, diagnostic);
    d->severity = severity;
    d->summary = title;
    d->detail = text;
    d->attribute = attribute_path(c->arena, r->schema, path);
    ARR_PUSH(c->arena, r->items, r->count, r->cap, d);
    r->failed = r->failed || severity == TFPLUGIN6__DIAGNOSTIC__SEVERITY__ERROR;
}

void tf_error(struct tf_call *c, const char *path, const char *summary, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *detail = arena_vprintf(c->arena, fmt, ap);
    va_end(ap);
    add(c, TFPLUGIN6__DIAGNOSTIC__SEVERITY__ERROR, path, summary, detail);
}

void tf_warn(struct tf_call *c, const char *path, const char *summary, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *detail = arena_vprintf(c->arena, fmt, ap);
    va_end(ap);
    add(c, TFPLUGIN6__DIAGNOSTIC__SEVERITY__WARNING, path, summary, detail);
}

bool tf_failed(const struct tf_call *c)
{
    return c->reply && c->reply->failed;
}

/* The outermost words: up to the first ": ". */
static size_t first_words(const char *text)
{
    const char *colon = strstr(text, ": ");
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    return n < SUMMARY_MAX ? n : SUMMARY_MAX;
}

static void paragraph(struct buf *b, const char *label, const char *text)
{
    if (text[0] == '\0')
        return;
    if (b->n > 0)
        (void)buf_puts(b, "\n\n");
    (void)buf_puts(b, label);
    (void)buf_puts(b, text);
}

/* `first`, the report, then what was answered, the state of production, the next thing to do. */
static char *paragraphs(struct arena *a, const char *first, const struct err *e, const char *report)
{
    struct buf b CLEANUP(buf_done) = BUF_INIT(4 * sizeof *e + strlen(report)); /* more than all its texts */
    paragraph(&b, "", first);
    paragraph(&b, "", report);
    paragraph(&b, "The answer was: ", e->said);
    if (e->remote_code[0])
        (void)buf_printf(&b, "%s(%s)", b.n > 0 ? " " : "", e->remote_code);
    paragraph(&b, "Production: ", e->state);
    paragraph(&b, "Next: ", e->hint);
    return arena_strdup(a, buf_text(&b));
}

/* Work that goes on when the same is started again: its time was over, or somebody interrupted it. */
static bool is_paused(const struct err *e)
{
    return e->code == ERR_PAUSED || (e->code == ERR_CANCELLED && !e->id);
}

void fail_at(struct tf_call *c, const char *path, const struct err *e, const char *report)
{
    const char *text = e->text[0] ? e->text : "failed without a word";
    size_t n = first_words(text);
    bool says_more = text[n] != '\0';
    const char *paused = is_paused(e) ? "AUR-PAUSED" : "";
    const char *id = e->id ? e->id : kind_ids[(size_t)e->code < ARRAY_LEN(kind_ids) ? e->code : ERR_BUG];
    const char *between = *paused && *id ? " " : "";
    add(c, TFPLUGIN6__DIAGNOSTIC__SEVERITY__ERROR, e->attribute[0] ? e->attribute : path,
        arena_printf(c->arena, "%s%s%s: %.*s", paused, between, id, (int)n, text),
        paragraphs(c->arena, says_more ? text : "", e, report ? report : ""));
}

void tf_fail(struct tf_call *c, const struct err *e)
{
    fail_at(c, NULL, e, NULL);
}

void tf_fail_with(struct tf_call *c, const struct err *e, const char *report)
{
    fail_at(c, NULL, e, report);
}
