#include "internal/pg/fixture.h"
#include "internal/base/testing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGV_MAX = 64, NOBODY = 65534 };

static char root_dir[256];
static struct server *all;
static pid_t owner; /* children of the test must not clean up */

static void die(const char *what, const char *detail)
{
    (void)fprintf(stderr, "fixture: %s: %s\n", what, detail);
    exit(3);
}

/* ---- programs ---- */

static size_t as_user(const char **argv)
{
    static const char *const words[] = {"setpriv",        "--reuid=65534",    "--regid=65534",
                                        "--clear-groups", "--pdeathsig=QUIT", "--"};
    if (getuid() != 0)
        return 0;
    memcpy(argv, words, sizeof words);
    return ARRAY_LEN(words);
}

static void redirect_to(const char *log)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || null < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        _exit(126);
}

static pid_t spawn(const char *const *args, bool as_server_user, const char *log)
{
    const char *argv[ARGV_MAX] = {0};
    size_t n = as_server_user ? as_user(argv) : 0;
    for (; *args; args++) {
        if (n + 1 == ARGV_MAX)
            die("too many words", *args);
        argv[n++] = *args;
    }
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (chdir(root_dir) != 0)
        _exit(126);
    redirect_to(log);
    (void)setenv("LC_ALL", "C", 1);
    (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void show(const char *path)
{
    FILE *f = fopen(path, "re");
    char line[1024];
    while (f && fgets(line, sizeof line, f))
        (void)fputs(line, stderr);
    if (f)
        (void)fclose(f);
}

void fixture_run(const char *const *argv, bool as_server_user)
{
    char log[512];
    (void)snprintf(log, sizeof log, "%s/run.log", fixture_dir());
    (void)unlink(log);
    int status = 0;
    pid_t pid = spawn(argv, as_server_user, log);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    show(log);
    die("failed", argv[0]);
}

/* ---- folder and end ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void clean_up(void)
{
    if (getpid() != owner)
        return;
    for (struct server *s = all, *next; s; s = next) {
        next = s->next;
        server_stop(s);
        free(s);
    }
    all = NULL;
    if (!getenv("AURORA_KEEP_FIXTURE"))
        (void)nftw(root_dir, remove_one, 64, FTW_DEPTH | FTW_PHYS);
}

const char *fixture_dir(void)
{
    if (root_dir[0])
        return root_dir;
    (void)snprintf(root_dir, sizeof root_dir, "/tmp/aurora-pg-XXXXXX");
    if (!mkdtemp(root_dir) || chmod(root_dir, 0755) != 0)
        die("make a folder", root_dir);
    if (getuid() == 0 && chown(root_dir, NOBODY, NOBODY) != 0)
        die("hand over a folder", root_dir);
    owner = getpid();
    (void)atexit(clean_up);
    return root_dir;
}

/* ---- majors ---- */

static bool find_bin(int major, char *out, size_t size)
{
    const char *cache = getenv("AURORA_SANDBOX_MAJORS"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char base[256];
    if (cache)
        (void)snprintf(base, sizeof base, "%s", cache);
    else if (getuid() == 0)
        (void)snprintf(base, sizeof base, "/var/cache/aurora-sandbox/postgresql");
    else
        (void)snprintf(base, sizeof base, "%s%s/aurora-sandbox/postgresql",
                       xdg    ? xdg
                       : home ? home
                              : "",
                       xdg ? "" : "/.cache");
    (void)snprintf(out, size, "%s/%d/usr/lib/postgresql/%d/bin/pg_upgrade", base, major, major);
    if (access(out, X_OK) != 0)
        (void)snprintf(out, size, "/usr/lib/postgresql/%d/bin/pg_upgrade", major);
    if (access(out, X_OK) != 0)
        return false;
    *strrchr(out, '/') = '\0';
    return true;
}

bool server_available(int major)
{
    char bin[512];
    return find_bin(major, bin, sizeof bin);
}

/* ---- servers ---- */

static int free_port(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&in, n) != 0 ||
        getsockname(fd, (struct sockaddr *)&in, &n) != 0)
        die("find a port", strerror(errno));
    (void)close(fd);
    return ntohs(in.sin_port);
}

static const char *tool(const struct server *s, const char *name)
{
    static char paths[8][600];
    static size_t next;
    char *path = paths[next++ % ARRAY_LEN(paths)];
    (void)snprintf(path, sizeof paths[0], "%s/%s", s->bin, name);
    return path;
}

static struct server *server_make(int major, bool tls)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->major = major;
    s->tls = tls;
    s->port = free_port();
    (void)snprintf(s->dir, sizeof s->dir, "%s/%d-%d", fixture_dir(), major, s->port);
    if (!find_bin(major, s->bin, sizeof s->bin))
        die("no such major on this machine", s->dir);
    const char *argv[] = {tool(s, "initdb"),
                          "-D",
                          s->dir,
                          "-U",
                          "rdsadmin",
                          "-A",
                          "trust",
                          "-E",
                          "UTF8",
                          "-N",
                          "--locale=C.UTF-8",
                          major >= 18 ? "--no-data-checksums" : NULL,
                          NULL};
    fixture_run(argv, true);
    s->next = all;
    all = s;
    return s;
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "we");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        die("write", path);
}

