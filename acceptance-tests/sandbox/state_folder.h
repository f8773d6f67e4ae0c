/* state_folder.h — a folder of its own for a test that works on a state file. Linked into unit tests only. */
#ifndef SANDBOX_STATE_FOLDER_H
#define SANDBOX_STATE_FOLDER_H

#include "internal/base/arena.h"

struct state_folder {
    char dir[64], path[80]; /* path: of the state file, which is not made */
    struct arena *arena;
};

void state_folder_open(struct state_folder *f);
void state_folder_close(struct state_folder *f); /* fails the test if anything but the file is left */
struct str state_folder_content(struct state_folder *f);

#endif
