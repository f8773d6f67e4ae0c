#include "internal/pg/rows.h"
#include "internal/pg/counts.h"
#include "internal/pg/rows_work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    CONNECTIONS = 2,
    CONNECTIONS_MAX = 64,
    SAMPLE_PERCENT = 10,
    NAMED = 20,
    NAMED_MAX = 1000,
    NARROW_AT_ONCE = 16, /* ranges that share a common position */
    GROUP_RANGES = 100,
    GROUP_PAGES = 16384,
};

/* ---- what workers tell ---- */

bool rows_catch_up(struct rows_worker *w, struct err *e)
{
    lsn_t want;
    const struct pg_rows_options *o = w->run->o;
    return pg_current_lsn(w->side[OLD], &want, e) &&
           counts_catch_up(w->side[OLD], o->slot, want, o->catch_up_ms, e);
}

void rows_settled(struct rows_worker *w, struct row_table *t, int64_t old_rows, int64_t new_rows)
{
    (void)pthread_mutex_lock(&w->run->lock);
    t->rows[OLD] += old_rows;
    t->rows[NEW] += new_rows;
    (void)pthread_mutex_unlock(&w->run->lock);
}

void rows_undecided(struct rows_worker *w, const struct row_range *r)
{
    struct rows_run *run = w->run;
    (void)pthread_mutex_lock(&run->lock);
    ARR_PUSH(run->a, run->undecided, run->undecided_count, run->undecided_cap, *r);
    (void)pthread_mutex_unlock(&run->lock);
}

bool rows_enough(struct rows_worker *w, struct row_table *t)
{
    (void)pthread_mutex_lock(&w->run->lock);
    bool enough = t->difference_count >= (size_t)w->run->named;
    t->more = t->more || enough; /* whoever asks has something left to look at */
    (void)pthread_mutex_unlock(&w->run->lock);
    return enough;
}

void rows_report(struct rows_worker *w, struct row_table *t, struct pg_row_difference d)
{
    struct rows_run *run = w->run;
    (void)pthread_mutex_lock(&run->lock);
    d.key = arena_strdup(run->a, d.key);
    d.columns = arena_strdup(run->a, d.columns);
    if (t->difference_count < (size_t)run->named)
        ARR_PUSH(run->a, t->differences, t->difference_count, t->difference_cap, d);
    else
        t->more = true;
    (void)pthread_mutex_unlock(&run->lock);
}

void rows_unsettled(struct rows_worker *w, struct row_table *t, const char *key)
{
    (void)pthread_mutex_lock(&w->run->lock);
    t->unsettled++;
    if (!t->unsettled_key)
        t->unsettled_key = arena_strdup(w->run->a, key);
    (void)pthread_mutex_unlock(&w->run->lock);
}

/* ---- workers ---- */

typedef bool job_fn(struct rows_worker *w, void *job, struct err *e);

struct crew {
    struct rows_run *run;
    struct rows_worker *workers;
    size_t n;
    /* the phase that runs */
    job_fn *work;
    char *jobs;
    size_t job_size;
};
struct post {
    struct crew *crew;
    struct rows_worker *w;
    pthread_t thread;
};

static void *next_job(struct crew *c)
{
    struct rows_run *run = c->run;
    (void)pthread_mutex_lock(&run->lock);
    void *job = NULL;
    if (!run->failed && run->next_job < run->job_count)
        job = c->jobs + c->job_size * run->next_job++;
    (void)pthread_mutex_unlock(&run->lock);
    return job;
}

static void *post_main(void *arg)
{
    struct post *p = arg;
    struct rows_run *run = p->crew->run;
    for (void *job; (job = next_job(p->crew)) != NULL;) {
        struct err e = ERR_INIT;
        if (p->crew->work(p->w, job, &e))
            continue;
        (void)pthread_mutex_lock(&run->lock);
        if (!run->failed)
            run->failure = e;
        run->failed = true;
        (void)pthread_mutex_unlock(&run->lock);
    }
    return NULL;
}