static bool answers(void *arg)
{
    struct server *s = arg;
    char port[12];
    (void)snprintf(port, sizeof port, "%d", s->port);
    const char *keys[] = {"host", "port", "dbname", "user", NULL};
    const char *values[] = {fixture_dir(), port, "postgres", "rdsadmin", NULL};
    if (waitpid(s->pid, NULL, WNOHANG) != 0)
        die("server ended at once, see its log with AURORA_KEEP_FIXTURE=1", s->dir);
    return PQpingParams(keys, values, 0) == PQPING_OK;
}

void server_start(struct server *s, const char *settings)
{
    char port[12], log[600], words[1024] = "";
    const char *argv[ARGV_MAX] = {tool(s, "postgres"), "-D", s->dir, "-k", fixture_dir(), "-p", port};
    size_t n = 7;
    static const char *const common[] = {"fsync=off", "shared_buffers=32MB", "max_connections=40",
                                         "unix_socket_permissions=0777", "wal_retrieve_retry_interval=200ms"};
    (void)snprintf(port, sizeof port, "%d", s->port);
    (void)snprintf(log, sizeof log, "%s.log", s->dir);
    (void)snprintf(words, sizeof words, "%s", settings ? settings : "");
    for (size_t i = 0; i < ARRAY_LEN(common); i++) {
        argv[n++] = "-c";
        argv[n++] = common[i];
    }
    argv[n++] = "-c";
    argv[n++] = s->tls ? "listen_addresses=127.0.0.1" : "listen_addresses=";
    char *rest = NULL;
    for (char *w = strtok_r(words, " ", &rest); w && n + 1 < ARGV_MAX; w = strtok_r(NULL, " ", &rest))
        argv[n++] = w;
    s->pid = spawn(argv, true, log);
    if (s->pid <= 0 || !eventually(answers, s, 60000))
        die("start", s->dir);
}

void server_stop(struct server *s)
{
    if (s->pid <= 0)
        return;
    (void)kill(s->pid, SIGCONT);
    (void)kill(s->pid, SIGINT);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    s->pid = 0;
}

static void make_tls(struct server *s)
{
    const char *openssl[] = {
        "sh", "-c",
        "set -e; cd \"$0\"; ec='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
        "for ca in ca other; do openssl req -x509 $ec -keyout $ca.key -out $ca.pem -days 2 -subj /CN=$ca; "
        "done\n"
        "openssl req $ec -keyout server.key -out server.csr -subj /CN=localhost\n"
        "echo subjectAltName=DNS:localhost > server.ext\n"
        "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.crt"
        " -extfile server.ext\nchmod 600 server.key; chmod 755 .; chmod 644 ca.pem other.pem",
        s->tls_dir, NULL};
    (void)snprintf(s->tls_dir, sizeof s->tls_dir, "%.500s-tls", s->dir);
    const char *mkdir_argv[] = {"mkdir", s->tls_dir, NULL};
    fixture_run(mkdir_argv, true);
    fixture_run(openssl, true);
}

