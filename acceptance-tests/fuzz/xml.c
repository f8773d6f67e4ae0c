/* XML as AWS's query protocol answers: the tree, written and read again, is the same tree. */
#include "internal/value/xml.h"
#include "acceptance-tests/fuzz/fuzz.h"

#include <string.h>

enum { WRITTEN_MAX = 64 * 1024 * 1024 };

static void write_text(const char *text, struct buf *out)
{
    for (const char *p = text; *p; p++) {
        bool plain = *p != '<' && *p != '&' && *p != '>' && *p != '\r';
        if (plain)
            (void)buf_add(out, p, 1);
        else
            (void)buf_printf(out, "&#%d;", *p);
    }
}

/* With a prefix, because the reader drops one, and what follows it need not be a name. */
static void write_tree(const struct xml *x, struct buf *out)
{
    (void)buf_printf(out, "<p:%s>", x->name);
    write_text(x->text, out);
    for (const struct xml *child = xml_child(x, NULL, NULL); child; child = xml_child(x, NULL, child)) {
        DEMAND(child->parent == x);
        write_tree(child, out);
    }
    (void)buf_printf(out, "</p:%s>", x->name);
}

static bool same(const struct xml *x, const struct xml *y)
{
    if (!x || !y)
        return x == y;
    if (strcmp(x->name, y->name) != 0 || strcmp(x->text, y->text) != 0)
        return false;
    const struct xml *a = x->first, *b = y->first;
    for (; a && b; a = a->next, b = b->next)
        if (!same(a, b))
            return false;
    return a == b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    struct buf written CLEANUP(buf_done) = BUF_INIT(WRITTEN_MAX);
    const struct xml *x = NULL, *again = NULL;
    struct err e = ERR_INIT;
    if (!xml_parse(a, (struct str){(const char *)data, n}, &x, &e)) {
        DEMAND(e.code == ERR_INVALID && !x);
        return 0;
    }
    DEMAND(x && !x->parent && !x->next);
    write_tree(x, &written);
    DEMAND(!written.overflow && xml_parse(a, buf_view(&written), &again, &e));
    DEMAND(same(x, again));
    return 0;
}
