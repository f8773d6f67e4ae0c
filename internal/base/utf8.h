/* utf8.h — makes foreign bytes safe for a reply, a log line or a diagnostic.
 *
 * Terraform drops a whole reply whose protobuf string is not valid UTF-8 (RFC 3629), so everything that came
 * from a server, AWS or a user passes through here once. No allocation, no locale.
 */
#ifndef AURORA_UTF8_H
#define AURORA_UTF8_H

#include "internal/base/base.h"

/* True for well-formed UTF-8 without NUL (surrogates and overlong forms are refused). */
bool utf8_valid(const char *p, size_t n);

/* In place: every byte of a malformed sequence and every control character but \n and \t becomes '?'.
 * A sequence cut off at the end (by snprintf, say) is removed. */
void utf8_clean(char *s);

#endif
