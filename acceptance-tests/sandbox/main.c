/* aurora-sandbox: a local stand-in for AWS whose Aurora PostgreSQL clusters are real PostgreSQL servers. */
#include "acceptance-tests/sandbox/client.h"
#include "acceptance-tests/sandbox/faults.h"
#include "acceptance-tests/sandbox/rec.h"
#include "acceptance-tests/sandbox/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "--name value" options of a verb, and what is left. */
struct arguments {
    struct option_value {
        const char *name, *value;
    } options[32];
    size_t option_count;
    const char *rest[8];
    size_t rest_count;
};

struct command {
    const char *name, *synopsis, *what;
    const char *const *options; /* with a value; ends with NULL */
    const char *const *flags;   /* without; may be NULL */
    bool (*run)(const struct arguments *a, struct err *e);
};

static const char *option(const struct arguments *a, const char *name)
{
    for (size_t i = 0; i < a->option_count; i++)
        if (strcmp(a->options[i].name, name) == 0)
            return a->options[i].value;
    return NULL;
}

static bool need_option(const struct arguments *a, const char *name, const char **ret, struct err *e)
{
    *ret = option(a, name);
    return *ret || err_set(e, ERR_INVALID, "--%s is needed", name);
}

static bool number(const struct arguments *a, const char *name, double low, double high, double *ret,
                   struct err *e)
{
    const char *text = option(a, name);
    char *end;
    if (!text)
        return true;
    double value = strtod(text, &end);
    if (*end || end == text || !(value >= low && value <= high))
        return err_set(e, ERR_INVALID, "--%s must be a number from %g to %g", name, low, high);
    *ret = value;
    return true;
}

/* ---- serve ---- */

static struct stop *stop_token;

static void on_signal(int signal)
{
    (void)signal;
    stop_request(stop_token);
}

static bool run_serve(const struct arguments *a, struct err *e)
{
    double port = 0, speed = 1, cutover_speed = 0;
    struct serve_options o = {.majors_dir = option(a, "majors"), .run_as = option(a, "run-as")};
    if (!need_option(a, "state", &o.state_dir, e) || !number(a, "port", 0, 65535, &port, e) ||
        !number(a, "speed", 0.01, 100000, &speed, e) ||
        (option(a, "cutover-speed") && !number(a, "cutover-speed", 0.01, 100000, &cutover_speed, e)))
        return false;
    o.port = (int)port;
    o.speed = speed;
    o.cutover_speed = cutover_speed;
    o.region = option(a, "region") ? option(a, "region") : "us-east-1";
    o.account = option(a, "account") ? option(a, "account") : "123456789012";
    if (!o.run_as)
        o.run_as = "nobody";
    stop_token = stop_new();
    struct sigaction action = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    bool ok = serve(&o, stop_token, e);
    stop_free(stop_token);
    return ok;
}

/* ---- env, log ---- */

static bool run_env(const struct arguments *a, struct err *e)
{
    static const struct {
        const char *variable, *member;
    } ROWS[] = {
        {"AWS_ENDPOINT_URL", "endpoint"},
        {"AWS_REGION", "region"},
        {"AWS_DEFAULT_REGION", "region"},
        {"AWS_ACCESS_KEY_ID", "access_key_id"},
        {"AWS_SECRET_ACCESS_KEY", "secret_access_key"},
        {"PGSSLROOTCERT", "ca_file"},
    };
    const char *dir;
    json_t *state = NULL;
    if (!need_option(a, "state", &dir, e) || !client_read_state(dir, &state, e))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++)
        (void)printf("export %s='%s'\n", ROWS[i].variable, rec_str(state, ROWS[i].member));
    (void)printf("export PGSSLMODE='verify-full'\nunset AWS_SESSION_TOKEN AWS_PROFILE\n");
    json_decref(state);
    return true;
}

