#include "acceptance-tests/sandbox/rec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

json_t *rec_get(const json_t *r, const char *key)
{
    json_t *value = json_object_get(r, key);
    return value && !json_is_null(value) ? value : NULL;
}

const char *rec_str(const json_t *r, const char *key)
{
    const char *text = json_string_value(json_object_get(r, key));
    return text ? text : "";
}

bool rec_is(const json_t *r, const char *key, const char *value)
{
    return strcmp(rec_str(r, key), value) == 0;
}

bool rec_same(const json_t *r, const char *key, const char *value)
{
    return strcasecmp(rec_str(r, key), value) == 0;
}

bool rec_has(const json_t *r, const char *key)
{
    return rec_get(r, key) != NULL;
}

bool rec_bool(const json_t *r, const char *key)
{
    return json_is_true(json_object_get(r, key));
}

int64_t rec_int(const json_t *r, const char *key)
{
    return json_integer_value(json_object_get(r, key));
}

double rec_real(const json_t *r, const char *key)
{
    return json_number_value(json_object_get(r, key));
}

json_t *rec_list(json_t *r, const char *key)
{
    json_t *list = json_object_get(r, key);
    if (!json_is_array(list)) {
        list = json_array();
        (void)json_object_set_new(r, key, list);
    }
    return list;
}

void rec_set(json_t *r, const char *key, json_t *value)
{
    if (value)
        (void)json_object_set_new(r, key, value);
    else
        (void)json_object_del(r, key);
}

void rec_set_str(json_t *r, const char *key, const char *value)
{
    rec_set(r, key, value ? json_string(value) : NULL);
}

void rec_printf(json_t *r, const char *key, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rec_set_str(r, key, text);
}

void rec_set_bool(json_t *r, const char *key, bool value)
{
    rec_set(r, key, json_boolean(value));
}

void rec_set_int(json_t *r, const char *key, int64_t value)
{
    rec_set(r, key, json_integer(value));
}

void rec_unset(json_t *r, const char *key)
{
    (void)json_object_del(r, key);
}

void rec_copy(json_t *to, const json_t *from, const char *key)
{
    json_t *value = rec_get(from, key);
    rec_set(to, key, value ? json_deep_copy(value) : NULL);
}

bool list_has(const json_t *list, const char *text)
{
    size_t i;
    json_t *element;
    json_array_foreach(list, i, element)
    {
        const char *have = json_string_value(element);
        if (have && strcasecmp(have, text) == 0)
            return true;
    }
    return false;
}
