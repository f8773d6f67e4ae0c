/* Route 53: hosted zones, their records, and changes on their way to every server. */
#include "acceptance-tests/sandbox/describe.h"
#include "acceptance-tests/sandbox/dns.h"
#include "acceptance-tests/sandbox/jobs.h"
#include "internal/base/file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { ID_LETTERS = 20, CHANGES_KEPT = 1000, PAGE_MAX = 300, SECOND_MS = 1000 };

static const char *const SERVERS[] = {"ns-2048.awsdns-64.com", "ns-2049.awsdns-65.net",
                                      "ns-2050.awsdns-66.org", "ns-2051.awsdns-67.co.uk"};

/* ---- shapes ---- */

static const struct member VALUE[] = {STR_REQUIRED("Value"), SHAPE_END_ROW};
static const struct member ALIAS[] = {STR_REQUIRED("HostedZoneId"), STR_REQUIRED("DNSName"),
                                      BOOL("EvaluateTargetHealth"), SHAPE_END_ROW};
static const struct member RECORD_SET[] = {STR_REQUIRED("Name"),
                                           STR_REQUIRED("Type"),
                                           STR("SetIdentifier"),
                                           INT("Weight"),
                                           STR("Region"),
                                           STR("Failover"),
                                           BOOL("MultiValueAnswer"),
                                           INT("TTL"),
                                           LIST_OF("ResourceRecords", "ResourceRecord", VALUE),
                                           STRUCT_OF("AliasTarget", ALIAS),
                                           STR("HealthCheckId"),
                                           STR("TrafficPolicyInstanceId"),
                                           SHAPE_END_ROW};
static const struct member CHANGE[] = {
    STR_REQUIRED("Action"),
    {.name = "ResourceRecordSet", .kind = SHAPE_STRUCT, .required = true, .fields = RECORD_SET},
    SHAPE_END_ROW};
static const struct member BATCH[] = {
    STR("Comment"),
    {.name = "Changes", .kind = SHAPE_LIST, .required = true, .element = "Change", .fields = CHANGE},
    SHAPE_END_ROW};
static const struct member CHANGE_IN[] = {
    {.name = "ChangeBatch", .kind = SHAPE_STRUCT, .required = true, .fields = BATCH}, SHAPE_END_ROW};
static const struct member CHANGE_INFO[] = {STR("Id"), STR("Status"), TIME("SubmittedAt"), STR("Comment"),
                                            SHAPE_END_ROW};
static const struct member CHANGE_OUT[] = {STRUCT_OF("ChangeInfo", CHANGE_INFO), SHAPE_END_ROW};

static const struct member CONFIG[] = {STR("Comment"), BOOL("PrivateZone"), SHAPE_END_ROW};
static const struct member VPC[] = {STR("VPCRegion"), STR("VPCId"), SHAPE_END_ROW};
static const struct member ZONE[] = {STR("Id"),
                                     STR("Name"),
                                     STR("CallerReference"),
                                     STRUCT_OF("Config", CONFIG),
                                     INT("ResourceRecordSetCount"),
                                     SHAPE_END_ROW};
static const struct member DELEGATION[] = {LIST("NameServers", "NameServer"), SHAPE_END_ROW};
static const struct member CREATE_IN[] = {STR_REQUIRED("Name"), STRUCT_OF("VPC", VPC),
                                          STR_REQUIRED("CallerReference"),
                                          STRUCT_OF("HostedZoneConfig", CONFIG), SHAPE_END_ROW};
static const struct member CREATE_OUT[] = {
    STRUCT_OF("HostedZone", ZONE), STRUCT_OF("ChangeInfo", CHANGE_INFO),
    STRUCT_OF("DelegationSet", DELEGATION), STRUCT_OF("VPC", VPC), SHAPE_END_ROW};
static const struct member GET_OUT[] = {STRUCT_OF("HostedZone", ZONE), STRUCT_OF("DelegationSet", DELEGATION),
                                        LIST_OF("VPCs", "VPC", VPC), SHAPE_END_ROW};
static const struct member ZONES_OUT[] = {LIST_OF("HostedZones", "HostedZone", ZONE), STR("Marker"),
                                          BOOL("IsTruncated"), STR("MaxItems"), SHAPE_END_ROW};
static const struct member ZONES_IN[] = {STR("maxitems"), STR("marker"), SHAPE_END_ROW};
static const struct member LIST_IN[] = {STR("name"), STR("type"), STR("identifier"), STR("maxitems"),
                                        SHAPE_END_ROW};
