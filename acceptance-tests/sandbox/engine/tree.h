/* tree.h — folders as a whole: made, copied, given away, removed.
 *
 * Symbolic links are never followed. Copies share blocks with the original where the file system can
 * (FICLONE), else the kernel copies (copy_file_range(2)).
 */
#ifndef SANDBOX_ENGINE_TREE_H
#define SANDBOX_ENGINE_TREE_H

#include "acceptance-tests/sandbox/engine/child.h"

/* Makes the folder and its parents with this mode; tolerates "exists". */
MUST_CHECK bool tree_make(const char *path, unsigned mode, struct err *e);
/* Makes one folder owned by `account`, mode 0700. */
MUST_CHECK bool tree_make_private(const char *path, const struct account *account, struct err *e);
/* Removes whatever is there; absent is fine. */
MUST_CHECK bool tree_remove(const char *path, struct err *e);

struct tree_sum {
    uint64_t files, bytes;
};

struct tree_copy {
    const char *from, *to; /* `to` is made here */
    const struct account *account;
    bool live; /* files may vanish or shrink while we read, as in a running server's folder */
    /* True: leave this entry out. `path` is relative to `from`. NULL: copy all. */
    bool (*skip)(const char *path, bool is_dir);
    bool (*empty)(const char *path); /* True: make the folder but copy nothing in it. NULL: none */
    struct tree_sum *sum;            /* what was copied is added; NULL allowed */
};
MUST_CHECK bool tree_copy(const struct tree_copy *c, struct err *e);
/* One regular file; `to` must not exist. */
MUST_CHECK bool tree_copy_file(const char *from, const char *to, const struct account *account, bool live,
                               struct err *e);
bool tree_exists(const char *path);
MUST_CHECK bool tree_rename(const char *from, const char *to, struct err *e);

#endif
