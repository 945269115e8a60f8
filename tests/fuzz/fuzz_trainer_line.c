/* Random bytes as a line of a trainer: taken or refused with a sentence, never more than the bounds allow; and a report that
 * is taken makes a REPORT that a master can read, for one it cannot read ends the worker. */
#include <stdint.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/file.h"
#include "proto/message.h"
#include "worker/trainer_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_on(const struct trainer_line *line)
{
    struct msg msg = {.kind = MSG_report}, back;
    struct str head = {0}, body = {0};
    struct err err = ERR_NONE;
    str_copy(msg.report.study, sizeof msg.report.study, "s");
    str_copy(msg.report.token, sizeof msg.report.token, "t");
    msg.report.seq = msg.report.trial = msg.report.attempt = 1;
    msg.report.epoch = line->epoch;
    msg.report.metrics = json_new_object();
    for (const struct json *m = json_first(line->tree); m; m = json_next(m))
        if (trainer_key_is_metric(json_key(m)))
            json_put(msg.report.metrics, json_key(m), m);
    if (line->checkpoint) {
        msg.report.checkpoint = json_new_object();
        json_put_text(msg.report.checkpoint, "path", line->checkpoint);
    }
    msg.report.findings = line->findings ? json_clone(line->findings) : NULL;
    msg_encode(&msg, &head, &body);
    POST(body.len <= MSG_MAX_BYTES);
    POST(msg_decode(head.text, head.len, body.text, body.len, &back, &err) == 0);
    msg_fini(&back);
    msg_fini(&msg);
    str_fini(&head);
    str_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trainer_line line;
    struct err err = ERR_NONE;
    if (trainer_line_parse((const char *)data, size, &line, &err)) {
        POST(err.code == ERR_PROTO && err.text[0]);
        return 0;
    }
    POST(line.tree && line.says <= TRAINER_RESULT);
    if (line.says == TRAINER_REPORT && line.checkpoint)
        POST(line.checkpoint[0] != '/' && !path_climbs(line.checkpoint)); /* stays in its folder */
    if (line.says == TRAINER_REPORT)
        send_on(&line);
    trainer_line_fini(&line);
    return 0;
}
