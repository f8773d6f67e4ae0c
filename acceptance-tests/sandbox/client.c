#include "acceptance-tests/sandbox/client.h"

#include "acceptance-tests/sandbox/control.h"
#include "internal/base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FACTS_MAX = 64 * 1024, ANSWER_MAX = 64 * 1024 * 1024 };

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

bool client_read_state(const char *state_dir, json_t **ret, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct str text;
    if (!file_read(a, arena_printf(a, "%s/endpoint.json", state_dir), FACTS_MAX, &text, e))
        return err_wrap(e, "no sandbox has run in %s", state_dir);
    *ret = json_loadb(text.p, text.n, 0, NULL);
    return *ret || err_set(e, ERR_INVALID, "%s/endpoint.json can't be read", state_dir);
}

static bool connect_to(const char *endpoint, int *ret, struct err *e)
{
    const char *colon = strrchr(endpoint, ':');
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtol(colon ? colon + 1 : "0", NULL, 10))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int reason = errno;
        if (fd >= 0)
            (void)close(fd);
        return err_errno(e, reason, "reach the sandbox at %s (is it running?)", endpoint);
    }
    *ret = fd;
    return true;
}

static bool send_all(int fd, const char *p, size_t n, struct err *e)
{
    while (n > 0) {
        ssize_t put = send(fd, p, n, MSG_NOSIGNAL);
        if (put < 0 && errno != EINTR)
            return err_errno(e, errno, "talk to the sandbox");
        p += put > 0 ? put : 0;
        n -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

static bool receive_all(int fd, struct buf *b, struct err *e)
{
    char part[16384];
    for (;;) {
        ssize_t got = recv(fd, part, sizeof part, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(e, errno, "hear from the sandbox");
        if (got == 0)
            return !b->overflow || err_set(e, ERR_INVALID, "the answer is too long");
        (void)buf_add(b, part, (size_t)got);
    }
}

/* Status line and headers are ours to know: the sandbox closes the connection after its answer. */
static bool parse_answer(const struct buf *b, json_t **ret, struct err *e)
{
    const char *body = strstr(buf_text(b), "\r\n\r\n");
    json_t *answer = body ? json_loads(body + 4, 0, NULL) : NULL;
    const char *problem = json_string_value(json_object_get(answer, "error"));
    if (!answer)
        return err_set(e, ERR_UNAVAILABLE, "the sandbox gave no answer");
    if (problem) {
        (void)err_set(e, ERR_REMOTE, "%s", problem);
        json_decref(answer);
        return false;
    }
    *ret = answer;
    return true;
}

static bool exchange(const json_t *state, const char *verb, const char *body, json_t **ret, struct err *e)
{
    int fd CLEANUP(close_fd) = -1;
    struct buf b = BUF_INIT(ANSWER_MAX);
    if (!connect_to(rec_str(state, "endpoint"), &fd, e))
        return false;
    (void)buf_printf(&b,
                     "POST " CONTROL_PREFIX
                     "%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" CONTROL_HEADER
                     ": %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     verb, rec_str(state, "control_token"), strlen(body), body);
    bool ok = send_all(fd, b.p, b.n, e);
    buf_clear(&b);
    ok = ok && receive_all(fd, &b, e) && parse_answer(&b, ret, e);
    buf_done(&b);
    return ok;
}

bool client_call(const char *state_dir, const char *verb, const json_t *body, json_t **ret, struct err *e)
{
    json_t *state = NULL;
    if (!client_read_state(state_dir, &state, e))
        return false;
    char *text = json_dumps(body, JSON_COMPACT);
    bool ok = text && exchange(state, verb, text, ret, e);
    free(text);
    json_decref(state);
    return ok;
}