/* Does all jobs; the calling thread is one of the workers. */
static bool run_phase(struct crew *c, job_fn *work, void *jobs, size_t size, size_t n, struct err *e)
{
    struct post *posts = calloc(c->n, sizeof *posts);
    if (!posts)
        abort();
    c->work = work;
    c->jobs = jobs;
    c->job_size = size;
    c->run->next_job = 0;
    c->run->job_count = n;
    size_t wanted = n < c->n ? n : c->n, started = 1;
    for (size_t i = 0; i < c->n; i++)
        posts[i] = (struct post){.crew = c, .w = &c->workers[i]};
    while (started < wanted && pthread_create(&posts[started].thread, NULL, post_main, &posts[started]) == 0)
        started++;
    (void)post_main(&posts[0]);
    for (size_t i = 1; i < started; i++)
        (void)pthread_join(posts[i].thread, NULL);
    free(posts);
    if (c->run->failed && e)
        *e = c->run->failure;
    return !c->run->failed;
}

/* max_connections tells how much of either server we take, and parallel query would take more. */
bool rows_set_up(struct pg *c, struct err *e)
{
    static const char sql[] = "SELECT set_config('max_parallel_workers_per_gather', '0', false),"
                              " set_config('statement_timeout', $1, false)";
    char limit[24];
    if (c->statement_timeout_s > ROWS_STATEMENT_S)
        c->statement_timeout_s = ROWS_STATEMENT_S;
    (void)snprintf(limit, sizeof limit, "%d", c->statement_timeout_s * 1000);
    const char *params[] = {limit};
    PGresult *r CLEANUP(result_cleanup) = NULL;
    return query_rows(c, sql, params, 1, &r, e);
}

static bool open_worker(struct rows_run *run, struct rows_worker *w, struct err *e)
{
    const struct pg_rows_options *o = run->o;
    w->run = run;
    w->a = arena_new();
    return o->open(o->arg, false, &w->side[OLD], e) && o->open(o->arg, true, &w->side[NEW], e) &&
           rows_set_up(w->side[OLD], e) && rows_set_up(w->side[NEW], e);
}

static void close_crew(struct crew *c)
{
    for (size_t i = 0; i < c->n; i++) {
        pg_close(c->workers[i].side[OLD]);
        pg_close(c->workers[i].side[NEW]);
        arena_free(c->workers[i].a);
    }
    free(c->workers);
}

static bool open_crew(struct rows_run *run, struct crew *c, struct err *e)
{
    int n = run->o->max_connections > 0 ? run->o->max_connections : CONNECTIONS;
    c->run = run;
    c->n = (size_t)(n < CONNECTIONS_MAX ? n : CONNECTIONS_MAX);
    c->workers = calloc(c->n, sizeof *c->workers);
    if (!c->workers)
        abort();
    for (size_t i = 0; i < c->n; i++)
        if (!open_worker(run, &c->workers[i], e))
            return err_wrap(e, "open session %zu of %zu for comparing rows", i + 1, c->n);
    return true;
}

/* ---- phases ---- */

struct group {
    struct row_range *r;
    size_t n;
};

static bool split_job(struct rows_worker *w, void *job, struct err *e)
{
    return rows_split_table(w, *(struct row_table **)job, e);
}

/* A range that is too big for one statement is left to be split. */
static bool read_at_once(struct rows_worker *w, struct row_range **r, size_t n, struct err *e)
{
    struct err failure = ERR_INIT;
    if (rows_read_sums(w, OLD, r, n, &failure) && rows_read_sums(w, NEW, r, n, &failure))
        return true;
    for (size_t i = 0; i < n; i++)
        r[i]->old_sum.rows = r[i]->new_sum.rows = -1;
    if (strcmp(failure.remote_code, "57014") == 0 && r[0]->t->key_count > 0 &&
        !stop_requested(w->side[OLD]->stop))
        return true;
    if (e)
        *e = failure;
    return false;
}

static bool first_job(struct rows_worker *w, void *job, struct err *e)
{
    struct group *g = job;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct row_range **r = ARENA_ARRAY(a, struct row_range *, g->n);
    for (size_t i = 0; i < g->n; i++)
        r[i] = &g->r[i];
    if (!read_at_once(w, r, g->n, e))
        return false;
    for (size_t i = 0; i < g->n; i++) {
        if (rows_equal(&r[i]->old_sum, &r[i]->new_sum))
            rows_settled(w, r[i]->t, r[i]->old_sum.rows, r[i]->new_sum.rows);
        else
            rows_undecided(w, r[i]);
    }
    return true;
}

