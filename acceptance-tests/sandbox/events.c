#include "acceptance-tests/sandbox/events.h"

#include "acceptance-tests/sandbox/describe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const SOURCE_TYPES[KIND_COUNT] = {
    [KIND_CLUSTER] = "db-cluster",
    [KIND_INSTANCE] = "db-instance",
    [KIND_SNAPSHOT] = "db-cluster-snapshot",
    [KIND_CLUSTER_GROUP] = "db-parameter-group",
    [KIND_INSTANCE_GROUP] = "db-parameter-group",
    [KIND_BLUEGREEN] = "blue-green-deployment",
};

void event_add(struct sandbox *sb, enum kind kind, const json_t *source, const char *category,
               const char *fmt, ...)
{
    char text[2048], now[TIME_ISO_SIZE];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sandbox_now(sb, now);
    json_t *event =
        json_pack("{s:s, s:s, s:s, s:[s], s:s, s:s}", "SourceIdentifier", rec_str(source, KINDS[kind].id),
                  "SourceType", SOURCE_TYPES[kind] ? SOURCE_TYPES[kind] : "db-cluster", "Message", text,
                  "EventCategories", category, "Date", now, "SourceArn", rec_str(source, KINDS[kind].arn));
    json_t *events = rec_list(store_root(sb->store), "events");
    (void)json_array_append_new(events, event);
    if (json_array_size(events) > EVENTS_MAX)
        (void)json_array_remove(events, 0);
}

/* ---- DescribeEvents ---- */

static const struct member EVENTS_IN[] = {STR("SourceIdentifier"), STR("SourceType"),
                                          TIME("StartTime"),       TIME("EndTime"),
                                          INT("Duration"),         LIST("EventCategories", "EventCategory"),
                                          DESCRIBE_MEMBERS,        SHAPE_END_ROW};
static const struct member EVENTS_OUT[] = {STR("Marker"), LIST_OF("Events", "Event", SHAPE_EVENT),
                                           SHAPE_END_ROW};

struct window {
    int64_t from, to;
};

/* Without times: the last hour. Duration in minutes. */
static struct window window_of(const struct call *c)
{
    int64_t now = c->sb->clock->wall_ms(c->sb->clock), at;
    int64_t minutes = rec_has(c->in, "Duration") ? rec_int(c->in, "Duration") : 60;
    struct window w = {now - minutes * 60000, now};
    if (rec_has(c->in, "StartTime") && time_parse_iso(rec_str(c->in, "StartTime"), &at))
        w.from = at;
    if (rec_has(c->in, "EndTime") && time_parse_iso(rec_str(c->in, "EndTime"), &at))
        w.to = at;
    return w;
}

static bool event_wanted(const struct call *c, struct window w, const json_t *event)
{
    int64_t at = 0;
    const json_t *categories = rec_get(c->in, "EventCategories");
    const char *category = json_string_value(json_array_get(rec_get(event, "EventCategories"), 0));
    return time_parse_iso(rec_str(event, "Date"), &at) && at >= w.from && at <= w.to &&
           (!rec_has(c->in, "SourceType") || rec_same(event, "SourceType", rec_str(c->in, "SourceType"))) &&
           (!rec_has(c->in, "SourceIdentifier") ||
            rec_same(event, "SourceIdentifier", rec_str(c->in, "SourceIdentifier"))) &&
           (!categories || list_has(categories, category ? category : ""));
}

static bool describe_events(struct call *c)
{
    size_t i;
    json_t *event, *all = json_array();
    if (rec_has(c->in, "SourceIdentifier") && !rec_has(c->in, "SourceType")) {
        json_decref(all);
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "The parameter SourceType must be provided when SourceIdentifier is provided.");
    }
    struct window w = window_of(c);
    json_array_foreach(rec_get(store_root(c->sb->store), "events"), i, event)
    {
        if (event_wanted(c, w, event))
            (void)json_array_append(all, event);
    }
    return paginate(c, all, "Events");
}

const struct op OPS_EVENTS[] = {
    {"rds", "DescribeEvents", EVENTS_IN, EVENTS_OUT, .run = describe_events, .flags = OP_READS},
    {0},
};
