/* What all verbs share: the way to AWS, and the way answers and errors are told. */
#include "provider/command.h"
#include "provider/upgrade_status.h"
#include "provider/validate.h"

#include "internal/base/log.h"
#include "internal/upgrade/errors.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { JSON_MAX_BYTES = 16 << 20 };

/* ---- telling ---- */

/* A terminal obeys control characters, whoever wrote them. */
static char *printable(struct arena *a, const char *text)
{
    char *copy = arena_strdup(a, text);
    log_mask(copy);
    for (char *p = copy; *p; p++)
        if (((unsigned char)*p < ' ' && *p != '\n') || *p == 0x7f)
            *p = '?';
    return copy;
}

bool command_print(const char *text, struct err *e)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    if (fputs(printable(a, text), stdout) >= 0 && fflush(stdout) == 0)
        return true;
    return err_set(e, ERR_UNAVAILABLE, "the answer cannot be written to standard output");
}

static bool json_text(const struct value *v, struct buf *out, struct err *e)
{
    if (!value_to_json(v, out, e))
        return err_wrap(e, "write JSON");
    if (!buf_puts(out, "\n"))
        return err_set(e, ERR_UNAVAILABLE, "the answer is too large");
    log_mask(out->p);
    return true;
}

bool command_print_json(const struct value *v, struct err *e)
{
    CLEANUP(buf_done) struct buf b = BUF_INIT(JSON_MAX_BYTES);
    if (!json_text(v, &b, e))
        return false;
    if (fputs(buf_text(&b), stdout) >= 0 && fflush(stdout) == 0)
        return true;
    return err_set(e, ERR_UNAVAILABLE, "the answer cannot be written to standard output");
}

/* "AUR0101: no such cluster" is an id and a sentence; "AUR-PAUSED AUR0908: interrupted" says more. */
static void tell_json(const char *kind, const char *summary, const char *detail)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    CLEANUP(buf_done) struct buf b = BUF_INIT(JSON_MAX_BYTES);
    static const char paused[] = "AUR-PAUSED";
    bool is_paused = strncmp(summary, paused, sizeof paused - 1) == 0;
    if (is_paused && summary[sizeof paused - 1] == ' ')
        summary += sizeof paused;
    const char *colon = strncmp(summary, "AUR", 3) == 0 ? strstr(summary, ": ") : NULL;
    struct value *v = value_object(a), *whole = value_object(a);
    struct err ignored = ERR_INIT;
    value_set(a, v, "id", colon ? value_string_n(a, summary, (size_t)(colon - summary)) : &value_null);
    value_set(a, v, "summary", value_string(a, colon ? colon + 2 : summary));
    value_set(a, v, "detail", value_string(a, detail));
    value_set(a, v, "paused", value_bool(is_paused));
    value_set(a, whole, kind, v);
    if (json_text(whole, &b, &ignored))
        (void)fputs(buf_text(&b), stderr);
}

static void tell(void *arg, bool is_error, const char *summary, const char *detail)
{
    const struct invocation *i = arg;
    const char *kind = is_error ? "error" : "warning";
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    if (i->json) {
        tell_json(kind, summary, detail);
        return;
    }
    (void)fprintf(stderr, "%s: %s\n%s%s", kind, printable(a, summary), printable(a, detail),
                  *detail ? "\n" : "");
}

enum command_status command_fail(struct invocation *i, const struct err *e)
{
    bool paused = e->code == ERR_PAUSED || (e->code == ERR_CANCELLED && !e->id);
    if (e->code == ERR_NONE)
        return stop_requested(i->stop) ? COMMAND_PAUSED : COMMAND_FAILED;
    i->call.arena = i->arena;
    i->call.tell = tell;
    i->call.tell_arg = i;
    struct err plain = *e;
    (void)err_hint(&plain, "%s", hint_alone(i->arena, e));
    tf_fail(&i->call, &plain);
    return paused ? COMMAND_PAUSED : COMMAND_FAILED;
}

enum command_status command_answer(struct invocation *i, const struct value *json, const char *text,
                                   enum command_status status)
{
    struct err e = ERR_INIT;
    bool ok = i->json ? command_print_json(json, &e) : command_print(text, &e);
    return ok ? status : command_fail(i, &e);
}

/* ---- the way to AWS ---- */

static const struct value *provider_block(struct invocation *i)
{
    static const char *const services[] = {"rds", "sts", "secretsmanager", "kms", "route53"};
    struct arena *a = i->arena;
    struct value *block = value_object(a), *endpoints = value_object(a);
    const char *url = i->endpoint_url && *i->endpoint_url ? i->endpoint_url : NULL;
    for (size_t n = 0; n < ARRAY_LEN(services); n++)
        value_set(a, endpoints, services[n], value_string(a, url));
    value_set(a, block, "region", value_string(a, i->place));
    value_set(a, block, "profile", value_string(a, i->profile));
    if (url)
        value_set(a, block, "endpoints", endpoints);
    return block;
}

static bool check_endpoint(struct invocation *i, struct err *e)
{
    struct err why = ERR_INIT;
    if (!i->endpoint_url || validate_url(value_string(i->arena, i->endpoint_url), &why))
        return true;
    return upgrade_fail(e, E_USAGE, "--endpoint-url: %s", why.text);
}

static bool read_place(struct invocation *i, struct err *e)
{
    const char *given = i->args[0], *at = strchr(given, '@');
    char *name = arena_memdup(i->arena, given, at ? (size_t)(at - given) : strlen(given));
    if (!identifier_valid(name))
        return upgrade_fail(e, E_USAGE, "\"%s\" is not the identifier of a cluster", name);
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (at && i->region && strcmp(at + 1, i->region) != 0)
        return upgrade_fail(e, E_USAGE, "two Regions: %s and --region %s", at + 1, i->region);
    i->cluster = name;
    i->place = at ? at + 1 : i->region;
    if (i->place && !region_plausible(i->place))
        return upgrade_fail(e, E_USAGE, "\"%s\" is not an AWS Region", i->place);
    return check_endpoint(i, e);
}

/* What configure refuses it has told itself: then `e` has no code. */
bool command_open(struct invocation *i, struct err *e)
{
    if (!read_place(i, e))
        return false;
    i->call = (struct tf_call){.arena = i->arena,
                               .stop = i->stop,
                               .config = provider_block(i),
                               .prior = &value_null,
                               .planned = &value_null,
                               .tell = tell,
                               .tell_arg = i};
    i->call.configured = provider_configure(&i->call);
    if (!i->call.configured)
        return err_set(e, ERR_NONE, "not configured");
    i->call.config = &value_null;
    i->place = i->place ? i->place : aws_region(provider_config(&i->call)->aws);
    return true;
}

const struct value *command_attrs(struct invocation *i)
{
    struct value *v = value_object(i->arena);
    value_set(i->arena, v, "cluster_identifier", value_string(i->arena, i->cluster));
    value_set(i->arena, v, "region", value_string(i->arena, i->place));
    return v;
}

struct aws_session command_session(struct invocation *i)
{
    return provider_session(&i->call, i->place);
}