static const struct member LIST_OUT[] = {LIST_OF("ResourceRecordSets", "ResourceRecordSet", RECORD_SET),
                                         BOOL("IsTruncated"),
                                         STR("NextRecordName"),
                                         STR("NextRecordType"),
                                         STR("NextRecordIdentifier"),
                                         STR("MaxItems"),
                                         SHAPE_END_ROW};
static const struct member NOTHING[] = {SHAPE_END_ROW};

/* ---- what every call has ---- */

/* Five requests a second and account, whatever the speed. */
static bool within_rate(struct call *c)
{
    int64_t now = c->sb->clock->mono_ms(c->sb->clock), *oldest = &c->sb->dns_calls[0];
    for (size_t i = 1; i < ARRAY_LEN(c->sb->dns_calls); i++)
        if (c->sb->dns_calls[i] < *oldest)
            oldest = &c->sb->dns_calls[i];
    if (*oldest > 0 && now - *oldest < SECOND_MS)
        return fault_set(&c->fault, "Throttling", "Rate exceeded");
    *oldest = now;
    return true;
}

static const char *bare(const char *id)
{
    const char *slash = strrchr(id, '/');
    return slash ? slash + 1 : id;
}

static json_t *need_zone(struct call *c)
{
    const char *id = rec_str(c->in, "Id");
    json_t *zone =
        store_find_by(c->sb->store, KIND_ZONE, "Id", arena_printf(c->arena, "/hostedzone/%s", bare(id)));
    if (!zone)
        (void)fault_set(&c->fault, "NoSuchHostedZone", "No hosted zone found with ID: %.60s", id);
    return zone;
}

static const char *new_id(struct arena *a, const char *prefix)
{
    char id[ID_LETTERS + 1];
    random_name(id, ID_LETTERS);
    for (char *p = id; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return arena_printf(a, "%s%s", prefix, id);
}

/* ---- changes ---- */

static json_t *changes(struct sandbox *sb)
{
    return rec_list(store_root(sb->store), "dns_changes");
}

static json_t *find_change(struct sandbox *sb, const char *id)
{
    size_t i;
    json_t *change;
    json_array_foreach(changes(sb), i, change)
    {
        if (strcmp(bare(rec_str(change, "Id")), bare(id)) == 0)
            return change;
    }
    return NULL;
}

static bool in_sync(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    json_t *change = find_change(j->sb, rec_str(j->args, "id"));
    if (change)
        rec_set_str(change, "Status", "INSYNC");
    sandbox_unlock(j->sb);
    return true;
}

static const struct job_step PROPAGATE[] = {{"propagate", DELAY_DNS_CHANGE, in_sync}, {0}};
const struct job_kind JOB_DNS_CHANGE = {"dns-change", PROPAGATE, NULL};

static void submit(struct call *c, const char *comment)
{
    char now[TIME_ISO_SIZE];
    const char *id = new_id(c->arena, "/change/C");
    time_iso(c->sb->clock->wall_ms(c->sb->clock), true, now);
    json_t *change = json_pack("{s:s, s:s, s:s}", "Id", id, "Status", "PENDING", "SubmittedAt", now);
    if (*comment)
        rec_set_str(change, "Comment", comment);
    rec_set(c->out, "ChangeInfo", json_copy(change));
    if (json_array_size(changes(c->sb)) >= CHANGES_KEPT)
        (void)json_array_remove(changes(c->sb), 0);
    (void)json_array_append_new(changes(c->sb), change);
    job_start(c->sb, &JOB_DNS_CHANGE, json_pack("{s:s}", "id", id));
}

static bool get_change(struct call *c)
{
    if (!within_rate(c))
        return false;
    json_t *change = find_change(c->sb, rec_str(c->in, "Id"));
    if (!change)
        return fault_set(&c->fault, "NoSuchChange", "Could not find resource with ID: %.60s",
                         rec_str(c->in, "Id"));
    rec_set(c->out, "ChangeInfo", json_copy(change));
    return true;
}

static bool change_records(struct call *c)
{
    json_t *zone = within_rate(c) ? need_zone(c) : NULL;
    const json_t *batch = rec_get(c->in, "ChangeBatch");
    if (!zone || !dns_change(c, zone, rec_get(batch, "Changes")))
        return false;
    submit(c, rec_str(batch, "Comment"));
    return true;
}

/* ---- zones ---- */

static json_t *view_zone(const json_t *zone)
{
    json_t *shown = json_copy((json_t *)zone);
    rec_set_int(shown, "ResourceRecordSetCount", (int64_t)json_array_size(rec_get(zone, "_records")));
    return shown;
}

static json_t *name_servers(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(SERVERS); i++)
        (void)json_array_append_new(list, json_string(SERVERS[i]));
    return json_pack("{s:o}", "NameServers", list);
}