static bool run_log(const struct arguments *a, struct err *e)
{
    const char *dir;
    char path[4096], part[65536];
    if (!need_option(a, "state", &dir, e))
        return false;
    (void)snprintf(path, sizeof path, "%s/requests.ndjson", dir);
    FILE *in = fopen(path, "re");
    if (!in)
        return err_errno(e, errno, "read %s", path);
    for (size_t n; (n = fread(part, 1, sizeof part, in)) > 0;)
        (void)fwrite(part, 1, n, stdout);
    (void)fclose(in);
    return true;
}

/* ---- sql, fault, speed ---- */

static void print_rows(const json_t *rows)
{
    size_t i, k;
    json_t *row, *cell;
    json_array_foreach(rows, i, row)
    {
        json_array_foreach(row, k, cell)
        {
            (void)printf("%s%s", k ? "\t" : "", json_is_null(cell) ? "" : json_string_value(cell));
        }
        (void)printf("\n");
    }
}

static bool run_sql(const struct arguments *a, struct err *e)
{
    const char *dir, *cluster;
    json_t *answer = NULL;
    if (!need_option(a, "state", &dir, e) || !need_option(a, "cluster", &cluster, e))
        return false;
    if (a->rest_count != 1)
        return err_set(e, ERR_INVALID, "one statement is needed behind the options");
    json_t *body = json_pack("{s:s, s:s}", "cluster", cluster, "sql", a->rest[0]);
    if (!body)
        return err_set(e, ERR_INVALID, "the statement is not UTF-8");
    rec_set_str(body, "database", option(a, "database"));
    bool ok = client_call(dir, "sql", body, &answer, e);
    print_rows(rec_get(answer, "rows"));
    json_decref(body);
    json_decref(answer);
    return ok;
}

static bool fault_body(const struct arguments *a, json_t *body, struct err *e)
{
    double count = 1, delay = 0, status = 0;
    if (!number(a, "count", 1, 1e6, &count, e) || !number(a, "delay", 0, 3600, &delay, e) ||
        !number(a, "status", 400, 599, &status, e))
        return false;
    if (option(a, "clear"))
        rec_set_bool(body, "clear", true);
    if (option(a, "operation") || option(a, "kind")) {
        rec_set_str(body, "operation", option(a, "operation"));
        rec_set_str(body, "kind", option(a, "kind") ? option(a, "kind") : "error");
        rec_set_str(body, "code", option(a, "code"));
        rec_set_str(body, "message", option(a, "message"));
        rec_set_int(body, "count", (int64_t)count);
        rec_set(body, "delay", json_real(delay));
        if (status > 0)
            rec_set_int(body, "status", (int64_t)status);
    }
    return true;
}

static bool run_fault(const struct arguments *a, struct err *e)
{
    const char *dir;
    json_t *answer = NULL, *body = json_object();
    bool ok = need_option(a, "state", &dir, e) && fault_body(a, body, e) &&
              client_call(dir, "fault", body, &answer, e);
    size_t i;
    json_t *fault;
    json_array_foreach(rec_get(answer, "faults"), i, fault)
    {
        char *line = json_dumps(fault, JSON_COMPACT);
        (void)printf("%s\n", line ? line : "");
        free(line);
    }
    json_decref(body);
    json_decref(answer);
    return ok;
}

static bool run_speed(const struct arguments *a, struct err *e)
{
    const char *dir;
    json_t *answer = NULL, *body = json_object();
    bool ok = need_option(a, "state", &dir, e);
    if (ok && a->rest_count > 0)
        rec_set(body, "speed", json_real(strtod(a->rest[0], NULL)));
    ok = ok && client_call(dir, "speed", body, &answer, e);
    if (ok)
        (void)printf("%g\n", rec_real(answer, "speed"));
    json_decref(body);
    json_decref(answer);
    return ok;
}

/* ---- the table of verbs ---- */

static const char *const STATE_ONLY[] = {"state", NULL};
static const char *const SERVE_OPTIONS[] = {"state",  "port",   "speed", "cutover-speed", "region", "account",
                                            "majors", "run-as", NULL};
