/* A scripted AWS for a fleet that waits: clusters fleet-1 … fleet-COUNT on 13, each with a deployment to 17
 * that an earlier apply has made and that stays PROVISIONING.
 *
 * cloud COUNT REPLIES: answers from the files of the folder REPLIES (one per operation; {id} is the object
 * asked for, {n} the number of its cluster, {holder} the tag of the lease), prints its endpoint as one line
 * and ends with its stdin. It remembers nothing but leases, and verifies no signature.
 */
#include "internal/base/arena.h"
#include "internal/base/file.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 65536, REPLY_MAX = 4 * 1024 * 1024, FILE_MAX = 65536, ID_SIZE = 128, HOLDER_SIZE = 512 };
enum { PAGE = 100, BACKLOG = 512, STACK_BYTES = 256 * 1024 };

#define NS "xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\""
#define LIST_HEAD                                                                                            \
    "<DescribeBlueGreenDeploymentsResponse " NS "><DescribeBlueGreenDeploymentsResult><"                     \
    "BlueGreenDeployments>"
#define LIST_END "</DescribeBlueGreenDeploymentsResult></DescribeBlueGreenDeploymentsResponse>"

static long count;
static const char *folder;
static char (*holders)[HOLDER_SIZE]; /* by number; XML of the tag */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- requests ---- */

struct request {
    const char *body;
    char action[ID_SIZE], id[ID_SIZE];
    long n; /* 0: no cluster of the fleet is named */
};

/* Up to the end of a form value. */
static size_t value_length(const char *at)
{
    return strcspn(at, "&");
}

static void copy(char *to, size_t size, const char *from, size_t n)
{
    (void)snprintf(to, size, "%.*s", (int)n, from);
}

static void understand(const char *body, struct request *ret)
{
    *ret = (struct request){.body = body};
    const char *action = strstr(body, "Action="), *fleet = strstr(body, "fleet-");
    if (action)
        copy(ret->action, sizeof ret->action, action + 7, value_length(action + 7));
    if (!fleet)
        return;
    size_t n = 0;
    while (isalnum((unsigned char)fleet[n]) || fleet[n] == '-')
        n++;
    copy(ret->id, sizeof ret->id, fleet, n);
    ret->n = strtol(fleet + 6, NULL, 10);
    if (ret->n < 1 || ret->n > count)
        ret->n = 0;
}

/* ---- replies ---- */

/* The file without its line ends; NULL: there is none. */
static char *template_of(struct arena *a, const char *name)
{
    struct str text;
    struct err e = ERR_INIT;
    if (!file_read(a, arena_printf(a, "%s/%s.xml", folder, name), FILE_MAX, &text, &e))
        return NULL;
    char *line = arena_alloc(a, text.n + 1), *out = line;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != '\n')
            *out++ = text.p[i];
    return line;
}

static void add_holder(const struct request *r, struct buf *out)
{
    (void)pthread_mutex_lock(&lock);
    if (r->n && strstr(r->body, "bgd-"))
        (void)buf_puts(out, holders[r->n]);
    (void)pthread_mutex_unlock(&lock);
}

static void fill(const char *text, const struct request *r, struct buf *out)
{
    for (const char *p = text; *p; p++) {
        size_t n = *p == '{' ? strcspn(p, "}") + 1 : 1;
        if (n == 4 && strncmp(p, "{id}", n) == 0)
            (void)buf_puts(out, r->id);
        else if (n == 3 && strncmp(p, "{n}", n) == 0)
            (void)buf_printf(out, "%ld", r->n);
        else if (n > 1)
            add_holder(r, out);
        else
            (void)buf_add(out, p, 1);
        p += n - 1;
    }
}

static void list_deployments(struct arena *a, const struct request *r, struct buf *out)
{
    const char *text = template_of(a, r->action), *marker = strstr(r->body, "Marker=");
    long from = r->n ? r->n : marker ? strtol(marker + 7, NULL, 10) : 1;
    const char *asked = strstr(r->body, "MaxRecords=");
    long end = r->n ? from + 1 : from + (asked ? strtol(asked + 11, NULL, 10) : PAGE);
    (void)buf_puts(out, LIST_HEAD);
    for (long n = from; text && n < end && n <= count; n++) {
        const struct request one = {.body = "", .n = n};
        fill(text, &one, out);
    }
    (void)buf_puts(out, "</BlueGreenDeployments>");
    if (!r->n && end <= count)
        (void)buf_printf(out, "<Marker>%ld</Marker>", end);
    (void)buf_puts(out, LIST_END);
}

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : toupper((unsigned char)c) - 'A' + 10;
}

