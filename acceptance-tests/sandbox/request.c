#include "acceptance-tests/sandbox/request.h"

#include "internal/base/clock.h"
#include "internal/base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool percent_decode(struct arena *a, struct str text, bool plus, const char **ret)
{
    char *out = arena_alloc(a, text.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '%') {
            int high = i + 2 < text.n ? hex_value(text.p[i + 1]) : -1;
            int low = high >= 0 ? hex_value(text.p[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[n++] = c;
    }
    if (!utf8_valid(out, n))
        return false;
    *ret = out;
    return true;
}

static bool parse_pair(struct arena *a, struct str text, struct form_pair *ret)
{
    const char *equals = memchr(text.p, '=', text.n);
    size_t name = equals ? (size_t)(equals - text.p) : text.n;
    struct str value = equals ? (struct str){equals + 1, text.n - name - 1} : STR_LIT("");
    return percent_decode(a, (struct str){text.p, name}, true, &ret->name) &&
           percent_decode(a, value, true, &ret->value);
}

bool form_parse(struct arena *a, struct str text, struct form *ret, struct fault *f)
{
    struct form form = {0};
    size_t cap = 0;
    while (text.n > 0) {
        const char *end = memchr(text.p, '&', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        struct form_pair pair = {0};
        if (n > 0) {
            if (form.count == FORM_PAIRS_MAX || !parse_pair(a, (struct str){text.p, n}, &pair))
                return fault_set(f, "MalformedQueryString", "The query string contains a syntax error");
            ARR_PUSH(a, form.pairs, form.count, cap, pair);
        }
        text = end ? (struct str){end + 1, text.n - n - 1} : (struct str){NULL, 0};
    }
    *ret = form;
    return true;
}

const char *form_get(struct form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++)
        if (strcmp(form->pairs[i].name, name) == 0) {
            form->pairs[i].used = true;
            return form->pairs[i].value;
        }
    return NULL;
}

static bool has_prefix(const struct form *form, const char *prefix)
{
    size_t n = strlen(prefix);
    for (size_t i = 0; i < form->count; i++)
        if (strncmp(form->pairs[i].name, prefix, n) == 0)
            return true;
    return false;
}

static json_t *parse_number(const char *text, enum shape_kind kind)
{
    char *end = NULL;
    errno = 0;
    if (*text == '\0' || isspace((unsigned char)*text))
        return NULL;
    if (kind == SHAPE_INT) {
        long long value = strtoll(text, &end, 10);
        return errno == 0 && *end == '\0' ? json_integer(value) : NULL;
    }
    double value = strtod(text, &end);
    return errno == 0 && *end == '\0' && isfinite(value) ? json_real(value) : NULL;
}

json_t *scalar_parse(const char *text, enum shape_kind kind)
{
    int64_t ms;
    switch (kind) {
    case SHAPE_BOOL:
        if (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0)
            return json_boolean(tolower((unsigned char)*text) == 't');
        return NULL;
    case SHAPE_INT:
    case SHAPE_REAL:
        return parse_number(text, kind);
    case SHAPE_TIME:
        return time_parse_iso(text, &ms) ? json_string(text) : NULL;
    default:
        return json_string(text);
    }
}

static bool bind_rows(struct form *form, const char *prefix, const struct member *rows, json_t *out,
                      struct fault *f);

/* Element i of a list: "A.Element.i" or "A.member.i"; NULL behind the last one. */
static bool bind_element(struct form *form, const char *name, const struct member *row, int i, json_t **ret,
                         struct fault *f)
{
    const char *forms[] = {row->element, "member"};
    for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
        char path[640];
        (void)snprintf(path, sizeof path, "%s.%s.%d%s", name, forms[k], i, row->fields ? "." : "");
        if (row->fields && has_prefix(form, path)) {
            *ret = json_object();
            return bind_rows(form, path, row->fields, *ret, f);
        }
        const char *text = row->fields ? NULL : form_get(form, path);
        if (text) {
            *ret = json_string(text);
            return true;
        }
    }
    return true;
}

static bool bind_list(struct form *form, const char *name, const struct member *row, json_t **ret,
                      struct fault *f)
{
    json_t *list = json_array();
    for (int i = 1;; i++) {
        json_t *element = NULL;
        if (i > LIST_ITEMS_MAX || !bind_element(form, name, row, i, &element, f)) {
            json_decref(element);
            json_decref(list);
            return fault_set(f, "InvalidParameterValue", "%s has more than %d members", name, LIST_ITEMS_MAX);
        }
        if (!element)
            break;
        json_array_append_new(list, element);
    }
    bool sent = json_array_size(list) > 0 || form_get(form, name); /* "Filters=" is an empty list */
    if (!sent)
        json_decref(list);
    *ret = sent ? list : NULL;
    return true;
}

static bool bind_struct(struct form *form, const char *name, const struct member *row, json_t **ret,
                        struct fault *f)
{
    char path[640];
    (void)snprintf(path, sizeof path, "%s.", name);
    if (!has_prefix(form, path))
        return true;
    json_t *object = json_object();
    if (!bind_rows(form, path, row->fields, object, f)) {
        json_decref(object);
        return false;
    }
    *ret = object;
    return true;
}

static bool bind_scalar(struct form *form, const char *name, const struct member *row, json_t **ret,
                        struct fault *f)
{
    const char *text = form_get(form, name);
    if (!text)
        return true;
    *ret = scalar_parse(text, row->kind);
    if (!*ret)
        return fault_set(f, "InvalidParameterValue", "Invalid value %.100s for parameter %s", text, name);
    return true;
}

static bool missing(const char *name, struct fault *f)
{
    return fault_set(f, "MissingParameter", "The request must contain the parameter %s.", name);
}

static bool bind_rows(struct form *form, const char *prefix, const struct member *rows, json_t *out,
                      struct fault *f)
{
    for (const struct member *row = rows; row->kind != SHAPE_END; row++) {
        char name[512];
        json_t *value = NULL;
        if ((size_t)snprintf(name, sizeof name, "%s%s", prefix, row->name) >= sizeof name)
            return missing(row->name, f);
        bool ok = row->kind == SHAPE_LIST     ? bind_list(form, name, row, &value, f)
                  : row->kind == SHAPE_STRUCT ? bind_struct(form, name, row, &value, f)
                                              : bind_scalar(form, name, row, &value, f);
        if (!ok)
            return false;
        if (value)
            json_object_set_new(out, row->name, value);
        else if (row->required)
            return missing(name, f);
    }
    return true;
}

bool form_bind(struct form *form, const struct member *rows, json_t **ret, struct fault *f)
{
    json_t *out = json_object();
    if (rows && !bind_rows(form, "", rows, out, f)) {
        json_decref(out);
        return false;
    }
    *ret = out;
    return true;
}

static bool json_has_kind(const json_t *value, const struct member *row)
{
    switch (row->kind) {
    case SHAPE_STRING:
        return json_is_string(value);
    case SHAPE_BOOL:
        return json_is_boolean(value);
    case SHAPE_INT:
        return json_is_integer(value);
    case SHAPE_REAL:
    case SHAPE_TIME:
        return json_is_number(value);
    case SHAPE_LIST:
        return json_is_array(value);
    default:
        return json_is_object(value);
    }
}

bool json_bind(const json_t *body, const struct member *rows, json_t **ret, struct fault *f)
{
    if (!json_is_object(body))
        return fault_set(f, "SerializationException", "The request body is not a JSON object.");
    json_t *out = json_object();
    for (const struct member *row = rows; row && row->kind != SHAPE_END; row++) {
        json_t *value = json_object_get(body, row->name);
        bool absent = !value || json_is_null(value);
        if (absent ? row->required : !json_has_kind(value, row)) {
            json_decref(out);
            return fault_set(f, absent ? "ValidationException" : "SerializationException",
                             absent ? "Member '%s' is required." : "Member '%s' has the wrong type.",
                             row->name);
        }
        if (!absent)
            json_object_set(out, row->name, value);
    }
    *ret = out;
    return true;
}
