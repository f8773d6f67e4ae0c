#include "acceptance-tests/sandbox/engine/forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG     1024
#define BUFFER_SIZE (16 * 1024) /* one TLS record */
#define BATCH       128

enum side { CLIENT, SERVER };

/* What an event of the epoll set belongs to. */
struct watch {
    struct endpoint *endpoint; /* its listener, or NULL: */
    struct link *link;         /* … one side of a connection, or NULL: the wake-up call */
    enum side side;
};

/* Bytes on their way to one side. */
struct flow {
    size_t start, end;
    char data[BUFFER_SIZE];
};

struct link {
    struct link *next, *prev; /* of its endpoint; `next` also in the graveyard */
    struct endpoint *endpoint;
    int fd[2];
    struct watch watch[2];
    uint32_t interest[2];
    bool connecting, dead;
    bool unwatched; /* the server has hung up while the client still reads; only the client is watched */
    bool ended[2];  /* this side will say no more */
    bool deaf[2];   /* this side takes no more */
    struct flow to[2];
};

struct endpoint {
    struct endpoint *next;
    char *name;
    struct forward_point point;
    int fd; /* listening socket; -1: refusing connections */
    bool hold, accepting;
    struct watch watch;
    struct link *links;
    size_t count;
};

struct forward {
    struct engine *g;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* everything below; the thread holds it while it works, not while it waits */
    bool closing;
    int epoll, wake, spare;
    struct watch wake_watch;
    struct endpoint *endpoints;
    struct link *graveyard; /* closed, but perhaps in the batch of events the thread has just got */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static struct sockaddr_in address(const struct forward *f, int octet, int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    unsigned block = 127U << 24 | (unsigned)f->g->block_a << 16 | (unsigned)f->g->block_b << 8;
    at.sin_addr.s_addr = htonl(block | (unsigned)octet);
    return at;
}

/* ---- one connection ---- */

static void bury(struct forward *f, struct link *l)
{
    if (l->prev)
        l->prev->next = l->next;
    else
        l->endpoint->links = l->next;
    if (l->next)
        l->next->prev = l->prev;
    l->endpoint->count--;
    /* Closing alone does not take a socket out of the set while a child that was just forked still has it. */
    (void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, l->fd[CLIENT], NULL);
    (void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, l->fd[SERVER], NULL);
    close_fd(&l->fd[CLIENT]);
    close_fd(&l->fd[SERVER]);
    l->dead = true;
    l->next = f->graveyard;
    f->graveyard = l;
}

static void fill_flow(struct link *l, enum side from)
{
    struct flow *w = &l->to[!from];
    if (w->start != w->end || l->ended[from])
        return;
    ssize_t n = recv(l->fd[from], w->data, sizeof w->data, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    w->start = 0;
    w->end = n > 0 ? (size_t)n : 0;
    l->ended[from] = n <= 0; /* a reset comes after all data that had arrived before it */
}

static void drain_flow(struct link *l, enum side to)
{
    struct flow *w = &l->to[to];
    while (w->start < w->end) {
        ssize_t n = l->deaf[to] ? (ssize_t)(w->end - w->start)
                                : send(l->fd[to], w->data + w->start, w->end - w->start, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            l->deaf[to] = true; /* what it still says is wanted, such as why it hung up */
        else
            w->start += (size_t)n;
    }
    if (l->ended[!to] && !l->deaf[to]) {
        (void)shutdown(l->fd[to], SHUT_WR);
        l->deaf[to] = true;
    }
}

/* The server hangs up, or the client is gone altogether. A client that only ends its sending side waits for
 * the server's answer. */
static bool over(const struct link *l)
{
    bool told = l->to[CLIENT].start == l->to[CLIENT].end;
    return (l->ended[SERVER] && told) || (l->deaf[CLIENT] && !l->ended[SERVER]);
}

static void set_interest(struct forward *f, struct link *l, enum side s)
{
    uint32_t want = 0;
    if (!l->connecting && !l->ended[s] && l->to[!s].start == l->to[!s].end)
        want |= EPOLLIN;
    if ((l->connecting && s == SERVER) || l->to[s].start != l->to[s].end)
        want |= EPOLLOUT;
    if (want == l->interest[s] || (s == SERVER && l->unwatched))
        return;
    struct epoll_event ev = {.events = want, .data.ptr = &l->watch[s]};
    (void)epoll_ctl(f->epoll, EPOLL_CTL_MOD, l->fd[s], &ev);
    l->interest[s] = want;
}

static bool connected(struct link *l)
{
    int reason = 0;
    socklen_t n = sizeof reason;
    l->connecting = false;
    return getsockopt(l->fd[SERVER], SOL_SOCKET, SO_ERROR, &reason, &n) == 0 && reason == 0;
}

/* A server that has hung up is reported again and again until its socket is closed, which must wait for a
 * slow client. What it said before is read when the client makes room. */
static void stop_watching_server(struct forward *f, struct link *l)
{
    if (!l->unwatched)
        (void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, l->fd[SERVER], NULL);
    l->unwatched = true;
}

static void move_bytes(struct link *l)
{
    fill_flow(l, CLIENT);
    drain_flow(l, SERVER);
    do {
        fill_flow(l, SERVER);
        drain_flow(l, CLIENT);
    } while (l->unwatched && !l->ended[SERVER] && l->to[CLIENT].start == l->to[CLIENT].end);
}

static void carry(struct forward *f, struct link *l, enum side s, uint32_t events)
{
    if (l->connecting && s == SERVER && !connected(l)) {
        bury(f, l);
        return;
    }
    if (s == SERVER && (events & (EPOLLHUP | EPOLLERR)))
        stop_watching_server(f, l);
    if (!l->connecting)
        move_bytes(l);
    if (over(l) || (s == CLIENT && (events & (EPOLLERR | EPOLLHUP)))) {
        bury(f, l);
        return;
    }
    set_interest(f, l, CLIENT);
    set_interest(f, l, SERVER);
}

/* Delivers what the server has said already, then closes. */
static void cut(struct forward *f, struct link *l)
{
    for (int i = 0; i < 64 && !l->connecting && !l->ended[SERVER]; i++) {
        drain_flow(l, CLIENT);
        fill_flow(l, SERVER);
        if (l->to[CLIENT].start == l->to[CLIENT].end)
            break;
    }
    drain_flow(l, CLIENT);
    bury(f, l);
}

static void cut_all(struct forward *f, struct endpoint *p)
{
    while (p->links)
        cut(f, p->links);
}

/* ---- new connections ---- */

static int dial(struct forward *f, const struct forward_point *p, bool *connecting)
{
    int one = 1, octet = p->mode == ENDPOINT_READER ? READER_OCTET : WRITER_OCTET;
    struct sockaddr_in at = address(f, octet, atomic_load(&p->target->port));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    *connecting = connect(fd, (struct sockaddr *)&at, sizeof at) != 0;
    if (*connecting && errno != EINPROGRESS)
        close_fd(&fd);
    return fd;
}

static bool watch_side(struct forward *f, struct link *l, enum side s)
{
    l->watch[s] = (struct watch){.link = l, .side = s};
    l->interest[s] = l->connecting ? (s == SERVER ? EPOLLOUT : 0) : EPOLLIN;
    struct epoll_event ev = {.events = l->interest[s], .data.ptr = &l->watch[s]};
    return epoll_ctl(f->epoll, EPOLL_CTL_ADD, l->fd[s], &ev) == 0;
}

static void connect_client(struct forward *f, struct endpoint *p, int client)
{
    int one = 1;
    bool connecting = false;
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    int server = p->point.target ? dial(f, &p->point, &connecting) : -1;
    if (server < 0) {
        (void)close(client);
        return;
    }
    struct link *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->endpoint = p;
    l->fd[CLIENT] = client;
    l->fd[SERVER] = server;
    l->connecting = connecting;
    l->next = p->links;
    if (p->links)
        p->links->prev = l;
    p->links = l;
    p->count++;
    if (!watch_side(f, l, CLIENT) || !watch_side(f, l, SERVER))
        bury(f, l);
}

/* Without a descriptor left, the client at the head of the queue would wake us for ever: turn it away with
 * the spare one. */
static void turn_away(struct forward *f, struct endpoint *p)
{
    close_fd(&f->spare);
    int client = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
    close_fd(&client);
    f->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void welcome(struct forward *f, struct endpoint *p)
{
    for (int i = 0; i < BATCH && p->accepting; i++) {
        int client = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client < 0) {
            if (errno == EMFILE || errno == ENFILE)
                turn_away(f, p);
            return;
        }
        connect_client(f, p, client);
    }
}

/* ---- the thread ---- */

static void handle(struct forward *f, const struct epoll_event *ev)
{
    struct watch *w = ev->data.ptr;
    if (w->endpoint) {
        if (w->endpoint->accepting)
            welcome(f, w->endpoint);
    } else if (w->link && !w->link->dead) {
        carry(f, w->link, w->side, ev->events);
    } else if (!w->link) {
        uint64_t count;
        ssize_t got = read(f->wake, &count, sizeof count);
        (void)got;
    }
}

static void empty_graveyard(struct forward *f)
{
    while (f->graveyard) {
        struct link *l = f->graveyard;
        f->graveyard = l->next;
        free(l);
    }
}

static void *forward_main(void *arg)
{
    struct forward *f = arg;
    struct epoll_event events[BATCH];
    for (bool closing = false; !closing;) {
        int n = epoll_wait(f->epoll, events, BATCH, -1);
        (void)pthread_mutex_lock(&f->lock);
        for (int i = 0; i < n; i++)
            handle(f, &events[i]);
        empty_graveyard(f);
        closing = f->closing;
        (void)pthread_mutex_unlock(&f->lock);
    }
    return NULL;
}

static void wake(struct forward *f)
{
    uint64_t one = 1;
    ssize_t put = write(f->wake, &one, sizeof one);
    (void)put;
}

bool forward_new(struct engine *g, struct forward **ret, struct err *e)
{
    struct forward *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->g = g;
    (void)pthread_mutex_init(&f->lock, NULL);
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    f->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &f->wake_watch};
    bool ok = f->epoll >= 0 && f->wake >= 0 && epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->wake, &ev) == 0;
    int reason = ok ? pthread_create(&f->thread, NULL, forward_main, f) : errno;
    f->running = ok && reason == 0;
    if (!f->running) {
        forward_free(f);
        return err_errno(e, reason, "start the forwarder");
    }
    *ret = f;
    return true;
}

/* ---- endpoints; under the lock ---- */

static struct endpoint *find(struct forward *f, const char *name)
{
    for (struct endpoint *p = f->endpoints; p; p = p->next)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

static struct endpoint *find_or_add(struct forward *f, const char *name)
{
    struct endpoint *p = find(f, name);
    if (p)
        return p;
    p = calloc(1, sizeof *p);
    if (!p || !(p->name = strdup(name)))
        abort();
    p->fd = -1;
    p->watch.endpoint = p;
    p->next = f->endpoints;
    f->endpoints = p;
    return p;
}

static void set_accepting(struct forward *f, struct endpoint *p)
{
    bool want = p->fd >= 0 && !p->hold && !(p->point.target && p->point.target->held > 0);
    if (want == p->accepting)
        return;
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &p->watch};
    (void)epoll_ctl(f->epoll, want ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, p->fd, &ev);
    p->accepting = want;
}

/* A child between fork and exec still has a copy of the descriptor: closing ours alone would leave the socket
 * listening for that moment, and the address in use. */
static void stop_listening(struct forward *f, struct endpoint *p)
{
    if (p->accepting)
        (void)epoll_ctl(f->epoll, EPOLL_CTL_DEL, p->fd, NULL);
    p->accepting = false;
    if (p->fd >= 0)
        (void)shutdown(p->fd, SHUT_RDWR);
    close_fd(&p->fd);
}

static bool listen_at(struct forward *f, struct endpoint *p, struct err *e)
{
    int one = 1;
    char text[INET_ADDRSTRLEN];
    struct sockaddr_in at = address(f, p->point.octet, p->point.port);
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd >= 0 && setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(p->fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(p->fd, BACKLOG) == 0)
        return true;
    int reason = errno;
    close_fd(&p->fd);
    return err_errno(e, reason, "listen on %s:%d for endpoint %s",
                     inet_ntop(AF_INET, &at.sin_addr, text, sizeof text), p->point.port, p->name);
}

static bool set_locked(struct forward *f, const char *name, const struct forward_point *want, struct err *e)
{
    struct endpoint *p = find_or_add(f, name);
    bool moved = want->target != p->point.target || want->mode != p->point.mode;
    if (want->port != p->point.port || want->octet != p->point.octet || !want->target)
        stop_listening(f, p);
    if (moved)
        cut_all(f, p);
    p->point = *want;
    if (want->target && p->fd < 0 && !listen_at(f, p, e)) {
        p->point.target = NULL;
        return false;
    }
    set_accepting(f, p);
    return true;
}

bool forward_set(struct forward *f, const char *name, const struct forward_point *p, struct err *e)
{
    (void)pthread_mutex_lock(&f->lock);
    bool ok = set_locked(f, name, p, e);
    wake(f);
    (void)pthread_mutex_unlock(&f->lock);
    return ok;
}

void forward_hold(struct forward *f, const char *name, bool hold)
{
    (void)pthread_mutex_lock(&f->lock);
    struct endpoint *p = find(f, name);
    if (p) {
        p->hold = hold;
        set_accepting(f, p);
    }
    (void)pthread_mutex_unlock(&f->lock);
}

void forward_hold_volume(struct forward *f, struct volume *v, bool hold)
{
    (void)pthread_mutex_lock(&f->lock);
    v->held += hold ? 1 : -1;
    for (struct endpoint *p = f->endpoints; p; p = p->next)
        set_accepting(f, p);
    (void)pthread_mutex_unlock(&f->lock);
}

/* The record stays, silent: the event the thread may have in its hands points to it. Names are few, and a
 * name that comes back finds its record again. */
static void silence(struct forward *f, struct endpoint *p)
{
    stop_listening(f, p);
    cut_all(f, p);
    p->point.target = NULL;
    p->hold = false;
}

void forward_remove(struct forward *f, const char *name)
{
    (void)pthread_mutex_lock(&f->lock);
    struct endpoint *p = find(f, name);
    if (p)
        silence(f, p);
    wake(f);
    (void)pthread_mutex_unlock(&f->lock);
}

void forward_forget(struct forward *f, struct volume *v)
{
    (void)pthread_mutex_lock(&f->lock);
    for (struct endpoint *p = f->endpoints; p; p = p->next)
        if (p->point.target == v)
            silence(f, p);
    wake(f);
    (void)pthread_mutex_unlock(&f->lock);
}

size_t forward_count(struct forward *f, const char *name)
{
    (void)pthread_mutex_lock(&f->lock);
    struct endpoint *p = find(f, name);
    size_t count = p ? p->count : 0;
    (void)pthread_mutex_unlock(&f->lock);
    return count;
}

void forward_free(struct forward *f)
{
    if (!f)
        return;
    (void)pthread_mutex_lock(&f->lock);
    f->closing = true;
    if (f->wake >= 0)
        wake(f);
    (void)pthread_mutex_unlock(&f->lock);
    if (f->running)
        (void)pthread_join(f->thread, NULL);
    for (struct endpoint *p = f->endpoints, *next; p; p = next) {
        next = p->next;
        silence(f, p);
        free(p->name);
        free(p);
    }
    empty_graveyard(f);
    close_fd(&f->epoll);
    close_fd(&f->wake);
    close_fd(&f->spare);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
}
