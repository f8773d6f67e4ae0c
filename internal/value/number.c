#include "internal/value/number.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scan {
    const char *p, *end;
};

static bool accept(struct scan *s, const char *any_of)
{
    if (s->p == s->end || !strchr(any_of, *s->p) || *s->p == '\0')
        return false;
    s->p++;
    return true;
}

/* Appends the digits at the scanner; returns how many there were. */
static size_t take_digits(struct scan *s, struct decimal *d)
{
    const char *start = s->p;
    while (s->p < s->end && isdigit((unsigned char)*s->p))
        d->digits[d->n++] = *s->p++;
    return (size_t)(s->p - start);
}

static bool take_exponent(struct scan *s, int64_t *ret)
{
    bool negative = s->p < s->end && *s->p == '-';
    (void)accept(s, "+-"); /* the sign is optional */
    const char *start = s->p;
    int64_t n = 0;
    for (; s->p < s->end && isdigit((unsigned char)*s->p); s->p++) {
        n = n * 10 + (*s->p - '0');
        if (n > NUMBER_EXPONENT_MAX)
            return false;
    }
    *ret = negative ? -n : n;
    return s->p > start;
}

static void normalise(struct decimal *d)
{
    size_t zeros = 0;
    while (zeros < d->n && d->digits[zeros] == '0')
        zeros++;
    d->n -= zeros;
    d->exponent -= (int64_t)zeros;
    memmove(d->digits, d->digits + zeros, d->n);
    while (d->n > 0 && d->digits[d->n - 1] == '0')
        d->n--;
    if (d->n == 0) {
        d->exponent = 0;
        d->negative = false;
    }
}

bool decimal_parse(struct str text, struct decimal *ret)
{
    if (text.n == 0 || text.n > NUMBER_TEXT_MAX)
        return false;
    struct scan s = {text.p, text.p + text.n};
    struct decimal d;
    d.n = 0;
    d.negative = accept(&s, "-");
    bool leading_zero = s.p < s.end && *s.p == '0';
    size_t whole = take_digits(&s, &d);
    if (whole == 0 || (leading_zero && whole > 1))
        return false;
    if (accept(&s, ".") && take_digits(&s, &d) == 0)
        return false;
    int64_t exponent = 0;
    if (accept(&s, "eE") && !take_exponent(&s, &exponent))
        return false;
    if (s.p != s.end)
        return false;
    d.exponent = (int64_t)whole + exponent;
    normalise(&d);
    ret->negative = d.negative;
    ret->n = d.n;
    ret->exponent = d.exponent;
    memcpy(ret->digits, d.digits, d.n);
    return true;
}

bool decimal_equal(const struct decimal *x, const struct decimal *y)
{
    return x->negative == y->negative && x->n == y->n && x->exponent == y->exponent &&
           memcmp(x->digits, y->digits, x->n) == 0;
}

bool decimal_to_int64(const struct decimal *d, int64_t *ret)
{
    enum { INT64_DIGITS = 19 };
    if ((int64_t)d->n > d->exponent || d->exponent > INT64_DIGITS)
        return d->n == 0 ? (*ret = 0, true) : false;
    uint64_t magnitude = 0; /* 19 digits fit */
    for (int64_t i = 0; i < d->exponent; i++)
        magnitude = magnitude * 10 + (i < (int64_t)d->n ? (uint64_t)(d->digits[i] - '0') : 0);
    if (magnitude > (uint64_t)INT64_MAX + d->negative)
        return false;
    *ret = d->negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool decimal_to_double(const struct decimal *d, const char *text, double *ret)
{
    enum { EXACT_DIGITS = 780, EXACT_SIZE = 800 }; /* no double has more than 767 significant digits */
    if (d->n > EXACT_DIGITS)
        return false;
    double nearest = strtod(text, NULL);
    char exact[EXACT_SIZE];
    (void)snprintf(exact, sizeof exact, "%.*e", EXACT_DIGITS, nearest);
    struct decimal back;
    if (!decimal_parse(str_of(exact), &back) || !decimal_equal(d, &back))
        return false;
    *ret = nearest;
    return true;
}

void double_to_text(double d, char out[DOUBLE_TEXT_SIZE])
{
    enum { FRACTION_DIGITS = 1074 }; /* the smallest double is 2^-1074 */
    int n = snprintf(out, DOUBLE_TEXT_SIZE, "%.*f", FRACTION_DIGITS, d);
    while (out[n - 1] == '0')
        n--;
    out[out[n - 1] == '.' ? n - 1 : n] = '\0';
}
