#include "internal/upgrade/failing.h"
#include "internal/pg/logical.h"
#include "internal/upgrade/upgrade.h"

#include <string.h>

enum { ERRORS_BEFORE_TOLD = 3 };

struct failing {
    struct failing *next;
    const char *database;
    struct failing_count apply, copy;
};

bool failing_add(struct failing_count *c, int64_t errors, uint64_t at)
{
    /* Fewer than before: statistics began anew. */
    if (!c->is_known || at != c->at || errors < c->errors)
        *c = (struct failing_count){.errors = errors, .at = at, .is_known = true};
    return errors - c->errors >= ERRORS_BEFORE_TOLD;
}

static struct failing *of_database(struct upgrade *u, const char *database)
{
    for (struct failing *f = u->failing; f; f = f->next)
        if (strcmp(f->database, database) == 0)
            return f;
    struct failing *f = ARENA_NEW(u->arena, struct failing);
    *f = (struct failing){.next = u->failing, .database = arena_strdup(u->arena, database)};
    return u->failing = f;
}

bool fails_again(struct upgrade *u, const char *database, const struct pg_subscription *s)
{
    struct failing *f = of_database(u, database);
    bool applies_in_vain = failing_add(&f->apply, s->apply_errors, s->origin);
    bool copies_in_vain = failing_add(&f->copy, s->sync_errors, (uint64_t)s->not_ready);
    return applies_in_vain || (copies_in_vain && s->not_ready > 0);
}
