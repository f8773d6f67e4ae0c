/* number.h — decimal text taken as the exact number it stands for.
 *
 * cty numbers are 512-bit floats: neither int64 nor double holds them all, so values keep their text and this
 * file compares and classifies such texts without floating point. Private to internal/value.
 */
#ifndef AURORA_NUMBER_H
#define AURORA_NUMBER_H

#include "internal/base/buf.h"

enum { NUMBER_TEXT_MAX = 4096, NUMBER_EXPONENT_MAX = 100000 };

/* ±0.d1d2…dn × 10^exponent without leading or trailing zeros; zero has n == 0. */
struct decimal {
    bool negative;
    size_t n;
    int64_t exponent;
    char digits[NUMBER_TEXT_MAX];
};

/* Accepts the number grammar of JSON (RFC 8259 section 6), up to the limits above. */
MUST_CHECK bool decimal_parse(struct str text, struct decimal *ret);
bool decimal_equal(const struct decimal *x, const struct decimal *y);

MUST_CHECK bool decimal_to_int64(const struct decimal *d, int64_t *ret); /* false: fraction or too large */
/* False unless the text's number and the double are exactly the same. */
MUST_CHECK bool decimal_to_double(const struct decimal *d, const char *text, double *ret);

/* The exact value of a finite double, for cty takes a float64 for exact: Terraform 1.8 sends 2^63 as one, and
 * the shortest text that reads back as the same double would come back to it as another number. */
#define DOUBLE_TEXT_SIZE 1400
void double_to_text(double d, char out[DOUBLE_TEXT_SIZE]);

#endif
