/* DescribeDBEngineVersions, DescribeDBMajorEngineVersions, DescribeOrderableDBInstanceOptions. */
#include "acceptance-tests/sandbox/describe.h"
#include "acceptance-tests/sandbox/versions.h"

#include <stdio.h>
#include <string.h>

static const struct member VERSIONS_IN[] = {STR("Engine"),
                                            STR("EngineVersion"),
                                            STR("DBParameterGroupFamily"),
                                            DESCRIBE_MEMBERS,
                                            BOOL("DefaultOnly"),
                                            BOOL("ListSupportedCharacterSets"),
                                            BOOL("ListSupportedTimezones"),
                                            BOOL("IncludeAll"),
                                            SHAPE_END_ROW};
static const struct member VERSIONS_OUT[] = {
    STR("Marker"), LIST_OF("DBEngineVersions", "DBEngineVersion", SHAPE_ENGINE_VERSION), SHAPE_END_ROW};
static const struct filter_row VERSION_FILTERS[] = {
    {"db-parameter-group-family", "DBParameterGroupFamily", false},
    {"engine", "Engine", false},
    {"engine-mode", "_mode", false},
    {"engine-version", "EngineVersion", false},
    {"status", "Status", false},
    {0},
};

static json_t *target_object(const struct engine_version *from, const struct engine_version *to)
{
    char text[VERSION_SIZE];
    (void)version_text(to, text);
    json_t *o = json_pack("{s:s, s:s, s:b, s:b, s:[s], s:b, s:b, s:b, s:b}", "Engine", ENGINE_NAME,
                          "EngineVersion", text, "AutoUpgrade", 0, "IsMajorVersionUpgrade",
                          to->major != from->major, "SupportedEngineModes", "provisioned",
                          "SupportsParallelQuery", 0, "SupportsGlobalDatabases", 1, "SupportsBabelfish",
                          to->major >= 15, "SupportsLocalWriteForwarding", 1);
    rec_printf(o, "Description", "Aurora PostgreSQL (Compatible with PostgreSQL %s)", text);
    return o;
}

static json_t *version_object(const struct offered *all, const struct engine_version *v)
{
    char text[VERSION_SIZE], family[32];
    json_t *targets = json_array();
    for (size_t i = 0; i < all->n; i++)
        if (version_upgradable(v, all->items[i]))
            (void)json_array_append_new(targets, target_object(v, all->items[i]));
    (void)version_text(v, text);
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:[s, s, s], s:b, s:b, s:[s], s:[s, s], s:s, s:b, s:b, s:b, s:b, s:b, "
        "s:b}",
        "Engine", ENGINE_NAME, "EngineVersion", text, "DBParameterGroupFamily", version_family(v, family),
        "DBEngineDescription", "Aurora (PostgreSQL)", "ValidUpgradeTarget", targets, "ExportableLogTypes",
        "postgresql", "iam-db-auth-error", "instance", "SupportsLogExportsToCloudwatchLogs", 1,
        "SupportsReadReplica", 0, "SupportedEngineModes", "provisioned", "SupportedFeatureNames", "s3Import",
        "s3Export", "Status", "available", "SupportsParallelQuery", 0, "SupportsGlobalDatabases", 1,
        "SupportsBabelfish", v->major >= 15, "SupportsLimitlessDatabase", 0,
        "SupportsCertificateRotationWithoutRestart", 1, "SupportsLocalWriteForwarding", 1);
    rec_printf(o, "MajorEngineVersion", "%d", v->major);
    rec_printf(o, "DBEngineVersionDescription", "Aurora PostgreSQL (Compatible with PostgreSQL %s)", text);
    rec_set(o, "SupportedCACertificateIdentifiers",
            json_pack("[s, s, s]", "rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"));
    rec_set(o, "ServerlessV2FeaturesSupport",
            json_pack("{s:f, s:f}", "MinCapacity", version_serverless_min(v), "MaxCapacity",
                      version_serverless_max(v)));
    rec_set_str(o, "_mode", "provisioned");
    return o;
}

/* What filters look at, without the rest of the object. */
static json_t *version_key(const struct engine_version *v)
{
    char text[VERSION_SIZE], family[32];
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "Engine", ENGINE_NAME, "EngineVersion",
                     version_text(v, text), "DBParameterGroupFamily", version_family(v, family), "Status",
                     "available", "_mode", "provisioned");
}

