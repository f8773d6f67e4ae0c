/* compat.h — what every file of the module includes, and how the majors differ.
 *
 * Compiled once per major with that major's headers. libpq-be.h would want the headers of Kerberos and
 * OpenSSL; the fields the module uses come before those that depend on them.
 */
#ifndef AURORA_SANDBOX_COMPAT_H
#define AURORA_SANDBOX_COMPAT_H

#include "postgres.h"

#undef ENABLE_GSS
#undef USE_OPENSSL

#include "fmgr.h"
#include "miscadmin.h"

/* Settings, settings.c */
extern char *sandbox_extensions;
extern char *sandbox_reader_address;
extern bool sandbox_write_lock;

extern void sandbox_define_settings(void);

#endif
