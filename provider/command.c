/* command.c — the binary as a person starts it: `terraform-provider-aurora <command>`. A command is a row.
 */
#include "provider/guides.h"
#include "provider/provider.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

enum { DONE = 0, FAILED = 1 };

struct invocation {
    char **args; /* what follows the command, options taken out; ends with NULL */
    int count;
    bool json;
};

struct command {
    const char *name, *arguments, *summary;
    int min_args, max_args;
    int (*run)(const struct invocation *i);
};

static int cmd_version(const struct invocation *i)
{
    struct utsname u = {0};
    (void)uname(&u);
    if (i->json)
        printf("{\"version\":\"%s\",\"protocol\":\"6.11\",\"system\":\"%s\",\"machine\":\"%s\"}\n",
               AURORA_VERSION, u.sysname, u.machine);
    else
        printf("terraform-provider-aurora %s (plugin protocol 6.11, %s %s)\n", AURORA_VERSION, u.sysname,
               u.machine);
    return DONE;
}

static int complain(const struct err *e)
{
    fprintf(stderr, "error: %s\n", e->text);
    if (e->hint[0])
        fprintf(stderr, "%s\n", e->hint);
    return FAILED;
}

static int cmd_docs(const struct invocation *i)
{
    struct err e = ERR_INIT;
    const char *examples = i->count > 1 ? i->args[1] : "examples";
    bool ok = tf_write_docs(&aurora_provider, i->args[0], examples, &e) && guides_write(i->args[0], &e);
    return ok ? DONE : complain(&e);
}

static int cmd_help(const struct invocation *i);

static const struct command commands[] = {
    {"version", "", "what this is", 0, 0, cmd_version},
    {"docs", "DIR [EXAMPLES]", "write the documentation pages into DIR", 1, 2, cmd_docs},
    {"help", "", "this text", 0, 0, cmd_help},
};

static void usage(FILE *to)
{
    fprintf(to, "usage: terraform-provider-aurora COMMAND [ARGUMENT…] [--json]\n\n"
                "Terraform starts this program without a command. A person can ask for:\n\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(to, "  %-8s %-15s %s\n", commands[i].name, commands[i].arguments, commands[i].summary);
    fprintf(to, "\n--json: the answer for machines, where there is one.\n"
                "Exit status: 0 done, 1 error, 2 findings, 3 paused.\n");
}

static int cmd_help(const struct invocation *i)
{
    (void)i;
    usage(stdout);
    return DONE;
}

static const struct command *find(const char *name)
{
    static const struct {
        const char *option, *command;
    } also[] = {{"--help", "help"}, {"-h", "help"}, {"--version", "version"}};
    for (size_t i = 0; i < ARRAY_LEN(also); i++)
        if (strcmp(also[i].option, name) == 0)
            name = also[i].command;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Moves the arguments in front; false on an option nobody knows. */
static bool parse(int argc, char **argv, struct invocation *ret)
{
    struct invocation i = {.args = argv};
    for (int n = 0; n < argc; n++) {
        if (strcmp(argv[n], "--json") == 0)
            i.json = true;
        else if (strncmp(argv[n], "--", 2) == 0)
            return false;
        else
            argv[i.count++] = argv[n];
    }
    argv[i.count] = NULL;
    *ret = i;
    return true;
}

int command_main(int argc, char **argv)
{
    const struct command *k = find(argv[1]);
    struct invocation i;
    if (!k || !parse(argc - 2, argv + 2, &i) || i.count < k->min_args || i.count > k->max_args) {
        usage(stderr);
        return FAILED;
    }
    int status = k->run(&i);
    if (fflush(stdout) != 0 || ferror(stdout))
        return FAILED;
    return status;
}
