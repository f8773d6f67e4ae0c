#include "acceptance-tests/sandbox/dns.h"

#include <ctype.h>
#include <string.h>

enum { NAME_MAX_BYTES = 255, LABEL_MAX = 63, CHANGES_MAX = 1000, VALUES_BYTES_MAX = 32000 };
#define TTL_MAX 2147483647LL

static const char *const TYPES[] = {"A",   "AAAA", "CAA", "CNAME", "DS",    "HTTPS", "MX",   "NAPTR", "NS",
                                    "PTR", "SOA",  "SPF", "SRV",   "SSHFP", "SVCB",  "TLSA", "TXT"};

/* ---- names ---- */

static bool is_label(const char *p, size_t n)
{
    if (n == 0 || n > LABEL_MAX || p[0] == '-' || p[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)p[i]) && p[i] != '-' && p[i] != '_')
            return false;
    return true;
}

const char *dns_name(struct arena *a, const char *text)
{
    size_t n = strlen(text);
    char *name = arena_printf(a, "%s%s", text, n > 0 && text[n - 1] == '.' ? "" : ".");
    bool wild = strncmp(name, "*.", 2) == 0 || strncmp(name, "\\052.", 5) == 0;
    const char *rest = wild ? strchr(name, '.') + 1 : name;
    if (n == 0 || strlen(name) > NAME_MAX_BYTES)
        return NULL;
    for (const char *p = rest; *p; p = strchr(p, '.') + 1)
        if (!is_label(p, strcspn(p, ".")))
            return NULL;
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return wild ? arena_printf(a, "\\052.%s", rest) : name;
}

/* The label that ends at `end` (a dot), and where the one before it ends. */
static const char *label_before(const char *name, const char *end)
{
    const char *p = end;
    while (p > name && p[-1] != '.')
        p--;
    return p;
}

int dns_compare(const char *a, const char *b)
{
    const char *x = a + strlen(a), *y = b + strlen(b);
    while (x > a && y > b) {
        const char *p = label_before(a, --x), *q = label_before(b, --y);
        size_t n = (size_t)(x - p), m = (size_t)(y - q);
        int order = memcmp(p, q, n < m ? n : m);
        if (order == 0)
            order = (n > m) - (n < m);
        if (order != 0)
            return order;
        x = p;
        y = q;
    }
    return (x > a) - (y > b);
}

bool dns_is_within(const char *name, const char *zone)
{
    size_t n = strlen(name), m = strlen(zone);
    return n >= m && strcmp(name + n - m, zone) == 0 && (n == m || name[n - m - 1] == '.');
}

/* ---- record sets ---- */

static int compare_sets(const json_t *a, const json_t *b)
{
    int order = dns_compare(rec_str(a, "Name"), rec_str(b, "Name"));
    order = order ? order : strcmp(rec_str(a, "Type"), rec_str(b, "Type"));
    return order ? order : strcmp(rec_str(a, "SetIdentifier"), rec_str(b, "SetIdentifier"));
}

/* Where it is; where it would be with *ret_there false. */
static size_t place_of(const json_t *records, const json_t *set, bool *ret_there)
{
    size_t i = 0;
    while (i < json_array_size(records) && compare_sets(json_array_get(records, i), set) < 0)
        i++;
    *ret_there = i < json_array_size(records) && compare_sets(json_array_get(records, i), set) == 0;
    return i;
}

static bool has_value(const json_t *values, const json_t *value)
{
    size_t i;
    json_t *one;
    json_array_foreach(values, i, one)
    {
        if (json_equal(one, value))
            return true;
    }
    return false;
}

/* Values in any order, all else as it is. */
static bool same_set(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *member, *value;
    size_t i;
    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)a, key, member)
    {
        const json_t *other = json_object_get(b, key);
        if (strcmp(key, "ResourceRecords") != 0 && !json_equal(member, other))
            return false;
    }
    const json_t *others = rec_get(b, "ResourceRecords");
    json_array_foreach(rec_get(a, "ResourceRecords"), i, value)
    {
        if (!has_value(others, value))
            return false;
    }
    return json_array_size(rec_get(a, "ResourceRecords")) == json_array_size(others);
}

