/* logical.h — logical replication that we set up: the publisher's side and the subscriber's, one database
 * each.
 *
 * The order that proved lossless (PostgreSQL chapters 29 and 54.4; measured in the project's findings):
 * facts → publication → slot → clone → position read on the clone → upgrade → subscription without copy →
 * origin advanced to that position → enabled. Publication after slot cannot be decoded, slot after clone
 * loses rows without a word; both orders are for the caller's table of steps, each verb here is one step.
 *
 * All verbs need a `writable` session, observe before they act, and may be repeated: what is there already as
 * asked for is success, what is there under the same name and otherwise is ERR_CONFLICT. Names go through
 * libpq's quoting. A password goes into CREATE SUBSCRIPTION, and so into pg_subscription, which only
 * superusers and its owner's statements can read; it should be one that was made for this subscription.
 */
#ifndef AURORA_PG_LOGICAL_H
#define AURORA_PG_LOGICAL_H

#include "internal/pg/pg.h"

/* ---- facts and markers: schema aurora_upgrade ---- */

/* Schema and tables fact (name, value) and marker (token, written), each with a primary key. ERR_CONFLICT: a
 * schema of that name belongs to somebody else, whose triggers would run with our rights. */
MUST_CHECK bool pg_facts_make(struct pg *c, struct err *e);
MUST_CHECK bool pg_facts_exist(struct pg *c, bool *ret, struct err *e); /* both tables */
MUST_CHECK bool pg_facts_drop(struct pg *c, struct err *e); /* with all that is in it; absent: success */
/* ERR_CONFLICT: it was written down before with another value; facts do not change. */
MUST_CHECK bool pg_fact_write(struct pg *c, const char *name, const char *value, struct err *e);
/* The same for what may change: the last value counts. */
MUST_CHECK bool pg_fact_change(struct pg *c, const char *name, const char *value, struct err *e);
/* *ret is "" where the fact, or the whole schema, is missing. */
MUST_CHECK bool pg_fact_read(struct pg *c, struct arena *a, const char *name, const char **ret,
                             struct err *e);
MUST_CHECK bool pg_fact_forget(struct pg *c, const char *name, struct err *e); /* absent: success */
/* A row of its own transaction, with the position of the WAL before its commit. */
MUST_CHECK bool pg_marker_write(struct pg *c, const char *token, struct err *e);
/* *ret_lsn: that position, 0 where there is no such row (or no schema yet); *ret: how many there are. */
MUST_CHECK bool pg_marker_find(struct pg *c, const char *token, int64_t *ret, lsn_t *ret_lsn, struct err *e);

/* ---- publisher ---- */

/* A login for subscribers alone: rds_replication where the server has that role (Aurora), else the attribute
 * REPLICATION; CONNECT to this database; nothing else. It cannot log in before it has a password, of which
 * only a verifier (SCRAM-SHA-256) goes to the server. ERR_CONFLICT: a role of that name was not made by this
 * verb; all others leave such a role alone, as if it were absent. */
MUST_CHECK bool pg_replication_role_make(struct pg *c, const char *name, struct err *e);
MUST_CHECK bool pg_replication_role_password(struct pg *c, const char *name, const char *password,
                                             struct err *e);
MUST_CHECK bool pg_replication_role_exists(struct pg *c, const char *name, bool *ret, struct err *e);
/* It exists and may connect to this database. */
MUST_CHECK bool pg_replication_role_ready(struct pg *c, const char *name, bool *ret, struct err *e);
/* Takes its rights in this database away, on tables too; in every database before the drop. Absent: success.
 */
MUST_CHECK bool pg_replication_role_leave(struct pg *c, const char *name, struct err *e);
MUST_CHECK bool pg_replication_role_drop(struct pg *c, const char *name, struct err *e);

/* The user's permanent tables, partitioned ones by their root, those that an extension declares to hold the
 * user's data among them; quoted. A table is chosen if `include` is empty or names it, and `exclude` does
 * not; an entry is "schema.table", as it is or quoted as SQL does, or "schema.*". An entry that matches
 * nothing is ERR_INVALID and named, unless it may be meant for another database. */
struct pg_table_choice {
    const char *const *include, *const *exclude; /* end with NULL; may be NULL */
    bool elsewhere;                              /* entries may name tables of other databases */
};
MUST_CHECK bool pg_publishable(struct pg *c, struct arena *a, const struct pg_table_choice *choice,
                               const char ***ret, size_t *ret_n, struct err *e);
/* Sets seen[i] where entry i of `list` names a table of this database; leaves the others alone. */
MUST_CHECK bool pg_choice_seen(struct pg *c, const char *const *list, bool *seen, struct err *e);

/* What a choice leaves out. */
struct pg_untaken {
    const char **tables; /* as pg_publishable names them, sorted */
    size_t table_count;
    const char **relations;  /* the same and all their partitions; ends with NULL */
    const char *oids;        /* of those, as PostgreSQL writes an array: "{16401,16405}" */
    const char **references; /* foreign keys of what is taken to what is not: "public.a.key → public.b" */
    size_t reference_count;
};
/* NULL, or a choice without entries: nothing is left out, and nothing is asked. */
MUST_CHECK bool pg_untaken(struct pg *c, struct arena *a, const struct pg_table_choice *choice,
                           struct pg_untaken *ret, struct err *e);

struct pg_publication {
    bool exists, all_tables;
    const char **tables; /* as pg_publishable quotes them, sorted; of an explicit list */
    size_t table_count;
};
MUST_CHECK bool pg_publication_find(struct pg *c, struct arena *a, const char *name,
                                    struct pg_publication *ret, struct err *e);
