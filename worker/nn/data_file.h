/* data_file: bytes of a plain or gzipped file, read once from front to back, with the offset at hand.
 *
 * zlib's gzread passes plain files through, so every format is read one way; offsets count the uncompressed
 * bytes and the error texts say so. Nothing is allocated on a header's word alone: data_file_may_hold tells
 * whether a file of this size could contain what its header claims (deflate packs at most 1032 : 1).
 * Refuses to seek. Ownership: data_file_close frees; a zeroed struct is a closed one.
 */
#ifndef HONE_WORKER_NN_DATA_FILE_H
#define HONE_WORKER_NN_DATA_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct gzFile_s;

struct data_file {
    struct gzFile_s *gz;
    char *path;
    int64_t size;   /* on the disk */
    int64_t offset; /* of the next byte, uncompressed */
    bool packed;
};

/* Opens folder/name or, if that is not there, folder/name.gz. ERR_GONE if neither is. */
int data_file_open(struct data_file *file, const char *folder, const char *name, struct err *err);
void data_file_close(struct data_file *file);

/* Up to `len` bytes; fewer only at the end of the file. Fails on a read error or a torn .gz. */
int data_file_some(struct data_file *file, void *out, size_t len, size_t *got, struct err *err);

/* Exactly `len` bytes; `what` names them in the error text ("the images' header"). */
int data_file_exact(struct data_file *file, void *out, size_t len, const char *what, struct err *err);

/* Fails unless nothing is left. */
int data_file_end(struct data_file *file, const char *what, struct err *err);

bool data_file_may_hold(const struct data_file *file, int64_t bytes);

/* "FILE: offset 4 (uncompressed): ..."; returns ERR_BAD. */
int data_file_fail(const struct data_file *file, int64_t offset, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
