#include "internal/aws/shape.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool ends(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return *s == '\0';
}

static int read_int(const char *text, int otherwise)
{
    char *end = NULL;
    errno = 0;
    long n = strtol(text, &end, 10);
    bool ok = end != text && ends(end) && errno == 0 && n >= INT_MIN && n <= INT_MAX;
    return ok ? (int)n : otherwise;
}

static double read_double(const char *text, double otherwise)
{
    char *end = NULL;
    double d = strtod(text, &end);
    return end != text && ends(end) && isfinite(d) ? d : otherwise;
}

static const char **read_texts(struct arena *a, const struct xml *list, const char *item)
{
    size_t n = 0;
    for (const struct xml *x = NULL; list && (x = xml_child(list, item, x));)
        n++;
    const char **out = ARENA_ARRAY(a, const char *, n + 1);
    n = 0;
    for (const struct xml *x = NULL; list && (x = xml_child(list, item, x));)
        out[n++] = x->text;
    return out;
}

static void read_member(struct arena *a, const struct shape_member *m, const struct xml *x, char *out)
{
    void *at = out + m->offset;
    const struct xml *found = xml_find(x, m->path);
    const char *text = found ? found->text : "";
    switch (m->type) {
    case SHAPE_TEXT:
        *(const char **)at = text;
        break;
    case SHAPE_BOOL:
        *(bool *)at = strcmp(text, "true") == 0;
        break;
    case SHAPE_INT:
        *(int *)at = read_int(text, (int)m->otherwise);
        break;
    case SHAPE_DOUBLE:
        *(double *)at = read_double(text, m->otherwise);
        break;
    case SHAPE_PRESENT:
        *(bool *)at = found != NULL;
        break;
    case SHAPE_HAS_CHILDREN:
        *(bool *)at = found && found->first;
        break;
    case SHAPE_TEXTS:
        *(const char ***)at = read_texts(a, found, m->item);
        break;
    case SHAPE_LIST:
        *(void **)at =
            shape_read_list(a, m->shape, found, m->item, (size_t *)(void *)(out + m->count_offset));
        break;
    case SHAPE_RAW:
        *(const struct xml **)at = x;
        break;
    }
}

void shape_read(struct arena *a, const struct shape *s, const struct xml *x, void *out)
{
    for (const struct shape_member *m = s->members; m->path; m++)
        read_member(a, m, x, out);
}

void *shape_read_list(struct arena *a, const struct shape *s, const struct xml *list, const char *item,
                      size_t *ret_n)
{
    size_t n = 0;
    for (const struct xml *x = NULL; list && (x = xml_child(list, item, x));)
        n++;
    char *out = arena_alloc(a, s->size * (n + 1)), *next = out;
    for (const struct xml *x = NULL; list && (x = xml_child(list, item, x)); next += s->size)
        shape_read(a, s, x, next);
    *ret_n = n;
    return out;
}

/* ---- copies ---- */

static const char **copy_texts(struct arena *a, const char *const *texts)
{
    size_t n = 0;
    while (texts[n])
        n++;
    const char **out = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = arena_strdup(a, texts[i]);
    return out;
}

static void own_member(struct arena *a, const struct shape_member *m, char *out)
{
    void *at = out + m->offset;
    const char *text = m->type == SHAPE_TEXT ? *(const char **)at : "";
    if (text[0])
        *(const char **)at = arena_strdup(a, text);
    else if (m->type == SHAPE_TEXTS)
        *(const char ***)at = copy_texts(a, *(const char ***)at);
    else if (m->type == SHAPE_LIST)
        *(void **)at = shape_copy(a, m->shape, *(void **)at, *(size_t *)(void *)(out + m->count_offset));
    else if (m->type == SHAPE_RAW)
        *(const struct xml **)at = NULL;
}

void *shape_copy(struct arena *a, const struct shape *s, const void *items, size_t n)
{
    char *out = arena_alloc(a, s->size * n + 1), *item = out;
    if (n)
        memcpy(out, items, s->size * n);
    for (size_t i = 0; i < n; i++, item += s->size)
        for (const struct shape_member *m = s->members; m->path; m++)
            own_member(a, m, item);
    return out;
}
