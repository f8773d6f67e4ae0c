/* store.h — everything the sandbox knows, as one JSON document in DIR/state.log.
 *
 * A save writes what has changed since the last one (state_file.h says how, and what a reader finds after a
 * SIGKILL or a loss of power): a change is there after a SIGKILL at any moment from the return of its
 * store_save() on, and all of it or nothing is there before. Nobody says what he changed: a save compares the
 * document with what is saved, so that no change can be forgotten. A document that was damaged is refused at
 * the start, with the place, and stays as it is.
 *
 * A record has the members AWS shows, under AWS's names, and our own under names that begin with "_". One
 * lock guards the whole document; hold it while touching a record, and never while calling the engine, whose
 * switchover calls back into the store.
 */
#ifndef SANDBOX_STORE_H
#define SANDBOX_STORE_H

#include "acceptance-tests/sandbox/rec.h"
#include "internal/base/err.h"

struct store;

enum kind {
    KIND_CLUSTER,
    KIND_INSTANCE,
    KIND_SNAPSHOT,
    KIND_CLUSTER_GROUP,
    KIND_INSTANCE_GROUP,
    KIND_ENDPOINT,
    KIND_BLUEGREEN,
    KIND_SUBNET_GROUP,
    KIND_SECRET,
    KIND_ZONE,
    KIND_COUNT
};

struct kind_row {
    const char *list;     /* member of the document */
    const char *id;       /* identifier member */
    const char *arn;      /* ARN member; NULL: the kind has none of its own */
    const char *arn_type; /* "cluster", "db" … as in the ARN */
    const char *resource; /* immutable id; NULL: none */
    const char *missing,
        *missing_text; /* wire code and text with one %s; NULL: describe gives an empty list */
};
extern const struct kind_row KINDS[KIND_COUNT];

struct store_seed {
    const char *region, *account; /* of a new document */
};

/* Reads the document, or makes a new one with credentials of its own if there is no file. */
MUST_CHECK bool store_open(const char *path, const struct store_seed *seed, struct store **ret,
                           struct err *e);
void store_close(struct store *s); /* NULL allowed */
/* With the lock: a copy with a lock of its own, which is never written to the file. */
struct store *store_copy(struct store *s) NONNULL_RETURN;
void store_lock(struct store *s);
void store_unlock(struct store *s);

/* All below: with the lock held. */
json_t *store_root(struct store *s);
/* On failure nothing is lost but time: the next save that succeeds has this one's changes, too. */
MUST_CHECK bool store_save(struct store *s, struct err *e);
json_t *store_list(struct store *s, enum kind kind);
/* By identifier (case ignored) or ARN. NULL: none. */
json_t *store_find(struct store *s, enum kind kind, const char *id);
json_t *store_find_by(struct store *s, enum kind kind, const char *member, const char *value);
json_t *store_resource(struct store *s, enum kind kind, const char *resource); /* by immutable id */
json_t *store_by_arn(struct store *s, const char *arn, enum kind *ret_kind);
json_t *store_add(struct store *s, enum kind kind, json_t *record); /* steals; returns it, borrowed */
void store_remove(struct store *s, enum kind kind, json_t *record);

/* "arn:aws:rds:REGION:ACCOUNT:TYPE:ID"; sets the record's ARN member from its identifier. */
void store_set_arn(struct store *s, enum kind kind, json_t *record);
const char *store_region(struct store *s); /* constant, usable without the lock */
const char *store_account(struct store *s);

#endif
