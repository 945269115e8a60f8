/* hash: names to 32-bit counters, bytes to fingerprints, and the machine's own randomness.
 * Fingerprints are BLAKE2b-128 (libsodium): they tell a torn or swapped checkpoint from a whole one. */
#ifndef HONE_COMMON_HASH_H
#define HONE_COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { HASH_HEX = 33 };                /* 32 hex digits and the NUL */
#define HONE_SEED_MAX 9007199254740991 /* 2^53 - 1: what JSON carries exactly */

uint32_t hash_name(const char *name);            /* FNV-1a, stable for ever: it is part of every replay */
uint64_t hash_mix(uint64_t seed, uint64_t word); /* splitmix64 step, to derive one seed from another */

void hash_bytes(const void *bytes, size_t len, char hex[HASH_HEX]);
int hash_file(const char *path, char hex[HASH_HEX], int64_t *bytes, struct err *err);

void random_bytes(void *out, size_t len); /* getrandom(2) */
void random_hex(char hex[HASH_HEX]);      /* 128 random bits: tokens, uuids */
uint64_t random_seed(void);               /* below 2^53, so that JSON carries it exactly */

#endif
