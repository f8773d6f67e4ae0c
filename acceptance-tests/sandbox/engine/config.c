#include "acceptance-tests/sandbox/engine/server.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* Before the volume's parameters: many small servers on one machine, replication that reacts quickly, and
 * what Aurora has by default (20 slots and senders, the list of extensions shortened to contrib). */
static const char defaults[] =
    "max_connections = 200\n"
    "shared_buffers = 32MB\n"
    "max_wal_size = 512MB\n"
    "max_replication_slots = 20\n"
    "max_wal_senders = 20\n"
    "wal_retrieve_retry_interval = 100ms\n"
    "wal_receiver_status_interval = 1s\n"
    "password_encryption = 'scram-sha-256'\n"
    "timezone = 'UTC'\n"
    "datestyle = 'iso, mdy'\n"
    "log_checkpoints = on\n"
    "jit = off\n"
    "rds.logical_replication = off\n"
    "rds.extensions = "
    "'amcheck,bloom,btree_gin,btree_gist,citext,cube,dblink,dict_int,dict_xsyn,earthdistance,"
    "fuzzystrmatch,hstore,intagg,intarray,isn,lo,ltree,moddatetime,pageinspect,pg_buffercache,pg_"
    "freespacemap,"
    "pg_prewarm,pg_stat_statements,pg_trgm,pg_visibility,pgcrypto,pgrowlocks,pgstattuple,plpgsql,postgres_"
    "fdw,"
    "refint,seg,sslinfo,tablefunc,tcn,tsm_system_rows,tsm_system_time,unaccent,uuid-ossp'\n";

/* What the sandbox decides; a parameter of the volume with such a name is left out. */
static const char *const own_settings[] = {
    "listen_addresses",
    "port",
    "unix_socket_directories",
    "unix_socket_permissions",
    "unix_socket_group",
    "data_directory",
    "config_file",
    "hba_file",
    "ident_file",
    "external_pid_file",
    "ssl",
    "ssl_cert_file",
    "ssl_key_file",
    "ssl_ca_file",
    "ssl_crl_file",
    "logging_collector",
    "log_destination",
    "log_directory",
    "log_filename",
    "syslog_facility",
    "fsync",
    "wal_level",
    "shared_preload_libraries",
    "log_line_prefix",
    "log_timezone",
    "lc_messages",
    "archive_mode",
    "archive_command",
    "archive_library",
    "restore_command",
    "dynamic_library_path",
    "huge_pages",
    "restart_after_crash",
    "allow_system_table_mods",
    "local_preload_libraries",
    "session_preload_libraries",
    "cluster_name",
};

static bool is_own(const char *name)
{
    if (strncasecmp(name, "aurora_sandbox.", strlen("aurora_sandbox.")) == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(own_settings); i++)
        if (strcasecmp(name, own_settings[i]) == 0)
            return true;
    return false;
}

static bool known(const struct major *m, const char *name)
{
    for (const char *const *s = m->settings; *s; s++)
        if (strcasecmp(*s, name) == 0)
            return true;
    return false;
}

/* A setting's name as PostgreSQL's configuration files take it: words of letters, digits, _ and $, joined by
 * dots. `custom` tells whether there was one. */
static bool name_valid(const char *name, bool *custom)
{
    bool start = true;
    *custom = false;
    for (const char *p = name; *p; p++) {
        if (*p == '.' && !start) {
            start = *custom = true;
            continue;
        }
        if (!isalpha((unsigned char)*p) && *p != '_' && (start || (!isdigit((unsigned char)*p) && *p != '$')))
            return false;
        start = false;
    }
    return !start && strlen(name) < 64;
}

static bool value_valid(const char *value)
{
    for (const char *p = value; *p; p++)
        if (iscntrl((unsigned char)*p))
            return false;
    return strlen(value) < 8192;
}

bool config_check(const struct major *m, const struct engine_param *p, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        bool custom;
        if (!name_valid(p[i].name, &custom) || (!custom && !known(m, p[i].name)))
            return err_set(e, ERR_INVALID, "unrecognized configuration parameter \"%s\"", p[i].name);
        if (!value_valid(p[i].value))
            return err_set(e, ERR_INVALID, "invalid value for parameter \"%s\"", p[i].name);
    }
    return true;
}