static bool narrow_job(struct rows_worker *w, void *job, struct err *e)
{
    struct group *g = job;
    return rows_narrow(w, g->r, g->n, e);
}

static struct group *group(struct arena *a, struct row_range *r, size_t n, size_t most, int64_t pages,
                           size_t *ret_n)
{
    struct group *groups = ARENA_ARRAY(a, struct group, n + 1);
    *ret_n = 0;
    for (size_t i = 0, k; i < n; i += k) {
        int64_t sum = r[i].pages;
        for (k = 1; i + k < n && k < most && sum + r[i + k].pages <= pages; k++)
            sum += r[i + k].pages;
        groups[(*ret_n)++] = (struct group){&r[i], k};
    }
    return groups;
}

static bool split_tables(struct crew *c, struct arena *a, struct err *e)
{
    struct rows_run *run = c->run;
    struct row_table **tables = ARENA_ARRAY(a, struct row_table *, run->table_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < run->table_count; i++)
        if (run->tables[i].on_old && run->tables[i].on_new && !run->tables[i].note[0])
            tables[n++] = &run->tables[i];
    return run_phase(c, split_job, tables, sizeof *tables, n, e);
}

/* splitmix64: the same seed chooses the same ranges, if they are the same. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static bool is_chosen(struct rows_run *run, const struct row_table *t, uint64_t *state)
{
    uint64_t percent = run->o->sample_percent > 0 ? (uint64_t)run->o->sample_percent : SAMPLE_PERCENT;
    return run->o->mode != PG_ROWS_SAMPLE || t->range_count == 1 || next_random(state) % 100 < percent;
}

/* All ranges to read; of a sampled table at least one. */
static struct row_range *choose_ranges(struct rows_run *run, struct arena *a, size_t *ret_n)
{
    size_t n = 0, most = 0;
    uint64_t state = run->seed;
    for (size_t i = 0; i < run->table_count; i++)
        most += run->tables[i].range_count;
    struct row_range *all = ARENA_ARRAY(a, struct row_range, most + 1);
    for (size_t i = 0; i < run->table_count; i++) {
        const struct row_table *t = &run->tables[i];
        size_t from = n;
        for (size_t k = 0; k < t->range_count; k++)
            if (is_chosen(run, t, &state))
                all[n++] = t->ranges[k];
        if (n == from && t->range_count > 0)
            all[n++] = t->ranges[next_random(&state) % t->range_count];
    }
    *ret_n = n;
    return all;
}

static bool compare_tables(struct crew *c, struct arena *a, struct err *e)
{
    struct pg *const side[2] = {c->workers[0].side[OLD], c->workers[0].side[NEW]};
    size_t n, group_count;
    if (!rows_plan(c->run, side, a, e) || !split_tables(c, a, e))
        return false;
    struct row_range *ranges = choose_ranges(c->run, a, &n);
    struct group *groups = group(a, ranges, n, GROUP_RANGES, GROUP_PAGES, &group_count);
    if (!run_phase(c, first_job, groups, sizeof *groups, group_count, e))
        return false;
    n = c->run->undecided_count;
    groups = group(a, c->run->undecided, n, NARROW_AT_ONCE, INT64_MAX / 2, &group_count);
    c->run->undecided = NULL; /* nobody adds any more: those are the groups' */
    c->run->undecided_count = c->run->undecided_cap = 0;
    return run_phase(c, narrow_job, groups, sizeof *groups, group_count, e);
}

/* ---- results ---- */

const char *pg_row_kind_name(enum pg_row_kind kind)
{
    static const char *const names[] = {
        [PG_ROW_MISSING] = "missing on the new side",
        [PG_ROW_EXTRA] = "extra on the new side",
        [PG_ROW_DIFFERS] = "differs",
    };
    return names[kind];
}

