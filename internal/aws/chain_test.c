/* Sources that ask somebody: web identity, IAM Identity Center, a program, a container's agent, instance
 * metadata. No row may show a secret, neither in its error nor in the log. */
#include "internal/aws/chain_rows.h"
#include "internal/aws/credentials_internal.h"
#include "internal/aws/rds.h"
#include "internal/base/file.h"
#include "internal/base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG_MAX = 16 * 1024 * 1024 };

/* What is wrong with the outcome of a row; NULL: nothing. Failing at once would end in the captured log. */
static const char *judge(const struct chain_row *r, struct scripted *server, bool ok, const struct err *e,
                         struct arena *a)
{
    const char *used = fixture_signers(server, a), *told = arena_printf(a, "%s\n%s\n", e->text, e->hint);
    if (strstr(told, CANARY) || strstr(e->said, CANARY))
        return arena_printf(a, "a secret is in the error: %s%s", told, e->said);
    if (ok != (r->used != NULL) || (ok && strcmp(used, r->used) != 0))
        return arena_printf(a, "signed by %s; %s", used, told);
    if (!ok && (!strstr(told, r->text) || e->code == ERR_NONE))
        return told;
    if (ok && r->text && !fixture_was_sent(server, r->text))
        return arena_printf(a, "\"%s\" was not sent", r->text);
    return NULL;
}

static char trouble[4096]; /* of all rows */

static void check_row(const struct chain_row *r)
{
    struct chain h;
    struct sts_identity who;
    chain_start(&h, r);
    struct aws_session s = {.aws = h.aws, .arena = h.arena};
    bool ok = h.aws && sts_identity(&s, &who, &h.e);
    const char *wrong = judge(r, &h.server, ok, &h.e, h.arena);
    size_t n = strlen(trouble);
    if (wrong)
        (void)snprintf(trouble + n, sizeof trouble - n, "%s: %.500s\n", r->name, wrong);
    chain_stop(&h);
}

static void all_rows(void)
{
    for (size_t i = 0; i < chain_row_count; i++)
        check_row(&chain_rows[i]);
}

/* Everything that was logged meanwhile, at the most talkative level. */
static const char *with_log(struct arena *a, void (*work)(void))
{
    char path[] = "/tmp/aurora-chain-XXXXXX";
    int file = mkstemp(path), console = dup(STDERR_FILENO);
    struct str text = {"", 0};
    struct err e = ERR_INIT;
    assert_true(file >= 0 && console >= 0 && dup2(file, STDERR_FILENO) >= 0);
    log_init("trace");
    work();
    log_init(NULL);
    (void)dup2(console, STDERR_FILENO);
    (void)close(console);
    (void)close(file);
    bool ok = file_read(a, path, LOG_MAX, &text, &e);
    (void)unlink(path);
    assert_true(ok);
    return text.p;
}

static void every_source_as_rows(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *log = with_log(a, all_rows);
    if (*trouble)
        fail_msg("%s", trouble);
    if (strstr(log, CANARY))
        fail_msg("a secret is in the log: %.200s", strstr(log, CANARY) - 100);
    assert_non_null(strstr(log, "credentials from IAM Identity Center, profile"));
    assert_non_null(strstr(log, "cannot be renewed"));
    print_message("%zu rows\n", chain_row_count);
}

/* ---- where a container's agent is ---- */

static void only_known_hosts_without_tls(void **state)
{
    (void)state;
    static const struct {
        const char *relative, *full, *url; /* url NULL: refused; "": not configured */
    } places[] = {
        {NULL, NULL, ""},
        {"/v2/credentials/1", NULL, "http://169.254.170.2/v2/credentials/1"},
        {"/v2/credentials?id=1", "http://x.example/", "http://169.254.170.2/v2/credentials?id=1"},
        {"v2", NULL, NULL},
        {NULL, "http://169.254.170.2/x", "http://169.254.170.2/x"},
        {NULL, "http://169.254.170.23/v1/credentials", "http://169.254.170.23/v1/credentials"},
        {NULL, "http://[fd00:ec2::23]/v1/credentials", "http://[fd00:ec2::23]/v1/credentials"},
        {NULL, "http://localhost:1338/x", "http://localhost:1338/x"},
        {NULL, "http://127.3.2.1/x?y=z", "http://127.3.2.1/x?y=z"},
        {NULL, "https://agent.example/x", "https://agent.example/x"},
        {NULL, "http://agent.example/x", NULL},
        {NULL, "http://169.254.170.2:81/x", NULL},
        {NULL, "http://169.254.170.2.example/x", NULL},
        {NULL, "http://169.254.169.254/x", NULL},
        {NULL, "ftp://127.0.0.1/x", NULL},
        {NULL, "nonsense", NULL},
        {NULL, "http://user:" CANARY "@127.0.0.1/x", NULL},
    };
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const struct settings s = {.getenv = fixture_getenv};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct err e = ERR_INIT;
        const char *url = "?";
        const struct variable env[] = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", places[i].relative},
                                       {"AWS_CONTAINER_CREDENTIALS_FULL_URI", places[i].full},
                                       {0}};
        fixture_set_env(env);
        bool ok = container_url(&s, a, &url, &e);
        if (ok != (places[i].url != NULL) || (ok && strcmp(url ? url : "", places[i].url) != 0))
            fail_msg("row %zu: %s %s", i, url ? url : "-", e.text);
        assert_null(strstr(e.text, CANARY));
    }
}

