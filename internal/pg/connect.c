#include "internal/pg/connect.h"

#include <ctype.h>
#include <string.h>

/* libpq's own messages (fe-connect.c, fe-secure-openssl.c, fe-auth.c; the same words in 13 to 18), and the
 * server's by SQLSTATE. The first row that matches wins. */
static const struct {
    const char *state;  /* SQLSTATE, or NULL */
    const char *needle; /* in the message, or NULL */
    enum err_code code;
    const char *text, *hint;
} reasons[] = {
    {"28P01", NULL, ERR_AUTH, "the password was not accepted", "check the user name and the password"},
    {"28000", "no pg_hba.conf entry", ERR_AUTH, "the server does not let this user in this way",
     "the server may demand TLS (sslmode), or its access rules leave out this user, database or address"},
    {"28", NULL, ERR_AUTH, "the login was refused", "check that the role exists and may log in"},
    {"3D000", NULL, ERR_NOT_FOUND, "the database does not exist", "check the database's name"},
    {"42501", NULL, ERR_DENIED, "the user may not connect to this database", NULL},
    {"55000", NULL, ERR_CONFLICT, "the database takes no connections",
     "ALTER DATABASE … ALLOW_CONNECTIONS true, if that was not done on purpose"},
    {"53300", NULL, ERR_UNAVAILABLE, "all connections of the server are taken",
     "free some, or raise max_connections"},
    {"57P03", NULL, ERR_UNAVAILABLE, "the server is starting or stopping", "try again in a moment"},
    {NULL, "root certificate file", ERR_INVALID, "there is no file of certificate authorities to check with",
     "set sslrootcert to the bundle that signs the server's certificate (for Aurora: global-bundle.pem of "
     "https://truststore.pki.rds.amazonaws.com)"},
    {NULL, "certificate verify failed", ERR_INVALID, "the server's certificate is not to be trusted",
     "its authority is not in sslrootcert, or it has expired; for Aurora use global-bundle.pem of "
     "https://truststore.pki.rds.amazonaws.com"},
    {NULL, "does not match host name", ERR_INVALID, "the server's certificate is for another name",
     "connect by the name the certificate is made for, or, where that is impossible, use "
     "sslmode = \"verify-ca\""},
    {NULL, "server certificate for", ERR_INVALID, "the server's certificate is for another name",
     "connect by one of the names the certificate is made for, or, where that is impossible, use "
     "sslmode = \"verify-ca\""},
    {NULL, "does not support SSL", ERR_INVALID, "the server does not offer TLS",
     "switch TLS on at the server, or set sslmode = \"disable\" if the network may be trusted"},
    {NULL, "invalid sslmode", ERR_INVALID, "sslmode is not one of libpq's",
     "use verify-full, verify-ca, require, prefer, allow or disable"},
    {NULL, "no password supplied", ERR_AUTH, "the server asks for a password and none was given",
     "set a password, a secret or IAM authentication"},
    {NULL, "could not translate host name", ERR_UNAVAILABLE, "the host's name could not be resolved",
     "check the name, and that this machine can reach the network's name servers"},
    {NULL, "Connection refused", ERR_UNAVAILABLE, "nothing listens there",
     "check host and port, and that the server is running"},
    {NULL, NULL, ERR_UNAVAILABLE, "the server could not be reached",
     "check that this machine has a way to it (VPC, security group) and that it is running"},
};

/* With PQERRORS_VERBOSE the server's own error reads "<severity>:  <SQLSTATE>: <message>". */
static const char *find_state(const char *message)
{
    enum { STATE = 5 };
    for (const char *at = strstr(message, ":  "); at; at = strstr(at + 1, ":  ")) {
        const char *p = at + 3;
        size_t n = 0;
        while (n < STATE && (isupper((unsigned char)p[n]) || isdigit((unsigned char)p[n])))
            n++;
        if (n == STATE && strncmp(p + STATE, ": ", 2) == 0)
            return p;
    }
    return NULL;
}

/* Verbose messages end in a line that names PostgreSQL's source file: of no use to anybody here. */
static void drop_location(char *text)
{
    char *at = strstr(text, "\nLOCATION:");
    char *end = at ? strchr(at + 1, '\n') : NULL;
    if (at)
        memmove(at, end ? end : "", end ? strlen(end) + 1 : 1);
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '\n')
        text[--n] = '\0';
}

bool connect_failed(const struct pg *c, const char *message, struct err *e)
{
    if (!e)
        return false;
    char state[6] = "";
    const char *found = find_state(message);
    if (found)
        memcpy(state, found, sizeof state - 1);
    size_t i = 0;
    while ((reasons[i].state && strncmp(state, reasons[i].state, strlen(reasons[i].state)) != 0) ||
           (reasons[i].needle && !strstr(message, reasons[i].needle)))
        i++;
    (void)err_set(e, reasons[i].code, "connect to %s:%d, database \"%s\", as \"%s\": %s", c->host, c->port,
                  c->database, c->username, reasons[i].text);
    (void)snprintf(e->remote_code, sizeof e->remote_code, "%s", state);
    (void)err_said(e, "%s", message);
    drop_location(e->said);
    scrub(e->said, c->password);
    if (e->code == ERR_DENIED)
        return err_hint(e, "GRANT CONNECT ON DATABASE \"%s\" TO %s;", c->database, c->grantee);
    return err_hint(e, "%s", reasons[i].hint);
}
