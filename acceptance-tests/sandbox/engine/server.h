/* server.h — one server of a data directory: its configuration files, start, stop.
 *
 * Settings come in three layers: defaults that suit many small servers, the volume's own parameters, and what
 * the sandbox needs; the last wins. Sandbox servers run with fsync=off: they survive a killed process, not a
 * killed machine.
 */
#ifndef SANDBOX_ENGINE_SERVER_H
#define SANDBOX_ENGINE_SERVER_H

#include "acceptance-tests/sandbox/engine/volume.h"

struct server_spec {
    struct volume *v;
    const char *data;                  /* data directory */
    const char *log;                   /* file */
    const struct engine_param *params; /* NULL: the volume's own */
    size_t param_count;
    const char *extra;  /* lines for the end of postgresql.conf, such as recovery settings; NULL: none */
    bool ignore_writes; /* writable whatever the volume's write mode says, for pg_upgrade */
    const struct major *major;
};

/* Writes postgresql.conf, pg_hba.conf and pg_ident.conf. */
MUST_CHECK bool server_configure(struct engine *g, const struct server_spec *s, struct err *e);
/* Configures, starts, waits until sessions are accepted and recovery is over. */
MUST_CHECK bool server_launch(struct engine *g, const struct server_spec *s, struct err *e);
/* Fast shutdown, harder if it takes longer than `patience_ms`. Tolerates "not running". */
MUST_CHECK bool server_halt(struct engine *g, struct volume *v, int64_t patience_ms, struct err *e);
/* Asks for a fast shutdown and does not wait. */
void server_begin_halt(struct volume *v);
/* Stops the server and its sessions where they are, or lets them go on. Not running: nothing. */
void server_pause(struct volume *v, bool pause);
/* Ends the server and its sessions as a crash of the machine does, paused or not. Not running: ERR_CONFLICT.
 */
MUST_CHECK bool server_kill(struct volume *v, int64_t patience_ms, struct err *e);
/* Runs? Notices a server that died by itself. */
bool server_alive(struct volume *v);
/* The volume's own server with its own data. Already running: true. */
MUST_CHECK bool server_start(struct engine *g, struct volume *v, struct err *e);
/* Configuration as the record says now, read by the running server; returns when new sessions have it. */
MUST_CHECK bool server_reload(struct engine *g, struct volume *v, struct err *e);
/* Stops a server that works in this data directory and was not started by us: by an earlier process, or by
 * pg_upgrade. */
MUST_CHECK bool server_stop_leftover(const char *data, struct err *e);
/* The same for all data directories directly below `folder` that an earlier process started. */
MUST_CHECK bool server_stop_leftovers(const char *folder, struct err *e);

/* Refuses parameters the major does not know, or with values no configuration file can hold. */
MUST_CHECK bool config_check(const struct major *m, const struct engine_param *p, size_t n, struct err *e);
/* Is this boolean parameter given and on? */
bool config_on(const struct server_spec *s, const char *name);
/* The whole of postgresql.conf. */
MUST_CHECK bool config_render(struct engine *g, const struct server_spec *s, struct buf *out, struct err *e);

#endif
