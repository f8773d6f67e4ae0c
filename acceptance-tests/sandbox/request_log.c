#include "acceptance-tests/sandbox/request_log.h"

#include "acceptance-tests/sandbox/rec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct request_log {
    int fd;
};

static const char *const SECRETS[] = {"MasterUserPassword", "SecretString", "SecretBinary", "TokenCode",
                                      "WebIdentityToken"};

bool request_log_open(const char *path, struct request_log **ret, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, errno, "open %s", path);
    struct request_log *l = malloc(sizeof *l);
    if (!l)
        abort();
    l->fd = fd;
    *ret = l;
    return true;
}

void request_log_close(struct request_log *l)
{
    if (!l)
        return;
    (void)close(l->fd);
    free(l);
}

void request_log_write(struct request_log *l, const json_t *entry)
{
    char *text = json_dumps(entry, JSON_COMPACT);
    if (!text)
        return;
    size_t n = strlen(text);
    text[n] = '\n'; /* in the place of the NUL: a line is one write, so lines of threads do not mix */
    if (write(l->fd, text, n + 1) < 0)
        (void)0; /* a full disk must not stop the sandbox */
    free(text);
}

json_t *request_log_mask(const json_t *parameters)
{
    json_t *copy = json_deep_copy(parameters);
    for (size_t i = 0; i < ARRAY_LEN(SECRETS); i++)
        if (rec_has(copy, SECRETS[i]))
            rec_set_str(copy, SECRETS[i], "***");
    return copy;
}
