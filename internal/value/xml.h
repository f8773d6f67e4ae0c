/* xml.h — small XML documents: as a tree, for replies of AWS's query protocol and its REST-XML; and written,
 * for requests of the latter.
 *
 * Refuses what a hostile or broken server may send: any DOCTYPE, more than XML_BYTES_MAX bytes, XML_DEPTH_MAX
 * levels or XML_NODES_MAX elements, and everything that is not well-formed. Namespaces and attributes are
 * dropped.
 */
#ifndef AURORA_XML_H
#define AURORA_XML_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/base/err.h"

enum { XML_BYTES_MAX = 16 * 1024 * 1024, XML_DEPTH_MAX = 40, XML_NODES_MAX = 400000 };

struct xml {
    const char *name; /* without prefix */
    const char *text; /* all character data directly inside, "" if none; untrimmed */
    const struct xml *parent, *first, *next;
};

MUST_CHECK bool xml_parse(struct arena *a, struct str document, const struct xml **ret_root, struct err *e);

/* Slash-separated path below `x`, first match; NULL if absent or x is NULL. xml_text gives `otherwise` then.
 */
const struct xml *xml_find(const struct xml *x, const char *path);
const char *xml_text(const struct xml *x, const char *path, const char *otherwise);

/* Iterates the children of `x` called `name` (NULL: all): start with prev = NULL. */
const struct xml *xml_child(const struct xml *x, const char *name, const struct xml *prev);

/* <name>text</name>, with the text's markup escaped; a control character, which no XML can hold, becomes
 * '?'. The name is the program's own. */
void xml_put(struct buf *out, const char *name, const char *text);

#endif
