/* api_parts: what the files of the API share, and nobody else includes. */
#ifndef HONE_WEB_API_PARTS_H
#define HONE_WEB_API_PARTS_H

#include "sql/row_json.h"
#include "web/api.h"

api_call api_studies, api_study, api_trials, api_curves, api_walls, api_events, api_attempts, api_trial,
    api_workers, api_importances;

/* The study of ?name= or ?study=, as it is called; ERR_GONE if there is none. */
int api_named_study(const struct api *api, const struct request *request, const char *arg, const char **out,
                    struct err *err);

/* A cell whose text is JSON, as what it says. */
void api_json(struct jw *w, const char *key, const struct cell *cell);
/* Milliseconds as seconds; NULL is null. */
void api_time(struct jw *w, const char *key, const struct cell *cell);

/* Rows of epoch, value, seconds as {"17": [[1, 0.5, 0.1], …], …}: the rows that follow each other with the same `by`, a
 * number or a text, are one curve. */
void api_put_curves(struct jw *w, const struct rows *rows, const char *by);

/* One study as /api/studies lists it, members of the object that is open; `row` of statement dash_studies. */
void api_study_members(struct jw *w, const struct rows *rows, size_t row);

#endif
