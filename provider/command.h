/* command.h — the binary as a person starts it: `terraform-provider-aurora VERB …`.
 *
 * A verb is a row of `commands` (command.c): name, arguments, options it takes, what it does, the function.
 * The usage text and the guide page come from the same rows. A verb about a cluster calls command_open()
 * first: it is then wired like a resource's call, with credentials, Region, endpoints and PostgreSQL login
 * from the environment, as the provider takes them; there is no option for a password, because argument lists
 * are public.
 *
 * Standard output carries the answer and nothing else; errors, warnings and progress go to standard error.
 * Everything printed has registered secrets masked and, but for JSON, control characters replaced. One
 * thread.
 */
#ifndef AURORA_PROVIDER_COMMAND_H
#define AURORA_PROVIDER_COMMAND_H

#include "internal/flow/flow.h"
#include "provider/provider.h"

enum command_status { COMMAND_DONE, COMMAND_FAILED, COMMAND_FINDINGS, COMMAND_PAUSED };

enum command_option {
    OPTION_JSON = 1,
    OPTION_AWS = 2, /* --region, --profile, --endpoint-url, as the AWS CLI names them */
    OPTION_IF_ABSENT = 4,
    OPTION_YES = 8,
    OPTION_FOR = 16,
    OPTION_TIMEOUT = 32
};

struct invocation {
    const struct command *command;
    char **args; /* what follows the verb, options taken out; ends with NULL */
    int count;
    const char *region, *profile, *endpoint_url, *if_absent, *stage, *timeout; /* options; NULL: not given */
    bool json, yes;
    struct arena *arena;
    struct stop *stop; /* requested by Ctrl-C */
    /* After command_open(): */
    struct tf_call call;
    const char *cluster; /* lower case */
    const char *place;   /* Region; never NULL then */
};

struct command {
    const char *name, *arguments, *summary;
    const char *doc; /* Markdown for the guide; NULL: not in it */
    const char *example;
    int min_args, max_args;
    unsigned options;
    enum command_status (*run)(struct invocation *i);
};

extern const struct command commands[]; /* ends with name == NULL */
/* Options by name, argument and meaning, for the guide; ends with name == NULL. */
struct command_option_row {
    const char *name, *argument, *doc;
    unsigned option;
    size_t offset; /* of the member of struct invocation: const char *, or bool if there is no argument */
};
extern const struct command_option_row command_options[];

/* The first argument, CLUSTER or CLUSTER@REGION, and a configured provider. */
MUST_CHECK bool command_open(struct invocation *i, struct err *e);
/* What an operation on that cluster starts from: its identifier and Region, nothing of a configuration. */
const struct value *command_attrs(struct invocation *i);
/* A session for AWS in the cluster's Region. */
struct aws_session command_session(struct invocation *i);

/* ---- command_walk.c: a table of steps, walked as an apply does it ---- */

/* Where its steps are written down; NULL, after a warning: it goes without. */
struct journal *command_journal(struct invocation *i);
/* Closes it; a warning where it could not all be written. */
void command_journal_end(struct invocation *i, struct journal *j);
/* With the lease of an apply, within two hours. Findings of checks are told one by one on standard error:
 * then `e` has no code. */
MUST_CHECK bool command_walk(struct invocation *i, struct upgrade *u, const struct flow *flow,
                             enum flow_stage target, struct journal *journal, struct err *e);

/* ---- command_resume.c ---- */

/* The rows in which names move, of one kind of upgrade and one direction; ends with kind == NULL. */
struct strategy;
extern const struct names_part {
    const struct strategy *kind;
    bool is_switching; /* to the new version, not back */
    const struct flow *flow;
    const char *first, *last; /* rows of it */
} names_parts[];
struct flow names_rows(const struct names_part *p);

/* ---- answers ---- */

/* Tells it on standard error, unless it has no code: then it was told already. PAUSED for what goes on when
 * it is repeated, else FAILED. */
enum command_status command_fail(struct invocation *i, const struct err *e);
MUST_CHECK bool command_print(const char *text, struct err *e); /* to standard output */
MUST_CHECK bool command_print_json(const struct value *v, struct err *e);
/* JSON if that is asked for, else the text; FAILED if it cannot be written. */
enum command_status command_answer(struct invocation *i, const struct value *json, const char *text,
                                   enum command_status status);

/* ---- verbs, one file each ---- */

enum command_status command_facts(struct invocation *i);
enum command_status command_status(struct invocation *i);
enum command_status command_watch(struct invocation *i);
enum command_status command_wait(struct invocation *i);
enum command_status command_cleanup(struct invocation *i);
enum command_status command_adopt(struct invocation *i);
enum command_status command_unfence(struct invocation *i);
enum command_status command_resume(struct invocation *i);

#endif
