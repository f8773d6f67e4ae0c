/* The guide page of the companion command: verbs and options are those of command.c. */
#include "provider/command.h"
#include "provider/guides.h"

static void one_verb(struct buf *out, const struct command *k)
{
    (void)buf_printf(out, "\n## `%s`\n\n```\nterraform-provider-aurora %s", k->name, k->name);
    if (*k->arguments)
        (void)buf_printf(out, " %s", k->arguments);
    for (const struct command_option_row *o = command_options; o->name; o++)
        if (o->option != OPTION_AWS && (k->options & o->option))
            (void)buf_printf(out, " [%s%s%s]", o->name, o->argument ? " " : "",
                             o->argument ? o->argument : "");
    (void)buf_printf(out, "\n```\n\n%s\n", k->doc);
    if (k->example)
        (void)buf_printf(out, "\nExample:\n\n```\n%s\n```\n", k->example);
}

static void options(struct buf *out)
{
    (void)buf_puts(out, "\n## Options\n\n| option | meaning |\n| --- | --- |\n");
    for (const struct command_option_row *o = command_options; o->name; o++) {
        (void)buf_printf(out, "| `%s%s%s` ", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
        guide_cell(out, o->doc);
        (void)buf_puts(out, "|\n");
    }
}

void guide_companion(struct buf *out)
{
    (void)buf_puts(
        out,
        "---\npage_title: \"The companion command\"\n"
        "description: \"The provider's own program, started by a person: facts, status, clean-up.\"\n---\n\n"
        "# The companion command\n\n"
        "The provider's program answers to a person, too. Terraform keeps it below "
        "`.terraform/providers`; a link to it on the `PATH` is enough.\n\n"
        "Credentials, Region, endpoints and the login for PostgreSQL come from the environment, as the "
        "provider "
        "takes them: `AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`, `PGUSER`, `PGPASSWORD`, "
        "`PGSSLROOTCERT` "
        "and so on. There is no option for a password, because argument lists are public.\n\n"
        "Standard output carries the answer and nothing else; errors, warnings and progress go to standard "
        "error. The exit status is 0 for done, 1 for an error, 2 for findings, 3 for paused: work that goes "
        "on "
        "when the same command, or the apply, is started again. Every error has an id of the page "
        "[Errors](errors.md). Keys of JSON answers stay; new ones may come.\n");
    for (const struct command *k = commands; k->name; k++)
        if (k->doc)
            one_verb(out, k);
    options(out);
}
