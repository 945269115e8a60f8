/* keys_parts: what the files about keys need of each other; nobody else includes it. */
#ifndef HONE_PROTO_KEYS_PARTS_H
#define HONE_PROTO_KEYS_PARTS_H

#include <sys/types.h>

#include "proto/keys.h"

enum { KEY_FILE_MAX_BYTES = 256 };
#define KEY_SECRET "hone-secret-key" /* the first word of a file says which it is */
#define KEY_PUBLIC "hone-public-key"

bool key_text_ok(const char *text);

/* Whoever can write it can let himself in; whoever can read a secret has it. ERR_GONE: it is not there. */
int key_check_mode(const char *path, mode_t forbidden, const char *chmod_to, struct err *err);
int key_make_folder(const char *path, struct err *err);                 /* 0700, also those above */
char *key_path(const char *folder, enum role role, const char *suffix); /* the caller frees */

/* The text behind `word`; leaves no copy of it behind. */
int key_read(const char *path, const char *word, enum role *role, char out[KEY_TEXT], struct err *err);
int key_read_secret(const char *path, enum role *role, struct key_pair *out, struct err *err);
/* Never over one that is there. */
int key_write_new(const char *path, mode_t mode, const char *word, enum role role, const char *key,
                  struct err *err);
int key_write_pair(const char *folder, enum role role, struct key_pair *pair,
                   struct err *err); /* a new one */

#endif