static json_t *make_set(const char *name, const char *type, int ttl)
{
    return json_pack("{s:s, s:s, s:i, s:[]}", "Name", name, "Type", type, "TTL", ttl, "ResourceRecords");
}

void dns_seed(json_t *zone, const char *const *servers, size_t n)
{
    enum { NS_TTL = 172800, SOA_TTL = 900 };
    json_t *ns = make_set(rec_str(zone, "Name"), "NS", NS_TTL), *value = json_object();
    json_t *soa = make_set(rec_str(zone, "Name"), "SOA", SOA_TTL);
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(rec_get(ns, "ResourceRecords"),
                                    json_pack("{s:s+}", "Value", servers[i], "."));
    rec_printf(value, "Value", "%s. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400", servers[0]);
    (void)json_array_append_new(rec_get(soa, "ResourceRecords"), value);
    (void)json_array_append_new(rec_list(zone, "_records"), ns);
    (void)json_array_append_new(rec_list(zone, "_records"), soa);
}

/* ---- one change ---- */

struct batch {
    struct call *call;
    const char *zone;
    json_t *records; /* a copy: what they become */
    size_t bytes;
};

static bool refuse(struct batch *b, const char *what, const json_t *set, const char *why)
{
    return fault_set(&b->call->fault, "InvalidChangeBatch", "[%s [name='%s', type='%s'] but %s]", what,
                     rec_str(set, "Name"), rec_str(set, "Type"), why);
}

static bool not_permitted(struct batch *b, const json_t *set, const char *why)
{
    return fault_set(&b->call->fault, "InvalidChangeBatch",
                     "[RRSet of type %s with DNS name %s is not permitted %s zone %s]", rec_str(set, "Type"),
                     rec_str(set, "Name"), why, b->zone);
}

static bool is_known_type(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++)
        if (strcmp(TYPES[i], type) == 0)
            return true;
    return false;
}

static bool check_values(struct batch *b, const json_t *set)
{
    const json_t *values = rec_get(set, "ResourceRecords");
    bool is_cname = rec_is(set, "Type", "CNAME");
    size_t i;
    json_t *value;
    if (is_cname && json_array_size(values) != 1)
        return fault_set(&b->call->fault, "InvalidChangeBatch",
                         "[A CNAME resource record set %s must have exactly one value]",
                         rec_str(set, "Name"));
    json_array_foreach(values, i, value)
    {
        const char *text = rec_str(value, "Value");
        b->bytes += strlen(text);
        if (!*text || (is_cname && !dns_name(b->call->arena, text)))
            return fault_set(
                &b->call->fault, "InvalidChangeBatch",
                "[Invalid Resource Record: 'FATAL problem: UnsupportedCharacter (Value contains unsupported "
                "characters) encountered with '%.100s'']",
                text);
    }
    return b->bytes <= VALUES_BYTES_MAX ||
           fault_set(&b->call->fault, "InvalidChangeBatch", "[Number of characters limit of %d exceeded.]",
                     VALUES_BYTES_MAX);
}

/* Either an alias, or values with a time to live. */
static bool check_form(struct batch *b, const json_t *set)
{
    bool is_alias = rec_has(set, "AliasTarget"), has_ttl = rec_has(set, "TTL");
    bool has_values = json_array_size(rec_get(set, "ResourceRecords")) > 0;
    int64_t ttl = rec_int(set, "TTL");
    if (!is_known_type(rec_str(set, "Type")))
        return fault_set(&b->call->fault, "InvalidInput",
                         "Invalid XML ; cvc-enumeration-valid: Value '%.20s' is not facet-valid with respect "
                         "to the enumeration of record types.",
                         rec_str(set, "Type"));
    if (is_alias ? has_values || has_ttl : !has_values || !has_ttl)
        return fault_set(
            &b->call->fault, "InvalidInput",
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and "
            "ResourceRecords], or TrafficPolicyInstanceId], but found %s in Change with [Name=%s, "
            "Type=%s]",
            is_alias     ? "more than one"
            : has_values ? "ResourceRecords without TTL"
                         : "none",
            rec_str(set, "Name"), rec_str(set, "Type"));
    if (ttl < 0 || ttl > TTL_MAX)
        return fault_set(&b->call->fault, "InvalidInput", "Invalid XML ; TTL %lld is out of range.",
                         (long long)ttl);
    return true;
}

