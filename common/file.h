/* file: whole files, folders and paths. What is written here is either there whole or not at all: temporary
 * name, fsync, rename, fsync of the folder. Paths are bounded by PATH_MAX and never expanded by a shell. */
#ifndef HONE_COMMON_FILE_H
#define HONE_COMMON_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>

#include "common/err.h"
#include "common/str.h"

/* Appends the file's bytes; refuses one larger than max_bytes. "-" is standard input. */
int file_read(const char *path, size_t max_bytes, struct str *out, struct err *err);
int file_write_whole(const char *path, const void *bytes, size_t len, struct err *err);
bool file_exists(const char *path);
int64_t file_size(const char *path); /* -1: not there */

bool dir_exists(const char *path);
int dir_make(const char *path, struct err *err); /* with parents, mode 0777 less umask */
int dir_sync(const char *path, struct err *err); /* so that a rename in it survives a power cut */
/* The regular files that lie exactly `depth` folders below; names that begin with a dot are passed over. */
void dir_files(const char *path, int depth, void (*visit)(void *arg, const char *path, const struct stat *st),
               void *arg);
bool path_is_checkpoint(const char *path); /* by its name: NAME.ckpt, or half of one (.part, .tmp…) */

/* base/name; an absolute name stands for itself. The caller frees. */
char *path_join(const char *base, const char *name);
char *path_dir(const char *path);                          /* "a/b.json" -> "a", "b.json" -> "." */
const char *path_base(const char *path);                   /* borrowed: "a/b.json" -> "b.json" */
char *path_absolute(const char *path);                     /* against the current folder; need not exist */
bool path_is_inside(const char *path, const char *folder); /* by its text, after removing . and .. */
bool path_climbs(const char *path);                        /* one of its parts is .. */

/* Type of the file system under a path, by its line in the text of /proc/self/mountinfo: "ext4", "nfs4". */
void fs_type_of(const char *mountinfo, const char *absolute_path, char out[64]);
/* Locks and shared memory of SQLite are not to be trusted on these (sqlite.org/howtocorrupt.html 2.1). */
bool fs_is_network(const char *fs_type);

#endif
