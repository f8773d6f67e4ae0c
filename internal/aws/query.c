#include "internal/aws/client.h"
#include "internal/base/utf8.h"

#include <ctype.h>
#include <string.h>

enum { BODY_MAX = 1024 * 1024 };

static bool encode(struct arena *a, const struct aws_service *service, const char *action,
                   const struct aws_field *fields, struct str *ret, struct err *e)
{
    struct buf b = BUF_INIT(BODY_MAX);
    (void)buf_printf(&b, "Action=%s&Version=%s", action, service->version);
    for (; fields && fields->name; fields++) {
        if (!fields->value)
            continue;
        (void)buf_printf(&b, "&%s=", fields->name);
        sigv4_uri_encode(&b, fields->value, false);
    }
    bool ok = !b.overflow;
    if (ok)
        *ret = (struct str){arena_memdup(a, b.p, b.n), b.n};
    buf_done(&b);
    return ok || err_set(e, ERR_INVALID, "%s: the request is larger than %d bytes", action, BODY_MAX);
}

static bool named(const struct xml *x, const char *action, const char *suffix)
{
    size_t n = strlen(action);
    return strncmp(x->name, action, n) == 0 && strcmp(x->name + n, suffix) == 0;
}

/* Three forms: <ErrorResponse><Error>…, a bare <Error>… (services behind some gateways), and the older
 * <Response><Errors><Error>…. */
static const struct xml *find_error(const struct xml *root)
{
    if (strcmp(root->name, "ErrorResponse") == 0)
        return xml_find(root, "Error");
    if (strcmp(root->name, "Error") == 0)
        return root;
    return strcmp(root->name, "Response") == 0 ? xml_find(root, "Errors/Error") : NULL;
}

static const char *trimmed(struct arena *a, const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    size_t n = strlen(s);
    while (n > 0 && isspace((unsigned char)s[n - 1]))
        n--;
    return arena_memdup(a, s, n);
}

/* A fourth, of Route 53: the root's name is the code, and there may be several texts. */
static bool read_messages(struct arena *a, const struct xml *root, struct aws_refusal *ret)
{
    const struct xml *list = xml_find(root, "Messages");
    if (!list)
        return false;
    ret->code = root->name;
    for (const struct xml *x = NULL; (x = xml_child(list, "Message", x));)
        ret->message =
            arena_printf(a, "%s%s%s", ret->message, *ret->message ? "; " : "", trimmed(a, x->text));
    return true;
}

static bool read_refusal(struct arena *a, const struct xml *root, struct aws_refusal *ret)
{
    const struct xml *error = find_error(root);
    if (error && xml_find(error, "Code")) {
        ret->code = trimmed(a, xml_text(error, "Code", ""));
        ret->message = trimmed(a, xml_text(error, "Message", ""));
    } else if (!read_messages(a, root, ret)) {
        return false;
    }
    const char *id = xml_text(root, "RequestId", xml_text(root, "RequestID", ""));
    if (*id)
        ret->request_id = trimmed(a, id);
    return *ret->code != '\0';
}

static enum reply_kind good_reply(struct aws_call *c, const struct xml *root, struct err *e)
{
    const struct xml *result = NULL;
    if (!named(root, c->op->action, "Response")) {
        (void)err_set(e, ERR_UNAVAILABLE, "the reply is a <%s>", root->name);
        return REPLY_BROKEN;
    }
    for (const struct xml *x = xml_child(root, NULL, NULL); x && !result; x = xml_child(root, NULL, x))
        result = named(x, c->op->action, "Result") ? x : NULL;
    if (!result && !(c->op->flags & OP_NO_RESULT)) {
        (void)err_set(e, ERR_UNAVAILABLE, "the reply has no result");
        return REPLY_BROKEN;
    }
    c->xml = result ? result : root;
    return REPLY_GOOD;
}

enum reply_kind aws_xml_decode(struct aws_call *c, const struct http_reply *r, struct aws_refusal *refusal,
                               struct err *e)
{
    struct arena *a = c->session->arena;
    struct err why = ERR_INIT;
    const struct xml *root = NULL;
    if (!xml_parse(a, buf_view(&r->body), &root, &why)) {
        if (r->status < 200 || r->status > 299)
            return REPLY_REFUSAL; /* status alone: a proxy or load balancer speaks for AWS */
        (void)err_set(e, ERR_UNAVAILABLE, "the reply is not XML: %s", why.text);
        return REPLY_BROKEN;
    }
    if (read_refusal(a, root, refusal) || r->status < 200 || r->status > 299)
        return REPLY_REFUSAL;
    return good_reply(c, root, e);
}

bool aws_query_as(const struct aws_session *s, const struct sigv4_keys *keys, const char *service,
                  const char *region, const char *action, const struct aws_field *fields,
                  const struct xml **ret, struct err *e)
{
    const struct aws_op *op = aws_op_find(service, action);
    const struct aws_op unknown = {.service = service, .action = action, .flags = OP_NO_RESULT};
    struct aws_call c = {.session = s,
                         .service = aws_service_find(service),
                         .op = op ? op : &unknown,
                         .region = region,
                         .keys = keys,
                         .content_type = "application/x-www-form-urlencoded; charset=utf-8",
                         .decode = aws_xml_decode};
    if (!c.service || c.service->protocol != AWS_QUERY)
        return err_set(e, ERR_BUG, "%s is no service of the query protocol", service);
    if (!encode(s->arena, c.service, action, fields, &c.body, e) || !aws_perform(&c, e))
        return false;
    *ret = c.xml;
    return true;
}

bool aws_query(const struct aws_session *s, const char *service, const char *action,
               const struct aws_field *fields, const struct xml **ret, struct err *e)
{
    return aws_query_as(s, NULL, service, NULL, action, fields, ret, e);
}
