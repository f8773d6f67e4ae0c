/* One parameter in another family, and two families side by side. */
#include "internal/upgrade/translate.h"

#include "internal/base/testing.h"

#include <string.h>

#define PARAM(n, v, type, data, allowed, can)                                                                \
    {                                                                                                        \
        .name = (n), .value = (v) ? (v) : "", .has_value = (v) != NULL, .apply_type = (type),                \
        .data_type = (data), .allowed_values = (allowed), .is_modifiable = (can)                             \
    }

static const char *const nothing = NULL;

static const struct rds_param older[] = {
    PARAM("checkpoint_completion_target", "0.5", "dynamic", "float", "0-1", true),
    PARAM("fsync", "1", "dynamic", "boolean", "0,1", true),
    PARAM("log_connections", "0", "dynamic", "boolean", "0,1", true),
    PARAM("old_snapshot_threshold", "-1", "static", "integer", "-1-86400", true),
    PARAM("same", nothing, "dynamic", "string", "", true),
    PARAM("shared_preload_libraries", "pg_stat_statements", "static", "list", "pg_cron,pg_stat_statements",
          true),
    PARAM("ssl_ecdh_curve", "prime256v1", "dynamic", "string", "", true),
    PARAM("wal_buffers", nothing, "static", "integer", "-1-262143", true),
};

static const struct rds_param newer[] = {
    PARAM("checkpoint_completion_target", "0.9", "dynamic", "float", "0-1", true),
    PARAM("fsync", "1", "dynamic", "boolean", "0,1", false),
    PARAM("log_connections", nothing, "dynamic", "string", "", true),
    PARAM("same", "", "dynamic", "string", "", true),
    PARAM("shared_preload_libraries", "pg_stat_statements", "static", "list", "pg_stat_statements,pg_tle",
          true),
    PARAM("ssl_groups", "X25519:prime256v1", "dynamic", "string", "", true),
    PARAM("transaction_timeout", "0", "dynamic", "integer", "0-2147483647", true),
    PARAM("wal_buffers", nothing, "dynamic", "integer", "-1-262143", true),
};

static const struct params source = {older, ARRAY_LEN(older)}, target = {newer, ARRAY_LEN(newer)};

struct own_row {
    const char *name, *value;
    const char *becomes, *refusal, *method; /* refusal NULL: carried */
};

static const struct own_row own_rows[] = {
    {"checkpoint_completion_target", "0.7", "checkpoint_completion_target", NULL, "immediate"},
    {"wal_buffers", "100", "wal_buffers", NULL, "immediate"},
    {"shared_preload_libraries", "pg_stat_statements", "shared_preload_libraries", NULL, "pending-reboot"},
    {"shared_preload_libraries", "pg_cron", "shared_preload_libraries",
     "new allows pg_stat_statements,pg_tle", NULL},
    {"ssl_ecdh_curve", "secp384r1", "ssl_groups", NULL, "immediate"},
    {"old_snapshot_threshold", "60", "", "new does not have it", NULL},
    {"fsync", "0", "fsync", "it cannot be changed in new", NULL},
    {"transaction_timeout", "-1", "transaction_timeout", "new allows 0-2147483647", NULL},
};

static void own_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(own_rows); i++) {
        CLEANUP(arena_cleanup) struct arena *a = arena_new();
        const struct own_row *row = &own_rows[i];
        const struct rds_param own[] = {PARAM(row->name, row->value, "dynamic", "string", "", true),
                                        PARAM("unset", nothing, "dynamic", "string", "", true)};
        size_t n = 0;
        print_message("    %s = %s\n", row->name, row->value);
        const struct translated *t =
            translate_params(a, (struct params){own, ARRAY_LEN(own)}, target, "new", &n);
        assert_int_equal(n, 1);
        assert_string_equal(t->name, row->becomes);
        assert_string_equal(t->refusal ? t->refusal : "carried", row->refusal ? row->refusal : "carried");
        assert_string_equal(t->apply_method ? t->apply_method : "", row->method ? row->method : "");
        assert_true((t->allowed != NULL) == (row->refusal && strstr(row->refusal, "allows")));
    }
}

/* A family that has both names keeps each where it is. */
static void a_name_that_stays_is_not_renamed(void **state)
{
    (void)state;
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    const struct rds_param both[] = {PARAM("ssl_ecdh_curve", "prime256v1", "dynamic", "string", "", true),
                                     PARAM("ssl_groups", "X25519", "dynamic", "string", "", true)};
    const struct params p = {both, ARRAY_LEN(both)};
    const struct rds_param own = PARAM("ssl_ecdh_curve", "secp384r1", "dynamic", "string", "", true);
    size_t n = 0;
    assert_string_equal(translate_params(a, (struct params){&own, 1}, p, "new", &n)->name, "ssl_ecdh_curve");
    const struct param_diff *d = params_diff(a, source, p, NULL, 0, &n);
    for (size_t i = 0; i < n; i++)
        assert_true(strcmp(d[i].name, "ssl_ecdh_curve") != 0 || !(d[i].changes & PARAM_RENAMED));
    assert_string_equal(d[n - 2].name, "ssl_groups");
    assert_int_equal(d[n - 2].changes, PARAM_ADDED);
}

struct diff_row {
    const char *name;
    unsigned changes;
    bool is_set;
};

static void two_families(void **state)
{
    (void)state;
    static const struct diff_row rows[] = {
        {"checkpoint_completion_target", PARAM_DEFAULT, false},
        {"fsync", PARAM_MODIFIABLE, false},
        {"log_connections", PARAM_DEFAULT | PARAM_DATA_TYPE | PARAM_ALLOWED_VALUES, false},
        {"old_snapshot_threshold", PARAM_REMOVED, false},
        {"same", 0, true},
        {"shared_preload_libraries", PARAM_ALLOWED_VALUES, false},
        {"ssl_ecdh_curve", PARAM_RENAMED | PARAM_DEFAULT, false},
        {"transaction_timeout", PARAM_ADDED, false},
        {"wal_buffers", PARAM_APPLY_TYPE, false},
    };
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    const struct rds_param own = PARAM("same", "mine", "dynamic", "string", "", true);
    size_t own_n = 0, n = 0;
    const struct translated *list = translate_params(a, (struct params){&own, 1}, target, "new", &own_n);
    const struct param_diff *d = params_diff(a, source, target, list, own_n, &n);
    assert_int_equal(n, ARRAY_LEN(rows));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(d[i].name, rows[i].name);
        if (d[i].changes != rows[i].changes)
            fail_msg("%s: %#x", d[i].name, d[i].changes);
        assert_true((d[i].own != NULL) == rows[i].is_set);
    }
    assert_string_equal(d[6].after->name, "ssl_groups");
    (void)params_diff(a, source, source, NULL, 0, &n);
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_values),
        cmocka_unit_test(a_name_that_stays_is_not_renamed),
        cmocka_unit_test(two_families),
    };
    return cmocka_run_group_tests_name("translate", tests, NULL, NULL);
}
