#include "provider/command.h"

#include "internal/flow/journal.h"
#include "internal/upgrade/lease.h"
#include "internal/upgrade/upgrade.h"

enum { POLL_MS = 1000, POLL_MAX_MS = 30000 };
static const int64_t walk_ms = 2LL * 3600000;

struct telling {
    struct invocation *i;
    const struct upgrade *u;
    size_t findings;
};

static void tell_finding(void *arg, const struct step *s, const struct err *finding)
{
    struct telling *t = arg;
    struct err e = *finding;
    (void)s;
    t->findings++;
    world_state(t->u, &e);
    (void)command_fail(t->i, &e);
}

struct journal *command_journal(struct invocation *i)
{
    struct journal *j = NULL;
    struct err why = ERR_INIT;
    if (!journal_open(provider_config(&i->call)->journal_dir, i->cluster, i->command->name, clock_real(), &j,
                      &why))
        tf_warn(&i->call, NULL, "No journal is kept", "%s. `%s` does not need it.", why.text,
                i->command->name);
    return j;
}

void command_journal_end(struct invocation *i, struct journal *j)
{
    struct err why = ERR_INIT;
    if (!journal_whole(j, &why))
        tf_warn(&i->call, NULL, "The journal is not whole", "%s. `%s` does not need it.", why.text,
                i->command->name);
    journal_close(j);
}

bool command_walk(struct invocation *i, struct upgrade *u, const struct flow *flow, enum flow_stage target,
                  struct journal *journal, struct err *e)
{
    struct lease *lease CLEANUP(lease_cleanup) = lease_new(u);
    struct telling t = {.i = i, .u = u};
    const struct step *failed = NULL;
    const struct flow_run run = {.flow = flow,
                                 .u = u,
                                 .target = target,
                                 .clock = u->clock,
                                 .stop = u->stop,
                                 .deadline_ms = u->clock->mono_ms(u->clock) + walk_ms,
                                 .poll_ms = POLL_MS,
                                 .poll_max_ms = POLL_MAX_MS,
                                 .journal = journal,
                                 .may_change = lease_hold,
                                 .may_change_arg = lease,
                                 .is_over = server_is_back,
                                 .is_over_arg = u,
                                 .report = tell_finding,
                                 .report_arg = &t};
    if (flow_apply(&run, &failed, e))
        return true;
    world_state(u, e);
    if (failed && failed->kind == STEP_CHECK && t.findings > 0)
        *e = (struct err)ERR_INIT;
    return false;
}