struct pg_rows_table rows_result_of(struct arena *a, const struct row_table *t)
{
    bool read = t->on_old && t->on_new && !t->note[0];
    struct pg_rows_table r = {.table = arena_strdup(a, t->name),
                              .old_rows = t->on_old && t->on_new ? t->rows[OLD] : -1,
                              .new_rows = t->on_old && t->on_new ? t->rows[NEW] : -1,
                              .equal = read && t->difference_count == 0,
                              .exact = !read || t->unsettled == 0,
                              .more = t->more && t->difference_count > 0,
                              .note = arena_strdup(a, t->note)};
    if (t->unsettled > 0)
        r.note = arena_printf(a, "%lld rows changed at every look, the first with %s",
                              (long long)t->unsettled, t->unsettled_key);
    if (!t->on_old || !t->on_new)
        r.note = arena_printf(a, "missing on the %s side", t->on_old ? "new" : "old");
    struct pg_row_difference *d = ARENA_ARRAY(a, struct pg_row_difference, t->difference_count + 1);
    for (size_t i = 0; i < t->difference_count; i++)
        d[i] = (struct pg_row_difference){t->differences[i].kind, arena_strdup(a, t->differences[i].key),
                                          arena_strdup(a, t->differences[i].columns)};
    r.differences = d;
    r.difference_count = t->difference_count;
    return r;
}

static void set_result(struct arena *a, const struct rows_run *run, struct pg_rows_result *ret)
{
    struct pg_rows_table *tables = ARENA_ARRAY(a, struct pg_rows_table, run->table_count + 1);
    *ret = (struct pg_rows_result){.tables = tables,
                                   .table_count = run->table_count,
                                   .seed = run->o->mode == PG_ROWS_SAMPLE ? run->seed : 0};
    for (size_t i = 0; i < run->table_count; i++) {
        tables[i] = rows_result_of(a, &run->tables[i]);
        ret->rows += tables[i].new_rows > 0 ? tables[i].new_rows : 0;
    }
}

/* ---- numbers of rows only ---- */

static bool compare_counts(struct rows_worker *w, struct arena *a, struct pg_rows_result *ret, struct err *e)
{
    const struct pg_rows_options *o = w->run->o;
    const struct pg_count_options counts = {
        .slot = o->slot, .exclude = o->exclude, .catch_up_ms = o->catch_up_ms};
    const struct pg_count_result *r;
    size_t n;
    if (!pg_compare_counts(w->side[OLD], w->side[NEW], a, &counts, &r, &n, e))
        return false;
    struct pg_rows_table *tables = ARENA_ARRAY(a, struct pg_rows_table, n + 1);
    *ret = (struct pg_rows_result){.tables = tables, .table_count = n};
    for (size_t i = 0; i < n; i++) {
        tables[i] = (struct pg_rows_table){.table = r[i].table,
                                           .old_rows = r[i].old_rows,
                                           .new_rows = r[i].new_rows,
                                           .equal = r[i].equal,
                                           .exact = r[i].exact,
                                           .note = r[i].old_rows < 0 ? "on one side only" : ""};
        ret->rows += r[i].new_rows > 0 ? r[i].new_rows : 0;
    }
    return true;
}

/* ---- the verb ---- */

static bool choose_seed(const struct pg_rows_options *o, uint64_t *ret, struct err *e)
{
    *ret = o->seed;
    while (o->mode == PG_ROWS_SAMPLE && *ret == 0)
        if (getrandom(ret, sizeof *ret, 0) != (ssize_t)sizeof *ret)
            return err_errno(e, errno, "get a random number");
    return true;
}

bool pg_compare_rows(struct arena *a, const struct pg_rows_options *o, struct pg_rows_result *ret,
                     struct err *e)
{
    struct arena *scratch CLEANUP(arena_cleanup) = arena_new(), *shared CLEANUP(arena_cleanup) = arena_new();
    struct rows_run run = {.o = o, .a = shared, .named = o->named > 0 ? o->named : NAMED};
    struct crew crew = {0};
    struct pg_rows_result result = {0};
    run.named = run.named < NAMED_MAX ? run.named : NAMED_MAX;
    if (!choose_seed(o, &run.seed, e))
        return false;
    (void)pthread_mutex_init(&run.lock, NULL);
    bool done = open_crew(&run, &crew, e);
    if (done && o->mode == PG_ROWS_COUNTS) {
        done = compare_counts(&crew.workers[0], a, &result, e);
    } else if (done) {
        done = compare_tables(&crew, scratch, e);
        if (done)
            set_result(a, &run, &result);
    }
    close_crew(&crew);
    (void)pthread_mutex_destroy(&run.lock);
    if (!done)
        return err_wrap(e, "compare the rows of two sides");
    *ret = result;
    return true;
}
