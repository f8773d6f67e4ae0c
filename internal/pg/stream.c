#include "internal/pg/stream.h"
#include "internal/base/clock.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    START_MS = 60000,
    REPLY_EVERY_MS = 5000,
    ARENA_MESSAGES = 500, /* read into one arena */
    TAKE_ARENAS = 20,     /* and then the caller has a say, however much there is */
    WAL_HEADER = 25,      /* 'w', start, end, time */
    ALIVE_MESSAGE = 18,   /* 'k', end, time, whether a reply is wanted */
    REPLY_MESSAGE = 34,
};

struct stream {
    struct pg *c;
    lsn_t position;
    int64_t replied_ms;
    bool is_asked; /* by the server, for a reply */
};

static bool broken(struct stream *s, struct err *e)
{
    PGresult *r CLEANUP(result_cleanup) = PQgetResult(s->c->conn);
    s->c->broken = true;
    if (r && PQresultErrorField(r, PG_DIAG_SQLSTATE))
        (void)query_failed(s->c, r, e);
    else
        (void)err_set(e, ERR_UNAVAILABLE, "the connection was lost");
    return err_wrap(e, "read what is committed on %s:%d", s->c->host, s->c->port);
}

/* ---- replies ---- */

static void put_number(char *at, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        at[i] = (char)(value >> (56 - 8 * i));
}

static bool reply(struct stream *s, bool asks, struct err *e)
{
    static const int64_t epoch_ms = 946684800000; /* PostgreSQL's, 1 January 2000 */
    char m[REPLY_MESSAGE] = {'r'};
    struct clock *clock = clock_real();
    for (size_t i = 0; i < 3; i++) /* written, flushed, applied */
        put_number(m + 1 + 8 * i, s->position);
    put_number(m + 25, (uint64_t)((clock->wall_ms(clock) - epoch_ms) * 1000));
    m[REPLY_MESSAGE - 1] = (char)asks;
    s->replied_ms = socket_now_ms();
    s->is_asked = false;
    if (PQputCopyData(s->c->conn, m, REPLY_MESSAGE) != 1 || PQflush(s->c->conn) < 0)
        return broken(s, e);
    return true;
}

bool stream_ask(struct stream *s, struct err *e)
{
    return reply(s, true, e);
}

/* ---- reading ---- */

static lsn_t number_at(const char *p)
{
    lsn_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | (unsigned char)p[i];
    return value;
}

static void advance(struct stream *s, lsn_t to)
{
    s->position = to > s->position ? to : s->position;
}

static bool take_message(struct stream *s, struct arena *a, struct str m, stream_taker *take, void *arg,
                         struct err *e)
{
    struct message change;
    if (m.n >= ALIVE_MESSAGE && m.p[0] == 'k') {
        advance(s, number_at(m.p + 1));
        s->is_asked = s->is_asked || m.p[ALIVE_MESSAGE - 1];
        return true;
    }
    if (m.n < WAL_HEADER || m.p[0] != 'w')
        return err_set(e, ERR_REMOTE, "%s:%d sends what is no replication", s->c->host, s->c->port);
    if (!pgoutput_read(a, (struct str){m.p + WAL_HEADER, m.n - WAL_HEADER}, &change, e) ||
        !take(arg, &change, e))
        return err_wrap(e, "read what is committed on %s:%d", s->c->host, s->c->port);
    if (change.kind == MESSAGE_COMMIT)
        advance(s, change.end);
    return true;
}

/* *ret_n: how many messages there were; 0: no more at the moment. */
static bool take_some(struct stream *s, stream_taker *take, void *arg, size_t *ret_n, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    size_t n = 0;
    for (bool read = false; n < ARENA_MESSAGES; n++) {
        char *m = NULL;
        int size = PQgetCopyData(s->c->conn, &m, 1);
        if (size == 0 && !read) {
            read = true;
            if (!PQconsumeInput(s->c->conn))
                return broken(s, e);
            size = PQgetCopyData(s->c->conn, &m, 1);
        }
        if (size < 0)
            return broken(s, e);
        if (size == 0)
            break;
        bool ok = take_message(s, a, (struct str){m, (size_t)size}, take, arg, e);
        PQfreemem(m);
        if (!ok)
            return false;
    }
    *ret_n = n;
    return true;
}

bool stream_take(struct stream *s, stream_taker *take, void *arg, bool *ret_any, struct err *e)
{
    size_t n = 1;
    *ret_any = false;
    for (int i = 0; i < TAKE_ARENAS && n > 0; i++) {
        if (!take_some(s, take, arg, &n, e))
            return false;
        *ret_any = *ret_any || n > 0;
        if ((s->is_asked || socket_now_ms() - s->replied_ms >= REPLY_EVERY_MS) && !reply(s, false, e))
            return false;
    }
    return PQflush(s->c->conn) >= 0 || broken(s, e);
}

lsn_t stream_position(const struct stream *s)
{
    return s->position;
}

int stream_fd(const struct stream *s)
{
    return PQsocket(s->c->conn);
}

/* ---- from beginning to end ---- */

static bool wait_begun(struct stream *s, struct err *e)
{
    int64_t until = socket_now_ms() + START_MS;
    while (PQisBusy(s->c->conn)) {
        enum socket_wait w = socket_wait(s->c->conn, POLLIN, s->c->stop, until);
        if (w == SOCKET_STOPPED)
            return err_set(e, ERR_CANCELLED, "stopped before anything was streamed");
        if (w == SOCKET_LATE)
            return err_set(e, ERR_TIMEOUT, "nothing was streamed within %d s", START_MS / 1000);
        if (w == SOCKET_BAD || !PQconsumeInput(s->c->conn))
            return broken(s, e);
    }
    PGresult *r CLEANUP(result_cleanup) = PQgetResult(s->c->conn);
    if (PQresultStatus(r) == PGRES_COPY_BOTH)
        return true;
    return query_failed(s->c, r, e);
}

static bool begin(struct stream *s, const char *slot, const char *publication, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *name = NULL;
    if (!query_text(s->c, a, publication, &name, e))
        return false;
    const char *sql = arena_printf(
        a, "START_REPLICATION SLOT \"%s\" LOGICAL 0/0 (proto_version '1', publication_names %s)", slot, name);
    if (!PQsendQuery(s->c->conn, sql) || PQflush(s->c->conn) < 0)
        return broken(s, e);
    return wait_begun(s, e);
}

bool stream_open(struct pg *c, const char *slot, const char *publication, int64_t wait_ms,
                 struct stream **ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->c = c;
    s->replied_ms = socket_now_ms();
    const char *sql =
        arena_printf(a, "CREATE_REPLICATION_SLOT \"%s\" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT", slot);
    if (query_script(c, sql, wait_ms, e) && begin(s, slot, publication, e)) {
        *ret = s;
        return true;
    }
    (void)err_wrap(e, "follow the changes of database \"%s\" of %s:%d", c->database, c->host, c->port);
    stream_close(s);
    return false;
}

void stream_close(struct stream *s)
{
    if (!s)
        return;
    pg_close(s->c);
    free(s);
}
