#include "acceptance-tests/sandbox/iam.h"

#include "internal/base/file.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { POLICY_MAX = 256 * 1024 };

bool iam_matches(const char *pattern, const char *text, bool ignore_case)
{
    const char *star = NULL, *mark = NULL;
    while (*text) {
        bool same = *pattern == *text ||
                    (ignore_case && tolower((unsigned char)*pattern) == tolower((unsigned char)*text));
        if (*pattern == '*') {
            star = pattern++;
            mark = text;
        } else if (same || *pattern == '?') {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++mark;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* A member that may be one text or a list of texts. */
static size_t texts(const json_t *value)
{
    return json_is_array(value) ? json_array_size(value) : value ? 1 : 0;
}

static const char *text_at(const json_t *value, size_t i)
{
    const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
    if (json_is_boolean(one))
        return json_is_true(one) ? "true" : "false";
    return json_string_value(one);
}

/* ---- conditions ---- */

enum compare { EQUAL, EQUAL_ANY_CASE, LIKE, BOOLEAN, ABSENT };

static const struct operator_row {
    const char *name;
    enum compare how;
    bool negated;
} OPERATORS[] = {
    {"StringEquals", EQUAL, false},
    {"StringNotEquals", EQUAL, true},
    {"StringEqualsIgnoreCase", EQUAL_ANY_CASE, false},
    {"StringNotEqualsIgnoreCase", EQUAL_ANY_CASE, true},
    {"StringLike", LIKE, false},
    {"StringNotLike", LIKE, true},
    {"ArnEquals", LIKE, false}, /* as IAM: both take wildcards */
    {"ArnLike", LIKE, false},
    {"ArnNotEquals", LIKE, true},
    {"ArnNotLike", LIKE, true},
    {"Bool", BOOLEAN, false},
    {"Null", ABSENT, false},
};

enum set { ONE_VALUE, ANY_VALUE, ALL_VALUES };

struct condition {
    const struct operator_row *row;
    enum set set;
    bool if_exists;
};

static bool condition_read(const char *text, struct condition *ret)
{
    static const char ANY[] = "ForAnyValue:", ALL[] = "ForAllValues:", IF_EXISTS[] = "IfExists";
    struct condition c = {0};
    if (strncmp(text, ANY, strlen(ANY)) == 0) {
        c.set = ANY_VALUE;
        text += strlen(ANY);
    } else if (strncmp(text, ALL, strlen(ALL)) == 0) {
        c.set = ALL_VALUES;
        text += strlen(ALL);
    }
    size_t n = strlen(text), tail = strlen(IF_EXISTS);
    c.if_exists = n > tail && strcmp(text + n - tail, IF_EXISTS) == 0;
    n -= c.if_exists ? tail : 0;
    for (size_t i = 0; i < ARRAY_LEN(OPERATORS); i++)
        if (strlen(OPERATORS[i].name) == n && strncmp(OPERATORS[i].name, text, n) == 0)
            c.row = &OPERATORS[i];
    *ret = c;
    return c.row && !(c.if_exists && c.row->how == ABSENT);
}

static bool compare(enum compare how, const char *wanted, const char *have)
{
    switch (how) {
    case EQUAL:
        return strcmp(wanted, have) == 0;
    case LIKE:
        return iam_matches(wanted, have, false);
    default:
        return strcasecmp(wanted, have) == 0;
    }
}

/* One value of the request against all of the policy's. */
static bool value_holds(const struct condition *c, const json_t *wanted, const char *have)
{
    bool any = false;
    for (size_t i = 0; i < texts(wanted); i++)
        any = any || compare(c->row->how, text_at(wanted, i), have);
    return any != c->row->negated;
}

/* Condition keys have no case. */
static const json_t *context_value(const json_t *context, const char *key)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)context, name, value)
    {
        if (strcasecmp(name, key) == 0)
            return value;
    }
    return NULL;
}

