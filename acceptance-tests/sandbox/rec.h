/* rec.h — reading and writing members of JSON records without a check at every line.
 *
 * Readers give "", 0, false or NULL for what is absent or of another type; texts live as long as the member
 * is not changed, so copy what must survive an unlock.
 */
#ifndef SANDBOX_REC_H
#define SANDBOX_REC_H

#include "internal/base/arena.h"

#include <jansson.h>

const char *rec_str(const json_t *r, const char *key);
bool rec_is(const json_t *r, const char *key, const char *value);   /* the member is this text */
bool rec_same(const json_t *r, const char *key, const char *value); /* likewise, case ignored: identifiers */
bool rec_has(const json_t *r, const char *key);
bool rec_bool(const json_t *r, const char *key);
int64_t rec_int(const json_t *r, const char *key);
double rec_real(const json_t *r, const char *key);
json_t *rec_get(const json_t *r, const char *key); /* borrowed; NULL if absent */
json_t *rec_list(json_t *r, const char *key);      /* borrowed; made when absent */

void rec_set(json_t *r, const char *key, json_t *value); /* steals; NULL removes */
void rec_set_str(json_t *r, const char *key, const char *value);
void rec_printf(json_t *r, const char *key, const char *fmt, ...) PRINTF(3, 4);
void rec_set_bool(json_t *r, const char *key, bool value);
void rec_set_int(json_t *r, const char *key, int64_t value);
void rec_unset(json_t *r, const char *key);
void rec_copy(json_t *to, const json_t *from, const char *key); /* deep; absent in `from`: removed in `to` */

bool list_has(const json_t *list, const char *text);

#endif
