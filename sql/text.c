#include "sql/text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/embed.h"
#include "common/mem.h"

EMBED(text_schema, "sql/schema.sql");
EMBED(text_views, "sql/views.sql");
EMBED(text_queries, "sql/queries.sql");
EMBED(text_migrate_001, "sql/migrate/001.sql");
EMBED(text_migrate_002, "sql/migrate/002.sql");
EMBED(text_migrate_003, "sql/migrate/003.sql");
EMBED(text_migrate_004, "sql/migrate/004.sql");
EMBED(text_migrate_005, "sql/migrate/005.sql");
extern const char text_queries[];

enum { STATEMENTS_MAX = 192 };

static const char mark[] = "\n-- name: ";
static struct text_statement statements[STATEMENTS_MAX];
static int statement_count;
static pthread_once_t parsed = PTHREAD_ONCE_INIT;

static int by_name(const void *a, const void *b)
{
    const struct text_statement *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Names live as long as the process; the statements point into the embedded text. */
static void parse(void)
{
    const char *at = strstr(text_queries, mark);
    while (at) {
        const char *name = at + sizeof mark - 1;
        const char *sql = name + strcspn(name, "\n");
        const char *next = strstr(sql, mark);
        PRE(statement_count < STATEMENTS_MAX);
        statements[statement_count++] = (struct text_statement){
            .name = xstrndup(name, (size_t)(sql - name)),
            .sql = sql,
            .bytes = (int)(next ? (size_t)(next - sql) : strlen(sql)),
        };
        at = next;
    }
    qsort(statements, (size_t)statement_count, sizeof statements[0], by_name);
    for (int i = 1; i < statement_count; i++)
        PRE(strcmp(statements[i - 1].name, statements[i].name) != 0);
}

int text_count(void)
{
    pthread_once(&parsed, parse);
    return statement_count;
}

const struct text_statement *text_at(int i)
{
    PRE(i >= 0 && i < text_count());
    return &statements[i];
}

int text_find(const char *name)
{
    struct text_statement wanted = {.name = name};
    const struct text_statement *found =
        bsearch(&wanted, statements, (size_t)text_count(), sizeof statements[0], by_name);
    return found ? (int)(found - statements) : -1;
}
