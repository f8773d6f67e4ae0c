#include "internal/tf/demo.h"
#include "internal/base/log.h"
#include "internal/tf/demo_tables.h"

#include <stdlib.h>
#include <string.h>

static bool one_word(const struct value *v, struct err *e)
{
    return !strpbrk(value_as_text(v, ""), " /") ||
           err_set(e, ERR_INVALID, "a name is one word without slashes");
}

/* ---- the provider ---- */

static const struct tf_schema provider_schema = {
    .doc = "A provider for tests.",
    .attrs =
        (const struct tf_attr[]){
            {"dir", TF_STRING, TF_OPTIONAL, .doc = "Folder of the things."},
            {"token", TF_STRING, TF_OPTIONAL | TF_SENSITIVE, .doc = "Masked in every diagnostic."},
            {"speed", TF_STRING, TF_OPTIONAL, .doc = "How fast.",
             .one_of = (const char *const[]){"slow", "fast", NULL}},
            {0},
        },
};

static void *configure(struct tf_call *c)
{
    log_secret(value_as_text(value_get(c->config, "token"), NULL));
    const char *dir = value_as_text(value_get(c->config, "dir"), NULL);
    if (dir && strcmp(dir, "refused") == 0)
        tf_error(c, "dir", "AUR0100: this folder is refused", "Use another one.");
    return dir && !tf_failed(c) ? strdup(dir) : NULL; /* an unknown folder: things decide what that means */
}

/* ---- things ---- */

static const struct tf_attr login_attrs[] = {
    {"host", TF_STRING, TF_OPTIONAL | TF_REPLACE, .doc = "Where."},
    {"port", TF_NUMBER, TF_OPTIONAL | TF_INTEGER, .doc = "Port.", .otherwise = "5432"},
    {"password_wo", TF_STRING, TF_OPTIONAL | TF_WRITE_ONLY | TF_SENSITIVE, .doc = "Password; never stored."},
    {"session", TF_STRING, TF_COMPUTED, .doc = "Session id."},
    {0},
};

static const struct tf_attr hook_attrs[] = {
    {"at", TF_STRING, TF_REQUIRED, .doc = "When.", .one_of = (const char *const[]){"before", "after", NULL}},
    {"sql", TF_STRING, TF_OPTIONAL, .doc = "What."},
    {"number", TF_NUMBER, TF_COMPUTED | TF_STABLE, .doc = "Place in the order."},
    {0},
};

static const struct tf_attr step_attrs[] = {
    {"name", TF_STRING, TF_COMPUTED, .doc = "Name."},
    {"blocks_writes", TF_BOOL, TF_COMPUTED, .doc = "Whether it blocks writes."},
    {0},
};

static const struct tf_attr size_attrs[] = {
    {"width", TF_NUMBER, TF_OPTIONAL, .doc = "Width."},
    {"area", TF_NUMBER, TF_OPTIONAL_COMPUTED, .doc = "Area."},
    {0},
};

static const char *const behaviours[] = {
    "normal",   "fail_create", "partial_create", "hang_create", "fail_update",    "bug_unknown", "bug_type",
    "bug_null", "huge",        "pause",          "warn",        "refuse_destroy", NULL,
};

static const struct tf_attr thing_attrs[] = {
    {"name", TF_STRING, TF_REQUIRED | TF_REPLACE, .doc = "Name of the thing.", .validate = one_word},
    {"count_of", TF_NUMBER, TF_OPTIONAL_COMPUTED | TF_INTEGER, .doc = "How many.", .otherwise = "3"},
    {"ratio", TF_NUMBER, TF_OPTIONAL, .doc = "Any number."},
    {"mode", TF_STRING, TF_OPTIONAL_COMPUTED, .doc = "Mode.", .otherwise = "\"slow\"",
     .one_of = (const char *const[]){"slow", "fast", NULL}},
    {"enabled", TF_BOOL, TF_OPTIONAL_COMPUTED, .doc = "Switch.", .otherwise = "false"},
    {"region", TF_STRING, TF_OPTIONAL_COMPUTED | TF_STABLE | TF_REPLACE, .doc = "Where it is."},
    {"labels", TF_STRING_MAP, TF_OPTIONAL, .doc = "Labels."},
    {"words", TF_STRING_LIST, TF_OPTIONAL, .doc = "Words.",
     .one_of = (const char *const[]){"a", "b", "c", NULL}},
    {"flags", TF_STRING_SET, TF_OPTIONAL, .doc = "Flags."},
    {"size", TF_OBJECT, TF_OPTIONAL, .doc = "Size.", .nested = size_attrs},
    {"secret_wo", TF_STRING, TF_OPTIONAL | TF_WRITE_ONLY | TF_SENSITIVE, .doc = "Secret; never stored."},
    {"secret_wo_version", TF_NUMBER, TF_OPTIONAL | TF_INTEGER, .doc = "Raise it to use another secret."},
    {"behaviour", TF_STRING, TF_OPTIONAL, .doc = "How to misbehave.", .one_of = behaviours},
    {"id", TF_STRING, TF_COMPUTED | TF_STABLE, .doc = "Id."},
    {"revision", TF_NUMBER, TF_COMPUTED, .doc = "Number of changes."},
    {"secret_length", TF_NUMBER, TF_COMPUTED, .doc = "Length of the secret when it was last used."},
    {"report", TF_STRING, TF_COMPUTED, .doc = "A text, now and then a huge one."},
    {"steps", TF_OBJECT_LIST, TF_COMPUTED, .doc = "Steps.", .nested = step_attrs},
    {0},
};