/* An explicit list; the marker table is put in front of it. A table without replica identity would refuse
 * UPDATE and DELETE from here on: the caller has looked (pg_preflight). */
MUST_CHECK bool pg_publication_make(struct pg *c, const char *name, const char *const *tables, size_t n,
                                    struct err *e);
MUST_CHECK bool pg_publication_make_for_all(struct pg *c, const char *name, struct err *e);
MUST_CHECK bool pg_publication_drop(struct pg *c, const char *name, struct err *e);

/* Makes the slot (plugin pgoutput) and gives its consistent point: every transaction that commits behind it
 * is decoded whole. The server waits for all transactions that run, prepared ones too; after `wait_ms`:
 * ERR_TIMEOUT that names up to ten of them, and no slot. ERR_CONFLICT: there is a slot of that name; whether
 * it is the caller's only the caller can tell (pg_slots). */
MUST_CHECK bool pg_slot_make(struct pg *c, const char *name, int64_t wait_ms, lsn_t *ret, struct err *e);
/* Ends whoever streams from it, and drops it; absent: success. */
MUST_CHECK bool pg_slot_drop(struct pg *c, const char *name, struct err *e);

/* ---- clone ---- */

/* Does the server have aurora_volume_logical_start_lsn()? Without it a clone's position cannot be known. */
MUST_CHECK bool pg_volume_start_exists(struct pg *c, bool *ret, struct err *e);
/* aurora_volume_logical_start_lsn(): the position up to which this volume holds its source's changes; to be
 * read before the upgrade. ERR_NOT_FOUND: the function is missing, or does not know. */
MUST_CHECK bool pg_volume_start(struct pg *c, lsn_t *ret, struct err *e);
/* What came along from the source into this database of a clone: logical slots, subscriptions, prepared
 * transactions. */
struct pg_inherited {
    size_t slots, subscriptions, prepared;
};
MUST_CHECK bool pg_inherited(struct pg *c, struct pg_inherited *ret, struct err *e);
/* All of it goes: only for a clone; the source keeps its own. A transaction that was prepared before the
 * clone's position and is committed behind it is decoded whole at its commit, so here it is rolled back; the
 * login has to be a member of its owner (else ERR_DENIED). *ret: what there was. */
MUST_CHECK bool pg_inherited_drop(struct pg *c, struct pg_inherited *ret, struct err *e);

/* ---- subscriber ---- */

struct pg_source { /* how the subscriber reaches the publisher */
    const char *host, *database, *username, *password;
    int port;
    /* NULL: "require" with channel_binding=require. A server that cannot prove that it knows the password's
     * verifier, over this very TLS session, is refused, which needs no file of authorities on the
     * subscriber's server (RFC 5802, PostgreSQL chapter 34.1). */
    const char *sslmode;
};
struct pg_subscription {
    bool exists, enabled, advanced; /* advanced: the origin stands somewhere */
    const char *slot, *publication;
    lsn_t origin;              /* what has been applied, durably */
    int64_t tables, not_ready; /* known to the subscription; of them not streaming */
    int64_t pid;               /* of the apply worker; 0: none runs */
    int64_t silent_ms;         /* since the last message; 0: none yet */
    lsn_t received;
    int64_t apply_errors; /* since statistics began; before 15: 0 */
    int64_t sync_errors;  /* the same of copies of single tables */
};
MUST_CHECK bool pg_subscription_find(struct pg *c, struct arena *a, const char *name,
                                     struct pg_subscription *ret, struct err *e);
/* Another way to the same publisher: a new password, after a name has moved. */
MUST_CHECK bool pg_subscription_connect(struct pg *c, const char *name, const struct pg_source *from,
                                        struct err *e);
/* Without copy, without a slot of its own, disabled. It does connect: tables that are not registered now
 * would lose everything streamed before a REFRESH, silently. Rights are its owner's (run_as_owner from 16 on,
 * as before). */
MUST_CHECK bool pg_subscription_make(struct pg *c, const char *name, const struct pg_source *from,
                                     const char *publication, const char *slot, struct err *e);
/* Where the subscription begins: the publisher's changes behind `start`. Only while it is disabled; refuses
 * (ERR_CONFLICT) an origin that stands elsewhere already. */
MUST_CHECK bool pg_subscription_start_at(struct pg *c, const char *name, lsn_t start, struct err *e);
MUST_CHECK bool pg_subscription_enable(struct pg *c, const char *name, bool on, struct err *e);
/* Disables it and ends its worker, which would notice within a second only. *ret: none runs any more; else to
 * be repeated. What it was applying at that moment is applied again, whole, once it is enabled. */
MUST_CHECK bool pg_subscription_halt(struct pg *c, const char *name, bool *ret, struct err *e);
/* Leaves the publisher's slot alone; absent: success. */
MUST_CHECK bool pg_subscription_drop(struct pg *c, const char *name, struct err *e);

/* Relations with rows of their own, partitions instead of their roots: what the publication sends, and what
 * the subscription of this database takes. Quoted, in the order of bytes. What is sent and not taken (a
 * partition made since) is dropped by the subscriber without a word. */
MUST_CHECK bool pg_published_relations(struct pg *c, struct arena *a, const char *publication,
                                       const char ***ret, size_t *ret_n, struct err *e);
MUST_CHECK bool pg_subscribed_relations(struct pg *c, struct arena *a, const char *subscription,
                                        const char ***ret, size_t *ret_n, struct err *e);

#endif