static bool check_new(struct call *c, const char *name, bool is_private)
{
    if (!name || strcmp(name, ".") == 0 || !strchr(name, '.'))
        return fault_set(&c->fault, "InvalidDomainName", "%.100s is not a valid domain name",
                         rec_str(c->in, "Name"));
    if (is_private != rec_has(c->in, "VPC"))
        return fault_set(
            &c->fault, "InvalidInput",
            "When you're creating a private hosted zone (when you specify true for PrivateZone), "
            "you must also specify values for VPCId and VPCRegion.");
    if (store_find_by(c->sb->store, KIND_ZONE, "CallerReference", rec_str(c->in, "CallerReference")))
        return fault_set(&c->fault, "HostedZoneAlreadyExists",
                         "A hosted zone has already been created with the specified caller reference.");
    return true;
}

static bool create_zone(struct call *c)
{
    const json_t *config = rec_get(c->in, "HostedZoneConfig");
    const char *name = dns_name(c->arena, rec_str(c->in, "Name"));
    bool is_private = rec_bool(config, "PrivateZone") || rec_has(c->in, "VPC");
    if (!within_rate(c) || !check_new(c, name, is_private))
        return false;
    json_t *zone =
        json_pack("{s:s, s:s, s:s, s:{s:b}}", "Id", new_id(c->arena, "/hostedzone/Z"), "Name", name,
                  "CallerReference", rec_str(c->in, "CallerReference"), "Config", "PrivateZone", is_private);
    if (rec_has(config, "Comment"))
        rec_copy(rec_get(zone, "Config"), config, "Comment");
    if (is_private)
        rec_set(zone, "_vpcs", json_pack("[O]", rec_get(c->in, "VPC")));
    dns_seed(zone, SERVERS, ARRAY_LEN(SERVERS));
    (void)store_add(c->sb->store, KIND_ZONE, zone);
    rec_set(c->out, "HostedZone", view_zone(zone));
    if (!is_private)
        rec_set(c->out, "DelegationSet", name_servers());
    rec_copy(c->out, c->in, "VPC");
    submit(c, "");
    return true;
}

static bool get_zone(struct call *c)
{
    const json_t *zone = within_rate(c) ? need_zone(c) : NULL;
    if (!zone)
        return false;
    rec_set(c->out, "HostedZone", view_zone(zone));
    if (rec_has(zone, "_vpcs"))
        rec_set(c->out, "VPCs", json_incref(rec_get(zone, "_vpcs")));
    else
        rec_set(c->out, "DelegationSet", name_servers());
    return true;
}

static bool delete_zone(struct call *c)
{
    json_t *zone = within_rate(c) ? need_zone(c) : NULL;
    enum { OWN = 2 }; /* NS and SOA */
    if (!zone)
        return false;
    if (json_array_size(rec_get(zone, "_records")) > OWN)
        return fault_set(&c->fault, "HostedZoneNotEmpty",
                         "The specified hosted zone contains non-required resource record sets and so cannot "
                         "be deleted.");
    store_remove(c->sb->store, KIND_ZONE, zone);
    submit(c, "");
    return true;
}

/* ---- listings ---- */

static bool page_size(struct call *c, size_t *ret)
{
    const char *text = rec_str(c->in, "maxitems");
    char *end = NULL;
    unsigned long n = strtoul(text, &end, 10);
    if (*text && (!isdigit((unsigned char)*text) || *end || n == 0))
        return fault_set(&c->fault, "InvalidInput", "1 validation error detected: maxitems is '%.20s'", text);
    *ret = *text && n < PAGE_MAX ? n : PAGE_MAX;
    if (c->page_limit > 0 && c->page_limit < *ret)
        *ret = c->page_limit;
    rec_printf(c->out, "MaxItems", "%zu", *ret);
    return true;
}

