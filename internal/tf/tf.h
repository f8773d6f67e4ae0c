/* tf.h — what a provider is made of: const tables. The tfplugin6 service, validation, plan rules, codec and
 * docs pages come from them; a new attribute is a new row.
 *
 * provider/ declares one `struct tf_provider`; provider/main.c hands it to tf_serve(). Functions in the
 * tables get a `struct tf_call` — one RPC — and read and write values by attribute name. They never see
 * protobuf, and cannot produce a malformed reply: the encoder is driven by the schema, write-only attributes
 * are nulled, strings cleaned.
 *
 * Threads: functions of different calls run concurrently; a call belongs to one thread.
 */
#ifndef AURORA_TF_H
#define AURORA_TF_H

#include "internal/base/arena.h"
#include "internal/base/err.h"
#include "internal/base/stop.h"
#include "internal/value/value.h"

/* ---- schema ---- */

enum tf_type {
    TF_STRING,
    TF_NUMBER,
    TF_BOOL,
    TF_STRING_LIST,
    TF_STRING_SET,
    TF_STRING_MAP,
    TF_OBJECT,      /* nested: one object (attribute of object type, computed results) */
    TF_OBJECT_LIST, /* nested: list of objects */
    TF_DYNAMIC      /* functions only */
};

enum tf_flags {
    TF_REQUIRED = 1,
    TF_OPTIONAL = 2,
    TF_COMPUTED = 4,
    TF_SENSITIVE = 8,
    TF_WRITE_ONLY =
        16, /* never in plan or state; refused on a CLI that does not know write-only (before 1.11) */
    TF_REPLACE = 32, /* changing it replaces the resource; a value that we have yet to choose does not */
    TF_STABLE = 64,  /* computed, and an update does not change it: the prior value stays known in a plan */
    TF_OPTIONAL_COMPUTED = TF_OPTIONAL | TF_COMPUTED,
    TF_INTEGER = 128 /* number without fraction, in int64 range */
};

struct tf_attr {
    const char *name; /* NULL ends a table */
    enum tf_type type;
    unsigned flags;
    const char *doc; /* Markdown, one or two sentences; goes to the schema and the docs page */
    const char
        *otherwise; /* default as JSON text ("\"error\"", "false", "300"). At the top level of a resource it
                       is planned and needs OPTIONAL_COMPUTED; elsewhere it is documentation only */
    const struct tf_attr *nested;                           /* of TF_OBJECT, TF_OBJECT_LIST */
    const char *const *one_of;                              /* allowed strings, ends with NULL */
    bool (*validate)(const struct value *v, struct err *e); /* known, non-null values only */
};

struct tf_block {
    const char *name; /* NULL ends a table */
    bool is_list;     /* else at most one (nesting SINGLE: object or null) */
    const struct tf_attr *attrs;
    const struct tf_block *blocks;
    const char *doc;
};

struct tf_schema {
    int64_t version;
    const struct tf_attr *attrs;
    const struct tf_block *blocks; /* may be NULL */
    const char *doc;               /* first sentence = description of the docs page */
};

/* ---- one RPC ---- */

struct tf_call {
    struct arena *arena;
    struct stop *stop;
    void *configured; /* what tf_provider.configure returned; NULL while the provider is not configured */
    const struct value
        *config; /* validate, plan, create, update, read (data source); write-only values are here only */
    const struct value *prior;    /* plan, update, delete, read: the state; null on create */
    const struct value *proposed; /* plan: Terraform's merge, defaults of the schema already filled in */
    const struct value *planned;  /* create, update: what was planned, unknowns included; null on delete */
    struct str private_in;        /* plan: stored private; apply: planned private; read: stored private */
    struct str private_out;       /* set to keep; unset keeps private_in */
    const char *import_id;        /* import */
    bool write_only_allowed;      /* the CLI knows write-only attributes */
    struct tf_reply *reply;       /* opaque; diagnostics are collected here */
    /* Outside of an RPC, for companion commands: called with every diagnostic, `reply` is not used then. */
    void (*tell)(void *arg, bool is_error, const char *summary, const char *detail);
    void *tell_arg;
};

/* Diagnostics. `path` is dotted ("postgresql.host", "hook.0.at") or NULL. tf_fail turns the one `struct err`
 * shape into a diagnostic: summary = "<id>: <first words>", detail = what was being done, said, state of
 * production, hint. All texts are masked (log_secret) and made valid UTF-8. Ids AUR0800 to AUR0999 are this
 * layer's: 0801 to 0890 its own findings, 09xx failures without an id, by err_code. */
