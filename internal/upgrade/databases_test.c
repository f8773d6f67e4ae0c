/* What is found in the databases, and how it is told. The server is this file's own. */
#include "internal/base/testing.h"
#include "internal/pg/catalog.h"
#include "internal/upgrade/blue_green.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the server ---- */

struct pg {
    const char *database;
};

enum { FINDINGS_MAX = 2048 };

static struct {
    const struct pg_database_row *databases;
    size_t database_count;
    struct pg_finding findings[FINDINGS_MAX]; /* each comes back from the database it names, "" from all */
    size_t finding_count;
    const char *refuses; /* this database does not let us in */
    enum err_code refusal;
    unsigned purposes; /* asked for so far */
    char purposes_of_template[64];
    char warnings[8192];
    int opened, open_now;
} server;

bool world_need(struct upgrade *u, struct err *e)
{
    (void)u;
    (void)e;
    return true;
}

bool side_open(struct upgrade *u, enum side side, const char *database, bool writable, struct pg **ret,
               struct err *e)
{
    (void)u;
    assert_int_equal(side, SIDE_BLUE);
    assert_false(writable);
    if (database && server.refuses && strcmp(database, server.refuses) == 0) {
        (void)err_set(e, server.refusal, "connect");
        return err_said(e, "permission denied for database \"%s\"", database);
    }
    struct pg *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->database = database ? database : "postgres";
    server.opened++;
    server.open_now++;
    *ret = c;
    return true;
}

void pg_close(struct pg *c)
{
    server.open_now -= c ? 1 : 0;
    free(c);
}

bool pg_all_databases(struct pg *c, struct arena *a, const struct pg_database_row **ret, size_t *ret_n,
                      struct err *e)
{
    (void)c;
    (void)a;
    (void)e;
    *ret = server.databases;
    *ret_n = server.database_count;
    return true;
}

bool pg_preflight_of(struct pg *c, struct arena *a, enum pg_purpose purpose, int target_major,
                     const struct pg_scope *scope, const struct pg_finding **ret, size_t *ret_n,
                     struct err *e)
{
    (void)e;
    assert_int_equal(target_major, 17);
    assert_string_equal(scope->untaken, strcmp(c->database, "shop") == 0 ? "{16401}" : "{}");
    struct pg_finding *list = ARENA_ARRAY(a, struct pg_finding, FINDINGS_MAX);
    size_t n = 0;
    for (size_t i = 0; i < server.finding_count; i++)
        if (server.findings[i].database[0] == '\0' || strcmp(server.findings[i].database, c->database) == 0)
            list[n++] = server.findings[i];
    server.purposes |= (unsigned)purpose;
    if (purpose == PG_FOR_TEMPLATE)
        (void)snprintf(server.purposes_of_template, sizeof server.purposes_of_template, "%s", c->database);
    *ret = list;
    *ret_n = n;
    return true;
}

/* Of the databases, one has a table that is not replicated. */
bool tables_scope(struct upgrade *u, struct pg *c, const char *database, struct pg_scope *ret, struct err *e)
{
    (void)u;
    (void)e;
    assert_string_equal(database, c->database);
    *ret = (struct pg_scope){.untaken = strcmp(database, "shop") == 0 ? "{16401}" : "{}", .made_full = NULL};
    return true;
}

static void warn(void *arg, const char *summary, const char *detail)
{
    (void)arg;
    size_t n = strlen(server.warnings);
    assert_string_equal(summary, "Finding of the preflight");
    (void)snprintf(server.warnings + n, sizeof server.warnings - n, "%s|", detail);
}

static void found(const char *id, enum pg_severity severity, const char *database, const char *evidence)
{
    assert_true(server.finding_count < FINDINGS_MAX);
    server.findings[server.finding_count++] = (struct pg_finding){.id = id,
                                                                  .severity = severity,
                                                                  .database = database,
                                                                  .evidence = evidence,
                                                                  .remedy = "do what is right",
                                                                  .count = 2};
}

/* ---- one check ---- */

struct outcome {
    struct upgrade u;
    struct arena *arena;
    struct err e;
    bool passes;
};

static const struct strategy in_place = {.purpose = PG_FOR_IN_PLACE};

