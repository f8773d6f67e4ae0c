/* Own reader rather than jansson's: jansson turns numbers into int64 or double (its decoding flags choose
 * between the two, none keeps the text), and a state with 2^63, 0.1 or 1e30 must come back as it was. */
#include "internal/base/utf8.h"
#include "internal/value/inside.h"
#include "internal/value/number.h"
#include "internal/value/value.h"

#include <string.h>

enum { JSON_DEPTH_MAX = 64, JSON_BYTES_MAX = 64 * 1024 * 1024 };

struct reader {
    struct arena *arena;
    const char *start, *p, *end;
    int depth;
    struct err *e;
};

static bool read_value(struct reader *r, const struct value **ret);

static bool refuse(struct reader *r, const char *what)
{
    return err_set(r->e, ERR_INVALID, "JSON: %s at byte %zu", what, (size_t)(r->p - r->start));
}

static void skip_space(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
        r->p++;
}

static bool accept(struct reader *r, const char *literal)
{
    size_t n = strlen(literal);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, literal, n) != 0)
        return false;
    r->p += n;
    return true;
}

/* ---- strings ---- */

static bool read_hex4(struct reader *r, unsigned *ret)
{
    unsigned code = 0;
    if (r->end - r->p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *at = r->p[i] ? strchr(digits, r->p[i]) : NULL;
        if (!at)
            return false;
        code = code * 16 + (unsigned)(at - digits) % 16;
    }
    r->p += 4;
    *ret = code;
    return true;
}

static size_t put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(first[n] | c);
    return n;
}

/* After "\u". A surrogate without its partner becomes U+FFFD, as in Go's encoding/json. */
static bool read_unicode(struct reader *r, char *out, size_t *n)
{
    enum { HIGH = 0xd800, LOW = 0xdc00, AFTER = 0xe000, REPLACEMENT = 0xfffd };
    unsigned c, low = 0;
    if (!read_hex4(r, &c))
        return refuse(r, "bad \\u escape");
    if (c >= HIGH && c < LOW) {
        const char *before = r->p;
        if (accept(r, "\\u") && read_hex4(r, &low) && low >= LOW && low < AFTER) {
            c = 0x10000 + ((c - HIGH) << 10) + (low - LOW);
        } else {
            r->p = before;
            c = REPLACEMENT;
        }
    } else if (c >= LOW && c < AFTER) {
        c = REPLACEMENT;
    }
    *n += put_utf8(out + *n, c);
    return true;
}

static bool read_escape(struct reader *r, char *out, size_t *n)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (accept(r, "u"))
        return read_unicode(r, out, n);
    const char *at = r->p < r->end && *r->p ? strchr(from, *r->p) : NULL;
    if (!at)
        return refuse(r, "bad escape");
    r->p++;
    out[(*n)++] = to[at - from];
    return true;
}

/* Length of the text up to the closing quote, escapes included: no escape is longer when read. */
static size_t raw_length(const struct reader *r)
{
    const char *p = r->p;
    while (p < r->end && *p != '"')
        p += *p == '\\' && p + 1 < r->end ? 2 : 1;
    return (size_t)(p - r->p);
}

static bool read_text(struct reader *r, const char **ret, size_t *ret_n)
{
    if (!accept(r, "\""))
        return refuse(r, "a string is expected");
    size_t room = raw_length(r);
    char *out = arena_alloc(r->arena, room + 1);
    size_t n = 0, checked = 0; /* what is written through escapes needs no check */
    while (r->p < r->end && *r->p != '"') {
        if ((unsigned char)*r->p < 0x20)
            return refuse(r, "control character in a string");
        if (*r->p != '\\') {
            out[n++] = *r->p++;
            continue;
        }
        r->p++;
        if (!utf8_valid(out + checked, n - checked))
            return refuse(r, "invalid UTF-8");
        if (!read_escape(r, out, &n))
            return false;
        checked = n;
    }
    if (!accept(r, "\""))
        return refuse(r, "unfinished string");
    if (!utf8_valid(out + checked, n - checked))
        return refuse(r, "invalid UTF-8");
    *ret = out;
    *ret_n = n;
    return true;
}

/* ---- values ---- */

static bool read_string(struct reader *r, const struct value **ret)
{
    struct value *v = ARENA_NEW(r->arena, struct value);
    v->kind = VALUE_STRING;
    if (!read_text(r, &v->text, &v->size))
        return false;
    *ret = v;
    return true;
}

static bool read_number(struct reader *r, const struct value **ret)
{
    struct decimal d;
    const char *start = r->p;
    while (r->p < r->end && *r->p && strchr("+-.0123456789eE", *r->p))
        r->p++;
    struct str text = {start, (size_t)(r->p - start)};
    if (text.n == 0)
        return refuse(r, "a value is expected");
    if (!decimal_parse(text, &d))
        return refuse(r, "bad or too long number");
    struct value *v = ARENA_NEW(r->arena, struct value);
    v->kind = VALUE_NUMBER;
    v->text = arena_memdup(r->arena, text.p, text.n);
    v->size = text.n;
    *ret = v;
    return true;
}

