/* command.c — the binary as a person starts it: `terraform-provider-aurora VERB`. A verb is a row, an option
 * is a row; the usage text and the guide page come from them. */
#include "provider/command.h"
#include "provider/guides.h"

#include "internal/base/log.h"
#include "internal/upgrade/errors.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* ---- verbs that need no AWS ---- */

static enum command_status cmd_version(struct invocation *i)
{
    struct utsname u = {0};
    (void)uname(&u);
    struct value *v = value_object(i->arena);
    value_set(i->arena, v, "version", value_string(i->arena, AURORA_VERSION));
    value_set(i->arena, v, "protocol", value_string(i->arena, "6.11"));
    value_set(i->arena, v, "system", value_string(i->arena, u.sysname));
    value_set(i->arena, v, "machine", value_string(i->arena, u.machine));
    return command_answer(i, v,
                          arena_printf(i->arena,
                                       "terraform-provider-aurora %s (plugin protocol 6.11, %s %s)\n",
                                       AURORA_VERSION, u.sysname, u.machine),
                          COMMAND_DONE);
}

static enum command_status cmd_docs(struct invocation *i)
{
    struct err e = ERR_INIT;
    const char *examples = i->count > 1 ? i->args[1] : "examples";
    bool ok = tf_write_docs(&aurora_provider, i->args[0], examples, &e) && guides_write(i->args[0], &e);
    return ok ? COMMAND_DONE : command_fail(i, &e);
}

static enum command_status cmd_help(struct invocation *i);

/* ---- the tables ---- */

#define CLUSTER_OPTIONS (OPTION_JSON | OPTION_AWS)

const struct command_option_row command_options[] = {
    {"--json", NULL,
     "The answer as one line of JSON; errors and warnings, too, as `{\"error\": {\"id\", \"summary\", "
     "\"detail\", \"paused\"}}` on standard error.",
     OPTION_JSON, offsetof(struct invocation, json)},
    {"--region", "REGION", "Region of the cluster; the same as `CLUSTER@REGION`.", OPTION_AWS,
     offsetof(struct invocation, region)},
    {"--profile", "NAME", "Profile of the shared AWS files.", OPTION_AWS,
     offsetof(struct invocation, profile)},
    {"--endpoint-url", "URL",
     "Where RDS, STS, Secrets Manager, KMS and Route 53 answer, instead of AWS's own addresses.", OPTION_AWS,
     offsetof(struct invocation, endpoint_url)},
    {"--if-absent", "VALUE",
     "What to answer if the cluster does not exist: the value itself, or a JSON object of attributes.",
     OPTION_IF_ABSENT, offsetof(struct invocation, if_absent)},
    {"--yes", NULL, "Remove what was found, instead of listing it.", OPTION_YES,
     offsetof(struct invocation, yes)},
    {"--for", "STAGE", "The stage to wait for.", OPTION_FOR, offsetof(struct invocation, stage)},
    {"--timeout", "DURATION", "How long to go on, such as `90s` or `2h`.", OPTION_TIMEOUT,
     offsetof(struct invocation, timeout)},
    {.name = NULL},
};