static const char *const SQL_OPTIONS[] = {"state", "cluster", "database", NULL};
static const char *const FAULT_OPTIONS[] = {"state", "operation", "kind",   "code", "message",
                                            "count", "delay",     "status", NULL};
static const char *const FAULT_FLAGS[] = {"clear", NULL};

static const struct command COMMANDS[] = {
    {"serve",
     "--state DIR [--port N] [--speed N] [--cutover-speed N] [--region R] [--account N] [--majors DIR] "
     "[--run-as USER]",
     "run until SIGTERM or SIGINT; one JSON line on stdout when ready", SERVE_OPTIONS, NULL, run_serve},
    {"env", "--state DIR", "shell exports for the AWS CLI, Terraform and psql", STATE_ONLY, NULL, run_env},
    {"log", "--state DIR", "every request so far, one JSON object a line", STATE_ONLY, NULL, run_log},
    {"sql", "--state DIR --cluster ID [--database D] SQL",
     "run SQL as rdsadmin; columns are separated by tabs", SQL_OPTIONS, NULL, run_sql},
    {"fault",
     "--state DIR [--clear] [--operation OP|* --kind KIND [--code C] [--message M] [--status N] [--count N] "
     "[--delay SECONDS]]",
     "make calls fail; prints the plan", FAULT_OPTIONS, FAULT_FLAGS, run_fault},
    {"speed", "--state DIR [N]", "show or change by how much AWS's waiting times are divided", STATE_ONLY,
     NULL, run_speed},
};

static void print_help(FILE *to)
{
    struct buf kinds = BUF_INIT(1024);
    (void)fprintf(to, "aurora-sandbox " AURORA_VERSION
                      ": a local AWS whose Aurora PostgreSQL clusters are real servers\n\n");
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++)
        (void)fprintf(to, "  aurora-sandbox %s %s\n      %s\n", COMMANDS[i].name, COMMANDS[i].synopsis,
                      COMMANDS[i].what);
    fault_kinds(&kinds);
    (void)fprintf(to, "\nKinds of faults: %s.\nOther: --help, --version.\n", buf_text(&kinds));
    buf_done(&kinds);
}

static bool listed(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static bool parse(const struct command *c, int argc, char **argv, struct arguments *ret, struct err *e)
{
    for (int i = 0; i < argc; i++) {
        const char *name = strncmp(argv[i], "--", 2) == 0 ? argv[i] + 2 : NULL;
        bool flag = name && listed(c->flags, name);
        if (!name) {
            if (ret->rest_count == ARRAY_LEN(ret->rest))
                return err_set(e, ERR_INVALID, "too many arguments");
            ret->rest[ret->rest_count++] = argv[i];
            continue;
        }
        if (!flag &&
            (!listed(c->options, name) || i + 1 == argc || ret->option_count == ARRAY_LEN(ret->options)))
            return err_set(e, ERR_INVALID, "--%s: unknown, or without a value", name);
        ret->options[ret->option_count++] = (struct option_value){name, flag ? "" : argv[++i]};
    }
    return true;
}

static const struct command *command_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++)
        if (strcmp(COMMANDS[i].name, name) == 0)
            return &COMMANDS[i];
    return NULL;
}

int main(int argc, char **argv)
{
    struct arguments a = {.option_count = 0};
    struct err e = ERR_INIT;
    const char *verb = argc > 1 ? argv[1] : "--help";
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "help") == 0) {
        print_help(stdout);
        return argc > 1 ? 0 : 2;
    }
    if (strcmp(verb, "--version") == 0) {
        (void)printf("aurora-sandbox " AURORA_VERSION "\n");
        return 0;
    }
    const struct command *c = command_named(verb);
    if (!c) {
        print_help(stderr);
        return 2;
    }
    if (parse(c, argc - 2, argv + 2, &a, &e) && c->run(&a, &e))
        return 0;
    (void)fprintf(stderr, "aurora-sandbox %s: %s%s%s\n", verb, e.text, *e.said ? ": " : "", e.said);
    return e.code == ERR_INVALID ? 2 : 1;
}