static bool key_holds(const struct condition *c, const json_t *wanted, const json_t *have)
{
    if (c->row->how == ABSENT)
        return strcasecmp(text_at(wanted, 0), have ? "false" : "true") == 0;
    if (!have)
        return c->if_exists || c->row->negated || c->set == ALL_VALUES;
    size_t holding = 0, n = texts(have);
    for (size_t i = 0; i < n; i++)
        holding += value_holds(c, wanted, text_at(have, i));
    return c->set == ALL_VALUES || c->row->negated ? holding == n : holding > 0;
}

static bool conditions_hold(const json_t *conditions, const json_t *context)
{
    const char *name, *key;
    json_t *keys, *wanted;
    json_object_foreach((json_t *)conditions, name, keys)
    {
        struct condition c;
        bool known = condition_read(name, &c);
        json_object_foreach(keys, key, wanted)
        {
            if (!known || !key_holds(&c, wanted, context_value(context, key)))
                return false;
        }
    }
    return true;
}

/* ---- statements ---- */

static bool any_matches(const json_t *patterns, const char *text, bool ignore_case)
{
    for (size_t i = 0; i < texts(patterns); i++)
        if (iam_matches(text_at(patterns, i), text, ignore_case))
            return true;
    return false;
}

static bool part_applies(const json_t *statement, const char *member, const char *negated, const char *text,
                         bool ignore_case)
{
    const json_t *patterns = rec_get(statement, member);
    return patterns ? any_matches(patterns, text, ignore_case)
                    : !any_matches(rec_get(statement, negated), text, ignore_case);
}

static bool principal_applies(const json_t *statement, const char *principal)
{
    const json_t *who = rec_get(statement, "Principal");
    return !who || any_matches(json_is_object(who) ? rec_get(who, "AWS") : who, principal, false);
}

static bool statement_applies(const json_t *s, const struct iam_request *r)
{
    return principal_applies(s, r->principal) && part_applies(s, "Action", "NotAction", r->action, true) &&
           part_applies(s, "Resource", "NotResource", r->resource, false) &&
           conditions_hold(rec_get(s, "Condition"), r->context);
}

/* Statement may be one object. */
static const json_t *statement_at(const json_t *policy, size_t i)
{
    const json_t *all = rec_get(policy, "Statement");
    if (json_is_array(all))
        return json_array_get(all, i);
    return i == 0 ? all : NULL;
}

enum iam_verdict iam_decide(const json_t *policy, const struct iam_request *r)
{
    enum iam_verdict verdict = IAM_NOT_ALLOWED;
    const json_t *s;
    for (size_t i = 0; (s = statement_at(policy, i)); i++) {
        if (!statement_applies(s, r))
            continue;
        if (rec_is(s, "Effect", "Deny"))
            return IAM_DENIED;
        verdict = IAM_ALLOWED;
    }
    return verdict;
}

/* ---- checking a document ---- */

static bool check_texts(const json_t *value, const char *what, bool booleans, struct err *e)
{
    size_t n = texts(value);
    if (n == 0)
        return err_set(e, ERR_INVALID, "%s is empty", what);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_string(one) && !(booleans && json_is_boolean(one)))
            return err_set(e, ERR_INVALID, "%s is not a text or a list of texts", what);
        if (strstr(text_at(value, i), "${"))
            return err_set(e, ERR_INVALID, "%s: policy variables are not evaluated here", what);
    }
    return true;
}

static bool check_pair(const json_t *s, const char *one, const char *other, struct err *e)
{
    if (rec_has(s, one) == rec_has(s, other))
        return err_set(e, ERR_INVALID, "a statement needs either %s or %s", one, other);
    const char *which = rec_has(s, one) ? one : other;
    return check_texts(rec_get(s, which), which, false, e);
}

