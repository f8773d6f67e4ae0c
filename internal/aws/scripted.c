#include "internal/aws/scripted.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ENDLESS_BYTES = 20 * 1024 * 1024 };

struct connection {
    struct scripted *server;
    int fd;
    SSL *tls;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

static ssize_t get(struct connection *c, char *to, size_t n)
{
    return c->tls ? SSL_read(c->tls, to, (int)n) : recv(c->fd, to, n, 0);
}

static bool put(struct connection *c, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = c->tls ? SSL_write(c->tls, p, (int)n) : send(c->fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* A whole request, NUL-terminated; NULL if the client left. */
static char *read_request(struct connection *c)
{
    char *text = calloc(1, SCRIPTED_REQUEST_MAX);
    size_t n = 0;
    while (n < SCRIPTED_REQUEST_MAX - 1) {
        char *end = strstr(text, "\r\n\r\n");
        char *length = strcasestr(text, "\r\ncontent-length:");
        if (end &&
            n >= (size_t)(end + 4 - text) + (length && length < end ? strtoul(length + 17, NULL, 10) : 0))
            return text;
        ssize_t got = get(c, text + n, SCRIPTED_REQUEST_MAX - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    free(text);
    return NULL;
}

static const struct step *choose(struct scripted *s, char *request)
{
    const struct step *found = NULL;
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; !found && (s->steps[i].body || s->steps[i].fault || s->steps[i].status); i++) {
        const struct step *p = &s->steps[i];
        if ((p->times && s->used[i] >= p->times) || (p->action && !strstr(request, p->action)))
            continue;
        s->used[i]++;
        found = p;
    }
    if (s->requests < SCRIPTED_KEPT)
        s->kept[s->requests] = strdup(request);
    s->requests++;
    (void)pthread_mutex_unlock(&s->lock);
    return found;
}

static void wait_for_end(struct connection *c)
{
    struct pollfd wait[] = {{.fd = c->fd, .events = POLLIN}, {.fd = c->server->quit, .events = POLLIN}};
    while (poll(wait, 2, -1) < 0)
        ;
}

static void send_endless(struct connection *c)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    char block[65536];
    memset(block, 'x', sizeof block);
    bool ok = put(c, head, sizeof head - 1);
    for (int sent = 0; ok && sent < ENDLESS_BYTES; sent += (int)sizeof block)
        ok = put(c, block, sizeof block);
}

static void send_reply(struct connection *c, const struct step *p)
{
    const char *body = p->body ? p->body : "";
    size_t n = strlen(body), promised = p->fault == FAULT_SHORT_BODY ? n + 100 : n;
    char *text = NULL;
    int size = asprintf(&text, "HTTP/1.1 %d Scripted\r\nContent-Length: %zu\r\n%s%s\r\n%s",
                        p->status ? p->status : 200, promised, p->keep ? "" : "Connection: close\r\n",
                        p->headers ? p->headers : "", body);
    must(size > 0, "asprintf");
    if (p->fault == FAULT_RESET) {
        struct linger hard = {.l_onoff = 1};
        (void)put(c, text, (size_t)size - n / 2);
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    } else {
        (void)put(c, text, (size_t)size);
    }
    free(text);
}

static void answer(struct connection *c, const struct step *p)
{
    static const struct step none = {.status = 500, .body = "no step of the script fits"};
    switch (p ? p->fault : FAULT_NONE) {
    case FAULT_HANG_UP:
        break;
    case FAULT_SILENCE:
        wait_for_end(c);
        break;
    case FAULT_ENDLESS:
        send_endless(c);
        break;
    default:
        send_reply(c, p ? p : &none);
        break;
    }
}

static void count(struct scripted *s, int change)
{
    (void)pthread_mutex_lock(&s->lock);
    s->active += change;
    if (s->active > s->peak)
        s->peak = s->active;
    (void)pthread_mutex_unlock(&s->lock);
}

static bool serve_one(struct connection *c)
{
    char *request = read_request(c);
    if (!request)
        return false;
    const struct step *p = choose(c->server, request);
    free(request);
    answer(c, p);
    return p && p->keep;
}

static void *serve(void *context)
{
    struct connection *c = context;
    count(c->server, 1);
    if (c->server->tls) {
        c->tls = SSL_new(c->server->tls);
        (void)SSL_set_fd(c->tls, c->fd);
    }
    if (!c->tls || SSL_accept(c->tls) == 1)
        while (serve_one(c))
            ;
    if (c->tls) {
        (void)SSL_shutdown(c->tls);
        SSL_free(c->tls);
    }
    (void)close(c->fd);
    count(c->server, -1);
    free(c);
    return NULL;
}

static void *accept_all(void *context)
{
    struct scripted *s = context;
    struct pollfd wait[] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->quit, .events = POLLIN}};
    for (;;) {
        if (poll(wait, 2, -1) < 0)
            continue;
        if (wait[1].revents)
            return NULL;
        struct connection *c = calloc(1, sizeof *c);
        must(c != NULL, "calloc");
        c->server = s;
        c->fd = accept(s->fd, NULL, NULL);
        must(c->fd >= 0 && s->worker_count < ARRAY_LEN(s->workers), "accept");
        must(pthread_create(&s->workers[s->worker_count++], NULL, serve, c) == 0, "pthread_create");
    }
}

void scripted_start(struct scripted *s, const struct step *steps, SSL_CTX *tls)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    memset(s, 0, sizeof *s);
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    s->steps = steps;
    s->tls = tls;
    s->quit = eventfd(0, EFD_CLOEXEC);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(s->fd, 512) == 0 &&
             getsockname(s->fd, (struct sockaddr *)&a, &n) == 0,
         "listen");
    s->port = ntohs(a.sin_port);
    (void)snprintf(s->url, sizeof s->url, "http%s://127.0.0.1:%d", tls ? "s" : "", s->port);
    (void)pthread_mutex_init(&s->lock, NULL);
    must(pthread_create(&s->thread, NULL, accept_all, s) == 0, "pthread_create");
}

void scripted_stop(struct scripted *s)
{
    uint64_t one = 1;
    must(write(s->quit, &one, sizeof one) == sizeof one, "eventfd");
    (void)pthread_join(s->thread, NULL);
    for (size_t i = 0; i < s->worker_count; i++)
        (void)pthread_join(s->workers[i], NULL);
    for (int i = 0; i < SCRIPTED_KEPT; i++)
        free(s->kept[i]);
    (void)close(s->fd);
    (void)close(s->quit);
    (void)pthread_mutex_destroy(&s->lock);
}

int scripted_requests(struct scripted *s)
{
    (void)pthread_mutex_lock(&s->lock);
    int n = s->requests;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

const char *scripted_request(struct scripted *s, int i)
{
    (void)pthread_mutex_lock(&s->lock);
    const char *text = i < SCRIPTED_KEPT && s->kept[i] ? s->kept[i] : "";
    (void)pthread_mutex_unlock(&s->lock);
    return text;
}
