/* real: single precision to train, double precision to check, from one source.
 *
 * Every file here that computes with `real` is compiled as it stands (float) and once more inside double.c,
 * which defines NN_DOUBLE. Names that a linker sees go through NN(), so that both twins live in one
 * executable; a file that uses them is of one precision, by whether it defines NN_DOUBLE before its first
 * include.
 *
 * NN_WIDE marks loops that are worth compiling for the vector units of several machines: the loader picks
 * one, so the executable runs on all of them. Sums inside such loops keep the order in which they are
 * written. */
#ifndef HONE_WORKER_NN_REAL_H
#define HONE_WORKER_NN_REAL_H

#ifdef NN_DOUBLE
#define real double
#define NN(name) name##_f64
#define NN_BITS 64
#else
#define real float
#define NN(name) name##_f32
#define NN_BITS 32
#endif

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__) && !defined(NN_PLAIN)
#if __GNUC__ >= 12
#define NN_WIDE __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else /* knows levels of the architecture, but cannot choose between them */
#define NN_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#else
#define NN_WIDE
#endif

#endif
