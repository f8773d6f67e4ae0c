#include "internal/pg/script.h"
#include "internal/pg/query.h"

#include <stdio.h>

static bool as_the_user_would(struct pg *c, int64_t timeout_ms, struct err *e)
{
    char limit[24];
    (void)snprintf(limit, sizeof limit, "%lld", (long long)timeout_ms);
    const char *params[] = {limit};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    return query_run(c, "RESET ALL", e) &&
           (c->writable || query_run(c, "SET default_transaction_read_only = on", e)) &&
           query_rows(c, "SELECT pg_catalog.set_config('statement_timeout', $1, false)", params, 1, &r, e);
}

bool pg_run_script(struct pg *c, const char *sql, int64_t timeout_ms, struct err *e)
{
    if (!as_the_user_would(c, timeout_ms, e))
        return err_wrap(e, "prepare a session on %s:%d", c->host, c->port);
    if (!query_script(c, sql, timeout_ms, e))
        return false;
    if (PQtransactionStatus(c->conn) == PQTRANS_IDLE)
        return true;
    query_rollback(c);
    return err_set(e, ERR_INVALID, "it leaves a transaction open, which was rolled back");
}
