/* The provider: where AWS is, and how its calls are waited for. */
#include "acceptance-tests/awslike/awslike.h"
#include "internal/base/clock.h"

#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_MS = 5 * 60 * 1000,
    PAUSE_MS = 300,
    WAIT_MS = 5 * 60 * 1000, /* the sandbox is quick; a story ends before thirty minutes */
};

/* ---- calls ---- */

struct aws_session session_of(const struct tf_call *c)
{
    const struct configured *p = c->configured;
    return (struct aws_session){.aws = p ? p->aws : NULL, .arena = c->arena, .stop = c->stop};
}

bool newer_only(const struct tf_call *c)
{
    const struct configured *p = c->configured;
    return p && p->newer_only;
}

bool means_absent(const struct err *e)
{
    return strstr(e->remote_code, "NotFound") != NULL;
}

/* "InvalidDBClusterStateFault", "InvalidDBParameterGroupState": not now. */
static bool means_later(const struct err *e)
{
    return strncmp(e->remote_code, "Invalid", 7) == 0 && strstr(e->remote_code, "State") != NULL;
}

bool call_rds(struct tf_call *c, const char *action, struct request *r, const struct xml **ret, struct err *e)
{
    struct clock *clock = clock_real();
    const struct aws_session s = session_of(c);
    const struct aws_field end = {0};
    const struct xml *result = NULL;
    int64_t until = clock->mono_ms(clock) + PATIENCE_MS;
    ARR_PUSH(r->arena, r->list, r->n, r->cap, end);
    while (!aws_query(&s, "rds", action, r->list, &result, e)) {
        if (!means_later(e) || clock->mono_ms(clock) >= until)
            return false;
        if (clock->wait(clock, c->stop, PAUSE_MS))
            return err_set(e, ERR_CANCELLED, "interrupted while %s has to wait", action);
    }
    if (ret)
        *ret = result;
    return true;
}

bool has_settled(const char *id, const char *status, bool *ret, struct err *e)
{
    static const char *const ends[] = {"failed", "incompatible-", "inaccessible-"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (strncmp(status, ends[i], strlen(ends[i])) == 0)
            return err_set(e, ERR_REMOTE, "%s is %s", id, status);
    *ret = strcmp(status, "available") == 0;
    return true;
}

bool wait_for(struct tf_call *c, bool (*look)(struct tf_call *c, const char *id, bool *ret, struct err *e),
              const char *id, struct err *e)
{
    struct clock *clock = clock_real();
    int64_t until = clock->mono_ms(clock) + WAIT_MS;
    for (;;) {
        bool there = false;
        if (!look(c, id, &there, e))
            return err_wrap(e, "wait for %s", id);
        if (there)
            return true;
        if (clock->wait(clock, c->stop, PAUSE_MS))
            return err_set(e, ERR_CANCELLED, "interrupted while waiting for %s", id);
        if (clock->mono_ms(clock) >= until)
            return err_set(e, ERR_TIMEOUT, "%s is not as it should be after %d s", id, WAIT_MS / 1000);
    }
}

/* ---- the provider ---- */

static const struct tf_schema provider_schema = {
    .doc = "A stand-in for hashicorp/aws in tests. Account and endpoint come from the environment.",
    .attrs =
        (const struct tf_attr[]){
            {"region", TF_STRING, TF_OPTIONAL, .doc = "AWS Region. Default: as the environment says."},
            {"older_version_differs", TF_BOOL, TF_OPTIONAL,
             .doc = "Whether a configured engine version that is not newer than the live one is a "
                    "difference, as "
                    "it was before hashicorp/aws's pull request 49396. Default true."},
            {0},
        },
};

static void *configure(struct tf_call *c)
{
    struct err e = ERR_INIT;
    struct aws *aws = NULL;
    const struct aws_config config = {.region = value_as_text(value_get(c->config, "region"), NULL),
                                      .user_agent = "awslike",
                                      .max_retries = -1};
    struct configured *p = calloc(1, sizeof *p);
    if (!p || !aws_new(&config, &aws, &e)) {
        tf_fail(c, &e);
        free(p);
        return NULL;
    }
    p->aws = aws;
    p->newer_only = !value_as_bool(value_get(c->config, "older_version_differs"), true);
    return p;
}

static void unconfigure(void *configured)
{
    struct configured *p = configured;
    if (p)
        aws_free(p->aws);
    free(p);
}

const struct tf_provider awslike_provider = {
    .name = "aws",
    .schema = &provider_schema,
    .configure = configure,
    .unconfigure = unconfigure,
    .resources = (const struct tf_resource *const[]){&aws_rds_cluster, &aws_rds_cluster_instance,
                                                     &aws_rds_cluster_parameter_group,
                                                     &aws_db_parameter_group, &aws_rds_cluster_endpoint,
                                                     &aws_rds_cluster_role_association, NULL},
    .data_sources = (const struct tf_data_source *const[]){NULL},
    .functions = (const struct tf_function *const[]){NULL},
    .ephemerals = (const struct tf_ephemeral *const[]){NULL},
};