static void put_setting(struct buf *out, const char *name, const char *value)
{
    (void)buf_printf(out, "%s = '", name);
    for (const char *p = value; *p; p++)
        (void)buf_printf(out, *p == '\'' || *p == '\\' ? "%c%c" : "%c", *p, *p);
    (void)buf_puts(out, "'\n");
}

static const char *param(const struct server_spec *s, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < s->param_count; i++)
        if (strcasecmp(s->params[i].name, name) == 0)
            value = s->params[i].value;
    return value;
}

bool config_on(const struct server_spec *s, const char *name)
{
    const char *value = param(s, name);
    return value && (strcmp(value, "1") == 0 || strcasecmp(value, "on") == 0 ||
                     strcasecmp(value, "true") == 0 || strcasecmp(value, "yes") == 0);
}

/* The libraries the volume asks for, as far as this machine has them, and the sandbox's module. Aurora's own
 * (rdsutils, apg_plan_mgmt, pg_cron…) exist only there. */
static void put_preload(struct buf *out, const struct server_spec *s)
{
    const char *asked = param(s, "shared_preload_libraries");
    char path[4096];
    (void)buf_printf(out, "shared_preload_libraries = '");
    for (const char *p = asked ? asked : "pg_stat_statements"; *p;) {
        size_t n = strcspn(p, ", \t");
        bool plain = n > 0 && n < 64 && strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_-") >= n;
        if (plain &&
            (size_t)snprintf(path, sizeof path, "%s/%.*s.so", s->major->lib, (int)n, p) < sizeof path &&
            access(path, R_OK) == 0)
            (void)buf_printf(out, "%.*s,", (int)n, p);
        p += n;
        p += strspn(p, ", \t");
    }
    (void)buf_printf(out, "\"%s\"'\n", s->major->module);
}

static void put_own(struct engine *g, const struct server_spec *s, struct buf *out)
{
    const struct volume *v = s->v;
    char version[32], lsn[LSN_SIZE];
    (void)snprintf(version, sizeof version, "%d.%d", s->major->number, s->major->version_num % 10000);
    (void)buf_printf(out, "listen_addresses = '127.%d.%d.%d,127.%d.%d.%d'\nport = %d\n", g->block_a,
                     g->block_b, WRITER_OCTET, g->block_a, g->block_b, READER_OCTET, atomic_load(&v->port));
    put_setting(out, "unix_socket_directories", g->socket_dir);
    (void)buf_printf(out,
                     "unix_socket_permissions = 0700\nssl = on\n"
                     "ssl_cert_file = '%s/server.pem'\nssl_key_file = '%s/server.key'\n",
                     g->tls_dir, g->tls_dir);
    (void)buf_printf(out,
                     "fsync = off\nhuge_pages = off\ndynamic_shared_memory_type = mmap\nlc_messages = "
                     "'C'\nlog_timezone = 'UTC'\n"
                     "log_line_prefix = '%%t:%%r:%%u@%%d:[%%p]:'\nwal_level = %s\n",
                     config_on(s, "rds.logical_replication") ? "logical" : "replica");
    put_preload(out, s);
    put_setting(out, "aurora_sandbox.version", v->label ? v->label : version);
    put_setting(out, "aurora_sandbox.logical_start_lsn", v->start_lsn ? lsn_print(v->start_lsn, lsn) : "");
    (void)buf_printf(out, "aurora_sandbox.reader_address = '127.%d.%d.%d'\n", g->block_a, g->block_b,
                     READER_OCTET);
    (void)buf_printf(out, "aurora_sandbox.generation = %u\n", v->generation);
    if (!s->ignore_writes && v->writes != WRITES_OPEN)
        (void)buf_puts(out, "default_transaction_read_only = on\n");
    if (!s->ignore_writes && v->writes == WRITES_LOCKED)
        (void)buf_puts(out, "aurora_sandbox.write_lock = on\n");
}

bool config_render(struct engine *g, const struct server_spec *s, struct buf *out, struct err *e)
{
    if (!config_check(s->major, s->params, s->param_count, e))
        return false;
    (void)buf_puts(out, defaults);
    for (size_t i = 0; i < s->param_count; i++)
        if (!is_own(s->params[i].name))
            put_setting(out, s->params[i].name, s->params[i].value);
    put_own(g, s, out);
    if (s->extra)
        (void)buf_puts(out, s->extra);
    return !out->overflow || err_set(e, ERR_INVALID, "the parameters do not fit into a configuration file");
}
