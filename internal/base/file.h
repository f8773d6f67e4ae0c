/* file.h — whole small files, bounded, and random bytes. Paths are the caller's; nothing is created
 * implicitly. */
#ifndef AURORA_FILE_H
#define AURORA_FILE_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/base/err.h"

/* Reads a regular file of at most `max` bytes into the arena, NUL-terminated. ERR_NOT_FOUND if it is absent.
 */
MUST_CHECK bool file_read(struct arena *a, const char *path, size_t max, struct str *ret, struct err *e);

/* Writes beside the target, fsyncs, renames over it: readers see the old or the new content, never half. */
MUST_CHECK bool file_replace(const char *path, const void *data, size_t n, unsigned mode, struct err *e);

/* Creates the folder and its parents, mode 0700 where new. */
MUST_CHECK bool dir_make(const char *path, struct err *e);

/* Random bytes from the kernel; never fails (aborts if the kernel has none, which Linux does not do). */
void random_bytes(void *out, size_t n);

/* `n` characters of [a-z0-9] and a NUL. */
void random_name(char *out, size_t n);

#endif
