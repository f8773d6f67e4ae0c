/* template.h — data directories made once and copied: initdb and bootstrap.sql cost more than a second of a
 * processor, a copy a tenth of that.
 *
 * They lie beside the fetched majors, in `.data` (AURORA_SANDBOX_TEMPLATES names another folder), where all
 * sandboxes of one user share them; below the state folder if that place is not ours to write. One is known
 * by all that shaped it: the server's full version, the machine, initdb's options, bootstrap.sql. It is made
 * under a hidden name, locked for as long as its maker lives, and renamed when it is on the disk; several
 * makers at once are fine, the first one counts. It says how many files and bytes it has: what is damaged is
 * made anew. One that nobody has used for a month goes when the next is made.
 *
 * Templates are for speed only: whatever fails here, the caller does without one. Thread-safe.
 */
#ifndef SANDBOX_ENGINE_TEMPLATE_H
#define SANDBOX_ENGINE_TEMPLATE_H

#include "acceptance-tests/sandbox/engine/volume.h"

struct template
{
    const struct major *major;
    bool ready; /* false: as initdb leaves it; true: with database rdsadmin and bootstrap.sql, stopped */
    bool checksums;
};

/* Where they lie; lives as long as the engine. */
const char *template_place(struct engine *g);

/* True: `data` is now a copy with a system identifier of its own, without configuration files. False: `data`
 * is not there. */
bool template_take(struct engine *g, const struct template *t, const char *data);

/* Keeps a copy of `data`, which belongs to no running server, for later calls of template_take. */
void template_keep(struct engine *g, const struct template *t, const char *data);

#endif
