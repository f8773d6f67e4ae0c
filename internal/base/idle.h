/* idle.h — what a thread gives back before it waits for long: pages of its stack, and the process's free
 * heap.
 *
 * Threads: any. Changes nothing but the process's size.
 */
#ifndef AURORA_IDLE_H
#define AURORA_IDLE_H

/* Where the calling thread's stack ends, below. Threads that do not tell keep theirs. */
void idle_stack(void *low);

/* The calling thread is going to wait, for seconds at least. */
void idle_begins(void);

#endif