static const struct tf_block login_blocks[] = {
    {.name = "tls",
     .attrs = (const struct tf_attr[]){{"mode", TF_STRING, TF_OPTIONAL, .doc = "Mode."}, {0}},
     .doc = "Encryption."},
    {0},
};

static const struct tf_schema thing_schema = {
    .version = 2,
    .doc = "A thing. It is a file.",
    .attrs = thing_attrs,
    .blocks =
        (const struct tf_block[]){
            {.name = "login", .attrs = login_attrs, .blocks = login_blocks, .doc = "How to log in."},
            {.name = "hook", .is_list = true, .attrs = hook_attrs, .doc = "What to run."},
            {0},
        },
};

static void thing_validate(struct tf_call *c)
{
    const char *name = value_as_text(value_get(c->config, "name"), "");
    if (strcmp(name, "forbidden") == 0)
        tf_error(c, "name", "AUR0101: this name is taken for good", "Choose another name.");
}

static const struct tf_resource thing = {
    .name = "demo_thing",
    .schema = &thing_schema,
    .validate = thing_validate,
    .plan = thing_plan,
    .plan_destroy = thing_plan_destroy,
    .create = thing_create,
    .update = thing_update,
    .del = thing_delete,
    .read = thing_read,
    .import = thing_import,
    .upgrade = thing_upgrade,
};

/* The least a resource can be: no validation, plan, import or upgrade of its own. */
static const struct tf_resource plain = {
    .name = "demo_plain",
    .schema = &thing_schema,
    .create = thing_create,
    .update = thing_update,
    .del = thing_delete,
    .read = thing_read,
};

/* ---- the rest ---- */

static const struct tf_attr filter_attrs[] = {
    {"at", TF_STRING, TF_REQUIRED, .doc = "When.", .one_of = (const char *const[]){"before", "after", NULL}},
    {0},
};

static const struct tf_schema lookup_schema = {
    .doc = "Looks a thing up.",
    .attrs =
        (const struct tf_attr[]){
            {"name", TF_STRING, TF_REQUIRED, .doc = "Name of the thing.", .validate = one_word},
            {"count_of", TF_NUMBER, TF_COMPUTED, .doc = "How many."},
            {"exists", TF_BOOL, TF_COMPUTED, .doc = "Whether there is such a thing."},
            {0},
        },
    .blocks =
        (const struct tf_block[]){
            {.name = "filter", .is_list = true, .attrs = filter_attrs, .doc = "Filter."}, {0}},
};

static const struct tf_data_source lookup = {
    .name = "demo_lookup", .schema = &lookup_schema, .read = lookup_read};

static const struct tf_schema token_schema = {
    .doc = "A token for a while.",
    .attrs =
        (const struct tf_attr[]){
            {"name", TF_STRING, TF_REQUIRED, .doc = "For whom.", .validate = one_word},
            {"token", TF_STRING, TF_COMPUTED | TF_SENSITIVE, .doc = "The token."},
            {0},
        },
};

static const struct tf_ephemeral token = {.name = "demo_token",
                                          .schema = &token_schema,
                                          .open = token_open,
                                          .renew = token_renew,
                                          .close = token_close};

static bool greet_call(struct arena *a, const struct value *args, const struct value **ret, int *ret_argument,
                       struct err *e)
{
    const char *who = value_as_text(args->items[0], "");
    int64_t times = value_as_int(args->items[1], 0);
    if (times < 0 || times > 1000) {
        *ret_argument = 1;
        return err_set(e, ERR_INVALID, "from 0 to 1000 greetings");
    }
    if (*who == '\0') {
        *ret_argument = 0;
        return err_set(e, ERR_INVALID, "nobody to greet");
    }
    if (strcmp(who, "nobody") == 0)
        return err_set(e, ERR_INVALID, "greeting failed: token-123456 is masked");
    struct value *list = value_list(a);
    for (int64_t i = 0; i < times; i++)
        value_append(a, list, value_string(a, arena_printf(a, "hello %s", who)));
    *ret = list;
    return true;
}

static const struct tf_function greet = {
    .name = "greet",
    .summary = "Greets",
    .doc = "Greets somebody a number of times.",
    .params = (const struct tf_attr[]){{"who", TF_STRING, TF_REQUIRED, .doc = "Whom.", .validate = one_word},
                                       {"times", TF_NUMBER, TF_REQUIRED | TF_INTEGER, .doc = "How often."},
                                       {0}},
    .returns = TF_STRING_LIST,
    .call = greet_call,
};

static bool echo_call(struct arena *a, const struct value *args, const struct value **ret, int *ret_argument,
                      struct err *e)
{
    (void)a;
    (void)ret_argument;
    (void)e;
    *ret = args->items[0];
    return true;
}

static const struct tf_function echo = {
    .name = "echo",
    .summary = "Gives back",
    .doc = "Gives its argument back.",
    .params = (const struct tf_attr[]){{"what", TF_DYNAMIC, TF_REQUIRED, .doc = "Anything."}, {0}},
    .returns = TF_DYNAMIC,
    .call = echo_call,
};

const struct tf_provider demo_provider = {
    .name = "demo",
    .schema = &provider_schema,
    .configure = configure,
    .unconfigure = free,
    .resources = (const struct tf_resource *const[]){&thing, &plain, NULL},
    .data_sources = (const struct tf_data_source *const[]){&lookup, NULL},
    .functions = (const struct tf_function *const[]){&greet, &echo, NULL},
    .ephemerals = (const struct tf_ephemeral *const[]){&token, NULL},
    .address = "example.com/test/demo",
};
