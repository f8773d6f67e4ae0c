/* ~/.aws/config and ~/.aws/credentials: what was understood, written plainly, is understood the same way. */
#include "internal/aws/ini.h"
#include "acceptance-tests/fuzz/fuzz.h"

#include <ctype.h>
#include <string.h>

static void demand_entry(const struct ini_entry *entry)
{
    DEMAND(entry->section && entry->value);
    DEMAND(entry->key || !entry->sub);
    for (const char *p = entry->key ? entry->key : ""; *p; p++)
        DEMAND(!isupper((unsigned char)*p));
}

/* Lines of a continued value are indented, as nested properties are. */
static void write_value(const char *value, struct buf *out)
{
    for (const char *p = value; *p; p++)
        if (*p == '\n')
            (void)buf_puts(out, "\n    ");
        else
            (void)buf_add(out, p, 1);
    (void)buf_puts(out, "\n");
}

static void write_entry(const struct ini_entry *entry, struct buf *out)
{
    if (!entry->key)
        (void)buf_printf(out, "[%s]\n", entry->section);
    else if (entry->sub)
        (void)buf_printf(out, "    %s =", entry->sub);
    else
        (void)buf_printf(out, "%s =", entry->key);
    if (entry->key)
        write_value(entry->value, out);
}

static bool same(const char *x, const char *y)
{
    return x == y || (x && y && strcmp(x, y) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    struct buf written CLEANUP(buf_done) = BUF_INIT(4 * INI_BYTES_MAX);
    struct ini ini = {0}, again = {0};
    struct err e = ERR_INIT;
    if (!ini_parse(a, (struct str){(const char *)data, n}, &ini, &e)) {
        DEMAND(e.code == ERR_INVALID);
        return 0;
    }
    for (size_t i = 0; i < ini.count; i++) {
        demand_entry(&ini.entries[i]);
        DEMAND(ini_has_section(&ini, ini.entries[i].section));
        write_entry(&ini.entries[i], &written);
    }
    DEMAND(ini_parse(a, buf_view(&written), &again, &e) && again.count == ini.count);
    for (size_t i = 0; i < ini.count; i++) {
        const struct ini_entry *x = &ini.entries[i], *y = &again.entries[i];
        DEMAND(same(x->section, y->section) && same(x->key, y->key) && same(x->sub, y->sub));
        DEMAND(same(x->value, y->value));
    }
    return 0;
}
