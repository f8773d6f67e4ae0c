#include "internal/pg/pg.h"
#include "internal/base/log.h"
#include "internal/pg/connect.h"
#include "internal/pg/stream.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OLDEST_VERSION = 130000, /* the verbs' SQL needs wal_status, tgparentid and xid8 */
    CONNECT_TIMEOUT_S = 30,
    STATEMENT_TIMEOUT_S = 300,
    TIMEOUT_MAX_S = 7 * 24 * 3600,
    PORT_MAX = 65535,
    NAME_MAX_BYTES = 1024, /* hosts are shorter, PostgreSQL's names much */
};

static void on_notice(void *arg, const PGresult *r)
{
    struct pg *c = arg;
    const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    if (severity && message && strcmp(severity, "WARNING") == 0)
        (void)snprintf(c->warning, sizeof c->warning, "%s", message);
    log_debug("pg", "%s: %s", severity ? severity : "notice", message ? message : "");
}

/* The SQL form of a name, for words to the user; statements get theirs from the server. */
static const char *quoted(struct arena *a, const char *name)
{
    char *out = arena_alloc(a, 2 * strlen(name) + 3), *at = out;
    *at++ = '"';
    for (; *name; name++) {
        if (*name == '"')
            *at++ = '"';
        *at++ = *name;
    }
    *at = '"';
    return out;
}

static bool within(int value, int max)
{
    return value >= 0 && value <= max;
}

static bool check_target(const struct pg_target *t, struct err *e)
{
    if (!t->host || t->host[0] == '\0' || strlen(t->host) > NAME_MAX_BYTES)
        return err_set(e, ERR_INVALID, "no host to connect to");
    if (t->host[0] != '/' && strpbrk(t->host, ", \t\n@")) /* libpq would try several hosts, or a socket */
        return err_set(e, ERR_INVALID, "\"%s\" is not one host name", t->host);
    if (t->port < 1 || t->port > PORT_MAX)
        return err_set(e, ERR_INVALID, "port %d is not between 1 and %d", t->port, PORT_MAX);
    if (!t->database || t->database[0] == '\0' || strlen(t->database) > NAME_MAX_BYTES)
        return err_set(e, ERR_INVALID, "no database to connect to");
    if (!t->username || t->username[0] == '\0' || strlen(t->username) > NAME_MAX_BYTES)
        return err_set(e, ERR_INVALID, "no user name to connect with");
    if (!within(t->connect_timeout_s, TIMEOUT_MAX_S) || !within(t->statement_timeout_s, TIMEOUT_MAX_S))
        return err_set(e, ERR_INVALID, "a time-out is not between 0 and %d seconds", TIMEOUT_MAX_S);
    return true;
}

static struct pg *new_connection(const struct pg_target *t, struct stop *stop)
{
    struct pg *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->arena = arena_new();
    c->stop = stop;
    c->host = arena_strdup(c->arena, t->host);
    c->port = t->port;
    c->database = arena_strdup(c->arena, t->database);
    c->username = arena_strdup(c->arena, t->username);
    c->password = t->password ? arena_strdup(c->arena, t->password) : NULL;
    c->grantee = quoted(c->arena, t->username);
    c->writable = t->writable;
    c->statement_timeout_s = t->statement_timeout_s ? t->statement_timeout_s : STATEMENT_TIMEOUT_S;
    return c;
}

/* The system's authorities, where libpq knows how to use them (16) and the user has no file of his own. */
static const char *default_root(struct arena *a, const char *sslmode)
{
    enum { LIBPQ_WITH_SYSTEM = 160000 };
    const char *home = getenv("HOME");
    if (PQlibVersion() < LIBPQ_WITH_SYSTEM || getenv("PGSSLROOTCERT") || strcmp(sslmode, "verify-full") != 0)
        return NULL;
    const char *own = arena_printf(a, "%s/.postgresql/root.crt", home ? home : "");
    return access(own, R_OK) == 0 ? NULL : "system";
}

static void start(struct pg *c, const struct pg_target *t)
{
    char port[12];
    (void)snprintf(port, sizeof port, "%d", t->port);
    const char *sslmode = t->sslmode && t->sslmode[0] ? t->sslmode : "verify-full";
    const char *root = t->sslrootcert && t->sslrootcert[0] ? t->sslrootcert : default_root(c->arena, sslmode);
    const struct {
        const char *keyword, *value;
    } settings[] = {
        {"host", c->host},
        {"port", port},
        {"dbname", c->database},
        {"user", c->username},
        {"password", c->password},
        {"sslmode", sslmode},
        {"sslrootcert", root},
        {"application_name", "terraform-provider-aurora"},
        {"client_encoding", "UTF8"},
        {"gssencmode", "disable"},
        {"target_session_attrs", "any"},
        {"replication", t->replication ? "database" : NULL},
        {"keepalives_idle", "60"},
        {"keepalives_interval", "10"},
        {"keepalives_count", "6"},
    };
    const char *keywords[ARRAY_LEN(settings) + 1] = {0}, *values[ARRAY_LEN(settings) + 1] = {0};
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        keywords[i] = settings[i].keyword;
        values[i] = settings[i].value;
    }
    c->conn = PQconnectStartParams(keywords, values, 0);
}

/* An address from the environment or a service file would lead the password past the name it was given for.
 */
static bool is_redirected(const struct pg *c, struct err *e)
{
    PQconninfoOption *options = PQconninfo(c->conn);
    bool redirected = false;
    for (PQconninfoOption *o = options; o && o->keyword; o++)
        redirected = redirected || (strcmp(o->keyword, "hostaddr") == 0 && o->val && o->val[0]);
    PQconninfoFree(options);
    if (redirected)
        (void)err_set(e, ERR_INVALID, "PGHOSTADDR or PGSERVICE names another address than %s: unset it",
                      c->host);
    return redirected;
}

