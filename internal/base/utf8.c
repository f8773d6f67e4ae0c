#include "internal/base/utf8.h"

#include <string.h>

/* Length of the well-formed sequence at p, 0 if there is none, -1 if the text ends inside one. */
static int sequence(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return p[0] != 0;
    int n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    for (int i = 1; i < n; i++) {
        if ((size_t)i >= left)
            return -1;
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
    bool beyond = p[0] == 0xf4 && p[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : n;
}

bool utf8_valid(const char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        int len = sequence((const unsigned char *)p + i, n - i);
        if (len <= 0)
            return false;
        i += (size_t)len;
    }
    return true;
}

void utf8_clean(char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n;) {
        int len = sequence((const unsigned char *)s + i, n - i);
        if (len < 0) {
            s[i] = '\0';
            return;
        }
        bool control =
            len == 1 && ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) && s[i] != '\n' && s[i] != '\t';
        if (len == 0 || control)
            s[i] = '?';
        i += len > 0 ? (size_t)len : 1;
    }
}
