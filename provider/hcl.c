#include "provider/hcl.h"

#include "internal/base/utf8.h"

#include <ctype.h>
#include <string.h>

enum { HCL_TEXT_MAX = 1 << 20 };

/* "${" and "%{" begin templates, unless their first character is doubled. */
static bool begins_template(const char *p)
{
    return (*p == '$' || *p == '%') && p[1] == '{';
}

static void add_char(struct buf *b, const char *p)
{
    unsigned char c = (unsigned char)*p;
    if (c == '"' || c == '\\')
        (void)buf_printf(b, "\\%c", c);
    else if (c == '\n')
        (void)buf_puts(b, "\\n");
    else if (c == '\r')
        (void)buf_puts(b, "\\r");
    else if (c == '\t')
        (void)buf_puts(b, "\\t");
    else if (c < ' ' || c == 0x7f)
        (void)buf_printf(b, "\\u%04x", c);
    else if (begins_template(p))
        (void)buf_printf(b, "%c%c", c, c);
    else
        (void)buf_add(b, p, 1);
}

const char *hcl_quoted(struct arena *a, const char *text)
{
    CLEANUP(buf_done) struct buf b = BUF_INIT(HCL_TEXT_MAX);
    char *clean = arena_strdup(a, text);
    if (!utf8_valid(clean, strlen(clean)))
        utf8_clean(clean);
    (void)buf_puts(&b, "\"");
    for (const char *p = clean; *p; p++)
        add_char(&b, p);
    (void)buf_puts(&b, "\"");
    return arena_strdup(a, buf_text(&b));
}

const char *hcl_name(struct arena *a, const char *text)
{
    char *name = arena_printf(a, "%s%s", isalpha((unsigned char)*text) ? "" : "x", text);
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p))
            *p = '_';
    return name;
}

void hcl_args(struct buf *out, int indent, const struct hcl_arg *args, size_t n)
{
    size_t longest = 0;
    for (size_t i = 0; i < n; i++)
        longest = strlen(args[i].name) > longest ? strlen(args[i].name) : longest;
    for (size_t i = 0; i < n; i++)
        (void)buf_printf(out, "%*s%-*s = %s\n", indent, "", (int)longest, args[i].name, args[i].value);
}