struct server *server_new(int major, bool tls, const char *settings)
{
    struct server *s = server_make(major, tls);
    char words[1024];
    (void)snprintf(words, sizeof words, "%s", settings ? settings : "");
    if (tls) {
        make_tls(s);
        write_file(s->dir, "pg_hba.conf",
                   "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n");
        (void)snprintf(words, sizeof words,
                       "%s -c ssl=on -c ssl_cert_file=%.300s/server.crt -c"
                       " ssl_key_file=%.300s/server.key -c password_encryption=scram-sha-256",
                       settings ? settings : "", s->tls_dir, s->tls_dir);
    }
    server_start(s, words);
    return s;
}

struct server *server_upgrade(struct server *old, int new_major, const char *settings)
{
    server_stop(old);
    struct server *s = server_make(new_major, false);
    const char *argv[] = {tool(s, "pg_upgrade"),
                          "-b",
                          old->bin,
                          "-B",
                          s->bin,
                          "-d",
                          old->dir,
                          "-D",
                          s->dir,
                          "-U",
                          "rdsadmin",
                          "-s",
                          fixture_dir(),
                          "--no-sync",
                          NULL};
    fixture_run(argv, true);
    server_start(old, settings);
    server_start(s, settings);
    return s;
}

/* ---- sessions ---- */

struct pg *server_open(struct server *s, const char *database, const char *user, bool writable)
{
    struct pg_target t = {
        .host = fixture_dir(), .port = s->port, .database = database, .username = user, .writable = writable};
    struct pg *c = NULL;
    struct err e = ERR_INIT;
    if (!pg_open(&t, NULL, &c, &e))
        fail_msg("open %s as %s: %s (%s)", database, user, e.text, e.said);
    return c;
}

PGconn *server_conn(struct server *s, const char *database)
{
    char port[12];
    (void)snprintf(port, sizeof port, "%d", s->port);
    const char *keys[] = {"host", "port", "dbname", "user", "options", NULL};
    const char *values[] = {fixture_dir(), port, database, "rdsadmin", "-c client_min_messages=error", NULL};
    PGconn *conn = PQconnectdbParams(keys, values, 0);
    if (PQstatus(conn) != CONNECTION_OK)
        die("connect", PQerrorMessage(conn));
    return conn;
}

void conn_sql(PGconn *conn, const char *sql)
{
    PGresult *r CLEANUP(result_cleanup) = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
        fail_msg("%s: %.200s", PQerrorMessage(conn), sql);
}

void server_sql(struct server *s, const char *database, const char *sql)
{
    PGconn *conn = server_conn(s, database);
    conn_sql(conn, sql);
    PQfinish(conn);
}

void server_sqlf(struct server *s, const char *database, const char *fmt, ...)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    va_list ap;
    va_start(ap, fmt);
    server_sql(s, database, arena_vprintf(a, fmt, ap));
    va_end(ap);
}

void server_file(struct server *s, const char *database, const char *path)
{
    char port[12], folder[400] = "", full[600];
    (void)snprintf(port, sizeof port, "%d", s->port);
    if (!getcwd(folder, sizeof folder))
        die("where am I", strerror(errno));
    (void)snprintf(full, sizeof full, "%s/%s", folder, path);
    const char *argv[] = {
        tool(s, "psql"),   "-X", "-q", "-h",     fixture_dir(), "-p", port, "-U", "rdsadmin", "-v",
        "ON_ERROR_STOP=1", "-f", full, database, NULL};
    fixture_run(argv, false);
}

char *server_value(struct server *s, const char *database, const char *sql)
{
    PGconn *conn = server_conn(s, database);
    PGresult *r CLEANUP(result_cleanup) = PQexec(conn, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) < 1)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    char *value = strdup(PQgetvalue(r, 0, 0));
    PQfinish(conn);
    return value;
}

bool eventually(bool (*done)(void *arg), void *arg, int64_t ms)
{
    for (int64_t until = socket_now_ms() + ms; socket_now_ms() < until; (void)poll(NULL, 0, 10))
        if (done(arg))
            return true;
    return false;
}
