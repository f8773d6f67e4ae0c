/* ini.h — the format of ~/.aws/config and ~/.aws/credentials, as a flat list of entries.
 *
 * Understands sections, `key = value`, comments (# and ; at the start of a line or after white space), CRLF,
 * a byte-order mark, indented continuation lines, and nested properties (an indented `sub = value` below a
 * key without a value). Values may be of any length up to the file's limit: session tokens are. Lines that
 * are none of these are skipped, as AWS's own readers do. Keys are lower-cased, section names are kept.
 * Refuses files with NUL bytes and more than INI_ENTRIES_MAX entries. Pure; everything lives in the arena.
 */
#ifndef AURORA_AWS_INI_H
#define AURORA_AWS_INI_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/base/err.h"

enum { INI_BYTES_MAX = 1024 * 1024, INI_ENTRIES_MAX = 20000 };

struct ini_entry {
    const char *section;
    const char *key;   /* NULL: the section's own line */
    const char *sub;   /* nested key; NULL for plain properties */
    const char *value; /* "" if there is none */
};

struct ini {
    const struct ini_entry *entries;
    size_t count;
};

MUST_CHECK bool ini_parse(struct arena *a, struct str text, struct ini *ret, struct err *e);

bool ini_has_section(const struct ini *ini, const char *section);
/* The last one of equal entries counts. NULL: absent. `sub` NULL: the plain property. */
const char *ini_get(const struct ini *ini, const char *section, const char *key, const char *sub);

#endif
