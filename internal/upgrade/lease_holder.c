/* Who holds a lease, as text. */
#include "internal/upgrade/lease.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Characters of a tag's value (RDS: letters, digits, space, _ . : / = + - @) without those of our own form.
 */
static void plain(char *s)
{
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("_.-@", *s))
            *s = '-';
}

/* The first read of a file of /proc is all of it, if there is room. */
static void read_line(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        (void)close(fd);
}

static uint64_t mixed(uint64_t h, const char *s) /* FNV-1a */
{
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211U;
    return h;
}

/* A process id means something only within its boot and its pid namespace. */
static uint64_t machine(void)
{
    char boot[64], space[64] = "";
    read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    if (n > 0)
        space[n] = '\0';
    return mixed(mixed(14695981039346656037U, boot), space);
}

/* Field 22 of /proc/PID/stat; the command before it may contain anything, but not the last ")". 0: no such
 * process. */
static unsigned long long start_of(long pid)
{
    char path[64], line[1024];
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    read_line(path, line, sizeof line);
    const char *at = strrchr(line, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

static char user_and_host[sizeof((struct lease_holder *)0)->who];

static void find_user(void)
{
    char host[32] = "", name[24] = "";
    struct passwd entry, *found = NULL;
    char space[1024];
    (void)gethostname(host, sizeof host - 1);
    if (getpwuid_r(getuid(), &entry, space, sizeof space, &found) == 0 && found)
        (void)snprintf(name, sizeof name, "%s", found->pw_name);
    plain(host);
    plain(name);
    (void)snprintf(user_and_host, sizeof user_and_host, "%s@%s", name[0] ? name : "somebody",
                   host[0] ? host : "a-host");
}

void lease_self(struct lease_holder *ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT; /* it asks the system's databases */
    (void)pthread_once(&once, find_user);
    *ret = (struct lease_holder){0};
    (void)snprintf(ret->who, sizeof ret->who, "%s", user_and_host);
    (void)snprintf(ret->place, sizeof ret->place, "%016" PRIx64 "/%ld/%llu", machine(), (long)getpid(),
                   start_of(getpid()));
}

bool lease_is_dead(const struct lease_holder *h)
{
    char here[20], *end = NULL;
    (void)snprintf(here, sizeof here, "%016" PRIx64 "/", machine());
    if (strncmp(h->place, here, strlen(here)) != 0)
        return false;
    long pid = strtol(h->place + strlen(here), &end, 10);
    if (pid <= 0 || *end != '/')
        return false;
    return start_of(pid) != strtoull(end + 1, NULL, 10);
}

void lease_write(const struct lease_holder *h, char out[LEASE_TEXT])
{
    char until[TIME_ISO_SIZE];
    time_iso(h->until_ms, false, until);
    (void)snprintf(out, LEASE_TEXT, "%s %s until %s", h->who, h->place, until);
}

/* The next word of *at, one blank behind it skipped; false if it does not fit. */
static bool next_word(const char **at, char *out, size_t size)
{
    size_t n = strcspn(*at, " ");
    if (n == 0 || n >= size)
        return false;
    memcpy(out, *at, n);
    out[n] = '\0';
    *at += n + ((*at)[n] == ' ');
    return true;
}

bool lease_read(const char *text, struct lease_holder *ret)
{
    struct lease_holder h = {0};
    char word[8];
    if (!next_word(&text, h.who, sizeof h.who) || !next_word(&text, h.place, sizeof h.place) ||
        !next_word(&text, word, sizeof word) || strcmp(word, "until") != 0 ||
        !time_parse_iso(text, &h.until_ms))
        return false;
    *ret = h;
    return true;
}
