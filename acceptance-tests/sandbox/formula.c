/* Parameter formulas, as in "LEAST({DBInstanceClassMemory/9531392},5000)". Braces only group. */
#include "acceptance-tests/sandbox/params.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEPTH_MAX = 16 };

struct parser {
    const char *p;
    const struct machine *m;
    int depth;
};

static bool parse_sum(struct parser *s, double *ret);

static bool take(struct parser *s, char c)
{
    while (isspace((unsigned char)*s->p))
        s->p++;
    if (*s->p != c)
        return false;
    s->p++;
    return true;
}

struct accumulate {
    const char *name;
    char kind; /* m: minimum, M: maximum, s: sum, l: base-2 logarithm */
};

static double combine(char kind, double a, double b)
{
    return kind == 'm' ? fmin(a, b) : kind == 'M' ? fmax(a, b) : a + b;
}

static bool parse_call(struct parser *s, char kind, double *ret)
{
    double total = 0, value;
    bool first = true;
    if (!take(s, '('))
        return false;
    do {
        if (!parse_sum(s, &value))
            return false;
        total = first ? value : combine(kind, total, value);
        first = false;
    } while (take(s, ','));
    *ret = kind == 'l' ? log2(total) : total;
    return take(s, ')');
}

static bool variable(const struct machine *m, const char *name, size_t n, double *ret)
{
    const struct {
        const char *name;
        double value;
    } rows[] = {
        {"DBInstanceClassMemory", m->memory_bytes},
        {"DBInstanceVCPU", m->vcpus},
        {"EndPointPort", m->port},
        {"AllocatedStorage", 1073741824.0},
        {"DBInstanceClassHugePagesDefault", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strlen(rows[i].name) == n && strncasecmp(rows[i].name, name, n) == 0) {
            *ret = rows[i].value;
            return true;
        }
    return false;
}

static bool parse_word(struct parser *s, double *ret)
{
    static const struct accumulate CALLS[] = {{"GREATEST", 'M'}, {"LEAST", 'm'}, {"SUM", 's'}, {"LOG", 'l'}};
    const char *word = s->p;
    while (isalnum((unsigned char)*s->p))
        s->p++;
    size_t n = (size_t)(s->p - word);
    for (size_t i = 0; i < ARRAY_LEN(CALLS); i++)
        if (strlen(CALLS[i].name) == n && strncasecmp(CALLS[i].name, word, n) == 0)
            return parse_call(s, CALLS[i].kind, ret);
    return variable(s->m, word, n, ret);
}

static bool parse_atom(struct parser *s, double *ret)
{
    bool ok = false;
    if (++s->depth > DEPTH_MAX)
        return false;
    if (take(s, '{'))
        ok = parse_sum(s, ret) && take(s, '}');
    else if (take(s, '('))
        ok = parse_sum(s, ret) && take(s, ')');
    else if (isalpha((unsigned char)*s->p))
        ok = parse_word(s, ret);
    else {
        char *end;
        *ret = strtod(s->p, &end);
        ok = end != s->p;
        s->p = end;
    }
    s->depth--;
    return ok;
}

static bool parse_product(struct parser *s, double *ret)
{
    double value;
    if (!parse_atom(s, ret))
        return false;
    for (;;) {
        bool divide = take(s, '/');
        if (!divide && !take(s, '*'))
            return true;
        if (!parse_atom(s, &value) || (divide && value == 0))
            return false;
        *ret = divide ? *ret / value : *ret * value;
    }
}

static bool parse_sum(struct parser *s, double *ret)
{
    double value;
    if (!parse_product(s, ret))
        return false;
    for (;;) {
        bool minus = take(s, '-');
        if (!minus && !take(s, '+'))
            return true;
        if (!parse_product(s, &value))
            return false;
        *ret = minus ? *ret - value : *ret + value;
    }
}

bool formula_eval(const char *text, const struct machine *m, double *ret)
{
    struct parser s = {text, m, 0};
    double value;
    if (!parse_sum(&s, &value) || !isfinite(value))
        return false;
    while (isspace((unsigned char)*s.p))
        s.p++;
    if (*s.p)
        return false;
    *ret = floor(value);
    return true;
}

bool is_formula(const char *text)
{
    return strpbrk(text, "{(") != NULL;
}
