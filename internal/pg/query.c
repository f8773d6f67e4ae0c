#include "internal/pg/query.h"
#include "internal/base/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    INTERRUPT_MS = 3000,     /* for a server to confirm that a statement is cancelled */
    SERVER_GRACE_MS = 10000, /* what a server may be later than its own statement time-out */
};

int64_t socket_now_ms(void)
{
    struct clock *clock = clock_real();
    return clock->mono_ms(clock);
}

enum socket_wait socket_wait(PGconn *conn, short events, struct stop *stop, int64_t until_ms)
{
    struct pollfd fds[] = {{.fd = PQsocket(conn), .events = events}, {.fd = stop_fd(stop), .events = POLLIN}};
    if (fds[0].fd < 0)
        return SOCKET_BAD;
    for (;;) {
        int64_t left = until_ms - socket_now_ms();
        if (stop_requested(stop))
            return SOCKET_STOPPED;
        if (left <= 0)
            return SOCKET_LATE;
        int r = poll(fds, ARRAY_LEN(fds), left > INT_MAX ? INT_MAX : (int)left);
        if (r < 0 && errno != EINTR)
            return SOCKET_BAD;
        if (r > 0 && fds[0].revents)
            return SOCKET_READY;
    }
}

/* ---- cancelling: PQcancel() blocks in connect(2), so it gets a thread that may outlive us ---- */

struct canceller {
    PGcancel *request;
    struct stop *done; /* freed by whoever comes last */
    int owners;
    pthread_mutex_t lock;
};

static void canceller_release(struct canceller *k)
{
    (void)pthread_mutex_lock(&k->lock);
    bool last = --k->owners == 0;
    (void)pthread_mutex_unlock(&k->lock);
    if (!last)
        return;
    PQfreeCancel(k->request);
    stop_free(k->done);
    (void)pthread_mutex_destroy(&k->lock);
    free(k);
}

static void *canceller_main(void *arg)
{
    struct canceller *k = arg;
    char ignored[256];
    (void)PQcancel(k->request, ignored, sizeof ignored); /* the drain that follows shows whether it worked */
    stop_request(k->done);
    canceller_release(k);
    return NULL;
}

static void cancel_at_server(struct pg *c)
{
    struct canceller *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    *k = (struct canceller){.request = PQgetCancel(c->conn), .done = stop_new(), .owners = 2};
    (void)pthread_mutex_init(&k->lock, NULL);
    pthread_t thread;
    if (!k->request || pthread_create(&thread, NULL, canceller_main, k) != 0) {
        k->owners = 1;
    } else {
        (void)pthread_detach(thread);
        (void)stop_wait(k->done, INTERRUPT_MS);
    }
    canceller_release(k);
}

/* ---- one statement ---- */

