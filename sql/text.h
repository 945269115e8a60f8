/* text: the cellar's SQL, embedded from schema.sql, views.sql, queries.sql and migrate/ at build time, and its named
 * statements by name. A statement is what stands between one `-- name: x` and the next.
 *
 * Why so: SQL is read, run and changed as SQL, and no .c file holds a statement but pragmas and the generated view
 * of a study. Refuses: a name that queries.sql does not have (our own bug, except through text_statement, which
 * gives NULL). Ownership: everything is constant and lives as long as the process. */
#ifndef HONE_SQL_TEXT_H
#define HONE_SQL_TEXT_H

extern const char text_schema[], text_views[], text_migrate_001[], text_migrate_002[], text_migrate_003[],
    text_migrate_004[], text_migrate_005[];

struct text_statement {
    const char *name;
    const char *sql;
    int bytes;
};

int text_count(void);
const struct text_statement *text_at(int i); /* in the order of their names */
int text_find(const char *name);             /* its index, -1 if there is none */

#endif