static bool check_conditions(const json_t *conditions, struct err *e)
{
    const char *name, *key;
    json_t *keys, *wanted;
    struct condition c;
    if (conditions && !json_is_object(conditions))
        return err_set(e, ERR_INVALID, "Condition is not an object");
    json_object_foreach((json_t *)conditions, name, keys)
    {
        if (!condition_read(name, &c) || !json_is_object(keys))
            return err_set(e, ERR_INVALID, "Condition: operator %.60s is not evaluated here", name);
        json_object_foreach(keys, key, wanted)
        {
            if (!check_texts(wanted, key, true, e))
                return false;
        }
    }
    return true;
}

static bool check_principal(const json_t *who, struct err *e)
{
    if (!who)
        return true;
    if (json_is_object(who) && (json_object_size(who) != 1 || !rec_has(who, "AWS")))
        return err_set(e, ERR_INVALID, "Principal may only name AWS principals");
    return check_texts(json_is_object(who) ? rec_get(who, "AWS") : who, "Principal", false, e);
}

static bool check_members(const json_t *object, const char *const *known, const char *what, struct err *e)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return err_set(e, ERR_INVALID, "%s is not an object", what);
    json_object_foreach((json_t *)object, name, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        if (!known[i])
            return err_set(e, ERR_INVALID, "%s has a member %.60s, which is not evaluated here", what, name);
    }
    return true;
}

static bool check_statement(const json_t *s, struct err *e)
{
    static const char *const MEMBERS[] = {"Sid",       "Effect",   "Action",      "NotAction", "Principal",
                                          "Condition", "Resource", "NotResource", NULL};
    if (!check_members(s, MEMBERS, "a statement", e))
        return false;
    if (!rec_is(s, "Effect", "Allow") && !rec_is(s, "Effect", "Deny"))
        return err_set(e, ERR_INVALID, "Effect is neither Allow nor Deny");
    return check_pair(s, "Action", "NotAction", e) && check_pair(s, "Resource", "NotResource", e) &&
           check_principal(rec_get(s, "Principal"), e) && check_conditions(rec_get(s, "Condition"), e);
}

bool iam_check(const json_t *policy, struct err *e)
{
    static const char *const MEMBERS[] = {"Version", "Id", "Statement", NULL};
    const json_t *s;
    size_t n = 0;
    if (!check_members(policy, MEMBERS, "the policy", e))
        return false;
    for (; (s = statement_at(policy, n)); n++)
        if (!check_statement(s, e))
            return err_wrap(e, "statement %zu", n + 1);
    return n > 0 || err_set(e, ERR_INVALID, "the policy has no statement");
}

/* ---- the running sandbox ---- */

bool iam_load(struct sandbox *sb, const char *path, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct str text;
    json_error_t problem;
    if (!file_read(a, path, POLICY_MAX, &text, e))
        return err_wrap(e, "read the IAM policy");
    json_t *policy = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &problem);
    bool ok = policy ? iam_check(policy, e)
                     : err_set(e, ERR_INVALID, "not JSON: %s, line %d", problem.text, problem.line);
    if (!ok) {
        json_decref(policy);
        return err_wrap(e, "IAM policy %s", path);
    }
    sandbox_lock(sb);
    rec_set(store_root(sb->store), "iam_policy", policy);
    sandbox_save(sb);
    sandbox_unlock(sb);
    return true;
}

bool iam_set(struct sandbox *sb, const json_t *in, json_t **ret, struct err *e)
{
    json_t *root = store_root(sb->store);
    if (rec_has(in, "policy") && !iam_check(rec_get(in, "policy"), e))
        return false;
    if (rec_bool(in, "off"))
        rec_unset(root, "iam_policy");
    if (rec_has(in, "policy"))
        rec_set(root, "iam_policy", json_deep_copy(rec_get(in, "policy")));
    json_t *now = rec_get(root, "iam_policy");
    *ret = now ? json_deep_copy(now) : json_null();
    return true;
}

