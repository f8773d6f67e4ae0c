/* Feeds a target every file of the folders named on the command line: its corpus as a regression test, for
 * compilers without libFuzzer. */
#include "acceptance-tests/fuzz/fuzz.h"
#include "internal/base/file.h"

#include <dirent.h>
#include <string.h>

enum { INPUT_MAX = 1024 * 1024 };

static void replay(const char *folder, const char *name)
{
    CLEANUP(arena_cleanup) struct arena *a = arena_new();
    struct err e = ERR_INIT;
    struct str input;
    if (!file_read(a, arena_printf(a, "%s/%s", folder, name), INPUT_MAX, &input, &e)) {
        (void)fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    /* A copy of its own, without a byte behind it: an overrun then meets the sanitizer. */
    uint8_t *exact = malloc(input.n ? input.n : 1);
    DEMAND(exact);
    if (input.n)
        memcpy(exact, input.p, input.n);
    (void)fprintf(stderr, "%s\n", name);
    (void)LLVMFuzzerTestOneInput(exact, input.n);
    free(exact);
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        DEMAND(dir);
        for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
            if (entry->d_name[0] != '.') {
                replay(argv[i], entry->d_name);
                count++;
            }
        (void)closedir(dir);
    }
    (void)printf("%sok 1 - %d inputs\n1..1\n", count > 0 ? "" : "not ", count);
    return count > 0 ? 0 : 1;
}
