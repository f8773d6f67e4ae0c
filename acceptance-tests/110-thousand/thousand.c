/* A thousand upgrades in one provider process, all of them waiting for AWS: what that costs, and how soon
 * they end at Stop.
 *
 * thousand COUNT SECONDS ENDPOINT ACCESS_KEY SECRET_KEY: is the host of the provider (TEST_PLUGIN), plans and
 * applies fleet-1 … fleet-COUNT at once, lets all arrive in the row that waits for the deployment, measures
 * for SECONDS, stops. Prints TAP rows with the figures.
 */
#include "internal/base/testing.h"
#include "internal/rpc/testclient.h"
#include "internal/tf/inside.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROVIDER "/tfplugin6.Provider/"
#define WAITS_IN "deployment-available"

enum {
    PLANS_AT_ONCE = 16,
    ARRIVAL_MS = 8 * 60 * 1000,
    SETTLE_MS = 5000,
    LOOK_MS = 1000,
    NAME_SIZE = 32,
    /* The goal, and what may be: a third of it is libraries, which differ by machine. */
    MEMORY_GOAL_MIB = 64,
    MEMORY_MIB = 70,
    PEAK_MIB = 110,
    CPU_MS_PER_MINUTE = 5000,
    STOP_ANSWER_MS = 1000,
    STOP_ALL_MS = 10000 /* the contract with users */
};

struct member {
    struct str config, planned, private; /* as the plan answered */
    struct pending *apply;
};

struct world {
    struct arena *arena;
    struct certificate certificate;
    struct plugin plugin;
    struct client *client;
    char journals[64];
    int count, seconds;
    struct member *members;
    int rows, failed;
};

static void row(struct world *w, bool passed, const char *name)
{
    w->rows++;
    w->failed += !passed;
    (void)printf("%sok %d - %s\n", passed ? "" : "not ", w->rows, name);
    (void)fflush(stdout);
}

static void pause_ms(int64_t ms)
{
    (void)stop_wait(NULL, ms);
}

/* ---- the host ---- */

static const void *unpacked(struct world *w, const char *what, struct call_result r,
                            const ProtobufCMessageDescriptor *as)
{
    if (r.status != GRPC_STATUS_OK)
        fail_msg("%s: status %d: %s", what, r.status, r.details);
    ProtobufCAllocator memory = wire_allocator(w->arena);
    const void *m = protobuf_c_message_unpack(as, &memory, r.reply.n, (const uint8_t *)r.reply.p);
    assert_non_null(m);
    return m;
}

static void demand_no_error(Tfplugin6__Diagnostic **items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (items[i]->severity == TFPLUGIN6__DIAGNOSTIC__SEVERITY__ERROR)
            fail_msg("%s: %s", items[i]->summary, items[i]->detail);
}

static Tfplugin6__DynamicValue *json(struct world *w, const char *text)
{
    Tfplugin6__DynamicValue *d = WIRE_NEW(w->arena, DynamicValue, dynamic_value);
    d->json = wire_data(str_of(text));
    return d;
}

static Tfplugin6__DynamicValue *packed(struct world *w, struct str bytes)
{
    Tfplugin6__DynamicValue *d = WIRE_NEW(w->arena, DynamicValue, dynamic_value);
    d->msgpack = wire_data(bytes);
    return d;
}

static struct str kept(struct world *w, ProtobufCBinaryData b)
{
    return (struct str){arena_memdup(w->arena, b.data, b.len), b.len};
}

static void start_provider(struct world *w, const char *endpoint, const char *key, const char *secret)
{
    struct err e = ERR_INIT;
    const char *const environment[] = {
        arena_printf(w->arena, "AWS_ENDPOINT_URL=%s", endpoint),
        arena_printf(w->arena, "AWS_ACCESS_KEY_ID=%s", key),
        arena_printf(w->arena, "AWS_SECRET_ACCESS_KEY=%s", secret),
        "AWS_REGION=us-east-1",
        "AWS_EC2_METADATA_DISABLED=true",
        NULL,
    };
    if (!certificate_make("P-521", &w->certificate, &e))
        fail_msg("%s", e.text);
    plugin_start(&w->plugin, &(struct plugin_options){.client = &w->certificate, .environment = environment});
    assert_non_null(w->plugin.server_pem);
    w->client = client_new(w->plugin.socket, w->plugin.server_pem, &w->certificate);
}

