#include "internal/tf/docs.h"
#include "internal/base/file.h"

#include <string.h>

enum { PAGE_MAX = 500 * 1000, EXAMPLE_MAX = 64 * 1024, PAGE_MODE = 0644 };

struct writer {
    struct arena *arena;
    const struct tf_provider *provider;
    const char *dir, *examples;
    struct buf page;
    struct err *e;
};

/* "A thing. It is a file." → "A thing." on one line. */
static const char *first_sentence(struct arena *a, const char *doc)
{
    const char *end = strstr(doc, ". ");
    char *s = arena_memdup(a, doc, end ? (size_t)(end - doc) + 1 : strlen(doc));
    for (char *p = s; *p; p++)
        if (*p == '\n')
            *p = ' ';
    return s;
}

static void head(struct writer *w, const char *page_title, const char *heading, const char *doc)
{
    (void)buf_printf(
        &w->page, "---\npage_title: \"%s\"\nsubcategory: \"\"\ndescription: |-\n  %s\n---\n\n# %s\n\n%s\n\n",
        page_title, first_sentence(w->arena, doc), heading, doc);
}

/* The first line of a script is for the shell and its checkers, not for the page. */
static struct str without_shebang(struct str text)
{
    size_t first = text.n > 2 && memcmp(text.p, "#!", 2) == 0 ? strcspn(text.p, "\n") + 1 : 0;
    return first < text.n ? (struct str){text.p + first, text.n - first} : (struct str){text.p, 0};
}

/* A file of the examples as a fenced block under a heading; no file, no section. */
static bool example(struct writer *w, const char *heading, const char *language, const char *file)
{
    struct str text;
    struct err e = ERR_INIT;
    const char *path = arena_printf(w->arena, "%s/%s", w->examples, file);
    if (!file_read(w->arena, path, EXAMPLE_MAX, &text, &e))
        return e.code == ERR_NOT_FOUND || err_set(w->e, e.code, "%s", e.text);
    text = without_shebang(text);
    while (text.n > 0 && text.p[text.n - 1] == '\n')
        text.n--;
    (void)buf_printf(&w->page, "## %s\n\n```%s\n", heading, language);
    (void)buf_add(&w->page, text.p, text.n);
    (void)buf_puts(&w->page, "\n```\n\n");
    return true;
}

/* Writes the page collected so far; exactly one newline at its end. */
static bool finish(struct writer *w, const char *folder, const char *name)
{
    const char *dir = arena_printf(w->arena, "%s%s", w->dir, folder);
    const char *path = arena_printf(w->arena, "%s/%s.md", dir, name);
    while (w->page.n > 1 && w->page.p[w->page.n - 2] == '\n')
        w->page.p[--w->page.n] = '\0';
    bool ok = !w->page.overflow || err_set(w->e, ERR_INVALID, "%s: longer than %d bytes", path, PAGE_MAX);
    ok = ok && dir_make(dir, w->e) && file_replace(path, w->page.p, w->page.n, PAGE_MODE, w->e);
    buf_clear(&w->page);
    return ok;
}

static const char *short_name(const struct writer *w, const char *name)
{
    return name + strlen(w->provider->name) + 1; /* tf_check: names begin with the provider's */
}

static bool write_index(struct writer *w)
{
    const char *name = w->provider->name;
    head(w, arena_printf(w->arena, "%s Provider", name), arena_printf(w->arena, "%s Provider", name),
         w->provider->schema->doc);
    if (!example(w, "Example Usage", "terraform", "provider/provider.tf"))
        return false;
    docs_schema(&w->page, w->arena, w->provider->schema);
    return finish(w, "", "index");
}

/* `kind` as people read it, `folder` of the pages, `sample` of the example. */
static bool write_member(struct writer *w, const char *kind, const char *folder, const char *name,
                         const struct tf_schema *s, const char *sample, bool has_import)
{
    head(w, arena_printf(w->arena, "%s %s - %s", name, kind, w->provider->name),
         arena_printf(w->arena, "%s (%s)", name, kind), s->doc);
    if (!example(w, "Example Usage", "terraform",
                 arena_printf(w->arena, "%s/%s/%s.tf", folder + 1, name, sample)))
        return false;
    docs_schema(&w->page, w->arena, s);
    if (has_import &&
        !example(w, "Import", "shell", arena_printf(w->arena, "%s/%s/import.sh", folder + 1, name)))
        return false;
    return finish(w, folder, short_name(w, name));
}

static void signature(struct writer *w, const struct tf_function *f)
{
    (void)buf_printf(&w->page, "## Signature\n\n```text\n%s(", f->name);
    for (const struct tf_attr *p = f->params; p && p->name; p++)
        (void)buf_printf(&w->page, "%s%s: %s", p == f->params ? "" : ", ", p->name, docs_type_name(p->type));
    (void)buf_printf(&w->page, "): %s\n```\n\n", docs_type_name(f->returns));
    if (count_attrs(f->params) > 0)
        (void)buf_puts(&w->page, "## Arguments\n\n");
    for (const struct tf_attr *p = f->params; p && p->name; p++)
        (void)buf_printf(&w->page, "1. `%s` (%s) %s\n", p->name, docs_type_name(p->type),
                         attr_doc(w->arena, p));
}

static bool write_function(struct writer *w, const struct tf_function *f)
{
    head(w, arena_printf(w->arena, "%s function - %s", f->name, w->provider->name),
         arena_printf(w->arena, "function: %s", f->name), f->doc);
    if (!example(w, "Example Usage", "terraform",
                 arena_printf(w->arena, "functions/%s/function.tf", f->name)))
        return false;
    signature(w, f);
    return finish(w, "/functions", f->name);
}

static bool write_pages(struct writer *w)
{
    const struct tf_provider *p = w->provider;
    if (!write_index(w))
        return false;
    for (const struct tf_resource *const *r = p->resources; r && *r; r++)
        if (!write_member(w, "Resource", "/resources", (*r)->name, (*r)->schema, "resource", (*r)->import))
            return false;
    for (const struct tf_data_source *const *d = p->data_sources; d && *d; d++)
        if (!write_member(w, "Data Source", "/data-sources", (*d)->name, (*d)->schema, "data-source", false))
            return false;
    for (const struct tf_ephemeral *const *m = p->ephemerals; m && *m; m++)
        if (!write_member(w, "Ephemeral Resource", "/ephemeral-resources", (*m)->name, (*m)->schema,
                          "ephemeral-resource", false))
            return false;
    for (const struct tf_function *const *f = p->functions; f && *f; f++)
        if (!write_function(w, *f))
            return false;
    return true;
}

bool tf_write_docs(const struct tf_provider *p, const char *dir, const char *examples_dir, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    if (!tf_check(p, e))
        return err_wrap(e, "tables of %s", p->name);
    struct writer w = {.arena = a, .provider = p, .dir = dir, .examples = examples_dir, .e = e};
    w.page.max = PAGE_MAX;
    bool ok = write_pages(&w);
    buf_done(&w.page);
    return ok || err_wrap(e, "write documentation");
}
