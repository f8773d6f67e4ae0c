/* function_version_family.c — provider::aurora::version_family("17.6") = "aurora-postgresql17". */
#include "provider/provider.h"

#include "internal/base/names.h"

/* Aurora names the families of majors from 10 on after the major alone (9.6 is out of support). */
static bool call(struct arena *a, const struct value *args, const struct value **ret, int *ret_argument,
                 struct err *e)
{
    const char *text = value_as_text(args && args->count ? args->items[0] : NULL, "");
    struct version v;
    if (!version_parse(text, &v)) {
        *ret_argument = 0;
        return err_set(e, ERR_INVALID,
                       "\"%s\" is not an Aurora PostgreSQL version such as \"17.6\" or \"17\" (10 or newer)",
                       text);
    }
    *ret = value_string(a, arena_printf(a, "aurora-postgresql%d", v.major));
    return true;
}

static const struct tf_attr params[] = {
    {.name = "version",
     .type = TF_STRING,
     .flags = TF_REQUIRED,
     .doc = "Engine version, such as `17.6` or `17`."},
    {.name = NULL},
};

const struct tf_function function_version_family = {
    .name = "version_family",
    .summary = "Parameter group family of an engine version",
    .doc = "Returns the parameter group family that Aurora PostgreSQL uses for a version, for the `family` "
           "argument of "
           "`aws_rds_cluster_parameter_group` and `aws_db_parameter_group`. Asks nobody.",
    .params = params,
    .returns = TF_STRING,
    .call = call,
};
