/* Between Terraform's values and the domain, both ways. */
#include "internal/base/log.h"
#include "internal/upgrade/errors.h"
#include "internal/upgrade/roll_back.h"
#include "internal/upgrade/tags.h"
#include "provider/staging.h"
#include "provider/upgrade_resource.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LAG_DEFAULT = 16 << 20, OUTAGE_DEFAULT_S = 300, RECORD_TTL_DEFAULT = 5 };
static const int64_t RETAINED_WAL_DEFAULT = 100LL << 30;

enum flow_stage stage_of(const struct value *attrs, const char *name)
{
    enum flow_stage s = STAGE_NONE;
    return stage_parse(value_as_text(value_get(attrs, name), "none"), &s) ? s : STAGE_NONE;
}

/* ---- configuration → request ---- */

static const char *text_at(struct arena *a, const struct value *attrs, const char *path)
{
    const char *text = value_as_text(value_path(attrs, path), NULL);
    return text && text[0] ? arena_strdup(a, text) : NULL;
}

static int64_t duration_at(const struct value *attrs, const char *path, int64_t otherwise)
{
    int64_t ms = otherwise;
    const char *text = value_as_text(value_path(attrs, path), NULL);
    return text && duration_parse(text, &ms) ? ms : otherwise;
}

static const char *lower(struct arena *a, const char *text)
{
    char *copy = arena_strdup(a, text);
    for (char *p = copy; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return copy;
}

static const char *const *strings_at(struct arena *a, const struct value *attrs, const char *path)
{
    const struct value *list = value_path(attrs, path);
    size_t n = list->kind == VALUE_LIST ? list->count : 0;
    const char **out = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = value_as_text(list->items[i], "");
    return out;
}

static void read_queries(struct arena *a, const struct value *attrs, struct request *r)
{
    const struct value *list = value_path(attrs, "validation.query");
    if (list->kind != VALUE_LIST || list->count == 0)
        return;
    struct validation_query *q = ARENA_ARRAY(a, struct validation_query, list->count);
    for (size_t i = 0; i < list->count; i++)
        q[i] =
            (struct validation_query){text_at(a, list->items[i], "name"), text_at(a, list->items[i], "sql")};
    r->queries = q;
    r->query_count = list->count;
}

static enum on_destroy destroy_way(const struct value *attrs)
{
    const char *way = value_as_text(value_get(attrs, "on_destroy"), "refuse");
    return strcmp(way, "keep_old") == 0     ? DESTROY_KEEP_OLD
           : strcmp(way, "delete_old") == 0 ? DESTROY_DELETE_OLD
                                            : DESTROY_REFUSE;
}

static enum rows_mode rows_mode_at(const struct value *attrs)
{
    const char *mode = value_as_text(value_path(attrs, "validation.mode"), "");
    return strcmp(mode, "full") == 0     ? ROWS_FULL
           : strcmp(mode, "sample") == 0 ? ROWS_SAMPLE
           : strcmp(mode, "counts") == 0 ? ROWS_COUNTS
                                         : ROWS_USUAL;
}

static struct record_request read_record(struct arena *a, const struct value *attrs)
{
    const char *zone = text_at(a, attrs, "cutover.route53.zone_id");
    const char *slash = zone ? strrchr(zone, '/') : NULL;
    return (struct record_request){
        .is_led = strcmp(value_as_text(value_path(attrs, "cutover.endpoint"), ""), "route53") == 0,
        .zone = slash ? slash + 1 : zone,
        .name = text_at(a, attrs, "cutover.route53.record"),
        .ttl = (int)value_as_int(value_path(attrs, "cutover.route53.ttl"), RECORD_TTL_DEFAULT)};
}

static void read_request(struct tf_call *c, const struct value *attrs, struct request *r)
{
    struct arena *a = c->arena;
    const char *lag = value_as_text(value_path(attrs, "cutover.max_lag"), NULL);
    const char *retained = value_as_text(value_get(attrs, "max_retained_wal"), NULL);
    const struct value *sessions = value_path(attrs, "validation.max_connections");
    const struct value *capacity = value_get(attrs, "target_min_capacity");
    *r = (struct request){
        .cluster = lower(a, value_as_text(value_get(attrs, "cluster_identifier"), "")),
        .stage = stage_of(attrs, "stage"),
        .retain_old_ms = duration_at(attrs, "retain_old_for", 168LL * 3600000),
        .on_destroy = destroy_way(attrs),
        .allow_reboot = value_as_bool(value_get(attrs, "allow_reboot"), false),
        .manage_source = strcmp(value_as_text(value_get(attrs, "source_parameters"), "check"), "manage") == 0,
        .drop_unsupported =
            strcmp(value_as_text(value_path(attrs, "target_parameter_group.on_unsupported"), "error"),
                   "drop") == 0,
        .raise_source_capacity = value_as_bool(value_get(attrs, "raise_source_capacity"), false),
        .cluster_group = text_at(a, attrs, "target_parameter_group.db_cluster_parameter_group_name"),
        .instance_group = text_at(a, attrs, "target_parameter_group.db_parameter_group_name"),
        .deployment_name = text_at(a, attrs, "deployment_name"),
        .instance_class = text_at(a, attrs, "instance_class"),
        .databases = strings_at(a, attrs, "databases"),
        .tables = strings_at(a, attrs, "include_tables"),
        .tables_left_out = strings_at(a, attrs, "exclude_tables"),
        .full_identity = strings_at(a, attrs, "replica_identity_full"),
        .publishes_all = strcmp(value_as_text(value_get(attrs, "publication"), "tables"), "all_tables") == 0,
        .clones_by_snapshot = strcmp(value_as_text(value_path(attrs, "clone.method"), ""), "snapshot") == 0,
        .kms_key = text_at(a, attrs, "clone.kms_key_id"),
        .keeps_names = strcmp(value_as_text(value_path(attrs, "cutover.endpoint"), "rename"), "rename") != 0,
        .record = read_record(a, attrs),
        .reverse_replication = value_as_bool(value_get(attrs, "reverse_replication"), true),
        .max_retained_bytes = RETAINED_WAL_DEFAULT,
        .toggles_groups =
            strcmp(value_as_text(value_get(attrs, "parameter_group_strategy"), "direct"), "toggle") == 0,
        .in_maintenance_window = value_as_bool(value_get(attrs, "switch_in_maintenance_window"), false),
        .snapshot = c->config ? text_at(a, c->config, "snapshot_identifier") : NULL,
        .rehearses = value_as_bool(value_get(attrs, "rehearse"), false),
        .accepted_loss = text_at(a, attrs, "accept_data_loss_since_snapshot"),
        .target_min_capacity = capacity->kind == VALUE_NUMBER ? strtod(capacity->text, NULL) : -1,
        .exclude_tables = strings_at(a, attrs, "validation.exclude_tables"),
        .rows_mode = rows_mode_at(attrs),
        .max_connections = sessions->kind == VALUE_NUMBER ? (int)strtol(sessions->text, NULL, 10) : 0,
        .minimum_stable_ms = duration_at(attrs, "validation.minimum_stable", 0),
        .max_write_outage_s =
            (int)(duration_at(attrs, "cutover.max_write_outage", OUTAGE_DEFAULT_S * 1000LL) / 1000),
        .max_lag_bytes = MAX_LAG_DEFAULT,
        .tags = provider_rds_tags(a, provider_tags_all(c, value_get(attrs, "tags"))),
    };
    (void)!version_parse(value_as_text(value_get(attrs, "target_engine_version"), ""),
                         &r->target); /* validated; "" in a state that lacks it */
    if (lag)
        (void)size_parse(lag, &r->max_lag_bytes);
    if (retained)
        (void)size_parse(retained, &r->max_retained_bytes);
    if (!r->instance_class)
        r->instance_class = text_at(a, attrs, "clone.instance_class");
    read_queries(a, attrs, r);
    staging_read(a, attrs, r);
}

/* ---- wiring ---- */

static bool login(void *arg, const char *host, int port, struct pg_target *ret, bool *ret_known,
                  struct err *e)
{
    struct operation *o = arg;
    const struct world *w = &o->upgrade.world;
    const struct rds_cluster *k = w->production;
    const struct rds_cluster *const run[] = {w->production, w->restored, w->aside};
    struct provider_pg_place place = {.region = o->upgrade.aws.region,
                                      .host = host,
                                      .port = port,
                                      .cluster_host = k ? k->endpoint : NULL,
                                      .cluster_port = k ? k->port : 0,
                                      .managed_secret = !host && k ? k->master_user_secret_arn : NULL};
    _Static_assert(ARRAY_LEN(run) == ARRAY_LEN(place.run_secrets), "one for each");
    for (size_t i = 0; i < ARRAY_LEN(run); i++) {
        place.run_secrets[i] = run[i] ? run[i]->master_user_secret_arn : NULL;
        if (host && run[i] && strcmp(run[i]->endpoint, host) == 0)
            place.managed_secret = place.run_secrets[i];
    }
    return provider_pg_target(o->call, o->login_block, &place, ret, ret_known, e);
}

static void warn(void *arg, const char *summary, const char *detail)
{
    struct operation *o = arg;
    tf_warn(o->call, NULL, summary, "%s", detail);
}

/* A state says "switched" only after every row up to there has passed, or has reached less. */
static bool was_verified(const struct upgrade_kind *kind, const struct value *prior, int target_major)
{
    struct version v = {0};
    enum flow_stage was = passed_by(kind, prior);
    const char *target = value_as_text(value_get(prior, "target_engine_version"), "");
    return (was == STAGE_SWITCHED || was == STAGE_COMPLETED) && version_parse(target, &v) &&
           v.major == target_major;
}

const char *operation_region(const struct operation *o)
{
    const struct aws_session *s = &o->upgrade.aws;
    return s->region ? s->region : aws_region(s->aws);
}

bool operation_start(struct operation *o, const struct upgrade_kind *kind, struct tf_call *c,
                     const struct value *attrs, const struct value *login_block)
{
    const char *region = value_as_text(value_get(attrs, "region"), NULL);
    struct aws_session s = provider_session(c, region);
    *o = (struct operation){.kind = kind, .call = c, .login_block = login_block};
    if (!s.aws) {
        tf_error(c, NULL, "The provider is not configured",
                 "Nothing can be read from AWS without a wholly known provider block.");
        return false;
    }
    upgrade_init(&o->upgrade, c->arena, &s, clock_real(), provider_config(c)->old_sides);
    o->upgrade.strategy = kind->strategy;
    read_request(c, attrs, &o->upgrade.request);
    o->upgrade.old_hint = text_at(c->arena, c->prior, "old_cluster_resource_id");
    o->upgrade.deployment_hint = text_at(c->arena, c->prior, "blue_green_deployment_identifier");
    o->upgrade.is_verified = was_verified(kind, c->prior, o->upgrade.request.target.major);
    o->upgrade.login = login;
    o->upgrade.login_arg = o;
    o->upgrade.warn = warn;
    o->upgrade.warn_arg = o;
    o->upgrade.has_login = provider_login_state(c, login_block) == PROVIDER_LOGIN_KNOWN;
    return true;
}

void operation_done(struct operation *o)
{
    upgrade_done(&o->upgrade);
}

/* ---- world → state ---- */

struct fill {
    struct operation *o;
    const struct value *prior;
    struct value *state;
};

/* Only what the kind's schema has. */
static void put(struct fill *f, const char *name, const struct value *v)
{
    const struct tf_attr *at = f->o->kind->schema->attrs;
    while (at->name && strcmp(at->name, name) != 0)
        at++;
    if (at->name)
        value_set(f->o->call->arena, f->state, name, v);
}

/* A fact seen now, else what the state already knew, else null. */
static void fact(struct fill *f, const char *name, const char *seen)
{
    struct arena *a = f->o->call->arena;
    const struct value *before = value_get(f->prior, name);
    bool usable = !value_is_null(before) && !value_has_unknown(before);
    put(f, name, seen && seen[0] ? value_string(a, arena_strdup(a, seen)) : usable ? before : &value_null);
}

static void fact_now(struct fill *f, const char *name, const char *seen)
{
    struct arena *a = f->o->call->arena;
    put(f, name, seen && seen[0] ? value_string(a, arena_strdup(a, seen)) : &value_null);
}

/* Whole seconds; "-": nobody knows them. */
static void fact_seconds(struct fill *f, const char *name, const char *seen)
{
    struct arena *a = f->o->call->arena;
    const struct value *before = value_get(f->prior, name);
    bool usable = !value_is_null(before) && !value_has_unknown(before);
    put(f, name,
        seen && seen[0] != '-' ? value_int(a, strtol(seen, NULL, 10))
        : usable && !seen      ? before
                               : &value_null);
}

static void fact_list(struct fill *f, const char *name, const char **seen)
{
    struct arena *a = f->o->call->arena;
    const struct value *before = value_get(f->prior, name);
    struct value *list = value_list(a);
    for (size_t i = 0; seen && seen[i]; i++)
        value_append(a, list, value_string(a, seen[i]));
    bool keep = list->count == 0 && before->kind == VALUE_LIST && !value_has_unknown(before);
    put(f, name, keep ? before : list);
}

static void fill_versions(struct fill *f)
{
    struct upgrade *u = &f->o->upgrade;
    const struct world *w = &u->world;
    const char *resolved = u->resolved_version;
    if (w->production && w->reached >= STAGE_SWITCHED)
        resolved = w->production->engine_version;
    else if (w->green)
        resolved = w->green->engine_version;
    fact(f, "source_engine_version", u->history.source_version);
    fact(f, "resolved_engine_version", resolved);
}

const struct flow *way_back(const struct operation *o)
{
    const struct upgrade_kind *kind = o->kind;
    return kind->restore && roll_back_is_due(&o->upgrade.world) ? kind->restore : kind->back;
}

bool puts_away(const struct operation *o)
{
    const struct value *prior = o->call->prior;
    return o->kind->put_away && o->upgrade.request.stage == STAGE_COMPLETED && !value_is_null(prior) &&
           stage_of(prior, "stage") == STAGE_ROLLED_BACK &&
           value_get(prior, "old_cluster_resource_id")->kind == VALUE_STRING;
}

bool asks_rehearsal(const struct operation *o)
{
    const struct value *prior = o->call->prior;
    const struct request *r = &o->upgrade.request;
    return r->rehearses && r->stage != STAGE_ROLLED_BACK && !value_is_null(prior) &&
           !value_as_bool(value_get(prior, "rehearse"), false) && o->upgrade.world.reached < STAGE_SWITCHED;
}

enum flow_stage reached_of(const struct operation *o, enum flow_stage passed)
{
    enum flow_stage reached = o->upgrade.world.reached;
    bool before_switch = passed == STAGE_PREPARED || passed == STAGE_VALIDATED;
    bool unseen = reached == STAGE_NONE && !o->kind->strategy->shows_stages;
    return unseen && before_switch ? passed : reached;
}

const struct value *operation_state(struct operation *o, const struct value *base, const struct value *prior)
{
    struct arena *a = o->call->arena;
    const struct upgrade *u = &o->upgrade;
    const struct history *h = &u->history;
    struct fill f = {.o = o, .prior = prior, .state = value_object(a)};
    for (size_t i = 0; i < base->count; i++)
        value_set(a, f.state, base->keys[i], base->items[i]);
    fill_versions(&f);
    fact_now(&f, "id", value_as_text(value_get(base, "cluster_identifier"), NULL));
    if (value_get(base, "region")->kind != VALUE_STRING) /* else the user's own spelling */
        fact_now(&f, "region", operation_region(o));
    fact_now(&f, "reached_stage", stage_name(reached_of(o, stage_of(base, "stage"))));
    fact_now(&f, "staging_endpoint", u->world.green ? u->world.green->endpoint : NULL);
    fact_now(&f, "endpoint", u->world.production ? u->world.production->endpoint : NULL);
    fact_now(&f, "reader_endpoint", u->world.production ? u->world.production->reader_endpoint : NULL);
    fact_now(&f, "staging_reader_endpoint", u->world.green ? u->world.green->reader_endpoint : NULL);
    fact(&f, "new_cluster_resource_id", h->new_cluster_resource_id);
    fact_list(&f, "new_dbi_resource_ids", h->new_dbi_resource_ids);
    fact(&f, "old_cluster_identifier", h->old_identifier);
    fact(&f, "old_cluster_resource_id", h->old_resource_id);
    fact(&f, "switched_at", h->switched_at);
    fact(&f, "blue_green_deployment_identifier", h->deployment_id);
    fact(&f, "rehearsed_at", h->rehearsed_at);
    fact_seconds(&f, "rehearsed_upgrade_seconds", h->rehearsed_upgrade_s);
    fact_seconds(&f, "rehearsed_statistics_seconds", h->rehearsed_statistics_s);
    if (value_get(base, "snapshot_identifier")->kind != VALUE_STRING)
        fact(&f, "snapshot_identifier", h->snapshot_id);
    fact(&f, "master_user_secret_arn",
         u->world.production ? u->world.production->master_user_secret_arn : NULL);
    const struct value *tags = provider_tags_all(o->call, value_get(base, "tags"));
    /* A plan that could not look at AWS left the steps open; by now there are none. */
    if (value_has_unknown(value_get(base, "planned_steps")))
        value_set(a, f.state, "planned_steps", value_list(a));
    value_set(a, f.state, "tags_all", value_is_unknown(tags) ? value_get(prior, "tags_all") : tags);
    return f.state;
}

/* ---- planned_steps ---- */

static const struct value *say(struct operation *o, void (*fn)(const struct upgrade *, struct buf *))
{
    struct buf text = BUF_INIT(4096);
    if (fn)
        fn(&o->upgrade, &text);
    const struct value *v =
        text.n ? value_string(o->call->arena, arena_strdup(o->call->arena, buf_text(&text))) : &value_null;
    buf_done(&text);
    return v;
}

static const struct value *one_step(struct operation *o, const struct step *s)
{
    struct arena *a = o->call->arena;
    struct value *v = value_object(a);
    value_set(a, v, "name", value_string(a, s->name));
    value_set(a, v, "stage", value_string(a, stage_name(s->stage)));
    value_set(a, v, "description", say(o, s->describe));
    value_set(a, v, "equivalent", say(o, s->equivalent));
    value_set(a, v, "blocks_writes", value_bool(s->blocks_writes));
    value_set(a, v, "irreversible", value_bool(s->irreversible || s->kind == STEP_NO_RETURN));
    value_set(a, v, "expected_duration", value_string(a, s->duration));
    return v;
}

const struct value *planned_steps(struct operation *o, const struct flow *flow, enum flow_stage reached,
                                  enum flow_stage target)
{
    struct value *list = value_list(o->call->arena);
    for (size_t i = 0; i < flow->count; i++)
        if (flow_includes(&flow->steps[i], &o->upgrade, reached, target))
            value_append(o->call->arena, list, one_step(o, &flow->steps[i]));
    return list;
}