static bool read_member(struct reader *r, struct value *object)
{
    size_t n;
    const char *key;
    const struct value *v;
    skip_space(r);
    if (!read_text(r, &key, &n))
        return false;
    if (strlen(key) != n)
        return refuse(r, "NUL in a member's name");
    skip_space(r);
    if (!accept(r, ":"))
        return refuse(r, "':' is expected");
    if (!read_value(r, &v))
        return false;
    value_add(r->arena, object, key, v);
    return true;
}

static bool read_element(struct reader *r, struct value *list)
{
    const struct value *v;
    if (!read_value(r, &v))
        return false;
    value_append(r->arena, list, v);
    return true;
}

static bool read_sequence(struct reader *r, struct value *v, const char *close,
                          bool (*read_one)(struct reader *, struct value *))
{
    if (++r->depth > JSON_DEPTH_MAX)
        return refuse(r, "nested too deeply");
    skip_space(r);
    for (bool first = true; !accept(r, close); first = false) {
        if (!first && !accept(r, ","))
            return refuse(r, "',' is expected");
        if (!read_one(r, v))
            return false;
        skip_space(r);
    }
    r->depth--;
    return true;
}

static bool read_container(struct reader *r, const struct value **ret)
{
    bool is_list = accept(r, "[");
    struct value *v = is_list ? value_list(r->arena) : value_object(r->arena);
    if (!is_list)
        (void)accept(r, "{"); /* the caller has seen it */
    if (!read_sequence(r, v, is_list ? "]" : "}", is_list ? read_element : read_member))
        return false;
    const char *twice = keys_duplicate(r->arena, v);
    if (twice)
        return err_set(r->e, ERR_INVALID, "JSON: \"%s\" is there twice in one object", twice);
    *ret = v;
    return true;
}

static bool read_value(struct reader *r, const struct value **ret)
{
    static const struct {
        const char *word;
        const struct value *v;
    } words[] = {{"null", &value_null}, {"true", &value_true}, {"false", &value_false}};
    skip_space(r);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (accept(r, words[i].word)) {
            *ret = words[i].v;
            return true;
        }
    }
    char c = '\0';
    if (r->p < r->end)
        c = *r->p;
    return c == '"'               ? read_string(r, ret)
           : c == '[' || c == '{' ? read_container(r, ret)
                                  : read_number(r, ret);
}

bool value_from_json(struct arena *a, struct str json, const struct value **ret, struct err *e)
{
    if (json.n > JSON_BYTES_MAX)
        return err_set(e, ERR_INVALID, "JSON: more than %d bytes", JSON_BYTES_MAX);
    const struct value *v;
    struct reader r = {.arena = a, .start = json.p, .p = json.p, .end = json.p + json.n, .e = e};
    if (!read_value(&r, &v))
        return false;
    skip_space(&r);
    if (r.p != r.end)
        return refuse(&r, "something behind the value");
    *ret = v;
    return true;
}

/* ---- writing ---- */

void json_write_text(struct buf *out, const char *s, size_t n)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct str clean = text_clean(a, (struct str){s, n});
    s = clean.p;
    n = clean.n;
    (void)buf_puts(out, "\"");
    size_t plain = 0; /* start of what needs no escape */
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        (void)buf_add(out, s + plain, i - plain);
        plain = i + 1;
        if (c == '\n')
            (void)buf_puts(out, "\\n");
        else if (c < 0x20)
            (void)buf_printf(out, "\\u%04x", c);
        else
            (void)buf_printf(out, "\\%c", c);
    }
    (void)buf_add(out, s + plain, n - plain);
    (void)buf_puts(out, "\"");
}

static bool write_value(const struct value *v, struct buf *out, struct err *e);

static bool write_container(const struct value *v, struct buf *out, struct err *e)
{
    bool is_list = v->kind == VALUE_LIST;
    (void)buf_puts(out, is_list ? "[" : "{");
    for (size_t i = 0; i < v->count; i++) {
        if (i > 0)
            (void)buf_puts(out, ",");
        if (!is_list) {
            json_write_text(out, v->keys[i], strlen(v->keys[i]));
            (void)buf_puts(out, ":");
        }
        if (!write_value(v->items[i], out, e))
            return false;
    }
    (void)buf_puts(out, is_list ? "]" : "}");
    return true;
}

static bool write_value(const struct value *v, struct buf *out, struct err *e)
{
    if (value_is_unknown(v))
        return err_set(e, ERR_BUG, "an unknown value has no JSON form");
    if (value_is_null(v))
        (void)buf_puts(out, "null");
    else if (v->kind == VALUE_BOOL)
        (void)buf_puts(out, v->boolean ? "true" : "false");
    else if (v->kind == VALUE_NUMBER)
        (void)buf_add(out, v->text, v->size);
    else if (v->kind == VALUE_STRING)
        json_write_text(out, v->text, v->size);
    else
        return write_container(v, out, e);
    return true; /* a full buffer remembers it: the caller of value_to_json looks at `overflow` */
}

bool value_to_json(const struct value *v, struct buf *out, struct err *e)
{
    if (!write_value(v, out, e))
        return false;
    return !out->overflow || err_set(e, ERR_INVALID, "JSON: more than %zu bytes", out->max);
}