static bool version_wanted(const struct call *c, const struct engine_version *v, const json_t *key)
{
    struct version wanted = {0};
    const char *text = rec_str(c->in, "EngineVersion");
    bool readable = !*text || version_parse(text, &wanted);
    return readable &&
           (!*text || (wanted.major == v->major && (wanted.minor < 0 || wanted.minor == v->minor))) &&
           (!rec_has(c->in, "Engine") || rec_is(c->in, "Engine", ENGINE_NAME)) &&
           (!rec_has(c->in, "DBParameterGroupFamily") ||
            rec_is(key, "DBParameterGroupFamily", rec_str(c->in, "DBParameterGroupFamily"))) &&
           (!rec_bool(c->in, "DefaultOnly") || (*text ? v->major_default : v == version_default(c->sb))) &&
           filters_match(c, VERSION_FILTERS, key);
}

static bool describe_versions(struct call *c)
{
    struct offered all;
    struct page page;
    if (!filters_check(c, VERSION_FILTERS) || !page_open(c, &page))
        return false;
    versions_offered(c->sb, &all);
    for (size_t i = 0; i < all.n; i++) {
        json_t *key = version_key(all.items[i]);
        if (version_wanted(c, all.items[i], key) && page_takes(&page))
            page_add(&page, version_object(&all, all.items[i]));
        json_decref(key);
    }
    page_close(c, &page, "DBEngineVersions");
    return true;
}

/* ---- majors ---- */

static const struct member LIFECYCLE[] = {STR("LifecycleSupportName"), TIME("LifecycleSupportStartDate"),
                                          TIME("LifecycleSupportEndDate"), SHAPE_END_ROW};
static const struct member MAJOR[] = {
    STR("Engine"), STR("MajorEngineVersion"),
    LIST_OF("SupportedEngineLifecycles", "SupportedEngineLifecycle", LIFECYCLE), SHAPE_END_ROW};
static const struct member MAJORS_IN[] = {STR("Engine"), STR("MajorEngineVersion"), STR("Marker"),
                                          INT("MaxRecords"), SHAPE_END_ROW};
static const struct member MAJORS_OUT[] = {LIST_OF("DBMajorEngineVersions", "DBMajorEngineVersion", MAJOR),
                                           STR("Marker"), SHAPE_END_ROW};

/* Days on which standard support begins and ends, and on which Extended Support ends: release calendar of
 * Aurora PostgreSQL. Those of 18 are not published yet and follow the rule of the others. */
static const struct support {
    int major;
    const char *begins, *standard_ends, *extended_begins, *extended_ends;
} SUPPORT[] = {
    {13, "2021-08-26", "2026-02-28", "2026-03-01", "2029-02-28"},
    {14, "2022-06-20", "2027-02-28", "2027-03-01", "2030-02-28"},
    {15, "2023-02-27", "2028-02-29", "2028-03-01", "2031-02-28"},
    {16, "2024-01-31", "2029-02-28", "2029-03-01", "2032-02-29"},
    {17, "2025-05-08", "2030-02-28", "2030-03-01", "2033-02-28"},
    {18, "2026-05-14", "2031-02-28", "2031-03-01", "2034-02-28"},
};

static json_t *lifecycle(const char *name, const char *begins, const char *ends)
{
    json_t *o = json_pack("{s:s}", "LifecycleSupportName", name);
    rec_printf(o, "LifecycleSupportStartDate", "%sT00:00:00Z", begins);
    rec_printf(o, "LifecycleSupportEndDate", "%sT23:59:59Z", ends);
    return o;
}

static json_t *major_object(const struct support *s)
{
    json_t *o =
        json_pack("{s:s, s:[o, o]}", "Engine", ENGINE_NAME, "SupportedEngineLifecycles",
                  lifecycle("open-source-rds-standard-support", s->begins, s->standard_ends),
                  lifecycle("open-source-rds-extended-support", s->extended_begins, s->extended_ends));
    rec_printf(o, "MajorEngineVersion", "%d", s->major);
    return o;
}

