/* main.c — started by Terraform (no argument) or by a person (a command). */
#include "provider/provider.h"

#include <malloc.h>
#include <sys/resource.h>

enum { FILES_ENOUGH = 16384 };

int main(int argc, char **argv)
{
    /* A core dump would hold passwords and tokens. */
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    /* Each upgrade keeps its journal open, and some connections; the usual limit is a thousand. */
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES_ENOUGH) {
        files.rlim_cur = files.rlim_max < FILES_ENOUGH ? files.rlim_max : FILES_ENOUGH;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    /* A hundred workers mostly wait for AWS: heaps of their own would only keep what each has freed. */
    (void)mallopt(M_ARENA_MAX, 1);
    return argc > 1 ? command_main(argc, argv) : tf_serve(&aurora_provider);
}
