#include "acceptance-tests/sandbox/params.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    P_CLUSTER_ONLY = 1, /* no row in instance groups */
    P_FIXED = 2,        /* nobody may change it */
    P_WITHHELD = 4,     /* a small real server must not be told */
    P_PASSED = 8        /* Aurora's default differs from the server's and is told to it */
};

/* Where Aurora differs from the server. Sources: Aurora User Guide, "Aurora PostgreSQL parameters" (names,
 * levels, modifiable or not) and parameter listings of default groups seen in public; levels without a
 * source stand in the README's list. */
static const struct aurora_row {
    const char *name;
    const char *value; /* NULL: the server's own default */
    unsigned flags;
} AURORA[] = {
    {"archive_command", NULL, P_CLUSTER_ONLY | P_FIXED},
    {"archive_mode", NULL, P_CLUSTER_ONLY | P_FIXED},
    {"autovacuum", "1", P_CLUSTER_ONLY},
    {"autovacuum_max_workers", "GREATEST({DBInstanceClassMemory/64371566592},3)", P_CLUSTER_ONLY | P_PASSED},
    {"config_file", NULL, P_FIXED},
    {"data_directory", NULL, P_FIXED},
    {"external_pid_file", NULL, P_FIXED},
    {"fsync", "1", P_CLUSTER_ONLY | P_FIXED},
    {"full_page_writes", NULL, P_CLUSTER_ONLY | P_FIXED},
    {"hba_file", NULL, P_FIXED},
    {"hot_standby", NULL, P_FIXED},
    {"huge_pages", "on", P_FIXED | P_WITHHELD},
    {"ident_file", NULL, P_FIXED},
    {"listen_addresses", "*", P_FIXED},
    {"logical_decoding_work_mem", NULL, 0},
    {"log_directory", NULL, P_FIXED},
    {"logging_collector", "1", P_FIXED},
    {"max_connections", "LEAST({DBInstanceClassMemory/9531392},5000)", 0},
    {"max_logical_replication_workers", NULL, P_CLUSTER_ONLY},
    {"max_replication_slots", "20", P_CLUSTER_ONLY},
    {"max_wal_senders", "20", P_CLUSTER_ONLY},
    {"max_worker_processes", "GREATEST({DBInstanceVCPU*2},8)", P_CLUSTER_ONLY | P_PASSED},
    {"max_parallel_workers", "GREATEST({DBInstanceVCPU/2},8)", P_PASSED},
    {"min_dynamic_shared_memory", NULL, P_WITHHELD},
    {"password_encryption", NULL, P_CLUSTER_ONLY},
    {"port", "{EndPointPort}", P_FIXED},
    {"primary_conninfo", NULL, P_FIXED},
    {"primary_slot_name", NULL, P_FIXED},
    {"promote_trigger_file", NULL, P_FIXED},
    {"restore_command", NULL, P_FIXED},
    {"shared_buffers", "SUM({DBInstanceClassMemory/12038},-50003)", P_WITHHELD},
    {"shared_preload_libraries", "pg_stat_statements", 0},
    {"ssl", "1", P_CLUSTER_ONLY | P_FIXED},
    {"ssl_ca_file", NULL, P_FIXED},
    {"ssl_cert_file", NULL, P_FIXED},
    {"ssl_crl_file", NULL, P_FIXED},
    {"ssl_key_file", NULL, P_FIXED},
    {"superuser_reserved_connections", NULL, P_FIXED},
    {"synchronous_commit", "on", P_CLUSTER_ONLY},
    {"synchronous_standby_names", NULL, P_FIXED},
    {"timezone", "UTC", P_CLUSTER_ONLY},
    {"track_commit_timestamp", NULL, P_CLUSTER_ONLY},
    {"unix_socket_directories", NULL, P_FIXED},
    {"unix_socket_group", NULL, P_FIXED},
    {"unix_socket_permissions", NULL, P_FIXED},
    {"wal_buffers", NULL, P_FIXED | P_CLUSTER_ONLY},
    {"wal_level", NULL, P_FIXED | P_CLUSTER_ONLY},
    {"wal_receiver_timeout", NULL, P_CLUSTER_ONLY},
    {"wal_sender_timeout", NULL, P_CLUSTER_ONLY},
};

