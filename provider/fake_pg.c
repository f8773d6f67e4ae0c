#include "internal/pg/catalog.h"
#include "internal/pg/pg.h"
#include "internal/pg/replica.h"
#include "internal/pg/rows.h"
#include "provider/fake_rds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pg {
    int version;
    char host[64];
};

const char *fake_host(const struct pg *c)
{
    return c->host;
}

bool pg_open(const struct pg_target *t, struct stop *stop, struct pg **ret, struct err *e)
{
    (void)stop;
    if (!fake_enter(e))
        return false;
    if (strcmp(t->host, "orders-old1.example") == 0 && !fake.old_instances)
        return err_set(e, ERR_UNAVAILABLE, "nothing listens there");
    int major = fake_clone_major(t->host);
    if (major < 0)
        return err_set(e, ERR_UNAVAILABLE, "no way there");
    struct pg *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    bool production = strcmp(t->host, "orders.example") == 0;
    c->version = production && strncmp(fake.production_version, "17", 2) == 0 ? 170006 : 130023;
    c->version = major > 0 ? major * 10000 : c->version;
    (void)snprintf(c->host, sizeof c->host, "%s", t->host);
    *ret = c;
    return true;
}

void pg_close(struct pg *c)
{
    free(c);
}

int pg_server_version(const struct pg *c)
{
    return c->version;
}

bool pg_databases(struct pg *c, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
    (void)c;
    *ret = ARENA_ARRAY(a, const char *, 1);
    (*ret)[0] = "shop";
    *ret_n = 1;
    return fake_enter(e);
}

bool pg_all_databases(struct pg *c, struct arena *a, const struct pg_database_row **ret, size_t *ret_n,
                      struct err *e)
{
    (void)c;
    struct pg_database_row *row = ARENA_NEW(a, struct pg_database_row);
    *row = (struct pg_database_row){.name = "shop", .is_open = true};
    *ret = row;
    *ret_n = 1;
    return fake_enter(e);
}

bool pg_probe_writable(struct pg *c, struct err *e)
{
    (void)c;
    return fake_enter(e) && (fake.production_writable || err_set(e, ERR_REMOTE, "read-only"));
}

bool pg_slots(struct pg *c, struct arena *a, const char *prefix, const struct pg_slot **ret, size_t *ret_n,
              struct err *e)
{
    (void)c;
    (void)prefix;
    struct pg_slot *s = ARENA_NEW(a, struct pg_slot);
    *s = (struct pg_slot){.name = "rds_shop",
                          .plugin = "pgoutput",
                          .database = "shop",
                          .wal_status = "reserved",
                          .active = !fake.worker_fails};
    *ret = s;
    *ret_n = 1;
    return fake_enter(e);
}

bool pg_preflight_of(struct pg *c, struct arena *a, enum pg_purpose purpose, int target_major,
                     const struct pg_scope *scope, const struct pg_finding **ret, size_t *ret_n,
                     struct err *e)
{
    (void)c;
    (void)a;
    (void)purpose;
    (void)target_major;
    (void)scope;
    *ret = NULL;
    *ret_n = 0;
    return fake_enter(e);
}

bool pg_unanalyzed(struct pg *c, struct arena *a, size_t max, const char ***ret_names, size_t *ret_n,
                   struct err *e)
{
    (void)c;
    (void)max;
    *ret_names = ARENA_ARRAY(a, const char *, 1);
    (*ret_names)[0] = "public.t";
    *ret_n = fake.no_statistics ? 1 : 0;
    return fake_enter(e);
}

bool pg_extensions(struct pg *c, struct arena *a, const struct pg_extension **ret, size_t *ret_n,
                   struct err *e)
{
    struct pg_extension *list = ARENA_ARRAY(a, struct pg_extension, 3);
    (void)c;
    list[0] = (struct pg_extension){"hstore", fake.extension_updated ? "1.10" : "1.9", "1.10"};
    list[1] = (struct pg_extension){"ahead", "1.10", "1.9"};
    list[2] = (struct pg_extension){"unknown", "1.0", NULL};
    *ret = list;
    *ret_n = fake.extensions ? 3 : 0;
    return fake_enter(e);
}

bool pg_extension_update(struct pg *c, const char *name, struct err *e)
{
    (void)c;
    fake.updates += strcmp(name, "hstore") == 0 ? 1 : 100;
    if (!fake_enter(e))
        return false;
    if (!fake.extension_refused) {
        fake.extension_updated = true;
        return true;
    }
    (void)err_set(e, ERR_DENIED, "must be owner of extension hstore");
    if (e)
        (void)snprintf(e->remote_code, sizeof e->remote_code, "42501");
    return false;
}

bool pg_analyze(struct pg *c, struct err *e)
{
    size_t n = strlen(fake.rehearsal.hosts);
    (void)snprintf(fake.rehearsal.hosts + n, sizeof fake.rehearsal.hosts - n, "%s ", c->host);
    fake.no_statistics = false;
    return fake_enter(e);
}

bool pg_fingerprint(struct pg *c, struct arena *a, struct pg_fingerprint *ret, struct err *e)
{
    (void)c;
    (void)a;
    *ret = (struct pg_fingerprint){0};
    return fake_enter(e);
}

void pg_fingerprint_diff(struct arena *a, const char *database, const struct pg_fingerprint *old_side,
                         const struct pg_fingerprint *new_side, const char *const *ignore, size_t max,
                         const char ***ret_lines, size_t *ret_n)
{
    (void)database;
    (void)old_side;
    (void)new_side;
    (void)ignore;
    (void)max;
    *ret_lines = ARENA_ARRAY(a, const char *, 1);
    (*ret_lines)[0] = "shop: column public.t.x is missing on green";
    *ret_n = fake.schema_differs ? 1 : 0;
}

bool pg_compare_counts(struct pg *old_side, struct pg *new_side, struct arena *a,
                       const struct pg_count_options *o, const struct pg_count_result **ret, size_t *ret_n,
                       struct err *e)
{
    (void)old_side;
    (void)new_side;
    (void)o;
    struct pg_count_result *r = ARENA_NEW(a, struct pg_count_result);
    *r = (struct pg_count_result){"public.t", 10, fake.rows_differ ? 9 : 10, true, !fake.rows_differ};
    *ret = r;
    *ret_n = 1;
    return fake_enter(e);
}

const char *pg_row_kind_name(enum pg_row_kind kind)
{
    (void)kind;
    return "missing on the new side";
}

bool pg_compare_rows(struct arena *a, const struct pg_rows_options *o, struct pg_rows_result *ret,
                     struct err *e)
{
    (void)o;
    struct pg_rows_table *t = ARENA_NEW(a, struct pg_rows_table);
    *t = (struct pg_rows_table){.table = "public.t",
                                .old_rows = 10,
                                .new_rows = fake.rows_differ ? 9 : 10,
                                .equal = !fake.rows_differ,
                                .exact = true,
                                .note = ""};
    *ret = (struct pg_rows_result){.tables = t, .table_count = 1};
    return fake_enter(e);
}

bool pg_compare_query(struct pg *old_side, struct pg *new_side, struct arena *a, const char *sql,
                      bool *ret_equal, const char **ret_difference, struct err *e)
{
    (void)old_side;
    (void)new_side;
    (void)a;
    (void)sql;
    *ret_equal = true;
    *ret_difference = "";
    return fake_enter(e);
}

bool pg_sequences(struct pg *c, struct arena *a, const struct pg_sequence **ret, size_t *ret_n, struct err *e)
{
    (void)c;
    (void)a;
    *ret = NULL;
    *ret_n = 0;
    return fake_enter(e);
}
