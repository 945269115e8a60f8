/* browser: opens an address that holds a secret. What a program is started with, every user of the machine can read (ps);
 * so the browser is given a file, which only its owner can, and which leads on.
 *
 * Ownership: the caller's storage; browser_forget removes the file. */
#ifndef HONE_CLI_BROWSER_H
#define HONE_CLI_BROWSER_H

struct browser {
    char path[256]; /* "" : none */
};

/* Says so if it cannot, and how to do it by hand. `url` has no character that HTML would change. */
void browser_open(struct browser *browser, const char *url);
void browser_forget(struct browser *browser);

#endif
