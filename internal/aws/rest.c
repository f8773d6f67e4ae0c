#include "internal/aws/client.h"

#include <string.h>

enum { ID_ENCODED_MAX = 512, FIELDS_MAX = 8 };

/* Ids come from configurations: whatever they hold, they stay one segment of the path. */
static const char *path_of(struct arena *a, const struct aws_service *service, const char *pattern,
                           const char *id)
{
    struct buf encoded CLEANUP(buf_done) = BUF_INIT(ID_ENCODED_MAX);
    const char *hole = strstr(pattern, "{}");
    sigv4_uri_encode(&encoded, id, false);
    return arena_printf(a, "/%s/%.*s%s%s", service->version, (int)(hole - pattern), pattern,
                        buf_text(&encoded), hole + 2);
}

bool aws_rest(const struct aws_session *s, const char *service, const char *action,
              const struct aws_rest *request, const struct xml **ret, struct err *e)
{
    const struct aws_op *op = aws_op_find(service, action);
    struct sigv4_pair query[FIELDS_MAX];
    struct aws_call c = {.session = s,
                         .service = aws_service_find(service),
                         .op = op,
                         .content_type = request->body.n > 0 ? "application/xml" : NULL,
                         .query = query,
                         .body = request->body,
                         .decode = aws_xml_decode};
    if (!c.service || !op || !op->path || !strstr(op->path, "{}"))
        return err_set(e, ERR_BUG, "%s %s has no path", service, action);
    for (const struct aws_field *f = request->query; f && f->name && c.query_count < FIELDS_MAX; f++)
        if (f->value)
            query[c.query_count++] = (struct sigv4_pair){f->name, f->value};
    c.method = op->method;
    c.path = path_of(s->arena, c.service, op->path, request->id);
    if (!aws_perform(&c, e))
        return false;
    *ret = c.xml;
    return true;
}