static bool connect_wait(struct pg *c, int timeout_s, struct err *e)
{
    int64_t until = socket_now_ms() + (int64_t)timeout_s * 1000;
    PostgresPollingStatusType s = PGRES_POLLING_WRITING;
    while (s != PGRES_POLLING_OK) {
        if (s == PGRES_POLLING_FAILED || PQstatus(c->conn) == CONNECTION_BAD)
            return connect_failed(c, PQerrorMessage(c->conn), e);
        short events = s == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        switch (socket_wait(c->conn, events, c->stop, until)) {
        case SOCKET_STOPPED:
            return err_set(e, ERR_CANCELLED, "stopped while connecting to %s:%d", c->host, c->port);
        case SOCKET_LATE:
            (void)connect_failed(c, "", e);
            return err_said(e, "no answer within %d s", timeout_s);
        case SOCKET_BAD:
            return connect_failed(c, PQerrorMessage(c->conn), e);
        case SOCKET_READY:
            s = PQconnectPoll(c->conn);
        }
    }
    return true;
}

/* What a session needs so that the same thing reads the same on every server, whatever roles and databases
 * have been set to. A role's own search_path must be out of the way before the first operator is looked up.
 */
#define SESSION_SETTINGS(read_only, locks)                                                                   \
    "SELECT count(set_config(s.name, v.value, false)) FROM pg_settings s JOIN (VALUES"                       \
    " ('default_transaction_read_only', " read_only "::text), ('TimeZone', 'UTC'),"                          \
    " ('DateStyle', 'ISO, MDY'), ('IntervalStyle', 'postgres'), ('extra_float_digits', '1'),"                \
    " ('bytea_output', 'hex'), ('xmlbinary', 'base64'), ('xmloption', 'content'), ('lc_monetary', 'C'),"     \
    " ('row_security', 'off'), ('quote_all_identifiers', 'off'), ('standard_conforming_strings', 'on'),"     \
    " ('client_min_messages', 'notice'), ('default_transaction_isolation', 'read committed'),"               \
    " ('default_transaction_deferrable', 'off'), ('lock_timeout', '" locks "'), ('jit', 'off'),"             \
    " ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'),"                          \
    " ('transaction_timeout', '0')) v(name, value) ON s.name = v.name WHERE v.value IS NOT NULL"

static bool set_up_session(struct pg *c, struct err *e)
{
    static const char settings[] = SESSION_SETTINGS("$1", LOCK_TIMEOUT);
    char timeout[24];
    (void)snprintf(timeout, sizeof timeout, "%lld", (long long)c->statement_timeout_s * 1000);
    const char *params[] = {timeout, c->writable ? NULL : "on"};
    PGresult *first CLEANUP(result_cleanup) = NULL, *r CLEANUP(result_cleanup) = NULL;
    return query_rows(c,
                      "SELECT pg_catalog.set_config('search_path', '', false),"
                      " pg_catalog.set_config('statement_timeout', $1, false)",
                      params, 1, &first, e) &&
           query_rows(c, settings, params + 1, 1, &r, e);
}

/* A walsender takes no parameters. A slot that is made waits for transactions as for locks. */
static bool set_up_replication(struct pg *c, struct err *e)
{
    static const char settings[] =
        "SELECT pg_catalog.set_config('search_path', '', false), pg_catalog.set_config('statement_timeout', "
        "'0', false), pg_catalog.set_config('wal_sender_timeout', '" STREAM_PATIENCE
        "', false); " SESSION_SETTINGS("'on'", "0");
    return query_script(c, settings, (int64_t)c->statement_timeout_s * 1000, e);
}

bool pg_open(const struct pg_target *t, struct stop *stop, struct pg **ret, struct err *e)
{
    if (!check_target(t, e))
        return false;
    if (stop_requested(stop))
        return err_set(e, ERR_CANCELLED, "stopped before connecting to %s:%d", t->host, t->port);
    log_secret(t->password);
    struct pg *c CLEANUP(pg_cleanup) = new_connection(t, stop);
    start(c, t);
    if (!c->conn)
        abort(); /* libpq's only way to run out of memory here */
    if (is_redirected(c, e))
        return false;
    (void)PQsetNoticeReceiver(c->conn, on_notice, c);
    (void)PQsetErrorVerbosity(c->conn, PQERRORS_VERBOSE); /* else the SQLSTATE of a refused login is lost */
    if (!connect_wait(c, t->connect_timeout_s ? t->connect_timeout_s : CONNECT_TIMEOUT_S, e))
        return false;
    c->version = PQserverVersion(c->conn);
    if (c->version < OLDEST_VERSION)
        return err_set(e, ERR_INVALID, "%s:%d runs PostgreSQL %d; the oldest that can be looked at is %d",
                       c->host, c->port, c->version / 10000, OLDEST_VERSION / 10000);
    if (PQsetnonblocking(c->conn, 1) != 0)
        return connect_failed(c, PQerrorMessage(c->conn), e);
    if (t->replication ? !set_up_replication(c, e) : !set_up_session(c, e))
        return err_wrap(e, "prepare a session on %s:%d, database \"%s\"", c->host, c->port, c->database);
    *ret = STEAL(c);
    return true;
}

void pg_close(struct pg *c)
{
    if (!c)
        return;
    PQfinish(c->conn);
    if (c->password)
        explicit_bzero((char *)(uintptr_t)c->password, strlen(c->password));
    arena_free(c->arena);
    free(c);
}

int pg_server_version(const struct pg *c)
{
    return c->version;
}

const char *pg_database(const struct pg *c)
{
    return c->database;
}