static void configure(struct world *w)
{
    (void)snprintf(w->journals, sizeof w->journals, "/tmp/aurora-thousand-XXXXXX");
    assert_non_null(mkdtemp(w->journals));
    Tfplugin6__ConfigureProvider__Request req;
    tfplugin6__configure_provider__request__init(&req);
    req.terraform_version = (char *)(uintptr_t) "1.11.4";
    req.config = json(w, arena_printf(w->arena, "{\"journal_dir\":\"%s\"}", w->journals));
    const Tfplugin6__ConfigureProvider__Response *resp = unpacked(
        w, "ConfigureProvider",
        client_call(w->client, w->arena, PROVIDER "ConfigureProvider", wire_pack(w->arena, &req.base)),
        &tfplugin6__configure_provider__response__descriptor);
    demand_no_error(resp->diagnostics, resp->n_diagnostics);
}

static struct pending *begin_plan(struct world *w, struct member *m)
{
    Tfplugin6__PlanResourceChange__Request req;
    tfplugin6__plan_resource_change__request__init(&req);
    req.type_name = (char *)(uintptr_t) "aurora_blue_green_upgrade";
    req.config = req.proposed_new_state = json(w, m->config.p);
    req.prior_state = json(w, "null");
    return client_begin(w->client, PROVIDER "PlanResourceChange", wire_pack(w->arena, &req.base));
}

static void finish_plan(struct world *w, struct member *m, struct pending *p)
{
    const Tfplugin6__PlanResourceChange__Response *resp =
        unpacked(w, "PlanResourceChange", pending_finish(p, w->arena),
                 &tfplugin6__plan_resource_change__response__descriptor);
    demand_no_error(resp->diagnostics, resp->n_diagnostics);
    m->planned = kept(w, resp->planned_state->msgpack);
    m->private = kept(w, resp->planned_private);
}

static void plan_all(struct world *w)
{
    for (int i = 0; i < w->count; i++)
        w->members[i].config =
            str_of(arena_printf(w->arena,
                                "{\"cluster_identifier\":\"fleet-%d\",\"target_engine_version\":\"17\","
                                "\"stage\":\"prepared\"}",
                                i + 1));
    struct pending *under_way[PLANS_AT_ONCE];
    for (int i = 0; i < w->count + PLANS_AT_ONCE; i++) {
        int done = i - PLANS_AT_ONCE;
        if (done >= 0 && done < w->count)
            finish_plan(w, &w->members[done], under_way[done % PLANS_AT_ONCE]);
        if (i < w->count)
            under_way[i % PLANS_AT_ONCE] = begin_plan(w, &w->members[i]);
    }
}

static void begin_apply(struct world *w, struct member *m)
{
    Tfplugin6__ApplyResourceChange__Request req;
    tfplugin6__apply_resource_change__request__init(&req);
    req.type_name = (char *)(uintptr_t) "aurora_blue_green_upgrade";
    req.config = json(w, m->config.p);
    req.prior_state = json(w, "null");
    req.planned_state = packed(w, m->planned);
    req.planned_private = wire_data(m->private);
    m->apply = client_begin(w->client, PROVIDER "ApplyResourceChange", wire_pack(w->arena, &req.base));
}

/* ---- what is measured ---- */