static bool check(struct outcome *o)
{
    *o = (struct outcome){.arena = arena_new()};
    o->u = (struct upgrade){.strategy = &in_place, .arena = o->arena, .look = o->arena, .warn = warn};
    o->u.request.cluster = "orders";
    o->u.request.target = (struct version){17, 6};
    bool ok = databases_check(&o->u, &o->passes, &o->e);
    assert_int_equal(server.open_now, 0);
    return ok;
}

static int fresh(void **state)
{
    (void)state;
    static const struct pg_database_row databases[] = {{"app", false, true},
                                                       {"closed", false, false},
                                                       {"shop", false, true},
                                                       {"template0", true, false},
                                                       {"template1", true, true}};
    memset(&server, 0, sizeof server);
    server.databases = databases;
    server.database_count = ARRAY_LEN(databases);
    return 0;
}

static void nothing_found_is_no_report(void **state)
{
    (void)state;
    struct outcome o;
    assert_true(check(&o));
    assert_true(o.passes);
    assert_string_equal(upgrade_report_take(&o.u), "");
    assert_int_equal(server.opened, 4); /* the first, and app, shop, template1 */
    arena_free(o.arena);
}

static void a_template_is_looked_at_for_what_pg_upgrade_refuses(void **state)
{
    (void)state;
    struct outcome o;
    assert_true(check(&o));
    assert_int_equal(server.purposes, PG_FOR_IN_PLACE | PG_FOR_TEMPLATE);
    assert_string_equal(server.purposes_of_template, "template1");
    arena_free(o.arena);
}

static void all_findings_of_all_databases_are_one_report(void **state)
{
    (void)state;
    struct outcome o;
    found("reg-columns", PG_BLOCKER, "shop", "public.a.x regproc, public.a.y regproc");
    found("reg-columns", PG_BLOCKER, "template1", "public.t.x regconfig");
    found("user-slots", PG_BLOCKER, "", "mine (pgoutput) in shop");
    found("aclitem-columns", PG_BLOCKER, "app", "public.b.x aclitem");
    assert_false(check(&o));
    assert_string_equal(o.e.id, "AUR0113");
    assert_string_equal(o.e.text,
                        "3 finding(s) in the databases of orders: user-slots (2), aclitem-columns (2),"
                        " reg-columns (4)");
    assert_string_equal(upgrade_report_take(&o.u), "user-slots: do what is right\n"
                                                   "  the whole server: mine (pgoutput) in shop\n"
                                                   "aclitem-columns: do what is right\n"
                                                   "  app: public.b.x aclitem\n"
                                                   "reg-columns: do what is right\n"
                                                   "  shop: public.a.x regproc, public.a.y regproc\n"
                                                   "  template1: public.t.x regconfig");
    assert_null(upgrade_report_take(&o.u));
    arena_free(o.arena);
}

static void warnings_are_told_and_stop_nothing(void **state)
{
    (void)state;
    struct outcome o;
    found("large-objects", PG_WARNING, "shop", "4711");
    found("large-objects", PG_WARNING, "app", "4712");
    assert_true(check(&o));
    assert_true(o.passes);
    assert_string_equal(server.warnings, "large-objects: do what is right\n  app: 4712\n  shop: 4711|");
    arena_free(o.arena);
}

static void a_database_that_refuses_us_is_a_finding_beside_the_others(void **state)
{
    (void)state;
    static const enum err_code codes[] = {ERR_DENIED, ERR_AUTH, ERR_CONFLICT};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct outcome o;
        (void)fresh(NULL);
        server.refuses = "app";
        server.refusal = codes[i];
        found("reg-columns", PG_BLOCKER, "shop", "public.a.x regproc");
        assert_false(check(&o));
        assert_string_equal(o.e.id, "AUR0113");
        const char *report = upgrade_report_take(&o.u);
        assert_non_null(strstr(report, "database-refuses-us: "));
        assert_non_null(strstr(report, "  app: permission denied for database \"app\""));
        assert_non_null(strstr(report, "  shop: public.a.x regproc"));
        arena_free(o.arena);
    }
}

/* Templates are AWS's as much as the user's: production upgrades without our seeing into them. */
static void a_template_that_refuses_us_is_a_warning(void **state)
{
    (void)state;
    struct outcome o;
    server.refuses = "template1";
    server.refusal = ERR_DENIED;
    assert_true(check(&o));
    assert_true(o.passes);
    assert_non_null(strstr(server.warnings, "  template1: permission denied"));
    arena_free(o.arena);
}