static bool describe_majors(struct call *c)
{
    struct page page;
    if (!page_open(c, &page))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(SUPPORT); i++) {
        char text[VERSION_SIZE];
        (void)snprintf(text, sizeof text, "%d", SUPPORT[i].major);
        bool wanted = engine_has_major(c->sb->engine, SUPPORT[i].major) &&
                      (!rec_has(c->in, "Engine") || rec_is(c->in, "Engine", ENGINE_NAME)) &&
                      (!rec_has(c->in, "MajorEngineVersion") || rec_is(c->in, "MajorEngineVersion", text));
        if (wanted && page_takes(&page))
            page_add(&page, major_object(&SUPPORT[i]));
    }
    page_close(c, &page, "DBMajorEngineVersions");
    return true;
}

/* ---- orderable options ---- */

static const struct member ORDERABLE_IN[] = {
    STR_REQUIRED("Engine"),       STR("EngineVersion"), STR("DBInstanceClass"), STR("LicenseModel"),
    STR("AvailabilityZoneGroup"), BOOL("Vpc"),          DESCRIBE_MEMBERS,       SHAPE_END_ROW};
static const struct member ORDERABLE_OUT[] = {
    LIST_OF("OrderableDBInstanceOptions", "OrderableDBInstanceOption", SHAPE_ORDERABLE), STR("Marker"),
    SHAPE_END_ROW};

static json_t *orderable_object(struct sandbox *sb, const struct engine_version *v,
                                const struct instance_class *k)
{
    char text[VERSION_SIZE];
    json_t *zones = json_array();
    for (int i = 0; i < 3; i++)
        (void)json_array_append_new(
            zones, json_pack("{s:o}", "Name", json_sprintf("%s%c", store_region(sb->store), 'a' + i)));
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:b, s:b, s:s, s:b, s:b, s:b, s:b, s:[s], s:b, s:[s, s]}",
        "Engine", ENGINE_NAME, "EngineVersion", version_text(v, text), "DBInstanceClass", k->name,
        "LicenseModel", "postgresql-license", "AvailabilityZones", zones, "MultiAZCapable", 0,
        "ReadReplicaCapable", 0, "Vpc", 1, "SupportsStorageEncryption", 1, "StorageType", "aurora",
        "SupportsIops", 0, "SupportsEnhancedMonitoring", 1, "SupportsIAMDatabaseAuthentication", 1,
        "SupportsPerformanceInsights", 1, "SupportedEngineModes", "provisioned", "SupportsGlobalDatabases", 1,
        "SupportedNetworkTypes", "IPV4", "DUAL");
}

static bool orderable_wanted(const struct call *c, const struct engine_version *v,
                             const struct instance_class *k)
{
    char text[VERSION_SIZE];
    return v->major >= k->first_major && v->major <= k->last_major && rec_is(c->in, "Engine", ENGINE_NAME) &&
           (!rec_has(c->in, "EngineVersion") || rec_is(c->in, "EngineVersion", version_text(v, text))) &&
           (!rec_has(c->in, "DBInstanceClass") || rec_is(c->in, "DBInstanceClass", k->name));
}

static bool describe_orderable(struct call *c)
{
    struct offered all;
    struct page page;
    if (!page_open(c, &page))
        return false;
    versions_offered(c->sb, &all);
    for (size_t i = 0; i < all.n; i++)
        for (size_t k = 0; k < CLASS_COUNT; k++)
            if (orderable_wanted(c, all.items[i], &CLASSES[k]) && page_takes(&page))
                page_add(&page, orderable_object(c->sb, all.items[i], &CLASSES[k]));
    page_close(c, &page, "OrderableDBInstanceOptions");
    return true;
}

const struct op OPS_VERSION[] = {
    {"rds", "DescribeDBEngineVersions", VERSIONS_IN, VERSIONS_OUT, .run = describe_versions,
     .flags = OP_READS},
    {"rds", "DescribeDBMajorEngineVersions", MAJORS_IN, MAJORS_OUT, .run = describe_majors,
     .flags = OP_READS},
    {"rds", "DescribeOrderableDBInstanceOptions", ORDERABLE_IN, ORDERABLE_OUT, .run = describe_orderable,
     .flags = OP_READS},
    {0},
};
