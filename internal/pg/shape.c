/* A statement without its values (PostgreSQL chapter 4.1: what a literal is, and a comment). */
#include "internal/base/buf.h"
#include "internal/pg/stall.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes from 128 on are letters to PostgreSQL. */
static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

static bool is_space(char c)
{
    return (unsigned char)c <= 0x20 || c == 0x7f;
}

/* Behind the closing quote; NULL: there is none, or a backslash might have hidden it. */
static const char *behind_quoted(const char *p, char quote, bool has_escapes)
{
    for (p++; *p; p++) {
        if (*p == '\\' && quote == '\'') {
            if (!has_escapes || !*++p)
                return NULL;
        } else if (*p == quote && *++p != quote) {
            return p;
        }
    }
    return NULL;
}

/* $tag$ … $tag$; NULL: unfinished. A lone $ is no quote: p comes back. */
static const char *behind_dollars(const char *p)
{
    size_t tag = 1;
    while (is_word(p[tag]) && p[tag] != '$')
        tag++;
    if (p[tag] != '$')
        return p;
    const char *body = p + tag + 1;
    for (; (body = strchr(body, '$')); body++)
        if (strncmp(body, p, tag + 1) == 0)
            return body + tag + 1;
    return NULL;
}

static const char *behind_comment(const char *p)
{
    if (p[0] == '-')
        return p + strcspn(p, "\n");
    size_t depth = 0;
    for (; *p; p++) {
        if (p[0] == '/' && p[1] == '*') {
            depth++;
            p++;
        } else if (p[0] == '*' && p[1] == '/') {
            p++;
            if (--depth == 0)
                return p + 1;
        }
    }
    return p;
}

static bool is_comment(const char *p)
{
    return (p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*');
}

/* A number in all its forms, 0x1F and 1_000 and 1.5e-3; what may be no number is hidden with it. */
static const char *behind_number(const char *p)
{
    while (is_word(*p) || *p == '.' || ((*p == '-' || *p == '+') && (p[-1] == 'e' || p[-1] == 'E')))
        p++;
    return p;
}

/* What stands there: copied, or "?" for a value. Returns behind it; NULL: the rest is not told. */
static const char *token(const char *p, struct buf *out)
{
    const char *end = p;
    if (*p == '"')
        end = behind_quoted(p, '"', false);
    else if (is_word(*p) && !is_digit(*p) && (*p != '$' || is_digit(p[1])))
        while (is_word(*end))
            end++;
    if (end && end != p) {
        bool escapes = end - p == 1 && (*p == 'e' || *p == 'E');
        if (*end != '\'') {
            (void)buf_add(out, p, (size_t)(end - p));
            return end;
        }
        end = behind_quoted(end, '\'', escapes); /* E'…', B'…', U&'…' */
    } else if (end && *p == '\'') {
        end = behind_quoted(p, '\'', false);
    } else if (end && *p == '$') {
        end = behind_dollars(p);
    } else if (end && (is_digit(*p) || (*p == '.' && is_digit(p[1])))) {
        end = behind_number(p);
    }
    if (end == p) {
        (void)buf_add(out, p, 1);
        return p + 1;
    }
    (void)buf_puts(out, "?");
    return end;
}

static const char *cut(struct arena *a, const struct buf *b)
{
    size_t n = b->n;
    while (n > 0 && is_space(b->p[n - 1]))
        n--;
    if (n <= PG_SHAPE_BYTES)
        return n ? arena_memdup(a, b->p, n) : "";
    for (n = PG_SHAPE_BYTES; n > 0 && ((unsigned char)b->p[n] & 0xc0) == 0x80; n--)
        ;
    return arena_printf(a, "%.*s…", (int)n, b->p);
}

const char *pg_query_shape(struct arena *a, const char *sql)
{
    struct buf out CLEANUP(buf_done) = BUF_INIT(64 * 1024);
    const char *p = sql;
    while (p && *p && out.n <= PG_SHAPE_BYTES) {
        if (!is_space(*p) && !is_comment(p)) {
            p = token(p, &out);
            continue;
        }
        p = is_space(*p) ? p + 1 : behind_comment(p);
        if (out.n > 0 && out.p[out.n - 1] != ' ')
            (void)buf_puts(&out, " ");
    }
    return cut(a, &out);
}