/* Zones by id; the marker is the first id of the next page. */
static bool list_zones(struct call *c)
{
    const char *marker = rec_str(c->in, "marker");
    json_t *shown = json_array(), *zone;
    size_t i, size = 0;
    rec_set(c->out, "HostedZones", shown);
    rec_set_str(c->out, "Marker", marker);
    rec_set_bool(c->out, "IsTruncated", false);
    if (!within_rate(c) || !page_size(c, &size))
        return false;
    bool begun = !*marker;
    json_array_foreach(store_list(c->sb->store, KIND_ZONE), i, zone)
    {
        begun = begun || strcmp(bare(rec_str(zone, "Id")), marker) == 0;
        if (begun && json_array_size(shown) < size)
            (void)json_array_append_new(shown, view_zone(zone));
        else if (begun)
            rec_set_bool(c->out, "IsTruncated", true);
    }
    return true;
}

/* Does a listing that begins at `from` have it? */
static bool is_behind(const struct call *c, const char *from, const json_t *set)
{
    const char *type = rec_str(c->in, "type"), *id = rec_str(c->in, "identifier");
    int order = *from ? dns_compare(rec_str(set, "Name"), from) : 1;
    order = order || !*type ? order : strcmp(rec_str(set, "Type"), type);
    order = order || !*id ? order : strcmp(rec_str(set, "SetIdentifier"), id);
    return order >= 0;
}

static void point_to_next(struct call *c, const json_t *set)
{
    rec_set_bool(c->out, "IsTruncated", true);
    rec_set_str(c->out, "NextRecordName", rec_str(set, "Name"));
    rec_set_str(c->out, "NextRecordType", rec_str(set, "Type"));
    if (rec_has(set, "SetIdentifier"))
        rec_set_str(c->out, "NextRecordIdentifier", rec_str(set, "SetIdentifier"));
}

static bool list_records(struct call *c)
{
    const json_t *zone = within_rate(c) ? need_zone(c) : NULL;
    const char *text = rec_str(c->in, "name"), *from = *text ? dns_name(c->arena, text) : "";
    json_t *shown = json_array(), *set;
    size_t i, size = 0;
    rec_set(c->out, "ResourceRecordSets", shown);
    rec_set_bool(c->out, "IsTruncated", false);
    if (!zone || !page_size(c, &size))
        return false;
    if (!from || (!*text && rec_has(c->in, "type")) ||
        (!rec_has(c->in, "type") && rec_has(c->in, "identifier")))
        return fault_set(&c->fault, "InvalidInput", "The input is not valid: name, type and identifier");
    json_array_foreach(rec_get(zone, "_records"), i, set)
    {
        if (!is_behind(c, from, set))
            continue;
        if (json_array_size(shown) == size) {
            point_to_next(c, set);
            break;
        }
        (void)json_array_append(shown, set);
    }
    return true;
}

#define ROUTE53(a, m, p) .service = "route53", .action = (a), .method = (m), .path = "/2013-04-01/" p

const struct op OPS_DNS[] = {
    {ROUTE53("CreateHostedZone", "POST", "hostedzone"), .body = "CreateHostedZoneRequest", .in = CREATE_IN,
     .out = CREATE_OUT, .run = create_zone, .status = 201},
    {ROUTE53("ListHostedZones", "GET", "hostedzone"), .in = ZONES_IN, .out = ZONES_OUT, .run = list_zones,
     .flags = OP_READS},
    {ROUTE53("GetHostedZone", "GET", "hostedzone/{Id}"), .in = NOTHING, .out = GET_OUT, .run = get_zone,
     .flags = OP_READS},
    {ROUTE53("DeleteHostedZone", "DELETE", "hostedzone/{Id}"), .in = NOTHING, .out = CHANGE_OUT,
     .run = delete_zone},
    {ROUTE53("ListResourceRecordSets", "GET", "hostedzone/{Id}/rrset"), .in = LIST_IN, .out = LIST_OUT,
     .run = list_records, .flags = OP_READS},
    {ROUTE53("ChangeResourceRecordSets", "POST", "hostedzone/{Id}/rrset"),
     .body = "ChangeResourceRecordSetsRequest", .in = CHANGE_IN, .out = CHANGE_OUT, .run = change_records},
    {ROUTE53("GetChange", "GET", "change/{Id}"), .in = NOTHING, .out = CHANGE_OUT, .run = get_change,
     .flags = OP_READS},
    {0},
};
