/* credential_process of a profile. Sources: AWS SDKs and Tools guide, "Process credential provider". */
#include "internal/aws/credentials_internal.h"
#include "internal/aws/process.h"

#include <string.h>

enum { TIME_MS = 60 * 1000, OUTPUT_MAX = 64 * 1024 };

static bool read_output(struct search *h, struct str output, struct keys *ret, struct err *e)
{
    static const struct key_names names = {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"};
    const struct value *v = NULL;
    if (!ask_object(h, output, "what it prints", &v, e))
        return false;
    if (value_as_int(value_get(v, "Version"), 0) != 1)
        return err_set(e, ERR_AUTH, "what it prints has no \"Version\": 1");
    return keys_of(v, &names, ret, e) && keys_alive(h, ret, e);
}

static bool run(struct search *h, const char *command, struct keys *ret, struct err *e)
{
    static const struct process_limits limits = {.time_ms = TIME_MS, .output_bytes = OUTPUT_MAX};
    char *const *words = NULL;
    struct str output;
    int status = 0;
    if (!process_words(h->arena, command, &words, e) ||
        !process_run(h->arena, words, &limits, h->session->stop, &output, &status, e))
        return false;
    if (status != 0)
        return err_set(e, ERR_AUTH, "it ended with status %d", status);
    return read_output(h, output, ret, e);
}

/* The command line is not quoted: people write secrets into it. */
bool process_keys(struct search *h, const char *profile, const char *command, struct keys *ret, struct err *e)
{
    struct keys k;
    if (!run(h, command, &k, e)) {
        if (e && e->code != ERR_CANCELLED)
            e->code = ERR_AUTH;
        (void)err_hint(e, "Run the command yourself: what it prints on standard error is not shown here.");
        return err_wrap(e, "credential_process of profile \"%s\"", profile);
    }
    k.renewal = k.expires_ms == KEYS_NO_EXPIRY ? RENEW_NEVER : RENEW_PERHAPS;
    k.source = arena_printf(h->arena, "credential_process of profile \"%s\"", profile);
    *ret = k;
    return true;
}
