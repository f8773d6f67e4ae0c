#include "acceptance-tests/sandbox/engine/fixture.h"

#include "acceptance-tests/sandbox/engine/tree.h"
#include "internal/base/clock.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct engine *fx_engine;
char fx_state[64];

static const struct engine_param logical[] = {{"rds.logical_replication", "1"}};

void fx_ok(bool done, const struct err *e)
{
    if (!done)
        fail_msg("%s%s%s", e->text, e->said[0] ? "\n" : "", e->said);
}

static struct engine *open_engine(void)
{
    struct engine_options o = {.state_dir = fx_state, .run_as = "nobody"};
    struct engine *g = NULL;
    OK(engine_open(&o, &g, &e));
    return g;
}

/* Memory, if there is plenty: the tests make tens of thousands of small files. */
static const char *temporary_folder(void)
{
    struct statvfs shm;
    bool large = statvfs("/dev/shm", &shm) == 0 && (uint64_t)shm.f_bavail * shm.f_frsize > 3ULL << 30;
    return large ? "/dev/shm" : "/tmp";
}

int fx_folder(void **state)
{
    (void)state;
    (void)snprintf(fx_state, sizeof fx_state, "%s/aurora-sandbox-test-XXXXXX", temporary_folder());
    return mkdtemp(fx_state) && chmod(fx_state, 0711) == 0 ? 0 : -1;
}

int fx_open(void **state)
{
    if (fx_folder(state) != 0)
        return -1;
    fx_engine = open_engine();
    return fx_engine ? 0 : -1;
}

struct account fx_account(void)
{
    struct passwd *nobody = getpwnam("nobody");
    struct account a = {.change = geteuid() == 0};
    assert_non_null(nobody);
    a.uid = nobody->pw_uid;
    a.gid = nobody->pw_gid;
    return a;
}

void fx_await_file(const char *dir, const char *name)
{
    char path[512];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    for (int i = 0; i < 3000; i++) {
        if (stat(path, &st) == 0 && st.st_size > 0)
            return;
        (void)clock_real()->wait(clock_real(), NULL, 10);
    }
    fail_msg("%s does not appear", path);
}

int fx_close(void **state)
{
    (void)state;
    engine_close(fx_engine);
    fx_engine = NULL;
    return tree_remove(fx_state, NULL) ? 0 : -1;
}

void fx_reopen(void)
{
    engine_close(fx_engine);
    fx_engine = NULL;
    fx_engine = open_engine();
}

void fx_volume(const char *id, int major)
{
    struct volume_spec s = {.id = id,
                            .major = major,
                            .master_user = MASTER,
                            .master_password = PASSWORD,
                            .database = DATABASE,
                            .params = logical,
                            .param_count = ARRAY_LEN(logical)};
    OK(volume_create(fx_engine, &s, &e));
    OK(volume_start(fx_engine, id, &e));
    OK(endpoint_point(fx_engine, id, 5432, id, ENDPOINT_WRITER, &e));
}

const char *fx_sql_in(const char *id, const char *database, const char *sql)
{
    static char cell[4096];
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct sql_result r = {0};
    OK(volume_sql(fx_engine, a, id, database, sql, &r, &e));
    const char *value = r.rows && r.columns ? r.cell[0][0] : NULL;
    (void)snprintf(cell, sizeof cell, "%s", value ? value : "");
    return cell;
}

const char *fx_sql(const char *id, const char *sql)
{
    return fx_sql_in(id, DATABASE, sql);
}

static void keep(char *out, const char *text)
{
    if (out)
        (void)snprintf(out, 256, "%s", text ? text : "");
}

static void no_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

PGconn *fx_connect(const char *endpoint, const char *database, const char *user, char why[256])
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *host = NULL;
    OK(endpoint_address(fx_engine, a, endpoint, &host, &e));
    const char *const keys[] = {"host",    "port",        "dbname",          "user", "password",
                                "sslmode", "sslrootcert", "connect_timeout", NULL};
    const char *const values[] = {
        host, "5432", database, user ? user : MASTER, PASSWORD, "verify-full", engine_ca_file(fx_engine),
        "20", NULL};
    PGconn *c = PQconnectdbParams(keys, values, 0);
    (void)PQsetNoticeProcessor(c, no_notice, NULL);
    if (PQstatus(c) == CONNECTION_OK)
        return c;
    keep(why, PQerrorMessage(c));
    PQfinish(c);
    return NULL;
}

bool fx_run(PGconn *c, const char *sql, char cell[256], char why[256])
{
    PGresult *r = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(r);
    bool ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    char said[256];
    const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    (void)snprintf(said, sizeof said, "%s %s", sqlstate ? sqlstate : "",
                   message ? message : PQerrorMessage(c));
    keep(why, ok ? "" : said);
    keep(cell, ok && PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    return ok;
}

const char *fx_must(PGconn *c, const char *sql)
{
    static char cell[256];
    char why[256];
    if (!fx_run(c, sql, cell, why))
        fail_msg("%s: %s", sql, why);
    return cell;
}

PGconn *fx_session(const char *endpoint)
{
    char why[256];
    PGconn *c = fx_connect(endpoint, DATABASE, NULL, why);
    if (!c)
        fail_msg("%s", why);
    return c;
}

void fx_refused(const char *endpoint, const char *sql, const char *sqlstate)
{
    char cell[256], why[256];
    PGconn *c = fx_session(endpoint);
    bool done = fx_run(c, sql, cell, why);
    PQfinish(c);
    if (done || strncmp(why, sqlstate, strlen(sqlstate)) != 0)
        fail_msg("%s: %s, expected %s", sql, done ? "done" : why, sqlstate);
}
