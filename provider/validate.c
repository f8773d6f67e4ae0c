#include "provider/validate.h"

#include "internal/base/clock.h"
#include "internal/base/names.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static bool in_range(const struct value *v, int64_t low, int64_t high, const char *what, struct err *e)
{
    int64_t n = value_as_int(v, low - 1);
    if (n >= low && n <= high)
        return true;
    return err_set(e, ERR_INVALID, "%s must be a whole number from %" PRId64 " to %" PRId64, what, low, high);
}

bool validate_retries(const struct value *v, struct err *e)
{
    return in_range(v, 0, 1000, "the number of retries", e);
}

bool validate_port(const struct value *v, struct err *e)
{
    return in_range(v, 1, 65535, "a port", e);
}

bool validate_connect_timeout(const struct value *v, struct err *e)
{
    return in_range(v, 1, 3600, "the time-out in seconds", e);
}

bool validate_role_duration(const struct value *v, struct err *e)
{
    int64_t ms;
    if (duration_parse(value_as_text(v, ""), &ms) && ms >= 15 * 60000 && ms <= 12 * 3600000)
        return true;
    return err_set(e, ERR_INVALID, "\"%s\" is not a duration from 15m to 12h, such as \"1h30m\"",
                   value_as_text(v, ""));
}

/* A role's path may be longer than struct arn has room for. */
bool validate_role_arn(const struct value *v, struct err *e)
{
    const char *s = value_as_text(v, "");
    const char *account = strncmp(s, "arn:", 4) == 0 ? strstr(s, ":iam::") : NULL;
    const char *role = account ? account + 6 + strspn(account + 6, "0123456789") : "";
    if (strncmp(role, ":role/", 6) == 0 && role[6] && strlen(s) <= 2048)
        return true;
    return err_set(e, ERR_INVALID,
                   "\"%s\" is not the ARN of a role, such as \"arn:aws:iam::123456789012:role/x\"",
                   value_as_text(v, ""));
}

/* A user name in the URL would end up in logs, a query would break signatures. */
bool validate_url(const struct value *v, struct err *e)
{
    const char *s = value_as_text(v, "");
    const char *rest = strncmp(s, "https://", 8) == 0 ? s + 8 : strncmp(s, "http://", 7) == 0 ? s + 7 : "";
    bool ok = isalnum((unsigned char)rest[0]) || rest[0] == '[';
    for (const char *p = rest; *p; p++)
        ok = ok && isgraph((unsigned char)*p) && !strchr("@?#\"<>\\", *p);
    return ok || err_set(e, ERR_INVALID,
                         "must be a URL such as \"https://rds.example.com:8443\", without user, "
                         "query or fragment");
}

/* Everything here goes into an HTTP header. */
bool validate_user_agent(const struct value *v, struct err *e)
{
    for (size_t i = 0; i < v->count; i++) {
        const char *s = value_as_text(v->items[i], "x");
        bool ok = isgraph((unsigned char)s[0]) && strlen(s) <= 256;
        for (const char *p = s; *p; p++)
            ok = ok && isprint((unsigned char)*p);
        if (!ok)
            return err_set(e, ERR_INVALID,
                           "each element must be like \"name/version (comment)\": printable ASCII, "
                           "at most 256 characters");
    }
    return true;
}

bool validate_skip_metadata(const struct value *v, struct err *e)
{
    enum aws_choice unused;
    return choice_parse(value_as_text(v, ""), &unused) ||
           err_set(e, ERR_INVALID, "must be \"true\" or \"false\", as a string");
}

bool choice_parse(const char *text, enum aws_choice *ret)
{
    static const struct {
        const char *text;
        enum aws_choice choice;
    } rows[] = {{"", AWS_UNSAID}, {"true", AWS_YES}, {"1", AWS_YES}, {"false", AWS_NO}, {"0", AWS_NO}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(text, rows[i].text) == 0) {
            *ret = rows[i].choice;
            return true;
        }
    return false;
}

bool validate_retry_mode(const struct value *v, struct err *e)
{
    if (strcmp(value_as_text(v, ""), "standard") == 0)
        return true;
    return err_set(
        e, ERR_INVALID,
        "only \"standard\" is possible: its repetitions are spread over all calls together already");
}

bool validate_retry_capacity(const struct value *v, struct err *e)
{
    return in_range(v, 1, 10000, "the capacity", e);
}

bool validate_cluster_identifier(const struct value *v, struct err *e)
{
    if (identifier_valid(value_as_text(v, "")))
        return true;
    return err_set(e, ERR_INVALID,
                   "\"%s\" is not a DB cluster identifier: 1 to 63 letters, digits and hyphens, "
                   "beginning with a letter, without \"--\" and without a hyphen at the end",
                   value_as_text(v, ""));
}

/* Words of lower-case letters, then a number of at most two digits. */
bool region_plausible(const char *s)
{
    size_t words = 0;
    while (islower((unsigned char)*s)) {
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");
        if (s[n] != '-' || n > 16)
            return false;
        s += n + 1;
        words++;
    }
    size_t digits = strspn(s, "0123456789");
    return words >= 2 && words <= 4 && digits >= 1 && digits <= 2 && !s[digits];
}
