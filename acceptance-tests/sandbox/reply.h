/* reply.h — AWS's envelopes around results and faults: Query/XML, REST-XML and JSON 1.1. */
#ifndef SANDBOX_REPLY_H
#define SANDBOX_REPLY_H

#include "acceptance-tests/sandbox/fault.h"
#include "acceptance-tests/sandbox/shape.h"
#include "internal/base/buf.h"

#include <jansson.h>

enum { REPLY_MAX = 16 * 1024 * 1024 };

/* <OpResponse xmlns><OpResult>…</OpResult><ResponseMetadata>…; without rows no <OpResult>, as AWS does for
 * operations that give nothing back. */
void reply_xml(struct buf *b, const char *xmlns, const char *action, const struct member *rows,
               const json_t *result, const char *request_id);
void reply_xml_fault(struct buf *b, const char *xmlns, const struct fault *f, const char *request_id);

/* REST-XML: <OpResponse xmlns>…, and no more. */
void reply_rest(struct buf *b, const char *xmlns, const char *action, const struct member *rows,
                const json_t *result);

void reply_json(struct buf *b, const json_t *result);
void reply_json_fault(struct buf *b, const struct fault *f);

#endif
