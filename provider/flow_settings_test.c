/* Settings parity in the flow, against a fake RDS: carried before the switch, put right after it, or refused.
 * As in flow_faults_test.c every apply is a process of its own that remembers nothing. */
#include "internal/base/testing.h"
#include "internal/upgrade/upgrade.h"
#include "provider/fake_rds.h"
#include "provider/flow_upgrades.h"

#include <stdio.h>
#include <string.h>

static char last_told[64];
static const char *asked_key; /* of the new side; NULL: as production */

static void tell(void *arg, const char *one, const char *two)
{
    (void)arg;
    assert_true(one[0] != '\0' && two[0] != '\0');
    (void)snprintf(last_told, sizeof last_told, "%s", one);
}

/* Without a login: rows that look into databases do not apply. */
static bool apply_to(enum flow_stage target, const struct step **failed, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct aws_session s = {.arena = a};
    struct old_sides *old_sides CLEANUP(old_sides_cleanup) = old_sides_new(&fake.clock.clock);
    struct upgrade u;
    upgrade_init(&u, a, &s, &fake.clock.clock, old_sides);
    u.request = (struct request){
        .cluster = "orders", .target = {17, -1}, .max_write_outage_s = 300, .kms_key = asked_key};
    u.source_major = 13;
    u.warn = tell;
    u.note = tell;
    struct flow_run r = {.flow = &flow_blue_green,
                         .u = &u,
                         .target = target,
                         .clock = &fake.clock.clock,
                         .deadline_ms = fake.clock.mono + 24LL * 3600000,
                         .poll_ms = 1000,
                         .poll_max_ms = 30000};
    bool ok = flow_apply(&r, failed, e);
    upgrade_done(&u);
    return ok;
}

static void must_apply(enum flow_stage target)
{
    struct err e = ERR_INIT;
    if (!apply_to(target, NULL, &e))
        fail_msg("to %s: %s", stage_name(target), e.text);
}

static void every_setting_is_carried_before_the_switch(void **state)
{
    (void)state;
    fake_reset();
    fake.settings.blue = "<Port>6543</Port><EnabledCloudwatchLogsExports><member>postgresql</member>"
                         "</EnabledCloudwatchLogsExports><DeletionProtection>true</DeletionProtection>";
    must_apply(STAGE_PREPARED);
    assert_string_equal(fake.settings.green, fake.settings.blue);
    assert_true(fake.settings.green_role);
    assert_string_equal(fake.settings.sent,
                        "Port=6543 CloudwatchLogsExportConfiguration.EnableLogTypes.member.1="
                        "postgresql DeletionProtection=true ");
    fake.settings.blue = "<BackupRetentionPeriod>9</BackupRetentionPeriod>"; /* by the user, in the middle */
    must_apply(STAGE_SWITCHED);
    assert_string_equal(fake.settings.green, fake.settings.blue);
    assert_string_equal(fake.settings.sent, "BackupRetentionPeriod=9 CloudwatchLogsExportConfiguration."
                                            "DisableLogTypes.member.1=postgresql DeletionProtection=false ");
    assert_int_equal(fake.switchovers, 1);
}

