#include "acceptance-tests/sandbox/service_fixture.h"

#include "acceptance-tests/sandbox/fake_engine.h"
#include "acceptance-tests/sandbox/jobs.h"
#include "acceptance-tests/sandbox/request_log.h"
#include "acceptance-tests/sandbox/seed.h"
#include "internal/base/testing.h"

#include <ftw.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct http_reply last;
static struct stop *stop;

static void start(struct fixture *f, bool fresh)
{
    struct err e = ERR_INIT;
    char path[128];
    struct store_seed seed = {"us-east-1", "123456789012"};
    memset(&f->sb, 0, sizeof f->sb);
    stop = stop_new();
    f->sb.stop = stop;
    f->sb.clock = clock_real();
    f->sb.speed = 100000;
    f->sb.state_dir = f->dir;
    (void)snprintf(path, sizeof path, "%s/state.log", f->dir);
    assert_true(store_open(path, &seed, &f->sb.store, &e));
    (void)snprintf(path, sizeof path, "%s/requests.ndjson", f->dir);
    assert_true(request_log_open(path, &f->sb.log, &e));
    struct engine_options none = {f->dir, NULL, NULL};
    if (fresh)
        fake_reset(); /* volumes outlive a restart, as real ones do */
    assert_true(engine_open(&none, &f->sb.engine, &e));
    sandbox_lock(&f->sb);
    groups_seed(&f->sb);
    subnet_groups_seed(&f->sb);
    sandbox_unlock(&f->sb);
    f->sb.jobs = jobs_new(&f->sb);
    jobs_resume(&f->sb);
}

static void stop_all(struct fixture *f)
{
    stop_request(stop);
    jobs_wait(f->sb.jobs);
    jobs_free(f->sb.jobs);
    sandbox_lock(&f->sb);
    sandbox_save(&f->sb);
    sandbox_unlock(&f->sb);
    store_close(f->sb.frozen);
    store_close(f->sb.store);
    request_log_close(f->sb.log);
    stop_free(stop);
    buf_done(&last.body);
}

static void fixture_open(struct fixture *f)
{
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/sandbox-service.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    start(f, true);
}

