#include "internal/aws/client.h"

#include <string.h>

enum { BODY_MAX = 1024 * 1024 };

/* "com.amazonaws.x#Code", "Code:http://…" and "Code" all mean Code. */
static const char *bare_code(struct arena *a, const char *text)
{
    const char *hash = strchr(text, '#');
    if (hash)
        text = hash + 1;
    return arena_memdup(a, text, strcspn(text, ":"));
}

static void read_refusal(struct arena *a, const struct http_reply *r, const struct value *v,
                         struct aws_refusal *ret)
{
    const char *code = *r->error_type ? r->error_type : value_as_text(value_get(v, "__type"), "");
    if (!*code)
        code = value_as_text(value_get(v, "code"), "");
    ret->code = bare_code(a, code);
    ret->message = value_as_text(value_get(v, "message"), value_as_text(value_get(v, "Message"), ""));
    ret->request_id = arena_strdup(a, r->request_id);
}

static enum reply_kind decode(struct aws_call *c, const struct http_reply *r, struct aws_refusal *refusal,
                              struct err *e)
{
    struct err why = ERR_INIT;
    const struct value *v = NULL;
    bool good = r->status >= 200 && r->status <= 299;
    bool parsed = value_from_json(c->session->arena, buf_view(&r->body), &v, &why);
    bool is_object = parsed && v && v->kind == VALUE_OBJECT;
    if (!good) {
        if (is_object || *r->error_type)
            read_refusal(c->session->arena, r, is_object ? v : NULL, refusal);
        return REPLY_REFUSAL;
    }
    if (!is_object) {
        (void)err_set(e, ERR_UNAVAILABLE, "the reply is not a JSON object%s%s", parsed ? "" : ": ",
                      parsed ? "" : why.text);
        return REPLY_BROKEN;
    }
    c->json = v;
    return REPLY_GOOD;
}

bool aws_json(const struct aws_session *s, const char *service, const char *target,
              const struct value *request, const struct value **ret, struct err *e)
{
    const struct aws_op *op = aws_op_find(service, target);
    const struct aws_op unknown = {.service = service, .action = target};
    struct aws_call c = {.session = s,
                         .service = aws_service_find(service),
                         .op = op ? op : &unknown,
                         .content_type = "application/x-amz-json-1.1",
                         .decode = decode};
    if (!c.service || c.service->protocol != AWS_JSON)
        return err_set(e, ERR_BUG, "%s is no service of the JSON protocol", service);
    struct buf b = BUF_INIT(BODY_MAX);
    bool ok = value_to_json(request, &b, e);
    if (ok && b.overflow)
        ok = err_set(e, ERR_INVALID, "%s: the request is larger than %d bytes", target, BODY_MAX);
    if (ok) {
        c.body = (struct str){arena_memdup(s->arena, b.p, b.n), b.n};
        c.target = arena_printf(s->arena, "%s.%s", c.service->target_prefix, target);
        ok = aws_perform(&c, e);
    }
    buf_done(&b);
    if (ok)
        *ret = c.json;
    return ok;
}
