/* aurora-sandbox: a local stand-in for AWS whose Aurora PostgreSQL clusters are real PostgreSQL servers. */
#include "acceptance-tests/sandbox/client.h"
#include "acceptance-tests/sandbox/faults.h"
#include "acceptance-tests/sandbox/outage.h"
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
    struct serve_options o = {.majors_dir = option(a, "majors"),
                              .run_as = option(a, "run-as"),
                              .iam_policy = option(a, "iam-policy")};
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
        {"AWS_ENDPOINT_URL_ROUTE_53", "endpoint"},
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

/* One JSON object a line. */
static void print_lines(const json_t *list)
{
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        char *line = json_dumps(entry, JSON_COMPACT);
        (void)printf("%s\n", line ? line : "");
        free(line);
    }
}

/* Calls a verb whose reply is a list, and prints that. Takes the body. */
static bool call_and_print(const struct arguments *a, const char *verb, json_t *body, const char *list,
                           struct err *e)
{
    const char *dir;
    json_t *answer = NULL;
    bool ok = need_option(a, "state", &dir, e) && client_call(dir, verb, body, &answer, e);
    print_lines(rec_get(answer, list));
    json_decref(body);
    json_decref(answer);
    return ok;
}

static bool run_log(const struct arguments *a, struct err *e)
{
    const char *dir;
    char path[4096], part[65536];
    if (option(a, "running"))
        return call_and_print(a, "running", json_object(), "running", e);
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

/* Options that go into the request as they are. */
static void carry(const struct arguments *a, const char *const *names, json_t *body)
{
    for (; *names; names++)
        rec_set_str(body, *names, option(a, *names));
}

static bool fault_match(const char *pair, json_t *body, struct err *e)
{
    const char *equals = pair ? strchr(pair, '=') : NULL;
    if (!pair)
        return true;
    if (!equals || equals == pair)
        return err_set(e, ERR_INVALID, "--match must be PARAMETER=VALUE");
    rec_printf(body, "match", "%.*s", (int)(equals - pair), pair);
    rec_set_str(body, "match_value", equals + 1);
    return true;
}

static bool fault_body(const struct arguments *a, json_t *body, struct err *e)
{
    static const char *const TEXTS[] = {"operation", "code", "message", "element", "value", NULL};
    double count = 1, delay = 0, status = 0, nth = 1, size = 0;
    if (!number(a, "count", 0, 1e6, &count, e) || !number(a, "delay", 0, 3600, &delay, e) ||
        !number(a, "status", 400, 599, &status, e) || !number(a, "nth", 1, 1e6, &nth, e) ||
        !number(a, "size", 1, 1 << 30, &size, e) || !fault_match(option(a, "match"), body, e))
        return false;
    if (option(a, "clear"))
        rec_set_bool(body, "clear", true);
    if (!option(a, "operation") && !option(a, "kind"))
        return true;
    carry(a, TEXTS, body);
    rec_set_str(body, "kind", option(a, "kind") ? option(a, "kind") : "error");
    rec_set_int(body, "count", (int64_t)count);
    rec_set_int(body, "skip", (int64_t)nth - 1);
    rec_set(body, "delay", json_real(delay));
    if (size > 0)
        rec_set_int(body, "size", (int64_t)size);
    if (status > 0)
        rec_set_int(body, "status", (int64_t)status);
    return true;
}

static bool outage_body(const struct arguments *a, json_t *body, struct err *e)
{
    static const char *const TEXTS[] = {"cluster", "kind", NULL};
    double delay = 0;
    if (!number(a, "delay", 0, 3600, &delay, e))
        return false;
    carry(a, TEXTS, body);
    rec_set(body, "delay", json_real(delay));
    return true;
}

static bool run_fault(const struct arguments *a, struct err *e)
{
    json_t *body = json_object();
    bool cluster = option(a, "cluster");
    if (cluster && option(a, "operation"))
        (void)err_set(e, ERR_INVALID, "a fault is either of a cluster or of an operation");
    else if (cluster ? outage_body(a, body, e) : fault_body(a, body, e))
        return call_and_print(a, cluster ? "outage" : "fault", body, "faults", e);
    json_decref(body);
    return false;
}

/* ---- iam, maintenance ---- */

static bool run_iam(const struct arguments *a, struct err *e)
{
    const char *dir, *path = option(a, "policy");
    json_error_t problem;
    json_t *answer = NULL, *body = json_object(), *policy = path ? json_load_file(path, 0, &problem) : NULL;
    if (option(a, "off"))
        rec_set_bool(body, "off", true);
    rec_set(body, "policy", policy);
    bool ok = !path || policy || err_set(e, ERR_INVALID, "%s: %s, line %d", path, problem.text, problem.line);
    ok = ok && need_option(a, "state", &dir, e) && client_call(dir, "iam", body, &answer, e);
    char *text = rec_has(answer, "policy") ? json_dumps(rec_get(answer, "policy"), JSON_INDENT(2)) : NULL;
    if (ok)
        (void)printf("%s\n", text ? text : "no policy: everything is allowed");
    free(text);
    json_decref(body);
    json_decref(answer);
    return ok;
}

static bool run_expire(const struct arguments *a, struct err *e)
{
    return call_and_print(a, "expire", json_object(), "nothing", e);
}

static bool run_maintenance(const struct arguments *a, struct err *e)
{
    static const char *const TEXTS[] = {"resource", "action", "description", NULL};
    json_t *body = json_object();
    carry(a, TEXTS, body);
    rec_set_str(body, "auto_applied_after", option(a, "auto-applied-after"));
    rec_set_str(body, "forced_apply", option(a, "forced-apply"));
    if (option(a, "clear"))
        rec_set_bool(body, "clear", true);
    return call_and_print(a, "maintenance", body, "actions", e);
}

static bool run_proxy(const struct arguments *a, struct err *e)
{
    static const char *const TEXTS[] = {"name", "cluster", "health", "reason", NULL};
    json_t *body = json_object();
    carry(a, TEXTS, body);
    if (option(a, "remove"))
        rec_set_bool(body, "remove", true);
    return call_and_print(a, "proxy", body, "proxies", e);
}

static bool run_key(const struct arguments *a, struct err *e)
{
    static const char *const TEXTS[] = {"key", NULL};
    json_t *body = json_object();
    carry(a, TEXTS, body);
    rec_set_bool(body, "disabled", !option(a, "enable"));
    return call_and_print(a, "key", body, "disabled", e);
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
static const char *const SERVE_OPTIONS[] = {"state",   "port",   "speed",  "cutover-speed", "region",
                                            "account", "majors", "run-as", "iam-policy",    NULL};
static const char *const SQL_OPTIONS[] = {"state", "cluster", "database", NULL};
static const char *const FAULT_OPTIONS[] = {"state",   "operation", "cluster", "kind",   "code",
                                            "message", "count",     "nth",     "match",  "delay",
                                            "size",    "element",   "value",   "status", NULL};
static const char *const CLEAR_FLAG[] = {"clear", NULL};
static const char *const RUNNING_FLAG[] = {"running", NULL};
static const char *const IAM_OPTIONS[] = {"state", "policy", NULL};
static const char *const OFF_FLAG[] = {"off", NULL};
static const char *const MAINTENANCE_OPTIONS[] = {
    "state", "resource", "action", "description", "auto-applied-after", "forced-apply", NULL};

static const char *const PROXY_OPTIONS[] = {"state", "name", "cluster", "health", "reason", NULL};
static const char *const REMOVE_FLAG[] = {"remove", NULL};
static const char *const KEY_OPTIONS[] = {"state", "key", NULL};
static const char *const ENABLE_FLAG[] = {"enable", NULL};

static const struct command COMMANDS[] = {
    {"serve",
     "--state DIR [--port N] [--speed N] [--cutover-speed N] [--region R] [--account N] [--majors DIR] "
     "[--run-as USER] [--iam-policy FILE]",
     "run until SIGTERM or SIGINT; one JSON line on stdout when ready", SERVE_OPTIONS, NULL, run_serve},
    {"env", "--state DIR", "shell exports for the AWS CLI, Terraform and psql", STATE_ONLY, NULL, run_env},
    {"log", "--state DIR [--running]",
     "every request so far, or those not yet answered, one JSON object a line", STATE_ONLY, RUNNING_FLAG,
     run_log},
    {"sql", "--state DIR --cluster ID [--database D] SQL",
     "run SQL as rdsadmin; columns are separated by tabs", SQL_OPTIONS, NULL, run_sql},
    {"fault",
     "--state DIR [--clear] [--operation OP|* --kind KIND [--nth N] [--count N] [--match PARAMETER=VALUE] "
     "[--code C] [--message M] [--status N] [--delay SECONDS] [--size N] [--element E --value V]]\n"
     "  aurora-sandbox fault --state DIR --cluster ID --kind KIND [--delay SECONDS]",
     "make calls, servers or connections fail; prints the plan", FAULT_OPTIONS, CLEAR_FLAG, run_fault},
    {"iam", "--state DIR [--policy FILE | --off]", "let a policy document decide, or show the one that does",
     IAM_OPTIONS, OFF_FLAG, run_iam},
    {"expire", "--state DIR", "let the credentials of every assumed role expire now", STATE_ONLY, NULL,
     run_expire},
    {"maintenance",
     "--state DIR --resource ID|ARN [--clear] [--action A [--description T] [--auto-applied-after TIME] "
     "[--forced-apply TIME]]",
     "put a pending maintenance action on a cluster or instance", MAINTENANCE_OPTIONS, CLEAR_FLAG,
     run_maintenance},
    {"proxy", "--state DIR --name N [--cluster ID] [--health STATE [--reason R]] [--remove]",
     "put an RDS Proxy in front of a cluster", PROXY_OPTIONS, REMOVE_FLAG, run_proxy},
    {"key", "--state DIR --key ID|ARN [--enable]",
     "disable a KMS key, or enable it again; prints the disabled ones", KEY_OPTIONS, ENABLE_FLAG, run_key},
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
    (void)buf_puts(&kinds, "\nKinds of faults, of operations: ");
    fault_kinds(&kinds);
    (void)buf_puts(&kinds, ".\nof clusters: ");
    outage_kinds(&kinds);
    (void)fprintf(to, "%s.\nOther: --help, --version.\n", buf_text(&kinds));
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