#define PRELOADS                                                                                             \
    "auto_explain,orafce,pgaudit,pglogical,pg_bigm,pg_cron,pg_hint_plan,pg_prewarm,pg_similarity,"           \
    "pg_stat_statements,pg_tle,pg_transport,plprofiler,plrust,pgactive,apg_plan_mgmt"

/* Aurora's own parameters. */
static const struct extra_row {
    struct param_row row;
    unsigned flags;
} EXTRA[] = {
    {{"apg_plan_mgmt.capture_plan_baselines", T_ENUM, DYNAMIC, 13, 18, "off,manual,automatic", "off"}, 0},
    {{"rds.adaptive_autovacuum", T_BOOL, DYNAMIC, 13, 18, "0,1", "1"}, P_CLUSTER_ONLY},
    {{"rds.force_admin_logging_level", T_ENUM, DYNAMIC, 13, 18,
      "disabled,debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,fatal,panic", "disabled"},
     P_CLUSTER_ONLY},
    {{"rds.force_autovacuum_logging_level", T_ENUM, DYNAMIC, 13, 18,
      "disabled,debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,fatal,panic", "warning"},
     P_CLUSTER_ONLY},
    {{"rds.force_ssl", T_BOOL, DYNAMIC, 13, 16, "0,1", "0"}, P_CLUSTER_ONLY},
    {{"rds.force_ssl", T_BOOL, DYNAMIC, 17, 18, "0,1", "1"}, P_CLUSTER_ONLY},
    {{"rds.global_db_rpo", T_INT, DYNAMIC, 13, 18, "20-2147483647", ""}, P_CLUSTER_ONLY},
    {{"rds.log_retention_period", T_INT, DYNAMIC, 13, 18, "1440-10080", "4320"}, 0},
    {{"rds.logical_replication", T_BOOL, STATIC, 13, 18, "0,1", "0"}, P_CLUSTER_ONLY},
    {{"rds.logically_replicate_unlogged_tables", T_BOOL, STATIC, 13, 14, "0,1", "1"}, P_CLUSTER_ONLY},
    {{"rds.logically_replicate_unlogged_tables", T_BOOL, STATIC, 15, 18, "0,1", "0"}, P_CLUSTER_ONLY},
    {{"rds.restrict_password_commands", T_BOOL, STATIC, 13, 18, "0,1", "0"}, P_CLUSTER_ONLY},
};

int family_major(const char *family)
{
    size_t n = strlen(FAMILY_PREFIX);
    if (strncmp(family, FAMILY_PREFIX, n) != 0 || strlen(family) != n + 2)
        return 0;
    char *end;
    long major = strtol(family + n, &end, 10);
    return *end == '\0' && major >= 10 && major < 100 ? (int)major : 0;
}

static const struct aurora_row *aurora_row(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(AURORA); i++)
        if (strcmp(AURORA[i].name, name) == 0)
            return &AURORA[i];
    return NULL;
}

static struct param with_aurora(const struct param_row *row, const char *value, unsigned flags)
{
    return (struct param){row, value, !(flags & P_FIXED), (flags & P_CLUSTER_ONLY) != 0};
}

/* Row i of both tables together. */
static const struct param_row *base_row(size_t i)
{
    return i < PARAM_ROW_COUNT ? &PARAM_ROWS[i] : &EXTRA[i - PARAM_ROW_COUNT].row;
}

/* False: not of this major and level. */
static bool row_at(size_t i, int major, bool cluster, struct param *ret)
{
    const struct param_row *row = base_row(i);
    if (major < row->first || major > row->last)
        return false;
    const struct aurora_row *aurora = i < PARAM_ROW_COUNT ? aurora_row(row->name) : NULL;
    unsigned flags = i >= PARAM_ROW_COUNT ? EXTRA[i - PARAM_ROW_COUNT].flags : aurora ? aurora->flags : 0;
    *ret = with_aurora(row, aurora && aurora->value ? aurora->value : row->value, flags);
    return cluster || !ret->cluster_only;
}