const struct command commands[] = {
    {.name = "facts",
     .arguments = "CLUSTER[@REGION] [FIELD]",
     .summary = "the values of data.aurora_cluster",
     .doc = "The values of the data source `aurora_cluster`, for a module of somebody else's that a data "
            "source cannot be added to. With FIELD (an attribute; `instances.0.identifier` for what is "
            "inside) standard output is the bare value and nothing else; without it every attribute is "
            "there, null where nothing is known, so that `jsondecode()` finds it. While AWS moves names "
            "between two "
            "sides it fails with the reason (AUR0142), because a plan made from that moment would create or "
            "replace production.",
     .example = "engine_version = run_cmd(\"--terragrunt-quiet\", \"terraform-provider-aurora\", \"facts\", "
                "\"orders\", \"engine_version\", \"--if-absent\", \"17.6\")",
     .min_args = 1,
     .max_args = 2,
     .options = CLUSTER_OPTIONS | OPTION_IF_ABSENT,
     .run = command_facts},
    {.name = "status",
     .arguments = "CLUSTER[@REGION]",
     .summary = "how far the upgrade has come, and what to do next",
     .doc =
         "The stage reached as AWS shows it, the state of production in plain words, deployment and members "
         "or "
         "the snapshot, lag of the replication slots (with a "
         "login for PostgreSQL), steps done and left, findings, and the next thing to do. It asks for no "
         "configuration: any run of either kind is found, whoever began it; while a roll-back in place moves "
         "names it says who has which, and that they stand still (AUR0201) if nobody works on it. Exit "
         "status 2 if there are findings. The JSON "
         "is that of the data source `aurora_upgrade_status`, and `steps`.",
     .example = "terraform-provider-aurora status orders@eu-central-1 --json | jq -r .reached_stage",
     .min_args = 1,
     .max_args = 1,
     .options = CLUSTER_OPTIONS,
     .run = command_status},
    {.name = "watch",
     .arguments = "CLUSTER[@REGION]",
     .summary = "status again whenever something changes",
     .doc =
         "Tells the status whenever more than a position has changed, until nothing of an upgrade is left, "
         "Ctrl-C, or the time-out (exit status 3). With `--json`, one line for each change.",
     .example = "terraform-provider-aurora watch orders",
     .min_args = 1,
     .max_args = 1,
     .options = CLUSTER_OPTIONS | OPTION_TIMEOUT,
     .run = command_watch},
    {.name = "wait",
     .arguments = "CLUSTER[@REGION]",
     .summary = "watch until a stage is reached",
     .doc =
         "As `watch`, until AWS shows the stage or a later one: exit status 0. `rolled_back` is reached when "
         "nothing of the run is left, or nothing but the cluster that a roll-back in place put aside. Exit "
         "status 2 if the deployment has failed for good, 3 if the time is "
         "over or at Ctrl-C. It changes nothing: something else, such as an apply, has to get there.",
     .example = "terraform-provider-aurora wait orders --for prepared --timeout 4h",
     .min_args = 1,
     .max_args = 1,
     .options = CLUSTER_OPTIONS | OPTION_FOR | OPTION_TIMEOUT,
     .run = command_wait},
    {.name = "adopt",
     .arguments = "CLUSTER[@REGION]",
     .summary = "HCL and import blocks for what was made and stays",
     .doc = "Prints HCL for your own configuration, laid out as `terraform fmt` does it: the upgrade at the "
            "stage "
            "AWS shows, the new side's parameter groups as resources of `hashicorp/aws` with the parameters "
            "that differ from their defaults, each with its `import` block, and the data source that the "
            "cluster's changed values come from. After a logical switch that moved no name "
            "(`cutover.endpoint`) also `import` blocks for the new cluster and its instances. Groups of your "
            "own are not printed: they are in your configuration.",
     .example = "terraform-provider-aurora adopt orders > adopted.tf",
     .min_args = 1,
     .max_args = 1,
     .options = CLUSTER_OPTIONS,
     .run = command_adopt},
    {.name = "cleanup",
     .arguments = "CLUSTER[@REGION]",
     .summary = "what a failed or forgotten upgrade has left",
     .doc =
         "Lists what an upgrade of the cluster has left: `remove` is ours and not needed, `keep` is in use "
         "or "
         "yours to decide later (final snapshots, the old side, the snapshot of an upgrade in place and what "
         "its "
         "roll-back put aside, with its age and cost), `decide` only looks like ours. Exit status "
         "2 "
         "if there is anything but `keep`. With `--yes` it removes what is marked `remove`, by walking the "
         "same table as `stage = \"rolled_back\"` with the same lock and the same journal; a run that is "
         "not switched goes with it. It never touches a deployment made elsewhere, and after the switch "
         "only parameter groups that nobody uses, and what the snapshot is restored as if a roll-back in "
         "place "
         "has moved no name yet: that gives the roll-back up. What may be the only copy of a write is never "
         "removed: `stage = \"completed\"` does that. Interrupted, it is repeated.",
     .example = "terraform-provider-aurora cleanup orders --yes",
     .min_args = 1,
     .max_args = 1,
     .options = CLUSTER_OPTIONS | OPTION_YES,
     .run = command_cleanup},
    {.name = "unfence",
     .arguments = "CLUSTER[@REGION]",
     .summary = "lets production take writes again, and tries",
     .doc =
         "Lifts the fence that the switch of a logical upgrade has left when its process died, from any "
         "machine, and lets the other side follow as before; behind the point of no return it takes the "
         "switch back as long as no name has moved, else says so (AUR0237: apply again to finish it). Then "
         "it "
         "tries: a transaction as any application begins one, written in and rolled back. A blue/green "
         "upgrade "
         "has no fence of ours: AWS refuses writes during its own switchover, and ends that by itself. Exit "
         "status 1 if production refuses the write, while AWS is switching over, while an apply is at work, "
         "or "
         "without a login for PostgreSQL.",
     .example = "PGUSER=postgres_admin terraform-provider-aurora unfence orders",
     .min_args = 1,
     .max_args = 1,
     .options = CLUSTER_OPTIONS,
     .run = command_unfence},
    {.name = "resume",
     .arguments = "CLUSTER[@REGION]",
     .summary = "brings names that are between two clusters to where they belong",
     .doc =
         "An apply that was cut short while names moved has left some with nobody: the next apply finishes "
         "that. Where its configuration is not at hand, this does, from tags alone and from any machine: the "
         "switch of a logical upgrade, its way back, and the roll-back of an upgrade in place. It walks the "
         "same rows with the same lock and the same journal, at most two hours; interrupted, it is repeated. "
         "A login for PostgreSQL is needed as long as production's own name has not moved. The rest of the "
         "upgrade (replication, settings, the watch) is for the next apply. To take a switch back instead: "
         "`unfence`, as long as no name has moved; afterwards `stage = \"rolled_back\"`, which loses "
         "nothing. While nothing moves it changes nothing.",
     .example = "PGUSER=postgres_admin terraform-provider-aurora resume orders",
     .min_args = 1,
     .max_args = 1,
     .options = CLUSTER_OPTIONS,
     .run = command_resume},
    {.name = "version",
     .arguments = "",
     .summary = "what this is",
     .doc = "Version, plugin protocol, system and machine of this program.",
     .example = "terraform-provider-aurora version --json",
     .options = OPTION_JSON,
     .run = cmd_version},
    {.name = "docs",
     .arguments = "DIR [EXAMPLES]",
     .summary = "write the documentation pages into DIR",
     .min_args = 1,
     .max_args = 2,
     .run = cmd_docs},
    {.name = "help", .arguments = "", .summary = "this text", .run = cmd_help},
    {.name = NULL},
};

