#include "internal/base/idle.h"
#include "internal/base/base.h"

#include <malloc.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { TRIM_EVERY_S = 5, OWN_BYTES = 1024 /* more than give_back_stack and madvise need of the stack */ };

static _Thread_local void *stack_low;

void idle_stack(void *low)
{
    stack_low = low;
}

/* Below the present frame a stack holds only what calls that have ended left there: the pages of a parser's
 * deepest moment, kept by a thousand threads that wait. */
static void give_back_stack(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), low = (uintptr_t)stack_low;
    uintptr_t end = ((uintptr_t)__builtin_frame_address(0) - OWN_BYTES) / page * page;
    if (stack_low && end > low)
        (void)madvise(stack_low, end - low, MADV_DONTNEED);
}

/* malloc itself shrinks the heap at its end only. One thread now and then does it for all. */
static void give_back_heap(void)
{
    static atomic_llong due;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    long long was = atomic_load(&due);
    if (now.tv_sec >= was && atomic_compare_exchange_strong(&due, &was, now.tv_sec + TRIM_EVERY_S))
        (void)malloc_trim(0);
}

void idle_begins(void)
{
    give_back_heap();
    give_back_stack();
}
