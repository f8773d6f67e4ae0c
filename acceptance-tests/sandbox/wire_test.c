/* Binding, XML, parameters, formulas: pure functions, as rows. */
#include "acceptance-tests/sandbox/delays.h"
#include "acceptance-tests/sandbox/params.h"
#include "acceptance-tests/sandbox/reply.h"
#include "acceptance-tests/sandbox/request.h"
#include "internal/base/file.h"
#include "internal/base/testing.h"

#include <stdlib.h>
#include <string.h>

static const struct member INNER[] = {STR("X"), INT("Y"), SHAPE_END_ROW};
static const struct member ROWS[] = {STR_REQUIRED("Name"),
                                     BOOL("Flag"),
                                     INT("Count"),
                                     REAL("Share"),
                                     TIME("At"),
                                     LIST("Ids", "Id"),
                                     LIST_OF("Rs", "R", INNER),
                                     STRUCT_OF("In", INNER),
                                     SHAPE_END_ROW};

static const struct bind_row {
    const char *form, *json; /* json NULL: refused */
    const char *code;
} BINDS[] = {
    {"Name=a", "{\"Name\":\"a\"}", NULL},
    {"Name=a+b%20c%C3%A9", "{\"Name\":\"a b c\xc3\xa9\"}", NULL},
    {"Name=a&Flag=true&Count=-3&Share=0.5&At=2026-05-01T10:00:00Z",
     "{\"At\":\"2026-05-01T10:00:00Z\",\"Count\":-3,\"Flag\":true,\"Name\":\"a\",\"Share\":0.5}", NULL},
    {"Name=a&Flag=FALSE", "{\"Flag\":false,\"Name\":\"a\"}", NULL},
    {"Name=a&Ids.Id.1=x&Ids.Id.2=y", "{\"Ids\":[\"x\",\"y\"],\"Name\":\"a\"}", NULL},
    {"Name=a&Ids.member.1=x", "{\"Ids\":[\"x\"],\"Name\":\"a\"}", NULL},
    {"Name=a&Ids=", "{\"Ids\":[],\"Name\":\"a\"}", NULL},
    {"Name=a&Rs.R.1.X=p&Rs.R.1.Y=1&Rs.R.2.X=q",
     "{\"Name\":\"a\",\"Rs\":[{\"X\":\"p\",\"Y\":1},{\"X\":\"q\"}]}", NULL},
    {"Name=a&In.X=p", "{\"In\":{\"X\":\"p\"},\"Name\":\"a\"}", NULL},
    {"Name=a&Unknown=1", "{\"Name\":\"a\"}", NULL},
    {"", NULL, "MissingParameter"},
    {"Flag=true", NULL, "MissingParameter"},
    {"Name=a&Flag=yes", NULL, "InvalidParameterValue"},
    {"Name=a&Count=1x", NULL, "InvalidParameterValue"},
    {"Name=a&Count=", NULL, "InvalidParameterValue"},
    {"Name=a&Count=99999999999999999999", NULL, "InvalidParameterValue"},
    {"Name=a&Share=nan", NULL, "InvalidParameterValue"},
    {"Name=a&At=yesterday", NULL, "InvalidParameterValue"},
    {"Name=a&Rs.R.1.Y=z", NULL, "InvalidParameterValue"},
    {"Name=%zz", NULL, "MalformedQueryString"},
    {"Name=%4", NULL, "MalformedQueryString"},
    {"Name=%ff", NULL, "MalformedQueryString"},
    {"Name=%00", NULL, "MalformedQueryString"},
};

static void binding(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BINDS); i++) {
        struct arena *a CLEANUP(arena_cleanup) = arena_new();
        struct form form = {0};
        struct fault f = {0};
        json_t *out = NULL;
        bool ok = form_parse(a, str_of(BINDS[i].form), &form, &f) && form_bind(&form, ROWS, &out, &f);
        char *text = ok ? json_dumps(out, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        bool as_wanted = BINDS[i].json ? ok && strcmp(text, BINDS[i].json) == 0
                                       : !ok && strcmp(f.code, BINDS[i].code) == 0;
        if (!as_wanted)
            fail_msg("%s: %s", BINDS[i].form, ok ? text : f.text);
        free(text);
        json_decref(out);
    }
}

static void too_many(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct buf b = BUF_INIT(1024 * 1024);
    struct form form = {0};
    struct fault f = {0}, g = {0};
    json_t *out = NULL;
    (void)buf_puts(&b, "Name=a");
    for (int i = 1; i <= LIST_ITEMS_MAX + 1; i++)
        (void)buf_printf(&b, "&Ids.Id.%d=x", i);
    assert_true(form_parse(a, buf_view(&b), &form, &f));
    assert_false(form_bind(&form, ROWS, &out, &f));
    assert_string_equal(f.code, "InvalidParameterValue");
    for (int i = 0; i < FORM_PAIRS_MAX; i++)
        (void)buf_puts(&b, "&z=1");
    assert_false(form_parse(a, buf_view(&b), &form, &g));
    buf_done(&b);
}

