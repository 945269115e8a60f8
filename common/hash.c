#include "common/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

uint32_t hash_name(const char *name)
{
    uint32_t hash = 2166136261u;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        hash = (hash ^ *c) * 16777619u;
    return hash;
}

uint64_t hash_mix(uint64_t seed, uint64_t word)
{
    uint64_t z = seed + (word + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void to_hex(const unsigned char digest[16], char hex[HASH_HEX])
{
    sodium_bin2hex(hex, HASH_HEX, digest, 16);
}

void hash_bytes(const void *bytes, size_t len, char hex[HASH_HEX])
{
    unsigned char digest[16];
    crypto_generichash(digest, sizeof digest, bytes, len, NULL, 0);
    to_hex(digest, hex);
}

static int hash_stream(int fd, crypto_generichash_state *state, int64_t *bytes)
{
    static const size_t chunk = 1 << 16;
    unsigned char buffer[1 << 16];
    *bytes = 0;
    for (;;) {
        ssize_t got = read(fd, buffer, chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return (int)got;
        crypto_generichash_update(state, buffer, (unsigned long long)got);
        *bytes += got;
    }
}

int hash_file(const char *path, char hex[HASH_HEX], int64_t *bytes, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "%s: cannot open", path);
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, 16);
    int64_t total;
    int failed = hash_stream(fd, &state, &total);
    close(fd);
    if (failed)
        return err_errno(err, "%s: cannot read", path);
    unsigned char digest[16];
    crypto_generichash_final(&state, digest, sizeof digest);
    to_hex(digest, hex);
    if (bytes)
        *bytes = total;
    return 0;
}

void random_bytes(void *out, size_t len)
{
    randombytes_buf(out, len);
}

void random_hex(char hex[HASH_HEX])
{
    unsigned char raw[16];
    random_bytes(raw, sizeof raw);
    to_hex(raw, hex);
}

uint64_t random_seed(void)
{
    uint64_t seed;
    random_bytes(&seed, sizeof seed);
    return seed >> 11;
}
