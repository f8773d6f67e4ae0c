#include "internal/pg/writes.h"
#include "internal/pg/counts.h"

#include <stdio.h>

static const struct field written_fields[] = {
    {FIELD_TEXT, offsetof(struct pg_written, table)},
    {FIELD_INT64, offsetof(struct pg_written, inserted)},
    {FIELD_INT64, offsetof(struct pg_written, updated)},
    {FIELD_INT64, offsetof(struct pg_written, deleted)},
};

bool pg_written(struct pg *c, struct arena *a, const struct pg_written **ret, size_t *ret_n, struct err *e)
{
    static const char sql[] =
        "SELECT format('%I.%I', schemaname, relname), n_tup_ins, n_tup_upd, n_tup_del FROM "
        "pg_stat_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND schemaname <> 'aurora_upgrade' "
        "ORDER BY n_tup_ins + n_tup_upd + n_tup_del DESC, format('%I.%I', schemaname, relname) COLLATE \"C\"";
    PGresult *r CLEANUP(result_cleanup) = NULL;
    void *rows;
    size_t n;
    if (!query_rows(c, sql, NULL, 0, &r, e) ||
        !query_map(r, a, written_fields, ARRAY_LEN(written_fields), sizeof(struct pg_written), &rows, &n, e))
        return err_wrap(e, "read what was written in database \"%s\" of %s:%d", c->database, c->host,
                        c->port);
    *ret = rows;
    *ret_n = n;
    return true;
}

static uint64_t mixed(uint64_t h, const char *s) /* FNV-1a, with an end that no text has */
{
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211U;
    return (h ^ 0xFFU) * 1099511628211U;
}

bool pg_content(struct pg *c, struct arena *a, struct pg_content *ret, struct err *e)
{
    struct count_table *all = NULL;
    struct count_pass pass = {0};
    size_t n = 0;
    if (!counts_tables(c, c, a, NULL, &all, &n, e))
        return false;
    struct count_table **list = ARENA_ARRAY(a, struct count_table *, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] = &all[i];
    if (!counts_old(c, a, list, n, NULL, &pass, e))
        return err_wrap(e, "count the rows of database \"%s\"", c->database);
    struct pg_content found = {.tables = (int64_t)n, .hash = 14695981039346656037U};
    for (size_t i = 0; i < n; i++) {
        char rows[32];
        (void)snprintf(rows, sizeof rows, "%lld", (long long)all[i].after.rows);
        found.rows += all[i].after.rows;
        found.hash = mixed(mixed(found.hash, all[i].name), rows);
        found.hash = mixed(mixed(found.hash, all[i].after.sum), all[i].after.hash);
    }
    *ret = found;
    return true;
}
