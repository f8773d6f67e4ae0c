#include "internal/upgrade/requests.h"

void request_put(struct request_fields *f, const char *name, const char *value)
{
    if (value && value[0] && f->n + 1 < REQUEST_FIELDS_MAX)
        f->list[f->n++] = (struct aws_field){name, value};
}

void request_put_settings(struct request_fields *f, const struct xml *from,
                          const struct request_setting *rows)
{
    for (; rows->member; rows++)
        request_put(f, rows->request, xml_text(from, rows->member, NULL));
}

void request_put_list(struct arena *a, struct request_fields *f, const struct xml *from, const char *member,
                      const char *item, const char *request)
{
    const struct xml *list = xml_child(from, member, NULL);
    size_t n = 0;
    for (const struct xml *x = NULL; list && (x = xml_child(list, NULL, x));)
        request_put(f, arena_printf(a, "%s.%zu", request, ++n), item ? xml_text(x, item, NULL) : x->text);
}