#define ROW_TOTAL (PARAM_ROW_COUNT + ARRAY_LEN(EXTRA))

bool param_find(int major, bool cluster, const char *name, struct param *ret)
{
    for (size_t i = 0; i < ROW_TOTAL; i++) {
        struct param p;
        if (strcasecmp(base_row(i)->name, name) == 0 && row_at(i, major, cluster, &p)) {
            *ret = p;
            return true;
        }
    }
    return false;
}

static const char *allowed_values(const struct param_row *row)
{
    if (strcmp(row->name, "shared_preload_libraries") == 0)
        return PRELOADS;
    return row->type == T_BOOL ? "0,1" : row->allowed;
}

static bool in_list(const char *list, const char *value, size_t n)
{
    for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
        if (strcspn(p, ",") == n && strncasecmp(p, value, n) == 0)
            return true;
    return false;
}

static bool all_in_list(const char *list, const char *values)
{
    while (*values) {
        values += strspn(values, ", ");
        size_t n = strcspn(values, ", ");
        if (n > 0 && !in_list(list, values, n))
            return false;
        values += n;
    }
    return true;
}

static bool in_range(const char *range, const char *text)
{
    char *end;
    double value = strtod(text, &end), low, high;
    if (*text == '\0' || *end || isspace((unsigned char)*text))
        return false;
    char *after;
    low = strtod(range, &after);
    high = *after == '-' ? strtod(after + 1, NULL) : low;
    return value >= low && value <= high;
}

static bool value_allowed(const struct param_row *row, const char *value)
{
    static const struct machine ANY = {17179869184.0, 2, 5432};
    double number;
    const char *allowed = allowed_values(row);
    switch (row->type) {
    case T_INT:
    case T_REAL:
        if (is_formula(value))
            return formula_eval(value, &ANY, &number);
        return in_range(allowed, value) && (row->type == T_REAL || !strpbrk(value, ".eE"));
    case T_BOOL:
    case T_ENUM:
        return in_list(allowed, value, strlen(value));
    default:
        for (const char *p = value; *p; p++)
            if (iscntrl((unsigned char)*p))
                return false;
        return !*allowed || all_in_list(allowed, value);
    }
}

bool param_check(int major, bool cluster, const json_t *request, struct fault *f)
{
    struct param p;
    const char *name = rec_str(request, "ParameterName"), *value = rec_str(request, "ParameterValue");
    const char *method = rec_str(request, "ApplyMethod");
    if (!param_find(major, cluster, name, &p))
        return fault_set(f, "InvalidParameterValue", "Could not find parameter with name: %.100s", name);
    if (!p.modifiable)
        return fault_set(f, "InvalidParameterValue", "The parameter %s cannot be modified.", p.row->name);
    if (strcmp(method, "immediate") != 0 && strcmp(method, "pending-reboot") != 0)
        return fault_set(f, "InvalidParameterValue",
                         "The parameter ApplyMethod must be one of: immediate, pending-reboot");
    if (p.row->apply == STATIC && strcmp(method, "immediate") == 0)
        return fault_set(f, "InvalidParameterCombination",
                         "cannot use immediate apply method for static parameter");
    if (rec_has(request, "ParameterValue") && !value_allowed(p.row, value))
        return fault_set(f, "InvalidParameterValue",
                         "Invalid parameter value: %.200s for: %s allowed values are: %s", value, p.row->name,
                         allowed_values(p.row));
    return true;
}

static const char *type_name(const struct param_row *row)
{
    static const char *const NAMES[] = {"boolean", "integer", "float", "string", "string", "list"};
    return strcmp(row->name, "shared_preload_libraries") == 0 ? "list" : NAMES[row->type];
}