void tf_error(struct tf_call *c, const char *path, const char *summary, const char *fmt, ...) PRINTF(4, 5);
void tf_warn(struct tf_call *c, const char *path, const char *summary, const char *fmt, ...) PRINTF(4, 5);
void tf_fail(struct tf_call *c, const struct err *e);
/* The same, and `report` (lines, NULL or "": none) behind the words of the error. */
void tf_fail_with(struct tf_call *c, const struct err *e, const char *report);
bool tf_failed(const struct tf_call *c); /* any error so far; outside of an RPC: false */

/* A copy of `base` with one top-level attribute replaced; chain them. */
const struct value *tf_with(struct tf_call *c, const struct value *base, const char *name,
                            const struct value *v);

/* ---- resources ---- */

struct tf_resource {
    const char *name; /* "aurora_blue_green_upgrade" */
    const struct tf_schema *schema;
    /* More than the schema's own checks; sees partly unknown configuration. */
    void (*validate)(struct tf_call *c);
    /* The default plan is made first (proposed, computed attributes unknown on create, prior if TF_STABLE or
     * nothing changes: then it is c->prior itself); plan may replace it by returning another value, or return
     * `planned` itself. NULL: default. */
    const struct value *(*plan)(struct tf_call *c, const struct value *planned);
    /* Destroy plan: may warn or refuse (tf_error). NULL: nothing to say. */
    void (*plan_destroy)(struct tf_call *c);
    /* Return the new state, wholly known. On failure after tf_error/tf_fail: NULL keeps nothing (create) or
     * the prior state (update, delete); a value is stored. delete returns NULL when done. */
    const struct value *(*create)(struct tf_call *c);
    const struct value *(*update)(struct tf_call *c);
    const struct value *(*del)(struct tf_call *c);
    /* Returns the refreshed state, or NULL if the object is gone (no error) or reading failed (error). */
    const struct value *(*read)(struct tf_call *c);
    /* State with at least what read needs; NULL after an error. */
    const struct value *(*import)(struct tf_call *c);
    /* From `version` of the schema (JSON of the old state). NULL: only the current version is known. */
    const struct value *(*upgrade)(struct tf_call *c, int64_t version, const struct value *old);
};

struct tf_data_source {
    const char *name;
    const struct tf_schema *schema;
    void (*validate)(struct tf_call *c);
    const struct value *(*read)(struct tf_call *c); /* wholly known */
};

struct tf_function {
    const char *name; /* "version_compare": provider::aurora::version_compare */
    const char *summary, *doc;
    const struct tf_attr *params; /* name, type, doc */
    enum tf_type returns;
    /* `args` is a list. Pure. On failure: err_set, and *ret_argument = index of the culprit or -1. */
    bool (*call)(struct arena *a, const struct value *args, const struct value **ret, int *ret_argument,
                 struct err *e);
};

struct tf_ephemeral {
    const char *name;
    const struct tf_schema *schema;
    /* Wholly known result; *renew_at_ms = Unix time in ms or 0; private bytes in c->private_out. */
    const struct value *(*open)(struct tf_call *c, int64_t *renew_at_ms);
    void (*renew)(struct tf_call *c, int64_t *renew_at_ms); /* may be NULL */
    void (*close)(struct tf_call *c);                       /* may be NULL */
};

struct tf_provider {
    const char *name; /* "aurora" */
    const struct tf_schema *schema;
    void (*validate)(struct tf_call *c);
    /* Called with the known parts; returns what later calls find in `configured`. Unknown configuration is
     * legal at plan. NULL after tf_error. Lives until the process ends; in reattach mode configure may be
     * called again. */
    void *(*configure)(struct tf_call *c);
    void (*unconfigure)(void *configured);
    const struct tf_resource *const *resources; /* each list ends with NULL */
    const struct tf_data_source *const *data_sources;
    const struct tf_function *const *functions;
    const struct tf_ephemeral *const *ephemerals;
    const char *address; /* source address, for AURORA_REATTACH; may be NULL */
};

int tf_serve(const struct tf_provider *p); /* the whole life of a plugin process: exit status */

/* One Markdown page per member, as registries expect them, into `dir` (docs/…); examples are taken from
 * `examples_dir` in tfplugindocs's layout. Deterministic. */
MUST_CHECK bool tf_write_docs(const struct tf_provider *p, const char *dir, const char *examples_dir,
                              struct err *e);

/* Checks the tables themselves: rules core enforces (attribute has one of required/optional/computed, names,
 * write-only not computed, no reserved names such as "connection"), docs present, defaults parse and are
 * allowed. For a unit test. */
MUST_CHECK bool tf_check(const struct tf_provider *p, struct err *e);

#endif