static void xml(void **state)
{
    (void)state;
    static const struct {
        const char *json, *xml;
    } rows[] = {
        {"{\"Name\":\"<a> & \\\"b\\\"\\u0001\\r\"}", "<Name>&lt;a&gt; &amp; &quot;b&quot;?&#xD;</Name>"},
        {"{\"Flag\":false,\"Count\":7,\"Share\":16.0}",
         "<Flag>false</Flag><Count>7</Count><Share>16.0</Share>"},
        {"{\"Share\":0.5}", "<Share>0.5</Share>"},
        {"{\"Ids\":[\"x\",\"y\"]}", "<Ids><Id>x</Id><Id>y</Id></Ids>"},
        {"{\"Ids\":[]}", "<Ids></Ids>"},
        {"{\"Rs\":[{\"X\":\"p\"}],\"In\":{\"Y\":1}}", "<Rs><R><X>p</X></R></Rs><In><Y>1</Y></In>"},
        {"{\"_secret\":\"x\",\"Other\":1,\"Name\":null}", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = BUF_INIT(4096), wanted = BUF_INIT(4096);
        json_t *object = json_loads(rows[i].json, 0, NULL);
        reply_xml(&b, "urn:x", "Op", ROWS, object, "r-1");
        (void)buf_printf(
            &wanted,
            "<OpResponse xmlns=\"urn:x\"><OpResult>%s</OpResult><ResponseMetadata><RequestId>r-1</RequestId>"
            "</ResponseMetadata></OpResponse>",
            rows[i].xml);
        assert_string_equal(buf_text(&b), buf_text(&wanted));
        json_decref(object);
        buf_done(&b);
        buf_done(&wanted);
    }
}

static void faults(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(4096);
    struct fault f = {0};
    assert_false(fault_set(&f, "DBClusterNotFoundFault", "DBCluster %s not found.", "<x>"));
    assert_false(fault_set(&f, "Later", "is a consequence"));
    reply_xml_fault(&b, "urn:x", &f, "r-1");
    assert_string_equal(
        buf_text(&b), "<ErrorResponse xmlns=\"urn:x\"><Error><Type>Sender</Type><Code>DBClusterNotFoundFault"
                      "</Code><Message>DBCluster &lt;x&gt; not found.</Message></Error><RequestId>r-1"
                      "</RequestId></ErrorResponse>");
    assert_int_equal(fault_status("DBClusterNotFoundFault"), 404);
    assert_int_equal(fault_status("InvalidParameterValue"), 400);
    assert_true(fault_is_receiver("InternalFailure"));
    buf_done(&b);
}

static void formulas(void **state)
{
    (void)state;
    static const struct machine m = {17179869184.0, 2, 5433};
    static const struct {
        const char *text;
        double value; /* -1: refused */
    } rows[] = {
        {"LEAST({DBInstanceClassMemory/9531392},5000)", 1802},
        {"GREATEST({DBInstanceVCPU*2},8)", 8},
        {"SUM({DBInstanceClassMemory/12038},-50003)", 1377133},
        {"{DBInstanceClassMemory/32768}", 524288},
        {"GREATEST({DBInstanceClassMemory/63963136*1024},65536)", 275036},
        {"{EndPointPort}", 5433},
        {"(1+2)*3", 9},
        {"{Nothing}", -1},
        {"GREATEST(1,", -1},
        {"{1/0}", -1},
        {"1)", -1},
        {"((((((((((((((((((((1))))))))))))))))))))", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double value = -1;
        if (!formula_eval(rows[i].text, &m, &value))
            value = -1;
        if (value != rows[i].value)
            fail_msg("%s: %.3f", rows[i].text, value);
    }
}

static void parameter_values(void **state)
{
    (void)state;
    static const struct {
        int major;
        bool cluster;
        const char *name, *value, *method, *code; /* code NULL: accepted */
    } rows[] = {
        {13, true, "rds.logical_replication", "1", "pending-reboot", NULL},
        {13, true, "rds.logical_replication", "on", "pending-reboot", "InvalidParameterValue"},
        {13, true, "rds.logical_replication", "1", "immediate", "InvalidParameterCombination"},
        {13, false, "rds.logical_replication", "1", "pending-reboot", "InvalidParameterValue"},
        {17, true, "work_mem", "8192", "immediate", NULL},
        {17, true, "work_mem", "1", "immediate", "InvalidParameterValue"},
        {17, true, "work_mem", "64.5", "immediate", "InvalidParameterValue"},
        {17, true, "work_mem", "{DBInstanceClassMemory/1048576}", "immediate", NULL},
        {17, true, "work_mem", "{Foo/1}", "immediate", "InvalidParameterValue"},
        {17, true, "max_connections", "LEAST({DBInstanceClassMemory/9531392},5000)", "pending-reboot", NULL},
        {17, true, "autovacuum_vacuum_scale_factor", "0.05", "immediate", NULL},
        {17, true, "synchronous_commit", "off", "immediate", NULL},
        {17, true, "synchronous_commit", "maybe", "immediate", "InvalidParameterValue"},
        {17, true, "wal_level", "logical", "pending-reboot", "InvalidParameterValue"},
        {17, true, "no_such_thing", "1", "immediate", "InvalidParameterValue"},
        {13, true, "io_method", "worker", "pending-reboot", "InvalidParameterValue"},
        {18, true, "io_method", "worker", "pending-reboot", NULL},
        {13, true, "vacuum_defer_cleanup_age", "0", "immediate", NULL},
        {17, true, "vacuum_defer_cleanup_age", "0", "immediate", "InvalidParameterValue"},
        {18, true, "autovacuum_max_workers", "4", "immediate", NULL},
        {17, true, "autovacuum_max_workers", "4", "immediate", "InvalidParameterCombination"},
        {17, true, "shared_preload_libraries", "pg_stat_statements,auto_explain", "pending-reboot", NULL},
        {17, true, "shared_preload_libraries", "evil", "pending-reboot", "InvalidParameterValue"},
        {17, true, "application_name", "a\nb", "immediate", "InvalidParameterValue"},
        {17, true, "work_mem", "8192", "later", "InvalidParameterValue"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fault f = {0};
        json_t *request = json_pack("{s:s, s:s, s:s}", "ParameterName", rows[i].name, "ParameterValue",
                                    rows[i].value, "ApplyMethod", rows[i].method);
        bool ok = param_check(rows[i].major, rows[i].cluster, request, &f);
        if (rows[i].code ? ok || strcmp(f.code, rows[i].code) != 0 : !ok)
            fail_msg("%d %s=%s: %s", rows[i].major, rows[i].name, rows[i].value, ok ? "accepted" : f.text);
        json_decref(request);
    }
}

static const char *told(const struct engine_param *p, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(p[i].name, name) == 0)
            return p[i].value;
    return NULL;
}

static void parameters_of_the_server(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    static const struct machine m = {17179869184.0, 16, 5432};
    struct engine_param *p;
    size_t n;
    json_t *group = json_loads(
        "{\"_parameters\":{\"work_mem\":{\"value\":\"8192\"},\"shared_buffers\":{\"value\":\"99999999\"},"
        "\"rds.logical_replication\":{\"value\":\"1\"},\"apg_plan_mgmt.capture_plan_baselines\":"
        "{\"value\":\"off\"}}}",
        0, NULL);
    json_t *own = json_loads(
        "{\"_parameters\":{\"work_mem\":{\"value\":\"{DBInstanceClassMemory/1048576}\"}}}", 0, NULL);
    params_for_engine(a, 17, group, own, &m, &p, &n);
    assert_string_equal(told(p, n, "work_mem"), "16384");
    assert_string_equal(told(p, n, "rds.logical_replication"), "1");
    assert_string_equal(told(p, n, "max_worker_processes"), "32");
    assert_null(told(p, n, "shared_buffers"));
    assert_null(told(p, n, "apg_plan_mgmt.capture_plan_baselines"));
    assert_int_equal(param_effective_int(17, group, NULL, &m, "max_replication_slots"), 20);
    assert_int_equal(param_effective_int(17, group, NULL, &m, "max_logical_replication_workers"), 4);
    json_decref(group);
    json_decref(own);
}

static void parameter_listing(void **state)
{
    (void)state;
    static const int majors[] = {13, 15, 17, 18};
    for (size_t i = 0; i < ARRAY_LEN(majors); i++) {
        json_t *cluster = params_list(majors[i], true, NULL), *instance = params_list(majors[i], false, NULL),
               *p;
        size_t k;
        const char *before = "";
        assert_true(json_array_size(cluster) > 300 && json_array_size(instance) > 250);
        assert_true(json_array_size(instance) < json_array_size(cluster));
        json_array_foreach(cluster, k, p)
        {
            assert_true(strcmp(before, rec_str(p, "ParameterName")) < 0); /* sorted, none twice */
            before = rec_str(p, "ParameterName");
        }
        json_decref(cluster);
        json_decref(instance);
    }
}

/* Every waiting time without a source is admitted in the README. */
static void admitted_delays(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct err e = ERR_INIT;
    struct str text;
    assert_true(file_read(a, "README.md", 1 << 20, &text, &e));
    const char *list = strstr(text.p, "## Unverified against AWS");
    assert_non_null(list);
    for (enum delay d = DELAY_NONE + 1; d < DELAY_COUNT; d++) {
        assert_non_null(DELAYS[d].what);
        const char *line = arena_printf(a, "- %s: %g%s", DELAYS[d].what, DELAYS[d].seconds,
                                        strcmp(DELAYS[d].source, "unverified") == 0 ? "\n" : " (");
        if (!strstr(list, line))
            fail_msg("README.md lacks: %s", line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binding),
        cmocka_unit_test(too_many),
        cmocka_unit_test(xml),
        cmocka_unit_test(faults),
        cmocka_unit_test(formulas),
        cmocka_unit_test(parameter_values),
        cmocka_unit_test(parameters_of_the_server),
        cmocka_unit_test(parameter_listing),
        cmocka_unit_test(admitted_delays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
