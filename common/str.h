/* str: growable text, always NUL-terminated. The caller's storage: `struct str s = {0}` is an empty one,
 * str_fini frees it, str_take moves the text out (the caller frees it). */
#ifndef HONE_COMMON_STR_H
#define HONE_COMMON_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    char *text; /* NULL while empty; use str_text() to print */
    size_t len;
    size_t room;
};

void str_fini(struct str *str);
void str_clear(struct str *str); /* empties, keeps the memory */
char *str_take(struct str *str); /* never NULL; the str is empty afterwards */
const char *str_text(const struct str *str);

void str_add(struct str *str, const char *text);
void str_addn(struct str *str, const void *bytes, size_t len);
void str_addc(struct str *str, char c);
void str_addf(struct str *str, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A word that a shell reads as this text: 'my study.db', hone.db. For commands that a person is told to type. */
void str_add_word(struct str *str, const char *text);
/* The shortest decimal text that reads back as the same double: 0.1, not 0.10000000000000001.
 * NaN and infinities become `null`, for JSON has neither. */
void str_add_num(struct str *str, double value);
void num_text(double value, char out[32]);

/* Case-insensitive equality and edit distance, for "did you mean". */
bool str_same_nocase(const char *a, const char *b);
int str_distance(const char *a, const char *b);
bool str_starts(const char *text, const char *front);

/* Bytes of the UTF-8 character at `text`, of which `left` bytes are there; 0 if it is none (RFC 3629: no
 * surrogates, nothing over U+10FFFF, no longer form than needed). */
size_t utf8_width(const void *text, size_t left);
size_t utf8_wrong_at(const char *text, size_t len); /* the first byte that is not UTF-8; `len` if all are */

/* Copies into a fixed field; false (and out = "") if it does not fit. */
bool str_copy(char *out, size_t room, const char *text);

/* A name as the study file allows it: [A-Za-z_][A-Za-z0-9_.-]{0,63}. */
bool name_ok(const char *name);

#endif
