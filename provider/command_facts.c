/* facts — the values of data.aurora_cluster on standard output. */
#include "provider/cluster_facts.h"
#include "provider/command.h"

#include "internal/upgrade/errors.h"

#include <stdlib.h>
#include <string.h>

struct question {
    const char *field;            /* NULL: all */
    const struct value *fallback; /* object; null: absent is an error */
    bool bare;                    /* --if-absent is the answer itself */
};

static const struct tf_attr *attribute_named(const char *name, size_t n)
{
    for (const struct tf_attr *a = data_source_cluster.schema->attrs; a->name; a++)
        if (strlen(a->name) == n && strncmp(a->name, name, n) == 0)
            return a;
    return NULL;
}

static bool no_field(const char *field, struct err *e)
{
    return upgrade_fail(e, E_NO_FIELD, "data.aurora_cluster has no field \"%s\"", field);
}

/* "17.6" is an answer; {"engine_version": "17.6"} are some attributes of it. */
static bool read_fallback(struct invocation *i, struct question *q, struct err *e)
{
    const char *given = i->if_absent;
    struct err why = ERR_INIT;
    q->fallback = &value_null;
    if (!given)
        return true;
    if (given[strspn(given, " \t\r\n")] != '{') {
        q->bare = true;
        q->fallback = value_object(i->arena);
        return q->field || upgrade_fail(e, E_USAGE, "without FIELD, --if-absent is a JSON object");
    }
    if (!value_from_json(i->arena, str_of(given), &q->fallback, &why))
        return upgrade_fail(e, E_USAGE, "--if-absent: %s", why.text);
    for (size_t n = 0; n < q->fallback->count; n++)
        if (!attribute_named(q->fallback->keys[n], strlen(q->fallback->keys[n])))
            return no_field(q->fallback->keys[n], e);
    return true;
}

static bool read_question(struct invocation *i, struct question *q, struct err *e)
{
    q->field = i->count > 1 ? i->args[1] : NULL;
    if (q->field && !attribute_named(q->field, strcspn(q->field, ".")))
        return no_field(q->field, e);
    return read_fallback(i, q, e);
}

/* ---- answers ---- */

/* Exactly the value: what reads it takes it as it is. */
static bool bare_text(struct invocation *i, const struct value *v, const char **ret, struct err *e)
{
    CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
    const char *text = "";
    if (v->kind == VALUE_STRING || v->kind == VALUE_NUMBER) {
        text = v->text;
    } else if (!value_is_null(v)) {
        if (!value_to_json(v, &b, e))
            return false;
        text = buf_text(&b);
    }
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return err_set(e, ERR_REMOTE, "the value has control characters in it: use --json");
    *ret = arena_printf(i->arena, "%s\n", text);
    return true;
}

static bool all_text(struct invocation *i, const struct value *facts, const char **ret, struct err *e)
{
    CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
    for (size_t n = 0; n < facts->count; n++) {
        (void)buf_printf(&b, "%s = ", facts->keys[n]);
        if (!value_to_json(facts->items[n], &b, e))
            return false;
        (void)buf_puts(&b, "\n");
    }
    *ret = arena_strdup(i->arena, buf_text(&b));
    return !b.overflow || err_set(e, ERR_UNAVAILABLE, "the answer is too large");
}

/* Does the path lead anywhere? A null at its end is a value, too. */
static bool leads(const struct value *v, const char *path)
{
    const char *end = path + strcspn(path, ".");
    char name[128], *rest = NULL;
    size_t n = (size_t)(end - path);
    if (n == 0 || n >= sizeof name)
        return false;
    memcpy(name, path, n);
    name[n] = '\0';
    const struct value *inner = value_get(v, name);
    if (v->kind == VALUE_LIST) {
        unsigned long at = strtoul(name, &rest, 10);
        if (name[strspn(name, "0123456789")] != '\0' || at >= v->count)
            return false;
        inner = v->items[at];
    } else if (v->kind != VALUE_OBJECT) {
        return false;
    }
    return !*end || leads(inner, end + 1);
}

static enum command_status answer_field(struct invocation *i, const struct question *q,
                                        const struct value *facts)
{
    struct err e = ERR_INIT;
    const char *text = NULL;
    bool absent = !value_as_bool(value_get(facts, "exists"), false);
    const struct value *v =
        absent && q->bare ? value_string(i->arena, i->if_absent) : value_path(facts, q->field);
    if (!(absent && q->bare) && !leads(facts, q->field)) {
        (void)no_field(q->field, &e);
        return command_fail(i, &e);
    }
    if (!i->json && !bare_text(i, v, &text, &e))
        return command_fail(i, &e);
    return command_answer(i, v, text, COMMAND_DONE);
}

static enum command_status answer(struct invocation *i, const struct question *q, const struct value *facts)
{
    struct err e = ERR_INIT;
    const char *text = NULL;
    if (q->field)
        return answer_field(i, q, facts);
    if (!i->json && !all_text(i, facts, &text, &e))
        return command_fail(i, &e);
    return command_answer(i, facts, text, COMMAND_DONE);
}

/* Whatever went wrong: for run_cmd there is only an answer or none. */
static enum command_status refuse(struct invocation *i, const struct err *e)
{
    (void)command_fail(i, e);
    return COMMAND_FAILED;
}

/* jsondecode() in HCL refuses a member that is not there: every attribute is, be it null. */
static const struct value *with_all_attributes(struct invocation *i, const struct value *facts)
{
    for (const struct tf_attr *a = data_source_cluster.schema->attrs; a->name; a++)
        facts = tf_with(&i->call, facts, a->name, value_get(facts, a->name));
    return facts;
}

enum command_status command_facts(struct invocation *i)
{
    struct question q = {0};
    struct err e = ERR_INIT;
    const struct value *facts = NULL;
    if (!read_question(i, &q, &e) || !command_open(i, &e))
        return refuse(i, &e);
    struct aws_session s = command_session(i);
    if (!cluster_facts(&s, provider_config(&i->call)->old_sides, i->cluster, q.fallback, &facts, &e))
        return refuse(i, &e);
    facts = tf_with(&i->call, facts, "cluster_identifier", value_string(i->arena, i->cluster));
    return answer(i, &q, with_all_attributes(i, facts));
}
