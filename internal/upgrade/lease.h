/* lease.h — one upgrade of a cluster at a time, wherever its applies run. Inside one process, claim.c does
 * it.
 *
 * Two means, because neither is always there: with a login, an advisory lock in production's database (it
 * ends with the session, also after SIGKILL); and once there is an object of the run, a tag on it (the
 * deployment, later the old cluster; the snapshot; the clone of a rehearsal) that says who and until when.
 * The tag is written, read back, renewed every LEASE_RENEW_MS by one thread per process, and read before
 * every step that changes something. Whoever finds another's tag waits until it is renewed (refused: AUR0175,
 * told who) or has run out (taken over); a holder on this very machine whose process has ended is taken over
 * at once.
 *
 * Ownership: of one walk, by one thread. Clocks: the expiry in the tag is another machine's; LEASE_SKEW_MS of
 * difference is allowed for.
 */
#ifndef AURORA_UPGRADE_LEASE_H
#define AURORA_UPGRADE_LEASE_H

#include "internal/upgrade/upgrade.h"

enum { LEASE_MS = 180000, LEASE_RENEW_MS = 60000, LEASE_SKEW_MS = 30000 };

struct lease;
/* `u` must outlive it. Nothing is taken yet. */
struct lease *lease_new(struct upgrade *u);
/* Takes what there is to take by now, or proves that it is still held. For flow_run.may_change. */
MUST_CHECK bool lease_hold(void *lease, struct err *e);
/* Gives everything back, as far as it can be reached. */
void lease_free(struct lease *l);
DEFINE_CLEANUP(struct lease, lease_cleanup, lease_free)

/* ---- the tag's value, for tests ---- */

/* "user@host place/pid/start until 2026-01-02T03:04:05Z"; only characters that RDS allows. */
struct lease_holder {
    char who[64];   /* user@host, for people */
    char place[64]; /* machine and process: "9f3c…/4711/123456" */
    int64_t until_ms;
};
enum { LEASE_TEXT = 256 };
void lease_write(const struct lease_holder *h, char out[LEASE_TEXT]);
MUST_CHECK bool lease_read(const char *text, struct lease_holder *ret);
/* This process. */
void lease_self(struct lease_holder *ret);
/* Of this machine, and ended. */
bool lease_is_dead(const struct lease_holder *h);

#endif