static void expiries(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } times[] = {
        {"2026-01-02T03:00:45Z", RECORDER_WALL_MS},
        {"2026-01-02T03:00:45.5Z", RECORDER_WALL_MS + 500},
        {"2026-01-02T03:00:45UTC", RECORDER_WALL_MS},
        {"2026-01-02T03:00:45+00:00", RECORDER_WALL_MS},
        {"2026-01-02T05:30:45+02:30", RECORDER_WALL_MS},
        {"2026-01-01T22:00:45-0500", RECORDER_WALL_MS},
        {"", -1},
        {"Z", -1},
        {"2026-01-02", -1},
        {"2026-01-02T03:00:45", -1},
        {"2026-01-02T03:00:45+2", -1},
        {"2026-01-02T03:00:45+99:00", -1},
        {"2026-01-02T03:00:45+0a:00", -1},
        {"2026-01-02T03:00:45.1234567890123456789012345678901234567890123456789012345678901234Z", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        int64_t ms = -1;
        bool ok = expiry_parse(times[i].text, &ms);
        if (ok != (times[i].ms >= 0) || ms != times[i].ms)
            fail_msg("%s: %lld", times[i].text, (long long)ms);
    }
}

/* ---- waiting ---- */

static const struct chain_row silent = {
    .env = {{"AWS_EC2_METADATA_DISABLED", "false"}, {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "%U/ec2-silent"}}};

/* Where something swallows what is sent to the metadata service, a plan must not hang. */
static void silence_does_not_hold_anybody_up(void **state)
{
    (void)state;
    struct chain h;
    struct sts_identity who;
    chain_start(&h, &silent);
    struct aws_session s = {.aws = h.aws, .arena = h.arena};
    int64_t began = fixture_seconds();
    assert_false(sts_identity(&s, &who, &h.e));
    assert_int_equal(h.e.code, ERR_AUTH);
    assert_non_null(strstr(h.e.text, "does not answer"));
    assert_true(fixture_seconds() - began <= 30);
    chain_stop(&h);
}

static void *stop_when_asked(void *context)
{
    struct chain *h = ((void **)context)[0];
    struct stop *stop = ((void **)context)[1];
    while (scripted_requests(&h->server) == 0)
        (void)stop_wait(stop, 5);
    stop_request(stop);
    return NULL;
}

static void stop_ends_the_search(void **state)
{
    (void)state;
    struct chain h;
    struct sts_identity who;
    struct stop *stop CLEANUP(stop_cleanup) = stop_new();
    pthread_t thread;
    chain_start(&h, &silent);
    struct aws_session s = {.aws = h.aws, .arena = h.arena, .stop = stop};
    void *context[] = {&h, stop};
    assert_int_equal(pthread_create(&thread, NULL, stop_when_asked, context), 0);
    assert_false(sts_identity(&s, &who, &h.e));
    (void)pthread_join(thread, NULL);
    assert_int_equal(h.e.code, ERR_CANCELLED);
    assert_int_equal(scripted_requests(&h.server), 1);
    chain_stop(&h);
}

/* The AWS CLI finds the newest token, and nobody else can read it. */
static void a_renewed_token_is_kept(void **state)
{
    (void)state;
    struct chain h;
    struct sts_identity who;
    struct str text;
    struct stat st;
    const struct value *v = NULL;
    chain_start(&h, chain_row("a token that is renewed"));
    struct aws_session s = {.aws = h.aws, .arena = h.arena};
    const char *path = fixture_home_path(h.arena, CORP_CACHE);
    assert_true(sts_identity(&s, &who, &h.e) && stat(path, &st) == 0);
    assert_true(file_read(h.arena, path, LOG_MAX, &text, &h.e) && value_from_json(h.arena, text, &v, &h.e));
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_string_equal(value_as_text(value_get(v, "accessToken"), ""), CANARY "-sso-new");
    assert_string_equal(value_as_text(value_get(v, "refreshToken"), ""), CANARY "-refresh-next");
    assert_string_equal(value_as_text(value_get(v, "expiresAt"), ""), "2026-01-02T04:00:45Z");
    assert_string_equal(value_as_text(value_get(v, "startUrl"), ""), "https://corp.example/start");
    assert_string_equal(value_as_text(value_get(v, "clientId"), ""), "id");
    chain_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_source_as_rows),
        cmocka_unit_test(only_known_hosts_without_tls),
        cmocka_unit_test(expiries),
        cmocka_unit_test(silence_does_not_hold_anybody_up),
        cmocka_unit_test(stop_ends_the_search),
        cmocka_unit_test(a_renewed_token_is_kept),
    };
    return cmocka_run_group_tests(tests, fixture_home_make, fixture_home_remove);
}
