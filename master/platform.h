/* platform: what the last bit of a proposal depends on: processor, its fused multiply-adds, compiler and C library
 * (whose logarithms come in several versions). It is stored with every proposal; replay is bit-exact where it is the
 * same and looks at nine digits where it is not. */
#ifndef HONE_MASTER_PLATFORM_H
#define HONE_MASTER_PLATFORM_H

const char *platform_here(void); /* "x86_64+fma gcc 12.2 glibc 2.36" */

#endif