/* ---- usage ---- */

static void usage_options(FILE *to, const struct command *k)
{
    for (const struct command_option_row *o = command_options; o->name; o++)
        if (o->option != OPTION_AWS && (k->options & o->option))
            (void)fprintf(to, " [%s%s%s]", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
}

static void usage(FILE *to)
{
    (void)fprintf(to, "usage: terraform-provider-aurora COMMAND [ARGUMENT…] [OPTION…]\n\n"
                      "Terraform starts this program without a command. A person can ask for:\n\n");
    for (const struct command *k = commands; k->name; k++) {
        (void)fprintf(to, "  %s%s%s", k->name, *k->arguments ? " " : "", k->arguments);
        usage_options(to, k);
        (void)fprintf(to, "\n      %s\n", k->summary);
    }
    (void)fprintf(to,
                  "\nAbout a cluster also: --region REGION, --profile NAME, --endpoint-url URL. Credentials "
                  "and the login for\nPostgreSQL (PGUSER, PGPASSWORD …) come from the environment, as the "
                  "provider takes them.\n"
                  "Exit status: 0 done, 1 error, 2 findings, 3 paused.\n");
}

static enum command_status cmd_help(struct invocation *i)
{
    (void)i;
    usage(stdout);
    return COMMAND_DONE;
}

/* ---- what was typed ---- */

static const struct command *find(const char *name)
{
    static const struct {
        const char *option, *command;
    } also[] = {{"--help", "help"}, {"-h", "help"}, {"--version", "version"}};
    for (size_t i = 0; i < ARRAY_LEN(also); i++)
        if (strcmp(also[i].option, name) == 0)
            name = also[i].command;
    for (const struct command *k = commands; k->name; k++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

/* `typed` is "--name" or "--name=value"; *ret_value NULL: the value is the next argument. */
static const struct command_option_row *find_option(const struct command *k, const char *typed,
                                                    const char **ret_value)
{
    size_t n = strcspn(typed, "=");
    *ret_value = typed[n] ? typed + n + 1 : NULL;
    for (const struct command_option_row *o = command_options; o->name; o++)
        if ((k->options & o->option) && strlen(o->name) == n && strncmp(o->name, typed, n) == 0)
            return o;
    return NULL;
}

/* *n is the option's place in argv, and then that of its last word. */
static bool take_option(struct invocation *i, char **argv, int argc, int *n, struct err *e)
{
    const char *value = NULL, *typed = argv[*n];
    const struct command_option_row *o = find_option(i->command, typed, &value);
    if (!o)
        return upgrade_fail(e, E_USAGE, "%s has no option %.*s", i->command->name, (int)strcspn(typed, "="),
                            typed); /* what follows may be a secret */
    if (!o->argument) {
        *(bool *)((char *)i + o->offset) = true;
        return !value || upgrade_fail(e, E_USAGE, "%s takes no value", o->name);
    }
    if (!value && *n + 1 < argc)
        value = argv[++*n];
    if (!value)
        return upgrade_fail(e, E_USAGE, "%s needs a value: %s", o->name, o->argument);
    *(const char **)((char *)i + o->offset) = value;
    return true;
}

/* Moves the arguments in front. */
static bool parse(struct invocation *i, int argc, char **argv, struct err *e)
{
    i->args = argv;
    for (int n = 0; n < argc; n++) {
        if (argv[n][0] != '-')
            argv[i->count++] = argv[n];
        else if (!take_option(i, argv, argc, &n, e))
            return false;
    }
    argv[i->count] = NULL;
    if (i->count < i->command->min_args || i->count > i->command->max_args)
        return upgrade_fail(e, E_USAGE, "%s takes %s", i->command->name,
                            *i->command->arguments ? i->command->arguments : "no arguments");
    return true;
}

/* ---- the process ---- */

static struct stop *interrupted;

/* The second time whatever the system does. */
static void on_signal(int signal)
{
    (void)signal;
    stop_request(interrupted);
}

static struct stop *watch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    interrupted = stop_new();
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        (void)sigaction(signals[i], &act, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that has left is an error of write() */
    (void)signal(SIGXFSZ, SIG_IGN); /* so is a file that may not grow */
    return interrupted;
}

static enum command_status run(struct invocation *i, int argc, char **argv)
{
    struct err e = ERR_INIT;
    if (!parse(i, argc, argv, &e)) {
        enum command_status status = command_fail(i, &e);
        if (!i->json)
            usage(stderr);
        return status;
    }
    enum command_status status = i->command->run(i);
    provider_unconfigure(i->call.configured);
    return status;
}

int command_main(int argc, char **argv)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    struct invocation i = {.command = find(argv[1]), .arena = a};
    if (!i.command) {
        usage(stderr);
        return COMMAND_FAILED;
    }
    log_init(getenv("TF_LOG_PROVIDER"));
    CLEANUP(stop_cleanup) struct stop *stop = watch_signals();
    i.stop = stop;
    enum command_status status = run(&i, argc - 2, argv + 2);
    if (fflush(stdout) != 0 || ferror(stdout))
        return COMMAND_FAILED;
    return (int)status;
}
