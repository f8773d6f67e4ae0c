/* hash.h — a fingerprint of texts, one after the other: FNV-1a of 64 bits with a mark after each, so that
 * "ab", "c" is not "a", "bc". For telling apart what is written down as a few characters; nobody who wants
 * two texts to look alike is kept from it. The values are stored in tags: the function never changes.
 */
#ifndef AURORA_HASH_H
#define AURORA_HASH_H

#include <stdint.h>

#define HASH_INIT 0xcbf29ce484222325U

static inline uint64_t hash_mix(uint64_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3U;
    return (h ^ 256U) * 0x100000001b3U;
}

#endif
