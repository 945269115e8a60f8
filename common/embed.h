/* embed: a file of the tree as a text in the executable, ended by NUL. The compiler runs in the root of the tree and the
 * paths are relative to it; the Makefile says which object depends on which files.
 *
 *     EMBED(text_schema, "sql/schema.sql");
 *     extern const char text_schema[];
 */
#ifndef HONE_COMMON_EMBED_H
#define HONE_COMMON_EMBED_H

#define EMBED(symbol, path)                                                                                 \
    __asm__(".pushsection .rodata\n.global " #symbol "\n.hidden " #symbol "\n" #symbol ":\n.incbin \"" path \
            "\"\n.byte 0\n.popsection\n")

#endif
