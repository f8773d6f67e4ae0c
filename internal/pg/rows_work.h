/* rows_work.h — the parts of pg_compare_rows (rows.h tells the story); internal.
 *
 * rows.c        sessions, workers, phases, results
 * rows_plan.c   which tables, their columns and keys, first ranges
 * rows_read.c   statements: sums of ranges, single rows, bags
 * rows_narrow.c ranges that did not agree: bracketed, split, down to rows; bags
 * rows_judge.c  single rows
 *
 * changed_rows.c and its like use them for rows whose keys are known.
 */
#ifndef AURORA_PG_ROWS_WORK_H
#define AURORA_PG_ROWS_WORK_H

#include "internal/base/buf.h"
#include "internal/pg/query.h"
#include "internal/pg/rows.h"

#include <pthread.h>

enum row_side { OLD, NEW };

enum {
    ROWS_STATEMENT_S = 60,
    ROWS_STATEMENT_MAX = 16 * 1024 * 1024,
    ROWS_SMALL = 1000, /* in a range: then they are fetched one by one */
    BAG_BUCKETS = 4096,
};

struct row_column {
    const char *name, *quoted, *type;
};

/* Sum of hashes of the rows of a range. */
struct row_sum {
    int64_t rows; /* -1: not known */
    char sum[48];
};

/* Rows whose key is at least `low` and less than `high`, either NULL: open. One text per column of the key.
 */
struct row_range {
    struct row_table *t;
    const char *const *low, *const *high;
    int64_t pages; /* estimate */
    struct row_sum old_sum, new_sum;
};

struct row_table {
    const char *name, *oid; /* quoted; on the old side */
    bool on_old, on_new;
    int64_t pages; /* with what is stored out of line */
    const struct row_column *columns;
    size_t column_count;
    const struct row_column *const *key;
    size_t key_count;
    const char *alias;    /* no column's name */
    const char *whole[2]; /* SQL: the text of a row, columns in the old side's order */
    const char *note;     /* of the result; not "": not read */
    struct row_range *ranges;
    size_t range_count;
    /* results; under the run's lock */
    int64_t rows[2];
    struct pg_row_difference *differences;
    size_t difference_count, difference_cap;
    int64_t unsettled;
    const char *unsettled_key;
    bool more;
};

/* What one row (of a bag: what is equal in a hash) looked like at one look. */
struct row_version {
    const char *id;       /* the key's parts in one, for comparing; of a bag: the hash */
    const char **key;     /* its parts */
    const char *content;  /* {hash of each column}; of a bag: how many there are */
    const char *physical; /* which version or versions they are */
    const char *place;    /* of a bag: ctid of one of them */
    bool locked;          /* somebody has, or had, a lock on it, or tried to change it */
};
struct row_versions {
    struct row_version *v; /* in the order of id */
    size_t n;
    bool cut; /* there are more */
};

struct rows_run {
    const struct pg_rows_options *o;
    struct row_table *tables;
    size_t table_count;
    uint64_t seed;
    int named;
    pthread_mutex_t lock;
    /* under the lock */
    struct arena *a;
    struct row_range *undecided;
    size_t undecided_count, undecided_cap;
    size_t next_job, job_count;
    bool failed;
    struct err failure;
};

struct rows_worker {
    struct rows_run *run;
    struct pg *side[2];
    struct arena *a; /* lives as long as the run */
};

/* ---- rows_plan.c ---- */

MUST_CHECK bool rows_plan(struct rows_run *run, struct pg *const side[2], struct arena *a, struct err *e);
/* Of every table on one side, in the order of oids; 0: it is not there. */
struct row_oid {
    int64_t table, oid;
};
MUST_CHECK bool rows_oids(const struct rows_run *run, struct pg *c, struct arena *a, struct row_oid **ret,
                          struct err *e);
/* First ranges of a table, in w->a. */
MUST_CHECK bool rows_split_table(struct rows_worker *w, struct row_table *t, struct err *e);
/* Parts of about `step` rows each. */
MUST_CHECK bool rows_split_range(struct rows_worker *w, struct arena *a, const struct row_range *r,
                                 int64_t step, struct row_range **ret, size_t *ret_n, struct err *e);

/* ---- rows_read.c ---- */

void rows_add_literal(const struct pg *c, struct buf *sql, const char *text);
/* "(x.a,x.b)" */
void rows_add_key(struct buf *sql, const struct row_table *t);
void rows_add_where(const struct pg *c, struct buf *sql, const struct row_range *r);
/* Of n ranges, as few statements as possible; fills old_sum or new_sum. */
MUST_CHECK bool rows_read_sums(struct rows_worker *w, enum row_side side, struct row_range *const *r,
                               size_t n, struct err *e);
MUST_CHECK bool rows_read_range(struct rows_worker *w, struct arena *a, enum row_side side,
                                const struct row_range *r, size_t limit, struct row_versions *ret,
                                struct err *e);
/* Those of n keys that there are; of a bag: hashes. */
MUST_CHECK bool rows_read_keys(struct rows_worker *w, struct arena *a, enum row_side side,
                               const struct row_table *t, const char *const *const *keys, size_t n,
                               struct row_versions *ret, struct err *e);
/* Of the rows of n keys, looked for one by one. */
MUST_CHECK bool rows_read_key_sum(struct rows_worker *w, enum row_side side, const struct row_table *t,
                                  const char *const *const *keys, size_t n, struct row_sum *ret,
                                  struct err *e);
/* Sums by bucket of the rows' hashes, BAG_BUCKETS of them. */
MUST_CHECK bool rows_read_buckets(struct rows_worker *w, enum row_side side, const struct row_table *t,
                                  struct row_sum *ret, struct err *e);
MUST_CHECK bool rows_read_bag(struct rows_worker *w, struct arena *a, enum row_side side,
                              const struct row_table *t, const int *buckets, size_t n,
                              struct row_versions *ret, struct err *e);
/* A key's parts in one text. */
const char *rows_id(struct arena *a, const char *const *key, size_t n);
const struct row_version *rows_find(const struct row_versions *in, const char *id);

/* ---- rows_narrow.c ---- */

bool rows_equal(const struct row_sum *a, const struct row_sum *b);
MUST_CHECK bool rows_narrow(struct rows_worker *w, const struct row_range *r, size_t n, struct err *e);

/* ---- rows_judge.c ---- */

/* A key whose row was different at one look. */
struct row_suspect {
    const char *id;
    const char *const *key;
};
MUST_CHECK bool rows_judge(struct rows_worker *w, struct row_table *t, const struct row_suspect *s, size_t n,
                           struct err *e);

/* Reports what a row with a key is on both sides, when neither changes any more; NULL: it is not there. */
void rows_report_pair(struct rows_worker *w, struct row_table *t, const char *const *key,
                      const struct row_version *old, const struct row_version *now);

/* ---- rows.c ---- */

/* The limits under which a session of ours reads rows. */
MUST_CHECK bool rows_set_up(struct pg *c, struct err *e);
struct pg_rows_table rows_result_of(struct arena *a, const struct row_table *t);

MUST_CHECK bool rows_catch_up(struct rows_worker *w, struct err *e);
void rows_settled(struct rows_worker *w, struct row_table *t, int64_t old_rows, int64_t new_rows);
void rows_undecided(struct rows_worker *w, const struct row_range *r);
bool rows_enough(struct rows_worker *w, struct row_table *t); /* of differences */
void rows_report(struct rows_worker *w, struct row_table *t, struct pg_row_difference d);
void rows_unsettled(struct rows_worker *w, struct row_table *t, const char *key);

#endif
