/* wide: a function with a long loop in it is built for two kinds of machine, and the better one chosen at start. The bits are
 * the same: nothing is fused or reordered. Sanitizers look into the choice before they are ready, so not there. */
#ifndef HONE_MASTER_SEARCH_WIDE_H
#define HONE_MASTER_SEARCH_WIDE_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

#endif
