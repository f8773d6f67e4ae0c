/* What sources of credentials read, by the first byte: 'w' command lines (quoted again, they give the same
 * words), 't' expiry times (written again, they are the same time), anything else the JSON of helpers and
 * services. */
#include "acceptance-tests/fuzz/fuzz.h"
#include "internal/aws/credentials_internal.h"
#include "internal/aws/process.h"

#include <string.h>

static void quote(struct buf *out, const char *word)
{
    (void)buf_puts(out, "'");
    for (; *word; word++)
        if (*word == '\'')
            (void)buf_puts(out, "'\\''");
        else
            (void)buf_add(out, word, 1);
    (void)buf_puts(out, "' ");
}

static void command_line(struct arena *a, const char *text)
{
    struct buf quoted CLEANUP(buf_done) = BUF_INIT(PROCESS_COMMAND_MAX);
    char *const *words = NULL, *const *again = NULL;
    if (!process_words(a, text, &words, NULL))
        return;
    size_t n = 0;
    for (; words[n]; n++)
        quote(&quoted, words[n]);
    DEMAND(n > 0 && n <= PROCESS_WORDS_MAX);
    bool shell = strcmp(words[0], "/bin/sh") == 0;
    DEMAND(!shell || n != 3 || strcmp(words[1], "-c") != 0 || strcmp(words[2], text) == 0 ||
           !strpbrk(text, "|&;$"));
    if (quoted.overflow)
        return;
    DEMAND(process_words(a, buf_text(&quoted), &again, NULL));
    if (strcmp(again[0], "/bin/sh") == 0 && !shell) /* "a=b" is an assignment however it is quoted */
        return;
    for (size_t i = 0; i <= n; i++)
        DEMAND(words[i] && again[i] ? strcmp(words[i], again[i]) == 0 : words[i] == again[i]);
}

static void expiry(const char *text)
{
    int64_t when = 0, again = 0;
    char written[TIME_ISO_SIZE];
    if (!expiry_parse(text, &when))
        return;
    time_iso(when, true, written);
    DEMAND(!*written || when < 0 || (expiry_parse(written, &again) && again == when));
}

static void answer(struct arena *a, struct str text)
{
    static const struct key_names names = {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
    struct search h = {.arena = a};
    const struct value *object = NULL;
    struct keys k;
    struct err e = ERR_INIT;
    if (!ask_object(&h, text, "it", &object, &e) || !keys_of(object, &names, &k, &e)) {
        DEMAND(e.code == ERR_AUTH);
        return;
    }
    DEMAND(*k.sign.access_key && *k.sign.secret_key && (!k.sign.session_token || *k.sign.session_token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    if (n == 0)
        return 0;
    const char *text = arena_memdup(a, data + 1, n - 1);
    if (data[0] == 'w')
        command_line(a, text);
    else if (data[0] == 't')
        expiry(text);
    else
        answer(a, (struct str){text, n - 1});
    return 0;
}