/* A line of /proc/PID/status in KiB. */
static long memory_kib(struct world *w, const char *name)
{
    char line[256];
    long kib = 0;
    FILE *f = fopen(arena_printf(w->arena, "/proc/%d/status", (int)w->plugin.pid), "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtol(line + strlen(name), NULL, 10);
    (void)fclose(f);
    assert_true(kib > 0);
    return kib;
}

/* User and system time so far: fields 14 and 15, counted behind the name, which ends with a parenthesis. */
static long cpu_ms(struct world *w)
{
    char text[1024] = "";
    FILE *f = fopen(arena_printf(w->arena, "/proc/%d/stat", (int)w->plugin.pid), "re");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    (void)fclose(f);
    char *at = strrchr(text, ')');
    assert_non_null(at);
    long ticks = 0;
    int field = 2;
    for (at = strchr(at, ' '); at && field < 15; at = strchr(at + 1, ' '))
        if (++field >= 14)
            ticks += strtol(at, NULL, 10);
    return ticks * 1000 / sysconf(_SC_CLK_TCK);
}

static bool has_arrived(const char *dir, const char *name)
{
    char path[512], line[2048];
    bool found = false;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (!found && fgets(line, sizeof line, f))
        found = strstr(line, "\"step\":\"deployment\"") && strstr(line, "\"kind\":\"found\"");
    (void)fclose(f);
    return found;
}

/* By the journals: the row before the one that waits has been passed. */
static int count_arrived(struct world *w)
{
    int n = 0;
    DIR *dir = opendir(w->journals);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        n += entry->d_name[0] != '.' && has_arrived(w->journals, entry->d_name);
    (void)closedir(dir);
    return n;
}

static void remove_journals(struct world *w)
{
    DIR *dir = opendir(w->journals);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        if (entry->d_name[0] != '.')
            (void)unlink(arena_printf(w->arena, "%s/%s", w->journals, entry->d_name));
    (void)closedir(dir);
    (void)rmdir(w->journals);
}

/* ---- the story ---- */

static void apply_all(struct world *w)
{
    double from = now_ms();
    int arrived = 0;
    for (int i = 0; i < w->count; i++)
        begin_apply(w, &w->members[i]);
    while (arrived < w->count && now_ms() < from + ARRIVAL_MS && !pending_is_over(w->members[0].apply, 0)) {
        pause_ms(LOOK_MS);
        arrived = count_arrived(w);
    }
    row(w, arrived == w->count,
        arena_printf(w->arena, "%d of %d upgrades wait in " WAITS_IN ", all within %.1f s", arrived, w->count,
                     (now_ms() - from) / 1000));
}

static void measure_waiting(struct world *w)
{
    pause_ms(SETTLE_MS);
    long before = cpu_ms(w);
    double from = now_ms();
    pause_ms((int64_t)w->seconds * 1000);
    long cpu = (long)((double)(cpu_ms(w) - before) * 60000 / (now_ms() - from));
    long now = memory_kib(w, "VmRSS:"), most = memory_kib(w, "VmHWM:");
    row(w, now <= MEMORY_MIB * 1024L && most <= PEAK_MIB * 1024L,
        arena_printf(w->arena,
                     "memory while waiting: %.1f MiB, the goal is %d, at most %d; peak %.1f MiB, at most %d; "
                     "%ld threads",
                     (double)now / 1024, MEMORY_GOAL_MIB, MEMORY_MIB, (double)most / 1024, PEAK_MIB,
                     memory_kib(w, "Threads:")));
    row(w, cpu <= CPU_MS_PER_MINUTE,
        arena_printf(w->arena, "CPU while waiting: %.2f s per minute, at most %d", (double)cpu / 1000,
                     CPU_MS_PER_MINUTE / 1000));
}

/* Each says why it ended, and leaves nothing behind in Terraform's state that a plan would not find. */
static bool is_interrupted(const Tfplugin6__ApplyResourceChange__Response *resp)
{
    for (size_t i = 0; i < resp->n_diagnostics; i++)
        if (strstr(resp->diagnostics[i]->summary, "interrupted") ||
            strstr(resp->diagnostics[i]->detail, "interrupted"))
            return true;
    if (resp->n_diagnostics > 0)
        (void)printf("# %.200s\n", resp->diagnostics[0]->summary);
    return false;
}

static void stop_all(struct world *w)
{
    Tfplugin6__StopProvider__Request req;
    tfplugin6__stop_provider__request__init(&req);
    double from = now_ms();
    struct call_result r =
        client_call(w->client, w->arena, PROVIDER "StopProvider", wire_pack(w->arena, &req.base));
    double answered = now_ms() - from;
    int interrupted = 0;
    assert_int_equal(r.status, GRPC_STATUS_OK);
    for (int i = 0; i < w->count; i++)
        interrupted +=
            is_interrupted(unpacked(w, "ApplyResourceChange", pending_finish(w->members[i].apply, w->arena),
                                    &tfplugin6__apply_resource_change__response__descriptor));
    double all = now_ms() - from;
    row(w, answered <= STOP_ANSWER_MS,
        arena_printf(w->arena, "StopProvider answered in %.0f ms, at most %d", answered, STOP_ANSWER_MS));
    row(w, all <= STOP_ALL_MS,
        arena_printf(w->arena, "all have returned %.0f ms after Stop, at most %d", all, STOP_ALL_MS));
    row(w, interrupted == w->count,
        arena_printf(w->arena, "%d of %d said that they were interrupted", interrupted, w->count));
}

int main(int argc, char **argv)
{
    struct world w = {.arena = arena_new()};
    if (argc != 6 || (w.count = (int)strtol(argv[1], NULL, 10)) < 1 ||
        (w.seconds = (int)strtol(argv[2], NULL, 10)) < 1) {
        (void)fprintf(stderr, "thousand COUNT SECONDS ENDPOINT ACCESS_KEY SECRET_KEY\n");
        return 2;
    }
    w.members = ARENA_ARRAY(w.arena, struct member, (size_t)w.count);
    grpc_init();
    start_provider(&w, argv[3], argv[4], argv[5]);
    configure(&w);
    double from = now_ms();
    plan_all(&w);
    (void)printf("# %d plans in %.1f s, %.1f MiB then\n", w.count, (now_ms() - from) / 1000,
                 (double)memory_kib(&w, "VmRSS:") / 1024);
    apply_all(&w);
    measure_waiting(&w);
    stop_all(&w);
    plugin_shut_down(&w.plugin, w.client);
    grpc_shutdown();
    remove_journals(&w);
    certificate_done(&w.certificate);
    arena_free(w.arena);
    (void)printf("1..%d\n", w.rows);
    return w.failed ? 1 : 0;
}