static void add_tag_keys(json_t *context, const char *prefix, const json_t *tags)
{
    size_t i;
    json_t *tag;
    json_array_foreach(tags, i, tag)
    {
        char key[256];
        (void)snprintf(key, sizeof key, "%s/%.128s", prefix, rec_str(tag, "Key"));
        rec_set_str(context, key, rec_str(tag, "Value"));
    }
}

static json_t *context_of(const struct call *c, const struct iam_need *need)
{
    json_t *context =
        json_pack("{s:s, s:s, s:s}", "aws:PrincipalArn", c->who->arn, "aws:PrincipalAccount",
                  store_account(c->sb->store), "aws:RequestedRegion", store_region(c->sb->store));
    json_t *tags = rec_get(c->in, "Tags"), *tag, *keys = json_array();
    size_t i;
    add_tag_keys(context, "aws:RequestTag", tags);
    add_tag_keys(context, "rds:req-tag", tags);
    json_array_foreach(tags, i, tag)
    {
        (void)json_array_append_new(keys, json_string(rec_str(tag, "Key")));
    }
    json_array_foreach(rec_get(c->in, "TagKeys"), i, tag)
    {
        (void)json_array_append(keys, tag);
    }
    rec_set(context, "aws:TagKeys", json_array_size(keys) > 0 ? keys : (json_decref(keys), NULL));
    if (need->tagged) {
        char prefix[64];
        (void)snprintf(prefix, sizeof prefix, "rds:%s-tag", need->type);
        add_tag_keys(context, "aws:ResourceTag", rec_get(need->tagged, "TagList"));
        add_tag_keys(context, prefix, rec_get(need->tagged, "TagList"));
    }
    return context;
}

static bool refuse(struct call *c, const struct iam_need *need, enum iam_verdict verdict)
{
    if (verdict == IAM_DENIED)
        return fault_set(&c->fault, "AccessDenied",
                         "User: %s is not authorized to perform: %s on resource: %s with an explicit deny in "
                         "an identity-based policy",
                         c->who->arn, need->action, need->resource);
    return fault_set(&c->fault, "AccessDenied",
                     "User: %s is not authorized to perform: %s on resource: %s because no identity-based "
                     "policy allows the %s action",
                     c->who->arn, need->action, need->resource, need->action);
}

static bool decide_all(struct call *c, const json_t *policy, json_t *actions)
{
    struct iam_need *needs = NULL;
    size_t n = 0;
    iam_needs(c, &needs, &n);
    for (size_t i = 0; i < n; i++) {
        json_t *context = context_of(c, &needs[i]);
        struct iam_request r = {c->who->arn, needs[i].action, needs[i].resource, context};
        enum iam_verdict verdict = iam_decide(policy, &r);
        json_decref(context);
        if (!list_has(actions, needs[i].action))
            (void)json_array_append_new(actions, json_string(needs[i].action));
        if (verdict != IAM_ALLOWED)
            return refuse(c, &needs[i], verdict);
    }
    return true;
}

bool iam_authorize(struct call *c, json_t **ret_actions)
{
    bool ok = true;
    sandbox_lock(c->sb);
    const json_t *policy = rec_get(store_root(c->sb->store), "iam_policy");
    if (policy) {
        *ret_actions = json_array();
        ok = decide_all(c, policy, *ret_actions);
    }
    sandbox_unlock(c->sb);
    return ok;
}

bool iam_permits(struct call *c, const char *action, const char *resource)
{
    const json_t *policy = rec_get(store_root(c->sb->store), "iam_policy");
    const struct iam_need need = {action, resource, NULL, ""};
    if (!policy)
        return true;
    json_t *context = context_of(c, &need);
    struct iam_request r = {c->who->arn, action, resource, context};
    enum iam_verdict verdict = iam_decide(policy, &r);
    json_decref(context);
    return verdict == IAM_ALLOWED;
}
