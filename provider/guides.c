#include "provider/guides.h"
#include "internal/base/file.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/upgrade.h"
#include "provider/flow_blue_green_upgrade.h"

#include <string.h>

enum { PAGE_MAX_BYTES = 256 * 1024 };

/* The example whose names appear in the pages. */
static struct upgrade example(void)
{
    struct upgrade u = {.source_major = 13, .has_login = true};
    u.request.cluster = "orders";
    u.request.target = (struct version){17, -1};
    u.request.max_write_outage_s = 300;
    return u;
}

/* A table cell: no bars, no line breaks, angle brackets visible. */
static void cell(struct buf *out, const char *text)
{
    (void)buf_puts(out, "| ");
    for (const char *p = text; *p; p++) {
        if (*p == '|')
            (void)buf_puts(out, "\\|");
        else if (*p == '<')
            (void)buf_puts(out, "&lt;");
        else if (*p == '\n')
            (void)buf_puts(out, "<br>");
        else
            (void)buf_add(out, p, 1);
    }
    (void)buf_puts(out, " ");
}

static void said(struct buf *out, const struct upgrade *u, void (*say)(const struct upgrade *, struct buf *))
{
    struct buf text = BUF_INIT(4096);
    if (say)
        say(u, &text);
    cell(out, buf_text(&text));
    buf_done(&text);
}

static const char *effect_of(const struct step *s)
{
    if (s->kind == STEP_NO_RETURN)
        return "point of no return, blocks writes";
    if (s->irreversible)
        return "irreversible";
    if (s->blocks_writes)
        return "blocks writes";
    return "";
}

static void flow_table(struct buf *out, const struct flow *flow)
{
    struct upgrade u = example();
    (void)buf_puts(out, "| step | stage | kind | what it does | the same by hand | effect | takes |\n"
                        "| --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < flow->count; i++) {
        const struct step *s = &flow->steps[i];
        cell(out, s->name);
        cell(out, stage_name(s->stage));
        cell(out, step_kind_name(s->kind));
        said(out, &u, s->describe);
        said(out, &u, s->equivalent);
        cell(out, effect_of(s));
        cell(out, s->duration);
        (void)buf_puts(out, "|\n");
    }
}

static void steps_page(struct buf *out)
{
    (void)buf_puts(
        out,
        "---\npage_title: \"The steps of a blue/green upgrade\"\n"
        "description: \"Every step aurora_blue_green_upgrade walks, from its own table.\"\n---\n\n"
        "# The steps of a blue/green upgrade\n\n"
        "This page is written from the table the provider walks. The example upgrades the cluster `orders` "
        "from 13 to 17, with a "
        "login for PostgreSQL. A step that does not apply to a configuration is left out of its plan.\n\n"
        "A *check* looks and changes nothing; checks that stand together all run, and all findings are told. "
        "A *change* is skipped "
        "when it is there already. A *wait* ends when the world is as described. Behind the *no_return* row "
        "everything only goes "
        "forward.\n\n## Forward\n\n");
    flow_table(out, &flow_blue_green);
    (void)buf_puts(out, "\n## `rolled_back`, and a destroy before the switch\n\n");
    flow_table(out, &flow_blue_green_back);
}

static void errors_page(struct buf *out)
{
    (void)buf_puts(out, "---\npage_title: \"Errors\"\ndescription: \"Every error of an upgrade, with the "
                        "next thing to do.\"\n---\n\n"
                        "# Errors\n\nEvery error has an id that never changes. The message itself names the "
                        "cause and the state of production.\n\n"
                        "| id | kind | attribute | next step |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < E_COUNT; i++) {
        cell(out, upgrade_errors[i].id);
        cell(out, err_code_name(upgrade_errors[i].code));
        cell(out, upgrade_errors[i].attribute);
        cell(out, upgrade_errors[i].hint);
        (void)buf_puts(out, "|\n");
    }
}

bool guides_write(const char *dir, struct err *e)
{
    static const struct {
        const char *file;
        void (*write)(struct buf *out);
    } pages[] = {{"blue-green-steps.md", steps_page}, {"errors.md", errors_page}};
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *folder = arena_printf(a, "%s/guides", dir);
    if (!dir_make(folder, e))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct buf page = BUF_INIT(PAGE_MAX_BYTES);
        pages[i].write(&page);
        bool ok = file_replace(arena_printf(a, "%s/%s", folder, pages[i].file), page.p, page.n, 0644, e);
        buf_done(&page);
        if (!ok)
            return false;
    }
    return true;
}
