/* What hooks and the watch reach: scripts, commands and counters; and the tags they are remembered by. */
#include "internal/aws/process.h"
#include "internal/aws/rds.h"
#include "internal/pg/health.h"
#include "internal/pg/script.h"
#include "provider/fake_rds.h"

#include <stdio.h>
#include <string.h>

enum { KEPT = sizeof fake.kept / sizeof fake.kept[0] };

static bool is_kept(const char *key)
{
    return strncmp(key, "aurora-upgrade:hooks-", 21) == 0 || strcmp(key, "aurora-upgrade:watched-from") == 0;
}

static void keep(const struct rds_tag *tag, bool on_old)
{
    size_t i = 0;
    while (i < KEPT - 1 && fake.kept[i].key[0] &&
           (strcmp(fake.kept[i].key, tag->key) != 0 || fake.kept[i].on_old != on_old))
        i++;
    (void)snprintf(fake.kept[i].key, sizeof fake.kept[i].key, "%s", tag->key);
    (void)snprintf(fake.kept[i].value, sizeof fake.kept[i].value, "%s", tag->value);
    fake.kept[i].on_old = on_old;
}

/* RDS: up to 256 characters of letters, digits, blanks and _.:/=+-@ */
static bool is_legal(const char *value)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _.:/=+-@";
    return strlen(value) <= 256 && strspn(value, allowed) == strlen(value);
}

bool fake_keep_tags(const char *arn, const struct rds_tags *tags, struct err *e)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (!is_legal(tags->tags[i].value))
            return err_set(e, ERR_INVALID, "tag value \"%s\" is not allowed", tags->tags[i].value);
        if (is_kept(tags->tags[i].key))
            keep(&tags->tags[i], strstr(arn, "orders-old1") != NULL);
    }
    return true;
}

void fake_forget_tags(void)
{
    size_t left = 0;
    for (size_t i = 0; i < KEPT; i++)
        if (fake.kept[i].on_old)
            fake.kept[left++] = fake.kept[i];
    for (; left < KEPT; left++)
        fake.kept[left].key[0] = '\0';
}

void fake_show_tags(struct arena *a, struct rds_tags *tags, bool on_old)
{
    struct rds_tag *all = ARENA_ARRAY(a, struct rds_tag, tags->count + KEPT);
    size_t n = 0;
    for (; n < tags->count; n++)
        all[n] = tags->tags[n];
    for (size_t i = 0; i < KEPT && fake.kept[i].key[0]; i++)
        if (fake.kept[i].on_old == on_old)
            all[n++] =
                (struct rds_tag){arena_strdup(a, fake.kept[i].key), arena_strdup(a, fake.kept[i].value)};
    *tags = (struct rds_tags){all, n};
}

/* "text@n" for each, with the number of switchovers by then. */
static bool ran(const char *text, struct err *e)
{
    size_t n = strlen(fake.ran);
    (void)snprintf(fake.ran + n, sizeof fake.ran - n, "%s%s@%d", n ? " " : "", text, fake.switchovers);
    if (fake.hook_takes_ms > 0)
        (void)fake.clock.clock.wait(&fake.clock.clock, NULL, fake.hook_takes_ms);
    return fake_leave(e);
}

bool process_run(struct arena *a, char *const *words, const struct process_limits *limits, struct stop *stop,
                 struct str *ret_output, int *ret_status, struct err *e)
{
    (void)stop;
    if (!fake_enter(e))
        return false;
    fake.environment[0] = '\0';
    for (char *const *one = limits->environment; *one; one++)
        if (strncmp(*one, "AURORA_", 7) == 0) {
            size_t n = strlen(fake.environment);
            (void)snprintf(fake.environment + n, sizeof fake.environment - n, "%s\n", *one);
        }
    bool fails = fake.hook_fails && strcmp(words[2], fake.hook_fails) == 0;
    *ret_status = fails ? 3 : 0;
    *ret_output = (struct str){arena_strdup(a, "one\ntwo"), 7};
    return ran(words[2], e);
}

bool pg_run_script(struct pg *c, const char *sql, int64_t timeout_ms, struct err *e)
{
    (void)timeout_ms;
    if (!fake_enter(e))
        return false;
    if (fake.hook_fails && strcmp(sql, fake.hook_fails) == 0) {
        (void)err_set(e, ERR_REMOTE, "the statement failed");
        (void)snprintf(e->remote_code, sizeof e->remote_code, "%s", fake.hook_writes ? "25006" : "22012");
        return err_said(e, "%s", fake.hook_writes ? "in a read-only transaction" : "division by zero");
    }
    char text[256];
    (void)snprintf(text, sizeof text, "%s:%s", fake_host(c), sql);
    return ran(text, e);
}

bool pg_health(struct pg *c, struct arena *a, struct pg_health *ret, struct err *e)
{
    static const struct pg_application shop[] = {{"shop", 3}}, till[] = {{"till 7", 1}};
    (void)a;
    bool on_old = strcmp(fake_host(c), "orders-old1.example") == 0;
    if (!fake_enter(e))
        return false;
    if (fake.health_fails && fake.watch_looks > 0)
        return err_set(e, ERR_UNAVAILABLE, "nothing listens there");
    fake.watch_looks++;
    *ret = (struct pg_health){.commits = 1000,
                              .deadlocks = !on_old && fake.watch_looks > 1 ? fake.deadlocks : 0,
                              .longest_application = "",
                              .applications = on_old ? till : shop,
                              .application_count = on_old ? (size_t)fake.stragglers : 1};
    return true;
}
