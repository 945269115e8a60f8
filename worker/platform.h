/* platform: one line that says on what a trial was trained: architecture, operating system, processor.
 * Bit-exact repeats are promised on the same platform only, so this text is stored with every attempt. */
#ifndef HONE_WORKER_PLATFORM_H
#define HONE_WORKER_PLATFORM_H

enum { PLATFORM_MAX = 129 };

void platform_text(char out[PLATFORM_MAX]); /* "x86_64 Linux 6.1.0 Intel Xeon Gold 6338" */

#endif