/* The one tag of an AddTagsToResource. */
static void keep_tag(const struct request *r)
{
    char text[HOLDER_SIZE] = "";
    size_t n = 0;
    const char *value = strstr(r->body, "Tags.Tag.1.Value=");
    for (const char *p = value ? value + 17 : ""; *p && *p != '&' && n + 1 < sizeof text; p++) {
        bool coded = p[0] == '%' && p[1] && p[2];
        int c = coded ? hex(p[1]) * 16 + hex(p[2]) : *p == '+' ? ' ' : *p;
        text[n++] = (char)c;
        p += coded ? 2 : 0;
    }
    (void)pthread_mutex_lock(&lock);
    (void)snprintf(holders[r->n], HOLDER_SIZE,
                   "<Tag><Key>aurora-upgrade:holder</Key><Value>%.300s</Value></Tag>", text);
    (void)pthread_mutex_unlock(&lock);
}

static int answer(struct arena *a, const struct request *r, struct buf *out)
{
    if (strcmp(r->action, "DescribeBlueGreenDeployments") == 0) {
        list_deployments(a, r, out);
        return 200;
    }
    if (strcmp(r->action, "AddTagsToResource") == 0 && r->n) {
        keep_tag(r);
        (void)buf_puts(out, "<AddTagsToResourceResponse " NS "></AddTagsToResourceResponse>");
        return 200;
    }
    bool own = strstr(r->body, "Source=user") != NULL;
    const char *text = template_of(a, own && strcmp(r->action, "DescribeDBClusterParameters") == 0
                                          ? "DescribeDBClusterParameters-user"
                                          : r->action);
    if (text) {
        fill(text, r, out);
        return 200;
    }
    (void)fprintf(stderr, "cloud: no reply to %s\n", r->action);
    (void)buf_puts(
        out, "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code></Error></ErrorResponse>");
    return 400;
}

/* ---- connections ---- */

static bool put(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* The body of the next request; NULL: the client has left. */
static char *next_body(int fd, char *text)
{
    size_t n = 0;
    text[0] = '\0';
    for (;;) {
        char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length:");
        size_t wanted = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        if (end && n >= (size_t)(end + 4 - text) + wanted)
            return end + 4;
        ssize_t got = recv(fd, text + n, REQUEST_MAX - 1 - n, 0);
        if (got <= 0)
            return NULL;
        n += (size_t)got;
        text[n] = '\0';
    }
}

static bool serve_one(int fd, char *text)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    struct buf body CLEANUP(buf_done) = BUF_INIT(REPLY_MAX);
    struct request r;
    const char *form = next_body(fd, text);
    if (!form)
        return false;
    understand(form, &r);
    int status = answer(a, &r, &body);
    struct buf reply CLEANUP(buf_done) = BUF_INIT(2 * REPLY_MAX);
    (void)buf_printf(&reply, "HTTP/1.1 %d Scripted\r\nContent-Type: text/xml\r\nContent-Length: %zu\r\n\r\n",
                     status, body.n);
    (void)buf_add(&reply, buf_text(&body), body.n);
    return put(fd, reply.p, reply.n); /* at once: the client's system delays its word for the first half */
}

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char *text = malloc(REQUEST_MAX);
    while (text && serve_one(fd, text))
        continue;
    free(text);
    (void)close(fd);
    return NULL;
}

static void *accept_all(void *arg)
{
    int listener = (int)(intptr_t)arg;
    pthread_attr_t attributes;
    pthread_t thread;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && pthread_create(&thread, &attributes, serve, (void *)(intptr_t)fd) != 0)
            (void)close(fd);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    pthread_t thread;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    count = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    folder = argv[2];
    holders = count > 0 ? calloc((size_t)count + 1, sizeof *holders) : NULL;
    if (!holders || fd < 0 || bind(fd, (struct sockaddr *)&at, size) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0 ||
        pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)fd) != 0) {
        (void)fprintf(stderr, "cloud COUNT REPLIES\n");
        return 2;
    }
    (void)printf("http://127.0.0.1:%d\n", ntohs(at.sin_port));
    (void)fflush(stdout);
    char ignored[64];
    while (read(STDIN_FILENO, ignored, sizeof ignored) > 0)
        continue;
    exit(0); /* with the threads that wait for requests */
}