void fixture_reopen(struct fixture *f)
{
    stop_all(f);
    start(f, false);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static void fixture_close(struct fixture *f)
{
    enum { FOLDERS_OPEN = 8 };
    stop_all(f);
    assert_int_equal(nftw(f->dir, remove_entry, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS), 0);
}

static void hex_of(const unsigned char *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static void sha(const char *text, char out[65])
{
    unsigned char digest[32];
    assert_int_equal(EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL), 1);
    hex_of(digest, sizeof digest, out);
}

static void mac(unsigned char key[32], size_t n, const char *text)
{
    unsigned char out[32];
    unsigned size = sizeof out;
    assert_non_null(HMAC(EVP_sha256(), key, (int)n, (const unsigned char *)text, strlen(text), out, &size));
    memcpy(key, out, sizeof out);
}

/* Authorization with host and date signed, and the target where there is one. `line`: method, path and query
 * as lines, in their canonical form. */
static void sign(struct fixture *f, const char *service, const char *line, const char *stamp,
                 const char *target, const char *body, char out[1024])
{
    char canonical[2048], hash[65], text[512], scope[128], signature[65];
    unsigned char key[128];
    const char *names = target ? "host;x-amz-date;x-amz-target" : "host;x-amz-date";
    sha(body, hash);
    (void)snprintf(canonical, sizeof canonical, "%s\nhost:sandbox\nx-amz-date:%s\n%s%s%s\n%s\n%s", line,
                   stamp, target ? "x-amz-target:" : "", target ? target : "", target ? "\n" : "", names,
                   hash);
    sha(canonical, hash);
    (void)snprintf(scope, sizeof scope, "%.8s/us-east-1/%s/aws4_request", stamp, service);
    (void)snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", stamp, scope, hash);
    const json_t *root = store_root(f->sb.store);
    int n = snprintf((char *)key, sizeof key, "AWS4%s", rec_str(root, "secret_access_key"));
    const char *parts[] = {NULL, "us-east-1", service, "aws4_request", text};
    char day[9];
    (void)snprintf(day, sizeof day, "%.8s", stamp);
    parts[0] = day;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        mac(key, i == 0 ? (size_t)n : 32, parts[i]);
    hex_of(key, 32, signature);
    (void)snprintf(out, 1024, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                   rec_str(root, "access_key_id"), scope, names, signature);
}

static void stamp_now(struct fixture *f, char out[TIME_ISO_SIZE])
{
    char iso[TIME_ISO_SIZE];
    size_t n = 0;
    time_iso(f->sb.clock->wall_ms(f->sb.clock), false, iso);
    for (const char *p = iso; *p; p++)
        if (*p != '-' && *p != ':')
            out[n++] = *p;
    out[n] = '\0';
}

const char *ask_service(struct fixture *f, const char *service, const char *form)
{
    char stamp[TIME_ISO_SIZE], authorization[1024], body[8192], target[128] = "";
    bool kms = strcmp(service, "kms") == 0, json = kms || strcmp(service, "secretsmanager") == 0;
    const char *blank = json ? strchr(form, ' ') : NULL;
    stamp_now(f, stamp);
    if (blank)
        (void)snprintf(target, sizeof target, "%s.%.*s", kms ? "TrentService" : "secretsmanager",
                       (int)(blank - form), form);
    (void)snprintf(body, sizeof body, "%s%s", blank ? blank + 1 : form,
                   json                          ? ""
                   : strcmp(service, "sts") == 0 ? "&Version=2011-06-15"
                                                 : "&Version=2014-10-31");
    sign(f, service, "POST\n/\n", stamp, *target ? target : NULL, body, authorization);
    struct http_header headers[] = {{"Host", "sandbox"},
                                    {"X-Amz-Date", stamp},
                                    {"Authorization", authorization},
                                    {"X-Amz-Target", target}};
    struct http_request r = {"POST", STR_LIT("/"), STR_LIT(""), str_of(body), headers, *target ? 4 : 3};
    buf_done(&last.body);
    sandbox_serve(&f->sb, &r, &last);
    return buf_text(&last.body);
}

const char *ask_rest(struct fixture *f, const char *method, const char *path, const char *query,
                     const char *body)
{
    char stamp[TIME_ISO_SIZE], authorization[1024], line[512];
    stamp_now(f, stamp);
    (void)snprintf(line, sizeof line, "%s\n%s\n%s", method, path, query);
    sign(f, "route53", line, stamp, NULL, body, authorization);
    struct http_header headers[] = {
        {"Host", "sandbox"}, {"X-Amz-Date", stamp}, {"Authorization", authorization}};
    struct http_request r = {method, str_of(path), str_of(query), str_of(body), headers, ARRAY_LEN(headers)};
    buf_done(&last.body);
    sandbox_serve(&f->sb, &r, &last);
    return buf_text(&last.body);
}

const char *ask(struct fixture *f, const char *form)
{
    return ask_service(f, "rds", form);
}

const char *ask_unsigned(struct fixture *f, const char *form)
{
    struct http_header headers[] = {{"Host", "sandbox"}};
    struct http_request r = {"POST", STR_LIT("/"), STR_LIT(""), str_of(form), headers, ARRAY_LEN(headers)};
    buf_done(&last.body);
    sandbox_serve(&f->sb, &r, &last);
    return buf_text(&last.body);
}

const struct http_reply *last_reply(void)
{
    return &last;
}

int last_status(void)
{
    return last.status;
}

void expect(struct fixture *f, const char *form, const char *part)
{
    const char *reply = ask(f, form);
    if (!strstr(reply, part))
        fail_msg("%s\nlacks: %s\nreply: %s", form, part, reply);
}

void await(struct fixture *f, const char *form, const char *part)
{
    enum { PATIENCE_MS = 20000, STEP_MS = 2 };
    struct clock *clock = clock_real();
    int64_t until = clock->mono_ms(clock) + PATIENCE_MS;
    while (!strstr(ask(f, form), part))
        if (clock->mono_ms(clock) > until || clock->wait(clock, stop, STEP_MS))
            fail_msg("%s\nnever has: %s\nreply: %s", form, part, buf_text(&last.body));
}

const char *element(const char *reply, const char *name)
{
    static char found[256];
    char tag[128];
    (void)snprintf(tag, sizeof tag, "<%s>", name);
    const char *at = strstr(reply, tag);
    found[0] = '\0';
    if (at) {
        at += strlen(tag);
        (void)snprintf(found, sizeof found, "%.*s", (int)strcspn(at, "<"), at);
    }
    return found;
}

void make_cluster(struct fixture *f, const char *id, const char *more)
{
    char form[512];
    (void)snprintf(form, sizeof form, CREATE "%s%s", id, more);
    expect(f, form, "<Status>creating</Status>");
    (void)snprintf(form, sizeof form, CLUSTER "%s", id);
    await(f, form, AVAILABLE);
}

void make_instance(struct fixture *f, const char *cluster, const char *id)
{
    char form[512];
    (void)snprintf(form, sizeof form, INSTANCE "%s&DBInstanceIdentifier=%s", cluster, id);
    expect(f, form, "<DBInstanceStatus>creating</DBInstanceStatus>");
    (void)snprintf(form, sizeof form, INSTANCES "%s", id);
    await(f, form, UP);
}

void make_groups(struct fixture *f)
{
    expect(f,
           "Action=CreateDBClusterParameterGroup&DBClusterParameterGroupName=g13&DBParameterGroupFamily="
           "aurora-postgresql13&Description=d",
           "cluster-pg:g13");
    expect(f,
           "Action=CreateDBClusterParameterGroup&DBClusterParameterGroupName=g17&DBParameterGroupFamily="
           "aurora-postgresql17&Description=d",
           "cluster-pg:g17");
    expect(f,
           "Action=CreateDBParameterGroup&DBParameterGroupName=i17&DBParameterGroupFamily=aurora-"
           "postgresql17&Description=d",
           "pg:i17");
    expect(f,
           "Action=ModifyDBClusterParameterGroup&DBClusterParameterGroupName=g13&Parameters.Parameter.1."
           "ParameterName="
           "rds.logical_replication&Parameters.Parameter.1.ParameterValue=1&Parameters.Parameter.1."
           "ApplyMethod=pending-reboot",
           ">g13<");
}

int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_open(f);
    *state = f;
    return 0;
}

int close_fixture(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    free(f);
    return 0;
}