static void settings_that_cannot_be_carried_stop_before_the_switch(void **state)
{
    (void)state;
    static const struct {
        const char *blue, *green_endpoint;
        bool deaf, foreign;
        const char *id, *step;
    } rows[] = {
        {"<KmsKeyId>mine</KmsKeyId>", NULL, false, false, "AUR0134", "check-settings"},
        {"<Port>6543</Port>", NULL, true, false, "AUR0134", "green-settings"},
        {"<Port>6543</Port>", NULL, false, true, "AUR0134", "check-settings"}, /* not our deployment */
        {"", "ANY", false, false, "AUR0134", "check-settings"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        const struct step *failed = NULL;
        fake_reset();
        fake.settings.endpoint = true;
        must_apply(STAGE_PREPARED);
        fake.settings.blue = rows[i].blue;
        fake.settings.endpoint_type = rows[i].green_endpoint;
        fake.settings.deaf = rows[i].deaf;
        fake.ours_tag = !rows[i].foreign;
        assert_false(apply_to(STAGE_SWITCHED, &failed, &e));
        if (!failed || strcmp(failed->name, rows[i].step) != 0 || !e.id || strcmp(e.id, rows[i].id) != 0)
            fail_msg("row %zu: step %s: %s", i, failed ? failed->name : "-", e.text);
        assert_int_equal(fake.switchovers, 0);
    }
}

/* Another key than production's is no fault where it is the one that was asked for, and no other is. */
static void the_key_that_was_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *asked, *green;
        bool passes;
    } rows[] = {{"other", "<KmsKeyId>other</KmsKeyId><StorageEncrypted>true</StorageEncrypted>", true},
                {"other", "<KmsKeyId>mine</KmsKeyId>", false},
                {"other", "<KmsKeyId>third</KmsKeyId>", false},
                {NULL, "<KmsKeyId>other</KmsKeyId>", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        const struct step *failed = NULL;
        fake_reset();
        must_apply(STAGE_PREPARED);
        fake.settings.blue = "<KmsKeyId>mine</KmsKeyId>";
        fake.settings.green = rows[i].green;
        asked_key = rows[i].asked;
        bool ok = apply_to(STAGE_VALIDATED, &failed, &e);
        asked_key = NULL;
        if (ok != rows[i].passes || (!ok && strcmp(e.id, "AUR0134") != 0))
            fail_msg("row %zu: %s", i, e.text);
    }
}

static void what_the_switch_loses_is_put_right(void **state)
{
    (void)state;
    fake_reset();
    fake.settings.role_lost_at_switch = fake.settings.endpoint = fake.settings.tag_lost = true;
    must_apply(STAGE_SWITCHED);
    assert_true(fake.settings.green_role && !fake.settings.tag_lost);
    must_apply(STAGE_COMPLETED);
    assert_string_equal(fake.production_version, "17.6");
}

/* The old side's protection is lifted before it goes: production's is not. */
static void production_is_never_unprotected(void **state)
{
    (void)state;
    fake_reset();
    fake.settings.blue = "<DeletionProtection>true</DeletionProtection>";
    must_apply(STAGE_SWITCHED);
    assert_string_equal(fake.settings.green, fake.settings.blue);
    fake.settings.blue = "";
    must_apply(STAGE_SWITCHED);
    assert_string_equal(fake.settings.green, "<DeletionProtection>true</DeletionProtection>");
}

static void proxies_in_front_of_production(void **state)
{
    (void)state;
    static const struct {
        const char *state, *told;
        bool is_denied, goes;
    } rows[] = {
        {NULL, "", false, true},
        {"AVAILABLE", "RDS Proxy in front of production", false, true},
        {"UNAVAILABLE", "", false, false},
        {"REGISTERING", "", false, false},
        {NULL, "RDS Proxy was not looked for", true, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        const struct step *failed = NULL;
        fake_reset();
        fake.proxy_state = rows[i].state;
        fake.proxies_denied = rows[i].is_denied;
        last_told[0] = '\0';
        assert_int_equal(apply_to(STAGE_PREPARED, &failed, &e), rows[i].goes);
        assert_string_equal(last_told, rows[i].told);
        assert_int_equal(fake.deployments_made, rows[i].goes);
        if (rows[i].goes)
            continue;
        assert_string_equal(e.id, "AUR0119");
        assert_string_equal(failed->name, "check-proxies");
        fake.proxy_state = "AVAILABLE";
        must_apply(STAGE_SWITCHED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_is_carried_before_the_switch),
        cmocka_unit_test(settings_that_cannot_be_carried_stop_before_the_switch),
        cmocka_unit_test(the_key_that_was_asked_for),
        cmocka_unit_test(what_the_switch_loses_is_put_right),
        cmocka_unit_test(production_is_never_unprotected),
        cmocka_unit_test(proxies_in_front_of_production),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
