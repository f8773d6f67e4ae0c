#include "acceptance-tests/sandbox/json_text.h"

#include <string.h>

/* What stands behind the backslash; 0: the character needs none, 'u': its number. */
static char escape_of(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return c < 0x20 ? 'u' : 0;
    }
}

static void put_string(struct buf *b, const char *text, size_t n)
{
    size_t from = 0;
    (void)buf_add(b, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        char escape = escape_of((unsigned char)text[i]);
        if (!escape)
            continue;
        (void)buf_add(b, text + from, i - from);
        if (escape == 'u')
            (void)buf_printf(b, "\\u%04X", (unsigned)(unsigned char)text[i]);
        else
            (void)buf_add(b, (const char[]){'\\', escape}, 2);
        from = i + 1;
    }
    (void)buf_add(b, text + from, n - from);
    (void)buf_add(b, "\"", 1);
}

static void put_integer(struct buf *b, json_int_t value)
{
    char digits[24], *p = digits + sizeof digits;
    unsigned long long rest = value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value;
    do
        *--p = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0)
        *--p = '-';
    (void)buf_add(b, p, (size_t)(digits + sizeof digits - p));
}

/* As the library writes it, which knows how many digits are needed. */
static void put_real(struct buf *b, const json_t *value)
{
    char text[64];
    size_t n = json_dumpb(value, text, sizeof text, JSON_ENCODE_ANY | JSON_COMPACT);
    (void)buf_add(b, text, n < sizeof text ? n : 0);
}

static void put(struct buf *b, const json_t *value);

static void put_object(struct buf *b, json_t *object)
{
    bool first = true;
    (void)buf_add(b, "{", 1);
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i), first = false) {
        const char *key = json_object_iter_key(i);
        (void)buf_add(b, ",", first ? 0 : 1);
        put_string(b, key, strlen(key));
        (void)buf_add(b, ":", 1);
        put(b, json_object_iter_value(i));
    }
    (void)buf_add(b, "}", 1);
}

static void put_array(struct buf *b, const json_t *array)
{
    (void)buf_add(b, "[", 1);
    for (size_t i = 0; i < json_array_size(array); i++) {
        (void)buf_add(b, ",", i > 0);
        put(b, json_array_get(array, i));
    }
    (void)buf_add(b, "]", 1);
}

static void put(struct buf *b, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        put_object(b, (json_t *)(uintptr_t)value);
        break;
    case JSON_ARRAY:
        put_array(b, value);
        break;
    case JSON_STRING:
        put_string(b, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        put_integer(b, json_integer_value(value));
        break;
    case JSON_REAL:
        put_real(b, value);
        break;
    case JSON_TRUE:
        (void)buf_puts(b, "true");
        break;
    case JSON_FALSE:
        (void)buf_puts(b, "false");
        break;
    case JSON_NULL:
        (void)buf_puts(b, "null");
        break;
    }
}

bool json_text(struct buf *b, const json_t *value)
{
    put(b, value);
    return !b->overflow;
}
