#include "acceptance-tests/sandbox/state_folder.h"

#include "internal/base/file.h"
#include "internal/base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void state_folder_open(struct state_folder *f)
{
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/sandbox-state.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof f->path, "%s/state.log", f->dir);
    f->arena = arena_new();
}

void state_folder_close(struct state_folder *f)
{
    (void)unlink(f->path);
    assert_int_equal(rmdir(f->dir), 0);
    arena_free(f->arena);
}

struct str state_folder_content(struct state_folder *f)
{
    struct str text;
    struct err e = ERR_INIT;
    if (!file_read(f->arena, f->path, SIZE_MAX / 2, &text, &e))
        fail_msg("%s", e.text);
    return text;
}
