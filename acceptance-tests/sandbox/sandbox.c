#include "acceptance-tests/sandbox/sandbox.h"

#include <stdarg.h>
#include <stdio.h>

void sandbox_save(struct sandbox *sb)
{
    struct err e = ERR_INIT;
    if (!store_save(sb->store, &e))
        sandbox_warn("%s", e.text);
}

void sandbox_freeze(struct sandbox *sb)
{
    store_close(sb->frozen);
    sb->frozen = store_copy(sb->store);
}

void sandbox_now(struct sandbox *sb, char out[TIME_ISO_SIZE])
{
    time_iso(sb->clock->wall_ms(sb->clock), true, out);
}

void sandbox_warn(const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)fprintf(stderr, "aurora-sandbox: %s\n", text);
}
