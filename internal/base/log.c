#include "internal/base/log.h"
#include "internal/base/buf.h"
#include "internal/base/utf8.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { SECRETS_MAX = 256, SECRET_MIN_LENGTH = 6, LINE_MAX_BYTES = 32 * 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum log_level threshold = LOG_OFF;
static struct {
    char *text;
    uint64_t named; /* when it was registered last, as a count */
} secrets[SECRETS_MAX];
static uint64_t secret_count;

static const char *const level_names[] = {"trace", "debug", "info", "warn", "error", "off"};

void log_init(const char *tf_log)
{
    threshold = LOG_OFF;
    if (!tf_log)
        return;
    if (strcasecmp(tf_log, "json") == 0)
        threshold = LOG_TRACE;
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
        if (strcasecmp(tf_log, level_names[i]) == 0)
            threshold = (enum log_level)i;
}

bool log_enabled(enum log_level level)
{
    return level >= threshold;
}

void log_secret(const char *value)
{
    if (!value || strlen(value) < SECRET_MIN_LENGTH)
        return;
    (void)pthread_mutex_lock(&lock);
    size_t place = 0;
    for (size_t i = 0; i < SECRETS_MAX; i++) {
        if (secrets[i].named < secrets[place].named)
            place = i;
        if (secrets[i].text && strcmp(secrets[i].text, value) == 0) {
            place = i;
            break;
        }
    }
    if (!secrets[place].text || strcmp(secrets[place].text, value) != 0) {
        free(secrets[place].text);
        secrets[place].text = strdup(value);
    }
    secrets[place].named = ++secret_count;
    (void)pthread_mutex_unlock(&lock);
}

static void mask_one(char *text, const char *secret)
{
    size_t n = strlen(secret);
    for (char *at = strstr(text, secret); at; at = strstr(at + 3, secret)) {
        memcpy(at, "***", 3);
        memmove(at + 3, at + n, strlen(at + n) + 1);
    }
}

void log_mask(char *text)
{
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SECRETS_MAX; i++)
        if (secrets[i].text)
            mask_one(text, secrets[i].text);
    (void)pthread_mutex_unlock(&lock);
}

static void add_json_string(struct buf *b, const char *s)
{
    (void)buf_puts(b, "\"");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            (void)buf_printf(b, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            (void)buf_printf(b, "\\u%04x", (unsigned)*s);
        else
            (void)buf_add(b, s, 1);
    }
    (void)buf_puts(b, "\"");
}

static void timestamp(char *out, size_t size)
{
    struct timespec t;
    struct tm tm;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    (void)gmtime_r(&t.tv_sec, &tm);
    size_t n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out + n, size - n, ".%06ldZ", t.tv_nsec / 1000);
}

void log_line(enum log_level level, const char *module, const char *fmt, ...)
{
    if (!log_enabled(level))
        return;
    char message[LINE_MAX_BYTES / 4];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    utf8_clean(message);
    log_mask(message);

    char when[40];
    timestamp(when, sizeof when);
    struct buf line = BUF_INIT(LINE_MAX_BYTES);
    (void)buf_printf(&line, "{\"@level\":\"%s\",\"@timestamp\":\"%s\",\"@module\":", level_names[level],
                     when);
    add_json_string(&line, module);
    (void)buf_puts(&line, ",\"@message\":");
    add_json_string(&line, message);
    (void)buf_puts(&line, "}\n");
    if (!line.overflow) {
        ssize_t n = write(STDERR_FILENO, line.p, line.n); /* nobody is left to tell if this fails */
        (void)n;
    }
    buf_done(&line);
}