static bool is_copy(const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

struct statement {
    const char *sql;
    const char *const *params;
    size_t n;
    query_taker *take; /* not NULL: several statements, without parameters */
    void *arg;
};

/* Collects results until the server is done; the first failure wins, else the last result. */
static enum socket_wait collect(struct pg *c, const struct statement *s, struct stop *stop, int64_t until_ms,
                                PGresult **ret)
{
    for (;;) {
        int unsent = PQflush(c->conn);
        if (unsent < 0)
            return SOCKET_BAD;
        if (unsent == 0 && !PQisBusy(c->conn)) {
            PGresult *r = PQgetResult(c->conn);
            if (!r)
                return PQstatus(c->conn) == CONNECTION_OK ? SOCKET_READY : SOCKET_BAD;
            bool keep_old = *ret && PQresultStatus(*ret) == PGRES_FATAL_ERROR;
            bool copies = is_copy(r);
            if (s && s->take && PQresultStatus(r) == PGRES_TUPLES_OK)
                s->take(s->arg, r);
            PQclear(keep_old ? r : *ret);
            *ret = keep_old ? *ret : r;
            if (copies)
                return SOCKET_BAD; /* nothing of ours copies; libpq would hand out this state for ever */
            continue;
        }
        enum socket_wait w = socket_wait(c->conn, (short)(POLLIN | (unsent ? POLLOUT : 0)), stop, until_ms);
        if (w != SOCKET_READY)
            return w;
        if (!PQconsumeInput(c->conn))
            return SOCKET_BAD;
    }
}

static bool interrupted(struct pg *c, enum socket_wait why, int64_t limit_ms, struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = NULL;
    cancel_at_server(c);
    c->broken = collect(c, NULL, NULL, socket_now_ms() + INTERRUPT_MS, &r) != SOCKET_READY;
    if (why == SOCKET_STOPPED)
        return err_set(e, ERR_CANCELLED, "stopped while PostgreSQL was working on a statement%s",
                       c->broken ? ", and it did not confirm that it gave up" : "; it was cancelled there");
    return err_set(e, ERR_TIMEOUT, "%s:%d did not answer a statement within %lld s", c->host, c->port,
                   (long long)(limit_ms / 1000));
}

static bool lost(struct pg *c, const PGresult *r, struct err *e)
{
    c->broken = true;
    if (r && is_copy(r))
        return err_set(e, ERR_INVALID, "COPY from or to the client is not possible here");
    if (r && PQresultErrorField(r, PG_DIAG_SQLSTATE))
        (void)query_failed(c, r, e);
    else
        (void)err_set(e, ERR_UNAVAILABLE, "the connection to %s:%d was lost", c->host, c->port);
    if (e && e->code == ERR_REMOTE)
        e->code = ERR_UNAVAILABLE;
    (void)err_attribute(e, "postgresql");
    if (e && e->said[0] == '\0') {
        (void)err_said(e, "%s", PQerrorMessage(c->conn));
        scrub(e->said, c->password);
    }
    return false;
}

/* What the sent statement came to. */
static bool finish(struct pg *c, const struct statement *s, struct stop *stop, int64_t limit_ms,
                   PGresult **ret, struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = NULL;
    int64_t until = limit_ms > 0 ? socket_now_ms() + limit_ms : INT64_MAX;
    enum socket_wait w = collect(c, s, stop, until, &r);
    if (w == SOCKET_STOPPED || w == SOCKET_LATE)
        return interrupted(c, w, limit_ms, e);
    if (w == SOCKET_BAD)
        return lost(c, r, e);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
        return query_failed(c, r, e);
    if (ret)
        *ret = STEAL(r);
    return true;
}

static bool may_send(struct pg *c, struct stop *stop, struct err *e)
{
    if (c->broken)
        return err_set(e, ERR_UNAVAILABLE, "the connection to %s:%d was given up earlier", c->host, c->port);
    if (stop_requested(stop))
        return err_set(e, ERR_CANCELLED, "stopped before a statement was sent");
    c->warning[0] = '\0';
    return true;
}

static bool execute(struct pg *c, const struct statement *s, struct stop *stop, int64_t limit_ms,
                    PGresult **ret, struct err *e)
{
    if (s->n > QUERY_PARAMS_MAX)
        return err_set(e, ERR_BUG, "a statement with %zu parameters", s->n);
    if (!may_send(c, stop, e))
        return false;
    if (s->take ? !PQsendQuery(c->conn, s->sql)
                : !PQsendQueryParams(c->conn, s->sql, (int)s->n, NULL, s->params, NULL, NULL, 0))
        return lost(c, NULL, e);
    return finish(c, s, stop, limit_ms, ret, e);
}

bool query_script(struct pg *c, const char *sql, int64_t limit_ms, struct err *e)
{
    if (!may_send(c, c->stop, e))
        return false;
    if (!PQsendQuery(c->conn, sql))
        return lost(c, NULL, e);
    return finish(c, NULL, c->stop, limit_ms, NULL, e);
}

static int64_t session_limit_ms(const struct pg *c)
{
    return (int64_t)c->statement_timeout_s * 1000 + SERVER_GRACE_MS;
}

/* Sessions wait for a lock for less than PostgreSQL takes to look for deadlocks (LOCK_TIMEOUT), so that it is
 * never somebody else's DDL that is ended because of us; then they let go of all they have and try again.
 * What is dropped while its definition is being printed is an internal error to PostgreSQL. */
bool is_lock_failure(const struct err *e)
{
    return strcmp(e->remote_code, "55P03") == 0 || strcmp(e->remote_code, "40P01") == 0;
}

static bool may_pass(const struct err *e, int attempt)
{
    enum { VANISHED_MAX = 5 };
    return is_lock_failure(e) || (strcmp(e->remote_code, "XX000") == 0 && attempt < VANISHED_MAX);
}

static bool patiently(struct pg *c, const struct statement *s, int64_t limit_ms, PGresult **ret,
                      struct err *e)
{
    int64_t until = socket_now_ms() + LOCK_PATIENCE_MS;
    for (int attempt = 1;; attempt++) {
        struct err failure = ERR_INIT;
        if (execute(c, s, c->stop, limit_ms, ret, &failure))
            return true;
        bool again = may_pass(&failure, attempt) && PQtransactionStatus(c->conn) == PQTRANS_IDLE &&
                     socket_now_ms() < until;
        if (again && !stop_wait(c->stop, LOCK_PAUSE_MS))
            continue;
        if (e)
            *e = failure;
        return again ? err_set(e, ERR_CANCELLED, "stopped while waiting for a lock") : false;
    }
}

bool query_rows(struct pg *c, const char *sql, const char *const *params, size_t n, PGresult **ret,
                struct err *e)
{
    return patiently(c, &(struct statement){sql, params, n, NULL, NULL}, session_limit_ms(c), ret, e);
}

bool query_rows_for(struct pg *c, const char *sql, const char *const *params, size_t n, int64_t limit_ms,
                    PGresult **ret, struct err *e)
{
    return patiently(c, &(struct statement){sql, params, n, NULL, NULL}, limit_ms, ret, e);
}

bool query_run(struct pg *c, const char *sql, struct err *e)
{
    return query_rows(c, sql, NULL, 0, NULL, e);
}

bool query_run_for(struct pg *c, const char *sql, int64_t limit_ms, struct err *e)
{
    return query_rows_for(c, sql, NULL, 0, limit_ms, NULL, e);
}

bool query_each(struct pg *c, const char *sql, query_taker *take, void *arg, struct err *e)
{
    return patiently(c, &(struct statement){sql, NULL, 0, take, arg}, session_limit_ms(c), NULL, e);
}

static bool keep_quoted(struct pg *c, struct arena *a, char *quoted, const char **ret, struct err *e)
{
    if (!quoted)
        return err_set(e, ERR_INVALID, "libpq cannot quote a text: %s", PQerrorMessage(c->conn));
    *ret = arena_strdup(a, quoted);
    PQfreemem(quoted);
    return true;
}

bool query_name(struct pg *c, struct arena *a, const char *name, const char **ret, struct err *e)
{
    return keep_quoted(c, a, PQescapeIdentifier(c->conn, name, strlen(name)), ret, e);
}

bool query_text(struct pg *c, struct arena *a, const char *text, const char **ret, struct err *e)
{
    return keep_quoted(c, a, PQescapeLiteral(c->conn, text, strlen(text)), ret, e);
}

void query_rollback(struct pg *c)
{
    if (c->broken || PQtransactionStatus(c->conn) == PQTRANS_IDLE)
        return;
    struct err ignored = ERR_INIT; /* whoever called is reporting something already */
    if (!execute(c, &(struct statement){.sql = "ROLLBACK"}, NULL, INTERRUPT_MS, NULL, &ignored))
        c->broken = true;
}

/* ---- rows into structs ---- */

static bool parse_field(const PGresult *r, int row, int column, enum field_kind kind, struct arena *a,
                        void *at)
{
    bool null = PQgetisnull(r, row, column);
    const char *text = PQgetvalue(r, row, column);
    char *end = NULL;
    switch (kind) {
    case FIELD_TEXT:
        *(const char **)at = arena_memdup(a, text, (size_t)PQgetlength(r, row, column));
        return true;
    case FIELD_INT64:
        errno = 0;
        *(int64_t *)at = null ? 0 : strtoll(text, &end, 10);
        return null || (errno == 0 && end != text && *end == '\0');
    case FIELD_BOOL:
        *(bool *)at = !null && text[0] == 't';
        return null || ((text[0] == 't' || text[0] == 'f') && text[1] == '\0');
    case FIELD_LSN:
        *(lsn_t *)at = 0;
        return null || lsn_parse(text, at);
    }
    return false;
}

bool query_map(const PGresult *r, struct arena *a, const struct field *fields, size_t field_count,
               size_t row_size, void **ret_rows, size_t *ret_n, struct err *e)
{
    size_t n = (size_t)PQntuples(r);
    if ((size_t)PQnfields(r) != field_count)
        return err_set(e, ERR_BUG, "%d columns for %zu fields", PQnfields(r), field_count);
    char *rows = arena_alloc(a, n * row_size + 1);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < field_count; k++)
            if (!parse_field(r, (int)i, (int)k, fields[k].kind, a, rows + i * row_size + fields[k].offset))
                return err_set(e, ERR_REMOTE, "the server's column \"%s\" is not of its documented form",
                               PQfname(r, (int)k));
    *ret_rows = rows;
    *ret_n = n;
    return true;
}

bool query_names(struct pg *c, struct arena *a, const char *sql, const char *const *params, size_t n,
                 const char ***ret, size_t *ret_n, struct err *e)
{
    static const struct field field = {FIELD_TEXT, 0};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    if (!query_rows(c, sql, params, n, &r, e) ||
        !query_map(r, a, &field, 1, sizeof(const char *), &rows, ret_n, e))
        return false;
    *ret = rows;
    return true;
}