static json_t *param_object(const struct param *p, const json_t *setting)
{
    json_t *o = json_object();
    bool system = aurora_row(p->row->name) || strchr(p->row->name, '.');
    const char *value = setting ? rec_str(setting, "value") : system ? p->value : "";
    rec_set_str(o, "ParameterName", p->row->name);
    if (*value)
        rec_set_str(o, "ParameterValue", value);
    rec_set_str(o, "Source", setting ? "user" : system ? "system" : "engine-default");
    rec_set_str(o, "ApplyType", p->row->apply == STATIC ? "static" : "dynamic");
    rec_set_str(o, "DataType", type_name(p->row));
    if (*allowed_values(p->row))
        rec_set_str(o, "AllowedValues", allowed_values(p->row));
    rec_set_bool(o, "IsModifiable", p->modifiable);
    rec_set_str(o, "ApplyMethod", setting ? rec_str(setting, "method") : "pending-reboot");
    rec_set(o, "SupportedEngineModes", json_pack("[s]", "provisioned"));
    return o;
}

static int by_name(const void *x, const void *y)
{
    const json_t *const *a = x, *const *b = y;
    return strcmp(rec_str(*a, "ParameterName"), rec_str(*b, "ParameterName"));
}

json_t *params_list(int major, bool cluster, const json_t *overrides)
{
    size_t n = 0;
    json_t **objects = calloc(ROW_TOTAL, sizeof *objects), *list = json_array();
    for (size_t i = 0; objects && i < ROW_TOTAL; i++) {
        struct param p;
        if (row_at(i, major, cluster, &p))
            objects[n++] = param_object(&p, rec_get(overrides, p.row->name));
    }
    if (n > 0)
        qsort(objects, n, sizeof(json_t *), by_name);
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(list, objects[i]);
    free(objects);
    return list;
}

static const char *override_of(const json_t *group, const char *name)
{
    const json_t *setting = rec_get(rec_get(group, "_parameters"), name);
    return setting ? rec_str(setting, "value") : NULL;
}

static const char *computed(struct arena *a, const char *text, const struct machine *m)
{
    double value;
    return is_formula(text) && formula_eval(text, m, &value) ? arena_printf(a, "%.0f", value)
                                                             : arena_strdup(a, text);
}

const char *param_effective(struct arena *a, int major, const json_t *cluster_group,
                            const json_t *instance_group, const struct machine *m, const char *name)
{
    struct param p;
    const char *value = override_of(instance_group, name);
    if (!value)
        value = override_of(cluster_group, name);
    if (!value)
        value = param_find(major, true, name, &p) ? p.value : "";
    return computed(a, value, m);
}

int64_t param_effective_int(int major, const json_t *cluster_group, const json_t *instance_group,
                            const struct machine *m, const char *name)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    return strtoll(param_effective(a, major, cluster_group, instance_group, m, name), NULL, 10);
}

static bool told(const struct param *p, bool overridden)
{
    const struct aurora_row *aurora = aurora_row(p->row->name);
    unsigned flags = aurora ? aurora->flags : 0;
    if (flags & P_WITHHELD)
        return false;
    /* apg_* exists only on Aurora; rds.* are settings of the sandbox's own server module */
    return (overridden || (flags & P_PASSED)) && strncmp(p->row->name, "apg_", 4) != 0;
}

void params_for_engine(struct arena *a, int major, const json_t *cluster_group, const json_t *instance_group,
                       const struct machine *m, struct engine_param **ret, size_t *ret_n)
{
    struct engine_param *list = NULL;
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < ROW_TOTAL; i++) {
        struct param p;
        if (!row_at(i, major, true, &p))
            continue;
        bool overridden = override_of(instance_group, p.row->name) || override_of(cluster_group, p.row->name);
        if (!told(&p, overridden))
            continue;
        const char *value = param_effective(a, major, cluster_group, instance_group, m, p.row->name);
        struct engine_param one = {p.row->name, value};
        if (*value || p.row->type == T_STR)
            ARR_PUSH(a, list, n, cap, one);
    }
    *ret = list;
    *ret_n = n;
}