/* A CNAME stands alone under its name, and not at the zone's own. */
static bool check_place(struct batch *b, const json_t *set)
{
    const char *name = rec_str(set, "Name");
    bool is_cname = rec_is(set, "Type", "CNAME");
    size_t i;
    json_t *other;
    if (is_cname && strcmp(name, b->zone) == 0)
        return not_permitted(b, set, "at apex in");
    json_array_foreach(b->records, i, other)
    {
        if (!rec_is(other, "Name", name))
            continue;
        bool other_is_cname = rec_is(other, "Type", "CNAME");
        if (is_cname && !other_is_cname)
            return not_permitted(b, set, "as it conflicts with other records with the same DNS name in");
        if (!is_cname && other_is_cname)
            return not_permitted(
                b, set,
                "because a conflicting RRSet of type  CNAME with the same DNS name already exists in");
        if (rec_is(other, "Type", rec_str(set, "Type")) &&
            rec_has(other, "SetIdentifier") != rec_has(set, "SetIdentifier"))
            return not_permitted(b, set, "as a simple and a routed record cannot share a name in");
    }
    return true;
}

static bool create_set(struct batch *b, json_t *set, bool may_replace)
{
    bool there = false;
    size_t i = place_of(b->records, set, &there);
    if (there && !may_replace)
        return refuse(b, "Tried to create resource record set", set, "it already exists");
    if (!check_form(b, set) || !check_values(b, set) || !check_place(b, set))
        return false;
    if (there)
        (void)json_array_set(b->records, i, set);
    else
        (void)json_array_insert(b->records, i, set);
    return true;
}

static bool delete_set(struct batch *b, const json_t *set)
{
    bool there = false;
    size_t i = place_of(b->records, set, &there);
    bool is_own = rec_is(set, "Name", b->zone) && (rec_is(set, "Type", "NS") || rec_is(set, "Type", "SOA"));
    if (!there)
        return refuse(b, "Tried to delete resource record set", set, "it was not found");
    if (!same_set(json_array_get(b->records, i), set))
        return refuse(b, "Tried to delete resource record set", set,
                      "the values provided do not match the current values");
    if (is_own)
        return fault_set(
            &b->call->fault, "InvalidChangeBatch",
            "[A HostedZone must contain at least one NS record for the zone itself., A HostedZone "
            "must contain exactly one SOA record.]");
    (void)json_array_remove(b->records, i);
    return true;
}

static bool apply(struct batch *b, const json_t *change)
{
    const char *action = rec_str(change, "Action");
    json_t *set = rec_get(change, "ResourceRecordSet");
    const char *name = dns_name(b->call->arena, rec_str(set, "Name"));
    if (!name || !dns_is_within(name, b->zone))
        return fault_set(&b->call->fault, "InvalidChangeBatch",
                         "[RRSet with DNS name %.260s is not permitted in zone %s]", rec_str(set, "Name"),
                         b->zone);
    rec_set_str(set, "Name", name);
    if (strcmp(action, "DELETE") == 0)
        return delete_set(b, set);
    if (strcmp(action, "CREATE") == 0 || strcmp(action, "UPSERT") == 0)
        return create_set(b, set, *action == 'U');
    return fault_set(&b->call->fault, "InvalidInput",
                     "Invalid XML ; cvc-enumeration-valid: Value '%.20s' is not facet-valid with respect to "
                     "enumeration '[CREATE, DELETE, UPSERT]'. It must be a value from the enumeration.",
                     action);
}

bool dns_change(struct call *c, json_t *zone, const json_t *changes)
{
    size_t i, n = json_array_size(changes);
    json_t *change;
    struct batch b = {.call = c, .zone = rec_str(zone, "Name")};
    if (n == 0 || n > CHANGES_MAX)
        return fault_set(&c->fault, "InvalidChangeBatch", "[The batch has %zu changes, not 1 to %d]", n,
                         CHANGES_MAX);
    b.records = json_deep_copy(rec_list(zone, "_records"));
    bool ok = true;
    json_array_foreach(changes, i, change) ok = ok && apply(&b, change);
    if (ok)
        rec_set(zone, "_records", json_incref(b.records));
    json_decref(b.records);
    return ok;
}
