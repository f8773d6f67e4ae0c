#include "internal/base/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A decimal number of 1 to 3 digits without a leading zero (0 itself is fine); moves *s behind it. */
static bool take_number(const char **s, int *ret)
{
    const char *p = *s;
    int value = 0, digits = 0;
    for (; *p >= '0' && *p <= '9'; p++, digits++)
        value = digits < 4 ? value * 10 + (*p - '0') : value;
    if (digits == 0 || digits > 3 || (digits > 1 && **s == '0'))
        return false;
    *s = p;
    *ret = value;
    return true;
}

bool version_parse(const char *s, struct version *ret)
{
    struct version v = {.minor = -1};
    if (!take_number(&s, &v.major) || v.major < 10)
        return false;
    if (*s == '.') {
        s++;
        if (!take_number(&s, &v.minor))
            return false;
    }
    if (*s != '\0')
        return false;
    *ret = v;
    return true;
}

int version_compare(struct version a, struct version b)
{
    if (a.major != b.major)
        return a.major < b.major ? -1 : 1;
    return (a.minor > b.minor) - (a.minor < b.minor);
}

const char *version_print(struct version v, char out[VERSION_SIZE])
{
    if (v.minor < 0)
        (void)snprintf(out, VERSION_SIZE, "%d", v.major);
    else
        (void)snprintf(out, VERSION_SIZE, "%d.%d", v.major, v.minor);
    return out;
}

static bool take_hex32(const char **s, uint64_t *ret)
{
    uint64_t value = 0;
    int digits = 0;
    for (; isxdigit((unsigned char)**s); (*s)++, digits++) {
        int c = tolower((unsigned char)**s);
        value = value * 16 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        if (digits >= 8)
            return false;
    }
    *ret = value;
    return digits > 0;
}

bool lsn_parse(const char *s, lsn_t *ret)
{
    uint64_t high = 0, low = 0;
    if (!take_hex32(&s, &high) || *s++ != '/' || !take_hex32(&s, &low) || *s != '\0')
        return false;
    *ret = high << 32 | low;
    return true;
}

const char *lsn_print(lsn_t lsn, char out[LSN_SIZE])
{
    (void)snprintf(out, LSN_SIZE, "%X/%X", (unsigned)(lsn >> 32), (unsigned)(lsn & 0xffffffffU));
    return out;
}

/* Copies up to the next colon; false if there is none or the field is too long. */
static bool take_field(const char **s, char out[ARN_FIELD])
{
    const char *colon = strchr(*s, ':');
    if (!colon || (size_t)(colon - *s) >= ARN_FIELD)
        return false;
    memcpy(out, *s, (size_t)(colon - *s));
    out[colon - *s] = '\0';
    *s = colon + 1;
    return true;
}

bool arn_parse(const char *s, struct arn *ret)
{
    struct arn a = {0};
    if (strncmp(s, "arn:", 4) != 0)
        return false;
    s += 4;
    if (!take_field(&s, a.partition) || !take_field(&s, a.service) || !take_field(&s, a.region) ||
        !take_field(&s, a.account))
        return false;
    if (strchr(s, ':') && !take_field(&s, a.type))
        return false;
    if (a.partition[0] == '\0' || a.service[0] == '\0' || *s == '\0' || strlen(s) >= sizeof a.resource)
        return false;
    memcpy(a.resource, s, strlen(s) + 1);
    *ret = a;
    return true;
}

bool identifier_valid(const char *s)
{
    size_t n = strlen(s);
    if (n < 1 || n > 63 || !isalpha((unsigned char)s[0]) || s[n - 1] == '-' || strstr(s, "--"))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '-')
            return false;
    return true;
}