static void a_lost_network_is_a_failure_and_no_finding(void **state)
{
    (void)state;
    struct outcome o;
    server.refuses = "shop";
    server.refusal = ERR_UNAVAILABLE;
    assert_false(check(&o));
    assert_int_equal(o.e.code, ERR_UNAVAILABLE);
    assert_null(o.e.id);
    assert_non_null(strstr(o.e.text, "database shop"));
    arena_free(o.arena);
}

static void a_database_dropped_meanwhile_is_passed_over(void **state)
{
    (void)state;
    struct outcome o;
    server.refuses = "app";
    server.refusal = ERR_NOT_FOUND;
    assert_true(check(&o));
    assert_true(o.passes);
    assert_int_equal(o.e.code, ERR_NONE);
    arena_free(o.arena);
}

static void names_cannot_forge_lines(void **state)
{
    (void)state;
    struct outcome o;
    found("reg-columns", PG_BLOCKER, "shop", "public.\"a\n  app: nothing\t\x1b[31m\"");
    assert_false(check(&o));
    assert_string_equal(upgrade_report_take(&o.u),
                        "reg-columns: do what is right\n  shop: public.\"a   app: nothing  [31m\"");
    arena_free(o.arena);
}

/* Thousands of databases, and evidence of any length: the ids are all there, the report has its bound. */
static void the_report_is_bounded(void **state)
{
    (void)state;
    enum { DATABASES = 300, CHECKS = 6 };
    static char names[DATABASES][16], evidence[5000];
    static const char *const ids[CHECKS] = {"check-1", "check-2", "check-3", "check-4", "check-5", "check-6"};
    static struct pg_database_row rows[DATABASES];
    struct outcome o;
    memset(evidence, 'x', sizeof evidence - 1);
    for (size_t d = 0; d < DATABASES; d++) {
        (void)snprintf(names[d], sizeof names[d], "d%03zu", d);
        rows[d] = (struct pg_database_row){names[d], false, true};
        for (size_t k = 0; k < CHECKS; k++)
            found(ids[k], PG_BLOCKER, names[d], evidence);
    }
    server.databases = rows;
    server.database_count = DATABASES;
    assert_false(check(&o));
    for (size_t k = 0; k < CHECKS; k++)
        assert_non_null(strstr(o.e.text, ids[k]));
    const char *report = upgrade_report_take(&o.u);
    assert_true(strlen(report) < 32 * 1024);
    assert_non_null(strstr(report, "\n  and 280 more databases"));
    assert_non_null(strstr(report, "\nand what 4 more checks found"));
    arena_free(o.arena);
}

static void what_manage_is_about_to_cure_is_no_finding(void **state)
{
    (void)state;
    struct outcome o = {.arena = arena_new()};
    found("logical-replication-off", PG_BLOCKER, "", "wal_level is replica");
    o.u = (struct upgrade){.strategy = &in_place, .arena = o.arena, .look = o.arena, .warn = warn};
    o.u.request.cluster = "orders";
    o.u.request.target = (struct version){17, 6};
    o.u.request.manage_source = true;
    assert_true(databases_check(&o.u, &o.passes, &o.e));
    assert_true(o.passes);
    arena_free(o.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_found_is_no_report, fresh),
        cmocka_unit_test_setup(a_template_is_looked_at_for_what_pg_upgrade_refuses, fresh),
        cmocka_unit_test_setup(all_findings_of_all_databases_are_one_report, fresh),
        cmocka_unit_test_setup(warnings_are_told_and_stop_nothing, fresh),
        cmocka_unit_test_setup(a_database_that_refuses_us_is_a_finding_beside_the_others, fresh),
        cmocka_unit_test_setup(a_template_that_refuses_us_is_a_warning, fresh),
        cmocka_unit_test_setup(a_lost_network_is_a_failure_and_no_finding, fresh),
        cmocka_unit_test_setup(a_database_dropped_meanwhile_is_passed_over, fresh),
        cmocka_unit_test_setup(names_cannot_forge_lines, fresh),
        cmocka_unit_test_setup(the_report_is_bounded, fresh),
        cmocka_unit_test_setup(what_manage_is_about_to_cure_is_no_finding, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
