#include "internal/base/buf.h"
#include "internal/base/log.h"
#include "internal/pg/query.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { SCRUBBED_BY_LOG = 6 }; /* log_mask() looks after secrets of this length and more */

static bool is_word(char ch)
{
    return isalnum((unsigned char)ch) || ch == '_';
}

/* A short password may be part of innocent words: only whole ones are masked. */
static void scrub_short(char *text, const char *secret)
{
    size_t n = strlen(secret);
    for (char *at = strstr(text, secret); at; at = strstr(at, secret)) {
        bool whole = (at == text || !is_word(at[-1]) || !is_word(secret[0])) &&
                     (!is_word(at[n]) || !is_word(secret[n - 1]));
        if (whole)
            memset(at, '*', n);
        at += n;
    }
}

void scrub(char *text, const char *password)
{
    log_mask(text);
    if (password && password[0] != '\0' && strlen(password) < SCRUBBED_BY_LOG)
        scrub_short(text, password);
}

/* ---- SQLSTATEs: PostgreSQL, appendix A ---- */

static const struct {
    const char *prefix;
    enum err_code code;
    const char *text;
} states[] = {
    {"28", ERR_AUTH, "the login was refused"},
    {"42501", ERR_DENIED, "a privilege is missing"},
    {"3D000", ERR_NOT_FOUND, "the database does not exist"},
    {"42P01", ERR_NOT_FOUND, "a relation does not exist"},
    {"42704", ERR_NOT_FOUND, "an object does not exist"},
    {"42883", ERR_NOT_FOUND, "a function does not exist"},
    {"42601", ERR_INVALID, "the statement is not valid SQL"},
    {"42", ERR_INVALID, "the statement is not valid here"},
    {"57014", ERR_TIMEOUT, "the statement was cancelled at the server"},
    {"55P03", ERR_TIMEOUT, "a lock could not be had in time"},
    {"25006", ERR_CONFLICT, "the session is read-only"},
    {"40", ERR_CONFLICT, "the transaction collided with another one"},
    {"53", ERR_UNAVAILABLE, "the server is out of resources"},
    {"57P", ERR_UNAVAILABLE, "the server ended the session"},
    {"58", ERR_UNAVAILABLE, "the server has trouble with its system"},
    {"08", ERR_UNAVAILABLE, "the connection failed"},
    {"", ERR_REMOTE, "PostgreSQL refused the statement"},
};

/* What to grant, by the kind of object in PostgreSQL's "permission denied for <kind> <name>". */
static const struct {
    const char *kind, *grant;
} grants[] = {
    {"table ", "GRANT SELECT ON TABLE"},
    {"view ", "GRANT SELECT ON TABLE"},
    {"sequence ", "GRANT SELECT ON SEQUENCE"},
    {"schema ", "GRANT USAGE ON SCHEMA"},
    {"function ", "GRANT EXECUTE ON FUNCTION"},
    {"database ", "GRANT CONNECT ON DATABASE"},
    {"materialized view ", "GRANT SELECT ON TABLE"},
};

static void hint_grant(const struct pg *c, const char *message, struct err *e)
{
    static const char intro[] = "permission denied for ";
    const char *at = strstr(message, intro);
    for (size_t i = 0; at && i < ARRAY_LEN(grants); i++) {
        size_t n = strlen(grants[i].kind);
        if (strncmp(at + sizeof intro - 1, grants[i].kind, n) != 0)
            continue;
        (void)err_hint(e, "%s %s TO %s;", grants[i].grant, at + sizeof intro - 1 + n, c->grantee);
        return;
    }
    (void)err_hint(e, "give %s the privilege that PostgreSQL names", c->grantee);
}

static const char *field_or(const PGresult *r, int code, const char *otherwise)
{
    const char *s = PQresultErrorField(r, code);
    return s ? s : otherwise;
}

bool query_failed(const struct pg *c, const PGresult *r, struct err *e)
{
    const char *state = field_or(r, PG_DIAG_SQLSTATE, "");
    const char *message = field_or(r, PG_DIAG_MESSAGE_PRIMARY, "");
    const char *detail = field_or(r, PG_DIAG_MESSAGE_DETAIL, "");
    const char *hint = field_or(r, PG_DIAG_MESSAGE_HINT, "");
    size_t i = 0;
    while (strncmp(state, states[i].prefix, strlen(states[i].prefix)) != 0)
        i++;
    if (!e)
        return false;
    (void)err_set(e, states[i].code, "%s", states[i].text);
    if (strcmp(state, "57014") == 0 && strstr(message, "statement timeout"))
        (void)err_set(e, ERR_TIMEOUT, "a statement took longer than %d s", c->statement_timeout_s);
    (void)snprintf(e->remote_code, sizeof e->remote_code, "%s", state);
    (void)err_said(e, "%s%s%s%s%s", message, detail[0] ? ". Detail: " : "", detail, hint[0] ? ". Hint: " : "",
                   hint);
    scrub(e->said, c->password);
    if (e->code == ERR_DENIED)
        hint_grant(c, message, e);
    return false;
}

const char *name_list(struct arena *a, const char *const *names, size_t n, size_t shown)
{
    struct buf b = BUF_INIT((size_t)64 * 1024);
    for (size_t i = 0; i < n && i < shown; i++)
        (void)buf_printf(&b, "%s%s", i ? ", " : "", names[i]);
    if (n > shown)
        (void)buf_printf(&b, " and %zu more", n - shown);
    const char *text = arena_strdup(a, buf_text(&b));
    buf_done(&b);
    return text;
}

bool denied(const struct pg *c, const char *action, const char *grant, const char *const *names, size_t n,
            struct err *e)
{
    enum { SHOWN = 10 };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    (void)err_set(e, ERR_DENIED, "%s may not %s %s", c->grantee, action, name_list(a, names, n, SHOWN));
    return err_hint(e, "%s TO %s; in database \"%s\", for each of them", grant, c->grantee, c->database);
}
